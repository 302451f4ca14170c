"""Intervals and comparisons of scaling laws: what their ends mean, and what they decide on planted data."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from scipy.stats import f as fisher

from genbound.errors import DataError, DomainError
from genbound.scaling import (
    ChinchillaLaw,
    GapLaw,
    Interval,
    SaturatingPowerLaw,
    bootstrap,
    compare,
    extrapolate,
    leave_largest_out,
    profile,
)
from genbound.scaling.objective import quasi_likelihood

SIZES = np.repeat(np.geomspace(1e4, 1e6, 8), 3)[:, None]
GROUPS = np.repeat(np.arange(8), 3)
POWER = SaturatingPowerLaw(offset=False, starts=4)
SATURATING = SaturatingPowerLaw(starts=4)


def measured(seed: int, c: float = 0.0, a: float = 8.0, p: float = 0.2, sd: float = 0.01) -> np.ndarray:
    return (c + a * SIZES[:, 0] ** -p) * np.exp(sd * np.random.default_rng(seed).normal(size=24))


# -- profile ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_ends_of_a_profile_are_on_the_threshold(level: float) -> None:
    """At either end, the law with its exponent fixed there is worse by exactly the room; beyond it, by more."""
    y = measured(0)
    law = POWER.fit(SIZES, y)
    interval = profile(POWER, SIZES, y, "p", level)
    room = fisher.ppf(level, 1, 22) / (2 * quasi_likelihood(law.scale_, law.delta))
    assert interval.lower < interval.estimate < interval.upper
    for end, beyond in ((interval.lower, -1e-2), (interval.upper, 1e-2)):
        excess = GapLaw(exponents=(end,)).fit(SIZES, y).objective_ - law.objective_
        assert excess == pytest.approx(room, rel=0.02)
        assert GapLaw(exponents=(end + beyond,)).fit(SIZES, y).objective_ - law.objective_ > room


def test_profiles_of_amplitudes_know_their_units() -> None:
    y = measured(1, c=1.0, a=90, p=0.5)
    plain, scaled = profile(SATURATING, SIZES, y, "a"), profile(SATURATING, SIZES / 1e4, y, "a")
    p = SATURATING.fit(SIZES, y).p_
    assert scaled.estimate == pytest.approx(plain.estimate * 1e4**-p, rel=1e-4)
    assert 90 in plain
    assert 1.0 in profile(SATURATING, SIZES, y, "c")
    assert profile(SATURATING, SIZES, y, "c").clear_of_zero


@pytest.mark.filterwarnings("ignore:.*starts reached the best objective")
def test_a_profile_that_the_data_do_not_end_is_open() -> None:
    """A flat gap: the power next to a constant may be anything."""
    y = np.exp(0.01 * np.random.default_rng(0).normal(size=24))
    interval = profile(SATURATING, SIZES, y, "p")
    assert not interval.clear_of_zero
    assert (interval.lower, interval.upper) == (-np.inf, np.inf)
    assert profile(SATURATING, SIZES, y, "c").lower == 0


@pytest.mark.filterwarnings("ignore:.*starts reached the best objective")
@pytest.mark.parametrize(
    "y",
    [
        [0.414, 0.426, 0.418, 0.425],
        [0.0215, 0.0311, 0.0309, 0.0318, 0.0242, 0.0202, 0.0159, 0.0115],
        [0.112, 0.152, 0.160, 0.168, 0.137, 0.120, 0.089, 0.061],
    ],
)
def test_a_profile_is_open_where_a_constant_is_not_rejected(y: list[float]) -> None:
    """Next to a constant a power that has vanished may have any exponent: descent alone does not find that."""
    X, values = np.geomspace(1e4, 5e5, len(y))[:, None], np.array(y)
    interval = profile(SaturatingPowerLaw(starts=4, delta=0.1), X, values, "p")
    assert (interval.lower, interval.upper) == (-np.inf, np.inf)


def test_ordered_exponents_are_profiled_in_their_order() -> None:
    N = np.geomspace(1e3, 1e8, 30)[:, None]
    truth = 2 * N[:, 0] ** -0.1 + 900 * N[:, 0] ** -0.7
    law, y = GapLaw(starts=4), truth * np.exp(0.003 * np.random.default_rng(0).normal(size=30))
    slow, fast = profile(law, N, y, "p1"), profile(law, N, y, "p2")
    assert 0.1 in slow
    assert 0.7 in fast
    assert slow.upper < fast.lower
    with pytest.raises(DomainError, match="a1: its term could change places with another: use bootstrap"):
        profile(law, N, y, "a1")


# -- bootstrap -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_is_a_function_of_its_seed(method: Any) -> None:
    y = measured(2)
    first = bootstrap(POWER, SIZES, y, 99, 0, method=method)
    assert first == bootstrap(POWER, SIZES, y, 99, 0, method=method)
    assert first != bootstrap(POWER, SIZES, y, 99, 1, method=method)
    assert [row.name for row in first] == ["a", "p"]
    assert 0.2 in first["p"]


def test_bootstrap_refits_are_fits() -> None:
    """Every warm-started refit of a batch is what `fit` finds on that resample."""
    from genbound.scaling.resampling import fitted

    y = measured(3, c=1.0, a=90, p=0.5)
    fit = fitted(SATURATING, SIZES, y)
    counts = fit.resamples(5, np.random.default_rng(0))
    named = fit.law._named(fit.points(counts))
    for k in range(5):
        again = SATURATING.fit(SIZES, y, sample_weight=counts[k])
        assert named["p"][k] == pytest.approx(again.p_, rel=1e-4)
        np.testing.assert_allclose(fit.law._with(fit.points(counts)[k]).predict(SIZES), again.predict(SIZES), rtol=1e-5)


def test_whole_groups_are_drawn() -> None:
    """Seeds that agree with each other: resampling them one by one hides what differs between sizes."""
    rng = np.random.default_rng(0)
    y = 8 * SIZES[:, 0] ** -0.2 * np.exp(0.02 * rng.normal(size=8)[GROUPS] + 1e-4 * rng.normal(size=24))
    alone, grouped = bootstrap(POWER, SIZES, y, 199)["p"], bootstrap(POWER, SIZES, y, 199, groups=GROUPS)["p"]
    assert grouped.upper - grouped.lower > 1.3 * (alone.upper - alone.lower)


def test_quantities_of_a_law_have_intervals() -> None:
    X = np.array([(N, D) for N in np.geomspace(1e7, 1e10, 5) for D in np.geomspace(1e9, 1e12, 5)])
    y = 1.8 + 480 * X[:, 0] ** -0.35 + 2085 * X[:, 1] ** -0.366
    y = y * np.exp(0.003 * np.random.default_rng(0).normal(size=25))
    found = bootstrap(ChinchillaLaw(starts=4), X, y, 60,
                      quantities={"share": lambda law: law.beta_ / (law.alpha_ + law.beta_)})  # fmt: skip
    assert 0.366 / 0.716 in found["share"]
    assert len(found) == 6


# -- prediction ------------------------------------------------------------------------------------------------


def test_predictions_widen_with_distance_and_hold_the_noise() -> None:
    y = measured(4)
    near, far = extrapolate(SATURATING, [[1e5], [1e9]], SIZES, y, 199)
    widths = [np.log(row.upper / row.lower) for row in (near, far)]
    assert widths[0] > 2 * 1.9 * 0.01  # the noise alone
    assert widths[1] > 1.2 * widths[0]


def test_the_largest_size_tells_a_law_that_breaks() -> None:
    y = measured(5)
    held = leave_largest_out(POWER, SIZES, y, n=199)
    assert len(held.observed) == 3
    assert max(map(abs, held.units)) < 2
    broken = leave_largest_out(POWER, SIZES, np.where(GROUPS == 7, 1.2 * y, y), n=199)
    assert not broken.inside
    assert min(broken.units) > 2
    assert broken.errors == pytest.approx([error + np.log(1.2) for error in held.errors])
    assert len(leave_largest_out(POWER, SIZES, y, 2, n=99, groups=GROUPS).observed) == 6


# -- comparison ------------------------------------------------------------------------------------------------


LAWS = {"power": POWER, "saturating": SATURATING}


def test_an_offset_is_found_where_there_is_one() -> None:
    found = compare(LAWS, SIZES, measured(6, c=1.0, a=90, p=0.5))
    assert found.best.name == "saturating"
    assert found["saturating"].offset_needed
    assert found["power"].offset_needed is None
    assert found["saturating"].left_out < found["power"].left_out
    assert found["saturating"].largest_out < found["power"].largest_out


def test_no_offset_is_found_where_there_is_none() -> None:
    found = compare(LAWS, SIZES, measured(7))
    assert found.best.name == "power"
    assert not found["saturating"].offset_needed
    assert found["power"].exponent_clear_of_zero


def test_a_flat_gap_has_an_exponent_that_may_be_zero() -> None:
    y = np.exp(0.01 * np.random.default_rng(8).normal(size=24))
    found = compare({"power": POWER, "derived": GapLaw(exponents=(0.25,))}, SIZES, y)
    assert found["power"].exponent_clear_of_zero is False
    assert found["derived"].exponent_clear_of_zero is None
    assert found.best.name == "power"


def test_left_out_is_the_error_of_fits_without_each_sample() -> None:
    """Up to 2%: without one sample the minimum of f can be flat, and two fits of equal objective differ."""
    y = measured(9)
    keep = ~np.eye(24, dtype=bool)
    errors = [np.log(y[k] / POWER.fit(SIZES[keep[k]], y[keep[k]]).predict(SIZES[k : k + 1])[0]) for k in range(24)]
    assert compare({"power": POWER}, SIZES, y)["power"].left_out == pytest.approx(np.abs(errors).mean(), rel=0.02)


# -- results and refusals --------------------------------------------------------------------------------------


def test_results_are_frozen_printed_and_json() -> None:
    y = measured(10)
    found, held = compare(LAWS, SIZES, y), leave_largest_out(POWER, SIZES, y, n=99)
    for result in (found, held, bootstrap(POWER, SIZES, y, 99), profile(POWER, SIZES, y, "p")):
        assert json.loads(json.dumps(result.to_dict())) == result.to_dict()
        assert "%" in str(result)
        assert "nan" not in str(result)
        with pytest.raises(FrozenInstanceError):
            result.rows = ()  # type: ignore[misc]
    assert str(Interval("p", 0.2, 0.1, 0.3, 0.999, "profile")) == "p = 0.2 [0.1, 0.3] (99.9%, profile)"


def test_the_given_estimator_is_left_alone() -> None:
    law = SaturatingPowerLaw(offset=False)
    bootstrap(law, SIZES, measured(0), 9)
    assert not hasattr(law, "parameters_")


def test_refusals() -> None:
    y = measured(0)
    for call in (
        bootstrap,
        lambda *a, **k: profile(*a, "p", **k),
        lambda *a, **k: extrapolate(a[0], SIZES, *a[1:], **k),
    ):
        with pytest.raises(DomainError, match="level=1: need 0 < level < 1"):
            call(POWER, SIZES, y, level=1)
    with pytest.raises(DomainError, match=r"parameter='q': need one of \['a', 'p'\]"):
        profile(POWER, SIZES, y, "q")
    with pytest.raises(DomainError, match="n=1: need n >= 2"):
        bootstrap(POWER, SIZES, y, 1)
    with pytest.raises(DomainError, match="method='basic'"):
        bootstrap(POWER, SIZES, y, 9, method="basic")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"groups: shape \(3,\): need one label for each of 24 samples"):
        bootstrap(POWER, SIZES, y, 9, groups=[1, 2, 3])
    with pytest.raises(DataError, match="2 samples or groups, need more than the 2 parameters"):
        profile(POWER, SIZES[[0, -1]], y[[0, -1]], "p")
    with pytest.raises(DataError, match="2 samples or groups, need more than the 2 parameters"):
        extrapolate(POWER, SIZES, SIZES, y, 9, groups=GROUPS // 4)
    with pytest.raises(DataError, match="groups: all samples are in one, need at least 2"):
        bootstrap(POWER, SIZES, y, 9, groups=np.zeros(24))
    two = np.repeat([[1e4], [1e5]], 12, axis=0)
    with pytest.raises(DataError, match="n_samples=24 at 2 different sizes: need at least 3"):
        bootstrap(SATURATING, two, y, 9)
    with pytest.raises(DomainError, match="n_largest=8: need 1 <= n_largest < 8 sizes"):
        leave_largest_out(POWER, SIZES, y, 8)
    with pytest.raises(DomainError, match="laws"):
        compare({}, SIZES, y)
    with pytest.raises(DomainError, match=r"name='b': need one of \['a', 'p'\]"):
        bootstrap(POWER, SIZES, y, 9)["b"]


def test_resamples_without_enough_sizes_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbound.scaling.resampling._TRIES", 0)
    with pytest.raises(DataError, match="24 units to resample: almost no resample has 2 different sizes"):
        bootstrap(POWER, SIZES, measured(0), 9)
