"""`certify --dry-run`: what would be done, how long it would take, how much memory it needs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genbound.certificate.settings import QUANTIZERS, Settings
from genbound.lm.descriptions.budget import TRIED, Costs, affordable
from genbound.lm.descriptions.make import HESSIANS_IN_MEMORY
from genbound.lm.hessian import matrix_bytes
from genbound.lm.passes import Progress
from genbound.lm.subject import open_subject
from genbound.lm.token_stats import CHUNK_ELEMENTS
from genbound.lm.windows import windows_per_batch

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
        size = windows_per_batch(windows.width, vocab_size)
        costs, problem = Costs.measured(subject), subject.problem
        codes = [code for code, word in affordable(subject).items() if word == TRIED]
        final = problem.windows or len(windows)
        weights = 4 * subject.parameters / _MEGABYTE
        logits = min(size * windows.width * vocab_size * 4, 1 << 26) / _MEGABYTE + 6 * 8 * CHUNK_ELEMENTS / _MEGABYTE
        steps = [*_making(subject, costs, codes, weights, logits)]
        tried = sum(code in codes for code, _ in settings.labels.values())
        seconds = sum(costs.piloting(subject, code) for code in codes)
        steps += [
            Step("pilot", f"{tried} x {settings.pilot} windows", seconds, 2 * weights + logits),
            Step("final", f"up to 4 x {final:,} windows", 4 * costs.reading(subject), 2 * weights + logits),
        ]
        if subject.heldout is not None:
            count = len(subject.heldout)
            steps.append(Step("held-out", f"{count:,} windows", count * costs.full, weights + logits))
    title = f"{subject.loaded.name}: {subject.parameters:,} parameters, n = {problem.n:,}, {subject.mode}"
    return Plan(title, tuple(steps))


def _making(subject: Any, costs: Costs, codes: Sequence[str], weights: float, logits: float) -> Iterator[Step]:
    """What it takes to make the files."""
    settings = subject.settings
    calibrated = [code for code in codes if code in QUANTIZERS and code != "rtn"]
    if calibrated:
        memory = weights + logits + min(sum(matrix_bytes(subject.model)), HESSIANS_IN_MEMORY) / _MEGABYTE
        yield Step("calibrate", f"{settings.calibration} windows", costs.calibrating(subject, calibrated[0]), memory)
    quantized = [code for code in codes if code in QUANTIZERS]
    if quantized:
        files = len(quantized) * (settings.search or len(settings.rates))
        seconds = sum(costs.making(subject, code) - costs.calibrating(subject, code) for code in quantized)
        yield Step("quantize, code", f"{files} coded models", seconds, 6 * weights)
    for code in codes:
        if code not in QUANTIZERS:
            seconds = costs.making(subject, code)
            yield Step(f"train {code}", f"{settings.epochs} x {len(subject.whole):,} windows", seconds, 8 * weights)
