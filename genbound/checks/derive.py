"""`derive`: every step of a claim's derivation verified, and its last line the registered formula.

A planted variant whose formula differs ends in something else: that counts as a mismatch, not as a counterexample.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.card import Claim, Impossibility, Inequality, TailBound
from genbound.derivations import DERIVATIONS, Derivation, StepError
from genbound.derivations.reasons import Construction
from genbound.derivations.rules import UnverifiedError
from genbound.proving.identity import identical
from genbound.symbols import symbol

_POINTS = {"upper": "<=", "lower": ">="}


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """PROVED when every step holds and the chain ends in the claim; otherwise the step that does not."""
    derivation = DERIVATIONS.get(claim.name.partition("!")[0])
    if derivation is None:
        return _verdict(claim, Status.NOT_APPLICABLE, "no derivation is written down")
    wrong = _mismatch(claim, derivation)
    if wrong:
        return _verdict(claim, Status.REFUTED, f"a mismatch, not a counterexample: {wrong}")
    try:
        derivation.verified()
    except StepError as error:
        return _verdict(claim, Status.REFUTED if error.wrong else Status.UNDECIDED, str(error))
    except UnverifiedError as error:
        return _verdict(claim, Status.UNDECIDED, str(error))
    count = len(derivation.steps)
    return _verdict(claim, Status.PROVED, f"{count} step{'s' if count > 1 else ''} verified, ends in {derivation.last}")


def _verdict(claim: Claim, status: Status, reason: str) -> Verdict:
    return Verdict(claim.name, "derive", status, reason)


def _mismatch(claim: Claim, derivation: Derivation) -> str:
    """What the chain starts from or ends in, when it is not what the claim says."""
    wanted: list[tuple[str, sp.Expr, sp.Expr]] = []
    if isinstance(claim, Inequality):
        names = {each.name: each for each in (derivation.start.free_symbols | derivation.last.free_symbols)}
        lhs, rhs = (side.xreplace({each: names.get(each.name, each) for each in side.free_symbols})
                    for side in claim.sides())  # fmt: skip
        wanted = [("starts from", derivation.start, lhs), ("ends in", derivation.last, rhs)]
        if derivation.relation not in ("==", claim.relation):
            return f"the chain gives {derivation.relation}, the claim says {claim.relation}"
        if derivation.replaces:
            return "the chain goes over to another instance: its ends are not compared"
    elif isinstance(claim, TailBound | Impossibility) and claim.formula is not None:
        wanted = [("starts from", derivation.start, symbol("R")), ("ends in", derivation.last, claim.formula())]
    elif derivation.formula:
        from genbound import formulas

        wanted = [("ends in", derivation.last, getattr(formulas, derivation.formula)())]
    about_nats = derivation.replaces and derivation.relation == "=="  # the chain says what C becomes
    if isinstance(claim, TailBound) and not about_nats and derivation.relation != _POINTS[claim.side]:
        return f"the chain gives {derivation.relation} for the {claim.side} side"
    if isinstance(claim, TailBound) and any(isinstance(step.reason, Construction) for step in derivation.steps):
        return "a process that was constructed bounds no other one"
    for where, have, want in wanted:
        if not identical(have, want):
            return f"the derivation {where} {have}, the claim says {want}"
    return "" if wanted else "the claim registers no formula to end in"
