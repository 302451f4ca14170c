"""Quantize a causal language model: a method and a rate in, the integers of a coded file out."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from genbound.errors import DomainError, domain_error
from genbound.lm.codec.architecture import describe
from genbound.lm.hessian import Hessians
from genbound.lm.quantize.codebooks import kmeans
from genbound.lm.quantize.feedback import nearest, with_feedback
from genbound.lm.quantize.gptq import DAMPING, gptq
from genbound.lm.quantize.matrices import matrices
from genbound.lm.quantize.model import QuantizedModel
from genbound.lm.quantize.options import Options
from genbound.lm.quantize.rates import BITS_RANGE

METHODS = ("rtn", "gptq", "ldlq", "e8", "kmeans")

CALIBRATED = ("gptq", "ldlq", "e8")
"""Methods that need the statistics of `hessian.collect`; kmeans uses them if they are there."""

Progress = Callable[[float], None]


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
        method: "rtn" (nearest, one step per tensor), "gptq" (as published: 2^bits points per row), "ldlq" (feedback,
            rotations and steps from the calibration), "e8" (the same on the lattice E8) or "kmeans" (codebooks).
        bits: the nominal rate per weight, 0.5 to 12: what a Gaussian would cost, the width of gptq's integers, the
            entropy of the codebook's numbers; the coded file says what was paid.
        calibration: `hessian.collect` of the model; needed by gptq, ldlq and e8.
        seed: of the rotations, and of k-means.
        options: see `Options`.
        progress: called with the finished fraction.

    Raises:
        DomainError: an unknown method, a rate outside the range, or a calibration that is needed and missing.
        ModelError: weights that are not finite, or a model its configuration does not reproduce.
    """
    if method not in METHODS:
        raise DomainError(f"method={method!r}: need one of {METHODS} (quantizer)")
    if not BITS_RANGE[0] <= bits <= BITS_RANGE[1]:
        raise domain_error("bits", bits, f"{BITS_RANGE[0]} <= bits <= {BITS_RANGE[1]}", "nominal bits per weight")
    if method in CALIBRATED and calibration is None:
        raise DomainError(f"calibration=None: {method} needs the statistics of hessian.collect")
    chosen = options or Options()
    model_type, config = describe(model)
    found = matrices(model)
    if method == "kmeans":
        tensors = kmeans(found, bits, calibration, chosen.offsets, seed)
    elif method == "gptq":
        damping = DAMPING if chosen.damping is None else chosen.damping
        tensors = [
            gptq(matrix, bits, calibration, damping=damping, search=chosen.search, order=chosen.order)
            for matrix in found
        ]
    elif method == "rtn" or calibration is None:
        tensors = [nearest(matrix, bits, chosen, seed) for matrix in found]
    else:
        lattice = method == "e8"
        tensors = with_feedback(found, bits, calibration, chosen, seed, lattice=lattice, progress=progress)
    if progress is not None:
        progress(1.0)
    used = seed if any(tensor.rotated for tensor in tensors) else 0
    return QuantizedModel(model_type, config, tuple(tensors), used)
