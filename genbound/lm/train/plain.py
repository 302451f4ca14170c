"""Plain training for any number of passes: a recipe of the ladder, its schedule stretched over all of them.

The first pass reads the windows in order, every later one in a permutation of its own. One pass of a ladder recipe
over its own stream gives the bytes of `genbound.lm.ladder.train`; nothing is random but the initial weights and the
later orders, both from the seed. Everything runs in one thread, so that a run is the same bits again.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from genbound.errors import DataError, domain_error
from genbound.files import pretty_json, write_atomic
from genbound.lm.ladder import checkpoint
from genbound.lm.ladder.network import build_network, build_optimizers, count_parameters, save_model
from genbound.lm.ladder.recipes import RECIPES, Recipe
from genbound.lm.ladder.train import mean_loss, versions
from genbound.lm.train.functional import Network
from genbound.lm.windows import Windows

SCHEMA = "genbound.plain.training/1"
BLOCK_TOKENS = 4096
"""Tokens between two calls of `progress`; checkpoints fall between blocks."""
CHECKPOINT_SECONDS = 20.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model, in evaluation mode and without gradients, and the record of its run."""

    model: GPTNeoXForCausalLM
    record: dict[str, Any]

    def save(self, folder: Path | str) -> None:
        """Write config.json and model.safetensors for `from_pretrained`, then training.json."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, folder)
        write_atomic(folder / "training.json", pretty_json(self.record))


def train(
    config: Recipe | GPTNeoXConfig,
    windows: Windows,
    *,
    epochs: int = 1,
    seed: int = 0,
    recipe: Recipe | None = None,
    work: Path | str | None = None,
    progress: Progress | None = None,
) -> Trained:
    """The network of `config`, trained for `epochs` passes over the windows.

    Args:
        config: a recipe of the ladder, or the configuration of a GPT-NeoX.
        windows: what it is trained on.
        epochs: passes over the windows, >= 1.
        seed: of the initial weights and of the order of the later passes.
        recipe: batch, optimisers and schedule; those of `config`, or of the ladder's model nearest in size.
        work: folder for the checkpoint from which a killed run continues to the same bytes; none if not given.
        progress: called after every block as progress("train", tokens done, tokens in all).

    Returns:
        The model and its record; record["loss_train"] is the final mean loss on the windows, nats per token.

    Raises:
        DomainError: epochs < 1. DataError: windows longer than the context. ModelError: no GPT-NeoX.
    """
    with one_thread():
        run = Run(config, windows, epochs=epochs, seed=seed, recipe=recipe)
        complete(run, work, progress)
        model = frozen(run.model)
        loss = mean_loss(model, windows.tokens, windows.length)
    record = {
        **run.identity, "parameters": count_parameters(model), "tokens": windows.n_tokens,
        "steps": run.steps, "loss_train": loss,
    }  # fmt: skip
    return Trained(model, record)


class Run:
    """The state of one run: weights, optimisers, and how many steps were made."""

    schema = SCHEMA

    def __init__(self, config: Recipe | GPTNeoXConfig, windows: Windows, *, epochs: int, seed: int,
                 recipe: Recipe | None = None, batch: int | None = None) -> None:  # fmt: skip
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise domain_error("epochs", epochs, "a whole number epochs >= 1", "passes over the windows")
        self.config, self.recipe = settled(config, recipe)
        if windows.length > self.config.max_position_embeddings:
            raise DataError(f"windows of {windows.length} tokens: the context is {self.config.max_position_embeddings}")
        self.network = Network.of(self.config)
        self.model = initial(self.config, seed)
        self.weights = dict(self.model.named_parameters())
        self.optimizers = build_optimizers(self.recipe, self.model)
        self.windows, self.seed, self.step = windows, seed, 0
        self.batch = batch or self.recipe.batch
        self.per_epoch = -(-len(windows) // self.batch)
        self.steps = epochs * self.per_epoch
        self._order: tuple[int, np.ndarray] = (0, np.arange(len(windows)))
        self.identity = {
            "schema": self.schema,
            "config": json.loads(self.config.to_json_string()),
            "recipe": self.recipe.to_dict(),
            "epochs": epochs,
            "seed": seed,
            "context": windows.length,
            "stream_sha256": stream_sha256(windows),
            "versions": versions(),
        }

    def advance(self) -> None:
        """The next steps, about BLOCK_TOKENS tokens of them, within one epoch."""
        for _ in range(self.block()):
            self.update()

    def block(self) -> int:
        """Steps to the end of the block, or of the epoch if that comes first."""
        most = max(1, BLOCK_TOKENS // (self.batch * self.windows.length))
        return min(most, self.per_epoch - self.step % self.per_epoch)

    def indices(self, step: int) -> np.ndarray:
        """The windows of a step."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._order[0]:
            shuffled = np.random.Generator(np.random.PCG64([self.seed, epoch])).permutation(len(self.windows))
            self._order = (epoch, shuffled if epoch else np.arange(len(self.windows)))
        return self._order[1][place * self.batch : (place + 1) * self.batch]

    def update(self) -> tuple[torch.Tensor, torch.Tensor]:
        """One step; returns the logits from before it, and the targets."""
        inputs, targets = self.windows.gather(self.indices(self.step))
        logits = self.network.logits(self.weights, inputs)
        F.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        self.descend()
        return logits.detach(), targets

    def descend(self) -> None:
        """The step that the gradients ask for, at the rate of the schedule."""
        fraction = rate(self.recipe, self.step, self.steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = fraction * group["peak"]
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1

    @property
    def tokens_done(self) -> int:
        """Tokens read so far, each pass counted."""
        epochs, place = divmod(self.step, self.per_epoch)
        return epochs * self.windows.n_tokens + min(place * self.batch, len(self.windows)) * self.windows.length

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that changes along the run, for the checkpoint."""
        return checkpoint.training_state(self.model, self.optimizers)

    def restore(self, tensors: dict[str, torch.Tensor], step: int) -> None:
        """Put back what `tensors` gave after `step` steps."""
        checkpoint.restore_training_state(self.model, self.optimizers, tensors)
        self.step = step


class Resumable(Protocol):
    """A run that can be left after any block and taken up again: identity, steps made, and all that they changed."""

    identity: dict[str, Any]
    windows: Windows
    step: int
    steps: int
    per_epoch: int

    @property
    def tokens_done(self) -> int: ...

    def advance(self) -> None: ...

    def tensors(self) -> dict[str, torch.Tensor]: ...

    def restore(self, tensors: dict[str, torch.Tensor], step: int) -> None: ...


def complete(run: Resumable, work: Path | str | None, progress: Progress | None = None) -> None:
    """All remaining steps of a run; with a folder, from its checkpoint and with new ones."""
    file = None if work is None else Path(work) / "checkpoint.safetensors"
    saved = None if file is None else checkpoint.read(file)
    if saved is not None and saved[1].get("identity") == run.identity:
        run.restore(saved[0], int(saved[1]["step"]))
    total = run.windows.n_tokens * (run.steps // run.per_epoch)
    last = time.monotonic()
    while run.step < run.steps:
        run.advance()
        if progress is not None:
            progress("train", run.tokens_done, total)
        if file is not None and (time.monotonic() - last > CHECKPOINT_SECONDS or run.step == run.steps):
            checkpoint.write(file, run.tensors(), {"identity": run.identity, "step": run.step})
            last = time.monotonic()


def settled(config: Recipe | GPTNeoXConfig, recipe: Recipe | None = None) -> tuple[GPTNeoXConfig, Recipe]:
    """The configuration of the network, and the recipe whose batch, optimisers and schedule train it."""
    if isinstance(config, Recipe):
        return build_network(config).config, recipe or config
    Network.of(config)  # refuses what cannot be trained before anything is built
    return config, recipe or nearest_recipe(_parameters(config))


def nearest_recipe(parameters: int) -> Recipe:
    """The recipe of the ladder whose model is nearest in size, on a logarithmic scale.

    >>> [nearest_recipe(n).name for n in (100, 25_000, 10**9)]
    ['10k', '30k', '530k']
    """
    return min(RECIPES.values(), key=lambda recipe: abs(math.log(recipe.parameters / parameters)))


def _parameters(config: GPTNeoXConfig) -> int:
    with torch.device("meta"):
        return count_parameters(GPTNeoXForCausalLM(config))


def initial(config: GPTNeoXConfig, seed: int) -> GPTNeoXForCausalLM:
    """The network with its initial weights, float32; the global generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPTNeoXForCausalLM(config).train()


def frozen(model: GPTNeoXForCausalLM) -> GPTNeoXForCausalLM:
    """The same model, in evaluation mode and without gradients."""
    return model.eval().requires_grad_(False)


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """`Recipe.rate` for a run of any number of steps: the learning rate as a fraction of the peak.

    >>> recipe = RECIPES["10k"]
    >>> rate(recipe, 700, recipe.steps) == recipe.rate(700)
    True
    """
    rising = round(recipe.warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    progress = (step - rising) / max(1, steps - rising)
    return 1 - progress if recipe.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2


def stream_sha256(windows: Windows) -> str:
    """Of the tokens the windows are made of, as four bytes each, smallest first."""
    used = len(windows) * windows.stride + (not windows.separate)
    return hashlib.sha256(np.ascontiguousarray(windows.tokens[:used], dtype="<u4").tobytes()).hexdigest()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within: torch runs in one thread; the order of float32 sums, hence the bits of the weights, depends on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
