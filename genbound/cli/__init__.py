"""The command line: `genbound certify`, `verify`, `bound`, `demo`, `ladder`, `claims`, `check`; a file each."""

from __future__ import annotations

from genbound.cli.app import main

__all__ = ["main"]
