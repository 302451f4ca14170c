"""One step: the mean of the factor of each supermartingale, for a law on two or three losses (THEORY 1)."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Identity, Lemma
from genbound.derivations.rules import Z
from genbound.symbols import symbols

p, p1, p2, x1, x2, x3, w = symbols("p p1 p2 x1 x2 x3 w")
U, Y, s, Delta, lam = symbols("U Y s Delta lam")

MEAN_OF_TWO = p * x1 + (1 - p) * x2
MEAN_OF_THREE = p1 * x1 + p2 * x2 + (1 - p1 - p2) * x3
_GAP = U - MEAN_OF_THREE

ONE_STEP_PRODUCT = Derivation(
    "one_step_product",
    (p1 * (U - x1) + p2 * (U - x2) + (1 - p1 - p2) * (U - x3)) / _GAP,
    (Step("==", sp.Integer(1), Identity(why="the mean is linear")),),
    title="One step of the geometric-mean martingale has mean 1",
    note="A law on three losses; they may lie anywhere below U.",
)

_BETTING = s * (Y - MEAN_OF_TWO) / Delta

ONE_STEP_FREEDMAN = Derivation(
    "one_step_freedman",
    p * (1 + s * (Y - x1) / Delta) + (1 - p) * (1 + s * (Y - x2) / Delta),
    (
        Step("==", 1 + _BETTING, Identity(why="the mean is linear")),
        Step("<=", sp.exp(_BETTING), Lemma(name="tangent_step", at={"g": _BETTING, "g0": sp.Integer(0)})),
    ),
    title="One step of the betting supermartingale",
)

_FALL = -lam * Delta

ONE_STEP_HOEFFDING = Derivation(
    "one_step_hoeffding",
    1 - p + p * sp.exp(_FALL),
    (
        Step(
            "<=",
            sp.exp(p * _FALL + lam**2 * Delta**2 / 8),
            Lemma(name="hoeffding_lemma", at={"p": p, "x": _FALL}, context=sp.exp(Z)),
        ),
    ),
    title="One step of the Hoeffding supermartingale",
    note="For a loss that is 0 or Delta; a convex function of the loss is largest there.",
    sources=("hoeffding1963",),
)
"""E exp(-lambda X) for X = 0 or Delta, P(X = Delta) = p."""

_HIGH, _LOW = (1 - p) * w, -p * w
_QUADRATIC = [1 + lam * each + each**2 * f.phi(lam) for each in (_HIGH, _LOW)]
_SPREAD = p * (1 - p) * w**2

ONE_STEP_BENNETT = Derivation(
    "one_step_bennett",
    p * sp.exp(lam * _HIGH) + (1 - p) * sp.exp(lam * _LOW),
    (
        Step(
            "<=",
            p * _QUADRATIC[0] + (1 - p) * sp.exp(lam * _LOW),
            Lemma(name="freedman_step", at={"x": _HIGH, "y": lam}, context=p * Z + (1 - p) * sp.exp(lam * _LOW)),
        ),
        Step(
            "<=",
            p * _QUADRATIC[0] + (1 - p) * _QUADRATIC[1],
            Lemma(name="freedman_step", at={"x": _LOW, "y": lam}, context=p * _QUADRATIC[0] + (1 - p) * Z),
        ),
        Step("==", 1 + _SPREAD * f.phi(lam), Identity(why="the first moment vanishes")),
        Step("<=", sp.exp(_SPREAD * f.phi(lam)), Lemma(name="bennett_step", at={"p": _SPREAD, "x": lam})),
    ),
    title="One step of the Bennett supermartingale",
    sources=("bennett1962", "freedman1975"),
)
"""E exp(lambda (m - X)/Delta) for two losses Delta w apart, variance p (1 - p) w^2 Delta^2."""

CHAINS = (ONE_STEP_PRODUCT, ONE_STEP_FREEDMAN, ONE_STEP_HOEFFDING, ONE_STEP_BENNETT)

_SPOILED = 1 + _SPREAD * lam**2 / 2

MISTAKES = (
    Mistake("one_step_product", 1, "realised_centre", "centred at a realised loss, which is not predictable",
            after=_GAP / (U - x1)),
    Mistake("one_step_freedman", 1, "sign", "the sign of the bet turned round", after=1 - _BETTING),
    Mistake("one_step_freedman", 2, "equality", "1 + x taken for e^x", relation="=="),
    Mistake("one_step_hoeffding", 1, "sixteenth", "lambda^2/16 for lambda^2/8: the range halved once too often",
            after=sp.exp(p * _FALL + lam**2 * Delta**2 / 16)),
    Mistake("one_step_bennett", 3, "quadratic", "phi(lambda) taken for lambda^2/2", after=_SPOILED),
    Mistake("one_step_bennett", 4, "half_variance", "half the variance",
            after=sp.exp(_SPREAD * f.phi(lam) / 2)),
)  # fmt: skip
