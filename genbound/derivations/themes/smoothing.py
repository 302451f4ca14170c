"""Uniform smoothing (THEORY 3)."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Certified, Identity, Lemma, Minimum
from genbound.derivations.reasons.averages import OVER_VOCABULARY, SMOOTHED, Applied, Summed
from genbound.derivations.reasons.chance import Known
from genbound.derivations.rules import Z
from genbound.symbols import symbols

alpha, V, p, C, a, b, h, w, x, y, entropy = symbols("alpha V p C a b h w x y entropy")
TOP, REST = 1 - alpha + alpha / V, alpha / V
BEST = C / (1 + C)
_KEPT = (1 - alpha) * p

SMOOTHING_COST = Derivation(
    "smoothing_cost",
    f.smoothed_loss(),
    (
        Step("<=", -sp.log(_KEPT), Certified(small=sp.log(_KEPT), large=sp.log(_KEPT + alpha / V), context=-Z)),
        Step("==", -sp.log(p) - sp.log(1 - alpha), Identity()),
    ),
    title="Smoothing raises no loss by more than -ln(1 - alpha)",
)

SMOOTHING_PRICE_ATTAINED = Derivation(
    "smoothing_price_attained",
    f.smoothing_trade().subs(alpha, BEST),
    (Step("==", f.smoothing_price(), Identity(why="1 - C/(1+C) = 1/(1+C)")),),
    title="At alpha = C/(1 + C) smoothing costs h(C)",
)

SMOOTHING_PRICE = Derivation(
    "smoothing_price",
    f.smoothing_price(),
    (
        Step("==", f.smoothing_trade().subs(alpha, BEST), Identity(why="1 - C/(1+C) = 1/(1+C)")),
        Step("<=", f.smoothing_trade(), Minimum(function=f.smoothing_trade(), over=alpha, at=BEST)),
    ),
    title="alpha = C/(1 + C) is best: no alpha costs less than h(C)",
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

SMOOTHING_COST_SQRT_SHARP = Derivation(
    "smoothing_cost_sqrt_sharp",
    f.smoothing_price(),
    _SHARP,
    title="h(C) <= 2 ln 2 sqrt(C), with equality at C = 1",
    sources=("lin1991",),
)

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
    title="h(C) <= sqrt(2C): what smoothing costs in the published bound",
    sources=("finzi2025",),
)

POINT_MASS_ENTROPY = Derivation(
    "smoothed_point_mass",
    -TOP * sp.log(TOP) - (V - 1) * REST * sp.log(REST),
    (Step("==", f.entropy_floor(), Identity(why="V - 1 tokens have alpha/V each")),),
    formula="entropy_floor",
    title="The entropy of a smoothed point mass is h_min",
)

_CHORD = (1 - p) * (-REST * sp.log(REST)) + p * (-TOP * sp.log(TOP))
_OWN = -SMOOTHED * sp.log(SMOOTHED)

ENTROPY_CHORD = Derivation(
    "entropy_chord",
    (1 - w) * (-a * sp.log(a)) + w * (-(a + h) * sp.log(a + h)),
    (
        Step(
            "<=",
            -(a + w * h) * sp.log(a + w * h),
            Certified(
                small=(1 - w) * (-a * sp.log(a)) + w * (-(a + h) * sp.log(a + h)),
                large=-(a + w * h) * sp.log(a + w * h),
            ),
        ),
    ),
    title="-t ln t is concave: it lies above its chord over [a, a + h]",
)

ENTROPY_OF_A_TOKEN = Derivation(
    "entropy_of_a_token",
    _CHORD,
    (Step("<=", _OWN, Applied(derivation=ENTROPY_CHORD, at={"a": REST, "h": 1 - alpha, "w": p})),),
    title="The term of one token, of probability p before smoothing, against that of a point mass",
    note="(1 - alpha) p + alpha/V is the mixture of alpha/V and 1 - alpha + alpha/V with weights 1 - p and p",
)

ENTROPY_FLOOR_OF_ANY_LAW = Derivation(
    "entropy_floor_of_any_law",
    f.entropy_floor(),
    (
        Step(
            "==",
            -TOP * sp.log(TOP) - (V - 1) * REST * sp.log(REST),
            Identity(why="the entropy of a smoothed point mass"),
        ),
        Step("<=", entropy, Summed(derivation=ENTROPY_OF_A_TOKEN, sums=OVER_VOCABULARY)),
    ),
    title="The entropy of a smoothed law on any number V of tokens is h_min at least",
    note="for every V: the inequality of one token is summed over all of them, with sum p = 1 and sum 1 = V",
)

_GAP = f.smoothed_loss() - entropy

CENTRED_LOSS = Derivation(
    "centred_loss",
    _GAP,
    (
        Step(
            "<=",
            f.ceiling() - entropy,
            Lemma(name="smoothed_range", at={"p": p, "alpha": alpha, "V": V}, context=Z - entropy),
        ),
        Step(
            "<=",
            f.ceiling() - f.entropy_floor(),
            Known(derivation=ENTROPY_FLOOR_OF_ANY_LAW, at={}, context=f.ceiling() - Z),
        ),
    ),
    title="X - Y <= B - h_min, Y the entropy of the smoothed prediction: the Delta of the bounds",
)

OPTIMAL_SLACK = Derivation(
    "optimal_slack",
    f.slack_objective(h),
    (Step("<=", f.slack_objective(), Minimum(function=f.slack_objective(), over=a, at=h)),),
    title="One slack of the optimal law: the objective is convex in it, and its slope is 0 where z e^z = w p e^U",
    note="e^U = e^h + b, so that w p = h e^h/(e^h + b) says z e^z = w p e^U at z = h",
)

OPTIMAL_LAW = Derivation(
    "optimal_law",
    sp.Integer(0),
    (
        Step("<=", f.v(x), Lemma(name="v_nonnegative", at={"x": x}, context=Z)),
        Step("<=", f.optimal_law_excess(), Lemma(name="v_nonnegative", at={"x": y}, context=f.v(x) + a * Z)),
    ),
    where={x: (-1, sp.oo), y: (-1, sp.oo)},  # pyright: ignore[reportArgumentType]
    title="What any law costs more than the optimal one, token by token",
    note="weighted with q and summed over the tokens, sum q' = sum q = 1 and w p = q z make it F(z') - F(z)",
)

CHAINS = (
    SMOOTHING_COST,
    SMOOTHING_PRICE,
    SMOOTHING_PRICE_ATTAINED,
    SMOOTHING_COST_SQRT_SHARP,
    SMOOTHING_COST_SQRT,
    POINT_MASS_ENTROPY,
    ENTROPY_CHORD,
    ENTROPY_OF_A_TOKEN,
    ENTROPY_FLOOR_OF_ANY_LAW,
    CENTRED_LOSS,
    OPTIMAL_SLACK,
    OPTIMAL_LAW,
)

MISTAKES = (
    Mistake("smoothing_cost", 2, "cost_forgotten", "-ln(1 - alpha) left out", after=-sp.log(p)),
    Mistake("smoothing_price", 2, "alpha_is_c", "alpha = C taken for the best weight", reason={"at": C}),
    Mistake("smoothing_price_attained", 1, "first_term_only", "C ln C left out", after=(1 + C) * sp.log(1 + C)),
    Mistake("smoothing_cost_sqrt_sharp", 3, "constant", "ln 2 in place of 2 ln 2", after=sp.log(2) * sp.sqrt(C)),
    Mistake("smoothing_cost_sqrt", 4, "constant", "sqrt(1.9 C)", after=sp.sqrt(sp.Rational(19, 10) * C),
            reason={"large": sp.sqrt(sp.Rational(19, 10))}),
    Mistake("smoothed_point_mass", 1, "all_of_the_vocabulary", "V tokens of alpha/V each beside the first",
            after=-TOP * sp.log(TOP) - V * REST * sp.log(REST)),
    Mistake("entropy_chord", 1, "convex", "-t ln t taken to be convex", relation=">="),
    Mistake("entropy_of_a_token", 1, "concavity_reversed", "the chord taken to lie above", relation=">="),
    Mistake("entropy_floor_of_any_law", 1, "uniform_part", "only the uniform part counted",
            after=-(V - 1) * REST * sp.log(REST)),
    Mistake("centred_loss", 1, "least_loss", "the least loss in place of the largest",
            after=f.least_loss() - entropy),
    Mistake("optimal_slack", 1, "probability_only", "least where z = w p, the law forgotten",
            reason={"at": h / (1 + b * sp.exp(-h))}),
    Mistake("optimal_law", 2, "slack_forgotten", "the slack a left out of the tilt's logarithm",
            after=f.v(x) + a * y - sp.log(1 + y)),
)  # fmt: skip
