"""Claims x checks: every engine on every card, every planted error, and the stored evidence against both."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from genbound.checks.evidence import load, meets_minimum
from genbound.checks.run import Hunt, hunt, run
from genbound.checks.verdict import Status, Verdict
from genbound.claims.card import ENGINES, Impossibility, Inequality, Rate, TailBound
from genbound.claims.registry import claims

CARDS = claims()
PLANTED = [(name, error.name) for name, card in CARDS.items() for error in card.planted]


@dataclass(frozen=True)
class Found:
    verdicts: dict[tuple[str, str], Verdict]
    hunts: dict[tuple[str, str], Hunt]


@pytest.fixture(scope="session")
def found() -> Found:
    """One run of everything, on all cores."""
    workers = min(4, os.cpu_count() or 1)
    verdicts = run(CARDS, workers=workers)
    hunts = hunt(CARDS, verdicts, workers=workers)
    return Found({(v.claim, v.engine): v for v in verdicts}, {(h.claim, h.error): h for h in hunts})


@pytest.mark.parametrize("name", CARDS)
def test_a_claim_has_its_minimum_evidence(name: str, found: Found) -> None:
    verdicts = [found.verdicts[name, engine] for engine in ENGINES]
    assert CARDS[name].minimum
    assert meets_minimum(CARDS[name], verdicts), "\n".join(map(str, verdicts))


@pytest.mark.parametrize(("name", "error"), PLANTED, ids=lambda part: part)
def test_a_planted_error_is_refuted(name: str, error: str, found: Found) -> None:
    """By an engine that passes the true claim at the same budget."""
    result = found.hunts[name, error]
    assert result.refuted_by is not None, result.reason
    assert found.verdicts[name, result.refuted_by].status.passes


def test_the_stored_evidence_is_what_the_checks_say_today(found: Found) -> None:
    stored = load()
    for name, card in CARDS.items():
        today = {engine: found.verdicts[name, engine].status for engine in ENGINES}
        assert {verdict.engine: verdict.status for verdict in stored.status(card)} == today, name
        kept = {h.error: h.refuted_by for h in stored.planted(card)}
        assert kept == {h.error: h.refuted_by for h in found.hunts.values() if h.claim == name}


def test_undecided_is_never_evidence(found: Found) -> None:
    for verdict in found.verdicts.values():
        assert verdict.status.passes == (verdict.status in (Status.PROVED, Status.EXACT, Status.SUPPORTED))
        assert verdict.reason
        if verdict.status is Status.SUPPORTED:
            assert verdict.effective > 0, str(verdict)


def test_there_are_enough_of_them() -> None:
    assert len(CARDS) >= 25
    assert len(PLANTED) >= 40
    kinds = {type(card) for card in CARDS.values()}
    assert kinds == {Inequality, TailBound, Impossibility, Rate}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_what_it_rests_on(name: str) -> None:
    card = CARDS[name]
    assert card.statement
    if isinstance(card, Inequality):  # elementary ones need no source: they are proved here
        assert card.minimum & {"certify", "derive"}
    else:
        assert card.sources or card.note or card.uses, "no source, no note, no claim it follows from"
    assert card.planted, "no planted error: nothing shows that the checks can see"
    assert len({error.name for error in card.planted}) == len(card.planted)
