"""One run of training Gaussian weights (see `gaussian`): the steps, and the checkpoint a killed run continues from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import GPTNeoXConfig

from genbound.errors import domain_error
from genbound.lm.codec.architecture import describe
from genbound.lm.ladder.train import versions
from genbound.lm.train.functional import Network
from genbound.lm.train.plain import BLOCK_TOKENS, initial, stream_sha256
from genbound.lm.train.posterior import Belief, Posterior, centre_of, has_factor, nearest_exponent
from genbound.lm.train.tilted import tilted
from genbound.lm.windows import Windows

SCHEMA = "genbound.gaussian.training/1"
LEAST_DEVIATION = 0.05


@dataclass(frozen=True)
class Plan:
    """How Gaussian weights are trained: tuned on the ladder at 100k parameters and below, fixed here.

    Attributes:
        batch: windows per step; 0: 4 up to 50,000 parameters, 8 beyond.
        rate: of Adam on means outside the layers, vectors and prior scales. muon: of Muon on the layers' matrices.
        scale_rate: of Adam on ln S. factor_rate: of Adam on L and R.
        deviation: S at the start.
        first_price, fresh_price, warm: kappa rises to 1 over the fraction `warm` of the run, from `first_price` where
            the start is a trained model, from `fresh_price` where it is a fresh one.
        decay: the rates fall linearly to zero over this last fraction of the run.
        weight: w of the law that is trained, and the price of a nat per token.
        draws: r, draws of the final posterior that are looked at; ln r is paid.
        probe: windows on which they are compared.
    """

    batch: int = 0
    rate: float = 0.01
    muon: float = 0.01
    scale_rate: float = 0.02
    factor_rate: float = 0.003
    deviation: float = 0.02
    first_price: float = 0.5
    fresh_price: float = 0.05
    warm: float = 0.3
    decay: float = 0.5
    weight: float = 6.0
    draws: int = 8
    probe: int = 256


class Run:
    """The state of one run: means, scales, factors, prior scales, optimisers, and how many steps were made."""

    def __init__(self, config: GPTNeoXConfig, windows: Windows, *, epochs: float, seed: int, start: nn.Module | None,
                 centre: Mapping[str, Tensor] | None, plan: Plan) -> None:  # fmt: skip
        if not 0 < epochs < 10_000:
            raise domain_error("epochs", epochs, "0 < epochs < 10000", "passes over the windows")
        self.network, self.windows, self.seed, self.plan = Network.of(config), windows, seed, plan
        self.fresh = start is None
        model = initial(config, seed)
        self.model_type, self.config = describe(model)
        begin = dict((start or model).named_parameters())
        self.means = {k: begin[k].detach().cpu().float().clone().requires_grad_() for k, _ in model.named_parameters()}
        self.centre = {k: (centre[k].detach().float() if centre else centre_of(k, v)) for k, v in self.means.items()}
        parameters = sum(v.numel() for v in self.means.values())
        self.batch = min(plan.batch or (4 if parameters < 50_000 else 8), len(windows))
        self.per_epoch = len(windows) // self.batch
        self.steps, self.step = max(1, round(epochs * self.per_epoch)), 0
        self.log_scales = {
            k: torch.full_like(v, math.log(plan.deviation)).requires_grad_() for k, v in self.means.items()
        }
        self.lefts, self.rights = self._factors(0), self._factors(1)
        self.log_priors = {k: torch.tensor(self._log_deviation(k)).requires_grad_() for k in self.means}
        self.optimizers = self._optimizers()
        self._order: tuple[int, np.ndarray] = (-1, np.arange(0))
        self._noise = torch.Generator()
        self.identity = {
            "schema": SCHEMA, "config": json.loads(config.to_json_string()), "epochs": epochs, "seed": seed,
            "plan": asdict(plan), "stream_sha256": stream_sha256(windows), "versions": versions(),
            "begin": _fingerprint(self.means), "centre": _fingerprint(self.centre),
        }  # fmt: skip

    def _factors(self, axis: int) -> dict[str, Tensor]:
        """Free entries below the diagonal of L (axis 0) or R (axis 1)."""
        sizes = {k: v.shape[axis] for k, v in self.means.items() if v.ndim == 2 and has_factor(v.shape[axis])}
        return {k: torch.zeros(size, size).requires_grad_() for k, size in sizes.items()}

    def _log_deviation(self, name: str) -> float:
        ahead = self.means[name].detach() - self.centre[name]
        return math.log(max(float(ahead.square().mean().sqrt()), LEAST_DEVIATION))

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        plan = self.plan
        inner = [v for k, v in self.means.items() if v.ndim == 2 and ".layers." in k]
        outer = [v for k, v in self.means.items() if not (v.ndim == 2 and ".layers." in k)]
        adam = torch.optim.Adam(
            [
                {"params": [*outer, *self.log_priors.values()], "lr": plan.rate},
                {"params": list(self.log_scales.values()), "lr": plan.scale_rate},
                {"params": [*self.lefts.values(), *self.rights.values()], "lr": plan.factor_rate},
            ],
            betas=(0.9, 0.99),
        )
        optimizers: list[torch.optim.Optimizer] = [adam]
        if inner:
            optimizers.append(torch.optim.Muon(inner, lr=plan.muon, weight_decay=0.0))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["peak"] = group["lr"]
        return optimizers

    # ------------------------------------------------------------------------------------------------- one step

    def advance(self) -> None:
        """The next steps, about BLOCK_TOKENS tokens of them."""
        for _ in range(min(max(1, BLOCK_TOKENS // (self.batch * self.windows.length)), self.steps - self.step)):
            self.update()

    def update(self) -> None:
        """One step on the bound."""
        epoch, place = divmod(self.step, self.per_epoch)
        if epoch != self._order[0]:
            self._order = (
                epoch,
                np.random.Generator(np.random.PCG64([self.seed, epoch])).permutation(len(self.windows)),
            )
        inputs, targets = self.windows.gather(self._order[1][place * self.batch : (place + 1) * self.batch])
        weights, divergence = self._sample()
        weight = self.plan.weight
        ceilings, slack = tilted(self.network.logits(weights, inputs), targets, weight)
        price = weight * self._kappa() / self.windows.n_tokens
        ((ceilings - weight * slack.log()).mean() + price * divergence).backward()
        fraction = self._fraction()
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = fraction * group["peak"]
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1

    def _sample(self) -> tuple[dict[str, Tensor], Tensor]:
        """W ~ Q with its gradients, and KL(Q || P)."""
        self._noise.manual_seed(self.seed * 1_000_003 + self.step)
        weights: dict[str, Tensor] = {}
        total = torch.zeros(())
        for name, mean in self.means.items():
            scale = self.log_scales[name].exp()
            noise = scale * torch.randn(mean.shape, generator=self._noise)
            spread = scale.square()
            if name in self.rights:
                right = _unit(self.rights[name])
                noise, spread = noise @ right.T, spread @ right.square().T
            if name in self.lefts:
                left = _unit(self.lefts[name])
                noise, spread = left @ noise, left.square() @ spread
            weights[name] = mean + noise
            prior = self.log_priors[name]
            ahead = (spread + (mean - self.centre[name]).square()) * (0.5 * torch.exp(-2.0 * prior))
            total = total + (ahead - self.log_scales[name] + (prior - 0.5)).sum()
        return weights, total

    def _kappa(self) -> float:
        done, first = self.step / self.steps, self.plan.fresh_price if self.fresh else self.plan.first_price
        return min(1.0, first + (1.0 - first) * done / self.plan.warm)

    def _fraction(self) -> float:
        return min(1.0, (self.step + 1) / 100) * min(1.0, (1.0 - self.step / self.steps) / self.plan.decay)

    # ------------------------------------------------------------------------------------ checkpoints and the end

    @property
    def tokens_done(self) -> int:
        return self.step * self.batch * self.windows.length

    def _state(self) -> dict[str, Tensor]:
        groups = {"mean": self.means, "log_scale": self.log_scales, "left": self.lefts, "right": self.rights,
                  "log_prior": self.log_priors}  # fmt: skip
        return {f"{group}/{name}": value for group, part in groups.items() for name, value in part.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes along the run, for the checkpoint."""
        state = {name: value.detach().clone() for name, value in self._state().items()}
        for i, optimizer in enumerate(self.optimizers):
            for index, entries in optimizer.state_dict()["state"].items():
                state |= {f"optimizer{i}/{index}/{key}": torch.as_tensor(v).clone() for key, v in entries.items()}
        return state

    def restore(self, tensors: dict[str, Tensor], step: int) -> None:
        """Put back what `tensors` gave after `step` steps."""
        with torch.no_grad():
            for name, value in self._state().items():
                value.copy_(tensors[name])
        for i, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, tensor in tensors.items():
                kind, *rest = name.split("/")
                if kind == f"optimizer{i}":
                    state.setdefault(int(rest[0]), {})[rest[1]] = tensor
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        self.step = step

    def posterior(self) -> Posterior:
        """What was learned, with the prior scales rounded to what is coded."""
        beliefs = {}
        for name, mean in self.means.items():
            left, right = (_fixed(factors.get(name)) for factors in (self.lefts, self.rights))
            exponent = nearest_exponent(math.exp(float(self.log_priors[name].detach())))
            belief = Belief(
                mean.detach().clone(), self.log_scales[name].detach().clone(), left, right, exponent, self.centre[name]
            )
            belief.check(name)
            beliefs[name] = belief
        return Posterior(beliefs)


def _unit(below: Tensor) -> Tensor:
    """The unit lower triangular matrix with these entries below its diagonal."""
    return torch.tril(below, -1) + torch.eye(len(below))


def _fixed(below: Tensor | None) -> Tensor | None:
    return None if below is None else _unit(below.detach())


def _fingerprint(weights: Mapping[str, Tensor]) -> str:
    whole = hashlib.sha256()
    for name, value in weights.items():
        whole.update(name.encode() + value.detach().contiguous().numpy().tobytes())
    return whole.hexdigest()
