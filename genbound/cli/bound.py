"""`genbound bound LOSSES.npy`: the bounds from arrays alone, without torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile

import numpy as np
import typer

from genbound.cli.common import console, write_json
from genbound.errors import DataError, domain_error


def command(
    losses: Annotated[Path, typer.Argument(help="X: losses in nats, a .npy array, one value per token.")],
    ceiling: Annotated[float, typer.Option(help="B: no loss can exceed it, whatever the data (nats).")],
    code_bits: Annotated[float, typer.Option(help="L: prefix-free code length, bits (0: fixed beforehand).")] = 0.0,
    predictions: Annotated[Path | None, typer.Option(help="Y: centres known before each token, .npy.")] = None,
    prediction_floor: Annotated[float, typer.Option(help="No Y can be below this (nats).")] = 0.0,
    delta: Annotated[float, typer.Option(help="Failure probability of each bound.")] = 0.01,
    json: Annotated[Path | None, typer.Option(help="Also write the result here.")] = None,
) -> None:  # fmt: skip
    """Compute azuma_hoeffding, empirical_freedman, geometric_mean and the floor from loss arrays.

    The losses must be those of one predictor out of a prefix-free family (L bits), in the order of the stream, and
    bounded by --ceiling beforehand: smooth them first, never take their own maximum.
    """
    from genbound.complexity.codes import Ledger, code_nats, log_inv_delta
    from genbound.concentration import azuma_hoeffding, empirical_freedman, floor, geometric_mean
    from genbound.report.tables import arrays_table

    for name, value in (("ceiling", ceiling), ("code_bits", code_bits), ("prediction_floor", prediction_floor)):
        if not math.isfinite(value):
            raise domain_error(name, value, "a finite number", "bits" if name == "code_bits" else "nats")
    x = read_vector(losses, "losses")
    y = None if predictions is None else read_vector(predictions, "predictions")
    ledger = Ledger().pay("code of the model", code_nats(code_bits), f"{code_bits:g} bits")
    ledger = ledger.pay("failure probability", log_inv_delta(delta), f"delta = {delta:g}")
    cost: dict[str, Any] = {"ceiling": ceiling, "log_inv_delta": ledger.total()}
    centred = {**cost, "prediction_floor": prediction_floor}
    results = [
        azuma_hoeffding(x, **cost),
        empirical_freedman(x, y, **centred),
        geometric_mean(x, y, **centred),
        floor(x, **cost),
    ]
    console.print(arrays_table(results, n=x.size, ceiling=ceiling, delta=delta, code_bits=code_bits))
    write_json(
        json,
        {
            "schema": "genbound/bound/1",
            "n_tokens": int(x.size),
            "ceiling": ceiling,
            "prediction_floor": prediction_floor,
            "delta": delta,
            "code_bits": code_bits,
            "ledger": ledger.to_dict(),
            "bounds": {result.name: result.to_dict() for result in results},
        },
    )


def read_vector(path: Path, name: str) -> np.ndarray:
    """A numeric .npy array, memory-mapped and flattened in C order; refused unless it is plain numbers."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file ({name})") from error
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: not a .npy array of numbers ({error})") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise DataError(f"{path}: need a .npy array of real numbers ({name})")
    if array.size == 0:
        raise DataError(f"{path}: no values ({name})")
    return array.reshape(-1)
