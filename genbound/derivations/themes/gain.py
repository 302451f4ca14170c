"""What geometric_mean gains over empirical_freedman at the same s and C (THEORY 1): D (x - (1 - e^-x)), D = Delta/s.

x = C - mean ln(1 + sA) is positive when the bound lies above mean Y: there D x is empirical_freedman less mean Y, and
D (1 - e^-x) is geometric_mean less mean Y.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Certified, Identity
from genbound.derivations.reasons.asymptotics import Taylor
from genbound.derivations.rules import Z
from genbound.symbols import symbols

C, D, excess, mean_prediction, mean_log = symbols("C D excess mean_prediction mean_log")

_LOST = excess - (1 - sp.exp(-excess))

GAIN_SERIES = Derivation(
    "gain_series",
    _LOST - excess**2 / 2,
    (Step("~", -(excess**3) / 6, Taylor(over=excess, at=sp.Integer(0), order=3)),),
    title="x - (1 - e^-x) = x^2/2 - x^3/6 + o(x^3)",
)

GAIN_LEADING = Derivation(
    "geometric_mean_gain",
    f.geometric_mean_gain().subs(mean_log, C - excess),
    (
        Step(
            "~",
            f.geometric_mean_gain_leading().subs(mean_log, C - excess),
            Taylor(over=excess, at=sp.Integer(0), order=2),
        ),
    ),
    title="What geometric_mean gains over empirical_freedman at the same s and C, to second order",
    note="x = C - mean ln(1 + sA); D x = empirical_freedman - mean Y, so that this is s (bound - mean Y)^2/(2 Delta)",
)

_LINEAR_MEAN = f.empirical_freedman_shift().subs(mean_log, C - excess)
_CURVED = f.geometric_mean_shift().subs(mean_log, C - excess)
_GAINED = D * _LOST
_TWICE = "the two bounds less mean Y are D x and D (1 - e^-x)"

GAIN_ABOVE = Derivation(
    "gain_above",
    _LINEAR_MEAN - _CURVED,
    (
        Step("==", _GAINED, Identity()),
        Step(
            "<=",
            D * excess**2 / 2,
            Certified(small=_LOST, large=excess**2 / 2, context=D * Z),
        ),
        Step("==", (_LINEAR_MEAN - mean_prediction) ** 2 / (2 * D), Identity(why=_TWICE)),
    ),
    title="What geometric_mean gains, at most: (empirical_freedman - mean Y)^2/(2D), D = Delta/s",
    note="x = C - mean ln(1 + sA) > 0, that is: the bound lies above mean Y",
)

_RATIO = 1 - sp.exp(-excess)

GAIN_BELOW = Derivation(
    "gain_below",
    _LINEAR_MEAN - _CURVED,
    (
        Step("==", _GAINED, Identity()),
        Step(
            ">=",
            D * _RATIO**2 / 2,
            Certified(small=_RATIO**2 / 2, large=_LOST, context=D * Z),
        ),
        Step("==", (_CURVED - mean_prediction) ** 2 / (2 * D), Identity(why=_TWICE)),
    ),
    title="What geometric_mean gains, at least: (geometric_mean - mean Y)^2/(2D), D = Delta/s",
    note="x = C - mean ln(1 + sA) > 0, that is: the bound lies above mean Y",
)

GAIN_CUBIC = Derivation(
    "gain_cubic",
    _LINEAR_MEAN - _CURVED,
    (
        Step("==", _GAINED, Identity()),
        Step(
            ">=",
            D * (excess**2 / 2 - excess**3 / 6),
            Certified(small=excess**2 / 2 - excess**3 / 6, large=_LOST, context=D * Z),
        ),
    ),
    title="What geometric_mean gains is D x^2/2 up to D x^3/6",
)

CHAINS = (
    GAIN_SERIES,
    GAIN_LEADING,
    GAIN_ABOVE,
    GAIN_BELOW,
    GAIN_CUBIC,
)

MISTAKES = (
    Mistake("gain_series", 1, "sign", "the cube added", after=excess**3 / 6),
    Mistake("geometric_mean_gain", 1, "half_forgotten", "the square not halved", after=D * excess**2),
    Mistake("gain_above", 1, "factor_forgotten", "D left out", after=_LOST),
    Mistake("gain_above", 3, "half_forgotten", "the square not halved",
            after=(_LINEAR_MEAN - mean_prediction) ** 2 / D),
    Mistake("gain_below", 2, "larger_bound", "x in place of 1 - e^-x: the square of the larger bound",
            after=D * excess**2 / 2, reason={"small": excess**2 / 2}),
    Mistake("gain_cubic", 2, "cube_forgotten", "the leading term taken for a lower bound",
            after=D * excess**2 / 2, reason={"small": excess**2 / 2}),
)  # fmt: skip
