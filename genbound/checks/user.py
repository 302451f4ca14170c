"""Checks for bounds somebody else wrote: a function in, a counterexample that can be replayed or the evidence out.

    report = check_bound(my_bound, dependence="iid")
    print(report)

A bound may ask, by the names of its parameters, for any of `MAY_ASK`; its first parameter may have any name and gets
the losses. It returns a number, a `BoundResult`, or a pair (lower, upper). A bound that does not ask for `ceiling` is
read as one about losses in [0, 1]; one that asks for neither `delta` nor `log_inv_delta` as one that holds at every
delta (a delta of its own is written as the parameter's default).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from genbound.checks.foreign import MAY_ASK, as_bound, name_of
from genbound.checks.run import check, engine_module
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.calls import call, values_of
from genbound.claims.card import Engine, TailBound
from genbound.concentration.result import Side
from genbound.errors import DataError, DomainError, domain_error
from genbound.processes.paths import Dependence

ENGINES: tuple[Engine, ...] = ("fuzz", "exact", "simulate", "measure")
"""The engines that need nothing but the function."""

COVERAGE: tuple[Engine, ...] = ("exact", "simulate")
"""Those that look at what is claimed, the probability of a miss; the others look for symptoms."""

MANY = 16
"""Predictors of a bound claimed for many."""

_CEILINGS = (1e-100, 1e100)
"""Where losses can be rescaled without overflow."""

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
        if self.dependence not in get_args(Dependence):
            raise domain_error("dependence", self.dependence, f"one of {', '.join(get_args(Dependence))}",
                               "losses the bound is claimed for")  # fmt: skip
        if self.side not in ("upper", "lower"):
            raise domain_error("side", self.side, "upper or lower", "which way the bound points")
        if self.anytime and self.many:
            raise domain_error("anytime", True, "one of anytime and many", "what the bound is claimed for")
        if self.ceiling is not None and not _CEILINGS[0] <= self.ceiling <= _CEILINGS[1]:
            raise domain_error("ceiling", self.ceiling, "1e-100 <= ceiling <= 1e100", "range of the losses")

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
        shape = (MANY, 8) if self.many else (8,)
        x = np.linspace(0.0, 1.0, math.prod(shape)).reshape(shape)
        numbers = (1.0, 0.0, 1.0, 0.0, 1.0)
        given: dict[str, Any] = dict(zip(MAY_ASK[:7], (x, 0.5 * x, *numbers), strict=True))
        self._refuse_other_shapes(call(bound, given))
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

    def _refuse_other_shapes(self, result: Any) -> None:
        """A list is a value for each of many predictors; a pair (lower, upper) is a tuple."""
        values_of(result, self.side)
        count = 1 if isinstance(result, tuple) or not np.ndim(np.asarray(result, dtype=object)) else len(result)
        if self.many and count != MANY:
            raise domain_error("many", True, f"a list of {MANY} values, one for each predictor", f"{count} returned")
        if not self.many and count != 1:
            raise DomainError(f"bound returned {count} values: need a number or a tuple (lower, upper)")


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
            shortest = min(self.counterexamples, key=lambda v: ("example" not in v.witness, len(_kept(v))))
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
    root, plain = name.partition(".")[0], all(part.isidentifier() for part in name.split("."))
    name = name if plain else "bound"
    return [
        "Replay it:" if plain else "Replay it, with the function at hand as `bound`:",
        "  import json",
        "  from genbound.checks.user import replay",
        *([f"  from {module} import {root}"] if plain else []),
        f"  witness = json.loads({text!r})",
        f"  print(replay({name}, witness{options}))",
    ]
