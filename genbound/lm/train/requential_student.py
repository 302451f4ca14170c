"""The student of requential training: its weights are a function of the seed, the schedule and what it has heard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from transformers import GPTNeoXForCausalLM

from genbound.lm.ladder import checkpoint
from genbound.lm.ladder.network import build_optimizers, count_parameters
from genbound.lm.train import plain
from genbound.lm.train.functional import Network, Weights
from genbound.lm.train.requential_schedule import Schedule
from genbound.lm.train.requential_speech import Voices


class Student:
    """A network that learns from drawn windows only; `average` is what it predicts with and what is certified."""

    def __init__(self, config: Any, schedule: Schedule, seed: int) -> None:
        self.network = Network.of(config)
        self.schedule = schedule
        self.model = plain.initial(config, seed)
        self.weights: Weights = dict(self.model.named_parameters())
        recipe = replace(
            plain.nearest_recipe(count_parameters(self.model)), weight_decay=0.0,
            learning_rate=schedule.learning_rate, muon_learning_rate=schedule.muon_learning_rate,
        )  # fmt: skip
        self.optimizers = build_optimizers(recipe, self.model)
        self.average = {name: weight.detach().clone() for name, weight in self.weights.items()}

    @property
    def voice(self) -> Voices:
        """The law p: that of the averaged weights."""
        return ((1.0, self.average),)

    def hear(self, tokens: Tensor, draw: int) -> None:
        """Learn from the windows of a draw, (windows, T + 1), in their order."""
        fraction = self.schedule.rate(draw)
        for batch in tokens.split(self.schedule.batch):
            self.network.loss(self.weights, batch[:, :-1], batch[:, 1:]).backward()
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = fraction * group["peak"]
                optimizer.step()
                optimizer.zero_grad()
            follow(self.average, self.weights, self.schedule.average)

    def certified(self) -> GPTNeoXForCausalLM:
        """The averaged student as the transformers model that is evaluated."""
        model = plain.initial(self.model.config, 0)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.average[name])
        return plain.frozen(model)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that changes along the run, for the checkpoint."""
        average = {f"average/{name}": weight.clone() for name, weight in self.average.items()}
        return checkpoint.training_state(self.model, self.optimizers) | average

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        checkpoint.restore_training_state(self.model, self.optimizers, tensors)
        for name, weight in self.average.items():
            weight.copy_(tensors[f"average/{name}"])


@torch.no_grad()
def follow(average: dict[str, Tensor], weights: Weights, gamma: float) -> None:
    """average <- gamma average + (1 - gamma) weights."""
    for name, weight in weights.items():
        average[name].lerp_(weight.detach(), 1 - gamma)
