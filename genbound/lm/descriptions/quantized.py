"""The original model's weights as integers, in a coded file: its size is the code length."""

from __future__ import annotations

from pathlib import Path

from genbound.complexity.codes import code_nats
from genbound.lm import codec
from genbound.lm.descriptions.described import Described
from genbound.lm.descriptions.task import Task
from genbound.lm.quantize import quantize, quantize_and_refine
from genbound.lm.train.plain import one_thread

STATES = (
    "The file is a prefix-free code that holds everything a decoder needs: architecture, scales, and every weight as a"
    " range-coded integer. n C = ln 2 times its size in bits."
)


def write(path: Path, task: Task, method: str) -> None:
    """Quantize the original model at the task's rate, tune it on the stream if asked to, and write the coded file."""
    calibration = None if method == "rtn" else task.statistics()
    assert task.rate is not None
    settings, model = task.settings, task.subject.model
    if settings.tune:
        with one_thread():
            quantized = quantize_and_refine(
                model, task.subject.whole, method=method, bits=task.rate, epochs=settings.tune, calibration=calibration,
                seed=settings.seed, progress=lambda step, _: task.progress("tune", step, None),
            )  # fmt: skip
    else:
        quantized = quantize(model, method=method, bits=task.rate, calibration=calibration, seed=settings.seed)
    codec.write(path, quantized)


def read(path: Path) -> Described:
    """The decoded model; every byte of the file is paid for.

    Raises:
        CodeFormatError: truncated, edited, or not written by genbound.
    """
    data = path.read_bytes()
    model = codec.decode(data).build().eval().requires_grad_(False)
    bits = 8 * len(data)
    return Described("coded file", model, {"code of the model": code_nats(bits)}, bits, STATES)
