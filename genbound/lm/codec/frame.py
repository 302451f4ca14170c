"""The frame of a coded file: what it is, how long it is, and whether it is whole.

Two bytes of magic and version, the length of the code as a varint, a 4-byte check, the code. The length comes first,
so no file is the beginning of another one: the sum over all files of 2^-L is at most 1. The check is the CRC-32 of the
code; its lower half is combined with the fingerprint of the architecture as the installed transformers lays it out.
"""

from __future__ import annotations

import zlib

from genbound.errors import CodeFormatError

MAGIC = b"gC"
"""Also the version: a changed format changes the second byte."""

LENGTH_BYTES = 5
CHECK_BYTES = 4


def frame(code: bytes, fingerprint: int) -> bytes:
    """The code in its frame."""
    return MAGIC + varint(len(code)) + check(code, fingerprint) + code


def unframe(data: bytes) -> tuple[bytes, int]:
    """The code at the beginning of `data`, and the length of its frame and itself.

    Raises:
        CodeFormatError: another magic, a truncated file, or a check that does not match.
    """
    if data[:2] != MAGIC:
        raise CodeFormatError(f"coded model: begins with {data[:2]!r}, need {MAGIC!r}")
    length = shift = 0
    start = len(MAGIC)
    for place in range(LENGTH_BYTES + 1):
        if place == LENGTH_BYTES or start >= len(data):
            raise CodeFormatError("coded model: no length (truncated)")
        byte = data[start]
        start += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            if place and not byte:
                raise CodeFormatError("coded model: a length written too long")
            break
    start += CHECK_BYTES
    if len(data) - start < length:
        raise CodeFormatError(f"coded model: {max(0, len(data) - start)} bytes of {length} (truncated)")
    code = data[start : start + length]
    if data[start - CHECK_BYTES : start - 2] != zlib.crc32(code).to_bytes(4, "big")[:2]:
        raise CodeFormatError("coded model: the check does not match (edited)")
    return code, start + length


def check(code: bytes, fingerprint: int) -> bytes:
    """The four bytes that guard a code."""
    return (zlib.crc32(code) ^ (fingerprint & 0xFFFF)).to_bytes(CHECK_BYTES, "big")


def varint(value: int) -> bytes:
    """An integer in groups of seven bits, low groups first, the top bit set on all but the last."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
