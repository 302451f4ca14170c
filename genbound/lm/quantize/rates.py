"""What a rate means: the entropy of a Gaussian on a grid, and the scalar rule that goes with it.

Above 3 bits a step is half as wide for every further bit. Below, the entropy bends towards zero and points are moved
towards zero, because cells are wide enough for the density to fall across them; below 1.5 bits the cell of zero is
widened too. The constants are those with the best rate and distortion for Gaussian weights.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

BITS_RANGE = (0.5, 12.0)

GAUSSIAN_BITS = 0.5 * math.log2(2 * math.pi * math.e)
"""The entropy of a Gaussian of unit deviation, in bits: at a fine step s it costs this minus log2 s."""

_COARSEST, _FINEST, _PARTS = -4.0, 4.0, 16

_SCALAR = ((1.1, 0.25, 3), (1.4, 0.25, 1), (1.75, 0.1, 3), (2.1, 0.0, 4), (2.7, 0.0, 2), (4.0, 0.0, 1))
"""(below this rate, dead zone, shrink in 1/32 of a step)."""


def gaussian_entropy(step: float) -> float:
    """Bits per integer of a Gaussian of unit deviation rounded to the nearest multiple of `step`.

    >>> round(gaussian_entropy(0.25), 3), round(gaussian_entropy(3.0), 3)
    (4.051, 0.701)
    """
    reach = math.ceil(9.0 / step)
    edges = [math.erfc((q + 0.5) * step / math.sqrt(2)) / 2 for q in range(-1, reach + 1)]
    # By symmetry: the cell of zero once, each other cell twice.
    cells = [edges[0] - edges[1]] + [high - low for high, low in pairwise(edges[1:])]
    return sum((1 if q == 0 else 2) * -p * math.log2(p) for q, p in enumerate(cells) if p > 0)


@lru_cache(maxsize=1)
def _curve() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """log2 of deviation over step, rising, and the bits it costs."""
    widths = np.arange(_COARSEST, _FINEST + 1 / _PARTS, 1 / _PARTS)
    return widths, np.array([gaussian_entropy(2.0**-width) for width in widths])


def nominal_bits(log_ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """What weights cost whose deviation is 2^log_ratio steps, if they are Gaussian."""
    widths, bits = _curve()
    return np.where(log_ratios > _FINEST, log_ratios + GAUSSIAN_BITS, np.interp(log_ratios, widths, bits))


def nominal_step(deviation: float, bits: float) -> float:
    """log2 of the step at which a Gaussian of this deviation costs `bits` per weight."""
    widths, rates = _curve()
    ratio = bits - GAUSSIAN_BITS if bits > rates[-1] else float(np.interp(bits, rates, widths))
    return math.log2(deviation) - ratio


def scalar_rule(bits: float) -> tuple[float, int]:
    """(dead zone, shrink) of the scalar rule at a rate."""
    return next(((zone, shrink) for below, zone, shrink in _SCALAR if bits < below), (0.0, 0))
