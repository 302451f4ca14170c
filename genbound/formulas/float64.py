"""A formula compiled for float64 arrays, without the cancellations that can be avoided.

ln(1 + x) and e^x - 1 are taken from x, and x - ln(1 + x) and e^x - 1 - x by their series near 0: so v, psi and phi
keep their relative accuracy everywhere. Where the terms of a formula itself cancel (kl(q || p) near q = p, a bound near
0) the error stays below `CANCELLATION` of the largest of them.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p

from genbound.formulas.exact import without_sums

CANCELLATION = 2.0**-46
"""Error in float64, in units of the largest term of the sums in a formula."""

_SERIES = 0.25
"""|x| below which v and phi are summed: what 30 and 20 terms leave is less than 2^-53 of the sum."""

_v, _phi = sp.Function("_v"), sp.Function("_phi")


def compiled(expression: sp.Expr, names: list[sp.Symbol]) -> Callable[..., Any]:
    """The expression as a function of arrays for `names` that broadcast; NaN where it is not a real number.

    >>> x = sp.Symbol("x", real=True)
    >>> float(compiled(x - sp.log(1 + x), [x])(np.array(2.0**-40))) * 2.0**81
    0.9999999999993937
    """
    own: dict[str, Any] = {"_v": v_of, "_phi": phi_of}
    plain, sums = without_sums(expression)
    for name, (term, arguments, first) in sums.items():
        own[name] = np.vectorize(_summed(_lambdified(term, arguments, own), first), otypes=[np.float64])
    function = _lambdified(plain, names, own)

    def evaluate(*values: np.ndarray) -> Any:
        with np.errstate(all="ignore"):
            result = np.asarray(function(*values), dtype=np.float64)
        return np.broadcast_to(result, np.broadcast_shapes(result.shape, *(each.shape for each in values)))[()]

    return evaluate


def _lambdified(expression: sp.Expr, names: list[sp.Symbol], own: dict[str, Any]) -> Callable[..., Any]:
    return sp.lambdify(names, stable(expression), [own, "scipy", "numpy"], cse=True)


def _summed(term: Callable[..., Any], first: int) -> Callable[..., float]:
    def total(last: float, *free: float) -> float:
        index = np.arange(first, int(last) + 1, dtype=np.float64)
        return float(np.sum(np.broadcast_to(term(index, *free), index.shape)))

    return total


def stable(expression: sp.Expr) -> sp.Expr:
    """The same function with x - ln(1 + x), e^x - 1 - x, ln(1 + x) and e^x - 1 as functions of x.

    >>> x = sp.Symbol("x", real=True)
    >>> stable(sp.log(1 + x) / 2), stable(2 - 2 * sp.exp(-x)), stable(-sp.log(1 - x) - x)
    (log1p(x)/2, -2*expm1(-x), _v(-x))
    """
    expression = expression.replace(lambda each: isinstance(each, sp.Add), _paired)
    return expression.replace(_near_one, lambda each: log1p(each.args[0] - 1))


def _near_one(each: sp.Basic) -> bool:
    return isinstance(each, sp.log) and sp.Integer(1) in sp.Add.make_args(each.args[0])


def _paired(total: sp.Expr) -> sp.Expr:
    """A sum in which what cancels is one function."""
    terms = set(sp.Add.make_args(total))
    for term in sorted(terms, key=sp.default_sort_key):
        if isinstance(-term, sp.log):
            x = (-term).args[0] - 1
            if set(sp.Add.make_args(x)) <= terms:
                return total - term - x + _v(x)
        scale, power = term.as_coeff_Mul()
        if isinstance(power, sp.exp) and -scale in terms:
            x = power.args[0]
            if scale == 1 and set(sp.Add.make_args(-x)) <= terms:
                return total - term + 1 + x + _phi(x)
            return total - term + scale + scale * expm1(x)
    return total


def v_of(x: np.ndarray) -> np.ndarray:
    """x - ln(1 + x) = x^2 (1/2 - x/3 + x^2/4 - ...)."""
    near = np.where(np.abs(x) < _SERIES, x, 0.0)
    series = np.zeros_like(near)
    for k in range(31, 1, -1):
        series = 1.0 / k - near * series
    return np.where(np.abs(x) < _SERIES, near * near * series, x - np.log1p(x))


def phi_of(x: np.ndarray) -> np.ndarray:
    """e^x - 1 - x = x^2/2 (1 + x/3 (1 + x/4 (...)))."""
    near = np.where(np.abs(x) < _SERIES, x, 0.0)
    series = np.ones_like(near)
    for k in range(20, 2, -1):
        series = 1.0 + near / k * series
    return np.where(np.abs(x) < _SERIES, near * near / 2 * series, np.expm1(x) - x)
