"""Outward rounding: never on the wrong side of the exact value, never more than one float away."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st

from genbound.certified import ball, down, floor_float, log_product_ball, mean_ball, precision, sum_ball, up
from genbound.errors import DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

fractions = st.fractions(min_value=-(10**30), max_value=10**30)
floats = st.floats(allow_nan=False, allow_infinity=False)


@given(fractions)
def test_up_and_down_are_the_neighbouring_floats(x: Fraction) -> None:
    low, high = down(x), up(x)
    assert low <= x <= high
    assert high <= math.nextafter(low, math.inf)


@given(floats)
def test_a_float_is_its_own_bound(x: float) -> None:
    assert up(x) == down(x) == x


@given(st.integers(-(10**40), 10**40), st.integers(-1200, 900))
def test_floor_float_is_the_largest_float_below(mantissa: int, exponent: int) -> None:
    low = floor_float(mantissa, exponent)
    exact = Fraction(mantissa) * Fraction(2) ** exponent
    assert low <= exact
    following = math.nextafter(low, math.inf)
    assert math.isinf(following) or following > exact


def test_extremes() -> None:
    with precision():
        tiny, huge = arb(-1000000).exp(), arb(1000000).exp()
    assert (down(tiny), up(tiny)) == (0.0, 5e-324)
    assert up(huge) == math.inf
    assert down(huge) == math.nextafter(math.inf, 0)
    assert (up(arb(-1).log()), down(arb(-1).log())) == (math.inf, -math.inf)
    assert math.copysign(1.0, up(0.0)) == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, True, "1"])
def test_only_finite_numbers_enter(bad: object) -> None:
    with pytest.raises(DomainError):
        ball(bad)  # type: ignore[arg-type]


@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=50))
def test_sums_contain_the_exact_sum(values: list[float]) -> None:
    exact = sum((Fraction(v) for v in values), Fraction(0))
    assert down(sum_ball(values)) <= exact <= up(sum_ball(values))
    assert down(mean_ball(np.array(values))) <= exact / len(values) <= up(mean_ball(np.array(values)))


@settings(max_examples=25)
@given(st.integers(1, 1500), st.integers(0, 2**32 - 1), st.sampled_from([1e-300, 1.0, 1e300, 5e-324]))
def test_log_product_contains_the_sum_of_logs(n: int, seed: int, scale: float) -> None:
    factors = np.maximum(np.random.default_rng(seed).random(n) * scale, 5e-324)
    with mpmath.workdps(60):
        exact = mpmath.fsum(mpmath.log(mpmath.mpf(float(z))) for z in factors)
        enclosure = log_product_ball(factors)
        assert down(enclosure) <= exact <= up(enclosure)
        assert up(enclosure) - down(enclosure) <= n * 3e-16 + 2e-13 + 2 * math.ulp(float(abs(exact)))


def test_precision_is_restored() -> None:
    before = ctx.prec
    with precision(200):
        assert ctx.prec == 200
    assert ctx.prec == before

    def fails() -> None:
        with precision(200):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert ctx.prec == before
