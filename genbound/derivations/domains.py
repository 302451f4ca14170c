"""Where the symbols of a line may be, and what is proved there.

The domain of a symbol is its row in `genbound.symbols`, narrowed by the case a chain treats (`assuming`). Statements
are about the inside of that box. Sums and values of the zeta function are opaque: they enter a proof as further
symbols that may be anything their sign allows, on their own, which only makes a statement harder.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import MappingProxyType

import sympy as sp

from genbound.errors import GenboundError
from genbound.proving.boxes import Prover
from genbound.proving.signs import Box, Ends, defined, factors, number_sign, smooth, strict
from genbound.symbols import QUANTITIES

_BOXES = 400
_ASSUMED: ContextVar[Box] = ContextVar("assumed", default=MappingProxyType({}))
_ANY, _POSITIVE, _ABOVE_ONE = (-sp.oo, sp.oo), (sp.Integer(0), sp.oo), (sp.Integer(1), sp.oo)


class UnverifiedError(GenboundError):
    """A step whose reason does not carry it; the message says what is missing."""


class WrongError(UnverifiedError):
    """A step that contradicts its reason: the lines are not what the rule gives."""


def require(condition: bool, message: str) -> None:
    """UnverifiedError(message) unless the condition holds."""
    if not condition:
        raise UnverifiedError(message)


@contextmanager
def assuming(where: Box, *, more: bool = False) -> Iterator[None]:
    """Within, the symbols in `where` are in these intervals; all others as in the table (with `more`: as before).

    Raises:
        UnverifiedError: an interval that is empty or reaches outside the domain of its symbol.
    """
    for x, (low, high) in where.items():
        whole = _ends(x)
        require(exact(low) and exact(high), f"{low} <= {x} <= {high}: its ends are not exact numbers")
        inside = number_sign(low - whole[0]) in (0, 1) if sp.oo not in (low, -whole[0]) else whole[0] == -sp.oo
        inside &= number_sign(whole[1] - high) in (0, 1) if sp.oo not in (whole[1], -high) else whole[1] == sp.oo
        require(inside and bool(low < high), f"{low} <= {x} <= {high} is not a part of its domain")
    token = _ASSUMED.set(MappingProxyType({**(_ASSUMED.get() if more else {}), **where}))
    try:
        yield
    finally:
        _ASSUMED.reset(token)


def exact(number: sp.Expr) -> bool:
    """Whether it is a real number written exactly, or infinite."""
    return bool(number.is_number and number.is_extended_real) and not number.has(sp.Float)


def covered(where: Box) -> bool:
    """Whether the case treated here lies inside `where`."""
    return all(low <= here[0] and here[1] <= high for x, (low, high) in where.items() for here in (_here(x),))


def _ends(x: sp.Symbol) -> Ends:
    each = QUANTITIES.get(x.name)
    require(each is not None and each.symbol == x, f"{[x.name]}: no domain is known")
    assert each is not None
    return sp.sympify(each.lower), sp.sympify(each.upper)


def _here(x: sp.Symbol) -> Ends:
    return _ASSUMED.get().get(x) or _ends(x)


def domain(expression: sp.Expr) -> Box:
    """The box of the symbols of an expression: the table of symbols, narrowed by the case that is treated."""
    return _box(expression.free_symbols)


def _box(names: Collection[sp.Symbol]) -> Box:
    unknown = [each.name for each in names if each.name not in QUANTITIES]
    require(not unknown, f"{sorted(unknown)}: no domain is known")
    return {x: _here(x) for x in sorted(names, key=lambda each: each.name)}


def opaque(expression: sp.Expr) -> tuple[sp.Expr, Box]:
    """The expression with a symbol for each sum and value of zeta, and the box of everything it depends on.

    A sum of positive terms is positive; zeta(q) > 1 for q > 1. Both have to be shown on the domain.
    """
    require(not expression.has(sp.Integral), f"{expression}: an integral that was not evaluated")
    marks: dict[sp.Expr, sp.Symbol] = {}
    box: dict[sp.Symbol, Ends] = {}
    for each in sorted(expression.atoms(sp.Sum, sp.zeta), key=sp.count_ops, reverse=True):
        ends = _range(each)
        marks[each] = sp.Symbol(sp.srepr(each), positive=True) if ends[0] >= 0 else sp.Symbol(sp.srepr(each), real=True)
        box[marks[each]] = ends
    plain = expression.xreplace(marks)
    here = {x: ends for x, ends in box.items() if x in plain.free_symbols}
    return plain, {**_box(plain.free_symbols - set(here)), **here}


def _range(each: sp.Expr) -> Ends:
    if isinstance(each, sp.zeta):
        require(len(each.args) == 1 and positive(each.args[0] - 1), f"{each}: its argument is not shown to exceed 1")
        return _ABOVE_ONE
    term, (index, first, last) = summand(each)
    if not (nonnegative(last - first) and positive(term.subs(index, first))):  # an empty sum is 0
        return _ANY
    with assuming({index: (first, sp.oo)}, more=True):
        return _POSITIVE if positive(term) else _ANY


def summand(total: sp.Sum) -> tuple[sp.Expr, tuple[sp.Symbol, sp.Expr, sp.Expr]]:
    """The term of a simple finite sum from a whole number on, and (index, first, last)."""
    require(isinstance(total, sp.Sum) and len(total.limits) == 1, f"{total} is not a simple sum")
    index, first, last = total.limits[0]
    require(bool(first.is_Integer) and index not in last.free_symbols, f"{total} does not start at a whole number")
    require(last.is_Symbol or last.is_Integer, f"{total} is not a finite sum up to a number or a symbol")
    return total.function, (index, first, last)


def indices(expression: sp.Expr) -> set[sp.Symbol]:
    """What sums and integrals run over: no value that depends on one of these may be put into them from outside."""
    return {limit.args[0] for each in expression.atoms(sp.Sum, sp.Integral) for limit in each.limits}


def placed(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """The expression with values for its symbols; UnverifiedError when a value would be caught by a sum."""
    within = set().union(*(sp.sympify(each).free_symbols for each in values.values()))
    caught = sorted(each.name for each in indices(expression) & within)
    require(not caught, f"{caught}: what a sum runs over has no value outside it")
    return expression.subs(values, simultaneous=True)


def approached(x: sp.Symbol, to: sp.Expr, side: str) -> bool:
    """Whether x may come near `to` from that side inside its domain."""
    low, high = _here(x)
    if not (to.is_number and to.is_extended_real and bool(low <= to) and bool(to <= high)):
        return False
    return to in (sp.oo, -sp.oo) or bool(to < high if side == "+" else low < to)


def nonnegative(expression: sp.Expr) -> bool:
    """Whether the expression is proved >= 0 wherever its symbols may be."""
    if expression == 0:
        return True
    plain, box = opaque(expression)
    return proved(plain, box)


def proved(expression: sp.Expr, box: Box) -> bool:
    """Whether the expression is proved >= 0 on the box."""
    return _proved(expression, tuple(box.items()))


@lru_cache(maxsize=16384)
def _proved(expression: sp.Expr, box: tuple[tuple[sp.Symbol, Ends], ...]) -> bool:
    return Prover(dict(box)).prove(expression, _BOXES).proved


def positive(expression: sp.Expr) -> bool:
    """Whether the expression is proved > 0 inside the domain, by the signs of its factors.

    >>> from genbound.symbols import symbols
    >>> C, n = symbols("C n")
    >>> positive(C / (n + C)), positive(C - n)
    (True, False)
    """
    plain, box = opaque(expression)
    return _positive(plain, tuple(box.items()))


@lru_cache(maxsize=16384)
def _positive(expression: sp.Expr, ends: tuple[tuple[sp.Symbol, Ends], ...]) -> bool:
    box = dict(ends)
    if not defined(expression, box):
        return False
    if strict(expression, box):
        return True
    turned = 0
    for base, exponent in factors(expression):
        if not strict(base, box):
            if not (exponent.is_Integer and strict(sp.expand(-base), box)):
                return False
            turned += int(exponent)
    return turned % 2 == 0


def smooth_there(expression: sp.Expr) -> bool:
    """Whether the expression is infinitely differentiable inside the domain, its opaque parts being variables."""
    return smooth(*opaque(expression))


def defined_there(expression: sp.Expr) -> bool:
    """Whether the expression is a real number everywhere inside the domain."""
    return defined(*opaque(expression))


def analytic(expression: sp.Expr, x: sp.Symbol, c: sp.Expr) -> bool:
    """Whether the expression is shown to be an analytic function of x at c, the other symbols inside their domains."""
    if x not in expression.free_symbols:
        return defined_there(expression)
    match expression:
        case sp.Symbol():
            return True
        case sp.Add() | sp.Mul() | sp.exp():
            return all(analytic(each, x, c) for each in expression.args)
        case sp.log():
            return analytic(expression.args[0], x, c) and positive(_value(expression.args[0], x, c))
        case sp.Pow(base=base, exp=exponent):
            if not (analytic(base, x, c) and analytic(exponent, x, c)):
                return False
            value = _value(base, x, c)
            if exponent.is_Integer:
                return bool(exponent >= 0) or positive(value) or positive(-value)
            return positive(value)
    return False


def _value(expression: sp.Expr, x: sp.Symbol, c: sp.Expr) -> sp.Expr:
    return sp.simplify(expression.subs(x, c))
