"""Gaussian weights around a prefix model, trained on the tokens after it: the cells of prefix_curve.py that spend KL.

Prior: N(w_0, s^2), w_0 the prefix model and s a fixed share of the root mean square of each of its tensors, both
functions of the prefix. Posterior: N(w_0 + s m, (s e^r)^2), from m = r = 0 (no KL) by Adam on

    mean loss after n_0 under one draw + price * KL / (n - n_0),

so KL is spent only where the loss falls by more than `price` per nat. One draw with a seed of its own is certified,
at its exact log-ratio. The share is one of 16 and the price one of 4, fixed beforehand; both choices are paid.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genbound.complexity.codes import choice_nats
from genbound.complexity.draws import gaussian_log_ratio
from genbound.lm.train.functional import Network
from genbound.lm.train.plain import frozen, one_thread
from genbound.lm.windows import Windows

SHARES = tuple(2.0**-j for j in range(16))
PRICES = (4.0, 8.0, 16.0, 32.0)
PASSES, RATE, BATCH = 2, 0.05, 4
DRAW_SEED = 2_718_281


@dataclass(frozen=True)
class Cell:
    """Which prefix model is moved, and at what price."""

    share: float
    epochs: int
    scale: float
    price: float


CELLS = tuple(Cell(share, 4, 2.0**-5, price) for share in (0.1, 0.5) for price in (8.0, 32.0))


@dataclass(frozen=True)
class Drawn:
    """The model of one draw, and ln dQ/dP of it in nats."""

    model: Any
    log_ratio: float

    @property
    def prices(self) -> dict[str, float]:
        """Nats: the log-ratio and the two choices."""
        return {
            "log-ratio of the draw": self.log_ratio,
            f"prior scale ({len(SHARES)})": choice_nats(len(SHARES)),
            f"price of KL ({len(PRICES)})": choice_nats(len(PRICES)),
        }


def draw(prefix_model: Any, rest: Windows, cell: Cell) -> Drawn:
    """Train the posterior on the tokens after the prefix, and draw from it once."""
    with one_thread():
        centre = {name: weight.detach().double() for name, weight in prefix_model.named_parameters()}
        spread = {name: cell.scale * weight.square().mean().sqrt() for name, weight in centre.items()}
        moved, widened = _posterior(Network.of(prefix_model.config), centre, spread, rest, cell)
        generator = torch.Generator().manual_seed(DRAW_SEED)
        model, ratio = copy.deepcopy(prefix_model), []
        for name, parameter in model.named_parameters():
            mean = centre[name] + spread[name] * moved[name]
            sigma = spread[name] * widened[name].exp()
            omega = mean + sigma * torch.randn(mean.shape, generator=generator, dtype=torch.float64)
            ratio.append([value.flatten().numpy() for value in (
                omega, mean, sigma, spread[name].expand(mean.shape), centre[name])])  # fmt: skip
            parameter.copy_(omega)
        return Drawn(frozen(model), gaussian_log_ratio(*(np.concatenate(part) for part in zip(*ratio, strict=True))))


def _posterior(network: Network, centre: dict[str, torch.Tensor], spread: dict[str, torch.Tensor],
               rest: Windows, cell: Cell) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:  # fmt: skip
    """m and r of every tensor, float64, without gradients."""
    moved = {name: torch.zeros(weight.shape, requires_grad=True) for name, weight in centre.items()}
    widened = {name: torch.zeros(weight.shape, requires_grad=True) for name, weight in centre.items()}
    start = {name: weight.float() for name, weight in centre.items()}
    scale = {name: float(value) for name, value in spread.items()}
    optimizer = torch.optim.Adam([*moved.values(), *widened.values()], lr=RATE, fused=True)
    noise = torch.Generator().manual_seed(0)
    order = np.concatenate([np.random.Generator(np.random.PCG64([0, e])).permutation(len(rest)) for e in range(PASSES)])
    batches = np.array_split(order, max(1, len(order) // BATCH))
    for step, batch in enumerate(batches):
        weights, nats = {}, torch.zeros(())
        for name, m in moved.items():
            r = widened[name]
            weights[name] = start[name] + scale[name] * (m + r.exp() * torch.randn(m.shape, generator=noise))
            nats = nats + (m.square() + (2 * r).exp() - 1 - 2 * r).sum() / 2
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / len(batches))
        optimizer.zero_grad()
        (network.loss(weights, *rest.gather(batch)) + cell.price / rest.n_tokens * nats).backward()
        optimizer.step()
    return tuple({name: value.detach().double() for name, value in part.items()} for part in (moved, widened))
