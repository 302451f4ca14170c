"""What a check says of a claim: one of six words, with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from genbound.errors import DataError


class Status(StrEnum):
    """The six words. Only PROVED, EXACT and SUPPORTED count as evidence; UNDECIDED never prints as a pass."""

    PROVED = "PROVED"
    EXACT = "EXACT"
    SUPPORTED = "SUPPORTED"
    UNDECIDED = "UNDECIDED"
    REFUTED = "REFUTED"
    NOT_APPLICABLE = "NOT_APPLICABLE"

    @property
    def passes(self) -> bool:
        """Whether this is evidence for the claim."""
        return self in (Status.PROVED, Status.EXACT, Status.SUPPORTED)


@dataclass(frozen=True)
class Verdict:
    """What one engine found out about one claim (or about one planted variant of it).

    Attributes:
        claim: name of the claim; `name!error` for a planted variant.
        engine: derive, certify, fuzz, exact, simulate or measure.
        status: the word.
        reason: one line: what was verified, or why nothing could be.
        cases: how many cases were tried.
        effective: how many of them could have refuted the claim (a bound above every possible risk cannot fail).
        error_budget: probability that a true claim is refuted by chance (0: no chance is involved).
        witness: what refutes the claim, JSON-ready and complete: it can be replayed.
        seed: the seed behind every random choice.

    >>> verdict = Verdict("floor", "exact", Status.EXACT, "attained", cases=3, effective=3)
    >>> Verdict.from_dict(verdict.to_dict()) == verdict, str(verdict)
    (True, 'floor: exact EXACT (attained; 3 cases, 3 effective)')
    """

    claim: str
    engine: str
    status: Status
    reason: str
    cases: int = 0
    effective: int = 0
    error_budget: float = 0.0
    witness: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __str__(self) -> str:
        counted = f"; {self.cases} cases, {self.effective} effective" if self.cases else ""
        budget = f", false-alarm budget {self.error_budget:g}" if self.error_budget else ""
        return f"{self.claim}: {self.engine} {self.status} ({self.reason}{counted}{budget})"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same verdict back."""
        data = asdict(self)
        data["status"], data["witness"] = str(self.status), dict(self.witness)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Inverse of `to_dict`; DataError for anything else."""
        try:
            return cls(**{**data, "status": Status(data["status"])})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"not a stored verdict: {error}") from error


@dataclass(frozen=True)
class Budget:
    """How hard to look. The false-alarm budget is shared by all cells of one engine's run on one claim.

    Attributes:
        name: standard (inside the tests) or deep (`genbound claims check --deep`).
        examples: inputs tried by fuzz for each property.
        replicas: most paths of one process that simulate draws for one cell.
        grid: points per unit of risk in the exact adversary.
        boxes: most boxes certify splits a domain into.
        false_alarm: probability that simulate refutes a true claim.
        seed: behind every random choice.
    """

    name: str = "standard"
    examples: int = 200
    replicas: int = 600
    grid: int = 120
    boxes: int = 20_000
    false_alarm: float = 1e-9
    seed: int = 0


STANDARD = Budget()
DEEP = Budget("deep", examples=5_000, replicas=20_000, grid=1_000, boxes=500_000)
