"""Quantizers: a model becomes integers on a grid, to be entropy coded."""

from genbound.lm.quantize.bound import Allocation, allocate_for_bound
from genbound.lm.quantize.model import Lattice, QuantizedModel, QuantizedTensor
from genbound.lm.quantize.options import Options
from genbound.lm.quantize.quantizer import METHODS, quantize
from genbound.lm.quantize.refine import quantize_and_refine, refine

__all__ = [
    "METHODS",
    "Allocation",
    "Lattice",
    "Options",
    "QuantizedModel",
    "QuantizedTensor",
    "allocate_for_bound",
    "quantize",
    "quantize_and_refine",
    "refine",
]
