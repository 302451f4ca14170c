"""Quantize a causal language model: round to nearest, or with feedback from calibration statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from genbound.errors import DomainError, ModelError, domain_error
from genbound.lm.codec.architecture import describe
from genbound.lm.hessian import Hessians, is_transposed
from genbound.lm.quantize.allocate import Steps, activity, as_steps, nominal_step, water_level
from genbound.lm.quantize.ldlq import DAMPING, Rounding, factor, ldlq
from genbound.lm.quantize.model import HALF_OCTAVE, SHRINK_UNIT, QuantizedModel, QuantizedTensor, power, powers
from genbound.lm.quantize.rotation import rotate, signs

METHODS = ("rtn", "ldlq")
BITS_RANGE = (1.0, 12.0)
VECTOR_BITS = 2.0
"""Norm weights and biases without statistics get this many bits more than matrices."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Options:
    """What may be varied beside method and rate; everything ends up in the integers and is paid there.

    Attributes:
        rotate: rotate the inputs of the matrices (randomised block Hadamard).
        rows: use row sensitivities.
        columns: let columns have steps of their own.
        deadzone, shrink: the scalar rule of `Rounding`; shrink counts 1/32 of a step.
        damping: added to H, relative to its mean diagonal.
    """

    rotate: bool = True
    rows: bool = True
    columns: bool = True
    deadzone: float = 0.0
    shrink: int = 0
    damping: float = DAMPING
    vectors: bool = True


@dataclass(frozen=True)
class _Matrix:
    """A weight as (outputs, inputs) in float64 and what is known about it."""

    name: str
    shape: tuple[int, ...]
    weights: NDArray[np.float64]
    transposed: bool
    index: int


def quantize(
    model: nn.Module,
    *,
    method: str,
    bits: float,
    calibration: Hessians | None = None,
    seed: int = 0,
    options: Options | None = None,
    progress: Progress | None = None,
) -> QuantizedModel:
    """The integers of a model at a nominal rate.

    Args:
        model: a Hugging Face causal language model.
        method: "rtn" (nearest, one step per tensor) or "ldlq" (feedback and steps from the calibration).
        bits: the nominal rate per weight, 1 to 12: what a Gaussian would cost; the coded file says what was
            paid.
        calibration: `hessian.collect` of the model; needed by "ldlq".
        seed: of the rotations.
        options: see `Options`.
        progress: called with the finished fraction.

    Raises:
        DomainError: an unknown method, a rate outside the range, or no calibration for "ldlq".
        ModelError: weights that are not finite, or a model its configuration does not reproduce.
    """
    if method not in METHODS:
        raise DomainError(f"method={method!r}: need one of {METHODS} (quantizer)")
    if not BITS_RANGE[0] <= bits <= BITS_RANGE[1]:
        raise domain_error("bits", bits, f"{BITS_RANGE[0]} <= bits <= {BITS_RANGE[1]}", "nominal bits per weight")
    if method == "ldlq" and calibration is None:
        raise DomainError("calibration=None: ldlq needs the statistics of hessian.collect")
    chosen = options or Options()
    model_type, config = describe(model)
    matrices = list(_matrices(model))
    if method == "rtn" or calibration is None:
        tensors = [_nearest(matrix, bits, chosen, seed) for matrix in matrices]
    else:
        tensors = _with_feedback(matrices, bits, calibration, chosen, seed, progress)
    used = seed if any(tensor.rotated for tensor in tensors) else 0
    return QuantizedModel(model_type, config, tuple(tensors), used)


def _matrices(model: nn.Module) -> list[_Matrix]:
    transposed = {
        id(parameter)
        for module in model.modules()
        if is_transposed(module)
        for parameter in module.parameters(recurse=False)
        if parameter.ndim == 2
    }
    out: list[_Matrix] = []
    for index, (name, parameter) in enumerate(model.named_parameters()):
        values = parameter.detach().cpu().double().numpy()
        if not np.isfinite(values).all():
            raise ModelError(f"{name}: weights that are not finite")
        shape = tuple(parameter.shape)
        turned = id(parameter) in transposed
        folded = values.reshape(1, -1) if values.ndim < 2 else values.reshape(shape[0], -1)
        out.append(_Matrix(name, shape, folded.T if turned else folded, turned, index))
    return out


def _plain_steps(matrix: _Matrix, step: float) -> Steps:
    rows, columns = matrix.weights.shape
    return Steps(round(8 * step), np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64))


def _nearest(matrix: _Matrix, bits: float, options: Options, seed: int) -> QuantizedTensor:
    """One step per tensor, which is best for the mean square at a given entropy."""
    if len(matrix.shape) < 2:
        return _vector(matrix, None, bits + VECTOR_BITS)
    deviation = float(np.sqrt(np.mean(np.square(matrix.weights)))) if matrix.weights.size else 0.0
    steps = _plain_steps(matrix, nominal_step(deviation, bits) if deviation else 0.0)
    return _rounded(matrix, steps, options, seed, None)


def _vector(matrix: _Matrix, log_step: float | None, bits: float) -> QuantizedTensor:
    """A bias or norm weight: nearest, around an integer centre, at a given log2 step or a nominal rate."""
    values = matrix.weights
    mean = float(values.mean()) if values.size else 0.0
    deviation = float(values.std()) if values.size else 0.0
    if not deviation:
        if mean:
            # One value: a power of two fine enough for it, times an integer.
            step = 8 * (math.frexp(mean)[1] - 8)
            return _filled(matrix, Steps(step, *_zeros(matrix)), round(mean / power(step)))
        return _filled(matrix, Steps(0, *_zeros(matrix)), 0)
    wanted = log_step if log_step is not None else nominal_step(deviation, bits)
    steps = _plain_steps(matrix, wanted)
    centre = round(mean / power(steps.step)) if abs(mean) > 2 * deviation else 0
    q = np.rint(values / power(steps.step)) - centre
    return _filled(matrix, steps, centre, np.clip(q, -(1 << 30), 1 << 30).astype(np.int32))


def _zeros(matrix: _Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = matrix.weights.shape
    return np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64)


def _filled(matrix: _Matrix, steps: Steps, centre: int, values: NDArray[np.int32] | None = None) -> QuantizedTensor:
    filled = np.zeros(matrix.weights.shape, dtype=np.int32) if values is None else values
    return QuantizedTensor(matrix.name, matrix.shape, filled, steps.step, steps.rows, steps.columns, centre)


def _rounded(
    matrix: _Matrix, steps: Steps, options: Options, seed: int, triangle: NDArray[np.float64] | None
) -> QuantizedTensor:
    """The integers of a matrix on a grid, with feedback when a triangle is given."""
    weights = matrix.weights
    if options.rotate:
        weights = rotate(weights, signs(seed, matrix.index, weights.shape[1]))
    rule = Rounding(options.deadzone, options.shrink / SHRINK_UNIT)
    row_steps = powers(steps.step + HALF_OCTAVE * steps.rows)
    column_steps = powers(HALF_OCTAVE * steps.columns)
    if triangle is None:
        ratio = rule.integers(weights / row_steps[:, None] / column_steps[None, :])
        values = np.clip(ratio, -(1 << 30), 1 << 30).astype(np.int32)
    else:
        values = ldlq(weights, triangle, row_steps, column_steps, rule)
    return QuantizedTensor(
        matrix.name,
        matrix.shape,
        np.ascontiguousarray(values),
        steps.step,
        steps.rows,
        steps.columns,
        0,
        options.shrink,
        matrix.transposed,
        options.rotate,
    )


@dataclass(frozen=True)
class _Wish:
    """A matrix and the log2 steps it would like, up to the common level; and log2 of the spread of its rows."""

    matrix: _Matrix
    log_rows: NDArray[np.float64]
    log_columns: NDArray[np.float64]
    log_deviations: NDArray[np.float64]
    triangle: NDArray[np.float64] | None


def _with_feedback(
    matrices: list[_Matrix], bits: float, calibration: Hessians, options: Options, seed: int, progress: Progress | None
) -> list[QuantizedTensor]:
    graded = bool(calibration.rows)
    wishes = {m.name: _wish(m, calibration, options, seed, graded) for m in matrices if len(m.shape) >= 2}
    parts = {name: (np.add.outer(w.log_rows, w.log_columns), w.log_deviations) for name, w in wishes.items()}
    if graded:
        level = water_level(list(parts.values()), bits) if parts else 0.0
        levels = dict.fromkeys(wishes, level)
    else:
        level = 0.0
        levels = {name: water_level([part], bits) for name, part in parts.items()}
    out: list[QuantizedTensor] = []
    for place, matrix in enumerate(matrices):
        wish = wishes.get(matrix.name)
        if wish is None:
            sensitivity = calibration.vectors.get(matrix.name) if graded and options.vectors else None
            mean = float(np.mean(sensitivity)) if sensitivity is not None else 0.0
            step = level - 0.5 * math.log2(mean) if mean > 0 else None
            out.append(_vector(matrix, step, bits + VECTOR_BITS))
        else:
            relative, deviations = parts[matrix.name]
            active = activity(relative + levels[matrix.name], deviations)
            steps = as_steps(wish.log_rows, wish.log_columns, levels[matrix.name], active=active)
            out.append(_rounded(matrix, steps, options, seed, wish.triangle))
        if progress is not None:
            progress((place + 1) / len(matrices))
    return out


def _wish(matrix: _Matrix, calibration: Hessians, options: Options, seed: int, graded: bool) -> _Wish:
    """log2 steps proportional to sensitivity^(-1/2), per row and column."""
    rows, columns = matrix.weights.shape
    squares = np.mean(np.square(matrix.weights), axis=1, keepdims=True) if columns else np.zeros((rows, 1))
    hessian = calibration.inputs.get(matrix.name)
    row = calibration.rows.get(matrix.name)
    embedded = calibration.embeddings.get(matrix.name)
    column = np.ones(columns)
    triangle = None
    if hessian is not None and hessian.shape == (columns, columns):
        sensitivity = (
            row if row is not None and options.rows else np.full(rows, 1.0 if row is None else float(row.mean()))
        )
        if embedded is not None and graded:
            # A shared matrix: what its rows do as embeddings is added, as a diagonal, to what they do as
            # outputs.
            weight = float(sensitivity.sum())
            hessian = hessian + np.diag(embedded[1]) / max(weight, 1e-300)
            sensitivity = sensitivity + embedded[0] / max(float(np.trace(hessian)), 1e-300)
        if options.rotate:
            sign = signs(seed, matrix.index, columns)
            hessian = rotate(rotate(hessian, sign).T, sign)
        triangle = factor(hessian, options.damping)
        column = np.square(np.diag(triangle)) ** -1.0
    elif embedded is not None and graded:
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
    log_rows = -0.5 * np.log2(np.maximum(sensitivity, floor_rows))
    log_columns = -0.5 * np.log2(np.maximum(column, floor_columns))
    return _Wish(matrix, log_rows, log_columns, 0.5 * np.log2(np.maximum(squares, 1e-60)), triangle)
