"""genbound: generalization bounds for language models, derived, certified and measured on real models.

    import genbound as gb

    wealth = gb.Wealth(ceiling=gb.smoothing.ceiling(alpha, V))
    wealth.update(losses, predictions)
    print(gb.geometric_mean(wealth, log_inv_delta=nats))

Names are loaded when they are first used, so `import genbound` costs nothing and never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbound import baselines, certified, complexity, concentration, smoothing, subsample
    from genbound.baselines import finzi_bound, lotfi_subsampled
    from genbound.complexity.codes import Ledger, code_nats, log_inv_delta
    from genbound.complexity.progressive import held_out, progressive_validation
    from genbound.concentration.azuma import azuma_hoeffding
    from genbound.concentration.floor import floor
    from genbound.concentration.freedman import empirical_freedman
    from genbound.concentration.geometric_mean import geometric_mean, lower_geometric_mean
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
    from genbound.lm.certify import certify  # pyright: ignore[reportMissingImports]
    from genbound.subsample import WindowSample, two_stage_geometric_mean

__version__ = "0.1.0"

_HOME = {
    "BoundResult": "genbound.concentration.result",
    "CertificateError": "genbound.errors",
    "CodeFormatError": "genbound.errors",
    "DataError": "genbound.errors",
    "DomainError": "genbound.errors",
    "GenboundError": "genbound.errors",
    "Ledger": "genbound.complexity.codes",
    "MissingExtraError": "genbound.errors",
    "ModelError": "genbound.errors",
    "Wealth": "genbound.concentration.wealth",
    "WindowSample": "genbound.subsample",
    "azuma_hoeffding": "genbound.concentration.azuma",
    "certify": "genbound.lm.certify",
    "code_nats": "genbound.complexity.codes",
    "empirical_freedman": "genbound.concentration.freedman",
    "finzi_bound": "genbound.baselines",
    "floor": "genbound.concentration.floor",
    "geometric_mean": "genbound.concentration.geometric_mean",
    "held_out": "genbound.complexity.progressive",
    "log_inv_delta": "genbound.complexity.codes",
    "lotfi_subsampled": "genbound.baselines",
    "lower_geometric_mean": "genbound.concentration.geometric_mean",
    "progressive_validation": "genbound.complexity.progressive",
    "two_stage_geometric_mean": "genbound.subsample",
}
_MODULES = {"baselines", "certified", "complexity", "concentration", "smoothing", "subsample"}

__all__ = [
    "BoundResult",
    "CertificateError",
    "CodeFormatError",
    "DataError",
    "DomainError",
    "GenboundError",
    "Ledger",
    "MissingExtraError",
    "ModelError",
    "Wealth",
    "WindowSample",
    "azuma_hoeffding",
    "baselines",
    "certified",
    "certify",
    "code_nats",
    "complexity",
    "concentration",
    "empirical_freedman",
    "finzi_bound",
    "floor",
    "geometric_mean",
    "held_out",
    "log_inv_delta",
    "lotfi_subsampled",
    "lower_geometric_mean",
    "progressive_validation",
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
