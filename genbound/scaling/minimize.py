"""A bounded Newton method for many starts at once: `descend`, and the starts themselves.

The steps are those of the exact Hessian H, regularised by the majoriser M of `objective.derivatives`:
(H + lambda M) d = -g. Large lambda is a cautious step of iteratively reweighted least squares, lambda -> 0 is Newton's.
A step is taken only if f falls. With a Huber corner far below the noise f is nearly piecewise linear, and quasi-Newton
methods stop early; this one ends where f stops falling in the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import nnls

from genbound.scaling.objective import Data, Design, derivatives, value

DEPTH = 40.0  # log-amplitudes stay within this many nats of log y at the centre: e^-40 of y is nothing
_LONGEST = 3.0  # no coordinate moves further in one step
_STEPS = 400
_CHUNK = 256  # members of a batch at a time
AGREE = 1e-9  # two objectives this close (relative) are the same optimum
_ROUNDING = 1e-28  # per unit of weight: f of an exact fit is not below it


@dataclass(frozen=True)
class Optimum:
    """Points (S, P) and their objectives `values` (S,): of `search`, best first; of `refit`, one per member."""

    points: np.ndarray
    values: np.ndarray
    exact: float = 0.0  # an objective below it is an exact fit: no |r_i| above about 1e-9

    @property
    def agreeing(self) -> int:
        """Starts that ended within 1e-9 (relative) of the best objective."""
        return int((self.values <= max(self.values[0] * (1 + AGREE), self.exact)).sum())


def descend(design: Design, data: Data, starts: np.ndarray, lower: np.ndarray,
            upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Local minima of f within [lower, upper], one per start (not sorted): points (S, P) and values (S,).

    Bounds may differ from start to start, and fix a parameter where they are equal.
    """
    points = np.clip(np.array(starts, dtype=float), lower, upper)
    lower, upper = np.broadcast_to(lower, points.shape), np.broadcast_to(upper, points.shape)
    damping, idle = np.ones(len(points)), np.zeros(len(points), dtype=int)
    values = value(design, data, points)
    floor = _ROUNDING * np.broadcast_to(data.weights, (len(points), design.offsets.shape[1])).sum(axis=1)
    going = np.arange(len(points))
    for _ in range(_STEPS):
        part = data.of(going)
        here, low, high = points[going], lower[going], upper[going]
        now, gradient, hessian, majoriser = derivatives(design, part, here)
        step, predicted = _step(gradient, hessian, majoriser, damping[going], here, low, high)
        there = np.clip(here + step, low, high)
        then = value(design, part, there)
        falls = then < now
        points[going[falls]], values[going[falls]] = there[falls], then[falls]
        gain = np.where(falls, (now - then) / np.maximum(predicted, 1e-300), 0)
        factor = np.where(~falls, 8.0, np.where(gain > 0.7, 0.1, np.where(gain < 0.2, 4.0, 1.0)))
        damping[going] = np.clip(damping[going] * factor, 1e-12, None)
        little = (now - then) <= 1e-14 * now + floor[going]
        idle[going] = np.where(little, idle[going] + 1, 0)
        done = ((idle[going] >= 3) & ((damping[going] > 1e4) | falls)) | (damping[going] > 1e10) | (now <= floor[going])
        going = going[~done]
        if not len(going):
            break
    return points, values


def _step(gradient: np.ndarray, hessian: np.ndarray, majoriser: np.ndarray, damping: np.ndarray, here: np.ndarray,
          low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The step of each member and the fall that the quadratic model predicts for it."""
    held = ((here <= low) & (gradient > 0)) | ((here >= high) & (gradient < 0)) | (low >= high)
    free = ~held[:, :, None] & ~held[:, None, :]
    gradient = np.where(held, 0, gradient)
    eye = np.eye(gradient.shape[1])
    matrix = np.where(free, hessian + damping[:, None, None] * majoriser, eye)
    diagonal = np.einsum("spp->sp", np.where(free, np.abs(hessian) + majoriser, eye))
    scale = np.sqrt(np.maximum(diagonal, 1e-300))
    scaled = matrix / (scale[:, :, None] * scale[:, None, :]) + (1e-13 * (1 + damping))[:, None, None] * eye
    step = -np.linalg.solve(scaled, (gradient / scale)[..., None])[..., 0] / scale
    step = np.where(np.isfinite(step), step, 0)
    step *= np.minimum(1, _LONGEST / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
    curved = np.einsum("sp,spq,sq->s", step, np.where(free, hessian, 0), step)
    return step, -(gradient * step).sum(axis=1) - curved / 2


def refit(design: Design, data: Data, ends: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> Optimum:
    """The best of the minima reached from each of a few warm starts, for every member of a batch of data.

    Args:
        data: with log y or the weights (or both) of shape (S, n).
        ends: warm starts, shape (K, P).
    """
    size = max(len(array) for array in (data.log_y, data.weights) if array.ndim == 2)
    points, values = np.empty((size, design.parameters)), np.full(size, np.inf)
    for first in range(0, size, _CHUNK):
        batch = np.arange(first, min(first + _CHUNK, size))
        for end in ends:
            there, reached = descend(design, data.of(batch), np.tile(end, (len(batch), 1)), lower, upper)
            better = reached < values[batch]
            points[batch[better]], values[batch[better]] = there[better], reached[better]
    return Optimum(points, values)


def search(design: Design, data: Data, exponents: Sequence[np.ndarray], lower: np.ndarray, upper: np.ndarray,
           polished: int, increasing: bool = False) -> Optimum:  # fmt: skip
    """The best minimum over a grid of exponents.

    For every point of the grid the amplitudes are those of non-negative least squares on yhat/y - 1; f is evaluated
    at all of them at once; the best half of `polished`, and as many spread over the other ranks, go to `descend`.

    Args:
        exponents: the grid along each free exponent (they follow the J log-amplitudes in p).
        increasing: keep only q_1 < q_2 < ... (terms that could change places).
    """
    terms = len(design.offsets)
    cells = list(product(*exponents))
    grid = np.array(cells, dtype=float).reshape(len(cells), len(exponents))
    if increasing:
        grid = grid[(np.diff(grid, axis=1) > 0).all(axis=1)]
    starts = np.concatenate([_amplitudes(design, data, grid), grid], axis=1)
    if not exponents:  # amplitudes only: also from equal parts, and from each term alone
        centre = np.median(data.log_y) - design.offsets.mean(axis=1)
        starts = np.concatenate([starts, centre[None] - np.log(terms), centre - 7 * (1 - np.eye(terms))])
    starts = np.clip(starts, lower, upper)
    ranks = np.argsort(value(design, data, starts), kind="stable")
    if len(ranks) > polished:
        half = polished // 2
        spread = np.linspace(half, len(ranks) - 1, polished - half).astype(int)
        ranks = ranks[np.concatenate([np.arange(half), spread])]
    points, values = descend(design, data, starts[ranks], lower, upper)
    order = np.argsort(values, kind="stable")
    return Optimum(points[order], values[order], AGREE**2 * float(data.weights.sum()))


def _amplitudes(design: Design, data: Data, grid: np.ndarray) -> np.ndarray:
    """Log-amplitudes (G, J) by non-negative least squares on yhat/y - 1, none left at zero."""
    terms = len(design.offsets)
    root = np.sqrt(data.weights)
    found = np.empty((len(grid), terms))
    for k, exponents in enumerate(grid):
        powers = (design.offsets + design.slopes[:, :, terms:] @ exponents - data.log_y).T
        top = powers.max(axis=0)
        solution, _ = nnls(np.exp(powers - top) * root[:, None], root)
        found[k] = np.log(np.maximum(solution, 1e-3)) - top
    return found
