"""Rate cards: what `derive` asks of them, what it refutes, and that the other engines say why they cannot help."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import pytest
import sympy as sp
from typer.testing import CliRunner

from genbound import formulas as f
from genbound.certified import precision
from genbound.checks import derive
from genbound.checks.run import check, hunt, hunters, run
from genbound.checks.verdict import Status
from genbound.claims.card import ENGINES, Rate
from genbound.claims.rates import read, spoiled
from genbound.claims.registry import claim, claims
from genbound.cli.app import app
from genbound.derivations import DERIVATIONS
from genbound.symbols import symbol

RATES: dict[str, Rate] = {name: card for name, card in claims().items() if isinstance(card, Rate)}
CLOSED = [name for name, card in RATES.items() if not card.formula().has(sp.Sum)]
REQUIRED = {
    "chinchilla_frontier", "parameters_per_token", "frontier_complexity", "prequential_information",
    "information_crossover", "loss_variation_law", "gap_law",
}  # fmt: skip
FAR = 1e250
PATHS = {
    "parameters_per_token": symbol("tokens_per_parameter") * symbol("parameters"),
    "frontier_complexity": f.frontier_tokens_of_parameters(),
}


def rate(name: str) -> Rate:
    card = claim(name)
    assert isinstance(card, Rate)
    return card


def test_the_laws_of_the_theory_have_cards() -> None:
    assert set(RATES) >= REQUIRED
    assert all(DERIVATIONS[name].claim == name for name in RATES)


@pytest.mark.parametrize("name", RATES)
def test_a_rate_is_proved_by_its_derivation_and_by_nothing_else(name: str) -> None:
    for engine in ENGINES:
        verdict = check(RATES[name], engine)
        assert verdict.status is (Status.PROVED if engine == "derive" else Status.NOT_APPLICABLE), str(verdict)
        assert verdict.reason
    assert RATES[name].minimum == {"derive"}


@pytest.mark.parametrize("name", RATES)
def test_planted_errors_are_refuted_with_what_is_wrong_about_them(name: str) -> None:
    assert hunters(RATES[name]) == ("derive",)
    for found in hunt([name], run([name], ["derive"])):
        assert found.refuted_by == "derive", found.reason
        assert "times the derived one" in found.reason or "the claim says" in found.reason


def test_the_quotient_of_the_leading_terms_is_shown() -> None:
    verdict = derive.check(rate("parameters_per_token").variant("bits_for_nats"))
    assert verdict.reason == "the claimed leading term is ~ 1/log(2) times the derived one"


def test_a_wrong_exponent_a_wrong_law_and_a_chain_of_inequalities_are_refuted() -> None:
    true = rate("frontier_complexity")
    for change, told in (
        ({"exponent": read("parameter_exponent/data_exponent - 1")}, "has the exponent"),
        ({"formula": spoiled("parameters_per_token", "2")}, "no line of the derivation"),
        ({"name": "smoothing_cost"}, "a rate needs == or ~"),
    ):
        verdict = derive.check(replace(true, **change))
        assert verdict.status is Status.REFUTED
        assert told in verdict.reason


@pytest.mark.parametrize("name", CLOSED)
def test_the_law_is_near_its_leading_term_far_out(name: str) -> None:
    """At one place: a check of the card's fields, not of the statement."""
    card = RATES[name]
    law, leading = card.formula().subs(symbol("training_tokens"), PATHS.get(name, FAR)), card.leading()
    far = 100.0 if card.over == "bit_width" else FAR
    at = {each.name: 0.5 for each in law.free_symbols | leading.free_symbols} | {"V": 100.0, card.over: far}
    with precision():
        ratio = float(f.evaluate(law, at) / f.evaluate(leading, at))
    assert ratio == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("name", [name for name, card in RATES.items() if card.exponent is not None])
def test_the_exponent_is_the_slope_of_the_leading_term(name: str) -> None:
    card = RATES[name]
    assert card.exponent is not None
    at = {each.name: 0.7 for each in card.leading().free_symbols | card.exponent().free_symbols}
    with precision():
        ends = [float(f.evaluate(card.leading(), {**at, card.over: x})) for x in (1e10, 1e12)]
        exponent = float(f.evaluate(card.exponent(), at))
    assert math.log(ends[1] / ends[0]) / math.log(100) == pytest.approx(exponent, abs=1e-9)


@pytest.mark.parametrize("name", ["chinchilla_frontier", "gap_law"])
def test_a_rate_is_shown_whole(name: str) -> None:
    out = CliRunner().invoke(app, ["claims", "show", name]).stdout
    assert out.startswith(f"{name} (rate)")
    assert "formula" in out
    assert (", as parameters -> oo" in out) == (name == "gap_law")


def test_the_shelf_is_read_without_sympy() -> None:
    code = "import sys, genbound.claims.shelves.scaling; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
