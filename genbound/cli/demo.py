"""`genbound demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genbound.cli.common import console, need_lm, progress_bars, write_json


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for certificates and the figure.")] = Path("demo"),
    full: Annotated[bool, typer.Option("--full", help="Read every training token and try every rate.")] = False,
    models: Annotated[str | None, typer.Option(help="Part of the ladder, e.g. 10k,30k.")] = None,
    delta: Annotated[float, typer.Option(help="Failure probability of each bound.")] = 0.01,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    figure: Annotated[bool, typer.Option(help="Draw the figure.")] = True,
    json: Annotated[Path | None, typer.Option(help="Also write the numbers here.")] = None,
) -> None:
    """Certify the shipped ladder on the stream it was trained on; print one table, draw one figure."""
    need_lm()
    from genbound.lm.demo import demo
    from genbound.lm.workers import Workers
    from genbound.report.tables import demo_table

    names = None if models is None else _names(models)
    with progress_bars() as progress:
        result = demo(
            out, full=full, names=names, delta=delta, device=device,
            progress=progress.named,
        )  # fmt: skip
    if not Workers.from_environment().leads:
        return
    for part in demo_table(result["models"]):
        console.print(part)
    write_json(json, result)
    if figure and len(result["models"]) > 1:
        _draw(result["models"], out / "ladder")
        console.print(f"figure: {out / 'ladder.png'}, and .pdf", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"certificates: {out}/<name>; check one with: genbound verify {out}/{result['models'][0]['name']}",
        markup=False,
        highlight=False,
    )


def _draw(models: list[dict[str, Any]], target: Path) -> None:
    from genbound.errors import MissingExtraError

    try:
        from genbound.report import style
        from genbound.report.figures import ladder_figure
    except ImportError as error:
        raise MissingExtraError("the figure needs matplotlib: pip install 'genbound[lm]'") from error
    style.save(ladder_figure(models), target)


def _names(text: str) -> list[str]:
    from genbound.errors import DomainError
    from genbound.lm.ladder.models import ladder_names

    names = text.split(",")
    for name in names:
        if name not in ladder_names():
            raise DomainError(f"models={name!r}: need some of {', '.join(ladder_names())}")
    return names
