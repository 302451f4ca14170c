"""A planted mistake and what becomes of it: the step that is not verified, and the counterexample."""

from __future__ import annotations

from dataclasses import dataclass

from genbound.derivations.chain import StepError
from genbound.derivations.mistakes import Mistake
from genbound.derivations.refuting.found import Counterexample
from genbound.derivations.refuting.witness import refutation


@dataclass(frozen=True)
class Refutation:
    """What happened to a wrong derivation.

    Attributes:
        mistake: what was planted.
        step: the first step that was not verified; None when all were, so that the mistake was not noticed.
        message: why it was not verified.
        counterexample: where the step fails; None when none was found.
    """

    mistake: Mistake
    step: int | None
    message: str
    counterexample: Counterexample | None

    @property
    def refuted(self) -> bool:
        """Whether the step that was spoiled is the one that fails, with a counterexample."""
        return self.step == self.mistake.step and self.counterexample is not None


def refute(mistake: Mistake) -> Refutation:
    """Verify the wrong derivation, and look for a counterexample to the step that was spoiled.

    >>> from genbound.derivations.mistakes import planted
    >>> from genbound.derivations.refuting.refute import refute
    >>> found = refute(next(each for each in planted() if each.name == "half_complexity"))
    >>> found.mistake.derivation, found.step, found.refuted
    ('geometric_mean', 2, True)
    """
    wrong = mistake.wrong()
    step, message = None, "every step was verified"
    try:
        wrong.verified()
    except StepError as error:
        step, message = error.number, str(error)
    return Refutation(mistake, step, message, refutation(wrong, mistake.step))
