"""LDLQ over a whole model: the steps of all tensors from one water level, then rounding with feedback."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genbound.lm.hessian import Hessians, Shelf
from genbound.lm.quantize.allocate import Steps, activity, as_steps, water_level
from genbound.lm.quantize.lattice import LatticeRule, choose, split
from genbound.lm.quantize.ldlq import DAMPING, Rounding, factor, ldlq
from genbound.lm.quantize.matrices import VECTOR_BITS, Matrix, rounded_vector
from genbound.lm.quantize.model import HALF_OCTAVE, SHRINK_UNIT, VALUE_LIMIT, QuantizedTensor, powers
from genbound.lm.quantize.options import Options
from genbound.lm.quantize.rates import nominal_bits, nominal_step, scalar_rule
from genbound.lm.quantize.rotation import rotate, signs

Progress = Callable[[float], None]


@dataclass(frozen=True)
class _Wish:
    """The log2 steps a matrix would like, up to the common level; and log2 of the spread of its rows."""

    log_rows: NDArray[np.float64]
    log_columns: NDArray[np.float64]
    log_deviations: NDArray[np.float64]
    triangle: NDArray[np.float64] | None

    @property
    def part(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `water_level` reads."""
        return np.add.outer(self.log_rows, self.log_columns), self.log_deviations


def nearest(matrix: Matrix, bits: float, options: Options, seed: int) -> QuantizedTensor:
    """One step per tensor, which is best for the mean square at a given entropy."""
    rate = bits + options.offsets.get(matrix.group, 0.0)
    if matrix.is_vector:
        return rounded_vector(matrix, None, rate + VECTOR_BITS)
    deviation = float(np.sqrt(np.mean(np.square(matrix.weights)))) if matrix.weights.size else 0.0
    step = round(8 * nominal_step(deviation, rate)) if deviation else 0
    return round_matrix(matrix, Steps(step, *matrix.zeros()), None, rate, options, seed)


def round_matrix(
    matrix: Matrix,
    steps: Steps,
    triangle: NDArray[np.float64] | None,
    rate: float,
    options: Options,
    seed: int,
    *,
    log_deviations: NDArray[np.float64] | None = None,
) -> QuantizedTensor:
    """A matrix on a grid, with feedback when a triangle is given; the rate decides the scalar rule.

    `log_deviations`, log2 deviations of its weights, asks for points of E8 where they are wide enough.
    """
    weights = matrix.weights
    if options.rotate:
        weights = rotate(weights, signs(seed, matrix.index, weights.shape[1]))
    zone, shrink = scalar_rule(rate)
    zone = zone if options.deadzone is None else options.deadzone
    shrink = shrink if options.shrink is None else options.shrink
    rule = Rounding(zone, shrink / SHRINK_UNIT)
    row_steps = powers(steps.step + HALF_OCTAVE * steps.rows)
    column_steps = powers(HALF_OCTAVE * steps.columns)
    lattice = None
    if log_deviations is not None and weights.size:
        log_steps = np.log2(np.outer(row_steps, column_steps))
        rows, columns = choose(nominal_bits(log_deviations - log_steps))
        feed = triangle if triangle is not None else np.eye(weights.shape[1])
        doubled = ldlq(weights, feed, row_steps, column_steps, LatticeRule(rows, columns, rule))
        values, lattice = split(doubled, rows, columns)
    elif triangle is not None:
        values = ldlq(weights, triangle, row_steps, column_steps, rule)
    else:
        integers = rule.integers(weights / row_steps[:, None] / column_steps[None, :], 0)
        values = np.clip(integers, -VALUE_LIMIT, VALUE_LIMIT).astype(np.int32)
    return QuantizedTensor(
        matrix.name, matrix.shape, np.ascontiguousarray(values), steps.step, steps.rows, steps.columns, 0, shrink,
        matrix.transposed, options.rotate, lattice,
    )  # fmt: skip


def with_feedback(
    matrices: list[Matrix],
    bits: float,
    calibration: Hessians,
    options: Options,
    seed: int,
    *,
    lattice: bool,
    progress: Progress | None = None,
) -> list[QuantizedTensor]:
    """Every parameter, at `bits` per weight of the matrices on average.

    With row sensitivities one level serves the whole model; without, every matrix has its own.
    """
    graded = bool(calibration.rows)
    kept = not isinstance(calibration.inputs, Shelf)  # factored twice if the matrices do not fit into memory
    wishes = {m.name: _wish(m, calibration, options, seed, keep=kept) for m in matrices if not m.is_vector}
    parts = {name: wish.part for name, wish in wishes.items()}
    common = water_level(list(parts.values()), bits) if parts and graded else 0.0
    out: list[QuantizedTensor] = []
    for place, matrix in enumerate(matrices):
        if matrix.is_vector:
            out.append(_vector(matrix, bits, common, calibration, options))
        else:
            relative, deviations = parts[matrix.name]
            level = common if graded else water_level([parts[matrix.name]], bits)
            rate = float(np.mean(nominal_bits(deviations - relative - level))) if relative.size else bits
            wish = wishes[matrix.name] if kept else _wish(matrix, calibration, options, seed)
            active = activity(relative + level, deviations)
            steps = as_steps(wish.log_rows, wish.log_columns, level, active=active)
            asked = deviations if lattice else None
            out.append(round_matrix(matrix, steps, wish.triangle, rate, options, seed, log_deviations=asked))
        if progress is not None:
            progress((place + 1) / len(matrices))
    return out


def _vector(matrix: Matrix, bits: float, level: float, calibration: Hessians, options: Options) -> QuantizedTensor:
    offset = options.offsets.get(matrix.group, 0.0)
    sensitivity = calibration.vectors.get(matrix.name) if calibration.rows and options.vectors else None
    mean = float(np.mean(sensitivity)) if sensitivity is not None else 0.0
    step = level - 0.5 * math.log2(mean) - offset if mean > 0 else None
    return rounded_vector(matrix, step, bits + VECTOR_BITS + offset)


def _wish(matrix: Matrix, calibration: Hessians, options: Options, seed: int, *, keep: bool = True) -> _Wish:
    """log2 steps proportional to sensitivity^(-1/2), per row and column; the triangle only if it is to be kept."""
    rows, columns = matrix.weights.shape
    squares = np.mean(np.square(matrix.weights), axis=1, keepdims=True) if columns else np.zeros((rows, 1))
    hessian = calibration.inputs.get(matrix.name)
    row = calibration.rows.get(matrix.name)
    embedded = calibration.embeddings.get(matrix.name) if calibration.rows else None
    column = np.ones(columns)
    triangle = None
    if hessian is not None and hessian.shape == (columns, columns):
        sensitivity = (
            row if row is not None and options.rows else np.full(rows, 1.0 if row is None else float(row.mean()))
        )
        if embedded is not None:
            # A shared matrix: what its rows do as embeddings is added, as a diagonal, to what they do as
            # outputs.
            weight = float(sensitivity.sum())
            hessian = hessian + np.diag(embedded[1]) / max(weight, 1e-300)
            sensitivity = sensitivity + embedded[0] / max(float(np.trace(hessian)), 1e-300)
        if options.rotate:
            sign = signs(seed, matrix.index, columns)
            hessian = rotate(rotate(hessian, sign).T, sign)
        triangle = factor(hessian, DAMPING if options.damping is None else options.damping)
        column = np.square(np.diag(triangle)) ** -1.0
    elif embedded is not None:
        sensitivity = embedded[0] / columns
        if not options.rotate:
            column = embedded[1] / max(float(embedded[1].mean()), 1e-300)
    elif matrix.name in calibration.counts:
        sensitivity = calibration.counts[matrix.name] / max(1, calibration.tokens)
    else:
        sensitivity = np.ones(rows)
    if not options.columns:
        column = np.full(columns, float(column.mean()))
    floor_rows = max(float(sensitivity.mean()) * 2.0**-12, 1e-300)
    floor_columns = max(float(column.mean()) * 2.0**-16, 1e-300)
    log_rows = -0.5 * np.log2(np.maximum(sensitivity, floor_rows)) - options.offsets.get(matrix.group, 0.0)
    log_columns = -0.5 * np.log2(np.maximum(column, floor_columns))
    return _Wish(log_rows, log_columns, 0.5 * np.log2(np.maximum(squares, 1e-60)), triangle if keep else None)
