"""`progressive_validation` and `held_out`: the honest yardsticks without a complexity term (THEORY 2).

X_k is the loss of a predictor trained on the first k-1 tokens of the stream (progressive validation), or of
one predictor on a stream it has never seen (held out). C holds the failure probability and the grids only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from genbound.certified import ball, precision, up
from genbound.complexity.codes import choice_nats, log_inv_delta
from genbound.concentration.geometric_mean import geometric_mean
from genbound.concentration.result import BoundResult
from genbound.concentration.wealth import Wealth
from genbound.errors import domain_error


def progressive_validation(wealths: Mapping[float, Wealth], *, delta: float | None = None,
                           log_inv: float | None = None, paid: float = 0.0,
                           shift: float | None = None) -> BoundResult:  # fmt: skip
    """The average risk of the predictors along the run: min over alpha of `geometric_mean`.

    Source: THEORY 2 `progressive_validation` (Blum-Kalai-Langford 1999; Cesa-Bianchi et al. 2004).

    Args:
        wealths: alpha -> Wealth of the same n tokens smoothed with alpha; the alphas are fixed beforehand and
            ln(len(wealths)) is paid for the minimum.
        delta: failure probability; or
        log_inv: ln(1/delta), nats. Exactly one of the two.
        paid: further nats (for example ln(runs) when the best of several runs is reported).
        shift: D, nats, fixed beforehand; None: the library's grid, ln 128 paid.

    Returns:
        The best BoundResult, with tuned["alpha"].

    >>> wealth = Wealth(ceiling=16.0)
    >>> wealth.update([2.0] * 1000, predictions=[2.0] * 1000)
    >>> result = progressive_validation({0.5: wealth}, delta=0.05)
    >>> round(result.value, 3), result.tuned["alpha"]
    (2.125, 0.5)
    """
    statement = "bounds the average risk of the predictors along the run, each trained on earlier tokens only"
    return _best("progressive_validation", wealths, delta, log_inv, paid, shift, statement)


def held_out(wealths: Mapping[float, Wealth], *, delta: float | None = None, log_inv: float | None = None,
             paid: float = 0.0, shift: float | None = None) -> BoundResult:  # fmt: skip
    """The risk of one fixed predictor on a stream it was not trained on: min over alpha of `geometric_mean`.

    Source: THEORY 2 `held_out`. Arguments as in `progressive_validation`.

    >>> wealth = Wealth(ceiling=16.0)
    >>> wealth.update([2.0] * 1000)
    >>> held_out({0.5: wealth}, log_inv=1e6).value
    16.0
    """
    statement = "the predictor and alpha's grid were fixed before the test stream was seen"
    return _best("held_out", wealths, delta, log_inv, paid, shift, statement)


def _best(name: str, wealths: Mapping[float, Wealth], delta: float | None, log_inv: float | None,
          paid: float, shift: float | None, statement: str) -> BoundResult:  # fmt: skip
    if not wealths:
        raise domain_error("wealths", {}, "at least one alpha", "statistics per smoothing weight")
    if len({wealth.n for wealth in wealths.values()}) != 1:
        counts = {alpha: wealth.n for alpha, wealth in wealths.items()}
        raise domain_error("wealths", counts, "the same n for every alpha", "tokens seen")
    if (delta is None) == (log_inv is None):
        raise domain_error("delta", delta, "exactly one of delta and log_inv", "failure probability")
    nats = log_inv if log_inv is not None else log_inv_delta(float(delta or 0.0))
    if not (math.isfinite(nats) and nats >= 0):
        raise domain_error("log_inv", nats, "0 <= log_inv < inf", "ln(1/delta), nats")
    if not (math.isfinite(paid) and paid >= 0):
        raise domain_error("paid", paid, "paid >= 0", "nats")
    choice = choice_nats(len(wealths))
    with precision():
        total = ball(nats) + ball(paid) + ball(choice)
    bounds = {alpha: geometric_mean(w, log_inv_delta=total, shift=shift) for alpha, w in wealths.items()}
    alpha = min(bounds, key=lambda a: (bounds[a].value, a))
    best = bounds[alpha]
    costs = {"failure probability": up(ball(nats)), f"alpha grid ({len(wealths)})": choice}
    costs |= {"further choices": paid} if paid else {}
    costs |= {label: cost for label, cost in best.costs.items() if "grid" in label}
    return replace(best, name=name, tuned={"alpha": alpha, **best.tuned}, costs=costs,
                   assumptions=(*best.assumptions, statement))  # fmt: skip
