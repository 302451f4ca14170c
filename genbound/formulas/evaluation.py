"""A formula as a ball: evaluation with outward rounding."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import sympy as sp
from flint import arb, fmpq

from genbound.certified import Real, ball
from genbound.errors import DomainError, domain_error

_TERMS = 10**5


def evaluate(expression: sp.Expr, values: Mapping[str, Real]) -> arb:
    """A ball that contains the value of `expression` with these numbers for its symbols.

    The precision is the caller's (`genbound.certified.precision`). Outside the domain of a logarithm or a root the
    ball is not finite.

    Raises:
        DomainError: a symbol without a value, or a kind of expression that no formula of the theory needs.

    >>> from genbound.certified import precision
    >>> from genbound.formulas import smoothing_price
    >>> with precision():
    ...     ball_of_h = evaluate(smoothing_price(), {"C": 1})
    >>> round(float(ball_of_h), 9)
    1.386294361
    """
    match expression:
        case sp.Symbol():
            if expression.name not in values:
                raise domain_error(expression.name, None, "a value", "symbol of the formula")
            return ball(values[expression.name])
        case sp.Float():
            sign, mantissa, exponent, _ = expression._mpf_
            return arb((-1) ** sign * int(mantissa)) * arb(2) ** int(exponent)
        case sp.Rational():
            return arb(fmpq(int(expression.p), int(expression.q)))
        case sp.exp() | sp.log():
            inner = evaluate(expression.args[0], values)  # type: ignore[arg-type]
            return inner.exp() if isinstance(expression, sp.exp) else inner.log()
        case _ if expression in (sp.E, sp.pi):
            return arb(1).exp() if expression == sp.E else arb.pi()
        case sp.zeta() if len(expression.args) == 1:
            return evaluate(expression.args[0], values).zeta()  # type: ignore[arg-type]
        case sp.Sum():
            return _sum(expression, values)
        case sp.Integral() if expression.function.is_polynomial(expression.variables[0]):
            u, *ends = expression.limits[0].args
            primitive = sp.Poly(expression.function, u).integrate()
            return evaluate(primitive(ends[1]) - primitive(ends[0]), values)
    if not isinstance(expression, sp.Add | sp.Mul | sp.Pow | sp.Max | sp.Min):
        raise DomainError(f"{expression}: need sums, products, powers, exp, log, zeta, Max or Min of real numbers")
    parts = [evaluate(each, values) for each in expression.args]  # type: ignore[arg-type]
    if isinstance(expression, sp.Pow):
        return _power(parts[0], parts[1], expression.exp)
    if isinstance(expression, sp.Max | sp.Min):
        return reduce(arb.max if isinstance(expression, sp.Max) else arb.min, parts)
    return reduce(arb.__add__ if isinstance(expression, sp.Add) else arb.__mul__, parts)


def _sum(expression: sp.Sum, values: Mapping[str, Real]) -> arb:
    """The sum over the whole numbers in between; not finite when an end is not one, or for more than `_TERMS` terms."""
    (index, *ends), term = expression.limits[0], expression.function
    first, last = (evaluate(each, values) for each in ends)
    if not (first.is_integer() and last.is_integer() and last - first < _TERMS):
        return arb("nan")
    low, high = int(first.unique_fmpz()), int(last.unique_fmpz())
    return sum((evaluate(term, {**values, index.name: k}) for k in range(low, high + 1)), arb(0))


def _power(base: arb, exponent: arb, written: sp.Expr) -> arb:
    if isinstance(written, sp.Integer):
        return base ** int(written)
    if written.is_Rational and written.q == 2:  # type: ignore[attr-defined]
        return base.sqrt() ** int(written.p)  # type: ignore[attr-defined]
    return arb(0) if base.is_zero() and exponent > 0 else (exponent * base.log()).exp()
