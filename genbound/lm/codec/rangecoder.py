"""One range coder for the whole file, written once for both directions.

`Writer` and `Reader` share an interface in which every call takes the value to write (ignored when reading)
and returns the value written or read; a format described with these calls is its own encoder and decoder.
Probabilities are integer frequencies below 2^24, exact in float64, so both sides build the same tables.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from genbound.errors import CodeFormatError, MissingExtraError

try:
    import constriction
except ImportError as error:  # pragma: no cover
    raise MissingExtraError("the coded model file needs constriction: pip install 'genbound[lm]'") from error

_model: Any = constriction.stream.model  # pyright: ignore[reportAttributeAccessIssue]
_queue: Any = constriction.stream.queue  # pyright: ignore[reportAttributeAccessIssue]

Frequencies = NDArray[np.int64]

_PART = 16
"""Plain bits go in parts of this width: the coder's tables have 24-bit precision."""


class Coder(Protocol):
    """What a format is written against."""

    writing: bool

    section: str
    """What is being coded, for whoever measures."""

    def symbol(self, frequencies: Frequencies, value: int) -> int:
        """One symbol 0..len(frequencies)-1."""
        ...

    def symbols(self, frequencies: Frequencies, values: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        """`count` symbols under one table."""
        ...

    def bits(self, width: int, value: int) -> int:
        """An integer of `width` equally likely bits."""
        ...

    def bit_fields(self, width: int, values: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        """`count` integers of `width` equally likely bits, width <= 30."""
        ...


class Writer:
    """Encodes; `getvalue` returns the bytes."""

    writing = True
    section = ""

    def __init__(self) -> None:
        self._encoder = _queue.RangeEncoder()

    def symbol(self, frequencies: Frequencies, value: int) -> int:
        self._encoder.encode(int(value), _table(frequencies, lazy=True))
        return int(value)

    def symbols(self, frequencies: Frequencies, values: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        if count:
            self._encoder.encode(np.ascontiguousarray(values, dtype=np.int32), _table(frequencies, lazy=False))
        return values

    def bits(self, width: int, value: int) -> int:
        for shift in range(0, width, _PART):
            part = min(_PART, width - shift)
            self._encoder.encode(int(value >> shift) & ((1 << part) - 1), _model.Uniform(1 << part))
        return value

    def bit_fields(self, width: int, values: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        for shift in range(0, width if count else 0, _PART):
            part = min(_PART, width - shift)
            chunk = np.ascontiguousarray((values >> shift) & ((1 << part) - 1), dtype=np.int32)
            self._encoder.encode(chunk, _model.Uniform(1 << part))
        return values

    @property
    def size(self) -> int:
        """Bits written so far, to whole words."""
        return int(self._encoder.num_bits())

    def getvalue(self) -> bytes:
        """The code, most significant byte first, without its trailing zero bytes (a reader sees zeros after
        the end).
        """
        words = np.asarray(self._encoder.get_compressed(), dtype=np.uint32)
        return words.astype(">u4").tobytes().rstrip(b"\0")


class Meter:
    """Writes nothing and adds up the ideal code length, in bits, under whatever `section` is set."""

    writing = True

    def __init__(self) -> None:
        self.section = ""
        self.sections: dict[str, float] = {}

    @property
    def bits_total(self) -> float:
        """Everything added up so far."""
        return sum(self.sections.values())

    def _add(self, amount: float) -> None:
        self.sections[self.section] = self.sections.get(self.section, 0.0) + amount

    def symbol(self, frequencies: Frequencies, value: int) -> int:
        self._add(math.log2(int(frequencies.sum()) / int(frequencies[int(value)])))
        return int(value)

    def symbols(self, frequencies: Frequencies, values: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        if count:
            used = np.bincount(values, minlength=len(frequencies))
            self._add(count * math.log2(int(frequencies.sum())) - float((used * np.log2(frequencies)).sum()))
        return values

    def bits(self, width: int, value: int) -> int:
        self._add(width)
        return value

    def bit_fields(self, width: int, values: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        self._add(width * count)
        return values


class Reader:
    """Decodes; past the end it reads zeros, so that the caller checks the total.

    Raises:
        CodeFormatError: from any call, when the bits are no code of the tables.
    """

    writing = False
    section = ""

    def __init__(self, data: bytes) -> None:
        padded = data + bytes(-len(data) % 4 + 8)
        self._decoder = _queue.RangeDecoder(np.frombuffer(padded, dtype=">u4").astype(np.uint32))

    def symbol(self, frequencies: Frequencies, value: int = 0) -> int:
        try:
            return int(self._decoder.decode(_table(frequencies, lazy=True)))
        except BaseException as error:
            _refuse(error)

    def symbols(
        self, frequencies: Frequencies, values: NDArray[np.int32] | None = None, count: int = 0
    ) -> NDArray[np.int32]:
        if not count:
            return np.zeros(0, dtype=np.int32)
        try:
            return np.asarray(self._decoder.decode(_table(frequencies, lazy=False), count), dtype=np.int32)
        except BaseException as error:
            _refuse(error)

    def bits(self, width: int, value: int = 0) -> int:
        out = 0
        try:
            for shift in range(0, width, _PART):
                out |= int(self._decoder.decode(_model.Uniform(1 << min(_PART, width - shift)))) << shift
        except BaseException as error:
            _refuse(error)
        return out

    def bit_fields(self, width: int, values: NDArray[np.int32] | None = None, count: int = 0) -> NDArray[np.int32]:
        out = np.zeros(count, dtype=np.int32)
        try:
            for shift in range(0, width if count else 0, _PART):
                out |= self._decoder.decode(_model.Uniform(1 << min(_PART, width - shift)), count) << shift
        except BaseException as error:
            _refuse(error)
        return out


def _table(frequencies: Frequencies, *, lazy: bool) -> Any:
    return _model.Categorical(frequencies.astype(np.float64), lazy=lazy, perfect=False)


def _refuse(error: BaseException) -> NoReturn:
    """A panic of the native coder is a BaseException; only what the user or the machine asked for passes
    through.
    """
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)):
        raise error
    raise CodeFormatError("coded model: the bits are no code of its tables (edited, or not written by genbound)")


class Adaptive:
    """A table of counts that learns from every symbol coded with it; both sides learn the same."""

    def __init__(self, size: int, *, gain: int = 24, start: tuple[int, ...] = ()) -> None:
        self._counts = np.array(start if start else [8] * size, dtype=np.int64)
        self._gain = gain

    def code(self, coder: Coder, value: int) -> int:
        """Code one symbol and learn it."""
        symbol = coder.symbol(self._counts, value)
        self._counts[symbol] += self._gain
        if self._counts[symbol] > 1 << 16:
            self._counts = (self._counts >> 1) + 1
        return symbol


class AdaptiveInteger:
    """Integers, small ones cheap: a learned symbol for 0..limit-1, an Elias-gamma code above."""

    def __init__(self, limit: int = 12, *, start: tuple[int, ...] = ()) -> None:
        falling = tuple(max(1, 256 >> index) for index in range(limit))
        self._table = Adaptive(limit + 1, start=(*(start or falling), 1), gain=48)
        self._limit = limit

    def code(self, coder: Coder, value: int) -> int:
        """Code an integer >= 0."""
        symbol = self._table.code(coder, min(value, self._limit))
        return symbol if symbol < self._limit else self._limit + gamma(coder, value - self._limit)

    def code_signed(self, coder: Coder, value: int) -> int:
        """Code any integer: 0, -1, 1, -2, ..."""
        folded = self.code(coder, 2 * value if value >= 0 else -2 * value - 1)
        return folded >> 1 if folded % 2 == 0 else -((folded + 1) >> 1)


GAMMA_WIDTH = 31


def gamma(coder: Coder, value: int) -> int:
    """An integer >= 0 with a length that is coded in 5 bits: value + 1 < 2^31."""
    width = coder.bits(5, (value + 1).bit_length() - 1 if coder.writing else 0)
    if width >= GAMMA_WIDTH:
        raise CodeFormatError(f"coded model: an integer of {width} bits, need < {GAMMA_WIDTH}")
    return (1 << width) - 1 + coder.bits(width, value + 1 - (1 << width) if coder.writing else 0)
