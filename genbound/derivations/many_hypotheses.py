"""Many hypotheses (THEORY 2): what C becomes when a statement has to hold for more than one of them."""

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.chance import Spend
from genbound.symbols import symbols

n, log_inv_delta, code_bits, prior, draws, prefix = symbols("n log_inv_delta code_bits prior draws prefix")
KL, log_ratio, log_teacher, log_student = symbols("KL log_ratio log_teacher log_student")

_ONE = log_inv_delta / n
_WEIGHT = sp.exp(-code_bits * sp.log(2))  # 2^-L: Kraft's inequality bounds their sum by 1

PRIOR_UNION = Derivation(
    "prior_union",
    _ONE,
    (
        Step(
            "->",
            (log_inv_delta + code_bits * sp.log(2)) / n,
            Spend(rule="union", weight=_WEIGHT, price=code_bits * sp.log(2)),
        ),
        Step("->", f.prior_union_complexity(), Spend(rule="union", weight=prior, price=-sp.log(prior))),
    ),
    formula="prior_union_complexity",
)

PAC_BAYES = Derivation(
    "pac_bayes",
    _ONE,
    (Step("->", f.pac_bayes_complexity(), Spend(rule="change of measure", price=KL)),),
    formula="pac_bayes_complexity",
)

DISINTEGRATED = Derivation(
    "disintegrated",
    _ONE,
    (
        Step("->", (log_inv_delta + log_ratio) / n, Spend(rule="draw", price=log_ratio)),
        Step("->", f.disintegrated_complexity(), Spend(rule="union", weight=1 / draws, price=sp.log(draws))),
    ),
    formula="disintegrated_complexity",
)

REQUENTIAL = Derivation(
    "requential",
    _ONE,
    (Step("->", f.requential_complexity(), Spend(rule="draw", price=log_teacher - log_student)),),
    formula="requential_complexity",
)

PREFIX_PRIOR = Derivation(
    "prefix_prior",
    log_inv_delta / (n - prefix),
    (Step("->", f.prefix_prior_complexity(), Spend(rule="draw", price=log_ratio)),),
    formula="prefix_prior_complexity",
)

CHAINS = (PRIOR_UNION, PAC_BAYES, DISINTEGRATED, REQUENTIAL, PREFIX_PRIOR)
