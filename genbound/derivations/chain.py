"""A derivation: lines of formulas, each following from the one before by a reason that is checked."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Literal

import sympy as sp

from genbound.derivations.domains import (
    UnverifiedError,
    WrongError,
    approached,
    assuming,
    covered,
    indices,
    nonnegative,
    opaque,
    placed,
    positive,
    proved,
    require,
)
from genbound.derivations.reasons.growth import equivalent
from genbound.derivations.rules import Instance, Limit, Reason, Z
from genbound.proving.identity import identical
from genbound.proving.signs import Box, Ends, smooth
from genbound.symbols import QUANTITIES, tex

Relation = Literal["==", "<=", ">=", "->", "~"]
"""`->`: the line is replaced by another instance of the same statement (a chosen parameter, more nats spent).
`~`: before = after (1 + o(1)) as a symbol tends to its limit."""

_SIGN = {"==": "=", "<=": r"\le", ">=": r"\ge", "->": r"\longrightarrow", "~": r"\sim"}

_FUNCTIONS = {sp.exp, sp.log, sp.zeta}
_NO_NUMBERS = (sp.Float, sp.I, sp.nan, sp.zoo, sp.oo, -sp.oo)

_VERIFYING: ContextVar[bool] = ContextVar("verifying", default=False)


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
        title: one line for the reader.
        where: symbol -> (low, high), for a chain that treats a case: inside that part of their domains.
        note: a remark printed with it: conditions, "heuristic", what holds only as printed.
        sources: keys of `genbound.claims.sources`, or (key, place in it).
    """

    claim: str
    start: sp.Expr
    steps: tuple[Step, ...]
    formula: str = ""
    _: KW_ONLY
    title: str = ""
    where: Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]] = field(default_factory=dict)
    note: str = ""
    sources: tuple[str | tuple[str, str], ...] = ()

    @property
    def last(self) -> sp.Expr:
        """The last line."""
        return self.steps[-1].after if self.steps else self.start

    @property
    def case(self) -> Box:
        """`where`, its ends as sympy numbers."""
        return {x: (sp.sympify(low), sp.sympify(high)) for x, (low, high) in self.where.items()}

    @cached_property
    def _checked(self) -> Limit | None:
        """The limit that the steps with ~ are about, every step checked."""
        limits: list[Limit] = []
        seen: set[Relation] = set()
        _readable(self.start)
        with assuming(self.case):
            before = self.start
            for number, step in enumerate(self.steps, 1):
                try:
                    _follows(step, seen)
                    tends = _verify(before, step)
                    require(tends is None or tends in (limits or [tends]), "two different limits in one chain")
                except UnverifiedError as error:
                    raise StepError(number, error) from error
                limits += [tends] if tends is not None else []
                seen.add(step.relation)
                before = step.after
        assert self.relation
        return limits[0] if limits else None

    def verified(self) -> tuple[sp.Expr, sp.Expr]:
        """(first line, last line), every step checked; StepError names the first that is not.

        Inside another chain its case must cover the case that is treated there.
        """
        require(not _VERIFYING.get() or covered(self.case), f"{self.claim} treats only a part of this domain")
        token = _VERIFYING.set(True)
        try:
            _ = self._checked
        finally:
            _VERIFYING.reset(token)
        return self.start, self.last

    @property
    def tends(self) -> Limit | None:
        """The limit that ~ is about; None for a chain without."""
        self.verified()
        return self._checked

    @property
    def replaces(self) -> bool:
        """Whether a step goes over to another instance, so that first and last line are not compared as numbers."""
        return any(step.relation == "->" for step in self.steps)

    @property
    def relation(self) -> Relation:
        """The relation of the first line to the last; UnverifiedError when the steps do not make up one."""
        used = {step.relation for step in self.steps} - {"==", "->"}
        if "~" in used and len(used) > 1:
            raise UnverifiedError("an inequality and a limit in one chain: neither holds from end to end")
        if len(used) > 1:
            raise UnverifiedError("steps upwards and downwards in one chain")
        return used.pop() if used else "=="

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the chain assumes of its symbols beyond the table, and the limit that ~ is about."""
        case = tuple(f"{low} < {x} < {high}" for x, (low, high) in self.case.items())
        return case if self.tends is None else (*case, str(self.tends))

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


def _readable(line: sp.Expr) -> None:
    """UnverifiedError unless the line is a formula in the symbols of the table, with exact numbers."""
    functions = {each.func for each in line.atoms(sp.Function)} - _FUNCTIONS
    require(not functions, f"{sorted(map(str, functions))}: need sums, products, powers, exp, log and zeta")
    require(not line.has(*_NO_NUMBERS), f"{line}: not an exact real number everywhere")
    free, bound = line.free_symbols, indices(line)
    foreign = sorted(x.name for x in free | bound if x.name not in QUANTITIES or QUANTITIES[x.name].symbol != x)
    require(not foreign, f"{foreign}: not a symbol of the table")


def _follows(step: Step, seen: set[Relation]) -> None:
    """UnverifiedError when the reason may not come after steps with these relations."""
    if step.reason.replaces:
        require("~" not in seen, "after ~ nothing goes over to another instance: the limit may not be uniform in it")
        why = step.reason.unbounding() if seen & {"<=", ">="} else ""
        require(not why, why)


def _verify(before: sp.Expr, step: Step) -> Limit | None:
    """UnverifiedError unless `after` follows from `before`; the limit that a step with ~ is about."""
    _readable(step.after)
    free = before.free_symbols | step.after.free_symbols
    both = sorted(x.name for x in (indices(before) | indices(step.after)) & free)
    require(not both, f"{both}: what a sum runs over has no value outside it")
    instance = step.reason.instance(before)
    if step.relation in ("==", "->") and not instance.equal:
        raise WrongError("an inequality cannot give an equality")
    if (instance.tends is not None) != (step.relation == "~"):
        raise WrongError(f"{step.reason.words()} cannot give {step.relation}")
    if step.reason.replaces != (step.relation == "->"):
        raise WrongError(f"{step.reason.words()} cannot give {step.relation}")
    low, high = (before, step.after) if step.relation != ">=" else (step.after, before)
    context = step.reason.context
    small, large = (placed(context, {Z: each}) for each in (instance.small, instance.large))
    at = instance.tends
    if at is not None:
        require(approached(at.over, at.to, at.side), f"{at} leaves the domain")
        require(_multiplies(context, at), f"{context} is not a multiple of a power of z")
    near = at if step.reason.loose else None
    if _match(low, small) and _match(high, large, near):
        require(instance.equal or at is not None or _rises(context, instance), "the context is not shown to increase")
    elif _match(low, large) and _match(high, small, near):
        require(instance.equal or at is not None or _rises(-context, instance), "the context is not shown to decrease")
    else:
        raise WrongError(f"{step.reason.words()} does not lead from {before} to {step.after}")
    return at


def _match(line: sp.Expr, wanted: sp.Expr, at: Limit | None = None) -> bool:
    """Whether the line is what is wanted, or (with a limit) equivalent to it."""
    if line == wanted or identical(*_shortened(line, wanted)):
        return True
    try:
        return at is not None and equivalent(line, wanted, at)
    except UnverifiedError:
        return False


def _shortened(line: sp.Expr, wanted: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Both with one symbol for each sum, which claims no more and keeps rewriting out of sums."""
    return (opaque(line)[0], opaque(wanted)[0]) if line.has(sp.Sum) or wanted.has(sp.Sum) else (line, wanted)


def _multiplies(context: sp.Expr, at: Limit) -> bool:
    """Whether the context is K z^e with e fixed, so that it keeps the quotient of the lines at 1."""
    base, exponent = context.as_independent(Z, as_Add=False)[1].as_base_exp()
    return base == Z and not {Z, at.over} & exponent.free_symbols


def _rises(context: sp.Expr, instance: Instance) -> bool:
    """Whether the context increases in z between the two sides, without a pole on the way."""
    if context == Z:
        return True
    require(not any(Z in each.free_symbols for each in context.atoms(sp.Sum)), "z inside a sum")
    plain, box = opaque(context)
    slope = sp.simplify(sp.diff(plain, Z))
    boxes = ({**box, Z: ends} for ends in _ranges(plain, instance))
    return any(smooth(plain, here) and proved(slope, here) for here in boxes)


def _ranges(context: sp.Expr, instance: Instance) -> Iterator[Ends]:
    """Where z may be, between the two sides: anywhere, or on one side of 0 when both sides are."""
    if instance.positive:
        yield sp.Integer(0), sp.oo
        return
    yield -sp.oo, sp.oo
    at_zero = not context.subs(Z, 0).has(sp.nan, sp.zoo, sp.oo, -sp.oo)
    if positive(instance.small) or (at_zero and nonnegative(instance.small)):
        yield sp.Integer(0), sp.oo
    elif positive(-instance.large) or (at_zero and nonnegative(-instance.large)):
        yield -sp.oo, sp.Integer(0)
