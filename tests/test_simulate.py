"""The simulator finds planted errors, passes true bounds at the same budget, and can be replayed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from genbound.checks import measure, simulate
from genbound.checks.verdict import Budget, Status
from genbound.claims.card import Inequality, TailBound, Variable
from genbound.claims.settings import AnyTime
from genbound.errors import DataError
from genbound.processes import PROCESSES
from tests import simple_bounds as mine

BUDGET = Budget(replicas=360)

WRONG = {
    "halved range": mine.card(mine.half_range),
    "no margin": mine.card(mine.no_margin),
    "delta exchanged": mine.card(mine.exchanged_delta),
    "peeking centre": mine.card(mine.peeking_centre),
    "interval without the two": mine.card(mine.interval_without_the_two),
    "no margin, lower": mine.card(mine.no_margin, side="lower"),
    "no margin, any time": mine.card(mine.no_margin, setting=AnyTime()),
    "the second function": mine.card(mine.azuma, mine.no_margin),
}
TRUE = {
    "azuma": mine.card(mine.azuma),
    "azuma, iid": mine.card(mine.azuma, dependence="iid"),
    "geometric mean": mine.card(mine.member),
    "interval": mine.card(mine.interval),
    "lower azuma": mine.card(mine.lower_azuma, side="lower"),
    "kl inverse": mine.card(mine.kl_unpaid, dependence="independent"),
    "any time": mine.card(mine.member, setting=AnyTime()),
}


@pytest.mark.parametrize("name", WRONG)
def test_planted_errors_are_refuted_and_replayed(name: str) -> None:
    card = WRONG[name]
    verdict = simulate.check(card, BUDGET)
    assert verdict.status is Status.REFUTED, verdict
    witness = json.loads(json.dumps(verdict.witness))
    again = simulate.replay(card, witness)
    assert (again.status, again.witness) == (Status.REFUTED, verdict.witness)
    example = witness["example"]
    assert (example["truth"] - example["value"]) * (1 if example["side"] == "upper" else -1) > 0


@pytest.mark.parametrize("name", TRUE)
def test_true_bounds_are_supported_at_the_same_budget(name: str) -> None:
    verdict = simulate.check(TRUE[name], BUDGET)
    assert verdict.status is Status.SUPPORTED, verdict
    assert verdict.effective > 500
    assert verdict.error_budget == BUDGET.false_alarm


def test_a_witness_of_a_wrong_bound_clears_the_corrected_one() -> None:
    witness = simulate.check(WRONG["interval without the two"], BUDGET).witness
    assert simulate.replay(TRUE["interval"], witness).status is Status.UNDECIDED


def test_the_verdict_does_not_depend_on_the_name() -> None:
    card = WRONG["peeking centre"]
    one, other = (simulate.check(replace(card, name=name), BUDGET) for name in ("true", "true!planted"))
    assert one.witness == other.witness
    assert simulate.check(card, BUDGET) == simulate.check(card, BUDGET)
    assert simulate.check(card, replace(BUDGET, seed=1)).witness != one.witness


def test_only_processes_that_meet_the_assumptions_are_used() -> None:
    used = {
        dependence: {
            cell.process.name for cell in simulate._cells(mine.card(mine.azuma, dependence=dependence), BUDGET)
        }
        for dependence in ("iid", "adapted")
    }
    assert used["adapted"] == {process.name for process in PROCESSES}
    assert "iid_fair_coin" in used["iid"]
    assert "polya_urn" not in used["iid"]


def test_the_false_alarm_budget_is_split_over_all_cells() -> None:
    cells = simulate._cells(mine.card(mine.azuma, mine.member), BUDGET)
    assert sum(cell.test.false_alarm for cell in cells) == pytest.approx(BUDGET.false_alarm)


def test_what_says_nothing_is_undecided() -> None:
    assert simulate.check(mine.card(mine.ceiling_only), BUDGET).status is Status.UNDECIDED
    verdict = simulate.check(mine.card(mine.refuses), BUDGET)
    assert verdict.status is Status.UNDECIDED
    assert "DataError: losses: not mine" in verdict.reason


def test_other_claims_do_not_apply() -> None:
    lemma = Inequality(name="a", statement="x >= 0", variables=(Variable("x", "0", "1"),), sides=lambda: (0, 0))  # type: ignore[arg-type,return-value]
    assert simulate.check(lemma, BUDGET).status is Status.NOT_APPLICABLE
    assert measure.check(lemma, BUDGET).status is Status.NOT_APPLICABLE
    with pytest.raises(DataError, match="witness"):
        simulate.replay(lemma, {"engine": "simulate"})
    with pytest.raises(DataError, match="witness"):
        simulate.replay(TRUE["azuma"], {"engine": "exact"})


def test_coverage_on_long_streams_is_measured() -> None:
    verdict = measure.check(TRUE["azuma"], BUDGET)
    assert verdict.status is Status.SUPPORTED
    assert "covers 36/36" in verdict.reason
    assert measure.check(TRUE["azuma, iid"], BUDGET).status is Status.NOT_APPLICABLE


def test_a_bound_that_misses_on_real_text_is_refuted_and_replayed() -> None:
    card = mine.card(mine.azuma, mine.no_margin)
    verdict = measure.check(card, Budget())
    assert verdict.status is Status.REFUTED
    assert verdict.witness["function"] == 1
    again = measure.replay(card, json.loads(json.dumps(verdict.witness)))
    assert again.witness == verdict.witness
    assert measure.replay(mine.card(mine.azuma, mine.azuma), verdict.witness).status is Status.SUPPORTED


def test_cards_are_tail_bounds() -> None:
    assert all(isinstance(card, TailBound) for card in (*WRONG.values(), *TRUE.values()))
