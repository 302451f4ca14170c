"""What a separate pilot sample picks for the two-stage bounds (THEORY 5), in float64: it is only tuning.

Everything here is free in stage 2. In stage 1 the pilot is data: the caller pays ln|grid| there for D or s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from flint import arb

from genbound.certified import up
from genbound.concentration.empirical_freedman import freedman_grid
from genbound.concentration.geometric_mean import default_lower_shifts, default_shifts
from genbound.concentration.observed import search
from genbound.concentration.result import all_in
from genbound.subsample.windows import (
    WindowSample,
    freedman_shift,
    freedman_stage,
    geometric_stage,
    tilted_stage,
    tune_second,
    two_complexities,
)

ETA = 1 / 16
"""Only shifts D >= (ceiling - prediction_floor)(1 + ETA) are eligible: U >= B + eta makes Z_max finite."""


@dataclass(frozen=True)
class TwoStageTuning:
    """What a pilot picked for a two-stage bound.

    Attributes:
        shift: D, nats (Delta/s for Freedman); paid in stage 1 unless fixed beforehand. 0: not used.
        log_reference: g0, nats. 0: not used.
        second_shift: u, the constant of stage 2, nats.
        s: the s of `two_stage_empirical_freedman`. 0: not used.
        predicted: the bound in float64, read on the pilot, nats per token (a forecast, not a bound).
    """

    shift: float
    log_reference: float
    second_shift: float
    s: float = 0.0
    predicted: float = math.nan


def eligible_shifts(ceiling: float, prediction_floor: float = 0.0) -> tuple[float, ...]:
    """The members of `default_shifts` with D >= (ceiling - prediction_floor)(1 + ETA).

    >>> len(eligible_shifts(16.0)), eligible_shifts(16.0)[0]
    (127, 17.448123722644123)
    """
    shifts = default_shifts(ceiling, prediction_floor)
    return tuple(d for d in shifts if d >= shifts[0] * (1 + ETA))


def tune_two_stage(pilot: WindowSample, *, log_inv_delta_1: float | arb, n: int, log_inv_delta_2: float | arb,
                   m: int) -> TwoStageTuning:  # fmt: skip
    """D from the preset grid, g0 = the pilot mean of ln(U - X), and u, for `two_stage_geometric_mean`.

    Args:
        pilot: windows drawn separately from those the bound will be evaluated on.
        log_inv_delta_1, n, log_inv_delta_2: as in `two_stage_geometric_mean`.
        m: windows of the sample the bound will be evaluated on.
    """
    c1, c2, _ = two_complexities(n, m, log_inv_delta_1, log_inv_delta_2)
    shifts = eligible_shifts(pilot.ceiling, pilot.prediction_floor)

    def tuned(d: float) -> TwoStageTuning:
        g0 = float(np.log(pilot.predictions - pilot.losses + d).mean())
        stage = geometric_stage(pilot, d, c1, g0)
        u, bound = tune_second(stage.values_float(pilot, d), up(stage.ceiling), float(c2))
        return TwoStageTuning(d, g0, u, predicted=bound)

    return tuned(shifts[search(lambda d: tuned(d).predicted, shifts)])


def tune_two_stage_tilted(pilot: WindowSample, *, least_slack: float, log_inv_delta_1: float | arb, n: int,
                          log_inv_delta_2: float | arb, m: int) -> TwoStageTuning:  # fmt: skip
    """g0 = the pilot mean of ln(U - X), and u, for `two_stage_tilted`; arguments as there and in `tune_two_stage`."""
    c1, c2, _ = two_complexities(n, m, log_inv_delta_1, log_inv_delta_2)
    g0 = float(np.log(pilot.predictions - pilot.losses).mean())
    stage = tilted_stage(pilot, least_slack, c1, g0)
    u, bound = tune_second(stage.values_float(pilot, 0.0), up(stage.ceiling), float(c2))
    return TwoStageTuning(0.0, g0, u, predicted=bound)


def tune_two_stage_empirical_freedman(pilot: WindowSample, *, log_inv_delta_1: float | arb, n: int,
                                      log_inv_delta_2: float | arb, m: int,
                                      grid_size: int = 1000) -> TwoStageTuning:  # fmt: skip
    """s from the grid i/(|K|+1) (ln|K| is paid in stage 1) and u; arguments as in `tune_two_stage`."""
    c1, c2, _ = two_complexities(n, m, log_inv_delta_1, log_inv_delta_2)
    grid = freedman_grid(grid_size)

    def tuned(s: float) -> TwoStageTuning:
        d = freedman_shift(pilot, s)
        stage = freedman_stage(pilot, d)
        u, bound = tune_second(stage.values_float(pilot, float(d)), up(stage.ceiling), float(c2))
        predicted = bound + float(d * c1)
        return TwoStageTuning(float(d), 0.0, u, s, predicted)

    return tuned(grid[search(lambda s: tuned(s).predicted, grid, 24)])


def tune_two_stage_azuma(pilot: WindowSample, *, log_inv_delta_2: float | arb, m: int) -> TwoStageTuning:
    """u for `two_stage_azuma`; arguments as in `tune_two_stage`."""
    c2, _ = all_in(m, None, log_inv_delta_2)
    u, bound = tune_second(pilot.loss_means[1], float(pilot.ceiling), float(c2))
    return TwoStageTuning(0.0, 0.0, u, predicted=bound)


def tune_two_stage_floor(pilot: WindowSample, *, log_inv_delta_2: float | arb, m: int) -> float:
    """The shift of the lower confidence limit inside `two_stage_floor`, from a pilot (free in stage 2)."""
    c2, _ = all_in(m, None, log_inv_delta_2)
    means = pilot.loss_means[0]

    def objective(d: float) -> float:
        return d - math.exp(float(np.log(means + d).mean()) - float(c2)) if d > 0 else math.inf

    shifts = default_lower_shifts(float(pilot.ceiling))
    return shifts[search(objective, shifts)]
