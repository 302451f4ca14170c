"""The published form and the sampled one, put together from the others (THEORY 3 and 5)."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.chance import Known
from genbound.derivations.one_hypothesis import GEOMETRIC_MEAN
from genbound.derivations.reasons import Identity, Lemma, Optimum
from genbound.derivations.rules import Z
from genbound.derivations.smoothing import BEST
from genbound.symbols import symbols

alpha, V, p, C, Delta, sigma = symbols("alpha V p C Delta sigma")
mean_loss, unsmoothed_loss, mean_bound = symbols("mean_loss unsmoothed_loss mean_bound")
C1, C2, g, g0, mean_W, u, G_second = symbols("C1 C2 g g0 mean_W u G_second")

_AT_ALPHA = f.empirical_freedman_sigma().subs(Delta, f.ceiling())
_LOSS_MEANS = {sp.log((1 - alpha) * p + alpha / V): -mean_loss, sp.log(p): -unsmoothed_loss}
_UNSMOOTHED = unsmoothed_loss + C * sp.log(V) + sigma * sp.sqrt(C)

FINZI_BOUND = Derivation(
    "finzi_bound",
    _AT_ALPHA,
    (
        Step(
            "<=",
            _AT_ALPHA.subs(mean_loss, unsmoothed_loss - sp.log(1 - alpha)),
            Lemma(
                name="smoothing_cost",
                at={"p": p, "alpha": alpha, "V": V},
                means=_LOSS_MEANS,
                context=_AT_ALPHA.subs(mean_loss, Z),
            ),
        ),
        Step("==", _UNSMOOTHED + f.smoothing_trade(), Identity()),
        Step("->", _UNSMOOTHED + f.smoothing_trade().subs(alpha, BEST), Optimum(over=alpha, at=BEST)),
        Step("==", _UNSMOOTHED + f.smoothing_price(), Identity(why="1 - C/(1+C) = 1/(1+C)")),
        Step("<=", f.finzi_bound(), Lemma(name="smoothing_cost_sqrt", at={"C": C}, context=_UNSMOOTHED + Z)),
    ),
    formula="finzi_bound",
)

_FIRST = mean_bound - sp.exp(-C1) * sp.exp(g)

TANGENT = Derivation(
    "two_stage_tangent",
    _FIRST,
    (
        Step(
            "<=",
            f.tangent(),
            Lemma(name="tangent_step", at={"g": g, "g0": g0}, context=mean_bound - sp.exp(-C1) * Z),
        ),
    ),
    formula="tangent",
)

TWO_STAGE_GEOMETRIC_MEAN = Derivation(
    "two_stage_geometric_mean",
    mean_W,
    (
        Step(
            "<=",
            f.two_stage_geometric_mean(),
            Known(derivation=GEOMETRIC_MEAN, at={"R": mean_W, "mean_bound": u, "C": C2, "G": G_second}),
        ),
    ),
    formula="two_stage_geometric_mean",
)

CHAINS = (FINZI_BOUND, TANGENT, TWO_STAGE_GEOMETRIC_MEAN)
