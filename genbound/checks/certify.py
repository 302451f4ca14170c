"""`certify`: what ball arithmetic proves of a claim.

An inequality is proved on its whole domain (`proving.boxes`) or refuted at a rational point with both sides enclosed;
an identity is proved by rewriting. Of a tail bound, the number that its function returns is compared with its formula:
never on the wrong side of it, and close. That supports the number, not the probability.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp
from flint import arb

from genbound.certified import precision
from genbound.checks.numbers import Case, cases, magnitude
from genbound.checks.problem import Place, Problem, read
from genbound.checks.seek import describe, search
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.checks.witness import arguments
from genbound.claims.calls import call
from genbound.claims.card import Claim, Impossibility, Inequality, Rate, TailBound
from genbound.concentration.result import BoundResult
from genbound.errors import DataError, DomainError, domain_error
from genbound.formulas import evaluate
from genbound.proving.boxes import Prover
from genbound.proving.identity import identical
from genbound.proving.signs import defined

RELATIVE = 1e-9
"""How far from its formula a returned number may be, on the safe side."""


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """PROVED or REFUTED for an inequality, SUPPORTED or REFUTED for a number with a formula."""
    if isinstance(claim, Inequality):
        return _inequality(claim, budget)
    if isinstance(claim, TailBound | Impossibility) and claim.formula is not None and claim.quantities is not None:
        return _numbers(claim, budget)
    lacks = "a limit is found by algebra" if isinstance(claim, Rate) else "no closed formula to compare the number with"
    return Verdict(claim.name, "certify", Status.NOT_APPLICABLE, lacks)


def _inequality(claim: Inequality, budget: Budget) -> Verdict:
    found = search(claim, budget)
    if found.witness:
        return Verdict(claim.name, "certify", Status.REFUTED, describe(found.witness), found.cases, found.effective,
                       witness=found.witness, seed=budget.seed)  # fmt: skip
    problem = read(claim)
    if claim.relation == "==":
        if identical(problem.lhs, problem.rhs):
            return Verdict(claim.name, "certify", Status.PROVED, "an identity, by rewriting")
        return Verdict(claim.name, "certify", Status.UNDECIDED, "rewriting does not show the identity", found.cases)
    if not (defined(problem.lhs, problem.box) and defined(problem.rhs, problem.box)):
        reason = "a side is not shown to be a real number everywhere"
        return Verdict(claim.name, "certify", Status.UNDECIDED, reason, found.cases)
    prover = Prover(problem.box, problem.contacts or _found_contacts(problem), problem.lower, problem.upper)
    outcome = prover.prove(problem.rhs - problem.lhs, budget.boxes)
    if outcome.proved:
        boxes = f"{outcome.boxes} box" if outcome.boxes == 1 else f"{outcome.boxes} boxes"
        return Verdict(claim.name, "certify", Status.PROVED, f"on the whole domain, in {boxes}")
    return Verdict(claim.name, "certify", Status.UNDECIDED, f"{outcome.boxes} boxes; left: {outcome.left}")


def _found_contacts(problem: Problem) -> tuple[Place, ...]:
    """Where the sides of an inequality in one variable meet, tried at 0, 1/2 and 1, when the card names no contact."""
    if len(problem.box) > 1:
        return ()
    ((x, (low, high)),) = problem.box.items()
    gap = problem.rhs - problem.lhs
    tried = [sp.Rational(k, 2) for k in range(3) if low < sp.Rational(k, 2) < high]
    return tuple((x, c) for c in tried if gap.subs(x, c) == 0)


def _numbers(claim: TailBound | Impossibility, budget: Budget) -> Verdict:
    assert claim.quantities is not None
    tried = 0
    for case in cases(claim, budget):
        try:
            result = call(case.function, case.given)
            results = result if isinstance(result, list) else [result]
            if not all(isinstance(each, BoundResult) for each in results):
                continue
            with precision(256):
                found = claim.quantities(result, case.given)
            numbers = [found] if isinstance(found, Mapping) else found
            wrong, value = _first_wrong(claim, zip(results, numbers, strict=True), case)
        except (DataError, DomainError, KeyError):  # refused, or without the parts that the formula needs
            continue
        tried += 1
        if wrong:
            witness: dict[str, Any] = {"function": case.index, "given": arguments(case.given), "value": value}
            return Verdict(claim.name, "certify", Status.REFUTED, wrong, tried, tried, witness=witness)
    if not tried:
        return Verdict(claim.name, "certify", Status.NOT_APPLICABLE, "no function returns a result with its parts")
    return Verdict(claim.name, "certify", Status.SUPPORTED, "the returned number against the formula", tried, tried)


def _first_wrong(claim: TailBound | Impossibility, pairs: Iterable[tuple[BoundResult, Mapping[str, Any]]],
                 case: Case) -> tuple[str, float]:  # fmt: skip
    """What is wrong with the first number that is, and that number."""
    wrong = ((_compare(claim, result, numbers, case), result.value) for result, numbers in pairs)
    return next((each for each in wrong if each[0]), ("", math.nan))


def _compare(claim: TailBound | Impossibility, result: BoundResult, values: Mapping[str, Any], case: Case) -> str:
    """What is wrong with the number; empty when it is on the safe side of the formula and close to it."""
    assert claim.formula is not None
    expression = claim.formula()
    with precision(256):
        exact = evaluate(expression, values)
        if not exact.is_finite():
            raise domain_error("formula", exact, "a finite value", f"card {claim.name}")
        upper = result.side == "upper"
        slack = arb(RELATIVE) * abs(exact) + magnitude(expression, values) * arb(2) ** -49 + arb(2) ** -1073
        if upper:
            exact = _clipped(exact, case.given.get("ceiling"), result.value, 1)
        elif result.side == "lower":
            exact = _clipped(exact, 0.0, result.value, -1)
        value = arb(result.value)
        safe = value >= exact.mid() - exact.rad() if upper else value <= exact.mid() + exact.rad()
        close = value <= exact + slack if upper else value >= exact - slack
    if not safe:
        return f"the number {result.value!r} is on the wrong side of the formula, {exact.str(20)}"
    return "" if close else f"the number {result.value!r} is far from the formula, {exact.str(20)}"


def _clipped(exact: arb, limit: float | None, value: float, sign: int) -> arb:
    """The formula, or the trivial bound when the number is that one and the formula is beyond it."""
    if limit is None or value != limit or not math.isfinite(limit):
        return exact
    return arb(limit) if sign * (exact - arb(limit)) > 0 else exact
