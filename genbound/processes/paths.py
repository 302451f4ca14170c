"""Sampled paths with exact conditional means, and what is said about a process that draws them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genbound.errors import DataError, domain_error

Dependence = Literal["iid", "independent", "constant_mean", "adapted"]
"""What a statement assumes, or a process satisfies; "constant_mean": m_k is one number, whatever the past."""

_IMPLIES: dict[str, frozenset[str]] = {
    "iid": frozenset({"iid", "independent", "constant_mean", "adapted"}),
    "independent": frozenset({"independent", "adapted"}),
    "constant_mean": frozenset({"constant_mean", "adapted"}),
    "adapted": frozenset({"adapted"}),
}


def satisfies(process: Dependence, assumed: Dependence) -> bool:
    """Whether every process of kind `process` meets the assumption `assumed`.

    iid => independent => adapted, and iid => constant_mean => adapted.

    >>> satisfies("iid", "constant_mean"), satisfies("independent", "constant_mean")
    (True, False)
    """
    for symbol, kind in (("process", process), ("assumed", assumed)):
        if kind not in _IMPLIES:
            raise domain_error(symbol, kind, f"one of {', '.join(_IMPLIES)}", "kind of dependence")
    return assumed in _IMPLIES[process]


@dataclass(frozen=True, eq=False)
class Paths:
    """r sampled paths of n tokens, each with everything a bound and its judge need.

    Attributes:
        losses: X, nats, shape (r, n), 0 <= X <= ceiling.
        predictions: Y, nats, shape (r, n), each a function of the past only.
        means: m_k = E[X_k | F_{k-1}], exact up to float64 rounding, shape (r, n).
        variances: Var[X_k | F_{k-1}], shape (r, n).
        ceiling: B >= X under the law, not only in the sample.
        prediction_floor, prediction_ceiling: constants around every Y.
    """

    losses: np.ndarray
    predictions: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    ceiling: float
    prediction_floor: float
    prediction_ceiling: float

    def __post_init__(self) -> None:
        if self.losses.ndim != 2 or self.losses.size == 0:
            raise DataError(f"losses: shape {self.losses.shape}, need (replicas, n), both at least 1")
        ranges = {
            "losses": (0.0, self.ceiling),
            "predictions": (self.prediction_floor, self.prediction_ceiling),
            "means": (0.0, self.ceiling),
            "variances": (0.0, self.ceiling**2 / 4 * (1 + 1e-9)),
        }
        for name, (low, high) in ranges.items():
            values = getattr(self, name)
            if values.shape != self.losses.shape:
                raise DataError(f"{name}: shape {values.shape}, need {self.losses.shape} as the losses")
            if not (math.isfinite(low) and math.isfinite(high) and values.min() >= low and values.max() <= high):
                raise DataError(f"{name}: values in [{values.min()!r}, {values.max()!r}], need [{low!r}, {high!r}]")

    @property
    def n(self) -> int:
        """Number of tokens."""
        return self.losses.shape[1]

    def risks(self) -> np.ndarray:
        """R = mean of m_k for every path, shape (r,), nats per token."""
        return np.ascontiguousarray(self.means).mean(axis=1)


@dataclass(frozen=True)
class Process:
    """A law of token losses that can be sampled together with its exact conditional means.

    Attributes:
        name: snake_case, unique.
        what: one line.
        dependence: the strongest kind it satisfies.
        sample: (rng, replicas r, n, log_inv_delta in nats) -> Paths; the last is the strength of the attack: a
            risk is hidden just where a bound at that confidence cannot see it. A checker of a bound at ln(1/delta)
            also passes less: only then is a bound that promises too much broken far more often than delta.
    """

    name: str
    what: str
    dependence: Dependence
    sample: Callable[[np.random.Generator, int, int, float], Paths]


class Tape:
    """Draws the tokens of r paths one after another and writes down m and the variance from the law itself."""

    def __init__(self, rng: np.random.Generator, replicas: int, n: int, ceiling: float,
                 prediction_floor: float, prediction_ceiling: float) -> None:  # fmt: skip
        for symbol, value in (("replicas", replicas), ("n", n)):
            if value < 1:
                raise domain_error(symbol, value, f"{symbol} >= 1", "shape of the sample")
        self.rng = rng
        self.ceiling = ceiling
        self._span = prediction_floor, prediction_ceiling
        self._losses, self._predictions, self._means, self._variances = np.empty((4, n, replicas))

    def draw(self, k: int, outcomes: np.ndarray, law: np.ndarray, predictions: np.ndarray | float) -> np.ndarray:
        """Draw X_k and return the index of the outcome, shape (r,).

        Args:
            k: token index, from 0.
            outcomes: possible losses, (K,) for all paths or (r, K).
            law: their probabilities given the past, (K,) or (r, K), summing to 1 along the last axis.
            predictions: Y_k, (r,) or one number.
        """
        replicas = self._losses.shape[1]
        below = np.cumsum(law, axis=-1)[..., :-1]
        index = (self.rng.random(replicas)[:, None] >= below).sum(axis=-1)
        values = np.broadcast_to(outcomes, (replicas, np.shape(outcomes)[-1]))
        mean = np.clip((law * outcomes).sum(axis=-1), 0.0, self.ceiling)
        self._losses[k] = np.take_along_axis(values, index[:, None], axis=1)[:, 0]
        self._predictions[k] = predictions
        self._means[k] = mean
        self._variances[k] = (law * (outcomes - np.asarray(mean)[..., None]) ** 2).sum(axis=-1)
        return index

    def loss(self, k: int) -> np.ndarray:
        """X_k, shape (r,)."""
        return self._losses[k]

    def mean(self, k: int) -> np.ndarray:
        """m_k, shape (r,)."""
        return self._means[k]

    def paths(self) -> Paths:
        """Everything drawn, checked."""
        arrays = (self._losses.T, self._predictions.T, self._means.T, self._variances.T)
        return Paths(*arrays, self.ceiling, *self._span)
