"""Bounds for one fixed hypothesis: against 60 digits, their order, and what the statements promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sixty_digits
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scipy.stats import binom
from sixty_digits import DIGITS, B, exact, formula, log_mean, mean, shifted, tight
from sixty_digits import case as stream

import genbound as gb
from genbound.concentration import BoundResult, Wealth
from genbound.concentration.geometric_mean import default_shifts
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

CASES = [*sixty_digits.CASES, "long"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("nats", [0.0, 1e-3, 3.0, 400.0, 1e6])
def test_geometric_mean_against_60_digits(case: str, nats: float) -> None:
    x, y = stream(case)
    result = gb.geometric_mean(x, y, ceiling=B, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        d, c = mpf(result.tuned["shift"]), (mpf(nats) + mpmath.log(128)) / len(x)
        tight(result.value, min(shifted(x, y, d, c), mpf(B)))
        tight(result.complexity, c)
    assert math.isclose(math.fsum(nats for _, nats in result.terms), result.value, rel_tol=1e-15, abs_tol=1e-300)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("nats", [1e-3, 3.0, 400.0])
def test_empirical_freedman_against_60_digits(case: str, nats: float) -> None:
    x, y = stream(case)
    result = gb.empirical_freedman(x, y, ceiling=B, log_inv_delta=nats)
    with mpmath.workdps(DIGITS):
        s, c = mpf(result.tuned["s"]), (mpf(nats) + mpmath.log(1000)) / len(x)
        bets = [s * (b - a) / B for a, b in zip(exact(x), exact(y), strict=True)]
        mean_v = mpmath.fsum(formula("v", x=bet) for bet in bets) / len(bets)
        golden = formula("empirical_freedman", C=c, Delta=B, mean_loss=mean(x), mean_v=mean_v, s=s)
        tight(result.value, min(golden, mpf(B)))
        sigma = formula("loss_variation", C=c, Delta=B, mean_v=mean_v, s=s)
        tight(result.tuned["sigma"], sigma)
        if golden < B:  # value == mean X + Delta C + Sigma sqrt(C)
            rows = formula("empirical_freedman_sigma", C=c, Delta=B, mean_loss=mean(x), sigma=sigma)
            assert abs(result.value - rows) < 1e-9
            assert abs(result.term("complexity") - B * c) < 1e-9
            assert abs(result.term("loss variation") - sigma * mpmath.sqrt(c)) < 1e-9


@pytest.mark.parametrize("case", CASES)
def test_azuma_and_floor_against_60_digits(case: str) -> None:
    x, _ = stream(case)
    azuma = gb.azuma_hoeffding(x, ceiling=B, complexity=0.01)
    floor = gb.floor(x, ceiling=B, complexity=0.01)
    with mpmath.workdps(DIGITS):
        tight(azuma.value, min(formula("azuma_hoeffding", C=0.01, Delta=B, mean_loss=mean(x)), mpf(B)))
        golden = formula("floor", B=B, C=0.01, mean_loss=mean(x))
        assert golden * (1 - mpf("1e-9")) <= mpf(floor.value) <= golden
    lifted = gb.azuma_hoeffding(np.maximum(x, 0.5), ceiling=B, loss_floor=0.5, complexity=0.01)
    assert lifted.term("Azuma margin") <= azuma.term("Azuma margin") + 1e-12 or azuma.value == B


@pytest.mark.parametrize("case", CASES)
def test_lower_geometric_mean_against_60_digits(case: str) -> None:
    x, y = stream(case)
    result = gb.lower_geometric_mean(x, y, ceiling=B, prediction_ceiling=5.0, log_inv_delta=3.0)
    with mpmath.workdps(DIGITS):
        d, c = mpf(result.tuned["shift"]), (3 + mpmath.log(128)) / len(x)
        gm = mpmath.exp(log_mean(y, x, d))
        golden = max(formula("lower_geometric_mean", C=c, G_lower=gm, mean_lower=mean(y) - d), mpf(0))
        assert golden * (1 - mpf("1e-9")) - mpf("1e-13") <= mpf(result.value) <= golden
    assert result.value <= float(np.mean(x))
    assert result.side == "lower"


@pytest.mark.parametrize("bound", [gb.geometric_mean, gb.empirical_freedman])
@pytest.mark.parametrize("case", CASES)
def test_binned_bounds_are_never_below_the_exact_ones(bound: Callable[..., BoundResult], case: str) -> None:
    x, y = stream(case)
    wealth = Wealth(ceiling=B)
    wealth.update(x, y)
    for c in (1e-4, 0.05, 0.4):
        member = {"shift": 24.0} if bound is gb.geometric_mean else {"s": 0.66}
        exact, binned = bound(x, y, ceiling=B, complexity=c, **member), bound(wealth, complexity=c, **member)
        assert exact.value <= binned.value <= exact.value + 1e-6
        assert bound(wealth, complexity=c).value <= bound(x, y, ceiling=B, complexity=c).value + 1e-6
        chunks = zip(np.array_split(x, 3), np.array_split(y, 3), strict=True)
        parts = ((a, b) for a, b in chunks if a.size)
        assert bound(parts, ceiling=B, complexity=c, **member) == binned


def test_lower_bound_from_a_statistic_is_never_above_the_exact_one() -> None:
    x, y = stream("short")
    wealth = Wealth(ceiling=B)
    wealth.update(x, y)
    exact = gb.lower_geometric_mean(x, y, ceiling=B, prediction_ceiling=5.0, complexity=0.01, shift=20.0)
    binned = gb.lower_geometric_mean(wealth, prediction_ceiling=5.0, complexity=0.01, shift=20.0)
    assert exact.value - 1e-6 <= binned.value <= exact.value


streams = st.lists(st.tuples(st.floats(0.0, B), st.floats(0.0, 10.0)), min_size=1, max_size=40)
complexities = st.one_of(st.floats(0.0, 1e-3), st.floats(1e-3, 3.0), st.just(1e6))


@given(streams, complexities, st.floats(0.01, 0.999))
def test_geometric_mean_dominates(pairs: list[tuple[float, float]], c: float, s: float) -> None:
    """At the same C and D = Delta/s `geometric_mean` is never looser than `empirical_freedman`; `floor` below."""
    x, y = np.array(pairs).T
    gm = gb.geometric_mean(x, y, ceiling=B, complexity=c, shift=B / s)
    ef = gb.empirical_freedman(x, y, ceiling=B, complexity=c, s=s)
    assert gm.value <= ef.value * (1 + 1e-12) + 1e-300
    assert gb.floor(x, ceiling=B, complexity=c).value <= gm.value
    assert gm.value <= B


@given(streams, complexities, complexities)
def test_more_complexity_is_never_better(pairs: list[tuple[float, float]], one: float, two: float) -> None:
    x, y = np.array(pairs).T
    low, high = sorted((one, two))
    for bound in (gb.geometric_mean, gb.empirical_freedman):
        assert bound(x, y, ceiling=B, complexity=low).value <= bound(x, y, ceiling=B, complexity=high).value + 1e-12
    assert gb.floor(x, ceiling=B, complexity=low).value <= gb.floor(x, ceiling=B, complexity=high).value
    lower = [gb.lower_geometric_mean(x, ceiling=B, complexity=c).value for c in (low, high)]
    assert lower[1] <= lower[0] + 1e-12


@given(streams, st.integers(-20, 20))
def test_bounds_scale_with_the_unit_of_loss(pairs: list[tuple[float, float]], k: int) -> None:
    x, y = (np.where(side < 1e-200, 0.0, side) for side in np.array(pairs).T)
    one = gb.geometric_mean(x, y, ceiling=B, complexity=0.1)
    other = gb.geometric_mean(np.ldexp(x, k), np.ldexp(y, k), ceiling=math.ldexp(B, k), complexity=0.1)
    assert math.isclose(math.ldexp(one.value, k), other.value, rel_tol=1e-13)


@given(streams, complexities)
def test_the_shift_search_finds_the_best_member(pairs: list[tuple[float, float]], c: float) -> None:
    x, y = np.array(pairs).T
    found = gb.geometric_mean(x, y, ceiling=B, complexity=c).value
    paid = c + math.log(128) / len(x)
    members = [gb.geometric_mean(x, y, ceiling=B, complexity=paid, shift=d).value for d in default_shifts(B)[::9]]
    assert found <= min(members) * (1 + 1e-9) + 1e-300


def test_the_gain_over_freedman_is_as_stated() -> None:
    """EF - GM is about s (bound - mean Y)^2/(2 Delta) at the same s and C."""
    x, y = stream("short")
    for c, s in ((0.001, 0.3), (0.01, 0.5)):
        gm = gb.geometric_mean(x, y, ceiling=B, complexity=c, shift=B / s).value
        ef = gb.empirical_freedman(x, y, ceiling=B, complexity=c, s=s).value
        assert math.isclose(ef - gm, s * (ef - y.mean()) ** 2 / (2 * B), rel_tol=0.05)


def test_tiny_delta_and_price_list() -> None:
    x, y = stream("short")
    result = gb.geometric_mean(x, y, ceiling=B, log_inv_delta=1e6)
    assert result.value <= B
    assert result.costs == {"code and failure probability": 1e6, "shift grid (128)": pytest.approx(math.log(128))}
    assert result.complexity >= (1e6 + math.log(128)) / x.size
    fixed = gb.geometric_mean(x, y, ceiling=B, log_inv_delta=5.0, shift=40.0)
    assert list(fixed.costs) == ["code and failure probability"]
    chosen = gb.geometric_mean(x, y, ceiling=B, log_inv_delta=5.0, grid=[20.0, 40.0])
    assert chosen.costs["shift grid (2)"] >= math.log(2)
    narrow = gb.geometric_mean(x, np.maximum(y, 0.5), ceiling=B, prediction_floor=0.5, log_inv_delta=5.0, shift=15.5)
    assert narrow.value < B


def test_default_shifts_reach_every_possible_bet() -> None:
    for ceiling, floor in ((16.0, 0.0), (11.3, 0.1), (1e-3, 9.99e-4), (25.7, 1 / 3)):
        shifts = default_shifts(ceiling, floor)
        assert len(shifts) == 128
        assert list(shifts) == sorted(set(shifts))
        with mpmath.workdps(DIGITS):
            assert mpf(shifts[0]) >= mpf(ceiling) - mpf(floor)
            assert abs(mpf(shifts[9]) / mpf(shifts[0]) - mpf(2) ** (mpf(9) / 8)) < 1e-15


def test_results_round_trip_and_print() -> None:
    x, y = stream("short")
    for result in (
        gb.geometric_mean(x, y, ceiling=B, complexity=0.1),
        gb.empirical_freedman(x, y, ceiling=B, complexity=0.1),
        gb.floor(x, ceiling=B, complexity=0.1),
        gb.azuma_hoeffding(x, ceiling=B, complexity=0.1),
    ):
        assert BoundResult.from_dict(result.to_dict()) == result
        lines = str(result).splitlines()
        assert result.name in lines[0]
        assert len({line.index("nats/token") for line in lines[: len(result.terms) + 1]}) == 1
        assert float(result) == result.value
    with pytest.raises(DomainError, match="no such"):
        result.term("no such")
    with pytest.raises(DataError):
        BoundResult.from_dict({"value": 1.0})


@pytest.mark.parametrize(
    ("kwargs", "symbol"),
    [
        ({}, "exactly one"),
        ({"complexity": 0.1, "log_inv_delta": 1.0}, "exactly one"),
        ({"complexity": -0.1}, "complexity=-0.1"),
        ({"complexity": math.nan}, "nan"),
        ({"log_inv_delta": math.inf}, "inf"),
        ({"complexity": 0.1, "ceiling": None}, "ceiling=None"),
        ({"complexity": 0.1, "shift": 15.9}, "shift=15.9"),
        ({"complexity": 0.1, "shift": math.nan}, "shift=nan"),
        ({"complexity": 0.1, "grid": [20.0, 3.0]}, "shift=3.0"),
        ({"complexity": 0.1, "grid": []}, "grid="),
        ({"complexity": 0.1, "grid": [20.0], "shift": 20.0}, "grid="),
        ({"complexity": 0.1, "ceiling": math.inf}, "ceiling=inf"),
    ],
)
def test_arguments_outside_the_domain_are_refused(kwargs: dict[str, Any], symbol: str) -> None:
    with pytest.raises(DomainError, match=symbol):
        gb.geometric_mean([1.0, 2.0], **({"ceiling": B} | kwargs))


def test_other_arguments_outside_the_domain_are_refused() -> None:
    wealth = Wealth(ceiling=B)
    wealth.update([1.0])
    for call in (
        lambda: gb.empirical_freedman([1.0], ceiling=B, complexity=0.1, s=1.0),
        lambda: gb.empirical_freedman([1.0], ceiling=B, complexity=0.1, grid_size=0),
        lambda: gb.azuma_hoeffding([15.0], ceiling=B, complexity=0.1, loss_floor=B),
        lambda: gb.geometric_mean(wealth, ceiling=15.0, complexity=0.1),
        lambda: gb.geometric_mean(wealth, [1.0], complexity=0.1),
        lambda: gb.lower_geometric_mean([1.0], [2.0], ceiling=B, complexity=0.1),
        lambda: gb.lower_geometric_mean([1.0], ceiling=B, complexity=0.1, shift=-1.0),
        lambda: gb.geometric_mean(Wealth(ceiling=B), complexity=0.1),
        lambda: gb.azuma_hoeffding([1.0], ceiling=B, loss_floor=2.0, complexity=0.1),
        lambda: gb.geometric_mean(iter([([1.0], [1.0], [1.0])]), ceiling=B, complexity=0.1),
        lambda: gb.geometric_mean(iter([]), ceiling=B, complexity=0.1),
    ):
        with pytest.raises((DomainError, DataError)):
            call()


def violations(bound: Callable[[np.ndarray, np.ndarray, float], bool], repetitions: int = 400) -> int:
    """An adaptive two-valued process: rare large losses whose chance rises after a small loss."""
    rng = np.random.default_rng(2)
    n, count = 60, 0
    for _ in range(repetitions):
        x, y, risk = np.empty(n), np.empty(n), 0.0
        for k in range(n):
            p = 0.02 if k and x[k - 1] > 1 else 0.06
            y[k] = 1.0 + p * 14
            x[k] = 15.0 if rng.random() < p else 0.5
            risk += (15.0 * p + 0.5 * (1 - p)) / n
        count += bound(x, y, risk)
    return count


def test_upper_and_lower_limits_hold_on_an_adaptive_process() -> None:
    nats, allowed = math.log(10), binom.ppf(1 - 1e-9, 400, 0.1)

    def upper(x: np.ndarray, y: np.ndarray, risk: float) -> bool:
        return gb.geometric_mean(x, y, ceiling=15.0, log_inv_delta=nats, shift=20.0).value < risk

    def lower(x: np.ndarray, y: np.ndarray, risk: float) -> bool:
        return gb.lower_geometric_mean(x, ceiling=15.0, log_inv_delta=nats, shift=2.0).value > risk

    def planted(x: np.ndarray, y: np.ndarray, risk: float) -> bool:  # the failure probability is not paid
        return gb.geometric_mean(x, ceiling=15.0, complexity=0.0, shift=1e4).value < risk

    assert violations(upper) <= allowed
    assert violations(lower) <= allowed
    assert violations(planted) > allowed
