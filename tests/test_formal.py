"""The claims and their Coq theorems, in both directions, and the worked values that Coq has certified."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import genbound as gb
from genbound import smoothing
from genbound.claims.card import Rate
from genbound.claims.formal import Formal, formal, formal_names
from genbound.claims.registry import claims
from genbound.complexity.pac_bayes import pac_bayes
from genbound.complexity.prior import Prior
from genbound.complexity.union import prior_union
from genbound.errors import DomainError
from genbound.subsample import WindowSample, two_stage_geometric_mean

PROOFS = Path(__file__).parents[1] / "proofs"
sys.path.insert(0, str(PROOFS))

import coq_pins  # noqa: E402

ROWS = coq_pins.read_rows(PROOFS / "theorems.tsv")


# ------------------------------------------------------------------------------------------------- claims and theorems


def test_every_claim_is_in_the_table_once() -> None:
    names = formal_names()
    assert len(set(names)) == len(names)
    assert set(names) == {name for name, card in claims().items() if not isinstance(card, Rate)}


@pytest.mark.parametrize("name", list(claims()))
def test_a_claim_has_theorems_or_a_reason(name: str) -> None:
    found = formal(name)
    assert bool(found.constants) != bool(found.reason)
    assert str(found).startswith(("Coq: Genbound.", "not formalised: "))
    for constant in found.constants:
        assert (name, constant) in {(row.claim, row.constant) for row in ROWS}, f"{constant}: no row for {name}"


def test_every_row_is_named_by_its_claim() -> None:
    for row in ROWS:
        if row.claim != "-":
            assert row.constant in formal(row.claim).constants, f"{row.constant}: not in formal({row.claim!r})"


def test_most_of_the_probability_is_proved() -> None:
    proved = {name for name in claims() if formal(name).constants}
    assert {"geometric_mean", "empirical_freedman", "mixture", "prior_union", "pac_bayes"} <= proved


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(DomainError, match="proofs/ knows of"):
        formal("no_such_claim")
    assert str(Formal(reason="it is a definition")) == "not formalised: it is a definition"


# -------------------------------------------------------------------------------------------------------- worked values

LOSSES, PREDICTIONS = [1.0, 3.0, 0.5, 2.0], [1.0, 1.0, 3.0, 0.5]
"""In the order of time; the prediction is the last loss. Values.v has the newest first."""
C = 0.2


def union_value() -> float:
    prior = Prior.from_bits({"named": 2, "other": 1})
    streams = {"named": (LOSSES, PREDICTIONS)}
    return prior_union(streams, prior, ceiling=6.0, delta=0.5, grid=[6.0, 9.0]).best.value


def two_hypotheses() -> float:
    losses = [LOSSES, [x / 2 for x in LOSSES]]
    return pac_bayes(losses, PREDICTIONS, posterior=[0.75, 0.25], prior=[0.5, 0.5], ceiling=4.0, delta=0.25,
                     shift=6.0).value  # fmt: skip


def sampled_value() -> float:
    """The first, the last and the second token were drawn."""
    sample = WindowSample([1.0, 2.0, 3.0], [1.0, 0.5, 1.0], 5.5, 0.0, 3.0)
    return two_stage_geometric_mean(sample, log_inv_delta_1=4 * C, n=4, log_inv_delta_2=0.3, shift=6.0,
                                    log_reference=1.5, second_shift=12.0).value  # fmt: skip


PYTHON: dict[str, Callable[[], float]] = {
    "geometric_mean": lambda: gb.geometric_mean(LOSSES, PREDICTIONS, ceiling=4.0, shift=6.0, complexity=C).value,
    "empirical_freedman": lambda: gb.empirical_freedman(LOSSES, PREDICTIONS, ceiling=4.0, s=2 / 3, complexity=C).value,
    "lower_geometric_mean": lambda: (
        gb.lower_geometric_mean(LOSSES, PREDICTIONS, ceiling=4.0, prediction_ceiling=3.0, shift=3.0, complexity=C).value
    ),
    "mixture": lambda: (
        gb.mixture(
            LOSSES, PREDICTIONS, ceiling=4.0, grid=[4.0, 6.0], weights=[0.75, 0.25], log_inv_delta=math.log(4 / 3)
        ).value
    ),
    "prior_union": union_value,
    "pac_bayes": two_hypotheses,
    "azuma_hoeffding": lambda: gb.azuma_hoeffding(LOSSES, ceiling=4.0, complexity=C).value,
    "floor": lambda: gb.floor(LOSSES, ceiling=4.0, complexity=C).value,
    "two_stage_geometric_mean": sampled_value,
    "smoothing_price": lambda: float(smoothing.smoothing_price(C)),
}


def certified() -> dict[str, float]:
    """Name -> the one long decimal of each theorem `NAME_value` of Values.v."""
    text = (PROOFS / "Values.v").read_text(encoding="utf-8")
    found = {}
    for name, statement in re.findall(r"Theorem (\w+)_value :(.*?)<= 1 / 10 \^ 10\.", text, re.DOTALL):
        (decimal,) = re.findall(r"\d+\.\d{12,}", statement)
        found[name] = float(decimal)
    return found


def test_there_is_a_worked_value_for_every_headline_bound() -> None:
    assert set(certified()) == set(PYTHON)
    assert len(PYTHON) >= 7
    pinned = {row.constant for row in ROWS}
    assert {f"Genbound.Values.{name}_value" for name in PYTHON} <= pinned


@pytest.mark.parametrize("name", list(PYTHON))
def test_python_gives_what_coq_has_certified(name: str) -> None:
    assert math.isclose(PYTHON[name](), certified()[name], rel_tol=0, abs_tol=1e-9)
