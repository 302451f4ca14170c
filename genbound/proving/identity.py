"""Whether two expressions are the same function: decided by rewriting, never by trying points."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy as sp


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


@lru_cache(maxsize=4096)
def identical(first: sp.Expr, second: sp.Expr) -> bool:
    """Whether first - second is rewritten to 0 under the assumptions of the symbols (False: not shown).

    >>> x = sp.Symbol("x", positive=True)
    >>> identical(sp.log(x**2 / 3), 2 * sp.log(x) - sp.log(3)), identical(x, sp.Abs(x) + sp.Rational(1, 10**9))
    (True, False)
    """
    difference = first - second
    return any(tactic(difference) == 0 for tactic in _TACTICS)
