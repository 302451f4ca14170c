"""Reasons for sums and integrals: compared with integrals, closed by telescoping, evaluated by an antiderivative."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import sympy as sp

from genbound.derivations.domains import (
    analytic,
    assuming,
    nonnegative,
    positive,
    require,
    smooth_there,
    summand,
)
from genbound.derivations.rules import Instance, Reason
from genbound.proving.identity import identical

Side = Literal["below", "above"]


@final
@dataclass(frozen=True, kw_only=True)
class IntegralTest(Reason):
    """A sum of a monotone f from i = first to last lies between two integrals.

    With F' = f and f falling: F(last) - F(first) + f(last) <= sum <= F(last) - F(first) + f(first); the other way round
    for f rising. `last` stands for a whole number >= first.
    """

    total: sp.Sum
    antiderivative: sp.Expr
    side: Side

    def instance(self, before: sp.Expr) -> Instance:
        term, (i, first, last) = summand(self.total)
        require(nonnegative(last - first), f"{last} may lie below {first}")
        _antiderivative(self.antiderivative, term, i, (first, sp.oo))
        with assuming({i: (first, sp.oo)}, more=True):
            falls, rises = (nonnegative(sign * sp.diff(term, i)) for sign in (-1, 1))
            above_zero = positive(term) and positive(term.subs(i, first))
        require(falls or rises, f"{term} is not shown to be monotone")
        area = self.antiderivative.subs(i, last) - self.antiderivative.subs(i, first)
        ends = {"below": last if falls else first, "above": first if falls else last}
        other = area + term.subs(i, ends[self.side])
        sides = (other, self.total) if self.side == "below" else (self.total, other)
        return Instance(*sides, positive=above_zero)

    def words(self) -> str:
        return f"the integral of {self.total.function}, from {self.side}"


@final
@dataclass(frozen=True, kw_only=True)
class ZetaRest(Reason):
    """sum_{i <= n} i^-q is zeta(q) less a rest that lies between two integrals, for q > 1.

    zeta(q) - n^{1-q}/(q - 1) <= sum <= zeta(q) - n^{1-q}/(q - 1) + n^-q, the rest being at most the integral from n on
    and at least that from n + 1 on. Both are positive.
    """

    total: sp.Sum
    exponent: sp.Expr
    side: Side

    def instance(self, before: sp.Expr) -> Instance:
        term, (i, first, n) = summand(self.total)
        of_them = first == 1 and identical(term, i**-self.exponent) and i not in self.exponent.free_symbols
        require(of_them, f"{self.total} is no sum of i^-({self.exponent})")
        require(positive(self.exponent - 1), f"{self.exponent} is not shown to exceed 1")
        require(nonnegative(n - 1), f"{n} may lie below 1")
        below = sp.zeta(self.exponent) - n ** (1 - self.exponent) / (self.exponent - 1)
        if self.side == "below":
            return Instance(below, self.total, positive=True)
        return Instance(self.total, below + n**-self.exponent, positive=True)

    def words(self) -> str:
        return f"zeta({self.exponent}) less the integral of what is left out, from {self.side}"


@final
@dataclass(frozen=True, kw_only=True)
class Telescope(Reason):
    """A sum of f(i) = G(i) - G(i - 1) from i = first to last is G(last) - G(first - 1)."""

    total: sp.Sum
    closed: sp.Expr

    def instance(self, before: sp.Expr) -> Instance:
        term, (i, first, last) = summand(self.total)
        require(nonnegative(last - first), f"{last} may lie below {first}")
        require(identical(self.closed - self.closed.subs(i, i - 1), term), f"{self.closed} does not differ by {term}")
        with assuming({i: (first, sp.oo)}, more=True):
            require(smooth_there(self.closed) and smooth_there(term), f"{self.closed} is not shown to be smooth")
        start = self.closed.subs(i, first - 1)
        require(start.is_finite is not False and not start.has(sp.nan), f"{self.closed} is no number at {first - 1}")
        return Instance(self.total, self.closed.subs(i, last) - start, equal=True)

    def words(self) -> str:
        return "the sum telescopes"


@final
@dataclass(frozen=True, kw_only=True)
class Linear(Reason):
    """A sum term by term: constants taken out, a sum of 1 counted."""

    total: sp.Sum

    def instance(self, before: sp.Expr) -> Instance:
        term, (i, first, last) = summand(self.total)
        require(nonnegative(last - first), f"{last} may lie below {first}")
        parts = []
        for each in sp.Add.make_args(sp.expand(term)):
            constant, rest = each.as_independent(i, as_Add=False)
            parts.append(constant * (last - first + 1 if rest == 1 else sp.Sum(rest, (i, first, last))))
        return Instance(self.total, sp.Add(*parts), equal=True)

    def words(self) -> str:
        return "a sum is linear"


@final
@dataclass(frozen=True, kw_only=True)
class Integrated(Reason):
    """A definite integral over [low, high] is F(high) - F(low), F' = f, both analytic on the closed interval."""

    integral: sp.Integral
    antiderivative: sp.Expr

    def instance(self, before: sp.Expr) -> Instance:
        require(len(self.integral.limits) == 1 and len(self.integral.limits[0]) == 3, "not a simple definite integral")
        u, low, high = self.integral.limits[0].args
        require(low.is_number and high.is_number and bool(low < high), "its ends are not two numbers in order")
        _antiderivative(self.antiderivative, self.integral.function, u, (low, high))
        value = self.antiderivative.subs(u, high) - self.antiderivative.subs(u, low)
        return Instance(self.integral, value, equal=True)

    def words(self) -> str:
        return f"antiderivative {self.antiderivative}"


def _antiderivative(function: sp.Expr, slope: sp.Expr, x: sp.Symbol, ends: tuple[sp.Expr, sp.Expr]) -> None:
    """UnverifiedError unless function' = slope, both analytic from end to end."""
    require(identical(sp.diff(function, x), slope), f"the derivative of {function} is not {slope}")
    with assuming({x: ends}, more=True):
        for each in (function, slope):
            require(smooth_there(each), f"{each} is not shown to be smooth")
            for c in ends:
                require(c == sp.oo or analytic(each, x, c), f"{each} is not shown to be analytic at {c}")
