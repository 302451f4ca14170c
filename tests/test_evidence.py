"""Stored evidence: what a fingerprint covers, what makes it stale, the store, and who finds the planted errors."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from genbound.checks import evidence, fingerprint, run
from genbound.checks.evidence import Evidence, Stored, load, meets_minimum, save
from genbound.checks.run import Hunt, hunt, hunters
from genbound.checks.verdict import DEEP, STANDARD, Budget, Status, Verdict
from genbound.claims.card import ENGINES, Claim
from genbound.claims.registry import claim, claims
from genbound.errors import DataError, DomainError

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[1]
CACHES = ("_shelf_of", "_lemma_shelves", "_of_modules", "_reachable", "_read", "_data", "_path")
NAME = "azuma_hoeffding"
QUICK = replace(STANDARD, examples=20, replicas=60, grid=24)


def forget() -> None:
    for name in CACHES:
        getattr(fingerprint, name).cache_clear()


# ---------------------------------------------------------------------------------------------------------- fingerprint


SAME = '''"""Other words."""
from math import (
    sqrt,
)


def f(x: float, *, y: float = 1.0) -> str:
    """What it does."""
    z = sqrt(x)  # a comment
    """Of z."""
    return f"{z:.3f}" f" and {y!r}" " end"
'''
CODE = """from math import sqrt
def f(x: float, *, y: float = 1.0) -> str:
    z = sqrt(x)
    return f"{z:.3f} and {y!r} end"
"""


def test_words_layout_and_the_cut_of_strings_do_not_count() -> None:
    assert fingerprint.module_digest(SAME) == fingerprint.module_digest(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.0", "1"), ("1.0", "2.0"), (".3f", ".4f"), ("!r", "!s"), (" end", ""), ("sqrt(x)", "sqrt(-x)"), ("*, ", "")],
)
def test_what_the_code_does_counts(old: str, new: str) -> None:
    assert old in CODE
    assert fingerprint.module_digest(CODE) != fingerprint.module_digest(CODE.replace(old, new))


def test_the_digest_is_the_same_under_every_python() -> None:
    """Written down once: a Python whose syntax trees differ must not make evidence stale."""
    source = "@d\nclass A(B, c=1):\n    pass\n"
    source += 'async def g(a, /, *b, c=None, **d) -> None:\n    x: int = -1 ** 2j\n    return f"{a=} {b:>{c}} {{}}"\n'
    source += "match x:\n    case {'k': [1, *_], **r} if r: ...\n    case _: lambda: (yield)\n"
    assert fingerprint.module_digest(source)[:16] == "f65afc957ad04880"


def test_text_files_count() -> None:
    assert fingerprint.module_digest("", (b"a",)) != fingerprint.module_digest("", (b"b",))
    assert "genbound.processes.families.speech" in fingerprint.depends_on(claim(NAME), "simulate")
    assert [path.name for path in fingerprint._data()["speech.txt"]] == ["speech.txt"]


def test_every_claim_and_engine_has_one_and_they_differ() -> None:
    cards = claims().items()
    marks = {(name, engine): fingerprint.fingerprint(card, engine) for name, card in cards for engine in ENGINES}
    assert all(len(mark) == fingerprint.LENGTH for mark in marks.values())
    assert len({marks[NAME, engine] for engine in ENGINES}) == len(ENGINES)
    assert fingerprint.fingerprint(claim(f"{NAME}!half_range"), "exact") == marks[NAME, "exact"]


def test_the_code_behind_a_verdict_is_found() -> None:
    behind = {engine: set(fingerprint.depends_on(claim(NAME), engine)) for engine in ENGINES}
    assert {"genbound.concentration.azuma", "genbound.certified", "genbound.claims.shelves.one_hypothesis"} <= behind[
        "fuzz"
    ]
    assert "genbound.processes.adversary" in behind["exact"]
    assert "genbound.claims.shelves.lemmas" in behind["derive"]  # its steps are instances of other cards
    assert "genbound.claims.shelves.lemmas" not in behind["exact"]
    assert "genbound.formulas" in behind["certify"]  # loaded by name when the formula is asked for
    for modules in behind.values():
        assert not {m for m in modules if m.startswith(("genbound.lm", "genbound.cli", "genbound.report"))}
        assert "genbound.checks.evidence" not in modules  # evidence about evidence would never be fresh


def test_an_unregistered_card_has_none() -> None:
    with pytest.raises(DomainError, match="a registered claim"):
        fingerprint.fingerprint(replace(claim(NAME), name="nobody"), "exact")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that may be edited; fingerprints are of the copy."""
    target = tmp_path / "genbound"
    shutil.copytree(fingerprint.PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__", "lm"))
    monkeypatch.setattr(fingerprint, "PACKAGE", target)
    forget()
    yield target
    forget()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    forget()


def test_a_changed_function_makes_stale_what_rests_on_it_and_only_that(copy: Path) -> None:
    cards = claims()
    before = {name: fingerprint.fingerprint(card, "certify") for name, card in cards.items()}
    edit(copy / "concentration" / "azuma.py", '"""', '"""Words. ')
    assert before == {name: fingerprint.fingerprint(card, "certify") for name, card in cards.items()}
    edit(copy / "concentration" / "azuma.py", "def ", "ZERO = 0\n\n\ndef ")
    changed = {name for name, card in cards.items() if fingerprint.fingerprint(card, "certify") != before[name]}
    assert NAME in changed
    assert not {name for name, card in cards.items() if card.kind == "inequality"} & changed


def test_a_changed_engine_makes_only_its_own_verdicts_stale(copy: Path) -> None:
    before = {engine: fingerprint.fingerprint(claim(NAME), engine) for engine in ENGINES}
    edit(copy / "checks" / "exact.py", "PATHS = 260", "PATHS = 261")
    changed = [engine for engine in ENGINES if fingerprint.fingerprint(claim(NAME), engine) != before[engine]]
    assert changed == ["exact"]


def test_a_changed_text_file_makes_stale(copy: Path) -> None:
    before = fingerprint.fingerprint(claim(NAME), "simulate")
    edit(copy / "processes" / "speech.txt", "the", "teh")
    assert fingerprint.fingerprint(claim(NAME), "simulate") != before


# ---------------------------------------------------------------------------------------------------------------- store


VERDICT = Verdict(NAME, "exact", Status.EXACT, "all of them", 3, 3)


def stored() -> Evidence:
    error = claim(NAME).planted[0].name
    return Evidence().with_run(claims(), [VERDICT], [Hunt(NAME, error, "exact", "misses")], STANDARD)


@pytest.mark.parametrize("budget", [STANDARD, DEEP])
def test_a_planted_error_is_found_only_while_its_engine_passes_the_true_claim(budget: Budget) -> None:
    (planted, *_) = stored().planted(claim(NAME))
    assert planted.refuted_by == "exact"
    status = Status.UNDECIDED if budget is STANDARD else Status.EXACT
    (planted, *_) = stored().with_run(claims(), [replace(VERDICT, status=status)], [], budget).planted(claim(NAME))
    assert planted.refuted_by is None
    assert "does not pass" in planted.reason


def test_fresh_evidence_is_what_was_found_and_the_rest_is_undecided() -> None:
    said = stored().status(claim(NAME))
    assert [verdict.engine for verdict in said] == list(ENGINES)
    assert said[ENGINES.index("exact")] == VERDICT
    assert {(v.status, v.reason) for v in said if v.engine != "exact"} == {(Status.UNDECIDED, "not run")}
    first, *others = stored().planted(claim(NAME))
    assert first.refuted_by == "exact"
    assert all(other.refuted_by is None for other in others)


def test_stale_evidence_reads_as_undecided() -> None:
    fresh = stored()
    old = Evidence(
        {key: replace(each, fingerprint="0" * 16) for key, each in fresh.verdicts.items()},
        {key: replace(each, fingerprint="0" * 16) for key, each in fresh.hunts.items()},
    )
    verdict = old.status(claim(NAME))[ENGINES.index("exact")]
    assert (verdict.status, verdict.reason) == (Status.UNDECIDED, "stale: EXACT before the code changed")
    found = old.planted(claim(NAME))[0]
    assert (found.refuted_by, found.reason) == (None, "stale: refuted by exact before the code changed")


def test_the_store_gives_back_what_it_was_given_in_the_same_bytes(tmp_path: Path) -> None:
    path, again = tmp_path / "evidence.json", tmp_path / "again.json"
    save(stored(), path)
    assert load(path) == stored()
    save(load(path), again)
    assert path.read_bytes() == again.read_bytes()
    content = json.loads(path.read_text())
    schema = json.loads((ROOT / "genbound" / "checks" / "schemas" / "evidence.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(content)


def test_new_results_replace_old_ones_and_forgotten_claims_go() -> None:
    gone = Stored(replace(VERDICT, claim="gone"), "standard", "0" * 16)
    before = Evidence({("gone", "exact"): gone, **stored().verdicts}, stored().hunts)
    worse = replace(VERDICT, status=Status.REFUTED, reason="a process")
    after = before.with_run(claims(), [worse], [], STANDARD)
    assert set(after.verdicts) == {(NAME, "exact")}
    assert after.verdicts[NAME, "exact"].verdict == worse
    assert after.hunts == before.hunts


def test_no_store_is_no_evidence_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    assert load(tmp_path / "none.json") == Evidence()
    empty = {"schema": "genbound/evidence/1", "claims": {"a": {"verdicts": {"exact": {}}, "planted": {}}}}
    for content in (
        "",
        "[]",
        '{"schema": "genbound/evidence/0"}',
        '{"schema": "genbound/evidence/1"}',
        json.dumps(empty),
    ):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(DataError, match="evidence"):
            load(tmp_path / "bad.json")


def test_the_minimum_wants_every_engine_and_no_refutation() -> None:
    card = replace(claim(NAME), minimum=frozenset({"exact", "fuzz"}))
    fuzz = Verdict(NAME, "fuzz", Status.SUPPORTED, "")
    assert meets_minimum(card, [VERDICT, fuzz])
    assert not meets_minimum(card, [VERDICT])
    assert not meets_minimum(card, [VERDICT, replace(fuzz, status=Status.UNDECIDED)])
    assert not meets_minimum(card, [VERDICT, replace(fuzz, status=Status.NOT_APPLICABLE)])
    assert not meets_minimum(card, [VERDICT, fuzz, Verdict(NAME, "simulate", Status.REFUTED, "")])
    assert not meets_minimum(replace(card, minimum=frozenset()), [Verdict(NAME, "fuzz", Status.NOT_APPLICABLE, "")])


# -------------------------------------------------------------------------------------------------------------- running


def test_the_verdicts_do_not_depend_on_the_number_of_processes() -> None:
    names = [NAME, "floor"]
    told: list[tuple[str, int, int | None]] = []
    one = run.run(names, ("exact",), QUICK, progress=lambda *step: told.append(step))
    assert [(v.claim, v.engine) for v in one] == [(name, "exact") for name in names]
    assert told == [("claims", 1, 2), ("claims", 2, 2)]
    assert run.run(names, ("exact",), QUICK, workers=2) == one
    assert all(v.status.passes for v in one)
    assert hunt(names, one, QUICK, workers=2) == hunt(names, one, QUICK)


def test_unknown_claims_engines_and_workers_are_refused() -> None:
    engine: Any = "guess"
    with pytest.raises(DomainError, match="engine='guess'"):
        run.run([NAME], (engine,))
    with pytest.raises(DomainError, match="claim='azuma'"):
        run.run(["azuma"])
    with pytest.raises(DomainError, match="workers=0"):
        run.run([NAME], ("exact",), workers=0)


def engine_that(monkeypatch: pytest.MonkeyPatch, says: dict[str, Status]) -> list[tuple[str, str]]:
    """Engines that say the same of every card; what they were asked."""
    asked: list[tuple[str, str]] = []

    def module(engine: str) -> SimpleNamespace:
        def check(card: Claim, budget: Any) -> Verdict:
            asked.append((engine, card.name))
            return Verdict(card.name, engine, says[engine], "so")

        return SimpleNamespace(check=check)

    monkeypatch.setattr(run, "engine_module", module)
    return asked


def test_a_planted_error_counts_only_where_the_true_claim_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = engine_that(monkeypatch, dict.fromkeys(ENGINES, Status.REFUTED))
    true = [Verdict(NAME, "fuzz", Status.UNDECIDED, ""), Verdict(NAME, "exact", Status.EXACT, "")]
    results = hunt([NAME], true)
    assert [each.error for each in results] == [planted.name for planted in claim(NAME).planted]
    assert {each.refuted_by for each in results} == {"exact"}
    assert {engine for engine, _ in asked} == {"exact"}
    assert {each.reason for each in hunt([NAME], [])} == {"no engine passed the true claim"}


def test_the_search_stops_at_the_first_refutation(monkeypatch: pytest.MonkeyPatch) -> None:
    says = {"fuzz": Status.SUPPORTED, "exact": Status.REFUTED, "simulate": Status.REFUTED}
    asked = engine_that(monkeypatch, says)
    true = [Verdict(NAME, engine, Status.SUPPORTED, "") for engine in says]
    assert {each.refuted_by for each in hunt([NAME], true)} == {"exact"}
    assert {engine for engine, _ in asked} == {"fuzz", "exact"}
    engine_that(monkeypatch, dict.fromkeys(ENGINES, Status.UNDECIDED))
    unfound = {(None, "not found by fuzz, exact, simulate")}
    assert {(each.refuted_by, each.reason) for each in hunt([NAME], true)} == unfound


def test_a_formula_that_no_longer_fits_refutes_no_tail_bound() -> None:
    assert "certify" not in hunters(claim(NAME))
    inequality = next(card for card in claims().values() if card.kind == "inequality")
    assert "certify" in hunters(inequality)


# ---------------------------------------------------------------------------------------------- the evidence that ships


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("evidence_figure", ROOT / "paper_figures" / "evidence.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", list(claims()))
def test_the_stored_evidence_is_about_todays_code_and_enough(name: str) -> None:
    """When it fails: `genbound claims check --store`, then `python paper_figures/evidence.py`."""
    card, store = claim(name), load()
    for verdict in store.status(card):
        assert verdict.reason != "not run", verdict
        assert not verdict.reason.startswith("stale"), verdict
    assert meets_minimum(card, store.status(card))
    for found in store.planted(card):
        assert found.refuted_by is not None, found


def test_nothing_is_stored_of_claims_that_are_gone() -> None:
    assert {name for name, _ in {*load().verdicts, *load().hunts}} <= set(claims())


def test_the_store_that_ships_fits_its_schema() -> None:
    schema = json.loads((ROOT / "genbound" / "checks" / "schemas" / "evidence.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(evidence.STORE.read_text()))


def test_the_table_in_the_readme_is_the_stored_evidence() -> None:
    from genbound.report.claims import with_evidence

    script, readme = _script(), (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_evidence(readme, script.rows(json.loads(script.STORE.read_text(encoding="utf-8")))) == readme


def test_the_script_and_the_command_tell_the_same(tmp_path: Path) -> None:
    save(stored(), tmp_path / "evidence.json")
    rows = {row.name: row for row in _script().rows(json.loads((tmp_path / "evidence.json").read_text()))}
    assert list(rows) == list(claims())
    row = rows[NAME]
    assert row.statuses == {"exact": "EXACT"}
    assert (row.found, row.planted) == (1, len(claim(NAME).planted))
    assert not row.meets_minimum
