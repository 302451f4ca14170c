"""Reasons for how a line behaves in a limit: leading terms, Taylor polynomials, squeezes.

`before ~ after` says that before = after (1 + o(1)) as one symbol tends to its limit, the others held at any values
inside their domains; nothing is said about how fast, nor uniformly in the others.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

import sympy as sp

from genbound.derivations.domains import analytic, domain, placed, positive, require, smooth_there
from genbound.derivations.reasons.growth import equivalent, leading, returned
from genbound.derivations.reasons.series import IntegralTest, Integrated, Linear, Telescope, ZetaRest
from genbound.derivations.rules import Instance, Limit, Reason
from genbound.proving.identity import identical

if TYPE_CHECKING:
    from genbound.derivations.chain import Derivation

__all__ = ["Equivalent", "IntegralTest", "Integrated", "Leading", "Linear", "Solve", "Squeeze", "Taylor", "Telescope",
           "ZetaRest"]  # fmt: skip

_LARGEST_ORDER = 12


@final
@dataclass(frozen=True, kw_only=True)
class Leading(Reason):
    """The quotient of the lines tends to 1, by power counting; `of` is the part of the line it is about."""

    over: sp.Symbol
    to: sp.Expr = sp.oo
    side: Literal["+", "-"] = "+"
    of: sp.Expr | None = None

    def instance(self, before: sp.Expr) -> Instance:
        at = Limit(self.over, sp.sympify(self.to), self.side)
        part = before if self.of is None else self.of
        return Instance(part, returned(leading(part, at), at), tends=at)

    def words(self) -> str:
        return f"leading term as {Limit(self.over, sp.sympify(self.to), self.side)}"


@final
@dataclass(frozen=True, kw_only=True)
class Taylor(Reason):
    """before = after + O((x - c)^{order + 1}) as x -> c, `after` being the Taylor polynomial of that order.

    The line is analytic at c (what is under a logarithm or a root is positive there, no denominator vanishes), and the
    first coefficient of the polynomial that is not identically 0 is shown to be other than 0 inside the domain: so the
    quotient tends to 1 as well, which is what `~` says. The claim is made on the side of c given by `side`.
    """

    over: sp.Symbol
    at: sp.Expr
    order: int
    side: Literal["+", "-"] = "+"
    of: sp.Expr | None = None

    loose: ClassVar[bool] = False

    def instance(self, before: sp.Expr) -> Instance:
        x, c, part = self.over, sp.sympify(self.at), before if self.of is None else self.of
        require(0 <= self.order <= _LARGEST_ORDER, f"order {self.order} is not one of 0, ..., {_LARGEST_ORDER}")
        require(c.is_number and bool(c.is_finite), f"{c} is not a finite number")
        require(analytic(part, x, c), f"{part} is not shown to be analytic at {x} = {c}")
        terms, slope = [], part
        for k in range(self.order + 1):
            terms.append(sp.simplify(slope.subs(x, c)) / sp.factorial(k))
            slope = sp.diff(slope, x)
        first = next((each for each in terms if not identical(each, sp.Integer(0))), None)
        require(first is not None, f"the Taylor polynomial of order {self.order} is 0")
        assert first is not None
        require(positive(first) or positive(-first), f"{first} is not shown to be other than 0")
        polynomial = sp.Add(*(each * (x - c) ** k for k, each in enumerate(terms)))
        return Instance(part, polynomial, tends=Limit(x, c, self.side))

    def words(self) -> str:
        distance = self.over - sp.sympify(self.at)
        return f"Taylor polynomial at {self.over} = {self.at}, up to O(({distance})^{self.order + 1})"


@final
@dataclass(frozen=True, kw_only=True)
class Squeeze(Reason):
    """below <= line <= above, both verified, and both bounds have the same leading term.

    The line goes over to that term, or with `keep` to the bound from below or from above.
    """

    below: Derivation
    above: Derivation
    over: sp.Symbol
    to: sp.Expr = sp.oo
    side: Literal["+", "-"] = "+"
    keep: Literal["below", "above"] | None = None

    def instance(self, before: sp.Expr) -> Instance:
        at = Limit(self.over, sp.sympify(self.to), self.side)
        (first, low), (second, high) = self.below.verified(), self.above.verified()
        require(not (self.below.replaces or self.above.replaces), "a bound goes over to another instance")
        require(self.below.relation in (">=", "==") and self.above.relation in ("<=", "=="), "a bound points elsewhere")
        require(first == second or identical(first, second), "the bounds are about different lines")
        require(equivalent(low, high, at), f"{low} and {high} are not shown to be equivalent")
        kept = {"below": low, "above": high, None: returned(leading(low, at), at)}[self.keep]
        return Instance(first, kept, tends=at)

    def words(self) -> str:
        return f"between {self.below.claim} and {self.above.claim}"


@final
@dataclass(frozen=True, kw_only=True)
class Equivalent(Reason):
    """A chain with the relation ~ that is derived elsewhere."""

    derivation: Derivation

    def instance(self, before: sp.Expr) -> Instance:
        first, last = self.derivation.verified()
        require(self.derivation.relation == "~" and not self.derivation.replaces, "the chain does not end in ~")
        return Instance(first, last, tends=self.derivation.tends)

    def words(self) -> str:
        return self.derivation.claim


@final
@dataclass(frozen=True, kw_only=True)
class Solve(Reason):
    """The line vanishes at x = `at` and nowhere else in the domain: it goes over to its root.

    The root lies in the domain, the line is smooth there, and its slope keeps one strict sign.
    """

    over: sp.Symbol
    at: sp.Expr

    replaces: ClassVar[bool] = True

    def instance(self, before: sp.Expr) -> Instance:
        require(self.over not in self.at.free_symbols, f"{self.at} still contains {self.over}")
        low, high = domain(self.over)[self.over]
        inside = all(gap.is_infinite or positive(gap) for gap in (self.at - low, high - self.at))
        require(inside, f"{self.over} = {self.at} may leave its domain")
        value = placed(before, {self.over: self.at})
        require(identical(value, sp.Integer(0)), f"the line does not vanish at {self.at}")
        require(smooth_there(before), f"not shown to be smooth in {self.over}")
        slope = sp.diff(before, self.over)
        require(positive(slope) or positive(-slope), f"not shown to be strictly monotone in {self.over}")
        return Instance(before, self.at, equal=True)

    def unbounding(self) -> str:
        return f"a bound is no equation to be solved for {self.over}"

    def words(self) -> str:
        return f"solved for {self.over}"
