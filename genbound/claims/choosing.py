"""Settings with many hypotheses: one is chosen, or drawn, by an adversary who has seen the data and the risks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np

from genbound.claims.calls import call
from genbound.claims.settings import (
    Judgement,
    Scene,
    Setting,
    Variation,
    family_arguments,
    hypotheses,
    judge_values,
    stream_arguments,
)
from genbound.complexity.codes import elias_gamma_bits
from genbound.concentration.result import Side
from genbound.processes.paths import Process

COUNT = 16
"""Hypotheses in a family, each with a stream of its own."""

LENGTH = 4
"""Tokens of a transcript: 2^4 students."""

TILTS = (0.0, 0.5, 2.0, 1e6)
"""Posteriors are the prior tilted by exp(tilt n (risk - mean loss)): from the prior itself to the worst hypothesis."""


@cache
def code_lengths(count: int = COUNT) -> tuple[int, ...]:
    """Elias gamma lengths of 1..count, bits: the prior 2^-L of the family."""
    return tuple(elias_gamma_bits(k) for k in range(1, count + 1))


def _prior() -> np.ndarray:
    return np.ldexp(1.0, -np.array(code_lengths()))


def tilted(prior: np.ndarray, gain: np.ndarray, strength: float) -> np.ndarray:
    """The law proportional to prior exp(strength gain), floats that sum to one."""
    exponent = np.log(prior) + strength * gain
    weights = np.exp(exponent - exponent.max())
    return weights / weights.sum()


@final
@dataclass(frozen=True)
class ManyHypotheses(Setting):
    """All hypotheses at once: the bound returns one value for each, and every one must hold."""

    name = "many hypotheses"
    strengths = (1.1, 2.0)

    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        for paths, rows, risks, _ in hypotheses(process, rng, replicas, COUNT, n, nats):
            given = family_arguments(paths, rows, nats) | {"code_bits": code_lengths(), "prior": _prior()}
            yield Scene(given, risks, paths.ceiling)


@final
@dataclass(frozen=True)
class Posteriors(Setting):
    """All posteriors at once: each is the prior tilted towards the hypotheses whose loss misleads most.

    The bound gets `posterior` and `prior` (both sum to one); it bounds the posterior mean of the risk.
    """

    name = "all posteriors"
    strengths = (1.1, 2.0)

    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        prior = _prior() / _prior().sum()
        for paths, rows, risks, means in hypotheses(process, rng, replicas, COUNT, n, nats):
            posteriors = [tilted(prior, (risks - means) / paths.ceiling, tilt * n) for tilt in TILTS]
            given = family_arguments(paths, rows, nats) | {"prior": prior, "posteriors": posteriors}
            yield Scene(given, np.array([float(q @ risks) for q in posteriors]), paths.ceiling)

    def offers(self, scene: Scene) -> Iterator[Mapping[str, Any]]:
        """Each of the posteriors."""
        yield from ({**scene.given, "posterior": q} for q in scene.given["posteriors"])

    def judge(self, bound: Callable[..., Any], scene: Scene, side: Side) -> Judgement:
        """The worst posterior."""
        judged = (
            judge_values(call(bound, given), truth, side, scene.scale)
            for given, truth in zip(self.offers(scene), scene.truth, strict=True)
        )
        return min(judged, key=lambda each: each.margin)


@final
@dataclass(frozen=True)
class Draws(Setting):
    """Hypotheses drawn from a posterior that depends on data and truth; every one of them may be reported.

    Either 8 draws from a posterior close to the prior, or one from a posterior that sits on the worst hypothesis.
    The bound gets the losses (draws, n), the exact `log_ratios` ln dQ/dP and `draws`; it returns a value for each.
    """

    name = "posterior draws"
    strengths = (1.1, 2.0)

    def processes(self) -> tuple[Any, ...]:
        kinds = {"8 draws": (8, 0.3), "the worst drawn": (1, 50.0)}
        return tuple(Variation.of(p, label, kind) for p in super().processes() for label, kind in kinds.items())

    def scenes(self, process: Any, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        draws, tilt = process.choice
        prior = _prior() / _prior().sum()
        for paths, rows, risks, means in hypotheses(process, rng, replicas, COUNT, n, nats):
            posterior = tilted(prior, (risks - means) / paths.ceiling, tilt * n)
            drawn = rng.choice(COUNT, size=draws, p=posterior)
            given = family_arguments(paths, rows[drawn], nats) | {
                "log_ratios": np.log(posterior[drawn] / prior[drawn]),
                "draws": draws,
            }
            yield Scene(given, risks[drawn], paths.ceiling)


@final
@dataclass(frozen=True)
class Transcripts(Setting):
    """A student taught by four binary tokens drawn from a teacher who may know the data and the truth.

    After c tokens the student is the hypothesis those tokens spell (a checkpoint). The student's own law is the
    Krichevsky-Trofimov mixture. The teacher either spells the most misleading hypothesis with probability .9 a token,
    or follows the student's law. The bound gets, for each checkpoint c = 1..4, its losses, and the log-probabilities
    of all drawn tokens under both; it returns a value for each checkpoint it speaks about, the last ones of the list.
    """

    name = "transcripts"
    strengths = (1.1, 2.0)

    def processes(self) -> tuple[Any, ...]:
        kinds = {"knowing teacher": True, "teacher as student": False}
        return tuple(Variation.of(p, label, kind) for p in super().processes() for label, kind in kinds.items())

    def scenes(self, process: Any, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        for paths, rows, risks, means in hypotheses(process, rng, replicas, 1 << LENGTH, n, nats):
            goal = int(np.argmax(risks - means))
            drawn, teacher, student = _lesson(rng, goal if process.choice else None)
            spelt = [sum(bit << (LENGTH - 1 - i) for i, bit in enumerate(drawn[:c])) for c in range(1, LENGTH + 1)]
            given = family_arguments(paths, rows[spelt], nats) | {
                "teacher_log_probs": np.log(teacher),
                "student_log_probs": np.log(student),
                "checkpoints": LENGTH,
            }
            yield Scene(given, risks[spelt], paths.ceiling)

    def judge(self, bound: Callable[..., Any], scene: Scene, side: Side) -> Judgement:
        """The worst of the checkpoints the bound speaks about."""
        values = np.atleast_1d(np.array(call(bound, scene.given), dtype=object)).tolist()
        return judge_values(values, scene.truth[len(scene.truth) - len(values) :], side, scene.scale)


def _lesson(rng: np.random.Generator, goal: int | None) -> tuple[list[int], list[float], list[float]]:
    """(bits drawn, their probabilities under the teacher, under the student): the goal spelt, or the student's law."""
    drawn: list[int] = []
    teacher: list[float] = []
    student: list[float] = []
    for i in range(LENGTH):
        one = (sum(drawn) + 0.5) / (i + 1.0)
        likely = one if goal is None else 0.9 if (goal >> (LENGTH - 1 - i)) & 1 else 0.1
        bit = int(rng.random() < likely)
        drawn.append(bit)
        teacher.append(likely if bit else 1 - likely)
        student.append(one if bit else 1 - one)
    return drawn, teacher, student


@final
@dataclass(frozen=True)
class Prefix(Setting):
    """A prior learned on the first three quarters of the stream; the risk is the one of the last quarter.

    Every hypothesis reads the same parts of its own stream. The prior is tilted towards small loss on the prefix;
    the hypothesis reported is the most misleading one on the suffix. The bound gets the whole `losses`, `prefix`
    (= n_0) and `log_ratio` = ln 1/P(h); `peeking_log_ratio` comes from a prior that has seen the suffix too.
    """

    name = "prefix prior"
    strengths = (3.4, 2.0)

    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        prior = _prior() / _prior().sum()
        first = 3 * n
        total = first + n
        for paths, rows, _, _ in hypotheses(process, rng, replicas, COUNT, total, nats):
            losses, truth = paths.losses[rows], paths.means[rows, first:].mean(axis=1)
            learned = tilted(prior, -losses[:, :first].mean(axis=1) / paths.ceiling, float(first))
            misled = truth - losses[:, first:].mean(axis=1)
            peeking = tilted(prior, misled / paths.ceiling, float(4 * n))
            chosen = int(np.argmax(misled))
            given = stream_arguments(paths, int(rows[chosen]), nats) | {
                "prefix": first,
                "log_ratio": float(-np.log(learned[chosen])),
                "peeking_log_ratio": float(-np.log(peeking[chosen])),
            }
            yield Scene(given, float(truth[chosen]), paths.ceiling)
