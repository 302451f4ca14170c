"""Token files on disk: written once in bounded memory, complete or not there at all, reused by key."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError
from genbound.lm.sources.stream import Counts, Progress, tokens_sha256

FORMAT = 1
"""Part of every key: raise it when the same inputs would give other tokens."""

STALE_SECONDS = 3600.0
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}

Write = Callable[[NDArray[Any]], None]


def file_sha256(path: Path, progress: Progress | None = None) -> str:
    """SHA-256 of a file's bytes, read a block at a time."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            done += len(block)
            if progress is not None:
                progress("hash data", done, size)
    return digest.hexdigest()


def cache_key(inputs: dict[str, Any]) -> str:
    """The name of a cached token file: a hash of everything its tokens depend on."""
    text = json.dumps({"format": FORMAT, **inputs}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def cached_tokens(
    cache_dir: Path,
    key: str,
    dtype: np.dtype[Any],
    fill: Callable[[Write], Counts],
    progress: Progress | None = None,
) -> tuple[NDArray[Any], Counts, str]:
    """The token file `key`: opened when a complete one is there, written by `fill` otherwise.

    A file counts as complete when its record is there and its tokens have the hash the record states; a run
    that was killed leaves only a partial file, which a later run removes.

    Args:
        cache_dir: where token files live; made when absent.
        key: from `cache_key`.
        dtype: uint16 or uint32.
        fill: called with `write(ids)`; returns the counts.
        progress: optional callback.

    Returns:
        The memory map (read-only), the counts, and the SHA-256 of the tokens.

    Raises:
        DataError: the disk is full or the folder cannot be written; no partial file is left.
    """
    record_path, tokens_path = cache_dir / f"{key}.json", cache_dir / f"{key}.{dtype.name}.bin"
    found = _reopen(record_path, tokens_path, dtype, progress)
    if found is not None:
        return found
    with _refusing_disk_errors(cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
        _remove_stale(cache_dir)
        with _replacing(tokens_path) as file:
            digest = hashlib.sha256()

            def write(ids: NDArray[Any]) -> None:
                file.write(np.ascontiguousarray(ids, dtype=dtype.newbyteorder("<")).data)
                digest.update(np.ascontiguousarray(ids, dtype="<u4").data)

            counts = fill(write)
        sha256 = digest.hexdigest()
        with _replacing(record_path) as file:
            file.write(json.dumps({"sha256": sha256, **counts.to_dict()}, indent=1).encode() + b"\n")
    return _map(tokens_path, dtype, counts.n_tokens), counts, sha256


def _map(path: Path, dtype: np.dtype[Any], n_tokens: int) -> NDArray[Any]:
    if n_tokens == 0:  # an empty file cannot be mapped
        return np.zeros(0, dtype)
    return np.memmap(path, dtype=dtype.newbyteorder("<"), mode="r", shape=(n_tokens,))


def _reopen(
    record_path: Path, tokens_path: Path, dtype: np.dtype[Any], progress: Progress | None
) -> tuple[NDArray[Any], Counts, str] | None:
    """The cached file, or None when it is absent, incomplete or changed."""
    try:
        record = json.loads(record_path.read_text())
        sha256 = record.pop("sha256")
        counts = Counts(**record)
        if tokens_path.stat().st_size != counts.n_tokens * dtype.itemsize:
            return None
        tokens = _map(tokens_path, dtype, counts.n_tokens)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return (tokens, counts, sha256) if tokens_sha256(tokens, progress) == sha256 else None


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """A new file that takes the name `path` when the block ends well, and is removed when it does not."""
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def _refusing_disk_errors(cache_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            reason = "the disk is full: free space or pass another cache_dir"
        else:
            reason = error.strerror or type(error).__name__
        raise DataError(f"{cache_dir}: cannot write the token file ({reason})") from error


def _remove_stale(cache_dir: Path) -> None:
    """Remove what killed runs left: partial files nobody has written to for an hour."""
    for path in cache_dir.glob("*.partial"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()
