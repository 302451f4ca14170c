"""`geometric_mean`, the library's main bound, and its mirror image (THEORY 1).

    R <= mean U - e^{-C} GM(U - X),   U = Y + D predictable, U >= X under the true law.

prod (U_k - X_k)/(U_k - m_k) is a nonnegative martingale of mean 1, so GM(U - X) <= e^C GM(U - m)
<= e^C (mean U - R) by Markov (Ville: for all n at once) and AM-GM.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, down, precision, up
from genbound.concentration.observed import Observed, observe, require_shift, search
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.errors import domain_error

GRID_SIZE = 128
"""Members of the default family of shifts; ln 128 = 4.85 nats are paid for choosing among them."""

_EIGHTHS = (
    1.0, 1.0905077326652577, 1.189207115002721, 1.2968395546510096,
    1.4142135623730951, 1.5422108254079407, 1.681792830507429, 1.8340080864093424,
)  # fmt: skip
ASSUMPTIONS = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "0 <= X <= ceiling under the true law, not only on the data",
    "Y is a function of the past only and never below prediction_floor",
)


def default_shifts(ceiling: float, prediction_floor: float = 0.0) -> tuple[float, ...]:
    """D_j = (ceiling - prediction_floor) 2^(j/8), j = 0..127: the family fixed beforehand.

    >>> default_shifts(16.0)[:2], default_shifts(16.0)[8]
    ((16.0, 17.448123722644123), 32.0)
    """
    with precision():
        span = up(ball(ceiling) - ball(prediction_floor))
    return tuple(math.ldexp(span * _EIGHTHS[j % 8], j // 8) for j in range(GRID_SIZE))


def geometric_mean(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
                   prediction_floor: float | None = None, complexity: float | arb | None = None,
                   log_inv_delta: float | arb | None = None, shift: float | None = None,
                   grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R <= mean U - e^{-C} GM(U - X) with U = Y + D, simultaneously for all n.

    Source: derived here (THEORY 1, `geometric_mean`); at the same s = Delta/D and C it is never looser than
    [F25, Theorem 3.1] (`geometric_mean_dominates`). Novelty unverified.

    Args:
        losses: X, nats, shape (n,): array, torch tensor, iterator of chunks (X or (X, Y)), or a Wealth.
        predictions: Y, nats, shape (n,), each a function of the past only. None: Y = prediction_floor.
        ceiling: B, nats, with X <= B under the true law. Required unless `losses` is a Wealth.
        prediction_floor: a constant <= every Y, nats, fixed beforehand (default 0).
        complexity: C, nats per token, ln(1/delta)/n included; or
        log_inv_delta: nC, nats in total. Exactly one of the two.
        shift: D >= ceiling - prediction_floor, nats, fixed beforehand (or already paid): no grid cost.
        grid: shifts fixed beforehand, replacing `default_shifts`; ln(len) is paid.

    Returns:
        BoundResult with rows "empirical risk", "complexity" ((1-e^{-C})(B - mean X): the floor) and "loss
        variation" (the rest). The value is rounded up and never above the ceiling.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = geometric_mean([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, shift=32.0)
    >>> round(result.value, 6)
    4.864935
    """
    seen = observe(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor)
    shifts, choices = _family(seen, shift, grid)
    c, costs = all_in(seen.n, complexity, log_inv_delta, choices)
    mean = float(seen.mean_prediction()[1])
    bets, weights = seen.bets()
    cost = float(c)

    def objective(d: float) -> float:
        return mean - d * math.expm1(log_mean_float(bets, weights, d) - cost)

    index = search(objective, shifts, 8 if grid is None else 1) if len(shifts) > 1 else 0
    value = min(up(shifted(seen, shifts[index], c)), seen.ceiling)
    tuned: dict[str, float | int] = {"shift": shifts[index]}
    if choices:
        tuned["grid index"] = index
    return BoundResult("geometric_mean", value, seen.n, up(c), floor_rows(value, seen, c), tuned, costs,
                       (*ASSUMPTIONS, "holds simultaneously for all n"), seen.evidence)  # fmt: skip


def _family(seen: Observed, shift: float | None,
            grid: Sequence[float] | None) -> tuple[Sequence[float], dict[str, int]]:  # fmt: skip
    span = seen.ceiling, seen.prediction_floor
    if shift is not None:
        if grid is not None:
            raise domain_error("grid", grid, "None with a fixed shift", "one of the two")
        return (require_shift(shift, *span),), {}
    shifts = default_shifts(*span) if grid is None else [require_shift(d, *span) for d in grid]
    if not shifts:
        raise domain_error("grid", grid, "at least one shift", "shifts fixed beforehand")
    return shifts, {f"shift grid ({len(shifts)})": len(shifts)}


def shifted(seen: Observed, shift: float, c: arb) -> arb:
    """mean Y + D (1 - exp(mean ln(1 + (Y - X)/D) - C)) as a ball that is never below the exact value."""
    d = ball(shift)
    with precision():
        return seen.mean_prediction()[1] - d * (seen.log_mean(shift) - d.log() - c).expm1()


def log_mean_float(bets: np.ndarray, weights: np.ndarray, d: float) -> float:
    """mean ln(1 + W/D) in float64 (for tuning); -inf when a factor is not positive."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = float(np.dot(weights, np.log1p(bets / d)))
    return -math.inf if math.isnan(total) else total


def floor_rows(value: float, seen: Observed, c: arb) -> tuple[tuple[str, float], ...]:
    """empirical risk + complexity + loss variation = value, nats per token."""
    mean = seen.mean_loss()[1]
    with precision():
        complexity = (ball(seen.ceiling) - mean) * (-(-c).expm1())
    return rows(value, ("empirical risk", up(mean)), ("complexity", float(complexity)), rest="loss variation")


def default_lower_shifts(ceiling: float, prediction_ceiling: float = 0.0) -> tuple[float, ...]:
    """D_j = prediction_ceiling + ceiling 2^(j/8 - 8), j = 0..127: the family of the lower side."""
    return tuple(prediction_ceiling + math.ldexp(ceiling * _EIGHTHS[j % 8], j // 8 - 8) for j in range(GRID_SIZE))


def lower_geometric_mean(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
                         prediction_floor: float | None = None, prediction_ceiling: float | None = None,
                         complexity: float | arb | None = None, log_inv_delta: float | arb | None = None,
                         shift: float | None = None) -> BoundResult:  # fmt: skip
    """R >= mean L + e^{-C} GM(X - L) with predictable L = Y - D <= 0 <= X, simultaneously for all n.

    Source: THEORY 1, the mirror image of `geometric_mean`: prod (X_k - L_k)/(m_k - L_k) has mean 1.
    Without predictions L = -D is constant.

    Args:
        losses, predictions, ceiling, prediction_floor, complexity, log_inv_delta: as in `geometric_mean`.
        prediction_ceiling: a constant >= every Y, nats, fixed beforehand; needed with predictions.
        shift: D >= prediction_ceiling, nats, fixed beforehand; None: `default_lower_shifts`, ln 128 paid.

    Returns:
        BoundResult, side "lower", rounded down; never below 0 (X >= 0).

    >>> result = lower_geometric_mean([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, shift=8.0)
    >>> round(result.value, 6)
    1.018112
    """
    seen = observe(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor)
    top = _prediction_ceiling(seen, predictions, prediction_ceiling)
    choices = {}
    if shift is None:
        shifts = default_lower_shifts(seen.ceiling, top)
        choices = {f"shift grid ({GRID_SIZE})": GRID_SIZE}
    elif math.isfinite(shift) and shift >= top:
        shifts = (float(shift),)
    else:
        raise domain_error("shift", shift, f"D >= prediction_ceiling = {top!r}", "so that L = Y - D <= X")
    c, costs = all_in(seen.n, complexity, log_inv_delta, choices)
    mean = float(seen.mean_prediction()[0])
    bets, weights = seen.bets()
    cost = float(c)

    def objective(d: float) -> float:
        return -(mean + d * math.expm1(log_mean_float(-bets, weights, d) - cost)) if d > 0 else math.inf

    index = search(objective, shifts) if len(shifts) > 1 else 0
    d = ball(shifts[index])
    with precision():
        lower = seen.mean_prediction()[0] - d + (seen.log_mean(shifts[index], -1) - c).exp()
    value = max(down(lower), 0.0)
    tuned: dict[str, float | int] = {"shift": shifts[index]}
    if choices:
        tuned["grid index"] = index
    terms = rows(value, ("empirical risk", down(seen.mean_loss()[0])), rest="confidence margin")
    return BoundResult("lower_geometric_mean", value, seen.n, up(c), terms, tuned, costs,
                       (*ASSUMPTIONS, "Y <= prediction_ceiling"), seen.evidence, "lower")  # fmt: skip


def _prediction_ceiling(seen: Observed, predictions: Any, given: float | None) -> float:
    if seen.wealth is not None:
        largest = seen.wealth.largest_prediction
    else:
        assert seen.arrays is not None
        largest = float(seen.arrays[1].max())
    top = seen.prediction_floor if given is None else float(given)
    if not (math.isfinite(top) and top >= largest):
        domain = f"prediction_ceiling >= {largest!r}, the largest Y seen"
        raise domain_error("prediction_ceiling", given, domain, "a constant >= every Y, fixed beforehand")
    if seen.wealth is not None and seen.arrays is None:
        grid = seen.wealth.grid
        if top > (grid.low + grid.top) * grid.spacing:
            domain = f"at most the top node {(grid.low + grid.top) * grid.spacing!r}"
            raise domain_error("prediction_ceiling", top, domain, "no bet may be clamped on the lower side")
    return top
