"""Interval arithmetic with ends in Arb, infinite ones included: the enclosure of an expression on a box.

Every end is rounded outward. An operation that is not defined on all of its interval (a logarithm of something that
may be negative) gives the whole line, which proves nothing.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce

import sympy as sp
from flint import arb

from genbound.certified import precision
from genbound.errors import DomainError
from genbound.formulas import evaluate

INFINITY, MINUS_INFINITY, ZERO = arb.pos_inf(), arb.neg_inf(), arb(0)


@dataclass(frozen=True, slots=True)
class Interval:
    """[low, high] on the extended line."""

    low: arb
    high: arb

    @property
    def unknown(self) -> bool:
        """The whole line: perhaps not even defined, so that not even 0 times it is known."""
        return self.low == MINUS_INFINITY and self.high == INFINITY

    def __add__(self, other: Interval) -> Interval:
        return outward(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Interval) -> Interval:
        if self.unknown or other.unknown:
            return WHOLE
        products = [_times(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        if any(each.is_nan() for each in products):
            return WHOLE
        return Interval(min(each.lower() for each in products), max(each.upper() for each in products))


WHOLE = Interval(MINUS_INFINITY, INFINITY)


def outward(low: arb, high: arb) -> Interval:
    """[low, high] rounded outward; an end that is not a number becomes infinite."""
    return Interval(
        MINUS_INFINITY if low.is_nan() else low.lower(),
        INFINITY if high.is_nan() else high.upper(),
    )


def _times(a: arb, b: arb) -> arb:
    return ZERO if a.is_zero() or b.is_zero() else a * b  # 0 times an unattained infinity is 0


def end(number: sp.Expr, upper: bool) -> arb:
    """A domain end as an Arb number that is not inside the domain's own end."""
    if number in (sp.oo, -sp.oo):
        return INFINITY if number == sp.oo else MINUS_INFINITY
    value = evaluate(number, {})
    return value.upper() if upper else value.lower()


def exponential(x: Interval) -> Interval:
    """e^x."""
    low = ZERO if x.low == MINUS_INFINITY else x.low.exp()
    return outward(low, INFINITY if x.high == INFINITY else x.high.exp())


def logarithm(x: Interval) -> Interval:
    """ln x, -infinity at 0."""
    if x.low < 0:
        return WHOLE
    low = MINUS_INFINITY if x.low.is_zero() else (INFINITY if x.low == INFINITY else x.low.log())
    high = MINUS_INFINITY if x.high.is_zero() else (INFINITY if x.high == INFINITY else x.high.log())
    return outward(low, high)


def power(x: Interval, exponent: sp.Rational) -> Interval:
    """x^(p/q); for q > 1 the base must not be negative."""
    if exponent < 0:
        return _reciprocal(power(x, -exponent))
    if exponent.q == 1:
        k = int(exponent.p)
        if k % 2 == 1 or x.low >= 0:
            return outward(_whole_power(x.low, k), _whole_power(x.high, k))
        low, high = _whole_power(x.low, k), _whole_power(x.high, k)
        if x.high <= 0:
            return outward(high, low)
        return outward(ZERO, max(low.upper(), high.upper()))
    if x.low < 0:
        return WHOLE
    k = arb(int(exponent.p)) / int(exponent.q)
    return outward(
        *(each if each.is_zero() or each == INFINITY else (k * each.log()).exp() for each in (x.low, x.high))
    )


def _whole_power(x: arb, k: int) -> arb:
    if x == INFINITY or (x == MINUS_INFINITY and k % 2 == 0):
        return INFINITY
    return MINUS_INFINITY if x == MINUS_INFINITY else x**k


def _reciprocal(x: Interval) -> Interval:
    if x.low < 0 < x.high or (x.low.is_zero() and x.high.is_zero()):
        return WHOLE
    low = ZERO if x.high in (INFINITY, MINUS_INFINITY) else (MINUS_INFINITY if x.high.is_zero() else 1 / x.high)
    high = ZERO if x.low in (INFINITY, MINUS_INFINITY) else (INFINITY if x.low.is_zero() else 1 / x.low)
    return outward(low, high)


def power_times_log(x: Interval, k: arb) -> Interval:
    """x^k ln x for k > 0: falls to -1/(ke) at e^{-1/k} and rises from there; 0 at 0."""
    if x.low < 0:
        return WHOLE

    def at(point: arb) -> arb:
        if point.is_zero():
            return ZERO
        return INFINITY if point == INFINITY else (k * point.log()).exp() * point.log()

    turn = (-1 / k).exp()
    low, high = at(x.low), at(x.high)
    if x.low >= turn:
        return outward(low, high)
    top = max(low.upper(), high.upper())
    return outward(high if x.high <= turn else -1 / (k * arb(1).exp()), top)


Enclosure = Callable[[Mapping[str, Interval]], Interval]


@lru_cache(maxsize=65536)
def enclosure(expression: sp.Expr) -> Enclosure:
    """The function box -> interval of `expression`, boxes being maps from names to intervals.

    >>> x = sp.Symbol("x")
    >>> box = {"x": Interval(arb(0), arb(1))}
    >>> enclosure(x * sp.log(x))(box).high <= 0
    True
    """
    match expression:
        case sp.Symbol():
            name = expression.name
            return lambda box: box[name]
        case _ if expression.is_number:
            with precision():
                constant = evaluate(expression, {})
            fixed = outward(constant, constant)
            return lambda box: fixed
        case sp.exp():
            inner = enclosure(expression.args[0])
            return lambda box: exponential(inner(box))
        case sp.log():
            inner = enclosure(expression.args[0])
            return lambda box: logarithm(inner(box))
        case sp.Pow(base=base, exp=exponent) if exponent.is_Rational:
            inner = enclosure(base)
            return lambda box: power(inner(box), exponent)
        case sp.Pow(base=base, exp=exponent):
            return enclosure(sp.exp(exponent * sp.log(base), evaluate=False))
        case sp.Mul():
            return _product(expression)
    parts = [enclosure(each) for each in expression.args]
    match expression:
        case sp.Add():
            return lambda box: reduce(Interval.__add__, (part(box) for part in parts))
        case sp.Max() | sp.Min():
            pick = max if isinstance(expression, sp.Max) else min
            return lambda box: _extreme([part(box) for part in parts], pick)
    raise DomainError(f"{expression}: need sums, products, powers, exp, log, Max or Min of real numbers")


def _extreme(parts: list[Interval], pick: Callable[..., arb]) -> Interval:
    return Interval(pick(part.low for part in parts), pick(part.high for part in parts))


def _product(expression: sp.Mul) -> Enclosure:
    """Products, with u^k ln u taken as one function."""
    factors = list(expression.args)
    parts: list[Enclosure] = []
    for log in [each for each in factors if isinstance(each, sp.log)]:
        base = log.args[0]
        for other in factors:
            inner, exponent = other.as_base_exp()
            if inner == base and exponent.is_Rational and exponent > 0:
                factors = [each for each in factors if each not in (log, other)]
                with precision():
                    parts.append(_joined(enclosure(base), evaluate(exponent, {})))
                break
    parts += [enclosure(each) for each in factors]
    return lambda box: reduce(Interval.__mul__, (part(box) for part in parts))


def _joined(inner: Enclosure, k: arb) -> Enclosure:
    return lambda box: power_times_log(inner(box), k)
