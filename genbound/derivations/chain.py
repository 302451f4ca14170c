"""A derivation: lines of formulas, each following from the one before by a reason that is checked."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import sympy as sp

from genbound.derivations.rules import Reason, UnverifiedError, WrongError, Z, domain, nonnegative
from genbound.proving.identity import identical
from genbound.proving.signs import smooth
from genbound.symbols import tex

Relation = Literal["==", "<=", ">=", "->"]
"""`->`: the line is replaced by another instance of the same statement (a chosen parameter, more nats spent)."""

_SIGN = {"==": "=", "<=": r"\le", ">=": r"\ge", "->": r"\longrightarrow"}


class StepError(UnverifiedError):
    """A step that does not hold (`wrong`) or was not shown, with its number."""

    def __init__(self, number: int, error: UnverifiedError) -> None:
        super().__init__(f"step {number}: {error}")
        self.number, self.wrong = number, isinstance(error, WrongError) or getattr(error, "wrong", False)


@dataclass(frozen=True)
class Step:
    """The line `after` and how it stands to the line before it."""

    relation: Relation
    after: sp.Expr
    reason: Reason


@dataclass(frozen=True)
class Derivation:
    """A chain from `start` to the last line.

    Attributes:
        claim: the claim whose formula (or right hand side) the last line is.
        start: the first line.
        steps: the others, each with its relation to the line before and its reason.
        formula: the function of `genbound.formulas` the last line must equal, for claims that register none.
    """

    claim: str
    start: sp.Expr
    steps: tuple[Step, ...]
    formula: str = ""

    @property
    def last(self) -> sp.Expr:
        """The last line."""
        return self.steps[-1].after if self.steps else self.start

    @cached_property
    def _checked(self) -> bool:
        before = self.start
        for number, step in enumerate(self.steps, 1):
            try:
                _verify(before, step)
            except UnverifiedError as error:
                raise StepError(number, error) from error
            before = step.after
        return True

    def verified(self) -> tuple[sp.Expr, sp.Expr]:
        """(first line, last line), every step checked; StepError names the first that is not."""
        assert self._checked
        return self.start, self.last

    @property
    def replaces(self) -> bool:
        """Whether a step goes over to another instance, so that first and last line are not compared as numbers."""
        return any(step.relation == "->" for step in self.steps)

    @property
    def relation(self) -> Relation:
        """The relation of the first line to the last; UnverifiedError when the steps point both ways."""
        used = {step.relation for step in self.steps} - {"==", "->"}
        if len(used) > 1:
            raise UnverifiedError("steps upwards and downwards in one chain")
        return used.pop() if used else "=="

    def to_text(self) -> str:
        """One line for each line of the derivation, with its reason."""
        lines = [f"   {self.start}"]
        lines += [f"{step.relation} {step.after}    [{step.reason.words()}]" for step in self.steps]
        return "\n".join(lines)

    def to_latex(self) -> str:
        r"""An align* block, each line with its reason."""
        rows = [rf"  & {tex(self.start)} \\"]
        rows += [rf"  & \quad {_SIGN[step.relation]} {tex(step.after)} && \text{{{_escaped(step.reason.words())}}} \\"
                 for step in self.steps]  # fmt: skip
        return "\n".join([r"\begin{align*}", *rows, r"\end{align*}"])


def _escaped(words: str) -> str:
    return words.replace("_", r"\_").replace("<=", r"$\le$").replace(">=", r"$\ge$").replace("^", r"\^{}")


def _verify(before: sp.Expr, step: Step) -> None:
    """UnverifiedError unless `after` follows from `before`."""
    instance = step.reason.instance(before)
    if step.relation in ("==", "->") and not instance.equal:
        raise WrongError("an inequality cannot give an equality")
    if step.reason.replaces != (step.relation == "->"):
        raise WrongError(f"{step.reason.words()} cannot give {step.relation}")
    low, high = (before, step.after) if step.relation != ">=" else (step.after, before)
    context = step.reason.context
    small, large = (context.subs(Z, each) for each in (instance.small, instance.large))
    if _match(low, small) and _match(high, large):
        if not instance.equal and not _rises(context):
            raise UnverifiedError("the context is not shown to increase")
    elif _match(low, large) and _match(high, small):
        if not instance.equal and not _rises(-context):
            raise UnverifiedError("the context is not shown to decrease")
    else:
        raise WrongError(f"{step.reason.words()} does not lead from {before} to {step.after}")


def _match(line: sp.Expr, wanted: sp.Expr) -> bool:
    return line == wanted or identical(line, wanted)


def _rises(context: sp.Expr) -> bool:
    slope = sp.simplify(sp.diff(context, Z))  # and no pole on the way: -1/z rises on either side of 0, not across it
    return smooth(context, domain(context)) and nonnegative(slope)
