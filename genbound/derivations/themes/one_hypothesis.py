"""One fixed hypothesis (THEORY 1): from one step to the bound."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Construction, Definition, Identity, Lemma, Optimum
from genbound.derivations.reasons.chance import Jensen, Known, Ville
from genbound.derivations.rules import Z
from genbound.derivations.themes import moments
from genbound.symbols import symbol, symbols

X, Y, U, L, A, m, R = symbols("X Y U L A m R")
C, s, Delta, lam, p, w, B = symbols("C s Delta lam p w B")
G, G_true, G_lower, G_lower_true = symbols("G G_true G_lower G_lower_true")
mean_loss, mean_prediction, mean_bound, mean_lower = symbols("mean_loss mean_prediction mean_bound mean_lower")
mean_v, mean_log, mean_square, variance = symbols("mean_v mean_log mean_square variance")
conditional_variance = symbol("conditional_variance")

_THREE = tuple(
    (each, {X: x, m: moments.MEAN_OF_THREE})
    for each, x in (
        (moments.p1, moments.x1),
        (moments.p2, moments.x2),
        (1 - moments.p1 - moments.p2, moments.x3),
    )
)

_UPPER_MEANS = {sp.log(U - X): sp.log(G), sp.log(U - m): sp.log(G_true), U: mean_bound, m: R}

GEOMETRIC_MEAN = Derivation(
    "geometric_mean",
    R,
    (
        Step(
            "<=",
            mean_bound - G_true,
            Jensen(term=U - m, means=_UPPER_MEANS, context=mean_bound - sp.exp(Z)),
        ),
        Step(
            "<=",
            f.geometric_mean(),
            Ville(
                factor=(U - X) / (U - m),
                law=_THREE,
                premise=moments.ONE_STEP_PRODUCT,
                means=_UPPER_MEANS,
                context=mean_bound - sp.exp(sp.log(G) - Z),
            ),
        ),
    ),
    title="The geometric-mean bound, for any predictable U above the loss",
)

_LOWER_PREMISE = Derivation(
    "one_step_product",
    moments.ONE_STEP_PRODUCT.start.subs(U, L),
    tuple(Step(each.relation, each.after.subs(U, L), each.reason) for each in moments.ONE_STEP_PRODUCT.steps),
)
_LOWER_MEANS = {sp.log(X - L): sp.log(G_lower), sp.log(m - L): sp.log(G_lower_true), L: mean_lower, m: R}

LOWER_GEOMETRIC_MEAN = Derivation(
    "lower_geometric_mean",
    R,
    (
        Step(
            ">=",
            mean_lower + G_lower_true,
            Jensen(term=m - L, means=_LOWER_MEANS, context=mean_lower + sp.exp(Z)),
        ),
        Step(
            ">=",
            f.lower_geometric_mean(),
            Ville(
                factor=(X - L) / (m - L),
                law=_THREE,
                premise=_LOWER_PREMISE,
                means=_LOWER_MEANS,
                context=mean_lower + sp.exp(sp.log(G_lower) - Z),
            ),
        ),
    ),
    title="The mirror image of the geometric-mean bound: the risk from below",
)

_BET = s * (Y - X) / Delta
_BET_MEANS = {sp.log(1 + _BET): mean_log, X: mean_loss, Y: mean_prediction, m: R}
_TWO = ((p, {X: moments.x1, m: moments.MEAN_OF_TWO}), (1 - p, {X: moments.x2, m: moments.MEAN_OF_TWO}))

EMPIRICAL_FREEDMAN = Derivation(
    "empirical_freedman",
    R,
    (
        Step(
            "<=",
            mean_prediction + (Delta / s) * (C - mean_log),
            Ville(
                factor=(1 + _BET) * sp.exp(-s * (Y - m) / Delta),
                law=_TWO,
                premise=moments.ONE_STEP_FREEDMAN,
                means=_BET_MEANS,
                context=mean_prediction + (Delta / s) * (Z - mean_log),
            ),
        ),
        Step(
            "==",
            f.empirical_freedman(),
            Definition(value=mean_v, term=f.v(_BET), means=_BET_MEANS, context=mean_loss + (Delta / s) * (C + Z)),
        ),
    ),
    title="Empirical Freedman, at one s",
)

_SQUARE_MEANS = {sp.log(1 + s * A): s * (mean_prediction - mean_loss) / Delta - mean_v, A**2: mean_square,
                 A: (mean_prediction - mean_loss) / Delta}  # fmt: skip

HOWARD = Derivation(
    "howard",
    R,
    (
        Step("<=", f.empirical_freedman(), Known(derivation=EMPIRICAL_FREEDMAN, at={})),
        Step(
            "<=",
            f.howard(),
            Lemma(name="fan_step", at={"x": A, "s": s}, means=_SQUARE_MEANS, context=mean_loss + (Delta / s) * (C + Z)),
        ),
    ),
    title="Empirical Freedman with the mean square of the bets in place of mean v",
)

_LOSS_MEANS = {X: mean_loss, m: R, conditional_variance: variance}
_AT_THE_ENDS = ((1 - p, {X: sp.Integer(0), m: p * Delta}), (p, {X: Delta, m: p * Delta}))
_HALF_WAY = sp.sqrt(8 * C) / Delta

AZUMA_HOEFFDING = Derivation(
    "azuma_hoeffding",
    R,
    (
        Step(
            "==",
            mean_loss + (lam * (R - mean_loss) - lam**2 * Delta**2 / 8) / lam + lam * Delta**2 / 8,
            Identity(),
        ),
        Step(
            "<=",
            mean_loss + C / lam + lam * Delta**2 / 8,
            Ville(
                factor=sp.exp(lam * (m - X) - lam**2 * Delta**2 / 8),
                law=_AT_THE_ENDS,
                premise=moments.ONE_STEP_HOEFFDING,
                means=_LOSS_MEANS,
                convex=True,
                context=mean_loss + Z / lam + lam * Delta**2 / 8,
            ),
        ),
        Step("->", f.azuma_hoeffding(), Optimum(over=lam, at=_HALF_WAY)),
    ),
    title="Azuma-Hoeffding, from one step to the best lambda",
    note="The last choice, of lambda, looks at no data.",
)

_SPREAD = {conditional_variance: p * (1 - p) * w**2 * Delta**2}
_APART = ((p, {m: X + Delta * (1 - p) * w, **_SPREAD}), (1 - p, {m: X - Delta * p * w, **_SPREAD}))
_VARIANCE_PART = f.phi(lam) / Delta**2

FREEDMAN = Derivation(
    "freedman",
    R,
    (
        Step(
            "<=",
            f.freedman(),
            Ville(
                factor=sp.exp(lam * (m - X) / Delta - _VARIANCE_PART * conditional_variance),
                law=_APART,
                premise=moments.ONE_STEP_BENNETT,
                means=_LOSS_MEANS,
                context=mean_loss + Delta * (Z + _VARIANCE_PART * variance) / lam,
            ),
        ),
    ),
    title="Freedman with a bound on the conditional variance, at one lambda",
)  # fmt: skip

FLOOR = Derivation(
    "floor",
    R,
    (
        Step(
            "==",
            sp.exp(-C) * mean_loss + (1 - sp.exp(-C)) * B,
            Construction(law=((sp.exp(-C), X), (1 - sp.exp(-C), B)), means={X: mean_loss}),
        ),
        Step("==", f.floor(), Identity()),
    ),
    title="The process that no bound can beat: its risk",
    note="Each X_k is drawn just above probability e^-C, so these losses are seen with probability above delta.",
)
"""The value that the process tends to: its risk."""

CAPPED_GEOMETRIC_MEAN = Derivation(
    "capped_geometric_mean",
    R,
    (Step("<=", f.geometric_mean(), Known(derivation=GEOMETRIC_MEAN, at={})),),
    formula="geometric_mean",
    title="The geometric-mean bound for U = max(B, Y + D)",
    note="U is predictable, and U >= B >= X whatever D is; D is fixed beforehand or paid for.",
)

CHAINS = (
    GEOMETRIC_MEAN,
    LOWER_GEOMETRIC_MEAN,
    CAPPED_GEOMETRIC_MEAN,
    EMPIRICAL_FREEDMAN,
    HOWARD,
    AZUMA_HOEFFDING,
    FREEDMAN,
    FLOOR,
)

_DOUBLED = _HALF_WAY * sp.sqrt(2)
_EIGHTH, _SIXTEENTH = lam * Delta**2 / 8, lam * Delta**2 / 16

MISTAKES = (
    Mistake("geometric_mean", 1, "reversed", "the geometric mean taken for the larger one", relation=">="),
    Mistake("geometric_mean", 2, "half_complexity", "C/2 for C", after=mean_bound - sp.exp(-C / 2) * G),
    Mistake("geometric_mean", 2, "no_price", "the factor e^-C forgotten", after=mean_bound - G),
    Mistake("lower_geometric_mean", 2, "sign_of_C", "e^C for e^-C", after=mean_lower + sp.exp(C) * G_lower),
    Mistake("capped_geometric_mean", 1, "no_price", "the factor e^-C forgotten", after=mean_bound - G),
    Mistake("empirical_freedman", 1, "half_complexity", "C/2 for C",
            after=mean_prediction + (Delta / s) * (C / 2 - mean_log)),
    Mistake("empirical_freedman", 1, "empirical_centre", "centred at the empirical risk, which is not predictable",
            after=mean_loss + (Delta / s) * (C - mean_log)),
    Mistake("empirical_freedman", 1, "wrong_premise", "the moment of the other supermartingale",
            reason={"premise": moments.ONE_STEP_PRODUCT}),
    Mistake("empirical_freedman", 2, "centre_kept", "the mean prediction left where the mean loss belongs",
            after=mean_prediction + (Delta / s) * (C + mean_v)),
    Mistake("howard", 2, "phi_for_psi", "phi(s) for psi_E(s)",
            after=mean_loss + Delta * (C + f.phi(s) * mean_square) / s),
    Mistake("howard", 2, "square_below_minus_half", "v(x) <= x^2 used where x may be below -1/2",
            after=mean_loss + Delta * (C + s**2 * mean_square) / s, reason={"name": "v_quadratic", "at": {"x": s * A}}),
    Mistake("azuma_hoeffding", 2, "sixteenth", "lambda^2/16 for lambda^2/8",
            after=mean_loss + C / lam + _SIXTEENTH, reason={"context": mean_loss + Z / lam + _SIXTEENTH}),
    Mistake("azuma_hoeffding", 3, "lambda_off", "lambda too large by sqrt 2",
            after=(mean_loss + C / lam + _EIGHTH).subs(lam, _DOUBLED), reason={"at": _DOUBLED}),
    Mistake("azuma_hoeffding", 3, "half_range", "Delta/2 for Delta", after=mean_loss + Delta * sp.sqrt(C / 2) / 2),
    Mistake("freedman", 1, "quadratic", "phi(lambda) taken for lambda^2/2",
            after=mean_loss + Delta * (C + lam**2 * variance / (2 * Delta**2)) / lam),
    Mistake("freedman", 1, "half_complexity", "C/2 for C",
            after=mean_loss + Delta * (C / 2 + _VARIANCE_PART * variance) / lam),
    Mistake("floor", 1, "exchanged", "the two probabilities exchanged",
            after=(1 - sp.exp(-C)) * mean_loss + sp.exp(-C) * B),
    Mistake("floor", 2, "linear", "1 - e^-C taken for C", after=mean_loss + C * (B - mean_loss)),
)  # fmt: skip
