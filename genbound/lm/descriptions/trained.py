"""Descriptions that are trained on the stream: how each trainer is called, and its file written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from genbound.errors import CodeFormatError
from genbound.lm.descriptions.described import Described
from genbound.lm.descriptions.task import Task

STRUCTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("enhanced_lora", {"rank": 4, "plain_embedding": True}),
    "sublora": ("sublora", {"rank": 8}),
    "kronecker": ("kronecker", {"rank": 8}),
    "monarch": ("monarch", {"rank": 2, "plain_embedding": True}),
}
"""The name here -> the structure in `genbound.lm.compress`, and its form; all of it stands in the file."""

RATE = 0.02
"""Peak learning rate of structured training."""

SUBSPACE = 4
"""A random subspace has one dimension for so many numbers of the structure."""


def write_structured(path: Path, task: Task, method: str) -> None:
    """Few numbers, trained from a random start that a seed gives, then quantized and coded."""
    from genbound.lm.codec.architecture import describe, layout
    from genbound.lm.compress import code, train
    from genbound.lm.compress.methods import METHODS, Form, Structure

    name, form = STRUCTURES[method]
    if METHODS[name].subspace:
        place = layout(*describe(task.subject.model))
        dimension = max(1, Structure(place, Form(name, dimension=1, **form)).pieces_total // SUBSPACE)
        form = {**form, "dimension": dimension}
    trained = train.train(
        task.config, task.subject.whole, method=name, epochs=task.settings.epochs, seed=task.settings.seed,
        learning_rate=RATE, work=task.work, progress=task.progress, **form,
    )  # fmt: skip
    code.write(path, trained)


def write_draw(path: Path, task: Task) -> None:
    """Gaussian weights trained for the bound, from the original model on; the file holds what gives the draw.

    The prior is centred on the original model where that was made without the data.
    """
    from genbound.lm.train import draw, gaussian

    model, centred = task.subject.model, task.settings.centred
    trained = gaussian.train(
        task.config, task.subject.whole, epochs=task.settings.epochs, seed=task.settings.seed, work=task.work,
        progress=task.progress, start=model, centre=dict(model.named_parameters()) if centred else None,
        plan=gaussian.CENTRED if centred else gaussian.PLAN,
    )  # fmt: skip
    draw.write(path, trained)


def read_draw(path: Path) -> Described:
    """The drawn model, its price, and the seed it was drawn with.

    Raises:
        CodeFormatError: as `draw.read`, or another number of draws than the one fixed beforehand.
    """
    from genbound.lm.train import draw, gaussian

    header = draw.parse(path)[1]
    if header["draws"] != gaussian.PLAN.draws:
        raise CodeFormatError(f"{path.name}: {header['draws']} draws, fixed beforehand are {gaussian.PLAN.draws}")
    return replace(draw.read(path), seed=header["seed"])


def write_prefix(path: Path, task: Task) -> None:
    """A model trained on the first tokens alone, certified on those after them."""
    from genbound.lm.train import prefix

    trained = prefix.train(
        task.config, task.subject.whole, prefix=task.subject.problem.before, epochs=task.settings.epochs,
        seed=task.settings.seed, work=task.work, progress=task.progress,
    )  # fmt: skip
    prefix.write(path, trained)


def write_transcript(path: Path, task: Task) -> None:
    """A student trained on what a teacher spoke; the file holds what was said, from which the student follows."""
    from genbound.lm.train import requential

    trained = requential.train(
        task.config, task.subject.whole, epochs=task.settings.epochs, seed=task.settings.seed, work=task.work,
        progress=task.progress,
    )  # fmt: skip
    requential.write(path, trained)
