"""The grid behind `Wealth`, and the two kernels (numpy, numba) that fill it with the same bits.

A bet W = Y - X is written as a whole number of 2^-23 node spacings above the lowest node, rounded down. It is
then split between its two neighbouring nodes so that its position is kept exactly: a statistic of integers,
which merges in any order. ln(D + .) is concave, so the binned mean of ln(D + W) never exceeds the true one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import floor, ldexp
from typing import Any

import numpy as np

from genbound.errors import DataError, MissingExtraError, domain_error

BITS = 23  # a bet is located to 2^-23 of a node spacing
MAX_TOKENS = 1 << 40  # n * 2^23 < 2^63
LARGEST = 2.0**40  # nats: ceilings beyond are refused
CHUNK = 1 << 16  # chunk sums of 2^46-sized integers stay below 2^63
_EPS = 2.0**-12  # a position below 2^37 units (the top node) is off by two roundings, 2^-15 units, at most
_SUM_BITS = 44


@dataclass(frozen=True)
class Grid:
    """Nodes (low + i) h, i = 0..top, h = 2^(k-13) for ceiling - prediction_floor in (2^(k-1), 2^k].

    The lowest node is <= prediction_floor - ceiling <= W; the top one is at least as far above zero.

    >>> grid = Grid.of(16.0, 0.0)
    >>> grid.spacing, grid.low * grid.spacing, grid.unit == 2.0**-40
    (0.001953125, -16.0, True)
    """

    ceiling: float
    prediction_floor: float
    spacing: float
    low: int
    top: int
    unit: float

    @classmethod
    def of(cls, ceiling: float, prediction_floor: float) -> Grid:
        span = Fraction(ceiling) - Fraction(prediction_floor)
        magnitude = max(ceiling, abs(prediction_floor))
        if not span > 0:
            raise domain_error("ceiling", ceiling, f"ceiling > prediction_floor = {prediction_floor!r}", "nats")
        if not (span >= 2.0**-900 and magnitude <= LARGEST):
            raise domain_error("ceiling", ceiling, "2^-900 <= range, ceiling <= 2^40", "nats")
        k = _ceil_log2(span)
        spacing = ldexp(1.0, k - 13)
        low = floor(-span / Fraction(spacing))
        unit = ldexp(1.0, _ceil_log2(Fraction(magnitude)) - _SUM_BITS)
        return cls(ceiling, prediction_floor, spacing, low, 1 << 14, unit)

    @property
    def largest_prediction(self) -> float:
        """Predictions are accepted up to here (at least four times the ceiling): sums stay exact integers."""
        return self.unit * 2.0 ** (_SUM_BITS + 2)

    def require_predictions(self, y: np.ndarray) -> None:
        """DataError naming the first Y above `largest_prediction`."""
        if y.max() > self.largest_prediction:
            first = int(np.argmax(y > self.largest_prediction))
            limit = self.largest_prediction
            raise DataError(f"predictions[{first}]={float(y[first])!r}: need Y <= {limit!r} (exact sums)")

    def nodes(self, index: np.ndarray) -> np.ndarray:
        """The bets at the nodes, exact in float64."""
        return (index + self.low) * self.spacing


def _ceil_log2(x: Fraction) -> int:
    k = x.numerator.bit_length() - x.denominator.bit_length()
    while Fraction(2) ** k < x:
        k += 1
    while Fraction(2) ** (k - 1) >= x:
        k -= 1
    return k


@dataclass
class Tally:
    """The fixed-point sums of one chunk, rounded down and up (the node weights are added in place)."""

    loss_down: int
    loss_up: int
    prediction_down: int
    prediction_up: int


Kernel = Callable[[np.ndarray, np.ndarray, Grid, np.ndarray], Tally]


def numpy_kernel(losses: np.ndarray, predictions: np.ndarray, grid: Grid, weights: np.ndarray) -> Tally:
    """Bin one chunk (at most `CHUNK` validated float64 entries; predictions of size 1 are a constant)."""
    position = predictions - losses
    position *= ldexp(1.0, BITS) / grid.spacing
    position -= grid.low * 2.0**BITS + _EPS
    np.minimum(position, float(grid.top << BITS), out=position)
    units = np.floor(position, out=position).astype(np.int64)
    np.maximum(units, 0, out=units)
    node = units >> BITS
    part = np.bitwise_and(units, (1 << BITS) - 1, out=units)
    count = np.bincount(node, minlength=grid.top + 2)
    upper = np.bincount(node, weights=part, minlength=grid.top + 2).astype(np.int64)  # below 2^39: exact
    weights += (count << BITS) - upper
    weights[1:] += upper[:-1]
    loss_down, loss_up = _fixed_point(losses, grid.unit)
    prediction_down, prediction_up = _fixed_point(predictions, grid.unit)
    repeat = losses.size if predictions.size == 1 else 1
    return Tally(loss_down, loss_up, prediction_down * repeat, prediction_up * repeat)


def _fixed_point(values: np.ndarray, unit: float) -> tuple[int, int]:
    scaled = values * (1.0 / unit)
    whole = np.floor(scaled)
    total = int(whole.astype(np.int64).sum())
    return total, total + int(np.count_nonzero(whole != scaled))


def kernel(engine: str, work: int) -> Kernel:
    """The kernel to use: numba pays for its import and compilation only after `work` tokens of a long stream.

    Args:
        engine: "numpy", "numba" (raises MissingExtraError without it) or "auto".
        work: tokens seen so far by this statistic.
    """
    if engine == "numba" or (engine == "auto" and (_compiled() or work >= 1 << 26)):
        try:
            _loop()
            return _numba_kernel
        except MissingExtraError:
            if engine == "numba":
                raise
    return numpy_kernel


def _compiled() -> bool:
    return _loop.cache_info().currsize > 0


def _numba_kernel(losses: np.ndarray, predictions: np.ndarray, grid: Grid, weights: np.ndarray) -> Tally:
    scale, origin = ldexp(1.0, BITS) / grid.spacing, grid.low * 2.0**BITS + _EPS
    sums = _loop()(losses, predictions, scale, origin, grid.top << BITS, 1.0 / grid.unit, weights)
    return Tally(*(int(total) for total in sums))


@cache
def _loop() -> Callable[..., Any]:
    try:
        import numba
    except ImportError as error:  # pragma: no cover - depends on the environment
        raise MissingExtraError("numba is not installed: pip install 'genbound[fast]'") from error
    full, mask, shift = 1 << BITS, (1 << BITS) - 1, BITS

    def loop(losses, predictions, scale, origin, top, per_unit, weights):  # type: ignore[no-untyped-def]
        loss = loss_inexact = prediction = prediction_inexact = 0
        step = 0 if predictions.size == 1 else 1
        for i in range(losses.size):
            x, y = losses[i], predictions[i * step]
            position = np.floor((y - x) * scale - origin)
            units = top if position >= top else (np.int64(position) if position > 0.0 else 0)
            node, part = units >> shift, units & mask
            weights[node] += full - part
            weights[node + 1] += part
            scaled = x * per_unit
            whole = np.floor(scaled)
            loss += np.int64(whole)
            loss_inexact += whole != scaled
            scaled = y * per_unit
            whole = np.floor(scaled)
            prediction += np.int64(whole)
            prediction_inexact += whole != scaled
        return loss, loss + loss_inexact, prediction, prediction + prediction_inexact

    return numba.njit(loop, cache=False)
