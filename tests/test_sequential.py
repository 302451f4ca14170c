"""The sequential coverage test: exact error probabilities by dynamic programming, power, early stopping."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genbound.checks.sequential import CoverageTest, log_evidence
from genbound.errors import DomainError

BUDGET = 0.05


def crossing_probability(delta: float, horizon: int, above: bool, chances: tuple[float, ...]) -> float:
    """The largest probability that the evidence ever reaches 1/BUDGET, the adversary choosing each P(miss)."""
    value = np.array([float(log_evidence(k, horizon, delta, above) >= -math.log(BUDGET)) for k in range(horizon + 1)])
    for t in reversed(range(horizon)):
        stay = [p * value[1 : t + 2] + (1 - p) * value[: t + 1] for p in chances]
        crossed = [log_evidence(k, t, delta, above) >= -math.log(BUDGET) for k in range(t + 1)]
        value = np.where(crossed, 1.0, np.max(stay, axis=0))
    return float(value[0])


@pytest.mark.parametrize("delta", [0.02, 0.1, 0.3, 0.65])
@pytest.mark.parametrize("horizon", [20, 150])
def test_a_bound_that_misses_with_probability_delta_is_rejected_within_the_budget(delta: float, horizon: int) -> None:
    exact = crossing_probability(delta, horizon, True, (delta,))
    assert 0.0 < exact <= BUDGET
    assert crossing_probability(delta, horizon, True, (0.0, delta / 2, delta)) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("delta", [0.1, 0.3, 0.65])
def test_one_that_misses_with_probability_delta_is_confirmed_within_the_budget(delta: float) -> None:
    exact = crossing_probability(delta, 150, False, (delta,))
    assert 0.0 < exact <= BUDGET
    assert crossing_probability(delta, 150, False, (delta, (1 + delta) / 2, 1.0)) == pytest.approx(exact, rel=1e-9)


def test_the_budget_is_what_keeps_it_below() -> None:
    """The same computation finds the fault when misses are more frequent than delta."""
    assert crossing_probability(0.3, 150, True, (0.45,)) > 0.5
    assert crossing_probability(0.3, 150, False, (0.1,)) > 0.5


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize(("misses", "trials"), [(0, 0), (0, 7), (3, 11), (40, 60)])
def test_the_evidence_is_a_martingale_at_delta(above: bool, misses: int, trials: int) -> None:
    now = math.exp(log_evidence(misses, trials, 0.3, above))
    miss = math.exp(log_evidence(misses + 1, trials + 1, 0.3, above))
    hit = math.exp(log_evidence(misses, trials + 1, 0.3, above))
    assert 0.3 * miss + 0.7 * hit == pytest.approx(now, rel=1e-12)
    assert (miss > hit) == above


@pytest.mark.parametrize(("rate", "most"), [(1.0, 25), (0.6, 400), (0.4, 3_000)])
def test_too_many_misses_are_caught(rate: float, most: int) -> None:
    rng, test = np.random.default_rng(5), CoverageTest(0.3, 1e-9, 1e-3)
    while test.state == "open" and test.trials < most:
        test.add(bool(rng.random() < rate))
    assert test.state == "rejected"
    assert test.log_evidence() >= -math.log(1e-9)


def test_few_misses_are_confirmed_early_and_nothing_changes_afterwards() -> None:
    test = CoverageTest(0.3, 1e-9, 1e-3)
    assert test.add(False, times=1000) == "confirmed"
    counts = test.misses, test.trials
    assert test.trials < 30
    test.add(True, times=1000)
    assert (test.state, test.misses, test.trials) == ("confirmed", *counts)


def test_arguments_outside_their_domain_are_named() -> None:
    for wrong in (0.0, 1.0, math.nan):
        with pytest.raises(DomainError, match="delta"):
            log_evidence(0, 1, wrong)
        with pytest.raises(DomainError, match="delta"):
            CoverageTest(wrong, 0.1, 0.1)
    with pytest.raises(DomainError, match="misses=3"):
        log_evidence(3, 2, 0.5)
    with pytest.raises(DomainError, match="false_comfort"):
        CoverageTest(0.5, 0.1, 0.0)
