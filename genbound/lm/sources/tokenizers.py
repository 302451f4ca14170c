"""Tokenizers as one small thing: pieces of text to ids, and back from ids to the characters they cover."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError

CHARACTERS = "characters"
"""In place of a tokenizer: the fixed alphabet of `genbound.lm.corpora.alphabet`."""


class Encoder:
    """A tokenizer, or the fixed alphabet, seen as: ids of a batch of pieces; the joining ids; a fingerprint.

    Args:
        tokenizer: a Hugging Face tokenizer or `"characters"`.
        vocab_size: V, the width of the model's logits.
        separator: `...` for the rule (the end-of-text token, else a newline), an id, or None for nothing.

    Raises:
        DataError: the tokenizer has ids the model has no logit for, or the separator is not an id.
    """

    def __init__(self, tokenizer: object, vocab_size: int, separator: Any = ...) -> None:
        self._characters = isinstance(tokenizer, str)
        if isinstance(tokenizer, str) and tokenizer != CHARACTERS:
            raise DataError(f"tokenizer={tokenizer!r}: need a tokenizer or {CHARACTERS!r} (the fixed alphabet)")
        self.tokenizer: Any = tokenizer
        self.vocab_size = vocab_size
        self.width = self._width()
        if self.width > vocab_size:
            raise DataError(
                f"tokenizer with ids up to {self.width - 1} for a model of vocabulary {vocab_size}: they do not match"
            )
        self.separator, self.joined = self._separator(separator, vocab_size)

    @property
    def name(self) -> str:
        """What the text is encoded with, for a description."""
        if self._characters:
            return f"the fixed alphabet of {self.width} characters"
        return f"{type(self.tokenizer).__name__} of {self.width} ids"

    def fingerprint(self) -> str:
        """SHA-256 of everything the encoding depends on."""
        if self._characters:
            from genbound.lm.corpora import alphabet

            state = json.dumps([alphabet.CHARACTERS, sorted(alphabet.FOLDED.items())])
        elif getattr(self.tokenizer, "is_fast", False):
            state = self.tokenizer.backend_tokenizer.to_str()
        else:
            vocabulary = sorted(self.tokenizer.get_vocab().items())
            state = json.dumps([type(self.tokenizer).__name__, vocabulary, repr(self.tokenizer)])
        return hashlib.sha256(f"{type(self.tokenizer).__name__}\n{state}".encode("utf-8", "surrogatepass")).hexdigest()

    def encode(self, texts: list[str]) -> list[NDArray[np.int64]]:
        """The ids of each text, without the tokenizer's own begin and end tokens."""
        if self._characters:
            from genbound.lm.corpora import alphabet

            return [alphabet.encode(text).astype(np.int64) for text in texts]
        ids = self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return [np.asarray(row, dtype=np.int64) for row in ids]

    def spent(self, text: str, n_ids: int, n_kept: int) -> tuple[int, int]:
        """UTF-8 bytes and characters behind the first `n_kept` of the `n_ids` ids of a text."""
        if self._characters:  # folded text is what the ids say: one byte, one character each
            return n_kept, n_kept
        if n_kept == 0:
            return 0, 0
        end = len(text)
        if n_kept < n_ids:
            if getattr(self.tokenizer, "is_fast", False):
                encoding = self.tokenizer([text], add_special_tokens=False, return_offsets_mapping=True, verbose=False)
                end = max(stop for _, stop in encoding["offset_mapping"][0][:n_kept])
            else:
                end = len(text) * n_kept // n_ids
        return len(text[:end].encode("utf-8")), end

    def _width(self) -> int:
        if self._characters:
            from genbound.lm.corpora import alphabet

            return alphabet.V
        return tokenizer_width(self.tokenizer)

    def _separator(self, separator: Any, vocab_size: int) -> tuple[NDArray[np.int64], str]:
        if separator is None:
            return np.zeros(0, np.int64), "joined with nothing between"
        if separator is not ...:
            if isinstance(separator, bool) or not isinstance(separator, (int, np.integer)):
                raise DataError(f"separator={separator!r}: need a token id or None")
            if not 0 <= separator < vocab_size:
                raise DataError(f"separator={separator}: need 0 <= id < {vocab_size} (the model's vocabulary)")
            return np.array([separator], np.int64), f"joined with token {separator}"
        end_of_text = None if self._characters else getattr(self.tokenizer, "eos_token_id", None)
        if end_of_text is not None and end_of_text < vocab_size:
            return np.array([end_of_text], np.int64), f"joined with the end-of-text token {end_of_text}"
        return self.encode(["\n"])[0], "joined with a newline"


def tokenizer_width(tokenizer: Any) -> int:
    """One more than the largest id of a Hugging Face tokenizer's own vocabulary.

    Special tokens added on top (a padding token, say) do not count: text seldom has them, and where it does,
    their ids are refused.
    """
    if getattr(tokenizer, "is_fast", False):
        vocabulary = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
        return max(vocabulary.values(), default=-1) + 1
    return tokenizer.vocab_size
