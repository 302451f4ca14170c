"""Train a structured model from scratch: first its numbers as they are, then on the grid they will be written on.

The second part minimises

    loss(rounded numbers) + price * nats(rounded numbers),    nats = sum over groups of size ln(mean |w/step| + 1/4),

with gradients passed straight through the rounding, and learns the steps too, as [L24a] learn their levels. `price` is
what a nat of code is worth: the bound moves by about `slope` nats per token for each nat per token of description. The
steps start where theory puts them: with curvature h per number, h step^2/12 = price ([QuIP]'s proxy loss, one number at
a time; h from the optimizer's mean square gradients).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from genbound.errors import DataError, domain_error
from genbound.lm.codec.architecture import describe, layout
from genbound.lm.compress import seeds
from genbound.lm.compress.code import VALUE_LIMIT
from genbound.lm.compress.methods import Form, Structure
from genbound.lm.compress.model import Group, Structured
from genbound.lm.ladder import checkpoint
from genbound.lm.ladder.train import versions
from genbound.lm.train.functional import Network
from genbound.lm.train.plain import one_thread
from genbound.lm.windows import Windows

Progress = Callable[[str, int, int], None]

OFFSET = 0.25
BETAS = (0.9, 0.98)
CHECKPOINT_SECONDS = 20.0
WARMUP = 0.02
SCHEMA = "genbound.structured/1"
_PLACE = 2 << 20  # the streams of orders lie apart from those of initial weights and projectors


def train(
    config: Any, windows: Windows, *, method: str, epochs: int, seed: int, rank: int = 2, blocks: int = 4,
    plain_embedding: bool = False, spread: int = -5, dimension: int = 0, projector: str = "kronecker",
    batch: int = 8, learning_rate: float = 0.01, slope: float = 7.0, quantized_part: float = 0.75,
    work: Path | str | None = None, progress: Progress | None = None,
) -> Structured:  # fmt: skip
    """Train the numbers of a structured model and put them on their grid.

    Args:
        config: the transformers configuration (GPT-NeoX).
        windows: the training stream.
        method: one of `methods.METHODS`.
        epochs: passes over the stream, each in a random order of its own.
        seed: of initial weights, projector and orders; with rank, blocks, plain_embedding, spread, dimension and
            projector it stands in the file (see `methods.Form`).
        batch: windows per update. learning_rate: of AdamW, its peak; in a subspace times sqrt(D/d).
        slope: nats of bound per nat of description (5.5 to 8 at the ladder's sizes).
        quantized_part: the fraction of updates made on the grid, the last ones. Numbers that have grown large before
            it are hard to shrink again, so it should be most of them.
        work: folder for the checkpoint: a killed run continues there and ends in the same bytes.
        progress: called as progress("train", tokens done, in all).

    Returns:
        What `code.write` writes.

    Raises:
        DomainError: a value out of range. DataError: no windows. ModelError: not a GPT-NeoX.
    """
    form = Form(method, seed, rank, blocks, plain_embedding, spread, projector, dimension)
    for name, value, low, high in (
        ("epochs", epochs, 1, 10_000), ("batch", batch, 1, 1 << 20), ("learning_rate", learning_rate, 1e-9, 1e3),
        ("slope", slope, 1e-9, 1e9), ("quantized_part", quantized_part, 1e-9, 1.0),
    ):  # fmt: skip
        if not low <= value <= high:
            raise domain_error(name, value, f"{low} <= {name} <= {high}", "structured training")
    if not len(windows):
        raise DataError("windows: none; need at least one to train on")
    options = {"epochs": epochs, "batch": batch, "rate": learning_rate, "slope": slope, "part": quantized_part}
    with one_thread():
        run = _Run(config, windows, form, options, Path(work) if work is not None else None)
        run.to_the_end(progress)
        return run.finish()


class _Numbers(nn.Module):
    """The trained numbers and the log2 of their steps, which are eighths of an octave on the way forward."""

    def __init__(self, structure: Structure) -> None:
        super().__init__()
        sizes = structure.groups.values()
        self.structure = structure
        self.values = nn.ParameterList([nn.Parameter(torch.zeros(size)) for size in sizes])
        self.log_steps = nn.Parameter(torch.zeros(len(sizes)))

    def weights(self) -> dict[str, Tensor]:
        """The network's parameters from the numbers as they are."""
        return self.structure.weights(list(self.values))

    def on_the_grid(self) -> tuple[dict[str, Tensor], Tensor]:
        """The network's parameters from the rounded numbers, and about what these cost, nats."""
        steps = torch.exp2(_rounded(8.0 * self.log_steps) / 8.0)
        rounded: list[Tensor] = []
        nats = torch.zeros(())
        for value, step in zip(self.values, steps, strict=True):
            ratio = value / step
            rounded.append(_rounded(ratio) * step)
            nats = nats + ratio.numel() * torch.log(ratio.abs().mean() + OFFSET)
        return self.structure.weights(rounded), nats


def _rounded(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()


class _Run:
    """The state of one run."""

    def __init__(self, config: Any, windows: Windows, form: Form, options: dict[str, Any], work: Path | None) -> None:
        self.network = Network.of(config)
        with torch.random.fork_rng(devices=[]):
            self.model_type, self.config = describe(AutoModelForCausalLM.from_config(config))
        structure = Structure(layout(self.model_type, self.config), form, torch.float32)
        self.windows, self.form, self.options = windows, form, options
        self.numbers = _Numbers(structure)
        rate = options["rate"] * structure.enlargement
        groups = [
            {"params": list(self.numbers.values), "lr": rate, "peak": rate},
            {"params": [self.numbers.log_steps], "lr": options["rate"], "peak": options["rate"]},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=BETAS, eps=1e-12, weight_decay=0.0)
        self.per_epoch = -(-len(windows) // options["batch"])
        self.steps = self.per_epoch * options["epochs"]
        self.turn = max(1, self.steps - math.ceil(options["part"] * self.steps))
        self.price = options["slope"] / windows.n_tokens
        self.step = 0
        tokens = np.ascontiguousarray(windows.tokens).astype("<i8").tobytes()
        self.identity = {
            "schema": SCHEMA, "config": self.config, "form": vars(form).copy(), "options": options,
            "tokens": hashlib.sha256(tokens).hexdigest(), "context": windows.context, "separate": windows.separate,
            "versions": versions(),
        }  # fmt: skip
        self.checkpoint = None if work is None else work / "checkpoint.safetensors"
        saved = None if self.checkpoint is None else checkpoint.read(self.checkpoint)
        if saved is not None and saved[1].get("identity") == self.identity:
            checkpoint.restore_training_state(self.numbers, [self.optimizer], saved[0])
            self.step = int(saved[1]["step"])

    def to_the_end(self, progress: Progress | None) -> None:
        """All remaining updates."""
        saved_at, order, epoch = time.monotonic(), np.zeros(0, dtype=np.int64), -1
        size, total = self.options["batch"], self.options["epochs"] * self.windows.n_tokens
        while self.step < self.steps:
            if self.step // self.per_epoch != epoch:
                epoch = self.step // self.per_epoch
                order = seeds.permutation(self.form.seed, _PLACE, epoch, count=len(self.windows))
            if self.step == self.turn:
                self.choose_steps()
            first = self.step % self.per_epoch * size
            self.update(order[first : first + size])
            if progress is not None:
                done = min((self.step % self.per_epoch or self.per_epoch) * size, len(self.windows))
                progress("train", epoch * self.windows.n_tokens + done * self.windows.length, total)
            if self.checkpoint is not None and time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self.save(self.checkpoint)
                saved_at = time.monotonic()
        if self.checkpoint is not None:
            self.save(self.checkpoint)

    def update(self, chosen: np.ndarray) -> None:
        """One step of AdamW on these windows."""
        inputs, targets = self.windows.gather(chosen)
        if self.step < self.turn:
            loss = self.network.loss(self.numbers.weights(), inputs, targets)
        else:
            weights, nats = self.numbers.on_the_grid()
            loss = self.network.loss(weights, inputs, targets) + self.price * nats
        self.optimizer.zero_grad()
        loss.backward()
        rising = min(1.0, (self.step + 1) / (WARMUP * self.steps + 1))
        falling = (1 + math.cos(math.pi * self.step / self.steps)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rising * falling
        self.optimizer.step()
        self.step += 1

    def choose_steps(self) -> None:
        """Start the grid: step^2 = 12 price / h, h the mean square gradient times the tokens of a batch."""
        tokens = self.options["batch"] * self.windows.length
        with torch.no_grad():
            for index, value in enumerate(self.numbers.values):
                square = self.optimizer.state[value]["exp_avg_sq"].mean() if value in self.optimizer.state else None
                curvature = tokens * float(square) / (1 - BETAS[1] ** self.step) if square is not None else 0.0
                step = math.sqrt(12 * self.price / curvature) if curvature > 0 else math.inf
                widest = 2.0 * float(value.square().mean().sqrt())  # beyond, hardly a number would be left
                step = min(step, widest) if widest > 0 else min(step, 1.0)
                self.numbers.log_steps[index] = min(max(math.log2(step), -60.0), 60.0)

    def save(self, path: Path) -> None:
        """Numbers, optimizer and step, replaced whole."""
        tensors = checkpoint.training_state(self.numbers, [self.optimizer])
        checkpoint.write(path, tensors, {"identity": self.identity, "step": self.step})

    def finish(self) -> Structured:
        """The integers."""
        groups: list[Group] = []
        for value, log_step in zip(self.numbers.values, self.numbers.log_steps, strict=True):
            step = int(torch.round(8.0 * log_step.detach()))
            integers = torch.round(value.detach() / 2.0 ** (step / 8)).clamp(-VALUE_LIMIT, VALUE_LIMIT)
            groups.append(Group(step, integers.numpy().astype(np.int32)))
        return Structured(self.model_type, self.config, self.form, tuple(groups))
