"""Tokens with a memory: scales, regimes, urns, chains, walks, delays and contagion."""

from __future__ import annotations

import numpy as np

from genbound.processes.families.fixed import two_point
from genbound.processes.paths import Paths, Process, Tape

COIN = np.array([0.0, 1.0])


def arch(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """X = scale * {0, 1, 2}; the scale grows with the last loss (ARCH); Y is the scale, above the mean."""
    tape = Tape(rng, replicas, n, 8.0, 0.0, 4.0)
    scale = np.full(replicas, 0.5)
    for k in range(n):
        tape.draw(k, scale[:, None] * np.array([0.0, 1.0, 2.0]), np.array([0.4, 0.4, 0.2]), scale)
        scale = np.minimum(0.2 + 0.9 * tape.loss(k), 4.0)
    return tape.paths()


def regime_switching(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """A calm and a wild regime; the past includes the regimes up to k - 1, never the one of token k; Y = 1."""
    outcomes = np.array([0.0, 1.0, 4.0])
    emission = np.array([[0.7, 0.29, 0.01], [0.2, 0.4, 0.4]])
    stay = np.array([[0.95, 0.05], [0.1, 0.9]])
    joint = (stay[:, :, None] * emission[None]).reshape(2, 6)  # regime before -> (regime now, outcome)
    tape = Tape(rng, replicas, n, 4.0, 1.0, 1.0)
    regime = np.zeros(replicas, dtype=np.int64)
    for k in range(n):
        regime = tape.draw(k, np.tile(outcomes, 2), joint[regime], 1.0) // 3
    return tape.paths()


def hidden_markov(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """The past is the losses only: the hidden state is filtered by Bayes, which gives the exact law; Y = m."""
    outcomes = np.array([0.0, 0.5, 2.0])
    emission = np.array([[0.8, 0.15, 0.05], [0.3, 0.5, 0.2], [0.05, 0.15, 0.8]])
    stay = np.array([[0.9, 0.08, 0.02], [0.1, 0.8, 0.1], [0.02, 0.08, 0.9]])
    tape = Tape(rng, replicas, n, 2.0, 0.0, 2.0)
    belief = np.full((replicas, 3), 1 / 3)
    for k in range(n):
        law = belief @ emission
        index = tape.draw(k, outcomes, law, law @ outcomes)
        belief *= emission[:, index].T
        belief = (belief / belief.sum(axis=1, keepdims=True)) @ stay
    return tape.paths()


def polya_urn(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Draw a ball and put it back with another of its colour: m tends to a random limit; Y = m."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    ones = np.ones(replicas)
    for k in range(n):
        share = ones / (k + 2)
        tape.draw(k, COIN, two_point(share), share)
        ones += tape.loss(k)
    return tape.paths()


def exchangeable_mixture(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """One of four laws is drawn once and never shown (de Finetti); m by Bayes from the past losses; Y = 1."""
    outcomes = np.array([0.0, 1.0, 5.0])
    laws = np.array([[0.9, 0.1, 0.0], [0.5, 0.45, 0.05], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    tape = Tape(rng, replicas, n, 5.0, 1.0, 1.0)
    belief = np.tile([0.4, 0.3, 0.2, 0.1], (replicas, 1))
    for k in range(n):
        index = tape.draw(k, outcomes, belief @ laws, 1.0)
        belief *= laws[:, index].T
        belief /= belief.sum(axis=1, keepdims=True)
    return tape.paths()


def reflected_walk(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Steps of +-1/8 between 0 and 5, reflected at both ends; Y is the previous loss."""
    top = 40
    tape = Tape(rng, replicas, n, 5.0, 0.0, 5.0)
    place = np.full(replicas, top // 2)
    for k in range(n):
        reached = np.stack([np.abs(place - 1), top - np.abs(top - place - 1)], axis=1)
        index = tape.draw(k, reached / 8.0, two_point(0.5), place / 8.0)
        place = reached[np.arange(replicas), index]
    return tape.paths()


def markov_chain(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """A sticky chain of four loss levels; Y is the running mean of the past."""
    levels = np.array([0.0, 0.5, 2.0, 6.0])
    matrix = np.array([[0.9, 0.1, 0.0, 0.0], [0.3, 0.4, 0.3, 0.0], [0.0, 0.3, 0.5, 0.2], [0.1, 0.0, 0.3, 0.6]])
    tape = Tape(rng, replicas, n, 6.0, 0.0, 6.0)
    state, total = np.zeros(replicas, dtype=np.int64), np.zeros(replicas)
    for k in range(n):
        state = tape.draw(k, levels, matrix[state], total / max(k, 1))
        total += tape.loss(k)
    return tape.paths()


def delayed_feedback(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """A 1 makes a 1 likely five tokens later, and nothing in between tells; Y = 1/2."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    for k in range(n):
        echo = tape.loss(k - 5) if k >= 5 else np.full(replicas, 0.5)
        tape.draw(k, COIN, two_point(0.1 + 0.8 * echo), 0.5)
    return tape.paths()


def self_exciting(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Every 1 raises the rate of the next ones, and the excitement decays (Hawkes); Y = m."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    excitement = np.zeros(replicas)
    for k in range(n):
        rate = np.minimum(0.05 + excitement, 0.95)
        tape.draw(k, COIN, two_point(rate), rate)
        excitement = 0.8 * excitement + 0.15 * tape.loss(k)
    return tape.paths()


def self_correcting(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """The more 1s so far, the fewer to come; Y is 0 and 1 in turn."""
    tape = Tape(rng, replicas, n, 1.0, 0.0, 1.0)
    surplus = np.zeros(replicas)
    for k in range(n):
        tape.draw(k, COIN, two_point(np.clip(0.5 - 0.2 * surplus, 0.02, 0.98)), float(k % 2))
        surplus += tape.loss(k) - 0.5
    return tape.paths()


FAMILIES = (
    Process("arch", "the scale of a loss follows the last loss", "adapted", arch),
    Process("regime_switching", "a hidden regime that the past reveals one token late", "adapted", regime_switching),
    Process("hidden_markov", "a hidden state known through past losses only", "adapted", hidden_markov),
    Process("polya_urn", "the conditional mean tends to a random limit", "adapted", polya_urn),
    Process("exchangeable_mixture", "a law drawn once, hidden, learnt by Bayes", "adapted", exchangeable_mixture),
    Process("reflected_walk", "a walk with bounded steps between two walls", "adapted", reflected_walk),
    Process("markov_chain", "a sticky chain of four levels", "adapted", markov_chain),
    Process("delayed_feedback", "an echo five tokens later", "adapted", delayed_feedback),
    Process("self_exciting", "contagion: losses in bursts", "adapted", self_exciting),
    Process("self_correcting", "negative feedback, alternating predictions", "adapted", self_correcting),
)
