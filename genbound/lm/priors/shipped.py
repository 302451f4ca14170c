"""The shipped priors: where they are, and how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import GPTNeoXForCausalLM

from genbound.errors import ModelError
from genbound.files import file_sha256
from genbound.lm.corpora import web
from genbound.lm.ladder.network import load_model
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.train import plain
from genbound.lm.windows import Windows

FOLDER = Path(__file__).parent / "models"


def make(name: str, folder: Path) -> dict[str, Any]:
    """Train the prior of a ladder architecture: one pass over the corpus; returns its record.

    Raises:
        MissingExtraError, DataError: as `web.stream`.
    """
    recipe = RECIPES[name]
    trained = plain.train(recipe, Windows(web.stream(), recipe.context), seed=recipe.seed)
    trained.record.update(corpus=f"{web.PACKAGE}=={web.VERSION}", text_sha256=web.TEXT_SHA256)
    trained.save(folder)
    return trained.record


def prior_names() -> tuple[str, ...]:
    """Names of the shipped priors, smallest first: those of the ladder's models with the same architecture.

    >>> set(prior_names()) <= set(RECIPES)
    True
    """
    return tuple(name for name in RECIPES if (FOLDER / name / "training.json").is_file())


def path(name: str) -> Path:
    """The folder of a shipped prior: config.json, model.safetensors, training.json.

    Raises:
        ModelError: no such prior is shipped.
    """
    if name not in prior_names():
        raise ModelError(f"prior {name!r}: need one of {', '.join(prior_names())}")
    return FOLDER / name


def load(name: str) -> tuple[GPTNeoXForCausalLM, dict[str, Any]]:
    """A shipped prior, in evaluation mode and float32, and its training record.

    Raises:
        ModelError: no such prior is shipped.
    """
    folder = path(name)
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return load_model(folder), {**record, "sha256": file_sha256(folder / "model.safetensors")}
