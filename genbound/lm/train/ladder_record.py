"""What is kept of a run of a ladder: its losses, its curve, the area above the final loss, and how fast it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genbound.lm.ladder.cells import Cell

SCHEMA = "genbound.ladders.training/2"
TIMED = ("tokens_per_second", "share_of_peak", "peak_flops")
"""The fields that differ from one run to the next of the same cell."""

PREQUENTIAL = (
    "sum over the tokens of (loss before the update that reads the token - loss_train), nats: the area of the"
    " pre-update loss above loss_train, the final model's mean loss on the same tokens; consecutive windows are of one"
    " document, which the model before the update has just read, so the area can be negative"
)
HELDOUT_AREA = (
    "area between heldout_curve (the loss of the model along the run on the same held-out windows) and its last value,"
    " by trapezoids, nats"
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
        "curve": curve, "heldout_curve": None, "heldout_area_nats": None, "heldout_area_definition": HELDOUT_AREA,
        **dict.fromkeys(TIMED),
        **fields,
    }  # fmt: skip


def trained(cell: Cell, folder: Path) -> dict[str, Any] | None:
    """The record of a cell's model in a folder; None where there is no whole model, or one of another cell."""
    try:
        record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(record, dict) and record.get("schema") == SCHEMA and (folder / "model.safetensors").is_file()
    if not whole or record_key(record) != cell.key:
        return None
    planned = {"parameters": cell.parameters, "tokens": cell.tokens, "vocab_size": cell.vocab_size}
    return record if planned.items() <= record.items() else None  # the plan may have changed since


def record_key(record: dict[str, Any]) -> tuple[Any, ...]:
    """`Cell.key` of a record, or of a row of results."""
    return tuple(record[name] for name in ("ladder", "name", "seed", "tokens_per_parameter"))
