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
from genbound.certificate.bounds import ALPHAS, Problem, offers
from genbound.certificate.rows import CodedModel
from genbound.certificate.statistics import OFFSETS, SampleStatistics, tilts
from genbound.concentration import default_shifts
from genbound.concentration.empirical_freedman import freedman_grid
from genbound.concentration.observed import search
from genbound.tilting import WEIGHTS

Pilots = Mapping[str, tuple[CodedModel, SampleStatistics]]


@dataclass(frozen=True)
class Candidate:
    """One way to evaluate a method, and what the pilot makes of it (nats per token)."""

    value: float
    code: str
    alpha: float
    offset: float = 0.0


def best(problem: Problem, pilots: Pilots) -> dict[str, Candidate]:
    """The most promising candidate of each method that holds for one of the descriptions."""
    found: dict[str, Candidate] = {}
    for coded, pilot in pilots.values():
        for name, candidates in _candidates(problem, coded, pilot).items():
            found[name] = min([*candidates, *([found[name]] if name in found else [])], key=lambda c: c.value)
    return found


def of_each_kind(problem: Problem, pilots: Pilots) -> list[Candidate]:
    """The most promising uniform smoothing and the most promising optimal law for `geometric_mean`."""
    found = [c for coded, pilot in pilots.values() for c in _geometric(pilot, coded.label, _forecast(problem, coded))]
    kinds = [[c for c in found if tilts(c.alpha) == kind] for kind in (False, True)]
    return [min(each, key=lambda c: c.value) for each in kinds if each]


def _candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> dict[str, list[Candidate]]:
    c = _forecast(problem, coded)
    v, label, keep = problem.vocab_size, coded.label, math.exp(-c)
    means = {a: float(pilot.losses_at(a).mean()) for a in {*ALPHAS, *LOTFI_ALPHAS}}
    found: dict[str, list[Candidate]] = {}
    if offers("finzi_bound", coded):
        radius = math.sqrt(c / 2)
        prescribed = problem.finzi_alpha(coded)
        extra = math.sqrt(2 * c) - smoothing.smoothing_price(c)
        found = {
            "lotfi_subsampled": [Candidate(means[a] + smoothing.span(a, v) * radius, label, a) for a in LOTFI_ALPHAS],
            "azuma_hoeffding": [Candidate(means[a] + smoothing.span(a, v) * radius, label, a) for a in ALPHAS],
            "finzi_bound": [Candidate(_freedman(pilot, prescribed, c) + extra, label, prescribed)],
        }
    return found | {
        "empirical_freedman": [Candidate(_freedman(pilot, a, c), label, a) for a in ALPHAS],
        "geometric_mean": list(_geometric(pilot, label, c)),
        "floor": [
            Candidate((ceiling := smoothing.ceiling(a, v)) - keep * (ceiling - means[a]), label, a) for a in ALPHAS
        ],
    }


def _forecast(problem: Problem, coded: CodedModel) -> float:
    """C, about: what the methods pay beside it differs by a few nats."""
    return problem.nats(coded, alpha=len(ALPHAS))[0] / problem.n


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
    yield from _tilted(pilot, label, c)


def _tilted(pilot: SampleStatistics, label: str, c: float) -> Iterator[Candidate]:
    """The optimal laws at every eighth weight, and the least value between them by a parabola in ln w."""
    values: dict[float, float] = {}
    for w in (law for law in pilot.alphas if tilts(law)):
        losses, ceilings = pilot.row(w)
        values[w] = float(ceilings.mean()) - math.exp(float(np.log(ceilings - losses).mean()) - c)
        yield Candidate(values[w], label, w)
    middle = min(sorted(values)[1:-1], key=lambda w: values[w], default=None)
    if middle is not None:
        at = sorted(values).index(middle)
        near = np.array(sorted(values)[at - 1 : at + 2])
        curve, slope, level = np.polyfit(np.log(near / middle), [values[w] for w in near], 2)
        if curve > 0 and abs(step := -slope / (2 * curve)) < math.log(near[2] / near[1]):
            best_weight = min(WEIGHTS, key=lambda w: abs(math.log(w / middle) - step))
            yield Candidate(level - curve * step**2, label, best_weight)


def around(grid: tuple[float, ...], value: float) -> tuple[float, ...]:
    """A member of a grid and its neighbours."""
    at = grid.index(value)
    return grid[max(0, at - 1) : at + 2]
