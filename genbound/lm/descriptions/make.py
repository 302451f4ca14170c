"""Make the descriptions of a model, keep those that are there, open one to be measured, make one again to check it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import nn

from genbound.certificate.rows import CodedModel
from genbound.errors import CertificateError, ModelError
from genbound.files import file_sha256, pretty_json, write_atomic
from genbound.lm import hessian
from genbound.lm.checkpoints import cast_parameters
from genbound.lm.descriptions.budget import TRIED, affordable
from genbound.lm.descriptions.described import Described
from genbound.lm.descriptions.routes import ROUTES
from genbound.lm.descriptions.task import Task
from genbound.lm.passes import Pass
from genbound.lm.subject import Subject
from genbound.lm.train.posterior import tensors_sha256

HESSIANS_IN_MEMORY = 1 << 31
"""Bytes of second-order statistics kept in memory; beyond, they are collected in several passes and kept in files."""

DECISION = "codes.json"
ARCHITECTURE = "architecture"
"""A ladder model's architecture was tuned on its stream. Files hold it, prefixes and transcripts pay for the whole
recipe; a draw pays for it here, unless its own prices name it.
"""


def make(subject: Subject, run: Pass) -> tuple[dict[str, Path], dict[str, str]]:
    """Write the file of every description that is tried.

    Returns:
        (label -> file, code -> `tried` or why not). What was decided, and every finished file, is kept, so that a
        killed run continues with the same ones.
    """
    decision = run.cache / DECISION
    if run.workers.leads:
        if not decision.is_file():
            write_atomic(decision, pretty_json(affordable(subject)))
        tried = json.loads(decision.read_text(encoding="utf-8"))
        labels = {k: v for k, v in subject.settings.labels.items() if tried[v[0]] == TRIED}
        statistics = _calibration(subject, run)
        for index, (label, (code, rate)) in enumerate(labels.items()):
            run.tell("describe", index, len(labels))
            path = _file(run, label, code)
            if not path.is_file():
                _write(path, code, Task(subject, rate, run.cache / f"train-{label}", statistics, _named(run, label)))
        run.tell("describe", len(labels), len(labels))
    run.workers.wait()
    tried = json.loads(decision.read_text(encoding="utf-8"))
    return {
        label: _file(run, label, code)
        for label, (code, _) in subject.settings.labels.items()
        if tried[code] == TRIED
    }, tried  # fmt: skip


def _write(path: Path, code: str, task: Task) -> None:
    """One file; what is trained, in one thread: only then is it the same bits again."""
    threads = torch.get_num_threads()
    if ROUTES[code].passes > 0:
        torch.set_num_threads(1)
    try:
        ROUTES[code].write(path, task)
    finally:
        torch.set_num_threads(threads)


def _file(run: Pass, label: str, code: str) -> Path:
    return run.cache / f"{label}{ROUTES[code].suffix}"


def _calibration(subject: Subject, run: Pass) -> Callable[[], hessian.Hessians]:
    """The statistics of the calibration windows, collected once, when first asked for."""

    @cache
    def collected() -> hessian.Hessians:
        total = subject.settings.calibration * subject.windows.width
        sizes = hessian.matrix_bytes(subject.model)
        large = sum(sizes) > HESSIANS_IN_MEMORY
        return hessian.collect(
            subject.model, subject.calibration_batches(), seed=subject.settings.seed,
            layers_at_once=max(1, HESSIANS_IN_MEMORY // max(sizes)) if large else None,
            shelf=run.cache / "hessians" if large else None,
            progress=lambda tokens: run.tell("calibrate", tokens, total),
        )  # fmt: skip

    return collected


def _named(run: Pass, label: str) -> Callable[[str, int, int | None], None]:
    return lambda step, done, total: run.tell(f"{label}: {step}", done, total)


def opened(path: Path, label: str, subject: Subject, sha256: str | None = None) -> tuple[CodedModel, nn.Module]:
    """What a file says: its price, and the model, as it is evaluated: always the one out of the file that is paid for.

    Args:
        path: the file. label: one of `subject.settings.labels`.
        sha256: of the file that is meant; another one is refused.

    Raises:
        CertificateError: another file than the one that is meant, or another seed or prior than that of the settings.
        CodeFormatError: truncated, edited, or not written by genbound.
        ModelError: another architecture than the original's.
    """
    code, rate = subject.settings.labels[label]
    found = file_sha256(path)
    if sha256 is not None and found != sha256:
        raise CertificateError(f"{path.name}: not the coded model its hash says (changed since it was written)")
    described: Described = ROUTES[code].read(path)
    if described.seed not in (None, subject.settings.seed):
        raise CertificateError(f"{path.name}: seed {described.seed}, the settings say {subject.settings.seed}")
    centre = tensors_sha256(dict(subject.model.named_parameters())) if subject.settings.centred else None
    if described.kind == "draw" and described.centre != centre:
        raise CertificateError(f"{path.name}: a prior that is not centred as the settings say")
    model = described.model
    cast_parameters(model, subject.dtype)
    model = model.to(device=subject.device).eval().requires_grad_(False)
    parameters = sum(p.numel() for p in model.parameters())
    if parameters != subject.parameters:
        raise ModelError(f"{path.name}: {parameters} parameters, the original has {subject.parameters}")
    prices = dict(described.prices)
    if described.kind == "draw" and subject.recipe_nats:
        prices.setdefault(ARCHITECTURE, subject.recipe_nats)
    coded = CodedModel(
        label, code, rate, path.name, described.code_bits, found, described.kind, prices, described.states
    )
    return coded, model


def remade(path: Path, label: str, subject: Subject, run: Pass) -> str | None:
    """Make a description again, as the settings say, and compare: what differs, or None.

    Seed, passes and the tokens it may read are then those of the settings, and not the best of several. A description
    whose file proves its price is not made again.
    """
    code, rate = subject.settings.labels[label]
    if not ROUTES[code].remade:
        return None
    again = run.cache / f"again{ROUTES[code].suffix}"
    work, statistics = run.cache / f"again-{label}", _calibration(subject, run)
    _write(again, code, Task(subject, rate, work, statistics, _named(run, label)))
    one, other = ROUTES[code].read(path), ROUTES[code].read(again)
    if dict(one.prices) != dict(other.prices) or one.states != other.states:
        return "another price when made again"
    pairs = zip(one.model.named_parameters(), other.model.named_parameters(), strict=True)
    different = sum(not torch.equal(a, b) for (_, a), (_, b) in pairs)
    return f"{different} parameters with other bits when made again" if different else None
