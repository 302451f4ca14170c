"""Many hypotheses: what a choice made with the data costs (THEORY 2)."""

from __future__ import annotations

from genbound.complexity.codes import Ledger, choice_nats, code_nats, log_inv_delta
from genbound.complexity.draws import disintegrated, gaussian_log_ratio
from genbound.complexity.pac_bayes import PosteriorEstimate, pac_bayes, posterior_estimate
from genbound.complexity.posterior import kl_divergence
from genbound.complexity.prefix import prefix_prior
from genbound.complexity.prior import Prior
from genbound.complexity.progressive import held_out, progressive_validation
from genbound.complexity.requential import requential
from genbound.complexity.union import UnionResult, prior_union

__all__ = [
    "Ledger",
    "PosteriorEstimate",
    "Prior",
    "UnionResult",
    "choice_nats",
    "code_nats",
    "disintegrated",
    "gaussian_log_ratio",
    "held_out",
    "kl_divergence",
    "log_inv_delta",
    "pac_bayes",
    "posterior_estimate",
    "prefix_prior",
    "prior_union",
    "progressive_validation",
    "requential",
]
