"""Spectra of the layers' Hessians, and what [QuIP] predicts from them against what LDLQ really loses.

H = mean x x^T over the inputs x of a layer, as `hessian.collect` takes it. If its eigenvalues fall as i^-p with p > 1,
[QuIP]'s bound on the proxy loss of LDLQ, (m/12) step^2 (mu^2/n) tr(H^{1/2})^2, falls against that of nearest rounding,
(m/12) step^2 tr H, as the layer grows (THEORY 9, `quantization_error`).

The exponent is minus the slope of ln lambda_i on ln i over the ranks n/32 (at least 3) to n/2, by least squares with
weight 1/i, so that every octave of ranks counts alike. The first eigenvalues are left out because they belong to the
mean of the inputs, not to the bulk; the last, and those below 2^-20 of the first, because they are what single
precision and finitely many tokens leave of zero. The same fit on the lower and the upper half of that range (in ln i)
tells how far from a power law the spectrum is. (The inputs of a network's first layer are embeddings: at most V of
them, so where n nears V its spectrum breaks off.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genbound.errors import DataError, domain_error
from genbound.lm.hessian import Hessians
from genbound.lm.measure.quantization_error import GAUSSIAN_STEP, fixed_rate, row_steps
from genbound.lm.quantize.ldlq import factor, ldlq, proxy_loss
from genbound.lm.quantize.matrices import Matrix, matrices
from genbound.lm.quantize.rotation import rotate, signs

FIRST_RANK, HEAD, BULK = 3, 32, 2
"""The fit runs from rank max(FIRST_RANK, n/HEAD) to rank n/BULK."""

FLOOR = 2.0**-20
"""Eigenvalues below this part of the largest are rounding."""

FEWEST = 4
"""Ranks a slope is fitted on; below, there is none."""

NEARLY_NONE = 1e-6
"""Damping of the factorisation, relative to the mean of diag H: [QuIP]'s statement is about H itself."""


@dataclass(frozen=True)
class PowerLaw:
    """lambda_i ~ i^-p on a range of ranks.

    Attributes:
        exponent: p; None where fewer than four ranks are left.
        ranks: (first, last), counted from 1.
        halves: p on the lower and on the upper half of the range in ln i; None likewise.
    """

    exponent: float | None
    ranks: tuple[int, int]
    halves: tuple[float | None, float | None]


def power_law(eigenvalues: ArrayLike) -> PowerLaw:
    """The exponent of a spectrum by the rule at the head of this file.

    Args:
        eigenvalues: lambda, (n,), in any order; negative ones are rounding.

    Raises:
        DataError: none, or one that is not finite, or the largest not positive.

    >>> law = power_law([i**-1.5 for i in range(1, 129)])
    >>> round(law.exponent, 6), law.ranks, [round(p, 6) for p in law.halves]
    (1.5, (4, 64), [1.5, 1.5])
    """
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64).ravel())[::-1]
    if not values.size or not np.isfinite(values).all() or not values[0] > 0:
        raise DataError("eigenvalues: need finite ones, the largest positive")
    first = max(FIRST_RANK, values.size // HEAD)
    last = min(values.size // BULK, int((values > FLOOR * values[0]).sum()))
    middle = math.isqrt(first * max(first, last))
    halves = (_slope(values, first, middle), _slope(values, middle, last))
    return PowerLaw(_slope(values, first, last), (first, last), halves)


def _slope(values: NDArray[np.float64], first: int, last: int) -> float | None:
    """Minus the slope over ranks first to last, weights 1/i."""
    if last - first + 1 < FEWEST:
        return None
    ranks = np.arange(first, last + 1)
    x, y, weights = np.log(ranks), np.log(values[first - 1 : last]), 1.0 / ranks
    away = x - np.average(x, weights=weights)
    return -float((weights * away * y).sum() / (weights * away**2).sum())


@dataclass(frozen=True)
class LayerSpectrum:
    """One layer: its Hessian's spectrum, and proxy losses tr((W - Q) H (W - Q)^T) at the steps of `bits` bits.

    The grid of a row is all multiples of its step (plus a half), without ends; rows were rotated first, which changes
    neither the eigenvalues nor tr H.

    Attributes:
        layer: the parameter. rows: m. n: inputs.
        exponent: p. exponent_range: ranks it was fitted on. exponent_halves: p on the halves of that range.
        trace: tr H. half_trace_squared_over_n: tr(H^{1/2})^2/n.
        incoherence, incoherence_rotated: mu = sqrt(n) max |Q_ij| of the eigenvectors, before and after the rotation.
        bits: whose steps these are.
        proxy_whole: tr(W H W^T), the loss of all zeros.
        proxy_predicted: sum of step^2/12 over the rows times tr(H^{1/2})^2/n: [QuIP] at mu = 1.
        proxy_feedback: the same sum times tr D, the average loss of LDLQ if its rounding errors are uniform.
        proxy_measured: of LDLQ. ratio: that over proxy_predicted.
        nearest_predicted: the same sum times tr H. nearest_measured: of nearest rounding.
        proxy_clipped: of the code `ldlq` at `bits`, whose 2^bits points end, with its damping.
    """

    layer: str
    rows: int
    n: int
    exponent: float | None
    exponent_range: tuple[int, int]
    exponent_halves: tuple[float | None, float | None]
    trace: float
    half_trace_squared_over_n: float
    incoherence: float
    incoherence_rotated: float
    bits: int
    proxy_whole: float
    proxy_predicted: float
    proxy_feedback: float
    proxy_measured: float
    ratio: float
    nearest_predicted: float
    nearest_measured: float
    proxy_clipped: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Midpoints:
    """Multiples of the step plus a half, without ends."""

    def integers(self, ratio: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        return np.floor(ratio)

    def points(self, integers: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        return integers + 0.5


def layer_spectrum(matrix: Matrix, hessian: NDArray[np.float64], *, bits: int = 3, seed: int = 0) -> LayerSpectrum:
    """The spectrum of one layer and its proxy losses.

    Args:
        matrix: W, one row per output.
        hessian: H, (inputs, inputs), positive semidefinite.
        bits: 1 to 8: the steps are those of the code `ldlq`.
        seed: of the rotation.

    Raises:
        DomainError: another number of bits.
        DataError: H of another shape, not finite, or zero.
    """
    if bits not in GAUSSIAN_STEP:
        raise domain_error("bits", bits, f"one of {tuple(GAUSSIAN_STEP)}", "bits per entry of a matrix")
    rows, n = matrix.weights.shape
    if hessian.shape != (n, n) or not np.isfinite(hessian).all():
        raise DataError(f"{matrix.name}: H of shape {hessian.shape}, need a finite one of {(n, n)}")
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    law = power_law(values)
    sign = signs(seed, matrix.index, n)
    weights, turned = rotate(matrix.weights, sign), rotate(rotate(hessian, sign).T, sign)
    steps = row_steps(weights, bits)
    triangle, ends = factor(turned, NEARLY_NONE), np.ones(n)
    fed = _loss(weights, ldlq(weights, triangle, steps, ends, _Midpoints()), steps, turned)
    near = _loss(weights, np.floor(weights / steps[:, None]), steps, turned)
    clipped = fixed_rate(matrix, "ldlq", bits, hessian, seed=seed)
    spread = float(np.square(steps).sum()) / 12
    half = float(np.sqrt(np.maximum(values, 0.0)).sum()) ** 2 / n
    return LayerSpectrum(
        layer=matrix.name, rows=rows, n=n, exponent=law.exponent, exponent_range=law.ranks,
        exponent_halves=law.halves, trace=float(np.trace(hessian)), half_trace_squared_over_n=half,
        incoherence=_incoherence(vectors), incoherence_rotated=_incoherence(rotate(vectors.T, sign)), bits=bits,
        proxy_whole=proxy_loss(matrix.weights, np.zeros_like(matrix.weights), hessian),
        proxy_predicted=spread * half, proxy_feedback=spread * float((np.diag(triangle) ** -2.0).sum()),
        proxy_measured=fed, ratio=fed / (spread * half), nearest_predicted=spread * float(np.trace(hessian)),
        nearest_measured=near, proxy_clipped=proxy_loss(matrix.weights, clipped, hessian),
    )  # fmt: skip


def _loss(
    weights: NDArray[np.float64], integers: NDArray[Any], steps: NDArray[np.float64], hessian: NDArray[np.float64]
) -> float:
    return proxy_loss(weights, (integers + 0.5) * steps[:, None], hessian)


def _incoherence(vectors: NDArray[np.float64]) -> float:
    return float(math.sqrt(len(vectors)) * np.abs(vectors).max())


def layer_spectra(model: nn.Module, hessians: Hessians, *, bits: int = 3, seed: int = 0) -> Iterator[LayerSpectrum]:
    """`layer_spectrum` of every matrix whose H is known, in the model's order.

    Raises:
        DomainError, DataError: as `layer_spectrum`.
    """
    for matrix in matrices(model):
        known = None if matrix.is_vector else hessians.inputs.get(matrix.name)
        if known is not None:
            yield layer_spectrum(matrix, known, bits=bits, seed=seed)
