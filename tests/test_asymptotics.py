"""Limits, sums and roots in derivations: each reason carries what is true and refuses what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from genbound.derivations import Derivation, Step, StepError
from genbound.derivations.domains import analytic, assuming, defined_there, domain, nonnegative, opaque, positive
from genbound.derivations.reasons.analysis import Certified, Identity, Minimum
from genbound.derivations.reasons.asymptotics import (
    Equivalent,
    IntegralTest,
    Integrated,
    Leading,
    Linear,
    Solve,
    Squeeze,
    Taylor,
    Telescope,
    ZetaRest,
)
from genbound.derivations.reasons.chance import Known
from genbound.derivations.reasons.growth import compare, equivalent, growth, leading, quotient_limit
from genbound.derivations.rules import Limit, UnverifiedError, Z
from genbound.proving.identity import identical
from genbound.symbols import symbols

n, C, V, p, i, x, lam, delta = symbols("n C V p i x lam delta")
s, e, rate = symbols("s rounding_error direction_bits")
ZERO, ONE, HALF = sp.Integer(0), sp.Integer(1), sp.Rational(1, 2)
FAR, NEAR = Limit(n), Limit(C, ZERO)


def total(q: sp.Expr, last: sp.Expr = n) -> sp.Sum:
    return sp.Sum(i**-q, (i, 1, last))


def one(start: sp.Expr, relation: str, after: sp.Expr, reason: object, **more: Any) -> Derivation:
    return Derivation("own", start, (Step(relation, after, reason),), **more)  # type: ignore[arg-type]


ROOT = {"total": total(HALF), "antiderivative": 2 * sp.sqrt(i)}
BELOW = one(total(HALF), ">=", 2 * sp.sqrt(n) - 2 + 1 / sp.sqrt(n), IntegralTest(**ROOT, side="below"))
ABOVE = one(total(HALF), "<=", 2 * sp.sqrt(n) - 1, IntegralTest(**ROOT, side="above"))
SQUEEZED = one(total(HALF), "~", 2 * sp.sqrt(n), Squeeze(below=BELOW, above=ABOVE, over=n))
CASE = one(C, "<=", ONE, Certified(small=C, large=ONE), where={C: (ZERO, ONE)})
TOWARDS = one(n + 1, "~", n, Leading(over=n))
PARABOLA = sp.Integral(e**2, (e, -HALF, HALF))

TRUE = {
    "polynomials": one((2 * n**2 + n) / (n + C), "~", 2 * n, Leading(over=n)),
    "symbolic exponents": one(n**p + n ** (p / 2) * sp.log(n), "~", n**p, Leading(over=n)),
    "exponentials": one(n / (2**n - 1) ** 2, "~", n * 4**-n, Leading(over=n)),
    "logarithms": one(sp.log(C * n**2 + n), "~", 2 * sp.log(n), Leading(over=n)),
    "a power to a power": one((1 + C / n) ** n, "~", sp.exp(C), Leading(over=n)),
    "at zero": one(sp.log(1 + C) / sp.sqrt(C), "~", sp.sqrt(C), Leading(over=C, to=ZERO)),
    "a logarithm at zero": one(C - C * sp.log(C), "~", -C * sp.log(C), Leading(over=C, to=ZERO)),
    "from below": one(1 / (1 - s) ** 2 + 1, "~", 1 / (1 - s) ** 2, Leading(over=s, to=ONE, side="-")),
    "an equivalent line": one(n + 1, "~", n + sp.sqrt(n), Leading(over=n)),
    "a part of the line": one(C * (n + 1) ** 2, "~", C * n**2, Leading(over=n, of=n + 1, context=C * Z**2)),
    "a sum": one(total(HALF) / n, "~", 2 / sp.sqrt(n), Leading(over=n)),
    "a convergent sum": one(total(sp.Integer(2)), "~", sp.pi**2 / 6, Leading(over=n)),
    "taylor": one(sp.log(1 + C) - C, "~", -(C**2) / 2 + C**3 / 3, Taylor(over=C, at=ZERO, order=3)),
    "taylor elsewhere": one(sp.log(C), "~", C - 1, Taylor(over=C, at=ONE, order=1)),
    "squeeze": SQUEEZED,
    "a bound that is kept": one(total(HALF), "~", ABOVE.last, Squeeze(below=BELOW, above=ABOVE, over=n, keep="above")),
    "squeezed inside": one(n / total(HALF) ** 2, "~", sp.Rational(1, 4), Equivalent(derivation=SQUEEZED,
                                                                                 context=n / Z**2)),
    "the other way": one(2 * sp.sqrt(n), "~", total(HALF), Equivalent(derivation=SQUEEZED)),
    "below": BELOW,
    "above": ABOVE,
    "below a reciprocal": one(1 / total(HALF), "<=", 1 / (2 * sp.sqrt(n) - 2 + 1 / sp.sqrt(n)),
                              IntegralTest(**ROOT, side="below", context=1 / Z)),
    "rising terms": one(sp.Sum(sp.log(i), (i, 1, n)), "<=", n * sp.log(n) - n + 1 + sp.log(n), IntegralTest(
        total=sp.Sum(sp.log(i), (i, 1, n)), antiderivative=i * sp.log(i) - i, side="above")),
    "zeta": one(total(sp.Integer(3)), ">=", sp.zeta(3) - 1 / (2 * n**2), ZetaRest(
        total=total(sp.Integer(3)), exponent=sp.Integer(3), side="below")),
    "telescope": one(sp.Sum(i, (i, 1, n)), "==", n * (n + 1) / 2, Telescope(
        total=sp.Sum(i, (i, 1, n)), closed=i * (i + 1) / 2)),
    "linear": one(sp.Sum(C * sp.log(i) + 1, (i, 1, n)), "==", C * sp.Sum(sp.log(i), (i, 1, n)) + n, Linear(
        total=sp.Sum(C * sp.log(i) + 1, (i, 1, n)))),
    "an integral": one(PARABOLA, "==", sp.Rational(1, 12), Integrated(integral=PARABOLA, antiderivative=e**3 / 3)),
    "a root": one(sp.exp(C) - V, "->", sp.log(V), Solve(over=C, at=sp.log(V))),
    "a case": CASE,
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_is_carried(name: str) -> None:
    TRUE[name].verified()
    assert TRUE[name].steps[0].relation in (TRUE[name].relation, "->")


CLAIMED = (n + 1) ** HALF - n**HALF
CUBIC = sp.Sum((i - 3) ** 2, (i, 1, n))
POLE = sp.Integral(e**-2, (e, -HALF, HALF))

FALSE = {
    "constant": one(n + 1, "~", 2 * n, Leading(over=n)),
    "exponent": one(n**2 + n, "~", n, Leading(over=n)),
    "logarithm lost": one(n * sp.log(n), "~", n, Leading(over=n)),
    "cancelled": one(CLAIMED, "~", n**HALF, Leading(over=n)),
    "undecided exponents": one(n**C + n**p, "~", n**C, Leading(over=n)),
    "coefficient of any sign": one((C - 1) * n + 1, "~", (C - 1) * n, Leading(over=n)),
    "exponential of what grows": one(sp.exp(n + sp.sqrt(n)), "~", sp.exp(n), Leading(over=n)),
    "wrong end": one(C + C**2, "~", C**2, Leading(over=C, to=ZERO)),
    "logarithm of nothing": one(sp.log(C - n), "~", sp.log(n), Leading(over=n)),
    "unequal": one(n + 1, "==", n, Leading(over=n)),
    "an order": one(n + 1, ">=", n, Leading(over=n)),
    "an identity in a limit": one(n + 1, "~", n, Identity()),
    "added": one(n + 1 - n, "~", ZERO, Leading(over=n, of=n + 1, context=Z - n)),
    "exponentiated": one(sp.exp(n + 1), "~", sp.exp(n), Leading(over=n, of=n + 1, context=sp.exp(Z))),
    "raised to the limit": one((n + 1) ** n, "~", n**n, Leading(over=n, of=n + 1, context=Z**n)),
    "raised to itself": one((n + 1) ** (n + 1), "~", n**n, Leading(over=n, of=n + 1, context=Z**Z)),
    "not analytic": one(sp.sqrt(C) + 1, "~", ONE, Taylor(over=C, at=ZERO, order=0)),
    "a pole": one(1 / C, "~", 1 / C, Taylor(over=C, at=ZERO, order=2)),
    "coefficient": one(sp.exp(C), "~", 1 + C + C**2, Taylor(over=C, at=ZERO, order=2, context=Z)),
    "no polynomial": one(C**3, "~", ZERO, Taylor(over=C, at=ZERO, order=2)),
    "first coefficient of any sign": one(x * C + C**2, "~", x * C, Taylor(over=C, at=ZERO, order=1)),
    "antiderivative": one(total(HALF), ">=", sp.sqrt(n), IntegralTest(
        total=total(HALF), antiderivative=sp.sqrt(i), side="below")),
    "sides exchanged": one(total(HALF), ">=", 2 * sp.sqrt(n) - 1, IntegralTest(**ROOT, side="above")),
    "not monotone": one(CUBIC, "<=", CUBIC + 1, IntegralTest(
        total=CUBIC, antiderivative=(i - 3) ** 3 / 3, side="above")),
    "pole of the antiderivative": one(total(C), "<=", (n ** (1 - C) - 1) / (1 - C) + 1, IntegralTest(
        total=total(C), antiderivative=i ** (1 - C) / (1 - C), side="above")),
    "a sum that may be empty": one(total(HALF, C), "<=", 2 * sp.sqrt(C) - 1, IntegralTest(
        total=total(HALF, C), antiderivative=2 * sp.sqrt(i), side="above")),
    "a pole between": one(1 / (total(HALF) - 2), "<=", 1 / (2 * sp.sqrt(n) - 4 + 1 / sp.sqrt(n)), IntegralTest(
        **ROOT, side="below", context=1 / (Z - 2))),
    "divergent": one(total(HALF), ">=", sp.zeta(HALF) + 2 * sp.sqrt(n), ZetaRest(
        total=total(HALF), exponent=HALF, side="below")),
    "other terms": one(total(sp.Integer(3)), ">=", sp.zeta(2) - 1 / n, ZetaRest(
        total=total(sp.Integer(3)), exponent=sp.Integer(2), side="below")),
    "no telescope": one(sp.Sum(i, (i, 1, n)), "==", n**2 / 2, Telescope(total=sp.Sum(i, (i, 1, n)), closed=i**2 / 2)),
    "integrated across a pole": one(POLE, "==", sp.Integer(-4), Integrated(integral=POLE, antiderivative=-1 / e)),
    "an end that is not reached": one(sp.Integral(sp.log(e), (e, 0, HALF)), "==", ZERO, Integrated(
        integral=sp.Integral(sp.log(e), (e, 0, HALF)), antiderivative=e * sp.log(e) - e)),
    "no root": one(sp.exp(C) - V, "->", V, Solve(over=C, at=V)),
    "one root of two": one((C - 1) * (C - 2), "->", ONE, Solve(over=C, at=ONE)),
    "a root outside": one(lam + 1, "->", -ONE, Solve(over=lam, at=-ONE)),
    "a root in its own terms": one(C - n, "->", C, Solve(over=n, at=C + n - n * ONE + n)),
    "bounds apart": one(total(HALF), "~", 2 * sp.sqrt(n), Squeeze(
        below=one(total(HALF), ">=", ZERO, Certified(small=ZERO, large=total(HALF))), above=ABOVE, over=n)),
    "bounds exchanged": one(total(HALF), "~", 2 * sp.sqrt(n), Squeeze(below=ABOVE, above=BELOW, over=n)),
    "bounds on something else": one(total(HALF), "~", 2 * sp.sqrt(n), Squeeze(
        below=one(2 * sp.sqrt(n), ">=", sp.sqrt(n), Certified(small=sp.sqrt(n), large=2 * sp.sqrt(n))), above=ABOVE,
        over=n)),
    "no limit there": one(C, "~", ONE, Equivalent(derivation=CASE), where={C: (ZERO, ONE)}),
    "a case for the whole": one(C, "<=", ONE, Known(derivation=CASE, at={})),
    "a case for a wider one": one(C, "<=", ONE, Known(derivation=CASE, at={}), where={C: (ZERO, sp.Integer(2))}),
    "a minimum of a sum": one(ONE, "<=", total(C), Minimum(function=total(C), over=C, at=ONE)),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_what_is_not_shown_is_refused(name: str) -> None:
    with pytest.raises(StepError, match="step 1"):
        FALSE[name].verified()


def test_a_limit_and_an_inequality_do_not_add_up() -> None:
    up = Step("<=", n + 1, Certified(small=n, large=n + 1))
    mixed = Derivation("own", n, (up, Step("~", n, Leading(over=n))))
    with pytest.raises(UnverifiedError, match="an inequality and a limit"):
        mixed.verified()
    with pytest.raises(UnverifiedError, match="an inequality and a limit"):
        _ = mixed.relation


def test_a_chain_has_one_limit() -> None:
    both = Derivation("own", n + C + 1, (Step("~", n, Leading(over=n)), Step("~", 2 * n, Leading(over=C, to=ZERO))))
    with pytest.raises(StepError, match="step 2"):
        both.verified()
    sides = Step("~", 1 + C, Leading(over=C, to=ZERO)), Step("~", ONE, Leading(over=C))
    with pytest.raises(StepError, match="step 2"):
        Derivation("own", 1 + C + C**2, sides).verified()


def test_a_limit_is_told() -> None:
    assert TOWARDS.relation == "~"
    assert TOWARDS.tends == Limit(n)
    assert TOWARDS.conditions == ("n -> oo",)
    assert TOWARDS.to_text().splitlines()[1].startswith("~ n ")
    assert r"\sim" in TOWARDS.to_latex()
    assert CASE.tends is None
    assert CASE.conditions == ("0 < C < 1",)
    assert str(Limit(C, ZERO)) == "C -> 0+"


def test_cases_stay_inside_the_table() -> None:
    for where in ({p: (ZERO, sp.Integer(2))}, {C: (-ONE, ONE)}, {C: (ONE, ONE)}, {sp.Symbol("nobody"): (ZERO, ONE)}):
        with pytest.raises(UnverifiedError):
            replace(CASE, where=where).verified()
    covering = one(C, "<=", ONE, Known(derivation=CASE, at={}), where={C: (ZERO, HALF)})
    covering.verified()
    renamed = one(V, "<=", ONE, Known(derivation=CASE, at={"C": V}), where={C: (ZERO, HALF)})
    with pytest.raises(StepError):
        renamed.verified()


def test_what_is_proved_depends_on_the_case() -> None:
    assert not nonnegative(1 - C)
    with assuming({C: (ZERO, ONE)}):
        assert nonnegative(1 - C)
        assert positive(1 - C)
        with assuming({n: (ONE, sp.Integer(5))}, more=True):
            assert nonnegative(6 - n - C)
            assert domain(n + C) == {C: (ZERO, ONE), n: (ONE, sp.Integer(5))}
        with assuming({}):
            assert not nonnegative(1 - C)
    assert not nonnegative(1 - C)
    assert domain(C) == {C: (ZERO, sp.oo)}


def test_sums_and_zeta_are_opaque() -> None:
    plain, box = opaque(total(HALF) * sp.zeta(1 + C) - n)
    assert not plain.atoms(sp.Sum, sp.zeta)
    assert sorted(map(str, (ends for x, ends in box.items() if x != n))) == ["(0, oo)", "(1, oo)"]
    assert positive(total(HALF))
    assert not positive(sp.Sum(sp.log(i), (i, 1, n)))  # 0 at n = 1
    assert not positive(total(HALF, C))  # may be empty
    with pytest.raises(UnverifiedError, match="finite"):
        positive(sp.Sum(1 / i, (i, 1, sp.oo)))
    with pytest.raises(UnverifiedError, match="exceed 1"):
        opaque(sp.zeta(C))
    assert not defined_there(sp.log(C - 1))
    assert analytic(sp.log(1 + C) * n**C, C, ZERO)
    assert not analytic(sp.log(C) * n**C, C, ZERO)


def test_growth_is_counted() -> None:
    found = leading(3 * sp.exp(-n) * n**2 * sp.log(n) + sp.exp(-2 * n), FAR)
    assert (found.c, *found.orders) == (3, -1, 2, 1)
    assert compare(growth(n**C, n), growth(sp.log(n), n)) == 1
    assert equivalent(sp.log(n + C), sp.log(n), FAR)
    assert not equivalent(2 * n, n, FAR)
    assert quotient_limit(n, n**2, FAR) == 0
    assert quotient_limit(-(n**2), n, FAR) == -sp.oo
    assert quotient_limit(C + 2 * sp.sqrt(C), sp.sqrt(C), NEAR) == 2
    with pytest.raises(UnverifiedError, match="not decided"):
        compare(growth(n**C, n), growth(n**p, n))
    for unknown in (sp.log(sp.log(n)), sp.Abs(n - C), sp.exp(n**2), sp.Sum(1 / (i + n), (i, 1, n))):
        with pytest.raises(UnverifiedError):
            leading(unknown, FAR)


def test_identities_are_refuted_by_a_point_and_shown_by_rewriting() -> None:
    assert identical((n + C) ** 2, n**2 + 2 * n * C + C**2)
    assert not identical((n + C) ** 2, n**2 + 2 * n * C + C**2 + sp.Rational(1, 10**30))
    assert identical(total(HALF) * (1 + C) - C * total(HALF), total(HALF))
    assert not identical(total(HALF), total(p))
