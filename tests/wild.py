"""Bounds as they are found in the wild, wrong in ways that pass review; each with its correction.

The functions are written as their authors might: on numpy arrays, with delta, without a word of genbound.
"""

from __future__ import annotations

import math

import numpy as np


def symmetric_hoeffding(x: np.ndarray, delta: float) -> tuple[float, float]:
    """Wrong: Hoeffding on each side spends delta, the interval spends 2 delta.

    With three fair coins and delta = .224 the tolerance is .4995, and (0, 0, 0) and (1, 1, 1) are missed: P = 1/4.
    """
    width = math.sqrt(math.log(1 / delta) / (2 * len(x)))
    return x.mean() - width, x.mean() + width


def symmetric_hoeffding_corrected(x: np.ndarray, delta: float) -> tuple[float, float]:
    """Both sides paid."""
    return symmetric_hoeffding(x, delta / 2)


def _unit_bernstein(x: np.ndarray, delta: float) -> tuple[float, float]:
    """Maurer and Pontil's Theorem 4 on both sides, for IID X in [0, 1]."""
    n = len(x)
    if n < 2:
        return -math.inf, math.inf
    log = math.log(4 / delta)
    width = math.sqrt(2 * x.var(ddof=1) * log / n) + 7 * log / (3 * (n - 1))
    return x.mean() - width, x.mean() + width


def twice_scaled_bernstein(x: np.ndarray, ceiling: float, delta: float) -> tuple[float, float]:
    """Wrong: the end points are brought back to [0, ceiling] twice.

    On [0, 4] with mean 1 the interval lies near 4.
    """
    low, high = _unit_bernstein(x / ceiling, delta)
    return min(ceiling * (ceiling * low), ceiling), min(ceiling * (ceiling * high), ceiling)


def twice_scaled_bernstein_corrected(x: np.ndarray, ceiling: float, delta: float) -> tuple[float, float]:
    """Scaled once."""
    low, high = _unit_bernstein(x / ceiling, delta)
    return ceiling * low, ceiling * high


def half_range_azuma(losses: np.ndarray, ceiling: float, delta: float) -> float:
    """Wrong: the range of X - m was taken for half of that of X."""
    return float(losses.mean()) + ceiling / 2 * math.sqrt(math.log(1 / delta) / (2 * len(losses)))


def half_range_azuma_corrected(losses: np.ndarray, ceiling: float, delta: float) -> float:
    """The whole range."""
    return float(losses.mean()) + ceiling * math.sqrt(math.log(1 / delta) / (2 * len(losses)))


def kl_bound(losses: np.ndarray, delta: float) -> float:
    """The kl inverse, sup{q : n kl(mean, q) <= ln(1/delta)}: right for independent losses, wrong for adapted ones."""
    mean, allowed = float(losses.mean()), math.log(1 / delta) / len(losses)
    low, high = mean, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _kl(mean, middle) <= allowed else (low, middle)
    return high


def kl_bound_corrected(losses: np.ndarray, delta: float) -> float:
    """Pinsker's relaxation, which Azuma and Hoeffding prove for adapted losses."""
    return half_range_azuma_corrected(losses, 1.0, delta)


def best_checkpoint(losses: np.ndarray, ceiling: float, delta: float) -> list[float]:
    """Wrong: every checkpoint is certified with the whole delta, and then the best one is reported."""
    return [half_range_azuma_corrected(row, ceiling, delta) for row in losses]


def best_checkpoint_corrected(losses: np.ndarray, ceiling: float, delta: float) -> list[float]:
    """The choice among r checkpoints is paid: delta / r each."""
    return best_checkpoint(losses, ceiling, delta / len(losses))


def _kl(p: float, q: float) -> float:
    if q >= 1.0:
        return math.inf if p < 1.0 else 0.0
    head = p * math.log(p / q) if p > 0 else 0.0
    tail = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return head + tail
