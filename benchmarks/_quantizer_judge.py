"""One judge for every quantizer: proxy loss, training loss, and genbound's own models at a given size."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from genbound.errors import GenboundError
from genbound.lm.codec import encode
from genbound.lm.corpora import sotu
from genbound.lm.hessian import Hessians, collect, is_linear
from genbound.lm.ladder.models import load, path
from genbound.lm.quantize import quantize, quantizer
from genbound.lm.quantize.ldlq import proxy_loss
from genbound.lm.windows import Windows

Weights = Mapping[str, np.ndarray]
CALIBRATION_WINDOWS = 256
BATCH = 64
CLOSE = 0.01
"""A coded model may be smaller than the peer's by this fraction before another step is tried."""

FINE = 0.01
"""Nominal bits: where neighbours this near make sizes on either side, the method has none in between."""

TRIES = 5
SCOPES = ("linear", "whole")
"""The matrices inside the blocks with everything else as it was; and all parameters, the peers' others in float16."""


@dataclass(frozen=True)
class Own:
    """A model of genbound's: nominal bits per weight, real size, processor time with statistics and coding, losses.

    `note` says why there is none.
    """

    nominal: float = 0.0
    bits: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    proxy: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Coded:
    """A quantized model and its size."""

    nominal: float
    bits: int
    seconds: float
    weights: dict[str, np.ndarray] = field(repr=False)


class Judge:
    """A ladder model, its training characters, and what it does on them."""

    def __init__(self, name: str, *, characters: int, seed: int) -> None:
        self.name, self.folder = name, path(name)
        self.model, record = load(name)
        self.vocab_size = int(self.model.config.vocab_size)
        stream = sotu.training_stream()
        context = int(self.model.config.max_position_embeddings)
        self.windows = Windows(stream[: characters + 1].astype(np.int64), context)
        trained = Windows(stream[: record["tokens"] + 1], context)
        drawn = np.random.Generator(np.random.PCG64(seed)).integers(0, len(trained), CALIBRATION_WINDOWS)
        self.calibration = trained.gather(drawn)[0].numpy()
        self.weights = {n: p.detach().numpy().copy() for n, p in self.model.named_parameters()}
        blocks = [n for n, m in self.model.named_modules() if is_linear(m) and ".layers." in n]
        self.linear = tuple(f"{n}.weight" for n in blocks)
        self.linear_size = sum(self.weights[n].size for n in self.linear)
        self.size = sum(value.size for value in self.weights.values())
        start = time.process_time()
        batches = [self.calibration[i : i + BATCH] for i in range(0, len(self.calibration), BATCH)]
        self.hessians: Hessians = collect(self.model, batches, seed=seed)
        self.hessian_seconds = time.process_time() - start
        self.loss_plain = self.loss({})
        self._sizes: dict[tuple[str, str], dict[float, int]] = {}

    def proxy(self, weights: Weights) -> float:
        """sum over the linear layers of tr(dW H dW^T), over that of tr(W H W^T)."""
        pairs = [(self.weights[n].astype(np.float64), self.hessians.inputs[n], weights[n]) for n in self.linear]
        lost = sum(proxy_loss(w, found.astype(np.float64), h) for w, h, found in pairs)
        return lost / sum(proxy_loss(w, np.zeros_like(w), h) for w, h, _ in pairs)

    def loss(self, weights: Weights) -> float:
        """Mean nats per character on the first characters of the training stream, with these weights put in."""
        model = copy.deepcopy(self.model)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in weights:
                    parameter.copy_(torch.from_numpy(np.asarray(weights[name], dtype=np.float32)))
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(self.windows), BATCH):
                inputs, targets = self.windows.gather(np.arange(start, min(start + BATCH, len(self.windows))))
                logits = model(input_ids=inputs, use_cache=False).logits
                total += float(nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
        return total / self.windows.n_tokens

    def scoped(self, weights: Weights, scope: str, *, halve: bool) -> dict[str, np.ndarray]:
        """The weights a model of this scope takes; `halve`: what a peer leaves alone is rounded to float16."""
        if scope == "linear":
            return {name: weights[name] for name in self.linear}
        rest = {n: w.astype(np.float16).astype(np.float32) if halve else w for n, w in self.weights.items()}
        return {**rest, **weights}

    def peer_bits(self, bits: int, scope: str) -> int:
        """The size of a peer's model: of what it quantized, and in the whole model 16 bits for every other weight."""
        return bits if scope == "linear" else bits + 16 * (self.size - self.linear_size)

    def own(self, method: str, scope: str, target: int) -> Own:
        """The largest coded model of at most `target` bits that a few steps find.

        In the scope "linear" everything but the matrices is set to zero before coding, so that the file holds the
        matrices, its frame and the architecture, and nothing else of note.
        """
        model = self._matrices_only() if scope == "linear" else self.model
        count = self.linear_size if scope == "linear" else self.size

        def code(nominal: float) -> Coded:
            start = time.process_time()
            quantized = quantize(model, method=method, bits=nominal, calibration=self.hessians)
            bits = 8 * len(encode(quantized))
            seconds = time.process_time() - start + (0.0 if method == "rtn" else self.hessian_seconds)
            return Coded(nominal, bits, seconds, quantized.dequantize())

        try:
            found = _at_most(code, target, count, self._sizes.setdefault((method, scope), {}))
        except (GenboundError, ValueError) as error:  # a failure is a result too, under its name
            return Own(note=str(error))
        if found is None:
            return Own(note=f"no model of at most {target} bits from {quantizer.BITS_RANGE[0]} nominal bits up")
        loss = self.loss(self.scoped(found.weights, scope, halve=False))
        return Own(found.nominal, found.bits, found.seconds, loss, self.proxy(found.weights))

    def fingerprint(self) -> str:
        """Changes with the model, the characters, the calibration and the code that quantizes, codes and judges."""
        lm = Path(quantizer.__file__).parents[1]
        files = [Path(__file__), lm / "hessian.py", *sorted(lm.glob("quantize/*.py")), *sorted(lm.glob("codec/*.py"))]
        known = [*(file.read_bytes() for file in files), (self.folder / "model.safetensors").read_bytes()]
        known += [self.windows.tokens.tobytes(), self.calibration.tobytes()]
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in known)).hexdigest()[:16]

    def _matrices_only(self) -> nn.Module:
        model = copy.deepcopy(self.model)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name not in self.linear:
                    parameter.zero_()
        return model


def _at_most(code: Callable[[float], Coded], target: int, count: int, sizes: dict[float, int]) -> Coded | None:
    """Nominal rates are corrected by what was too much or too little; `sizes` remembers bits by nominal rate."""
    least, most = quantizer.BITS_RANGE
    best: Coded | None = None
    for _ in range(TRIES):
        below = max((rate for rate, bits in sizes.items() if bits <= target), default=least)
        above = min((rate for rate, bits in sizes.items() if bits > target), default=most)
        fine = above - below < FINE
        if fine and best is not None:
            break
        nominal = below if fine else _guess(target * (1 - CLOSE / 2), count, sizes, below, above)
        found = code(nominal)
        repeated = sizes.get(nominal) == found.bits
        sizes[nominal] = found.bits
        if found.bits <= target and (best is None or found.bits > best.bits):
            best = found
        if repeated or target * (1 - CLOSE) <= found.bits <= target:
            break
    return best


def _guess(target: float, count: int, sizes: Mapping[float, int], below: float, above: float) -> float:
    """The nominal rate for a size: on the line through the nearest known sizes, or one bit per weight from one."""
    low, high = sizes.get(below), sizes.get(above)
    if low is not None and high is not None and high > low:
        part = (target - low) / (high - low)
        return below + min(0.9, max(0.1, part)) * (above - below)
    if low is None and high is None:
        return min(above, max(below, target / count))
    nominal = above - (high - target) / count if high is not None else below + (target - (low or 0)) / count
    return min(above, max(below, nominal))
