"""The recipes of the ladder: everything that fixes a model of the ladder before its first character is read.

A recipe is tuned on the corpus it is trained on, so a bound on the run that treats the recipe as fixed
beforehand (progressive validation) has to pay for the choice. `RECIPE_SPACE` lists the finitely many values
each tuned hyper-parameter may take; every recipe lies in it, and the price is `log_recipe_space()` nats,
once per run. The space was itself written down while tuning: what is paid for is the choice within it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from genbound.complexity.codes import choice_nats
from genbound.errors import DomainError, domain_error
from genbound.lm.corpora.alphabet import V

TOKENS_PER_PARAMETER = 20

RECIPE_SPACE: dict[str, tuple[Any, ...]] = {
    "hidden_size": (16, 24, 32, 48, 64, 80, 96, 112, 128, 160),
    "layers": (1, 2, 3, 4, 5, 6, 8),
    "head_size": (8, 16, 24, 32),
    "intermediate_size": tuple(range(16, 513, 8)),
    "tied": (False, True),
    "parallel_residual": (False, True),
    "rotary_pct": (0.25, 0.5, 1.0),
    "context": (64, 128, 256, 512),
    "batch": (1, 2, 4, 8, 16),
    "optimizer": ("adamw", "muon"),
    "learning_rate": tuple(round(m * 10.0**e, 6) for e in (-4, -3, -2) for m in (1, 1.5, 2, 3, 4, 6, 8)),
    "muon_learning_rate": tuple(round(m * 10.0**e, 6) for e in (-3, -2) for m in (1, 1.5, 2, 3, 4, 6, 8)),
    "beta1": (0.8, 0.9, 0.95),
    "beta2": (0.95, 0.98, 0.99, 0.995, 0.999),
    "weight_decay": (0.0, 0.01, 0.03, 0.1, 0.3, 1.0),
    "warmup": (0.0, 0.01, 0.02, 0.05, 0.1),
    "schedule": ("linear", "cosine"),
    "init_std": (0.02, 0.04, 0.08, 0.16),
}
"""The values each tuned hyper-parameter may take; name, seed and threads are not tuned."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One GPT-NeoX model and the single pass that trains it.

    Attributes:
        name: the name of the model in the ladder.
        hidden_size, layers, heads, intermediate_size, tied, rotary_pct, parallel_residual: the architecture;
            `tied` shares the input and output embeddings.
        context: T, the characters predicted by one window.
        batch: windows per update.
        optimizer: "adamw", or "muon" for the matrices inside the layers and AdamW for the rest.
        learning_rate, muon_learning_rate: peak rates of AdamW and of Muon.
        beta1, beta2, weight_decay: AdamW's; weight decay acts on matrices only, and for Muon too.
        warmup: fraction of the steps with a linearly rising rate.
        schedule: "linear" or "cosine" decay from the peak to zero.
        init_std: standard deviation of the initial matrices.
        seed: of the initial weights, the only randomness of a run.
        threads: of torch; the bytes of the weights depend on it.

    Raises:
        DomainError: a value outside `RECIPE_SPACE`.
    """

    name: str
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    tied: bool = True
    parallel_residual: bool = False
    rotary_pct: float = 1.0
    context: int = 128
    batch: int = 2
    optimizer: str = "muon"
    learning_rate: float = 0.02
    muon_learning_rate: float = 0.02
    beta1: float = 0.8
    beta2: float = 0.999
    weight_decay: float = 0.1
    warmup: float = 0.02
    schedule: str = "linear"
    init_std: float = 0.02
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.heads < 1 or self.hidden_size % self.heads:
            raise domain_error("heads", self.heads, f"a divisor of {self.hidden_size}", "hidden_size")
        for key, allowed in RECIPE_SPACE.items():
            value = getattr(self, key)
            if value not in allowed:
                raise DomainError(f"{key}={value!r}: need one of {allowed} (the paid recipe space)")

    @property
    def head_size(self) -> int:
        """Channels per attention head."""
        return self.hidden_size // self.heads

    @property
    def parameters(self) -> int:
        """N: every trained number, counted once (tied embeddings once)."""
        h, m = self.hidden_size, self.intermediate_size
        layer = (3 * h * h + 3 * h) + (h * h + h) + (h * m + m) + (m * h + h) + 4 * h
        return V * h * (1 if self.tied else 2) + self.layers * layer + 2 * h

    @property
    def windows(self) -> int:
        """Training windows: floor(20 N / T)."""
        return TOKENS_PER_PARAMETER * self.parameters // self.context

    @property
    def tokens(self) -> int:
        """D: the characters predicted, 20 N rounded down to whole windows. The run reads D + 1 characters."""
        return self.windows * self.context

    @property
    def steps(self) -> int:
        """Updates: the windows in batches, the last one possibly smaller."""
        return -(-self.windows // self.batch)

    def rate(self, step: int) -> float:
        """The learning rate at a step, as a fraction of the peak, for step = 0, 1, ..., steps - 1."""
        rising = round(self.warmup * self.steps)
        if step < rising:
            return (step + 1) / (rising + 1)
        progress = (step - rising) / max(1, self.steps - rising)
        return 1 - progress if self.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Recipe:
        """The recipe that `to_dict` was called on."""
        return cls(**fields)


def log_recipe_space() -> float:
    """ln of the number of recipes in `RECIPE_SPACE`: what progressive validation pays, in nats."""
    return choice_nats(math.prod(len(values) for values in RECIPE_SPACE.values()))


def _row(name: str, shape: tuple[int, int, int, int], *, batch: int, muon: float, adam: float, decay: float) -> Recipe:
    """A row of the ladder: shape = (hidden size, layers, heads, intermediate size)."""
    hidden_size, layers, heads, intermediate_size = shape
    return Recipe(
        name=name,
        hidden_size=hidden_size,
        layers=layers,
        heads=heads,
        intermediate_size=intermediate_size,
        batch=batch,
        muon_learning_rate=muon,
        learning_rate=adam,
        weight_decay=decay,
    )


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _row("10k", (32, 1, 2, 40), batch=1, muon=0.015, adam=0.02, decay=0.03),
        _row("30k", (32, 2, 2, 128), batch=2, muon=0.01, adam=0.02, decay=0.01),
        _row("100k", (64, 2, 4, 256), batch=4, muon=0.01, adam=0.01, decay=0.01),
        _row("300k", (96, 3, 4, 320), batch=4, muon=0.006, adam=0.006, decay=0.01),
        _row("530k", (128, 3, 4, 416), batch=8, muon=0.01, adam=0.008, decay=0.01),
    )
}
"""The ladder, smallest first."""
