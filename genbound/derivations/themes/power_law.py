"""What the chains on power-law spectra share: bounds on sum i^-q and ln(n!), and laws squeezed between two bounds."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Relation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.asymptotics import IntegralTest, Leading, Squeeze, ZetaRest
from genbound.derivations.reasons.series import Side
from genbound.derivations.rules import Reason, Z
from genbound.symbols import symbols

n, i, p = symbols("dimension i spectral_exponent")

Case = Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]
SIDES: tuple[tuple[Side, Side, Relation], ...] = (("below", "above", ">="), ("above", "below", "<="))
"""Side of a bound, side of the bound on what it falls in, its relation."""
ONE, TWO, HALF = sp.Integer(1), sp.Integer(2), sp.Rational(1, 2)
STEEP: Case = {p: (ONE, sp.oo)}


def sum_bound(q: sp.Expr, side: Side, series: bool, last: sp.Symbol = n) -> tuple[sp.Expr, Reason]:
    """A bound on the sum of i^-q with its reason: by zeta where the series converges, else by an integral."""
    total = f.power_sum(q, last)
    if series:
        value = sp.zeta(q) - last ** (1 - q) / (q - 1)
        return value + (0 if side == "below" else last**-q), ZetaRest(total=total, exponent=q, side=side)
    primitive = sp.log(i) if q == 1 else i ** (1 - q) / (1 - q)
    area = primitive.subs(i, last) - primitive.subs(i, ONE)
    reason = IntegralTest(total=total, antiderivative=primitive, side=side)
    return area + (last**-q if side == "below" else 1), reason


def log_bound(side: Side, last: sp.Symbol = n) -> tuple[sp.Expr, Reason]:
    """A bound on ln(last!) with its reason."""
    value = last * sp.log(last) - last + 1 + (0 if side == "below" else sp.log(last))
    return value, IntegralTest(total=f.log_factorial(last), antiderivative=i * sp.log(i) - i, side=side)


def law(
    name: str, title: str, bounds: tuple[Derivation, Derivation], note: str = "", over: sp.Symbol = n
) -> Derivation:
    """The leading term, squeezed between two bounds: the line is equivalent to either of them."""
    below, above = bounds
    return Derivation(
        name,
        below.start,
        (
            Step("~", above.last, Squeeze(below=below, above=above, over=over, keep="above")),
            Step("~", getattr(f, name)(), Leading(over=over)),
        ),
        formula=name,
        title=title,
        where=below.where,
        note=note,
    )


def falling(
    name: str,
    title: str,
    line: Callable[[sp.Expr], sp.Expr],
    bound: Callable[[Side], tuple[sp.Expr, Reason]],
    where: Case,
) -> tuple[Derivation, Derivation]:
    """A line that falls in one sum, between two bounds."""
    found = []
    for side, other, sign in SIDES:
        value, reason = bound(other)
        step = Step(sign, line(value), replace(reason, context=line(Z)))
        found.append(
            Derivation(f"{name}_{side}", line(reason.total), (step,), title=f"{title}, from {side}", where=where)
        )
    return found[0], found[1]


def exchanged(bounds: tuple[Derivation, Derivation], share: str) -> tuple[Mistake, Mistake]:
    """The mistake of taking one end of the sum for the other, in both bounds; `share` says what is bounded first."""
    below, above = bounds
    return tuple(
        Mistake(true.claim, 1, "other_end", f"{share}: the first term of the sum and the last exchanged",
                after=other.steps[0].after)
        for true, other in ((below, above), (above, below))
    )  # fmt: skip
