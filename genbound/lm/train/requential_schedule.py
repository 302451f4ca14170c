"""The constants of a requential run, from lists that are paid: how the student learns, how the teacher is led."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from genbound.certified import ball, precision, up
from genbound.complexity.codes import choice_nats, code_nats, elias_gamma_bits
from genbound.errors import DomainError
from genbound.lm.ladder.recipes import RECIPE_SPACE, log_recipe_space

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)

SPACE: dict[str, Any] = {
    "draws": range(1, (1 << 16) + 1),
    "windows": (2, 4, 8, 16, 32, 64, 128, 256),
    "batch": RECIPE_SPACE["batch"],
    "learning_rate": RECIPE_SPACE["learning_rate"],
    "muon_learning_rate": RECIPE_SPACE["muon_learning_rate"],
    "final": (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
    "average": (0.0, 0.8, 0.9, 0.95, 0.98, 0.99),
}
"""The values that each constant of a `Schedule` may take."""

GUIDANCE_SPACE: dict[str, Any] = {
    "learning_rate": RECIPE_SPACE["learning_rate"],
    "muon_learning_rate": RECIPE_SPACE["muon_learning_rate"],
    "pull": (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
    "relax": (False, True),
    "every": range(1, 65),
    "alone": (0.0, 0.05, 0.1, 0.2, 0.5, 1.0),
    "batch": RECIPE_SPACE["batch"],
    "average": (0.0, 0.8, 0.9, 0.95, 0.98, 0.99),
    "way": ("weights", "laws"),
    "lead": (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "spend": tuple(round(m * 10.0**e, 2) for e in range(-1, 7) for m in _STEPS),
}
"""The values that each constant of a `Guidance` may take."""

EPOCHS = range(1, 1025)
"""Passes of the teacher over the real stream."""

WARM_UP = 5
SEED_LIMIT = 2**63


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a student learns from what it hears.

    Attributes:
        draws: how often it is spoken to. windows: windows per draw.
        batch: windows per update (the last may be smaller).
        learning_rate, muon_learning_rate: of AdamW and Muon at their peak.
        final: the same at the last draw, as a fraction; geometric in between.
        average: gamma of the moving average of the weights, updated with every step; the average is the student:
            it gives the law p and is what is certified.

    Raises:
        DomainError: a value outside `SPACE`.
    """

    draws: int = 100
    windows: int = 32
    batch: int = 4
    learning_rate: float = 0.02
    muon_learning_rate: float = 0.015
    final: float = 0.1
    average: float = 0.95

    def __post_init__(self) -> None:
        _require(self, SPACE)

    def rate(self, draw: int) -> float:
        """The learning rates of a draw, as a fraction of the peak: WARM_UP draws rise to it, then it falls.

        >>> schedule = Schedule(draws=11, final=0.01)
        >>> [round(schedule.rate(draw), 6) for draw in (0, 5, 10)]
        [0.2, 0.1, 0.01]
        """
        return min(1.0, (draw + 1) / WARM_UP) * self.final ** (draw / max(1, self.draws - 1))

    def to_dict(self) -> dict[str, Any]:
        """The constants by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How the teacher is led.

    Attributes:
        learning_rate, muon_learning_rate: of the teacher's AdamW and Muon at their peak; linear to 0 over the run.
        pull: how far the teacher is moved towards the student before it learns; 1 restarts it there.
        relax: the pull falls with the teacher's learning rates.
        every: draws between two turns of the teacher; in one turn it makes the steps of all of them while the
            student waits (with pull = 1: the iso-loss projection of Qiu et al.).
        alone: fraction of the teacher's steps before the first draw.
        batch: windows of the real stream per step of the teacher.
        average: gamma of the moving average of the teacher's weights.
        way: "weights": the sampler's weights are student + share (teacher - student); "laws": it samples from
            q ~ p^(1 - share) t^share.
        lead: the largest share.
        spend: expected nats per draw; the share is made so small that about so much is spent.

    Raises:
        DomainError: a value outside `GUIDANCE_SPACE`.
    """

    learning_rate: float = 0.006
    muon_learning_rate: float = 0.004
    pull: float = 0.2
    relax: bool = True
    every: int = 1
    alone: float = 0.2
    batch: int = 4
    average: float = 0.9
    way: str = "weights"
    lead: float = 0.6
    spend: float = 100.0

    def __post_init__(self) -> None:
        _require(self, GUIDANCE_SPACE)

    def to_dict(self) -> dict[str, Any]:
        """The constants by name, for JSON."""
        return asdict(self)

    @classmethod
    def spending(cls, nats: float) -> Guidance:
        """The default with the largest `spend` that is no more than so many nats per draw, if there is one.

        >>> Guidance.spending(285.44).spend
        200.0
        """
        return cls(spend=max((spend for spend in GUIDANCE_SPACE["spend"] if spend <= nats), default=0.1))


def _require(constants: Schedule | Guidance, space: dict[str, Any]) -> None:
    for field in fields(constants):
        value, allowed = getattr(constants, field.name), space[field.name]
        if type(value) is not type(field.default) or value not in allowed:
            raise DomainError(f"{field.name}={value!r}: need one of {allowed} (the paid space of runs)")


def choice_of_run(seed: int) -> float:
    """ln of the number of schedules, guidances, epochs and recipes, and the Elias gamma code of the seed, nats.

    All that a run depends on beyond what is drawn and what was fixed beforehand. A teacher may be led in any way; it
    is paid because runs led in several ways are looked at before one is shown. The recipe gives Adam's moments and the
    initial scale. The lists were themselves written down while tuning: what is paid is the choice within them.

    >>> round(choice_of_run(0) - log_recipe_space(), 2)
    56.82
    """
    members = math.prod(len(allowed) for allowed in (*SPACE.values(), *GUIDANCE_SPACE.values(), EPOCHS))
    with precision():
        parts = (choice_nats(members), log_recipe_space(), code_nats(elias_gamma_bits(seed + 1)))
        return up(sum((ball(part) for part in parts), ball(0)))
