"""Files that are either whole or absent, and JSON that is the same bytes for the same content."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from genbound.errors import DataError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_DEVICES = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old content or the new, never a part.

    What is no regular file (`/dev/stdout`, a pipe) cannot be replaced; it is written to.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    if path.parent in _DEVICES or (path.exists() and not path.is_file()):
        _write_through(path, data)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise _unwritable(path, error) from error
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def locked(path: Path, *, busy: str | None = None) -> Iterator[None]:
    """Hold a lock file, which one process at a time can; nothing is locked on platforms without `flock`.

    Args:
        path: the lock file, made if need be and left there.
        busy: what to say if another process holds it; without it, wait.

    Raises:
        DataError: another process holds it, and `busy` says so; or it cannot be locked.
    """
    if fcntl is None:
        yield
        return
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy is not None else 0))
        except OSError as error:
            held = isinstance(error, BlockingIOError) and busy is not None
            raise DataError(busy if held else f"cannot lock {path}: {error.strerror}") from error
        yield


def temporary_pattern(name: str) -> str:
    """What matches the files that a `write_atomic` of this name leaves behind when it is killed."""
    return f".{name}.*.tmp"


def _write_through(path: Path, data: bytes) -> None:
    try:
        with open(path, "ab") as file:
            file.write(data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DataError:
    reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror)
    return DataError(f"cannot write {path}: {reason}")


def canonical_json(value: Any) -> str:
    """Sorted, compact JSON: the text that digests are taken of. NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def pretty_json(value: Any) -> bytes:
    """Indented JSON in the order given, with a final newline."""
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def digest(value: Any, length: int = 64) -> str:
    """Hex sha256 of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz file, written whole or not at all; plain arrays only (no pickle)."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    write_atomic(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an .npz file, or None when there is none to be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        return None
