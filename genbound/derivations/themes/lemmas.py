"""Lemmas that are instances of other lemmas, and the three ways to write one number (THEORY 1)."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Identity, Lemma
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
    title="A loss split between two nodes lowers the mean logarithm, so binning is safe",
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
    title="The range of the second stage is attained at an end",
)

_GROWTH = p * f.phi(x)

BENNETT_STEP = Derivation(
    "bennett_step",
    1 + _GROWTH,
    (Step("<=", sp.exp(_GROWTH), Lemma(name="tangent_step", at={"g": _GROWTH, "g0": sp.Integer(0)})),),
    title="The moment bound of one step, written as an exponential",
    sources=("bennett1962",),
)

GEOMETRIC_MEAN_DOMINATES = Derivation(
    "geometric_mean_dominates",
    D * (1 - sp.exp(g - C)),
    (Step("<=", D * (C - g), Lemma(name="one_minus_exp", at={"x": C - g}, context=D * Z)),),
    title="The geometric-mean bound is never looser than empirical Freedman",
    note="At the same s and C, on any data: g is the mean of ln(1 + (Y - X)/D).",
)

SIGMA_FORM = Derivation(
    "sigma_form",
    (Delta / s) * (C + mean_v),
    (
        Step("==", Delta * C + Delta * C * (1 - s) / s + Delta * mean_v / s, Identity(why="1/s = 1 + (1 - s)/s")),
        Step("==", Delta * C + f.loss_variation() * sp.sqrt(C), Identity(why="sqrt(C) taken out")),
    ),
    title="The plain form and the Sigma form are the same number",
)

_TILT = s * (mean_prediction - mean_loss) / Delta

SHIFT_FORM = Derivation(
    "shift_form",
    mean_loss + (Delta / s) * (C + _TILT - mean_log),
    (Step("==", f.empirical_freedman_shift().subs(D, Delta / s), Identity(why="D = Delta/s")),),
    title="The plain form and the shift form are the same number",
)

CHAINS = (LINEAR_BINNING, SECOND_STAGE_RANGE, BENNETT_STEP, GEOMETRIC_MEAN_DOMINATES, SIGMA_FORM, SHIFT_FORM)

_INSIDE_ONLY = (1 - w) * (a - c * sp.log(a)) + w * (a + h - c * sp.log(a))

MISTAKES = (
    Mistake("linear_binning", 1, "wrong_side", "the mean of the logarithms taken for the larger one", relation=">="),
    Mistake("linear_binning", 2, "weights_exchanged", "the weights of the two nodes exchanged",
            after=sp.log(a + (1 - w) * h)),
    Mistake("second_stage_range", 2, "one_node", "the logarithm of the lower node used at both", after=_INSIDE_ONLY),
    Mistake("bennett_step", 1, "quadratic", "e^x - 1 - x taken for x^2/2", after=sp.exp(p * x**2 / 2)),
    Mistake("geometric_mean_dominates", 1, "reversed", "the geometric mean taken for the looser form", relation=">="),
    Mistake("sigma_form", 1, "missing_1_minus_s", "1/s = 1 + 1/s: the factor 1 - s forgotten",
            after=Delta * C + Delta * C / s + Delta * mean_v / s),
    Mistake("sigma_form", 2, "square_root", "Sigma multiplied by C in place of sqrt(C)",
            after=Delta * C + f.loss_variation() * C),
    Mistake("shift_form", 1, "shift_inverted", "D = s Delta in place of Delta/s",
            after=f.empirical_freedman_shift().subs(D, Delta * s)),
)  # fmt: skip
