"""`freedman`: the martingale bound for a known variance (THEORY 1, comparators)."""

from __future__ import annotations

import math
from typing import Any

from flint import arb

from genbound.certified import ball, precision, up
from genbound.concentration.azuma import mean_loss_of
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.errors import domain_error

ASSUMPTIONS = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "loss_floor <= X <= ceiling under the true law, not only on the data",
    "the mean over k of the conditional variance of X_k given the past is at most `variance`, known beforehand",
    "one n, fixed beforehand",
)


def freedman(losses: Any, *, variance: float, ceiling: float | None = None, loss_floor: float = 0.0,
             complexity: float | arb | None = None,
             log_inv_delta: float | arb | None = None) -> BoundResult:  # fmt: skip
    """R <= mean X + t with (v/b^2) h(b t/v) = C, h(x) = (1+x) ln(1+x) - x, b = ceiling - loss_floor >= m - X.

    E[e^{lambda (m - X)/b} | past] <= exp(phi(lambda) Var/b^2), phi(lambda) = e^lambda - 1 - lambda, gives
    t = min_lambda b (C + phi(lambda) v/b^2)/lambda. C and v are known beforehand, hence so is the best lambda, and
    nothing is paid. Never above the better known Bernstein form b C/3 + sqrt((b C/3)^2 + 2 v C).

    Source: Freedman 1975, Theorem 1.6, the first inequality [v/(a+v)]^{a+v} e^a (Bennett 1962 for independent losses).

    Args:
        losses: X, nats, shape (n,): array, torch tensor, iterator of chunks, or a Wealth.
        variance: v, nats^2, >= (1/n) sum_k Var(X_k | past) under the true law: NOT an estimate from these data.
        ceiling: B, nats, X <= B under the true law. Required unless `losses` is a Wealth.
        loss_floor: a constant <= X under the true law, nats.
        complexity: C, nats per token; or
        log_inv_delta: nC, nats in total. Exactly one of the two; nothing else is paid.

    Returns:
        BoundResult with rows "empirical risk" and "Freedman margin"; tuned holds lambda. `floor` may exceed it: it
        knows more than X <= B.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = freedman([0.0, 1.0] * 50, ceiling=1.0, variance=0.25, log_inv_delta=3.0)
    >>> round(result.value, 6)
    0.632112
    """
    mean, n, top = mean_loss_of(losses, ceiling, loss_floor)
    c, costs = all_in(n, complexity, log_inv_delta)
    if not (math.isfinite(variance) and variance >= 0):
        raise domain_error(
            "variance", variance, "a finite number >= 0", "bound on the mean conditional variance, nats^2"
        )
    if not (math.isfinite(loss_floor) and loss_floor < top):
        raise domain_error("loss_floor", loss_floor, f"loss_floor < ceiling = {top!r}", "nats per token")
    with precision():
        b = ball(top) - ball(float(loss_floor))
        share = ball(float(variance)) / b**2
        bet, margin = _best_margin(share, c)
        value = min(up(mean + b * margin), top)
    terms = rows(value, ("empirical risk", up(mean)), rest="Freedman margin")
    tuned = {"lambda": bet} if math.isfinite(bet) else {}
    return BoundResult("freedman", value, n, up(c), terms, tuned, costs, ASSUMPTIONS,
                       ("rounded outward in ball arithmetic",))  # fmt: skip


def _best_margin(v: arb, c: arb) -> tuple[float, arb]:
    """(lambda, (C + phi(lambda) v)/lambda) near the minimum over lambda, in units of b.

    lambda = ln(1 + x) with h(x) = C/v; h is convex and increasing, so Newton's method from the Bernstein solution
    (which is not below the root) decreases to it. Any lambda > 0 is valid.
    """
    if not c > 0 or not v > 0:
        return math.inf, arb(0)
    y = (c / v).mid()
    x = (y / 3 + (y**2 / 9 + 2 * y).sqrt()).mid()
    for _ in range(200):
        slope = x.log1p()
        step = ((1 + x) * slope - x - y) / slope
        x = (x - step).mid()
        if not step > x * arb(2) ** -50:
            break
    bet = float(x.log1p())
    exact = ball(bet) if bet > 0 else x.log1p().mid()
    return bet, (c + (exact.expm1() - exact) * v) / exact
