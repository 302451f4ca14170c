"""`genbound check MODULE:FUNCTION`: every applicable check on a bound somebody else wrote."""

from __future__ import annotations

import difflib
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.text import Text

from genbound.cli.claims import UNDECIDED, WRONG
from genbound.cli.common import console, errors, write_json
from genbound.errors import DataError, DomainError, GenboundError

SCHEMA = "genbound/check/1"


def command(
    function: Annotated[str | None, typer.Argument(metavar="MODULE:FUNCTION", help="Where the bound is.")] = None,
    dependence: Annotated[
        str, typer.Option(help="Losses it is claimed for: iid, independent, constant_mean or adapted.")
    ] = "adapted",
    side: Annotated[str, typer.Option(help="upper or lower; a returned pair speaks for both.")] = "upper",
    anytime: Annotated[bool, typer.Option("--anytime", help="Claimed for all n at once.")] = False,
    many: Annotated[
        bool, typer.Option("--many", help="It gets the losses of 16 predictors and returns a list of 16 values.")
    ] = False,
    ceiling: Annotated[float | None, typer.Option(help="The range [0, CEILING] it has built in.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Look much harder.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Behind every random choice.")] = 0,
    replay: Annotated[Path | None, typer.Option(help="Replay the counterexamples of this --json FILE.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the report here.")] = None,
) -> None:
    """Try to refute a bound: a function of losses that returns a number, or a pair (lower, upper).

    It may ask by name for losses, predictions, ceiling, prediction_floor, prediction_ceiling, loss_floor,
    log_inv_delta and delta; the first parameter may have any name and gets the losses. Without a parameter `ceiling`
    and without --ceiling it is about losses in [0, 1]; without delta or log_inv_delta it is checked at every delta.
    It is called up to some 100,000 times.

    Exit code 0: supported, the evidence is printed; 1: refuted; 3: undecided; 2: it could not be checked. A replay
    exits 1 when a counterexample still refutes the bound and 3 when none does: that alone is no support.
    """
    from genbound.checks.user import Report, check_bound
    from genbound.checks.verdict import DEEP, STANDARD, Status

    if replay is not None:
        _replay(replay, function)
        return
    if function is None:
        raise DomainError("function: need MODULE:FUNCTION (or --replay FILE)")
    options: dict[str, Any] = {"dependence": dependence, "side": side, "anytime": anytime, "many": many}
    budget = replace(DEEP if deep else STANDARD, seed=seed)
    bound = find(function)
    try:
        with errors.status("checking"):
            report: Report = check_bound(bound, **options, ceiling=ceiling, budget=budget)
    except KeyboardInterrupt:
        raise GenboundError("interrupted; nothing was decided, nothing is kept") from None
    report = replace(report, function=function)
    _print(report)
    write_json(json_file, {"schema": SCHEMA, **report.to_dict()})
    if report.status is not Status.SUPPORTED:
        raise typer.Exit(WRONG if report.refuted else UNDECIDED)


def find(name: str) -> Callable[..., Any]:
    """The function called `module:name`, looked for in the current folder first.

    Raises:
        DomainError: no such module, no such function, or not a function.
    """
    module_name, _, attribute = name.partition(":")
    if not (module_name and attribute):
        raise DomainError(f"function={name!r}: need MODULE:FUNCTION, such as bounds:my_bound for bounds.py")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise DomainError(f"function={name!r}: cannot import {module_name} ({said})") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=3)
            raise DomainError(f"function={name!r}: no {part} there{f' (near: {near})' if near else ''}")
        found = getattr(found, part)
    if not callable(found):
        raise DomainError(f"function={name!r}: need a function, not {type(found).__name__}")
    return cast("Callable[..., Any]", found)


def _replay(path: Path, function: str | None) -> None:
    """Print what each stored counterexample does to the function today; exit 1 when one still refutes it, else 3."""
    from genbound.checks.user import Report
    from genbound.checks.user import replay as again

    try:
        report = Report.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise error if isinstance(error, DataError) else DataError(f"{path}: not JSON ({error})") from error
    bound = find(function or report.function)
    if not report.counterexamples:
        raise DataError(f"{path}: no counterexample to replay, {report.function} was {report.status}")
    try:
        verdicts = [again(bound, old.witness, **asdict(report.question)) for old in report.counterexamples]
    except (KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path}: a counterexample is incomplete ({type(error).__name__}: {error})") from error
    for verdict in verdicts:
        _print(verdict)
    raise typer.Exit(WRONG if any(verdict.status == "REFUTED" for verdict in verdicts) else UNDECIDED)


def _print(said: object) -> None:
    """As it is: no markup, and `b:two:` is no picture."""
    console.print(Text(str(said)), highlight=False, soft_wrap=True)
