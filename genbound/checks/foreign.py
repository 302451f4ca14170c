"""A function somebody else wrote, as the checks call it: in its own units, on copies, whatever it raises."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from genbound.claims.calls import call
from genbound.concentration.result import BoundResult
from genbound.errors import DomainError, GenboundError, domain_error

MAY_ASK = (
    "losses", "predictions", "ceiling", "prediction_floor", "prediction_ceiling", "loss_floor",
    "log_inv_delta", "delta",
)  # fmt: skip
"""What a bound may name: X (n,), Y (n,), B, constants around Y, 0, ln(1/delta) in nats, delta."""

_IN_NATS = frozenset(MAY_ASK[:6])
_RAISES = (Exception, SystemExit)
"""A function of somebody else's may raise anything, and must not choose the exit code of the check."""


def as_bound(function: Callable[..., Any], ceiling: float | None = None) -> Callable[..., Any]:
    """The function as the checks call it: what it raises becomes a DomainError, a built-in range is rescaled.

    >>> as_bound(lambda x: x.max())(losses=np.array([2.0, 3.0]), ceiling=4.0)
    3.0
    """
    asked = _asked(function)
    scaled = ceiling is not None or "ceiling" not in asked
    offered = [name for name in MAY_ASK if name in asked or name in ("losses", "ceiling")]

    def bound(**given: Any) -> Any:
        if given.get("delta", 1.0) < sys.float_info.min * 2**20:
            raise domain_error("delta", given["delta"], "a delta that floats hold; ask for log_inv_delta", "too small")
        factor = (ceiling or 1.0) / float(given["ceiling"]) if scaled else 1.0
        # the function may write into its arrays: the draw it is judged on stays as it was
        changed = {name: np.copy(value) if np.ndim(value) else value for name, value in given.items()}
        changed = {name: value * factor if name in _IN_NATS else value for name, value in changed.items()}
        if scaled:
            changed["ceiling"] = ceiling or 1.0
            changed["losses"] = np.minimum(changed["losses"], changed["ceiling"])  # rounding may pass the ceiling
        try:
            return _times(call(function, changed), 1.0 / factor)
        except _RAISES as error:
            if isinstance(error, GenboundError):
                raise
            raise domain_error("bound", name_of(function), "a number for any losses in the range",
                               f"raised {type(error).__name__}: {' '.join(str(error).split())}") from error  # fmt: skip

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in offered]
    bound.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    bound.__name__ = bound.__qualname__ = getattr(function, "__name__", "bound")
    return bound


def name_of(function: Callable[..., Any]) -> str:
    """`module:name`; for what is no plain function, words that say so.

    >>> import math
    >>> name_of(math.sqrt), name_of(partial(math.sqrt, 2.0))
    ('math:sqrt', 'math:sqrt(...)')
    """
    if isinstance(function, partial):
        return f"{name_of(function.func)}(...)"
    if not hasattr(function, "__qualname__"):
        return f"{type(function).__module__}:{type(function).__qualname__}()"
    return f"{function.__module__}:{function.__qualname__}"


def _asked(function: Callable[..., Any]) -> set[str]:
    """The names of its parameters.

    Raises:
        DomainError: it has none, or none that can be known.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise DomainError(f"{name_of(function)}: its parameters cannot be read ({error}); wrap it in a def") from error
    named = {each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}
    if not named:
        raise DomainError(f"{name_of(function)}: need a named parameter that gets the losses")
    return named


def _times(result: Any, factor: float) -> Any:
    """What a bound returned, in other units."""
    if factor == 1.0:
        return result
    if isinstance(result, BoundResult):
        return replace(result, value=result.value * factor)
    if isinstance(result, tuple):
        return tuple(_times(part, factor) for part in result)
    if isinstance(result, list):
        return [_times(part, factor) for part in result]
    return np.asarray(result, dtype=np.float64) * factor if np.ndim(result) else float(result) * factor
