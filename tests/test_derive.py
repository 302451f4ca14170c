"""Derivations: every step is verified, a wrong one is named, and the last line is the registered formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from genbound import formulas as f
from genbound.checks import derive
from genbound.checks.verdict import Status
from genbound.claims.registry import claim, claims
from genbound.derivations import DERIVATIONS, Derivation, Step, StepError
from genbound.derivations.reasons.analysis import (
    Certified,
    Construction,
    Definition,
    Identity,
    Lemma,
    Minimum,
    Optimum,
    Short,
)
from genbound.derivations.reasons.chance import Confidence, Jensen, Known, Spend, Ville
from genbound.derivations.rules import UnverifiedError, Z, averaged
from genbound.derivations.themes import moments, one_hypothesis, published, smoothing
from genbound.symbols import symbols

C, s, Delta, x, p, lam, D = symbols("C s Delta x p lam D")
X, U, m, R, n = symbols("X U m R n")
mean_loss, log_inv_delta, KL, mean_bound, G = symbols("mean_loss log_inv_delta KL mean_bound G")
mean_square, later_G, C1 = symbols("mean_square later_G C1")
CUBIC, SPLIT = lam**3 - 3 * lam, 6 / x**2 + (x + 5) ** 2

REQUIRED = [
    "one_step_product", "one_step_freedman", "geometric_mean", "empirical_freedman", "sigma_form", "shift_form",
    "geometric_mean_dominates", "azuma_hoeffding", "freedman", "lower_geometric_mean", "smoothing_cost",
    "smoothing_price", "smoothing_cost_sqrt", "smoothing_cost_sqrt_sharp", "floor", "prior_union", "pac_bayes",
    "disintegrated", "requential", "prefix_prior", "finzi_bound", "howard", "two_stage_geometric_mean",
    "geometric_mean_anytime", "progressive_validation", "held_out", "capped_geometric_mean", "kl_inf",
    "two_stage_empirical_freedman", "two_stage_azuma", "lotfi_subsampled",
]  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_step_is_verified(name: str) -> None:
    first, last = DERIVATIONS[name].verified()
    assert first is DERIVATIONS[name].start
    assert last is DERIVATIONS[name].last


@pytest.mark.parametrize("name", REQUIRED)
def test_the_claims_that_must_be_derived_are(name: str) -> None:
    verdict = derive.check(claim(name))
    assert verdict.status is Status.PROVED, str(verdict)


@pytest.mark.parametrize("name", DERIVATIONS)
def test_derivations_can_be_read(name: str) -> None:
    derivation = DERIVATIONS[name]
    text, latex = derivation.to_text(), derivation.to_latex()
    assert text.count("[") >= len(derivation.steps)
    assert latex.startswith(r"\begin{align*}")
    assert latex.count(r"\\") == len(derivation.steps) + 1
    assert "_ " not in latex


def test_claims_without_a_derivation_say_so() -> None:
    assert derive.check(claim("pinsker")).status is Status.NOT_APPLICABLE


def test_planted_formulas_are_mismatches() -> None:
    seen = 0
    for card in claims().values():
        for variant in card.variants():
            if card.kind == "inequality" and card.name in DERIVATIONS:
                verdict = derive.check(variant)
                assert verdict.status is Status.REFUTED, str(verdict)
                assert "mismatch" in verdict.reason
                seen += 1
    assert seen >= 10


def broken(name: str, number: int, change: Callable[[Step], Step]) -> Derivation:
    """The derivation with one step changed."""
    true = DERIVATIONS[name]
    steps = [change(step) if k == number else step for k, step in enumerate(true.steps, 1)]
    return replace(true, steps=tuple(steps))


GROWN = 1 + sp.Rational(1, 10**12)
WRONG = [
    ("azuma_hoeffding", 1, lambda step: replace(step, after=step.after * GROWN)),
    ("geometric_mean", 1, lambda step: replace(step, relation=">=")),
    ("geometric_mean", 2, lambda step: replace(step, after=mean_bound - sp.exp(sp.log(G) - C / 2))),
    ("geometric_mean", 2, lambda step: replace(step, reason=replace(step.reason, factor=(U - X) / (U - X + m)))),
    ("geometric_mean", 2, lambda step: replace(step, after=f.geometric_mean() + C)),
    ("howard", 2, lambda step: replace(step, reason=replace(step.reason, name="v_nonnegative"))),
    ("empirical_freedman", 1, lambda step: replace(
        step, reason=replace(step.reason, premise=moments.ONE_STEP_PRODUCT))),
    ("azuma_hoeffding", 2, lambda step: replace(step, reason=replace(step.reason, factor=step.reason.factor * sp.exp(
        lam**2 * Delta**2 / 16)))),
    ("azuma_hoeffding", 3, lambda step: replace(step, reason=replace(step.reason, at=sp.sqrt(4 * C) / Delta))),
    ("freedman", 1, lambda step: replace(step, reason=replace(step.reason, law=one_hypothesis._TWO))),
    ("howard", 2, lambda step: replace(step, after=f.howard() - C)),
    ("finzi_bound", 4, lambda step: replace(step, relation="==")),
    ("finzi_bound", 6, lambda step: replace(step, reason=replace(step.reason, at=C))),
    ("finzi_bound", 8, lambda step: replace(step, reason=replace(step.reason, name="smoothing_cost_sqrt_sharp"))),
    ("smoothing_cost_sqrt", 4, lambda step: replace(step, reason=replace(step.reason, small=2))),
    ("pac_bayes", 3, lambda step: replace(step, reason=replace(step.reason, price=KL / 2))),
    ("prior_union", 4, lambda step: replace(step, reason=replace(step.reason, weight=1 + lam))),
    ("prior_union", 3, lambda step: replace(step, relation="==")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "number", "change"), WRONG, ids=[f"{a}-{b}-{i}" for i, (a, b, _) in enumerate(WRONG)])
def test_a_wrong_step_is_named(name: str, number: int, change: Callable[[Step], Step]) -> None:
    with pytest.raises(StepError) as caught:
        broken(name, number, change).verified()
    assert caught.value.number == number


def test_the_engine_reports_a_wrong_step(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = broken("azuma_hoeffding", 1, lambda step: replace(step, after=step.after + C))
    monkeypatch.setattr(derive, "DERIVATIONS", {"azuma_hoeffding": wrong})
    verdict = derive.check(claim("azuma_hoeffding"))
    assert verdict.status is Status.REFUTED
    assert verdict.reason.startswith("step 1")
    unshown = broken("azuma_hoeffding", 2, lambda step: replace(step, reason=replace(step.reason, context=Z)))
    monkeypatch.setattr(derive, "DERIVATIONS", {"azuma_hoeffding": unshown})
    assert derive.check(claim("azuma_hoeffding")).status in (Status.REFUTED, Status.UNDECIDED)


def one(start: sp.Expr, relation: str, after: sp.Expr, reason: object) -> Derivation:
    return Derivation("own", start, (Step(relation, after, reason),))  # type: ignore[arg-type]


def test_rules_refuse_what_they_do_not_carry() -> None:
    refused = [
        one(x, "==", x + sp.Rational(1, 10**20), Identity()),
        one(x - sp.log(1 + x), "<=", x**2, Lemma(name="v_quadratic", at={"x": x})),  # x may be below -1/2
        one(f.v(C), "<=", C**2, Lemma(name="v_quadratic", at={"y": C})),
        one(-f.v(C), "<=", -(C**2), Lemma(name="v_quadratic", at={"x": C}, context=-Z)),  # the wrong way round
        one(f.v(C) * x, "<=", C**2 * x, Lemma(name="v_quadratic", at={"x": C}, context=x * Z)),  # x has any sign
        one(C, "<=", C / 2, Certified(small=C, large=C / 2)),
        one(x**3, "->", sp.Integer(0), Optimum(over=x, at=sp.Integer(0))),  # a saddle
        one(-((lam - 1) ** 2), "->", sp.Integer(0), Optimum(over=lam, at=sp.Integer(1))),  # a maximum
        one(sp.Integer(1), "<=", (lam - 1) ** 2 + 1, Minimum(function=(lam - 1) ** 2 + 1, over=lam, at=sp.Integer(2))),
        one(log_inv_delta / n, "->", (log_inv_delta + C) / n, Spend(rule="draw", price=C)),
        one(C, "->", C + KL, Spend(rule="change of measure", price=KL)),  # nothing is spent on C
        one(C + D, "->", log_inv_delta / n + D, Confidence(parts=((C, n, sp.Rational(1, 2)),))),  # half of delta
        one(C + C1, "->", 2 * log_inv_delta / n, Confidence(parts=((C, n, sp.Integer(1)), (C1, n, sp.Integer(1))))),
        one(C + C1, "->", C1 + log_inv_delta / n, Confidence(parts=((C, n, sp.Integer(1)),))),  # C1 has no share
        one(C * later_G, "->", log_inv_delta * later_G / n, Confidence(parts=((C, n, sp.Integer(1)),))),  # n - n_0
        one(log_inv_delta + n, "->", log_inv_delta + n + KL, Spend(rule="change of measure", price=KL, within=n)),
        one(f.loss_variation(), "==", mean_loss, Short(value=mean_loss)),
        one(R, "<=", f.lower_geometric_mean(), Known(derivation=one_hypothesis.LOWER_GEOMETRIC_MEAN, at={})),
        one(mean_loss, "<=", mean_loss, Definition(value=mean_loss, term=X * m, means={X: mean_loss, m: R})),
        one(1 / C, "<=", -1 / C, Certified(small=-C, large=C, context=-1 / Z)),  # a pole between the two
        one(sp.Integer(0), "<=", sp.log(x) ** 2, Certified(small=sp.Integer(0), large=sp.log(x) ** 2)),  # x < 0
        one(sp.Integer(2), "<=", CUBIC, Minimum(function=CUBIC, over=lam, at=sp.Integer(-1))),  # outside, a maximum
        one(sp.Integer(42), "<=", SPLIT, Minimum(function=SPLIT, over=x, at=sp.Integer(1))),  # 6/25 beyond the pole
        one(
            mean_loss + (C + lam**2 * mean_square) / lam,
            "->",
            mean_loss + 2 * sp.sqrt(C * mean_square),
            Optimum(over=lam, at=sp.sqrt(C / mean_square)),
        ),  # chosen with the data, unpaid
        one(R, "==", mean_loss, Definition(value=R, term=X, means={X: mean_loss})),
        one(R, "==", mean_loss, Definition(value=R, term=m, means={m: mean_loss})),
        one(
            mean_loss,
            "<=",
            mean_bound,
            Jensen(term=X, means={X: mean_bound, sp.log(X): sp.log(mean_loss)}, context=sp.exp(Z)),
        ),
        one(R, "<=", mean_bound - sp.exp(-C / 2) * G, Known(derivation=one_hypothesis.GEOMETRIC_MEAN, at={"C": C / 2})),
        one(R, "==", mean_loss, Construction(law=((sp.Integer(2), X), (sp.Integer(-1), X)), means={X: mean_loss})),
    ]
    for derivation in refused:
        with pytest.raises(StepError, match="step 1"):
            derivation.verified()


@pytest.mark.parametrize("law", [
    ((sp.Integer(1), {X: moments.x1, m: moments.x1}),),
    ((p, {X: moments.x1, m: moments.x1}), (1 - p, {X: moments.x1, m: moments.x1})),
    ((p, {X: moments.x1, m: moments.x1 + 1 - p}), (1 - p, {X: moments.x1 + 1, m: moments.x1 + 1 - p})),
    tuple((sp.Rational(1, 2), {X: each, m: (moments.x1 + moments.x2) / 2}) for each in (moments.x1, moments.x2)),
    ((C, {X: moments.x1, m: C * moments.x1 + (1 - C) * moments.x2}),
     (1 - C, {X: moments.x2, m: C * moments.x1 + (1 - C) * moments.x2})),
])  # fmt: skip
def test_a_special_law_carries_no_bound(law: Any) -> None:
    """A point mass has E exp(1000 (m - X)) = 1, which says nothing about any other law."""
    factor = sp.exp(1000 * (m - X))
    moment = sum((q * factor.subs(values, simultaneous=True) for q, values in law), sp.Integer(0))
    premise = Derivation("own", moment, ())
    ville = Ville(factor=factor, law=law, premise=premise, means={X: mean_loss, m: R}, context=mean_loss + Z / 1000)
    with pytest.raises(StepError, match="not a general law"):
        one(R, "<=", mean_loss + C / 1000, ville).verified()


def test_a_chain_that_says_something_else_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, above = f.azuma_hoeffding(), f.azuma_hoeffding() + 1
    others = [
        Derivation("azuma_hoeffding", bound, ()),
        one(above, ">=", bound, Certified(small=bound, large=above)),
        one(R, ">=", bound, Certified(small=bound, large=above)),
        one(R, "==", bound, Construction(law=((sp.Integer(1), bound),), means={})),
    ]
    for other in others:
        monkeypatch.setattr(derive, "DERIVATIONS", {"azuma_hoeffding": other})
        assert derive.check(claim("azuma_hoeffding")).status is Status.REFUTED, other
    lhs, rhs = claim("smoothing_price").sides()  # type: ignore[attr-defined]
    tuned = Derivation("smoothing_price", lhs, (Step("->", rhs, Optimum(over=lam, at=C)),))
    monkeypatch.setattr(derive, "DERIVATIONS", {"smoothing_price": tuned})
    assert "another instance" in derive.check(claim("smoothing_price")).reason


def test_laws_are_checked() -> None:
    """Probabilities, the mean and the variance of the law are verified, not believed."""
    true = one_hypothesis.GEOMETRIC_MEAN.steps[1].reason
    assert isinstance(true, Ville)
    for law in (true.law[:2], tuple((q, {**values, m: moments.x1}) for q, values in true.law)):
        with pytest.raises(UnverifiedError, match=r"sum to 1|not the mean"):
            replace(true, law=law).instance(R)
    known = one_hypothesis.FREEDMAN.steps[0].reason
    assert isinstance(known, Ville)
    halved = tuple((q, {k: v / 2 if k == one_hypothesis.conditional_variance else v for k, v in values.items()})
                   for q, values in known.law)  # fmt: skip
    with pytest.raises(UnverifiedError, match="variance of the law"):
        replace(known, law=halved).instance(R)


def test_means_are_linear() -> None:
    means = {X: mean_loss, sp.log(U - X): sp.log(G)}
    assert averaged(3 * X - C, means) == 3 * mean_loss - C
    assert averaged(sp.log((U - X) ** 2 / D), means) == 2 * sp.log(G) - sp.log(D)
    for expression in (X**2, X * sp.log(U - X), sp.exp(X), U):
        with pytest.raises(UnverifiedError):
            averaged(expression, means)


def test_jensen_points_downwards() -> None:
    instance = Jensen(term=U - m, means=one_hypothesis._UPPER_MEANS).instance(R)
    assert instance.large == sp.log(mean_bound - R)


def test_chains_do_not_turn_round() -> None:
    up, down = Step("<=", C + 1, Certified(small=C, large=C + 1)), Step(">=", C, Certified(small=C, large=C + 1))
    with pytest.raises(UnverifiedError, match="upwards and downwards"):
        _ = Derivation("own", C, (up, down)).relation


def test_the_sampled_bound_rests_on_the_tangent() -> None:
    assert published.TANGENT.verified()[1] == f.tangent()
    assert smoothing.POINT_MASS_ENTROPY.verified()[1] == f.entropy_floor()
