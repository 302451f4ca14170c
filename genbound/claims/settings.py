"""What a tail bound is about: what is drawn, what the bound is given, and the truth it must not miss.

A setting turns a process into scenes. A scene holds the arguments a bound may ask for and the risks it speaks
about; `judge` calls the bound and returns its worst miss. Everything chosen with the data (a posterior, a draw, a
hypothesis) is chosen by an adversary who knows the truth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from genbound.claims.calls import call, values_of
from genbound.concentration.result import Side
from genbound.errors import DomainError
from genbound.processes.paths import Dependence, Paths, Process

TOLERANCE = 1e-12
"""A miss counts from this share of the loss range on: the truths are float64 means."""


@dataclass(frozen=True)
class Variation:
    """A process together with how the adversary of a setting chooses: scenes are drawn for each of them."""

    name: str
    dependence: Dependence
    sample: Callable[[np.random.Generator, int, int, float], Paths]
    choice: Any

    @classmethod
    def of(cls, process: Process, label: str, choice: Any) -> Variation:
        """The process under this choice, with both in its name."""
        return cls(f"{process.name}, {label}", process.dependence, process.sample, choice)


@dataclass(frozen=True, eq=False)
class Scene:
    """One draw: the arguments a bound may ask for, the risk (or the risks) it speaks about, and the loss range."""

    given: Mapping[str, Any]
    truth: Any
    scale: float


@dataclass(frozen=True)
class Judgement:
    """The worst of what a bound said: its value, the truth there, its side, and by how much it is safe (>= 0)."""

    value: float
    truth: float
    side: Side
    margin: float
    scale: float

    @property
    def violated(self) -> bool:
        """The truth is on the wrong side, beyond float rounding."""
        return self.margin < -TOLERANCE * self.scale

    @property
    def effective(self) -> bool:
        """The bound could have failed: it is inside the range of possible risks."""
        return 0.0 < self.value < self.scale if self.side == "upper" else self.value > 0.0


def judge_values(result: Any, truth: Any, side: Side, scale: float) -> Judgement:
    """The worst of the values a bound returned against the truth, or against the truth of its own index."""
    values = values_of(result, side)
    truths = np.broadcast_to(np.asarray(truth, dtype=np.float64), (len(values),)).tolist()
    judged = [
        Judgement(value, true, which, value - true if which == "upper" else true - value, scale)
        for (value, which), true in zip(values, truths, strict=True)
    ]
    if any(np.isnan(each.value) for each in judged):
        raise DomainError("bound returned nan: need a number (infinity is a vacuous bound)")
    return min(judged, key=lambda each: each.margin)


class Setting(ABC):
    """Abstract: how scenes are drawn from a process, and how a bound is judged on one."""

    name: str
    strengths: tuple[float, ...] = (0.5, 0.8)
    """Shares of ln(1/delta) at which the hidden-risk and wealth-chasing processes aim, in turn. At 1 they miss even a
    wrong bound with probability delta only; where a choice among many multiplies misses, they may aim higher."""

    def processes(self) -> tuple[Any, ...]:
        """The processes scenes are drawn from: the library's families, unless the setting has laws of its own."""
        from genbound.processes import PROCESSES

        return PROCESSES

    @abstractmethod
    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        """Independent scenes, `replicas` of them: n tokens each, ln(1/delta) = nats."""

    def offers(self, scene: Scene) -> Iterator[Mapping[str, Any]]:
        """The arguments of every call that is made on one scene."""
        yield scene.given

    def judge(self, bound: Callable[..., Any], scene: Scene, side: Side) -> Judgement:
        """Call the bound once."""
        return judge_values(call(bound, scene.given), scene.truth, side, scene.scale)


@final
@dataclass(frozen=True)
class OneStream(Setting):
    """One fixed hypothesis, one stream: losses X, predictable centres Y, R = mean E[X_k | F_{k-1}].

    With `variance_share` v the bound is also told `variance` = v (range)^2; a path whose mean conditional variance
    is larger cannot refute it (Freedman's event).
    """

    variance_share: float | None = None
    name = "one stream"

    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        paths = process.sample(rng, replicas, n, nats)
        risks = paths.risks()
        for row in range(replicas):
            given = stream_arguments(paths, row, nats)
            truth = float(risks[row])
            if self.variance_share is not None:
                given["variance"] = self.variance_share * paths.ceiling**2
                if float(paths.variances[row].mean()) > given["variance"]:
                    truth = -np.inf
            yield Scene(given, truth, paths.ceiling)


@final
@dataclass(frozen=True)
class AnyTime(Setting):
    """One stream read again and again with one ln(1/delta): the statement must hold at every time at once."""

    name = "one stream, any time"

    def scenes(self, process: Process, rng: np.random.Generator, replicas: int, n: int,
               nats: float) -> Iterator[Scene]:  # fmt: skip
        paths = process.sample(rng, replicas, n, nats)
        running = np.cumsum(paths.means, axis=1) / np.arange(1, n + 1)
        for row in range(replicas):
            yield Scene(stream_arguments(paths, row, nats), running[row], paths.ceiling)

    def judge(self, bound: Callable[..., Any], scene: Scene, side: Side) -> Judgement:
        """The worst over the times 1, 2, 4, ... and the end."""
        n = len(scene.truth)
        times = sorted({min(1 << i, n) for i in range(n.bit_length() + 1)})
        per_token = ("losses", "predictions")
        return min(
            (
                judge_values(
                    call(bound, {k: v[:t] if k in per_token else v for k, v in scene.given.items()}),
                    scene.truth[t - 1], side, scene.scale,
                )
                for t in times
            ),
            key=lambda each: each.margin,
        )  # fmt: skip


def stream_arguments(paths: Paths, row: int, nats: float) -> dict[str, Any]:
    """What a bound on one stream may ask for."""
    return {
        "losses": paths.losses[row],
        "predictions": paths.predictions[row],
        "ceiling": paths.ceiling,
        "prediction_floor": paths.prediction_floor,
        "prediction_ceiling": paths.prediction_ceiling,
        "loss_floor": 0.0,
        "log_inv_delta": nats,
    }


def hypotheses(process: Process | Variation, rng: np.random.Generator, replicas: int, count: int, n: int,
               nats: float) -> Iterator[tuple[Paths, np.ndarray, np.ndarray, np.ndarray]]:  # fmt: skip
    """`replicas` times `count` hypotheses with streams of their own: (all paths, rows, risks, mean losses)."""
    paths = process.sample(rng, replicas * count, n, nats)
    risks, means = paths.risks(), paths.losses.mean(axis=1)
    for start in range(0, replicas * count, count):
        rows = np.arange(start, start + count)
        yield paths, rows, risks[rows], means[rows]


def family_arguments(paths: Paths, rows: np.ndarray, nats: float) -> dict[str, Any]:
    """What a bound on a family of hypotheses may ask for: arrays (H, n)."""
    return stream_arguments(paths, int(rows[0]), nats) | {
        "losses": paths.losses[rows],
        "predictions": paths.predictions[rows],
    }
