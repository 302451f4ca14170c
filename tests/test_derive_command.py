"""`genbound derive`: one derivation, all of them, LaTeX, JSON, and exit codes that cannot be mistaken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sympy as sp
from sympy.parsing.sympy_parser import implicit_multiplication, parse_expr, standard_transformations

import genbound.derivations as rooms
from genbound.derivations import DERIVATIONS, mistakes
from genbound.derivations.mistakes import Mistake, planted
from genbound.report.appendix import chain_latex
from genbound.report.derivations import WIDTH, chain_lines, reason_words, spoken
from genbound.report.notation import line, page
from genbound.symbols import symbol

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = Path(rooms.__file__).parents[1] / "checks" / "schemas" / "derivations.json"
Run = Callable[..., SimpleNamespace]
FEW = ("geometric_mean", "azuma_hoeffding", "prior_union")
C = symbol("C")


@pytest.fixture
def derive(cli: Run) -> Run:
    """`genbound derive ...` in this process."""

    return partial(cli, "derive")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A theory of three derivations and their mistakes."""
    chosen = tuple(each for each in planted() if each.derivation in FEW)
    monkeypatch.setattr(rooms, "DERIVATIONS", {name: DERIVATIONS[name] for name in FEW})
    monkeypatch.setattr(mistakes, "planted", lambda: chosen)


def test_without_a_name_the_derivations_are_listed(derive: Run) -> None:
    found = derive()
    assert found.code == 0
    assert all(f"{name}\n" in found.out for name in DERIVATIONS)
    assert f"{len(DERIVATIONS)} derivations" in found.out
    assert all(each.title for each in DERIVATIONS.values())


def test_one_derivation(derive: Run, tmp_path: Path) -> None:
    found = derive("geometric_mean", "--json", tmp_path / "one.json")
    assert found.code == 0
    assert "≤ mean U - e^(-C) GM(U - X)" in found.out
    assert "[Ville (Markov at one n) with one_step_product" in found.out
    assert found.out.rstrip().endswith("verified: 2 steps")
    (record,) = json.loads((tmp_path / "one.json").read_text())["derivations"]
    assert record["verified"] is True
    assert [step["relation"] for step in record["steps"]] == ["<=", "<="]


def test_an_unknown_name_is_answered_with_near_ones(derive: Run) -> None:
    found = derive("geometrc_mean")
    assert found.code == 2
    assert "geometric_mean" in found.err
    assert found.err.count("\n") == 1


def test_a_derivation_that_does_not_hold_is_an_error(derive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = next(each for each in planted() if each.name == "half_complexity").wrong()
    monkeypatch.setattr(rooms, "DERIVATIONS", {"geometric_mean": wrong})
    found = derive("geometric_mean")
    assert found.code == 1
    assert "NOT VERIFIED: step 2" in found.out


@pytest.mark.usefixtures("few")
def test_all(derive: Run, tmp_path: Path) -> None:
    found = derive("--all", "--json", tmp_path / "all.json")
    assert found.code == 0, found.out
    count = sum(each.derivation in FEW for each in planted())
    steps = sum(len(DERIVATIONS[name].steps) for name in FEW)
    assert found.out.rstrip().endswith(f"3 derivations, {steps} steps verified; {count} planted mistakes refuted")
    assert max(map(len, found.out.splitlines())) <= WIDTH
    record = json.loads((tmp_path / "all.json").read_text())
    assert len(record["derivations"]) == 3
    assert all(each["refuted"] and each["counterexample"] for each in record["mistakes"])


def written(derive: Run, path: Path, *arguments: str) -> dict[str, Any]:
    derive(*arguments, "--json", path / "written.json")
    return json.loads((path / "written.json").read_text())


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("arguments", [(), ("floor",), ("--all",)])
def test_the_json_fits_its_schema(derive: Run, tmp_path: Path, arguments: tuple[str, ...],
                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Every field of every object counts, and there is no other."""
    if "floor" in arguments:
        monkeypatch.setattr(rooms, "DERIVATIONS", DERIVATIONS)
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    content = written(derive, tmp_path, *arguments)
    validator.validate(content)
    verified = {record["verified"] for record in content["derivations"]}
    assert verified == ({True} if arguments else {None})
    places = [content, content["derivations"][0], content["derivations"][0]["steps"][0], *content["mistakes"][:1]]
    assert len(places) == 3 + ("--all" in arguments)
    for place in places:
        for key in list(place):
            taken = place.pop(key)
            assert not validator.is_valid(content), key
            place[key] = taken
        place["surplus"] = 1
        assert not validator.is_valid(content)
        del place["surplus"]
    validator.validate(content)


@pytest.mark.usefixtures("few")
def test_the_json_of_what_failed_fits_its_schema(derive: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = next(each for each in planted() if each.name == "half_complexity").wrong()
    harmless = Mistake("azuma_hoeffding", 1, "none", "nothing", after=DERIVATIONS["azuma_hoeffding"].steps[0].after)
    monkeypatch.setattr(mistakes, "planted", lambda: (harmless,))
    monkeypatch.setattr(
        rooms, "DERIVATIONS", {"azuma_hoeffding": DERIVATIONS["azuma_hoeffding"], "geometric_mean": wrong}
    )
    content = written(derive, tmp_path, "--all")
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(content)
    assert [record["verified"] for record in content["derivations"]] == [True, False]
    assert content["derivations"][1]["error"].startswith("step 2")
    (unnoticed,) = content["mistakes"]
    assert (unnoticed["refuted"], unnoticed["failed_at"], unnoticed["counterexample"]) == (False, None, None)


@pytest.mark.usefixtures("few")
def test_all_fails_when_a_derivation_fails(derive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = next(each for each in planted() if each.name == "half_complexity").wrong()
    monkeypatch.setattr(mistakes, "planted", tuple)
    monkeypatch.setattr(rooms, "DERIVATIONS", {"floor": DERIVATIONS["floor"], "geometric_mean": wrong})
    found = derive("--all")
    assert found.code == 1
    assert "1 derivations, 2 steps verified, 1 derivations NOT VERIFIED" in found.out


@pytest.mark.usefixtures("few")
def test_all_fails_when_a_mistake_is_not_noticed(derive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = Mistake("azuma_hoeffding", 1, "none", "nothing", after=DERIVATIONS["azuma_hoeffding"].steps[0].after)
    monkeypatch.setattr(mistakes, "planted", lambda: (harmless,))
    found = derive("--all")
    assert found.code == 1
    assert "NOT NOTICED" in found.out
    assert "0 planted mistakes refuted, 1 NOT REFUTED" in found.out


@pytest.mark.parametrize("name", DERIVATIONS)
def test_a_derivation_is_read_in_80_columns(name: str) -> None:
    lines = list(chain_lines(DERIVATIONS[name]))
    assert max(map(len, lines)) <= WIDTH
    assert sum(each.strip().startswith("[") for each in lines) >= len(DERIVATIONS[name].steps)
    assert not {word for each in lines for word in each.split() if word.strip("[](),") in ("mean_loss", "lam", "oo")}


@pytest.mark.parametrize("name", DERIVATIONS)
def test_latex_is_balanced(name: str) -> None:
    text = chain_latex(DERIVATIONS[name])
    assert text.startswith(r"\begin{align*}")
    assert text.endswith(r"\end{align*}")
    bare = text.replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for each in bare:
        depth += (each == "{") - (each == "}")
        assert depth >= 0
    assert depth == 0
    assert bare.count(r"\left") == bare.count(r"\right") + bare.count(r"\leftarrow")
    assert text.count("$") % 2 == 0
    assert text.isascii()


def test_latex_on_the_command_line(derive: Run) -> None:
    found = derive("floor", "--latex")
    assert found.code == 0
    assert found.out.strip() == chain_latex(DERIVATIONS["floor"])


def test_formulas_are_written_as_people_write_them() -> None:
    s, Delta, alpha, V = (symbol(name) for name in ("s", "Delta", "alpha", "V"))
    assert line(C - 1) == "C - 1"
    assert line(Delta * (C + 1) / s) == "Δ (C + 1)/s"
    assert line(1 / (C * s)) == "1/(C s)"
    assert line(sp.sqrt(C / 2)) == "√(2 C)/2"
    assert line((alpha - 1 - alpha / V) * sp.log(s)) == "-(1 - α + α/V) ln(s)"
    assert line(C ** sp.Rational(3, 2)) == "C^(3/2)"
    assert page(Delta * (C + 1) / s) == r"\frac{\Delta}{s} \left(C + 1\right)"
    assert line(sp.Symbol("X_2")) == "X_2"


def test_lines_say_what_the_formula_is() -> None:
    """Read back by sympy, the plain line of a formula is the formula."""
    a, b, c, d, e, V = (symbol(name) for name in ("C", "s", "B", "D", "n", "V"))
    formulas = (
        a - b / c,
        -(a + b) * c / (d * (e - 1)),
        sp.exp(-a * b) * (1 - c) ** 2,
        a ** (-b) * sp.log(V / c),
        sp.sqrt(2 * a / b) - sp.sqrt(c) / (d - sp.sqrt(e)),
        (a - b - c) * sp.log(d),
        1 / (1 + 1 / a),
        -a * (b + c) / 2 - sp.Rational(2, 3) * d**2 / (a * b),
    )
    for formula in formulas:
        assert sp.simplify(_read(line(formula)) - formula) == 0, line(formula)


def _read(text: str) -> sp.Expr:
    text = re.sub(r"√(\w+)", r"√(\1)", text).replace("√", "sqrt").replace("ln(", "log(")
    names = {name: symbol(name) for name in ("C", "s", "B", "D", "n", "V")}
    rules = (*standard_transformations, implicit_multiplication)
    return parse_expr(text.replace("^", "**"), {"e": sp.E, **names, **vars(sp)} | names, transformations=rules)


def test_words_keep_their_meaning() -> None:
    assert spoken("best lam = 2*C") == "best λ = 2 C"
    assert spoken("the mean is linear") == "the mean is linear"
    assert spoken("as parameters -> oo") == "as N → ∞"
    assert spoken("the parameters of a law") == "the parameters of a law"
    assert spoken("definition of mean_v") == "definition of mean v(sA)"
    assert spoken("limit as dimension -> oo") == "limit as n_H → ∞"
    assert spoken("C1 = 1") == "C_1 = 1"
    words = [reason_words(step.reason) for step in DERIVATIONS["finzi_bound"].steps]
    assert words[2] == "at Δ = ln(V) - ln(α)"
    assert reason_words(DERIVATIONS["prior_union"].steps[1].reason) == "C = ln(1/δ)/n"


def test_a_title_and_a_note_are_shown() -> None:
    noted = replace(DERIVATIONS["floor"], note="only for n = 1", where={C: (sp.Integer(0), sp.Integer(1))})
    text = "\n".join(chain_lines(noted))
    assert "note: only for n = 1" in text
    assert "where: 0 < C < 1" in text
