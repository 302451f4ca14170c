"""Reasons that go from one token to the mean over tokens, and from one atom of a law to the sum over its atoms.

What holds for one is shown by a chain of its own, whose symbols are then replaced; the sum of a linear combination is
that of its parts, each by the name of what it is the sum of.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, final

import sympy as sp

from genbound.derivations.domains import assuming, covered, nonnegative, placed, require
from genbound.derivations.reasons.analysis import Construction
from genbound.derivations.reasons.chance import Ville
from genbound.derivations.rules import Instance, Means, Reason, WrongError, averaged
from genbound.proving.identity import identical
from genbound.symbols import quantity, symbol, symbols

if TYPE_CHECKING:
    from genbound.derivations.chain import Derivation

p, q, room, u, alpha, V = symbols("p q room u alpha V")
entropy, KL, G, negentropy, mean_under_Q = symbols("entropy divergence G negentropy mean_under_Q")
ONE = sp.Integer(1)
SMOOTHED = (1 - alpha) * p + alpha / V
"""Smoothed probability of one token of the vocabulary."""

PER_ATOM = frozenset((p, q, room))
OVER_VOCABULARY: MappingProxyType[sp.Expr, sp.Expr] = MappingProxyType(
    {ONE: V, p: ONE, -SMOOTHED * sp.log(SMOOTHED): entropy}
)
"""Function of one token of the vocabulary, of probability p -> its sum over the V of them."""

OVER_ATOMS: MappingProxyType[sp.Expr, sp.Expr] = MappingProxyType(
    {
        p: ONE,
        q: ONE,
        q * room: u - mean_under_Q,
        p / room: symbol("mean_inverse"),
        p * sp.log(room): sp.log(G),
        p * sp.log(p): negentropy,
        p * sp.log(q): negentropy - KL,
    }
)
"""Function of one loss x, u - x = room, of probability p empirically and q under Q -> its sum over all losses.

A loss that was never seen has p = 0: its terms are the limits p -> 0, and what holds for p > 0 holds for them.
"""


MEASURES: MappingProxyType[sp.Symbol, sp.Expr] = MappingProxyType(
    {symbol("mass"): q, mean_under_Q: u * p - q * room, KL: p * sp.log(p) - p * sp.log(q)}
)
"""What is asked of a measure Q -> its part at one loss; what Q lacks to mass 1 lies on u: E_Q X = u - E_Q[u - X]."""


@final
@dataclass(frozen=True, kw_only=True)
class Applied(Reason):
    """A chain about real numbers, its symbols replaced; with `means`, averaged over the tokens."""

    derivation: Derivation
    at: Mapping[str, sp.Expr]
    means: Means | None = None

    def instance(self, before: sp.Expr) -> Instance:
        small, large = _placed(self.derivation, self.at)
        if self.means is not None:
            small, large = averaged(small, self.means), averaged(large, self.means)
        return Instance(small, large, self.derivation.relation == "==")

    def words(self) -> str:
        return self.derivation.claim if self.means is None else f"{self.derivation.claim}, averaged over the tokens"


@final
@dataclass(frozen=True, kw_only=True)
class Summed(Reason):
    """A chain about one atom, summed over the atoms of a law: the tokens of a vocabulary, or the values of a loss."""

    derivation: Derivation
    sums: Mapping[sp.Expr, sp.Expr]
    at: Mapping[str, sp.Expr] = field(default_factory=dict)

    def instance(self, before: sp.Expr) -> Instance:
        require(self.sums in (OVER_VOCABULARY, OVER_ATOMS), "sums that no law of the theory has")
        fixed = [each.name for each in PER_ATOM if each.name in self.at]
        within = set().union(*(value.free_symbols for value in self.at.values())) & PER_ATOM
        require(not fixed and not within, "the same number is needed for every atom")
        small, large = _placed(self.derivation, self.at)
        return Instance(total(small, self.sums), total(large, self.sums), self.derivation.relation == "==")

    def words(self) -> str:
        return f"{self.derivation.claim}, summed over the {'tokens' if self.sums == OVER_VOCABULARY else 'losses'}"


@final
@dataclass(frozen=True, kw_only=True)
class Measure(Reason):
    """Q has the mass `density` on the loss x of probability p, u - x = room: a number of `MEASURES` for this Q."""

    density: sp.Expr
    value: sp.Symbol

    def instance(self, before: sp.Expr) -> Instance:
        require(self.value in MEASURES, f"{self.value} is not asked of a measure")
        require(nonnegative(self.density), f"{self.density} may be negative")
        part = MEASURES[self.value].subs(q, self.density)
        return Instance(self.value, total(part, OVER_ATOMS), equal=True)

    def words(self) -> str:
        return f"Q = {self.density} at the loss u - room"


def chance(derivation: Derivation) -> bool:
    """Whether a step of the chain, or of one it rests on, holds with a probability or for one process."""
    return any(isinstance(step.reason, Ville | Construction) or any(map(chance, rests_on(step.reason)))
               for step in derivation.steps)  # fmt: skip


def rests_on(reason: Reason) -> tuple[Derivation, ...]:
    """The chains a reason names, the premise of its own law aside."""
    inner = (getattr(reason, name, None) for name in ("derivation", "below", "above", "derived"))
    return tuple(each for each in inner if each is not None)


def _placed(derivation: Derivation, at: Mapping[str, sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
    """(smaller, larger) side of a verified chain, its symbols replaced by values shown to be in their domains."""
    with assuming(derivation.case):
        first, last = derivation.verified()
    require(not derivation.replaces, f"{derivation.claim} goes over to another instance")
    require(not chance(derivation), f"{derivation.claim} is about one event, not about all real numbers")
    require(derivation.relation in ("<=", ">=", "=="), f"{derivation.claim} is no comparison")
    case = dict(derivation.case)
    for name, value in at.items():
        low, high = case.pop(symbol(name), (sp.sympify(quantity(name).lower), sp.sympify(quantity(name).upper)))
        for gap, infinite in ((value - low, low == -sp.oo), (high - value, high == sp.oo)):
            require(infinite or nonnegative(gap), f"{derivation.claim}: {name} = {value} may leave its domain")
    require(covered(case), f"{derivation.claim} treats a case of {sorted(x.name for x in case)}")
    ends = (first, last) if derivation.relation != ">=" else (last, first)
    return tuple(placed(each, {symbol(k): v for k, v in at.items()}) for each in ends)


def total(expression: sp.Expr, sums: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    """The sum over the atoms of a linear combination of the functions in `sums`.

    Raises:
        WrongError: a function of the atom whose sum has no name.
    """
    whole = [each for each in sums if each.has(alpha)]  # a product of sums: taken as one function
    marks = {sp.Dummy(positive=True): each for each in whole}
    for mark, each in marks.items():
        expression = expression.subs(each, mark)
    result = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(expression)))):
        constant, own = term.as_independent(*PER_ATOM, *marks, as_Add=False)
        own = own.xreplace(marks)
        named = next((value for each, value in sums.items() if own == each or identical(own, each)), None)
        if named is None:
            raise WrongError(f"{own}: a function of the atom without a sum")
        result += constant * named
    return result
