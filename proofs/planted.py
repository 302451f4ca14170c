"""Bad edits that the checker must find, as data, and the hunt that makes each in a copy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Edit:
    """A bad edit: in `file`, `old` (which must be there, once) becomes `new`; the checker must say `expected`.

    `quick`: fast enough to be made in every run of the tests.
    """

    name: str
    file: str
    old: str
    new: str
    expected: str
    quick: bool = False


_GEOMETRIC = """  (0 < n)%nat -> upper_bounded P X U ->
  probability P n (fun h => geometric_mean_bound C X U h < risk P X h) <= exp (- (INR n * C)).
Proof.
  intros Hn HU.
"""
_SELECTED = """      (X (pick h)) (U (pick h) (pick_member h)) h < risk P (X (pick h)) h) <= delta.
Proof.
  intros Hn Hd HU HKraft Hpi Hmass Hpick.
"""
_EXAMPLE = """Theorem coin_geometric_mean n C : (0 < n)%nat ->
  probability sticky_coin n
    (fun h => geometric_mean_bound C coin_loss coin_upper h < risk sticky_coin coin_loss h) <= exp (- (INR n * C)).
Proof. intros Hn. apply geometric_mean_high_probability; [assumption|apply coin_upper_bounded]. Qed."""
_ONE_MINUS = """Lemma one_minus_exp_le x : 1 - exp (- x) <= x.
Proof. assert (H := exp_ineq1_le (- x)); lra. Qed."""
_PIN = """## theorem Genbound.GeometricMean.wealth_mean_one
## claims geometric_mean
"""
_REACHABLE = """Theorem coin_reachable : reachable sticky_coin [true; true].
Proof.
"""

EDITS: tuple[Edit, ...] = (
    # statements that say less and still have a proof
    Edit(
        "an extra premise", "GeometricMean.v", _GEOMETRIC,
        _GEOMETRIC.replace("upper_bounded P X U ->", "upper_bounded P X U -> 0 <= C ->").replace("Hn HU", "Hn HU _"),
        "geometric_mean_high_probability: the theorem is not the one pinned",
    ),
    Edit(
        "delta replaced by 2 delta", "PriorUnion.v", _SELECTED,
        _SELECTED.replace("<= delta", "<= 2 * delta") + "  apply Rle_trans with delta; [|lra].\n",
        "prior_union_selected: the theorem is not the one pinned",
    ),
    Edit(
        "for one n instead of all", "Martingale.v",
        "probability P n (fun h => exists t, (t <= n)%nat /\\ c <= M (first_steps t h)) <= M [] / c.",
        "probability P n (fun h => exists t, t = n /\\ c <= M (first_steps t h)) <= M [] / c.",
        "ville_inequality: the theorem is not the one pinned",
    ),
    Edit(
        "an inequality turned around", "statements.txt", "Process.expectation P n (GeometricMean.wealth P X U) = 1",
        "Process.expectation P n (GeometricMean.wealth P X U) <= 1",
        "wealth_mean_one: the theorem is not the one pinned",
    ),
    Edit(
        "a nicer statement before the one that is compared", "statements.txt", _PIN,
        f"{_PIN}## in full 0000000000000000\nTrue\n\n{_PIN}", "statements.txt: an entry twice",
    ),
    # assumptions that slip in
    Edit(
        "an assumption in a section", "Examples.v", _EXAMPLE,
        "Section Easy.\nHypothesis Heasy : forall past, coin_upper past <= 1.\n"
        + _EXAMPLE.replace("intros Hn.", "assert (H := Heasy); intros Hn.") + "\nEnd Easy.",
        "coin_geometric_mean: the theorem is not the one pinned",
    ),
    Edit(
        "an assumption outside a section", "Analysis.v", "Section Means.", "Variable n : nat.\nSection Means.",
        "an assumption outside a section",
    ),
    Edit(
        "an axiom", "Analysis.v", _ONE_MINUS, "Axiom one_minus_exp_le : forall x, 1 - exp (- x) <= x.",
        "a statement without proof: Axiom",
    ),
    Edit(
        "a parameter", "Analysis.v", _ONE_MINUS, "Parameter one_minus_exp_le : forall x, 1 - exp (- x) <= x.",
        "a statement without proof: Parameter",
    ),
    Edit(
        "a type class", "Analysis.v", "Section Means.", "Class easy := easy_bound : 1 < 0.\nSection Means.",
        "not allowed: Class",
    ),
    Edit(
        "an axiom of the library that is not allowed", "Examples.v", _REACHABLE,
        "From Coq Require ProofIrrelevance.\n" + _REACHABLE
        + "  assert (Hsame := ProofIrrelevance.proof_irrelevance True I I).\n",
        "uses ProofIrrelevance.proof_irrelevance",
    ),
    Edit(
        "no proof", "Examples.v", "Proof. intros Hn. apply geometric_mean_high_probability; "
        "[assumption|apply coin_upper_bounded]. Qed.",
        "Proof. Admitted.", "a statement without proof: Admitted", quick=True,
    ),
    # definitions that mean something else
    Edit(
        "C/2 in the bound", "GeometricMean.v",
        "path_mean (fun past _ => U past) h - exp (- C) * path_geometric_mean",
        "path_mean (fun past _ => U past) h - exp (- (C / 2)) * path_geometric_mean",
        "GeometricMean.v: does not compile",
    ),
    Edit(
        "a law whose weights need not sum to one", "Process.v",
        "(forall w o, In (w, o) law -> 0 <= w) /\\ weighted_sum law (fun _ => 1) = 1.",
        "(forall w o, In (w, o) law -> 0 <= w) /\\ weighted_sum law (fun _ => 1) <= 1.",
        "Process.v: does not compile",
    ),
    Edit(
        "nothing is reachable", "Process.v",
        "reachable P h -> In (w, o) (kernel P h) -> 0 < w -> reachable P (o :: h).",
        "reachable P h -> In (w, o) (kernel P h) -> 1 < w -> reachable P (o :: h).",
        "Process.v: does not compile",
    ),
    Edit(
        "every probability is 0", "Process.v", "  expectation P n (fun h => indicator (E h)).",
        "  0 * expectation P n (fun h => indicator (E h)).", "Process.v: does not compile",
    ),
    Edit(
        "a stronger premise inside a definition", "LowerSide.v",
        "forall past o, reachable P (o :: past) -> L past <= X past o.",
        "forall past o, reachable P (o :: past) -> L past + 1 <= X past o.",
        "lower_bounded: the definition is not the one pinned",
    ),
    Edit(
        "another example", "Examples.v", "match past with true :: _ => 3 / 2 | _ => 1 end.",
        "match past with true :: _ => 5 / 2 | _ => 1 end.", "coin_upper: the definition is not the one pinned",
        quick=True,
    ),
    # rows and pins
    Edit(
        "a theorem renamed", "Martingale.v", "Theorem ville_inequality M c n", "Theorem ville M c n",
        "Martingale.ville_inequality: not there",
    ),
    Edit(
        "a row that points elsewhere", "theorems.tsv", "geometric_mean\tGenbound.GeometricMean.geometric_mean_high_prob"
        "ability\t", "geometric_mean\tGenbound.GeometricMean.wealth_supermartingale\t", "theorems.tsv has it for",
    ),
    # ways around the kernel and the reader
    Edit(
        "guard checking off", "Process.v", "Section FiniteLaws.", "Unset Guard Checking.\nSection FiniteLaws.",
        "not allowed: Unset Guard Checking",
    ),
    Edit(
        "a notation that shadows", "GeometricMean.v", "Section GeometricMean.",
        'Notation "x <= y" := (x <= y + 1) : R_scope.\nSection GeometricMean.', "not allowed: Notation",
    ),
    Edit(
        "a definition that shadows", "GeometricMean.v", "Section GeometricMean.",
        "Definition exp (x : R) : R := 1.\nSection GeometricMean.", "a second meaning for a standard name: exp",
    ),
)  # fmt: skip


def hunt(proofs: Path, build: Path, check: Callable[..., Any], say: Callable[[str], None],
         edits: Iterable[Edit] = EDITS) -> tuple[int, list[str]]:  # fmt: skip
    """How many of the edits were found, and the names of those that were not."""
    caught, missed = 0, []
    for edit in edits:
        found = attempt(edit, proofs, build, check)
        hit = [message for message in found if edit.expected in message]
        caught += bool(hit)
        if hit:
            say(f"caught  {edit.name}: {' '.join(hit[0].split())[:160]}")
        else:
            missed.append(edit.name)
            say(f"MISSED  {edit.name}: expected {edit.expected!r}, found {found or 'nothing'}")
    return caught, missed


def attempt(edit: Edit, proofs: Path, build: Path, check: Callable[..., Any]) -> list[str]:
    """What the checker says of a copy with this edit; an edit that does not apply says nothing."""
    text = (proofs / edit.file).read_text(encoding="utf-8")
    if text.count(edit.old) != 1:
        return []
    with tempfile.TemporaryDirectory() as folder:
        copy, compiled = Path(folder) / "proofs", Path(folder) / "build"
        copy.mkdir()
        compiled.mkdir()
        for path in (*proofs.glob("*.v"), proofs / "theorems.tsv", proofs / "statements.txt"):
            shutil.copy(path, copy)
        for path in (*build.glob("*.vo"), *build.glob("*.key")):
            shutil.copy(path, compiled)
        (copy / edit.file).write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        changed = None if edit.file == "statements.txt" else {Path(edit.file).stem}
        report = check(copy, compiled, changed=changed, first=True)
        return list(report.wrong.values())
