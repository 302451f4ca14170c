"""What `auto` can afford: the seconds each code would take, estimated from one measured batch beforehand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genbound.certificate.settings import QUANTIZERS
from genbound.lm.descriptions.routes import ROUTES
from genbound.lm.subject import Subject
from genbound.lm.windows import evaluate, windows_per_batch
from genbound.smoothing import ALPHAS

FINAL_ALPHAS = 4  # how many alphas a final pass usually carries
TRIED = "tried"
_CODING_SECONDS = 2e-5  # to quantize and code one weight
_CLUSTERING_SECONDS = 1e-4  # the same with codebooks


@dataclass(frozen=True)
class Costs:
    """Seconds, measured on this machine: a window under every alpha, under a few, and with none."""

    full: float
    few: float
    bare: float

    @classmethod
    def measured(cls, subject: Subject) -> Costs:
        """Time one batch of the fixed shape, three times each."""
        size = windows_per_batch(subject.windows.width, subject.vocab_size)
        probe = np.zeros(size, dtype=np.int64)
        return cls(*(_seconds_per_window(subject, probe, ALPHAS[:k]) for k in (len(ALPHAS), FINAL_ALPHAS, 0)))

    def making(self, subject: Subject, code: str) -> float:
        """To make every file of a code."""
        if code in QUANTIZERS:
            settings = subject.settings
            files = settings.search or len(settings.rates)
            each = _CLUSTERING_SECONDS if code == "kmeans" else _CODING_SECONDS
            reading = settings.search * settings.pilot * self.few
            return files * (1 + subject.parameters * each) + reading + self.calibrating(subject, code)
        route = ROUTES[code]
        return (route.passes * subject.settings.epochs * len(subject.whole) + route.spoken) * self.bare

    def calibrating(self, subject: Subject, code: str) -> float:
        return 0.0 if code == "rtn" else subject.settings.calibration * self.few

    def piloting(self, subject: Subject, code: str) -> float:
        """To look at every file of a code."""
        files = sum(each == code for each, _ in subject.settings.labels.values())
        return files * subject.settings.pilot * self.full

    def reading(self, subject: Subject) -> float:
        """To read what decides with one model."""
        return (subject.problem.windows or len(subject.windows)) * self.few


def affordable(subject: Subject) -> dict[str, str]:
    """Code -> `tried`, or why it is not: in the order of the settings, as far as the minutes go.

    Without `auto` everything that was asked for is tried.
    """
    settings = subject.settings
    if settings.code != ("auto",):
        return dict.fromkeys(settings.codes, TRIED)
    costs, left = Costs.measured(subject), 60 * settings.minutes
    left -= 2 * costs.reading(subject)  # the original model, and the first code
    found: dict[str, str] = {}
    for code in settings.codes:
        if code not in QUANTIZERS and not _trainable(subject):
            found[code] = "not tried: only GPT-NeoX models can be trained here"
            continue
        seconds = costs.making(subject, code) + costs.piloting(subject, code)
        if found and seconds > left:
            found[code] = f"not tried: an estimated {seconds:,.0f} s, {max(0.0, left):,.0f} s left"
            continue
        found[code], left = TRIED, left - seconds - (costs.reading(subject) if found else 0.0)
    return found


def _trainable(subject: Subject) -> bool:
    return getattr(subject.model.config, "model_type", None) == "gpt_neox"


def _seconds_per_window(subject: Subject, probe: np.ndarray, alphas: Sequence[float]) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for _batch in evaluate(subject.model, subject.windows, probe, alphas, vocab_size=subject.vocab_size):
            pass
        best = min(best, time.perf_counter() - started)
    return best / len(probe)
