"""Quantizers: a model becomes integers on a grid, to be entropy coded."""

from genbound.lm.quantize.model import QuantizedModel, QuantizedTensor
from genbound.lm.quantize.quantizer import Options, quantize
from genbound.lm.quantize.refine import refine

__all__ = ["Options", "QuantizedModel", "QuantizedTensor", "quantize", "refine"]
