"""The command line: `genbound certify`, `verify`, `bound`, `demo`, `ladder`, `claims`, `check`. One file per command."""

from __future__ import annotations

from genbound.cli.app import main

__all__ = ["main"]
