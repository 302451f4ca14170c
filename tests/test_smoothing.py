"""Uniform smoothing: every range is on the safe side, and the price is the one the statements give."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from genbound import smoothing as sm
from genbound.errors import DomainError
from genbound.formulas.callables import formula

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

alphas = st.one_of(st.sampled_from(sm.ALPHAS), st.floats(1e-12, 1 - 1e-12))
sizes = st.integers(2, 300_000)


@given(alphas, sizes)
def test_ranges_against_60_digits(alpha: float, v: int) -> None:
    with mpmath.workdps(60):
        names = ("ceiling", "least_loss", "entropy_floor")
        b, low, entropy = (formula(name, "mpmath")(alpha=alpha, V=v) for name in names)
        assert b <= sm.ceiling(alpha, v) <= b * (1 + mpf("2e-12"))
        assert low * (1 - mpf("2e-12")) <= sm.loss_floor(alpha, v) <= low
        assert b - low <= sm.span(alpha, v) <= (b - low) * (1 + mpf("2e-12"))
        assert entropy * (1 - mpf("2e-9")) <= sm.entropy_floor(alpha, v) <= entropy
        cost = formula("smoothing_trade", "mpmath")(alpha=alpha, C=0)
        assert cost <= sm.smoothing_cost(alpha) <= cost * (1 + mpf("1e-15"))


@given(alphas, st.integers(2, 50), st.integers(0, 2**31))
def test_computed_losses_and_entropies_stay_in_range(alpha: float, v: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=v) * rng.choice([0.1, 3.0, 100.0, 1000.0])
    p = np.exp(logits - logits.max())
    q = (1 - alpha) * (p / p.sum()) + alpha / v
    x = -np.log(q)
    assert sm.loss_floor(alpha, v) <= x.min() + 1e-15
    assert x.max() <= sm.ceiling(alpha, v)
    assert float(-(q * np.log(q)).sum()) >= sm.entropy_floor(alpha, v) - 1e-14


@given(st.one_of(st.floats(0.0, 1e-3), st.floats(0.0, 1e3)))
def test_the_price_is_the_best_trade_off_and_below_the_square_roots(c: float) -> None:
    price = sm.smoothing_price(c)
    with mpmath.workdps(400):
        exact = formula("smoothing_price", "mpmath")(C=c) if c else mpf(0)
        assert exact <= price <= exact * (1 + mpf("1e-12")) + mpf(5e-324)
    assert price <= sm.smoothing_cost_sqrt(c, sharp=True) * (1 + 1e-12) + 1e-300
    assert sm.smoothing_cost_sqrt(c, sharp=True) <= sm.smoothing_cost_sqrt(c)
    if 1e-10 < c < 1e3:
        alpha = sm.optimal_alpha(c)
        assert math.isclose(price, -math.log1p(-alpha) - c * math.log(alpha), rel_tol=1e-6)


def test_worked_numbers() -> None:
    assert math.isclose(sm.smoothing_price(1.0), 2 * math.log(2), rel_tol=1e-15)
    assert math.isclose(sm.smoothing_cost_sqrt(1.0, sharp=True), 2 * math.log(2), rel_tol=1e-15)
    assert sm.ALPHAS[0] == 0.5
    assert sm.ALPHAS[-1] == 2.0**-16
    assert len(sm.ALPHAS) == 16


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan, 1.5])
def test_alpha_outside_its_domain_is_refused(alpha: float) -> None:
    for refuses in (sm.ceiling, sm.loss_floor, sm.span, sm.entropy_floor):
        with pytest.raises(DomainError, match="alpha="):
            refuses(alpha, 100)
    with pytest.raises(DomainError):
        sm.smoothing_cost(alpha)


@pytest.mark.parametrize("size", [1, 0, -5, 2.5, True])
def test_vocabulary_outside_its_domain_is_refused(size: int) -> None:
    with pytest.raises(DomainError, match="V="):
        sm.ceiling(0.5, size)


@pytest.mark.parametrize("c", [-1e-9, math.nan, math.inf])
def test_complexity_outside_its_domain_is_refused(c: float) -> None:
    for refuses in (sm.smoothing_price, sm.smoothing_cost_sqrt):
        with pytest.raises(DomainError):
            refuses(c)
    with pytest.raises(DomainError):
        sm.optimal_alpha(-1.0)
