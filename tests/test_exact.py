"""The exact engine refutes planted errors with a strategy, and brackets true bounds at or below delta."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb

import genbound as gb
from genbound.certified import ball
from genbound.checks import exact
from genbound.checks.brackets import Family, OnPaths, bracket, miss_probability
from genbound.checks.verdict import Budget, Status
from genbound.claims.card import Impossibility
from genbound.claims.choosing import ManyHypotheses
from genbound.claims.settings import AnyTime, OneStream
from genbound.errors import DataError
from tests import simple_bounds as mine

BUDGET = Budget(grid=60)

WRONG = {
    "halved range": mine.card(mine.half_range),
    "halved range, iid": mine.card(mine.half_range, dependence="iid"),
    "half the complexity": mine.card(mine.half_complexity),
    "delta exchanged": mine.card(mine.exchanged_delta),
    "peeking centre": mine.card(mine.peeking_centre),
    "kl inverse on adapted losses": mine.card(mine.kl_unpaid),
    "interval without the two": mine.card(mine.interval_without_the_two, dependence="iid"),
    "no margin, lower": mine.card(mine.no_margin, side="lower"),
    "no margin, any time": mine.card(mine.no_margin, setting=AnyTime()),
    "the second function": mine.card(mine.azuma, mine.no_margin),
}


@pytest.mark.parametrize("name", WRONG)
def test_planted_errors_are_refuted_and_replayed(name: str) -> None:
    verdict = exact.check(WRONG[name], BUDGET)
    assert verdict.status is Status.REFUTED, verdict
    assert verdict.error_budget == 0.0
    witness = json.loads(json.dumps(verdict.witness))
    assert witness["probability"] > witness["delta"]
    again = exact.replay(WRONG[name], witness)
    assert (again.status, again.witness) == (Status.REFUTED, verdict.witness)


@pytest.mark.parametrize("dependence", ["iid", "independent", "constant_mean", "adapted"])
def test_true_bounds_are_exact_at_the_same_budget(dependence: Any) -> None:
    for card in (mine.card(mine.azuma, mine.member, dependence=dependence), mine.card(mine.interval)):
        verdict = exact.check(card, BUDGET)
        assert verdict.status is Status.EXACT, verdict


def test_true_lower_and_anytime_bounds_pass() -> None:
    assert exact.check(mine.card(mine.lower_azuma, side="lower"), BUDGET).status is Status.EXACT
    verdict = exact.check(mine.card(mine.member, setting=AnyTime()), BUDGET)
    assert (verdict.status, "one n at a time" in verdict.reason) == (Status.SUPPORTED, True)
    assert exact.check(mine.card(gb.geometric_mean, gb.empirical_freedman), BUDGET).status is Status.EXACT


def test_the_kl_inverse_is_fine_for_independent_losses() -> None:
    """It is attained at n = 1, so its bracket always reaches past delta: supported, not exact."""
    verdict = exact.check(mine.card(mine.kl_unpaid, dependence="independent"), BUDGET)
    assert verdict.status is Status.SUPPORTED, verdict


def test_the_known_worst_case_of_the_unpaid_kl_inverse() -> None:
    """THEORY 1: .347 at n = 16, delta = .3."""
    bound = OnPaths(mine.kl_unpaid, "upper", Family((0.0, 1.0), (0.0,), 16, 0.3))
    found = bracket(bound, "adapted", 240, True)
    assert 0.346 < found.low < 0.349 < found.high < 0.375
    assert float(miss_probability(bound, found, True)) == pytest.approx(found.low, rel=1e-12)


def test_an_interval_is_missed_on_both_sides_at_once() -> None:
    """mean +- .4995 at n = 3, delta = .224: a fair coin misses with probability 1/4, each side with 1/8."""
    bound = OnPaths(mine.interval_without_the_two, "upper", Family((0.0, 1.0), (0.0,), 3, 0.224))
    found = bracket(bound, "iid", 60, True)
    assert (found.side, found.mean) == ("both", Fraction(1, 2))
    assert miss_probability(bound, found, True) == Fraction(1, 4)


def test_a_witness_of_a_wrong_bound_clears_the_corrected_one() -> None:
    witness = exact.check(WRONG["halved range"], BUDGET).witness
    assert exact.replay(mine.card(mine.azuma), witness).status is Status.UNDECIDED
    with pytest.raises(DataError, match="witness"):
        exact.replay(mine.card(mine.azuma), {"engine": "simulate"})


def test_bounds_that_read_the_order_are_searched_path_by_path() -> None:
    families = [bound.family for _, bound, order_free in exact._cases(mine.card(mine.last_token)) if not order_free]
    assert {family.n for family in families if len(family.outcomes) == 2} >= {2, 3, 6}
    verdict = exact.check(mine.card(mine.last_token), BUDGET)
    assert verdict.status is Status.EXACT, verdict

    def forgets_the_last(losses: np.ndarray, *, log_inv_delta: float) -> float:
        return mine.azuma(losses, ceiling=0.2, log_inv_delta=log_inv_delta) + 0.01 * float(losses[0])

    card = mine.card(forgets_the_last)
    verdict = exact.check(card, BUDGET)
    assert verdict.status is Status.REFUTED
    assert exact.replay(card, verdict.witness).witness == verdict.witness


def test_what_the_search_cannot_say() -> None:
    assert exact.check(mine.card(mine.azuma, setting=ManyHypotheses()), BUDGET).status is Status.NOT_APPLICABLE
    assert exact.check(mine.card(mine.azuma, setting=OneStream(0.25)), BUDGET).status is Status.NOT_APPLICABLE
    verdict = exact.check(mine.card(mine.refuses), BUDGET)
    assert (verdict.status, "not mine" in verdict.reason) == (Status.UNDECIDED, True)


def floor_process(losses: np.ndarray, ceiling: float, nats: float, slack: float) -> tuple[arb, arb]:
    q = (-ball(nats) / losses.size).exp()
    q += (1 - q) * ball(slack)
    mean = sum((ball(float(x)) for x in losses), arb(0)) / losses.size
    return q**losses.size, q * mean + (1 - q) * ball(ceiling)


def impossibility(**changes: Any) -> Impossibility:
    fields: dict[str, Any] = {"value": gb.floor, "process": floor_process} | changes
    return Impossibility(name="limit", statement="no smaller", **fields)


def test_the_floor_is_attained() -> None:
    verdict = exact.check(impossibility(), BUDGET)
    assert (verdict.status, verdict.cases > 50) == (Status.EXACT, True)


def test_a_floor_that_no_process_attains_is_refuted() -> None:
    def too_high(losses: Any, *, ceiling: float, log_inv_delta: float) -> float:
        return gb.floor(losses, ceiling=ceiling, log_inv_delta=2 * log_inv_delta).value

    def unlikely(losses: np.ndarray, ceiling: float, nats: float, slack: float) -> tuple[arb, arb]:
        return floor_process(losses, ceiling, 1.1 * nats, slack)

    for card in (impossibility(value=too_high), impossibility(process=unlikely)):
        verdict = exact.check(card, BUDGET)
        assert verdict.status is Status.REFUTED, verdict
        again = exact.replay(card, json.loads(json.dumps(verdict.witness)))
        assert again.witness == verdict.witness
        assert exact.replay(impossibility(), verdict.witness).status is Status.UNDECIDED
