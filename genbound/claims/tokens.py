"""Settings about tokens: a model and a true law over a small vocabulary, and a stream read through sampled windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from genbound.claims.calls import call
from genbound.claims.settings import Judgement, Scene, Setting, judge_values
from genbound.complexity.codes import split_delta
from genbound.concentration.result import BoundResult, Side
from genbound.errors import DomainError
from genbound.processes.paths import Dependence, Process
from genbound.subsample.windows import WindowSample

VOCABULARY = 4
Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class TokenLaw:
    """A law of tokens and a model of it: `sample` gives tokens (r, n), model and true law (r, n, V)."""

    name: str
    what: str
    sample: Callable[[np.random.Generator, int, int, float], Drawn]
    dependence: Dependence = "adapted"


def _draw(rng: np.random.Generator, law: np.ndarray) -> np.ndarray:
    edges = np.cumsum(law, axis=-1)
    return np.minimum((rng.random((*law.shape[:-1], 1)) > edges).sum(axis=-1), law.shape[-1] - 1)


def _calibrated(rng: np.random.Generator, replicas: int, n: int, nats: float) -> Drawn:
    model = rng.dirichlet(np.full(VOCABULARY, 0.4), size=(replicas, n))
    return _draw(rng, model), model, model


def _hidden_risk(rng: np.random.Generator, replicas: int, n: int, nats: float) -> Drawn:
    likely = min(1.0, float(np.exp(-nats / n)) * 1.001)
    model, law = np.zeros((2, replicas, n, VOCABULARY))
    model[..., 0] = 1.0
    law[..., 0], law[..., 1] = likely, 1.0 - likely
    return _draw(rng, law), model, law


def _sharpened_chain(rng: np.random.Generator, replicas: int, n: int, nats: float) -> Drawn:
    tables = rng.dirichlet(np.full(VOCABULARY, 0.7), size=(replicas, VOCABULARY))
    sharp = tables**2 / (tables**2).sum(axis=-1, keepdims=True)
    tokens = np.zeros((replicas, n), dtype=np.int64)
    model, law = np.zeros((2, replicas, n, VOCABULARY))
    row, state = np.arange(replicas), rng.integers(VOCABULARY, size=replicas)
    for k in range(n):
        law[:, k], model[:, k] = tables[row, state], sharp[row, state]
        state = tokens[:, k] = _draw(rng, law[:, k])
    return tokens, model, law


TOKEN_LAWS = (
    TokenLaw("calibrated_tokens", "the model is the law, a new one at every token", _calibrated, "adapted"),
    TokenLaw("hidden_risk_tokens", "a model sure of a token that delta cannot tell from certain", _hidden_risk, "iid"),
    TokenLaw("overconfident_chain", "a Markov chain of tokens and a sharpened model of it", _sharpened_chain),
)


def risk_of(law: np.ndarray, model: np.ndarray, alpha: float) -> float:
    """mean over tokens of E[-ln((1 - alpha) p + alpha/V)] under the true law, nats per token."""
    smoothed = (1.0 - alpha) * model + alpha / model.shape[-1]
    return float(-(law * np.log(smoothed)).sum(axis=-1).mean())


@final
@dataclass(frozen=True)
class Tokens(Setting):
    """One next-token predictor: the bound gets `tokens` (n,), `model` (n, V), V, and reports the alpha it is about.

    The truth is the risk of the model smoothed with that alpha.
    """

    name = "tokens"

    def processes(self) -> tuple[Any, ...]:
        return TOKEN_LAWS

    def scenes(self, process: Any, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        tokens, model, law = process.sample(rng, replicas, n, nats)
        for row in range(replicas):
            given = {"tokens": tokens[row], "model": model[row], "vocab_size": VOCABULARY, "log_inv_delta": nats}
            yield Scene(given, law[row], np.inf)

    def judge(self, bound: Callable[..., Any], scene: Scene, side: Side) -> Judgement:
        """The reported value against the risk at the reported alpha."""
        result = call(bound, scene.given)
        if not (isinstance(result, BoundResult) and "alpha" in result.tuned):
            raise DomainError("bound returned no alpha: need a BoundResult with tuned['alpha']")
        alpha = float(result.tuned["alpha"])
        truth = risk_of(scene.truth, scene.given["model"], alpha)
        return judge_values(result, truth, side, float(np.log(VOCABULARY / alpha)))


WINDOW = 4


@final
@dataclass(frozen=True)
class Windows(Setting):
    """A stream of 128 n tokens read through 4 windows of 4 tokens drawn uniformly: a pilot tunes, a sample decides.

    The bound gets `sample` and `pilot` (WindowSample), `n`, `log_inv_delta_1` and `log_inv_delta_2` (delta split as
    m : n); the truth is the risk of the whole stream.
    """

    draws: int = 4
    name = "sampled windows"

    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        tokens = 32 * n * WINDOW
        paths = process.sample(rng, replicas, tokens, nats)
        risks = paths.risks()
        first, second = split_delta(nats, tokens, self.draws)
        shape = (tokens // WINDOW, WINDOW)

        def windows(row: int) -> WindowSample:
            which = rng.integers(shape[0], size=self.draws)
            x, y = paths.losses[row].reshape(shape)[which], paths.predictions[row].reshape(shape)[which]
            return WindowSample(x, y, paths.ceiling, paths.prediction_floor, paths.prediction_ceiling)

        for row in range(replicas):
            given = {"sample": windows(row), "pilot": windows(row), "n": tokens, "log_inv_delta": nats,
                     "log_inv_delta_1": first, "log_inv_delta_2": second}  # fmt: skip
            yield Scene(given, float(risks[row]), paths.ceiling)
