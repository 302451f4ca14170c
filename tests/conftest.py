"""Shared fixtures: a toy stream, a tiny model on disk, and settings that certify it in about a second."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from genbound.certificate.settings import Settings

torch.set_num_threads(1)  # tiny models: threads cost more than they bring

QUICK = Settings(rates=(3.0, 5.0), pilot=8, calibration=8, context=16)


def toy_tokens(n: int = 4097, vocab_size: int = 96, seed: int = 0) -> np.ndarray:
    """A stream with some structure: a noisy walk over the vocabulary."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 1, 2, 50], size=n, p=[0.4, 0.3, 0.2, 0.1])
    return (np.cumsum(steps) % vocab_size).astype(np.uint16)


@pytest.fixture(scope="session")
def toy_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "toy.bin"
    toy_tokens().tofile(path)
    return path


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_models import save_folder

    return save_folder(tmp_path_factory.mktemp("model"), "neox", tied=False)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """`genbound ...` in this process: its exit code and what it wrote."""
    from genbound.cli import app

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["genbound", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            app.main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=exit_.value.code, out=out, err=err)

    return call


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Proofs that could not be checked are the last thing a run says."""
    ran = any("test_proofs.py" in report.nodeid for report in terminalreporter.getreports("passed"))
    if ran and not any(shutil.which(name) for name in ("coqc", "rocq")):
        terminalreporter.section("PROOFS NOT CHECKED: Coq is missing", sep="!", red=True, bold=True)
        terminalreporter.line("proofs/install.sh installs it; nothing in this run checked a proof")
