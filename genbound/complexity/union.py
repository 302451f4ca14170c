"""`prior_union`: every hypothesis of a prior at once, each at its own price (THEORY 2).

    C(h) = (ln(1/pi_h) + ln(1/delta) + ln(1/pi_j))/n,   ln(1/pi_h) = L(h) ln 2 for prefix-free code lengths L(h).

Hypothesis h is given the share pi_h delta of the failure probability; the shares add up to at most delta, so
any of them may be chosen afterwards, by any rule and with the data in hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from genbound.certified import Real, ball, precision, up
from genbound.complexity.pricing import FAILURE, failure_nats, itemised
from genbound.complexity.prior import Prior
from genbound.concentration.geometric_mean import geometric_mean
from genbound.concentration.result import BoundResult
from genbound.errors import DataError, DomainError, domain_error

STATEMENT = "holds for every hypothesis of the prior at once; the prior was fixed before the data were seen"


@dataclass(frozen=True)
class UnionResult:
    """One bound per hypothesis, all of them valid together with probability at least 1 - delta.

    Attributes:
        bounds: hypothesis -> BoundResult, in the order they were given.
        choice: the hypothesis with the best bound (the first of equals).
    """

    bounds: Mapping[Any, BoundResult]
    choice: Hashable

    @property
    def best(self) -> BoundResult:
        """The bound of `choice`: nothing more is owed for having chosen it."""
        return self.bounds[self.choice]

    def __getitem__(self, name: Hashable) -> BoundResult:
        if name not in self.bounds:
            raise domain_error("hypothesis", name, f"one of {list(self.bounds)}", "hypotheses that were evaluated")
        return self.bounds[name]

    def __len__(self) -> int:
        return len(self.bounds)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready when the names are: pairs (name, bound) and the choice."""
        return {"bounds": [[name, bound.to_dict()] for name, bound in self.bounds.items()], "choice": self.choice}

    def __str__(self) -> str:
        width = max(len(str(name)) for name in self.bounds)
        lines = [f"{name!s:<{width}}  {bound.value:>12.6f} nats/token" for name, bound in self.bounds.items()]
        return "\n".join([*lines, f"best: {self.choice}", str(self.best)])


def prior_union(streams: Mapping[Any, Any], prior: Prior, *,
                ceiling: float | Mapping[Any, float] | None = None, delta: float | None = None,
                log_inv_delta: Real | None = None, bound: Callable[..., BoundResult] = geometric_mean,
                **options: Any) -> UnionResult:  # fmt: skip
    """For all h at once: the bound of h at n C(h) = ln(1/pi_h) + ln(1/delta), and its own grids on top.

    Source: THEORY 2 `prior_union` (the Occam bound of [L24] and [F25]).

    Args:
        streams: hypothesis -> losses X (n,), or (losses, predictions), or a Wealth; the same n for all. Every
            one is in the prior; those of the prior that are not evaluated cost nothing more.
        prior: pi, fixed before the data are seen. EVERYTHING chosen with the data is part of h.
        ceiling: B, nats, one for all or one per hypothesis. Not needed for a Wealth.
        delta: failure probability; or
        log_inv_delta: ln(1/delta), nats. Exactly one of the two.
        bound: geometric_mean, empirical_freedman, azuma_hoeffding or another with the same keywords.
        options: further keywords of `bound` (shift, grid, prediction_floor), fixed beforehand.

    Returns:
        UnionResult, with `.best` and a BoundResult for every hypothesis.

    Raises:
        DomainError, DataError: a hypothesis the prior does not list or rules out, unequal n, or what `bound` refuses.

    >>> prior = Prior.from_bits({"small": 10, "large": 1000})
    >>> losses = {"small": [2.0] * 1000, "large": [1.0] * 1000}
    >>> result = prior_union(losses, prior, ceiling=16.0, delta=0.05)
    >>> result.choice, round(result.best.value, 3), round(result["large"].value, 3)
    ('small', 2.205, 8.559)
    """
    if not streams:
        raise domain_error("streams", {}, "at least one hypothesis", "losses per hypothesis")
    whole = failure_nats(delta, log_inv_delta)
    bounds: dict[Hashable, BoundResult] = {}
    for name, data in streams.items():
        price = prior[name]
        with precision():
            nats = whole + ball(_charged(name, price))
        limits = ceiling[name] if isinstance(ceiling, Mapping) and name in ceiling else ceiling
        if isinstance(limits, Mapping):
            raise domain_error("ceiling", dict(limits), f"an entry for {name!r}", "nats, one per hypothesis")
        given = {} if limits is None else {"ceiling": limits}
        found = bound(*_stream(name, data), log_inv_delta=nats, **given, **options)
        if found.side == "limit":
            raise DomainError(f"bound={found.name}: need an upper or lower bound (a limit certifies nothing)")
        bounds[name] = itemised(found, "prior_union", {f"prior of {name}": price, FAILURE: up(whole)},
                                f"{STATEMENT}; each by {found.name}")  # fmt: skip
    if len({found.n for found in bounds.values()}) != 1:
        counts = {name: found.n for name, found in bounds.items()}
        raise domain_error("streams", counts, "the same n for every hypothesis", "tokens seen")
    sign = -1.0 if next(iter(bounds.values())).side == "lower" else 1.0
    return UnionResult(bounds, min(bounds, key=lambda name: sign * bounds[name].value))


def _stream(name: Hashable, data: Any) -> tuple[Any, ...]:
    if not isinstance(data, tuple):
        return (data,)
    if len(data) != 2 or isinstance(data[0], (int, float)):
        raise DataError(f"streams[{name!r}]: a tuple is (losses, predictions), got {len(data)} entries")
    return data


def _charged(name: Hashable, nats: float) -> float:
    if nats == math.inf:
        raise domain_error(f"pi[{name!r}]", 0.0, "pi > 0", "the prior rules this hypothesis out")
    return nats
