"""Bounds from sampled windows, in two stages (THEORY 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from genbound.certified import up
from genbound.claims import mistakes
from genbound.claims.card import Claim, TailBound, cited
from genbound.claims.shelves.one_hypothesis import PREDICTABLE, RANGE, STREAM
from genbound.claims.tokens import Windows
from genbound.complexity.codes import choice_nats
from genbound.concentration.geometric_mean import GRID_SIZE
from genbound.concentration.result import BoundResult
from genbound.subsample.tuning import tune_two_stage, tune_two_stage_azuma, tune_two_stage_empirical_freedman
from genbound.subsample.two_stage import two_stage_azuma, two_stage_empirical_freedman, two_stage_geometric_mean
from genbound.subsample.windows import geometric_stage, tune_second, two_complexities

SAMPLED = frozenset({"fuzz", "simulate"})
UNIFORM = "windows drawn independently and uniformly, whatever was chosen"
FEW = 8  # members of the grid of s from which the pilot chooses


def geometric_mean_of_windows(sample: Any, pilot: Any, *, n: int, log_inv_delta_1: float,
                              log_inv_delta_2: float) -> BoundResult:  # fmt: skip
    """`two_stage_geometric_mean` tuned on the pilot, ln 128 paid."""
    first = log_inv_delta_1 + choice_nats(GRID_SIZE)
    best = tune_two_stage(pilot, log_inv_delta_1=first, n=n, log_inv_delta_2=log_inv_delta_2, m=sample.m)
    return two_stage_geometric_mean(
        sample, log_inv_delta_1=first, n=n, log_inv_delta_2=log_inv_delta_2, shift=best.shift,
        log_reference=best.log_reference, second_shift=best.second_shift,
    )  # fmt: skip


def fixed_shift_of_windows(sample: Any, pilot: Any, *, n: int, log_inv_delta_1: float,
                           log_inv_delta_2: float) -> BoundResult:  # fmt: skip
    """`two_stage_geometric_mean` with D = 3/2 of the range, fixed beforehand; g0 and u from the pilot, free."""
    shift = 1.5 * (sample.ceiling - sample.prediction_floor)
    c1, c2, _ = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    reference = float(np.log(pilot.predictions - pilot.losses + shift).mean())
    stage = geometric_stage(pilot, shift, c1, reference)
    second, _ = tune_second(stage.values_float(pilot, shift), up(stage.ceiling), float(c2))
    return two_stage_geometric_mean(
        sample, log_inv_delta_1=log_inv_delta_1, n=n, log_inv_delta_2=log_inv_delta_2, shift=shift,
        log_reference=reference, second_shift=second,
    )  # fmt: skip


def empirical_freedman_of_windows(sample: Any, pilot: Any, *, n: int, log_inv_delta_1: float,
                                  log_inv_delta_2: float) -> BoundResult:  # fmt: skip
    """`two_stage_empirical_freedman` tuned on the pilot, ln 8 paid."""
    first = log_inv_delta_1 + choice_nats(FEW)
    best = tune_two_stage_empirical_freedman(pilot, log_inv_delta_1=first, n=n, log_inv_delta_2=log_inv_delta_2,
                                             m=sample.m, grid_size=FEW)  # fmt: skip
    return two_stage_empirical_freedman(sample, log_inv_delta_1=first, n=n, log_inv_delta_2=log_inv_delta_2,
                                        s=best.s, second_shift=best.second_shift)  # fmt: skip


def azuma_of_windows(sample: Any, pilot: Any, *, n: int, log_inv_delta_1: float, log_inv_delta_2: float) -> BoundResult:
    """`two_stage_azuma` tuned on the pilot."""
    best = tune_two_stage_azuma(pilot, log_inv_delta_2=log_inv_delta_2, m=sample.m)
    return two_stage_azuma(sample, log_inv_delta_1=log_inv_delta_1, n=n, log_inv_delta_2=log_inv_delta_2,
                           second_shift=best.second_shift)  # fmt: skip


CARDS: tuple[Claim, ...] = (
    TailBound(
        name="two_stage_geometric_mean",
        statement="R <= u - e^{-C_2} GM(u - W), W = U - c (1 + ln(U - X) - g0), c = e^{g0 - C_1}, W <= u",
        uses=("geometric_mean", "tangent_step"),
        assumes=(STREAM, RANGE, PREDICTABLE, UNIFORM, "one n and one m, fixed beforehand"),
        minimum=SAMPLED | {"derive"},
        note="derived here; novelty unverified",
        setting=Windows(),
        bounds=(fixed_shift_of_windows, geometric_mean_of_windows),
        effort=8,
        laws=frozenset({"monotone"}),
        planted=(
            mistakes.without("no_second_stage", "sampling")(fixed_shift_of_windows),
            mistakes.without("no_margins", "sampling", "loss variation", "complexity")(fixed_shift_of_windows),
        ),
    ),
    TailBound(
        name="two_stage_empirical_freedman",
        statement="R <= (Delta/s) C_1 + u - e^{-C_2} GM(u - Z), Z = Y - (Delta/s) ln(1 + s A), Z <= u",
        sources=(cited("finzi2025", "Theorem 3.1"),),
        uses=("empirical_freedman", "geometric_mean"),
        assumes=(STREAM, RANGE, PREDICTABLE, UNIFORM, "one n and one m, fixed beforehand"),
        minimum=SAMPLED,
        setting=Windows(),
        bounds=(empirical_freedman_of_windows,),
        effort=8,
        laws=frozenset({"monotone"}),
        planted=(
            mistakes.without("no_margins", "sampling", "loss variation", "complexity")(empirical_freedman_of_windows),
        ),
    ),
    TailBound(
        name="two_stage_azuma",
        statement="R <= Delta sqrt(C_1/2) + u - e^{-C_2} GM(u - X), X the window means, u >= B",
        sources=(cited("lotfi2024"),),
        uses=("azuma_hoeffding", "geometric_mean"),
        assumes=(STREAM, RANGE, UNIFORM, "one n and one m, fixed beforehand"),
        minimum=SAMPLED,
        setting=Windows(),
        bounds=(azuma_of_windows,),
        effort=2,
        laws=frozenset({"monotone"}),
        planted=(mistakes.without("no_margins", "sampling", "complexity", "loss variation")(azuma_of_windows),),
    ),
)
