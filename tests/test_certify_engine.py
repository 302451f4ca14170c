"""The prover and its parts: what it proves is true, what is false it never proves, and enclosures enclose."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import genbound as gb
from genbound.certified import precision
from genbound.checks import certify
from genbound.checks.problem import read
from genbound.checks.seek import replay, search
from genbound.checks.verdict import STANDARD, Status
from genbound.claims.card import Inequality, TailBound
from genbound.claims.registry import claim
from genbound.claims.written import over, written
from genbound.errors import DomainError
from genbound.proving.boxes import Prover
from genbound.proving.identity import identical
from genbound.proving.intervals import Interval, enclosure
from genbound.proving.signs import polynomial_sign, simple_sign, smooth, strict

x, y = sp.symbols("x y", real=True)
p = sp.Symbol("p", positive=True)
ZERO, ONE, TWO = sp.Integer(0), sp.Integer(1), sp.Integer(2)
LINE = (-sp.oo, sp.oo)
HALF_LINE = (ZERO, sp.oo)


def card(lhs: str, rhs: str, **domains: tuple[str, str]) -> Inequality:
    return Inequality(name="own", statement=f"{lhs} <= {rhs}", variables=over(**domains), sides=written(lhs, rhs))


# -- enclosures ----------------------------------------------------------------------------------------------------

SHAPES = [x * y, x**2 - x, x**3 + y, 1 / (x + 5), sp.exp(x - y), sp.log(x + 5), sp.sqrt(x + 5) * y, sp.Max(x, y, 1),
          sp.Min(x, y), (x + 4) ** sp.Rational(2, 3), (x + 4) * sp.log(x + 4),
          (x + 4) ** 3 * sp.log(x + 4), (x + 5) ** -2, x**-2]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-3.5, 3.5), min_size=4, max_size=4), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_an_enclosure_contains_every_value(ends: list[float], shares: list[float]) -> None:
    (a, b), (c, d) = sorted(ends[:2]), sorted(ends[2:])
    at = {x: min(a + (b - a) * shares[0], b), y: min(c + (d - c) * shares[1], d)}
    with precision():
        box = {"x": Interval(arb(a), arb(b)), "y": Interval(arb(c), arb(d))}
        for shape in SHAPES:
            inside = enclosure(shape)(box)
            value = enclosure(shape)({each.name: Interval(arb(v), arb(v)) for each, v in at.items()})
            assert inside.low <= value.high, shape
            assert value.low <= inside.high, shape


def test_enclosures_at_infinite_ends_and_outside_the_domain() -> None:
    with precision():
        line = {"x": Interval(arb.neg_inf(), arb.pos_inf())}
        assert enclosure(sp.exp(x))(line).low == 0
        assert enclosure(x**2)(line).low == 0
        assert enclosure(x - x**2)(line).low == arb.neg_inf()
        away = {"x": Interval(arb(2), arb.pos_inf())}
        assert enclosure(1 / x)(away).high <= arb(0.5)
        assert enclosure(1 / x)(away).low == 0
        across = {"x": Interval(arb(-1), arb(1))}
        for broken in (1 / x, sp.log(x), sp.sqrt(x)):
            assert not enclosure(broken)(across).low.is_finite()
        nothing = {"x": Interval(arb(0), arb(0))}
        assert not enclosure((1 - sp.exp(x)) / x)(nothing).high.is_finite()  # 0/0 is not 0


# -- signs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "box", "sign"),
    [
        (1 + x * y, {x: (-ONE, sp.oo), y: (ZERO, ONE)}, 1),
        (1 + x * y, {x: (-TWO, sp.oo), y: (ZERO, ONE)}, None),
        (1 - p + p * sp.exp(x), {p: (ZERO, ONE), x: LINE}, 1),
        (2 * x + 1, {x: (sp.Rational(-1, 2), sp.oo)}, 1),
        (-1 - p + sp.sqrt(8 * p), {p: (sp.Integer(10), sp.oo)}, -1),
        (x**2 - x + 1, {x: (ZERO, ONE)}, 1),
        (x, {x: LINE}, None),
        (1 - 1 / p, {p: (ONE, sp.oo)}, 1),
    ],
)
def test_signs_of_polynomials(expression: sp.Expr, box: Any, sign: int | None) -> None:
    assert simple_sign(expression, box) == sign


def test_strictness_keeps_logarithms_off_zero() -> None:
    assert strict(1 + x * y, {x: (-ONE, sp.oo), y: (ZERO, ONE)})
    assert not strict((x - y) ** 2 - 0, {x: (ZERO, ONE), y: (ZERO, ONE)})
    assert not strict(x - x * y / y, {x: (ZERO, ONE), y: (ZERO, ONE)})
    assert smooth(sp.log(1 + x), {x: (-ONE, sp.oo)})
    assert not smooth(1 / (x - 1), {x: (ZERO, TWO)})
    assert not smooth(sp.Max(x, 0), {x: LINE})
    assert polynomial_sign(sp.log(x), ((x, HALF_LINE),)) is None


# -- the prover ----------------------------------------------------------------------------------------------------

TRUE = [
    (x - sp.log(1 + x), {x: (-ONE, sp.oo)}, [(x, ZERO)]),
    (sp.exp(x) - 1 - x - x**2 / 2 - x**3 / 6, {x: LINE}, [(x, ZERO)]),
    (sp.exp(x) - sp.exp(y) * (1 + x - y), {x: LINE, y: LINE}, [(x, y)]),
    (x**2 - x + sp.Rational(1, 3), {x: (-TWO, TWO)}, []),
    (sp.exp(x) + sp.exp(-x) - 2, {x: LINE}, [(x, ZERO)]),
    (sp.Rational(1, 2) + x * sp.log(x), {x: (ZERO, TWO)}, []),
]


@pytest.mark.parametrize(("f", "domain", "contacts"), TRUE, ids=lambda each: str(each)[:40])
def test_true_inequalities_are_proved(f: sp.Expr, domain: Any, contacts: Any) -> None:
    assert Prover(domain, contacts).prove(f, 4000).proved


FALSE = [
    (x - sp.log(1 + x) - x**2 / 10**6, {x: (-ONE, sp.oo)}, [(x, ZERO)]),
    (x**2 + x - sp.log(1 + x) - x * sp.Rational(1, 100), {x: (-ONE, sp.oo)}, [(x, ZERO)]),
    (-1 / (x - 1), {x: (ZERO, TWO)}, []),  # increases everywhere and starts at 1: the pole in between
    (sp.Rational(36, 100) + x * sp.log(x), {x: (ZERO, TWO)}, []),  # 0.36 < 1/e
    (sp.exp(x) - sp.exp(y) * (1 + x - y) - (x - y) ** 2 / 100, {x: LINE, y: LINE}, [(x, y)]),
    ((x - sp.Rational(1, 3)) ** 2 - sp.Rational(1, 10**12), {x: (ZERO, ONE)}, []),
    (sp.log(x), {x: (-ONE, sp.oo)}, [(x, ONE)]),  # not even defined
    (sp.sqrt(2 * p) - (1 + p) * sp.log(1 + p) + p * sp.log(p) - sp.Rational(3, 100), {p: HALF_LINE}, []),
]


@pytest.mark.parametrize(("f", "domain", "contacts"), FALSE, ids=lambda each: str(each)[:40])
def test_false_inequalities_are_never_proved(f: sp.Expr, domain: Any, contacts: Any) -> None:
    outcome = Prover(domain, contacts).prove(f, 400)
    assert not outcome.proved
    assert outcome.left


def test_a_false_contact_proves_nothing() -> None:
    """Contacts are hints: a wrong one is found out."""
    assert not Prover({x: LINE}, [(x, ZERO), (x, ONE)]).prove(x**2 - x, 200).proved


def test_side_conditions_limit_the_domain() -> None:
    f = sp.log(1 + x) - sp.log(1 + y)
    domain = {x: HALF_LINE, y: HALF_LINE}
    assert Prover(domain, lower=[(x, y)]).prove(f, 50).proved
    assert not Prover(domain, upper=[(x, y)]).prove(f, 50).proved
    assert not Prover(domain).prove(f, 50).proved


def test_identity_is_shown_by_rewriting_only() -> None:
    assert identical(sp.log(p**2) + sp.log(3), sp.log(3 * p) + sp.log(p))
    assert not identical(sp.sqrt(x**2), x)
    assert not identical(p, p + sp.Rational(1, 10**30))


# -- the engine on inequalities ------------------------------------------------------------------------------------


def test_the_engine_proves_refutes_and_admits() -> None:
    assert certify.check(card("log(1 + x)", "x", x=("-1", "oo"))).status is Status.PROVED
    wrong = certify.check(card("x", "x**2", x=("0", "2")))
    assert wrong.status is Status.REFUTED
    assert replay(card("x", "x**2", x=("0", "2")), wrong.witness)
    hard = card("sqrt(2*p) - 4/1000", "(1 + p)*log(1 + p) - p*log(p) + 25/1000", p=("0", "1"))
    assert certify.check(hard, replace(STANDARD, boxes=3, examples=0)).status in (Status.UNDECIDED, Status.REFUTED)
    close = card("(1 + p)*log(1 + p) - p*log(p)", "sqrt(2*p)", p=("0", "oo"))
    assert certify.check(close, replace(STANDARD, boxes=3)).status is Status.UNDECIDED
    assert certify.check(close).status is Status.PROVED


def test_equalities_are_proved_or_refuted() -> None:
    same = replace(card("log(4*p)", "log(p) + 2*log(2)", p=("0", "1")), relation="==")
    assert certify.check(same).status is Status.PROVED
    above = replace(card("log(4*p)", "log(p) + 3*log(2)", p=("0", "1")), relation="==")
    assert certify.check(above).status is Status.REFUTED


def test_a_search_goes_downhill_to_a_narrow_counterexample() -> None:
    narrow = card("0", "(x - 377/1000)**2 - 1/10**9", x=("0", "1"))
    assert search(narrow).witness


UNDEFINED = [
    ("0", "log(x)**2", ("-1", "1")),  # -pi^2 at -1
    ("0", "1/(1 + log(x)**2)", ("-2", "1")),
    ("0", "sqrt(x - 2)*sqrt(x - 3)", ("0", "1")),  # -sqrt(6) at 0
    ("log(x - 1)", "0", ("0", "1")),
    ("log(x)", "log(x) + 1", ("-1", "1")),  # the difference is 1 everywhere
    ("1", "exp(sqrt(x)) + 1", ("-1", "1")),
    ("0", "1/x**2", ("-1", "1")),
]


@pytest.mark.parametrize(("lhs", "rhs", "ends"), UNDEFINED)
def test_nothing_is_proved_where_a_side_is_no_real_number(lhs: str, rhs: str, ends: tuple[str, str]) -> None:
    verdict = certify.check(card(lhs, rhs, x=ends), replace(STANDARD, examples=20))
    assert verdict.status is not Status.PROVED
    assert not Prover({x: (sp.Integer(-1), ONE)}).prove(sp.log(x) ** 2, 50).proved


def test_a_limit_of_the_form_0_to_the_0_is_not_believed() -> None:
    """x^(-1/ln x) is 1/e everywhere, though sympy puts 0^0 = 1 for it at 0."""
    f = p ** (-1 / sp.log(p)) - sp.Rational(1, 2) + p
    assert not Prover({p: (ZERO, sp.Rational(1, 1000))}).prove(f, 50).proved


def test_bad_cards_are_refused() -> None:
    with pytest.raises(DomainError, match=r"C=.*sign"):
        read(card("sqrt(C**2)", "C", C=("-1", "1")))  # read as C <= C, where C is positive elsewhere
    for lhs, ends in (("0.1 + x", ("0", "1")), ("x", ("0", "0.3"))):
        with pytest.raises(DomainError, match="exact"):
            read(card(lhs, "2", x=ends))
    with pytest.raises(DomainError, match="variables among"):
        read(card("x + y", "1", x=("0", "1")))
    with pytest.raises(DomainError, match="where"):
        read(replace(card("x", "1", x=("0", "1")), where=("x + 1 <= 2*x",)))


# -- the engine on numbers -----------------------------------------------------------------------------------------

WITH_FORMULA = ["azuma_hoeffding", "empirical_freedman", "geometric_mean", "lower_geometric_mean", "howard",
                "maurer_pontil", "empirical_bernstein", "freedman", "floor"]  # fmt: skip


@pytest.mark.parametrize("name", WITH_FORMULA)
def test_returned_numbers_follow_their_formulas(name: str) -> None:
    verdict = certify.check(claim(name))
    assert verdict.status is Status.SUPPORTED, str(verdict)
    assert verdict.effective >= 40


@pytest.mark.parametrize("factor", [1 - 1e-12, 1 + 1e-6])
def test_a_number_off_its_formula_is_refuted(factor: float) -> None:
    true = claim("azuma_hoeffding")
    assert isinstance(true, TailBound)

    def off(losses: Any, *, ceiling: float, log_inv_delta: float) -> Any:
        result = gb.azuma_hoeffding(losses, ceiling=ceiling, log_inv_delta=log_inv_delta)
        return replace(result, value=result.value * factor)

    verdict = certify.check(replace(true, bounds=(off,)))
    assert verdict.status is Status.REFUTED
    assert math.isfinite(verdict.witness["value"])
    assert np.shape(verdict.witness["given"]["losses"])


def test_no_formula_no_verdict() -> None:
    assert certify.check(claim("mixture")).status is Status.NOT_APPLICABLE
