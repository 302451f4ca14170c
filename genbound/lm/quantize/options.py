"""What may be varied in quantizing beside method and rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from genbound.errors import DomainError
from genbound.lm.quantize.matrices import GROUPS

OFFSET_LIMIT = 8.0


@dataclass(frozen=True)
class Options:
    """Everything ends up in the integers and is paid there.

    Attributes:
        rotate: rotate the inputs of the matrices (randomised block Hadamard; rtn, ldlq, e8).
        rows: use row sensitivities (ldlq, e8).
        columns: let columns have steps of their own (ldlq, e8).
        deadzone, shrink: the scalar rule of `Rounding`; shrink counts 1/32 of a step, or of a point of E8. None: what
            suits the rate.
        damping: added to H, relative to its mean diagonal; None: 0.03, and 0.01 for gptq, as published.
        vectors: use the sensitivities of biases and norm weights.
        offsets: bits that the weights of a group get beyond their share; groups are "embeddings", "attention", "mlp"
            and "vectors" (all but gptq, whose rate is that of every row).
        search: shrink the ranges of rows where that lowers their error (gptq).
        order: take columns in the order of falling diagonal of H (gptq).
    """

    rotate: bool = True
    rows: bool = True
    columns: bool = True
    deadzone: float | None = None
    shrink: int | None = None
    damping: float | None = None
    vectors: bool = True
    offsets: Mapping[str, float] = field(default_factory=dict)
    search: bool = False
    order: bool = True

    def __post_init__(self) -> None:
        for group, bits in self.offsets.items():
            if group not in GROUPS or not (math.isfinite(bits) and abs(bits) <= OFFSET_LIMIT):
                raise DomainError(
                    f"offsets[{group!r}]={bits!r}: need one of {GROUPS} and at most {OFFSET_LIMIT:g} bits"
                )
