"""The planted mistakes of the derivations, refuted once for all tests of a run."""

from __future__ import annotations

from functools import cache

from genbound.derivations.mistakes import Mistake, planted
from genbound.derivations.refuting.refute import Refutation, refute


@cache
def refuted(mistake: int) -> Refutation:
    """What became of the planted mistake of that number."""
    return refute(PLANTED[mistake])


PLANTED: tuple[Mistake, ...] = planted()
