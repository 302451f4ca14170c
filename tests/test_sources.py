"""Token sources: every kind gives the tokens its text says, and what is broken is refused by name."""

from __future__ import annotations

import errno
import hashlib
import json
import re

import numpy as np
import pytest
import tiny_models as tiny

from genbound.errors import DataError
from genbound.lm.corpora import alphabet, sotu
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.sources import open_tokens, tokens_sha256
from genbound.lm.sources import text as text_source

V = 300
DOCUMENTS = [
    "The sea shells are sea shells.",
    "A bound says: naïve — “yes”.\n\nThe tokens.\n",
    "She is sure; 猫.",
]


@pytest.fixture(scope="module")
def bpe():
    return tiny.make_tokenizer("bpe", V)


@pytest.fixture
def read(tmp_path, bpe):
    def read(spec, **options):
        options = {"tokenizer": bpe, "vocab_size": V, "cache_dir": tmp_path / "cache", **options}
        return open_tokens(spec, **options)

    return read


@pytest.fixture
def refusal(read):
    def refusal(spec, **options) -> str:
        with pytest.raises(DataError) as caught:
            read(spec, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refusal


def joined(tokenizer, documents, separator=0):
    ids = [tokenizer(text)["input_ids"] for text in documents]
    flat = list(ids[0])
    for row in ids[1:]:
        flat += [separator, *row]
    return flat


def write_jsonl(path, documents, field="text"):
    path.write_text("".join(json.dumps({field: text, "n": 1}) + "\n" for text in documents))
    return path


def write_parquet(path, documents, field="text"):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({field: documents, "n": list(range(len(documents)))}), path)
    return path


def test_a_text_file_is_one_document(tmp_path, read, bpe):
    path = tmp_path / "notes.txt"
    path.write_bytes(DOCUMENTS[1].encode())
    stream = read(path)
    assert stream.tokens.tolist() == bpe(DOCUMENTS[1])["input_ids"]
    assert (stream.kind, stream.n_tokens, stream.tokens.dtype) == ("text", len(stream.tokens), np.uint16)
    assert stream.bytes_per_token == len(DOCUMENTS[1].encode()) / stream.n_tokens
    assert stream.characters_per_token == len(DOCUMENTS[1]) / stream.n_tokens
    assert stream.description.startswith("text of notes.txt, 1 document, in ")
    assert str(tmp_path) not in stream.description
    assert read(stream.spec, **stream.options).sha256 == stream.sha256
    assert "notes.txt" in str(stream)
    assert "tokens" not in json.loads(json.dumps(stream.to_dict()))


def test_a_folder_is_read_in_sorted_order(tmp_path, read, bpe):
    folder = tmp_path / "corpus"
    (folder / "b").mkdir(parents=True)
    for name, text in zip(("a.txt", "b/x.md", "c.log"), DOCUMENTS, strict=True):
        (folder / name).write_text(text)
    (folder / ".hidden").write_bytes(b"\xff")
    stream = read(folder)
    assert stream.tokens.tolist() == joined(bpe, DOCUMENTS)
    assert "3 files of the folder corpus, 3 documents joined with the end-of-text token 0" in stream.description
    size = sum(len(text.encode()) for text in DOCUMENTS)
    assert stream.bytes_per_token == size / stream.n_tokens


@pytest.mark.parametrize("write", [write_jsonl, write_parquet])
def test_documents_in_lines_and_rows(tmp_path, read, bpe, write):
    path = write(tmp_path / f"d.{write.__name__.removeprefix('write_')}", DOCUMENTS)
    assert read(path).tokens.tolist() == joined(bpe, DOCUMENTS)
    other = write(tmp_path / f"e.{write.__name__.removeprefix('write_')}", DOCUMENTS, "body")
    by_argument, by_ending = read(other, field="body"), read(f"{other}:body")
    assert by_argument.tokens.tolist() == by_ending.tokens.tolist() == joined(bpe, DOCUMENTS)
    assert by_argument.options == {"field": "body"}
    assert by_ending.spec == f"{other}:body"
    assert "(field body)" in by_ending.description


def test_the_joining_rule(tmp_path, read, bpe):
    path = write_jsonl(tmp_path / "d.jsonl", ["ab", "", "sea"])
    assert read(path, separator=7).tokens.tolist() == joined(bpe, ["ab", "sea"], 7)
    assert read(path, separator=None).tokens.tolist() == bpe("ab")["input_ids"] + bpe("sea")["input_ids"]
    stream = read(path, tokenizer="characters", vocab_size=96)
    assert alphabet.decode(stream.tokens) == "ab\nsea"
    assert "joined with a newline" in stream.description
    assert read(path, separator=None).options == {"separator": None}


def test_characters_count_what_the_ids_say(tmp_path, read):
    path = tmp_path / "notes.txt"
    path.write_text("naïve … \r\n“a”")
    stream = read(path, tokenizer="characters", vocab_size=96)
    assert alphabet.decode(stream.tokens) == 'nave ... \n"a"'
    assert (stream.bytes_per_token, stream.characters_per_token) == (1.0, 1.0)


def test_long_text_is_read_in_pieces(tmp_path, read, bpe, monkeypatch):
    monkeypatch.setattr(text_source, "PIECE", 40)
    text = "She sells 猫 sea shells.\n\nThe tokens; " * 50 + "x" * 100
    path = tmp_path / "long.txt"
    path.write_text(text)
    pieces = list(text_source.text_file(path))
    assert "".join(piece.text for piece in pieces) == text
    assert max(len(piece.text) for piece in pieces) <= 40
    assert [piece.starts for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert "".join(piece.text for piece in text_source.cut(text, True, 0)) == text
    stream = read(path)
    assert bpe.decode(stream.tokens.tolist()) == text
    assert stream.bytes_per_token == pytest.approx(len(text.encode()) / stream.n_tokens)
    assert read(write_jsonl(tmp_path / "long.jsonl", [text])).n_tokens > 0


@pytest.mark.parametrize("name", ["bpe", "characters"])
@pytest.mark.parametrize("k", [2, 5, 9, 17, 10_000])
def test_max_tokens_is_a_prefix(tmp_path, read, bpe, name, k):
    path = write_jsonl(tmp_path / "d.jsonl", DOCUMENTS)
    options = {"tokenizer": bpe} if name == "bpe" else {"tokenizer": "characters", "vocab_size": 96}
    whole, part = read(path, **options), read(path, max_tokens=k, **options)
    assert part.tokens.tolist() == whole.tokens[:k].tolist()
    assert (f"the first {k} tokens" in part.description) == (k <= whole.n_tokens)
    if name == "bpe":
        text = bpe.decode(whole.tokens[:k].tolist(), skip_special_tokens=True)
        if "\ufffd" not in text:
            assert part.bytes_per_token == len(text.encode()) / part.n_tokens


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_raw_ids(tmp_path, read, dtype):
    ids = np.random.default_rng(0).integers(0, V, 1000).astype(dtype)
    short = tmp_path / f"train.u{np.dtype(dtype).itemsize * 8}.bin"
    for path in (tmp_path / "train.bin", short):
        ids.tofile(path)
    streams = [
        read(tmp_path / "train.bin", dtype=dtype),
        read(f"{tmp_path / 'train.bin'}:{dtype}"),
        read(short),
    ]
    for stream in streams:
        assert isinstance(stream.tokens, np.memmap)
        assert stream.tokens.tolist() == ids.tolist()
        assert (stream.kind, stream.bytes_per_token, stream.tokens.dtype) == ("bin", None, np.dtype(dtype))
    cut = read(short, max_tokens=10)
    assert cut.description == f"{dtype} token ids of {short.name}, the first 10 tokens"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", ">u2", ">i4"])
def test_arrays(tmp_path, read, dtype):
    ids = np.arange(2, 250).astype(dtype)
    np.save(tmp_path / "ids.npy", ids)
    from_file, from_memory = read(tmp_path / "ids.npy"), read(ids)
    assert from_file.tokens.tolist() == from_memory.tokens.tolist() == list(range(2, 250))
    assert from_file.tokens.dtype == from_memory.tokens.dtype == np.uint16
    assert from_file.sha256 == from_memory.sha256
    assert (from_file.kind, from_memory.kind, from_memory.spec) == ("npy", "array", None)


def test_the_hash_is_of_the_ids_not_of_their_storage():
    ids = np.arange(1000)
    expected = hashlib.sha256(ids.astype("<u4").tobytes()).hexdigest()
    assert {tokens_sha256(ids.astype(t)) for t in ("u2", "u4", "i8", ">u2")} == {expected}
    assert read_ids(ids.astype("u2"), 2000).sha256 == read_ids(ids, 1 << 20).sha256 == expected


def read_ids(ids, vocab_size):
    return open_tokens(ids, vocab_size=vocab_size, cache_dir="unused")


def test_large_vocabularies_are_stored_wide(tmp_path, read, bpe):
    path = tmp_path / "notes.txt"
    path.write_text(DOCUMENTS[0])
    wide = read(path, vocab_size=70_000)
    assert wide.tokens.dtype == np.uint32
    assert wide.sha256 == read(path).sha256


def test_a_streamed_data_set(tmp_path, read, bpe):
    folder = tmp_path / "speeches"
    folder.mkdir()
    write_jsonl(folder / "train.jsonl", DOCUMENTS)
    write_jsonl(folder / "test.jsonl", DOCUMENTS[:1])
    stream = read(f"datasets:{folder}")
    assert stream.tokens.tolist() == joined(bpe, DOCUMENTS)
    assert stream.kind == "datasets"
    assert stream.description.startswith("split train of the data set speeches, 3 documents")
    assert read(f"datasets:{folder}:test:text").n_tokens == len(bpe(DOCUMENTS[0])["input_ids"])
    assert read(f"datasets:{folder}:train", max_tokens=4).tokens.tolist() == joined(bpe, DOCUMENTS)[:4]


def test_a_data_set_that_cannot_be_had(tmp_path, refusal, monkeypatch):
    def offline(*_args, **_options):
        raise ConnectionError("Couldn't reach 'nobody/nothing' on the Hub\nMore lines")

    monkeypatch.setattr("datasets.load_dataset", offline)
    message = refusal("datasets:nobody/nothing")
    assert message.startswith("datasets:nobody/nothing: split 'train' cannot be opened (Couldn't reach")
    assert "datasets:NAME" in refusal("datasets:")
    assert not list((tmp_path / "cache").glob("*"))


def test_a_data_set_that_breaks_off(refusal, monkeypatch):
    def rows(*_args, **options):
        assert options["streaming"]
        assert not options.get("trust_remote_code")
        yield {"text": "sea shells"}
        raise TimeoutError("timed out")

    monkeypatch.setattr("datasets.load_dataset", rows)
    assert "datasets:a/b: reading broke off at row 1 (timed out)" in refusal("datasets:a/b")
    assert "row 0 has no field 'body': it has 'text'" in refusal("datasets:a/b:train:body")


def test_the_ladders_own_streams(read, refusal):
    stream = read("ladder:10k", tokenizer=None, vocab_size=96)
    assert stream.n_tokens == RECIPES["10k"].tokens + 1
    assert np.array_equal(stream.tokens, sotu.training_stream()[: stream.n_tokens])
    assert (stream.kind, stream.bytes_per_token) == ("ladder", 1.0)
    heldout = read("ladder:heldout", tokenizer=None, vocab_size=96, max_tokens=1000)
    assert np.array_equal(heldout.tokens, sotu.heldout_stream()[:1000])
    assert "there are 10k" in refusal("ladder:nine")


# --- the token file


def test_a_second_run_reuses_the_token_file(tmp_path, read, bpe, monkeypatch):
    path = tmp_path / "notes.txt"
    path.write_text(DOCUMENTS[0])
    first = read(path)
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()}
    assert len(files) == 2
    path.rename(tmp_path / "again.txt")
    monkeypatch.setattr("genbound.lm.sources.tokenizers.Encoder.encode", lambda *_: pytest.fail("tokenized again"))
    (tmp_path / "again.txt").rename(path)
    again = read(path)
    assert again.to_dict() == first.to_dict()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").iterdir()} == files


def test_changed_inputs_are_tokenized_anew(tmp_path, read):
    path = tmp_path / "notes.txt"
    path.write_text("sea shells")
    first = read(path)
    path.write_text("Sea shells")
    assert read(path).sha256 != first.sha256
    assert read(path, tokenizer=tiny.make_tokenizer("characters", 96)).n_tokens == 10


@pytest.mark.parametrize("damage", ["token", "length", "record", "no record"])
def test_a_damaged_token_file_is_made_again(tmp_path, read, damage):
    path = tmp_path / "notes.txt"
    path.write_text(DOCUMENTS[0])
    first = read(path)
    sha256, tokens = first.sha256, first.tokens.tolist()
    (binary,), (record,) = (tmp_path / "cache").glob("*.bin"), (tmp_path / "cache").glob("*.json")
    raw = binary.read_bytes()
    del first
    if damage == "token":
        binary.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
    elif damage == "length":
        binary.write_bytes(raw[:-2])
    elif damage == "record":
        record.write_text("[]")
    else:
        record.unlink()
    again = read(path)
    assert (again.sha256, again.tokens.tolist()) == (sha256, tokens)


def test_a_killed_run_leaves_nothing_that_counts(tmp_path, read, monkeypatch):
    path = tmp_path / "notes.txt"
    path.write_text(DOCUMENTS[0])

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("genbound.lm.sources.tokenizers.Encoder.encode", killed)
        with pytest.raises(KeyboardInterrupt):
            read(path)
    assert not list((tmp_path / "cache").iterdir())
    stale = tmp_path / "cache" / "x.bin.123.partial"
    stale.write_bytes(b"left by a kill")
    monkeypatch.setattr("genbound.lm.sources.cache.STALE_SECONDS", -1.0)
    read(path)
    assert not stale.exists()


def test_a_full_disk_is_said_and_cleaned_up(tmp_path, refusal, monkeypatch):
    path = tmp_path / "notes.txt"
    path.write_text(DOCUMENTS[0])

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("genbound.lm.sources.cache.os.fsync", full)
    assert "the disk is full" in refusal(path)
    assert not list((tmp_path / "cache").iterdir())


def test_a_cache_folder_that_is_a_file_is_said(tmp_path, refusal):
    path = tmp_path / "notes.txt"
    path.write_text(DOCUMENTS[0])
    assert "cannot write the token file" in refusal(path, cache_dir=path)


def test_progress_is_told(tmp_path, read):
    path = write_jsonl(tmp_path / "d.jsonl", DOCUMENTS)
    told = []
    read(path, progress=lambda *step: told.append(step))
    size = path.stat().st_size
    assert ("hash data", size, size) in told
    assert ("tokenize (bytes)", size, size) in told


# --- refusals


def test_missing_and_empty(tmp_path, refusal):
    assert "no such file or folder" in refusal(tmp_path / "nothing.txt")
    assert "no such file or folder" in refusal("")
    (tmp_path / "empty.txt").touch()
    assert "empty.txt: empty file" in refusal(tmp_path / "empty.txt")
    for name in ("empty.bin", "empty.npy"):
        (tmp_path / name).touch()
        assert "empty file" in refusal(tmp_path / name)
    (tmp_path / "folder").mkdir()
    assert "folder: a folder without files" in refusal(tmp_path / "folder")
    (tmp_path / "blank.jsonl").write_text("\n\n")
    assert "blank.jsonl: no tokens" in refusal(tmp_path / "blank.jsonl")
    (tmp_path / "one.txt").write_text("a")
    assert "one.txt: 1 token: need at least 2" in refusal(tmp_path / "one.txt")
    assert "need at least 2" in refusal(np.array([3]))
    assert "no tokens" in refusal(np.array([], dtype=np.int64))


def test_ids_outside_the_vocabulary(tmp_path, refusal, bpe):
    assert "token 2 is 300: need 0 <= id < 300" in refusal(np.array([1, 2, 300, 400]))
    assert "token 1 is -1: need 0 <= id < 300" in refusal(np.array([1, -1, 3]))
    np.array([5, 6, 7, 999], "u2").tofile(tmp_path / "x.bin")
    assert "x.bin: token 3 is 999" in refusal(tmp_path / "x.bin")
    (tmp_path / "d.txt").write_text("ab")
    assert "ids up to 299 for a model of vocabulary 200: they do not match" in refusal(
        tmp_path / "d.txt", vocab_size=200
    )
    padded = tiny.make_tokenizer("bpe", V)
    padded.add_special_tokens({"pad_token": "<|pad|>"})
    (tmp_path / "p.txt").write_text("sea<|pad|>sea")
    at = len(bpe("sea")["input_ids"])
    assert f"p.txt: token {at} is 300: need 0 <= id < 300" in refusal(tmp_path / "p.txt", tokenizer=padded)
    assert not list((tmp_path / "cache").glob("*"))


def test_an_id_beyond_the_storage_does_not_wrap_around(tmp_path, refusal, monkeypatch):
    wrong = np.array([1, 2, (1 << 16) + 5])
    monkeypatch.setattr("genbound.lm.sources.tokenizers.Encoder.encode", lambda _, texts: [wrong for _ in texts])
    (tmp_path / "d.txt").write_text("ab")
    assert "d.txt: token 2 is 65541" in refusal(tmp_path / "d.txt")


@pytest.mark.parametrize(
    ("raw", "position"),
    [(b"sea \xff shells", 4), (b"\xe7\x8c\xab\xe7\x8c", 3), (b"a" * 200_000 + b"\xc3(", 200_000)],
)
def test_bytes_that_are_not_utf8(tmp_path, refusal, raw, position):
    (tmp_path / "bad.txt").write_bytes(raw)
    assert f"bad.txt: byte {position} is not UTF-8" in refusal(tmp_path / "bad.txt")


@pytest.mark.parametrize("offset", range(-3, 3))
def test_the_position_holds_across_reads(tmp_path, refusal, monkeypatch, offset):
    monkeypatch.setattr(text_source, "PIECE", 16)
    good = "猫".encode() * 11
    raw = good[: 32 + offset - (32 + offset) % 3] + b"\xff"
    (tmp_path / "bad.txt").write_bytes(raw)
    assert f"byte {len(raw) - 1} is not UTF-8" in refusal(tmp_path / "bad.txt")


def test_broken_lines(tmp_path, refusal):
    path = tmp_path / "d.jsonl"
    for line, expected in [
        ('{"text": "a', "d.jsonl: line 2 is not JSON"),
        ("[1]", "d.jsonl: line 2 is a list: need an object"),
        ('{"body": "a"}', "d.jsonl: line 2 has no field 'text': it has 'body'"),
        ('{"text": null}', "d.jsonl: line 2: field 'text' is NoneType: need text"),
        ('{"text": "\\ud800"}', "lone surrogate"),
    ]:
        path.write_text('{"text": "good"}\n' + line + "\n")
        assert expected in refusal(path)
    path.write_bytes(b'{"text": "good"}\n{"text": "\xff"}\n')
    assert "line 2: byte 27 is not UTF-8" in refusal(path)


def test_broken_parquet(tmp_path, refusal):
    path = write_parquet(tmp_path / "d.parquet", DOCUMENTS, "body")
    assert "no column 'text': it has 'body', 'n'" in refusal(path)
    assert "field 'n' is int: need text" in refusal(f"{path}:n")
    assert "row 1: field 'text' is NoneType" in refusal(write_parquet(tmp_path / "n.parquet", ["a", None]))
    path.write_bytes(path.read_bytes()[:-20])
    assert "d.parquet: not a readable parquet file" in refusal(path)


def test_broken_token_files(tmp_path, refusal):
    (tmp_path / "odd.bin").write_bytes(b"\1\0\2")
    assert "odd.bin: 3 bytes are not whole uint16 ids" in refusal(tmp_path / "odd.bin")
    (tmp_path / "odd.u32.bin").write_bytes(b"\1\0\2\0\0\0")
    assert "6 bytes are not whole uint32 ids" in refusal(tmp_path / "odd.u32.bin")
    assert "contradicts the suffix" in refusal(tmp_path / "odd.u32.bin", dtype="uint16")
    np.arange(50, dtype="u4").tofile(tmp_path / "wide.bin")
    assert "every second uint16 id is 0" in refusal(tmp_path / "wide.bin")
    assert "say dtype" in refusal(tmp_path / "wide.bin", vocab_size=100_000)
    assert "need 'uint16' or 'uint32'" in refusal(tmp_path / "wide.bin", dtype="int64")
    assert "contradicts the ending" in refusal(f"{tmp_path / 'wide.bin'}:uint32", dtype="uint16")
    (tmp_path / "bad.npy").write_bytes(b"no array here")
    assert "bad.npy: not a readable .npy array" in refusal(tmp_path / "bad.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "objects.npy: not a readable .npy array" in refusal(tmp_path / "objects.npy")
    np.save(tmp_path / "floats.npy", np.ones(4))
    assert "need integers" in refusal(tmp_path / "floats.npy")
    assert "one-dimensional" in refusal(np.ones((2, 2), dtype=np.int64))


def test_other_refusals(tmp_path, refusal):
    path = tmp_path / "d.txt"
    path.write_text("sea shells")
    assert "text needs a tokenizer" in refusal(path, tokenizer=None)
    assert "need a tokenizer or 'characters'" in refusal(path, tokenizer="letters")
    assert "no fields" in refusal(path, field="body")
    assert "separator=300: need 0 <= id < 300" in refusal(path, separator=300)
    assert "max_tokens=1: need at least 2" in refusal(path, max_tokens=1)
    assert "contradicts the ending" in refusal(f"{write_jsonl(tmp_path / 'd.jsonl', ['a'])}:body", field="text")
    (tmp_path / "d.txt.gz").write_bytes(b"\x1f\x8b")
    assert ".gz is not text" in refusal(tmp_path / "d.txt.gz")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "ids.bin").write_bytes(b"\0\0\0\0")
    assert "pass that file itself" in refusal(tmp_path / "more")
    assert re.match(r"vocab_size=0: need", refusal(path, vocab_size=0))


def test_streams_of_python_sources_have_names(tmp_path, monkeypatch):
    from genbound.lm.corpora import python_sources

    streams = {"training": np.arange(9, dtype=np.uint16), "heldout": np.arange(5, dtype=np.uint16)}
    for part, ids in streams.items():
        monkeypatch.setattr(python_sources, part, lambda vocabulary, ids=ids: ids if vocabulary == "bpe512" else None)
    for spec, part in (("python:bpe512", "training"), ("python:bpe512:heldout", "heldout")):
        stream = open_tokens(spec, vocab_size=512, cache_dir=tmp_path)
        assert (stream.kind, stream.tokens.tolist()) == ("python", streams[part].tolist())
    with pytest.raises(DataError, match="python:VOCABULARY:heldout"):
        open_tokens("python:bytes:tail", vocab_size=512, cache_dir=tmp_path)
