"""What the interval functions return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from genbound.errors import domain_error


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval.

    >>> print(Interval("alpha", 0.35, 0.33, 0.38, 0.95, "profile"))
    alpha = 0.35 [0.33, 0.38] (95%, profile)
    """

    name: str
    estimate: float
    lower: float
    upper: float
    level: float
    method: str

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    @property
    def clear_of_zero(self) -> bool:
        """Whether 0 is outside: both ends are of one sign."""
        return self.lower > 0 or self.upper < 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def __str__(self) -> str:
        ends = f"[{self.lower:.6g}, {self.upper:.6g}]"
        return f"{self.name} = {self.estimate:.6g} {ends} ({100 * self.level:g}%, {self.method})"


@dataclass(frozen=True)
class Intervals:
    """Intervals in order; `intervals["alpha"]` is one of them."""

    rows: tuple[Interval, ...]

    def __getitem__(self, name: str) -> Interval:
        for row in self.rows:
            if row.name == name:
                return row
        raise domain_error("name", name, f"one of {[row.name for row in self.rows]}", "interval")

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: name -> interval."""
        return {row.name: row.to_dict() for row in self.rows}

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))
