"""Sources of pinned Python packages: 65 million training bytes, or 516 million from the large list.

The lists are `python_packages.tsv`: pure-Python wheels under permissive licences, downloaded to be read, nothing of
them shipped here. Fixed beforehand: `documents.py` says what becomes a document, in which part and in which order,
`bpe.py` how vocabularies are learned, and `python_streams.tsv` pins every stream, its length and its SHA-256.

The large list begins with the core list, so each part of the core corpus lies inside the same part of the large one.
A part mixes the files of all packages of its list, so that every prefix is a sample of the whole.

Parts: `training`; `heldout`; and `vocabulary`, on which alone the BPE vocabularies of the same list are learned. A zero
byte ends each document: no document holds one, so a stream splits into its documents again.

Vocabularies: `bytes` (V = 256), `bpe512`, `bpe8192`.

    python experiments/corpora.py core        fetches the wheels and builds the streams in .cache/corpora
"""

from __future__ import annotations

import csv
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from genbound.errors import DataError
from genbound.lm.corpora.streams import Corpus, Pin, vocab_size
from genbound.lm.corpora.wheels import Wheel

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["CACHE", "LISTS", "corpus", "heldout", "tokenizer", "training", "vocab_size"]

_NAMED = os.environ.get("GENBOUND_CORPORA")
CACHE = Path(_NAMED).absolute() if _NAMED else Path(".cache") / "corpora"
"""Where wheels and streams lie: the folder that GENBOUND_CORPORA names, else one below the working folder."""

LISTS = {"core": ("core",), "large": ("core", "large")}
"""The lists of packages, and the rows of `python_packages.tsv` that each takes, in order."""


def _rows(file: str) -> list[dict[str, str]]:
    with open(Path(__file__).parent / file, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text, delimiter="\t"))


@lru_cache(maxsize=len(LISTS))
def corpus(packages: str = "core") -> Corpus:
    """The corpus of a list of packages.

    Raises:
        DataError: no such list.

    >>> len(corpus("core").wheels)
    14
    """
    if packages not in LISTS:
        raise DataError(f"packages={packages!r}: need one of {', '.join(LISTS)}")
    listed = _rows("python_packages.tsv")
    wheels = tuple(
        Wheel(row["name"], row["version"], row["file"], row["sha256"])
        for wanted in LISTS[packages]
        for row in listed
        if row["list"] == wanted
    )
    pins = {
        (row["part"], row["vocabulary"]): Pin(int(row["tokens"]), row["sha256"])
        for row in _rows("python_streams.tsv")
        if row["list"] == packages
    }
    return Corpus(f"python-{packages}", wheels, pins)


def training(vocabulary: str = "bytes", packages: str = "core", folder: Path = CACHE) -> NDArray[Any]:
    """The training ids, mapped read-only.

    Args:
        vocabulary: `bytes` (uint8), `bpe512` or `bpe8192` (uint16).
        packages: `core` or `large`.
        folder: of the cache.

    Raises:
        DataError: no such vocabulary or list, or the stream is not built, or is another one.
    """
    return corpus(packages).stream("training", vocabulary, folder)


def heldout(vocabulary: str = "bytes", packages: str = "core", folder: Path = CACHE) -> NDArray[Any]:
    """The held-out ids: other files of the same packages; as `training`.

    Raises:
        DataError: as `training`.
    """
    return corpus(packages).stream("heldout", vocabulary, folder)


def tokenizer(vocabulary: str, packages: str = "core", folder: Path = CACHE) -> Tokenizer:
    """The tokenizer of a BPE vocabulary: `bpe.decode(tokenizer(...), ids)` gives the text back.

    Raises:
        DataError: as `training`; `bytes` has none.
        MissingExtraError: `tokenizers` is not installed.
    """
    return corpus(packages).tokenizer(vocabulary, folder)
