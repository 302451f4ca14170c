"""The published form and the sampled one, put together from the others (THEORY 3 and 5)."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Definition, Identity, Lemma, Optimum, Short
from genbound.derivations.reasons.chance import Confidence, Known, Spend
from genbound.derivations.reasons.paths import Along
from genbound.derivations.rules import Z
from genbound.derivations.themes.one_hypothesis import AZUMA_HOEFFDING, EMPIRICAL_FREEDMAN, GEOMETRIC_MEAN
from genbound.derivations.themes.smoothing import BEST
from genbound.symbols import symbols

alpha, V, p, C, Delta, sigma, s, A = symbols("alpha V p C Delta sigma s A")
R, X, Y, U, G = symbols("R X Y U G")
mean_loss, unsmoothed_loss, mean_bound, mean_prediction, mean_v, sampled_loss = symbols(
    "mean_loss unsmoothed_loss mean_bound mean_prediction mean_v sampled_loss"
)
C1, C2, g, g0, mean_W, u, G_second = symbols("C1 C2 g g0 mean_W u G_second")
mean_centred, G_centred, G_sampled = symbols("mean_centred G_centred G_sampled")
n, m, code_bits, log_inv_delta, prior = symbols("n m_sampled code_bits log_inv_delta prior")

_SIGMA_FORM = f.empirical_freedman_sigma()
_AT_ALPHA = _SIGMA_FORM.subs(Delta, f.ceiling())
_LOSS_MEANS = {sp.log((1 - alpha) * p + alpha / V): -mean_loss, sp.log(p): -unsmoothed_loss}
_UNSMOOTHED = unsmoothed_loss + C * sp.log(V) + sigma * sp.sqrt(C)

FINZI_BOUND = Derivation(
    "finzi_bound",
    R,
    (
        Step("<=", f.empirical_freedman(), Known(derivation=EMPIRICAL_FREEDMAN, at={})),
        Step("==", _SIGMA_FORM, Short(value=sigma, context=_SIGMA_FORM.subs(sigma, Z))),
        Step("->", _AT_ALPHA, Along(over=Delta, at=f.ceiling())),
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
    title="The bound of Finzi et al. in closed form, as published",
    note="R_hat is the loss before smoothing, Sigma that of the smoothed losses. alpha = C/(1 + C), which looks at no "
    "loss, is best for what smoothing costs: Sigma is measured at that alpha and not minimised over it.",
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
    title="The first stage of the sampled bound as a mean over tokens",
    note="g_0 is fixed beforehand or paid for.",
)

_TOKEN = U - sp.exp(g0 - C1) * (1 + sp.log(U - X) - g0)

TWO_STAGE_GEOMETRIC_MEAN = Derivation(
    "two_stage_geometric_mean",
    R,
    (
        Step("<=", mean_bound - sp.exp(-C1) * G, Known(derivation=GEOMETRIC_MEAN, at={"C": C1})),
        Step(
            "<=",
            mean_bound - sp.exp(g0 - C1) * (1 + sp.log(G) - g0),
            Lemma(name="tangent_step", at={"g": sp.log(G), "g0": g0}, context=mean_bound - sp.exp(-C1) * Z),
        ),
        Step(
            "==",
            mean_W,
            Definition(value=mean_W, term=_TOKEN, means={sp.log(U - X): sp.log(G), U: mean_bound}),
        ),
        Step(
            "<=",
            f.two_stage_geometric_mean(),
            Known(derivation=GEOMETRIC_MEAN, at={"R": mean_W, "mean_bound": u, "C": C2, "G": G_second}),
        ),
    ),
    formula="two_stage_geometric_mean",
    title="The sampled bound: the geometric-mean bound for the mean of W",
    note="W = U - c (1 + ln(U - X) - g_0), c = e^(g_0 - C_1). Given the tokens, the sample is drawn from their W; both "
    "stages hold with probability 1 - delta_1 - delta_2.",
)

_CENTRED = Y - (Delta / s) * sp.log(1 + s * A)
_CENTRED_MEANS = {Y: mean_prediction, sp.log(1 + s * A): s * (mean_prediction - mean_loss) / Delta - mean_v}

TWO_STAGE_EMPIRICAL_FREEDMAN = Derivation(
    "two_stage_empirical_freedman",
    R,
    (
        Step("<=", f.empirical_freedman().subs(C, C1), Known(derivation=EMPIRICAL_FREEDMAN, at={"C": C1})),
        Step(
            "==",
            mean_centred + Delta / s * C1,
            Definition(value=mean_centred, term=_CENTRED, means=_CENTRED_MEANS, context=Z + Delta / s * C1),
        ),
        Step(
            "<=",
            f.two_stage_empirical_freedman(),
            Known(
                derivation=GEOMETRIC_MEAN,
                at={"R": mean_centred, "mean_bound": u, "C": C2, "G": G_centred},
                context=Z + Delta / s * C1,
            ),
        ),
    ),
    formula="two_stage_empirical_freedman",
    title="Empirical Freedman from a sample: its mean over the tokens bounded by the geometric-mean bound",
    note="Z = Y - (Delta/s) ln(1 + s A). Given the tokens, the sample is drawn from their Z; both stages hold with "
    "probability 1 - delta_1 - delta_2.",
)

_FIRST_AZUMA = Delta * sp.sqrt(C1 / 2)

TWO_STAGE_AZUMA = Derivation(
    "two_stage_azuma",
    R,
    (
        Step("<=", mean_loss + _FIRST_AZUMA, Known(derivation=AZUMA_HOEFFDING, at={"C": C1})),
        Step(
            "<=",
            f.two_stage_azuma(),
            Known(
                derivation=GEOMETRIC_MEAN,
                at={"R": mean_loss, "mean_bound": u, "C": C2, "G": G_sampled},
                context=Z + _FIRST_AZUMA,
            ),
        ),
    ),
    formula="two_stage_azuma",
    title="Azuma-Hoeffding from a sample: the mean loss bounded by the geometric-mean bound",
    note="Given the tokens, the sample is drawn from their losses; both stages hold with probability "
    "1 - delta_1 - delta_2.",
)

_SHARE = m / (m + n)
_BOTH = sampled_loss + Delta * (sp.sqrt(C1 / 2) + sp.sqrt(C2 / 2))
_SHARED = Confidence(parts=((C1, n, _SHARE), (C2, m, n / (m + n))))
_CODE = code_bits * sp.log(2)

LOTFI_SAMPLED = Derivation(
    "lotfi_sampled",
    R,
    (
        Step("<=", mean_loss + _FIRST_AZUMA, Known(derivation=AZUMA_HOEFFDING, at={"C": C1})),
        Step(
            "<=",
            _BOTH,
            Known(
                derivation=AZUMA_HOEFFDING,
                at={"R": mean_loss, "mean_loss": sampled_loss, "C": C2},
                context=Z + _FIRST_AZUMA,
            ),
        ),
        Step("->", _BOTH.subs(_SHARED.values), _SHARED),
        Step(
            "->",
            f.lotfi_subsampled(),
            Spend(rule="union", weight=sp.exp(-_CODE), price=_CODE, within=log_inv_delta - sp.log(_SHARE)),
        ),
    ),
    formula="lotfi_subsampled",
    title="The sampled bound of Lotfi et al.: Azuma-Hoeffding twice, delta split as r and 1 - r",
    note="Given the tokens, the sample is drawn from their losses. Only the first bound pays for the code: the sample "
    "is drawn when the hypothesis is known.",
    sources=("lotfi2024",),
)


def _hoeffding(nats: sp.Expr) -> sp.Expr:
    return f.azuma_hoeffding().subs(C, nats / n)


LOTFI_SUBSAMPLED = Derivation(
    "lotfi_subsampled",
    R,
    (
        Step("<=", f.azuma_hoeffding(), Known(derivation=AZUMA_HOEFFDING, at={})),
        Step("->", _hoeffding(log_inv_delta), Confidence(parts=((C, n, sp.Integer(1)),))),
        Step("->", _hoeffding(log_inv_delta + _CODE), Spend(rule="union", weight=sp.exp(-_CODE), price=_CODE)),
        Step(
            "->",
            _hoeffding(log_inv_delta + _CODE - sp.log(prior)),
            Spend(rule="union", weight=prior, price=-sp.log(prior)),
        ),
        Step("->", f.lotfi_every_token(), Along(over=Delta, at=f.span())),
    ),
    formula="lotfi_every_token",
    title="The bound of Lotfi et al. where every token was read",
    note="pi_j = 1/8 for eight values of alpha; r = 1, so the second term is absent (lotfi_sampled has it).",
)

CHAINS = (
    FINZI_BOUND,
    TANGENT,
    TWO_STAGE_GEOMETRIC_MEAN,
    TWO_STAGE_EMPIRICAL_FREEDMAN,
    TWO_STAGE_AZUMA,
    LOTFI_SAMPLED,
    LOTFI_SUBSAMPLED,
)

_SMALL = C / (1 + 2 * C)

MISTAKES = (
    Mistake("finzi_bound", 4, "smoothing_free", "the cost of smoothing forgotten",
            after=_AT_ALPHA.subs(mean_loss, unsmoothed_loss)),
    Mistake("finzi_bound", 2, "sigma_twice", "Sigma C for Sigma sqrt(C)",
            after=mean_loss + Delta * C + sigma * C, reason={"context": mean_loss + Delta * C + Z * C}),
    Mistake("finzi_bound", 6, "alpha_off", "alpha = C/(1 + 2C) for C/(1 + C)",
            after=_UNSMOOTHED + f.smoothing_trade().subs(alpha, _SMALL), reason={"at": _SMALL}),
    Mistake("finzi_bound", 8, "sqrt_C", "sqrt(C) for sqrt(2C)", after=_UNSMOOTHED + sp.sqrt(C)),
    Mistake("two_stage_tangent", 1, "slope_at_zero", "the tangent drawn through g = 0 in place of g_0",
            after=mean_bound - sp.exp(g0 - C1) * (1 + g)),
    Mistake("two_stage_geometric_mean", 4, "second_stage_free", "the second stage not paid", after=u - G_second),
    Mistake("two_stage_empirical_freedman", 3, "second_stage_free", "the second stage not paid",
            after=Delta / s * C1 + u - G_centred),
    Mistake("two_stage_azuma", 2, "second_stage_free", "the second stage not paid",
            after=_FIRST_AZUMA + u - G_sampled),
    Mistake("lotfi_sampled", 2, "half_range", "Delta/2 for Delta in the second stage",
            after=sampled_loss + Delta * (sp.sqrt(C1 / 2) + sp.sqrt(C2 / 2) / 2)),
    Mistake("lotfi_sampled", 3, "delta_twice", "delta for each of the two bounds",
            after=_BOTH.subs({C1: log_inv_delta / n, C2: log_inv_delta / m})),
    Mistake("lotfi_sampled", 4, "bytes", "the code length counted in bytes",
            after=_BOTH.subs({**_SHARED.values, C1: (log_inv_delta - sp.log(_SHARE) + _CODE / 8) / n})),
    Mistake("lotfi_subsampled", 4, "alpha_free", "the best of the values of alpha taken and not paid",
            after=_hoeffding(log_inv_delta + _CODE)),
)  # fmt: skip
