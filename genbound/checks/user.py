"""Checks for bounds somebody else wrote: a function in, a counterexample that can be replayed or the evidence out.

    report = check_bound(my_bound, dependence="iid")
    print(report)

A bound may ask, by the names of its parameters, for any of `MAY_ASK`; its first parameter may have any name and gets
the losses. It returns a number, a `BoundResult`, or a pair (lower, upper). A bound that does not ask for `ceiling` is
read as one about losses in [0, 1].
"""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from genbound.checks.run import check, engine_module
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.calls import call, values_of
from genbound.claims.card import Engine, TailBound
from genbound.concentration.result import BoundResult, Side
from genbound.errors import DataError, GenboundError, domain_error
from genbound.processes.paths import Dependence, satisfies

ENGINES: tuple[Engine, ...] = ("fuzz", "exact", "simulate", "measure")
"""The engines that need nothing but the function."""

COVERAGE: tuple[Engine, ...] = ("exact", "simulate")
"""Those that look at what is claimed, the probability of a miss; the others look for symptoms."""

MAY_ASK = (
    "losses", "predictions", "ceiling", "prediction_floor", "prediction_ceiling", "loss_floor",
    "log_inv_delta", "delta",
)  # fmt: skip
"""What a bound may name: X (n,), Y (n,), B, constants around Y, 0, ln(1/delta) in nats, delta."""

_IN_NATS = frozenset(MAY_ASK[:6])
_RAISES = (ArithmeticError, LookupError, TypeError, ValueError, AssertionError)
_PRINTED = 1500
"""Longest witness, in characters of JSON, that is printed as part of a snippet."""


@dataclass(frozen=True)
class Question:
    """What a function is claimed to be.

    Attributes:
        dependence: the weakest dependence it is claimed under.
        side: "upper": R <= value; "lower": R >= value (a pair speaks for both sides whatever stands here).
        anytime: claimed for all n at once.
        many: it gets the losses of 16 predictors, shape (16, n), and returns a list with one value for each.
        ceiling: the range [0, ceiling] the function has built in; None: it asks for it, or means [0, 1].
    """

    dependence: Dependence = "adapted"
    side: Side = "upper"
    anytime: bool = False
    many: bool = False
    ceiling: float | None = None

    def __post_init__(self) -> None:
        satisfies(self.dependence, self.dependence)
        if self.side not in ("upper", "lower"):
            raise domain_error("side", self.side, "upper or lower", "which way the bound points")
        if self.anytime and self.many:
            raise domain_error("anytime", True, "one of anytime and many", "what the bound is claimed for")
        if self.ceiling is not None and not (math.isfinite(self.ceiling) and self.ceiling > 0):
            raise domain_error("ceiling", self.ceiling, "a finite number > 0", "range of the losses")

    def __str__(self) -> str:
        words = (f"{self.side} bound", f"{self.dependence} losses", "any time" * self.anytime, "all of 16" * self.many)
        return ", ".join(word for word in words if word)

    def card(self, function: Callable[..., Any]) -> TailBound:
        """The card of a function: from here on it is checked like any claim of the library.

        Raises:
            DomainError: it asks for something a bound on a stream cannot need, or returns no bound.
        """
        from genbound.claims.choosing import ManyHypotheses
        from genbound.claims.settings import AnyTime, OneStream

        bound = as_bound(function, self.ceiling)
        shape = (16, 8) if self.many else (8,)
        x = np.linspace(0.0, 1.0, math.prod(shape)).reshape(shape)
        numbers = (1.0, 0.0, 1.0, 0.0, 1.0)
        given: dict[str, Any] = dict(zip(MAY_ASK[:7], (x, 0.5 * x, *numbers), strict=True))
        values_of(call(bound, given), self.side)
        return TailBound(
            name=name_of(function),
            statement=f"with probability at least 1 - delta: R {'<=' if self.side == 'upper' else '>='} value",
            setting=ManyHypotheses() if self.many else AnyTime() if self.anytime else OneStream(),
            bounds=(bound,),
            dependence=self.dependence,
            side=self.side,
            anytime=self.anytime,
            laws=frozenset({"floor"}),  # a valid bound need not be monotone, homogeneous or blind to the order
        )


@dataclass(frozen=True)
class Report:
    """What the checks say of a function.

    Attributes:
        function: module:name.
        question: what it is claimed to be.
        verdicts: one for each engine.
    """

    function: str
    question: Question
    verdicts: tuple[Verdict, ...]

    @property
    def status(self) -> Status:
        """REFUTED when any check refutes it; SUPPORTED when `COVERAGE` gives evidence and is nowhere undecided."""
        if self.counterexamples:
            return Status.REFUTED
        said = [verdict.status for verdict in self.verdicts if verdict.engine in COVERAGE]
        return Status.SUPPORTED if any(s.passes for s in said) and Status.UNDECIDED not in said else Status.UNDECIDED

    @property
    def refuted(self) -> bool:
        """Whether a counterexample was found."""
        return self.status is Status.REFUTED

    @property
    def counterexamples(self) -> tuple[Verdict, ...]:
        """The verdicts that refute it; each can be replayed."""
        return tuple(verdict for verdict in self.verdicts if verdict.status is Status.REFUTED)

    def __str__(self) -> str:
        lines = [f"{self.function}: {self.status} ({self.question})"]
        lines += [f"  {v.engine:<9}{v.status:<15}{v.reason}" for v in self.verdicts]
        if self.refuted:
            shortest = min(self.counterexamples, key=lambda verdict: len(_kept(verdict)))
            lines += ["", *_example(self.function, shortest), *_snippet(self, shortest)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same report back."""
        verdicts = [verdict.to_dict() for verdict in self.verdicts]
        return {"function": self.function, "status": str(self.status), "claimed": asdict(self.question),
                "verdicts": verdicts}  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Inverse of `to_dict`; DataError for anything else."""
        try:
            verdicts = tuple(Verdict.from_dict(verdict) for verdict in data["verdicts"])
            return cls(data["function"], Question(**data["claimed"]), verdicts)
        except (KeyError, TypeError) as error:
            raise DataError(f"not a stored report: {error}") from error


def check_bound(function: Callable[..., Any], *, dependence: Dependence = "adapted", side: Side = "upper",
                anytime: bool = False, many: bool = False, ceiling: float | None = None,
                budget: Budget = STANDARD) -> Report:  # fmt: skip
    """Every applicable check on a bound on the risk R = mean of E[X_k | past].

    Args:
        function: the bound; see the module for what it may ask for and return.
        dependence: the weakest dependence it is claimed under: "iid", "independent", "constant_mean" or "adapted".
        side, anytime, many, ceiling: as in `Question`.
        budget: how hard to look, and the seed.

    Returns:
        A report; `report.refuted` when a counterexample was found.

    Raises:
        DomainError: an unknown option, a function that cannot be called or returns no bound.
        MissingExtraError: hypothesis is not installed (the extra [testing]).

    >>> from genbound.checks.verdict import Budget
    >>> def mean_alone(losses):  # no margin at all
    ...     return losses.mean()
    >>> check_bound(mean_alone, budget=Budget(examples=20, replicas=60)).refuted
    True
    """
    question = Question(dependence, side, anytime, many, ceiling)
    card = question.card(function)
    return Report(card.name, question, tuple(check(card, engine, budget) for engine in ENGINES))


def replay(function: Callable[..., Any], witness: Mapping[str, Any], **claimed: Any) -> Verdict:
    """A counterexample once more: REFUTED when the function still fails on it.

    Args:
        function: the bound, perhaps corrected since.
        witness: of the verdict that refuted it.
        claimed: the options `check_bound` had.

    Raises:
        DataError: not a witness of one of the engines.
    """
    engine = witness.get("engine")
    if engine not in ENGINES:
        raise DataError(f"witness: engine {engine!r}, need one of {', '.join(ENGINES)}")
    return engine_module(engine).replay(Question(**claimed).card(function), witness)


def as_bound(function: Callable[..., Any], ceiling: float | None = None) -> Callable[..., Any]:
    """The function as the checks call it: what it raises becomes a DomainError, a built-in range is rescaled.

    >>> as_bound(lambda x: x.max())(losses=np.array([2.0, 3.0]), ceiling=4.0)
    3.0
    """
    asked = set(inspect.signature(function).parameters)
    scaled = ceiling is not None or "ceiling" not in asked
    offered = [name for name in MAY_ASK if name in asked or name in ("losses", "ceiling")]

    def bound(**given: Any) -> Any:
        if given.get("delta", 1.0) < sys.float_info.min * 2**20:
            raise domain_error("delta", given["delta"], "a delta that floats hold; ask for log_inv_delta", "too small")
        factor = (ceiling or 1.0) / float(given["ceiling"]) if scaled else 1.0
        changed = {name: value * factor if name in _IN_NATS else value for name, value in given.items()}
        if scaled:
            changed["ceiling"] = ceiling or 1.0
            changed["losses"] = np.minimum(changed["losses"], changed["ceiling"])  # rounding may pass the ceiling
        try:
            return _times(call(function, changed), 1.0 / factor)
        except _RAISES as error:
            if isinstance(error, GenboundError):
                raise
            raise domain_error("bound", name_of(function), "a number for any losses in the range",
                               f"raised {type(error).__name__}: {error}") from error  # fmt: skip

    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in offered]
    bound.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    bound.__name__ = bound.__qualname__ = getattr(function, "__name__", "bound")
    return bound


def name_of(function: Callable[..., Any]) -> str:
    """`module:name`."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', type(function).__module__)}:{name}"


def _times(result: Any, factor: float) -> Any:
    """What a bound returned, in other units."""
    if factor == 1.0:
        return result
    if isinstance(result, BoundResult):
        return replace(result, value=result.value * factor)
    if isinstance(result, tuple):
        return tuple(_times(part, factor) for part in result)
    if isinstance(result, list):
        return [_times(part, factor) for part in result]
    return np.asarray(result, dtype=np.float64) * factor if np.ndim(result) else float(result) * factor


def _example(function: str, verdict: Verdict) -> list[str]:
    """One draw on which the bound missed, when the witness carries one."""
    example = verdict.witness.get("example", {})
    if not {"value", "truth", "given"} <= example.keys():
        return []
    losses = np.asarray(example["given"].get("losses", []))
    shown = f"  losses = {losses.tolist()}" if 0 < losses.size <= 16 else f"  {losses.size} losses"
    given = example["given"]
    numbers = ", ".join(f"{name} = {given[name]:.6g}" for name in ("ceiling", "log_inv_delta") if name in given)
    said = f"  {function} says {example['value']:.6g}, the risk is {example['truth']:.6g}"
    return ["One draw on which it misses:", shown, f"  {numbers}", said]


def _kept(verdict: Verdict) -> str:
    """What a replay needs of a witness, as JSON."""
    return json.dumps({name: value for name, value in verdict.witness.items() if name != "example"})


def _snippet(report: Report, verdict: Verdict) -> list[str]:
    """Python that replays a counterexample, when it is short enough to be read."""
    text = _kept(verdict)
    if len(text) > _PRINTED:
        return ["The same command finds it again; --json FILE keeps it, --replay FILE replays it."]
    module, _, name = report.function.partition(":")
    claimed = asdict(report.question).items()
    options = "".join(f", {key}={value!r}" for key, value in claimed if value != getattr(Question, key))
    return [
        "Replay it:",
        "  import json",
        "  from genbound.checks.user import replay",
        f"  from {module} import {name}",
        f"  witness = json.loads({text!r})",
        f"  print(replay({name}, witness{options}))",
    ]
