"""The library's bounds as functions of a path of a finite process: what the mirrored statements are tried with."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from finite_processes import (
    History,
    Loss,
    Predictable,
    Process,
    hidden_process,
    outcome_loss,
    path_mean,
    random_loss,
    random_predictable,
    random_process,
    upper_of,
    values,
)

import genbound as gb

SEEDS = range(12)


class Case(NamedTuple):
    """A process, a loss in [0, 1], a prediction in [0, 1], a horizon."""

    process: Process
    loss: Loss
    prediction: Predictable
    n: int


def case(seed: int) -> Case:
    """A random adaptive one."""
    rng = random.Random(seed)
    outcomes = rng.choice((2, 3))
    n = rng.choice((1, 2, 3, 4)) if outcomes == 3 else rng.choice((3, 4, 5, 6))
    return Case(random_process(rng, outcomes), random_loss(rng), random_predictable(rng), n)


def share_above(delta: Fraction, n: int) -> Fraction:
    """A probability whose n-th power is just above delta."""
    share = Fraction(math.ceil(float(delta) ** (1 / n) * 4096) + 1, 4096)
    assert delta < share**n < 2 * delta
    return share


def cunning(delta: Fraction, n: int, prediction: Fraction = Fraction(0)) -> Case:
    """Every loss is 0 with a probability whose n-th power is just above delta: bounds are tried at their edge."""
    return Case(hidden_process(share_above(delta, n)), outcome_loss, lambda _: prediction, n)


def mirrored(delta: Fraction, n: int, prediction: Fraction = Fraction(0)) -> Case:
    """The same for what bounds the risk from below: every loss is 1 with that probability."""
    return Case(hidden_process(share_above(delta, n)), lambda _, o: Fraction(int(o == 0)), lambda _: prediction, n)


def cases(delta: Fraction) -> list[Case]:
    """Random ones and those of the edge."""
    return [*(case(seed) for seed in SEEDS), *(cunning(delta, n) for n in (1, 2, 5))]


def floats(of: Loss, history: History) -> list[float]:
    """A quantity of every step as floats, the first step first."""
    return [float(value) for value in values(of, history)]


def centres(of: Predictable, history: History) -> list[float]:
    """A predictable quantity of every step as floats."""
    return floats(lambda past, _: of(past), history)


def pair(at: Case, history: History) -> tuple[list[float], list[float]]:
    """The losses and the predictions."""
    return floats(at.loss, history), centres(at.prediction, history)


Bound = Callable[[Case, History, float], Fraction]
"""(the case, a history, ln(1/delta)) -> what the library says R is at most (or at least)."""


def general_geometric_mean(at: Case, history: History, nats: float) -> Fraction:
    """U the largest loss that can occur, or more: U = K after X is replaced by X - U + K."""
    upper = upper_of(random.Random(at.n), at.process, at.loss)
    top = 3
    moved = floats(lambda past, o: at.loss(past, o) - upper(past) + top, history)
    value = gb.geometric_mean(moved, ceiling=top, shift=top, log_inv_delta=nats).value
    return Fraction(value) - top + path_mean(lambda past, _: upper(past), history)


def shifted_geometric_mean(*grid: float) -> Bound:
    """U = Y + D with D from a paid grid."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        return Fraction(gb.geometric_mean(*pair(at, history), ceiling=1.0, grid=grid, log_inv_delta=nats).value)

    return bound


def freedman_with(s: float) -> Bound:
    """The empirical Freedman bound at one s."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        return Fraction(gb.empirical_freedman(*pair(at, history), ceiling=1.0, s=s, log_inv_delta=nats).value)

    return bound


def grid_freedman(at: Case, history: History, nats: float) -> Fraction:
    """The empirical Freedman bound with s from a paid grid."""
    return Fraction(gb.empirical_freedman(*pair(at, history), ceiling=1.0, grid_size=3, log_inv_delta=nats).value)


def mixed(*grid: float) -> Bound:
    """The mixture over a grid."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        return Fraction(gb.mixture(*pair(at, history), ceiling=1.0, grid=grid, log_inv_delta=nats).value)

    return bound


def capped(*grid: float) -> Bound:
    """U = max(B, Y + D) with D from a paid grid."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        found = gb.capped_geometric_mean(*pair(at, history), ceiling=1.0, grid=grid, log_inv_delta=nats)
        return Fraction(found.value)

    return bound


def azuma(at: Case, history: History, nats: float) -> Fraction:
    """Azuma-Hoeffding: reads the losses alone."""
    return Fraction(gb.azuma_hoeffding(floats(at.loss, history), ceiling=1.0, log_inv_delta=nats).value)


def betting_inverse(*grid: float) -> Bound:
    """The bound of the type of Mineiro."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        members = grid or None
        return Fraction(gb.mineiro(*pair(at, history), ceiling=1.0, grid=members, log_inv_delta=nats).value)

    return bound


def self_normalised(*grid: float) -> Bound:
    """The bound of Howard et al."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        members = grid or None
        return Fraction(gb.howard(*pair(at, history), ceiling=1.0, grid=members, log_inv_delta=nats).value)

    return bound


def lower_geometric_mean(shift: float) -> Bound:
    """L = Y - D from below; the predictions are at most 1/4 here."""

    def bound(at: Case, history: History, nats: float) -> Fraction:
        found = gb.lower_geometric_mean(
            *pair(at, history), ceiling=1.0, prediction_ceiling=0.25, shift=shift, log_inv_delta=nats
        )
        return Fraction(found.value)

    return bound


UPPER: dict[str, Bound] = {
    "general_geometric_mean": general_geometric_mean,
    "shifted_geometric_mean": shifted_geometric_mean(1.0, 1.5, 4.0),
    "grid_freedman": grid_freedman,
    "mixed": mixed(1.0, 1.25, 3.0),
    "capped": capped(0.25, 0.5, 1.25),
    "azuma": azuma,
    "betting_inverse": betting_inverse(),
    "self_normalised": self_normalised(),
}
"""Every bound from above, with the choices that a user pays for."""


def violation(at: Case, bound: Bound, nats: float) -> Fraction:
    """P(bound < R), exactly."""
    return at.process.probability(at.n, lambda h: bound(at, h, nats) < at.process.risk(at.loss, h))


def violation_below(at: Case, bound: Bound, nats: float) -> Fraction:
    """P(R < bound), exactly, for a bound from below."""
    return at.process.probability(at.n, lambda h: bound(at, h, nats) > at.process.risk(at.loss, h))
