"""Boxes as things to cut, to measure and to name."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from functools import lru_cache

import sympy as sp
from flint import arb

from genbound.certified import precision
from genbound.formulas import evaluate
from genbound.proving.signs import Box


@lru_cache(maxsize=4096)
def places(low: sp.Expr, high: sp.Expr) -> tuple[arb, ...]:
    """A few points inside an interval."""
    if low == -sp.oo and high == sp.oo:
        return tuple(arb(k) for k in (-20, -3, -1, 0, 1, 3, 20))
    with precision():
        if high == sp.oo:
            return tuple((evaluate(low, {}) + step).mid() for step in (arb(1) / 64, arb(1), arb(5), arb(100)))
        if low == -sp.oo:
            return tuple((evaluate(high, {}) - step).mid() for step in (arb(1) / 64, arb(1), arb(5), arb(100)))
        a, b = evaluate(low, {}), evaluate(high, {})
        return tuple((a + (b - a) * k / 32).mid() for k in (1, 7, 16, 25, 31))


def as_float(number: sp.Expr) -> float:
    """To sort by."""
    return float(number)


def _width(low: sp.Expr, high: sp.Expr) -> float:
    return float("inf") if sp.oo in (high, -low) else float(high) - float(low)


def size(box: Box) -> float:
    """The widest side."""
    return max(_width(*ends) for ends in box.values())


def halves(box: Box) -> tuple[Box, Box]:
    """The box cut across its widest side; an infinite side is cut at twice its finite end or at 1."""
    x = max(box, key=lambda each: _width(*box[each]))
    low, high = box[x]
    if low == -sp.oo or high == sp.oo:
        finite = low if low != -sp.oo else high
        if finite in (sp.oo, -sp.oo):
            middle: sp.Expr = sp.Integer(0)
        else:
            step = 2 * sp.ceiling(abs(finite)) + 1
            middle = sp.floor(finite) + step if high == sp.oo else sp.ceiling(finite) - step
    else:
        middle = sp.Rational(*((float(low) + float(high)) / 2).as_integer_ratio())
    return {**box, x: (low, middle)}, {**box, x: (middle, high)}


def shown(box: Box) -> str:
    """`0 <= x <= 1` for every variable."""
    return ", ".join(f"{_short(low)} <= {x.name} <= {_short(high)}" for x, (low, high) in box.items())


def _short(number: sp.Expr) -> str:
    return str(number) if number in (sp.oo, -sp.oo) else f"{float(number):.6g}"
