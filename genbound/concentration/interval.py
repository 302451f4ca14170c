"""What a confidence sequence returns: the two limits of the running mean, and what they assume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genbound.errors import DataError

ASSUMPTIONS = (
    "observations drawn one after another from any law; no independence, no stationarity",
    "low <= X <= high under the true law, not only on the data",
    "predictions are functions of the past only",
    "both limits hold for all n simultaneously",
)


@dataclass(frozen=True)
class ConfidenceInterval:
    """lower <= (1/n) sum_k E[X_k | past] <= upper, rounded outward, in the unit of X.

    Attributes:
        lower, upper: the limits; [low, high] itself before the first observation.
        mean: the empirical mean (low when n = 0), for display: to about 12 digits of the range.
        n: number of observations.
        log_inv_delta: ln(1/delta), nats, for both sides together.
        assumptions: what has to hold.

    >>> interval = ConfidenceInterval(0.25, 0.5, 0.375, 100, 3.0)
    >>> 0.3 in interval, interval.width, ConfidenceInterval.from_dict(interval.to_dict()) == interval
    (True, 0.25, True)
    """

    lower: float
    upper: float
    mean: float
    n: int
    log_inv_delta: float
    assumptions: tuple[str, ...] = ASSUMPTIONS

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    @property
    def width(self) -> float:
        """upper - lower."""
        return self.upper - self.lower

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same interval back."""
        return {**asdict(self), "assumptions": list(self.assumptions)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ConfidenceInterval:
        """Inverse of `to_dict`; DataError for anything else."""
        try:
            return cls(**{**data, "assumptions": tuple(str(line) for line in data["assumptions"])})
        except (KeyError, TypeError) as error:
            raise DataError(f"not a stored interval: {error}") from error

    def __str__(self) -> str:
        return f"[{self.lower:.6g}, {self.upper:.6g}] around {self.mean:.6g} (n = {self.n})"
