"""One fixed hypothesis: concentration of the conditional mean loss around what was observed (THEORY 1)."""

from __future__ import annotations

from genbound.concentration.azuma import azuma_hoeffding
from genbound.concentration.capped import capped_geometric_mean, capped_shifts
from genbound.concentration.comparators import empirical_bernstein, howard, maurer_pontil, mineiro
from genbound.concentration.confidence import ConfidenceSequence, confidence_interval
from genbound.concentration.empirical_freedman import empirical_freedman
from genbound.concentration.floor import floor
from genbound.concentration.freedman import freedman
from genbound.concentration.geometric_mean import default_shifts, geometric_mean, lower_geometric_mean
from genbound.concentration.interval import ConfidenceInterval
from genbound.concentration.kl import kl_inf, kl_inverse
from genbound.concentration.mixture import mixture, mixture_shifts
from genbound.concentration.optimum import Optimum, best_shift
from genbound.concentration.result import BoundResult
from genbound.concentration.wealth import Wealth

__all__ = [
    "BoundResult",
    "ConfidenceInterval",
    "ConfidenceSequence",
    "Optimum",
    "Wealth",
    "azuma_hoeffding",
    "best_shift",
    "capped_geometric_mean",
    "capped_shifts",
    "confidence_interval",
    "default_shifts",
    "empirical_bernstein",
    "empirical_freedman",
    "floor",
    "freedman",
    "geometric_mean",
    "howard",
    "kl_inf",
    "kl_inverse",
    "lower_geometric_mean",
    "maurer_pontil",
    "mineiro",
    "mixture",
    "mixture_shifts",
]
