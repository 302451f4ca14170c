"""The token stream: what it is, its hash, and the check of its ids against the vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError

Progress = Callable[[str, int, "int | None"], None]
"""`progress(step, done, total)`: called now and then during long work; `total` is None where unknown."""

Tokens = NDArray[np.uint16] | NDArray[np.uint32]

CHUNK = 1 << 22
"""Tokens hashed or checked at a time."""


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """The narrower of uint16 and uint32 that holds every id below `vocab_size`.

    >>> token_dtype(65536).name, token_dtype(65537).name
    ('uint16', 'uint32')
    """
    return np.dtype(np.uint16) if vocab_size <= 1 << 16 else np.dtype(np.uint32)


def tokens_sha256(tokens: NDArray[Any], progress: Progress | None = None) -> str:
    """SHA-256 of the ids as little-endian uint32, so that it does not depend on how they are stored.

    >>> tokens_sha256(np.array([1, 2], np.uint16)) == tokens_sha256(np.array([1, 2], np.int64))
    True
    """
    digest = hashlib.sha256()
    for start in range(0, len(tokens), CHUNK):
        digest.update(np.ascontiguousarray(tokens[start : start + CHUNK], dtype="<u4").data)
        if progress is not None:
            progress("hash tokens", min(start + CHUNK, len(tokens)), len(tokens))
    return digest.hexdigest()


def check_ids(tokens: NDArray[Any], vocab_size: int, name: str) -> None:
    """Refuse ids outside [0, vocab_size), and streams too short to predict anything in.

    Raises:
        DataError: fewer than two tokens, or the first offending id with its position.
    """
    if len(tokens) == 0:
        raise DataError(f"{name}: no tokens: need at least 2 (one to predict and one before it)")
    if len(tokens) < 2:
        raise DataError(f"{name}: {len(tokens)} token: need at least 2 (one to predict and one before it)")
    for start in range(0, len(tokens), CHUNK):
        check_range(tokens[start : start + CHUNK], vocab_size, name, start)


def check_range(ids: NDArray[Any], vocab_size: int, name: str, start: int) -> None:
    """Refuse ids outside [0, vocab_size); `start` is the position of the first in its stream."""
    outside = (ids < 0) | (ids >= vocab_size)
    if outside.any():
        at = int(np.argmax(outside))
        raise DataError(
            f"{name}: token {start + at} is {int(ids[at])}: need 0 <= id < {vocab_size} (the model's vocabulary)"
        )


@dataclass(frozen=True)
class TokenStream:
    """The tokens x_1..x_n a model is certified on, with what they are.

    Attributes:
        tokens: the ids, 1-D, uint16 or uint32, in memory or memory-mapped read-only; shape (n_tokens,).
        n_tokens: their number.
        sha256: `tokens_sha256(tokens)`.
        bytes_per_token: UTF-8 bytes of text per token; None where it is not known. Joining tokens have none.
        characters_per_token: Unicode characters of text per token; None where the text is not known.
        description: one line: the source, how documents were joined, what was cut; no absolute path.
        kind: `text`, `jsonl`, `parquet`, `mixed`, `bin`, `npy`, `array`, `datasets` or `ladder`.
        spec: what to pass to `open_tokens` again, or None for an array in memory.
        options: the keyword arguments to pass with it (`field`, `dtype`, `max_tokens`, ...), where given.
    """

    tokens: Tokens = field(repr=False)
    n_tokens: int
    sha256: str
    bytes_per_token: float | None
    characters_per_token: float | None
    description: str
    kind: str
    spec: str | None
    options: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tokens, as plain values for JSON; `spec` may hold a path of this machine."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "tokens"}

    def __str__(self) -> str:
        per_byte = "unknown" if self.bytes_per_token is None else f"{self.bytes_per_token:.4f}"
        rows = {
            "source": self.description,
            "tokens": f"{self.n_tokens:,}",
            "bytes per token": per_byte,
            "sha256": self.sha256[:16],
        }
        return "\n".join(f"{key:<16} {value}" for key, value in rows.items())


@dataclass(frozen=True)
class Counts:
    """What stands behind encoded tokens: UTF-8 bytes, characters and documents."""

    n_tokens: int
    n_bytes: int
    n_characters: int
    n_documents: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
