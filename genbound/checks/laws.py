"""Laws every tail bound of a form obeys: one function each, true or broken on one case.

A law takes a function of the card, its default side, a case (the arguments a bound may ask for) and what the bound
says there; it returns None where it holds, else what broke it. `floor` is more than a law: what breaks it is an
explicit process, evaluated in ball arithmetic, under which the bound misses with probability above delta.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from genbound.certified import ball, down, mean_ball, precision, up
from genbound.claims.calls import call, values_of
from genbound.concentration.result import Side
from genbound.processes.paths import Dependence

Case = Mapping[str, Any]
Ends = list[tuple[float, Side]]
Law = Callable[[Callable[..., Any], Side, Case, Ends], dict[str, Any] | None]

RELATIVE = 1e-9
"""Room for a search in float64, as a share of the ceiling: what is tuned may be worse by so much."""

MANY = 1e6
"""Nats at which nothing can be certified."""

SLACKS = (1e-15, 1e-12, 1e-9, 1e-6, 1e-3)
"""By how much the hidden-risk process is likelier than delta, a share per token."""

_NATS = ("log_inv_delta", "log_inv_delta_1", "log_inv_delta_2")
_PER_NAT = ("losses", "predictions", "ceiling", "prediction_floor", "prediction_ceiling", "loss_floor")
_LARGEST = 1.7976931348623157e308


def ends(function: Callable[..., Any], side: Side, case: Case) -> Ends:
    """Every value the bound states, with its side.

    >>> ends(lambda losses, *, ceiling: (0.0, ceiling), "upper", {"losses": np.zeros(1), "ceiling": 2.0})
    [(0.0, 'lower'), (2.0, 'upper')]
    """
    return values_of(call(function, case), side)


def monotone(function: Callable[..., Any], side: Side, case: Case, before: Ends) -> dict[str, Any] | None:
    """More nats never make a bound tighter."""
    more = {name: 1.25 * case[name] + 0.25 for name in _NATS if name in case}
    for (value, which), (after, _) in zip(before, ends(function, side, {**case, **more}), strict=False):
        gain = value - after if which == "upper" else after - value
        if gain > RELATIVE * _size(case):
            return {"value": value, "with_more_nats": after, "more": more}
    return None


def scale(function: Callable[..., Any], side: Side, case: Case, before: Ends) -> dict[str, Any] | None:
    """Losses in another unit, a power of two, give the bound in that unit."""
    factor = 2.0**5 if len(case["losses"]) % 2 else 2.0**-3
    scaled = {name: factor * case[name] for name in _PER_NAT if name in case}
    if any(np.any(value / factor != case[name]) for name, value in scaled.items()):
        return None  # a denormal lost a bit: this is not the same stream in another unit
    if "variance" in case:
        scaled["variance"] = factor**2 * case["variance"]
    for (value, _), (after, _) in zip(before, ends(function, side, {**case, **scaled}), strict=False):
        if not _close(factor * value, after, factor * _size(case)):
            return {"value": value, "factor": factor, "scaled": after}
    return None


def order(function: Callable[..., Any], side: Side, case: Case, before: Ends) -> dict[str, Any] | None:
    """Permuting tokens together with their predictions changes nothing."""
    n = len(case["losses"])
    permutation = np.arange(n)[::-1] if n < 4 else np.random.default_rng(n).permutation(n)
    moved = {name: case[name][permutation] for name in ("losses", "predictions") if name in case}
    for (value, _), (after, _) in zip(before, ends(function, side, {**case, **moved}), strict=False):
        if not _close(value, after, _size(case)):
            return {"value": value, "permutation": permutation.tolist(), "permuted": after}
    return None


def limit(function: Callable[..., Any], side: Side, case: Case, before: Ends) -> dict[str, Any] | None:
    """At a million nats an upper bound is at the ceiling or beyond, a lower bound at the smallest possible loss."""
    room = RELATIVE * _size(case)
    for value, which in ends(function, side, {**case, "log_inv_delta": MANY}):
        if value < case["ceiling"] - room if which == "upper" else value > case.get("loss_floor", 0.0) + room:
            return {"value": value, "side": which, "log_inv_delta": MANY}
    return None


def floor(function: Callable[..., Any], side: Side, case: Case, before: Ends) -> dict[str, Any] | None:
    """No upper bound below mean X + (1 - e^-C)(B - mean X), no lower bound above e^-C mean X; C = ln(1/delta)/n.

    Let every X_k be x_k with probability q just above e^-C, else B (for a lower bound: else 0). The data x have
    probability q^n > delta, and R = q mean x + (1 - q) B (or q mean x) is on the wrong side of the bound. The tokens
    are independent, and identically distributed when x is constant; the predictions are constants.
    """
    x = np.asarray(case["losses"], dtype=np.float64)
    for value, which in before:
        upper = which == "upper"
        if value == (math.inf if upper else -math.inf):
            continue
        stated = ball(min(max(value, -_LARGEST), _LARGEST))
        otherwise = float(case["ceiling"]) if upper else 0.0
        for slack in SLACKS:
            with precision(256):
                nats = ball(float(case["log_inv_delta"]))
                q = (-nats / x.size).exp() * (1 + ball(slack))
                chance, risk = q**x.size, q * mean_ball(x) + (1 - q) * ball(otherwise)
                missed = bool(risk > stated) if upper else bool(risk < stated)
                if missed and bool(q <= 1) and bool(chance > (-nats).exp()):
                    return {
                        "value": value, "side": which, "otherwise": otherwise, "slack": slack,
                        "keeps_each_loss_with_probability": down(q), "probability_of_the_data": down(chance),
                        "risk": down(risk) if upper else up(risk),
                    }  # fmt: skip
    return None


LAWS: dict[str, Law] = {"floor": floor, "monotone": monotone, "scale": scale, "order": order, "limit": limit}
"""By name, in the order in which they are tried."""

EVERYWHERE = frozenset({"monotone"})
"""Laws that need nothing but the price of confidence: they hold in every setting."""


def binds(law: str, dependence: Dependence, case: Case) -> bool:
    """Whether the law says anything about a bound for such processes on this case.

    The process behind `floor` is IID only on constant losses, and independent on all.
    """
    return law != "floor" or dependence in ("independent", "adapted") or len(set(case["losses"].tolist())) == 1


def _size(case: Case) -> float:
    return float(case.get("ceiling", 1.0))


def _close(expected: float, found: float, size: float) -> bool:
    return expected == found or abs(expected - found) <= RELATIVE * size
