"""Choosing on a few windows: which coded model, alpha and centre each method should be evaluated at.

Everything here is float64 and proves nothing. What is chosen is paid for where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS
from genbound.certificate.bounds import ALPHAS, Problem
from genbound.certificate.rows import CodedModel
from genbound.certificate.statistics import OFFSETS, SampleStatistics
from genbound.concentration import default_shifts
from genbound.concentration.empirical_freedman import freedman_grid
from genbound.concentration.observed import search

Pilots = Mapping[str, tuple[CodedModel, SampleStatistics]]


@dataclass(frozen=True)
class Candidate:
    """One way to evaluate a method, and what the pilot makes of it (nats per token)."""

    value: float
    code: str
    alpha: float
    offset: float = 0.0


def best(problem: Problem, pilots: Pilots) -> dict[str, Candidate]:
    """The most promising candidate of each method."""
    found = [_candidates(problem, coded, pilot) for coded, pilot in pilots.values()]
    return {name: min((c for each in found for c in each[name]), key=lambda c: c.value) for name in found[0]}


def _candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> dict[str, list[Candidate]]:
    c = problem.nats(coded, alpha=len(ALPHAS))[0] / problem.n
    v, label, keep = problem.vocab_size, coded.label, math.exp(-c)
    means = {a: float(pilot.losses_at(a).mean()) for a in {*ALPHAS, *LOTFI_ALPHAS}}
    radius = math.sqrt(c / 2)
    prescribed = problem.finzi_alpha(coded)
    extra = math.sqrt(2 * c) - smoothing.smoothing_price(c)
    return {
        "lotfi_subsampled": [Candidate(means[a] + smoothing.span(a, v) * radius, label, a) for a in LOTFI_ALPHAS],
        "azuma_hoeffding": [Candidate(means[a] + smoothing.span(a, v) * radius, label, a) for a in ALPHAS],
        "finzi_bound": [Candidate(_freedman(pilot, prescribed, c) + extra, label, prescribed)],
        "empirical_freedman": [Candidate(_freedman(pilot, a, c), label, a) for a in ALPHAS],
        "geometric_mean": list(_geometric(pilot, label, c)),
        "floor": [
            Candidate((ceiling := smoothing.ceiling(a, v)) - keep * (ceiling - means[a]), label, a) for a in ALPHAS
        ],
    }


def _range(alpha: float, vocab_size: int) -> float:
    return smoothing.ceiling(alpha, vocab_size) - smoothing.entropy_floor(alpha, vocab_size)


def _freedman(pilot: SampleStatistics, alpha: float, c: float) -> float:
    losses, centres = pilot.row(alpha)
    bets, delta, mean = (centres - losses).ravel(), _range(alpha, pilot.vocab_size), float(centres.mean())

    def value(s: float) -> float:
        return mean + (delta / s) * (c - float(np.log1p(bets * (s / delta)).mean()))

    grid = freedman_grid(64)
    return value(grid[search(value, grid, 8)])


def _geometric(pilot: SampleStatistics, label: str, c: float) -> Iterator[Candidate]:
    v = pilot.vocab_size
    for alpha in ALPHAS:
        shifts = default_shifts(smoothing.ceiling(alpha, v), smoothing.entropy_floor(alpha, v))[1:]
        for offset in OFFSETS:
            losses, centres = pilot.row(alpha, offset)
            bets, mean = (centres - losses).ravel(), float(centres.mean())

            def value(d: float, bets: np.ndarray = bets, mean: float = mean) -> float:
                return mean - d * math.expm1(float(np.log1p(bets / d).mean()) - c)

            yield Candidate(value(shifts[search(value, shifts, 32)]), label, alpha, offset)


def around(grid: tuple[float, ...], value: float) -> tuple[float, ...]:
    """A member of a grid and its neighbours."""
    at = grid.index(value)
    return grid[max(0, at - 1) : at + 2]
