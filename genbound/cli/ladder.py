"""`genbound ladder`: list the shipped models, or train them again from their recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from genbound.cli.common import console, need_lm, progress_bars, write_json
from genbound.errors import DomainError

app = typer.Typer(no_args_is_help=True)

Json = Annotated[Path | None, typer.Option("--json", help="Also write the records to this file.")]


@app.command("list")
def list_models(
    json_file: Json = None,
) -> None:
    """The shipped models: size, data and losses in nats per character."""
    need_lm()
    from genbound.lm.ladder.models import ladder_names, record

    records = [record(name) for name in ladder_names()]
    table = Table("model", "shape", box=None)
    for heading in ("parameters", "characters", "loss: training", "held-out", "pre-update"):
        table.add_column(heading, justify="right")
    for fields in records:
        recipe = fields["recipe"]
        table.add_row(
            fields["name"],
            f"{recipe['layers']} x {recipe['hidden_size']}",
            f"{fields['parameters']:,}",
            f"{fields['tokens']:,}",
            f"{fields['loss_train']:.4f}",
            f"{fields['loss_heldout']['all']:.4f}",
            f"{fields['loss_progressive']:.4f}",
        )
    console.print(table)
    write_json(json_file, records)


@app.command("train")
def train_models(
    name: Annotated[str | None, typer.Argument(help="Model of the ladder: 10k, 30k, 100k, 300k or 530k.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Train the whole ladder.")] = False,
    out: Annotated[Path, typer.Option("-o", "--out", help="Each model goes to a folder of its name here.")] = Path(
        "ladder"
    ),
    work: Annotated[Path, typer.Option("--work", help="Checkpoints and pre-update losses, to continue from.")] = Path(
        ".cache/ladder"
    ),
    resume: Annotated[bool, typer.Option("--resume/--restart", help="Continue a killed run.")] = True,
    json_file: Json = None,
) -> None:
    """Train models from their recipes, one pass each; a killed run continues where it was."""
    need_lm()
    from genbound.lm.ladder.recipes import RECIPES
    from genbound.lm.ladder.train import train

    if every == (name is not None):
        raise DomainError(f"ladder train: need one of {', '.join(RECIPES)}, or --all")
    if name is not None and name not in RECIPES:
        raise DomainError(f"ladder model {name!r}: need one of {', '.join(RECIPES)}")
    records: list[dict[str, Any]] = []
    for chosen in RECIPES if name is None else (name,):
        with progress_bars() as report:
            fields = train(
                RECIPES[chosen],
                out / chosen,
                work=work / chosen,
                progress=lambda step, done, total, label=chosen: report(f"{step} {label}", done, total),
                resume=resume,
            )
        console.print(
            f"{chosen}: {fields['parameters']:,} parameters, {fields['tokens']:,} characters, "
            f"{fields['loss_train']:.4f} nats per character on them, "
            f"{fields['loss_heldout']['all']:.4f} held out -> {out / chosen}",
            highlight=False,
            soft_wrap=True,
        )
        records.append(fields)
    write_json(json_file, records)
