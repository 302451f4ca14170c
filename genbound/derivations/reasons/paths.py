"""Reasons of the scaling laws: a symbol that runs along a path, and terms that are small beside others."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import sympy as sp

from genbound.derivations.domains import UnverifiedError, domain, nonnegative, placed, positive, require
from genbound.derivations.meaning import FREE, MEASURED, NAMED
from genbound.derivations.reasons.growth import Growth, growth, vanishes
from genbound.derivations.rules import PER_TOKEN, Instance, Limit, Reason
from genbound.proving.identity import identical

if TYPE_CHECKING:
    from genbound.derivations.chain import Derivation


@final
@dataclass(frozen=True, kw_only=True)
class Along(Reason):
    """The line where `over` has the value `at`: the statement about that path, or in another unit.

    With `derived` the path is the last line of that chain, which is verified. What is measured has no value of its own,
    and after an inequality only a parameter that the statement leaves free has one, fixed without looking at the data.
    """

    over: sp.Symbol
    at: sp.Expr
    derived: Derivation | None = None
    replaces: ClassVar[bool] = True

    def instance(self, before: sp.Expr) -> Instance:
        require(self.over in before.free_symbols, f"{self.over} is not in {before}")
        require(self.over not in MEASURED - set(NAMED), f"{self.over} is measured, not chosen")
        low, high = domain(self.over)[self.over]
        inside = (low == -sp.oo or nonnegative(self.at - low)) and (high == sp.oo or nonnegative(high - self.at))
        require(inside, f"{self.over} = {self.at} may leave its domain")
        if self.derived is not None:
            _, last = self.derived.verified()
            require(identical(last, self.at), f"{self.derived.claim} ends in {last}")
        return Instance(before, placed(before, {self.over: self.at}), equal=True)

    def unbounding(self) -> str:
        seen = sorted(x.name for x in self.at.free_symbols & (MEASURED | PER_TOKEN | {self.over}))
        if self.over in FREE and not seen:
            return ""
        return f"{self.over} = {self.at} in a bound: {seen or self.over} is no free parameter fixed beforehand"

    def words(self) -> str:
        return f"at {self.over} = {self.at}" + (f", by {self.derived.claim}" if self.derived else "")


@final
@dataclass(frozen=True, kw_only=True)
class Negligible(Reason):
    """As `over` grows, a sum is equivalent to the sum of some positive terms of it, `kept`, when each of the others is
    of lower order than one of these, which is at most their sum. Which one is the largest need not be known.
    """

    over: sp.Symbol
    kept: tuple[sp.Expr, ...]

    def instance(self, before: sp.Expr) -> Instance:
        for each in self.kept:
            require(positive(growth(each, self.over).c), f"{each}, which is kept, is not shown to be positive far out")
        total = sp.Add(*self.kept)
        for term in sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(before - total)))):
            shares = {each: growth(sp.powsimp(sp.expand(term / each)), self.over) for each in self.kept}
            told = "; ".join(f"{share.term(self.over)} of {each}" for each, share in shares.items())
            small = term == 0 or any(map(_below, shares.values()))
            require(small, f"{term} is not shown to be of lower order than a term that is kept: it is about {told}")
        return Instance(before, total, tends=Limit(self.over))

    def words(self) -> str:
        return f"every other term is of lower order than one of these as {self.over} -> oo"


def _below(share: Growth) -> bool:
    """Whether it is shown to tend to 0."""
    try:
        return vanishes(share)
    except UnverifiedError:
        return False
