"""How one tensor lies in the file: its few numbers, its vectors of exponents, then its integers class by
class.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from genbound.errors import CodeFormatError, ModelError
from genbound.lm.codec.rangecoder import Adaptive, AdaptiveInteger, Coder
from genbound.lm.codec.tables import CLASS_MIN, ClassTables, low_bits, reach
from genbound.lm.quantize.model import SHRINK_LIMIT, STEP_LIMIT, VALUE_LIMIT, QuantizedTensor, fold

CLASS_LIMIT = 4 * 30
"""The largest class: integers about 2^30 wide."""

VECTOR_LIMIT = 127

_SECTIONS = ("row exponents", "column exponents", "row classes", "column classes")


@dataclass(frozen=True)
class Scales:
    """What the coder knows about the spread of a tensor's integers: a class, and offsets of two classes per
    row and column.
    """

    base: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def escape_allowance(count: int) -> int:
    """Escaped integers a tensor may hold: they are read one by one."""
    return 64 + count // 64


class _Vector:
    """A vector of small integers: all zero, plain, as differences, or as differences to the last vector as
    long.
    """

    def __init__(self) -> None:
        self.mode = Adaptive(4, start=(24, 8, 8, 8))
        self.plain = AdaptiveInteger(16)
        self.delta = AdaptiveInteger(16)
        self.again = AdaptiveInteger(16)
        self.last: dict[int, NDArray[np.int64]] = {}

    def code(self, coder: Coder, values: NDArray[np.int64], room: int | None) -> tuple[NDArray[np.int64], int]:
        count = len(values)
        base = self.last.get(count)
        mode = self.mode.code(coder, self._choose(values, base) if coder.writing else 0)
        if mode == 0:
            return np.zeros(count, dtype=np.int64), 0
        if room is not None and count > room:
            raise CodeFormatError(f"coded model: {count} exponents in a file with room for {room}")
        if mode == 3 and base is None:
            raise CodeFormatError("coded model: a vector refers to one that was not there")
        reference = base if mode == 3 and base is not None else np.zeros(count, dtype=np.int64)
        table = (self.plain, self.delta, self.again)[mode - 1]
        out = np.zeros(count, dtype=np.int64)
        previous = 0
        for index in range(count):
            expected = previous if mode == 2 else int(reference[index])
            previous = expected + table.code_signed(coder, int(values[index]) - expected)
            if abs(previous) > VECTOR_LIMIT:
                raise CodeFormatError(f"coded model: an exponent of {previous}, need at most {VECTOR_LIMIT}")
            out[index] = previous
        self.last[count] = out
        return out, count

    @staticmethod
    def _choose(values: NDArray[np.int64], base: NDArray[np.int64] | None) -> int:
        """The mode with the smallest rough cost (the entropy of what it codes, plus its alphabet)."""
        if not values.any():
            return 0
        residuals = [values, np.diff(values, prepend=0)]
        if base is not None:
            residuals.append(values - base)
        return 1 + int(np.argmin([_rough_bits(residual) for residual in residuals]))


def _rough_bits(values: NDArray[np.int64]) -> float:
    _, counts = np.unique(values, return_counts=True)
    size = len(values)
    return float(
        -(counts * np.log2(counts / size)).sum()
        + len(counts) * 0.5 * np.log2(size + 1)
        + np.log2(1 + np.abs(values)).sum() * 0.3
    )


@dataclass
class TensorCoder:
    """The state that carries over from tensor to tensor: learned tables and the last step and class.

    Attributes:
        allowance: how many exponents may be read one by one (None: any number, when writing).
        spelled: how many were.
    """

    tables: ClassTables
    allowance: int | None = None
    spelled: int = 0
    step: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    base: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def __post_init__(self) -> None:
        self._flags = [Adaptive(2), Adaptive(2)]
        self._shrink = [Adaptive(SHRINK_LIMIT), Adaptive(SHRINK_LIMIT)]
        self._centred = Adaptive(2)
        self._centre = AdaptiveInteger(16)
        self._last_centre = 0
        self._step = [AdaptiveInteger(16), AdaptiveInteger(16)]
        self._base = [AdaptiveInteger(12), AdaptiveInteger(12)]
        self._vectors = [_Vector() for _ in range(4)]
        self._escape = AdaptiveInteger(8)
        self._sign = Adaptive(2)

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
        kind = int(matrix)
        transposed = bool(len(shape) == 2 and self._flags[0].code(coder, given.transposed))
        rotated = bool(matrix and self._flags[1].code(coder, given.rotated))
        rows, columns = fold(shape, transposed)
        step = self.step[matrix] + self._step[kind].code_signed(coder, given.step - self.step[matrix])
        if abs(step) > STEP_LIMIT:
            raise CodeFormatError(f"coded model: {name} has step 2^({step}/8), need |exponent| <= {STEP_LIMIT}")
        self.step[matrix] = step
        shrink = self._shrink[kind].code(coder, given.shrink)
        centre = 0 if matrix else self._code_centre(coder, given.centre)
        if tensor is not None and scales is not None:
            spread = scales
        else:
            spread = Scales(0, np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64))
        base = self.base[matrix] + self._base[kind].code_signed(coder, spread.base - self.base[matrix])
        if not CLASS_MIN <= base <= CLASS_LIMIT:
            raise CodeFormatError(f"coded model: {name} has class {base}, need {CLASS_MIN} to {CLASS_LIMIT}")
        self.base[matrix] = base
        vectors = [np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64)] * 2
        if matrix:
            exponents = (given.row_exponents, given.column_exponents) if tensor is not None else vectors[:2]
            wanted = [*exponents, spread.rows, spread.columns]
            for place, value in enumerate(wanted):
                coder.section = _SECTIONS[place]
                vectors[place] = self._vector(coder, self._vectors[place], value)
        classes = class_of(base, *vectors)
        coder.section = "matrices" if matrix else "vectors"
        values = tensor.values if tensor is not None else None
        out = self._integers(coder, name, classes, (rows, columns), values)
        return QuantizedTensor(name, shape, out, step, vectors[0], vectors[1], centre, shrink, transposed, rotated)

    def _code_centre(self, coder: Coder, centre: int) -> int:
        """Zero, or as a difference to the last centre that was not."""
        if not self._centred.code(coder, int(centre != 0)):
            return 0
        self._last_centre += self._centre.code_signed(coder, centre - self._last_centre)
        if abs(self._last_centre) > VALUE_LIMIT:
            raise CodeFormatError(f"coded model: a centre of {self._last_centre}, need <= 2^30")
        return self._last_centre

    def _vector(self, coder: Coder, vector: _Vector, values: NDArray[np.int64]) -> NDArray[np.int64]:
        room = None if self.allowance is None else self.allowance - self.spelled
        out, spelled = vector.code(coder, values, room)
        self.spelled += spelled
        return out

    def _integers(
        self,
        coder: Coder,
        name: str,
        classes: NDArray[np.int64],
        shape: tuple[int, int],
        values: NDArray[np.int32] | None,
    ) -> NDArray[np.int32]:
        flat = None if values is None else values.reshape(-1)
        count = shape[0] * shape[1]
        out = np.zeros(count, dtype=np.int64)
        escaped: list[tuple[NDArray[np.int64], NDArray[np.int64], int, int]] = []
        total = 0
        for index, where in _groups(classes, count):
            bits = low_bits(index)
            bound = reach(index - 4 * bits)
            size = count if where is None else len(where)
            high = low = symbols = np.zeros(0, dtype=np.int32)
            if flat is not None:
                part = flat if where is None else flat[where]
                high, low = part >> bits, part & ((1 << bits) - 1)
                symbols = np.where(np.abs(high) <= bound, high + bound, 2 * bound + 1).astype(np.int32)
            symbols = self.tables.code(coder, index - 4 * bits, symbols, size)
            low = coder.bit_fields(bits, low, size)
            outside = np.flatnonzero(symbols == 2 * bound + 1)
            total += len(outside)
            if total > escape_allowance(count):
                message = f"{name} has {total} outliers among {count} weights, need <= {escape_allowance(count)}"
                raise ModelError(message) if coder.writing else CodeFormatError(f"coded model: {message}")
            got = (symbols.astype(np.int64) - bound << bits) + low
            if where is None:
                out[:] = got
            else:
                out[where] = got
            if len(outside):
                places = outside if where is None else where[outside]
                escaped.append((places, low[outside].astype(np.int64), bound, bits))
        coder.section = "outliers"
        for places, lows, bound, bits in escaped:
            for place, small in zip(places.tolist(), lows.tolist(), strict=True):
                number = 0 if flat is None else int(flat[place]) >> bits
                excess = self._escape.code(coder, max(abs(number) - bound - 1, 0))
                magnitude = excess + bound + 1
                negative = self._sign.code(coder, int(number < 0))
                integer = ((-magnitude if negative else magnitude) << bits) + small
                if abs(integer) > VALUE_LIMIT:
                    raise CodeFormatError(f"coded model: {name} holds the integer {integer}, need <= 2^30")
                out[place] = integer
        return out.astype(np.int32).reshape(shape)


def class_of(
    base: int,
    row_exponents: NDArray[np.int64],
    column_exponents: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The class of every entry, shape (rows, columns), or shape (1, 1) when all are alike."""
    by_row = base + 2 * (rows - row_exponents)
    by_column = 2 * (columns - column_exponents)
    if not by_row.size or not by_column.size:
        return np.full((1, 1), base)
    if (by_row == by_row[0]).all() and (by_column == by_column[0]).all():
        by_row, by_column = by_row[:1], by_column[:1]
    return np.clip(by_row[:, None] + by_column[None, :], CLASS_MIN, CLASS_LIMIT)


def _groups(classes: NDArray[np.int64], count: int) -> list[tuple[int, NDArray[np.int64] | None]]:
    """The classes in rising order with the flat places of their entries (None: every place)."""
    if not count:
        return []
    if classes.size == 1 or (classes == classes.flat[0]).all():
        return [(int(classes.flat[0]), None)]
    flat = classes.reshape(-1)
    order = np.argsort(flat, kind="stable")
    sizes = np.bincount(flat - CLASS_MIN)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    present = np.flatnonzero(sizes)
    return [(int(c) + CLASS_MIN, order[starts[c] : starts[c + 1]]) for c in present]


def _blank(name: str, shape: tuple[int, ...]) -> QuantizedTensor:
    none = np.zeros(0, dtype=np.int64)
    return QuantizedTensor(name, shape, np.zeros((0, 0), dtype=np.int32), 0, none, none)
