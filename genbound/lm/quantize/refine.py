"""Trade loss against code length by gradient: the integers of a quantized model, moved on their grid.

The integers are replaced by real numbers u that are rounded on the way forward and not on the way back (straight
through), and Adam minimises

    loss(rounded u) + price * bits(u),    bits(u) = sum over rows of (columns) log2(mean |u| + 1/4),

the second term being the length, up to a constant, of a code that knows the spread of each row. `price` says what a bit
is worth: with n tokens in the bound and a bound that moves by k nats per nat of complexity, price = k ln 2 / n. What
comes out are integers again; they are coded and paid like any others, whatever was tried on the way.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from genbound.errors import DataError, domain_error
from genbound.lm.quantize.model import HALF_OCTAVE, SHRINK_UNIT, QuantizedModel, QuantizedTensor, powers
from genbound.lm.quantize.rotation import block_size, signs

Progress = Callable[[int, float], None]

OFFSET = 0.25
BETAS = (0.9, 0.99)


def refine(
    quantized: QuantizedModel,
    model: nn.Module,
    batches: Iterable[Any],
    *,
    steps: int,
    price: float,
    learning_rate: float = 0.01,
    progress: Progress | None = None,
) -> QuantizedModel:
    """Integers on the same grid with a smaller loss plus price times bits, on the given batches.

    Args:
        quantized: where to start.
        model: the model it came from (its architecture is used, its weights are not touched).
        batches: token windows (windows, length), each predicted from its own beginning; one batch per step.
        steps: how many batches to use; the rate falls linearly to zero over them.
        price: nats per token that one bit of code is worth, >= 0.
        learning_rate: of Adam, in steps of the grid.
        progress: called with the step and the loss.

    Raises:
        DomainError: a price or rate out of range.
        DataError: fewer batches than steps.
    """
    if not (0 <= price < math.inf):
        raise domain_error("price", price, "0 <= price < inf", "nats per token and bit")
    if not (0 < learning_rate < math.inf):
        raise domain_error("learning_rate", learning_rate, "0 < learning_rate < inf", "steps of the grid per update")
    moved = [_Moved(tensor, quantized.seed, index) for index, tensor in enumerate(quantized.tensors)]
    optimizer = torch.optim.Adam([each.real for each in moved], lr=learning_rate, betas=BETAS)
    source = iter(batches)
    training = model.training
    model.eval()
    try:
        for step in range(steps):
            batch = next(source, None)
            if batch is None:
                raise DataError(f"refine: {step} batches, need {steps} (one per step)")
            ids = torch.as_tensor(batch if torch.is_tensor(batch) else np.asarray(batch)).long()
            optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
            weights = {each.tensor.name: each.weights() for each in moved}
            call = {"input_ids": ids[:, :-1], "use_cache": False}
            logits = functional_call(model, weights, kwargs=call).logits.float()
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
            total = loss + price * torch.stack([each.bits() for each in moved]).sum() if price else loss
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            if progress is not None:
                progress(step + 1, float(loss.detach()))
    finally:
        model.train(training)
    return dataclasses.replace(quantized, tensors=tuple(each.finish() for each in moved))


class _Moved:
    """One tensor on the move."""

    def __init__(self, tensor: QuantizedTensor, seed: int, index: int) -> None:
        self.tensor = tensor
        rows = powers(tensor.step + HALF_OCTAVE * tensor.row_exponents)
        columns = powers(HALF_OCTAVE * tensor.column_exponents)
        self._steps = torch.from_numpy(np.outer(rows, columns)).float()
        self._signs = torch.from_numpy(signs(seed, index, len(columns))).float() if tensor.rotated else None
        self.real = torch.from_numpy(tensor.values.astype(np.float32)).requires_grad_()

    def weights(self) -> Tensor:
        """The parameter as the coded integers would give it, with gradients passed straight through the rounding."""
        points = self.real.round()
        if self.tensor.shrink:
            shrink = self.tensor.shrink / SHRINK_UNIT
            points = points.sign() * (points.abs() - shrink).clamp(min=0)
        out = (self.real + (points - self.real).detach() + self.tensor.centre) * self._steps
        if self._signs is not None:
            out = _hadamard(out) * self._signs
        if self.tensor.transposed:
            out = out.T
        return out.reshape(self.tensor.shape)

    def bits(self) -> Tensor:
        """The length of the integers, up to a constant, under a code that knows the spread of each row."""
        if not self.real.numel():
            return self.real.sum()
        return self.real.shape[1] * torch.log2(self.real.abs().mean(1) + OFFSET).sum()

    def finish(self) -> QuantizedTensor:
        values = self.real.detach().round().numpy().astype(np.int32)
        return dataclasses.replace(self.tensor, values=values)


def _hadamard(rows: Tensor) -> Tensor:
    """The block Walsh-Hadamard transform of the last axis, differentiable."""
    block = block_size(rows.shape[-1])
    out, half = rows.reshape(-1, block), 1
    while half < block:
        view = out.reshape(-1, block // (2 * half), 2, half)
        first, second = view[:, :, 0], view[:, :, 1]
        out = torch.stack([first + second, first - second], dim=2).reshape(-1, block)
        half *= 2
    return (out / math.sqrt(block)).reshape(rows.shape)
