"""The tables integers are coded with: a generic family as the starting point, counts that learn as symbols
pass.

A class is a scale of the integers in quarter octaves. It starts from exp(-(|q|/s)^beta), s = sqrt(2)
2^(class/4), computed with correctly rounded decimal arithmetic, weighted as a number of imagined symbols;
everything already coded in the same class, in any tensor, is added to it. Nothing here was fitted to a
corpus: beta and the weight are chosen by the encoder from a fixed list and written in the file.
"""

from __future__ import annotations

from decimal import Context, Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from genbound.lm.codec.rangecoder import Coder

BETAS = ("2", "7/4", "3/2", "5/4", "1", "3/4")
WEIGHTS = (1, 4, 16, 64)
"""Imagined symbols per table entry."""

CLASS_MIN, CLASS_MAX = -12, 20
"""2^(1/4) per class: scales from 1/8 to 32 steps; wider ones write their low bits plainly."""

_UNIT = 256
_CAP = 1 << 22
_CONTEXT = Context(prec=24)
_SQRT2 = Decimal("1.41421356237309504880169")


def reach(index: int) -> int:
    """The largest |q| with an entry of its own in a class; beyond it the escape symbol.

    >>> reach(-12), reach(0), reach(20)
    (3, 9, 195)
    """
    return 3 + int(Decimal(6) * _scale(index))


def low_bits(index: int) -> int:
    """Plain low bits of a class above `CLASS_MAX`.

    >>> low_bits(20), low_bits(21), low_bits(24), low_bits(25)
    (0, 1, 1, 2)
    """
    return max(0, -((CLASS_MAX - index) // 4))


@lru_cache(maxsize=1024)
def _scale(index: int) -> Decimal:
    root = Decimal(2).sqrt(_CONTEXT).sqrt(_CONTEXT)
    power = Decimal(1)
    for _ in range(index % 4):
        power = _CONTEXT.multiply(power, root)
    octave = index // 4
    return _CONTEXT.multiply(power, Decimal(2) ** octave if octave >= 0 else Decimal(1) / (1 << -octave))


def _stretched(ratio: Decimal, beta: str) -> Decimal:
    """ratio^beta from square roots, which decimal rounds correctly."""
    if beta == "1":
        return ratio
    if beta == "2":
        return _CONTEXT.multiply(ratio, ratio)
    half = ratio.sqrt(_CONTEXT)
    quarter = half.sqrt(_CONTEXT)
    factors = {"7/4": (ratio, half, quarter), "3/2": (ratio, half), "5/4": (ratio, quarter), "3/4": (half, quarter)}
    out = Decimal(1)
    for factor in factors[beta]:
        out = _CONTEXT.multiply(out, factor)
    return out


@lru_cache(maxsize=1024)
def prior(index: int, beta: int, weight: int, shift: int = 0) -> NDArray[np.int64]:
    """The starting frequencies of a class: entries for -reach..reach, then the escape symbol.

    `shift` quarters are added to the integers before their size is taken (points of a lattice may lie between them).
    """
    bound = reach(index)
    scale = _CONTEXT.multiply(_SQRT2, _scale(index))
    sizes = [abs(4 * q + shift) for q in range(-bound, bound + 1)]
    heights = {
        size: _stretched(_CONTEXT.divide(Decimal(size) / 4, scale), BETAS[beta]).copy_negate().exp(_CONTEXT)
        for size in sorted(set(sizes))
    }
    total = sum((heights[size] for size in sizes), Decimal(0))
    mass = Decimal(_UNIT * WEIGHTS[weight] * (2 * bound + 2))
    entries = {
        size: max(1, int(_CONTEXT.divide(_CONTEXT.multiply(mass, height), total))) for size, height in heights.items()
    }
    out = np.array([*(entries[size] for size in sizes), 1], dtype=np.int64)
    out.setflags(write=False)
    return out


class Learner:
    """A table that starts as it is told and learns from blocks of symbols; both sides learn the same."""

    def __init__(self, start: NDArray[np.int64]) -> None:
        self._start = start
        self._counts = np.zeros_like(start)
        self._seen = 0

    def code(self, coder: Coder, symbols: NDArray[np.int32], count: int) -> NDArray[np.int32]:
        """`count` symbols, in blocks that grow with what the table has seen; a table of one entry writes nothing."""
        if len(self._start) == 1:
            return np.zeros(count, dtype=np.int32)
        parts: list[NDArray[np.int32]] = []
        done = 0
        while done < count:
            block = min(count - done, 16 + self._seen // 4)
            given = symbols[done : done + block] if coder.writing else symbols
            part = coder.symbols(_capped(self._start + _UNIT * self._counts), given, block)
            self._counts += np.bincount(part, minlength=len(self._counts))
            parts.append(part)
            self._seen += block
            done += block
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)


def even_start(size: int, imagined: int) -> NDArray[np.int64]:
    """A start that knows nothing: every entry counts as `imagined` quarters of a symbol."""
    return np.full(size, _UNIT * imagined // 4, dtype=np.int64)


class ClassTables:
    """The learning tables of a file, shared by all tensors: one per class and context, and others by name."""

    def __init__(self, beta: int, weight: int) -> None:
        self._beta, self._weight = beta, weight
        self._learners: dict[object, Learner] = {}

    def code(
        self, coder: Coder, index: int, symbols: NDArray[np.int32], count: int, context: int = 0
    ) -> NDArray[np.int32]:
        """`count` symbols 0..2 reach + 1 of one class; a context is 4 times its number plus the shift of its start."""
        key = (index, context)
        learner = self._learners.get(key)
        if learner is None:
            learner = self._learners[key] = Learner(prior(index, self._beta, self._weight, context % 4))
        return learner.code(coder, symbols, count)

    def code_even(
        self, coder: Coder, key: object, size: int, symbols: NDArray[np.int32], count: int
    ) -> NDArray[np.int32]:
        """`count` symbols below `size` under a table of its own that starts even."""
        return self._learners.setdefault(key, Learner(even_start(size, 2))).code(coder, symbols, count)


def _capped(frequencies: NDArray[np.int64]) -> NDArray[np.int64]:
    """Frequencies with a total below 2^23, none of them zero."""
    shift = max(0, int(frequencies.sum()).bit_length() - _CAP.bit_length() + 1)
    return (frequencies >> shift) + 1 if shift else frequencies


@lru_cache(maxsize=512)
def static_bits(index: int, beta: int) -> NDArray[np.float64]:
    """Ideal code lengths of -reach..reach and the escape in bits under the starting table (for the
    encoder's choices).
    """
    table = prior(index, beta, len(WEIGHTS) - 1).astype(np.float64)
    return -np.log2(table / table.sum())
