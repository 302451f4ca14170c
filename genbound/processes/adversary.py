"""The exact worst case of any bound over the processes on finitely many outcomes (THEORY 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from genbound.certified import down
from genbound.errors import domain_error
from genbound.processes.backward import (
    Move,
    candidate_means,
    chords,
    extract,
    generous_moves,
    honest_moves,
    solve,
    thresholds,
)
from genbound.processes.lattice import Bound, Lattice, Side, build
from genbound.processes.paths import Dependence
from genbound.processes.product_laws import PATHS, best_iid, best_independent, unroll
from genbound.processes.strategy import Layer, Strategy

Found = tuple[tuple[Layer, ...], tuple[bool, ...]]


@dataclass(frozen=True)
class WorstCase:
    """low <= sup P(R > bound) <= high, the supremum over all processes of the kind on these outcomes.

    Attributes:
        low: attained by `strategy` (its exact probability rounded down).
        high: rounded up. For "iid" and "independent" it is the value of a wider class: see `note`.
        strategy: replayable, exact.
        n, side, dependence, note: what was asked, and how the two ends were found.
    """

    low: float
    high: float
    strategy: Strategy
    n: int
    side: Side
    dependence: Dependence
    note: str

    def __str__(self) -> str:
        sign = ">" if self.side == "upper" else "<"
        return f"P(R {sign} bound) in [{self.low:.6g}, {self.high:.6g}], n = {self.n}, {self.dependence}: {self.note}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the strategy included."""
        fields = ("low", "high", "n", "side", "dependence", "note")
        return {**{name: getattr(self, name) for name in fields}, "strategy": self.strategy.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> WorstCase:
        """The result `to_dict` wrote."""
        return cls(**{**data, "strategy": Strategy.from_dict(data["strategy"])})


def worst_case(bound: Bound, *, outcomes: Sequence[float], n: int, grid: int = 200, ceiling: float = 1.0,
               predictions: Sequence[float | None] = (None,), dependence: Dependence = "adapted",
               side: Side = "upper", order_free: bool = True) -> WorstCase:  # fmt: skip
    """The largest probability that R > bound(X, Y) (for side "lower": R < bound), bracketed.

    Source: THEORY 7, derived here. Backward induction on (counts of (Y, X) pairs, running sum of m_k); the
    bracket of "adapted" shrinks as n/grid. Every comparison of R with the bound is strict and exact.

    Args:
        bound: called once per count vector as bound(losses (n,), predictions (n,) or None), nats per token.
        outcomes: what X may be, nats, in [0, ceiling].
        n: number of tokens.
        grid: cells of the running sum per `ceiling`; outcomes on that grid give the tightest bracket.
        ceiling: B, nats.
        predictions: what the adversary may announce as Y before each token; (None,): the bound takes none.
        dependence: "adapted" (any process), "constant_mean", "independent" or "iid".
        side: "upper" or "lower".
        order_free: False for a bound that reads the order of the tokens (then every path is a state).

    Returns:
        WorstCase.

    Raises:
        DomainError: arguments outside the domain above, or a search too large.
        DataError: a bound that returns NaN.

    >>> import math
    >>> def half_range_azuma(losses, predictions):
    ...     return losses.mean() + 0.5 * math.sqrt(math.log(1 / 0.3) / (2 * losses.size))
    >>> found = worst_case(half_range_azuma, outcomes=(0.0, 1.0), n=4)
    >>> found.low > 0.3, found.strategy.replay(half_range_azuma) == found.strategy.violation_probability()
    (True, True)
    """
    if grid < 1:
        raise domain_error("grid", grid, "grid >= 1", "cells of the running sum per ceiling")
    lattice = build(bound, outcomes, predictions, n, ceiling, side, order_free)
    step = Fraction(ceiling) / grid
    if dependence == "adapted":
        found, high = _adapted(lattice, step)
        note = f"backward induction, the sum of m_k in steps of {ceiling!r}/{grid}"
    elif dependence == "constant_mean":
        found, high = _constant_mean(lattice, step)
        note = "backward induction at every constant mean of a grid and just past every value of the bound"
    elif dependence == "iid":
        found, high = unroll(lattice, [best_iid(lattice)] * n), _constant_mean(lattice, step)[1]
        note = "low: search over laws; high: that of constant_mean"
    elif dependence == "independent":
        if len(predictions) > 1 or len(outcomes) ** n > PATHS:
            raise domain_error("n", n, f"one prediction and at most {PATHS} paths", "search over product laws")
        found, high = unroll(lattice, best_independent(lattice, best_iid(lattice))), _upper(lattice, step)
        note = "low: coordinate ascent over product laws; high: that of adapted"
    else:
        raise domain_error("dependence", dependence, "adapted, constant_mean, independent or iid", "kind of process")
    strategy = Strategy(tuple(map(float, outcomes)), tuple(predictions), float(ceiling), *found)
    return WorstCase(down(strategy.violation_probability()), high, strategy, n, side, dependence, note)


def _adapted(lattice: Lattice, step: Fraction) -> tuple[Found, float]:
    moves = honest_moves(lattice.values, step)
    need = thresholds(lattice, step, lattice.n * max(move.step for move in moves))
    return extract(lattice, moves, need, solve(lattice, moves, need)), _upper(lattice, step)


def _upper(lattice: Lattice, step: Fraction) -> float:
    moves = generous_moves(lattice.values, step)
    need = thresholds(lattice, step, lattice.n * max(move.step for move in moves))
    return _outward(float(solve(lattice, moves, need)[0][0, 0]), lattice.n)


def _constant_mean(lattice: Lattice, step: Fraction) -> tuple[Found, float]:
    """One game per mean m, the sum being n m; between neighbouring means the laws of both ends, the sum of the top."""
    values, n = lattice.values, lattice.n
    low, high = min(values), max(values)
    atoms = {Fraction(limit) / n for limit in lattice.limits if not isinstance(limit, float)}
    means = {*candidate_means(values, step), *atoms, *(a + step / 10**6 for a in atoms)}
    ordered = sorted(m for m in means if low <= m <= high)
    top, widest, best = -1.0, 0.0, None
    for before, mean in zip([ordered[0], *ordered], ordered, strict=False):
        need = _fails(lattice, n * mean)
        move = Move(0, chords(values, mean))
        layers = solve(lattice, [move], need)
        value = float(layers[0][0, 0])
        if value > top:
            top, best = value, (move, need, layers)
        cell = Move(0, chords(values, before) + chords(values, mean))
        widest = max(widest, float(solve(lattice, [cell], need)[0][0, 0]))
    assert best is not None
    move, need, layers = best
    return extract(lattice, [move], need, layers), _outward(widest, n)


def _fails(lattice: Lattice, total: Fraction) -> np.ndarray:
    """The `need` of a game whose sum is known: 0 where the bound is violated, 1 (never reached) elsewhere."""
    return np.array([0 if total > limit else 1 for limit in lattice.limits], dtype=np.int64)


def _outward(value: float, n: int) -> float:
    return min(1.0, value + n * 2.0**-50)
