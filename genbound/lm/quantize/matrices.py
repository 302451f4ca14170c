"""The parameters of a model as matrices, one row per output, and what every quantizer does with the small ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from genbound.errors import ModelError
from genbound.lm.hessian import is_transposed
from genbound.lm.quantize.model import VALUE_LIMIT, QuantizedTensor, power
from genbound.lm.quantize.rates import nominal_step

GROUPS = ("embeddings", "attention", "mlp", "vectors")

VECTOR_BITS = 2.0
"""Norm weights and biases without statistics get this many bits more than matrices."""


@dataclass(frozen=True)
class Matrix:
    """A weight as (outputs, inputs) in float64.

    Attributes:
        name, shape: of the parameter.
        weights: the matrix; a vector is one row.
        transposed: whether the parameter is its transpose.
        index: its place among the parameters.
        group: one of GROUPS.
    """

    name: str
    shape: tuple[int, ...]
    weights: NDArray[np.float64]
    transposed: bool
    index: int
    group: str

    @property
    def is_vector(self) -> bool:
        """Whether it is a bias or a norm weight."""
        return len(self.shape) < 2

    def zeros(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column exponents that change nothing."""
        rows, columns = self.weights.shape
        return np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64)

    def tensor(self, values: NDArray[np.int32], step: int, centre: int = 0) -> QuantizedTensor:
        """Integers of this matrix on one step."""
        return QuantizedTensor(self.name, self.shape, values, step, *self.zeros(), centre, 0, self.transposed)


def matrices(model: nn.Module) -> list[Matrix]:
    """Every parameter once, in the model's order.

    Raises:
        ModelError: weights that are not finite.
    """
    transposed = {
        id(parameter)
        for module in model.modules()
        if is_transposed(module)
        for parameter in module.parameters(recurse=False)
        if parameter.ndim == 2
    }
    embedded = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    head = getattr(model, "get_output_embeddings", lambda: None)()
    if head is not None:
        embedded.add(id(head.weight))
    out: list[Matrix] = []
    for index, (name, parameter) in enumerate(model.named_parameters()):
        values = parameter.detach().cpu().double().numpy()
        if not np.isfinite(values).all():
            raise ModelError(f"{name}: weights that are not finite")
        shape = tuple(parameter.shape)
        turned = id(parameter) in transposed
        folded = values.reshape(1, -1) if values.ndim < 2 else values.reshape(shape[0], -1)
        group = "embeddings" if id(parameter) in embedded else _group(name, len(shape))
        out.append(Matrix(name, shape, folded.T if turned else folded, turned, index, group))
    return out


def _group(name: str, axes: int) -> str:
    if axes < 2:
        return "vectors"
    return "attention" if "attn" in name or "attention" in name else "mlp"


def rounded_vector(matrix: Matrix, log_step: float | None, bits: float) -> QuantizedTensor:
    """A bias or norm weight: nearest, around an integer centre, at a given log2 step or a nominal rate."""
    values = matrix.weights
    mean = float(values.mean()) if values.size else 0.0
    deviation = float(values.std()) if values.size else 0.0
    zeros = np.zeros(values.shape, dtype=np.int32)
    if not deviation:
        if mean:
            # One value: a power of two fine enough for it, times an integer.
            step = 8 * (math.frexp(mean)[1] - 8)
            return matrix.tensor(zeros, step, round(mean / power(step)))
        return matrix.tensor(zeros, 0)
    step = round(8 * (log_step if log_step is not None else nominal_step(deviation, bits)))
    centre = round(mean / power(step)) if abs(mean) > 2 * deviation else 0
    integers = np.rint(values / power(step)) - centre
    return matrix.tensor(np.clip(integers, -VALUE_LIMIT, VALUE_LIMIT).astype(np.int32), step, centre)
