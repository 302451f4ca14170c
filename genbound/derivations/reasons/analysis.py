"""Reasons of analysis: identities, lemmas on the shelf, certified comparisons, definitions of means, minima."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import sympy as sp

from genbound.claims.card import Inequality
from genbound.claims.registry import claim
from genbound.derivations.meaning import MEANS, MEASURED, NAMED
from genbound.derivations.rules import PER_TOKEN, Instance, Means, Reason, averaged, domain, nonnegative, require
from genbound.proving.boxes import Prover
from genbound.proving.identity import identical
from genbound.proving.signs import smooth
from genbound.symbols import symbol


@final
@dataclass(frozen=True, kw_only=True)
class Identity(Reason):
    """The two lines are the same function."""

    why: str = "rewriting"

    def instance(self, before: sp.Expr) -> Instance:
        return Instance(before, before, equal=True)

    def words(self) -> str:
        return self.why


@final
@dataclass(frozen=True, kw_only=True)
class Lemma(Reason):
    """An inequality card, its variables replaced by `at`; with `means`, averaged over the tokens."""

    name: str
    at: Mapping[str, sp.Expr]
    means: Means | None = None

    def instance(self, before: sp.Expr) -> Instance:
        card = claim(self.name)
        require(isinstance(card, Inequality), f"{self.name} is no inequality of real analysis")
        assert isinstance(card, Inequality)
        names = {each.name for each in card.variables}
        require(names == set(self.at), f"{self.name}: need values for {sorted(names)}")
        for each in card.variables:
            value = self.at[each.name]
            for gap, infinite in ((value - sp.sympify(each.lower), each.lower == "-oo"),
                                  (sp.sympify(each.upper) - value, each.upper == "oo")):  # fmt: skip
                require(infinite or nonnegative(gap), f"{self.name}: {each.name} = {value} may leave its domain")
        for text in card.where:
            small, large = (_placed(sp.sympify(part, locals=_named(self.at)), self.at) for part in text.split("<="))
            require(nonnegative(large - small), f"{self.name}: {text} is not shown")
        lhs, rhs = (_placed(side, self.at) for side in card.sides())
        if self.means is not None:
            lhs, rhs = averaged(lhs, self.means), averaged(rhs, self.means)
        return Instance(lhs, rhs, card.relation == "==")

    def words(self) -> str:
        return self.name


def _named(at: Mapping[str, sp.Expr]) -> dict[str, sp.Symbol]:
    return {name: sp.Symbol(name) for name in at}


def _placed(side: sp.Expr, at: Mapping[str, sp.Expr]) -> sp.Expr:
    return side.xreplace({each: at[each.name] for each in side.free_symbols})


@final
@dataclass(frozen=True, kw_only=True)
class Certified(Reason):
    """small <= large, proved on the whole domain in ball arithmetic; `contact`: symbol -> where the two touch."""

    small: sp.Expr
    large: sp.Expr
    contact: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)

    def instance(self, before: sp.Expr) -> Instance:
        gap = self.large - self.small
        shown = nonnegative(gap) or (bool(self.contact) and _from_contact(gap, self.contact))
        require(shown, f"{self.small} <= {self.large} is not shown")
        return Instance(self.small, self.large)

    def words(self) -> str:
        return "certified"


def _from_contact(gap: sp.Expr, contact: Mapping[sp.Symbol, sp.Expr]) -> bool:
    touching = [(x, sp.sympify(c)) for x, c in contact.items()]
    return Prover(domain(gap), contacts=touching).prove(gap, 400).proved


@final
@dataclass(frozen=True, kw_only=True)
class Definition(Reason):
    """A mean by its name: `value` is the mean of `term`."""

    value: sp.Expr
    term: sp.Expr
    means: Means

    def instance(self, before: sp.Expr) -> Instance:
        require(MEANS.get(self.term) == self.value, f"{self.value} is not the name of the mean of {self.term}")
        return Instance(averaged(self.term, self.means), self.value, equal=True)

    def words(self) -> str:
        return f"definition of {self.value}"


@final
@dataclass(frozen=True, kw_only=True)
class Short(Reason):
    """A formula by the symbol that is short for it (`NAMED`)."""

    value: sp.Symbol

    def instance(self, before: sp.Expr) -> Instance:
        require(self.value in NAMED, f"{self.value} is not short for a formula")
        return Instance(NAMED[self.value], self.value, equal=True)

    def words(self) -> str:
        return f"definition of {self.value}"


@final
@dataclass(frozen=True, kw_only=True)
class Construction(Reason):
    """The process of an impossibility: each X_k is drawn from `law`, (probability, loss), so R is the mean of that."""

    law: tuple[tuple[sp.Expr, sp.Expr], ...]
    means: Means

    def instance(self, before: sp.Expr) -> Instance:
        total = sum((p for p, _ in self.law), sp.Integer(0))
        require(identical(total, sp.Integer(1)), "the probabilities do not sum to 1")
        require(all(nonnegative(p) for p, _ in self.law), "a probability below 0")
        mean = sum((p * x for p, x in self.law), sp.Integer(0))
        return Instance(symbol("R"), averaged(mean, self.means), equal=True)

    def words(self) -> str:
        return ", ".join(f"X_k = {x} with probability {p}" for p, x in self.law)


@final
@dataclass(frozen=True, kw_only=True)
class Optimum(Reason):
    """The free parameter `over` set to `at`, where the line is least: its slope is 0 there and it is convex.

    Nothing measured may enter `at`: a parameter chosen with the data is paid for (Spend).
    """

    over: sp.Symbol
    at: sp.Expr
    replaces: ClassVar[bool] = True

    def instance(self, before: sp.Expr) -> Instance:
        measured = sorted(x.name for x in self.at.free_symbols & (MEASURED | PER_TOKEN))
        require(not measured, f"{self.over} is chosen by looking at {measured}")
        return Instance(before, _least(before, self.over, self.at), equal=True)

    def words(self) -> str:
        return f"best {self.over} = {self.at}"


@final
@dataclass(frozen=True, kw_only=True)
class Minimum(Reason):
    """A convex function of one symbol is nowhere below its value where its slope is 0."""

    function: sp.Expr
    over: sp.Symbol
    at: sp.Expr

    def instance(self, before: sp.Expr) -> Instance:
        return Instance(_least(self.function, self.over, self.at), self.function)

    def words(self) -> str:
        return f"convex in {self.over}, least at {self.at}"


def _least(function: sp.Expr, over: sp.Symbol, at: sp.Expr) -> sp.Expr:
    """The value at a place of the domain where the slope of a smooth convex function is 0."""
    require(not function.has(sp.Sum, sp.Integral), "a function with a sum in it")
    box = domain(function)
    low, high = box[over]
    inside = all(gap.is_infinite or nonnegative(gap) for gap in (at - low, high - at))
    require(inside, f"{over} = {at} may leave its domain")
    require(smooth(function, box), f"not shown to be smooth in {over}")
    slope = sp.diff(function, over)
    require(identical(slope.subs(over, at), sp.Integer(0)), f"the slope at {at} is not 0")
    require(nonnegative(sp.diff(slope, over)), f"not shown to be convex in {over}")
    return function.subs(over, at)
