"""`genbound claims`: every statement of the theory, and how strongly each is supported and by what."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from genbound.cli.common import console, progress_bars, write_json
from genbound.errors import GenboundError

if TYPE_CHECKING:
    from genbound.checks.evidence import Evidence
    from genbound.checks.run import Hunt
    from genbound.checks.verdict import Verdict
    from genbound.claims.card import Claim, Engine

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

SCHEMA = "genbound/claims/1"
WRONG = 1
"""Exit code when a claim is refuted or a planted error is not found."""
UNDECIDED = 3
"""Exit code when nothing is refuted but a claim stays below its minimum evidence."""

Json = Annotated[Path | None, typer.Option("--json", help="Also write the result to this file.")]
Names = Annotated[list[str] | None, typer.Argument(help="Claims, as `genbound claims list` names them; none: all.")]


@app.callback()
def command(context: typer.Context) -> None:
    """Without a further command: the evidence table."""
    if context.invoked_subcommand is None:
        list_claims()


@app.command("list")
def list_claims(json_file: Json = None) -> None:
    """The evidence table, from the stored evidence."""
    from genbound.checks.evidence import load

    _report(_described(load(), list(_every().values())), json_file)


@app.command("status")
def status(names: Names = None, json_file: Json = None) -> None:
    """What each check says of each claim, and why.

    Read from the stored evidence; where the code has changed since, the evidence is stale and reads UNDECIDED.
    """
    from genbound.checks.evidence import load

    records = _described(load(), _chosen(names))
    for record in records:
        meets = "at its minimum" if record["meets_minimum"] else "BELOW its minimum"
        console.print(Text(f"{record['name']} ({meets})", style="bold"))
        _print_evidence(record)
    write_json(json_file, {"schema": SCHEMA, "claims": records})


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A claim.")]) -> None:
    """One claim whole.

    Its statement, formula, assumptions, sources, functions, Coq theorems, what it rests on, its evidence and its
    planted errors.
    """
    from genbound.checks.evidence import load
    from genbound.claims.registry import claim

    card = claim(name.partition("!")[0])
    (record,) = _described(load(), [card])
    console.print(Text(f"{card.name} ({card.kind})", style="bold"))
    _print_lines("", card.statement.splitlines())
    _print_lines("formula", _formula(card))
    _print_lines("assumes", card.assumes)
    _print_lines("sources", map(str, card.sources))
    _print_lines("note", [card.note] if card.note else [])
    _print_lines("functions", _functions(card))
    _print_lines("formal", _formal(card))
    if card.uses:
        console.print(_graph(card, Tree("rests on")))
    console.print("evidence" + (f", minimum: {', '.join(sorted(card.minimum))}" if card.minimum else ""))
    _print_evidence(record)


@app.command("check")
def check(
    names: Names = None,
    engine: Annotated[list[str] | None, typer.Option(help="Only this way of checking; may be repeated.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Look much harder (hours instead of minutes).")] = False,
    store: Annotated[bool, typer.Option("--store", help="Keep the verdicts in the package's evidence store.")] = False,
    workers: Annotated[int, typer.Option(help="Processes; the verdicts do not depend on it.")] = os.cpu_count() or 1,
    seed: Annotated[int, typer.Option(min=0, help="Behind every random choice.")] = 0,
    json_file: Json = None,
) -> None:
    """Run the checks and look for the planted errors.

    An engine that does not pass a claim cannot find its planted errors.

    Exit code 0: every claim is at its minimum and every planted error was found; 1: a claim is refuted or a planted
    error survives; 3: neither, but a claim stays below its minimum. With --engine only what was asked for is judged.
    """
    from dataclasses import replace

    from genbound.checks.evidence import Evidence, load, save
    from genbound.checks.run import engine_module, hunt, hunters, run
    from genbound.checks.verdict import DEEP, STANDARD, Status
    from genbound.claims.card import ENGINES

    for each in engine or ():
        engine_module(each)
    engines: tuple[Engine, ...] = tuple(each for each in ENGINES if not engine or each in engine)
    budget = replace(DEEP if deep else STANDARD, seed=seed)
    cards = _chosen(names)
    asked = [card.name for card in cards]
    try:
        with progress_bars() as progress:
            verdicts = run(asked, engines, budget, workers=workers, progress=progress)
            hunts = hunt(asked, verdicts, budget, workers=workers, progress=progress)
    except KeyboardInterrupt:
        raise GenboundError("interrupted; nothing was decided, nothing is stored") from None
    complete = {card.name for card in cards if set(hunters(card)) <= set(engines)}
    if store:  # engines that did not all look cannot take back what another one found
        kept = [each for each in hunts if each.refuted_by is not None or each.claim in complete]
        save(load().with_run(_every(), verdicts, kept, budget))
    _report(_described(Evidence().with_run(_every(), verdicts, hunts, budget), cards), json_file)
    missed = [each for each in hunts if each.refuted_by is None and each.claim in complete]
    refuted = [verdict for verdict in verdicts if verdict.status is Status.REFUTED]
    _print_lines("", [*map(str, refuted), *(f"{m.claim}!{m.error}: planted, {m.reason}" for m in missed)])
    if refuted or missed:
        raise typer.Exit(WRONG)
    passed = {(verdict.claim, verdict.engine) for verdict in verdicts if verdict.status.passes}
    wanted = {(card.name, each) for card in cards for each in card.minimum if each in engines}
    if wanted - passed:
        below = sorted(f"{name} ({each})" for name, each in wanted - passed)
        _print_lines("below the minimum", below)
        raise typer.Exit(UNDECIDED)


@app.command("cite")
def cite(names: Annotated[list[str], typer.Argument(help="Claims that were used.")]) -> None:
    """BibTeX of exactly what was used.

    The sources of these claims and of everything they rest on, and this library.
    """
    from genbound.claims.registry import cite as bibtex

    console.print(Text(bibtex(*names)), highlight=False, soft_wrap=True)


def _every() -> dict[str, Claim]:
    from genbound.claims.registry import claims

    return claims()


def _chosen(names: list[str] | None) -> list[Claim]:
    from genbound.claims.registry import claim

    return [claim(name.partition("!")[0]) for name in dict.fromkeys(names)] if names else list(_every().values())


def _described(evidence: Evidence, cards: list[Claim]) -> list[dict[str, Any]]:
    """The JSON records of some claims."""
    from genbound.checks.evidence import meets_minimum

    def described(card: Claim) -> dict[str, Any]:
        verdicts: list[Verdict] = evidence.status(card)
        planted: list[Hunt] = evidence.planted(card)
        return {
            "name": card.name,
            "kind": card.kind,
            "evidence": [
                {"engine": v.engine, "status": str(v.status), "reason": v.reason, "cases": v.cases,
                 "effective": v.effective, "error_budget": v.error_budget, "seed": v.seed} for v in verdicts
            ],
            "minimum": sorted(card.minimum),
            "meets_minimum": meets_minimum(card, verdicts),
            "planted": [{"name": p.error, "refuted_by": p.refuted_by, "reason": p.reason} for p in planted],
        }  # fmt: skip

    return [described(card) for card in cards]


def _report(records: list[dict[str, Any]], json_file: Path | None) -> None:
    from genbound.claims.formal import formal
    from genbound.report.claims import Row, evidence_table

    rows = [
        Row(
            record["name"],
            {found["engine"]: found["status"] for found in record["evidence"]},
            sum(planted["refuted_by"] is not None for planted in record["planted"]),
            len(record["planted"]),
            record["meets_minimum"],
            bool(formal(record["name"]).constants),
        )
        for record in records
    ]
    console.print(evidence_table(rows))
    write_json(json_file, {"schema": SCHEMA, "claims": records})


def _print_lines(title: str, lines: Any) -> None:
    lines = list(lines)
    if title and lines:
        console.print(title)
    for line in lines:
        console.print(Text(f"  {line}"), highlight=False, soft_wrap=True)


def _print_evidence(record: dict[str, Any]) -> None:
    _print_lines("", [f"{found['engine']:<9}{found['status']:<15}{found['reason']}" for found in record["evidence"]])
    for planted in record["planted"]:
        found = planted["refuted_by"] or "NOT FOUND"
        _print_lines("", [f"planted  {planted['name']}: {found} ({planted['reason']})"])


def _formula(card: Claim) -> list[str]:
    from genbound.claims.card import Impossibility, Inequality, Rate, TailBound
    from genbound.report.notation import line

    if isinstance(card, Rate):
        law, leading = line(card.formula()), line(card.leading())
        return [law, *([] if law == leading else [f"~ {leading}, as {card.over} -> {card.to}"])]
    if isinstance(card, Inequality):
        left, right = (line(side) for side in card.sides())
        return [left, f"{card.relation} {right}"]
    if isinstance(card, TailBound | Impossibility) and card.formula is not None:
        return [line(card.formula())]
    return []


def _functions(card: Claim) -> list[str]:
    """Where the numeric functions are, with the first line of their documentation."""
    from genbound.claims.card import Impossibility, TailBound

    functions = card.bounds if isinstance(card, TailBound) else ()
    functions = (card.value,) if isinstance(card, Impossibility) else functions
    documented = [f for f in functions if inspect.getdoc(f)]
    lines = (f"{f.__module__}.{f.__qualname__}: {inspect.getdoc(f)}" for f in documented)
    return list(dict.fromkeys(line.splitlines()[0] for line in lines))


def _formal(card: Claim) -> list[str]:
    """Its Coq theorems, or why there is none."""
    from genbound.claims.formal import formal

    found = formal(card.name)
    return [f"Coq: {constant}" for constant in found.constants] or [str(found)]


def _graph(card: Claim, tree: Tree) -> Tree:
    from genbound.claims.registry import claim

    for name in card.uses:
        _graph(claim(name), tree.add(name))
    return tree
