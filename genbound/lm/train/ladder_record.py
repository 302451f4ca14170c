"""What is kept of a run of a ladder: its losses, its curve, the area above the final loss, and how fast it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genbound.lm.ladder import models
from genbound.lm.ladder.cells import SOTU, Cell
from genbound.lm.ladder.recipes import TOKENS_PER_PARAMETER

SCHEMA = "genbound.ladders.training/1"
TIMED = ("tokens_per_second", "share_of_peak", "peak_flops")
"""The fields that differ from one run to the next of the same cell."""

PREQUENTIAL = (
    "sum over the tokens of (loss before the update that reads the token - loss_train), nats: the area of the"
    " pre-update loss above loss_train, the final model's mean loss on the same tokens"
)


def record_of(
    cell: Cell, losses: tuple[float, float, float], curve: list[list[float]], **fields: Any
) -> dict[str, Any]:
    """A record: the cell, what was measured, and `fields`.

    Args:
        cell: what was trained.
        losses: of the final model on its training tokens and on held-out ones, and the mean of the losses before the
            updates (progressive); nats per token.
        curve: [tokens seen, mean loss before the updates in the interval that ends there].
        fields: speed, and what fixes the run.
    """
    train, heldout, progressive = losses
    return {
        "schema": SCHEMA,
        "ladder": cell.ladder, "name": cell.name, "seed": cell.seed, "vocab_size": cell.vocab_size,
        "parameters": cell.parameters, "tokens": cell.tokens, "tokens_per_parameter": cell.tokens_per_parameter,
        "context": cell.context, "device": "cpu", "precision": "float32",
        "loss_train": train, "loss_heldout": heldout, "loss_progressive": progressive,
        "prequential_nats": cell.tokens * (progressive - train), "prequential_definition": PREQUENTIAL,
        "curve": curve,
        **dict.fromkeys(TIMED),
        **fields,
    }  # fmt: skip


def is_shipped(cell: Cell) -> bool:
    """Whether the model of a cell is one of `genbound.lm.ladder.models`: it is copied and never trained again.

    >>> is_shipped(Cell("sotu", "30k")), is_shipped(Cell("sotu", "30k", 1)), is_shipped(Cell("sotu", "17k"))
    (True, False, False)
    """
    frontier = cell.tokens_per_parameter == TOKENS_PER_PARAMETER
    return cell.ladder == SOTU and cell.seed == 0 and frontier and cell.name in models.ladder_names()


def shipped_record(cell: Cell) -> dict[str, Any]:
    """The record of a shipped model: its curve has equal intervals, its speed was not kept."""
    fields = models.record(cell.name)
    losses = fields["loss_train"], fields["loss_heldout"]["all"], fields["loss_progressive"]
    curve = [[point["tokens"], point["loss"]] for point in fields["curve"]]
    kept = {name: fields[name] for name in ("steps", "recipe", "versions")}
    return record_of(cell, losses, curve, stream_sha256=fields["stream"]["sha256"], **kept)


def trained(cell: Cell, folder: Path) -> dict[str, Any] | None:
    """The record of a cell's model in a folder; None where there is no whole model, or one of another cell."""
    try:
        record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(record, dict) and record.get("schema") == SCHEMA and (folder / "model.safetensors").is_file()
    return record if whole and record_key(record) == cell.key else None


def record_key(record: dict[str, Any]) -> tuple[Any, ...]:
    """`Cell.key` of a record, or of a row of results."""
    return tuple(record[name] for name in ("ladder", "name", "seed", "tokens_per_parameter"))
