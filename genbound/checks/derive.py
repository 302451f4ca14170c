"""`derive`: every step of a claim's derivation verified, and its last line the registered formula.

A planted variant whose formula differs ends in something else: that counts as a mismatch, not as a counterexample.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.card import Claim, Impossibility, Inequality, Rate, TailBound
from genbound.derivations import DERIVATIONS, Derivation, StepError
from genbound.derivations.domains import assuming
from genbound.derivations.reasons.analysis import Construction
from genbound.derivations.reasons.averages import rests_on
from genbound.derivations.reasons.growth import leading as leading_growth
from genbound.derivations.reasons.growth import returned
from genbound.derivations.rules import Limit, UnverifiedError
from genbound.errors import GenboundError
from genbound.proving.identity import identical
from genbound.symbols import symbol

MISMATCH = "a mismatch, not a counterexample: "
_POINTS = {"upper": "<=", "lower": ">="}
_RISKS = {"pac_bayes": "posterior_risk", "prefix_prior": "later_risk"}
"""What is bounded, where it is not the risk R on all tokens."""


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """PROVED when every step holds and the chain ends in the claim; otherwise the step that does not."""
    derivation = DERIVATIONS.get(claim.name.partition("!")[0])
    if derivation is None:
        return _verdict(claim, Status.NOT_APPLICABLE, "no derivation is written down")
    wrong = _mismatch(claim, derivation)
    if wrong:
        return _verdict(claim, Status.REFUTED, wrong if isinstance(claim, Rate) else MISMATCH + wrong)
    try:
        derivation.verified()
    except StepError as error:
        return _verdict(claim, Status.REFUTED if error.wrong else Status.UNDECIDED, str(error))
    except GenboundError as error:
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
        wanted = [("ends in", derivation.last, claim.formula())]
    elif isinstance(claim, Rate):
        return _off_rate(claim, derivation)
    elif derivation.formula:
        from genbound import formulas

        wanted = [("ends in", derivation.last, getattr(formulas, derivation.formula)())]
    if not wanted:
        return "the claim registers no formula to end in"
    if isinstance(claim, TailBound | Impossibility):
        risk = symbol(_RISKS.get(claim.name.partition("!")[0], "R"))
        wanted = [("starts from", derivation.start, risk), *wanted]
    if isinstance(claim, TailBound) and derivation.relation != _POINTS[claim.side]:
        return f"the chain gives {derivation.relation} for the {claim.side} side"
    if isinstance(claim, TailBound) and _constructed(derivation):
        return "a process that was constructed bounds no other one"
    return _different(wanted)


def _constructed(derivation: Derivation) -> bool:
    """Whether the chain, or one it rests on, is about a process of its own."""
    return any(isinstance(step.reason, Construction) or any(map(_constructed, rests_on(step.reason)))
               for step in derivation.steps)  # fmt: skip


def _off_rate(claim: Rate, derivation: Derivation) -> str:
    """What is not as the card says: the law (a line of the chain), its leading term (the last line) or the exponent."""
    if derivation.relation not in ("==", "~"):
        return f"{MISMATCH}the chain gives {derivation.relation}, a rate needs == or ~"
    law, leading = claim.formula(), claim.leading()
    lines = (derivation.start, *(step.after for step in derivation.steps))
    if not any(identical(line, law) for line in lines):
        return f"{MISMATCH}no line of the derivation is {law}"
    if not identical(leading, derivation.last):
        ends = _different([("ends in", derivation.last, leading)])
        return _quotient(claim, leading, derivation) or MISMATCH + ends
    if claim.exponent is None:
        return ""
    over = symbol(claim.over)
    slope = over * sp.diff(sp.expand_log(sp.log(leading)), over)
    return _different([("has the exponent", slope, claim.exponent())])


def _quotient(claim: Rate, leading: sp.Expr, derivation: Derivation) -> str:
    """How the claimed leading term compares with the derived one; empty when that was not found."""
    try:
        with assuming(derivation.case):
            at = Limit(symbol(claim.over), sp.sympify(claim.to))
            share = returned(leading_growth(sp.powsimp(sp.expand(leading / derivation.last)), at), at)
    except UnverifiedError:
        return ""
    return f"the claimed leading term is ~ {sp.simplify(share)} times the derived one"


def _different(wanted: list[tuple[str, sp.Expr, sp.Expr]]) -> str:
    for what, have, want in wanted:
        if not identical(have, want):
            return f"the derivation {what} {have}, the claim says {want}"
    return ""
