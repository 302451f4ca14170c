"""genbound: generalization bounds for language models, derived, certified and measured on real models.

    import genbound as gb

    wealth = gb.Wealth(ceiling=gb.smoothing.ceiling(alpha, V))
    wealth.update(losses, predictions)
    print(gb.geometric_mean(wealth, log_inv_delta=nats))
    gb.formula("smoothing_price")(C=[0.1, 1.0])                  # any formula of the theory: arrays, or 50 digits

Names are loaded when they are first used, so `import genbound` costs nothing and never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbound import baselines, certified, claims, complexity, concentration, processes, smoothing, subsample
    from genbound.baselines import finzi_bound, lotfi_subsampled
    from genbound.checks.user import check_bound
    from genbound.claims.registry import cite, claim
    from genbound.complexity.codes import Ledger, code_nats, log_inv_delta
    from genbound.complexity.draws import disintegrated, gaussian_log_ratio
    from genbound.complexity.pac_bayes import pac_bayes
    from genbound.complexity.prefix import prefix_prior
    from genbound.complexity.prior import Prior
    from genbound.complexity.progressive import held_out, progressive_validation
    from genbound.complexity.requential import requential
    from genbound.complexity.union import prior_union
    from genbound.concentration.azuma import azuma_hoeffding
    from genbound.concentration.capped import capped_geometric_mean
    from genbound.concentration.comparators import empirical_bernstein, howard, maurer_pontil, mineiro
    from genbound.concentration.confidence import ConfidenceInterval, ConfidenceSequence, confidence_interval
    from genbound.concentration.empirical_freedman import empirical_freedman
    from genbound.concentration.floor import floor
    from genbound.concentration.freedman import freedman
    from genbound.concentration.geometric_mean import geometric_mean, lower_geometric_mean
    from genbound.concentration.kl import kl_inf, kl_inverse
    from genbound.concentration.mixture import mixture
    from genbound.concentration.result import BoundResult
    from genbound.concentration.wealth import Wealth
    from genbound.errors import (
        CertificateError,
        CodeFormatError,
        DataError,
        DomainError,
        GenboundError,
        MissingExtraError,
        ModelError,
    )
    from genbound.formulas.callables import formula
    from genbound.lm.certify import certify  # pyright: ignore[reportMissingImports]
    from genbound.subsample import WindowSample, two_stage_geometric_mean

__version__ = "0.1.0"

_HOME = {
    "BoundResult": "genbound.concentration.result",
    "CertificateError": "genbound.errors",
    "CodeFormatError": "genbound.errors",
    "ConfidenceInterval": "genbound.concentration.confidence",
    "ConfidenceSequence": "genbound.concentration.confidence",
    "DataError": "genbound.errors",
    "DomainError": "genbound.errors",
    "GenboundError": "genbound.errors",
    "Ledger": "genbound.complexity.codes",
    "MissingExtraError": "genbound.errors",
    "ModelError": "genbound.errors",
    "Prior": "genbound.complexity.prior",
    "Wealth": "genbound.concentration.wealth",
    "WindowSample": "genbound.subsample",
    "azuma_hoeffding": "genbound.concentration.azuma",
    "capped_geometric_mean": "genbound.concentration.capped",
    "certify": "genbound.lm.certify",
    "check_bound": "genbound.checks.user",
    "cite": "genbound.claims.registry",
    "claim": "genbound.claims.registry",
    "code_nats": "genbound.complexity.codes",
    "confidence_interval": "genbound.concentration.confidence",
    "disintegrated": "genbound.complexity.draws",
    "empirical_bernstein": "genbound.concentration.comparators",
    "empirical_freedman": "genbound.concentration.empirical_freedman",
    "finzi_bound": "genbound.baselines",
    "floor": "genbound.concentration.floor",
    "formula": "genbound.formulas.callables",
    "freedman": "genbound.concentration.freedman",
    "gaussian_log_ratio": "genbound.complexity.draws",
    "geometric_mean": "genbound.concentration.geometric_mean",
    "held_out": "genbound.complexity.progressive",
    "howard": "genbound.concentration.comparators",
    "kl_inf": "genbound.concentration.kl",
    "kl_inverse": "genbound.concentration.kl",
    "log_inv_delta": "genbound.complexity.codes",
    "lotfi_subsampled": "genbound.baselines",
    "lower_geometric_mean": "genbound.concentration.geometric_mean",
    "maurer_pontil": "genbound.concentration.comparators",
    "mineiro": "genbound.concentration.comparators",
    "mixture": "genbound.concentration.mixture",
    "pac_bayes": "genbound.complexity.pac_bayes",
    "prefix_prior": "genbound.complexity.prefix",
    "prior_union": "genbound.complexity.union",
    "progressive_validation": "genbound.complexity.progressive",
    "requential": "genbound.complexity.requential",
    "two_stage_geometric_mean": "genbound.subsample",
}
_MODULES = {
    "baselines", "certified", "claims", "complexity", "concentration", "processes", "scaling", "smoothing", "subsample",
}  # fmt: skip

__all__ = [
    "BoundResult",
    "CertificateError",
    "CodeFormatError",
    "ConfidenceInterval",
    "ConfidenceSequence",
    "DataError",
    "DomainError",
    "GenboundError",
    "Ledger",
    "MissingExtraError",
    "ModelError",
    "Prior",
    "Wealth",
    "WindowSample",
    "azuma_hoeffding",
    "baselines",
    "capped_geometric_mean",
    "certified",
    "certify",
    "check_bound",
    "cite",
    "claim",
    "claims",
    "code_nats",
    "complexity",
    "concentration",
    "confidence_interval",
    "disintegrated",
    "empirical_bernstein",
    "empirical_freedman",
    "finzi_bound",
    "floor",
    "formula",
    "freedman",
    "gaussian_log_ratio",
    "geometric_mean",
    "held_out",
    "howard",
    "kl_inf",
    "kl_inverse",
    "log_inv_delta",
    "lotfi_subsampled",
    "lower_geometric_mean",
    "maurer_pontil",
    "mineiro",
    "mixture",
    "pac_bayes",
    "prefix_prior",
    "prior_union",
    "processes",
    "progressive_validation",
    "requential",
    "smoothing",
    "subsample",
    "two_stage_geometric_mean",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"genbound.{name}")
    else:
        raise AttributeError(f"module 'genbound' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
