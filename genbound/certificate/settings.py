"""What a certification was asked to do. Everything here is fixed before the first loss is read, or paid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genbound.errors import DomainError, domain_error

QUANTIZERS = ("rtn", "gptq", "ldlq", "e8", "kmeans")
"""Codes of the original model's weights, one file a rate."""

STRUCTURED = ("lora", "sublora", "kronecker", "monarch")
"""Codes of a model of few numbers, trained from scratch (`lora` is Enhanced LoRA)."""

SPEAKS_OF_THE_REST = "prefix"
"""The one description that says nothing about the tokens it was made from: its bounds are about those after them."""

TRAINED = (*STRUCTURED, "variational", SPEAKS_OF_THE_REST, "requential")
"""Descriptions that are trained on the stream, in the architecture of the original model."""

CODES = (*QUANTIZERS, *TRAINED)

AUTO = (
    "ldlq", "variational", "e8", "gptq", "kmeans", "lora", "kronecker", "monarch", "sublora", "rtn", "requential",
)  # fmt: skip
"""What `auto` may try, in this order, as far as the time goes; all of them are paid for."""

MAX_EPOCHS = 4096

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
        code: how the model is described, some of CODES, or `auto`: those of AUTO that `minutes` allow. The choice
            among several is paid, whichever were tried.
        rates: nominal bits per weight the quantizers try; the coded file pays for the choice.
        search: how many files a quantizer may code and measure on the pilot windows in search of the rate between the
            least and the greatest of `rates`, and of the groups' offsets from it; 0: the rates as they are.
        tune: passes over the stream on which the quantizers' integers and steps are tuned for the bound; 0: none.
        epochs: passes over the stream of the descriptions that are trained.
        centred: MODEL was made without DATA: the prior of `variational` is centred on it.
        minutes: what `auto` may take, estimated before it begins.
        prefix: the share of the stream that `prefix` is trained on; the bounds are about the rest.
        context: tokens read per window, lead + T; None: the model's own context, at most 1024.
        lead: tokens at the beginning of a window that are read and not predicted (those of the window before), so
            that every prediction has a past; descriptions are trained on windows without one.
        windows: windows to sample with replacement; 0: read every token; None: 0 unless parameters x tokens > 1e13.
        pilot: windows that choose rate, alpha and family member (their own independent draw).
        calibration: windows whose activations calibrate the quantizers (all but rtn).
        seed: of every draw.
        population: tokens of the stream DATA is a sample of; the result is then "assumed uniform".
        max_tokens: use the first that many tokens of DATA.
        heldout_tokens: use the first that many of the held-out data.
        dtype: floating type the models run in.
    """

    delta: float = 0.01
    code: tuple[str, ...] = ("ldlq",)
    rates: tuple[float, ...] = (2.0, 3.0, 4.0, 6.0, 8.0)
    search: int = 0
    tune: int = 0
    epochs: int = 8
    centred: bool = False
    minutes: float = 30.0
    prefix: float = 0.5
    context: int | None = None
    lead: int = 0
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
            if not 0.5 <= rate <= 12:
                raise domain_error("rate", rate, "0.5 <= rate <= 12", "nominal bits per weight")
        if not self.rates or len({f"{rate:g}" for rate in self.rates}) != len(self.rates):
            raise DomainError(f"rates={self.rates}: need at least one, each once")
        self._check_code()
        if self.search and not (3 <= self.search <= 4096 and len(self.rates) > 1):
            raise domain_error("search", self.search, "0, or 3 <= search <= 4096 with two rates or more", "files")
        if not 0 <= self.tune <= MAX_EPOCHS:
            raise domain_error("tune", self.tune, f"0 <= tune <= {MAX_EPOCHS}", "passes over the stream")
        if not 1 <= self.epochs <= MAX_EPOCHS:
            raise domain_error("epochs", self.epochs, f"1 <= epochs <= {MAX_EPOCHS}", "passes over the stream")
        if not 0 < self.minutes < float("inf"):
            raise domain_error("minutes", self.minutes, "a positive number", "what `auto` may take")
        if not 0 < self.prefix < 1:
            raise domain_error("prefix", self.prefix, "0 < prefix < 1", "share of the stream that `prefix` reads")
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
        if self.lead < 0:
            raise domain_error("lead", self.lead, "lead >= 0", "tokens read ahead of a window")
        if self.population is not None and self.lead:
            raise DomainError("population with lead: the windows of a sample have nothing to do with each other")
        if self.population is not None and self.windows is not None:
            raise DomainError("population with windows: a sample you supply is not sampled again")

    def _check_code(self) -> None:
        """Known names, each once; what cannot stand beside others stands alone."""
        known = self.code == ("auto",) or set(self.code) <= set(CODES)
        if not known or not self.code or len(set(self.code)) != len(self.code):
            raise DomainError(f"code={','.join(self.code)}: need some of {', '.join(CODES)}, or auto")
        if SPEAKS_OF_THE_REST in self.code and len(self.code) > 1:
            raise DomainError("code=prefix with others: it is about other tokens than they are; certify it alone")
        if self.centred and "variational" not in self.codes:
            raise DomainError("centred without code=variational: no other description has a prior with a mean")
        trained = [code for code in self.code if code in TRAINED]
        if self.population is not None and (trained or self.tune):
            name = f"code={trained[0]}" if trained else f"tune={self.tune}"
            raise DomainError(f"population with {name}: that is trained on the whole stream, not on a sample")

    @property
    def codes(self) -> tuple[str, ...]:
        """Every way of describing the model that is paid for."""
        if self.code != ("auto",):
            return self.code
        return AUTO if self.population is None else tuple(code for code in AUTO if code in QUANTIZERS)

    @property
    def labels(self) -> dict[str, tuple[str, float | None]]:
        """Every description that may be tried: label -> (code, rate)."""
        found: dict[str, tuple[str, float | None]] = {}
        for code in self.codes:
            rates: tuple[float | None, ...] = self.rates if code in QUANTIZERS and not self.search else (None,)
            found |= {code if rate is None else f"{code}-{rate:g}": (code, rate) for rate in rates}
        return found

    def window_length(self, model_context: int | None) -> int:
        """T: what is left by the lead of what was asked for, else of the model's own context up to 1024."""
        limit = model_context or MAX_CONTEXT
        if self.context is not None and model_context is not None and self.context > model_context:
            raise domain_error("context", self.context, f"at most {model_context}", "the model's own context")
        width = self.context or min(limit, MAX_CONTEXT)
        if self.lead >= width:
            raise domain_error("lead", self.lead, f"lead < {width}", "the tokens read per window")
        return width - self.lead

    def windows_before(self, windows: int) -> int:
        """How many windows `prefix` is made from; the bounds are then about those after them."""
        if self.code != (SPEAKS_OF_THE_REST,):
            return 0
        if windows < 2:
            raise domain_error("windows", windows, "at least 2", "one for the prefix, one for the bound")
        return min(max(1, round(self.prefix * windows)), windows - 1)

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
