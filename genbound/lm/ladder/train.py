"""Train a model of the ladder: one pass over the first 20 N characters of the training stream, in order.

Window w reads the characters wT .. wT+T-1 and predicts the characters wT+1 .. wT+T; batch t is the block of
the next `batch` windows. Every batch is scored before the model is updated on it, so the recorded loss of a
character belongs to a predictor that depends only on earlier batches and on the characters before it in its
own window: the pre-update losses are a progressive validation of the run (entry i of the recorded stream is
about character i+1).

A run killed at any moment continues from its last checkpoint and ends in the same bytes, on one machine and
one number of threads. Nothing is random after the initial weights.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from numpy.typing import NDArray
from transformers import GPTNeoXForCausalLM

from genbound.errors import DataError
from genbound.files import pretty_json, write_atomic
from genbound.lm.corpora import sotu
from genbound.lm.ladder import checkpoint
from genbound.lm.ladder.network import build_network, build_optimizers, count_parameters, save_model
from genbound.lm.ladder.progressive import ProgressiveWealth
from genbound.lm.ladder.recipes import Recipe
from genbound.lm.token_stats import token_statistics

SCHEMA = "genbound.ladder.training/1"
BLOCK_TOKENS = 4096
"""Pre-update predictions are scored in blocks of about this many characters; checkpoints fall between."""
CHECKPOINT_SECONDS = 20.0
CURVE_POINTS = 100
HELDOUT_SHORT = 2**18
EVALUATION_TOKENS = 8192
"""Characters per evaluation batch: fixed, because float32 logits depend a little on the batch."""


class Progress(Protocol):
    """Called again and again with what is being done ("train" or "score"), the characters done and in all."""

    def __call__(self, step: str, done: int, total: int, /) -> None: ...


@dataclass(frozen=True)
class Corpus:
    """The characters a run may use: a training stream and a held-out one, apart from each other."""

    name: str
    training: NDArray[np.uint8]
    heldout: NDArray[np.uint8]

    @classmethod
    def default(cls) -> Corpus:
        """The corpus of the shipped ladder."""
        return cls(f"{sotu.PACKAGE}=={sotu.VERSION}", sotu.training_stream(), sotu.heldout_stream())


def train(
    recipe: Recipe,
    out: Path | str,
    *,
    work: Path | str | None = None,
    corpus: Corpus | None = None,
    progress: Progress | None = None,
    resume: bool = True,
) -> dict[str, Any]:
    """Train the model of a recipe and write it, with its record, to a folder.

    Args:
        recipe: what to train.
        out: folder for config.json, model.safetensors, training.json and progressive.npz.
        work: folder for the checkpoint and preupdate_nll.npy (float32, nats per training character);
            `.cache/ladder/<name>` unless given.
        corpus: the characters; the `sotu` corpus unless given.
        progress: called after every block of training and of scoring.
        resume: continue from the checkpoint in `work`, if it is of the same recipe, characters and versions.

    Returns:
        The record, as written to training.json.

    Raises:
        DataError: the training stream is too short for the recipe.
    """
    corpus = corpus or Corpus.default()
    out = Path(out)
    work = Path(work) if work is not None else Path(".cache") / "ladder" / recipe.name
    if len(corpus.training) < recipe.tokens + 1:
        raise DataError(f"training stream: {len(corpus.training)} characters, need {recipe.tokens + 1} ({recipe.name})")
    with _threads(recipe.threads):
        run = _Run(recipe, corpus, work, resume=resume)
        run.to_the_end(progress)
        return run.finish(out, progress)


class _Run:
    """The state of one run: model, optimizers, wealth and the memory map of pre-update losses."""

    def __init__(self, recipe: Recipe, corpus: Corpus, work: Path, *, resume: bool) -> None:
        self.recipe, self.corpus = recipe, corpus
        self.inputs, self.targets = windows(corpus.training[: recipe.tokens + 1], recipe.context)
        self.model = build_network(recipe)
        self.optimizers = build_optimizers(recipe, self.model)
        self.wealth = ProgressiveWealth()
        self.step = 0
        self.identity = {
            "schema": SCHEMA,
            "recipe": recipe.to_dict(),
            "stream_sha256": sotu.stream_sha256(corpus.training[: recipe.tokens + 1]),
            "versions": versions(),
        }
        self.checkpoint = work / "checkpoint.safetensors"
        self.losses_path = work / "preupdate_nll.npy"
        saved = checkpoint.read(self.checkpoint) if resume else None
        if saved is not None and saved[1]["identity"] == self.identity and self.losses_path.is_file():
            tensors, header = saved
            self.step = header["step"]
            checkpoint.restore_training_state(self.model, self.optimizers, tensors)
            self.wealth = ProgressiveWealth.from_tensors(tensors)
            self.losses = np.lib.format.open_memmap(self.losses_path, mode="r+")
        else:
            work.mkdir(parents=True, exist_ok=True)
            self.checkpoint.unlink(missing_ok=True)
            self.losses = np.lib.format.open_memmap(
                self.losses_path, mode="w+", dtype=np.float32, shape=(recipe.tokens,)
            )

    def to_the_end(self, progress: Progress | None) -> None:
        """All remaining steps, a block of batches at a time."""
        recipe = self.recipe
        per_block = max(1, BLOCK_TOKENS // (recipe.batch * recipe.context))
        saved_at = time.monotonic()
        while self.step < recipe.steps:
            first = self.step
            logits = [self.update() for _ in range(min(per_block, recipe.steps - first))]
            rows = slice(first * recipe.batch, self.step * recipe.batch)
            scored = token_statistics(torch.cat(logits), self.targets[rows])
            done = min(self.step * recipe.batch * recipe.context, recipe.tokens)
            self.losses[done - len(scored.nll) : done] = scored.nll
            self.wealth.update(scored.smoothed_nll, scored.smoothed_entropy)
            if progress is not None:
                progress("train", done, recipe.tokens)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS or self.step == recipe.steps:
                self.save()
                saved_at = time.monotonic()

    def update(self) -> torch.Tensor:
        """One step on the next batch; returns the logits from before it."""
        rows = slice(self.step * self.recipe.batch, (self.step + 1) * self.recipe.batch)
        logits = self.model(input_ids=self.inputs[rows]).logits
        F.cross_entropy(logits.flatten(0, 1), self.targets[rows].flatten()).backward()
        rate = self.recipe.rate(self.step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["peak"]
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        return logits.detach()

    def save(self) -> None:
        """Losses first, then the checkpoint that says how many of them count."""
        self.losses.flush()
        tensors = checkpoint.training_state(self.model, self.optimizers) | self.wealth.to_tensors()
        checkpoint.write(self.checkpoint, tensors, {"identity": self.identity, "step": self.step})

    def finish(self, out: Path, progress: Progress | None) -> dict[str, Any]:
        """Score the final model and write the folder; the record last."""
        recipe, heldout = self.recipe, self.corpus.heldout
        stream = self.corpus.training[: recipe.tokens + 1]
        ends = np.unique(np.linspace(0, recipe.tokens, CURVE_POINTS + 1).round().astype(int))
        curve = [{"tokens": int(b), "loss": _mean(self.losses[a:b])} for a, b in pairwise(ends)]
        record = {
            "schema": SCHEMA,
            "name": recipe.name,
            "recipe": recipe.to_dict(),
            "seed": recipe.seed,
            "parameters": count_parameters(self.model),
            "tokens": recipe.tokens,
            "steps": recipe.steps,
            "corpus": self.corpus.name,
            "stream": {
                "begin": 0,
                "end": recipe.tokens + 1,
                "sha256": self.identity["stream_sha256"],
                "training_sha256": sotu.stream_sha256(self.corpus.training),
                "heldout_sha256": sotu.stream_sha256(heldout),
            },
            "loss_train": mean_loss(self.model, stream, recipe.context, progress),
            "loss_train_first": {
                "loss": mean_loss(self.model, stream[: EVALUATION_TOKENS + 1], recipe.context),
                "tokens": min(EVALUATION_TOKENS, recipe.tokens) // recipe.context * recipe.context,
            },
            "loss_progressive": _mean(self.losses),
            "loss_heldout": {
                "first": mean_loss(self.model, heldout[: HELDOUT_SHORT + 1], recipe.context),
                "first_tokens": min(HELDOUT_SHORT, len(heldout) - 1) // recipe.context * recipe.context,
                "all": mean_loss(self.model, heldout, recipe.context, progress),
                "all_tokens": (len(heldout) - 1) // recipe.context * recipe.context,
            },
            "curve": curve,
            "versions": versions(),
        }
        out.mkdir(parents=True, exist_ok=True)
        save_model(self.model, out)
        self.wealth.save(out / "progressive.npz", self.identity["stream_sha256"])
        write_atomic(out / "training.json", pretty_json(record))
        return record


def windows(stream: NDArray[Any], context: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets, (windows, T) each: row w reads wT .. wT+T-1 and predicts wT+1 .. wT+T."""
    count = (len(stream) - 1) // context
    ids = torch.from_numpy(stream[: count * context + 1].astype(np.int64))
    return ids[:-1].view(count, context), ids[1:].view(count, context)


def mean_loss(
    model: GPTNeoXForCausalLM,
    stream: NDArray[Any],
    context: int,
    progress: Progress | None = None,
    at_once: int = EVALUATION_TOKENS,
) -> float:
    """Mean loss in nats per character over the whole windows of a stream (log-sum-exp and sum in float64)."""
    inputs, targets = windows(stream, context)
    rows = max(1, at_once // context)
    device = next(model.parameters()).device
    total, done, mode = 0.0, 0, model.training
    model.eval()
    with torch.inference_mode():
        for x, y in zip(inputs.split(rows), targets.split(rows), strict=True):
            logits = model(input_ids=x.to(device)).logits.double()
            total += F.cross_entropy(logits.flatten(0, 1), y.flatten().to(device), reduction="sum").item()
            done += y.numel()
            if progress is not None:
                progress("score", done, targets.numel())
    model.train(mode)
    return total / targets.numel()


def versions() -> dict[str, str]:
    """Of everything that decides the bytes of the weights."""
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _mean(losses: NDArray[np.float32]) -> float:
    return float(np.mean(losses, dtype=np.float64))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
