"""Adversaries: tokens that look at the wealth, the predictions or the sums so far, and play against them."""

from __future__ import annotations

import math

import numpy as np

from genbound.processes.families.fixed import hidden_probability, two_point
from genbound.processes.paths import Paths, Process, Tape

COIN = np.array([0.0, 1.0])


def martingale_arch(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = 1/2 +- s, s growing with the last deviation: constant mean, adapted variance; Y = 1/2."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    scale = np.full(replicas, 0.1)
    for k in range(n):
        # a skewed pair: 1/2 - s with probability 2/3, 1/2 + 2s with probability 1/3
        tape.draw(k, 0.5 + scale[:, None] * np.array([-1.0, 2.0]), two_point(1 / 3), 0.5)
        scale = np.minimum(0.02 + 0.7 * np.abs(tape.loss(k) - 0.5), 0.25)
    return tape.paths()


def threshold_stopper(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """A fair coin until sum (m - X) reaches Azuma's margin, then X = m for good; Y = 1/2."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    goal = math.sqrt(n * log_inv_delta / 2)
    gap = np.zeros(replicas)
    for k in range(n):
        law = np.where((gap >= goal)[:, None], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5])
        tape.draw(k, np.array([0.0, 0.5, 1.0]), law, 0.5)
        gap += 0.5 - tape.loss(k)
    return tape.paths()


def doubling_gambler(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = 1/2 +- stake; the stake doubles after every loss above 1/2 and starts over after one below; Y = 1/2."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    stake = np.full(replicas, 1 / 64)
    for k in range(n):
        tape.draw(k, 0.5 + stake[:, None] * np.array([-1.0, 1.0]), two_point(0.5), 0.5)
        stake = np.where(tape.loss(k) > 0.5, np.minimum(2 * stake, 0.5), 1 / 64)
    return tape.paths()


def wealth_chaser(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Bold play against prod (U - X)/(U - m), U = 1/0.9: what is still needed is shared among the tokens left.

    Each token is 0 or 1 with the mean at which a 0 brings the wealth exactly that share nearer to 1/delta. The
    adversary rests at X = 0 once there, or when a mean above 0.9 would be needed. Y = 0.
    """
    top = 1 / 0.9
    tape = Tape(rng, replicas, n, 1.0, 0.0, 0.0)
    log_wealth = np.zeros(replicas)
    for k in range(n):
        share = np.maximum(log_inv_delta - log_wealth, 0.0) / (n - k)
        mean = -top * np.expm1(-share)
        mean[mean > 0.9] = 0.0
        tape.draw(k, COIN, two_point(mean), 0.0)
        log_wealth += np.log((top - tape.loss(k)) / (top - mean))
    return tape.paths()


def first_token_decides(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """A fair coin first; after a 1 all is calm at 1/2, after a 0 the risk is hidden; Y is the first token."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    outcomes = np.array([0.0, 0.5, 1.0])
    tape.draw(0, outcomes, np.array([0.5, 0.0, 0.5]), 0.5)
    first = tape.loss(0)
    p = hidden_probability(n, log_inv_delta)
    law = np.where((first > 0)[:, None], [0.0, 1.0, 0.0], [1 - p, 0.0, p])
    for k in range(1, n):
        tape.draw(k, outcomes, law, first)
    return tape.paths()


def imitator(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = Y exactly, so that no bet is won or lost, or the ceiling 2 with a hidden probability; Y wanders."""
    tape = Tape(rng, replicas, n, 2.0, 0.0, 1.0)
    law = two_point(hidden_probability(n, log_inv_delta))
    centre = np.full(replicas, 0.5)
    for k in range(n):
        tape.draw(k, np.stack([centre, np.full(replicas, 2.0)], axis=1), law, centre)
        centre = np.abs((0.9 * centre + 0.3 * tape.loss(k) + 0.2) % 2.0 - 1.0)
    return tape.paths()


FAMILIES = (
    Process("martingale_arch", "constant mean, skewed, variance follows the past", "constant_mean", martingale_arch),
    Process("threshold_stopper", "stops once ahead by Azuma's margin", "constant_mean", threshold_stopper),
    Process("doubling_gambler", "doubles the stake when behind", "constant_mean", doubling_gambler),
    Process("wealth_chaser", "reacts to a likelihood-ratio wealth", "adapted", wealth_chaser),
    Process("first_token_decides", "calm or hidden risk, decided by the first token", "adapted", first_token_decides),
    Process("imitator", "repeats the prediction, or strikes unseen", "adapted", imitator),
)
