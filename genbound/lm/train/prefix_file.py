"""The bytes of a prefix model: a checked header and plain float32 weights; trusted in nothing when read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from genbound.errors import CodeFormatError, DomainError
from genbound.files import canonical_json
from genbound.lm.codec import architecture
from genbound.lm.ladder.recipes import Recipe
from genbound.lm.train import sealed
from genbound.lm.train.ema import GAMMAS

MAGIC = b"gBp1"
MODEL_TYPE = "gpt_neox"
LIMIT = 2**40
HEADER_LIMIT = 1 << 16
FILE_LIMIT = 4 * architecture.PARAMETER_LIMIT + HEADER_LIMIT + 64
RUN = ("recipe", "epochs", "seed", "gamma", "context", "stream_sha256", "versions")
"""What of a run's identity stands in the file."""


def payload(model: nn.Module) -> bytes:
    """All parameters in order, float32, little-endian."""
    return b"".join(value.detach().numpy().astype("<f4").tobytes() for value in model.parameters())


def write(path: Path, model: nn.Module, header: dict[str, Any]) -> None:
    """Write header and weights, whole or not at all."""
    config = architecture.describe(model)[1]
    head = canonical_json({**header, "config": config}).encode()
    sealed.write(path, MAGIC, head, payload(model))


def read(path: Path) -> tuple[dict[str, Any], Any]:
    """The header, every field of it checked, and the model.

    Raises:
        CodeFormatError: truncated, edited, or nothing `write` could have written.
    """
    text, data, end = sealed.read(path, MAGIC, "prefix model", limit=FILE_LIMIT, header_limit=HEADER_LIMIT)
    header = _header(path.name, text)
    layout = architecture.layout(MODEL_TYPE, header["config"])
    if len(data) - end != 4 * layout.parameters:
        raise CodeFormatError(f"{path.name}: {len(data) - end} bytes of weights, need {4 * layout.parameters}")
    weights = np.frombuffer(data, dtype="<f4", offset=end)
    if not np.isfinite(weights).all():
        raise CodeFormatError(f"{path.name}: weights that are not finite")
    model: Any = architecture.build(MODEL_TYPE, header["config"])
    model.config.initializer_range = header["init_std"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(weights[: parameter.numel()].copy()).view_as(parameter))
            weights = weights[parameter.numel() :]
    return header, model


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _recipe(value: Any) -> bool:
    try:
        return Recipe.from_dict(value).to_dict() == value
    except (TypeError, AttributeError, DomainError):
        return False


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= 16 and all(isinstance(v, str) for v in value.values())


def _choices(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= 16 and all(map(_whole(1, LIMIT), value.values()))


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "prefix": _whole(1, LIMIT),
    "averaged": lambda value: isinstance(value, bool),
    "choices": _choices,
    "init_std": lambda value: isinstance(value, float) and math.isfinite(value) and value >= 0,
    "recipe": _recipe,
    "epochs": _whole(1, LIMIT),
    "seed": _whole(0, 2**63 - 1),
    "gamma": lambda value: value in GAMMAS,
    "context": _whole(1, LIMIT),
    "stream_sha256": lambda value: isinstance(value, str) and len(value) == 64,
    "versions": _texts,
    "config": lambda value: isinstance(value, dict),
}


def _header(name: str, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodeFormatError(f"{name}: a header that is no JSON") from error
    if not isinstance(header, dict) or set(header) != set(_FIELDS):
        raise CodeFormatError(f"{name}: need a header of {', '.join(sorted(_FIELDS))}")
    for key, check in _FIELDS.items():
        if not check(header[key]):
            raise CodeFormatError(f"{name}: {key} is nothing a prefix model has")
    if header["prefix"] % header["context"]:
        raise CodeFormatError(f"{name}: prefix={header['prefix']}, need a multiple of {header['context']}")
    return header
