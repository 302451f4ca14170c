"""Power counting: how an expression grows, term by term, where the exponents may be symbols.

An expression has the growth (c, r, e, k) when it is e^{rx} x^e (ln x)^k (c + o(1)) as x -> oo, c, r, e and k free of x.
Every rule below keeps that meaning; two orders are compared by the proved sign of the difference of their exponents,
on the whole domain of the other symbols. What cannot be decided is refused, never guessed.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from genbound.derivations.domains import (
    UnverifiedError,
    analytic,
    assuming,
    defined_there,
    positive,
    require,
    smooth_there,
    summand,
)
from genbound.derivations.rules import Limit
from genbound.proving.identity import identical

ZERO, ONE = sp.Integer(0), sp.Integer(1)
_FAR = sp.Symbol("_far", positive=True)


@dataclass(frozen=True)
class Growth:
    """e^{rx} x^e (ln x)^k (c + o(1)); `exact`: without the o(1), and then the expression is that product."""

    c: sp.Expr = ONE
    r: sp.Expr = ZERO
    e: sp.Expr = ZERO
    k: sp.Expr = ZERO
    exact: bool = True

    @property
    def orders(self) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        """(r, e, k), in the order in which they decide."""
        return self.r, self.e, self.k

    def term(self, x: sp.Symbol) -> sp.Expr:
        """c e^{rx} x^e (ln x)^k."""
        return self.c * sp.exp(self.r * x) * x**self.e * sp.log(x) ** self.k


def leading(expression: sp.Expr, at: Limit) -> Growth:
    """The growth of an expression in a limit, x being 1/distance to a finite one; its coefficient is not 0.

    Raises:
        UnverifiedError: it was not found, or its coefficient was not shown to be other than 0.

    >>> from genbound.symbols import symbols
    >>> n, C = symbols("n C")
    >>> found = leading((2 * n**2 + sp.log(n)) / (n + C), Limit(n))
    >>> found.term(n)
    2*n
    """
    found = growth(moved(expression, at), _FAR)
    require(_sign(found.c) != 0, f"{expression}: its leading coefficient {found.c} is not shown to be other than 0")
    return found


def moved(expression: sp.Expr, at: Limit) -> sp.Expr:
    """The expression in the variable that tends to infinity."""
    fixed = all(at.over not in each.free_symbols for each in expression.atoms(sp.Sum))
    require(fixed or at.to == sp.oo, "the length of a sum tends to infinity only")
    if at.to in (sp.oo, -sp.oo):
        return expression.subs(at.over, _FAR if at.to == sp.oo else -_FAR)
    return expression.subs(at.over, at.to + (ONE if at.side == "+" else -ONE) / _FAR)


def returned(found: Growth, at: Limit) -> sp.Expr:
    """The leading term in the symbols of the chain."""
    if at.to in (sp.oo, -sp.oo):
        return found.term(_FAR).subs(_FAR, at.over if at.to == sp.oo else -at.over)
    distance = at.over - at.to if at.side == "+" else at.to - at.over
    return found.c * sp.exp(found.r / distance) * distance**-found.e * (-sp.log(distance)) ** found.k


def equivalent(first: sp.Expr, second: sp.Expr, at: Limit) -> bool:
    """Whether first/second is shown to tend to 1."""
    if first == second:
        return True
    one, two = leading(first, at), leading(second, at)
    return all(identical(a, b) for a, b in zip((one.c, *one.orders), (two.c, *two.orders), strict=True))


def quotient_limit(first: sp.Expr, second: sp.Expr, at: Limit) -> sp.Expr:
    """The limit of first/second: a number, 0 or infinity.

    >>> from genbound.symbols import symbol
    >>> quotient_limit(2 * symbol("n") + 1, 3 * symbol("n"), Limit(symbol("n")))
    2/3
    """
    one, two = leading(first, at), leading(second, at)
    order = compare(one, two)
    return sp.simplify(one.c / two.c) if order == 0 else sp.oo * _sign(one.c) * _sign(two.c) if order == 1 else ZERO


def compare(one: Growth, two: Growth) -> int:
    """1, -1 or 0 as the first order is above, below or the same; UnverifiedError when that was not decided."""
    for a, b in zip(one.orders, two.orders, strict=True):
        if not identical(a, b):
            sign = _sign(a - b)
            require(sign != 0, f"{a} and {b}: which exponent is larger is not decided")
            return sign
    return 0


def vanishes(found: Growth) -> bool:
    """Whether it is shown to tend to 0: a coefficient 0 says only that it is of lower order than its order."""
    if found.exact and found.c == 0:
        return True
    order = compare(found, Growth())
    return order == -1 or (order == 0 and found.c == 0)


def growth(expression: sp.Expr, x: sp.Symbol) -> Growth:
    """The growth of an expression as x -> oo; the coefficient may be 0, which says only that it is of lower order."""
    if x not in expression.free_symbols:
        require(defined_there(expression), f"{expression} is not shown to be a number everywhere")
        return Growth(expression)
    match expression:
        case sp.Symbol():
            return Growth(e=ONE)
        case sp.Mul():
            return _product([growth(each, x) for each in expression.args])
        case sp.exp():
            return _exponential(expression.args[0], x)
        case sp.Pow(base=base, exp=exponent):
            if x in exponent.free_symbols:
                require(_eventually_positive(base, x), f"{base} is not shown to be positive far out")
                return _exponential(exponent * sp.log(base), x)
            return _power(growth(base, x), exponent)
        case sp.log():
            return _logarithm(expression.args[0], x)
        case sp.Add():
            return _sum(sp.Add.make_args(sp.expand(expression)), x)
        case sp.Sum():
            return _total(expression, x)
    raise UnverifiedError(f"{expression}: need sums, products, powers, exp and log")


def _product(parts: list[Growth]) -> Growth:
    return Growth(
        sp.Mul(*(each.c for each in parts)),
        sp.Add(*(each.r for each in parts)),
        sp.Add(*(each.e for each in parts)),
        sp.Add(*(each.k for each in parts)),
        all(each.exact for each in parts),
    )


def _power(base: Growth, exponent: sp.Expr) -> Growth:
    require(defined_there(exponent), f"{exponent} is not shown to be a number everywhere")
    if not exponent.is_Integer:
        require(_sign(base.c) == 1, f"{base.c} is not shown to be positive")
    elif exponent < 0:
        require(_sign(base.c) != 0, f"{base.c} is not shown to be other than 0")
    return Growth(base.c**exponent, *(sp.expand(each * exponent) for each in base.orders), base.exact)


def _sum(terms: tuple[sp.Expr, ...], x: sp.Symbol) -> Growth:
    """The terms of the highest order together; an order whose exact terms cancel is gone."""
    if len(terms) == 1:
        return growth(terms[0], x)
    groups: list[list[Growth]] = []
    for each in (growth(term, x) for term in terms):
        mine = next((group for group in groups if compare(group[0], each) == 0), None)
        if mine is None:
            groups.append([each])
        else:
            mine.append(each)
    totals = [replace(group[0], c=sp.Add(*(each.c for each in group)), exact=all(each.exact for each in group))
              for group in groups]  # fmt: skip
    left = [each for each in totals if not (each.exact and identical(each.c, ZERO))]
    if not left:
        return Growth(ZERO)
    top = left[0]
    for each in left[1:]:
        top = each if compare(each, top) == 1 else top
    return replace(top, exact=top.exact and len(left) == 1)


def _total(total: sp.Sum, x: sp.Symbol) -> Growth:
    """A sum up to x of terms c i^e (ln i)^k (1 + o(1)) grows as its integral where that diverges; else to zeta(-e)."""
    term, (i, first, last) = summand(total)
    require(
        last == x and x not in term.free_symbols, f"{total} is not a sum of fixed terms up to what tends to infinity"
    )
    with assuming({i: (first, sp.oo)}, more=True):
        require(smooth_there(term) and analytic(term, i, first), f"{term} is not shown to be a number everywhere")
    part = growth(term, i)
    require(part.r == 0, f"{term} grows as an exponential")
    above = _sign(part.e + 1)
    if above == 1:
        return Growth(part.c / (part.e + 1), e=part.e + 1, k=part.k, exact=False)
    if above == -1:
        require(part.exact and part.k == 0 and first == 1, f"{total} has no limit that is known")
        return Growth(part.c * sp.zeta(-part.e), exact=False)
    require(identical(part.e, -ONE) and _sign(part.k + 1) == 1, f"{term}: whether its sum diverges is not decided")
    return Growth(part.c / (part.k + 1), k=part.k + 1, exact=False)


def _exponential(inside: sp.Expr, x: sp.Symbol) -> Growth:
    """exp of r x + e ln x + c + something that vanishes."""
    found = Growth()
    for term in sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(inside)))):
        part = growth(term, x)
        if compare(part, Growth()) == 0:
            step = Growth(sp.exp(part.c), exact=part.exact)
        elif part.exact and compare(part, Growth(e=ONE)) == 0:
            step = Growth(r=part.c)
        elif part.exact and compare(part, Growth(k=ONE)) == 0:
            step = Growth(e=part.c)
        else:
            require(vanishes(part), f"exp({inside}): {term} neither vanishes nor is a multiple of x, ln x or 1")
            step = Growth(exact=False)
        found = _product([found, step])
    return found


def _logarithm(inside: sp.Expr, x: sp.Symbol) -> Growth:
    """ln u ~ r x or e ln x, or tends to ln c; ln(1 + v) ~ v where v vanishes."""
    found = growth(inside, x)
    require(_sign(found.c) == 1, f"{inside} is not shown to be positive far out")
    r, e, k = found.orders
    if r != 0:
        return Growth(r, e=ONE, exact=False)
    if e != 0:
        return Growth(e, k=ONE, exact=found.exact and found.c == 1 and k == 0)
    require(k == 0, f"ln of {inside}: the logarithm of a logarithm is not counted")
    if identical(found.c, ONE):
        rest = growth(sp.expand(inside - 1), x)
        require(vanishes(rest), f"{inside} - 1 is not shown to vanish")
        return replace(rest, exact=False)
    return Growth(sp.log(found.c), exact=found.exact)


def _eventually_positive(expression: sp.Expr, x: sp.Symbol) -> bool:
    return _sign(growth(expression, x).c) == 1


def _sign(number: sp.Expr) -> int:
    """1 or -1 where that is proved inside the domain, otherwise 0."""
    return 1 if positive(number) else -1 if positive(-number) else 0
