"""The original model's weights as integers, in a coded file: its size is the code length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from genbound.complexity.codes import code_nats
from genbound.lm import codec
from genbound.lm.descriptions.described import Described
from genbound.lm.descriptions.task import Task
from genbound.lm.quantize import Options, QuantizedModel, allocate_for_bound, quantize, quantize_and_refine
from genbound.lm.train.plain import one_thread
from genbound.lm.train.tilted import pilot_bound

LAW_WEIGHT = 6.0
"""w of the output law under which candidates are compared."""

STATES = (
    "The file is a prefix-free code that holds everything a decoder needs: architecture, scales, and every weight as a"
    " range-coded integer. n C = ln 2 times its size in bits."
)


def write(path: Path, task: Task, method: str) -> None:
    """Quantize the original model at the task's rate, tune it on the stream if asked to, and write the coded file.

    Without a rate, the rates of the groups are searched with the bound on the pilot windows: they stand in the file.
    """
    calibration = None if method == "rtn" else task.statistics()
    settings, model = task.settings, task.subject.model
    options = Options(rotate=not settings.tune)  # rows and columns of their own spread are what tuning makes shorter
    bits, quantized = task.rate, None
    if bits is None:
        found = allocate_for_bound(
            model, calibration, lambda candidate: _pilot(candidate, task), method=method, low=min(settings.rates),
            high=max(settings.rates), evaluations=settings.search, seed=settings.seed, options=options,
        )  # fmt: skip
        quantized, bits = found.model, found.best.bits
        options = replace(options, offsets=dict(found.best.offsets))
    if settings.tune:
        with one_thread():
            quantized = quantize_and_refine(
                model, task.subject.whole, method=method, bits=bits, epochs=settings.tune, calibration=calibration,
                seed=settings.seed, options=options, progress=lambda step, _: task.progress("tune", step, None),
            )  # fmt: skip
    if quantized is None:
        quantized = quantize(
            model, method=method, bits=bits, calibration=calibration, seed=settings.seed, options=options
        )
    codec.write(path, quantized)


def _pilot(candidate: QuantizedModel, task: Task) -> float:
    """About the bound of a candidate: what the search compares."""
    subject = task.subject
    model = codec.build_model(candidate).to(subject.device).eval()
    return pilot_bound(
        lambda inputs: model(input_ids=inputs.to(subject.device), use_cache=False).logits.float().cpu(),
        subject.windows, subject.pilot_windows(), code_nats(8 * len(codec.encode(candidate))), LAW_WEIGHT,
    )  # fmt: skip


def read(path: Path) -> Described:
    """The decoded model; every byte of the file is paid for.

    Raises:
        CodeFormatError: truncated, edited, or not written by genbound.
    """
    data = path.read_bytes()
    model = codec.decode(data).build().eval().requires_grad_(False)
    bits = 8 * len(data)
    return Described("coded file", model, {"code of the model": code_nats(bits)}, bits, STATES)
