"""Exact means of a stream: integers only, so that neither order nor number of workers changes a bit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from genbound.errors import DataError

_UNIT = 36  # sums are kept in units of 2^-36 nats
MOST = 2.0**17
"""Beyond, float64 holds no unit."""


@dataclass
class ExactMean:
    """A mean known to lie in [lower, upper], in integers: adding is associative.

    A value counts as itself rounded outward plus or minus one unit, which covers its evaluation in float64 (the unit
    is 1.5e-11 nats, sixty times `smoothing.EVALUATION_MARGIN`).
    """

    n: int = 0
    up: int = 0
    down: int = 0

    def update(self, values: np.ndarray, most: float = MOST) -> None:
        """Add a block of values, |value| < `most`; no more than finite where they are only shown and bound nothing."""
        values = np.asarray(values, dtype=np.float64).ravel()
        largest = float(np.abs(values).max(initial=0.0))
        if not largest < most:
            raise DataError(f"a value of {largest:.3g}: need less than {most:.3g} (exact sums)")
        small = np.abs(values) < MOST
        scaled = np.ldexp(values[small], _UNIT)
        step = max(1, int(2.0**62 / max(1.0, float(np.abs(scaled).max(initial=0.0)))))  # no int64 sum overflows
        for i in range(0, scaled.size, step):
            block = scaled[i : i + step]
            self.up += int(np.ceil(block).astype(np.int64).sum()) + block.size
            self.down += int(np.floor(block).astype(np.int64).sum()) - block.size
        for value in values[~small].tolist():  # whole numbers of units, too large for int64
            self.up += (unit := int(math.ldexp(value, _UNIT))) + 1
            self.down += unit - 1
        self.n += int(values.size)

    def merge(self, other: ExactMean) -> None:
        self.n, self.up, self.down = self.n + other.n, self.up + other.up, self.down + other.down

    @property
    def upper(self) -> float:
        """The smallest convenient float not below the mean."""
        return float(np.nextafter(self.up / (self.n << _UNIT), np.inf))

    @property
    def lower(self) -> float:
        return float(np.nextafter(self.down / (self.n << _UNIT), -np.inf))

    @property
    def value(self) -> float:
        """The mean, rounded to nearest."""
        return (self.up + self.down) / (self.n << (_UNIT + 1))

    @classmethod
    def from_array(cls, row: np.ndarray) -> ExactMean:
        return cls(*(int(str(v)) for v in row))

    def to_array(self) -> np.ndarray:
        """Python integers of any size travel as decimal text."""
        return np.array([str(self.n), str(self.up), str(self.down)])


@dataclass
class TiltedMeans:
    """What the bound needs of the losses under one optimal output law: means of X, U and ln(U - X)."""

    loss: ExactMean = field(default_factory=ExactMean)
    ceiling: ExactMean = field(default_factory=ExactMean)
    log_slack: ExactMean = field(default_factory=ExactMean)

    def update(self, losses: np.ndarray, ceilings: np.ndarray) -> None:
        """Add a block of losses X and their ceilings U > X (U - X is right to 2^-40 of itself: z is at least 2^-7)."""
        slacks = ceilings - losses
        if not float(slacks.min(initial=1.0)) > 0.0:
            raise DataError(f"U - X = {float(slacks.min())!r}: need a loss below its ceiling")
        self.loss.update(losses)
        self.ceiling.update(ceilings)
        self.log_slack.update(np.log(slacks))

    def merge(self, other: TiltedMeans) -> None:
        for name in TILTED_MEANS:
            getattr(self, name).merge(getattr(other, name))


TILTED_MEANS = ("loss", "ceiling", "log_slack")
