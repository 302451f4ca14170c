"""Which step each weight gets.

To second order the loss per token grows by (1/2) sum_rc G_r D_c E[e_rc^2], with G the row sensitivities and
D the weights `ldlq` leaves on the columns; rounding noise has variance step^2/12, and halving a step costs
one bit per weight. Making the sum least at a fixed number of bits gives the same G_r D_c step_rc^2 to every
weight of the model: one number, the water level, sets all steps. The steps are then rounded to a tensor
step and small row and column exponents, each vector kept only if it saves more bits than it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genbound.lm.quantize.model import STEP_LIMIT

GAUSSIAN_BITS = 0.5 * math.log2(2 * math.pi * math.e)
"""The entropy of a Gaussian of unit deviation, in bits: at step s it costs about this minus log2 s."""

SPREAD = 8
"""Row and column exponents stay within this many half octaves of the middle."""


@dataclass(frozen=True)
class Steps:
    """The grid of one tensor: tensor step in eighths of an octave, exponents in half octaves."""

    step: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def nominal_step(deviation: float, bits: float) -> float:
    """log2 of the step at which a Gaussian of this deviation costs `bits` per weight."""
    return math.log2(deviation) + GAUSSIAN_BITS - bits


def nominal_bits(log_steps: NDArray[np.float64], log_deviation: float) -> NDArray[np.float64]:
    """About what weights of this deviation cost at these steps: the Gaussian rate, bending to 0 at wide
    steps.
    """
    return 0.5 * np.log2(1.0 + np.exp2(2.0 * (log_deviation + GAUSSIAN_BITS - log_steps)))


def water_level(parts: list[tuple[NDArray[np.float64], float, int]], bits: float) -> float:
    """The common log2 shift of all steps at which the parts cost `bits` per weight on average.

    Args:
        parts: (log2 relative steps, log2 deviation, weights per step) of each tensor.
    """
    total = sum(part.size * each for part, _, each in parts)
    low, high = -80.0, 80.0
    for _ in range(80):
        middle = (low + high) / 2
        rate = sum(float(nominal_bits(part + middle, dev).sum()) * each for part, dev, each in parts)
        low, high = (middle, high) if rate > bits * total else (low, middle)
    return (low + high) / 2


def as_steps(
    log_rows: NDArray[np.float64], log_columns: NDArray[np.float64], level: float, *, spread: int = SPREAD
) -> Steps:
    """The grid nearest to steps 2^(level + log_rows + log_columns)."""
    rows, row_middle = _exponents(log_rows, len(log_columns), spread)
    columns, column_middle = _exponents(log_columns, len(log_rows), spread)
    step = round(8 * (level + row_middle + column_middle))
    return Steps(int(np.clip(step, -STEP_LIMIT, STEP_LIMIT)), rows, columns)


def _exponents(log_steps: NDArray[np.float64], each: int, spread: int) -> tuple[NDArray[np.int64], float]:
    """Half-octave exponents of one axis and the log2 step they are relative to; zeros unless they pay.

    `each` weights share every exponent.
    """
    flat = _flat_middle(log_steps)
    if not len(log_steps):
        return np.zeros(0, dtype=np.int64), flat
    middle = float(np.median(log_steps))
    exponents = np.clip(np.rint(2 * (log_steps - middle)), -spread, spread).astype(np.int64)
    rest = log_steps - exponents / 2
    saved = each * len(log_steps) * (_excess(log_steps) - _excess(rest))
    _, counts = np.unique(exponents, return_counts=True)
    cost = float(-(counts * np.log2(counts / len(exponents))).sum()) + 2.0 * len(counts)
    if saved <= cost:
        return np.zeros(len(log_steps), dtype=np.int64), flat
    return exponents, _flat_middle(rest)


def _flat_middle(log_steps: NDArray[np.float64]) -> float:
    """The one log2 step with the same loss as the given ones: sum of (step/wanted)^2 equal to their number."""
    return -0.5 * math.log2(float(np.mean(np.exp2(-2 * log_steps)))) if len(log_steps) else 0.0


def _excess(log_steps: NDArray[np.float64]) -> float:
    """Bits per weight lost by one step for all at the same loss: half log2 of arithmetic over geometric
    mean.
    """
    return float(np.mean(log_steps)) - _flat_middle(log_steps)
