"""Inputs on which the bounds are compared with exact arithmetic: random, and at the edges more often than not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """One input: everything a bound may be given. `budget` is {"complexity": C} or {"log_inv_delta": nC}."""

    losses: np.ndarray
    predictions: np.ndarray | None
    ceiling: float
    prediction_floor: float
    budget: dict[str, float]
    shift: float | None
    s: float | None
    grid: list[float]
    weights: list[float]
    ceilings: np.ndarray
    variance: float

    def pairs(self) -> list[tuple[float, float]]:
        """(x, y) of every token."""
        y = np.full(self.losses.size, self.prediction_floor) if self.predictions is None else self.predictions
        return list(zip(self.losses.tolist(), y.tolist(), strict=True))

    @property
    def caps(self) -> list[float] | None:
        """A constant U to choose from, or None for the library's own family."""
        return None if self.shift is None else [self.ceiling * (d / self.grid[0]) for d in self.grid]

    @property
    def loss_floor(self) -> float:
        """A constant below every loss, as Azuma may be told."""
        return float(self.losses.min()) / 2

    @property
    def prediction_ceiling(self) -> float:
        """The largest prediction, as the lower side wants it declared."""
        return max(y for _, y in self.pairs())

    @property
    def scale(self) -> float:
        """B + max |Y|: the largest term of a statement, the shift aside."""
        return self.ceiling + max(abs(self.prediction_floor), abs(self.prediction_ceiling))


def draw(seed: int, index: int, tokens: int | None = None) -> Case:
    """Case number `index`, always the same; `tokens` fixes n, which is else 1 or log-uniform up to 64."""
    rng = np.random.default_rng([seed, index])
    n = tokens or (1 if rng.random() < 0.1 else int(2 ** rng.uniform(0, 6)))
    ceiling = [
        16.0, rng.uniform(1, 30), 2.0**40, 2.0**-899, math.ldexp(1.0, int(rng.integers(-898, 41))),
        math.ldexp(rng.uniform(0.5, 1), int(rng.integers(-890, 41))),
    ][rng.choice(6, p=[0.2, 0.3, 0.05, 0.05, 0.2, 0.2])]  # fmt: skip
    floor = [0.0, ceiling * rng.uniform(0, 0.999), ceiling * (1 - 2.0**-48), -ceiling * rng.uniform(0, 1)][
        rng.choice(4, p=[0.55, 0.25, 0.1, 0.1])
    ]
    floor = floor if ceiling - floor >= 2.0**-899 else 0.0
    losses, predictions = draw_losses(rng, n, ceiling), draw_predictions(rng, n, ceiling, floor)
    nats = [0.0, 1e-300, 10.0 ** rng.uniform(-12, 6), math.log(20), 1e6][rng.choice(5, p=[0.1, 0.05, 0.6, 0.15, 0.1])]
    budget = {["log_inv_delta", "complexity"][rng.integers(2)]: float(nats)}
    span = math.nextafter(ceiling - floor, math.inf)
    shifts = [span, span * (1 + 10.0 ** rng.uniform(-15, 0)), *(span * 2.0 ** rng.uniform(0, 16, 2))]
    shift, s = None, None
    if rng.random() < 0.5:
        shift = float(shifts[rng.integers(3)])
        s = float(
            [rng.uniform(1e-6, 1), 1 - 10.0 ** rng.uniform(-9, -1), rng.integers(1, 1001) / 1001][rng.integers(3)]
        )
    members = int(rng.integers(1, 5))
    grid = sorted(float(d) for d in shifts[:members])
    weights = [float(w) for w in rng.dirichlet(np.ones(members)) * rng.choice([1 - 2.0**-50, 0.5, 1e-9])]
    ceilings = np.maximum(losses, ceiling * rng.random(n) ** rng.integers(1, 4))
    ceilings[rng.integers(n)] = ceiling
    variance = float((ceiling / 2) ** 2 * rng.choice([0.0, 1.0, 10.0 ** rng.uniform(-6, 0)]))
    return Case(losses, predictions, float(ceiling), float(floor), budget, shift, s, grid, weights, ceilings, variance)


def draw_losses(rng: np.random.Generator, n: int, ceiling: float) -> np.ndarray:
    """X in [0, ceiling]."""
    part = [
        lambda: rng.random(n),
        lambda: np.full(n, rng.random()),  # constant
        lambda: np.full(n, rng.integers(2)),  # all 0 or all at the ceiling
        lambda: rng.integers(0, 2, n),  # both ends
        lambda: 10.0 ** rng.uniform(-300, 0, n),  # mixed magnitudes
        lambda: rng.integers(0, 5, n) / 4,  # ties
        lambda: np.where(np.arange(n) == rng.integers(n), 0.0, 1.0),  # all but one at the ceiling
        lambda: 1 - rng.integers(0, 4, n) * 2.0**-53,  # a few ulps below it
        lambda: rng.exponential(0.15, n),
    ][rng.integers(9)]()
    losses = np.minimum(part * ceiling, ceiling)
    if rng.random() < 0.1:
        losses[rng.integers(n)] = 5e-324 * rng.integers(1, 4)
    return losses


def draw_predictions(rng: np.random.Generator, n: int, ceiling: float, floor: float) -> np.ndarray | None:
    """Y in [floor, 4 ceiling], or None."""
    if rng.random() < 0.25:
        return None
    part = [
        lambda: rng.random(n),
        lambda: np.full(n, rng.random()),
        lambda: np.zeros(n),
        lambda: rng.integers(0, 2, n) * 4.0,
        lambda: 10.0 ** rng.uniform(-300, 0, n),
        lambda: rng.uniform(0, 4, n),
    ][rng.integers(6)]()
    return np.maximum(np.minimum(floor + part * (ceiling - floor), 4 * ceiling), floor)
