"""The sign of an expression on a box, decided by algebra where algebra can.

The sign is the weak one: +1 means >= 0 on the whole box. `strict` answers > 0 inside the box, which is what makes a
logarithm or a quotient smooth there. Polynomials are written in t > 0 by x = (a + b t)/(1 + t), or x = a + t on a
half-line: when no coefficient is negative the polynomial is >= 0 on the box, and > 0 inside it unless it is 0 (for a
polynomial of degree one in every variable the coefficients are its values at the corners, so the test is exact).
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import sympy as sp

from genbound.certified import precision
from genbound.proving.intervals import Interval, enclosure, end

Ends = tuple[sp.Expr, sp.Expr]
Box = Mapping[sp.Symbol, Ends]
"""Symbol -> (lower, upper), sympy numbers, possibly infinite."""


def intervals(box: Box) -> dict[str, Interval]:
    """The box in Arb."""
    return {x.name: _interval(*ends) for x, ends in box.items()}


@lru_cache(maxsize=16384)
def _interval(low: sp.Expr, high: sp.Expr) -> Interval:
    with precision():
        return Interval(end(low, False), end(high, True))


def bounds(expression: sp.Expr, box: Box) -> Interval:
    """An enclosure of the expression on the box."""
    with precision():
        return enclosure(expression)(intervals(box))


@lru_cache(maxsize=16384)
def factors(expression: sp.Expr) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """(base, exponent) pairs whose product is `expression`, after bringing it over one denominator."""
    numerator, denominator = sp.fraction(sp.together(sp.expand_log(sp.powsimp(expression))))
    found: list[tuple[sp.Expr, sp.Expr]] = []
    for part, sign in ((numerator, 1), (denominator, -1)):
        for each in sp.Mul.make_args(sp.factor(part)):
            base, exponent = (each, sp.Integer(1)) if isinstance(each, sp.exp) else each.as_base_exp()
            found.append((base, sign * exponent))
    return tuple(found)


def simple_sign(expression: sp.Expr, box: Box) -> int | None:
    """+1 (>= 0), -1 (<= 0) or None, without factoring: numbers, exponentials, polynomials, enclosures.

    >>> a, s = sp.symbols("a s", real=True)
    >>> simple_sign(1 + a * s, {a: (sp.Integer(-1), sp.oo), s: (sp.Integer(0), sp.Integer(1))})
    1
    """
    if isinstance(expression, sp.exp):
        return 1
    if isinstance(expression, sp.log):
        return simple_sign(expression.args[0] - 1, box)
    if expression.is_number:
        return 1 if number_sign(expression) == 0 else number_sign(expression)
    enclosed = bounds(expression, box)
    if enclosed.low >= 0:
        return 1
    return -1 if enclosed.high <= 0 else polynomial_sign(expression, _key(expression, box))


@lru_cache(maxsize=65536)
def number_sign(number: sp.Expr) -> int | None:
    """+1, -1, 0 (proved to be zero) or None."""
    enclosed = bounds(number, {})
    if enclosed.low > 0:
        return 1
    if enclosed.high < 0:
        return -1
    return 0 if sp.simplify(number) == 0 else None


def _key(expression: sp.Expr, box: Box) -> tuple[tuple[sp.Symbol, Ends], ...]:
    return tuple((x, ends) for x, ends in box.items() if x in expression.free_symbols)


@lru_cache(maxsize=65536)
def polynomial_sign(expression: sp.Expr, ends: tuple[tuple[sp.Symbol, Ends], ...]) -> int | None:
    """The sign of a polynomial in the variables, their roots, reciprocals and exponentials; None: not decided."""
    halves = tuple((x, low >= 0, high <= 0) for x, (low, high) in ends)
    body, meanings = _generators(expression, halves)
    if body is None:
        return None
    where = dict(ends)
    box = [(name, _image(how, order, *where[x])) for name, (x, how, order) in meanings.items()]
    polynomial = sp.Poly(body, *(name for name, _ in box))
    for name, (low, high) in box:
        if polynomial.degree(name) > 0 and (low, high) == (-sp.oo, sp.oo):
            return None
        polynomial = _positive_coordinate(polynomial, name, low, high)
    signs = {number_sign(each) for each in polynomial.coeffs()} - {0}
    return signs.pop() if len(signs) == 1 else None


Meaning = tuple[sp.Symbol, str, int]


@lru_cache(maxsize=16384)
def _generators(
    expression: sp.Expr, halves: tuple[tuple[sp.Symbol, bool, bool], ...]
) -> tuple[sp.Expr | None, dict[sp.Symbol, Meaning]]:
    """The expression as a polynomial in x (or a root of x), 1/x and e^x of each variable x, and what these stand for.

    They range over it independently, so what holds on the larger box holds on the original one; each is an open
    map of x, so what is inside the box stays inside.
    """
    meanings: dict[sp.Symbol, Meaning] = {}
    if any(not each.is_number for each in expression.atoms(sp.log)):
        return None, meanings
    for x, above, below in halves:
        powers = [each for each in expression.atoms(sp.Pow) if each.base == x and each.exp.is_Rational]
        order = math.lcm(1, *(int(each.exp.q) for each in powers))
        if order > 1 and not above:
            return None, meanings
        plain, inverse = (sp.Symbol(f"_{kind}_{x}", positive=True if above else None) for kind in ("plain", "inverse"))
        grown = sp.Symbol(f"_exp_{x}", positive=True)
        changes: dict[sp.Basic, sp.Expr] = {sp.exp(x): grown, sp.exp(-x): 1 / grown}
        for each in powers:
            if each.exp < 0 and not (above or below):
                return None, meanings
            exponent = each.exp * order
            changes[each] = plain**exponent if exponent > 0 else inverse**-exponent
        expression = expression.xreplace(changes).xreplace({x: plain**order})
        for name, how in ((plain, "plain"), (inverse, "inverse"), (grown, "exp")):
            if name in expression.free_symbols:
                meanings[name] = (x, how, order)
    return (expression if meanings and expression.is_polynomial(*meanings) else None), meanings


def _image(how: str, order: int, low: sp.Expr, high: sp.Expr) -> Ends:
    """The range of the generator when x runs over [low, high]."""
    if how == "exp":
        return (sp.Integer(0) if low == -sp.oo else sp.exp(low)), sp.exp(high)
    if order > 1:
        low, high = low ** sp.Rational(1, order), high ** sp.Rational(1, order)
    if how == "plain":
        return low, high
    infinite = sp.oo if low >= 0 else -sp.oo
    first, second = (sp.Integer(0) if each in (sp.oo, -sp.oo) else infinite if each == 0 else 1 / each
                     for each in (high, low))  # fmt: skip
    return first, second


def _positive_coordinate(polynomial: sp.Poly, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> sp.Poly:
    """The polynomial in t > 0, times (1 + t)^degree when both ends are finite."""
    degree = polynomial.degree(x)
    body = polynomial.as_expr()
    if degree == 0:
        return polynomial
    if high == sp.oo:
        body = body.subs(x, low + x)
    elif low == -sp.oo:
        body = body.subs(x, high - x)
    else:
        parts = sp.Poly(body, x).all_coeffs()[::-1]
        body = sum((each * (low + high * x) ** k * (1 + x) ** (degree - k) for k, each in enumerate(parts)), sp.S.Zero)
    return sp.Poly(sp.expand(body), *polynomial.gens)


def strict(expression: sp.Expr, box: Box) -> bool:
    """Whether the expression is > 0 everywhere inside the box."""
    if isinstance(expression, sp.exp):
        return True
    if expression.is_number:
        return bool(bounds(expression, {}).low > 0)
    if expression.is_Mul:
        return all(strict(each, box) for each in expression.args)
    if isinstance(expression, sp.Pow) and expression.exp.is_number:
        return strict(expression.base, box)
    return bool(bounds(expression, box).low > 0) or polynomial_sign(expression, _key(expression, box)) == 1


def split_logs(expression: sp.Expr, box: Box) -> sp.Expr:
    """Logarithms of products as sums, each factor being > 0 inside the box (or < 0, an even number of them)."""

    def split(inside: sp.Expr) -> sp.Expr:
        parts, turned = [], 0
        for base, exponent in factors(inside):
            positive = strict(base, box)
            if not (positive or (exponent.is_Integer and strict(-base, box))):
                return sp.log(inside)
            turned += 0 if positive else int(exponent)
            parts.append(exponent * sp.log(base if positive else sp.expand(-base)))
        return sp.Add(*parts) if turned % 2 == 0 else sp.log(inside)

    return sp.expand(expression.replace(sp.log, split))


def defined(expression: sp.Expr, box: Box) -> bool:
    """Whether the expression is shown to be a real number everywhere inside the box.

    >>> x = sp.Symbol("x", real=True)
    >>> defined(sp.log(x) ** 2, {x: (sp.Integer(0), sp.oo)}), defined(sp.log(x) ** 2, {x: (-sp.oo, sp.oo)})
    (True, False)
    """
    for part in sp.preorder_traversal(expression):
        if isinstance(part, sp.log) and not strict(part.args[0], box):
            return False
        if isinstance(part, sp.Pow) and part.base != sp.E:
            if part.exp.is_Integer:
                keeps = part.exp >= 0 or strict(part.base, box) or strict(-part.base, box)
            else:
                keeps = strict(part.base, box) or (part.exp.is_positive and simple_sign(part.base, box) == 1)
            if not keeps:
                return False
    return True


def smooth(expression: sp.Expr, box: Box) -> bool:
    """Whether the expression is infinitely differentiable inside the box: what is under ln, / and roots keeps off 0."""
    for part in sp.preorder_traversal(expression):
        if isinstance(part, sp.log) and not strict(part.args[0], box):
            return False
        if isinstance(part, sp.Pow) and part.base != sp.E:
            whole = part.exp.is_Integer
            if whole and part.exp >= 0:
                continue
            if not (strict(part.base, box) or (whole and strict(-part.base, box))):
                return False
        if isinstance(part, sp.Max | sp.Min):
            return False
    return True
