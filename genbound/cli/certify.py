"""`genbound certify MODEL --data DATA -o DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbound.cli.common import console, need_lm, parse_numbers, progress_bars, write_json
from genbound.errors import DomainError

_CODE = (
    "How the model is described: rtn, gptq, ldlq, e8, kmeans, lora, sublora, kronecker, monarch, variational, prefix, "
    "requential; several with commas between; or auto."
)


def command(
    model: Annotated[str, typer.Argument(help="Folder, hub id, GGUF file, ladder:NAME or prior:NAME.")],
    data: Annotated[str, typer.Option("--data", help="Its training tokens: file, folder, datasets:NAME, ladder:NAME.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the certificate.")],
    heldout: Annotated[str | None, typer.Option(help="Held-out data, for the yardstick.")] = None,
    delta: Annotated[float, typer.Option(help="Failure probability of each printed bound.")] = 0.01,
    code: Annotated[str, typer.Option(help=_CODE)] = "ldlq",
    rates: Annotated[str, typer.Option(help="Bits per weight the quantizers try, .5 to 12.")] = "2,3,4,6,8",
    search: Annotated[int, typer.Option(help="Files coded in search of the best rates between them.")] = 0,
    tune: Annotated[int, typer.Option(help="Passes that tune the quantizers' integers.")] = 0,
    epochs: Annotated[int, typer.Option(help="Passes of what is trained.")] = 8,
    centred: Annotated[bool, typer.Option("--centred", help="MODEL, made without DATA, is the prior mean.")] = False,
    minutes: Annotated[float, typer.Option(help="What auto may take, about.")] = 30.0,
    prefix: Annotated[float, typer.Option(help="Share of DATA that prefix is trained on.")] = 0.5,
    context: Annotated[int | None, typer.Option(help="Tokens per window [default: the model's, at most 1024].")] = None,
    lead: Annotated[int, typer.Option(help="Of these, tokens read ahead and not predicted.")] = 0,
    windows: Annotated[str, typer.Option(help="Windows to sample: a number, all or auto.")] = "auto",
    pilot: Annotated[int, typer.Option(help="Windows that choose code, rate and alpha.")] = 128,
    calibration: Annotated[int, typer.Option(help="Windows that calibrate the quantizers.")] = 128,
    population: Annotated[int | None, typer.Option(help="DATA is a uniform sample of that many tokens.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Use the first that many tokens of DATA.")] = None,
    heldout_tokens: Annotated[int | None, typer.Option(help="Use the first that many held-out tokens.")] = None,
    field: Annotated[str | None, typer.Option(help="Field of .jsonl or column of .parquet data.")] = None,
    token_dtype: Annotated[str | None, typer.Option(help="uint16 or uint32, for .bin data.")] = None,
    gguf_file: Annotated[str | None, typer.Option(help="The GGUF file inside MODEL.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every draw; fixed beforehand.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan with time and memory.")] = False,
    json: Annotated[Path | None, typer.Option(help="Also write the certificate here.")] = None,
) -> None:  # fmt: skip
    """Certify a causal language model on the tokens it was trained on.

    Describes the model in as few nats as it can, reads it back from that description, measures what was read, and
    prints what can be proved about its risk. A killed run continues where it stopped.

    The quantizers rtn, gptq, ldlq, e8 and kmeans code the model's own weights. lora, sublora, kronecker, monarch,
    variational and requential are trained on DATA in the model's architecture. prefix is trained on the first part of
    DATA and certified on the rest: its bounds are about other tokens. auto tries what --minutes allow; the choice is
    paid.
    """
    need_lm()
    from genbound.certificate.settings import Settings
    from genbound.lm.certify import certify
    from genbound.lm.plan import plan
    from genbound.lm.workers import Workers
    from genbound.report.tables import certificate_tables, plan_table

    settings = Settings(
        delta=delta, rates=parse_numbers(rates, "rates"), code=tuple(code.split(",")), search=search, tune=tune,
        epochs=epochs, centred=centred, minutes=minutes, prefix=prefix, context=context, lead=lead,
        windows=_windows(windows), pilot=pilot, calibration=calibration, seed=seed, population=population,
        max_tokens=max_tokens, heldout_tokens=heldout_tokens, dtype=dtype,
    )  # fmt: skip
    inputs = {"heldout": heldout, "device": device, "field": field, "token_dtype": token_dtype, "gguf_file": gguf_file}
    if dry_run:
        with progress_bars() as progress:
            planned = plan(model, data, settings=settings, progress=progress, **inputs)
        console.print(plan_table(planned))
        write_json(json, planned.to_dict())
        return
    with progress_bars() as progress:
        certificate = certify(model, data, out, settings=settings, progress=progress, **inputs)
    if Workers.from_environment().leads:
        for part in certificate_tables(certificate):
            console.print(part)
        console.print(f"certificate: {out}", highlight=False, markup=False, soft_wrap=True)
        write_json(json, certificate.to_dict())


def _windows(text: str) -> int | None:
    if text in ("auto", "all"):
        return None if text == "auto" else 0
    if not text.isdecimal() or int(text) < 2:
        raise DomainError(f"windows={text!r}: need a number of at least 2, `all` or `auto` (windows to sample)")
    return int(text)
