"""One fixed hypothesis: concentration of the conditional mean loss around what was observed (THEORY 1)."""

from __future__ import annotations

from genbound.concentration.azuma import azuma_hoeffding
from genbound.concentration.floor import floor
from genbound.concentration.freedman import empirical_freedman
from genbound.concentration.geometric_mean import default_shifts, geometric_mean, lower_geometric_mean
from genbound.concentration.result import BoundResult
from genbound.concentration.wealth import Wealth

__all__ = [
    "BoundResult",
    "Wealth",
    "azuma_hoeffding",
    "default_shifts",
    "empirical_freedman",
    "floor",
    "geometric_mean",
    "lower_geometric_mean",
]
