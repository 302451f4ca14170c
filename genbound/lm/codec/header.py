"""The architecture in the file: a few bytes for the keys a configuration sets beyond its defaults."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from genbound.errors import CodeFormatError
from genbound.lm.codec.keys import KEYS, MODEL_TYPES, WORDS
from genbound.lm.codec.rangecoder import Adaptive, AdaptiveInteger, Coder

ENTRY_LIMIT = 4096
_TAGS = ("size", "true", "false", "none", "float32", "float64", "negative", "word", "text", "list", "dict", "whole")


class HeaderCoder:
    """Writes or reads (model_type, config)."""

    def __init__(self) -> None:
        self._tags = Adaptive(len(_TAGS), start=(48, 12, 12, 4, 12, 2, 2, 8, 2, 4, 4, 12))
        self._gaps = AdaptiveInteger(24)
        self._counts = AdaptiveInteger(24, start=(16,) * 24)
        self._entries = 0

    def code(self, coder: Coder, model_type: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """One architecture.

        Raises:
            CodeFormatError: nothing a writer could have written.
        """
        name = self._name(coder, MODEL_TYPES, model_type)
        return name, self._dict(coder, config)

    def _dict(self, coder: Coder, value: dict[str, Any]) -> dict[str, Any]:
        """Known keys in the order of the list, by how many of the list they skip; then any others, spelled
        out.
        """
        known = sorted(KEYS.index(key) for key in value if key in KEYS)
        others = sorted(key for key in value if key not in KEYS)
        out: dict[str, Any] = {}
        place = -1
        for index in range(self._count(coder, len(known))):
            place += 1 + self._gaps.code(coder, known[index] - place - 1 if coder.writing else 0)
            if place >= len(KEYS):
                raise CodeFormatError(f"coded model: key number {place}, need < {len(KEYS)}")
            out[KEYS[place]] = self._value(coder, value.get(KEYS[place]), nested=True)
        for index in range(self._count(coder, len(others))):
            key = self._text(coder, others[index] if coder.writing else "")
            if key in out or key in KEYS:
                raise CodeFormatError(f"coded model: the key {key!r} twice")
            out[key] = self._value(coder, value.get(key), nested=True)
        return out

    def _count(self, coder: Coder, count: int) -> int:
        found = self._counts.code(coder, count)
        self._entries += found
        if self._entries > ENTRY_LIMIT:
            raise CodeFormatError(f"coded model: more than {ENTRY_LIMIT} configuration entries")
        return found

    def _value(self, coder: Coder, value: Any, *, nested: bool) -> Any:
        tag = _TAGS[self._tags.code(coder, _TAGS.index(_tag(value)) if coder.writing else 0)]
        if tag == "true":
            return True
        if tag == "false":
            return False
        if tag == "none":
            return None
        if tag == "size":
            return self._size(coder, value)
        if tag == "whole":
            return float(self._size(coder, int(value) if coder.writing else 0))
        if tag == "negative":
            return -1 - self._size(coder, -1 - value if coder.writing else 0)
        if tag == "float32":
            bits = struct.unpack(">I", struct.pack(">f", value))[0] if coder.writing else 0
            # The shortest decimal that rounds to this float32 is the configuration's number.
            return float(str(np.float32(struct.unpack(">f", struct.pack(">I", coder.bits(32, bits)))[0])))
        if tag == "float64":
            bits = struct.unpack(">Q", struct.pack(">d", value))[0] if coder.writing else 0
            return struct.unpack(">d", struct.pack(">Q", coder.bits(64, bits)))[0]
        if tag == "word":
            index = coder.bits(6, WORDS.index(value) if coder.writing else 0)
            if index >= len(WORDS):
                raise CodeFormatError(f"coded model: word number {index}, need < {len(WORDS)}")
            return WORDS[index]
        if tag == "text":
            return self._text(coder, value if coder.writing else "")
        if not nested and tag == "dict":
            raise CodeFormatError("coded model: a configuration nested too deeply")
        if tag == "dict":
            return self._dict(coder, value if coder.writing else {})
        count = self._count(coder, len(value) if coder.writing else 0)
        return [self._value(coder, value[i] if coder.writing else None, nested=False) for i in range(count)]

    def _size(self, coder: Coder, value: int) -> int:
        """An integer >= 0 as its width, then its bits; sizes are often small multiples of powers of two."""
        width = coder.bits(5, value.bit_length() if coder.writing else 0)
        if width < 2:
            return width
        zeros = 0
        if coder.writing:
            zeros = min((value & -value).bit_length() - 1, 15)
        zeros = coder.bits(4, zeros) if width > 4 else 0
        rest = width - 1 - zeros
        if rest < 0:
            raise CodeFormatError("coded model: an integer with more zeros than bits")
        top = 1 << rest
        return (top | coder.bits(rest, (value >> zeros) - top if coder.writing else 0)) << zeros

    def _name(self, coder: Coder, known: tuple[str, ...], name: str) -> str:
        width = max(len(known).bit_length(), 5)
        index = coder.bits(width, (known.index(name) if name in known else (1 << width) - 1) if coder.writing else 0)
        if index < len(known):
            return known[index]
        if index != (1 << width) - 1:
            raise CodeFormatError(f"coded model: name number {index}, need < {len(known)}")
        return self._text(coder, name)

    def _text(self, coder: Coder, text: str) -> str:
        data = text.encode("ascii") if coder.writing else b""
        count = coder.bits(7, len(data))
        characters = [coder.bits(7, data[i] if coder.writing else 0) for i in range(count)]
        return bytes(characters).decode("ascii")


def _tag(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "size" if value >= 0 else "negative"
    if isinstance(value, float):
        if value.is_integer() and 0 <= value < 1 << 24:
            return "whole"
        short = float(str(np.float32(value))) if abs(value) < 1e38 else None
        return "float32" if short == value and np.isfinite(value) else "float64"
    if isinstance(value, str):
        return "word" if value in WORDS else "text"
    if isinstance(value, (list, tuple)):
        return "list"
    if isinstance(value, dict):
        return "dict"
    raise CodeFormatError(f"coded model: a configuration value of type {type(value).__name__}")
