"""`certify --dry-run`: what would be done, how long it would take, how much memory it needs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from genbound.certificate.settings import Settings
from genbound.lm.hessian import is_linear, is_transposed
from genbound.lm.passes import Progress
from genbound.lm.subject import open_subject
from genbound.lm.token_stats import CHUNK_ELEMENTS
from genbound.lm.windows import evaluate, windows_per_batch
from genbound.smoothing import ALPHAS

_FINAL_ALPHAS = 4  # how many alphas a final pass usually carries
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Step:
    """One step: what it does, its estimated seconds and its peak memory."""

    name: str
    what: str
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Plan:
    """The steps of a certification, with estimates from one measured batch."""

    title: str
    steps: tuple[Step, ...]

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    @property
    def megabytes(self) -> float:
        return max(step.megabytes for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        return {"schema": "genbound/plan/1", **asdict(self), "seconds": self.seconds, "megabytes": self.megabytes}


def plan(
    model: str | Path,
    data: str | Path | np.ndarray,
    *,
    settings: Settings,
    progress: Progress | None = None,
    **inputs: Any,
) -> Plan:
    """Open model and data, time one batch forward, and extrapolate; writes nothing.

    Text has to be tokenized to be counted; that happens in a temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="genbound-plan-") as cache:
        subject = open_subject(model, data, settings=settings, cache=Path(cache), progress=progress, **inputs)
        windows, vocab_size = subject.windows, subject.vocab_size
        size = windows_per_batch(windows.length, vocab_size)
        probe = np.zeros(size, dtype=np.int64)
        full, few = (_seconds_per_window(subject, probe, ALPHAS[:k]) for k in (len(ALPHAS), _FINAL_ALPHAS))
        tried, problem = len(settings.labels), subject.problem
        final = problem.windows or len(windows)
        weights = 4 * subject.parameters / _MEGABYTE
        logits = min(size * windows.length * vocab_size * 4, 1 << 26) / _MEGABYTE + 6 * 8 * CHUNK_ELEMENTS / _MEGABYTE
        steps = [
            Step(
                "calibrate", f"{settings.calibration} windows", settings.calibration * few,
                weights + logits + _hessian_megabytes(subject.model),
            ),
            Step("quantize, code", f"{tried} coded models", tried * (1 + subject.parameters * 3e-6), 6 * weights),
            Step("pilot", f"{tried} x {settings.pilot} windows", tried * settings.pilot * full, 2 * weights + logits),
            Step("final", f"up to 4 x {final:,} windows", 4 * final * few, 2 * weights + logits),
        ]  # fmt: skip
        if subject.heldout is not None:
            count = len(subject.heldout)
            steps.append(Step("held-out", f"{count:,} windows", count * full, weights + logits))
    title = f"{subject.loaded.name}: {subject.parameters:,} parameters, n = {problem.n:,}, {subject.mode}"
    return Plan(title, tuple(steps))


def _hessian_megabytes(model: nn.Module) -> float:
    """One (in, in) float64 matrix for every linear layer."""
    linear = [m for m in model.modules() if is_linear(m)]
    return sum(8 * int(m.weight.shape[0 if is_transposed(m) else 1]) ** 2 for m in linear) / _MEGABYTE  # type: ignore[union-attr, index]


def _seconds_per_window(subject: Any, probe: np.ndarray, alphas: tuple[float, ...]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for _batch in evaluate(subject.model, subject.windows, probe, alphas, vocab_size=subject.vocab_size):
            pass
        best = min(best, time.perf_counter() - started)
    return best / len(probe)
