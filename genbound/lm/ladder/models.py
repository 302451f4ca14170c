"""The shipped models of the ladder: where they are, and their records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import GPTNeoXForCausalLM

from genbound.errors import ModelError
from genbound.lm.ladder.network import count_parameters, load_model
from genbound.lm.ladder.recipes import RECIPES

SHIPPED = Path(__file__).parent / "shipped"


def ladder_names() -> tuple[str, ...]:
    """Names of the shipped models, smallest first.

    >>> ladder_names()
    ('10k', '30k', '100k', '300k', '530k')
    """
    return tuple(name for name in RECIPES if (SHIPPED / name / "training.json").is_file())


def path(name: str) -> Path:
    """The folder of a shipped model: config.json, model.safetensors, training.json, progressive.npz.

    Raises:
        ModelError: no such model is shipped.
    """
    if name not in ladder_names():
        raise ModelError(f"ladder model {name!r}: need one of {', '.join(ladder_names())}")
    return SHIPPED / name


def record(name: str) -> dict[str, Any]:
    """The training record of a shipped model (see `genbound.lm.ladder.train`).

    Raises:
        ModelError: no such model is shipped.
    """
    return json.loads((path(name) / "training.json").read_text(encoding="utf-8"))


def load(name: str) -> tuple[GPTNeoXForCausalLM, dict[str, Any]]:
    """A shipped model, in evaluation mode and float32, and its training record.

    Raises:
        ModelError: no such model is shipped, or its weights are not those of the record.
    """
    fields = record(name)
    model = load_model(path(name))
    found = count_parameters(model)
    if found != fields["parameters"]:
        raise ModelError(f"{name}: {found} parameters, the record says {fields['parameters']}")
    return model, fields
