"""Averaged weights, and progressive validation of raw and averaged weights in one training run.

The average is the power-law one of Karras et al. 2024 (arXiv 2312.02696): after step t

    a_t = b_t a_{t-1} + (1 - b_t) w_t,   b_t = (1 - 1/t)^(gamma + 1),

whose horizon is a fixed share of the run so far, so that it is of use from the first block to the last.

Progressive validation: X_k is the smoothed loss of token k under weights made from earlier tokens only, Y_k the
entropy of that prediction. The raw weights are those from before the update that reads the token; the averaged ones
those from before the block of about 512 tokens that holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from genbound import smoothing
from genbound.certificate.statistics import never_below
from genbound.complexity.codes import choice_nats
from genbound.complexity.progressive import progressive_validation
from genbound.concentration.result import BoundResult
from genbound.errors import DataError, domain_error
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder.progressive import ProgressiveWealth
from genbound.lm.ladder.recipes import Recipe, log_recipe_space
from genbound.lm.token_stats import TokenStatistics, token_statistics
from genbound.lm.train.plain import Progress, Run, complete, frozen, initial, one_thread
from genbound.lm.windows import Windows

GAMMAS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Exponents gamma fixed beforehand; using one of them costs ln 6."""

GAMMA = 16.0
"""The one that did best at 10k: an average over about the last twentieth of the steps so far."""

BLOCKS = (128, 512, 4096)
SCORED_TOKENS = 512
"""Tokens scored at a time under the averaged weights, one of BLOCKS (ln 3): at 4096 they are stale, at 128 slow."""


class Average:
    """A power-law average of named weights."""

    def __init__(self, weights: dict[str, nn.Parameter], gamma: float) -> None:
        if gamma not in GAMMAS:
            raise domain_error("gamma", gamma, f"one of {GAMMAS}", "exponent of the average, fixed beforehand")
        self.gamma, self.steps = gamma, 0
        self.values = {name: weight.detach().clone() for name, weight in weights.items()}

    @torch.no_grad()
    def update(self, weights: dict[str, nn.Parameter]) -> None:
        """Take in the weights after one more step."""
        self.steps += 1
        share = 1.0 - (1.0 - 1.0 / self.steps) ** (self.gamma + 1.0)
        for name, value in self.values.items():
            value.lerp_(weights[name], share)

    def model(self, config: GPTNeoXConfig) -> GPTNeoXForCausalLM:
        """A network that holds the averages, in evaluation mode."""
        model = frozen(initial(config, 0))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.values[name])
        return model


class AveragedRun(Run):
    """A run that keeps the average of its weights."""

    schema = "genbound.averaged.training/1"

    def __init__(self, config: Recipe | GPTNeoXConfig, windows: Windows, *, epochs: int, seed: int,
                 recipe: Recipe | None = None, gamma: float = GAMMA) -> None:  # fmt: skip
        super().__init__(config, windows, epochs=epochs, seed=seed, recipe=recipe)
        self.average = Average(self.weights, gamma)
        self.identity["gamma"] = gamma

    def update(self) -> tuple[torch.Tensor, torch.Tensor]:
        """One step, and its weights taken into the average."""
        logits, targets = super().update()
        self.average.update(self.weights)
        return logits, targets

    def tensors(self) -> dict[str, torch.Tensor]:
        return super().tensors() | {f"average/{name}": value for name, value in self.average.values.items()}

    def restore(self, tensors: dict[str, torch.Tensor], step: int) -> None:
        super().restore(tensors, step)
        self.average.steps = step
        for name, value in self.average.values.items():
            value.copy_(tensors[f"average/{name}"])


@dataclass(frozen=True, eq=False)
class Progressive:
    """One pass, scored before it was read.

    Attributes:
        model, averaged: the final raw and averaged weights.
        cuts: tokens at which a part of the statistics ends, the last one n.
        raw, ema: one statistic per part, of the raw and of the averaged predictors.
        record: what fixes the run.
    """

    model: GPTNeoXForCausalLM
    averaged: GPTNeoXForCausalLM
    cuts: tuple[int, ...]
    raw: tuple[ProgressiveWealth, ...]
    ema: tuple[ProgressiveWealth, ...]
    record: dict[str, Any]

    def after(self, prefix: int = 0, *, averaged: bool = False) -> ProgressiveWealth:
        """The statistic of tokens prefix+1..n; prefix is 0 or one of the cuts before the last."""
        if prefix not in (0, *self.cuts[:-1]):
            raise domain_error("prefix", prefix, f"one of {(0, *self.cuts[:-1])}", "tokens left out")
        total = ProgressiveWealth()
        for end, part in zip(self.cuts, self.ema if averaged else self.raw, strict=True):
            if end > prefix:
                for alpha, wealth in total.by_alpha.items():
                    wealth.merge(part.by_alpha[alpha])
        return total

    def bound(self, prefix: int = 0, *, averaged: bool = False, delta: float = 0.01) -> BoundResult:
        """`progressive_validation` for tokens prefix+1..n: the average risk of the predictors along that part.

        The recipe is paid, and where weights are averaged gamma and the block; prefix was fixed beforehand.
        """
        paid = log_recipe_space() + (choice_nats(len(GAMMAS) * len(BLOCKS)) if averaged else 0.0)
        wealths = self.after(prefix, averaged=averaged).by_alpha
        return progressive_validation(wealths, delta=delta, paid=np.nextafter(paid, np.inf).item())


class _ProgressiveRun(AveragedRun):
    """One pass that scores every block before it is read."""

    schema = "genbound.progressive.training/1"

    def __init__(self, *args: Any, cuts: Sequence[int], **options: Any) -> None:
        super().__init__(*args, epochs=1, **options)
        if self.config.vocab_size != V:
            raise DataError(f"vocabulary of {self.config.vocab_size}: progressive validation needs the alphabet of {V}")
        n = self.windows.n_tokens
        self.cuts = (*cuts, n)
        if list(self.cuts) != sorted(set(self.cuts)) or self.cuts[0] < 1:
            raise domain_error("cuts", tuple(cuts), f"rising numbers of tokens in 1..{n - 1}", "ends of the parts")
        self.parts = {kind: [ProgressiveWealth() for _ in self.cuts] for kind in ("raw", "ema")}
        self.identity |= {"cuts": list(self.cuts), "scored_tokens": SCORED_TOKENS}

    def block(self) -> int:
        """Steps to the end of what is scored at a time."""
        return min(super().block(), max(1, SCORED_TOKENS // (self.recipe.batch * self.windows.length)))

    def advance(self) -> None:
        """A block: scored under the averaged weights first, then batch by batch before each update."""
        first, steps = self.step, self.block()
        inputs, targets = self.windows.gather(np.concatenate([self.indices(first + i) for i in range(steps)]))
        with torch.no_grad():
            averaged = self.network.logits(self.average.values, inputs)
        start = self.tokens_done
        raw = torch.cat([self.update()[0] for _ in range(steps)])
        for kind, logits in (("raw", raw), ("ema", averaged)):
            self._score(kind, token_statistics(logits, targets), start)

    def _score(self, kind: str, scored: TokenStatistics, start: int) -> None:
        losses = np.stack([never_below(x, a, V) for a, x in zip(smoothing.ALPHAS, scored.smoothed_nll, strict=True)])
        begin = 0
        for end, part in zip(self.cuts, self.parts[kind], strict=True):
            here = slice(max(begin - start, 0), max(end - start, 0))
            if losses[:, here].size:
                part.update(losses[:, here], scored.smoothed_entropy[:, here])
            begin = end

    def tensors(self) -> dict[str, torch.Tensor]:
        wealths = {
            f"{kind}/{i}/{key}": torch.from_numpy(array)
            for kind, parts in self.parts.items()
            for i, part in enumerate(parts)
            for key, array in part.to_arrays().items()
        }
        return super().tensors() | wealths

    def restore(self, tensors: dict[str, torch.Tensor], step: int) -> None:
        super().restore(tensors, step)
        for kind, parts in self.parts.items():
            for i in range(len(parts)):
                head = f"{kind}/{i}/"
                stored = {name.removeprefix(head): t.numpy() for name, t in tensors.items() if name.startswith(head)}
                parts[i] = ProgressiveWealth.from_arrays(stored)


def progressive(
    config: Recipe | GPTNeoXConfig,
    windows: Windows,
    *,
    cuts: Sequence[int] = (),
    seed: int = 0,
    gamma: float = GAMMA,
    recipe: Recipe | None = None,
    work: Path | str | None = None,
    progress: Progress | None = None,
) -> Progressive:
    """One pass over the windows, raw and averaged weights scored on every token before it is read.

    Args:
        config, windows, seed, recipe, work, progress: as in `genbound.lm.train.plain.train`.
        cuts: tokens, fixed beforehand, at which the statistics are divided, so that the bound can be about what
            comes after one of them (beside a prefix prior).
        gamma: exponent of the average, one of GAMMAS.

    Returns:
        Both models, and the statistics of both kinds of predictors.

    Raises:
        DomainError: cuts or gamma outside the above. DataError: a vocabulary other than the ladder's.
    """
    with one_thread():
        run = _ProgressiveRun(config, windows, cuts=cuts, seed=seed, gamma=gamma, recipe=recipe)
        complete(run, work, progress)
    return Progressive(
        model=frozen(run.model), averaged=run.average.model(run.config), cuts=run.cuts,
        raw=tuple(run.parts["raw"]), ema=tuple(run.parts["ema"]), record=run.identity,
    )  # fmt: skip
