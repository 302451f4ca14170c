"""The bounds from sampled windows: a pilot chooses, a fresh draw decides, every bound pays its own second stage.

The pilot is an independent draw of windows: what it chooses is free in stage 2. In stage 1 it is data like any
other, so the choice of alpha, D and s is paid there (THEORY 5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS
from genbound.certificate.bounds import ABOUT_CODE, ABOUT_FINZI, ABOUT_FLOOR, ABOUT_TILTED, ALPHAS, Problem, offers
from genbound.certificate.pilot import Candidate, Pilots, best, of_each_kind
from genbound.certificate.rows import BoundRow, CodedModel
from genbound.certificate.statistics import OFFSETS, Law, SampleStatistics, tilts
from genbound.certified import ball, precision, up
from genbound.complexity.codes import choice_nats, log_inv_delta
from genbound.concentration import BoundResult, default_shifts
from genbound.concentration.empirical_freedman import GRID_SIZE as S_GRID
from genbound.concentration.empirical_freedman import freedman_grid
from genbound.concentration.geometric_mean import GRID_SIZE as SHIFT_GRID
from genbound.errors import DomainError
from genbound.subsample import (
    WindowSample,
    tune_two_stage,
    tune_two_stage_azuma,
    tune_two_stage_empirical_freedman,
    tune_two_stage_floor,
    tune_two_stage_tilted,
    two_stage_azuma,
    two_stage_empirical_freedman,
    two_stage_finzi,
    two_stage_floor,
    two_stage_geometric_mean,
    two_stage_lotfi,
    two_stage_tilted,
)
from genbound.tilting import LEAST_SLACK, WEIGHTS, most_ceiling

Sample = tuple[CodedModel, SampleStatistics]

SLACK_FLOOR = LEAST_SLACK * (1 - 2.0**-20)
"""Below every U - X of an optimal law, whatever float64 makes of the difference."""

_SAMPLED_FINZI = "a sampled R_hat has no ceiling, so mean X_alpha + ln(1 - alpha) <= R_hat takes its place"


@dataclass(frozen=True)
class Choice:
    """What the pilot fixed for one method: the coded model, alpha, the centre, and the parameters of both stages."""

    code: str
    alpha: float
    offset: float
    parameters: Mapping[str, float]

    def __post_init__(self) -> None:
        _require_paid("offset", self.offset, OFFSETS)

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "alpha": self.alpha, "offset": self.offset, "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Choice:
        return cls(str(value["code"]), float(value["alpha"]), float(value["offset"]), dict(value["parameters"]))


def window_sample(statistics: SampleStatistics, alpha: float, offset: float = 0.0) -> WindowSample:
    """Smoothed losses and centres (losses and ceilings of an optimal law), with the range they have a priori."""
    losses, centres = statistics.row(alpha, offset)
    if tilts(alpha):
        top = most_ceiling(alpha, statistics.vocab_size)
        return WindowSample(losses, centres, ceiling=top, prediction_floor=0.0, prediction_ceiling=top)
    return _with_range(losses, centres, alpha, statistics.vocab_size)


def _losses_only(
    statistics: SampleStatistics, alpha: float, margin: float = smoothing.EVALUATION_MARGIN
) -> WindowSample:
    """For the bounds that know no centre: Y is the constant at its floor."""
    losses = statistics.losses_at(alpha, margin)
    constant = np.full_like(losses, smoothing.entropy_floor(alpha, statistics.vocab_size))
    return _with_range(losses, constant, alpha, statistics.vocab_size)


def _with_range(losses: np.ndarray, centres: np.ndarray, alpha: float, vocab_size: int) -> WindowSample:
    return WindowSample(
        losses, centres, ceiling=smoothing.ceiling(alpha, vocab_size),
        prediction_floor=smoothing.entropy_floor(alpha, vocab_size),
        prediction_ceiling=smoothing.log_vocabulary(vocab_size),
    )  # fmt: skip


def _from_zero(sample: WindowSample) -> WindowSample:
    """The same windows with Y >= 0 as the only promise, as `finzi_bound` has it (Delta = ln(V/alpha))."""
    return replace(sample, prediction_floor=0.0)


# ------------------------------------------------------------------------------------------------------- the pilot


def choose(problem: Problem, pilots: Pilots) -> dict[str, Choice]:
    """Each method's best coded model, alpha and centre on the pilot, and the parameters of both its stages."""
    found = {name: c for name, c in best(problem, pilots).items() if name != "geometric_mean"}
    chosen = {name: _tuned(problem, name, c, *pilots[c.code]) for name, c in found.items()}
    kinds = [_tuned_geometric_mean(problem, c, *pilots[c.code]) for c in of_each_kind(problem, pilots)]
    return chosen | {"geometric_mean": min(kinds, key=lambda each: each[0])[1]}


def _tuned_geometric_mean(
    problem: Problem, c: Candidate, coded: CodedModel, pilot: SampleStatistics
) -> tuple[float, Choice]:
    """What the pilot expects of it, and the choice."""
    nats = _STAGE_1[_kind(c.alpha)](problem, coded)[0]
    windows = _forecast(pilot, c.alpha) if tilts(c.alpha) else window_sample(pilot, c.alpha, c.offset)
    stages = {"n": problem.n, "log_inv_delta_1": nats, "log_inv_delta_2": problem.stages[1], "m": problem.windows}
    if tilts(c.alpha):
        t = tune_two_stage_tilted(windows, least_slack=SLACK_FLOOR, **stages)
        parameters = {"log_reference": t.log_reference, "second_shift": t.second_shift}
    else:
        t = tune_two_stage(windows, **stages)
        parameters = {"shift": t.shift, "log_reference": t.log_reference, "second_shift": t.second_shift}
    return t.predicted, Choice(c.code, c.alpha, c.offset, parameters)


def _forecast(pilot: SampleStatistics, w: float) -> WindowSample:
    """About what the optimal law of weight w makes of the pilot: that of the nearest weight read, its slacks scaled."""
    near = min((law for law in pilot.alphas if tilts(law)), key=lambda law: abs(math.log(law / w)))
    losses, ceilings = pilot.row(near)
    top, moved = most_ceiling(w, pilot.vocab_size), ceilings + (w - near)
    slacks = np.clip((ceilings - losses) * (w / near), LEAST_SLACK, moved)
    return WindowSample(moved - slacks, np.minimum(moved, top), top, 0.0, top)


def _kind(law: Law) -> str:
    return "optimal law" if tilts(law) else "geometric_mean"


def _tuned(problem: Problem, name: str, c: Candidate, coded: CodedModel, pilot: SampleStatistics) -> Choice:
    parameters: dict[str, float] = {}
    second = {"log_inv_delta_2": problem.stages[1], "m": problem.windows}
    both = {"n": problem.n, "log_inv_delta_1": _STAGE_1[name](problem, coded)[0], **second}
    if name in ("empirical_freedman", "finzi_bound"):
        sample = window_sample(pilot, c.alpha)
        t = tune_two_stage_empirical_freedman(sample if name == "empirical_freedman" else _from_zero(sample), **both)
        parameters = {"s": t.s, "second_shift": t.second_shift}
    elif name == "azuma_hoeffding":
        parameters = {"second_shift": tune_two_stage_azuma(_losses_only(pilot, c.alpha), **second).second_shift}
    elif name == "floor":
        parameters = {"shift": tune_two_stage_floor(_losses_only(pilot, c.alpha), **second)}
    return Choice(c.code, c.alpha, c.offset, parameters)


Nats = tuple[float, dict[str, float]]

_STAGE_1: dict[str, Callable[[Problem, CodedModel], Nats]] = {
    "lotfi_subsampled": lambda p, coded: p.nats(coded, alpha=len(LOTFI_ALPHAS)),
    "azuma_hoeffding": lambda p, coded: p.nats(coded, alpha=len(ALPHAS)),
    "finzi_bound": lambda p, coded: p.nats(coded, s=S_GRID),
    "empirical_freedman": lambda p, coded: p.nats(coded, alpha=len(ALPHAS), s=S_GRID),
    "geometric_mean": lambda p, coded: p.nats(coded, kind=2, alpha=len(ALPHAS), centre=len(OFFSETS), D=SHIFT_GRID),
    "optimal law": lambda p, coded: p.nats(coded, kind=2, w=len(WEIGHTS)),
    "floor": lambda p, coded: p.nats(coded),
}
"""What the first stage of each method pays for, the pilot's choices included."""


# -------------------------------------------------------------------------------------------------- the fresh sample


def sampled_rows(problem: Problem, choices: Mapping[str, Choice], codes: Mapping[str, Sample]) -> dict[str, BoundRow]:
    """Every bound about a coded model, at what the pilot chose, from the windows drawn afterwards."""
    for name, choice in choices.items():
        if not offers(name, codes[choice.code][0]):
            raise DomainError(f"{name}: does not hold for {choice.code} ({codes[choice.code][0].kind})")
        if name != "finzi_bound":  # there alpha is prescribed
            weights = WEIGHTS if name == "geometric_mean" else ()
            _require_paid("alpha", choice.alpha, LOTFI_ALPHAS if name == "lotfi_subsampled" else (*ALPHAS, *weights))
    return {name: _EVALUATE[name](problem, choice, *codes[choice.code]) for name, choice in choices.items()}


def _require_paid(name: str, value: float, grid: Sequence[float]) -> None:
    """Refuse a choice outside the preset grid whose size was paid for."""
    if value not in grid:
        raise DomainError(f"{name}={value!r}: not a member of the preset grid that was paid for")


def _row(
    result: BoundResult, choice: Choice, paid: Mapping[str, float], problem: Problem, about: str = ABOUT_CODE
) -> BoundRow:
    return BoundRow(
        value=result.value, about=about, n=problem.n, code=choice.code, alpha=choice.alpha,
        complexity=result.complexity, terms=dict(result.terms), tuned=dict(result.tuned),
        paid={**paid, "second stage, over the windows": problem.stages[1]},
    )  # fmt: skip


def _geometric_mean(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _STAGE_1[_kind(choice.alpha)](problem, coded)
    windows = window_sample(sample, choice.alpha, choice.offset)
    if tilts(choice.alpha):
        result = two_stage_tilted(
            windows, least_slack=SLACK_FLOOR, log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1],
            **choice.parameters,
        )  # fmt: skip
        row = _row(result, choice, paid, problem, ABOUT_TILTED.format(w=choice.alpha))
        return replace(row, alpha=None, tuned={**row.tuned, "w": choice.alpha})
    _require_paid("shift", choice.parameters["shift"], default_shifts(windows.ceiling, windows.prediction_floor))
    result = two_stage_geometric_mean(
        windows, log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1], **choice.parameters
    )
    row = _row(result, choice, paid, problem)
    return replace(row, tuned={**row.tuned, "offset": choice.offset})


def _empirical_freedman(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _STAGE_1["empirical_freedman"](problem, coded)
    _require_paid("s", choice.parameters["s"], freedman_grid(S_GRID))
    result = two_stage_empirical_freedman(
        window_sample(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n,
        log_inv_delta_2=problem.stages[1], **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem)


def _finzi(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _STAGE_1["finzi_bound"](problem, coded)
    _require_paid("s", choice.parameters["s"], freedman_grid(S_GRID))
    _require_paid("alpha", choice.alpha, [problem.finzi_alpha(coded)])
    result = two_stage_finzi(
        window_sample(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1],
        alpha=problem.finzi_alpha(coded), vocab_size=problem.vocab_size, **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem, f"{ABOUT_CODE}; {ABOUT_FINZI}; {_SAMPLED_FINZI}")


def _azuma(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _STAGE_1["azuma_hoeffding"](problem, coded)
    result = two_stage_azuma(
        _losses_only(sample, choice.alpha), log_inv_delta_1=nats, n=problem.n, log_inv_delta_2=problem.stages[1],
        loss_floor=smoothing.loss_floor(choice.alpha, problem.vocab_size), **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem)


def _lotfi(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    with precision():
        failure = up(ball(log_inv_delta(problem.delta)) + ball(choice_nats(problem.codes)))
    assert coded.code_bits is not None
    result = two_stage_lotfi(
        {a: _losses_only(sample, a) for a in LOTFI_ALPHAS}, code_bits=coded.code_bits, n=problem.n,
        vocab_size=problem.vocab_size, log_inv=failure, self_delimiting=True,
    )  # fmt: skip
    _, paid = _STAGE_1["lotfi_subsampled"](problem, coded)
    return replace(_row(result, choice, paid, problem), alpha=float(result.tuned["alpha"]))


def _floor(problem: Problem, choice: Choice, coded: CodedModel, sample: SampleStatistics) -> BoundRow:
    nats, paid = _STAGE_1["floor"](problem, coded)
    result = two_stage_floor(
        _losses_only(sample, choice.alpha, -smoothing.EVALUATION_MARGIN), log_inv_delta_1=nats, n=problem.n,
        log_inv_delta_2=problem.stages[1], **choice.parameters,
    )  # fmt: skip
    return _row(result, choice, paid, problem, f"{ABOUT_FLOOR}; with probability 1 - delta_2 over the windows")


_EVALUATE: dict[str, Callable[[Problem, Choice, CodedModel, SampleStatistics], BoundRow]] = {
    "lotfi_subsampled": _lotfi,
    "azuma_hoeffding": _azuma,
    "finzi_bound": _finzi,
    "empirical_freedman": _empirical_freedman,
    "geometric_mean": _geometric_mean,
    "floor": _floor,
}
