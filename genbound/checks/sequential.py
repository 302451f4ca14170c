"""A sequential coverage test: does a bound miss more often than delta? It may be read after every trial.

Trials v_t in {0, 1} say whether the bound missed. For an alternative q the factor (q/delta)^v ((1-q)/(1-delta))^(1-v)
has mean 1 at P(v = 1 | past) = delta; for q > delta it grows with v, so its mean is at most 1 whenever that
probability is at most delta; for q < delta whenever it is at least delta. Products over trials, and mixtures of them
fixed beforehand, are therefore nonnegative supermartingales that start at 1, and by Ville's inequality such a process
ever reaches 1/budget with probability at most `budget`. Neither trials nor stopping need be independent of the past.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from genbound.errors import domain_error

State = Literal["open", "rejected", "confirmed"]

DEPTH = 12
"""Alternatives on either side: delta + (1 - delta) 2^-i and delta (1 - 2^-i), i < DEPTH."""


@lru_cache(maxsize=256)
def _members(delta: float, above: bool) -> tuple[tuple[float, float, float], ...]:
    """(ln weight, ln factor of a miss, ln factor of a hit) of every alternative; weights are halves, the last twice."""
    found = []
    for i in range(DEPTH):
        weight = -min(i + 1, DEPTH - 1) * math.log(2.0)
        gap = 2.0**-i
        q = delta + (1.0 - delta) * gap if above else delta * (1.0 - gap)
        miss = math.log(q / delta) if q > 0 else -math.inf
        hit = math.log1p(-gap) if above and gap < 1 else -math.inf if above else math.log1p(delta * gap / (1.0 - delta))
        found.append((weight, miss, hit))
    return tuple(found)


def log_evidence(misses: int, trials: int, delta: float, above: bool = True) -> float:
    """ln of the mixture likelihood ratio: against P(miss) <= delta (`above`), or against P(miss) >= delta.

    It depends on the counts only.

    Args:
        misses: number of v_t = 1.
        trials: number of trials.
        delta: 0 < delta < 1.
        above: which of the two hypotheses the evidence is against.

    Raises:
        DomainError: delta or counts outside their domain.

    >>> log_evidence(0, 0, 0.3), log_evidence(30, 30, 0.3) > 20, log_evidence(0, 30, 0.3, above=False) > 6.9
    (0.0, True, True)
    """
    if not 0.0 < delta < 1.0:
        raise domain_error("delta", delta, "0 < delta < 1", "failure probability")
    if not 0 <= misses <= trials:
        raise domain_error("misses", misses, f"0 <= misses <= trials = {trials}", "number of violations")
    if trials == 0:
        return 0.0
    hits = trials - misses
    terms = [
        weight + (misses * miss if misses else 0.0) + (hits * hit if hits else 0.0)
        for weight, miss, hit in _members(delta, above)
    ]
    largest = max(terms)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(term - largest) for term in terms))


@dataclass
class CoverageTest:
    """Counts misses and decides: "rejected" (they are too many), "confirmed" (they are few enough), or still "open".

    Attributes:
        delta: allowed probability of a miss, 0 < delta < 1.
        false_alarm: probability that a bound that misses with probability <= delta is ever rejected, at most this.
        false_comfort: probability that one that misses with probability >= delta is ever confirmed, at most this.

    >>> test = CoverageTest(delta=0.3, false_alarm=1e-9, false_comfort=1e-3)
    >>> test.add(False, times=40), test.trials
    ('confirmed', 22)
    """

    delta: float
    false_alarm: float
    false_comfort: float
    misses: int = 0
    trials: int = 0
    state: State = "open"

    def __post_init__(self) -> None:
        if not 0.0 < self.delta < 1.0:
            raise domain_error("delta", self.delta, "0 < delta < 1", "failure probability")
        for symbol in ("false_alarm", "false_comfort"):
            if not 0.0 < getattr(self, symbol) <= 1.0:
                raise domain_error(symbol, getattr(self, symbol), f"0 < {symbol} <= 1", "error probability")

    def add(self, miss: bool, times: int = 1) -> State:
        """One more trial (or `times` equal ones), and what follows; nothing changes once decided."""
        for _ in range(times):
            if self.state != "open":
                break
            self.trials += 1
            self.misses += int(miss)
            if miss and self.log_evidence() >= -math.log(self.false_alarm):
                self.state = "rejected"
            elif not miss and log_evidence(self.misses, self.trials, self.delta, False) >= -math.log(
                self.false_comfort
            ):
                self.state = "confirmed"
        return self.state

    def log_evidence(self) -> float:
        """ln of the evidence that misses are more frequent than delta, nats."""
        return log_evidence(self.misses, self.trials, self.delta)
