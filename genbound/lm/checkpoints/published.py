"""Published models whose training data are known: which of their checkpoints to take, and which of them are here.

Of Pythia (arXiv 2304.01373) steps 0, 1, 2, 4, ..., 512 and then every 1000 up to 143000 were saved; a step reads 1024
sequences of 2048 tokens. On the compute-optimal frontier, at 20 tokens per parameter, the saved step nearest to it is
taken. Nothing is fetched: checkpoints are folders FOLDER/NAME/stepS with config.json and safetensors. Models of
another family are put there in the same form: where the tokens of a step are told, the nearest step is taken as well,
else there may be one only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from genbound.errors import DataError, ModelError, domain_error
from genbound.lm._oneline import one_line
from genbound.lm._quiet import quiet
from genbound.lm.ladder.recipes import TOKENS_PER_PARAMETER

TOKENS_PER_STEP = 1024 * 2048
SAVED_STEPS = (0, *(2**i for i in range(10)), *range(1000, 144_000, 1000))

_SHAPES = {
    "pythia-70m": (512, 6, 50_304),
    "pythia-160m": (768, 12, 50_304),
    "pythia-410m": (1024, 24, 50_304),
    "pythia-1b": (2048, 16, 50_304),
    "pythia-1.4b": (2048, 24, 50_304),
    "pythia-2.8b": (2560, 32, 50_304),
    "pythia-6.9b": (4096, 32, 50_432),
    "pythia-12b": (5120, 36, 50_688),
}
"""Hidden size, layers, and rows of the embedding and of the head (the vocabulary, padded)."""

_STEP = re.compile(r"step(0|[1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Checkpoint:
    """One saved state of a published model.

    Attributes:
        name: e.g. `pythia-70m`. step: S, updates made.
        parameters: N, embedding and head included; None where it was not asked for.
        tokens: read by then; None where it is not known.
    """

    name: str
    step: int
    parameters: int | None = None
    tokens: int | None = None

    @property
    def revision(self) -> str:
        """The name of the step: the revision on the Hub, and the folder here."""
        return f"step{self.step}"

    @property
    def tokens_per_parameter(self) -> float | None:
        """D/N; None where one of them is not known."""
        return self.tokens / self.parameters if self.parameters and self.tokens is not None else None

    def folder(self, root: Path) -> Path:
        """Where it is to be: FOLDER/NAME/stepS."""
        return root / self.name / self.revision


@dataclass(frozen=True)
class Local:
    """What a folder holds.

    Attributes:
        found: checkpoints that are there, with their folders: the listed ones by size, then others by name.
        missing: listed checkpoints that are not there, or without config.json or safetensors.
    """

    found: tuple[tuple[Checkpoint, Path], ...]
    missing: tuple[Checkpoint, ...]

    def __str__(self) -> str:
        lines = [f"{checkpoint.name}/{checkpoint.revision}: {path}" for checkpoint, path in self.found]
        return "\n".join(lines + [f"{checkpoint.name}/{checkpoint.revision}: missing" for checkpoint in self.missing])


def parameters(name: str) -> int:
    """N of a listed model: 2 V h + L (12 h^2 + 13 h) + 2 h, embedding and head apart.

    >>> parameters("pythia-70m"), parameters("pythia-12b")
    (70426624, 11846072320)

    Raises:
        DomainError: no such model is listed.
    """
    if name not in _SHAPES:
        raise domain_error("name", name, f"one of {', '.join(_SHAPES)}", "published model")
    h, layers, rows = _SHAPES[name]
    return 2 * rows * h + layers * (12 * h * h + 13 * h) + 2 * h


def nearest_step(tokens: float) -> int:
    """The saved step whose tokens are nearest to this many.

    >>> nearest_step(20 * 70_426_624), nearest_step(20 * 1_011_781_632)
    (512, 10000)

    Raises:
        DomainError: no positive number of tokens.
    """
    if not 0 < tokens < float("inf"):
        raise domain_error("tokens", tokens, "0 < tokens < inf", "D, tokens read")
    return min(SAVED_STEPS, key=lambda step: abs(step * TOKENS_PER_STEP - tokens))


def frontier(tokens_per_parameter: float = TOKENS_PER_PARAMETER) -> tuple[Checkpoint, ...]:
    """The checkpoint of every listed model nearest to this many tokens per parameter, smallest model first.

    >>> for c in frontier():
    ...     print(f"{c.name:<12}{c.revision:<11}{c.parameters:>15,}{c.tokens_per_parameter:6.1f}")
    pythia-70m  step512         70,426,624  15.2
    pythia-160m step2000       162,322,944  25.8
    pythia-410m step4000       405,334,016  20.7
    pythia-1b   step10000    1,011,781,632  20.7
    pythia-1.4b step13000    1,414,647,808  19.3
    pythia-2.8b step26000    2,775,208,960  19.6
    pythia-6.9b step65000    6,857,302,016  19.9
    pythia-12b  step113000  11,846,072,320  20.0

    Raises:
        DomainError: no positive ratio.
    """
    steps = {name: nearest_step(tokens_per_parameter * parameters(name)) for name in _SHAPES}
    return tuple(Checkpoint(name, step, parameters(name), step * TOKENS_PER_STEP) for name, step in steps.items())


def local(
    root: Path | str, tokens_per_parameter: float = TOKENS_PER_PARAMETER, tokens_per_step: int | None = None
) -> Local:
    """The checkpoints of `frontier` that a folder holds, those it lacks, and one of every other model it holds.

    Args:
        root: FOLDER of the layout FOLDER/NAME/stepS.
        tokens_per_parameter: D/N that is looked for: the nearest step is taken.
        tokens_per_step: read in a step by the models that are not listed here.

    Raises:
        DataError: no such folder; several steps of a model, and it is not known which is nearest.
        DomainError: no positive ratio, no positive number of tokens.
        ModelError: a configuration of which no network can be made.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder (checkpoints in FOLDER/NAME/stepS)")
    if tokens_per_step is not None and tokens_per_step < 1:
        raise domain_error("tokens_per_step", tokens_per_step, "tokens_per_step >= 1", "tokens read in a step")
    listed = frontier(tokens_per_parameter)
    here = [checkpoint for checkpoint in listed if _whole(checkpoint.folder(root))]
    steps = sorted(
        (folder.parent.name, int(step[1]))
        for folder in root.glob("*/step*")
        if (step := _STEP.fullmatch(folder.name)) and folder.parent.name not in _SHAPES and _whole(folder)
    )
    others = [
        _nearest(root, name, [step for _, step in own], tokens_per_parameter, tokens_per_step)
        for name, own in groupby(steps, key=lambda pair: pair[0])
    ]
    return Local(
        found=tuple((checkpoint, checkpoint.folder(root)) for checkpoint in [*here, *others]),
        missing=tuple(checkpoint for checkpoint in listed if checkpoint not in here),
    )


def _nearest(root: Path, name: str, steps: list[int], ratio: float, tokens_per_step: int | None) -> Checkpoint:
    """The step of a model that is not listed nearest to a ratio of tokens to parameters, or its only one."""
    if tokens_per_step is None:
        if len(steps) > 1:
            said = ", ".join(map(str, steps))
            raise DataError(f"{root / name}: steps {said}: say how many tokens a step reads, or leave one of them")
        return Checkpoint(name, steps[0])
    size = _count(Checkpoint(name, steps[0]).folder(root))
    step = min(steps, key=lambda step: abs(step * tokens_per_step - ratio * size))
    return Checkpoint(name, step, size, step * tokens_per_step)


def _count(folder: Path) -> int:
    """N of the network that a folder's config.json describes."""
    try:
        with quiet(), torch.device("meta"):
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise ModelError(f"{folder}: no network can be made of its config.json ({one_line(error)})") from error
    return sum(parameter.numel() for parameter in model.parameters())


def _whole(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
