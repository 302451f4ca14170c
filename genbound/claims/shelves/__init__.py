"""The cards, one file per theme."""
