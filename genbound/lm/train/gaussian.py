"""Gaussian weights trained for the bound: the objective is `geometric_mean` itself, of one draw of the weights.

A step draws W ~ Q (see `posterior`), reads a batch, and follows the gradient of

    mean [U - w ln z] + w kappa KL(Q || P)/n,

which at kappa = 1 lies above the bound, up to constants, and touches it where w = e^{-C} GM(z) (THEORY 1,
`geometric_mean`; w is held at `Plan.weight`, near that value on the ladder); U and z belong to the optimal output law
(`tilted`). The price kappa of description rises to one over the first part of the run: began at one from fresh
weights, layers that are not yet of use are given up before they can be. The run starts from given weights (a plainly
trained model: the posterior, the constants of `Plan` among it, may depend on the data in any way) or from a fresh
initialisation.

What is fixed beforehand: the seed of the draws, their number, the architecture, and the form of P. What is paid: the
log-ratio of the draw, the prior scales, and the choice among `draws` draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import GPTNeoXConfig

from genbound.lm.train.functional import Network
from genbound.lm.train.gaussian_run import Plan, Run
from genbound.lm.train.plain import Progress, complete, one_thread
from genbound.lm.train.posterior import Posterior, prior_scale
from genbound.lm.train.tilted import pilot_bound
from genbound.lm.windows import Windows

PLAN = Plan()

CENTRED = replace(PLAN, muon=0.002, deviation=0.005, decay=0.9)
"""The plan of weights that start at the mean of their prior: less to move. Tuned on 10k with other draws."""

_PROBE = 1 << 20


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A trained posterior and the draw that was chosen.

    Attributes:
        model_type, config: the architecture, as in a coded file.
        posterior: Q and P of every tensor.
        seed: of the draws. draws: r, how many were looked at. draw: which one is certified, 0 .. r - 1.
        record: of the run.
    """

    model_type: str
    config: dict[str, Any]
    posterior: Posterior
    seed: int
    draws: int
    draw: int
    record: dict[str, Any]


def train(
    config: GPTNeoXConfig,
    windows: Windows,
    *,
    epochs: float = 1,
    seed: int = 0,
    work: Path | str | None = None,
    progress: Progress | None = None,
    start: nn.Module | None = None,
    centre: Mapping[str, Tensor] | None = None,
    plan: Plan = PLAN,
) -> Gaussian:
    """Train means, scales and correlations of the weights for the bound, and choose among `plan.draws` draws.

    Args:
        config: the configuration of a GPT-NeoX; fixed beforehand.
        windows: what it is trained on; n is their number of tokens, however many epochs are made.
        epochs: passes over the windows, > 0, each in an order of its own.
        seed: of the initial weights, the orders, the noise of training and (another stream) the draws.
        work: folder for the checkpoint from which a killed run continues to the same bytes.
        progress: called as progress("train", tokens done, tokens in all).
        start: a trained model of this architecture to start from; None: a fresh initialisation.
        centre: c, the prior means, if not the default: they must not depend on the windows (a model of other data).
        plan: see `Plan`.

    Raises:
        DomainError: epochs out of range. ModelError: no GPT-NeoX.
    """
    with one_thread():
        run = Run(config, windows, epochs=epochs, seed=seed, start=start, centre=centre, plan=plan)
        complete(run, work, progress)
        posterior = run.posterior()
        values = [draw_value(run.network, posterior, windows, seed, draw, plan) for draw in range(plan.draws)]
    record = {
        **run.identity, "steps": run.steps, "batch": run.batch, "parameters": posterior.parameters,
        "kl_nats": posterior.divergence(), "draw_values": values,
        "prior_scales": {name: prior_scale(belief.exponent) for name, belief in posterior.beliefs.items()},
    }  # fmt: skip
    best = int(np.argmin(values))
    return Gaussian(run.model_type, run.config, posterior, seed, plan.draws, best, record)


def draw_value(
    network: Network, posterior: Posterior, windows: Windows, seed: int, draw: int, plan: Plan = PLAN
) -> float:
    """About the bound of one draw, on a few windows (nats per token; for choosing only)."""
    drawn, ratio = posterior.draw(seed, draw)
    weights = {name: torch.from_numpy(value) for name, value in drawn.items()}
    chosen = np.random.Generator(np.random.PCG64([seed, _PROBE])).permutation(len(windows))[: plan.probe]
    return pilot_bound(lambda inputs: network.logits(weights, inputs), windows, chosen, ratio, plan.weight)
