"""The optimal output law in torch: a fixed, short sequence of operations, so that it is a definition like any other.

    z_x e^{z_x} = x,   x = w p(x) e^U,   sum_x e^{z_x} = sum_x x/z_x = e^U

A quotient in t = ln(1 + x), t (c + (1 - c)/(1 + b t)), starts z, roughly; a round then takes one Halley step in z and
one Newton step in U. Rounding and what the rounds leave over are part of the law (see genbound.tilting).
"""

from __future__ import annotations

import torch
from torch import Tensor

from genbound import tilting

LEVEL, RATE = 0.755, 0.85  # c and b
ROUNDS = 2
"""Rounds of the search for U: what two leave over costs less than 1e-5 nats."""


def slacks(p: Tensor, entropy: Tensor, weight: float, *, rounds: int = ROUNDS) -> Tensor:
    """z >= LEAST_SLACK of the laws e^{z - U}, U = ln sum e^z, that are optimal for the predictions p.

    Args:
        p: (..., V), probabilities of each prediction, float32 or float64.
        entropy: (...), of p, nats.
        weight: w, nats, 0 < w <= 64.
        rounds: of the search.

    Returns:
        z, nats, shape and dtype of p; LEAST_SLACK <= z <= w + ln V.
    """
    vocab_size = p.shape[-1]
    start, slope = tilting.first_ceilings(weight, vocab_size)
    u = (start + slope * entropy).to(p.dtype).unsqueeze(-1)
    x = (p * (u.exp() * weight)).clamp_(min=tilting.LEAST_SLACK)
    t = torch.log1p(x)
    one, level = t.new_tensor(1.0), t.new_tensor(LEVEL)
    z = torch.add(one, t, alpha=RATE).reciprocal_()
    torch.add(level, z, alpha=1.0 - LEVEL, out=z).mul_(t)
    r, a = t, torch.empty_like(t)
    for _ in range(rounds):
        torch.div(x, z, out=r).log_().sub_(z)
        torch.add(z, 1.0, out=a)
        b = torch.addcmul(r, a, a, value=-2.0)
        z.addcmul_(z, r.mul_(a).div_(b), value=-2.0)  # Halley: z (1 + 2 r a/(2 a^2 - r))
        torch.add(z, 1.0, out=a).reciprocal_()
        torch.div(x, z, out=r)
        total = r.sum(-1, keepdim=True)
        step = (total.log() - u) * total / r.mul_(a).sum(-1, keepdim=True)
        u += step
        x *= step.exp()
        torch.add(one, a.mul_(step), alpha=0.5, out=r)
        z.addcmul_(z, r.mul_(a))  # d ln z/dU = 1/(1 + z): by 1 + y + y^2/2 > 0
    return z.clamp_(tilting.LEAST_SLACK, tilting.most_slack(weight, vocab_size))
