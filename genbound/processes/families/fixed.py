"""Tokens that do not react to the past: IID, independent with changing laws, and the hidden risk of `floor`."""

from __future__ import annotations

import math

import numpy as np

from genbound.processes.paths import Paths, Process, Tape

GOLDEN = (math.sqrt(5) - 1) / 2  # multiples of it fill [0, 1) evenly


def two_point(p: np.ndarray | float) -> np.ndarray:
    """The law (1 - p, p), shape (..., 2).

    >>> two_point(0.25)
    array([0.75, 0.25])
    """
    high = np.asarray(p, dtype=np.float64)
    return np.stack([1 - high, high], axis=-1)


def hidden_probability(n: int, log_inv_delta: float) -> float:
    """p with (1 - p)^n just above delta: n tokens without the hidden outcome are no rare event.

    >>> (1 - hidden_probability(10, math.log(20))) ** 10 > 1 / 20
    True
    """
    return -math.expm1(-log_inv_delta / n * (1 - 1e-9))


def iid_worst_two_point(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = 0, or the ceiling 1 with a probability just too small to be seen; Y = 0."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 0.0)
    law = two_point(hidden_probability(n, log_inv_delta))
    for k in range(n):
        tape.draw(k, np.array([0.0, 1.0]), law, 0.0)
    return tape.paths()


def iid_fair_coin(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Bernoulli(1/2); Y is the running mean of the past."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    total = np.full(replicas, 0.5)
    for k in range(n):
        tape.draw(k, np.array([0.0, 1.0]), two_point(0.5), total / (k + 1))
        total += tape.loss(k)
    return tape.paths()


def iid_skewed(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """17 points with beta(0.4, 2) weights, ceiling 4; Y is the exact mean."""
    points = (np.arange(17) + 0.5) / 17
    law = points**-0.6 * (1 - points)
    law /= law.sum()
    tape = Tape(rng, replicas, n, 4.0, 0.0, 4.0)
    for k in range(n):
        tape.draw(k, 4 * points, law, float(law @ (4 * points)))
    return tape.paths()


def iid_heavy_tail(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """A Pareto tail P(X >= x) ~ 1/x on 1/16, 1/8, ..., 16, cut at the ceiling 16; Y is the median."""
    points = 2.0 ** np.arange(-4, 5)
    tail = np.append(points[0] / points, 0.0)
    law = tail[:-1] - tail[1:]
    tape = Tape(rng, replicas, n, 16.0, 0.0, 16.0)
    for k in range(n):
        tape.draw(k, points, law, 0.125)
    return tape.paths()


def independent_mixed(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Independent two-point laws whose size and probability change with k; Y is noise."""
    tape = Tape(rng, replicas, n, 8.0, 0.0, 8.0)
    for k in range(n):
        size = 8.0 * (0.1 + 0.9 * (k * GOLDEN % 1.0))
        noise = 8.0 * rng.random(replicas)
        tape.draw(k, np.array([0.0, size]), two_point(k * GOLDEN**2 % 1.0), noise)
    return tape.paths()


def seasonal(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Independent, of period 7; Y is the mean of the season."""
    outcomes = np.array([0.0, 1.0, 3.0])
    tape = Tape(rng, replicas, n, 3.0, 0.0, 3.0)
    for k in range(n):
        wave = 0.45 + 0.4 * math.sin(2 * math.pi * k / 7)
        law = np.array([1 - wave, 0.7 * wave, 0.3 * wave])
        tape.draw(k, outcomes, law, float(law @ outcomes))
    return tape.paths()


def hidden_risk_constant(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = x = 1 with probability just above e^{-C}, else the ceiling 4: the process that attains `floor`; Y = x."""
    tape = Tape(rng, replicas, n, 4.0, 0.0, 4.0)
    law = two_point(hidden_probability(n, log_inv_delta))
    for k in range(n):
        tape.draw(k, np.array([1.0, 4.0]), law, 1.0)
    return tape.paths()


def hidden_risk_varying(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = x_k with probability just above e^{-C}, else the ceiling 4, x_k changing with k; Y = x_k."""
    tape = Tape(rng, replicas, n, 4.0, 0.0, 4.0)
    law = two_point(hidden_probability(n, log_inv_delta))
    for k in range(n):
        visible = 3.0 * (k * GOLDEN % 1.0)
        tape.draw(k, np.array([visible, 4.0]), law, visible)
    return tape.paths()


FAMILIES = (
    Process("iid_worst_two_point", "IID 0 or 1, the 1 just too rare for delta to see", "iid", iid_worst_two_point),
    Process("iid_fair_coin", "IID Bernoulli(1/2), running mean as prediction", "iid", iid_fair_coin),
    Process("iid_skewed", "IID on 17 points with beta-shaped weights", "iid", iid_skewed),
    Process("iid_heavy_tail", "IID discretised Pareto up to the ceiling", "iid", iid_heavy_tail),
    Process("independent_mixed", "independent, every token with a law of its own", "independent", independent_mixed),
    Process("seasonal", "independent with period 7", "independent", seasonal),
    Process("hidden_risk_constant", "realises the floor at constant losses", "iid", hidden_risk_constant),
    Process("hidden_risk_varying", "realises the floor at varying losses", "independent", hidden_risk_varying),
)
