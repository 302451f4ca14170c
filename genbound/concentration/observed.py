"""The data side of a bound: means and log-means as balls, from arrays (exactly) or a `Wealth` (binned)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, log_product_ball, mean_ball, precision
from genbound.concentration.streams import check_stream, chunks, is_stream
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, DomainError, domain_error

EXACT = 2200  # bits in which every sum of three floats is exact
FINE = 1 << 9  # the lowest nodes, where ln(D + W) bends most, are kept apart when tuning
SMALL = 1 << 13  # up to here every token is evaluated in ball arithmetic, beyond with float64 block products


@dataclass(frozen=True)
class Observed:
    """Validated losses X and centres Y with their declared range.

    `arrays` holds (X, Y) when they were given as arrays: the bound is then evaluated on them, and the binned
    statistic only tunes. Without arrays the binned statistic is all there is.
    """

    n: int
    ceiling: float
    prediction_floor: float
    wealth: Wealth | None
    arrays: tuple[np.ndarray, np.ndarray] | None

    def mean_loss(self) -> tuple[arb, arb]:
        """Balls around (a lower, an upper) value of mean X."""
        if self.arrays is None:
            return self._statistic().mean_ball("loss")
        mean = mean_ball(self.arrays[0])
        return mean, mean

    def mean_prediction(self) -> tuple[arb, arb]:
        """Balls around (a lower, an upper) value of mean Y."""
        if self.arrays is None:
            return self._statistic().mean_ball("prediction")
        mean = mean_ball(self.arrays[1])
        return mean, mean

    def log_mean(self, shift: float, sign: int = 1) -> arb:
        """A ball around mean ln(D + sign (Y - X)), or around a lower bound of it; -inf at a zero factor."""
        if self.arrays is None:
            wealth = self._statistic()
            return wealth.log_mean(shift) if sign == 1 else wealth.log_mean_mirrored(shift)
        x, y = self.arrays if sign == 1 else self.arrays[::-1]
        return log_mean_of(x, y, shift)

    def bets(self) -> tuple[np.ndarray, np.ndarray]:
        """W and its float64 weights (summing to 1), for tuning only: beyond the lowest, eight nodes become one."""
        if self.arrays is not None and self.n <= SMALL:
            x, y = self.arrays
            return y - x, np.full(self.n, 1.0 / self.n)
        nodes, weights = self._statistic().nodes()
        share = weights / weights.sum(dtype=np.float64)
        starts = np.concatenate([np.arange(min(FINE, nodes.size)), np.arange(FINE, nodes.size, 8)])
        merged = np.add.reduceat(share, starts)
        return np.add.reduceat(share * nodes, starts) / merged, merged

    @property
    def clamps(self) -> bool:
        """Whether `bets` may hold a bet far below the true one: some Y lies above the top node of the statistic."""
        if self.wealth is None:
            return False
        grid = self.wealth.grid
        return self.wealth.largest_prediction > (grid.low + grid.top) * grid.spacing

    def doubt(self, bets: np.ndarray, weights: np.ndarray, shift: float) -> float:
        """How far mean ln(D + W) over `bets` may be from the value `log_mean` reads, nats (float64, for tuning).

        Eight nodes of spacing h became one bet: at most (8h)^2/(8 (D + w - 8h)^2) each.
        """
        if self.arrays is None or self.wealth is None:
            return 0.0
        step = 8 * self.wealth.grid.spacing
        room = shift + bets - step
        return math.inf if self.clamps or room.min() <= 0 else float(np.dot(weights, (step / room) ** 2)) / 8

    def _statistic(self) -> Wealth:
        assert self.wealth is not None
        return self.wealth

    @property
    def evidence(self) -> tuple[str, ...]:
        """How the numbers were read."""
        source = "the binned statistic" if self.arrays is None else "every token"
        return (f"evaluated on {source}, rounded outward in ball arithmetic",)


def observe(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
            prediction_floor: float | None = None) -> Observed:  # fmt: skip
    """Read arrays, torch tensors, an iterator of chunks, or a finished `Wealth`.

    Raises:
        DomainError: no ceiling, or a range that contradicts the one the Wealth was made with.
        DataError: losses or predictions outside their declared range, or predictions that peek (arrays only).
    """
    if isinstance(losses, Wealth):
        if predictions is not None:
            raise DomainError("predictions: need None with a Wealth (it already holds the centres)")
        held = {"ceiling": losses.ceiling, "prediction_floor": losses.prediction_floor}
        for symbol, given in (("ceiling", ceiling), ("prediction_floor", prediction_floor)):
            if given is not None and given != held[symbol]:
                raise domain_error(symbol, given, f"{symbol} = {held[symbol]!r}", "range of this Wealth")
        losses.mean_ball("loss")  # refuses an empty statistic
        return Observed(losses.n, losses.ceiling, losses.prediction_floor, losses, None)
    if ceiling is None:
        raise domain_error("ceiling", None, "a finite number of nats", "B >= X under the true law, not the sample")
    wealth = Wealth(ceiling=ceiling, prediction_floor=prediction_floor or 0.0)
    span = wealth.ceiling, wealth.prediction_floor
    if is_stream(losses):
        for x, y in chunks(losses, predictions):
            wealth.update(x, y)
        wealth.mean_ball("loss")
        return Observed(wealth.n, *span, wealth, None)
    x, y = check_stream(losses, predictions, *span)
    wealth.grid.require_predictions(y)
    if predictions is not None:
        refuse_peeking(x, y, wealth.prediction_floor)
    if x.size <= SMALL:
        return Observed(x.size, *span, None, (x, y))
    wealth.update(x, None if predictions is None else y)
    return Observed(x.size, *span, wealth, (x, y))


def refuse_peeking(x: np.ndarray, y: np.ndarray, prediction_floor: float) -> None:
    """Refuse predictions that were computed from the losses they predict, where that shows.

    Caught: eight or more losses, not all equal, with one constant Y that agrees with their mean to 1e-12, is not
    prediction_floor, and has more than six significant digits. (The very same array given twice: `check_stream`.)

    Raises:
        DataError: Y is not a function of the past, so no bound holds for it.

    >>> refuse_peeking(np.arange(8.0), np.full(8, 3.5), 0.0)
    """
    if x.size < 8 or x.min() == x.max():
        return
    centre = float(y[0])
    if y.min() != y.max() or centre == prediction_floor or float(f"{centre:.6g}") == centre:
        return
    if abs(centre - float(x.mean())) <= 1e-12 * abs(centre):
        raise DataError(
            f"predictions: constant Y = {centre!r} is the mean of these losses, hence not a function of the past; use "
            "a constant fixed beforehand, a mean over earlier tokens (running or held out), or leave predictions out"
        )


def log_mean_of(x: np.ndarray, y: np.ndarray, shift: float) -> arb:
    """A ball whose lower end is <= mean ln(D + y - x), tight to 1e-15; -inf when a factor is not positive.

    Small arrays go through ball arithmetic, the factors exact; larger ones through `safe_factors` and
    `log_product_ball`.
    """
    n = max(x.size, y.size)
    if n <= SMALL:
        d = ball(shift)
        pairs = zip(*(side.tolist() for side in np.broadcast_arrays(x, y)), strict=True)
        with precision(EXACT):
            factors = [d + arb(above) - arb(below) for below, above in pairs]
        if not all(factor > 0 for factor in factors):
            return arb.neg_inf()
        with precision():
            return sum((factor.log() for factor in factors), arb(0)) / n
    lower = safe_factors(x, y, shift)
    if not lower.min() > 0:
        return arb.neg_inf()
    with precision():
        return log_product_ball(lower) / n


def safe_factors(x: np.ndarray, y: np.ndarray, shift: float) -> np.ndarray:
    """Floats <= D + y - x, off by 2^-50 of themselves at most (and 2^-103 |y - x|, which tells 0 from less).

    y - x and D + (y - x) are split into a float and its exact rounding error (Knuth's two-sum); adding the errors
    to each other and back, and the subtraction, round three times, each by 2^-53 of its own result.
    """
    bets, off = _two_sum(y, -x)
    factors, rest = _two_sum(bets, np.float64(shift))
    rest = rest + off
    factors = factors + rest
    return factors - (2.0**-51 * np.abs(factors) + 2.0**-51 * np.abs(rest))


def _two_sum(a: np.ndarray, b: np.ndarray | np.float64) -> tuple[np.ndarray, np.ndarray]:
    """(fl(a + b), its exact rounding error)."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def require_shift(shift: float, ceiling: float, prediction_floor: float) -> float:
    """D with Y + D >= X guaranteed: D >= ceiling - prediction_floor, compared exactly."""
    value = float(shift)
    if not (np.isfinite(value) and Fraction(value) >= Fraction(ceiling) - Fraction(prediction_floor)):
        domain = f"D >= ceiling - prediction_floor = {ceiling - prediction_floor!r}"
        raise domain_error("shift", shift, domain, "so that U = Y + D >= X")
    return value


def search(objective: Callable[[float], float], candidates: Sequence[float], stride: int = 8) -> int:
    """Index of a minimum of a convex objective over ordered candidates, coarse to fine."""

    def best(indices: Sequence[int]) -> int:
        return min(indices, key=lambda i: objective(candidates[i]))

    centre = best([*range(0, len(candidates), stride), len(candidates) - 1])
    return best(range(max(0, centre - stride), min(len(candidates), centre + stride + 1)))
