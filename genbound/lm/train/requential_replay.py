"""The student of a transcript, made again from it; and the whole run, made again from the real stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from genbound.certified import ball, precision, up
from genbound.errors import CodeFormatError, DataError
from genbound.lm.descriptions.described import Described
from genbound.lm.train import plain
from genbound.lm.train.requential_schedule import choice_of_run
from genbound.lm.train.requential_speech import log_laws, log_prob
from genbound.lm.train.requential_student import Student
from genbound.lm.train.requential_transcript import Transcript, configuration, parse
from genbound.lm.windows import Windows

ERROR = 2.0**-40
"""eps, nats per drawn token: what ln q - ln p may be too small by (float64 softmax of float32 logits, rounding)."""

STATES = (
    "The file holds the windows that were drawn from the teacher, the sums of their log-probabilities under the law"
    " sampled, a seed and a schedule. The model is the student that learns from these windows alone. n C is the"
    " log-ratio sum [ln q - ln p] of the drawn tokens, teacher to student at the time of drawing, plus the choice of"
    " schedule, guidance, recipe and seed from finite lists; the architecture was fixed beforehand."
)


def hear_all(transcript: Transcript) -> tuple[Student, np.ndarray]:
    """The student after all draws, and per draw the sum of ln p at drawing time, nats, rounded down."""
    header, schedule = transcript.header, transcript.schedule
    sums = np.zeros(schedule.draws)
    with plain.one_thread():
        student = Student(configuration(header), schedule, header["seed"])
        for draw, windows in enumerate(transcript.tokens):
            tokens = torch.from_numpy(windows.astype(np.int64))
            sums[draw] = log_prob(log_laws(student.network, student.voice, tokens), tokens)
            student.hear(tokens, draw)
    return student, sums


def described(transcript: Transcript) -> Described:
    """The student of a transcript, and its price."""
    student, sums = hear_all(transcript)
    log_ratio = transcript.log_ratio(sums)
    with precision():
        slack = up(ball(ERROR) * transcript.drawn)
    prices = {
        f"log-ratio of the transcript ({transcript.drawn} tokens)": max(log_ratio, 0.0),
        "error of the log-probabilities": slack,
        "choice of schedule, guidance, recipe and seed": choice_of_run(transcript.header["seed"]),
    }
    return Described("transcript", student.certified(), prices, None, STATES)


def read(path: Path) -> Described:
    """The student of a file, made again from the windows it heard, and its price (ln p is computed anew).

    Raises:
        CodeFormatError: truncated, edited, or nothing `write` could have written; a student that is not finite.
    """
    found = described(parse(path))
    if not all(torch.isfinite(parameter).all() for parameter in found.model.parameters()):
        raise CodeFormatError(f"{path.name}: the student's weights are not finite")
    return found


def replay(path: Path, windows: Windows) -> Described:
    """As `read`, after the whole run, the teacher's included, was made again from the real stream.

    Raises:
        DataError: other windows than those of the run. CodeFormatError: the run made again says something else.
    """
    from genbound.lm.train.requential import train

    transcript = parse(path)
    header = transcript.header
    if plain.stream_sha256(windows) != header["stream_sha256"] or windows.length != header["context"]:
        raise DataError(f"{path.name}: a transcript about another stream or other windows")
    again = train(
        configuration(header), windows, epochs=header["epochs"], seed=header["seed"], schedule=transcript.schedule,
        guidance=transcript.guidance,
    )  # fmt: skip
    same = {"versions": header["versions"]}
    if Transcript({**again.header, **same}, again.tokens, again.teacher, again.divergence).to_bytes() != (
        transcript.to_bytes()
    ):
        raise CodeFormatError(f"{path.name}: the run made again gives another transcript")
    return read(path)
