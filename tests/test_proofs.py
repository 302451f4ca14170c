"""The Coq proofs: they compile, state what is pinned, use no axiom that is not allowed, and bad edits are found.

Where Coq is missing nothing is skipped in silence: a warning, and a line at the end of the whole run, say so.
"""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROOFS = ROOT / "proofs"
sys.path.insert(0, str(PROOFS))

import check  # noqa: E402
import coq_build  # noqa: E402
import coq_pins  # noqa: E402
import coq_sources  # noqa: E402
import coq_table  # noqa: E402
import planted  # noqa: E402

SUMMARY = re.compile(r"(\d+) passed, (\d+) failed")


def coq_is_here() -> bool:
    """Whether Coq can be run; otherwise a loud warning (`conftest` repeats it at the end of the run)."""
    if coq_build.commands() is None:
        warnings.warn(check.MISSING, stacklevel=2)
        return False
    return True


# ------------------------------------------------------------------------------------------------------------ with Coq


def test_the_proofs_hold() -> None:
    if coq_is_here():
        run = subprocess.run([sys.executable, PROOFS / "check.py"], capture_output=True, text=True, check=False)
        lines = run.stdout.splitlines()
        found = SUMMARY.fullmatch(lines[-1])
        assert found, run.stdout + run.stderr
        assert (run.returncode, found.group(2)) == (0, "0"), run.stdout + run.stderr
        rows = coq_pins.read_rows(PROOFS / "theorems.tsv")
        assert int(found.group(1)) > len({row.constant for row in rows})
        shown: dict[str, set[str]] = {}
        for line in lines:
            if line.startswith("Genbound."):
                theorems = shown.setdefault(line, set())
            elif line.startswith("  ok "):
                theorems.add(f"{list(shown)[-1]}.{line.split()[1]}")
        assert set.union(*shown.values()) == {row.constant for row in rows}
        allowed = {*(name.rpartition(".")[2] for name in coq_pins.ALLOWED_AXIOMS)}
        listed = [line.partition("axioms: ")[2].rstrip(",") for line in lines if "axioms: " in line]
        assert len(listed) == len(shown)
        assert all(set(names.split(", ")) <= {*allowed, "none"} for names in listed), listed


@pytest.mark.parametrize("edit", [edit for edit in planted.EDITS if edit.quick], ids=lambda edit: edit.name)
def test_a_bad_edit_is_found(edit: planted.Edit) -> None:
    """Two of the list; `python proofs/check.py --planted` makes all of them."""
    if coq_is_here():
        found = planted.attempt(edit, PROOFS, coq_build.build_folder(PROOFS), check.check)
        assert any(edit.expected in message for message in found), found


def test_a_statement_that_is_only_written_down_is_no_theorem() -> None:
    """A row may not name a definition, be its type pinned to the letter."""
    if coq_is_here():
        build = coq_build.build_folder(PROOFS)
        loss = coq_pins.Pin("theorem", "Genbound.Examples.coin_loss", "list bool -> bool -> R", "0", ("-",))
        found = coq_pins.Found({loss.name: loss})
        assert list(coq_pins.compared(found.pins, found, ["Examples"], build)) == [loss.name]
        proved = coq_pins.read_pins(PROOFS / "statements.txt")["Genbound.Examples.coin_reachable"]
        found = coq_pins.Found({proved.name: proved})
        assert coq_pins.compared(found.pins, found, ["Examples"], build) == {}


@pytest.mark.parametrize("eight_sixteen", [True, False])
def test_a_pin_is_read_on_every_version(eight_sixteen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the letter is not compared, because another Coq prints otherwise, the meaning is."""
    if coq_is_here():
        monkeypatch.setattr(coq_pins, "_is_8_16", lambda: eight_sixteen)
        build = coq_build.build_folder(PROOFS)
        name = "Genbound.Examples.coin_probability"
        proved = coq_pins.read_pins(PROOFS / "statements.txt")[name]
        doubled = dataclasses.replace(proved, text=proved.text.replace("3 / 8", "3 / 4"))
        found = coq_pins.Found({name: proved})
        assert coq_pins.compared({name: doubled}, found, ["Examples"], build).keys() == {name}


# --------------------------------------------------------------------------------------------------------- without Coq


def test_there_are_enough_bad_edits_and_each_applies() -> None:
    assert len(planted.EDITS) >= 14
    assert len([edit for edit in planted.EDITS if edit.quick]) == 2
    assert len({edit.name for edit in planted.EDITS}) == len(planted.EDITS)
    for edit in planted.EDITS:
        text = (PROOFS / edit.file).read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, edit.name
        assert edit.new != edit.old


def test_an_edit_that_does_not_apply_is_missed(tmp_path: Path) -> None:
    for name in ("A.v", "theorems.tsv", "statements.txt"):
        (tmp_path / name).write_text("", encoding="utf-8")
    edit = planted.Edit("gone", "A.v", "Theorem that_is_not_there", "Axiom that_is_not_there", "Axiom")
    said: list[str] = []
    assert planted.hunt(tmp_path, tmp_path, check.check, said.append, [edit]) == (0, ["gone"])
    assert said[0].startswith("MISSED  gone")


def test_without_coq_it_says_so_and_exits_2(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, PROOFS / "check.py"], capture_output=True, text=True, env=environment, check=False
    )
    assert (run.returncode, run.stdout.strip()) == (2, check.MISSING)


def test_every_row_is_pinned_and_every_pin_is_a_row_or_under_one() -> None:
    rows = coq_pins.read_rows(PROOFS / "theorems.tsv")
    pins = coq_pins.read_pins(PROOFS / "statements.txt")
    assert len({row.constant for row in rows}) >= 25
    assert check._rows_against_pins(rows, pins) == {}
    assert coq_pins.written(pins) == (PROOFS / "statements.txt").read_text(encoding="utf-8")
    sources = {path.stem: path.read_text(encoding="utf-8") for path in PROOFS.glob("*.v")}
    for name in pins:
        assert re.search(rf"\b{re.escape(name.split('.')[2].removesuffix('_ind'))}\b", sources[name.split(".")[1]])


def test_a_row_of_a_file_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "theorems.tsv").write_text("-\tGenbound.Nowhere.theorem\tTHEORY 1\n", encoding="utf-8")
    pin = coq_pins.Pin("theorem", "Genbound.Nowhere.theorem", "True", "0", ("-",))
    (tmp_path / "statements.txt").write_text(coq_pins.written({pin.name: pin}), encoding="utf-8")
    report = check.check(tmp_path, tmp_path, first=True)
    assert report.wrong == {"Genbound.Nowhere.theorem": "Genbound.Nowhere.theorem: no such file"}
    (tmp_path / "theorems.tsv").write_text("claim without tabs\n", encoding="utf-8")
    assert "need claim" in check.check(tmp_path, tmp_path).wrong["layout"]


def test_a_definition_named_like_an_induction_principle_is_read_to_its_body() -> None:
    got = {"type": "x_ind\n     : R", "full type": "", "print": "x_ind = 1\n     : R", "full print": "", "about": ""}
    assert coq_pins._pin("Genbound.A.x_ind", got, theorem=False, principle=False) == coq_pins.Pin(
        "definition", "Genbound.A.x_ind", "x_ind = 1\n     : R", coq_pins._hash("")
    )


def test_an_entry_that_is_there_twice_is_wrong(tmp_path: Path) -> None:
    pin = coq_pins.Pin("theorem", "Genbound.A.b", "True", "0", ("-",))
    (tmp_path / "A.v").write_text("", encoding="utf-8")
    (tmp_path / "theorems.tsv").write_text("-\tGenbound.A.b\tTHEORY 1\n", encoding="utf-8")
    text = coq_pins.written({pin.name: pin})
    (tmp_path / "statements.txt").write_text(f"{text}\n{pin.entry()}", encoding="utf-8")
    assert check.check(tmp_path, tmp_path, first=True).wrong.keys() == {"statements.txt"}


def test_the_files_pass_the_audit() -> None:
    for path in PROOFS.glob("*.v"):
        assert coq_sources.audit(path) == []


def test_the_readme_has_the_table() -> None:
    text = (PROOFS / "README.md").read_text(encoding="utf-8")
    assert coq_table.with_table(text, PROOFS) == text


HEAD = "From Coq Require Import Reals.\nOpen Scope R_scope.\n"
CHEATS = {
    "Axiom easy : 1 < 0.": "without proof: Axiom",
    "Lemma a : 1 < 0. Proof. Admitted.": "without proof: Admitted",
    "Lemma a : 1 < 0. Proof. admit. Qed.": "forbidden: admit",
    "Lemma a : 1 < 0. Proof. - give_up. Qed.": "forbidden: give_up",
    "Lemma a : 1 < 0. (* fine (* . *) *) Proof. Abort.": "without proof: Abort",
    "Parameter easy : 1 < 0.": "without proof: Parameter",
    "Hypothesis easy : 1 < 0.": "an assumption outside a section",
    "Section A. End A. Variable easy : 1 < 0.": "an assumption outside a section",
    "Context (easy : 1 < 0).": "an assumption outside a section",
    "Unset Guard Checking.": "not allowed: Unset Guard",
    "#[bypass_check(guard)] Fixpoint f (n : nat) : False := f n.": "forbidden: bypass_check",
    "#[local] Definition f := 0.": "forbidden: an attribute",
    'Notation "x <= y" := True.': "not allowed: Notation",
    'Infix "<=" := (fun _ _ => True).': "not allowed: Infix",
    "Local Notation exp := ln.": "not allowed: Local Notation",
    "Definition exp (x : R) : R := 0.": "a second meaning for a standard name: exp",
    "Lemma Rle_refl_not : True. Proof. exact I. Qed. Definition Rle (x y : R) := True.": "a standard name: Rle",
    "Coercion f : nat >-> R.": "not allowed: Coercion",
    "Module M. End M.": "not allowed: Module",
    "Module Type T. Axiom a : False. End T.": "without proof: Axiom",
    "Declare Module M : T.": "not allowed: Declare",
    'Declare ML Module "x".': "not allowed: Declare",
    'Load "x".': "not allowed: Load",
    'Add LoadPath "x".': "not allowed: Add",
    'Redirect "x" Print nat.': "not allowed: Redirect",
    'Extraction "x" f.': "not allowed: Extraction",
    "Set Universe Checking.": "not allowed: Set",
    "Class C := c : 1 < 0.": "not allowed: Class",
    "Existing Instance c.": "not allowed: Existing",
    "Program Definition f : False := _.": "not allowed: Program",
    "Obligation Tactic := idtac.": "not allowed: Obligation",
    "Primitive f := #int63_add.": "not allowed: Primitive",
    "Lemma a : True. Proof. native_compute. exact I. Qed.": "forbidden: native_compute",
    "Lemma a : True. Proof. vm_cast_no_check I. Qed.": "forbidden: vm_cast_no_check",
    "From Elsewhere Require Import Truth.": "a library that is not allowed here: Elsewhere",
    "From Interval Require Import Tactic.": "a library that is not allowed here: Interval",
    "From Coq Require Export Reals.": "not of the form",
    "Require Import Truth.": "not of the form",
    "Fail Lemma a : True.": "not allowed: Fail",
    "Open Scope R_scope. Close Scope R_scope.": "not allowed: Close",
    'Definition f := "(*". Axiom easy : 1 < 0. (* "*)" *)': "without proof: Axiom",
    "Lemma a : True. Proof. exact I": "not understood",
    "Arguments exp {x}.": "a second meaning for a standard name: exp",
    "Record slack := { amount :> R }.": "a coercion",
    "Local Open Scope nat_scope.": "not allowed: Local Open",
    "Canonical Structure c := x.": "not allowed: Canonical",
    "Lemma a : True. Proof. { exact I. }Admitted.": "without proof: Admitted",
    "Lemma a : True. Proof. 1:Admitted.": "without proof: Admitted",
}


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat[:40])
def test_the_audit_objects(cheat: str, tmp_path: Path) -> None:
    (tmp_path / "Cheat.v").write_text(f"{HEAD}{cheat}\n", encoding="utf-8")
    found = coq_sources.audit(tmp_path / "Cheat.v")
    assert any(CHEATS[cheat] in message for message in found), found


def test_the_audit_passes_what_is_honest(tmp_path: Path) -> None:
    honest = (
        '(** Admitted, Axiom, "(*" *) Section A. Variable x : R. Hypothesis H : 0 < x.\n'
        "Lemma a : 0 < x. Proof. { now apply H. } Qed.\nEnd A.\n"
        "Lemma b : True /\\ True. Proof. split.\n  - exact I.\n  - { exact I. }\nQed.\n"
    )
    (tmp_path / "Honest.v").write_text(HEAD + honest, encoding="utf-8")
    assert coq_sources.audit(tmp_path / "Honest.v") == []
    (tmp_path / "Reals.v").write_text(HEAD, encoding="utf-8")
    assert "standard library" in coq_sources.audit(tmp_path / "Reals.v")[0]


def test_files_are_ordered_by_what_they_require() -> None:
    sources = {"B": "From Genbound Require Import A.\n", "A": "", "C": "From Genbound Require Import B A.\n"}
    order = coq_build.dependencies(sources)
    assert list(order) == ["A", "B", "C"]
    assert coq_build.dependents(order, {"B"}) == {"B", "C"}
    with pytest.raises(ValueError, match=r"requires Genbound\.Z"):
        coq_build.dependencies({"A": "From Genbound Require Import Z.\n"})
    with pytest.raises(ValueError, match="require each other"):
        coq_build.dependencies({"A": "From Genbound Require Import A.\n"})


def test_what_is_compiled_is_stale_when_a_library_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys follow the installed libraries, the text, and the text of what is required."""
    library = tmp_path / "user-contrib" / "Coquelicot" / "Coquelicot.vo"
    library.parent.mkdir(parents=True)
    library.write_text("3.2", encoding="utf-8")
    compiler = tmp_path / "coqc"
    compiler.write_text(f"#!/bin/sh\necho '{tmp_path}'\n", encoding="utf-8")
    compiler.chmod(0o755)
    monkeypatch.setattr(coq_build, "commands", lambda: ([str(compiler)], [str(compiler)]))
    monkeypatch.setattr(coq_build, "version", lambda: "8.16.1")
    monkeypatch.setattr(coq_build, "libraries", coq_build.libraries.__wrapped__)
    order: dict[str, list[str]] = {"A": [], "B": ["A"], "C": []}

    def changed(a: str) -> set[str]:
        now = coq_build.keys_of({"A": a, "B": "", "C": ""}, order)
        return {name for name in order if now[name] != first[name]}

    first = coq_build.keys_of({"A": "1", "B": "", "C": ""}, order)
    assert (changed("1"), changed("2")) == (set(), {"A", "B"})
    library.write_text("3.2.1", encoding="utf-8")
    assert changed("1") == {"A", "B", "C"}


def test_the_checker_of_either_name_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, expected in (
        ({"coqchk": "/bin/coqchk", "rocq": "/bin/rocq"}, ["/bin/coqchk"]),
        ({"rocq": "/bin/rocq"}, ["/bin/rocq", "check"]),
        ({}, None),
    ):
        monkeypatch.setattr("shutil.which", there.get)
        assert coq_build.checker.__wrapped__() == expected
