"""Lemmas that are instances of other lemmas, and the three ways to write one number (THEORY 1)."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.reasons import Identity, Lemma
from genbound.derivations.rules import Z
from genbound.symbols import symbols

a, h, w, c, p, x, g = symbols("a h w c p x g")
C, D, s, Delta = symbols("C D s Delta")
mean_v, mean_log, mean_loss, mean_prediction = symbols("mean_v mean_log mean_loss mean_prediction")

_CONCAVE = {"a": a, "b": a + h, "w": 1 - w}

LINEAR_BINNING = Derivation(
    "linear_binning",
    (1 - w) * sp.log(a) + w * sp.log(a + h),
    (
        Step("<=", sp.log((1 - w) * a + w * (a + h)), Lemma(name="am_gm", at=_CONCAVE)),
        Step("==", sp.log(a + w * h), Identity()),
    ),
)

SECOND_STAGE_RANGE = Derivation(
    "second_stage_range",
    a + w * h - c * sp.log(a + w * h),
    (
        Step(
            "<=",
            a + w * h - c * ((1 - w) * sp.log(a) + w * sp.log(a + h)),
            Lemma(name="linear_binning", at={"a": a, "h": h, "w": w}, context=a + w * h - c * Z),
        ),
        Step("==", (1 - w) * (a - c * sp.log(a)) + w * (a + h - c * sp.log(a + h)), Identity()),
    ),
)

_GROWTH = p * f.phi(x)

BENNETT_STEP = Derivation(
    "bennett_step",
    1 + _GROWTH,
    (Step("<=", sp.exp(_GROWTH), Lemma(name="tangent_step", at={"g": _GROWTH, "g0": sp.Integer(0)})),),
)

GEOMETRIC_MEAN_DOMINATES = Derivation(
    "geometric_mean_dominates",
    D * (1 - sp.exp(g - C)),
    (Step("<=", D * (C - g), Lemma(name="one_minus_exp", at={"x": C - g}, context=D * Z)),),
)

SIGMA_FORM = Derivation(
    "sigma_form",
    (Delta / s) * (C + mean_v),
    (
        Step("==", Delta * C + Delta * C * (1 - s) / s + Delta * mean_v / s, Identity(why="1/s = 1 + (1 - s)/s")),
        Step("==", Delta * C + f.loss_variation() * sp.sqrt(C), Identity(why="sqrt(C) taken out")),
    ),
)

_TILT = s * (mean_prediction - mean_loss) / Delta

SHIFT_FORM = Derivation(
    "shift_form",
    mean_loss + (Delta / s) * (C + _TILT - mean_log),
    (
        Step("==", mean_loss + (mean_prediction - mean_loss) + (Delta / s) * (C - mean_log), Identity()),
        Step("==", f.empirical_freedman_shift().subs(D, Delta / s), Identity(why="D = Delta/s")),
    ),
)

CHAINS = (LINEAR_BINNING, SECOND_STAGE_RANGE, BENNETT_STEP, GEOMETRIC_MEAN_DOMINATES, SIGMA_FORM, SHIFT_FORM)
