"""How one tensor lies in the file: its few numbers, its vectors, then its integers.

Four kinds of tensors: integers on a grid, points of E8, numbers of codebook entries, and integers under row scales.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from genbound.errors import CodeFormatError
from genbound.lm.codec.integers import CLASS_LIMIT, IntegerCoder, class_of
from genbound.lm.codec.rangecoder import Adaptive, AdaptiveInteger, Coder
from genbound.lm.codec.tables import CLASS_MIN, ClassTables
from genbound.lm.codec.vectors import CodebookCoder, ScaleCoder, VectorCoder
from genbound.lm.quantize.model import EIGHT, SHRINK_LIMIT, STEP_LIMIT, VALUE_LIMIT, Lattice, QuantizedTensor, fold

KINDS = ("grid", "lattice", "codebook", "scaled")

_SECTIONS = ("row exponents", "column exponents", "row classes", "column classes")


@dataclass(frozen=True)
class Scales:
    """What the coder knows about the spread of a tensor's integers: a class, and offsets of two classes per
    row and column.
    """

    base: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


@dataclass
class TensorCoder:
    """The state that carries over from tensor to tensor: learned tables and the last step and class.

    Attributes:
        allowance: how many vector entries may be read one by one (None: any number, when writing).
        spelled: how many were.
    """

    tables: ClassTables
    allowance: int | None = None
    spelled: int = 0
    step: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    base: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def __post_init__(self) -> None:
        self._flags = [Adaptive(2), Adaptive(2)]
        self._kinds = [Adaptive(len(KINDS), start=(32, 4, 4, 4)) for _ in range(2)]
        self._shrink = [Adaptive(SHRINK_LIMIT), Adaptive(SHRINK_LIMIT)]
        self._centred = Adaptive(2)
        self._centre = AdaptiveInteger(16)
        self._last_centre = 0
        self._step = [AdaptiveInteger(16), AdaptiveInteger(16)]
        self._base = [AdaptiveInteger(12), AdaptiveInteger(12)]
        self._vectors = [VectorCoder() for _ in range(4)]
        self._scales = ScaleCoder()
        self._books = CodebookCoder()
        self._integers = IntegerCoder(self.tables)

    def write(self, coder: Coder, tensor: QuantizedTensor, scales: Scales) -> None:
        """Append one tensor."""
        self.code(coder, tensor.name, tensor.shape, tensor, scales)

    def code(
        self, coder: Coder, name: str, shape: tuple[int, ...], tensor: QuantizedTensor | None, scales: Scales | None
    ) -> QuantizedTensor:
        """Write `tensor`, or read the one of this name and shape.

        Raises:
            CodeFormatError: a number out of range (reading).
            ModelError: a number out of range, or too many outliers (writing).
        """
        coder.section = "steps and classes"
        given = tensor if tensor is not None else _blank(name, shape)
        matrix = len(shape) >= 2
        transposed = bool(len(shape) == 2 and self._flags[0].code(coder, given.transposed))
        rotated = bool(matrix and self._flags[1].code(coder, given.rotated))
        folded = fold(shape, transposed)
        kind = KINDS[self._kinds[int(matrix)].code(coder, KINDS.index(given.kind))]
        step = self._code_step(coder, name, matrix, given.step)
        if kind == "codebook":
            return self._numbers(coder, name, shape, tensor, step, transposed, rotated)
        shrink = self._shrink[int(matrix)].code(coder, given.shrink) if kind != "scaled" else 0
        centre = 0 if matrix else self._code_centre(coder, given.centre)
        row_scales = None
        if kind == "scaled":
            coder.section = "row scales"
            row_scales = self._scales.code(coder, given.row_scales, self._spell(folded[0]))
        row, column, classes = self._classes(coder, name, matrix, folded, tensor, scales)
        coder.section = "matrices" if matrix else "vectors"
        numbers = None if tensor is None else tensor.values
        lattice = None
        if kind == "lattice":
            chosen = self._chosen(coder, name, folded, given.lattice)
            known = None if given.lattice is None else given.lattice.halves
            values, halves = self._integers.lattice(coder, name, classes, chosen, numbers, known)
            lattice = Lattice(*chosen, halves)
        else:
            values = self._integers.grid(coder, name, classes, folded, numbers)
        return QuantizedTensor(
            name, shape, values, step, row, column, centre, shrink, transposed, rotated, lattice, None, row_scales
        )

    def _chosen(
        self, coder: Coder, name: str, folded: tuple[int, int], lattice: Lattice | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The rows and columns of a lattice."""
        masks = []
        for axis, size in enumerate(folded):
            given = np.zeros(0, dtype=np.int32)
            if lattice is not None:
                given = (lattice.rows, lattice.columns)[axis].astype(np.int32)
            masks.append(self.tables.code_even(coder, ("chosen", axis), 2, given, size) > 0)
        if masks[0].sum() % EIGHT:
            raise CodeFormatError(f"coded model: {name} has {masks[0].sum()} rows in a lattice of eights")
        return masks[0], masks[1]

    def _code_step(self, coder: Coder, name: str, matrix: bool, given: int) -> int:
        step = self.step[matrix] + self._step[int(matrix)].code_signed(coder, given - self.step[matrix])
        if abs(step) > STEP_LIMIT:
            raise CodeFormatError(f"coded model: {name} has step 2^({step}/8), need |exponent| <= {STEP_LIMIT}")
        self.step[matrix] = step
        return step

    def _code_centre(self, coder: Coder, centre: int) -> int:
        """Zero, or as a difference to the last centre that was not."""
        if not self._centred.code(coder, int(centre != 0)):
            return 0
        self._last_centre += self._centre.code_signed(coder, centre - self._last_centre)
        if abs(self._last_centre) > VALUE_LIMIT:
            raise CodeFormatError(f"coded model: a centre of {self._last_centre}, need <= 2^30")
        return self._last_centre

    def _numbers(
        self,
        coder: Coder,
        name: str,
        shape: tuple[int, ...],
        tensor: QuantizedTensor | None,
        step: int,
        transposed: bool,
        rotated: bool,
    ) -> QuantizedTensor:
        """A tensor whose values number the entries of a codebook."""
        coder.section = "codebooks"
        number, spelled = self._books.code(coder, None if tensor is None else tensor.codebook)
        self._spell(spelled)
        book = self._books.books[number]
        coder.section = "matrices" if len(shape) >= 2 else "vectors"
        rows, columns = fold(shape, transposed)
        given = None if tensor is None else tensor.values
        values = self._integers.numbers(coder, number, len(book), (rows, columns), given)
        zero = np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64)
        return QuantizedTensor(name, shape, values, step, *zero, 0, 0, transposed, rotated, None, book)

    def _classes(
        self,
        coder: Coder,
        name: str,
        matrix: bool,
        folded: tuple[int, int],
        tensor: QuantizedTensor | None,
        scales: Scales | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Row and column exponents, and the class of every entry."""
        rows, columns = folded
        vectors = [np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64)] * 2
        known = scales or Scales(0, vectors[0], vectors[1])
        base = self.base[matrix] + self._base[int(matrix)].code_signed(coder, known.base - self.base[matrix])
        if not CLASS_MIN <= base <= CLASS_LIMIT:
            raise CodeFormatError(f"coded model: {name} has class {base}, need {CLASS_MIN} to {CLASS_LIMIT}")
        self.base[matrix] = base
        if matrix:
            exponents = (tensor.row_exponents, tensor.column_exponents) if tensor is not None else vectors[:2]
            for place, value in enumerate([*exponents, known.rows, known.columns]):
                coder.section = _SECTIONS[place]
                vectors[place] = self._vector(coder, self._vectors[place], value)
        return vectors[0], vectors[1], class_of(base, *vectors)

    def _vector(self, coder: Coder, vector: VectorCoder, values: NDArray[np.int64]) -> NDArray[np.int64]:
        room = None if self.allowance is None else self.allowance - self.spelled
        out, spelled = vector.code(coder, values, room)
        self.spelled += spelled
        return out

    def _spell(self, count: int) -> int:
        """Count entries that are read one by one, against the allowance; returns the count."""
        self.spelled += count
        if self.allowance is not None and self.spelled > self.allowance:
            raise CodeFormatError(
                f"coded model: {self.spelled} vector entries in a file with room for {self.allowance}"
            )
        return count


def _blank(name: str, shape: tuple[int, ...]) -> QuantizedTensor:
    none = np.zeros(0, dtype=np.int64)
    return QuantizedTensor(name, shape, np.zeros((0, 0), dtype=np.int32), 0, none, none)
