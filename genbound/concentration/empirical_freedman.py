"""`empirical_freedman` [F25, Theorem 3.1]: the linearised form of `geometric_mean`, kept as its baseline.

R <= mean X + min_{s in K} (Delta/s)(C + mean v(s A)),   A = (Y - X)/Delta >= -1,  v(x) = x - ln(1 + x).
"""

from __future__ import annotations

import math
from typing import Any

from flint import arb

from genbound.certified import ball, down, precision, up
from genbound.concentration.geometric_mean import ASSUMPTIONS, log_mean_float
from genbound.concentration.observed import Observed, observe, search
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.errors import domain_error

GRID_SIZE = 1000
"""|K|: s_i = i/1001, i = 1..1000, as in [F25]; ln 1000 = 6.91 nats are paid."""


def empirical_freedman(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
                       prediction_floor: float | None = None, complexity: float | arb | None = None,
                       log_inv_delta: float | arb | None = None, s: float | None = None,
                       grid_size: int = GRID_SIZE) -> BoundResult:  # fmt: skip
    """R <= mean X + Delta C + Sigma sqrt(C), with Delta = ceiling - prediction_floor.

    Sigma = min_{s in K} Delta sqrt(C)(1 - s)/s + (Delta/(s sqrt C)) mean v(s A). The same number, written
    plainly, is mean Y + min_D D (C - mean ln(1 + (Y - X)/D)) with D = Delta/s, which is what is evaluated.

    Source: [F25, Theorem 3.1], arXiv 2504.15208.

    Args:
        losses, predictions, ceiling, prediction_floor, complexity, log_inv_delta: as in `geometric_mean`.
        s: 0 < s < 1, fixed beforehand (or already paid): no grid cost.
        grid_size: |K|, with s_i = i/(|K| + 1); ln |K| is paid.

    Returns:
        BoundResult with rows "empirical risk", "complexity" (Delta C) and "loss variation" (Sigma sqrt C);
        tuned holds s and Sigma ("sigma", nats per token).

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = empirical_freedman([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, s=0.5)
    >>> round(result.value, 6)
    5.277091
    """
    seen = observe(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor)
    return freedman_of(seen, complexity, log_inv_delta, s, grid_size)


def freedman_of(seen: Observed, complexity: float | arb | None, log_inv_delta: float | arb | None,
                s: float | None = None, grid_size: int = GRID_SIZE) -> BoundResult:  # fmt: skip
    """`empirical_freedman` on data that were already read."""
    with precision():
        delta = ball(seen.ceiling) - ball(seen.prediction_floor)
    values, choices = _members(s, grid_size)
    c, costs = all_in(seen.n, complexity, log_inv_delta, choices)
    member = tune_s(seen, float(delta), float(c), values)
    raw, sigma_term = evaluate(seen, delta, c, values[member])
    value = min(raw, seen.ceiling)
    with precision():
        risk, complexity_term = up(seen.mean_loss()[1]), up(delta * c)
        sigma = up(sigma_term / c.sqrt()) if c > 0 else 0.0
    tuned = {"s": values[member], "sigma": sigma, "shift": float(delta) / values[member]}
    terms = rows(value, ("empirical risk", risk), ("complexity", complexity_term), rest="loss variation")
    return BoundResult("empirical_freedman", value, seen.n, up(c), terms, tuned, costs,
                       (*ASSUMPTIONS, "holds simultaneously for all n"), seen.evidence)  # fmt: skip


def _members(s: float | None, grid_size: int) -> tuple[list[float], dict[str, int]]:
    if s is not None:
        if not 0.0 < s < 1.0:
            raise domain_error("s", s, "0 < s < 1", "member of K")
        return [float(s)], {}
    if grid_size < 1:
        raise domain_error("grid_size", grid_size, "|K| >= 1", "number of s values")
    return freedman_grid(grid_size), {f"s grid ({grid_size})": grid_size}


def freedman_grid(grid_size: int = GRID_SIZE) -> list[float]:
    """K = {i/(|K| + 1)}, increasing.

    >>> freedman_grid(3)
    [0.25, 0.5, 0.75]
    """
    return [i / (grid_size + 1) for i in range(1, grid_size + 1)]


def tune_s(seen: Observed, delta: float, c: float, values: list[float]) -> int:
    """Index of the best s in float64: D (C - mean ln(1 + W/D)) is convex in D = Delta/s, hence unimodal."""
    bets, weights = seen.bets()

    def objective(s: float) -> float:
        return (delta / s) * (c - log_mean_float(bets, weights, delta / s))

    return search(objective, values, 24) if len(values) > 1 else 0


def evaluate(seen: Observed, delta: arb, c: arb, s: float) -> tuple[float, arb]:
    """(mean Y + (Delta/s)(C - mean ln(1 + s A)) rounded up, Sigma sqrt C as a ball that is never below).

    mean ln(1 + s A) is read at D = down(Delta/s), and ln D subtracted at Delta/s: the lower shift loosens.
    """
    with precision():
        d = delta / ball(s)
        log_mean = seen.log_mean(down(d)) - d.log()
        if not log_mean.is_finite():
            return math.inf, arb.pos_inf()
        value = seen.mean_prediction()[1] + d * (c - log_mean)
        return up(value), value - seen.mean_loss()[0] - delta * c
