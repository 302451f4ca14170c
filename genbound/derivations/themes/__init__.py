"""The derivations themselves, one file per theme: `CHAINS`, and `MISTAKES` that the checks must refute."""
