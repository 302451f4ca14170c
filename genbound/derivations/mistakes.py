"""Wrong derivations, on purpose: each is a true chain with one step spoiled, and the engine must refute that step.

A theme lists the mistakes people make in its chains as `MISTAKES`, beside `CHAINS`. What refutes one is told twice: by
the step that is no longer verified, and by a counterexample (`genbound.derivations.refuting.witness`).
"""

# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sympy as sp

from genbound.errors import domain_error

if TYPE_CHECKING:
    from genbound.derivations.chain import Derivation


@dataclass(frozen=True)
class Mistake:
    """The derivation of that name with step `step` (counted from 1) changed in the fields that are given.

    Attributes:
        derivation: a name of `genbound.derivations.DERIVATIONS`.
        step: the step that is spoiled, from 1; it must be the first that is not verified.
        name: a short name, with underscores; unique within the derivation.
        mistake: what was done wrong, in words.
        after: the wrong line; None keeps the true one.
        relation: the wrong relation; None keeps the true one.
        reason: fields of the step's reason -> their wrong values.
    """

    derivation: str
    step: int
    name: str
    mistake: str
    after: sp.Expr | None = None
    relation: str | None = None
    reason: Mapping[str, Any] = field(default_factory=dict)

    @property
    def true(self) -> Derivation:
        """The derivation that is spoiled; DomainError when there is none, or no such step."""
        from genbound.derivations import DERIVATIONS

        if self.derivation not in DERIVATIONS:
            raise domain_error("derivation", self.derivation, "a name of DERIVATIONS", "derivation that is spoiled")
        found = DERIVATIONS[self.derivation]
        if not 1 <= self.step <= len(found.steps):
            raise domain_error("step", self.step, f"1 <= step <= {len(found.steps)}", f"step of {self.derivation}")
        return found

    def wrong(self) -> Derivation:
        """The broken derivation; verifying it must fail at the step that was spoiled, and at no other."""
        true = self.true
        steps = list(true.steps)
        spoiled = steps[self.step - 1]
        changes: dict[str, Any] = {"reason": replace(spoiled.reason, **self.reason)}
        if self.after is not None:
            changes["after"] = self.after
        if self.relation is not None:
            changes["relation"] = self.relation
        steps[self.step - 1] = replace(spoiled, **changes)
        return replace(true, steps=tuple(steps))


def planted() -> tuple[Mistake, ...]:
    """The mistakes of every theme, in the order of the themes."""
    from genbound.derivations import THEMES  # not at the top: the themes import this module

    return tuple(each for theme in THEMES for each in getattr(theme, "MISTAKES", ()))
