"""The two-sided anytime interval: order, rounding, coverage at every time, storage, refusals."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from genbound.concentration.confidence import ConfidenceSequence, _difference_up, confidence_interval
from genbound.concentration.interval import ConfidenceInterval
from genbound.concentration.mixture import mixture
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")


def test_chunks_order_and_workers_change_no_bit() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.random(3_000) * 3 - 1, rng.random(3_000) * 3 - 1
    whole = ConfidenceSequence(low=-1, high=2, delta=0.05)
    whole.update(x, y)
    parts = list(zip(np.array_split(x, 11), np.array_split(y, 11), strict=True))
    left, right = ConfidenceSequence(low=-1, high=2, delta=0.05), ConfidenceSequence(low=-1, high=2, delta=0.05)
    for i, (a, b) in enumerate(reversed(parts)):
        (left if i % 3 else right).update(a, b)
    assert right.merge(left) == whole
    assert right.interval() == whole.interval()
    assert confidence_interval(iter(parts), low=-1, high=2, delta=0.05) == whole.interval()
    assert confidence_interval(x, y, low=-1, high=2, delta=0.05) == whole.interval()


@given(st.lists(st.floats(-3.0, 7.5), min_size=1, max_size=40), st.floats(0.0, 40.0))
@settings(max_examples=50)
def test_interval_holds_the_mean_and_is_mirrored(values: list[float], nats: float) -> None:
    x = np.array(values)
    cs = ConfidenceSequence(low=-3.0, high=7.5, log_inv_delta=nats)
    cs.update(x)
    interval = cs.interval()
    exact = sum(map(Fraction, values)) / len(values)
    assert -3.0 <= interval.lower <= exact <= interval.upper <= 7.5
    assert interval.lower <= interval.mean <= interval.upper
    mirrored = ConfidenceSequence(low=-7.5, high=3.0, log_inv_delta=nats)
    mirrored.update(-x)
    assert (mirrored.lower, mirrored.upper) == (-interval.upper, -interval.lower)
    wider = ConfidenceSequence(low=-3.0, high=7.5, log_inv_delta=nats + 1)
    wider.update(x)
    assert wider.lower <= interval.lower + 1e-12
    assert interval.upper <= wider.upper + 1e-12


def test_each_side_is_a_mixture_with_half_of_delta() -> None:
    x = np.random.default_rng(6).random(500)
    cs = ConfidenceSequence(low=0, high=1, log_inv_delta=3.0)
    cs.update(x)
    nats = 3.0 + math.log(2)
    assert math.isclose(cs.upper, mixture(x, ceiling=1.0, log_inv_delta=nats).value, abs_tol=1e-7)
    assert math.isclose(cs.lower, 1 - mixture(1 - x, ceiling=1.0, log_inv_delta=nats).value, abs_tol=1e-7)
    assert cs.upper >= mixture(x, ceiling=1.0, log_inv_delta=nats).value


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_differences_are_rounded_up_and_by_no_more_than_needed(a: float, b: float) -> None:
    value = float(_difference_up(np.array([a]), np.array([b]))[0])
    assert Fraction(math.nextafter(value, -math.inf)) < Fraction(a) - Fraction(b) <= Fraction(value)


def test_a_range_that_floats_cannot_shift_exactly() -> None:
    low, high = 0.1, 0.7
    x = np.array([low, high, 0.3, math.nextafter(0.3, 1), 0.5] * 40)
    cs = ConfidenceSequence(low=low, high=high, delta=0.05)
    cs.update(x, np.full(x.size, 0.4))
    assert low <= cs.lower < x.mean() < cs.upper <= high
    tall = ConfidenceSequence(low=1e15, high=1e15 + 4, delta=0.05)
    tall.update(np.array([1e15, 1e15 + 1, 1e15 + 4] * 100))
    assert 1e15 <= tall.lower < 1e15 + 5 / 3 < tall.upper <= 1e15 + 4


def test_good_predictions_narrow_the_interval() -> None:
    rng = np.random.default_rng(8)
    level = np.where(np.arange(4_000) % 2, 0.9, 0.1)
    x = np.clip(level + 0.02 * rng.standard_normal(level.size), 0, 1)
    plain = confidence_interval(x, low=0, high=1, delta=0.05)
    centred = confidence_interval(x, level, low=0, high=1, delta=0.05)
    assert centred.width < plain.width / 3
    assert 0.5 in centred


def test_coverage_at_every_time_on_a_mean_that_drifts() -> None:
    """A miss at any look, on either side, counts, at delta = .3; a tenth of the width is caught."""
    runs, looks = 100, [4, 16, 64, 256]
    rng = np.random.default_rng(12)
    missed = {1.0: 0, 0.1: 0}
    for _ in range(runs):
        p = np.clip(0.15 + 0.1 * np.cumsum(rng.choice([-0.3, 0.3], size=looks[-1])), 0.05, 0.95)
        x = (rng.random(p.size) < p).astype(float)
        cs, worst = ConfidenceSequence(low=0, high=1, delta=0.3), 0.0
        for start, stop in itertools.pairwise([0, *looks]):
            cs.update(x[start:stop])
            centre = (cs.lower + cs.upper) / 2
            worst = max(worst, abs(p[:stop].mean() - centre) / (cs.interval().width / 2))
        for share in missed:
            missed[share] += worst > share
    allowed = binom.ppf(1 - 1e-9, runs, 0.3)
    assert missed[1.0] <= allowed < missed[0.1]


def test_before_the_first_observation_and_with_tiny_delta() -> None:
    cs = ConfidenceSequence(low=-2, high=3, log_inv_delta=1e6)
    assert (cs.lower, cs.upper, cs.n) == (-2.0, 3.0, 0)
    cs.update([0.0, 1.0])
    assert (cs.lower, cs.upper, cs.n, cs.mean) == (-2.0, 3.0, 2, 0.5)
    many = confidence_interval(np.zeros(10**6), low=0, high=1, log_inv_delta=1e3)
    assert many.lower == 0.0
    assert 0.001 <= many.upper <= 0.00102


def test_storage_and_text() -> None:
    cs = ConfidenceSequence(low=0.1, high=0.9, delta=0.01)
    cs.update([0.1, 0.5, 0.9], [0.5, 0.5, 0.5])
    back = ConfidenceSequence.from_dict(cs.to_dict())
    assert back == cs
    back.update([0.2])
    cs.update([0.2])
    assert back.interval() == cs.interval()
    assert "n=4" in repr(cs)
    assert str(cs.interval()).startswith("[")
    assert ConfidenceInterval.from_dict(cs.interval().to_dict()) == cs.interval()
    other = ConfidenceSequence(low=0.0, high=0.9, delta=0.01)
    for data in (
        {},
        {"format": "x"},
        cs.to_dict() | {"low": "zero"},
        cs.to_dict() | {"above": other.to_dict()["above"]},
    ):
        with pytest.raises(DataError):
            ConfidenceSequence.from_dict(data)
    with pytest.raises(DataError):
        ConfidenceInterval.from_dict({"lower": 1.0})
    with pytest.raises(DomainError, match="range and delta"):
        cs.merge(other)


@pytest.mark.parametrize(
    ("kwargs", "symbol"),
    [
        ({"low": 1.0}, "low, high"),
        ({"low": math.nan}, "low, high"),
        ({"high": math.inf}, "low, high"),
        ({"low": -1e308, "high": 1e308}, "low, high"),
        ({"delta": 0.0}, "delta=0.0"),
        ({"delta": 1.0}, "delta=1.0"),
        ({"delta": None}, "exactly one"),
        ({"log_inv_delta": 3.0}, "exactly one"),
        ({"delta": None, "log_inv_delta": -1.0}, "log_inv_delta=-1.0"),
        ({"delta": None, "log_inv_delta": math.nan}, "log_inv_delta=nan"),
    ],
)
def test_arguments_outside_the_domain_are_refused(kwargs: dict[str, Any], symbol: str) -> None:
    with pytest.raises(DomainError, match=symbol):
        ConfidenceSequence(**({"low": 0.0, "high": 1.0, "delta": 0.05} | kwargs))


def test_observations_outside_the_range_are_refused_whole() -> None:
    cs = ConfidenceSequence(low=0.0, high=1.0, delta=0.05)
    for observations, predictions, message in (
        ([0.5, 1.1], None, r"observations\[1\]=1.1"),
        ([-0.1], None, r"observations\[0\]=-0.1"),
        ([0.5, math.nan], None, r"observations\[1\]=nan"),
        ([0.5], [1.5], r"predictions\[0\]=1.5"),
        ([0.5], [0.5, 0.5], "predictions: 2 values"),
        ([], None, "empty"),
        (["a"], None, "observations"),
    ):
        with pytest.raises(DataError, match=message):
            cs.update(observations, predictions)
    assert cs.n == 0
    with pytest.raises(DataError, match="empty"):
        confidence_interval(iter([]), low=0, high=1, delta=0.05)
