"""Train one model of a ladder: one pass over its stream, every token scored before the model is updated on it.

On a CPU the weights are those of `plain.train`, to the bit: float32, one thread. On a GPU the same steps run with
bfloat16 products under autocast, float32 weights and one compiled graph, deterministic where the hardware allows.
Nothing is random but the initial weights. A killed run continues from its checkpoint and ends in the same weights and
the same record, but for the fields in `ladder_record.TIMED`, which say how fast it went.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import GPTNeoXConfig

from genbound.errors import DataError, ModelError
from genbound.files import pretty_json, write_atomic
from genbound.lm.ladder.cells import Cell
from genbound.lm.ladder.network import build_optimizers, save_model
from genbound.lm.ladder.recipes import Recipe
from genbound.lm.ladder.train import EVALUATION_TOKENS, mean_loss
from genbound.lm.sources.stream import check_ids
from genbound.lm.train import plain, throughput
from genbound.lm.train.functional import Network, Weights
from genbound.lm.train.ladder_record import SCHEMA, record_of
from genbound.lm.windows import Windows

CURVE_POINTS = 60
HELDOUT_WINDOWS = 256
"""Windows whose loss is followed along a run: 32,768 tokens at T = 128."""
GPU_BLOCK_TOKENS = 1 << 20
GPU_EVALUATION_TOKENS = 1 << 16


def train(
    cell: Cell,
    folder: Path | str | None = None,
    *,
    work: Path | str | None = None,
    device: str = "cpu",
    progress: plain.Progress | None = None,
) -> dict[str, Any]:
    """Train the model of a cell and write it, with its record, to a folder.

    A shipped model comes out with its bytes, on the machine and versions that made it.

    Args:
        cell: what to train.
        folder: for config.json, model.safetensors and training.json; `cell.folder` unless given.
        work: folder of the checkpoint from which a killed run continues; beside `folder` unless given.
        device: "cpu" or "cuda".
        progress: called after every block as progress("train", tokens done, tokens in all).

    Returns:
        The record, as written to training.json (see `ladder_record.record_of`); losses are in nats per token.

    Raises:
        DataError: the corpus is too short, or not of the vocabulary. MissingExtraError: there is no corpus.
        ModelError: no such device.
    """
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise ModelError(f"device={device!r}: need cpu, or cuda where there is a GPU")
    folder = Path(folder) if folder is not None else cell.folder
    work = Path(work) if work is not None else folder.parent / "work" / folder.name
    windows, heldout = Windows(cell.training(), cell.context), cell.heldout()
    with reproducible(device):
        kind = LadderRun if device == "cpu" else AcceleratedRun
        run = kind(cell.config, windows, seed=cell.seed, recipe=cell.recipe, batch=cell.batch, heldout=heldout)
        plain.complete(run, work, progress)
        record = run.record(cell, heldout)
    model = run.model.cpu()
    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, folder)
    write_atomic(folder / "training.json", pretty_json(record))
    return record


class LadderRun(plain.Run):
    """One pass, in float32 on a CPU, that keeps the loss of every interval of its curve.

    At the ends of the intervals, and before the first, the model is also measured on the same held-out windows.
    """

    schema = SCHEMA
    device = torch.device("cpu")
    precision = "float32"
    evaluated_at_once = EVALUATION_TOKENS

    def __init__(self, config: GPTNeoXConfig, windows: Windows, *, seed: int, recipe: Recipe | None = None,
                 batch: int | None = None, heldout: NDArray[Any]) -> None:  # fmt: skip
        super().__init__(config, windows, epochs=1, seed=seed, recipe=recipe, batch=batch)
        check_ids(windows.tokens, self.config.vocab_size, "stream")
        self.ends = interval_ends(self.steps)
        self.nats = torch.zeros(len(self.ends), dtype=torch.float64)
        self.risks = torch.zeros(len(self.ends) + 1, dtype=torch.float64)
        self.spent = torch.zeros((), dtype=torch.float64)
        self.sample = spread(heldout, windows.length)
        self.identity |= {
            "batch": self.batch, "device": device_name(self.device), "precision": self.precision,
            "heldout_sample_sha256": hashlib.sha256(self.sample.astype("<u4").tobytes()).hexdigest(),
        }  # fmt: skip

    def advance(self) -> None:
        """The next block, timed but for the looks at held-out windows."""
        if self.step == 0:
            self.risks[0] = self.risk()
        began = throughput.seconds(self.device)
        for _ in range(self.block()):
            interval = bisect_left(self.ends, self.step + 1)
            self.nats[interval] += self.learn()
            if self.step == self.ends[interval]:
                paused = throughput.seconds(self.device)
                self.risks[interval + 1] = self.risk()
                began += throughput.seconds(self.device) - paused
        self.spent += throughput.seconds(self.device) - began

    def risk(self) -> float:
        """The mean loss of the model as it is now on the held-out windows, nats per token."""
        rows = max(1, self.evaluated_at_once // self.windows.length)
        total = 0.0
        with torch.no_grad():
            for part in torch.from_numpy(self.sample).split(rows):
                logits = self.model(input_ids=part[:, :-1].to(self.device)).logits.double()
                targets = part[:, 1:].flatten().to(self.device)
                total += F.cross_entropy(logits.flatten(0, 1), targets, reduction="sum").item()
        return total / self.sample[:, 1:].size

    def learn(self) -> Tensor:
        """One step; returns the sum of the losses of its tokens from before it, nats."""
        logits, targets = self.update()
        return F.cross_entropy(logits.flatten(0, 1).double(), targets.flatten(), reduction="sum")

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"curve/nats": self.nats, "curve/risks": self.risks, "time/spent": self.spent}

    def restore(self, tensors: dict[str, Tensor], step: int) -> None:
        super().restore(tensors, step)
        self.nats.copy_(tensors["curve/nats"])
        self.risks.copy_(tensors["curve/risks"])
        self.spent.copy_(tensors["time/spent"])

    def seen(self) -> NDArray[np.int64]:
        """Tokens seen at the ends of the intervals."""
        return np.minimum(np.array(self.ends) * self.batch, len(self.windows)) * self.windows.length

    def curve(self) -> list[list[float]]:
        """[tokens seen, mean loss in the interval that ends there], one per interval."""
        means = self.nats.cpu().numpy() / np.diff(self.seen(), prepend=0)
        return [[int(end), float(mean)] for end, mean in zip(self.seen(), means, strict=True)]

    def heldout_curve(self) -> list[list[float]]:
        """[tokens seen, held-out loss then], from the untrained model to the final one."""
        return [[int(end), risk] for end, risk in zip([0, *self.seen()], self.risks.tolist(), strict=True)]

    def record(self, cell: Cell, heldout: np.ndarray) -> dict[str, Any]:
        """What is kept of the run, once it is over."""
        model, n, length = plain.frozen(self.model), self.windows.n_tokens, self.windows.length
        train, held = (
            mean_loss(model, tokens, length, at_once=self.evaluated_at_once)
            for tokens in (self.windows.tokens, heldout)
        )
        speed, peak = n / max(self.spent.item(), 1e-9), throughput.peak_flops(self.device)
        return record_of(
            cell, (train, held, self.nats.sum().item() / n), self.curve(),
            tokens_per_second=speed, share_of_peak=throughput.share_of_peak(cell.parameters, speed, peak),
            peak_flops=peak, steps=self.steps, heldout_curve=self.heldout_curve(),
            heldout_area_nats=area_above_the_end(self.heldout_curve()), **self.identity,
        )  # fmt: skip


class AcceleratedRun(LadderRun):
    """The same on a GPU: bfloat16 products, float32 weights, forward and loss in one compiled graph."""

    precision = "bfloat16"
    evaluated_at_once = GPU_EVALUATION_TOKENS

    def __init__(self, config: GPTNeoXConfig, windows: Windows, *, device: str = "cuda", compiled: bool = True,
                 **options: Any) -> None:  # fmt: skip
        self.device = torch.device(device)
        super().__init__(config, windows, **options)
        torch.nn.Module.to(self.model, self.device)
        self.network = Network.of(self.config, device)
        self.weights = dict(self.model.named_parameters())
        self.optimizers = build_optimizers(self.recipe, self.model)
        self.nats = self.nats.to(self.device)
        self.identity["compiled"] = compiled
        self.compiled = torch.compile(self.losses, dynamic=False) if compiled else self.losses
        self.gradients(0)  # compiles, ahead of the clock
        self.model.zero_grad()

    def losses(self, weights: Weights, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of every token of a batch, nats."""
        logits = self.network.logits(weights, inputs)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")

    def block(self) -> int:
        """Steps between two looks at the clock: the GPU is waited for only there."""
        return min(max(1, GPU_BLOCK_TOKENS // (self.batch * self.windows.length)), self.steps - self.step)

    def learn(self) -> Tensor:
        total = self.gradients(self.step)
        self.descend()
        return total

    def gradients(self, step: int) -> Tensor:
        """Leave the gradients of a step with the weights; returns the sum of the losses of its tokens, nats."""
        inputs, targets = (x.to(self.device, non_blocking=True) for x in self.windows.gather(self.indices(step)))
        compute = self.compiled if len(inputs) == self.batch else self.losses  # one shape, one compilation
        with torch.autocast(self.device.type, torch.bfloat16):
            losses = compute(self.weights, inputs, targets)
        losses.mean().backward()
        return losses.detach().double().sum()


def interval_ends(steps: int, points: int = CURVE_POINTS) -> list[int]:
    """Steps at which an interval of the curve ends: geometric, the last one the last step.

    >>> interval_ends(100, points=5)
    [1, 3, 10, 32, 100]
    """
    return sorted({round(steps ** (i / (points - 1))) for i in range(points)} | {steps})


def spread(stream: NDArray[Any], length: int, most: int = HELDOUT_WINDOWS) -> NDArray[np.int64]:
    """At most so many windows of length + 1 tokens, evenly spread over a stream.

    >>> spread(np.arange(20), 3, most=2).tolist()
    [[0, 1, 2, 3], [15, 16, 17, 18]]
    """
    count = (len(stream) - 1) // length
    if count < 1:
        raise DataError(f"held-out: {len(stream)} tokens, need {length + 1}")
    starts = np.linspace(0, count - 1, min(most, count)).astype(np.int64) * length
    return np.stack([np.asarray(stream[start : start + length + 1], dtype=np.int64) for start in starts])


def area_above_the_end(curve: list[list[float]]) -> float:
    """The area between a curve [tokens, loss] and its last loss, by trapezoids: nats.

    >>> area_above_the_end([[0, 5.0], [10, 3.0], [30, 2.0]])
    30.0
    """
    tokens, losses = np.array(curve).T
    above = losses - losses[-1]
    return float((np.diff(tokens) * (above[1:] + above[:-1]) / 2).sum())


def device_name(device: torch.device) -> str:
    """`cpu`, or what the GPU calls itself."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@contextmanager
def reproducible(device: str) -> Iterator[None]:
    """Within: one thread on a CPU; on a GPU, kernels that give the same bits again wherever there are such."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with plain.one_thread():
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
