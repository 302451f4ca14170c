"""Trends over sizes and the verdicts made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, linregress

from genbound.errors import DataError, DomainError
from genbound.scaling import Interval, Prediction, Verdict, curvature, difference, size_means, slope, typical

SIZES = np.geomspace(1e4, 5.3e5, 8)


def test_slope_is_the_least_squares_line_of_the_logarithms() -> None:
    y = 5 * SIZES**-0.3 * np.exp(0.1 * np.random.default_rng(0).normal(size=8))
    found, known = slope(SIZES, y), linregress(np.log(SIZES), np.log(y))
    assert found.estimate == pytest.approx(known.slope, rel=1e-12)
    assert found.upper - found.estimate == pytest.approx(2.4469118511449692 * known.stderr, rel=1e-9)  # t(6), 97.5%


def test_seeds_of_a_size_count_once() -> None:
    y = SIZES**-0.3 * np.exp(0.1 * np.random.default_rng(1).normal(size=8))
    one, five = slope(SIZES, y), slope(np.repeat(SIZES, 5), np.repeat(y, 5))
    assert (five.lower, five.upper) == pytest.approx((one.lower, one.upper), rel=1e-12)
    assert size_means([2, 1, 2], [8.0, 3.0, 2.0])[1] == pytest.approx([3, 4])


@pytest.mark.parametrize("statistic", [slope, typical])
def test_intervals_cover_as_often_as_they_say(statistic) -> None:
    rng, truth, runs, hits = np.random.default_rng(2), -0.2 if statistic is slope else 7.0, 2000, 0
    for _ in range(runs):
        shared = np.repeat(0.2 * rng.normal(size=8), 3)  # deviations that all seeds of a size have in common
        noise = np.exp(shared + 0.02 * rng.normal(size=24))
        law = np.repeat(SIZES, 3) ** -0.2 if statistic is slope else 7.0
        hits += truth in statistic(np.repeat(SIZES, 3), law * noise)
    assert binom.cdf(hits, runs, 0.95) > 1e-6
    assert binom.sf(hits - 1, runs, 0.95) > 1e-6


def test_the_unit_of_the_sizes_does_not_matter() -> None:
    y = SIZES**-0.3 * np.exp(0.1 * np.random.default_rng(3).normal(size=8))
    one, other = slope(SIZES, y), slope(SIZES * 1000, y * 7)
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([1, 2], [1, 2]),
        ([1, 2, 3], [1, 2]),
        ([1, 2, 3], [1, 0, 2]),
        ([1, 2, 3], [1, math.nan, 2]),
        ([1, 1, 1], [1, 2, 3]),
    ],
)
def test_what_has_no_slope_is_refused(x, y) -> None:
    with pytest.raises(DataError):
        slope(x, y)


def test_one_size_has_no_interval() -> None:
    with pytest.raises(DataError, match="2 for a mean"):
        typical([5, 5], [1.0, 2.0])


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3), st.floats(-5, 4), st.floats(0.1, 5))
def test_verdicts_exclude_each_other_and_follow_the_interval(estimate, down, up, lower, length) -> None:
    found = Interval("q", estimate, estimate - down, estimate + up, 0.95, "")
    region = Prediction("q", "source", lower, lower + length)
    verdict = region.judge(found)
    inside = region.lower < found.lower and found.upper < region.upper
    outside = found.upper <= region.lower or found.lower >= region.upper
    assert verdict is (
        Verdict.SUPPORTED if inside else Verdict.NOT_SUPPORTED if outside else Verdict.CANNOT_TELL
    )  # fmt: skip
    if verdict is Verdict.SUPPORTED:
        assert found.upper - found.lower < region.upper - region.lower


def test_an_amplitude_that_may_be_zero_does_not_support_a_positive_one() -> None:
    assert Prediction("c > 0", "source", lower=0).judge(Interval("c", 1, 0.0, 2, 0.95, "")) is Verdict.CANNOT_TELL


def test_a_prediction_excludes_something() -> None:
    with pytest.raises(DomainError, match="every number"):
        Prediction("anything", "source")
    with pytest.raises(DomainError):
        Prediction("nothing", "source", 1, 1)


def test_a_verdict_needs_an_interval() -> None:
    with pytest.raises(DomainError, match="NaN"):
        Prediction("falls", "source", upper=0).judge(Interval("q", 0, math.nan, 1, 0.95, ""))


def test_the_difference_of_two_intervals_pays_for_both() -> None:
    found = difference(Interval("a", 0, -1, 1, 0.975, ""), Interval("b", 0, -1, 1, 0.975, ""))
    assert (found.lower, found.upper, found.level) == (-2, 2, 0.95)


def test_what_bends_is_told_from_what_does_not() -> None:
    rng, straight, bent, runs = np.random.default_rng(4), 0, 0, 400
    away = np.log(SIZES) - np.log(SIZES).mean()
    for _ in range(runs):
        noise = 0.02 * rng.normal(size=8)
        straight += not curvature(SIZES, np.exp(-0.2 * away + noise)).clear_of_zero
        bent += curvature(SIZES, np.exp(-0.2 * away - 0.05 * away**2 + noise)).upper < 0
    assert binom.cdf(straight, runs, 0.95) > 1e-6
    assert binom.sf(straight - 1, runs, 0.95) > 1e-6
    assert bent > 0.9 * runs
    with pytest.raises(DataError, match="need 4"):
        curvature([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize(
    ("region", "interval", "verdict"),
    [
        ((0, math.inf), (0.5, math.inf), Verdict.SUPPORTED),
        ((-math.inf, 0), (-math.inf, -1), Verdict.SUPPORTED),
        ((-math.inf, 0), (-math.inf, 1), Verdict.CANNOT_TELL),
        ((0, 1), (0.5, math.inf), Verdict.CANNOT_TELL),
        ((0, 1), (1, math.inf), Verdict.NOT_SUPPORTED),
    ],
)
def test_open_ends_are_no_obstacle(region, interval, verdict) -> None:
    assert Prediction("q", "source", *region).judge(Interval("q", interval[1], *interval, 0.95, "")) is verdict
