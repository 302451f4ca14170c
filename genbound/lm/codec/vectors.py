"""How the vectors of a tensor lie in the file: exponents of rows and columns, row scales, codebooks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genbound.errors import CodeFormatError
from genbound.lm.codec.rangecoder import Adaptive, AdaptiveInteger, Coder
from genbound.lm.quantize.model import CODEBOOK_LIMIT, ENTRY_LIMIT, EXPONENT_LIMIT, SCALE_LIMIT


class VectorCoder:
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
            if abs(previous) > EXPONENT_LIMIT:
                raise CodeFormatError(f"coded model: an exponent of {previous}, need at most {EXPONENT_LIMIT}")
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


class WideInteger:
    """Integers of any size: the number of their bits is learned, the bits after the first are plain."""

    def __init__(self, limit: int) -> None:
        self._width = Adaptive(limit + 1)
        self._sign = Adaptive(2)

    def code(self, coder: Coder, value: int) -> int:
        """One integer >= 0, below 2^limit."""
        width = self._width.code(coder, value.bit_length())
        if width < 2:
            return width
        top = 1 << (width - 1)
        return top | coder.bits(width - 1, value - top if coder.writing else 0)

    def code_signed(self, coder: Coder, value: int) -> int:
        """Any integer of absolute value below 2^limit."""
        size = self.code(coder, abs(value))
        return -size if size and self._sign.code(coder, int(value < 0)) else size


class ScaleCoder:
    """Row scales, each as a difference to the one before."""

    def __init__(self) -> None:
        self._difference = WideInteger(19)
        self._last = 0

    def code(self, coder: Coder, codes: NDArray[np.int64] | None, rows: int) -> NDArray[np.int64]:
        out = np.zeros(rows, dtype=np.int64)
        for row in range(rows):
            given = 0 if codes is None else int(codes[row]) - self._last
            self._last += self._difference.code_signed(coder, given)
            if abs(self._last) > SCALE_LIMIT:
                raise CodeFormatError(f"coded model: a row scale of code {self._last}, need at most {SCALE_LIMIT}")
            out[row] = self._last
        return out


class CodebookCoder:
    """Codebooks by number; one that was not there yet is spelled out, entry by entry."""

    def __init__(self) -> None:
        self.books: list[NDArray[np.int64]] = []
        self._number = AdaptiveInteger(16)
        self._size = WideInteger(13)
        self._first = WideInteger(25)
        self._gap = WideInteger(26)

    def code(self, coder: Coder, book: NDArray[np.int64] | None) -> tuple[int, int]:
        """The number of a codebook, and how many entries were spelled out for it."""
        known = 0
        if book is not None:
            known = next((i for i, other in enumerate(self.books) if np.array_equal(other, book)), len(self.books))
        number = self._number.code(coder, known)
        if number < len(self.books):
            return number, 0
        if number > len(self.books):
            raise CodeFormatError(f"coded model: codebook {number} of {len(self.books)}")
        size = 1 + self._size.code(coder, 0 if book is None else len(book) - 1)
        if size > CODEBOOK_LIMIT:
            raise CodeFormatError(f"coded model: a codebook of {size}, need at most {CODEBOOK_LIMIT}")
        entries = np.zeros(size, dtype=np.int64)
        entries[0] = self._first.code_signed(coder, 0 if book is None else int(book[0]))
        for place in range(1, size):
            gap = 0 if book is None else int(book[place] - book[place - 1]) - 1
            entries[place] = entries[place - 1] + 1 + self._gap.code(coder, gap)
        if int(np.abs(entries).max()) > ENTRY_LIMIT:
            raise CodeFormatError(f"coded model: a codebook entry beyond {ENTRY_LIMIT}")
        self.books.append(entries)
        return number, size
