"""KL_inf duality (THEORY 1): sup{E_Q X : KL(P_hat || Q) <= C, Q <= B} = min over u >= B of u - e^{-C} GM(u - X).

No Q exceeds any u (`kl_inf_weak`), by one inequality for each loss, summed over however many there are. And one Q
reaches the best u (`kl_inf_divergence`, `kl_inf_attained`): Q = P_hat lambda/(u - X), lambda = e^{-C} GM(u - X). Its
mass (`kl_inf_mass`) is 1 exactly where the derivative in u vanishes (`kl_inf_stationary`). The derivative tends to
1 - e^{-C} > 0 as u grows (`kl_inf_far`), so it vanishes somewhere above B unless it is >= 0 at B already; then u = B,
the mass of Q is at most 1, and the rest of it is put on B, where u - x = 0: `kl_inf_attained` stays as it is.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Certified, Identity, Lemma
from genbound.derivations.reasons.asymptotics import Leading
from genbound.derivations.reasons.averages import OVER_ATOMS, Measure, Summed
from genbound.derivations.reasons.chance import Known
from genbound.derivations.rules import Z
from genbound.derivations.themes.one_hypothesis import GEOMETRIC_MEAN
from genbound.symbols import symbols

R, C, G, KL, u, p, q, room, lam, slack = symbols("R C G divergence u p q room lam slack")
mean_under_Q, mean_inverse, mass, x1, x2, a, h = symbols("mean_under_Q mean_inverse mass x1 x2 a h")

KL_INF = Derivation(
    "kl_inf",
    R,
    (Step("<=", f.kl_inf(), Known(derivation=GEOMETRIC_MEAN, at={"mean_bound": u})),),
    formula="kl_inf",
    title="The geometric-mean bound at a constant U = u >= B",
    note="No u gives less than sup{E_Q X : KL(P_hat || Q) <= C, Q <= B} (kl_inf_weak), and the best one gives that "
    "(kl_inf_attained). u is fixed beforehand or paid for",
    sources=("honda2010",),
)

_PER_LOSS = p * (sp.log(room) + sp.log(q) - sp.log(p) - sp.log(lam))

KL_INF_ATOM = Derivation(
    "kl_inf_atom",
    _PER_LOSS,
    (
        Step("==", -p * sp.log(p * lam / (q * room)), Identity()),
        Step(
            "<=",
            -p * (1 - q * room / (p * lam)),
            Lemma(name="one_minus_exp", at={"x": sp.log(p * lam / (q * room))}, context=-p * Z),
        ),
        Step("==", q * room / lam - p, Identity()),
    ),
    title="One loss x of probability p under P_hat and q under Q, d = u - x",
)

_LEVEL = sp.exp(-KL) * G

KL_INF_WEAK = Derivation(
    "kl_inf_weak",
    mean_under_Q,
    (
        Step("==", u - _LEVEL * ((u - mean_under_Q) / _LEVEL - 1) - _LEVEL, Identity()),
        Step(
            "<=",
            u - _LEVEL * (sp.log(G) - KL - sp.log(_LEVEL)) - _LEVEL,
            Summed(
                derivation=KL_INF_ATOM,
                sums=OVER_ATOMS,
                at={"lam": _LEVEL},
                context=u - _LEVEL * Z - _LEVEL,
            ),
        ),
        Step("==", u - _LEVEL, Identity(why="ln lambda = ln GM - divergence")),
        Step(
            "<=",
            f.kl_inf().subs(C, KL + slack),
            Certified(small=sp.exp(-KL - slack), large=sp.exp(-KL), context=u - Z * G),
        ),
    ),
    title="E_Q X <= u - e^-C GM(u - X) for every Q with KL(P_hat || Q) <= C and every u above the losses",
    note="any number of losses, those of Q that were never seen included; C is written as KL(P_hat || Q) + slack",
    sources=("honda2010",),
)

_BEST_LEVEL = sp.exp(-C) * G
_TILTED = p * _BEST_LEVEL / room

KL_INF_DIVERGENCE = Derivation(
    "kl_inf_divergence",
    KL,
    (
        Step("==", sp.log(G) - sp.log(_BEST_LEVEL), Measure(density=_TILTED, value=KL)),
        Step("==", C, Identity()),
    ),
    title="KL(P_hat || Q) = C for Q = P_hat lambda/(u - X), lambda = e^-C GM(u - X)",
    sources=("honda2010",),
)

KL_INF_MASS = Derivation(
    "kl_inf_mass",
    mass,
    (Step("==", _BEST_LEVEL * mean_inverse, Measure(density=_TILTED, value=mass)),),
    title="The mass of Q = P_hat lambda/(u - X) is lambda mean 1/(u - X), lambda = e^-C GM(u - X)",
    note="1 where the derivative of u - e^-C GM(u - X) vanishes (kl_inf_stationary); 1 at most where it is >= 0",
)

_TWO = p * sp.log(u - x1) + (1 - p) * sp.log(u - x2)

KL_INF_STATIONARY = Derivation(
    "kl_inf_stationary",
    sp.diff(f.kl_inf().subs(G, sp.exp(_TWO)), u),
    (
        Step(
            "==",
            1 - sp.exp(_TWO - C) * (p / (u - x1) + (1 - p) / (u - x2)),
            Identity(why="the derivative of ln GM(u - X) is the mean of 1/(u - X)"),
        ),
    ),
    title="d/du [u - e^-C GM(u - X)] = 1 - e^-C GM(u - X) mean 1/(u - X)",
    note="two losses; with more of them the two means have more terms",
)

_NEAR_ONE = sp.exp((1 - p) * sp.log(1 + h / a))

KL_INF_FAR = Derivation(
    "kl_inf_far",
    _NEAR_ONE * a * (p / a + (1 - p) / (a + h)),
    (Step("~", sp.Integer(1), Leading(over=a)),),
    title="GM(u - X) mean 1/(u - X) tends to 1 as u grows, and the derivative to 1 - e^-C > 0",
    note="two losses h apart, the larger of them a below u: GM(u - X) = a (1 + h/a)^(1 - p)",
)

KL_INF_ATTAINED = Derivation(
    "kl_inf_attained",
    mean_under_Q,
    (Step("==", f.kl_inf(), Measure(density=_TILTED, value=mean_under_Q)),),
    formula="kl_inf",
    title="E_Q X = u - e^-C GM(u - X) for Q = P_hat lambda/(u - X): the best u gives no more than the supremum",
    note="u stationary, or u = B with the rest of the mass on B; any number of losses",
    sources=("honda2010",),
)

_TRUE = p * (1 + room) / (p + room)
_DUAL = f.kl_inverse(p, 1 + room)


def _factored(line: sp.Expr) -> sp.Expr:
    """What is under a logarithm over one denominator."""
    return line.replace(sp.log, lambda inside: sp.log(sp.factor(inside)))


KL_INVERSE = Derivation(
    "kl_inverse_dual",
    _factored(_DUAL.subs(C, f.binary_kl(p, _TRUE))),
    (Step("==", _TRUE, Identity(why="1 - q = (1 - p)(u - 1)/(p + u - 1)")),),
    title="Losses 0 and 1: the bound at u is the kl inverse q for which u is the best, q = p u/(p + u - 1)",
    note="C is kl(p || q), d = u - 1; every q > p has such a u, and that no u gives less than q is "
    "kl_inf_weak. With changing means u has to be paid for",
    sources=("hoeffding1963",),
)

KL_INVERSE_STATIONARY = Derivation(
    "kl_inverse_stationary",
    _factored(sp.diff(_DUAL, room).subs(C, f.binary_kl(p, _TRUE))),
    (Step("==", sp.Integer(0), Identity(why="1 - q = (1 - p)(u - 1)/(p + u - 1), and the logarithms cancel")),),
    title="Losses 0 and 1: the derivative in u vanishes at the u of the kl inverse (kl_inverse_dual)",
)

CHAINS = (
    KL_INF,
    KL_INF_ATOM,
    KL_INF_WEAK,
    KL_INF_DIVERGENCE,
    KL_INF_MASS,
    KL_INF_STATIONARY,
    KL_INF_FAR,
    KL_INF_ATTAINED,
    KL_INVERSE,
    KL_INVERSE_STATIONARY,
)

MISTAKES = (
    Mistake("kl_inf", 1, "no_price", "the factor e^-C forgotten", after=u - G),
    Mistake("kl_inf_atom", 2, "reversed", "ln t >= t - 1", relation=">="),
    Mistake("kl_inf_atom", 3, "weights_exchanged", "p and q exchanged", after=p * room / lam - q),
    Mistake("kl_inf_weak", 3, "divergence_twice", "ln lambda = ln GM - divergence taken for ln GM",
            after=u - _LEVEL * (1 - KL)),
    Mistake("kl_inf_weak", 4, "smaller_complexity", "C below KL(P_hat || Q)",
            after=u - sp.exp(-KL + slack) * G, reason={"small": sp.exp(-KL + slack)}),
    Mistake("kl_inf_divergence", 2, "doubled", "2C in place of C", after=2 * C),
    Mistake("kl_inf_mass", 1, "weight_of_p", "P_hat/(u - X) without lambda", after=mean_inverse),
    Mistake("kl_inf_stationary", 1, "one_loss", "the mean of 1/(u - X) taken at one loss",
            after=1 - sp.exp(_TWO - C) / (u - x1)),
    Mistake("kl_inf_far", 1, "half", "the limit of one of the two losses", after=p),
    Mistake("kl_inf_attained", 1, "without_complexity", "e^-C left out", after=u - G),
    Mistake("kl_inverse_dual", 1, "divergence_turned", "the largest q taken for p + (1 - p) p", after=p + (1 - p) * p),
    Mistake("kl_inverse_stationary", 1, "not_stationary", "a derivative of 1 claimed", after=sp.Integer(1)),
)  # fmt: skip
