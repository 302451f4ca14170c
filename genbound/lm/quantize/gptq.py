"""GPTQ as published ([GPTQ], arXiv 2210.17323; the quantizer of [F25]): the baseline of the other methods.

Every row has one uniform grid of 2^b points from its smallest weight to its largest, zero included (asymmetric
min-max), fixed before anything is rounded; columns are then rounded one after another, and the error of each is pushed
into those to come. The scale of a row is stored to the 11 bits of a float16. Embeddings without a Hessian are rounded
to the nearest point of their rows' grids, vectors to a grid of `VECTOR_BITS` more bits around their middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from genbound.lm.hessian import Hessians
from genbound.lm.quantize.ldlq import factor, ldlq
from genbound.lm.quantize.matrices import VECTOR_BITS, Matrix
from genbound.lm.quantize.model import MANTISSA, QuantizedTensor, row_scale

DAMPING = 0.01

_SHRINKS = 80
"""Candidates of the search for a smaller range: 1, .99, ..., .21 of it."""

_NORM = 2.4


@dataclass(frozen=True)
class RowGrid:
    """The grids of rows: integers from `low` to `high` times a scale.

    Attributes:
        codes, scales: of the rows, (rows,).
        low, high: of the rows, (rows,).
    """

    codes: NDArray[np.int64]
    scales: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def integers(self, ratio: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """The nearest integers of the rows' grids to the w/scale of a column."""
        return np.clip(np.rint(ratio), self.low, self.high)

    def points(self, integers: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """What the integers stand for, in scales."""
        return integers

    def nearest(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest integers for a whole matrix."""
        return np.clip(np.rint(weights / self.scales[:, None]), self.low[:, None], self.high[:, None])


def grid_levels(bits: float) -> int:
    """Points of a grid of b bits: 2^b, rounded to an integer, at least two.

    >>> [grid_levels(bits) for bits in (0.5, 1, 1.58, 2, 2.32, 3, 4)]
    [2, 2, 3, 4, 5, 8, 16]
    """
    return max(2, round(2.0**bits))


def scale_code(scale: float) -> int:
    """The code of the nearest scale of eleven leading bits.

    >>> [row_scale(scale_code(x)) for x in (1.0, 0.3, 3e-5)]
    [1.0, 0.300048828125, 2.9996037483215332e-05]
    """
    fraction, exponent = math.frexp(scale)
    leading = round(fraction * 2 * MANTISSA)
    return MANTISSA * (exponent - 11) + leading - MANTISSA


def row_grid(weights: NDArray[np.float64], bits: float, *, search: bool = False, zero: bool = True) -> RowGrid:
    """The min-max grid of every row; with `search`, of the part of its range with the least error, sum |e|^2.4.

    Args:
        weights: W, (rows, columns).
        bits: b, of the 2^b points of a row.
        search: shrink ranges where that lowers the error.
        zero: the range contains zero.
    """
    edge = np.zeros(len(weights))
    low = np.minimum(weights.min(axis=1, initial=np.inf), edge if zero else np.inf)
    high = np.maximum(weights.max(axis=1, initial=-np.inf), edge if zero else -np.inf)
    levels = grid_levels(bits)
    best = _grid(low, high, levels)
    if search:
        errors = _row_errors(weights, best)
        for part in range(1, _SHRINKS):
            found = _grid(low * (1 - part / 100), high * (1 - part / 100), levels)
            now = _row_errors(weights, found)
            better = now < errors
            errors = np.where(better, now, errors)
            best = RowGrid(*(np.where(better, getattr(found, f.name), getattr(best, f.name)) for f in fields(RowGrid)))
    return best


def _grid(low: NDArray[np.float64], high: NDArray[np.float64], levels: int) -> RowGrid:
    wide = high > low
    codes = np.array([scale_code(x) for x in np.where(wide, (high - low) / (levels - 1), 1.0)], dtype=np.int64)
    scales = np.array([row_scale(int(code)) for code in codes])
    first = np.where(wide, np.rint(low / scales), 0.0)
    return RowGrid(codes, scales, first, first + levels - 1)


def _row_errors(weights: NDArray[np.float64], grid: RowGrid) -> NDArray[np.float64]:
    rounded = grid.nearest(weights) * grid.scales[:, None]
    return (np.abs(weights - rounded) ** _NORM).sum(axis=1)


def gptq(
    matrix: Matrix, bits: float, calibration: Hessians | None, *, damping: float, search: bool, order: bool
) -> QuantizedTensor:
    """One parameter, with feedback where its Hessian is known.

    Args:
        matrix: the parameter.
        bits: b, of the 2^b points of a row.
        calibration: statistics of the model.
        damping: added to H, relative to its mean diagonal.
        search: see `row_grid`.
        order: round the columns in the order of falling diagonal of H.
    """
    weights = matrix.weights
    grid = row_grid(weights, bits + VECTOR_BITS * matrix.is_vector, search=search, zero=not matrix.is_vector)
    hessian = calibration.inputs.get(matrix.name) if calibration is not None and not matrix.is_vector else None
    columns = weights.shape[1]
    if hessian is None or hessian.shape != (columns, columns):
        values = grid.nearest(weights).astype(np.int32)
    else:
        values = _fed(weights, hessian, grid, damping, order)
    centre = 0
    if matrix.is_vector and values.size:
        centre = round(float(values.mean()))
    return QuantizedTensor(
        matrix.name, matrix.shape, np.ascontiguousarray(values - np.int32(centre)), 0, *matrix.zeros(), centre,
        transposed=matrix.transposed, row_scales=grid.codes,
    )  # fmt: skip


def _fed(
    weights: NDArray[np.float64], hessian: NDArray[np.float64], grid: RowGrid, damping: float, order: bool
) -> NDArray[np.int32]:
    diagonal = np.diag(hessian)
    dead = diagonal <= 0
    living = np.where(dead, 0.0, weights)
    safe = hessian + np.diag(np.where(dead, 1.0, 0.0))
    permutation = np.argsort(-np.diag(safe), kind="stable") if order else np.arange(len(hessian))
    triangle = factor(safe[np.ix_(permutation, permutation)], damping)
    rounded = ldlq(living[:, permutation], triangle, grid.scales, np.ones(len(hessian)), grid)
    out = np.empty_like(rounded)
    out[:, permutation] = rounded
    return out
