"""Inequalities written as text in the code names of `genbound.symbols`; sympy is imported when they are read."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from genbound.claims.card import Planted, Variable

if TYPE_CHECKING:
    import sympy as sp

POSITIVE = ("0", "oo")
REAL = ("-oo", "oo")
SHARE = ("0", "1")


def written(lhs: str, rhs: str) -> Callable[[], tuple[sp.Expr, sp.Expr]]:
    """The `sides` of a card, from text such as "log(1 + x)"; the functions of `genbound.formulas` go by their names.

    >>> written("log(1 + x)", "x")(), written("v(x)", "x**2")()
    ((log(x + 1), x), (x - log(x + 1), x**2))
    """

    def sides() -> tuple[sp.Expr, sp.Expr]:
        import sympy

        from genbound import formulas
        from genbound.symbols import QUANTITIES

        names: dict[str, Any] = {name: getattr(formulas, name) for name in formulas.__all__}
        names |= {name: each.symbol for name, each in QUANTITIES.items()}
        return sympy.sympify(lhs, locals=names), sympy.sympify(rhs, locals=names)

    return sides


def over(**domains: tuple[str, str]) -> tuple[Variable, ...]:
    """Variables and their intervals; infinite ends are open.

    >>> over(p=SHARE)[0].upper
    '1'
    """
    return tuple(Variable(name, low, high, low == "-oo", high == "oo") for name, (low, high) in domains.items())


def wrong(name: str, mistake: str, lhs: str, rhs: str) -> Planted:
    """A planted error in the sides."""
    return Planted(name, mistake, {"sides": written(lhs, rhs)})
