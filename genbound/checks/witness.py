"""What refutes a claim, as data: arguments written so that JSON gives them back unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

NOT_A_WITNESS = "witness: not one of {engine}'s, or not of this kind of claim"


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a bound as JSON-ready numbers and lists (floats keep every bit).

    >>> arguments({"losses": np.array([0.5, 1.0]), "ceiling": np.float64(1.0)})
    {'losses': [0.5, 1.0], 'ceiling': 1.0}
    """
    return {name: _plain(value) for name, value in given.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return arguments(asdict(value))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return arguments(value)
    return value


def restored(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a stream again: lists become arrays.

    >>> restored(arguments({"losses": np.array([0.5, 1.0])}))["losses"]
    array([0.5, 1. ])
    """
    return {name: np.array(value) if isinstance(value, list) else value for name, value in given.items()}
