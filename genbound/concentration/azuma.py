"""`azuma_hoeffding` [L24]: the bound that knows only the range of the losses (THEORY 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, mean_ball, precision, up
from genbound.concentration.binning import LARGEST
from genbound.concentration.observed import observe
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.concentration.streams import check_stream, is_stream
from genbound.concentration.wealth import Wealth
from genbound.errors import domain_error

ASSUMPTIONS = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "loss_floor <= X <= ceiling under the true law, not only on the data",
    "one n, fixed beforehand",
)


def azuma_hoeffding(losses: Any, *, ceiling: float | None = None, loss_floor: float = 0.0,
                    complexity: float | arb | None = None,
                    log_inv_delta: float | arb | None = None) -> BoundResult:  # fmt: skip
    """R <= mean X + Delta sqrt(C/2), Delta = ceiling - loss_floor.

    Source: [L24], arXiv 2407.18158; the inequality is Azuma 1967.

    Args:
        losses: X, nats, shape (n,): array, torch tensor, iterator of chunks, or a Wealth.
        ceiling: B, nats, X <= B under the true law. Required unless `losses` is a Wealth.
        loss_floor: a constant <= X under the true law, nats (smoothing.loss_floor for smoothed losses).
        complexity: C, nats per token; or
        log_inv_delta: nC, nats in total. Exactly one of the two; nothing else is paid.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> round(azuma_hoeffding([1.0, 2.0, 3.0], ceiling=16.0, complexity=0.02).value, 9)
    3.6
    """
    mean, n, top = mean_loss_of(losses, ceiling, loss_floor)
    c, costs = all_in(n, complexity, log_inv_delta)
    with precision():
        if not (np.isfinite(loss_floor) and loss_floor < top):
            raise domain_error("loss_floor", loss_floor, f"loss_floor < ceiling = {top!r}", "nats per token")
        margin = (ball(top) - ball(float(loss_floor))) * (c / 2).sqrt()
        value = min(up(mean + margin), top)
    terms = rows(value, ("empirical risk", up(mean)), rest="Azuma margin")
    return BoundResult("azuma_hoeffding", value, n, up(c), terms, {}, costs, ASSUMPTIONS,
                       ("rounded outward in ball arithmetic",))  # fmt: skip


def mean_loss_of(losses: Any, ceiling: float | None, loss_floor: float = 0.0) -> tuple[arb, int, float]:
    """(a ball never below mean X, n, ceiling) of any accepted form of losses."""
    if isinstance(losses, Wealth) or is_stream(losses) or ceiling is None:
        seen = observe(losses, ceiling=ceiling)
        return seen.mean_loss()[1], seen.n, seen.ceiling
    if not abs(float(ceiling)) <= LARGEST:
        raise domain_error("ceiling", ceiling, "ceiling <= 2^40", "nats")
    x, _ = check_stream(losses, None, float(ceiling), loss_floor, loss_floor)
    return mean_ball(x), x.size, float(ceiling)
