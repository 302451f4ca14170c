"""An inequality card read for computing: its two sides in symbols that know their domain, the box, the contacts."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy as sp

from genbound.claims.card import Inequality
from genbound.errors import domain_error
from genbound.proving.signs import Box

Place = tuple[sp.Symbol, sp.Expr]


@dataclass(frozen=True, eq=False)
class Problem:
    """lhs <= rhs (or ==) on `box`; `lower` and `upper` hold x >= c and x <= c from the card's conditions."""

    lhs: sp.Expr
    rhs: sp.Expr
    box: Box
    contacts: tuple[Place, ...]
    lower: tuple[Place, ...]
    upper: tuple[Place, ...]

    @property
    def conditions(self) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        """(small, large) pairs: small <= large has to hold."""
        return (*((c, x) for x, c in self.lower), *((x, c) for x, c in self.upper))


def read(claim: Inequality) -> Problem:
    """The card as a Problem.

    Raises:
        DomainError: a symbol that is no variable of the card or was given a sign that its domain does not have, a
            decimal number (sympy would round it), or a condition that is not `x <= expression`.
    """
    box = {domain_symbol(each.name, each.lower, each.upper): (sp.sympify(each.lower), sp.sympify(each.upper))
           for each in claim.variables}  # fmt: skip
    if any(each.has(sp.Float) for ends in box.values() for each in ends):
        raise domain_error("variables", list(box.values()), "exact ends (1/10, not 0.1)", f"card {claim.name}")
    names = {x.name: x for x in box}

    def own(expression: sp.Expr | str) -> sp.Expr:
        parsed = sp.sympify(expression, locals=dict(names))
        foreign = {each.name for each in parsed.free_symbols} - set(names)
        if foreign:
            raise domain_error("sides", sorted(foreign), f"variables among {sorted(names)}", f"card {claim.name}")
        if parsed.has(sp.Float):
            raise domain_error("sides", parsed, "exact numbers (1/10, not 0.1)", f"card {claim.name}")
        for each in parsed.free_symbols:  # sqrt(C^2) has become C by now, which is wrong where C may be negative
            if not each.assumptions0.items() <= names[each.name].assumptions0.items():
                raise domain_error(each.name, claim.variables, "a domain where it has its sign", f"card {claim.name}")
        return parsed.xreplace({each: names[each.name] for each in parsed.free_symbols})

    lhs, rhs = (sp.expand_log(own(side)) for side in claim.sides())
    contacts = tuple((names[x], own(c)) for contact in claim.contact for x, c in contact.items())
    lower: list[Place] = []
    upper: list[Place] = []
    for text in claim.where:
        small, _, large = (part.strip() for part in text.partition("<="))
        if large in names:
            lower.append((names[large], own(small)))
        elif small in names:
            upper.append((names[small], own(large)))
        else:
            raise domain_error("where", text, "x <= expression or expression <= x", f"card {claim.name}")
    return Problem(lhs, rhs, box, contacts, tuple(lower), tuple(upper))


@lru_cache(maxsize=1024)
def domain_symbol(name: str, lower: str, upper: str) -> sp.Symbol:
    """A symbol that knows the sign it has inside its domain."""
    if sp.sympify(lower) >= 0:
        return sp.Symbol(name, positive=True)
    return sp.Symbol(name, negative=True) if sp.sympify(upper) <= 0 else sp.Symbol(name, real=True)
