"""A quantized model as plain numpy: integers, exponents of steps, and the architecture they belong to.

A matrix is kept with one row per output. Its entry at row r, column c is

    w = (sign(q) max(|q| - shrink/32, 0) + centre) 2^((step + 4 row_r + 4 column_c) / 8)

with small integers `step` (eighths of an octave), `row_r`, `column_c` (half octaves), `shrink` and
`centre`; a rotated matrix is then taken back through the transform of `rotation`. Every number of the model
follows from integers by correctly rounded float64 operations in a fixed order, so a decoder reproduces the
weights bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import ModelError
from genbound.lm.quantize.rotation import rotate_back, signs

EIGHTHS = 8
"""Steps are powers of 2^(1/8)."""

HALF_OCTAVE = 4
"""A row or column exponent counts this many eighths."""

SHRINK_UNIT = 32
SHRINK_LIMIT = 16
STEP_LIMIT = 1024
EXPONENT_LIMIT = 255
VALUE_LIMIT = 1 << 30

# 2^(j/8) as the nearest doubles, written out so that no machine's pow decides.
_OCTAVE = tuple(
    float.fromhex(text)
    for text in (
        "0x1.0000000000000p+0",
        "0x1.172b83c7d517bp+0",
        "0x1.306fe0a31b715p+0",
        "0x1.4bfdad5362a27p+0",
        "0x1.6a09e667f3bcdp+0",
        "0x1.8ace5422aa0dbp+0",
        "0x1.ae89f995ad3adp+0",
        "0x1.d5818dcfba487p+0",
    )
)


def power(eighths: int) -> float:
    """2^(eighths/8), the same double everywhere.

    >>> power(8), power(-16), power(4) == 2**0.5
    (2.0, 0.25, True)
    """
    return math.ldexp(_OCTAVE[eighths % EIGHTHS], eighths // EIGHTHS)


def powers(eighths: NDArray[np.int64]) -> NDArray[np.float64]:
    """`power` of every entry."""
    return np.array([power(int(e)) for e in eighths.ravel()], dtype=np.float64).reshape(eighths.shape)


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """The integers of one parameter and what turns them back into float32.

    Attributes:
        name: the parameter's name in the model.
        shape: its shape there.
        values: q, int32, shape (rows, columns); a vector is one row, more than two axes fold into the
            columns.
        step: the step in eighths of an octave.
        row_exponents, column_exponents: half octaves per row and column.
        centre: added to every integer (norm weights sit near one).
        shrink: reconstruction points move this many 1/32 of a step towards zero.
        transposed: the parameter is stored as (columns, rows), as transformers' Conv1D does.
        rotated: the columns are coordinates after the randomised Hadamard rotation.
    """

    name: str
    shape: tuple[int, ...]
    values: NDArray[np.int32]
    step: int
    row_exponents: NDArray[np.int64]
    column_exponents: NDArray[np.int64]
    centre: int = 0
    shrink: int = 0
    transposed: bool = False
    rotated: bool = False

    def check_range(self) -> None:
        """Refuse integers, exponents or weights out of range, without computing the weights.

        Raises:
            ModelError: naming the tensor; without it every weight is finite in float32.
        """
        if not self.values.size:
            return
        largest = max(abs(int(self.values.min())), abs(int(self.values.max()))) + abs(self.centre)
        columns = self.values.shape[1]
        octaves = self.step / EIGHTHS + (int(self.row_exponents.max()) + int(self.column_exponents.max())) / 2
        if largest > 2 * VALUE_LIMIT or abs(self.step) > STEP_LIMIT:
            raise ModelError(f"{self.name}: an integer beyond 2^30 or a step beyond 2^128")
        if largest and math.log2(largest) + octaves + (math.log2(max(1, columns)) / 2 if self.rotated else 0) > 120:
            raise ModelError(f"{self.name}: weights beyond 2^120")

    def matrix(self, seed: int, index: int) -> NDArray[np.float64]:
        """The float64 matrix (rows, columns), rotation undone."""
        points = self.values.astype(np.float64)
        if self.shrink:
            points = np.sign(points) * np.maximum(np.abs(points) - self.shrink / SHRINK_UNIT, 0.0)
        if self.centre:
            points += float(self.centre)
        points *= powers(self.step + HALF_OCTAVE * self.row_exponents)[:, None]
        if self.column_exponents.any():
            points *= powers(HALF_OCTAVE * self.column_exponents)[None, :]
        if self.rotated:
            points = rotate_back(points, signs(seed, index, points.shape[1]))
        return points

    def dequantize(self, seed: int, index: int) -> NDArray[np.float32]:
        """The parameter as float32, in the model's own shape.

        Raises:
            ModelError: a weight might not fit into float32.
        """
        self.check_range()
        weights = self.matrix(seed, index).astype(np.float32)
        if self.transposed:
            weights = weights.T
        return np.ascontiguousarray(weights.reshape(self.shape))


def fold(shape: tuple[int, ...], transposed: bool) -> tuple[int, int]:
    """(rows, columns) of the matrix a parameter of this shape is quantized as.

    >>> fold((5,), False), fold((3, 4), True), fold((2, 3, 4), False), fold((), False)
    ((1, 5), (4, 3), (2, 12), (1, 1))
    """
    if len(shape) < 2:
        return 1, math.prod(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    return (columns, rows) if transposed else (rows, columns)


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """What the coded file holds: the architecture and every parameter once.

    Attributes:
        model_type: transformers' name of the architecture.
        config: what its configuration sets beyond that architecture's defaults (simple values).
        tensors: the parameters in the model's order, shared ones once.
        seed: of the rotations.
    """

    model_type: str
    config: dict[str, Any]
    tensors: tuple[QuantizedTensor, ...]
    seed: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """The number of coded weights."""
        return sum(tensor.values.size for tensor in self.tensors)

    def dequantize(self) -> dict[str, NDArray[np.float32]]:
        """The weights as float32, by parameter name."""
        return {tensor.name: tensor.dequantize(self.seed, index) for index, tensor in enumerate(self.tensors)}
