"""Bounds from sampled windows instead of every token, in two stages (THEORY 5).

`windows`: the sample and the two stages; `tuning`: what a pilot picks; `two_stage`: the bounds.
"""

from __future__ import annotations

from genbound.subsample.tuning import (
    ETA,
    TwoStageTuning,
    eligible_shifts,
    tune_two_stage,
    tune_two_stage_azuma,
    tune_two_stage_empirical_freedman,
    tune_two_stage_floor,
    tune_two_stage_tilted,
)
from genbound.subsample.two_stage import (
    two_stage_azuma,
    two_stage_empirical_freedman,
    two_stage_finzi,
    two_stage_floor,
    two_stage_geometric_mean,
    two_stage_lotfi,
    two_stage_tilted,
)
from genbound.subsample.windows import WindowSample

__all__ = [
    "ETA",
    "TwoStageTuning",
    "WindowSample",
    "eligible_shifts",
    "tune_two_stage",
    "tune_two_stage_azuma",
    "tune_two_stage_empirical_freedman",
    "tune_two_stage_floor",
    "tune_two_stage_tilted",
    "two_stage_azuma",
    "two_stage_empirical_freedman",
    "two_stage_finzi",
    "two_stage_floor",
    "two_stage_geometric_mean",
    "two_stage_lotfi",
    "two_stage_tilted",
]
