"""Prefix models: trained on the first n_0 tokens, certified on those after them, and kept in a file.

    magic, SHA-256 of the rest, length of the header (4 bytes), header (JSON), weights (float32, little-endian)

The file holds the whole model, and no bit of it is paid for: the weights are a function of tokens 1..n_0, of the
seed, and of choices among candidates that were fixed beforehand and are paid for. Whether that is so cannot be seen
in a file; `replay` trains again and compares bit for bit.

Fixed beforehand, and free: the architecture of a configuration that is no recipe, the seed, and whatever of n_0, the
number of passes and raw or averaged weights is not among the choices paid for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from genbound.complexity.codes import choice_nats
from genbound.errors import DataError, domain_error
from genbound.lm.descriptions.described import Described
from genbound.lm.ladder.recipes import Recipe, log_recipe_space
from genbound.lm.train import prefix_file
from genbound.lm.train.ema import GAMMA, GAMMAS, AveragedRun
from genbound.lm.train.plain import Progress, complete, frozen, one_thread, stream_sha256
from genbound.lm.train.suffix import before
from genbound.lm.windows import Windows

ZERO = "log-ratio to the prefix prior"
STATES = (
    "The weights are a function of tokens 1..{prefix} and of the seed, so the log-ratio to a prior on them alone is 0;"
    " n C holds the choices made among candidates fixed beforehand. The bound is about tokens {first}..n only. That"
    " the weights saw no later token can only be checked by training again: replay compares bit for bit."
)


@dataclass(frozen=True, eq=False)
class Prefix:
    """A model made from the first n_0 tokens of a stream.

    Attributes:
        model: what is certified on the tokens after them.
        prefix: n_0.
        identity: what fixes the run that made it: recipe, seed, epochs, gamma, context, digest of the prefix, versions.
        averaged: the model holds the average of the weights along the run, not the last ones.
        choices: label -> how many candidates, fixed beforehand, it was chosen from; ln of each is paid.
    """

    model: GPTNeoXForCausalLM
    prefix: int
    identity: Mapping[str, Any]
    averaged: bool = False
    choices: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label, count in self.choices.items():
            if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= prefix_file.LIMIT:
                raise domain_error(label, count, "a whole number in 1..2^40", "candidates fixed beforehand")
        object.__setattr__(self, "choices", MappingProxyType(dict(self.choices)))

    @property
    def prices(self) -> dict[str, float]:
        """Nats, each rounded up: everything in n C but ln(1/delta) and the bound's own grids."""
        return prices(self.averaged, self.choices)


def prices(averaged: bool, choices: Mapping[str, int]) -> dict[str, float]:
    """What is paid for a prefix model: the recipe (tuned on the same text), gamma, and whatever else was chosen.

    >>> [label for label in prices(True, {"prefix lengths": 5})]
    ['log-ratio to the prefix prior', 'recipe', 'exponent of the average (6)', 'prefix lengths (5)']
    """
    paid = {ZERO: 0.0, "recipe": log_recipe_space()}
    if averaged:
        paid[f"exponent of the average ({len(GAMMAS)})"] = choice_nats(len(GAMMAS))
    return paid | {f"{label} ({count})": choice_nats(count) for label, count in choices.items()}


def train(
    config: Recipe | GPTNeoXConfig, windows: Windows, *, prefix: int, averaged: bool = False, **options: Any
) -> Prefix:
    """The raw model of `train_both`, or the averaged one; the same arguments."""
    return train_both(config, windows, prefix=prefix, **options)[averaged]


def train_both(
    config: Recipe | GPTNeoXConfig,
    windows: Windows,
    *,
    prefix: int,
    epochs: int = 1,
    seed: int = 0,
    gamma: float = GAMMA,
    choices: Mapping[str, int] | None = None,
    recipe: Recipe | None = None,
    work: Path | str | None = None,
    progress: Progress | None = None,
) -> tuple[Prefix, Prefix]:
    """The model of the first n_0 tokens, trained on them for `epochs` passes: (raw, averaged).

    Args:
        config, epochs, seed, recipe, work, progress: as in `genbound.lm.train.plain.train`.
        windows: of the whole stream; no token after the first n_0 is looked at.
        prefix: n_0, whole windows (`suffix.tokens_of` gives the one nearest to a share).
        gamma: exponent of the average of the weights along the run.
        choices: label -> how many candidates, fixed beforehand, this one is chosen from: prefix lengths, numbers of
            epochs, raw or averaged.

    Raises:
        DomainError: n_0 outside the stream, epochs < 1. DataError: windows longer than the context.
    """
    with one_thread():
        run = AveragedRun(config, before(windows, prefix), epochs=epochs, seed=seed, recipe=recipe, gamma=gamma)
        complete(run, work, progress)
    models = (frozen(run.model), run.average.model(run.config))
    raw, averaged = (Prefix(model, prefix, run.identity, bool(i), choices or {}) for i, model in enumerate(models))
    return raw, averaged


# ---------------------------------------------------------------------------------------------------- the file


def write(path: Path | str, made: Prefix) -> None:
    """Write a prefix model (.gbp), whole or not at all."""
    header = {
        "prefix": made.prefix, "averaged": made.averaged, "choices": dict(made.choices),
        "init_std": float(made.model.config.initializer_range),
        **{key: made.identity[key] for key in prefix_file.RUN},
    }  # fmt: skip
    prefix_file.write(Path(path), made.model, header)


def load(path: Path | str) -> Prefix:
    """The prefix model in a file.

    Raises:
        CodeFormatError: truncated, edited, or nothing `write` could have written.
    """
    header, model = prefix_file.read(Path(path))
    identity = {key: header[key] for key in prefix_file.RUN}
    return Prefix(frozen(model), header["prefix"], identity, header["averaged"], header["choices"])


def read(path: Path | str) -> Described:
    """The model and its price; `load(path).prefix` is n_0, which the bound has to leave out.

    Raises:
        CodeFormatError: truncated, edited, or nothing `write` could have written.
    """
    made = load(path)
    states = STATES.format(prefix=made.prefix, first=made.prefix + 1)
    return Described("prefix", made.model, made.prices, None, states)


def replay(path: Path | str, windows: Windows, *, work: Path | str | None = None,
           progress: Progress | None = None) -> bool:  # fmt: skip
    """Train again on the first n_0 tokens of a stream: are the weights those of the file, bit for bit?

    The same weights come out on the same kind of processor with the versions the file names.

    Raises:
        CodeFormatError: as in `read`. DataError: the first n_0 tokens are not those the file names.
    """
    made = load(path)
    run = made.identity
    if windows.length != run["context"] or stream_sha256(before(windows, made.prefix)) != run["stream_sha256"]:
        raise DataError(f"{Path(path).name}: made from another {made.prefix} tokens than the first ones of these")
    again = train(
        made.model.config, windows, prefix=made.prefix, averaged=made.averaged, epochs=run["epochs"],
        seed=run["seed"], gamma=run["gamma"], recipe=Recipe.from_dict(run["recipe"]), work=work, progress=progress,
    )  # fmt: skip
    return weights_sha256(again.model) == weights_sha256(made.model)


def weights_sha256(model: torch.nn.Module) -> str:
    """Of the bytes of all parameters, in order."""
    return hashlib.sha256(prefix_file.payload(model)).hexdigest()
