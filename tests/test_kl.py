"""KL_inf and the binary kl inverse: sixty digits, what is paid, and why it has to be."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from sixty_digits import CASES, DIGITS, B, case, complexities, exact, formula, geometric, mean, pairs, tight

import genbound as gb
from genbound.concentration import Wealth
from genbound.concentration.kl import kl_inf, kl_inverse
from genbound.concentration.mixture import MEMBERS, mixture, mixture_shifts
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")


@pytest.mark.parametrize("name", [*CASES, "long"])
@pytest.mark.parametrize("nats", [0.0, 3.0, 400.0, 1e6])
def test_paid_kl_inf_against_60_digits(name: str, nats: float) -> None:
    x, _ = case(name)
    result = kl_inf(x, ceiling=B, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        u, c = mpf(result.tuned["u"]), (mpf(nats) + mpmath.log(MEMBERS)) / len(x)
        golden = formula("kl_inf", C=c, G=geometric([u - k for k in exact(x)]), u=u)
        tight(result.value, min(golden, mpf(B)))
        tight(result.complexity, c)
    assert result.costs[f"grid of u ({MEMBERS})"] >= math.log(MEMBERS)


def kl_inf_primal(x: np.ndarray, c: Any) -> Any:
    """sup{E_Q X : KL(P_hat || Q) <= C}: Q_i ~ 1/(n lambda (u - X_i)), the rest of its mass at B, by bisection on KL.

    For u > B the maximiser has mass on the data only, Q_i = GM(u - X) e^{-C}/(n (u - X_i)) with sum 1; if even u -> B
    leaves mass over, it sits at B.
    """
    values, n = exact(x), len(x)

    def mass(u: Any) -> Any:
        return mpmath.exp(-c) * geometric([u - k for k in values]) * mpmath.fsum(1 / (u - k) for k in values) / n

    low, high = mpf(B), mpf(B) * mpf(10) ** 8
    if max(values) < B and mass(low) <= 1:
        q = [mpmath.exp(-c) * geometric([low - k for k in values]) / (n * (low - k)) for k in values]
    else:  # mass decreases in e^{-C} GM mean 1/(u - X); find mass = 1
        for _ in range(230):
            middle = (low + high) / 2
            low, high = (middle, high) if mass(middle) > 1 else (low, middle)
        q = [mpmath.exp(-c) * geometric([high - k for k in values]) / (n * (high - k)) for k in values]
    return mpmath.fsum(p * k for p, k in zip(q, values, strict=True)) + (1 - mpmath.fsum(q)) * B


@pytest.mark.parametrize("nats", [0.5, 3.0, 30.0, 400.0])
def test_kl_inf_with_a_constant_mean_is_the_supremum(nats: float) -> None:
    for x in (case("short")[0][:60], np.array([0.0, 1.0, 5.0, 2.5]), np.array([0.0, B, 3.0, B / 2] * 5)):
        result = kl_inf(x, ceiling=B, log_inv_delta=nats, assume="constant mean")
        with mpmath.workdps(DIGITS):
            c = (mpf(nats) + mpmath.log(2 * mpmath.sqrt(len(x)))) / len(x)
            tight(result.value, kl_inf_primal(x, c))
            tight(result.complexity, c)
        assert "same conditional mean" in result.assumptions[0]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 10_000])
def test_the_regret_of_the_kt_mixture_is_at_most_ln_2_sqrt_n(n: int) -> None:
    """max_k of k^k (n-k)^(n-k)/n^n over the Beta(1/2, 1/2) mixture of Bernoulli products."""
    worst = mpf(0)
    with mpmath.workdps(30):
        for k in {0, 1, n // 2, n}:
            best = mpmath.mpf(k) ** k * mpmath.mpf(n - k) ** (n - k) / mpmath.mpf(n) ** n
            worst = max(worst, best * mpmath.pi / mpmath.beta(k + mpf(1) / 2, n - k + mpf(1) / 2))
        assert worst <= 2 * mpmath.sqrt(n) * (1 + mpf(10) ** -25)


def binary_kl_inverse(p: Any, c: Any) -> Any:
    """sup{q : kl(p || q) <= c} by bisection in ln(q - p)."""
    if p >= 1 or c == 0:
        return p
    if p == 0:
        return -mpmath.expm1(-c)
    with mpmath.workdps(60 + 2 * max(0, -int(mpmath.log10(c)))):  # kl is a small difference for small c
        low, high = mpf(-800), mpmath.log1p(-p)
        for _ in range(220):
            middle = (low + high) / 2
            h = mpmath.exp(middle)
            above = h >= 1 - p or formula("binary_kl", q=p, p=p + h) > c
            low, high = (low, middle) if above else (middle, high)
        return p + mpmath.exp(high)


def chord(p: Any, u: Any, c: Any) -> Any:
    """`kl_inverse` at one u; at u = 1 GM(u - X) is 0 as soon as one loss is 1."""
    return formula("kl_inverse", C=c, p=p, u=u) if u > 1 else formula("kl_inf", C=c, G=mpf(p == 0), u=u)


@pytest.mark.parametrize("name", [*CASES, "long"])
@pytest.mark.parametrize("nats", [0.0, 1e-12, 3.0, 400.0, 1e6])
def test_kl_inverse_against_60_digits(name: str, nats: float) -> None:
    x, _ = case(name)
    free = kl_inverse(x, ceiling=B, log_inv_delta=nats, assume="independent")
    paid = kl_inverse(x, ceiling=B, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        p, c = mean(x) / B, mpf(nats) / len(x)
        tight(free.value, B * binary_kl_inverse(p, c), absolute=1e-30)
        golden = chord(p, mpf(paid.tuned["u"]) / B, (mpf(nats) + mpmath.log(MEMBERS)) / len(x))
        tight(paid.value, min(B * golden, mpf(B)), absolute=1e-30)
    assert paid.value >= free.value * (1 - 1e-12)


@given(st.floats(0.0, 1.0), st.one_of(st.floats(1e-300, 1e-12), st.floats(1e-12, 60.0), st.just(1e6)))
@settings(max_examples=60)
def test_the_free_inverse_is_the_inverse(p: float, c: float) -> None:
    value = kl_inverse([p], ceiling=1.0, complexity=c, assume="independent").value
    with mpmath.workdps(DIGITS):
        tight(value, min(binary_kl_inverse(mpf(p), mpf(c)), mpf(1)))


def test_for_zero_one_losses_the_two_are_one() -> None:
    x = (np.random.default_rng(5).random(500) < 0.07).astype(float)
    for c in (1e-3, 0.05, 1.0):
        one, other = kl_inf(x, ceiling=1.0, complexity=c).value, kl_inverse(x, ceiling=1.0, complexity=c).value
        assert math.isclose(one, other, rel_tol=1e-12)


@given(pairs, complexities, complexities)
@settings(max_examples=40)
def test_monotone_ordered_and_above_the_floor(stream: list[tuple[float, float]], one: float, two: float) -> None:
    x = np.array(stream)[:, 0]
    low, high = sorted((one, two))
    bounds: list[Any] = [
        lambda c: kl_inf(x, ceiling=B, complexity=c),
        lambda c: kl_inf(x, ceiling=B, complexity=c, assume="constant mean"),
        lambda c: kl_inverse(x, ceiling=B, complexity=c),
        lambda c: kl_inverse(x, ceiling=B, complexity=c, assume="independent"),
    ]
    for bound in bounds:
        values = [bound(c).value for c in (low, high)]
        assert values[0] <= values[1] * (1 + 1e-12) + 1e-300
        assert gb.floor(x, ceiling=B, complexity=high).value <= values[1] <= B
    assert bounds[0](high).value <= bounds[2](high).value * (1 + 1e-12) + 1e-30  # the chord loses
    mixed = mixture(x, ceiling=B, complexity=high).value
    assert mixed <= bounds[0](high).value * (1 + 1e-12) + 1e-30


@given(pairs, st.integers(-20, 20))
@settings(max_examples=30)
def test_scale_with_the_unit_of_loss(stream: list[tuple[float, float]], k: int) -> None:
    x = np.array([a if a > 1e-200 else 0.0 for a, _ in stream])
    for bound, kwargs in ((kl_inf, {}), (kl_inverse, {}), (kl_inverse, {"assume": "independent"})):
        one = bound(x, ceiling=B, complexity=0.1, **kwargs).value
        other = bound(np.ldexp(x, k), ceiling=math.ldexp(B, k), complexity=0.1, **kwargs).value
        assert math.isclose(math.ldexp(one, k), other, rel_tol=1e-12)


def test_a_statistic_serves_as_well() -> None:
    x, y = case("long")
    wealth = Wealth(ceiling=B)
    wealth.update(x)
    for bound in (kl_inf, kl_inverse):
        exact_value = bound(x, ceiling=B, log_inv_delta=9.0).value
        binned = bound(wealth, log_inv_delta=9.0)
        assert exact_value * (1 - 1e-12) <= binned.value <= exact_value + 1e-6
        assert bound(iter(np.array_split(x, 5)), ceiling=B, log_inv_delta=9.0) == binned
    wealth.update(x, y)
    with pytest.raises(DataError, match="without predictions"):
        kl_inf(wealth, log_inv_delta=9.0)


def test_arguments_outside_the_domain_are_refused() -> None:
    x: Any = [1.0, 2.0]
    wrong: Any = "iid"
    for call, message in (
        (lambda: kl_inf(x, ceiling=B, complexity=0.1, assume=wrong), "assume='iid'"),
        (lambda: kl_inverse(x, ceiling=B, complexity=0.1, assume=wrong), "assume='iid'"),
        (lambda: kl_inf(x, ceiling=B, complexity=0.1, grid=[20.0], assume="constant mean"), "grid="),
        (lambda: kl_inverse(x, ceiling=B, complexity=0.1, grid=[20.0], assume="independent"), "grid="),
        (lambda: kl_inf(x, ceiling=B, complexity=0.1, grid=[15.0]), "shift=15.0"),
        (lambda: kl_inverse(x, ceiling=B, complexity=0.1, grid=[15.0]), "shift=15.0"),
        (lambda: kl_inf(x, complexity=0.1), "ceiling=None"),
        (lambda: kl_inverse([1.0, 17.0], ceiling=B, complexity=0.1), r"losses\[1\]=17.0"),
        (lambda: kl_inverse([], ceiling=B, complexity=0.1), "empty"),
        (lambda: kl_inverse(x, ceiling=B), "exactly one"),
    ):
        with pytest.raises((DomainError, DataError), match=message):
            call()


def worst_miss(bound: Any, n: int, delta: float, grid: int) -> float:
    """The largest probability that R exceeds the bound, over adapted 0/1 losses with conditional means in {i/grid}.

    Backward induction on (number of ones, sum of conditional means): an attained strategy, so a real counterexample.
    """
    nats = -math.log(delta)
    limits = [bound(np.array([1.0] * k + [0.0] * (n - k)), ceiling=1.0, log_inv_delta=nats).value for k in range(n + 1)]
    risks = np.arange(n * grid + 1) / (n * grid)
    value = np.array([(risks > limit).astype(float) for limit in limits])  # [ones, sum of means]
    for step in range(n - 1, -1, -1):
        reach = step * grid + 1
        choices = [
            i / grid * value[1 : step + 2, i : i + reach] + (1 - i / grid) * value[: step + 1, i : i + reach]
            for i in range(grid + 1)
        ]
        value = np.max(choices, axis=0)
    return float(value[0, 0])


@pytest.mark.parametrize(("n", "delta", "grid"), [(16, 0.3, 50), (8, 0.1, 60), (5, 0.05, 100)])
def test_paid_bounds_hold_on_every_adapted_process(n: int, delta: float, grid: int) -> None:
    for bound in (kl_inf, kl_inverse, mixture):
        assert worst_miss(bound, n, delta, grid) <= delta


def test_the_unpaid_inverse_on_adapted_losses_is_a_planted_error() -> None:
    """THEORY 1: probability .347 at n = 16, delta = .3. A mean that reacts to the count so far breaks it."""

    def unpaid(x: np.ndarray, **kwargs: Any) -> Any:
        return kl_inverse(x, assume="independent", **kwargs)

    assert worst_miss(unpaid, 16, 0.3, 100) > 0.34


def test_the_grid_is_the_one_of_the_mixture() -> None:
    x, _ = case("short")
    result = kl_inf(x, ceiling=B, complexity=0.1)
    assert result.tuned["u"] == mixture_shifts(B)[int(result.tuned["grid index"])]
