"""Property search: the laws every bound of a form obeys, on inputs that hypothesis makes up and shrinks.

Inequalities are handed to `checks.seek`, which looks for a counterexample near the boundary. The search starts from
the seed of the budget; hypothesis also tries constants it finds in the local code that is loaded, so that counts may
differ from one program to another. A witness does not: it holds the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from genbound.checks.laws import EVERYWHERE, LAWS, Ends, binds, ends
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.checks.witness import NOT_A_WITNESS, arguments, restored
from genbound.claims.card import Claim, Inequality, TailBound
from genbound.claims.settings import AnyTime, OneStream, Setting
from genbound.errors import DataError
from genbound.processes.strategies import streams

ENGINE = "fuzz"
CEILINGS = (1.0, 16.0, 0.5, 1e-3)
NATS = (1e-3, 0.1, 0.7, 1.2, 3.0, 20.0, 745.0)
LONGEST = 12

FEWEST = 40
"""Inputs of a card however much an evaluation of it costs."""


@dataclass
class _Search:
    """One function of a card under its laws: what was tried, and the law that broke."""

    claim: TailBound
    function: Callable[..., Any]
    laws: tuple[str, ...]
    cases: int = 0
    effective: int = 0
    refusals: int = 0
    refused: str = ""
    broken: str = ""
    found: dict[str, Any] = field(default_factory=dict)

    def breaks(self, case: Mapping[str, Any]) -> bool:
        """Whether a law is broken; once one was, only that one counts, so that shrinking stays with it."""
        self.cases += 1
        try:
            return self._try(case)
        except (ValueError, ArithmeticError) as error:  # DomainError and DataError are ValueErrors
            self.refusals += 1
            self.refused = f"{type(error).__name__}: {error}"
            return False

    def _try(self, case: Mapping[str, Any]) -> bool:
        before = ends(self.function, self.claim.side, case)
        self.effective += int(_says_something(before, case))
        for law in (self.broken,) if self.broken else self.laws:
            if binds(law, self.claim.dependence, case):
                found = LAWS[law](self.function, self.claim.side, case, before)
                if found is not None:
                    self.broken, self.found = law, found
                    return True
        return False


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """Try the laws on the card (`claim.laws`) on `budget.examples` inputs for every function, on fewer if it is slow.

    Returns:
        REFUTED with the shrunk input; SUPPORTED; UNDECIDED when the bound said nothing on most inputs.
    """
    if isinstance(claim, Inequality):
        from genbound.checks import seek

        return seek.check(claim, budget)
    if not isinstance(claim, TailBound):
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, "no law is known for this kind of claim")
    stream = isinstance(claim.setting, OneStream | AnyTime)
    laws = tuple(law for law in LAWS if law in claim.laws and (stream or law in EVERYWHERE))
    if not laws:
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, f"no law of the card holds for {claim.setting.name}")
    cases = effective = refusals = 0
    refused = ""
    for index, function in enumerate(claim.bounds):
        search = _Search(claim, function, laws)
        example = _find(claim, search, budget)
        cases, effective = cases + search.cases, effective + search.effective
        if example is not None:
            return _refuted(claim, index, search.broken, example, search.found, cases, effective, budget.seed)
        refusals, refused = refusals + search.refusals, refused or search.refused
    note = f"; refused {refusals} inputs, such as: {refused}" if refused else ""
    if not effective or 2 * refusals > cases:
        reason = f"it said nothing on most inputs{note}"
        return Verdict(claim.name, ENGINE, Status.UNDECIDED, reason, cases, effective, seed=budget.seed)
    reason = f"laws hold: {', '.join(laws)}{note}"
    return Verdict(claim.name, ENGINE, Status.SUPPORTED, reason, cases, effective, seed=budget.seed)


def replay(claim: Claim, witness: Mapping[str, Any]) -> Verdict:
    """Try the law of a witness on its input again: REFUTED with the same numbers, or UNDECIDED.

    Raises:
        DataError: not a witness of this engine.
    """
    if isinstance(claim, Inequality):
        from genbound.checks import seek

        if seek.replay(claim, witness):
            return Verdict(claim.name, ENGINE, Status.REFUTED, seek.describe(witness), 1, 1, witness=witness)
        return Verdict(claim.name, ENGINE, Status.UNDECIDED, "the sides are not apart the wrong way here", 1)
    if witness.get("engine") != ENGINE or not isinstance(claim, TailBound) or witness.get("law") not in LAWS:
        raise DataError(NOT_A_WITNESS.format(engine=ENGINE))
    index, law = int(witness["function"]), str(witness["law"])
    search = _Search(claim, claim.bounds[index], (law,))
    example = dict(witness["case"])
    if search.breaks(_case_of(claim.setting, example)):
        return _refuted(claim, index, law, example, search.found, 1, 1, int(witness["seed"]))
    reason = search.refused or f"{law} holds here"
    return Verdict(claim.name, ENGINE, Status.UNDECIDED, reason, 1, search.effective, seed=int(witness["seed"]))


def _find(claim: TailBound, search: _Search, budget: Budget) -> dict[str, Any] | None:
    """The simplest input found on which a law breaks."""
    examples = max(FEWEST, budget.examples // claim.effort)
    options = settings(max_examples=examples, derandomize=True, database=None, deadline=None,
                       phases=(Phase.generate, Phase.shrink))  # fmt: skip
    source = _stream_cases(claim.setting) if isinstance(claim.setting, OneStream | AnyTime) else _places(claim.setting)
    try:
        example = find(source, lambda each: search.breaks(_case_of(claim.setting, each)), settings=options,
                       random=Random(budget.seed))  # fmt: skip
    except NoSuchExample:
        return None
    return example


@st.composite
def _stream_cases(draw: st.DrawFn, setting: Setting) -> dict[str, Any]:
    """What a bound on one stream may be given; every second prediction floor is below all predictions."""
    ceiling = draw(st.sampled_from(CEILINGS))
    losses, predictions = draw(streams(max_n=LONGEST, ceiling=ceiling))
    lowest = float(predictions.min())
    given = {
        "losses": losses,
        "predictions": predictions,
        "ceiling": ceiling,
        "prediction_floor": draw(st.sampled_from([0.0, lowest if lowest < ceiling else 0.0])),
        "prediction_ceiling": draw(st.sampled_from([ceiling, float(predictions.max())])),
        "loss_floor": 0.0,
        "log_inv_delta": draw(st.one_of(st.sampled_from(NATS), st.floats(1e-3, 50.0))),
    }
    if isinstance(setting, OneStream) and setting.variance_share is not None:
        given["variance"] = setting.variance_share * ceiling**2
    return arguments(given)


def _places(setting: Setting) -> st.SearchStrategy[dict[str, Any]]:
    """Where a scene of another setting comes from: everything needed to draw it again."""
    return st.fixed_dictionaries(
        {
            "process": st.sampled_from([process.name for process in setting.processes()]),
            "seed": st.integers(0, 2**16),
            "n": st.integers(1, LONGEST),
            "log_inv_delta": st.sampled_from(NATS),
        }
    )


def _case_of(setting: Setting, example: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a bound, from what hypothesis drew or a witness holds."""
    if "process" not in example:
        return restored(example)
    process = next(p for p in setting.processes() if p.name == example["process"])
    rng = np.random.default_rng(example["seed"])
    case = dict(next(iter(setting.scenes(process, rng, 1, example["n"], example["log_inv_delta"]))).given)
    if "posteriors" in case:
        case["posterior"] = case["posteriors"][example["seed"] % len(case["posteriors"])]
    return case


def _says_something(before: Ends, case: Mapping[str, Any]) -> bool:
    ceiling = float(case.get("ceiling", np.inf))
    return any(value < ceiling if which == "upper" else value > 0.0 for value, which in before)


def _refuted(claim: TailBound, index: int, law: str, example: Mapping[str, Any], found: Mapping[str, Any], cases: int,
             effective: int, seed: int) -> Verdict:  # fmt: skip
    witness = {
        "engine": ENGINE,
        "function": index,
        "law": law,
        "case": dict(example),
        "found": dict(found),
        "seed": seed,
    }
    told = ", ".join(f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in found.items())
    reason = f"breaks {law}: {told}"
    return Verdict(claim.name, ENGINE, Status.REFUTED, reason, cases, effective, witness=witness, seed=seed)
