"""Where a path can be: the counts of (Y, X) pairs it has seen, or the whole path, and the bound at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from genbound.errors import DataError, domain_error

Bound = Callable[[np.ndarray, np.ndarray | None], float]
"""A bound to be judged: (losses (n,), predictions (n,) or None) -> a number of nats per token."""

Side = Literal["upper", "lower"]
LARGEST = 400_000
"""Terminal states a search may have: beyond, memory and time run away."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """States by layer, how (Y, X) moves between them, and what R must exceed at the end.

    For side "lower" everything is reflected, x -> ceiling - x, so that there is one direction to search in.

    Attributes:
        n: number of tokens.
        values: the outcomes as exact rationals (reflected for side "lower"), K of them.
        children: per layer k < n an int array (states_k, P, K): the state after prediction y and outcome x.
        limits: n times the bound at every terminal state (reflected likewise), exact; +-inf as floats.
    """

    n: int
    values: tuple[Fraction, ...]
    children: tuple[np.ndarray, ...]
    limits: tuple[Fraction | float, ...]


def build(bound: Bound, outcomes: Sequence[float], predictions: Sequence[float | None], n: int, ceiling: float,
          side: Side, order_free: bool) -> Lattice:  # fmt: skip
    """Enumerate the states and call `bound` once at each terminal one.

    Raises:
        DomainError: n, outcomes, predictions, ceiling or side that make no sense, or too many states.
        DataError: a bound that returns NaN or no number.
    """
    check(outcomes, predictions, n, ceiling, side)
    pairs = len(outcomes) * len(predictions)
    count = math.comb(n + pairs - 1, n) if order_free else pairs**n
    if count > LARGEST:
        raise domain_error("n", n, f"at most {LARGEST} terminal states (these would be {count})", "size of the search")
    children, last = _counts(pairs, n) if order_free else _paths(pairs, n)
    shaped = tuple(layer.reshape(-1, len(predictions), len(outcomes)) for layer in children)
    limits = tuple(_limit(bound, path, outcomes, predictions, ceiling, side) for path in last)
    top = Fraction(ceiling)
    values = tuple(Fraction(x) if side == "upper" else top - Fraction(x) for x in outcomes)
    return Lattice(n, values, shaped, limits)


def check(outcomes: Sequence[float], predictions: Sequence[float | None], n: int, ceiling: float,
          side: Side) -> None:  # fmt: skip
    """Refuse arguments outside the domain of `worst_case`."""
    if not (math.isfinite(ceiling) and ceiling > 0):
        raise domain_error("ceiling", ceiling, "0 < ceiling < inf", "nats per token")
    if n < 1:
        raise domain_error("n", n, "n >= 1", "number of tokens")
    if len(outcomes) < 2 or len(set(outcomes)) < len(outcomes) or not all(0 <= x <= ceiling for x in outcomes):
        raise domain_error("outcomes", tuple(outcomes), "two or more distinct values in [0, ceiling]", "losses")
    if not predictions or len(set(predictions)) < len(predictions):
        raise domain_error("predictions", tuple(predictions), "one or more distinct values", "choices of Y")
    if len(predictions) > 1 and None in predictions:
        raise domain_error("predictions", tuple(predictions), "numbers, or None alone", "choices of Y")
    if not all(y is None or math.isfinite(y) for y in predictions):
        raise domain_error("predictions", tuple(predictions), "finite numbers", "choices of Y")
    if side not in ("upper", "lower"):
        raise domain_error("side", side, "'upper' or 'lower'", "which way the bound can fail")


def _counts(pairs: int, n: int) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    states: list[tuple[int, ...]] = [(0,) * pairs]
    children = []
    for _ in range(n):
        index: dict[tuple[int, ...], int] = {}
        table = np.empty((len(states), pairs), dtype=np.int64)
        for row, state in enumerate(states):
            for pair in range(pairs):
                after = (*state[:pair], state[pair] + 1, *state[pair + 1 :])
                table[row, pair] = index.setdefault(after, len(index))
        children.append(table)
        states = list(index)
    return children, [tuple(p for p, many in enumerate(state) for _ in range(many)) for state in states]


def _paths(pairs: int, n: int) -> tuple[list[np.ndarray], list[tuple[int, ...]]]:
    children = [np.arange(pairs ** (k + 1)).reshape(-1, pairs) for k in range(n)]
    digits = np.indices((pairs,) * n).reshape(n, -1).T if n > 0 else np.zeros((1, 0), dtype=np.int64)
    return children, [tuple(path) for path in digits.tolist()]


def _limit(bound: Bound, path: tuple[int, ...], outcomes: Sequence[float], predictions: Sequence[float | None],
           ceiling: float, side: Side) -> Fraction | float:  # fmt: skip
    losses = np.array([outcomes[pair % len(outcomes)] for pair in path], dtype=np.float64)
    centres = [predictions[pair // len(outcomes)] for pair in path]
    value = evaluate(bound, losses, None if None in centres else np.array(centres, dtype=np.float64))
    if math.isinf(value):
        return value if side == "upper" else -value
    exact = Fraction(value) if side == "upper" else Fraction(ceiling) - Fraction(value)
    return len(path) * exact


def evaluate(bound: Bound, losses: np.ndarray, predictions: np.ndarray | None) -> float:
    """The bound on one path as a float; NaN is refused.

    >>> evaluate(lambda x, y: x.mean(), np.array([0.0, 1.0]), None)
    0.5
    """
    value = float(bound(losses, predictions))
    if math.isnan(value):
        seen = "" if predictions is None else f", predictions {predictions.tolist()}"
        raise DataError(f"bound={value!r}: need a number (at losses {losses.tolist()}{seen})")
    return value
