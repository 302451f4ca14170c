"""The worst process on finitely many outcomes, searched exhaustively: the engine that needs no luck (THEORY 7).

For a tail bound on one stream every family below is bracketed: low <= sup P(the bound misses) <= high over all
processes of the dependence the card assumes. For an impossibility the process that attains the limit is evaluated in
ball arithmetic (`checks.attained`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from genbound.certified import down
from genbound.checks.attained import attained, reattained
from genbound.checks.brackets import Bracket, Family, OnPaths, bracket, miss_probability
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.checks.witness import NOT_A_WITNESS, arguments
from genbound.claims.card import Claim, Impossibility, TailBound
from genbound.claims.settings import AnyTime, OneStream
from genbound.errors import DataError
from genbound.processes.strategy import Strategy

ENGINE = "exact"

_BINARY, _TERNARY, _SKEWED = (0.0, 1.0), (0.0, 0.5, 1.0), (0.0, 0.25, 0.5, 1.0)
FAMILIES = (
    Family(_BINARY, (0.0,), 1, 0.65),
    Family(_BINARY, (0.0,), 2, 0.4),
    Family(_BINARY, (0.0,), 3, 0.23),
    Family(_BINARY, (0.5,), 6, 0.3),
    Family(_TERNARY, (0.5,), 4, 0.3),
    Family(_BINARY, (0.0, 0.5), 4, 0.3),
    Family(_SKEWED, (0.25,), 4, 0.1),
    Family(_TERNARY, (0.0, 0.5), 3, 0.2),
    Family(_TERNARY, (0.0,), 6, 0.1),
    Family(_BINARY, (0.0,), 12, 0.05),
    Family(_BINARY, (0.0,), 16, 0.3),
)
"""From cheap to dear. A grid of 4k cells holds every outcome: a strategy found on it is attained as it stands."""

LONGEST = 8
"""Tokens of a search over product laws, which reads every path."""

PATHS = 260
"""Most paths of a bound that reads the order of its tokens."""

NEAR, FINER = 0.97, 4
"""A bracket that reaches past delta from below this share of it is drawn again on a finer grid."""

CELLS = 2.0
"""One that still does is drawn again for the bound moved outward by so many cells."""


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """Bracket the worst case of every family, or exhibit the process of an impossibility.

    Returns:
        EXACT when every bracket is at or below delta; REFUTED with a strategy that `replay` recomputes in rationals;
        SUPPORTED when nothing was found above delta but a bracket reaches past it (a bound that is attained always
        does); UNDECIDED when even the bound moved outward might fail, or when the bound refuses the data.
    """
    if isinstance(claim, Impossibility):
        return attained(claim)
    if not isinstance(claim, TailBound):
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, "only statements about chance have a worst process")
    if not isinstance(claim.setting, OneStream | AnyTime):
        reason = f"the search knows one stream, not {claim.setting.name}"
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, reason)
    if isinstance(claim.setting, OneStream) and claim.setting.variance_share is not None:
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, "the search does not restrict the variance")
    return _search(claim, budget)


def replay(claim: Claim, witness: Mapping[str, Any]) -> Verdict:
    """Play a witness forward in rationals: REFUTED with its exact probability, or UNDECIDED.

    Raises:
        DataError: not a witness of this engine.
    """
    if witness.get("engine") == ENGINE and isinstance(claim, Impossibility):
        return reattained(claim, witness)
    if witness.get("engine") != ENGINE or not isinstance(claim, TailBound):
        raise DataError(NOT_A_WITNESS.format(engine=ENGINE))
    strategy = Strategy.from_dict(witness["strategy"])
    centres = tuple(0.0 if y is None else y for y in strategy.predictions)
    family = Family(strategy.outcomes, centres, strategy.n, float(witness["delta"]))
    index, order_free = int(witness["function"]), bool(witness["order_free"])
    bound = OnPaths(claim.bounds[index], claim.side, family)
    mean = None if witness["mean"] is None else Fraction(witness["mean"])
    found = Bracket(0.0, 1.0, strategy, witness["side"], mean)
    missed = miss_probability(bound, found, order_free)
    if down(missed) > bound.delta()[1]:
        return _refuted(claim, bound, index, found, order_free)
    return Verdict(claim.name, ENGINE, Status.UNDECIDED, f"misses with probability {float(missed):.6g} here")


def _cases(claim: TailBound) -> Iterator[tuple[int, OnPaths, bool]]:
    """(function index, function on a family, whether order is ignored), leaving out what would take too long."""
    for family in FAMILIES:
        if claim.dependence == "independent" and (len(family.predictions) > 1 or family.n > LONGEST):
            continue
        paths = (len(family.outcomes) * len(family.predictions)) ** family.n
        for index, function in enumerate(claim.bounds):
            bound = OnPaths(function, claim.side, family)
            order_free = bound.order_free()
            if order_free or paths <= PATHS:
                yield index, bound, order_free


def _search(claim: TailBound, budget: Budget) -> Verdict:
    past: list[str] = []
    unknown: list[str] = []
    refused, partly, cases, effective = "", False, 0, 0
    for index, bound, order_free in _cases(claim):
        below, above = bound.delta()
        if bound.sides():
            cases += 1
            grid = budget.grid
            found = bracket(bound, claim.dependence, grid, order_free)
            if found.low < NEAR * below < below < found.high:
                grid *= FINER
                found = bracket(bound, claim.dependence, grid, order_free)
            if found.low > above:
                verdict = _refuted(claim, bound, index, found, order_free)
                return replace(verdict, cases=cases, effective=cases)
            effective += int(found.high > 0.0)
            partly = partly or bool(bound.refused)
            if found.high > below:
                moved = bracket(bound, claim.dependence, budget.grid, order_free, CELLS / grid)
                where = f"[{found.low:.6g}, {found.high:.6g}] for {bound.family}"
                (past if moved.high <= below else unknown).append(where)
        refused = refused or bound.refused
    verdict = replace(_survived(claim, budget, cases, past, unknown), effective=effective)
    if not effective:
        verdict = replace(verdict, status=Status.UNDECIDED, reason="no process could make it miss: it says nothing")
    if refused:
        weaker = Status.SUPPORTED if partly and verdict.status is Status.EXACT else verdict.status
        verdict = replace(verdict, status=weaker, reason=f"{verdict.reason}; refused some paths: {refused}")
    return verdict


def _survived(claim: TailBound, budget: Budget, cases: int, past: list[str], unknown: list[str]) -> Verdict:
    if not cases:
        return Verdict(claim.name, ENGINE, Status.UNDECIDED, "nothing to search: it says too little or reads the order")
    horizon = ", one n at a time" if isinstance(claim.setting, AnyTime) else ""
    kind = f"all {claim.dependence} processes on {cases} finite families{horizon}"
    if unknown and claim.dependence in ("adapted", "constant_mean"):
        status, reason = Status.UNDECIDED, f"worst case in {unknown[0]}"
    elif unknown:
        status, reason = Status.SUPPORTED, f"{kind}: none found above delta; worst case in {unknown[0]}"
    elif past:
        moved = f"{len(past)} of them once the bound is moved by {CELLS / budget.grid:.2g}"
        status, reason = Status.SUPPORTED, f"{kind}, {moved}; as it stands in {past[0]}"
    else:
        status, reason = (Status.SUPPORTED if horizon else Status.EXACT), kind
    return Verdict(claim.name, ENGINE, status, reason, cases)


def _refuted(claim: TailBound, bound: OnPaths, function: int, found: Bracket, order_free: bool) -> Verdict:
    missed = miss_probability(bound, found, order_free)
    witness = {
        "engine": ENGINE,
        "function": function,
        "delta": bound.family.delta,
        "log_inv_delta": bound.nats,
        "side": found.side,
        "mean": None if found.mean is None else str(found.mean),
        "order_free": order_free,
        "probability": float(missed),
        "strategy": arguments(found.strategy.to_dict()),
    }
    reason = f"misses with probability {float(missed):.6g} > delta: a process with {bound.family}"
    return Verdict(claim.name, ENGINE, Status.REFUTED, reason, 1, 1, witness=witness)
