"""What a line says when the tokens are given: small worlds in which a step about means or chances can be tried.

A line of a derivation names means over the tokens. In a world of two tokens each mean is the average of what it is
the mean of; in a world of one random token each outcome has its own means, and a bound fails on an outcome when the
truth is beyond it. The failures of a bound of complexity C may have probability e^{-C} and no more.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sympy as sp

from genbound.derivations.chain import Step
from genbound.derivations.meaning import MEANS
from genbound.derivations.reasons.averages import SMOOTHED, Measure
from genbound.derivations.reasons.chance import Known, Spend, Ville
from genbound.derivations.refuting.seeking import Pair, orderings
from genbound.derivations.rules import PER_TOKEN, Reason, domain
from genbound.proving.signs import Box
from genbound.symbols import symbol, symbols

X, Y, R, A, p, s, Delta = (symbol(name) for name in ("X", "Y", "R", "A", "p", "s", "Delta"))
_BET = {A: (Y - X) / Delta}
_SMOOTHED = {X: -sp.log((1 - symbol("alpha")) * p + symbol("alpha") / symbol("V"))}
_MEMBERS = (2, 10, 1000)
_LOSSES = symbols("x1 x2 x3")
_ORDER = (
    (symbol("B"), symbol("mean_loss")), (symbol("n"), symbol("prefix")), (sp.Integer(1), symbol("p1") + symbol("p2")),
    *((symbol("U"), x) for x in _LOSSES), *((x, symbol("L")) for x in _LOSSES),
)  # fmt: skip
"""(large, small): what the statements assume of their symbols beyond the table."""


@dataclass(frozen=True)
class World:
    """Strict inequalities whose solutions contradict a step.

    Attributes:
        pairs: (large, small), the first being what is told, the others conditions.
        sign: ">" tells large > small, "<" small < large.
        told: what is compared, in words.
        tokens: copy of a symbol of one token -> that symbol.
    """

    pairs: tuple[Pair, ...]
    sign: str
    told: str = ""
    tokens: Mapping[sp.Symbol, sp.Symbol] = field(default_factory=dict)

    def conditioned(self) -> tuple[Pair, ...]:
        """The inequalities, with what the statements assume of the symbols that occur."""
        names = set().union(*(side.free_symbols for pair in self.pairs for side in pair))
        return (*self.pairs, *(each for each in _ORDER if each[0].free_symbols | each[1].free_symbols <= names))

    def box(self) -> Box:
        """Where the symbols live; a symbol of one token lives where that symbol of the table does."""
        names = set().union(*(side.free_symbols for pair in self.pairs for side in pair))
        known = {x: self.tokens.get(x, x) for x in names}
        return {x: domain(there)[there] for x, there in known.items()}


def plain(before: sp.Expr, step: Step) -> Iterator[World]:
    """The two lines at one value of every symbol."""
    for pair in orderings(before, step.after, step.relation):
        yield World((pair,), _sign(pair, before))


def _sign(pair: Pair, before: sp.Expr) -> str:
    return ">" if pair[0] == before else "<"


@dataclass(frozen=True)
class Averaged:
    """Two lines with every mean as an average, what must be positive for that, and token symbol -> symbol."""

    first: sp.Expr
    second: sp.Expr
    positive: tuple[sp.Expr, ...]
    copies: dict[sp.Symbol, sp.Symbol]


def averages(before: sp.Expr, after: sp.Expr, tokens: int) -> Averaged:
    """Both lines with every mean as the average over that many tokens of what it is the mean of."""
    smoothed = before.has(symbol("unsmoothed_loss")) or after.has(symbol("unsmoothed_loss"))
    copies: dict[sp.Symbol, sp.Symbol] = {}
    positive: list[sp.Expr] = []
    used: dict[sp.Symbol, sp.Expr] = {}
    for name, term, make in _named_means():
        if not (before.has(name) or after.has(name)):
            continue
        needed = [each.args[0] for each in term.atoms(sp.log)] + ([1 + A] if term.has(A) or term.has(s) else [])
        total = sp.Integer(0)
        for k in range(1, tokens + 1):
            known = [each.subs(_SMOOTHED) if smoothed else each.subs(_BET) for each in (term, *needed)]
            if tokens > 1:
                of_token = sorted(set().union(*(each.free_symbols for each in known)) & PER_TOKEN, key=str)
                here = {x: sp.Symbol(f"{x.name}_{k}", **x.assumptions0) for x in of_token}
                copies.update({copy: x for x, copy in here.items()})
                known = [each.xreplace(here) for each in known]
            total += known[0]
            positive += known[1:]
        used[name] = make(total / tokens)
    return Averaged(before.xreplace(used), after.xreplace(used), tuple(positive), copies)


def _named_means() -> Iterator[tuple[sp.Symbol, sp.Expr, type | object]]:
    """(name, term, f): the name stands for f(mean of the term)."""
    for term, value in MEANS.items():
        if value.is_Symbol:
            yield value, term, lambda x: x
        elif isinstance(value, sp.log) and value.args[0].is_Symbol:
            yield value.args[0], term, sp.exp
        elif (-value).is_Symbol and -value != symbol("mean_loss"):
            yield -value, term, lambda x: -x


def two_tokens(before: sp.Expr, step: Step) -> Iterator[World]:
    """The two lines with their means taken over two tokens."""
    here = averages(before, step.after, 2)
    real = tuple((each, sp.Integer(0)) for each in here.positive)
    for pair in orderings(here.first, here.second, step.relation):
        told = "means over two tokens" if here.copies else ""
        yield World((pair, *real), _sign(pair, here.first), told, here.copies)


def two_atoms(before: sp.Expr, step: Step) -> Iterator[World]:
    """The two lines for a law on two atoms, or a vocabulary of two tokens."""
    q, room, u, V = (symbol(name) for name in ("q", "room", "u", "V"))
    copies = {sp.Symbol(f"{x.name}_{k}", positive=True): x for x in (p, q, room) for k in (1, 2)}
    atoms = [{x: sp.Symbol(f"{x.name}_{k}", positive=True) for x in (p, q, room)} for k in (1, 2)]
    atoms[1][p], atoms[1][q] = 1 - atoms[0][p], 1 - atoms[0][q]
    if isinstance(step.reason, Measure):  # Q is given by its density, and may lack mass
        atoms = [{**atom, q: step.reason.density.subs({p: atom[p], room: atom[room]})} for atom in atoms]

    def over(term: sp.Expr) -> sp.Expr:
        return sum((term.xreplace(atom) for atom in atoms), sp.Integer(0))

    geometric = {symbol("G"): sp.exp(over(p * sp.log(room)))}
    values = {
        symbol("divergence"): over(p * sp.log(p) - p * sp.log(q)), symbol("negentropy"): over(p * sp.log(p)),
        symbol("mean_under_Q"): u - over(q * room), symbol("mean_inverse"): over(p / room), symbol("mass"): over(q),
        symbol("entropy"): over(-SMOOTHED * sp.log(SMOOTHED)), **geometric,
    }  # fmt: skip
    vocabulary = {V: sp.Integer(2)} if before.has(symbol("entropy")) or step.after.has(symbol("entropy")) else {}
    first, second = (line.xreplace(values).xreplace(geometric).subs(vocabulary) for line in (before, step.after))
    for pair in orderings(first, second, step.relation):
        yield World((pair,), _sign(pair, first), "for a law on two atoms", copies)


def behind(reason: Reason) -> Iterator[Reason]:
    """The reason, and those of the chain that it takes as known."""
    yield reason
    if isinstance(reason, Known):
        for step in reason.derivation.steps:
            yield from behind(step.reason)


def tail_of(reason: object, renaming: Mapping[sp.Symbol, sp.Symbol] | None = None) -> tuple[Ville, dict] | None:
    """The supermartingale behind a bound, and the renaming of its symbols, through bounds that are known already."""
    renaming = dict(renaming or {})
    if isinstance(reason, Ville):
        return reason, renaming
    if isinstance(reason, Known):
        back = {new: symbol(old) for old, new in reason.at.items()}
        for step in reason.derivation.steps:
            found = tail_of(step.reason, {**renaming, **back})
            if found is not None:
                return found
    return None


def outcomes(ville: Ville) -> list[tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]]:
    """(probability, values of X and m and the rest) of each atom; m is the same on all of them."""
    atoms = []
    for weight, values in ville.law:
        values = dict(values)
        if X not in values:  # only m - X is given: the mean is put at R
            values[X] = R - (symbol("m") - X).subs(values, simultaneous=True)
            values[symbol("m")] = R
        atoms.append((weight, values))
    return atoms


def one_token(before: sp.Expr, step: Step, ville: Ville, renaming: Mapping[sp.Symbol, sp.Symbol]) -> Iterator[World]:
    """A law of one token on which the bound fails with probability above e^{-C}."""
    here = averages(*(line.subs(renaming, simultaneous=True) for line in (before, step.after)), 1)
    atoms = outcomes(ville)
    needed = (*here.positive, ville.factor, X)
    allowed = [(each.subs(values, simultaneous=True), sp.Integer(0)) for _, values in atoms for each in needed]
    allowed = [pair for pair in allowed if not (pair[0].is_number or isinstance(pair[0], sp.exp))]
    allowed += [(weight, sp.Integer(0)) for weight, _ in atoms if not weight.is_Symbol]
    promise = sp.exp(-ville.complexity)
    for size in range(1, len(atoms)):
        for failing in itertools.combinations(atoms, size):
            chance = sum((weight for weight, _ in failing), sp.Integer(0))
            beyond = []
            for _, values in failing:
                truth, bound = (side.subs(values, simultaneous=True) for side in (here.first, here.second))
                beyond.append((bound, truth) if step.relation == ">=" else (truth, bound))
            told = "probability that one token breaks the bound, against e^-C"
            yield World(((chance, promise), *beyond, *allowed), ">", told)


def moment(ville: Ville) -> sp.Expr:
    """E[factor | past] under the law of the reason."""
    return sum((w * ville.factor.subs(dict(values), simultaneous=True) for w, values in ville.law), sp.Integer(0))


def hypotheses(before: sp.Expr, step: Step) -> Iterator[World]:
    """Hypotheses of equal weight whose failures exclude each other: their probabilities may add up to delta."""
    budget = symbol("log_inv_delta")
    less, more = _complexities(before, step.after, budget)
    price = sp.simplify((more - less) / sp.diff(less, budget))
    for k in _MEMBERS:
        at = _members(step.reason, sp.Integer(k))
        here = price.subs(at, simultaneous=True)
        told = f"failure probability of {k} hypotheses of weight 1/{k} together, in units of delta"
        yield World(((k * sp.exp(-here), sp.Integer(1)),), ">", told)


def _complexities(before: sp.Expr, after: sp.Expr, budget: sp.Symbol) -> tuple[sp.Expr, sp.Expr]:
    """What a bound has in its exponent, or under its square root, before and after more is paid, up to one factor."""
    lines = []
    for line in (before, after):
        powers = (each.as_base_exp() for each in line.atoms(sp.exp, sp.Pow) if each.has(budget))
        lines.append([-exponent if base == sp.E else base for base, exponent in powers])
    changed = [[each for each in line if each not in other] for line, other in (lines, lines[::-1])]
    return (changed[0][0], changed[1][0]) if all(len(each) == 1 for each in changed) else (before, before)


def _members(reason: Spend, k: sp.Integer) -> dict[sp.Symbol, sp.Expr]:
    """The prices of one of k equally likely hypotheses."""
    at = {symbol("KL"): sp.log(k), symbol("log_ratio"): sp.log(k), symbol("log_teacher"): sp.Integer(0),
          symbol("log_student"): -sp.log(k), symbol("prior"): 1 / k, symbol("draws"): k,
          symbol("code_bits"): sp.log(k) / sp.log(2)}  # fmt: skip
    if reason.rule == "union" and reason.weight is not None:
        at = {x: at[x] for x in reason.weight.free_symbols if x in at}
    return at
