"""Token ids that are already there: raw `.bin` files, `.npy` files and arrays in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError
from genbound.lm._oneline import one_line
from genbound.lm.sources.stream import check_ids, token_dtype

BIN_DTYPES = ("uint16", "uint32")
_SUFFIX_DTYPES = {".u16.bin": "uint16", ".u32.bin": "uint32"}


def bin_dtype(path: Path, asked: str | None, vocab_size: int) -> str:
    """The dtype of a `.bin` file: from its suffix `.u16.bin` or `.u32.bin`, else as asked, else uint16.

    Raises:
        DataError: an unknown dtype, one that contradicts the suffix, or none for a vocabulary beyond uint16.
    """
    named = next((dtype for suffix, dtype in _SUFFIX_DTYPES.items() if path.name.endswith(suffix)), None)
    if asked is not None and asked not in BIN_DTYPES:
        raise DataError(f"dtype={asked!r}: need {' or '.join(map(repr, BIN_DTYPES))} ({path.name})")
    if asked is not None and named is not None and asked != named:
        raise DataError(f"{path.name}: dtype={asked!r} contradicts the suffix ({named})")
    if asked is None and named is None and vocab_size > 1 << 16:
        raise DataError(
            f"{path.name}: uint16 ids cannot reach a vocabulary of {vocab_size}: say dtype uint16 or uint32"
        )
    return asked or named or "uint16"


def read_bin(path: Path, asked: str | None, vocab_size: int) -> NDArray[Any]:
    """A file of raw little-endian ids, memory-mapped read-only.

    Raises:
        DataError: empty, not a whole number of ids, or uint32 ids read as uint16 by default.
    """
    dtype = np.dtype(bin_dtype(path, asked, vocab_size)).newbyteorder("<")
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{path.name}: empty file")
    if size % dtype.itemsize:
        raise DataError(f"{path.name}: {size} bytes are not whole {dtype.name} ids ({dtype.itemsize} bytes each)")
    tokens = np.memmap(path, dtype=dtype, mode="r")
    if asked is None and not path.name.endswith(tuple(_SUFFIX_DTYPES)) and _looks_like_uint32(tokens):
        raise DataError(f"{path.name}: every second uint16 id is 0, as in a file of uint32 ids: say dtype")
    return tokens


def _looks_like_uint32(tokens: NDArray[Any]) -> bool:
    head = tokens[: 1 << 16]
    return len(head) >= 8 and len(head) % 2 == 0 and not head[1::2].any() and bool(head[::2].any())


def read_npy(path: Path) -> NDArray[Any]:
    """An array in a `.npy` file, memory-mapped read-only; pickled objects are refused.

    Raises:
        DataError: not such a file.
    """
    if path.stat().st_size == 0:
        raise DataError(f"{path.name}: empty file")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path.name}: not a readable .npy array ({one_line(error)})") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path.name}: an archive of arrays: need one array of ids")
    return array


def as_tokens(array: NDArray[Any], vocab_size: int, name: str, max_tokens: int | None) -> NDArray[Any]:
    """The first `max_tokens` ids, checked, as uint16 or uint32; memory maps of those types stay memory maps.

    Raises:
        DataError: not one-dimensional, not integers, too short, or an id outside the vocabulary.
    """
    if array.ndim != 1:
        raise DataError(f"{name}: shape {array.shape}: need a one-dimensional array of ids")
    if array.dtype.kind not in "iu":
        raise DataError(f"{name}: dtype {array.dtype}: need integers (token ids)")
    tokens = array[:max_tokens]
    check_ids(tokens, vocab_size, name)
    if tokens.dtype in (np.dtype("<u2"), np.dtype("<u4")):
        return tokens
    return tokens.astype(token_dtype(vocab_size))
