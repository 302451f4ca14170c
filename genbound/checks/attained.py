"""An impossibility, shown: the process that attains the limit, evaluated in ball arithmetic.

Whoever certifies less than `value` on these losses is wrong about a process that produces exactly them with
probability above delta and has a risk as close to `value` as one likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from genbound.certified import ball, down, precision, up
from genbound.checks.verdict import Status, Verdict
from genbound.checks.witness import NOT_A_WITNESS
from genbound.claims.calls import call, values_of
from genbound.claims.card import Impossibility
from genbound.errors import DataError

ENGINE = "exact"
SLACKS = (1e-2, 1e-6, 1e-12, 1e-18)
"""The process tends to the limit as slack falls to 0: its risk may stay below by slack times n times the ceiling."""

_STREAMS = ((0.0,), (1.0,), (0.5,), (0.0, 1.0), (0.25, 0.25, 0.5), (0.0, 0.0, 0.0, 1.0), (0.1, 0.2, 0.3, 0.9, 0.9),
            (1.0, 1.0, 1.0), (5e-324, 0.0), (0.7,) * 64)  # fmt: skip
_CEILINGS = (1.0, 16.0)
_NATS = (1e-3, 1.2, 30.0, 1e6)


def attained(claim: Impossibility) -> Verdict:
    """EXACT when the process attains the limit on every stream; REFUTED with the stream where it does not."""
    cases = effective = 0
    for shares, ceiling, nats in product(_STREAMS, _CEILINGS, _NATS):
        losses = [share * ceiling for share in shares]
        verdict = _judge(claim, losses, ceiling, nats)
        cases, effective = cases + 1, effective + int(min(losses) < ceiling)
        if verdict is not None:
            return replace(verdict, cases=cases, effective=effective)
    reason = "the process produces the data with probability above delta and its risk tends to the limit"
    return Verdict(claim.name, ENGINE, Status.EXACT, reason, cases, effective)


def reattained(claim: Impossibility, witness: Mapping[str, Any]) -> Verdict:
    """Evaluate the stream of a witness again."""
    if witness.get("engine") != ENGINE or "losses" not in witness:
        raise DataError(NOT_A_WITNESS.format(engine=ENGINE))
    verdict = _judge(claim, witness["losses"], float(witness["ceiling"]), float(witness["log_inv_delta"]))
    return verdict or Verdict(claim.name, ENGINE, Status.UNDECIDED, "the process attains the limit here", 1, 1)


def _judge(claim: Impossibility, losses: list[float], ceiling: float, nats: float) -> Verdict | None:
    """None when the limit is attained on these losses."""
    data = np.array(losses, dtype=np.float64)
    result = call(claim.value, {"losses": data, "ceiling": ceiling, "log_inv_delta": nats})
    ((value, _),) = values_of(result, "upper")
    for slack in SLACKS:
        with precision(256):
            chance, risk = claim.process(data, ceiling, nats, slack)
            delta = (-ball(nats)).exp()
            likely, unlikely = bool(chance > delta), bool(chance < delta)
            short = ball(value) - risk - len(losses) * ball(ceiling) * ball(slack)
            reached, missed = bool(short <= 0), bool(short > 0)
        what = ""
        if not likely:
            what = f"the data have probability {'below' if unlikely else 'not certainly above'} delta"
        elif not reached:
            what = f"the risk is {'short of' if missed else 'not certainly at'} the value {value!r}"
        if what:
            witness = {
                "engine": ENGINE,
                "losses": losses,
                "ceiling": ceiling,
                "log_inv_delta": nats,
                "slack": slack,
                "value": value,
                "risk": [down(risk), up(risk)],
                "probability": [down(chance), up(chance)],
            }
            certain = unlikely if not likely else missed
            status = Status.REFUTED if certain else Status.UNDECIDED
            return Verdict(claim.name, ENGINE, status, f"{what}, slack = {slack:g}", 1, 1, witness=witness)
    return None
