"""Property search: every law finds the bound that breaks it, and passes the true one."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import genbound as gb
from genbound.checks import fuzz
from genbound.checks.laws import LAWS, ends
from genbound.checks.verdict import Budget, Status
from genbound.claims.card import Impossibility, TailBound
from genbound.claims.choosing import Draws, ManyHypotheses, Posteriors
from genbound.claims.settings import AnyTime
from genbound.errors import DataError
from tests import simple_bounds as mine

BUDGET = Budget(examples=80)
ALL = frozenset(LAWS)


def absolute(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return min(mine.azuma(losses, ceiling=ceiling, log_inv_delta=log_inv_delta) + 0.01, ceiling)


def fewer_nats(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return ceiling * (1.0 - math.exp(-1.0 / log_inv_delta) / 4)


def never_the_ceiling(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return 0.999 * ceiling


WRONG = {
    "floor": mine.card(mine.half_range, laws=frozenset({"floor"})),
    "floor, lower": mine.card(mine.no_margin, side="lower", laws=frozenset({"floor"})),
    "floor, an interval": mine.card(lambda losses: (losses.mean(), losses.mean()), laws=frozenset({"floor"})),
    "floor, iid": mine.card(mine.half_complexity, dependence="iid", laws=frozenset({"floor"})),
    "floor, any time": mine.card(mine.half_complexity, setting=AnyTime(), laws=frozenset({"floor"})),
    "monotone": mine.card(fewer_nats, laws=frozenset({"monotone"})),
    "scale": mine.card(absolute, laws=frozenset({"scale"})),
    "order": mine.card(mine.last_token, laws=frozenset({"order"})),
    "limit": mine.card(never_the_ceiling, laws=frozenset({"limit"})),
    "delta exchanged": mine.card(mine.exchanged_delta),
    "the second function": mine.card(mine.azuma, mine.no_margin),
}


@pytest.mark.parametrize("name", WRONG)
def test_planted_errors_are_refuted_and_replayed(name: str) -> None:
    card = WRONG[name]
    verdict = fuzz.check(card, BUDGET)
    assert verdict.status is Status.REFUTED, verdict
    assert verdict.witness["law"] in card.laws
    assert len(verdict.witness["case"]["losses"]) <= 2  # shrunk
    again = fuzz.replay(card, json.loads(json.dumps(verdict.witness)))
    assert (again.status, again.witness) == (Status.REFUTED, verdict.witness)
    assert fuzz.check(card, BUDGET) == verdict


def clipped_azuma(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return min(mine.azuma(losses, ceiling=ceiling, log_inv_delta=log_inv_delta), ceiling)


def clipped_lower(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return max(mine.lower_azuma(losses, ceiling=ceiling, log_inv_delta=log_inv_delta), 0.0)


@pytest.mark.parametrize(
    "card",
    [
        mine.card(clipped_azuma, gb.azuma_hoeffding, laws=ALL),
        mine.card(mine.azuma, mine.interval),
        mine.card(clipped_lower, side="lower", laws=ALL),
        mine.card(gb.geometric_mean, gb.empirical_freedman, laws=ALL),
        mine.card(gb.lower_geometric_mean, side="lower", laws=ALL),
        mine.card(gb.geometric_mean, setting=AnyTime(), laws=ALL),
    ],
    ids=["azuma", "unclipped", "lower", "library", "library, lower", "any time"],
)
def test_true_bounds_pass_at_the_same_budget(card: TailBound) -> None:
    verdict = fuzz.check(card, BUDGET)
    assert verdict.status is Status.SUPPORTED, verdict
    assert verdict.effective > 5


def test_the_floor_witness_is_a_process_that_breaks_the_bound() -> None:
    """Its probability exceeds delta and its risk exceeds the value, recomputed here by hand."""
    witness = fuzz.check(WRONG["floor"], BUDGET).witness
    case, found = witness["case"], witness["found"]
    q, x = found["keeps_each_loss_with_probability"], np.array(case["losses"])
    assert q**x.size == pytest.approx(math.exp(-case["log_inv_delta"]), rel=1e-6)
    assert q * x.mean() + (1 - q) * case["ceiling"] == pytest.approx(found["risk"], rel=1e-12)
    assert found["risk"] > found["value"] == ends(mine.half_range, "upper", fuzz._case_of(AnyTime(), case))[0][0]


def test_a_bound_for_iid_losses_is_held_to_the_floor_on_constant_data_only() -> None:
    """Knowing that the losses are IID, a bound may be small when they look different from one another."""

    def shrewd(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
        same = len(set(losses.tolist())) == 1
        return mine.azuma(losses, ceiling=ceiling, log_inv_delta=log_inv_delta) if same else float(losses.mean())

    laws = frozenset({"floor"})
    assert fuzz.check(mine.card(shrewd, dependence="iid", laws=laws), BUDGET).status is Status.SUPPORTED
    assert fuzz.check(mine.card(shrewd, dependence="independent", laws=laws), BUDGET).status is Status.REFUTED


@pytest.mark.parametrize("setting", [ManyHypotheses(), Posteriors(), Draws()], ids=lambda s: s.name)
def test_in_other_settings_more_nats_never_help(setting: Any) -> None:
    def fair(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> list[float]:
        return [mine.azuma(x, ceiling=ceiling, log_inv_delta=log_inv_delta) for x in losses]

    def foul(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> list[float]:
        return [mine.azuma(x, ceiling=ceiling, log_inv_delta=1 / log_inv_delta) for x in losses]

    assert fuzz.check(mine.card(fair, setting=setting), BUDGET).status is Status.SUPPORTED
    wrong = mine.card(foul, setting=setting)
    verdict = fuzz.check(wrong, BUDGET)
    assert verdict.status is Status.REFUTED
    assert fuzz.replay(wrong, json.loads(json.dumps(verdict.witness))).witness == verdict.witness


def test_a_witness_of_a_wrong_bound_clears_the_corrected_one() -> None:
    witness = fuzz.check(WRONG["floor"], BUDGET).witness
    assert fuzz.replay(mine.card(mine.azuma), witness).status is Status.UNDECIDED
    with pytest.raises(DataError, match="witness"):
        fuzz.replay(mine.card(mine.azuma), {**witness, "law": "gravity"})


def test_what_says_nothing_is_undecided_and_what_has_no_law_does_not_apply() -> None:
    verdict = fuzz.check(mine.card(mine.refuses), BUDGET)
    assert (verdict.status, "not mine" in verdict.reason) == (Status.UNDECIDED, True)
    assert fuzz.check(mine.card(mine.ceiling_only), BUDGET).status is Status.UNDECIDED
    assert fuzz.check(mine.card(mine.azuma, laws=frozenset()), BUDGET).status is Status.NOT_APPLICABLE
    limit = Impossibility(name="a", statement="b", value=gb.floor, process=lambda *_: (0, 0))
    assert fuzz.check(limit, BUDGET).status is Status.NOT_APPLICABLE


def test_inequalities_are_sought_near_the_boundary() -> None:
    from genbound.claims.shelves.lemmas import CARDS

    card = next(card for card in CARDS if card.name == "one_minus_exp")
    assert fuzz.check(card, BUDGET).status is Status.SUPPORTED
    for wrong in card.variants():
        verdict = fuzz.check(wrong, BUDGET)
        assert verdict.status is Status.REFUTED
        assert fuzz.replay(wrong, json.loads(json.dumps(verdict.witness))).status is Status.REFUTED
        assert fuzz.replay(card, verdict.witness).status is Status.UNDECIDED
