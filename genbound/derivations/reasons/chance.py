"""Reasons of probability: Ville (Markov), GM <= mean, what a stronger event costs, and bounds known already."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, final

import sympy as sp

from genbound.derivations.meaning import MEASURED, WORLDS
from genbound.derivations.rules import Instance, Means, Reason, WrongError, averaged, nonnegative, require
from genbound.proving.identity import identical
from genbound.symbols import QUANTITIES, symbol

if TYPE_CHECKING:
    from genbound.derivations.chain import Derivation


@final
@dataclass(frozen=True, kw_only=True)
class Jensen(Reason):
    """GM <= mean: the mean of ln t is at most ln of the mean of t (am_gm)."""

    term: sp.Expr
    means: Means

    def instance(self, before: sp.Expr) -> Instance:
        return Instance(averaged(sp.log(self.term), self.means), sp.log(averaged(self.term, self.means)))

    def words(self) -> str:
        return "am_gm: GM <= mean"


@final
@dataclass(frozen=True, kw_only=True)
class Ville(Reason):
    """E[factor | past] <= 1 makes the product a supermartingale: with probability 1 - delta, mean ln factor <= C.

    For all n at once (Ville), and at one n by Markov. `law` gives the factor on each atom of a law, as (probability,
    values of the symbols of the token); `premise` shows that its mean is at most 1: it ends in rhs >= lhs with
    E[factor] = lhs/rhs. With `convex` the factor is convex in X, so the law may be moved to the two ends (chord_step).
    """

    factor: sp.Expr
    law: tuple[tuple[sp.Expr, Mapping[sp.Symbol, sp.Expr]], ...]
    premise: Derivation
    means: Means
    complexity: sp.Expr = field(default_factory=lambda: symbol("C"))
    convex: bool = False

    def instance(self, before: sp.Expr) -> Instance:
        total = sum((p for p, _ in self.law), sp.Integer(0))
        require(identical(total, sp.Integer(1)), "the probabilities do not sum to 1")
        self._general()
        moment = sum((p * self.factor.subs(dict(values), simultaneous=True) for p, values in self.law), sp.Integer(0))
        spread = [(p, (symbol("m") - symbol("X")).subs(dict(values), simultaneous=True)) for p, values in self.law]
        require(_sum(p * each for p, each in spread) == 0, "m is not the mean of the law")
        for _, values in self.law:
            stated = values.get(symbol("conditional_variance"))
            second = _sum(p * each**2 for p, each in spread)
            require(stated is None or identical(stated, second), "not the variance of the law")
        require(not self.premise.replaces, "the premise goes over to another instance")
        require(self.premise.relation in ("==", "<="), "the premise points the wrong way")
        small, large = self.premise.verified()
        if not identical(moment, small / large):
            raise WrongError("E[factor] is not the quotient that the premise bounds by 1")
        if self.convex:
            bend = sp.diff(self.factor, symbol("X"), 2)
            require(nonnegative(sp.simplify(bend / self.factor)), "the factor is not shown to be convex in X")
        return Instance(averaged(sp.log(self.factor), self.means), self.complexity)

    def _general(self) -> None:
        """Weights that may be any, and atoms that may lie anywhere (or at the two ends, for a convex factor)."""
        weights = {p for p, _ in self.law if p.is_Symbol}
        shares = all(QUANTITIES[p.name].upper == "1" and p.is_positive for p in weights)
        rest = 1 - sum(weights, sp.Integer(0))
        weighted = any(identical(p, rest) for p, _ in self.law)
        require(len(self.law) >= 2 and len(weights) == len(self.law) - 1 and shares and weighted, "not a general law")
        if self.convex:
            ends = {values.get(symbol("X")) for _, values in self.law}
            require(ends == {sp.Integer(0), symbol("Delta")}, "the law is not at the two ends")
            return
        spread = [(symbol("m") - symbol("X")).subs(dict(values), simultaneous=True) for _, values in self.law]
        free = set().union(*(each.free_symbols for each in spread)) - weights
        apart = not any(identical(a, b) for a, b in itertools.combinations(spread, 2))
        require(apart and bool(free), "not a general law: the losses of its atoms are tied")

    def words(self) -> str:
        return f"Ville (Markov at one n) with {self.premise.claim}, probability >= 1 - delta"


@final
@dataclass(frozen=True, kw_only=True)
class Confidence(Reason):
    """C = ln(1/(share delta))/number of observations, nothing paid yet: the failures have probability share delta.

    `parts` holds (complexity, observations, share) of every bound in the line; the shares add up to 1.
    """

    parts: tuple[tuple[sp.Symbol, sp.Expr, sp.Expr], ...]
    replaces: ClassVar[bool] = True

    def instance(self, before: sp.Expr) -> Instance:
        shares = [share for _, _, share in self.parts]
        require(
            all(map(nonnegative, shares)) and identical(_sum(shares), sp.Integer(1)), "the shares of delta are not 1"
        )
        there = before.free_symbols & {symbol(name) for name in ("C", "C1", "C2", "log_inv_delta")}
        require(there == {each for each, _, _ in self.parts}, "not every bound of the line gets its share, once")
        later = any(x.name.startswith("later_") for x in before.free_symbols)
        tokens = symbol("n") - symbol("prefix") if later else symbol("n")
        counts = {symbol("C"): tokens, symbol("C1"): tokens, symbol("C2"): symbol("m_sampled")}
        true = all(count == counts[each] for each, count, _ in self.parts)
        require(true, "not the number of observations of these means")
        return Instance(before, before.subs(self.values), equal=True)

    @property
    def values(self) -> dict[sp.Symbol, sp.Expr]:
        """Complexity -> its value."""
        return {x: (symbol("log_inv_delta") - sp.log(share)) / count for x, count, share in self.parts}

    def words(self) -> str:
        return ", ".join(f"{x} = {value}" for x, value in self.values.items())


WEIGHTS: MappingProxyType[sp.Expr, str] = MappingProxyType(
    {
        sp.exp(-symbol("code_bits") * sp.log(2)): "Kraft: sum of 2^-L <= 1",
        symbol("prior"): "weights fixed beforehand, of sum at most 1",
        1 / symbol("draws"): "r weights of 1/r",
    }
)
"""Weight of a hypothesis or a member -> why all of them add up to at most 1."""


@final
@dataclass(frozen=True, kw_only=True)
class Spend(Reason):
    """More nats for a stronger event: ln(1/delta) becomes ln(1/delta) + price, price named by the rule.

    union: hypothesis or member of weight pi gets delta pi: price ln(1/pi), the weights being those of `WEIGHTS`, which
    add up to at most 1. change of measure: all
    posteriors at once: price KL(Q || P) (the card change_of_measure). draw: one draw from Q: price ln dQ/dP at it,
    which for a transcript is the sum of ln q - ln p. Where a line has several bounds that share delta, `within` is
    ln(1/(share delta)) of the one that pays: the others are about draws made when the hypothesis is known.
    """

    rule: str
    price: sp.Expr
    weight: sp.Expr | None = None
    within: sp.Expr | None = None
    replaces: ClassVar[bool] = True

    def instance(self, before: sp.Expr) -> Instance:
        budget = symbol("log_inv_delta")
        if self.rule == "union":
            require(self.weight is not None, "a union needs the weight of the member")
            assert self.weight is not None
            require(nonnegative(1 - self.weight) and nonnegative(self.weight), f"{self.weight} is no weight")
            require(self._adds_up() != "", f"weights {self.weight} are not known to add up to at most 1")
            if not identical(self.price, -sp.log(self.weight)):
                raise WrongError(f"the price of weight {self.weight} is not {self.price}")
        else:
            transcript = symbol("log_teacher") - symbol("log_student")
            known = {"change of measure": (symbol("KL"),), "draw": (symbol("log_ratio"), transcript)}
            require(self.price in known.get(self.rule, ()), f"{self.rule} has no price {self.price}")
        paid = budget if self.within is None else self.within
        require(paid.has(budget) and before.has(paid), "nothing is spent on this line")
        return Instance(before, before.subs(paid, paid + self.price), equal=True)

    def _adds_up(self) -> str:
        """Why the weights add up to at most 1; empty when that is not known."""
        return next((why for weight, why in WEIGHTS.items() if identical(self.weight, weight)), "")

    def words(self) -> str:
        why = f" ({self._adds_up()})" if self.weight is not None and self._adds_up() else ""
        return f"{self.rule}{why}: {self.price} nats more"


@final
@dataclass(frozen=True, kw_only=True)
class Known(Reason):
    """A tail bound that is derived elsewhere, its symbols renamed as one of `WORLDS` says, all that is measured."""

    derivation: Derivation
    at: Mapping[str, sp.Expr]

    def instance(self, before: sp.Expr) -> Instance:
        first, last = self.derivation.verified()
        require(self.derivation.relation == "<=", "the known bound points the other way")
        renamed = {name: str(value) for name, value in self.at.items() if value.is_Symbol}
        require(len(renamed) == len(self.at), "symbols are renamed, not replaced by something else")
        require(not renamed or renamed in WORLDS, f"no statement is about {', '.join(sorted(renamed.values()))}")
        left = {x.name for x in (first.free_symbols | last.free_symbols) & MEASURED} - renamed.keys()
        require("R" not in renamed or not left, f"{sorted(left)}: measured here, and not renamed")
        require(not (self.at and self.derivation.where), "the case of the known bound is about symbols of another name")
        return Instance(*(each.subs({symbol(k): v for k, v in self.at.items()}, simultaneous=True)
                          for each in (first, last)))  # fmt: skip

    def words(self) -> str:
        return self.derivation.claim


def _sum(terms: Iterable[sp.Expr]) -> sp.Expr:
    return sp.simplify(sum(terms, sp.Integer(0)))
