"""How the integers of a tensor lie in the file: class by class, low bits plainly, outliers at the end.

A point of E8 is eight integers q of even sum and one h: h comes first, then seven of the integers; the parity of the
last is then known, and only (q - parity)/2 is coded, one octave below its class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genbound.errors import CodeFormatError, ModelError
from genbound.lm.codec.rangecoder import Adaptive, AdaptiveInteger, Coder
from genbound.lm.codec.tables import CLASS_MIN, ClassTables, low_bits, reach
from genbound.lm.quantize.model import EIGHT, VALUE_LIMIT

CLASS_LIMIT = 4 * 30
"""The largest class: integers about 2^30 wide."""

_OCTAVE = 4
"""Classes per octave."""

_LAST = 4
"""Contexts of the last coordinate of a point begin here; before it: 0 whole points, 2 half ones."""

_EMPTY = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True)
class _Group:
    """The flat places (None: every place) that share a class and a context."""

    index: int
    context: int
    places: NDArray[np.int64] | None


def escape_allowance(count: int) -> int:
    """Escaped integers among so many: they are read one by one."""
    return 64 + count // 64


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


class IntegerCoder:
    """Writes and reads the integers of tensors; what it learns carries over from tensor to tensor."""

    def __init__(self, tables: ClassTables) -> None:
        self._tables = tables
        self._escape = AdaptiveInteger(8)
        self._sign = Adaptive(2)

    def grid(
        self,
        coder: Coder,
        name: str,
        classes: NDArray[np.int64],
        shape: tuple[int, int],
        given: NDArray[np.int32] | None,
    ) -> NDArray[np.int32]:
        """Plain integers, each under its class.

        Raises:
            CodeFormatError, ModelError: too many outliers, or one out of range (reading, writing).
        """
        out = np.zeros(shape[0] * shape[1], dtype=np.int64)
        self._groups(coder, name, _grouped(classes, out.size), None if given is None else given.reshape(-1), out)
        return out.astype(np.int32).reshape(shape)

    def numbers(self, coder: Coder, key: int, size: int, shape: tuple[int, int], given: NDArray[np.int32] | None):
        """Numbers of entries of a codebook."""
        count = shape[0] * shape[1]
        if size < 2:  # one entry: nothing to tell
            return np.zeros(shape, dtype=np.int32)
        flat = _EMPTY if given is None else given.reshape(-1)
        return self._tables.code_even(coder, ("codebook", key), size, flat, count).reshape(shape)

    def lattice(
        self,
        coder: Coder,
        name: str,
        classes: NDArray[np.int64],
        chosen: tuple[NDArray[np.bool_], NDArray[np.bool_]],
        given: NDArray[np.int32] | None,
        given_halves: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Points of E8 in the chosen rows and columns, plain integers elsewhere.

        Raises:
            CodeFormatError, ModelError: as `grid`.
        """
        shape = (len(chosen[0]), len(chosen[1]))
        whole = np.broadcast_to(classes, shape)
        places = np.arange(shape[0] * shape[1], dtype=np.int64).reshape(shape)
        # (points, 8, columns) places of the coordinates.
        eights = places[np.ix_(*chosen)].reshape(-1, EIGHT, int(chosen[1].sum()))
        last, flat_class = eights[:, -1], whole.reshape(-1)
        halves = self._halves(coder, flat_class[eights[:, 0]], given_halves)
        half = np.zeros(places.size, dtype=np.int64)
        half[eights] = halves[:, None, :]
        out = np.zeros(places.size, dtype=np.int64)
        flat = None if given is None else given.reshape(-1).astype(np.int64)
        first = np.ones(places.size, dtype=bool)
        first[last] = False
        here = np.flatnonzero(first)
        self._groups(coder, name, _keyed(flat_class[here], 2 * half[here], here), flat, out)
        odd = out[eights[:, :-1]].sum(1) & 1
        below = np.maximum(flat_class[last] - _OCTAVE, CLASS_MIN)
        if flat is not None:
            flat = flat.copy()
            flat[last] = (flat[last] - odd) >> 1
        self._groups(coder, name, _keyed(below, _LAST + 2 * odd + half[last], last), flat, out)
        out[last] = 2 * out[last] + odd
        if out.size and int(np.abs(out).max()) > VALUE_LIMIT:
            raise CodeFormatError(f"coded model: {name} holds an integer beyond 2^30")
        return out.astype(np.int32).reshape(shape), halves

    def _halves(self, coder: Coder, classes: NDArray[np.int64], given: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        out = np.zeros(classes.size, dtype=bool)
        flat = None if given is None else given.reshape(-1).astype(np.int32)
        for group in _grouped(classes, classes.size):
            places = slice(None) if group.places is None else group.places
            size = out[places].size
            part = _EMPTY if flat is None else flat[places]
            out[places] = self._tables.code_even(coder, ("half", group.index), 2, part, size) > 0
        return out.reshape(classes.shape)

    def _groups(
        self,
        coder: Coder,
        name: str,
        groups: list[_Group],
        flat: NDArray[np.int32] | NDArray[np.int64] | None,
        out: NDArray[np.int64],
    ) -> None:
        section = coder.section
        escaped: list[tuple[NDArray[np.int64], NDArray[np.int64], int, int]] = []
        total = 0
        for group in groups:
            bits = low_bits(group.index)
            bound = reach(group.index - _OCTAVE * bits)
            places = slice(None) if group.places is None else group.places
            size = out[places].size
            low = symbols = _EMPTY
            if flat is not None:
                part = flat[places]
                high, low = part >> bits, (part & ((1 << bits) - 1)).astype(np.int32)
                symbols = np.where(np.abs(high) <= bound, high + bound, 2 * bound + 1).astype(np.int32)
            context = group.context if not bits else group.context - group.context % _OCTAVE
            symbols = self._tables.code(coder, group.index - _OCTAVE * bits, symbols, size, context)
            low = coder.bit_fields(bits, low, size)
            outside = np.flatnonzero(symbols == 2 * bound + 1)
            total += len(outside)
            if total > escape_allowance(out.size):
                message = f"{name} has {total} outliers among {out.size} weights, need <= {escape_allowance(out.size)}"
                raise ModelError(message) if coder.writing else CodeFormatError(f"coded model: {message}")
            out[places] = (symbols.astype(np.int64) - bound << bits) + low
            if len(outside):
                at = outside if group.places is None else group.places[outside]
                escaped.append((at, low[outside].astype(np.int64), bound, bits))
        coder.section = "outliers"
        for at, lows, bound, bits in escaped:
            for place, small in zip(at.tolist(), lows.tolist(), strict=True):
                out[place] = self._outlier(coder, name, None if flat is None else int(flat[place]), small, bound, bits)
        coder.section = section

    def _outlier(self, coder: Coder, name: str, given: int | None, low: int, bound: int, bits: int) -> int:
        number = 0 if given is None else given >> bits
        magnitude = self._escape.code(coder, max(abs(number) - bound - 1, 0)) + bound + 1
        negative = self._sign.code(coder, int(number < 0))
        integer = ((-magnitude if negative else magnitude) << bits) + low
        if abs(integer) > VALUE_LIMIT:
            raise CodeFormatError(f"coded model: {name} holds the integer {integer}, need <= 2^30")
        return integer


def _grouped(classes: NDArray[np.int64], count: int) -> list[_Group]:
    """The classes in rising order, all in context 0."""
    if not count:
        return []
    if classes.size == 1 or (classes == classes.flat[0]).all():
        return [_Group(int(classes.flat[0]), 0, None)]
    return _keyed(classes, np.zeros(1, dtype=np.int64), np.arange(count, dtype=np.int64).reshape(classes.shape))


def _keyed(classes: NDArray[np.int64], contexts: NDArray[np.int64], places: NDArray[np.int64]) -> list[_Group]:
    """Groups by class and context in rising order; the places of each rise."""
    keys = ((classes - CLASS_MIN) * 2 * _LAST + contexts).reshape(-1)
    order = np.argsort(keys, kind="stable")
    sizes = np.bincount(keys)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    flat = places.reshape(-1)
    present = np.flatnonzero(sizes)
    return [
        _Group(int(key) // (2 * _LAST) + CLASS_MIN, int(key) % (2 * _LAST), flat[order[starts[key] : starts[key + 1]]])
        for key in present
    ]
