"""One function of a card on one finite family: its ends on every path, and a bracket of how often they miss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from genbound.certified import ball, down, precision, up
from genbound.claims.calls import call, values_of
from genbound.concentration.result import Side
from genbound.errors import DataError
from genbound.processes.adversary import worst_case
from genbound.processes.lattice import Side as End
from genbound.processes.paths import Dependence
from genbound.processes.strategy import Layer, Strategy

_ENDS: tuple[End, ...] = ("upper", "lower")
_SILENT: dict[str, float] = {"upper": math.inf, "lower": -math.inf}


@dataclass(frozen=True)
class Family:
    """All processes with these losses and these predictable centres, ceiling 1; n tokens, one delta."""

    outcomes: tuple[float, ...]
    predictions: tuple[float, ...]
    n: int
    delta: float

    def __str__(self) -> str:
        losses, centres = (", ".join(f"{x:g}" for x in xs) for xs in (self.outcomes, self.predictions))
        return f"X in {{{losses}}}, Y in {{{centres}}}, n = {self.n}, delta = {self.delta:g}"


@dataclass(frozen=True)
class Bracket:
    """low <= sup P(miss) <= high; `strategy` attains low.

    `side` says which end it misses; "both" for an interval, and then the risk is `mean` on every path.
    """

    low: float
    high: float
    strategy: Strategy
    side: str
    mean: Fraction | None = None


class OnPaths:
    """A function of a card on the paths of one family, called once for each."""

    def __init__(self, function: Callable[..., Any], side: Side, family: Family) -> None:
        self.function, self.family = function, family
        self.side: Side = side
        self.nats = -math.log(family.delta)
        self.refused = ""
        self._seen: dict[tuple[bytes, bytes], dict[str, float]] = {}

    def delta(self) -> tuple[float, float]:
        """e^-nats rounded down and up."""
        with precision():
            delta = (-ball(self.nats)).exp()
        return down(delta), up(delta)

    def ends(self, losses: np.ndarray, predictions: np.ndarray | None) -> dict[str, float]:
        """{"upper": the smallest upper end, "lower": the largest lower end}, those the function returned.

        A function that raises a ValueError or an ArithmeticError returns none: it makes no statement on this path.
        """
        y = np.full(losses.size, self.family.predictions[0]) if predictions is None else predictions
        key = losses.tobytes(), y.tobytes()
        if key not in self._seen:
            self._seen[key] = self._call(losses, y)
        return self._seen[key]

    def _call(self, losses: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        found: dict[str, float] = {}
        try:
            for value, side in values_of(call(self.function, self._given(losses, predictions)), self.side):
                if math.isnan(value):
                    raise DataError(f"bound returned nan at losses {losses.tolist()}")
                tighter = min if side == "upper" else max
                found[side] = tighter(found.get(side, value), value)
        except (ValueError, ArithmeticError) as error:  # DomainError and DataError are ValueErrors
            self.refused = f"{type(error).__name__}: {error}"
            return {}
        return found

    def end(self, side: End, slack: float = 0.0) -> Callable[..., float]:
        """(losses, predictions) -> that end, moved outward by `slack`; an end it did not return says nothing."""
        outward = slack if side == "upper" else -slack
        return lambda losses, predictions: self.ends(losses, predictions).get(side, _SILENT[side]) + outward

    def sides(self) -> list[End]:
        """Which ends it returns."""
        outcomes, n = self.family.outcomes, self.family.n
        samples = [np.resize(outcomes, n), *(np.full(n, x) for x in outcomes)]
        ends = {side for losses in samples for side in self.ends(losses, None)}
        return [side for side in _ENDS if side in ends]

    def order_free(self) -> bool:
        """Whether a few permutations of tokens leave it alone."""
        n, rng = self.family.n, np.random.default_rng(0)
        samples = [(np.resize(self.family.outcomes, n), np.resize(self.family.predictions, n))]
        samples += [(rng.choice(self.family.outcomes, n), rng.choice(self.family.predictions, n)) for _ in range(4)]
        orders = (np.arange(n)[::-1], np.roll(np.arange(n), 1), rng.permutation(n))
        for (losses, centres), order in product(samples, orders):
            before, after = self.ends(losses, centres), self.ends(losses[order], centres[order])
            if before.keys() != after.keys() or not all(_same(before[side], after[side]) for side in before):
                return False
        return True

    def outside(self, mean: Fraction) -> Callable[..., float]:
        """-inf where the ends miss this risk, else inf: P(0 > it) is then the probability of a miss."""

        def judged(losses: np.ndarray, predictions: np.ndarray | None) -> float:
            ends = self.ends(losses, predictions)
            upper, lower = (_exact(ends.get(side, _SILENT[side])) for side in ("upper", "lower"))
            return -math.inf if mean > upper or mean < lower else math.inf

        return judged

    def _given(self, losses: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        return {
            "losses": losses,
            "predictions": predictions,
            "ceiling": 1.0,
            "prediction_floor": min(self.family.predictions),
            "prediction_ceiling": max(self.family.predictions),
            "loss_floor": 0.0,
            "log_inv_delta": self.nats,
        }


def _same(x: float, y: float) -> bool:
    return x == y or abs(x - y) <= 1e-12


def _exact(value: float) -> Fraction | float:
    return Fraction(value) if math.isfinite(value) else value


def bracket(bound: OnPaths, dependence: Dependence, grid: int, order_free: bool, slack: float = 0.0) -> Bracket:
    """The worst end of the bound moved outward by `slack`; of an interval, its two ends together.

    For an interval high is the sum over the two ends, and low tries coins as well as the worst process of each end.
    """
    family, found, high = bound.family, [], 0.0
    for side in bound.sides():
        worst = worst_case(
            bound.end(side, slack), outcomes=family.outcomes, n=family.n, grid=grid, predictions=family.predictions,
            dependence=dependence, side=side, order_free=order_free,
        )  # fmt: skip
        found.append(Bracket(worst.low, 1.0, worst.strategy, side))
        high += worst.high
    if len(found) > 1 and not slack:
        found.append(_best_coin(bound))
    return replace(max(found, key=lambda each: each.low), high=min(high, 1.0))


def miss_probability(bound: OnPaths, found: Bracket, order_free: bool) -> Fraction:
    """The exact probability that the strategy of the bracket makes the bound miss, played forward."""
    if found.mean is not None:
        return found.strategy.replay(bound.outside(found.mean), "upper", order_free)
    side: End = "upper" if found.side == "upper" else "lower"
    return found.strategy.replay(bound.end(side), side, order_free)


def _best_coin(bound: OnPaths) -> Bracket:
    """The IID law on the two extreme outcomes, in 24ths, that misses an interval most often."""
    coins = [_coin(bound, Fraction(j, 24)) for j in range(25)]
    return max(coins, key=lambda each: each.low)


def _coin(bound: OnPaths, weight: Fraction) -> Bracket:
    family = bound.family
    bottom, top = family.outcomes[0], family.outcomes[-1]
    mean = Fraction(bottom) + weight * (Fraction(top) - Fraction(bottom))
    between = len(family.outcomes) - 2
    law = (1 - weight, *(Fraction(0) for _ in range(between)), weight)
    layers = tuple(
        Layer((0,) * (k + 1), (law,) * (k + 1), tuple((i, *(-1 for _ in range(between)), i + 1) for i in range(k + 1)))
        for k in range(family.n)
    )
    outside = bound.outside(mean)
    violates = tuple(outside(np.repeat([bottom, top], [family.n - i, i]), None) < 0 for i in range(family.n + 1))
    strategy = Strategy(family.outcomes, family.predictions, 1.0, layers, violates)
    return Bracket(down(strategy.violation_probability()), 1.0, strategy, "both", mean)
