"""What the cards of rates are written with: expressions as text, formula objects at one value, planted errors."""

# pyright: reportCallIssue=false, reportOperatorIssue=false, reportReturnType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from genbound.claims.card import Planted
from genbound.claims.formulas import formula

if TYPE_CHECKING:
    import sympy as sp


def read(text: str) -> Callable[[], sp.Expr]:
    """An expression in the code names of `genbound.symbols`, read when it is asked for.

    >>> read("-data_exponent")()
    -data_exponent
    """

    def load() -> sp.Expr:
        import sympy

        from genbound.symbols import QUANTITIES

        return sympy.sympify(text, locals={name: each.symbol for name, each in QUANTITIES.items()})

    return load


def at(name: str, **values: str) -> Callable[[], sp.Expr]:
    """The formula object of that name with these values of its symbols.

    >>> at("quantized_information", bit_width="4")()
    4*parameters
    """

    def load() -> sp.Expr:
        from genbound.symbols import symbol

        return formula(name)().subs({symbol(each): read(value)() for each, value in values.items()})

    return load


def spoiled(name: str, by: str) -> Callable[[], sp.Expr]:
    """The formula object of that name times something that should not be there."""
    return lambda: formula(name)() * read(by)()


def off(name: str, mistake: str, leading: Callable[[], sp.Expr]) -> Planted:
    """A planted error in the leading term."""
    return Planted(name, mistake, {"leading": leading})
