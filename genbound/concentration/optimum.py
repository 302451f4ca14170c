"""The best shift to as many digits as you like: what the grids are measured against.

F(D) = mean Y + D - e^{-C} GM(D + Y - X) is convex, with F'(D) = 1 - e^{-C} GM(D + W) mean 1/(D + W), W = Y - X. The
sign of F' is decided in ball arithmetic, so the bracket of the minimiser is proved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, down, precision, up
from genbound.concentration.observed import SMALL
from genbound.concentration.streams import check_stream
from genbound.errors import DomainError, domain_error


@dataclass(frozen=True)
class Optimum:
    """The minimum of F over D >= the range of X - Y.

    Attributes:
        shift: the minimiser D*, a ball.
        value: F(D*), nats per token, a ball; what it would be were D* known beforehand. NOT a bound: D* saw the data.
        digits: decimal digits of both that are certain.
    """

    shift: arb
    value: arb
    digits: int

    def __str__(self) -> str:
        return f"D* = {self.shift.str(self.digits, radius=False)}, F(D*) = {self.value.str(self.digits, radius=False)}"


def best_shift(losses: Any, predictions: Any = None, *, ceiling: float, prediction_floor: float = 0.0,
               complexity: float | arb, digits: int = 50) -> Optimum:  # fmt: skip
    """argmin and min over D >= ceiling - prediction_floor of mean Y + D - e^{-C} GM(D + Y - X).

    Source: derived here (THEORY 1: F is convex in D).

    Args:
        losses, predictions, ceiling, prediction_floor: as in `geometric_mean`; at most 8192 losses.
        complexity: C > 0, nats per token, whatever is paid included.
        digits: decimal digits wanted.

    Raises:
        DomainError, DataError: C <= 0, too many losses, data outside their range.

    >>> best = best_shift([0.0, 1.0, 0.0, 0.0], ceiling=1.0, complexity=0.1, digits=20)
    >>> print(best)
    D* = 1.6138121960935366409, F(D*) = 0.46706107050576632122
    """
    x, y = check_stream(losses, predictions, float(ceiling), float(prediction_floor))
    if x.size > SMALL:
        raise domain_error("n", x.size, f"n <= {SMALL}", "every digit is computed for every loss")
    if digits < 1:
        raise domain_error("digits", digits, "digits >= 1", "decimal digits")
    with precision(64 + 4 * digits):
        c = ball(complexity)
        if not c > 0:
            raise domain_error("C", complexity, "C > 0", "at C = 0 every larger shift is better")
        pairs = zip(*(side.tolist() for side in np.broadcast_arrays(x, y)), strict=True)
        bets = [arb(above) - arb(below) for below, above in pairs]
        least = ball(float(ceiling)) - ball(float(prediction_floor))
        low, high = _bracket(bets, c, least, digits)
        shift = low.union(high)
        mean = sum((arb(value) for value in y.tolist()), arb(0)) / y.size
        # F is convex and D* lies in [low, high]: F(low) + F'(low) (D* - low) <= F(D*) <= min of both ends
        ends = [_value(bets, mean, c, d) for d in (low, high)]
        slope = _slope(bets, c, low)
        floor = ends[0] + arb.min(slope * (high - low), arb(0)) if slope.is_finite() else ends[0]
        return Optimum(shift, floor.union(arb.min(*ends)), digits)


def _bracket(bets: list[arb], c: arb, least: arb, digits: int) -> tuple[arb, arb]:
    """least <= low <= D* <= high, 10^-(digits + 2) of each other; F' < 0 < F' at the ends, unless D* = least."""
    if not all(least + bet > 0 for bet in bets):
        low = least  # a factor is zero: GM = 0 and F' = 1 - inf there
    elif not _slope(bets, c, least) < 0:
        return least, least
    else:
        low = least
    high = 2 * least
    while not _slope(bets, c, high) > 0:
        high *= 2
        if high > least * arb(2) ** 1000:
            raise DomainError(f"C={float(c)!r}: need a C that tells D from infinity")
    while not (high - low) < low * arb(10) ** -(digits + 2):
        middle = ((low + high) / 2).mid()
        slope = _slope(bets, c, middle)
        if slope > 0:
            high = middle
        elif slope < 0:
            low = middle
        else:
            break  # the minimiser is closer to `middle` than the precision can tell
    return low, high


def _slope(bets: list[arb], c: arb, d: arb) -> arb:
    factors = [d + bet for bet in bets]
    mean_log = sum((factor.log() for factor in factors), arb(0)) / len(factors)
    mean_inverse = sum((1 / factor for factor in factors), arb(0)) / len(factors)
    return 1 - (mean_log - c).exp() * mean_inverse


def _value(bets: list[arb], mean: arb, c: arb, d: arb) -> arb:
    factors = [d + bet for bet in bets]
    if not all(factor > 0 for factor in factors):
        return mean + d
    return mean + d - (sum((factor.log() for factor in factors), arb(0)) / len(factors) - c).exp()


def excess(value: float, optimum: Optimum) -> tuple[float, float]:
    """(lower, upper) limits of value - F(D*), nats per token."""
    with precision():
        return down(ball(value) - optimum.value), up(ball(value) - optimum.value)
