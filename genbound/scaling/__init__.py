"""Fits of scaling laws as scikit-learn estimators, intervals whose coverage was measured, and comparisons.

    from genbound.scaling import ChinchillaLaw, bootstrap

    law = ChinchillaLaw().fit(X, losses)               # X: columns N and D
    law.alpha_, law.starts_agreeing_                   # the optimum, and how many starts ended there
    print(bootstrap(ChinchillaLaw(), X, losses))

Needs scikit-learn and scipy; `import genbound` does not load this room.
"""

from __future__ import annotations

from genbound.scaling.comparison import Comparison, LargestOut, compare, leave_largest_out
from genbound.scaling.intervals import bootstrap, extrapolate
from genbound.scaling.laws import ChinchillaLaw, GapLaw, SaturatingPowerLaw
from genbound.scaling.profiles import profile
from genbound.scaling.results import Interval, Intervals
from genbound.scaling.trends import curvature, difference, size_means, slope, typical
from genbound.scaling.verdicts import Prediction, Verdict

__all__ = [
    "ChinchillaLaw",
    "Comparison",
    "GapLaw",
    "Interval",
    "Intervals",
    "LargestOut",
    "Prediction",
    "SaturatingPowerLaw",
    "Verdict",
    "bootstrap",
    "compare",
    "curvature",
    "difference",
    "extrapolate",
    "leave_largest_out",
    "profile",
    "size_means",
    "slope",
    "typical",
]
