"""Whether two expressions are the same function: shown by rewriting, never by trying points.

A point where they are certified to differ refutes, which saves the rewriting.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import sympy as sp

from genbound.certified import precision
from genbound.errors import DomainError
from genbound.formulas import evaluate


def _logs(expression: sp.Expr) -> sp.Expr:
    return sp.expand(sp.expand_log(sp.expand_power_base(expression)))


def _together(expression: sp.Expr) -> sp.Expr:
    return sp.expand(sp.numer(sp.together(sp.powsimp(sp.expand(expression)))))


_TACTICS: tuple[Callable[[sp.Expr], sp.Expr], ...] = (
    sp.expand,
    _logs,
    _together,
    lambda each: _together(_logs(each)),
    lambda each: _logs(sp.logcombine(each)),
    sp.simplify,
    lambda each: sp.simplify(_logs(each)),
    lambda each: sp.simplify(sp.expand_log(sp.factor(each), factor=True)),
)

_PLAIN = frozenset(sp.Symbol("x", positive=True).assumptions0) | frozenset(sp.Symbol("x", negative=True).assumptions0)


@lru_cache(maxsize=4096)
def identical(first: sp.Expr, second: sp.Expr) -> bool:
    """Whether first - second is rewritten to 0 under the assumptions of the symbols (False: not shown).

    >>> x = sp.Symbol("x", positive=True)
    >>> identical(sp.log(x**2 / 3), 2 * sp.log(x) - sp.log(3)), identical(x, sp.Abs(x) + sp.Rational(1, 10**9))
    (True, False)
    """
    difference = first - second
    sums = {each: sp.Symbol(sp.srepr(each), real=True) for each in difference.atoms(sp.Sum, sp.Integral)}
    difference = difference.xreplace(sums)  # sympy's own rewriting of sums and integrals is not relied on
    return difference == 0 or (not _differs(difference) and any(tactic(difference) == 0 for tactic in _TACTICS))


def _differs(difference: sp.Expr) -> bool:
    """Whether the difference is certified to be other than 0 at a point that the assumptions allow."""
    names = sorted(difference.free_symbols, key=lambda each: each.name)
    if any(each.assumptions0.keys() - _PLAIN for each in names):
        return False
    for scale in (1, 13):
        places = {x.name: (-1 if x.is_negative else 1) * scale * Fraction(7 + 4 * k, 29 + 8 * k)
                  for k, x in enumerate(names)}  # fmt: skip
        try:
            with precision():
                value = evaluate(difference, places)
        except DomainError:
            return False
        if value.is_finite() and not value.contains(0):
            return True
    return False
