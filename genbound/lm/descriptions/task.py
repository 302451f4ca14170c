"""What a route is given to describe a model with: all of it fixed beforehand, but for the tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbound.certificate.settings import Settings
from genbound.lm.hessian import Hessians
from genbound.lm.passes import Progress
from genbound.lm.subject import Subject


@dataclass(frozen=True)
class Task:
    """One description to be made.

    Attributes:
        subject: the original model and its tokens.
        rate: nominal bits per weight, None where the code has none.
        work: a folder of this description alone, from which a killed run continues.
        statistics: the calibration of the original model, collected when it is first asked for.
        progress: called as progress(step, done, total).
    """

    subject: Subject
    rate: float | None
    work: Path
    statistics: Callable[[], Hessians]
    progress: Progress

    @property
    def settings(self) -> Settings:
        return self.subject.settings

    @property
    def config(self) -> Any:
        """The configuration that gives a trained description its architecture."""
        return self.subject.model.config
