"""A formula compiled for mpmath: as many digits as wanted, one number at a time."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp


def compiled(expression: sp.Expr, names: list[sp.Symbol]) -> Callable[..., Any]:
    """The expression as a function of `names`, at the precision of `mpmath.mp`; NaN where it divides by 0.

    >>> x = sp.Symbol("x", positive=True)
    >>> compiled(sp.log(x), [x])(mpmath.mpf(1))
    mpf('0.0')
    """
    own: dict[str, Any] = {}
    plain, sums = without_sums(expression)
    for name, (term, arguments, first) in sums.items():
        own[name] = _summed(sp.lambdify(arguments, term, "mpmath"), first)
    function = sp.lambdify(names, plain, [own, "mpmath"], cse=True)

    def evaluate(*values: Any) -> Any:
        try:
            return mpmath.mpmathify(function(*values))
        except ZeroDivisionError:
            return mpmath.nan

    return evaluate


def _summed(term: Callable[..., Any], first: int) -> Callable[..., Any]:
    return lambda last, *free: mpmath.fsum(term(mpmath.mpf(i), *free) for i in range(first, int(last) + 1))


def without_sums(expression: sp.Expr) -> tuple[sp.Expr, dict[str, tuple[sp.Expr, list[sp.Symbol], int]]]:
    """Every sum as a function of its last index and the symbols of its term; name -> (term, index and symbols, first).

    >>> i, n = sp.symbols("i n", positive=True)
    >>> without_sums(1 + sp.Sum(1 / i, (i, 1, n)))
    (_sum0(n) + 1, {'_sum0': (1/i, [i], 1)})
    """
    found: dict[str, tuple[sp.Expr, list[sp.Symbol], int]] = {}
    for k, each in enumerate(sorted(expression.atoms(sp.Sum), key=sp.default_sort_key)):
        index, first, last = each.limits[0]
        free = sorted(each.function.free_symbols - {index}, key=lambda x: x.name)
        found[f"_sum{k}"] = (each.function, [index, *free], int(first))
        expression = expression.xreplace({each: sp.Function(f"_sum{k}")(last, *free)})
    return expression, found
