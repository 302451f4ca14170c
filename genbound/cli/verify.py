"""`genbound verify DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbound.cli.common import BAD_INPUT, console, need_lm, progress_bars, write_json


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of a certificate.")],
    model: Annotated[str | None, typer.Option(help="Where the original model is now.")] = None,
    data: Annotated[str | None, typer.Option(help="Where the training tokens are now.")] = None,
    heldout: Annotated[str | None, typer.Option(help="Where the held-out data are now.")] = None,
    device: Annotated[str | None, typer.Option(help="Run here instead of where it was made.")] = None,
    tolerance: Annotated[float, typer.Option(help="Relative difference allowed in measured numbers.")] = 1e-5,
    retrain: Annotated[
        bool, typer.Option("--retrain/--trust", help="Make again what a file alone does not prove.")
    ] = True,
    json: Annotated[Path | None, typer.Option(help="Also write the result here.")] = None,
) -> None:
    """Read the model from its file, read the tokens again, recompute everything, and say which field differs.

    Draws, prefix models and transcripts are made again from the data, and must come out in the same bits; with
    --trust they are not, and the result says so.

    Exit code 0 when everything agrees, 2 when something differs.
    """
    need_lm()
    from genbound.lm.verify import verify
    from genbound.lm.workers import Workers

    with progress_bars() as progress:
        result = verify(
            folder, model=model, data=data, heldout=heldout, device=device, tolerance=tolerance, retrain=retrain,
            progress=progress,
        )  # fmt: skip
    if not Workers.from_environment().leads:
        return
    console.print(str(result), markup=False, highlight=False, soft_wrap=True)
    write_json(
        json,
        {
            "schema": "genbound/verification/1",
            "ok": result.ok,
            "fields": result.fields,
            "largest_relative_difference": result.largest,
            "taken_on_trust": list(result.trusted),
            "differences": [
                {"field": d.field, "recorded": d.recorded, "recomputed": d.recomputed, "reason": d.reason}
                for d in result.differences
            ],
        },
    )
    if not result.ok:
        raise typer.Exit(BAD_INPUT)
