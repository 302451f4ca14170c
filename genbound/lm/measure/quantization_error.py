"""Quantization error at a fixed rate: what b bits for every entry of every matrix do to the loss (THEORY 9).

Fixed rate: an entry is one of 2^b points, b bits whatever the distribution; nothing is entropy coded. Points are
equally spaced within a row, and the row's scale (and first point) is all the side information. Every matrix is
quantized, the embeddings included; biases and norm weights stay as they are.

    rtn    each row from its least entry to its greatest, zero included; the nearest point
    gptq   the same points; columns in the order of falling diagonal of H, the error of each pushed into those to come
           ([GPTQ], as published)
    ldlq   rows rotated (randomised block Hadamard), 2^b points (q + 1/2) step, -2^{b-1} <= q < 2^{b-1}, symmetric
           about zero, step = the row's root mean square times the best uniform step of a Gaussian (Max 1960); columns
           in their order, with feedback ([QuIP])

A matrix whose H is not known (an embedding that is not the output head as well) is rounded to its nearest points.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import DomainError, domain_error
from genbound.lm.hessian import Hessians
from genbound.lm.measure.sample import paired, window_losses
from genbound.lm.quantize.gptq import DAMPING, gptq
from genbound.lm.quantize.ldlq import factor, ldlq, proxy_loss
from genbound.lm.quantize.matrices import Matrix, matrices
from genbound.lm.quantize.rotation import rotate, rotate_back, signs
from genbound.lm.windows import Windows

CODES = ("rtn", "gptq", "ldlq")
BITS = (2, 3, 4)

GAUSSIAN_STEP = {1: 1.5958, 2: 0.9957, 3: 0.5860, 4: 0.3352, 5: 0.1881, 6: 0.1041, 7: 0.0569, 8: 0.0308}
"""The step of the 2^b equally spaced points with the least mean square error for a Gaussian of unit deviation: Max,
"Quantizing for minimum distortion", IRE Transactions on Information Theory 6 (1960), for b <= 5."""


@dataclass(frozen=True)
class Quantizing:
    """What one code at one number of bits does.

    Attributes:
        code: one of CODES. bits: b, per entry of every matrix.
        tokens: on which the losses were measured.
        loss: mean loss of the quantized model, nats per token.
        error: that minus the mean loss of the model itself on the same windows. standard_error: of it, paired.
        proxy_relative: sum of tr((W - Q) H (W - Q)^T) over that of tr(W H W^T), over the matrices whose H is known;
            None where there is none.
    """

    code: str
    bits: int
    tokens: int
    loss: float
    error: float
    standard_error: float
    proxy_relative: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Symmetric:
    """The points (q + 1/2) step, -half <= q < half, of `ldlq`'s rule."""

    half: int = field(default=1)

    def integers(self, ratio: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        return np.clip(np.floor(ratio), -self.half, self.half - 1)

    def points(self, integers: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        return integers + 0.5


def row_steps(weights: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """The step of every row at `bits`: its root mean square times `GAUSSIAN_STEP`; 1 for a row of zeros.

    >>> row_steps(np.array([[3.0, -3.0], [0.0, 0.0]]), 2).tolist()
    [2.9871, 1.0]
    """
    scale = np.sqrt(np.mean(np.square(weights), axis=1))
    return np.where(scale > 0, scale * GAUSSIAN_STEP[bits], 1.0)


def fixed_rate(
    matrix: Matrix, code: str, bits: int, hessian: NDArray[np.float64] | None, *, seed: int = 0
) -> NDArray[np.float64]:
    """A matrix at `bits` bits per entry, as a matrix of the same shape (see the head of this file).

    Args:
        matrix: W, one row per output.
        code: one of CODES.
        bits: b, 1 to 8.
        hessian: H, (inputs, inputs); None: every entry goes to its nearest point.
        seed: of the rotation.

    Raises:
        DomainError: another code or number of bits.
    """
    if code not in CODES:
        raise DomainError(f"code={code!r}: need one of {CODES}")
    if bits not in GAUSSIAN_STEP:
        raise domain_error("bits", bits, f"one of {tuple(GAUSSIAN_STEP)}", "bits per entry of a matrix")
    weights, columns = matrix.weights, matrix.weights.shape[1]
    known = hessian if hessian is not None and hessian.shape == (columns, columns) else None
    if code != "ldlq":
        statistics = None if code == "rtn" or known is None else Hessians(1, {matrix.name: known})
        tensor = gptq(matrix, bits, statistics, damping=DAMPING, search=False, order=True)
        return tensor.matrix(0, 0)
    sign = signs(seed, matrix.index, columns)
    turned, rule = rotate(weights, sign), _Symmetric(1 << (bits - 1))
    steps = row_steps(turned, bits)
    if known is None:
        integers = rule.integers(turned / steps[:, None], 0)
    else:
        triangle = factor(rotate(rotate(known, sign).T, sign), DAMPING)
        integers = ldlq(turned, triangle, steps, np.ones(columns), rule).astype(np.float64)
    points = np.where(np.any(weights, axis=1, keepdims=True), rule.points(integers, 0), 0.0)
    return rotate_back(points * steps[:, None], sign)


@contextmanager
def replaced(model: nn.Module, weights: dict[str, NDArray[np.float32]]) -> Iterator[nn.Module]:
    """Within: the model has these weights, by parameter name; afterwards its own."""
    parameters = dict(model.named_parameters())
    own = {name: parameters[name].detach().clone() for name in weights}
    try:
        with torch.no_grad():
            for name, value in weights.items():
                parameters[name].copy_(torch.from_numpy(value))
        yield model
    finally:
        with torch.no_grad():
            for name, value in own.items():
                parameters[name].copy_(value)


def quantization_error(
    model: nn.Module,
    hessians: Hessians,
    windows: Windows,
    indices: NDArray[np.int64],
    before: NDArray[np.float64],
    *,
    code: str,
    bits: int,
    vocab_size: int,
    seed: int = 0,
) -> Quantizing:
    """The loss of the quantized model against its own on the same windows.

    Args:
        model: a Hugging Face causal language model; it has its own weights again afterwards.
        hessians: `hessian.collect` of it on calibration windows.
        windows, indices: on which windows the losses are measured.
        before: `window_losses` of the model itself on them.
        code, bits: see the head of this file.
        vocab_size: V. seed: of the rotations.

    Raises:
        DomainError: another code or number of bits.
        ModelError: a quantized model whose logits are not finite.
    """
    weights: dict[str, NDArray[np.float32]] = {}
    lost = whole = 0.0
    for matrix in matrices(model):
        if matrix.is_vector:
            continue
        known = hessians.inputs.get(matrix.name)
        found = fixed_rate(matrix, code, bits, known, seed=seed).astype(np.float32)
        if known is not None:
            lost += proxy_loss(matrix.weights, found.astype(np.float64), known)
            whole += proxy_loss(matrix.weights, np.zeros_like(matrix.weights), known)
        weights[matrix.name] = np.ascontiguousarray((found.T if matrix.transposed else found).reshape(matrix.shape))
    with replaced(model, weights):
        losses = window_losses(model, windows, indices, vocab_size)
    error, deviation = paired(losses, before)
    proxy = lost / whole if whole > 0 else None
    tokens = len(indices) * windows.length
    return Quantizing(code, bits, tokens, float(losses.mean()), error, deviation, proxy)
