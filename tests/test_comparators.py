"""Published bounds, each under its own assumption: sixty digits, order, coverage, refusals."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scipy.stats import binom
from sixty_digits import CASES, DIGITS, B, case, complexities, exact, formula, mean, pairs, tight

import genbound as gb
from genbound.concentration import Wealth
from genbound.concentration.comparators import empirical_bernstein, howard, howard_grid, maurer_pontil, mineiro
from genbound.concentration.freedman import freedman
from genbound.concentration.mixture import mixture
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

NATS = [0.0, 1e-3, 3.0, 400.0, 1e6]
MANY = [name for name in [*CASES, "long"] if name != "one token"]


def variance(x: np.ndarray) -> Any:
    """(1/n) sum (X - mean X)^2, sixty digits."""
    centre = mean(x)
    return mpmath.fsum((k - centre) ** 2 for k in exact(x)) / len(x)


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("nats", NATS)
@pytest.mark.parametrize("low", [0.0, 5e-324])
def test_maurer_pontil_against_60_digits(name: str, nats: float, low: float) -> None:
    x = np.maximum(case(name)[0], low)
    n = len(x)
    result = maurer_pontil(x, ceiling=B, loss_floor=low, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        c, v = (mpf(nats) + mpmath.log(2)) / n, variance(x) * n / (n - 1)
        golden = formula("maurer_pontil", C=c, Delta=mpf(B) - mpf(low), mean_loss=mean(x), n=n, variance=v)
        tight(result.value, min(golden, mpf(B)))
    assert "identically distributed" in result.assumptions[0]


@pytest.mark.parametrize("name", [*CASES, "long"])
@pytest.mark.parametrize("nats", NATS)
def test_empirical_bernstein_against_60_digits(name: str, nats: float) -> None:
    x, _ = case(name)
    result = empirical_bernstein(x, ceiling=B, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        rate = (mpf(nats) + mpmath.log(3)) / len(x)
        golden = formula("empirical_bernstein", C=rate, Delta=B, mean_loss=mean(x), variance=variance(x))
        tight(result.value, min(golden, mpf(B)))
    assert "identically distributed" in result.assumptions[0]
    assert math.isclose(math.fsum(nats for _, nats in result.terms), result.value, rel_tol=1e-15, abs_tol=1e-300)


@pytest.mark.parametrize("name", [*CASES, "long"])
@pytest.mark.parametrize("nats", NATS)
def test_howard_against_60_digits(name: str, nats: float) -> None:
    x, y = case(name)
    result = howard(x, y, ceiling=B, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        c = (mpf(nats) + mpmath.log(32)) / len(x)
        square = mpmath.fsum((p - q) ** 2 for p, q in zip(exact(x), exact(y), strict=True)) / len(x) / mpf(B) ** 2
        members = [formula("howard", C=c, Delta=B, mean_loss=mean(x), mean_square=square, s=t) for t in howard_grid()]
        tight(result.value, min(*members, mpf(B)))
    assert "no independence" in result.assumptions[0]


@pytest.mark.parametrize("name", [*CASES, "long"])
@pytest.mark.parametrize("nats", NATS)
def test_mineiro_against_60_digits(name: str, nats: float) -> None:
    """One member has a closed form, that of `empirical_freedman`; two members satisfy their equation."""
    x, y = case(name)
    one = mineiro(x, y, ceiling=B, log_inv_delta=nats, grid=[32.0])
    assert math.isclose(
        one.value, gb.empirical_freedman(x, y, ceiling=B, log_inv_delta=nats, s=0.5).value, rel_tol=1e-13, abs_tol=1e-30
    )
    two = mineiro(x, y, ceiling=B, log_inv_delta=nats, grid=[20.0, 64.0])
    with mpmath.workdps(DIGITS):
        centre, n = mean(y), len(x)

        def log_sum(m: Any) -> Any:
            total = mpf(0)
            for d in (mpf(20), mpf(64)):
                logs = [mpmath.log(1 + (b - a) / d) for a, b in zip(exact(x), exact(y), strict=True)]
                total += mpmath.exp(mpmath.fsum(logs) + n * (m - centre) / d) / 2
            return mpmath.log(total)

        if two.value == B:
            assert log_sum(mpf(B)) <= nats
        else:
            assert log_sum(mpf(two.value)) >= nats
            assert log_sum(mpf(two.value) * (1 - mpf(10) ** -9) - mpf(10) ** -30) < nats


def known_variance_golden(x: np.ndarray, v: Any, b: Any, c: Any) -> Any:
    """At lambda = ln(1 + z), where its slope b^2 C - v (phi'(lambda) lambda - phi(lambda)) is 0; z by bisection."""
    if c == 0 or v == 0:
        return mean(x)
    low, high = mpf(0), (b * c / 3 + mpmath.sqrt((b * c / 3) ** 2 + 2 * v * c)) * b / v
    for _ in range(260):
        z = (low + high) / 2
        low, high = (low, z) if (1 + z) * mpmath.log1p(z) - z > c * b**2 / v else (z, high)
    return formula("freedman", C=c, Delta=b, lam=mpmath.log1p(high), mean_loss=mean(x), variance=v)


@pytest.mark.parametrize("name", [*CASES, "long"])
@pytest.mark.parametrize("nats", NATS)
@pytest.mark.parametrize("v", [0.0, 1e-300, 1e-6, 2.0, 64.0])
def test_freedman_against_60_digits(name: str, nats: float, v: float) -> None:
    x, _ = case(name)
    result = freedman(x, ceiling=B, variance=v, log_inv_delta=nats)
    with mpmath.workdps(110):
        golden = known_variance_golden(x, mpf(v), mpf(B), mpf(nats) / len(x))
        tight(result.value, min(golden, mpf(B)), absolute=1e-30)
    if v:
        c = nats / len(x)
        bernstein = float(np.mean(x)) + B * c / 3 + math.sqrt((B * c / 3) ** 2 + 2 * v * c)
        assert result.value <= bernstein * (1 + 1e-12) + 1e-300
    assert "variance" in result.assumptions[2]


@given(pairs, complexities, complexities)
@settings(max_examples=50)
def test_monotone_in_the_complexity(stream: list[tuple[float, float]], one: float, two: float) -> None:
    x, y = np.array([*stream, *stream]).T
    low, high = sorted((one, two))
    bounds: list[Any] = [
        lambda c: maurer_pontil(x, ceiling=B, complexity=c),
        lambda c: empirical_bernstein(x, ceiling=B, complexity=c),
        lambda c: howard(x, y, ceiling=B, complexity=c),
        lambda c: mineiro(x, y, ceiling=B, complexity=c),
        lambda c: freedman(x, ceiling=B, variance=3.0, complexity=c),
    ]
    for bound in bounds:
        values = [bound(c).value for c in (low, high)]
        assert values[0] <= values[1] * (1 + 1e-12) + 1e-30  # near zero the end of a search is rounded outward
        assert values[1] <= B


@given(pairs, complexities, st.floats(0.01, 0.99))
@settings(max_examples=50)
def test_the_order_of_the_adapted_bounds(stream: list[tuple[float, float]], c: float, s: float) -> None:
    """floor <= mixture <= mineiro, and geometric_mean <= empirical_freedman <= howard at the same lambda = s."""
    x, y = np.array(stream).T
    floor = gb.floor(x, ceiling=B, complexity=c).value
    product, exponential = (bound(x, y, ceiling=B, complexity=c).value for bound in (mixture, mineiro))
    assert floor <= product <= exponential * (1 + 1e-12) + 1e-30
    squares = howard(x, y, ceiling=B, complexity=c, grid=[s]).value
    assert gb.empirical_freedman(x, y, ceiling=B, complexity=c, s=s).value <= squares * (1 + 1e-12) + 1e-12
    assert floor <= squares


@given(st.floats(0.0, B), complexities, st.integers(2, 50))
def test_on_constant_data_none_is_below_the_floor(value: float, c: float, n: int) -> None:
    x = np.full(n, value)
    floor = gb.floor(x, ceiling=B, complexity=c).value
    for bound in (maurer_pontil, empirical_bernstein):
        assert bound(x, ceiling=B, complexity=c).value >= floor
        assert bound(x, ceiling=B, loss_floor=value / 2, complexity=c).value >= floor


@given(pairs, st.integers(-20, 20))
@settings(max_examples=30)
def test_scale_with_the_unit_of_loss(stream: list[tuple[float, float]], k: int) -> None:
    x, y = (np.where(side < 1e-100, 0.0, side) for side in np.array([*stream, *stream]).T)
    for bound in (maurer_pontil, empirical_bernstein, howard, mineiro):
        centres = (y,) if bound in (howard, mineiro) else ()
        one = bound(x, *centres, ceiling=B, complexity=0.1).value
        moved = (np.ldexp(side, k) for side in centres)
        other = bound(np.ldexp(x, k), *moved, ceiling=math.ldexp(B, k), complexity=0.1).value
        assert math.isclose(math.ldexp(one, k), other, rel_tol=1e-12)


def test_from_a_statistic_they_are_never_below_and_barely_above() -> None:
    x, y = case("long")
    plain, centred = Wealth(ceiling=B), Wealth(ceiling=B)
    plain.update(x)
    centred.update(x, y)
    for c in (1e-4, 0.05):
        for bound, wealth, data in (
            (maurer_pontil, plain, (x,)),
            (empirical_bernstein, plain, (x,)),
            (howard, centred, (x, y)),
            (mineiro, centred, (x, y)),
        ):
            exact_value, binned = bound(*data, ceiling=B, complexity=c).value, bound(wealth, complexity=c).value
            assert exact_value * (1 - 1e-14) <= binned <= exact_value + 1e-5
    for bound in (maurer_pontil, empirical_bernstein):
        with pytest.raises(DataError, match="without predictions"):
            bound(centred, complexity=0.1)
        with pytest.raises(DomainError, match="loss_floor"):
            bound(plain, loss_floor=0.5, complexity=0.1)
    beyond = Wealth(ceiling=B)
    beyond.update([1.0], [40.0])
    with pytest.raises(DataError, match="larger bets"):
        howard(beyond, complexity=0.1)


def test_arguments_outside_the_domain_are_refused() -> None:
    x = [1.0, 2.0]
    for call, message in (
        (lambda: maurer_pontil([1.0], ceiling=B, complexity=0.1), "n=1: need n >= 2"),
        (lambda: maurer_pontil(x, ceiling=B, loss_floor=B, complexity=0.1), "loss_floor=16.0"),
        (lambda: empirical_bernstein(x, ceiling=B, loss_floor=math.nan, complexity=0.1), "loss_floor=nan"),
        (lambda: empirical_bernstein(x, ceiling=B, loss_floor=1.5, complexity=0.1), r"losses\[0\]=1.0"),
        (lambda: empirical_bernstein([math.nan], ceiling=B, complexity=0.1), r"losses\[0\]=nan"),
        (lambda: howard(x, ceiling=B, complexity=0.1, grid=[1.0]), "lambda=1.0"),
        (lambda: howard(x, ceiling=B, complexity=0.1, grid=[math.nan]), "lambda=nan"),
        (lambda: howard(x, ceiling=B, complexity=0.1, grid=[]), "grid="),
        (lambda: howard(x, [1.0], ceiling=B, complexity=0.1), "predictions: 1 values"),
        (lambda: mineiro(x, ceiling=B, complexity=0.1, grid=[20.0], weights=[1.5]), r"weights\[0\]=1.5"),
        (lambda: freedman(x, ceiling=B, variance=-1.0, complexity=0.1), "variance=-1.0"),
        (lambda: freedman(x, ceiling=B, variance=math.inf, complexity=0.1), "variance=inf"),
        (lambda: freedman(x, ceiling=B, variance=1.0, loss_floor=1.5, complexity=0.1), r"losses\[0\]=1.0"),
        (lambda: freedman(x, ceiling=B, variance=1.0), "exactly one"),
        (lambda: freedman(x, variance=1.0, complexity=0.1), "ceiling=None"),
    ):
        with pytest.raises((DomainError, DataError), match=message):
            call()


def test_each_holds_under_its_assumption() -> None:
    """Rare large losses: independent ones for the IID bounds, reacting ones for the adapted; half of V is caught."""
    runs, n, nats = 400, 80, math.log(5)
    rng = np.random.default_rng(9)
    allowed = binom.ppf(1 - 1e-9, runs, 0.2)
    missed = dict.fromkeys(("maurer_pontil", "empirical_bernstein", "freedman", "howard", "mineiro", "planted"), 0)
    for _ in range(runs):
        p = 0.05
        x = np.where(rng.random(n) < p, 15.0, 0.5)
        risk = 15.0 * p + 0.5 * (1 - p)
        spread = p * (1 - p) * 14.5**2
        missed["maurer_pontil"] += maurer_pontil(x, ceiling=15.0, log_inv_delta=nats).value < risk
        missed["empirical_bernstein"] += empirical_bernstein(x, ceiling=15.0, log_inv_delta=nats).value < risk
        missed["freedman"] += freedman(x, ceiling=15.0, variance=spread, log_inv_delta=nats).value < risk
        missed["planted"] += freedman(x, ceiling=15.0, variance=spread / 40, log_inv_delta=nats / 8).value < risk
        x, y, total = np.empty(n), np.empty(n), 0.0
        for k in range(n):
            p = 0.02 if k and x[k - 1] > 1 else 0.06
            y[k], x[k] = 0.5 + p * 14.5, 15.0 if rng.random() < p else 0.5
            total += y[k] / n
        missed["howard"] += howard(x, y, ceiling=15.0, log_inv_delta=nats).value < total
        missed["mineiro"] += mineiro(x, y, ceiling=15.0, log_inv_delta=nats).value < total
    assert missed.pop("planted") > allowed
    assert max(missed.values()) <= allowed, missed
