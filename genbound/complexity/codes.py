"""`prior_union`: what is paid, in nats, and what was fixed beforehand and is free (THEORY 2).

With prefix-free code lengths L(h) bits (Kraft: sum 2^-L <= 1) a bound holds for all h at once with
n C(h) = L(h) ln 2 + ln(1/delta) + ln(1/pi_j). Everything chosen with the data is in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from genbound.certified import ball, precision, up
from genbound.errors import DataError, domain_error


@dataclass(frozen=True)
class Paid:
    """One paid item: `nats` (rounded up by whoever computed it) for `label`, because of `why`."""

    label: str
    nats: float
    why: str = ""


@dataclass(frozen=True)
class Ledger:
    """Everything a bound pays for, in order, and everything fixed before the data were seen.

    Source: THEORY 2 `prior_union` (the Occam bound of [L24] and [F25]).

    >>> ledger = Ledger().pay("model code", code_nats(1000), "bytes of the coded file")
    >>> ledger = ledger.pay("failure probability", log_inv_delta(0.05), "delta = 0.05").fix("architecture")
    >>> round(ledger.total(), 6), ledger.fixed
    (696.142913, ('architecture',))
    >>> Ledger.from_dict(ledger.to_dict()) == ledger
    True
    """

    items: tuple[Paid, ...] = ()
    fixed: tuple[str, ...] = ()

    def pay(self, label: str, nats: float, why: str = "") -> Ledger:
        """A ledger with one more item; labels are distinct, nats >= 0 and finite."""
        if any(item.label == label for item in self.items):
            raise domain_error("label", label, "a label not yet in the ledger", "paid twice")
        if not ball(nats) >= 0:
            raise domain_error("nats", nats, "nats >= 0", f"price of {label}")
        return Ledger((*self.items, Paid(label, float(nats), why)), self.fixed)

    def fix(self, *facts: str) -> Ledger:
        """A ledger that also lists these as fixed beforehand (free)."""
        return Ledger(self.items, (*self.fixed, *facts))

    def total(self) -> float:
        """The sum of all items, nats, rounded up: the log_inv_delta argument of every bound."""
        with precision():
            return up(sum((ball(item.nats) for item in self.items), arb(0)))

    def __getitem__(self, label: str) -> float:
        for item in self.items:
            if item.label == label:
                return item.nats
        raise KeyError(label)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same ledger back."""
        items = [{"label": item.label, "nats": item.nats, "why": item.why} for item in self.items]
        return {"items": items, "fixed": list(self.fixed)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Ledger:
        """Inverse of `to_dict`; DataError for anything else."""
        try:
            ledger = cls().fix(*(str(fact) for fact in data["fixed"]))
            for item in data["items"]:
                ledger = ledger.pay(str(item["label"]), float(item["nats"]), str(item["why"]))
            return ledger
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"not a stored ledger: {error}") from error

    def __str__(self) -> str:
        rows = [(item.label, item.nats, item.why) for item in self.items] + [("total", self.total(), "")]
        width = max(len(label) for label, _, _ in rows)
        lines = [f"{label:<{width}}  {nats:>16.3f} nats  {why}".rstrip() for label, nats, why in rows]
        return "\n".join(lines + [f"fixed beforehand: {fact}" for fact in self.fixed])


def log_inv_delta(delta: float) -> float:
    """ln(1/delta), nats, rounded up. For smaller delta than float64 holds, pass the nats directly.

    >>> round(log_inv_delta(0.05), 9)
    2.995732274
    """
    if not 0.0 < delta < 1.0:
        raise domain_error("delta", delta, "0 < delta < 1", "failure probability")
    with precision():
        return up(-ball(delta).log())


def code_nats(bits: int | float | Fraction) -> float:
    """L ln 2: a prefix-free code length of L bits in nats, rounded up.

    >>> round(code_nats(8), 9)
    5.545177444
    """
    length = ball(bits)
    if not length >= 0:
        raise domain_error("L", bits, "L >= 0", "code length in bits")
    with precision():
        return up(length * arb(2).log())


def choice_nats(count: int) -> float:
    """ln(count): a uniform prior over `count` members fixed beforehand, nats, rounded up.

    >>> round(choice_nats(16), 9), choice_nats(1)
    (2.772588722, 0.0)
    """
    if count < 1:
        raise domain_error("count", count, "count >= 1", "members fixed beforehand")
    with precision():
        return up(arb(int(count)).log())


def elias_gamma_bits(k: int) -> int:
    """2 floor(log2 k) + 1 bits: the Elias gamma code of an integer k >= 1, prefix-free.

    >>> [elias_gamma_bits(k) for k in (1, 2, 3, 4)], elias_gamma_bits(2**40)
    ([1, 3, 3, 5], 81)
    """
    if k < 1:
        raise domain_error("k", k, "k >= 1", "integer to be coded")
    return 2 * (int(k).bit_length() - 1) + 1


def kraft_sum(lengths: Iterable[int]) -> Fraction:
    """sum 2^-L, exactly: at most 1 for a prefix-free code.

    >>> kraft_sum([1, 2, 3, 3])
    Fraction(1, 1)
    """
    return sum((Fraction(1, 1 << length) for length in lengths), Fraction(0))


def split_delta(log_inv: float, n: int, m: int) -> tuple[float, float]:
    """(ln(1/delta_1), ln(1/delta_2)) with delta_1 = delta m/(m+n) and delta_2 = delta n/(m+n).

    Stage 1 spreads ln(1/delta_1) over n tokens, stage 2 spreads ln(1/delta_2) over m windows: minimising
    ln(1/delta_1)/n + ln(1/delta_2)/m gives delta_1 : delta_2 = m : n (the r of [L24]). m and n are fixed
    before sampling, so the split is free. Both are rounded up, so delta_1 + delta_2 <= delta.

    Args:
        log_inv: ln(1/delta), nats, >= 0.
        n: tokens of the stream. m: sampled windows.

    >>> [round(nats, 6) for nats in split_delta(log_inv_delta(0.05), 10**6, 10**3)]
    [9.904487, 2.996732]
    """
    given = ball(log_inv)
    if not given >= 0:
        raise domain_error("log_inv", log_inv, "ln(1/delta) >= 0", "nats")
    if n < 1 or m < 1:
        raise domain_error("n, m", (n, m), "n >= 1, m >= 1", "tokens and sampled windows")
    with precision():
        total = arb(int(n) + int(m)).log()
        return up(given + total - arb(int(m)).log()), up(given + total - arb(int(n)).log())
