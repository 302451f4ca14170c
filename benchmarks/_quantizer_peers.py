"""Other packages' quantizers: an environment of their own, and each run as a process of its own.

Their pins conflict with genbound's (llmcompressor 0.14 wants transformers 5.15 to 5.17) and glq is under the GPL, so
none is imported here: `quantizer_peers/run_*.py` reads a model folder and calibration windows and leaves files.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

RUNNERS = Path(__file__).parent / "quantizer_peers"
RESULT = "result.json"
LIMIT = 3600
"""Seconds a package may take for all its points."""

INSTALL = (
    ("torch==2.13.0",),
    ("torch==2.13.0", "llmcompressor==0.14.*"),
    ("hqq==0.2.8.post1", "torchao==0.18.*"),
    ("--no-deps", "glq==0.8.16"),
)
"""pip's arguments, one call after the other; torch first, so that its CPU build stays."""


@dataclass(frozen=True)
class Peer:
    """One way to run a package; `hint` stands beside the reason when it fails.

    `whole`: it is also compared as a whole model, one way per package being enough for that.
    """

    name: str
    runner: str
    variant: str
    bits: tuple[int, ...]
    whole: bool = False
    hint: str = ""

    def point(self, bits: int) -> str:
        """What its runner is asked for."""
        return f"{self.variant}/{bits}"


PEERS = (
    Peer("llmcompressor GPTQ", "llmcompressor", "symmetric", (2, 3, 4)),
    Peer("llmcompressor GPTQ+mse", "llmcompressor", "asymmetric-mse", (2, 3, 4), whole=True),
    Peer("hqq", "hqq", "axis1", (2, 3, 4), whole=True),
    Peer("hqq axis 0", "hqq", "axis0", (2, 3, 4)),
    Peer("torchao affine", "torchao", "affine", (2, 3, 4), whole=True),
    Peer("torchao hqq scales", "torchao", "hqq-scales", (2, 3, 4)),
    Peer("torchao GPTQ", "torchao", "gptq", (4,), hint="mslk is published for GPUs only; so is its int4 format"),
    Peer("glq e8p", "glq", "e8p", (2, 4)),
    Peer("glq trellis", "glq", "trellis", (4, 2, 3), whole=True),
)
"""A runner does its points in this order, and stops at the first that fails."""


@dataclass(frozen=True)
class Answer:
    """What a peer left: dequantized matrices, their size and time, or why there is nothing.

    `bits` counts every tensor the package keeps of the matrices (codes, scales, zero points, signs, shapes) at its
    stored precision, codes kept in whole bytes at their nominal width; names and configuration are not counted.
    `bits_kept` counts those codes as they are kept; `bits_xz` is all of it through xz, the better of the two.
    """

    peer: Peer
    nominal: int
    weights: dict[str, np.ndarray]
    bits: int = 0
    bits_kept: int = 0
    bits_xz: int = 0
    seconds: float = 0.0
    settings: str = ""
    versions: dict[str, str] | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The peer and its nominal rate."""
        return f"{self.peer.name}, {self.nominal} bits"


def interpreter(folder: Path) -> Path:
    """Python of the peers' environment."""
    return folder / "venv" / "bin" / "python"


def install(folder: Path) -> dict[str, str]:
    """Make the environment; returns what could not be installed and pip's last line on it."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    failed = {}
    for packages in INSTALL:
        done = subprocess.run([str(interpreter(folder)), "-m", "pip", "install", *packages],
                              capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode:
            failed[" ".join(packages)] = last_line(done.stderr)
    return failed


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def answers(
    folder: Path, model: Path, calibration: np.ndarray, *, group: int, seed: int, only: tuple[str, ...], fresh: bool
) -> Iterator[Answer]:
    """Every peer at every rate; what was done before with the same runner, model and windows is read again."""
    chosen = [peer for peer in PEERS if not only or any(peer.name.startswith(name) for name in only)]
    for runner in dict.fromkeys(peer.runner for peer in chosen):
        out = _place(folder, runner, model, calibration, group, seed)
        if fresh and out.exists():
            shutil.rmtree(out)
        points = [(peer, bits) for peer in chosen if peer.runner == runner for bits in peer.bits]
        missing = [peer.point(bits) for peer, bits in points if not (out / peer.point(bits) / RESULT).is_file()]
        reason = _run(folder, runner, missing, model, calibration, out, group, seed) if missing else ""
        for peer, bits in points:
            place = out / peer.point(bits)
            if (place / RESULT).is_file():
                yield _read(place, peer, bits)
            else:
                yield Answer(peer, bits, {}, note=f"{reason}; {peer.hint}" if peer.hint else reason)


def _place(folder: Path, runner: str, model: Path, calibration: np.ndarray, group: int, seed: int) -> Path:
    """Where the answers to this question lie."""
    files = (RUNNERS / f"run_{runner}.py", RUNNERS / "common.py", model / "model.safetensors")
    known = [*(file.read_bytes() for file in files), calibration.tobytes(), f"{group} {seed}".encode()]
    name = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in known)).hexdigest()[:16]
    return folder / "answers" / f"{runner}-{name}"


def _run(
    folder: Path, runner: str, points: list[str], model: Path, calibration: np.ndarray, out: Path, group: int, seed: int
) -> str:
    """Run a peer at these points; returns why some of them may be missing."""
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "calibration.npz", ids=calibration)
    command = [str(interpreter(folder)), str(RUNNERS / f"run_{runner}.py"), str(model)]
    command += [str(out / "calibration.npz"), str(out), "--points", *points, "--group", str(group), "--seed", str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return last_line(done.stderr) if done.returncode else ""


def _read(out: Path, peer: Peer, bits: int) -> Answer:
    result: dict[str, Any] = json.loads((out / RESULT).read_text(encoding="utf-8"))
    stored = load_file(out / "stored.safetensors")
    code_bits = result["code_bits"]
    size = sum(
        tensor.size * code_bits if code_bits and name.endswith(".codes") else 8 * tensor.nbytes
        for name, tensor in stored.items()
    )
    squeezed = 8 * len(lzma.compress(b"".join(stored[name].tobytes() for name in sorted(stored)), preset=9))
    return Answer(
        peer, bits, load_file(out / "weights.safetensors"), bits=size, bits_xz=min(size, squeezed),
        bits_kept=sum(8 * tensor.nbytes for tensor in stored.values()), seconds=result["seconds"],
        settings=result["settings"], versions=result["versions"],
    )  # fmt: skip
