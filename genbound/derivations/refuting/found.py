"""What a search for a counterexample shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Counterexample:
    """Where a step fails.

    Attributes:
        at: name of a symbol -> its value.
        statement: the comparison that contradicts the step, such as "0.31 > 0.29".
        told: what is compared, in words; empty when it is the two lines.
        about: "line" when the claimed relation fails, "reason" when the rule does not carry it.
    """

    at: tuple[tuple[str, Fraction], ...]
    statement: str
    told: str = ""
    about: str = "line"

    def __str__(self) -> str:
        """One line: the place, the comparison and what it is about."""
        place = ", ".join(f"{name} = {value}" for name, value in self.places())
        told = f" ({self.told})" if self.told else ""
        return f"at {place}: {self.statement}{told}" if place else f"{self.statement}{told}"

    def places(self) -> Iterator[tuple[str, str]]:
        """(name of a symbol, its value as a fraction or a short decimal)."""
        for name, value in self.at:
            short = value.denominator <= 10**4 and abs(value) <= 10**6
            yield name, str(value) if short else f"{float(value):.9g}"
