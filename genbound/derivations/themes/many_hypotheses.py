"""Many hypotheses (THEORY 2): the bound of one of them, and what is paid so that it holds for more.

Every chain starts from the geometric-mean bound at C = ln(1/delta)/n, which pays for nothing but delta. Each further
line holds for more: all hypotheses of a code, all posteriors, a draw, a prior learnt on the tokens before.
"""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.chance import Confidence, Known, Spend
from genbound.derivations.themes.one_hypothesis import GEOMETRIC_MEAN
from genbound.symbols import symbols

n, log_inv_delta, code_bits, prior, draws, prefix = symbols("n log_inv_delta code_bits prior draws prefix")
KL, log_ratio, log_teacher, log_student = symbols("KL log_ratio log_teacher log_student")
R, C, G, mean_bound = symbols("R C G mean_bound")
posterior_risk, posterior_bound, posterior_G = symbols("posterior_risk posterior_bound posterior_G")
later_risk, later_bound, later_G = symbols("later_risk later_bound later_G")

_WEIGHT = sp.exp(-code_bits * sp.log(2))  # 2^-L: Kraft's inequality bounds their sum by 1
_BITS = code_bits * sp.log(2)


def _at(nats: sp.Expr) -> sp.Expr:
    """The geometric-mean bound when so many nats are paid."""
    return f.geometric_mean().subs(C, nats / n)


_ONE_HYPOTHESIS = (
    Step("<=", f.geometric_mean(), Known(derivation=GEOMETRIC_MEAN, at={})),
    Step("->", _at(log_inv_delta), Confidence(parts=((C, n, sp.Integer(1)),))),
)
"""From R to the bound of one hypothesis, nothing paid but delta."""

_MEMBER = Step("->", f.progressive_validation(), Spend(rule="union", weight=prior, price=-sp.log(prior)))
"""The member of a family of bounds that was chosen with the data."""

PRIOR_UNION = Derivation(
    "prior_union",
    R,
    (
        *_ONE_HYPOTHESIS,
        Step("->", _at(log_inv_delta + _BITS), Spend(rule="union", weight=_WEIGHT, price=_BITS)),
        Step("->", f.prior_union(), _MEMBER.reason),
    ),
    formula="prior_union",
    title="The geometric-mean bound for all hypotheses with a prefix-free code at once",
)

PAC_BAYES = Derivation(
    "pac_bayes",
    posterior_risk,
    (
        Step(
            "<=",
            posterior_bound - sp.exp(-C) * posterior_G,
            Known(
                derivation=GEOMETRIC_MEAN,
                at={"R": posterior_risk, "mean_bound": posterior_bound, "G": posterior_G},
            ),
        ),
        Step(
            "->",
            posterior_bound - sp.exp(-log_inv_delta / n) * posterior_G,
            Confidence(parts=((C, n, sp.Integer(1)),)),
        ),
        Step("->", f.pac_bayes(), Spend(rule="change of measure", price=KL)),
    ),
    formula="pac_bayes",
    title="The geometric-mean bound for all posteriors at once",
    note="The first lines are about Q = P: the martingales of all hypotheses, averaged over P, are one martingale of "
    "mean 1, and am_gm holds for a mean over the tokens and P together. The last line is about every Q.",
    sources=("donsker1975",),
)

DISINTEGRATED = Derivation(
    "disintegrated",
    R,
    (
        *_ONE_HYPOTHESIS,
        Step("->", _at(log_inv_delta + log_ratio), Spend(rule="draw", price=log_ratio)),
        Step("->", f.disintegrated(), Spend(rule="union", weight=1 / draws, price=sp.log(draws))),
    ),
    formula="disintegrated",
    title="The geometric-mean bound for one draw from the posterior",
    note="The number r of draws that are looked at is fixed beforehand.",
)

REQUENTIAL = Derivation(
    "requential",
    R,
    (*_ONE_HYPOTHESIS, Step("->", f.requential(), Spend(rule="draw", price=log_teacher - log_student))),
    formula="requential",
    title="The geometric-mean bound for a student trained on what its teacher drew",
    note="ln q and ln p are sums over the drawn tokens: teacher and student at the time of drawing.",
)

PREFIX_PRIOR = Derivation(
    "prefix_prior",
    later_risk,
    (
        Step(
            "<=",
            later_bound - sp.exp(-C) * later_G,
            Known(derivation=GEOMETRIC_MEAN, at={"R": later_risk, "mean_bound": later_bound, "G": later_G}),
        ),
        Step(
            "->",
            later_bound - sp.exp(-log_inv_delta / (n - prefix)) * later_G,
            Confidence(parts=((C, n - prefix, sp.Integer(1)),)),
        ),
        Step("->", f.prefix_prior(), Spend(rule="draw", price=log_ratio)),
    ),
    formula="prefix_prior",
    title="The geometric-mean bound with a prior that has read the first n_0 tokens",
    note="The bound is about the tokens after n_0 only, and so is every mean in it: given the first n_0, P is fixed.",
)

GEOMETRIC_MEAN_ANYTIME = Derivation(
    "geometric_mean_anytime",
    R,
    _ONE_HYPOTHESIS,
    formula="geometric_mean_anytime",
    title="The geometric-mean bound for all n at once",
    note="Ville's inequality bounds the martingale for all n at once, so delta is paid once.",
    sources=("ville1939",),
)

PROGRESSIVE_VALIDATION = Derivation(
    "progressive_validation",
    R,
    (*_ONE_HYPOTHESIS, _MEMBER),
    formula="progressive_validation",
    title="The geometric-mean bound for the predictors along a run, no complexity paid",
    note="X_k is the loss on token k of the predictor trained on tokens 1..k-1; R is their mean risk. "
    "pi_j is paid where the member (alpha, D) is chosen with the data.",
)

HELD_OUT = Derivation(
    "held_out",
    R,
    (*_ONE_HYPOTHESIS, _MEMBER),
    formula="held_out",
    title="The geometric-mean bound for one fixed predictor on tokens it has not seen",
    note="All means are over the test stream.",
)

CHAINS = (
    PRIOR_UNION,
    PAC_BAYES,
    DISINTEGRATED,
    REQUENTIAL,
    PREFIX_PRIOR,
    GEOMETRIC_MEAN_ANYTIME,
    PROGRESSIVE_VALIDATION,
    HELD_OUT,
)

_SWAPPED = log_student - log_teacher

MISTAKES = (
    Mistake("prior_union", 3, "bytes", "the code length counted in bytes", after=_at(log_inv_delta + _BITS / 8)),
    Mistake("prior_union", 4, "no_union", "the member of the family chosen with the data and not paid",
            after=_at(log_inv_delta + _BITS)),
    Mistake("pac_bayes", 3, "half_price", "KL/2 for KL", reason={"price": KL / 2},
            after=posterior_bound - sp.exp(-(log_inv_delta + KL / 2) / n) * posterior_G),
    Mistake("disintegrated", 3, "sign", "the ratio of the densities turned round",
            after=_at(log_inv_delta - log_ratio), reason={"price": -log_ratio}),
    Mistake("disintegrated", 4, "best_of_draws", "the best of r draws reported as if it were the only one",
            after=_at(log_inv_delta + log_ratio)),
    Mistake("requential", 3, "exchanged", "teacher and student exchanged",
            after=_at(log_inv_delta + _SWAPPED), reason={"price": _SWAPPED}),
    Mistake("prefix_prior", 3, "all_tokens", "divided by n although the bound is about n - n_0 tokens",
            after=later_bound - sp.exp(-(log_inv_delta + log_ratio) / n) * later_G),
    Mistake("geometric_mean_anytime", 2, "free", "nothing paid for delta", after=mean_bound - G),
    Mistake("progressive_validation", 3, "tuned_on_the_run", "alpha chosen to make the bound small, and not paid",
            after=_at(log_inv_delta)),
    Mistake("held_out", 3, "tuned_on_the_test", "the best of several members on the test stream, and not paid",
            after=_at(log_inv_delta)),
)  # fmt: skip
