"""Byte-level BPE: V - 256 merges learned on text of their own, and text to ids and back without loss.

The 256 bytes are tokens, so every text has an encoding; there are no further special tokens. A zero byte, which no
document holds, ends each document, and its id ends each document's ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError, MissingExtraError
from genbound.files import canonical_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BATCH = 1 << 20
"""Bytes of text encoded at a time."""


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError("BPE vocabularies need tokenizers: pip install 'genbound[lm]'") from error
    return tokenizers


def learn(texts: Iterable[bytes], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer of exactly `vocab_size` ids, learned on texts.

    Args:
        texts: UTF-8 documents.
        vocab_size: V, at least 256.

    Raises:
        DataError: V is too small, or the texts have too few different pairs for it.
    """
    if vocab_size < 256:
        raise DataError(f"vocab_size={vocab_size}: need at least 256 (every byte is a token)")
    tokenizer = _around(_tokenizers().models.BPE())
    trainers, byte_level = _tokenizers().trainers, _tokenizers().pre_tokenizers.ByteLevel
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, special_tokens=[], initial_alphabet=byte_level.alphabet()
    )
    tokenizer.train_from_iterator((text.decode("utf-8") for text in texts), trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise DataError(f"vocab_size={vocab_size}: the text yields only {tokenizer.get_vocab_size()} (too short)")
    return tokenizer


def _around(model: Any) -> Tokenizer:
    """The tokenizer of a BPE model: bytes as characters, words cut as in GPT-2, no space put before a text."""
    package = _tokenizers()
    tokenizer = package.Tokenizer(model)
    tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = package.decoders.ByteLevel()
    return tokenizer


def to_text(tokenizer: Tokenizer) -> str:
    """The ids and the merges as canonical JSON: all that tells one tokenizer of this module from another."""
    model = json.loads(tokenizer.to_str())["model"]
    return canonical_json([model["vocab"], model["merges"]])


def from_text(text: str) -> Tokenizer:
    """The tokenizer of `to_text`; compare the text's digest first."""
    ids, merges = json.loads(text)
    return _around(_tokenizers().models.BPE(vocab=ids, merges=[(left, right) for left, right in merges]))


def separator(tokenizer: Tokenizer) -> int:
    """The id of the zero byte."""
    return int(tokenizer.encode("\0").ids[0])


def documents_of(stream: NDArray[np.uint8]) -> Iterator[bytes]:
    """The documents of a byte stream in which a zero byte ends each.

    >>> list(documents_of(np.frombuffer(b"ab\\0c\\0", np.uint8)))
    [b'ab', b'c']
    """
    start = 0
    for end in np.flatnonzero(stream == 0).tolist():
        yield stream[start:end].tobytes()
        start = end + 1


def encode(tokenizer: Tokenizer, texts: Iterable[bytes]) -> Iterator[NDArray[np.uint16]]:
    """The ids of documents, each ended by the separator, in pieces of about `BATCH` bytes of text."""
    end = separator(tokenizer)

    def ids(batch: list[str]) -> NDArray[np.uint16]:
        encoded = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        return np.concatenate([np.asarray([*one.ids, end], dtype=np.uint16) for one in encoded])

    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text.decode("utf-8"))
        size += len(text)
        if size >= BATCH:
            yield ids(batch)
            batch, size = [], 0
    if batch:
        yield ids(batch)


def decode(tokenizer: Tokenizer, ids: NDArray[Any]) -> bytes:
    """The bytes of ids that hold whole documents: what `encode` was given, a zero byte after each."""
    return tokenizer.decode(np.asarray(ids).tolist(), skip_special_tokens=False).encode("utf-8")
