"""The hand-written numbers against the formulas in fifty digits: never on the wrong side, and within a part in 10^9."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb
from sixty_digits import exact, formula, geometric, log_mean, mean, shifted, tight

import genbound as gb
from genbound import formulas as f
from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS, finzi_alpha, lotfi_code_bits
from genbound.certified import precision
from genbound.checks.numbers import cases, magnitude
from genbound.checks.verdict import Budget
from genbound.claims.calls import call
from genbound.claims.card import Impossibility, TailBound
from genbound.claims.registry import claims
from genbound.concentration.result import BoundResult
from genbound.errors import DataError, DomainError
from genbound.formulas.callables import FORMULAS
from genbound.subsample import WindowSample, two_stage_finzi, two_stage_lotfi
from genbound.symbols import symbol

mpf = mpmath.mpf
DIGITS = 50
NUMBERS = {each.name: each for each in claims().values() if isinstance(each, TailBound | Impossibility)}
CARDS = [each for each in NUMBERS.values() if each.formula is not None and each.quantities is not None]
ELSEWHERE = {
    "geometric_mean_anytime": "test_bounds_are_formulas",
    "progressive_validation": "test_bounds_are_formulas",
    "held_out": "test_bounds_are_formulas",
    "kl_inverse": "test_kl",
    "finzi_bound": "test_baselines",
    "lotfi_subsampled": "test_baselines",
    "two_stage_geometric_mean": "test_subsample",
    "two_stage_empirical_freedman": "test_subsample",
    "two_stage_azuma": "test_subsample",
}
"""Bounds whose card does not say what to put into the formula -> the test that does."""

X = np.random.default_rng(7).random(60) * 9
Y = np.random.default_rng(8).random(60) * 3
ABOUT: dict[str, Any] = {"ceiling": 9.0, "log_inv_delta": 3.0, "shift": 14.0}


def test_every_number_with_a_formula_is_compared_with_it() -> None:
    compared = {card.name for card in CARDS}
    assert {name for name in NUMBERS if name in FORMULAS} <= compared | set(ELSEWHERE)
    for name, test in ELSEWHERE.items():
        assert f'formula("{name}"' in (Path(__file__).parent / f"{test}.py").read_text(encoding="utf-8")


# -- the cards ---------------------------------------------------------------------------------------------------


def digits(ball: arb) -> Any:
    """The midpoint, exactly."""
    mantissa, exponent = (int(part) for part in ball.mid().man_exp())
    return mpf(mantissa) * mpf(2) ** exponent


@pytest.mark.parametrize("card", CARDS, ids=lambda each: each.name)
def test_the_bounds_are_their_formulas(card: Any) -> None:
    """Every bound with a closed form, on the data of the checks; a trivial bound says nothing."""
    seen = 0
    for case in itertools.islice(cases(card, Budget()), 0, 120, 2):
        try:
            result = call(case.function, case.given)
        except (DataError, DomainError):  # too few tokens, predictions fitted to the losses
            continue
        values = card.quantities(result, case.given)
        rows = zip(result, values, strict=True) if isinstance(result, list) else [(result, values)]
        seen += sum(compared(card.formula(), each, numbers, case.given["ceiling"]) for each, numbers in rows)
    assert seen >= 6, seen


def compared(expression: Any, result: BoundResult, values: Any, ceiling: float) -> bool:
    """Whether there was something to compare."""
    compute = gb.formula(expression, "mpmath")
    names = inspect.signature(compute).parameters
    if result.value in (0, ceiling) or not all(values[name].is_finite() for name in names):
        return False  # the logarithm of a ball around 0
    with precision(256), mpmath.workdps(DIGITS + 30):
        try:
            truth = compute(**{name: digits(values[name]) for name in names})
        except DomainError:  # a mean v that is 0, or a geometric mean that is: balls reach below 0 there
            return False
        side = 1 if result.side == "upper" else -1
        far = mpf(1e-9) * abs(truth) + digits(magnitude(expression, values)) * mpf(2) ** -49
        assert -(mpf(10) ** -DIGITS) * abs(truth) <= side * (mpf(result.value) - truth) <= far, values
    return True


# -- one hypothesis ----------------------------------------------------------------------------------------------


def test_a_fixed_shift_holds_at_any_time() -> None:
    result = gb.geometric_mean(X, Y, **ABOUT)
    with mpmath.workdps(DIGITS):
        gm = geometric([14 + b - a for a, b in zip(exact(X), exact(Y), strict=True)])
        tight(result.value, formula("geometric_mean_anytime", G=gm, log_inv_delta=3, mean_bound=mean(Y) + 14, n=60))


@pytest.mark.parametrize("s", [0.25, 0.9])
def test_one_member_of_a_mixture_is_the_bound_at_that_member(s: float) -> None:
    about: dict[str, Any] = {"ceiling": 9.0, "log_inv_delta": 3.0, "grid": [9.0 / s]}
    with mpmath.workdps(DIGITS):
        d, c = mpf(9.0 / s), mpf(3) / 60
        tight(gb.mixture(X, Y, **about).value, min(shifted(X, Y, d, c), mpf(9)))
        log = log_mean(X, Y, d) - mpmath.log(d)
        other = formula("empirical_freedman_shift", C=c, D=d, mean_log=log, mean_prediction=mean(Y))
        tight(gb.mineiro(X, Y, **about).value, min(other, mpf(9)))


@pytest.mark.parametrize("complexity", [0.003, 0.2])
def test_the_kl_bounds_are_their_formulas(complexity: float) -> None:
    """At the u that the result names; under independence the value is where kl reaches C."""
    losses = np.array([0.0] * 90 + [1.0] * 10)
    about: dict[str, Any] = {"ceiling": 1.0, "complexity": complexity}
    chosen, free = gb.kl_inverse(losses, **about, grid=[1.5]), gb.kl_inverse(losses, **about, assume="independent")
    general = gb.kl_inf(X / 9, **about, assume="constant mean")
    with mpmath.workdps(DIGITS):
        share, c = mean(losses), mpf(complexity)
        tight(chosen.value, formula("kl_inverse", C=c, p=share, u=1.5))
        value, nearer = mpf(free.value), mpf(free.value) * (1 - mpf(1e-9))
        assert formula("binary_kl", q=share, p=nearer) < c <= formula("binary_kl", q=share, p=value)
        u, paid = mpf(general.tuned["u"]), c + mpmath.log(2 * mpmath.sqrt(60)) / 60
        tight(general.value, formula("kl_inf", C=paid, G=geometric([u - x for x in exact(X / 9)]), u=u))


# -- smoothing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", [2, 96, 50257])
@pytest.mark.parametrize("alpha", [2.0**-16, 0.05, 0.5, 0.999])
def test_the_ranges_of_smoothing_are_their_formulas(alpha: float, vocabulary: int) -> None:
    """Widened by the slack that the module declares."""
    with mpmath.workdps(DIGITS):
        names = ("ceiling", "least_loss", "span", "entropy_floor")
        top, low, span, entropy = (formula(name, alpha=alpha, V=vocabulary) for name in names)
        tight(smoothing.ceiling(alpha, vocabulary), top)
        tight(smoothing.span(alpha, vocabulary), span)
        assert low * (1 - mpf(1e-9)) <= smoothing.loss_floor(alpha, vocabulary) <= low
        assert entropy * (1 - mpf(2e-9)) <= smoothing.entropy_floor(alpha, vocabulary) <= entropy
        tight(smoothing.smoothing_cost(alpha), gb.formula(f.smoothing_trade().subs(symbol("C"), 0), "mpmath")(alpha))


def test_the_price_of_smoothing_is_its_formula() -> None:
    with mpmath.workdps(DIGITS):
        for c in np.geomspace(1e-12, 1e6, 60):
            tight(smoothing.smoothing_price(c), formula("smoothing_price", C=float(c)))
            tight(smoothing.smoothing_cost_sqrt(c), formula("smoothing_cost_sqrt", C=float(c)))
            tight(smoothing.smoothing_cost_sqrt(c, sharp=True), formula("smoothing_cost_sqrt_sharp", C=float(c)))


# -- many hypotheses ---------------------------------------------------------------------------------------------


def test_what_is_paid_is_the_complexity_of_its_formula() -> None:
    """C of each way to pay, and the bound at that C."""
    shared, suffix = {"log_inv_delta": 3, "n": 60}, {"log_inv_delta": 3, "n": 60, "prefix": 20}
    union = gb.prior_union({"h": (X, Y), "g": (Y, X)}, gb.Prior.from_bits({"h": 5, "g": 1}), **ABOUT)["h"]
    pac = gb.pac_bayes([X, X], Y, posterior=[0.25, 0.75], prior=[0.5, 0.5], **ABOUT)
    drawn_once = gb.disintegrated(X, Y, log_ratio=5.0, draws=3, **ABOUT)
    taught = gb.requential(X, Y, teacher_log_probs=[-4.0, -6.0], student_log_probs=[-8.5, -6.0], **ABOUT)
    later = gb.prefix_prior(X, Y, prefix=20, log_ratio=5.0, **ABOUT)
    with mpmath.workdps(DIGITS):
        distance = formula("binary_kl", q=0.25, p=0.5)
        for result, c in (
            (union, formula("prior_union_complexity", code_bits=5, prior=1, **shared)),
            (pac, formula("pac_bayes_complexity", KL=distance, **shared)),
            (drawn_once, formula("disintegrated_complexity", log_ratio=5, draws=3, **shared)),
            (taught, formula("requential_complexity", log_teacher=-10, log_student=-14.5, **shared)),
            (later, formula("prefix_prior_complexity", log_ratio=5, **suffix)),
        ):
            tight(result.complexity, c)
            tight(result.value, shifted(X[-result.n :], Y[-result.n :], 14, c))


@pytest.mark.parametrize("losses", [2.0, 0.0])
def test_the_best_of_two_weights_pays_for_two(losses: float) -> None:
    """From a statistic, whose means are fixed-point: off by one unit of it, less than 1e-9 nats."""
    wealth = gb.Wealth(ceiling=8.0)
    wealth.update([losses] * 1000, [losses] * 1000)
    with mpmath.workdps(DIGITS):
        about = {"G": 16, "log_inv_delta": 3, "mean_bound": losses + 16, "n": 1000, "prior": mpf(1) / 2}
        for bound, truth in (
            (gb.progressive_validation, formula("progressive_validation", **about)),
            (gb.held_out, formula("held_out", **about)),
        ):
            tight(bound({0.5: wealth, 0.25: wealth}, log_inv=3.0, shift=16.0).value, truth, absolute=1e-9)


# -- published bounds --------------------------------------------------------------------------------------------


def test_finzi_bound_is_its_formula_at_its_own_sigma() -> None:
    """The loss variation is printed rounded up: the value lies between the formula at it and one ulp below."""
    alpha = finzi_alpha(300.0, 4096)
    wealth = gb.Wealth(ceiling=smoothing.ceiling(alpha, 1000))
    wealth.update(np.tile(X, 69)[:4096], np.tile(Y, 69)[:4096])
    result = gb.finzi_bound(2.4, wealth, vocab_size=1000, log_inv_delta=300.0)
    sigma = float(result.tuned["sigma"])
    with mpmath.workdps(DIGITS):
        c = formula("pac_bayes_complexity", KL=mpmath.log(1000), log_inv_delta=300, n=4096)
        tight(result.complexity, c)
        low, high = (formula("finzi_bound", C=c, V=1000, sigma=each, unsmoothed_loss=2.4)
                     for each in (np.nextafter(sigma, 0), sigma))  # fmt: skip
        assert low <= mpf(result.value) <= high * (1 + mpf(1e-9))


def test_the_sampled_forms_of_the_published_bounds_are_their_formulas() -> None:
    bits, n, m = 2.0**20, 10**8, 20
    x, y = X.reshape(m, 3), Y.reshape(m, 3)
    samples = {alpha: WindowSample(x, y, smoothing.ceiling(alpha, 10**4), 0.0, 3.0) for alpha in (1e-4, 1e-3)}
    lotfi = two_stage_lotfi(samples, code_bits=bits, n=n, vocab_size=10**4)
    with mpmath.workdps(DIGITS):
        failure = -mpmath.log(mpf(0.05)) + mpmath.log(len(LOTFI_ALPHAS))
        tight(lotfi.value, min(
            formula("lotfi_subsampled", Delta=formula("span", V=10**4, alpha=alpha), m_sampled=m, n=n,
                    code_bits=lotfi_code_bits(bits), log_inv_delta=failure, sampled_loss=mean(X)) for alpha in samples
        ))  # fmt: skip


@pytest.mark.parametrize("nats", [300.0, 3000.0])
def test_the_sampled_finzi_bound_is_the_empirical_freedman_one_with_another_price(nats: float) -> None:
    """sqrt(2C) - h(C) more, not clipped at the ceiling."""
    alpha, n, m, vocabulary, s, u = finzi_alpha(nats, 10**4), 10**4, 20, 1000, 0.5, 60.0
    sample = WindowSample(X.reshape(m, 3) / 2, Y.reshape(m, 3), smoothing.ceiling(alpha, vocabulary), 0.0, 3.0)
    result = two_stage_finzi(sample, log_inv_delta_1=nats + float(np.log(1000)), n=n, log_inv_delta_2=3.0,
                             alpha=alpha, vocab_size=vocabulary, s=s, second_shift=u)  # fmt: skip
    with mpmath.workdps(DIGITS):
        c, delta = mpf(nats + float(np.log(1000))) / n, mpf(sample.ceiling)
        d = delta / mpf(s)
        z = [formula("empirical_freedman_shift", C=0, D=d, mean_log=log_mean(a, b, d) - mpmath.log(d),
                     mean_prediction=mean(b)) for a, b in zip(sample.losses, Y.reshape(m, 3), strict=True)]  # fmt: skip
        gm = geometric([u - each for each in z])
        sampled = formula("two_stage_empirical_freedman", C1=c, C2=mpf(3) / m, Delta=delta, G_centred=gm, s=s, u=u)
        price = formula("smoothing_cost_sqrt", C=c) - formula("smoothing_price", C=c)
        tight(result.value, sampled + price)
