"""`requential`: a student trained only on tokens drawn from a moving teacher (THEORY 2).

The hypothesis is a function of the transcript omega of draws. Q draws each token from the teacher, P from the student
itself, which is a function of the transcript so far: ln dQ/dP(omega) is a sum over the drawn tokens, and the
statement is `disintegrated` for that draw. No relative-entropy coding, so none of its overhead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from genbound.certified import Real, ball, precision, sum_ball
from genbound.complexity.codes import choice_nats
from genbound.complexity.draws import STATEMENT, count, draw_bound
from genbound.complexity.pricing import FAILURE, failure_nats
from genbound.concentration.result import BoundResult
from genbound.concentration.streams import as_vector
from genbound.errors import DataError, domain_error

FIXED = (
    "student architecture, seed, optimiser, schedule, batch order, transcript length, the reported checkpoint and the "
    "prompts were fixed beforehand",
    "teacher log-probabilities are of the law sampled from, student ones of a law computed from the transcript alone",
)


def requential(losses: Any, predictions: Any = None, *, teacher_log_probs: Any, student_log_probs: Any,
               max_error: float = 0.0, choices: int = 1, ceiling: float | None = None,
               prediction_floor: float | None = None, delta: float | None = None,
               log_inv_delta: Real | None = None, shift: float | None = None,
               grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R <= mean U - e^{-C} GM(U - X), n C = sum_i [ln q_i(x_i) - ln p_i(x_i)] + M eps + ln(1/delta), fixed n.

    Source: THEORY 2 `requential`; sharpens [Q26], arXiv 2607.11883, which pays KL + 2 log2(1 + KL) + 5.21 bits a
    message instead of the log-ratio of the realised transcript.

    Args:
        losses, predictions, ceiling, prediction_floor, shift, grid: as in `geometric_mean`, for the trained student
            on the n tokens of the training stream.
        teacher_log_probs: ln q_i(x_i), nats, shape (M,): of each drawn token under the law actually sampled
            (after temperature and truncation, renormalised). The teacher may be anything, data included.
        student_log_probs: ln p_i(x_i), nats, shape (M,): under the student at drawing time, or any law computed
            from the transcript so far; sum_x p_i(x) <= 1.
        max_error: eps, nats: a bound on what each ln q_i - ln p_i may be too small by; M eps is paid.
        choices: transcripts and checkpoints that were looked at, fixed beforehand; ln(choices) is paid.
        delta: failure probability; or
        log_inv_delta: ln(1/delta) and whatever else was chosen with the data, nats. Exactly one of the two.

    Raises:
        DomainError, DataError: log-probabilities above 0, not finite or of unequal shape; data out of their domain.

    >>> drawn = dict(teacher_log_probs=[-0.1] * 20, student_log_probs=[-0.5] * 20)
    >>> result = requential([1.0, 0.0, 0.0, 0.0] * 50, **drawn, ceiling=1.0, delta=0.05, shift=2.0)
    >>> round(result.costs["transcript (20 tokens)"], 6), round(result.value, 6)
    (8.0, 0.408174)
    """
    teacher = _log_probs("teacher_log_probs", teacher_log_probs)
    student = _log_probs("student_log_probs", student_log_probs)
    if teacher.shape != student.shape:
        raise DataError(f"student_log_probs: shape {student.shape}: need that of teacher_log_probs, {teacher.shape}")
    if not (math.isfinite(max_error) and max_error >= 0):
        raise domain_error("max_error", max_error, "0 <= eps < inf", "nats per drawn token")
    with precision():
        prices = {f"transcript ({teacher.size} tokens)": sum_ball(teacher) - sum_ball(student)}
        if max_error:
            prices["error of the log-probabilities"] = ball(max_error) * teacher.size
    if choices != 1:
        prices[f"transcripts and checkpoints ({choices})"] = ball(choice_nats(count("choices", choices)))
    prices[FAILURE] = failure_nats(delta, log_inv_delta)
    return draw_bound("requential", losses, predictions, prices, (STATEMENT, *FIXED), ceiling=ceiling,
                      prediction_floor=prediction_floor, shift=shift, grid=grid)  # fmt: skip


def _log_probs(name: str, values: Any) -> np.ndarray:
    shape = np.shape(values)
    vector = as_vector(name, values)
    sound = (vector <= 0) & (vector >= -(2.0**900))  # sums stay finite
    if not sound.all():
        first = int(np.argmin(sound))
        raise DataError(f"{name}[{first}]={float(vector[first])!r}: need -2^900 <= log-probability <= 0 (nats)")
    return vector.reshape(shape)
