"""Backward induction over (state, running sum of m_k): the value of the adversary's game, and its strategy.

With V_n = 1[sum m_k > n bound], V_k(state, S) = max over y and over laws with mean m of E V_{k+1}(state + (y, X),
S + m). For a fixed m the inner maximum is the upper concave envelope of the outcomes' values, so two outcomes
suffice. The sum lives on a grid of step h. Rounding m down to it makes V the probability of an honest strategy;
rounding m up, and letting the law have any mean in the cell below, makes V an upper bound: inside a cell the
envelope has no kink (every outcome is an end of a cell), so it is largest at one of the two ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from genbound.processes.lattice import Lattice
from genbound.processes.strategy import Law, Layer


@dataclass(frozen=True)
class Chord:
    """The law that puts `weight` on outcome `high` and the rest on outcome `low`."""

    low: int
    high: int
    weight: Fraction

    def law(self, outcomes: int) -> Law:
        """Its probabilities, one per outcome."""
        law = [Fraction(0)] * outcomes
        law[self.low] += 1 - self.weight
        law[self.high] += self.weight
        return tuple(law)


@dataclass(frozen=True)
class Move:
    """Laws the adversary may choose, and how many grid steps the running sum advances for them."""

    step: int
    chords: tuple[Chord, ...]


def chords(values: Sequence[Fraction], mean: Fraction) -> tuple[Chord, ...]:
    """All laws on at most two outcomes with this mean: among them is the best one, whatever is maximised.

    >>> chords((Fraction(0), Fraction(1)), Fraction(1, 4))
    (Chord(low=0, high=1, weight=Fraction(1, 4)),)
    """
    if mean in values:
        at = values.index(mean)
        found = [Chord(at, at, Fraction(0))]
    else:
        found = []
    below = [i for i, x in enumerate(values) if x < mean]
    above = [i for i, x in enumerate(values) if x > mean]
    found += [Chord(a, b, (mean - values[a]) / (values[b] - values[a])) for a in below for b in above]
    return tuple(found)


def candidate_means(values: Sequence[Fraction], step: Fraction) -> list[Fraction]:
    """The multiples of `step` between the outcomes, and the outcomes, in order."""
    low, high = min(values), max(values)
    inside = {j * step for j in range(-(-low // step), high // step + 1)}
    return sorted(inside | set(values))


def honest_moves(values: Sequence[Fraction], step: Fraction) -> list[Move]:
    """Laws with a mean on the grid (or at an outcome); the sum advances by the mean rounded down."""
    return [Move(int(m // step), chords(values, m)) for m in candidate_means(values, step)]


def generous_moves(values: Sequence[Fraction], step: Fraction) -> list[Move]:
    """Cells between neighbouring means: any law in the cell, and the sum advances by its top rounded up."""
    means = candidate_means(values, step)
    cells = [(means[0],), *itertools.pairwise(means)]
    return [Move(int(-(-cell[-1] // step)), sum((chords(values, m) for m in cell), ())) for cell in cells]


def thresholds(lattice: Lattice, step: Fraction, top: int) -> np.ndarray:
    """The smallest grid sum that exceeds each limit strictly, clipped to [0, top + 1]."""
    found = [
        (0 if limit < 0 else top + 1) if isinstance(limit, float) else min(max(limit // step + 1, 0), top + 1)
        for limit in lattice.limits
    ]
    return np.array(found, dtype=np.int64)


def solve(lattice: Lattice, moves: Sequence[Move], need: np.ndarray) -> list[np.ndarray]:
    """V_k as arrays (states_k, k A + 1) for k = 0..n, A the longest step; V_0[0, 0] is the game's value.

    Each step rounds by less than 2^-51, so the result is within n 2^-51 of the exact one.
    """
    longest = max(move.step for move in moves)
    value = (np.arange(lattice.n * longest + 1) >= need[:, None]).astype(np.float64)
    layers = [value]
    for k in reversed(range(lattice.n)):
        width = k * longest + 1
        value = _step_back(lattice.children[k], value, moves, width)
        layers.append(value)
    return layers[::-1]


def _step_back(children: np.ndarray, after: np.ndarray, moves: Sequence[Move], width: int) -> np.ndarray:
    states, choices, outcomes = children.shape
    best = np.zeros((states, width))
    buffer = np.empty_like(best)
    for y in range(choices):
        child = [after[children[:, y, x]] for x in range(outcomes)]
        rise = {(c.low, c.high): child[c.high] - child[c.low] for m in moves for c in m.chords if c.low != c.high}
        for move in moves:
            reached = slice(move.step, move.step + width)
            for chord in move.chords:
                if chord.low == chord.high:
                    np.maximum(best, child[chord.low][:, reached], out=best)
                    continue
                np.multiply(rise[chord.low, chord.high][:, reached], float(chord.weight), out=buffer)
                buffer += child[chord.low][:, reached]
                np.maximum(best, buffer, out=best)
    return best


def extract(lattice: Lattice, moves: Sequence[Move], need: np.ndarray,
            layers: Sequence[np.ndarray]) -> tuple[tuple[Layer, ...], tuple[bool, ...]]:  # fmt: skip
    """The maximising strategy from the root: its layers, and which of its terminal nodes violate the bound."""
    state, total = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    outcomes = lattice.children[0].shape[2]
    found = []
    for k in range(lattice.n):
        options = [(y, m.step, c) for y in range(lattice.children[k].shape[1]) for m in moves for c in m.chords]
        best, pick = np.full(state.size, -1.0), np.zeros(state.size, dtype=np.int64)
        for number, (y, step, chord) in enumerate(options):
            below = layers[k + 1][lattice.children[k][state, y, chord.low], total + step]
            above = layers[k + 1][lattice.children[k][state, y, chord.high], total + step]
            value = below + (above - below) * float(chord.weight)
            better = value > best
            best[better], pick[better] = value[better], number
        index: dict[tuple[int, int], int] = {}
        laws, after = [], []
        for node, number in enumerate(pick.tolist()):
            y, step, chord = options[number]
            law = chord.law(outcomes)
            laws.append(law)
            row = lattice.children[k][state[node], y].tolist()
            sums = int(total[node]) + step
            after.append(
                tuple(index.setdefault((c, sums), len(index)) if p else -1 for c, p in zip(row, law, strict=True))
            )
        found.append(Layer(tuple(options[number][0] for number in pick.tolist()), tuple(laws), tuple(after)))
        state = np.array([s for s, _ in index], dtype=np.int64)
        total = np.array([s for _, s in index], dtype=np.int64)
    return tuple(found), tuple((total >= need[state]).tolist())
