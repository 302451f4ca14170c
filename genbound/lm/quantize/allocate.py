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
from genbound.lm.quantize.rates import GAUSSIAN_BITS, nominal_bits

_FINE = 64
"""Parts of an octave that `water_level` tells apart."""

SPREAD = 8
"""Row and column exponents stay within this many half octaves of the middle."""


@dataclass(frozen=True)
class Steps:
    """The grid of one tensor: tensor step in eighths of an octave, exponents in half octaves."""

    step: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def water_level(parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]], bits: float) -> float:
    """The common log2 shift of all steps at which the parts cost `bits` per weight on average.

    Args:
        parts: log2 relative steps (rows, columns) and log2 deviations (rows, 1) of each tensor.
        bits: the average to meet.
    """
    ratios: dict[int, int] = {}
    for steps, deviations in parts:
        found, counts = np.unique(np.rint(_FINE * (deviations - steps)).astype(np.int64), return_counts=True)
        for ratio, count in zip(found.tolist(), counts.tolist(), strict=True):
            ratios[ratio] = ratios.get(ratio, 0) + count
    widths = np.array(sorted(ratios), dtype=np.float64) / _FINE
    counts = np.array([ratios[ratio] for ratio in sorted(ratios)], dtype=np.float64)
    low, high = -80.0, 80.0
    for _ in range(50):
        middle = (low + high) / 2
        rate = float((nominal_bits(widths - middle) * counts).sum())
        low, high = (middle, high) if rate > bits * counts.sum() else (low, middle)
    return (low + high) / 2


def activity(log_steps: NDArray[np.float64], log_deviations: NDArray[np.float64]) -> float:
    """The share of weights wide enough to cost a bit more when the steps are halved."""
    power = np.exp2(2.0 * np.minimum(log_deviations + GAUSSIAN_BITS - log_steps, 50.0))
    return float(np.mean(power / (1.0 + power))) if power.size else 0.0


def as_steps(
    log_rows: NDArray[np.float64],
    log_columns: NDArray[np.float64],
    level: float,
    *,
    spread: int = SPREAD,
    active: float = 1.0,
) -> Steps:
    """The grid nearest to steps 2^(level + log_rows + log_columns).

    `active` is the share of weights that gain from a step of their own.
    """
    rows, row_middle = _exponents(log_rows, active * len(log_columns), spread)
    columns, column_middle = _exponents(log_columns, active * len(log_rows), spread)
    step = round(8 * (level + row_middle + column_middle))
    return Steps(int(np.clip(step, -STEP_LIMIT, STEP_LIMIT)), rows, columns)


def _exponents(log_steps: NDArray[np.float64], each: float, spread: int) -> tuple[NDArray[np.int64], float]:
    """Half-octave exponents of one axis and the log2 step they are relative to; zeros unless they pay.

    `each` weights share an exponent; one that is wrong by d octaves loses about ln(2) d^2 bits on each of them. The
    exponents are those with the least loss plus code length, the latter from their own frequencies.
    """
    flat = _flat_middle(log_steps)
    zeros = np.zeros(len(log_steps), dtype=np.int64)
    if not len(log_steps):
        return zeros, flat
    choices = np.arange(-spread, spread + 1)
    middle = float(np.median(log_steps))
    loss = each * math.log(2) * np.square(np.clip(log_steps - middle, -spread / 2, spread / 2)[:, None] - choices / 2)
    price = 0.5 * np.abs(choices) + 1.0
    picked = zeros
    for _ in range(6):
        picked = np.argmin(loss + price, axis=1)
        used = np.bincount(picked, minlength=len(choices)) + 0.1
        price = -np.log2(used / used.sum())
    exponents = choices[picked].astype(np.int64)
    if (exponents == exponents[0]).all():
        return zeros, flat
    rest = log_steps - exponents / 2
    _, counts = np.unique(exponents, return_counts=True)
    cost = float(-(counts * np.log2(counts / len(exponents))).sum()) + 2.0 * len(counts)
    if each * len(log_steps) * (_excess(log_steps) - _excess(rest)) <= cost:
        return zeros, flat
    return exponents, _flat_middle(rest)


def _flat_middle(log_steps: NDArray[np.float64]) -> float:
    """The one log2 step with the same loss as the given ones: sum of (step/wanted)^2 equal to their number."""
    return -0.5 * math.log2(float(np.mean(np.exp2(-2 * log_steps)))) if len(log_steps) else 0.0


def _excess(log_steps: NDArray[np.float64]) -> float:
    """Bits per weight lost by one step for all at the same loss: half log2 of arithmetic over geometric
    mean.
    """
    return float(np.mean(log_steps)) - _flat_middle(log_steps)
