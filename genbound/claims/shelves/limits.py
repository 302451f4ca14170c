"""What no method can beat (THEORY 1, `floor`): impossibilities, each with the process that attains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, precision
from genbound.claims.card import Claim, Impossibility, Planted
from genbound.claims.formulas import formula, means
from genbound.concentration import floor


def hidden_risk(losses: Any, ceiling: float, nats: float, slack: float) -> tuple[arb, arb]:
    """Every X_k is x_k with probability p = min(1, (1 + slack) e^{-nats/n}), else the ceiling.

    Returns:
        (the probability of exactly these losses, the risk), as balls: p^n and mean [p x + (1 - p) B].
    """
    with precision(256):
        x = [arb(value) for value in np.asarray(losses, dtype=np.float64).tolist()]
        p = arb.min(arb(1), (1 + ball(slack)) * (-ball(float(nats)) / len(x)).exp())
        mean = sum(x, arb(0)) / len(x)
        return p ** len(x), ball(float(ceiling)) - p * (ball(float(ceiling)) - mean)


def _floor_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    with precision(256):
        known = means({**given, "predictions": given["losses"], "prediction_floor": 0.0})
        return known | {"C": ball(float(given["log_inv_delta"])) / result.n}


def _doubled(losses: Any, *, ceiling: float, log_inv_delta: float) -> Any:
    return floor(losses, ceiling=ceiling, log_inv_delta=2 * log_inv_delta)


def _from_zero(losses: Any, *, ceiling: float, log_inv_delta: float) -> float:
    mean = float(np.mean(losses))
    return mean + (1 - float(np.exp(-log_inv_delta / len(losses)))) * ceiling


CARDS: tuple[Claim, ...] = (
    Impossibility(
        name="floor",
        statement="no method that knows only X <= B certifies less than mean X + (1 - e^{-C})(B - mean X), at any n",
        assumes=("the method knows only X <= B and spends e^{-nC} on this hypothesis",),
        minimum=frozenset({"derive", "certify", "exact"}),
        note="derived here",
        value=floor,
        process=hidden_risk,
        formula=formula("floor"),
        quantities=_floor_numbers,
        planted=(
            Planted("doubled_complexity", "2C for C: more than the process attains", {"value": _doubled}),
            Planted("range_from_zero", "B in place of B - mean X", {"value": _from_zero}),
        ),
    ),
)
