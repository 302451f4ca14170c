"""False statements that look like steps: each is refused, whatever the rule it hides behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from genbound.checks import derive
from genbound.checks.verdict import Status
from genbound.claims.registry import claim
from genbound.derivations import DERIVATIONS, Derivation, Step
from genbound.derivations.reasons.analysis import Certified, Identity, Optimum
from genbound.derivations.reasons.asymptotics import IntegralTest, Leading, Linear, Solve, Taylor, ZetaRest
from genbound.derivations.reasons.averages import Applied, Summed
from genbound.derivations.reasons.chance import Confidence, Known
from genbound.derivations.reasons.growth import Growth, vanishes
from genbound.derivations.reasons.paths import Along, Negligible
from genbound.derivations.refuting.witness import counterexample
from genbound.derivations.rules import UnverifiedError, Z
from genbound.proving.identity import identical
from genbound.symbols import symbol, symbols

n, m, C, i, alpha, s, eps, excess = symbols("n m_sampled C i alpha s eps excess")
R, mean_loss, mean_bound, G, log_inv_delta = symbols("R mean_loss mean_bound G log_inv_delta")
ZERO, ONE, HALF = sp.Integer(0), sp.Integer(1), sp.Rational(1, 2)

BOUND, FREEDMAN = DERIVATIONS["geometric_mean"], DERIVATIONS["empirical_freedman"]
BOUNDED = Step("<=", BOUND.last, Known(derivation=BOUND, at={}))
FREEDMANS = Step("<=", FREEDMAN.last, Known(derivation=FREEDMAN, at={}))
CONFIDENT = Step("->", BOUND.last.subs(C, log_inv_delta / n), Confidence(parts=((C, n, ONE),)))

SLOW = sp.Sum(sp.log(HALF + sp.sqrt(1 + 1 / i) / 2), (i, 1, n))
"""About (ln n)/4, although each term tends to 0."""
SELF = sp.Sum(i**-i, (i, 1, n))
SQUARES = sp.Sum(i * i, (i, 1, n))
ROOTS = sp.Sum(1 / i, (i, 1, sp.sqrt(n)))
SCALED = sp.Sum(C * i, (i, 1, n))
TAKEN_OUT = Derivation("own", SCALED, (Step("==", C * sp.Sum(i, (i, 1, n)), Linear(total=SCALED)),))
CONVEX = (C - excess) ** 2


def chain(start: sp.Expr, *steps: Step, **more: Any) -> Derivation:
    return Derivation("own", start, steps, **more)


def put(line: sp.Expr, over: sp.Symbol, at: sp.Expr) -> Step:
    return Step("->", line.subs(over, at), Along(over=over, at=at))


def renamed(bound: Derivation, **at: str) -> Derivation:
    """The bound under other names."""
    names = {symbol(old): symbol(new) for old, new in at.items()}
    first, last = (line.subs(names, simultaneous=True) for line in (bound.start, bound.last))
    return chain(first, Step("<=", last, Known(derivation=bound, at={str(old): new for old, new in names.items()})))


FALSE = {
    # known bounds under names they do not hold for
    "the mean loss for mean U": renamed(BOUND, mean_bound="mean_loss"),
    "the risk for mean U": renamed(BOUND, mean_bound="R"),
    "the complexity for GM": renamed(BOUND, G="C"),
    "some means of the posterior": renamed(BOUND, mean_bound="posterior_bound"),
    "a sampled risk beside a mean over the tokens": renamed(FREEDMAN, R="mean_loss", mean_loss="sampled_loss", C="C2"),
    "the observations of the sample": chain(R, BOUNDED, Step("->", BOUND.last.subs(C, log_inv_delta / m), Confidence(
        parts=((C, m, ONE),)))),
    # limits
    "a sum of what vanishes": chain(C + SLOW, Step("~", C, Negligible(over=n, kept=(C,)))),
    "an exponential of it": chain(sp.exp(SLOW), Step("~", ONE, Leading(over=n))),
    "not uniform": chain(C * (n + C), Step("~", C * n, Leading(over=n)), put(C * n, C, n**2)),
    "the limit itself chosen": chain(n + 1, Step("~", n, Leading(over=n)), put(n, n, sp.Integer(5))),
    "below the domain": chain(sp.sqrt(alpha**2) + 1, Step("~", alpha, Leading(over=alpha, to=-sp.oo))),
    "beyond the domain": chain(alpha, Step("~", sp.Integer(5), Leading(over=alpha, to=sp.Integer(5)))),
    "from the wrong side": chain(C + C**2, Step("~", C, Leading(over=C, to=ZERO, side="-"))),
    "outside the case": chain(1 + 1 / n, Step("~", ONE, Leading(over=n)), where={n: (ONE, sp.Integer(2))}),
    "a series outside the domain": chain(sp.log(1 + n), Step("~", n, Taylor(over=n, at=ZERO, order=1))),
    # bounds
    "half of C": chain(R, BOUNDED, put(BOUND.last, C, C / 2)),
    "no C": chain(R, BOUNDED, put(BOUND.last, C, ZERO)),
    "half of C, applied": chain(R, Step("<=", BOUND.last.subs(C, C / 2), Applied(derivation=BOUND, at={"C": C / 2}))),
    "more tokens": chain(R, BOUNDED, CONFIDENT, put(CONFIDENT.after, n, n**2)),
    "the mean of U chosen": chain(R, BOUNDED, put(BOUND.last, mean_bound, G)),
    "s chosen with the data": chain(R, FREEDMANS, put(FREEDMAN.last, s, mean_loss / (1 + mean_loss))),
    "a bound solved for": chain(R, BOUNDED, Step("->", G * sp.exp(-C), Solve(over=mean_bound, at=G * sp.exp(-C)))),
    "the risk replaced": chain(R, put(R, R, ZERO), Step("<=", C, Certified(small=ZERO, large=C))),
    "the best C, measured": chain(CONVEX, Step("->", ZERO, Optimum(over=C, at=excess))),
    # sums
    "an index as a constant": chain(SQUARES, Step("==", i * sp.Sum(i, (i, 1, n)),
                                                  Applied(derivation=TAKEN_OUT, at={"C": i}))),
    "an index as a value": chain(SCALED, put(SCALED, C, i)),
    "an index as an exponent": chain(SELF, Step(">=", sp.zeta(i) - n ** (1 - i) / (i - 1), ZetaRest(
        total=SELF, exponent=i, side="below"))),
    "no whole number of terms": chain(ROOTS, Step(">=", sp.log(sp.sqrt(n)) + 1 / sp.sqrt(n), IntegralTest(
        total=ROOTS, antiderivative=sp.log(i), side="below"))),
    "half a term": chain(sp.Sum(1, (i, 1, n / 2 + 1)), Step("==", n / 2 + 1, Linear(
        total=sp.Sum(1, (i, 1, n / 2 + 1))))),
    # rewriting
    "across a pole": chain(-1 / (C - 1) ** 2, Step("<=", -1 / ((C - 1) ** 2 + 1), Certified(
        small=(C - 1) ** 2, large=(C - 1) ** 2 + 1, context=-1 / Z))),
    "a tenth in binary": chain(sp.Float(0.1) * C, Step("==", C / 10, Identity())),
    "a symbol of the same name": chain(sp.sqrt(sp.Symbol("x", positive=True) ** 2), Step(
        "==", sp.Symbol("x", positive=True), Identity())),
    "infinite on both sides": chain(1 / alpha, put(1 / alpha, alpha, ZERO)),
    "a logarithm below 0": chain(sp.log(-C), Step("==", sp.log(C) + sp.I * sp.pi, Identity())),
    "a function of no formula": chain(sp.floor(n), Step("==", sp.floor(n), Identity())),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_it_is_refused(name: str) -> None:
    with pytest.raises(UnverifiedError):
        FALSE[name].verified()


def test_a_case_has_exact_ends() -> None:
    line = sp.log(C)
    with pytest.raises(UnverifiedError, match="not exact numbers"):
        chain(line, Step("<=", ZERO, Certified(small=line, large=ZERO)), where={C: (0, sp.Float(1))}).verified()


def test_what_is_of_lower_order_than_something_large_need_not_vanish() -> None:
    assert not vanishes(Growth(ZERO, e=ONE, exact=False))
    assert vanishes(Growth(ZERO, exact=False))
    assert vanishes(Growth(ZERO, e=ONE))
    assert vanishes(Growth(ONE, e=-ONE, exact=False))


def test_no_integral_is_left_to_the_computer_algebra() -> None:
    x = sp.Symbol("x", real=True)
    assert not identical(sp.Integral(x, (x, 0, 1)), HALF)


def test_what_is_not_shown_is_not_refuted() -> None:
    line = sp.log(sp.log(n) + 1)
    same = Step("~", line, Leading(over=n))
    with pytest.raises(UnverifiedError, match="logarithm of a logarithm"):
        chain(line, same).verified()
    assert counterexample(line, same) is None


def test_a_parameter_that_a_bound_leaves_free_may_be_set() -> None:
    assert chain(R, FREEDMANS, put(FREEDMAN.last, s, HALF)).verified()[1] == FREEDMAN.last.subs(s, HALF)


def test_a_constructed_process_is_found_behind_a_known_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = chain(R, Step("==", DERIVATIONS["floor"].last, Summed(derivation=DERIVATIONS["floor"], sums={})))
    monkeypatch.setattr(derive, "DERIVATIONS", {"geometric_mean": replace(hidden, claim="geometric_mean")})
    assert derive._constructed(hidden)
    assert derive.check(claim("geometric_mean")).status is Status.REFUTED
