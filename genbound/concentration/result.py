"""What a bound function returns: the number, the rows it is made of, what was paid, and what it assumes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from flint import arb

from genbound.certified import ball, precision, up
from genbound.errors import DataError, DomainError, domain_error

Side = Literal["upper", "lower", "limit"]


@dataclass(frozen=True)
class BoundResult:
    """A bound on the risk R in nats per token, rounded to the safe side.

    Attributes:
        name: the claim, as THEORY names it.
        value: the bound, nats per token (side "upper": R <= value; "lower": R >= value; "limit": no bound of
            its kind can go below value).
        n: number of observations the concentration ran over.
        complexity: C, nats per token, all-in (grids included), rounded up.
        terms: (label, nats per token) rows that add up to value.
        tuned: what was chosen (shift D, s, its index, alpha): choices that are paid for or fixed beforehand.
        costs: label -> nats in total: what C is made of; C = sum / n.
        assumptions: what has to hold for the statement.
        evidence: how the number was computed.
        side: which way the statement points.

    >>> result = BoundResult("floor", 1.5, 10, 0.25, (("empirical risk", 1.0), ("complexity", 0.5)))
    >>> BoundResult.from_dict(result.to_dict()) == result
    True
    """

    name: str
    value: float
    n: int
    complexity: float
    terms: tuple[tuple[str, float], ...]
    tuned: Mapping[str, float | int] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    side: Side = "upper"

    def __float__(self) -> float:
        return self.value

    def term(self, label: str) -> float:
        """One row of `terms`, nats per token; DomainError when there is no such row."""
        for name, nats in self.terms:
            if name == label:
                return nats
        raise domain_error("label", label, f"one of {[name for name, _ in self.terms]}", "row of the bound")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same result back."""
        data = asdict(self)
        data["tuned"], data["costs"] = dict(self.tuned), dict(self.costs)
        data["terms"] = [list(row) for row in self.terms]
        data["assumptions"], data["evidence"] = list(self.assumptions), list(self.evidence)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BoundResult:
        """Inverse of `to_dict`; DataError for anything else."""
        try:
            content = dict(data)
            content["terms"] = tuple((str(label), float(nats)) for label, nats in data["terms"])
            for name in ("assumptions", "evidence"):
                content[name] = tuple(str(line) for line in data.get(name, ()))
            return cls(**content)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"not a stored bound: {error}") from error

    def __str__(self) -> str:
        arrow = {"upper": "R <=", "lower": "R >=", "limit": "limit"}[self.side]
        rows = [(f"{self.name}: {arrow}", self.value), *((f"  {label}", nats) for label, nats in self.terms)]
        width = max(len(label) for label, _ in rows)
        lines = [f"{label:<{width}}  {nats:>12.6f} nats/token" for label, nats in rows]
        paid = ", ".join(f"{label} {nats:.6g}" for label, nats in self.costs.items())
        lines.append(f"  n = {self.n}, C = {self.complexity:.6g} nats/token (paid in nats: {paid})")
        if self.tuned:
            lines.append("  " + ", ".join(f"{name} = {value:.6g}" for name, value in self.tuned.items()))
        lines.extend(f"  assumes: {line}" for line in self.assumptions)
        lines.extend(f"  {line}" for line in self.evidence)
        return "\n".join(lines)


def all_in(n: int, complexity: float | arb | None, log_inv_delta: float | arb | None,
           choices: Mapping[str, int] | None = None) -> tuple[arb, dict[str, float]]:  # fmt: skip
    """C with every grid paid, as a ball in nats per observation, and the price list in nats.

    Args:
        n: number of observations, >= 1.
        complexity: C, nats per observation, or None.
        log_inv_delta: nC, nats (code lengths and ln(1/delta)), or None. Exactly one of the two is given.
        choices: label -> size of a finite grid with uniform prior, each costing ln(size).

    Raises:
        DomainError: both or neither given, negative, NaN or infinite, n < 1, an empty grid.

    >>> C, costs = all_in(100, None, 1e6, {"shift grid": 128})
    >>> round(float(C), 6), list(costs)
    (10000.04852, ['code and failure probability', 'shift grid'])
    """
    if n < 1:
        raise domain_error("n", n, "n >= 1", "number of observations")
    if (complexity is None) == (log_inv_delta is None):
        raise DomainError(
            f"complexity={complexity!r}, log_inv_delta={log_inv_delta!r}: need exactly one of them "
            "(C in nats per token, or nC in nats)"
        )
    symbol, given = ("complexity", complexity) if log_inv_delta is None else ("log_inv_delta", log_inv_delta)
    nats = ball(given)  # type: ignore[arg-type]
    if not nats >= 0:
        raise domain_error(symbol, given, f"{symbol} >= 0", "nats")
    with precision():
        if log_inv_delta is None:
            nats = nats * n
        costs = {"code and failure probability": up(nats)}
        for label, size in (choices or {}).items():
            if size < 1:
                raise domain_error(label, size, "size >= 1", "number of members fixed beforehand")
            nats += arb(size).log()
            costs[label] = up(arb(size).log())
        return nats / n, costs


def rows(value: float, *known: tuple[str, float], rest: str) -> tuple[tuple[str, float], ...]:
    """The known rows and the row that completes them to `value`."""
    return (*known, (rest, math.fsum([value, *(-nats for _, nats in known)])))
