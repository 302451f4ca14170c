"""What every description gives when it is read: a model, and the nats that naming it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from flint import arb

from genbound.certified import ball, precision, up
from genbound.errors import DomainError, domain_error

if TYPE_CHECKING:
    from torch import nn

KINDS = ("coded file", "draw", "prefix", "transcript")
"""How n C follows from a file: its size in bits; an exact log-ratio; zero on what comes after; a running log-ratio."""


@dataclass(frozen=True)
class Described:
    """A model and its price, as read from one file.

    Attributes:
        kind: one of KINDS.
        model: what is certified: float32, in eval mode, on the CPU, no gradients.
        prices: nats by item, each rounded up; all of n C but ln(1/delta) and the bounds' own grids.
        code_bits: size of the file in bits where the file is the code, else None.
        states: one sentence: what stands in the file, and how n C is computed from it.
        seed: of the draws, where the file names it and its price is that of a seed fixed beforehand: the best of
            several seeds would have to be paid, so another one than that of the certificate's settings is refused.
        centre: digest of the weights the prior is centred on, where a model is: it must be the original one.
    """

    kind: str
    model: nn.Module
    prices: Mapping[str, float]
    code_bits: int | None
    states: str
    seed: int | None = None
    centre: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DomainError(f"kind={self.kind!r}: need one of {KINDS}")
        for name, value in self.prices.items():
            if not value >= 0 or value == float("inf"):
                raise domain_error(f"prices[{name!r}]", value, "finite and >= 0", "nats")
        if (self.code_bits is None) == (self.kind == "coded file"):
            raise DomainError(f"code_bits={self.code_bits}: a number for a coded file, None otherwise")
        object.__setattr__(self, "prices", MappingProxyType(dict(self.prices)))

    @property
    def nats(self) -> float:
        """The sum of the prices, rounded up."""
        with precision():
            return up(sum((ball(value) for value in self.prices.values()), arb(0)))
