"""`floor`: what no method that knows only X <= B can beat (THEORY 1). Report every bound beside it."""

from __future__ import annotations

from typing import Any

from flint import arb

from genbound.certified import ball, down, mean_ball, precision, up
from genbound.concentration.capped import losses_and_ceilings, mean_of
from genbound.concentration.observed import observe
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.concentration.streams import is_scalar


def floor(losses: Any, *, ceiling: Any = None, complexity: float | arb | None = None,
          log_inv_delta: float | arb | None = None) -> BoundResult:  # fmt: skip
    """mean X + (1 - e^{-C})(B - mean X): no certificate that knows only X <= B is smaller, at any n.

    Let every X_k be the observed x_k with probability just above e^{-C}, else B: the data have probability
    above delta, and R tends to this number. With code lengths in C it limits the certificates that spend
    e^{-nC} on this hypothesis.

    Source: derived here (THEORY 1, `floor`).

    Args:
        losses: X, nats, shape (n,): array, torch tensor, iterator of chunks, or a Wealth.
        ceiling: B, nats. Required unless `losses` is a Wealth. Or B_k, shape (n,), each a function of the past
            only: mean B takes the place of B (the same argument, token by token); `losses` is then an array.
        complexity: C, nats per token; or
        log_inv_delta: nC, nats in total. Exactly one of the two.

    Returns:
        BoundResult, side "limit", rounded down (it is a lower limit of what can be certified).

    >>> import math
    >>> round(floor([1.0, 3.0], ceiling=16.0, complexity=math.log(2)).value, 9)
    9.0
    >>> round(floor([1.0, 3.0], ceiling=[8.0, 16.0], complexity=math.log(2)).value, 9)
    7.0
    """
    if ceiling is None or is_scalar(ceiling):
        seen = observe(losses, ceiling=ceiling)
        n, mean, top, evidence = seen.n, seen.mean_loss()[0], seen.ceiling, seen.evidence
    else:
        x, b = losses_and_ceilings(losses, ceiling)
        n, mean, top = x.size, mean_ball(x), mean_of(b)
        evidence = ("evaluated on every token, rounded outward in ball arithmetic",)
    c, costs = all_in(n, complexity, log_inv_delta)
    with precision():
        value = max(down(floor_at(mean, top, c)), down(mean))  # C far below the precision: the mean itself
    terms = rows(value, ("empirical risk", down(mean)), rest="complexity")
    assumptions = ("limits every certificate that knows only X <= ceiling and spends e^{-nC} here",)
    return BoundResult("floor", value, n, up(c), terms, {}, costs, assumptions, evidence, "limit")


def floor_at(mean: arb, ceiling: float | arb, c: arb) -> arb:
    """mean + (1 - e^{-C})(B - mean) as a ball, free of cancellation; increasing in `mean`."""
    with precision():
        return mean - (-c).expm1() * (ball(ceiling) - mean)
