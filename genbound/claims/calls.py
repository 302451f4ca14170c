"""How a check calls a bound it has never seen: by the names of its arguments, and whatever it returns."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from genbound.concentration.result import BoundResult, Side
from genbound.errors import DomainError

_FIRST = "losses"


@lru_cache(maxsize=4096)
def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """(names passed by keyword, required names among them, whether the first is positional-only data)."""
    parameters = list(inspect.signature(function).parameters.values())
    kinds = inspect.Parameter
    named = [p for p in parameters if p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)]
    required = tuple(p.name for p in named if p.default is kinds.empty)
    return tuple(p.name for p in named), required, bool(named) and named[0].kind is kinds.POSITIONAL_ONLY


def call(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """`function` called with those of the given arguments that its signature names.

    The first parameter may have any name when it is the only required one that is not given: it gets the losses.
    `delta` = e^-log_inv_delta is offered too.

    Raises:
        DomainError: a required argument that a bound on these data cannot need.

    >>> call(lambda losses, *, ceiling: sum(losses) + ceiling, {"losses": [1.0, 2.0], "ceiling": 4.0, "n": 2})
    7.0
    """
    names, required, positional = _parameters(function)
    offered = dict(given)
    if "log_inv_delta" in given and "delta" in names:
        offered["delta"] = math.exp(-float(given["log_inv_delta"]))
    unknown = [name for name in required if name not in offered]
    leading: tuple[Any, ...] = ()
    if (unknown == [names[0]] or positional) and _FIRST in offered:
        leading, unknown = (offered[_FIRST],), [name for name in unknown if name != names[0]]
    if unknown:
        raise DomainError(
            f"{getattr(function, '__name__', function)!s}: cannot be given {', '.join(unknown)}; a bound may ask for "
            f"{', '.join(sorted({*offered, 'delta'}))}"
        )
    rest = names[1:] if leading else names
    return function(*leading, **{name: offered[name] for name in rest if name in offered})


def values_of(result: Any, side: Side) -> list[tuple[float, Side]]:
    """What a returned object claims: a number, a BoundResult, a (lower, upper) pair, or a sequence of bounds.

    >>> values_of((0.1, 0.4), "upper")
    [(0.1, 'lower'), (0.4, 'upper')]
    """
    if isinstance(result, BoundResult):
        return [(result.value, result.side)]
    if isinstance(result, tuple) and len(result) == 2 and all(np.ndim(end) == 0 for end in result):
        return [(_number(result[0]), "lower"), (_number(result[1]), "upper")]
    if isinstance(result, list) or (isinstance(result, np.ndarray) and result.ndim):
        return [pair for item in result for pair in values_of(item, side)]
    return [(_number(result), side)]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise DomainError(f"bound returned {value!r}: need a number, (lower, upper), or a BoundResult") from error
