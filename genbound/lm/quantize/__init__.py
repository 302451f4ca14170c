"""Quantizers: a model becomes integers on a grid, to be entropy coded."""

from genbound.lm.quantize.model import Lattice, QuantizedModel, QuantizedTensor
from genbound.lm.quantize.options import Options
from genbound.lm.quantize.quantizer import METHODS, quantize
from genbound.lm.quantize.refine import quantize_and_refine, refine

__all__ = [
    "METHODS",
    "Lattice",
    "Options",
    "QuantizedModel",
    "QuantizedTensor",
    "quantize",
    "quantize_and_refine",
    "refine",
]
