"""`genbound claims`: the table, one claim whole, running the checks, the JSON and the citations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_schemas import UNITS, parts

from genbound.checks import evidence, run
from genbound.checks.verdict import Status, Verdict
from genbound.claims.card import ENGINES, Claim
from genbound.claims.registry import claim, claims
from genbound.report.claims import BEGIN, END, HEADERS, Row, evidence_markdown, with_evidence

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "genbound" / "checks" / "schemas"
NAME = "azuma_hoeffding"

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def claims_command(cli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`genbound claims ...` in this process, with an evidence store of its own."""
    monkeypatch.setattr(evidence, "STORE", tmp_path / "evidence.json")
    monkeypatch.chdir(tmp_path)

    return partial(cli, "claims")


def engines_say(monkeypatch: pytest.MonkeyPatch, true: Status | Mapping[str, Status], planted: Status) -> None:
    """Engines that find what they are told."""

    def module(engine: str) -> SimpleNamespace:
        def check(card: Claim, budget: Any) -> Verdict:
            found = true if isinstance(true, Status) else true.get(engine, Status.SUPPORTED)
            return Verdict(card.name, engine, planted if "!" in card.name else found, f"by {engine}", seed=budget.seed)

        return SimpleNamespace(check=check)

    monkeypatch.setattr(run, "engine_module", module)


# ------------------------------------------------------------------------------------------------------------ reading


def test_the_table_is_at_home_in_80_columns(claims_command: Run) -> None:
    for result in (claims_command(), claims_command("list")):
        assert result.code == 0
        lines = result.out.splitlines()
        assert all(len(line) <= 80 for line in lines)
        assert lines[0].split() == ["claim", *HEADERS, "Coq", "found", "ok"]
        assert [line.split()[0] for line in lines[1 : len(claims()) + 1]] == list(claims())
        assert f"{len(claims())} claims" in lines[-1]


def test_what_was_never_run_is_undecided(claims_command: Run, tmp_path: Path) -> None:
    assert claims_command("status", NAME, "--json", "s.json").code == 0
    (record,) = json.loads((tmp_path / "s.json").read_text())["claims"]
    assert {(e["status"], e["reason"]) for e in record["evidence"]} == {("UNDECIDED", "not run")}
    assert record["meets_minimum"] is False
    assert {p["refuted_by"] for p in record["planted"]} == {None}


def test_one_claim_is_shown_whole(claims_command: Run) -> None:
    for name in (NAME, "floor", next(c.name for c in claims().values() if c.kind == "inequality")):
        card, out = claim(name), claims_command("show", name).out
        assert out.startswith(f"{name} ({card.kind})")
        assert "formula" in out
        for part in (*card.statement.splitlines(), *card.assumes, *card.uses, *map(str, card.sources)):
            assert part in out
        for planted in card.planted:
            assert f"planted  {planted.name}: NOT FOUND" in out
    assert "Coq: Genbound.OneHypothesis.azuma_hoeffding_high_probability" in claims_command("show", NAME).out
    assert "not formalised: " in claims_command("show", "maurer_pontil").out
    assert "genbound.concentration.azuma.azuma_hoeffding: " in claims_command("show", NAME).out


def test_citations(claims_command: Run) -> None:
    out = claims_command("cite", NAME, "empirical_freedman").out
    for key in ("lotfi2024", "finzi2025", "genbound"):
        assert out.count(f"{{{key},") == 1


@pytest.mark.parametrize("command", ["show", "cite", "status", "check"])
def test_an_unknown_claim_is_refused_with_its_neighbours(claims_command: Run, command: str) -> None:
    result = claims_command(command, "azuma_hoefding")
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert NAME in result.err


# ------------------------------------------------------------------------------------------------------------ running


def test_a_claim_at_its_minimum_with_every_error_found_exits_0(claims_command: Run, tmp_path: Path) -> None:
    """With the real engines."""
    result = claims_command("check", NAME, "--json", "c.json", "--workers", 1)
    assert result.code == 0, result.out
    (record,) = json.loads((tmp_path / "c.json").read_text())["claims"]
    assert record["meets_minimum"] is True
    assert all(p["refuted_by"] in ENGINES for p in record["planted"])
    assert not evidence.STORE.exists()


def test_a_refuted_claim_exits_1(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engines_say(monkeypatch, {"exact": Status.REFUTED}, Status.REFUTED)
    result = claims_command("check", NAME, "--workers", 1)
    assert result.code == 1
    assert f"{NAME}: exact REFUTED (by exact)" in result.out


def test_a_planted_error_that_survives_exits_1(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engines_say(monkeypatch, Status.SUPPORTED, Status.SUPPORTED)
    result = claims_command("check", NAME, "--workers", 1)
    assert result.code == 1
    for planted in claim(NAME).planted:
        assert f"{NAME}!{planted.name}: planted, not found by fuzz, exact, simulate" in result.out


def test_a_claim_below_its_minimum_exits_3(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = min(claim(NAME).minimum)
    engines_say(monkeypatch, {engine: Status.UNDECIDED}, Status.REFUTED)
    result = claims_command("check", NAME, "--workers", 1)
    assert result.code == 3
    assert f"{NAME} ({engine})" in result.out


def test_only_what_was_asked_for_is_judged(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engines_say(monkeypatch, Status.SUPPORTED, Status.SUPPORTED)
    assert claims_command("check", NAME, "--engine", "fuzz", "--workers", 1).code == 0


def test_engines_that_did_not_all_look_take_back_nothing(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engines_say(monkeypatch, {"fuzz": Status.UNDECIDED}, Status.REFUTED)
    assert claims_command("check", NAME, "--store", "--workers", 1).code in (0, 3)
    before = evidence.load().planted(claim(NAME))
    assert {hunt.refuted_by for hunt in before} == {"exact"}
    assert claims_command("check", NAME, "--store", "--engine", "fuzz", "--workers", 1).code in (0, 3)
    assert evidence.load().planted(claim(NAME)) == before


def test_an_interruption_stores_nothing_and_says_so(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "check", interrupted)
    result = claims_command("check", NAME, "--store", "--workers", 1)
    assert (result.code, result.out) == (2, "")
    assert "nothing is stored" in result.err
    assert not evidence.STORE.exists()


def test_an_unknown_engine_is_refused(claims_command: Run) -> None:
    result = claims_command("check", NAME, "--engine", "guess")
    assert (result.code, result.out) == (2, "")
    assert "one of derive, certify" in result.err


def test_what_is_stored_is_what_the_table_shows(claims_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engines_say(monkeypatch, Status.SUPPORTED, Status.REFUTED)
    assert claims_command("check", NAME, "--store", "--workers", 1).code == 0
    line = next(line for line in claims_command("list").out.splitlines() if line.startswith(NAME))
    k = len(claim(NAME).planted)
    assert line.split() == [NAME, *["S"] * len(ENGINES), "yes", f"{k}/{k}", "ok"]
    assert "fuzz" in claims_command("show", NAME).out
    before = evidence.STORE.read_bytes()
    assert claims_command("check", NAME, "--store", "--workers", 1).code == 0
    assert evidence.STORE.read_bytes() == before


# --------------------------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize("name", ["claims", "check", "derivations", "evidence"])
def test_a_schema_is_closed_complete_and_described(name: str) -> None:
    content = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(content)
    assert content["properties"]["schema"]["const"] == f"genbound/{name}/1"
    for path, part in parts(content):
        assert part.get("description"), f"{path} has no description"
        if "properties" in part:
            assert part["required"] == list(part["properties"]), path
            assert part["additionalProperties"] is False, path
        if part.get("type") in ("number", "integer") and path.count("/properties"):
            assert any(unit in part["description"].lower() for unit in UNITS), path
    document = (ROOT / "docs" / "schemas.md").read_text(encoding="utf-8")
    assert f"genbound/{name}/1" in document
    assert f"schemas/{name}.json" in document


def test_every_schema_is_named() -> None:
    assert sorted(path.stem for path in SCHEMAS.iterdir()) == ["check", "claims", "derivations", "evidence"]


def test_the_json_fits_its_schema_and_keeps_its_promise(claims_command: Run, tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "claims.json").read_text(encoding="utf-8")))
    for command in ("list", "status"):
        assert claims_command(command, "--json", "out.json").code == 0
        content = json.loads((tmp_path / "out.json").read_text())
        validator.validate(content)
        assert [record["name"] for record in content["claims"]] == list(claims())
        for record in content["claims"]:
            assert {"name", "evidence", "meets_minimum", "planted"} <= set(record)
            assert [found["engine"] for found in record["evidence"]] == list(ENGINES)
            assert [p["name"] for p in record["planted"]] == [p.name for p in claim(record["name"]).planted]
        del content["claims"][0]["meets_minimum"]
        assert not validator.is_valid(content)


# ---------------------------------------------------------------------------------------------------------- the README


def test_the_table_for_the_readme() -> None:
    rows = [
        Row(
            "good",
            {"certify": "PROVED", "exact": "EXACT", "fuzz": "SUPPORTED", "derive": "NOT_APPLICABLE"},
            2,
            2,
            True,
            True,
        ),
        Row("bad", {"exact": "REFUTED"}, 0, 1, False),
    ]
    lines = evidence_markdown(rows).splitlines()
    assert lines[0] == f"| claim | {' | '.join(ENGINES)} | Coq | planted errors found |"
    assert lines[2] == "| `good` | – | proved | supported | exact | undecided | undecided | proved | 2 of 2 |"
    assert lines[3].startswith("| `bad` (below its minimum) | undecided | undecided | undecided | **REFUTED** |")
    assert lines[3].endswith("| – | 0 of 1 |")
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_evidence(text, rows)
    assert once == f"before\n{BEGIN}\n{evidence_markdown(rows)}\n{END}\nafter\n"
    assert with_evidence(once, rows) == once
