"""Where a certificate was made: recorded, and never part of the statement."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import genbound

_PACKAGES = ("numpy", "python-flint", "torch", "transformers", "constriction")


def environment(*, device: str, dtype: str) -> dict[str, Any]:
    """Versions and device, without anything that names the machine or the moment."""
    versions = {"python": platform.python_version(), "genbound": genbound.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"device": device, "dtype": dtype, "machine": platform.machine(), "versions": versions}
