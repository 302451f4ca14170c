"""Second moments as balls that are never below: of the bets W = Y - X, and around the mean (for the comparators)."""

from __future__ import annotations

import math

import numpy as np
from flint import arb

from genbound.certified import ball, precision, sum_ball
from genbound.concentration.binning import BITS
from genbound.concentration.observed import SMALL, Observed
from genbound.errors import DataError


def mean_square_bet(seen: Observed) -> arb:
    """A ball whose upper end is >= mean (Y - X)^2.

    From a statistic: w^2 is convex, so splitting each bet between its neighbouring nodes only raises its mean
    square; rounding a bet down by two units of 2^-23 h (lowers it if W > 0) is added back.
    """
    if seen.arrays is not None:
        return _mean_square(seen.arrays[1], seen.arrays[0])
    assert seen.wealth is not None
    grid = seen.wealth.grid
    top = (grid.low + grid.top) * grid.spacing
    if seen.wealth.largest_prediction > top:
        raise DataError(f"predictions: need Y <= {top!r} (the statistic does not keep larger bets)")
    nodes, weights = seen.wealth.nodes()
    total = arb(0)
    with precision():
        unit = ball(grid.spacing) / (1 << BITS)
        for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
            total += weight * (arb(abs(node)) + 2 * unit) ** 2
        return total / (seen.n << BITS)


def empirical_variance(seen: Observed) -> arb:
    """A number >= (1/n) sum (X - mean X)^2; a statistic needs a constant Y = prediction_floor.

    (1/n) sum (X - a)^2 - (mean X - a)^2 for any a: near the mean (arrays), or a = Y (a statistic).
    """
    if seen.arrays is not None:
        centre = np.array([float(seen.arrays[0].mean())])
        square, means = _mean_square(seen.arrays[0], centre), seen.mean_loss()
    else:
        assert seen.wealth is not None
        if seen.wealth.largest_prediction != seen.prediction_floor:
            raise DataError("losses: need a Wealth made without predictions (it then keeps the losses themselves)")
        centre = np.array([seen.prediction_floor])
        square, means = mean_square_bet(seen), seen.mean_loss()
    with precision():
        offset = ball(float(centre[0]))
        away = [mean - offset for mean in means]  # (lower, upper): take the smaller square off
        closest = arb(0) if away[0].lower() <= 0 <= away[1].upper() else min((abs(a) for a in away), key=float)
        variance = (square - closest.lower() ** 2).upper()
        return variance if variance > 0 else arb(0)


def _mean_square(a: np.ndarray, b: np.ndarray) -> arb:
    """Around mean (a - b)^2; beyond `SMALL` entries from float64 squares, off by 3 2^-53 or 2^-1074 each."""
    n = max(a.size, b.size)
    with precision():
        if n <= SMALL:
            pairs = zip(*(side.tolist() for side in np.broadcast_arrays(a, b)), strict=True)
            return sum(((arb(x) - arb(y)) ** 2 for x, y in pairs), arb(0)) / n
        apart = a - b
        if not apart.any():
            return arb(0)
        k = math.frexp(float(np.abs(apart).max()))[1]  # squares of tiny or huge numbers stay in range
        squares = np.ldexp(apart, -k) ** 2
        error = float(squares.max()) * 2.0**-51 + math.ulp(0.0)
        return (sum_ball(squares) + arb(0, 1) * n * ball(error)) / n * arb(4) ** k
