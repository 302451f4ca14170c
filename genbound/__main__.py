"""`python -m genbound`."""

from genbound.cli import main

if __name__ == "__main__":
    main()
