"""`geometric_mean` under the optimal output law, as a loss to train: per token U and z, with gradients (THEORY 3).

    R <= mean U - e^{-C} GM(z) <= mean [U - w ln z] + w C - w (1 - ln w)   for every w > 0,

with equality in the second step at w = e^{-C} GM(z). So w is the price of one nat per token of description, and a step
on mean [U - w ln z] + w C, w = e^{-C} GM(z) of the last batches, is a step on the bound itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genbound.lm.tilted import slacks
from genbound.lm.windows import Windows

CACHE_ELEMENTS = 1 << 16
"""Probabilities solved for at a time: the passes over them find them in the cache."""

PILOT_WINDOWS = 16
"""Windows read at a time where nothing is proved."""


def tilted(logits: Tensor, targets: Tensor, weight: float, *, rounds: int = 1) -> tuple[Tensor, Tensor]:
    """U and z of the tokens that came, under the law q = e^{z - U} that is optimal for softmax(logits).

    The law is the one that certificates evaluate (genbound.lm.tilted). The gradient is that of the solved equations
    z e^z = w p e^U, sum e^z = e^U, by the implicit function theorem: right up to what the rounds leave over. Where z is
    kept at its floor it is that of the law without the floor, so that the token is still learned.

    Args:
        logits: (..., V), floating; gradients flow into it.
        targets: (...) integer tokens in [0, V).
        weight: w, nats, 0 < w <= 64.
        rounds: of the search for U (the certificate's law has two; one differs by less than 1e-3 nats).

    Returns:
        (U, z), nats, each of the shape of targets: the loss is U - z, its ceiling U.

    >>> ceilings, z = tilted(torch.zeros(1, 4), torch.tensor([2]), 3.0)
    >>> round(float(ceilings), 4), round(float(z), 4)  # of a uniform prediction: U = w + ln V, z = w
    (4.3863, 3.0)
    """
    flat = logits.reshape(-1, logits.shape[-1])
    ceilings, z = _Tilted.apply(flat, targets.reshape(-1), weight, rounds)
    return ceilings.reshape(targets.shape), z.reshape(targets.shape)


def tilted_bound(ceilings: Tensor, z: Tensor, complexity: Tensor | float, weight: float) -> Tensor:
    """mean [U - w ln z] + w C - w (1 - ln w), nats per token: at least the bound, and equal to it at w = e^{-C} GM(z).

    Args:
        ceilings, z: U and z of a batch, from `tilted` (at this weight or another).
        complexity: C, nats per token; a tensor where it is trained as well.
        weight: w, nats.
    """
    return (ceilings - weight * z.log()).mean() + weight * complexity - weight * (1.0 - math.log(weight))


def pilot_bound(
    logits: Callable[[Tensor], Tensor], windows: Windows, indices: np.ndarray, nats: float, weight: float
) -> float:
    """About the bound of a described model, on a few windows (nats per token): for choosing only, nothing is proved.

    Args:
        logits: of a batch of inputs, as `windows.gather` gives them.
        windows: the stream, whose n shares the nats. indices: the windows to read.
        nats: n C of the description. weight: w of the law.
    """
    ceiling = log_slack = 0.0
    with torch.inference_mode():
        for block in np.array_split(indices, -(-len(indices) // PILOT_WINDOWS)):
            inputs, targets = windows.gather(block)
            ceilings, z = tilted(logits(inputs)[:, windows.lead :], targets, weight)
            ceiling += ceilings.sum(dtype=torch.float64).item() / (len(indices) * windows.length)
            log_slack += z.log().sum(dtype=torch.float64).item() / (len(indices) * windows.length)
    return ceiling - math.exp(log_slack - nats / windows.n_tokens)


class _Tilted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, weight: float, rounds: int) -> tuple[Tensor, Tensor]:
        p, share = torch.empty_like(logits), torch.empty_like(logits)
        ceilings, own = logits.new_empty(len(logits)), logits.new_empty(len(logits))
        rows = max(1, CACHE_ELEMENTS // logits.shape[-1])
        for part in (slice(i, i + rows) for i in range(0, len(logits), rows)):
            law = torch.softmax(logits[part], -1, out=p[part])
            entropy = logits[part].logsumexp(-1) - (law * logits[part]).sum(-1)
            z = slacks(law, entropy, weight, rounds=rounds)
            ceilings[part] = z.logsumexp(-1)
            own[part] = z.gather(-1, targets[part, None]).squeeze(-1)
            # dz = z/(1+z) (d ln p + dU) and dU = sum q dz, q = e^{z-U}: dU = sum share d ln p
            q = torch.sub(z, ceilings[part, None]).exp_()
            rate = z.add(1).reciprocal_()
            total = (q * rate).sum(-1, keepdim=True)
            torch.mul(q.mul_(z), rate.div_(total), out=share[part])
        ctx.save_for_backward(p, share, own / (1 + own), targets)
        return ceilings, own

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        p, share, rate, targets = ctx.saved_tensors
        own = gradients[1] * rate
        result = share * (gradients[0] + own)[:, None]
        result.scatter_add_(-1, targets[:, None], own[:, None])
        result.addcmul_(p, result.sum(-1, keepdim=True), value=-1)
        return result, None, None, None
