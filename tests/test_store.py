"""Results that several processes add to lose none of them, and a lock says who has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from genbound.errors import DataError
from genbound.files import locked

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
ADD = """
import sys, pathlib, store
path, own = pathlib.Path(sys.argv[1]), int(sys.argv[2])
for k in range(25):
    row = {"process": own, "k": k}
    store.put(path, row, lambda r: (r["process"], r["k"]), lambda r: (r["k"], r["process"]), about="")
"""


def test_processes_that_write_one_file_lose_no_row(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    import store

    path = tmp_path / "results" / "rows.json"
    writers = [subprocess.Popen([sys.executable, "-c", ADD, path, str(k)], cwd=EXPERIMENTS) for k in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert store.rows(path) == [{"process": p, "k": k} for k in range(25) for p in range(3)]


def test_a_row_takes_the_place_of_its_last_version(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    import store

    path = tmp_path / "rows.json"
    assert store.rows(path) == []
    for value in (1, 2):
        store.put(path, {"name": "a", "value": value}, lambda r: r["name"], lambda r: r["name"], about="words")
    assert store.read(path) == {"about": "words", "rows": [{"name": "a", "value": 2}]}


def test_a_lock_that_is_held_is_refused_with_the_words_given(tmp_path) -> None:
    with locked(tmp_path / "lock"), pytest.raises(DataError, match="taken"), locked(tmp_path / "lock", busy="taken"):
        pass
    with locked(tmp_path / "lock", busy="taken"):
        pass
