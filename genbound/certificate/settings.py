"""What a certification was asked to do. Everything here is fixed before the first loss is read, or paid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genbound.errors import DomainError, domain_error

QUANTIZERS = ("rtn", "ldlq")
FULL_WORK = 1.0e13
"""Parameters x tokens up to which every token is read unless the user says otherwise."""

AUTO_WINDOWS = 4096
"""Windows sampled when reading every token is too slow."""

MAX_CONTEXT = 1024


@dataclass(frozen=True)
class Settings:
    """The plan of one certification.

    Attributes:
        delta: failure probability of each printed bound, in (0, 1).
        rates: nominal bits per weight the quantizers try; the coded file pays for the choice.
        quantizers: `rtn` (round to nearest), `ldlq` (GPTQ / LDLQ with calibration).
        context: T, tokens per window; None: the model's own context, at most 1024.
        windows: windows to sample with replacement; 0: read every token; None: 0 unless parameters x tokens > 1e13.
        pilot: windows that choose rate, alpha and family member (their own independent draw).
        calibration: windows whose activations calibrate ldlq.
        seed: of every draw.
        population: tokens of the stream DATA is a sample of; the result is then "assumed uniform".
        max_tokens: use the first that many tokens of DATA.
        heldout_tokens: use the first that many of the held-out data.
        dtype: floating type the models run in.
    """

    delta: float = 0.01
    rates: tuple[float, ...] = (2.0, 3.0, 4.0, 6.0, 8.0)
    quantizers: tuple[str, ...] = ("ldlq",)
    context: int | None = None
    windows: int | None = None
    pilot: int = 128
    calibration: int = 128
    seed: int = 0
    population: int | None = None
    max_tokens: int | None = None
    heldout_tokens: int | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if not (isinstance(self.delta, float | int) and 0 < self.delta < 1):
            raise domain_error("delta", self.delta, "0 < delta < 1", "failure probability")
        for rate in self.rates:
            if not 1 <= rate <= 12:
                raise domain_error("rate", rate, "1 <= rate <= 12", "nominal bits per weight")
        if not self.rates or len({f"{rate:g}" for rate in self.rates}) != len(self.rates):
            raise DomainError(f"rates={self.rates}: need at least one, each once")
        if not self.quantizers or not set(self.quantizers) <= set(QUANTIZERS):
            raise DomainError(f"quantizers={self.quantizers}: need some of {QUANTIZERS}")
        for name, least in (("pilot", 8), ("calibration", 1)):
            if getattr(self, name) < least:
                raise domain_error(name, getattr(self, name), f"at least {least}", "windows")
        if not 0 <= self.seed < 1 << 63:
            raise domain_error("seed", self.seed, "0 <= seed < 2^63", "of every draw")
        if self.population is not None and not 2 <= self.population < 1 << 63:
            raise domain_error("population", self.population, "2 <= n < 2^63", "tokens of the whole stream")
        if self.windows is not None and (self.windows < 0 or self.windows == 1):
            raise domain_error("windows", self.windows, "0 (every token) or at least 2", "sampled windows")
        if self.context is not None and self.context < 1:
            raise domain_error("context", self.context, "at least 1", "tokens per window")
        if self.population is not None and self.windows is not None:
            raise DomainError("population with windows: a sample you supply is not sampled again")

    @property
    def labels(self) -> dict[str, tuple[str, float]]:
        """Every coded model that is tried: label -> (quantizer, rate)."""
        return {f"{q}-{rate:g}": (q, rate) for q in self.quantizers for rate in self.rates}

    def window_length(self, model_context: int | None) -> int:
        """T: what was asked for, else the model's own context up to 1024."""
        limit = model_context or MAX_CONTEXT
        if self.context is not None and model_context is not None and self.context > model_context:
            raise domain_error("context", self.context, f"at most {model_context}", "the model's own context")
        return self.context or min(limit, MAX_CONTEXT)

    def sampled_windows(self, parameters: int, tokens: int) -> int:
        """How many windows to draw; 0 when every token is read."""
        if self.windows is not None:
            return self.windows
        slow = float(parameters) * tokens > FULL_WORK and tokens > AUTO_WINDOWS * MAX_CONTEXT
        return AUTO_WINDOWS if slow else 0

    def to_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Settings:
        try:
            fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
            return cls(**fields)
        except TypeError as error:
            raise DomainError(f"settings: {error}") from error
