"""Trade loss against code length by gradient: a quantized model, moved on its grid, and the grid with it.

The integers are replaced by real numbers u that are rounded on the way forward and not on the way back (straight
through), and Adam minimises

    loss(rounded u) + price * bits(u),    bits(u) = sum over entries of log2(m_r m_c / m + 1/4),

with m_r, m_c and m the mean |u| of the row, of the column and of all: the length, up to a constant, of a code that
knows the spread of rows and columns; numbers of codebook entries count by their frequencies. Steps of tensors and
rows, or the entries of codebooks, move along; steps settle on those the format has when three quarters of the way are
done. `price` says what a bit is worth: with n tokens in the bound and a bound that moves by k nats per nat of
complexity, price = k ln 2 / n. What comes out are integers again; they are coded and paid like any others, whatever was
tried on the way.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from genbound.errors import DataError, ModelError, domain_error
from genbound.lm.hessian import Hessians
from genbound.lm.quantize.model import QuantizedModel
from genbound.lm.quantize.moved import moved
from genbound.lm.quantize.options import Options
from genbound.lm.quantize.quantizer import quantize
from genbound.lm.train.functional import Network
from genbound.lm.windows import Windows

Progress = Callable[[int, float], None]
Loss = Callable[[dict[str, Tensor], Tensor, Tensor], Tensor]

BETAS = (0.9, 0.99)
STEP_RATE = 0.1
"""The learning rate of log2 steps, relative to that of the weights."""

SETTLED = 0.75
"""The part of the way after which steps no longer move."""

SLOPE = 6.5
"""Nats of the bound per nat of complexity per token, about: measured values lie between 5.5 and 8."""

BATCH_TOKENS = 2048


def refine(
    quantized: QuantizedModel,
    model: nn.Module,
    batches: Iterable[Any],
    *,
    steps: int,
    price: float,
    learning_rate: float = 0.1,
    learn_steps: bool = True,
    progress: Progress | None = None,
) -> QuantizedModel:
    """A quantized model with a smaller loss plus price times bits, on the given batches.

    Args:
        quantized: where to start.
        model: the model it came from (its architecture is used, its weights are not touched).
        batches: token windows (windows, length), each predicted from its own beginning; one batch per step.
        steps: how many batches to use; the rate falls linearly to zero over them.
        price: nats per token that one bit of code is worth, >= 0.
        learning_rate: of Adam, in steps of the grid.
        learn_steps: move the steps of tensors and rows too.
        progress: called with the step and the loss.

    Raises:
        DomainError: a price or rate out of range.
        DataError: fewer batches than steps.
    """
    if not (0 <= price < math.inf):
        raise domain_error("price", price, "0 <= price < inf", "nats per token and bit")
    if not (0 < learning_rate < math.inf):
        raise domain_error("learning_rate", learning_rate, "0 < learning_rate < inf", "steps of the grid per update")
    tensors, books = moved(quantized.tensors, quantized.seed)
    scales = [scale for each in tensors for scale in each.scales] if learn_steps else []
    rates = [(each.real, learning_rate) for each in tensors] + [(each, STEP_RATE * learning_rate) for each in scales]
    rates += [(book, learning_rate * float(book.detach().diff().mean())) for book in books if len(book) > 1]
    optimizer = torch.optim.Adam([{"params": [value], "rate": rate} for value, rate in rates], betas=BETAS)
    loss_of = _loss(model)
    settled = math.ceil(SETTLED * steps)
    source = iter(batches)
    training = model.training
    model.eval()
    try:
        for step in range(steps):
            batch = next(source, None)
            if batch is None:
                raise DataError(f"refine: {step} batches, need {steps} (one per step)")
            ids = torch.as_tensor(batch if torch.is_tensor(batch) else np.asarray(batch)).long()
            if step == settled:
                for each in tensors:
                    each.settle()
                for scale in scales:
                    scale.requires_grad_(False).grad = None
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * (1 - step / steps)
            loss = loss_of({each.tensor.name: each.weights() for each in tensors}, ids[:, :-1], ids[:, 1:])
            total = loss + price * torch.stack([each.bits() for each in tensors]).sum() if price else loss
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            if progress is not None:
                progress(step + 1, float(loss.detach()))
    finally:
        model.train(training)
    return dataclasses.replace(quantized, tensors=tuple(each.finish() for each in tensors))


def quantize_and_refine(
    model: nn.Module,
    windows: Windows,
    *,
    method: str,
    bits: float,
    epochs: float,
    calibration: Hessians | None = None,
    slope: float = SLOPE,
    learning_rate: float = 0.1,
    seed: int = 0,
    options: Options | None = None,
    progress: Progress | None = None,
) -> QuantizedModel:
    """`quantize`, then `refine` on the windows at price k ln 2 / n, k = `slope`.

    The same arguments give the same integers on one machine with one thread.

    Args:
        model: a Hugging Face causal language model.
        windows: the tokens of the bound, n of them.
        method, bits, calibration, options: as `quantize`, but without rotations unless the options say so: rows and
            columns of their own spread are what the price can make shorter.
        epochs: passes over the windows, in an order drawn from the seed; need not be whole.
        slope: k, nats of the bound per nat of complexity per token.
        learning_rate: as `refine`.
        seed: of the rotations, of k-means and of the order.
        progress: called with the step and the loss.

    Raises:
        DomainError: as `quantize` and `refine`; epochs that are not positive.
    """
    if not (0 < epochs < math.inf):
        raise domain_error("epochs", epochs, "0 < epochs < inf", "passes over the windows")
    size = min(len(windows), max(1, BATCH_TOKENS // windows.length))
    steps = max(1, round(epochs * len(windows) / size))
    chosen = options or Options(rotate=False)
    start = quantize(model, method=method, bits=bits, calibration=calibration, seed=seed, options=chosen)
    return refine(
        start, model, _batches(windows, size, seed), steps=steps, price=slope * math.log(2) / windows.n_tokens,
        learning_rate=learning_rate, progress=progress,
    )  # fmt: skip


def _batches(windows: Windows, size: int, seed: int) -> Iterator[Tensor]:
    """Batches without end: one random order of the windows after another."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(windows))
    while True:
        while len(order) < size:
            order = np.concatenate([order, rng.permutation(len(windows))])
        inputs, targets = windows.gather(order[:size])
        order = order[size:]
        yield torch.cat([inputs, targets[:, -1:]], dim=1)


def _loss(model: nn.Module) -> Loss:
    """Mean loss from weights, inputs and targets: without the cost of modules where the network is known."""
    with suppress(ModelError):
        return Network.of(model.config).loss

    def loss(weights: dict[str, Tensor], ids: Tensor, targets: Tensor) -> Tensor:
        logits = functional_call(model, weights, kwargs={"input_ids": ids, "use_cache": False}).logits.float()
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return loss
