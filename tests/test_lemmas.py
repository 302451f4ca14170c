"""The lemma cards: every true one is proved on its whole domain, every planted error is refuted at a witness."""

from __future__ import annotations

import pytest

from genbound.checks import certify, derive, seek
from genbound.checks.verdict import Status
from genbound.claims.card import Inequality
from genbound.claims.shelves import lemmas, smoothing

CARDS = [card for card in (*lemmas.CARDS, *smoothing.CARDS) if isinstance(card, Inequality)]
WRONG = [variant for card in CARDS for variant in card.variants()]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_true_lemmas_are_proved(card: Inequality) -> None:
    verdict = certify.check(card)
    assert verdict.status is Status.PROVED, str(verdict)
    found = seek.check(card)
    assert found.status is Status.SUPPORTED, str(found)
    assert found.effective > 100


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_lemmas_that_should_be_derived_are(card: Inequality) -> None:
    verdict = derive.check(card)
    expected = Status.PROVED if "derive" in card.minimum else Status.NOT_APPLICABLE
    assert verdict.status is expected, str(verdict)


@pytest.mark.parametrize("card", WRONG, ids=lambda card: card.name)
def test_planted_errors_are_refuted_at_a_point_that_can_be_replayed(card: Inequality) -> None:
    true = next(each for each in CARDS if each.name == card.name.split("!")[0])
    for engine in (certify, seek):
        verdict = engine.check(card)
        assert verdict.status is Status.REFUTED, str(verdict)
        assert seek.replay(card, verdict.witness)
        if {each.name for each in true.variables} == set(verdict.witness["point"]):
            inside = all(_inside(each, verdict.witness["point"][each.name]) for each in true.variables)
            assert not (inside and seek.replay(true, verdict.witness)), "the witness refutes the true claim as well"


def _inside(variable: object, value: str) -> bool:
    from fractions import Fraction

    import sympy as sp

    at = sp.Rational(Fraction(value).numerator, Fraction(value).denominator)
    return bool(sp.sympify(variable.lower) <= at <= sp.sympify(variable.upper))  # type: ignore[attr-defined]


def test_every_lemma_has_a_planted_error_and_a_statement() -> None:
    assert len(CARDS) >= 28
    assert len({card.name for card in CARDS}) == len(CARDS)
    for card in CARDS:
        assert card.planted, card.name
        assert card.statement, card.name
