"""Adversaries with one law per token that does not react to the past: a search, so lower limits only."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from genbound.processes.lattice import Lattice
from genbound.processes.strategy import Law, Layer

LAWS = 20_000
"""Laws tried on a grid of the simplex before the best few are refined."""

PATHS = 1 << 16
"""Paths an independent search may enumerate."""

_STARTS = 6
_NUDGE = 1e-12  # past an atom of the bound, as a share of the largest outcome: the bound must fail strictly


def best_iid(lattice: Lattice) -> Law:
    """The law whose IID draws violate most often, of a grid of laws and what a pattern search makes of the best.

    The probability is a polynomial in the law while the set of violated states stays the same, and jumps where
    the mean passes a value of the bound: the search steps along x_i -> x_j, and just past each such value.
    """
    values = np.array([float(x) for x in lattice.values])
    atoms = _atoms(lattice)
    grid = _simplex(len(values))
    score = _iid_probability(lattice, grid)
    best = grid[np.argsort(-score, kind="stable")[:_STARTS]]
    pairs = list(itertools.permutations(range(len(values)), 2))
    step = 0.5 / max(1, round(1 / grid[grid > 0].min()))
    winner, top = best[0], -1.0
    for start in best:
        law, value, size = start, float(_iid_probability(lattice, start[None])[0]), 2 * step
        while size > 1e-7:
            trials = _neighbours(law, values, pairs, size, atoms)
            scores = _iid_probability(lattice, trials)
            if scores.max() > value:
                law, value = trials[int(scores.argmax())], float(scores.max())
            else:
                size /= 4
        if value > top:
            winner, top = law, value
    return rational(winner)


def rational(law: np.ndarray) -> Law:
    """A float law as exact rationals that sum to 1 exactly; the largest entry takes up the rest.

    >>> rational(np.array([0.5, 0.5]))
    (Fraction(1, 2), Fraction(1, 2))
    """
    exact = [Fraction(float(max(p, 0.0))) for p in law]
    largest = int(np.argmax(law))
    exact[largest] = 1 - sum((p for i, p in enumerate(exact) if i != largest), Fraction(0))
    return tuple(exact)


def unroll(lattice: Lattice, laws: list[Law]) -> tuple[tuple[Layer, ...], tuple[bool, ...]]:
    """The strategy that draws token k from laws[k] and picks the worst predictions: layers, and where it violates."""
    total = sum((p * x for law in laws for p, x in zip(law, lattice.values, strict=True)), Fraction(0))
    wrong = tuple(total > limit for limit in lattice.limits)
    value = np.array(wrong, dtype=np.float64)
    layers = []
    for k in reversed(range(lattice.n)):
        weights = np.array([float(p) for p in laws[k]])
        expected = value[lattice.children[k]] @ weights
        choice = expected.argmax(axis=1)
        after = lattice.children[k][np.arange(choice.size), choice].tolist()
        layers.append(Layer(tuple(choice.tolist()), (laws[k],) * choice.size, tuple(map(tuple, after))))
        value = expected.max(axis=1)
    return tuple(layers[::-1]), wrong


def best_independent(lattice: Lattice, start: Law, seed: int = 0) -> list[Law]:
    """Coordinate ascent over product laws: one law at a time is replaced by the best one given the others.

    Given the others the probability is linear in law k at each mean m_k, so the best law sits on two outcomes.
    Needs one prediction only and at most `PATHS` paths.
    """
    values = np.array([float(x) for x in lattice.values])
    outcomes, n = values.size, lattice.n
    limits = _limits_by_path(lattice)
    rng = np.random.default_rng(seed)
    starts = [np.tile(np.array([float(p) for p in start]), (n, 1))]
    starts += [rng.dirichlet(np.full(outcomes, 0.5), size=n) for _ in range(_STARTS)]
    winner, top = starts[0], -1.0
    for laws in starts:
        value, before = 0.0, -1.0
        while value > before + 1e-9:
            before = value
            for k in range(n):
                laws[k], value = _best_law(laws, k, values, limits)
        if value > top:
            winner, top = laws.copy(), value
    return [rational(law) for law in winner]


def _best_law(laws: np.ndarray, k: int, values: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, float]:
    others = np.ones(())
    for i, law in enumerate(laws):
        if i != k:
            others = np.multiply.outer(others, law)
    weight = others.reshape(-1)
    elsewhere = float(laws.sum(axis=0) @ values - laws[k] @ values)
    by_outcome = np.moveaxis(limits, k, 0).reshape(values.size, -1)
    finite = np.unique(by_outcome[np.isfinite(by_outcome)]) - elsewhere
    means = np.concatenate([np.linspace(values.min(), values.max(), 201), finite + len(laws) * _NUDGE * values.max()])
    means = np.unique(means[(means >= values.min()) & (means <= values.max())])
    gain = np.empty((values.size, means.size))
    for x, bars in enumerate(by_outcome):
        order = np.argsort(bars)
        passed = np.concatenate([[0.0], np.cumsum(weight[order])])
        gain[x] = passed[np.searchsorted(bars[order], elsewhere + means, side="left")]
    best, law = -1.0, laws[k]
    for a, b in itertools.permutations(range(values.size), 2):
        share = (means - values[a]) / (values[b] - values[a])
        inside = (share >= 0) & (share <= 1)
        value = np.where(inside, gain[a] + (gain[b] - gain[a]) * share, -1.0)
        at = int(value.argmax())
        if value[at] > best:
            best, law = float(value[at]), np.zeros(values.size)
            law[a], law[b] = 1 - share[at], share[at]
    return law, best


def _limits_by_path(lattice: Lattice) -> np.ndarray:
    state = np.zeros((), dtype=np.int64)
    for layer in lattice.children:
        state = layer[state, 0]
    return np.array([float(limit) for limit in lattice.limits])[state]


def _atoms(lattice: Lattice) -> np.ndarray:
    limits = {float(limit) / lattice.n for limit in lattice.limits if not isinstance(limit, float)}
    return np.array(sorted(limits))


def _iid_probability(lattice: Lattice, laws: np.ndarray) -> np.ndarray:
    """P(R > bound) of each row of `laws` (L, K), with the worst predictable Y; float64."""
    means = laws @ np.array([float(x) for x in lattice.values])
    bars = np.array([float(limit) / lattice.n for limit in lattice.limits])
    value = (means[:, None] > bars).astype(np.float64)
    for layer in reversed(lattice.children):
        choices = [sum(laws[:, x, None] * value[:, layer[:, y, x]] for x in range(laws.shape[1]))
                   for y in range(layer.shape[1])]  # fmt: skip
        value = np.max(np.stack(choices), axis=0)
    return value[:, 0]


def _simplex(outcomes: int) -> np.ndarray:
    parts = 1
    while math.comb(parts + outcomes, outcomes - 1) <= LAWS:
        parts += 1
    bars = itertools.combinations(range(parts + outcomes - 1), outcomes - 1)
    cuts = np.array([(-1, *bar, parts + outcomes - 1) for bar in bars])
    return (np.diff(cuts, axis=1) - 1) / parts


def _neighbours(law: np.ndarray, values: np.ndarray, pairs: list[tuple[int, int]], size: float,
                atoms: np.ndarray) -> np.ndarray:  # fmt: skip
    found = []
    mean = float(law @ values)
    past = atoms - mean + _NUDGE * values.max()  # how far the mean is from just beyond each atom
    for i, j in pairs:
        steps = np.concatenate([[size], past / (values[j] - values[i])])
        steps = steps[(steps > 0) & (steps <= law[i])]
        moved = np.repeat(law[None], steps.size, axis=0)
        moved[:, i] -= steps
        moved[:, j] += steps
        found.append(moved)
    return np.concatenate([*found, law[None]])
