"""Uniform smoothing (THEORY 3)."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.reasons import Certified, Identity, Lemma, Minimum
from genbound.derivations.rules import Z
from genbound.symbols import symbols

alpha, V, p, C = symbols("alpha V p C")
BEST = C / (1 + C)
_KEPT = (1 - alpha) * p

SMOOTHING_COST = Derivation(
    "smoothing_cost",
    f.smoothed_loss(),
    (
        Step("<=", -sp.log(_KEPT), Certified(small=sp.log(_KEPT), large=sp.log(_KEPT + alpha / V), context=-Z)),
        Step("==", -sp.log(p) - sp.log(1 - alpha), Identity()),
    ),
)

SMOOTHING_PRICE_ATTAINED = Derivation(
    "smoothing_price_attained",
    f.smoothing_trade().subs(alpha, BEST),
    (Step("==", f.smoothing_price(), Identity(why="1 - C/(1+C) = 1/(1+C)")),),
)

SMOOTHING_PRICE = Derivation(
    "smoothing_price",
    f.smoothing_price(),
    (
        Step("==", f.smoothing_trade().subs(alpha, BEST), Identity(why="1 - C/(1+C) = 1/(1+C)")),
        Step("<=", f.smoothing_trade(), Minimum(function=f.smoothing_trade(), over=alpha, at=BEST)),
    ),
)

_SHARP = (
    Step("==", (1 + C) * f.binary_entropy(BEST), Identity(why="p = C/(1+C)")),
    Step(
        "<=",
        (1 + C) * 2 * sp.log(2) * sp.sqrt(BEST * (1 - BEST)),
        Lemma(name="binary_entropy", at={"p": BEST}, context=(1 + C) * Z),
    ),
    Step("==", f.smoothing_cost_sqrt_sharp(), Identity()),
)

SMOOTHING_COST_SQRT_SHARP = Derivation("smoothing_cost_sqrt_sharp", f.smoothing_price(), _SHARP)

SMOOTHING_COST_SQRT = Derivation(
    "smoothing_cost_sqrt",
    f.smoothing_price(),
    (
        *_SHARP,
        Step(
            "<=",
            f.smoothing_cost_sqrt(),
            Certified(small=2 * sp.log(2), large=sp.sqrt(2), context=Z * sp.sqrt(C)),
        ),
    ),
)

POINT_MASS_ENTROPY = Derivation(
    "smoothed_point_mass",
    -(1 - alpha + alpha / V) * sp.log(1 - alpha + alpha / V) - (V - 1) * (alpha / V) * sp.log(alpha / V),
    (Step("==", f.entropy_floor(), Identity(why="V - 1 tokens have alpha/V each")),),
    formula="entropy_floor",
)

CHAINS = (
    SMOOTHING_COST,
    SMOOTHING_PRICE,
    SMOOTHING_PRICE_ATTAINED,
    SMOOTHING_COST_SQRT_SHARP,
    SMOOTHING_COST_SQRT,
    POINT_MASS_ENTROPY,
)
