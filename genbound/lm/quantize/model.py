"""A quantized model as plain numpy: integers, exponents of steps, and the architecture they belong to.

A matrix is kept with one row per output. Its entry at row r, column c is

    w = (sign(q) max(|q| - shrink/32, 0) + centre) 2^((step + 4 row_r + 4 column_c) / 8)

with small integers `step` (eighths of an octave), `row_r`, `column_c` (half octaves), `shrink` and
`centre`; a rotated matrix is then taken back through the transform of `rotation`. Three kinds of points vary this:

    lattice    in chosen rows and columns, eight chosen rows of a column at a time, points p = q + h/2 of E8 with one h
               in {0, 1} and the eight q of even sum; p (1 - 9/16 |p|^-2) takes the place of the first factor
    codebook   entry number q of a list of integers shared by several tensors
    scaled     every row times a scale with the 11 leading bits of a float16, instead of 2^(row_r/2)

Every number of the model follows from integers by correctly rounded float64 operations in a fixed order, so a decoder
reproduces the weights bit for bit.
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
EXPONENT_LIMIT = 127
VALUE_LIMIT = 1 << 30
CODEBOOK_LIMIT = 4096
ENTRY_LIMIT = 1 << 24
SCALE_LIMIT = 1 << 17

EIGHT = 8
"""Rows of a column that make one point of E8."""

LATTICE_SHRINK = 9 / 16
"""|p|^2 times the shrinkage of a point: the variance of a cell of E8, 8 x 0.0717, so that points are at the mean."""

MANTISSA = 1024
"""A row scale k stands for (1024 + k mod 1024) 2^floor(k / 1024)."""

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


def row_scale(code: int) -> float:
    """The scale a code stands for: eleven leading bits and an exponent.

    >>> row_scale(0), row_scale(-10 * 1024), row_scale(1 - 11 * 1024)
    (1024.0, 1.0, 0.50048828125)
    """
    return math.ldexp(MANTISSA + code % MANTISSA, code // MANTISSA)


def powers(eighths: NDArray[np.int64]) -> NDArray[np.float64]:
    """`power` of every entry."""
    return np.array([power(int(e)) for e in eighths.ravel()], dtype=np.float64).reshape(eighths.shape)


def shrunken_e8(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of E8, axis 1 holding the eight coordinates, moved to about the mean of what is rounded to them."""
    norms = np.square(points).sum(axis=1, keepdims=True)
    return points * (1.0 - LATTICE_SHRINK / np.maximum(norms, 1.0))


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where the integers of a tensor are points of E8.

    Attributes:
        rows, columns: which are chosen, (rows,) and (columns,); the chosen rows are a multiple of eight.
        halves: h of every point, (chosen rows / 8, chosen columns).
    """

    rows: NDArray[np.bool_]
    columns: NDArray[np.bool_]
    halves: NDArray[np.bool_]

    @property
    def places(self) -> tuple[NDArray[Any], ...]:
        """The chosen rows and columns as an index of the matrix."""
        return np.ix_(self.rows, self.columns)


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
        lattice: where the values are points of E8.
        codebook: the integers the values number, rising.
        row_scales: codes of the row scales.
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
    lattice: Lattice | None = None
    codebook: NDArray[np.int64] | None = None
    row_scales: NDArray[np.int64] | None = None

    @property
    def kind(self) -> str:
        """What its points are: "grid", "lattice", "codebook" or "scaled"."""
        parts = {"lattice": self.lattice, "codebook": self.codebook, "scaled": self.row_scales}
        present = [name for name, part in parts.items() if part is not None]
        if len(present) > 1:
            raise ModelError(f"{self.name}: {' and '.join(present)} at once")
        return present[0] if present else "grid"

    def check_range(self) -> None:
        """Refuse integers, exponents or weights out of range, without computing the weights.

        Raises:
            ModelError: naming the tensor; without it every weight is finite in float32.
        """
        rows, columns = self.values.shape
        kind = self.kind
        if self.codebook is not None:
            self._check_codebook(self.codebook)
        if self.lattice is not None:
            self._check_lattice(self.lattice)
        scales = self.row_scales if self.row_scales is not None else np.zeros(rows, dtype=np.int64)
        if scales.shape != (rows,) or (scales.size and int(np.abs(scales).max()) > SCALE_LIMIT):
            raise ModelError(f"{self.name}: a row scale beyond 2^128, or not one for each row")
        if not self.values.size:
            return
        points = self.codebook if self.codebook is not None else self.values
        largest = max(abs(int(points.min())), abs(int(points.max()))) + abs(self.centre) + (kind == "lattice")
        octaves = self.step / EIGHTHS + (int(self.row_exponents.max()) + int(self.column_exponents.max())) / 2
        octaves += int(scales.max()) / MANTISSA + 11 if kind == "scaled" else 0
        if largest > 2 * VALUE_LIMIT or abs(self.step) > STEP_LIMIT:
            raise ModelError(f"{self.name}: an integer beyond 2^30 or a step beyond 2^128")
        if largest and math.log2(largest) + octaves + (math.log2(max(1, columns)) / 2 if self.rotated else 0) > 120:
            raise ModelError(f"{self.name}: weights beyond 2^120")

    def _check_codebook(self, codebook: NDArray[np.int64]) -> None:
        if not 1 <= len(codebook) <= CODEBOOK_LIMIT or int(np.abs(codebook).max()) > ENTRY_LIMIT:
            raise ModelError(f"{self.name}: need a codebook of 1 to {CODEBOOK_LIMIT} integers up to 2^24")
        if (np.diff(codebook) <= 0).any():
            raise ModelError(f"{self.name}: need a codebook in rising order")
        if self.values.size and (int(self.values.min()) < 0 or int(self.values.max()) >= len(codebook)):
            raise ModelError(f"{self.name}: a number outside its codebook of {len(codebook)}")

    def _check_lattice(self, lattice: Lattice) -> None:
        rows, columns = self.values.shape
        high, wide = int(lattice.rows.sum()), int(lattice.columns.sum())
        if (len(lattice.rows), len(lattice.columns)) != (rows, columns) or lattice.halves.shape != (high / EIGHT, wide):
            raise ModelError(f"{self.name}: need one half for every 8 chosen rows of a chosen column")
        if (self.values[lattice.places].reshape(-1, EIGHT, wide).sum(1) % 2).any():
            raise ModelError(f"{self.name}: eight integers of odd sum are no point of E8")

    def points(self) -> NDArray[np.float64]:
        """What the integers stand for, in steps."""
        if self.codebook is not None:
            return self.codebook[self.values].astype(np.float64)
        points = self.values.astype(np.float64)
        if self.shrink:
            points = np.sign(points) * np.maximum(np.abs(points) - self.shrink / SHRINK_UNIT, 0.0)
        if self.centre:
            points += float(self.centre)
        if self.lattice is not None:
            eights = self.values[self.lattice.places].reshape(-1, EIGHT, int(self.lattice.columns.sum()))
            shrunken = shrunken_e8(eights + 0.5 * self.lattice.halves[:, None, :])
            points[self.lattice.places] = shrunken.reshape(-1, shrunken.shape[-1])
        return points

    def matrix(self, seed: int, index: int) -> NDArray[np.float64]:
        """The float64 matrix (rows, columns), rotation undone."""
        points = self.points() * powers(self.step + HALF_OCTAVE * self.row_exponents)[:, None]
        if self.row_scales is not None:
            points *= np.array([row_scale(int(code)) for code in self.row_scales])[:, None]
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
