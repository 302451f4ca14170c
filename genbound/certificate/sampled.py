"""The bounds from sampled windows: a pilot chooses, a fresh draw decides, every bound pays its own second stage.

The pilot is an independent draw of windows: what it chooses is free in stage 2. In stage 1 it is data like any
other, so the choice of alpha, D and s is paid there (THEORY 5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS
from genbound.certificate import bounds
from genbound.certificate.bounds import ABOUT_CODE, ABOUT_FLOOR, ALPHAS, Problem
from genbound.certificate.rows import BoundRow, CodedModel
from genbound.certificate.statistics import SampleStatistics
from genbound.concentration import BoundResult, default_shifts
from genbound.concentration.freedman import GRID_SIZE as S_GRID
from genbound.concentration.geometric_mean import GRID_SIZE as SHIFT_GRID
from genbound.subsample import (
    TwoStageTuning,
    tune_two_stage,
    tune_two_stage_azuma,
    tune_two_stage_empirical_freedman,
    tune_two_stage_floor,
    two_stage_azuma,
    two_stage_empirical_freedman,
    two_stage_finzi,
    two_stage_floor,
    two_stage_geometric_mean,
    two_stage_lotfi,
)
from genbound.windows import WindowSample

Sample = tuple[CodedModel, SampleStatistics]


@dataclass(frozen=True)
class Choice:
    """What the pilot fixed for one method: the coded model, alpha, and the parameters of both stages."""

    code: str
    alpha: float
    parameters: Mapping[str, float]
    predicted: float = math.inf

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "alpha": self.alpha, "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Choice:
        return cls(str(value["code"]), float(value["alpha"]), dict(value["parameters"]))


def window_sample(statistics: SampleStatistics, alpha: float) -> WindowSample:
    """Smoothed losses and centres at one alpha, with the range they have a priori."""
    losses, centres = statistics.row(alpha)
    return _with_range(losses, centres, alpha, statistics.vocab_size)


def _losses_only(statistics: SampleStatistics, alpha: float) -> WindowSample:
    """For the bounds that know no centre: Y is the constant at its floor."""
    losses = statistics.losses_at(alpha)
    return _with_range(losses, losses * 0 + smoothing.entropy_floor(alpha, statistics.vocab_size), alpha, statistics.vocab_size)


def _with_range(losses: Any, centres: Any, alpha: float, vocab_size: int) -> WindowSample:
    return WindowSample(
        losses, centres, ceiling=smoothing.ceiling(alpha, vocab_size),
        prediction_floor=smoothing.entropy_floor(alpha, vocab_size), prediction_ceiling=smoothing.log_vocabulary(vocab_size),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- the pilot


def choose(problem: Problem, pilots: Mapping[str, Sample]) -> dict[str, Choice]:
    """Each method's best coded model, alpha and parameters, as far as the pilot can tell."""
    return {
        name: min(
            (choice for entry in pilots.values() for choice in candidates(problem, *entry)),
            key=lambda choice: choice.predicted,
        )
        for name, candidates in _CANDIDATES.items()
    }


def _stage_1(problem: Problem, coded: CodedModel, **choices: int) -> tuple[float, dict[str, float]]:
    return problem.nats(coded, **choices)


def _geometric_candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> list[Choice]:
    nats, _ = _stage_1(problem, coded, alpha=len(ALPHAS), D=SHIFT_GRID)
    choices = []
    for alpha in _near_best(problem, coded, pilot):
        t = tune_two_stage(
            window_sample(pilot, alpha), log_inv_delta_1=nats, n=problem.n,
            log_inv_delta_2=problem.stages[1], m=problem.windows,
        )  # fmt: skip
        parameters = {"shift": t.shift, "log_reference": t.log_reference, "second_shift": t.second_shift}
        choices.append(Choice(coded.label, alpha, parameters, t.predicted))
    return choices


def _freedman_candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> list[Choice]:
    nats, _ = _stage_1(problem, coded, alpha=len(ALPHAS), s=S_GRID)
    return [
        _freedman_choice(coded, alpha, _tune_freedman(problem, window_sample(pilot, alpha), nats))
        for alpha in _near_best(problem, coded, pilot)
    ]


def _finzi_candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> list[Choice]:
    nats, _ = _stage_1(problem, coded, s=S_GRID)
    alpha = problem.finzi_alpha(coded)
    sample = window_sample(pilot, alpha)
    zero = WindowSample(sample.losses, sample.predictions, sample.ceiling, 0.0, sample.prediction_ceiling)
    return [_freedman_choice(coded, alpha, _tune_freedman(problem, zero, nats))]


def _tune_freedman(problem: Problem, pilot: WindowSample, nats: float) -> TwoStageTuning:
    return tune_two_stage_empirical_freedman(
        pilot, log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1], m=problem.windows, grid_size=S_GRID
    )


def _freedman_choice(coded: CodedModel, alpha: float, t: TwoStageTuning) -> Choice:
    return Choice(coded.label, alpha, {"s": t.s, "second_shift": t.second_shift}, t.predicted)


def _azuma_candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> list[Choice]:
    nats, _ = _stage_1(problem, coded, alpha=len(ALPHAS))
    choices = []
    for alpha in ALPHAS:
        t = tune_two_stage_azuma(_losses_only(pilot, alpha), log_inv_delta_2=problem.stages[1], m=problem.windows)
        radius = smoothing.span(alpha, problem.vocab_size) * math.sqrt(nats / problem.n / 2)
        choices.append(Choice(coded.label, alpha, {"second_shift": t.second_shift}, t.predicted + radius))
    return choices


def _lotfi_candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> list[Choice]:
    nats, _ = _stage_1(problem, coded, alpha=len(LOTFI_ALPHAS))
    radius = math.sqrt(nats / problem.n / 2)
    return [
        Choice(coded.label, a, {}, float(pilot.losses_at(a).mean()) + smoothing.span(a, problem.vocab_size) * radius)
        for a in LOTFI_ALPHAS
    ]


def _floor_candidates(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> list[Choice]:
    nats, _ = _stage_1(problem, coded)
    keep = math.exp(-nats / problem.n)
    choices = []
    for alpha in ALPHAS:
        sample = _losses_only(pilot, alpha)
        shift = tune_two_stage_floor(sample, log_inv_delta_2=problem.stages[1], m=problem.windows)
        value = sample.ceiling - keep * (sample.ceiling - float(sample.losses.mean()))
        choices.append(Choice(coded.label, alpha, {"shift": shift}, value))
    return choices


_CANDIDATES: dict[str, Callable[[Problem, CodedModel, SampleStatistics], list[Choice]]] = {
    "lotfi_subsampled": _lotfi_candidates,
    "azuma_hoeffding": _azuma_candidates,
    "finzi_bound": _finzi_candidates,
    "empirical_freedman": _freedman_candidates,
    "geometric_mean": _geometric_candidates,
    "floor": _floor_candidates,
}


def _near_best(problem: Problem, coded: CodedModel, pilot: SampleStatistics) -> tuple[float, ...]:
    """The alpha that is best on the pilot read as a stream, and its neighbours (the whole grid is paid)."""
    stream = pilot.as_stream()
    row = min(bounds.METHODS["geometric_mean"](problem, coded, stream), key=lambda row: row.value)
    assert row.alpha is not None
    at = ALPHAS.index(row.alpha)
    return ALPHAS[max(0, at - 1) : at + 2]


# -------------------------------------------------------------------------------------------------- the fresh sample


def sampled_rows(
    problem: Problem, choices: Mapping[str, Choice], codes: Mapping[str, Sample]
) -> dict[str, BoundRow]:
    """Every bound about a coded model, at what the pilot chose, from the windows drawn afterwards."""
    return {name: _EVALUATE[name](problem, choice, *codes[choice.code]) for name, choice in choices.items()}


def _row(result: BoundResult, choice: Choice, paid: Mapping[str, float], problem: Problem, about: str = ABOUT_CODE) -> BoundRow:
    return BoundRow(
        value=result.value, about=about, n=problem.n, code=choice.code, alpha=choice.alpha,
        complexity=result.complexity, terms=dict(result.terms), tuned=dict(result.tuned),
        paid={**paid, "second stage, over the windows": problem.stages[1]},
    )  # fmt: skip


def _geometric_mean(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _stage_1(problem, coded, alpha=len(ALPHAS), D=SHIFT_GRID)
    windows = window_sample(sample, choice.alpha)
    if choice.parameters["shift"] not in default_shifts(windows.ceiling, windows.prediction_floor):
        raise _not_in_grid("shift", choice.parameters["shift"])
    result = two_stage_geometric_mean(
        windows, log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1], **choice.parameters
    )
    return _row(result, choice, paid, problem)


def _empirical_freedman(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _stage_1(problem, coded, alpha=len(ALPHAS), s=S_GRID)
    result = two_stage_empirical_freedman(
        window_sample(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n,
        log_inv_delta_2=problem.stages[1], **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem)


def _finzi(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _stage_1(problem, coded, s=S_GRID)
    result = two_stage_finzi(
        window_sample(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1],
        alpha=problem.finzi_alpha(coded), vocab_size=problem.vocab_size, **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem)


def _azuma(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _stage_1(problem, coded, alpha=len(ALPHAS))
    result = two_stage_azuma(
        _losses_only(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1],
        loss_floor=smoothing.loss_floor(choice.alpha, problem.vocab_size), **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem)


def _lotfi(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    result = two_stage_lotfi(
        {a: _losses_only(sample, a) for a in LOTFI_ALPHAS}, code_bits=coded.code_bits, n=problem.n,
        vocab_size=problem.vocab_size, delta=problem.delta, self_delimiting=True,
    )  # fmt: skip
    row = _row(result, choice, {}, problem)
    return BoundRow(**{**row.to_dict(), "alpha": float(result.tuned["alpha"]), "paid": dict(result.costs)})


def _floor(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _stage_1(problem, coded)
    result = two_stage_floor(
        _losses_only(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n,
        log_inv_delta_2=problem.stages[1], **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem, ABOUT_FLOOR)


_EVALUATE: dict[str, Callable[[Problem, Choice, CodedModel, SampleStatistics], BoundRow]] = {
    "lotfi_subsampled": _lotfi,
    "azuma_hoeffding": _azuma,
    "finzi_bound": _finzi,
    "empirical_freedman": _empirical_freedman,
    "geometric_mean": _geometric_mean,
    "floor": _floor,
}


def _not_in_grid(name: str, value: float) -> Exception:
    from genbound.errors import DomainError

    return DomainError(f"{name}={value!r}: not a member of the preset grid that was paid for")
