"""`genbound derive`: the derivations of the theory, every step verified, and the mistakes they would catch."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from genbound.cli.claims import WRONG
from genbound.cli.common import console, progress_bars, write_json
from genbound.errors import domain_error

if TYPE_CHECKING:
    from genbound.derivations import Derivation
    from genbound.derivations.refuting.refute import Refutation

SCHEMA = "genbound/derivations/1"


def command(
    name: Annotated[str | None, typer.Argument(help="A derivation; none: list them.")] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX; with --all a whole document.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Verify every derivation and refute every planted mistake.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")] = None,
) -> None:
    """The derivation of a formula, line by line, with the reason of every step; each step is verified first.

    A step is verified by symbolic identity, by an inequality proved on its whole domain in ball arithmetic, or by a
    symbolic limit; never by trying numbers. Ville's inequality, the union, a draw and the change of measure are rules
    whose premises are checked. With --all every derivation is verified and every planted mistake must
    fail at the step that was spoiled, with a counterexample.

    Exit code 0: all was verified, and every mistake refuted; 1 otherwise.
    """
    if every:
        _all(latex, json_file)
    elif name is None:
        _list(json_file)
    else:
        _one(name, latex, json_file)


def _chosen(name: str) -> Derivation:
    """The derivation of that name; DomainError lists the near ones."""
    import difflib

    from genbound.derivations import DERIVATIONS

    if name not in DERIVATIONS:
        near = difflib.get_close_matches(name, DERIVATIONS, n=3, cutoff=0.4)
        raise domain_error("derivation", name, f"a derivation{f' (near: {near})' if near else ''}", "name")
    return DERIVATIONS[name]


def _list(json_file: Path | None) -> None:
    from genbound.derivations import DERIVATIONS
    from genbound.report.derivations import entry_lines

    for derivation in DERIVATIONS.values():
        for each in entry_lines(derivation):
            _say(each)
    _say(f"\n{len(DERIVATIONS)} derivations; `genbound derive NAME` shows one, `--all` verifies all")
    records = [_record(each, None) for each in DERIVATIONS.values()]
    write_json(json_file, {"schema": SCHEMA, "derivations": records, "mistakes": []})


def _one(name: str, latex: bool, json_file: Path | None) -> None:
    from genbound.report.derivations import chain_lines

    derivation = _chosen(name)
    _, error = _verified(derivation)
    if latex:
        from genbound.report.appendix import chain_latex

        _say(chain_latex(derivation))
    else:
        for each in chain_lines(derivation) if not error else [f"{name}: {derivation.title}"]:
            _say(each)
        count = len(derivation.steps)
        _say(f"  NOT VERIFIED: {error}" if error else f"  verified: {count} step{'s' if count > 1 else ''}")
    write_json(json_file, {"schema": SCHEMA, "derivations": [_record(derivation, error)], "mistakes": []})
    if error:
        raise typer.Exit(WRONG)


def _all(latex: bool, json_file: Path | None) -> None:
    from genbound.derivations import DERIVATIONS
    from genbound.derivations.mistakes import planted
    from genbound.derivations.refuting.refute import refute
    from genbound.report.derivations import ACCOUNT_HEAD, account_line, mistake_lines

    records: list[dict[str, Any]] = []
    failed = steps = 0
    found: list[Refutation] = []
    if not latex:
        _say(ACCOUNT_HEAD)
    with progress_bars() as progress:
        for done, derivation in enumerate(DERIVATIONS.values(), 1):
            seconds, error = _verified(derivation)
            records.append(_record(derivation, error))
            failed, steps = failed + bool(error), steps + (0 if error else len(derivation.steps))
            if not latex:
                _say(account_line(derivation, seconds, error))
            progress("derivations", done, len(DERIVATIONS))
        mistakes = planted()
        for done, mistake in enumerate(mistakes, 1):
            found.append(refute(mistake))
            progress("planted mistakes", done, len(mistakes))
    refuted = sum(each.refuted for each in found)
    if latex:
        from genbound.report.appendix import document

        _say(document(tuple(found)))
    else:
        _say(f"\nPlanted mistakes: {refuted} of {len(found)} refuted at the step that was spoiled\n")
        for each in found:
            for text in mistake_lines(each):
                _say(text)
        missing = f", {failed} derivations NOT VERIFIED" if failed else ""
        unnoticed = f", {len(found) - refuted} NOT REFUTED" if refuted < len(found) else ""
        _say(f"\n{len(DERIVATIONS) - failed} derivations, {steps} steps verified{missing}; "
             f"{refuted} planted mistakes refuted{unnoticed}")  # fmt: skip
    write_json(json_file, {"schema": SCHEMA, "derivations": records, "mistakes": list(map(_told, found))})
    if failed or refuted < len(found):
        raise typer.Exit(WRONG)


def _verified(derivation: Derivation) -> tuple[float, str]:
    """(seconds, what is not verified)."""
    from genbound.derivations.rules import UnverifiedError

    began = time.perf_counter()
    try:
        derivation.verified()
    except UnverifiedError as error:
        return time.perf_counter() - began, " ".join(str(error).split())
    return time.perf_counter() - began, ""


def _record(derivation: Derivation, error: str | None) -> dict[str, Any]:
    """What the JSON says of a derivation; without an `error`, not even an empty one, it was not verified now."""
    return {
        "name": derivation.claim,
        "title": derivation.title,
        "start": str(derivation.start),
        "steps": [
            {"relation": step.relation, "after": str(step.after), "reason": step.reason.words()}
            for step in derivation.steps
        ],
        "verified": None if error is None else not error,
        "error": error or None,
    }


def _told(found: Refutation) -> dict[str, Any]:
    return {
        "derivation": found.mistake.derivation,
        "step": found.mistake.step,
        "name": found.mistake.name,
        "mistake": found.mistake.mistake,
        "refuted": found.refuted,
        "failed_at": found.step,
        "message": found.message,
        "counterexample": str(found.counterexample) if found.counterexample else None,
    }


def _say(text: str) -> None:
    console.print(Text(text), highlight=False, soft_wrap=True)
