"""The formulas of the theory as sympy objects, each stated once, and their evaluation in ball arithmetic.

A function of this package is the right hand side of the claim of the same name, in the symbols of
`genbound.symbols`. Families are written at one member: which shift D, s or lambda is taken is tuning, and paid in C.
"""

from genbound.formulas.evaluation import (
    evaluate,
)
from genbound.formulas.many_hypotheses import (
    disintegrated_complexity,
    pac_bayes_complexity,
    prefix_prior_complexity,
    prior_union_complexity,
    requential_complexity,
)
from genbound.formulas.one_hypothesis import (
    azuma_hoeffding,
    binary_kl,
    empirical_bernstein,
    empirical_freedman,
    empirical_freedman_shift,
    empirical_freedman_sigma,
    floor,
    freedman,
    geometric_mean,
    geometric_mean_shift,
    howard,
    loss_variation,
    lower_geometric_mean,
    maurer_pontil,
    phi,
    psi,
    v,
)
from genbound.formulas.published import (
    finzi_bound,
    lotfi_subsampled,
    tangent,
    two_stage_geometric_mean,
)
from genbound.formulas.smoothing import (
    binary_entropy,
    ceiling,
    entropy_floor,
    least_loss,
    smoothed_loss,
    smoothing_cost_sqrt,
    smoothing_cost_sqrt_sharp,
    smoothing_price,
    smoothing_trade,
    span,
)

__all__ = [
    "azuma_hoeffding",
    "binary_entropy",
    "binary_kl",
    "ceiling",
    "disintegrated_complexity",
    "empirical_bernstein",
    "empirical_freedman",
    "empirical_freedman_shift",
    "empirical_freedman_sigma",
    "entropy_floor",
    "evaluate",
    "finzi_bound",
    "floor",
    "freedman",
    "geometric_mean",
    "geometric_mean_shift",
    "howard",
    "least_loss",
    "loss_variation",
    "lotfi_subsampled",
    "lower_geometric_mean",
    "maurer_pontil",
    "pac_bayes_complexity",
    "phi",
    "prefix_prior_complexity",
    "prior_union_complexity",
    "psi",
    "requential_complexity",
    "smoothed_loss",
    "smoothing_cost_sqrt",
    "smoothing_cost_sqrt_sharp",
    "smoothing_price",
    "smoothing_trade",
    "span",
    "tangent",
    "two_stage_geometric_mean",
    "v",
]
