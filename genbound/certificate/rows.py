"""The rows of a certificate: a bound with everything that went into it, and the decomposition users read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from flint import arb

from genbound.certified import ball, precision, up

METHODS = (
    "random_guess",
    "held_out",
    "progressive_validation",
    "lotfi_subsampled",
    "azuma_hoeffding",
    "finzi_bound",
    "empirical_freedman",
    "geometric_mean",
    "floor",
)
"""Every bound a certificate shows, in the order it shows them."""

DECOMPOSITION = (
    "empirical_risk",
    "quantization_error",
    "smoothing_cost",
    "complexity",
    "loss_variation",
    "sampling",
)
"""The rows of THEORY section 4, in order; their `math.fsum` is the bound, to the last bit."""


@dataclass(frozen=True)
class CodedModel:
    """One description of a model: how it was made, and what naming the model by it costs.

    Attributes:
        label: its name in the certificate. method: the code. rate: nominal bits per weight, None without one.
        file, sha256: the file it stands in.
        code_bits: L(h), the size of that file, where the file is the code; None where the price is a log-ratio.
        kind: `coded file`, `draw`, `prefix` or `transcript`.
        prices: nats by item, each rounded up: n C but for ln(1/delta) and the bound's own choices.
        states: what stands in the file, and how n C is computed from it.
    """

    label: str
    method: str
    rate: float | None
    file: str
    code_bits: int | None
    sha256: str
    kind: str
    prices: Mapping[str, float]
    states: str

    @property
    def nats(self) -> float:
        """The sum of the prices, rounded up."""
        with precision():
            return up(sum((ball(value) for value in self.prices.values()), arb(0)))

    def bits_per_parameter(self, parameters: int) -> float:
        """The price in bits, spread over the parameters."""
        return (self.nats / math.log(2) if self.code_bits is None else self.code_bits) / parameters


@dataclass(frozen=True)
class BoundRow:
    """One printed bound, in nats per token.

    Attributes:
        value: the bound, rounded up (the floor: down).
        about: what the bound is about.
        n: tokens it is about.
        code: label of the coded model it certifies (None: no code, or the model itself).
        alpha: smoothing weight of the certified predictor (None: no smoothing).
        complexity: C in nats per token, with everything paid in it.
        terms: additive parts.
        tuned: the parameters that were chosen, enough to evaluate the bound again.
        paid: what C holds, in nats (total over the stream, not per token).
    """

    value: float
    about: str
    n: int
    code: str | None = None
    alpha: float | None = None
    complexity: float | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    paid: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> BoundRow:
        return cls(**value)


def decompose(
    bound: float,
    *,
    empirical_risk: float,
    coded_loss: float,
    smoothed_loss: float,
    complexity: float,
    ceiling: float,
    sampling: float = 0.0,
) -> dict[str, float]:
    """Split `geometric_mean` into the rows of THEORY section 4; they add up exactly.

    Args:
        bound: the certified value.
        empirical_risk: mean loss of the original model.
        coded_loss: mean loss of the decoded model, unsmoothed.
        smoothed_loss: mean loss of the decoded model, smoothed.
        complexity: C, nats per token.
        ceiling: B, the largest smoothed loss.
        sampling: what the second stage of a sampled bound added.
    """
    rows = {
        "empirical_risk": empirical_risk,
        "quantization_error": coded_loss - empirical_risk,
        "smoothing_cost": smoothed_loss - coded_loss,
        "complexity": -math.expm1(-complexity) * (ceiling - smoothed_loss),
        "sampling": sampling,
    }
    rest = float(Fraction(bound) - sum(map(Fraction, rows.values())))
    rows["loss_variation"] = rest
    for neighbour in (math.nextafter(rest, -math.inf), math.nextafter(rest, math.inf)):
        if math.fsum(rows.values()) == bound:
            break
        rows["loss_variation"] = neighbour  # the rounded remainder fell on a tie
    return {name: rows[name] for name in DECOMPOSITION}
