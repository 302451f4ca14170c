"""What an interval says about a prediction: supported, not supported, or cannot tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from genbound.errors import domain_error
from genbound.scaling.results import Interval


class Verdict(Enum):
    """The answer; the value is what a table prints."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Prediction:
    """A region that a claim puts a number into; for a point it is the margin within which the point counts as met.

    Attributes:
        claim: in words. source: where it is made.
        lower, upper: the region between them, without its ends; infinite where there is none.
    """

    claim: str
    source: str
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise domain_error("lower, upper", (self.lower, self.upper), "lower < upper", "region of a prediction")
        if self.lower == -math.inf and self.upper == math.inf:
            raise domain_error("lower, upper", (self.lower, self.upper), "a finite end", "every number is in it")

    def judge(self, found: Interval) -> Verdict:
        """Supported where the interval lies in the region, not supported where it lies outside, else cannot tell.

        Both are tests at the interval's level: absence of evidence never supports a claim, and an interval longer than
        the region cannot.

        >>> falls = Prediction("the loss variation falls", "Finzi et al. 2025", upper=0)
        >>> [falls.judge(Interval("slope", 0, a, b, 0.95, "")).value for a, b in ((-2, -1), (-2, 1), (1, 2))]
        ['supported', 'cannot tell', 'not supported']
        """
        if math.isnan(found.lower) or math.isnan(found.upper):
            raise domain_error("interval", (found.lower, found.upper), "no NaN", "what is judged")
        above = self.lower == -math.inf or self.lower < found.lower
        if above and (self.upper == math.inf or found.upper < self.upper):
            return Verdict.SUPPORTED
        if found.upper <= self.lower or self.upper <= found.lower:
            return Verdict.NOT_SUPPORTED
        return Verdict.CANNOT_TELL

    @property
    def region(self) -> str:
        """The region in print.

        >>> Prediction("", "", upper=0).region, Prediction("", "", 0.4, 0.6).region, Prediction("", "", 1).region
        ('< 0', '0.4 to 0.6', '> 1')
        """
        if self.lower == -math.inf:
            return f"< {self.upper:g}"
        return f"> {self.lower:g}" if self.upper == math.inf else f"{self.lower:g} to {self.upper:g}"

    def to_dict(self, found: Interval) -> dict[str, Any]:
        """The verdict on an interval, JSON-ready."""
        return {
            "claim": self.claim, "source": self.source, "predicted": self.region, "estimate": found.estimate,
            "lower": found.lower, "upper": found.upper, "level": found.level, "method": found.method,
            "verdict": self.judge(found).value,
        }  # fmt: skip
