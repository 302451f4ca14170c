"""`Prior`: what it costs to name one hypothesis out of many that were listed beforehand (THEORY 2).

sum_h pi_h <= 1,   ln(1/pi_h) nats for h;   pi_h = 2^-L(h) for prefix-free code lengths of L(h) bits (Kraft).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import Real, ball, precision, up
from genbound.complexity.codes import choice_nats, code_nats
from genbound.complexity.pricing import failure_nats, finite
from genbound.errors import domain_error

ROUNDING = Fraction(1, 1 << 40)
"""Float weights may miss their sum by this much; they are then divided by the exact sum."""


@dataclass(frozen=True)
class Prior:
    """pi: weights fixed before the data are seen, sum_h pi_h <= 1, kept as ln(1/pi_h) in nats, rounded up.

    Source: THEORY 2 `prior_union` (Kraft 1949 for code lengths; the Occam bound of [L24] and [F25]).

    Attributes:
        nats: hypothesis -> ln(1/pi_h) >= 0; +inf for a hypothesis the prior rules out.

    Raises:
        DomainError: no hypothesis, NaN or negative nats, or sum_h e^{-nats} not certified to be at most 1.

    >>> prior = Prior.from_bits({"2 bits": 1, "3 bits": 2, "4 bits": 2})
    >>> round(prior["3 bits"], 6), len(prior)
    (1.386294, 3)
    >>> Prior.from_bits({"a": 1, "b": 1, "c": 1})
    Traceback (most recent call last):
    genbound.errors.DomainError: sum 2^-L=1.5: need at most 1 (Kraft: prefix-free code lengths in bits)
    """

    nats: Mapping[Any, float]

    def __post_init__(self) -> None:
        _need_names(self.nats)
        for name, nats in self.nats.items():
            if not nats >= 0:
                raise domain_error(f"nats[{name!r}]", nats, "nats >= 0", "ln(1/pi) of a hypothesis")
        with precision():
            total = sum(((-ball(nats)).exp() for nats in self.nats.values() if nats < math.inf), arb(0))
        _need_sub_probability("sum e^-nats", total, "a prior in nats")
        object.__setattr__(self, "nats", dict(self.nats))

    @classmethod
    def from_bits(cls, lengths: Mapping[Any, Real]) -> Prior:
        """pi_h = 2^-L(h): Kraft's sum is compared exactly for whole bits, in ball arithmetic otherwise.

        Args:
            lengths: hypothesis -> L >= 0, bits.

        Raises:
            DomainError: sum 2^-L above 1, or not certainly at most 1 (fractional bits); L < 0 or not finite.
        """
        _need_names(lengths)
        exact = {name: finite(f"L[{name!r}]", bits, "code length in bits") for name, bits in lengths.items()}
        for name, bits in exact.items():
            if not bits >= 0:
                raise domain_error(f"L[{name!r}]", lengths[name], "L >= 0", "code length in bits")
        whole = all(bits.is_integer() for bits in exact.values())
        if not (whole and _fits(int(bits.unique_fmpz()) for bits in exact.values())):  # type: ignore[arg-type]
            with precision():
                total = sum((arb(2) ** -bits for bits in exact.values()), arb(0))
            meaning = "Kraft: prefix-free code lengths in bits"
            if whole:
                raise domain_error("sum 2^-L", up(total), "at most 1", meaning)
            _need_sub_probability("sum 2^-L", total, meaning)
        return cls({name: code_nats(bits) for name, bits in exact.items()})  # type: ignore[arg-type]

    @classmethod
    def from_weights(cls, weights: Mapping[Any, Real]) -> Prior:
        """pi_h = w_h, nonnegative and of sum at most 1, added exactly as fractions.

        A sum above 1 by 2^-40 at most is float rounding: the weights are divided by the exact sum.

        >>> Prior.from_weights({j: 0.1 for j in range(10)})[3] >= math.log(10)
        True
        """
        _need_names(weights)
        exact = {name: fraction(f"weights[{name!r}]", weight) for name, weight in weights.items()}
        total = at_most_one("sum of weights", exact.values())
        with precision():
            return cls({name: up(ball(total / w).log()) if w else math.inf for name, w in exact.items()})

    @classmethod
    def uniform(cls, names: Iterable[Hashable]) -> Prior:
        """pi_h = 1/H over H distinct names, ln H nats each."""
        listed = list(names)
        if len(set(listed)) != len(listed):
            raise domain_error("names", listed, "distinct names", "hypotheses listed beforehand")
        _need_names(listed)
        return cls(dict.fromkeys(listed, choice_nats(len(listed))))

    def __getitem__(self, name: Hashable) -> float:
        if name not in self.nats:
            raise domain_error("hypothesis", name, "one listed in the prior", "fixed before the data were seen")
        return self.nats[name]

    def __len__(self) -> int:
        return len(self.nats)

    def split(self, *, delta: float | None = None, log_inv_delta: Real | None = None) -> dict[Hashable, float]:
        """name -> ln(1/delta_j) with delta_j = pi_j delta, nats, rounded up: sum delta_j <= delta.

        For several different bounds on the same data: each is given its own share, and the smallest holds.

        Args:
            delta: failure probability of all together; or
            log_inv_delta: ln(1/delta), nats. Exactly one of the two.

        >>> shares = Prior.uniform(["azuma", "geometric mean"]).split(delta=0.05)
        >>> [round(nats, 6) for nats in shares.values()]
        [3.688879, 3.688879]
        """
        whole = failure_nats(delta, log_inv_delta)
        with precision():
            parts = {name: whole + ball(nats) for name, nats in self.nats.items() if nats < math.inf}
            return {name: up(part) for name, part in parts.items()}


def fraction(symbol: str, weight: Real) -> Fraction:
    """The exact value of a weight >= 0; DomainError by name otherwise."""
    number = isinstance(weight, (int, float, Fraction, np.integer, np.floating)) and not isinstance(weight, bool)
    if not (number and 0 <= weight < math.inf):
        raise domain_error(symbol, weight, "0 <= weight <= 1", "weight fixed before the data were seen")
    return Fraction(weight.item() if isinstance(weight, np.generic) else weight)  # type: ignore[arg-type]


def at_most_one(symbol: str, weights: Iterable[Fraction]) -> Fraction:
    """What to divide by: 1, or the exact sum when it exceeds 1 by float rounding; more is refused."""
    total = sum(weights, Fraction(0))
    if total > 1 + ROUNDING:
        raise domain_error(symbol, float(total), "at most 1", "a prior")
    return max(total, Fraction(1))


def _need_names(names: Mapping[Any, object] | list[Hashable]) -> None:
    if not names:
        raise domain_error("hypotheses", {}, "at least one", "listed before the data are seen")


def _need_sub_probability(symbol: str, total: arb, meaning: str) -> None:
    if not total <= 1:
        raise domain_error(symbol, up(total), "at most 1", meaning)


def _fits(lengths: Iterable[int]) -> bool:
    """Whether sum 2^-L <= 1, exactly, for lengths of any size.

    All shorter words are multiples of 2^-M, so the longer ones may be rounded up to a multiple of it.
    """
    counts = Counter(lengths)
    carried, depth = 0, max(counts)
    for length in sorted(counts, reverse=True):
        carried = -(-carried >> (depth - length)) + counts[length]
        depth = length
    return -(-carried >> depth) <= 1
