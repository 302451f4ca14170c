"""Files that are not codes: magic, sha256 of the rest, a JSON header's length and text, then the payload."""

from __future__ import annotations

import hashlib
from pathlib import Path

from genbound.errors import CodeFormatError
from genbound.files import write_atomic


def seal(magic: bytes, head: bytes, payload: bytes) -> bytes:
    """The bytes of a file."""
    rest = len(head).to_bytes(4, "big") + head + payload
    return magic + hashlib.sha256(rest).digest() + rest


def write(path: Path, magic: bytes, head: bytes, payload: bytes) -> None:
    """Write a file, whole or not at all."""
    write_atomic(path, seal(magic, head, payload))


def read(path: Path, magic: bytes, what: str, *, limit: int, header_limit: int) -> tuple[bytes, bytes, int]:
    """(text of the header, the whole file, where the payload begins).

    Args:
        path: the file. magic: its first bytes. what: its name in messages.
        limit: most bytes it may have. header_limit: most bytes its header may have.

    Raises:
        CodeFormatError: too long, unreadable, of another magic, truncated or edited.
    """
    try:
        if path.stat().st_size > limit:
            raise CodeFormatError(f"{path.name}: {path.stat().st_size} bytes, no {what} is that long")
        data = path.read_bytes()
    except OSError as error:
        raise CodeFormatError(f"{path.name}: cannot be read ({error.strerror})") from error
    start = len(magic) + 32
    if data[: len(magic)] != magic or len(data) < start + 4:
        raise CodeFormatError(f"{path.name}: not a {what}")
    if hashlib.sha256(data[start:]).digest() != data[len(magic) : start]:
        raise CodeFormatError(f"{path.name}: the digest does not match (truncated or edited)")
    end = start + 4 + int.from_bytes(data[start : start + 4], "big")
    if not start + 4 < end <= min(len(data), start + header_limit):
        raise CodeFormatError(f"{path.name}: no header")
    return data[start + 4 : end], data, end
