"""`mixture`: the whole family U = Y + D at once, weighted instead of chosen from (THEORY 1, Families).

    sum_j pi_j [GM(U_j - X)/(mean U_j - M)]^n = 1/delta,  solved for M.

With M = mean Y + T and L_j = mean ln(1 + (Y - X)/D_j) this reads F(T) = n C, where F is the logarithm of
sum_j pi_j exp(n (L_j - ln(1 - T/D_j))): increasing and convex, so a Newton step lands on the safe side from anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, precision, up
from genbound.concentration.geometric_mean import ASSUMPTIONS, floor_rows, log_mean_float
from genbound.concentration.observed import Observed, observe, require_shift
from genbound.concentration.result import BoundResult, all_in
from genbound.errors import domain_error

MEMBERS = 45
"""Members of the default family, with equal weights: at most ln 45 = 3.81 nats, less when neighbours share."""

_NEGLIGIBLE = 50.0  # nats below the leading member: left out, which only loosens the bound, by less than 1e-19 nats


def mixture_shifts(ceiling: float, prediction_floor: float = 0.0) -> tuple[float, ...]:
    """D_0 = span and D_j = span (1 + 2^(j/2 - 8.5)), j = 1..44, with span = ceiling - prediction_floor.

    Half-octaves of D - span: fine near the ceiling, where the best D lies for large C, and out to 2^13.5 span for
    tiny C. On beta, uniform and Bernoulli losses, n = 30..10^6 and C = 3/n...0.3, the gap of a mixture over it was
    at most 6 % above the best of ten geometric families, and 4 to 23 % below the six in D itself when n = 30.

    >>> mixture_shifts(16.0)[:2], len(mixture_shifts(16.0)), mixture_shifts(16.0)[17] == 32.0
    ((16.0, 16.0625), 45, True)
    """
    with precision():
        span = up(ball(ceiling) - ball(prediction_floor))
    steps = ((1.0, math.sqrt(2.0))[j % 2] * 2.0 ** (j // 2 - 8) for j in range(MEMBERS - 1))
    return (span, *(span * (1.0 + step) for step in steps))


def mixture(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
            prediction_floor: float | None = None, complexity: float | arb | None = None,
            log_inv_delta: float | arb | None = None, grid: Sequence[float] | None = None,
            weights: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R <= M with sum_j pi_j [GM(U_j - X)/(mean U_j - M)]^n = 1/delta, U_j = Y + D_j, simultaneously for all n.

    sum_j pi_j prod (U_jk - X_k)/(U_jk - m_k) is a nonnegative martingale of mean <= 1; Ville and AM-GM give the rest.
    Never looser than the union bound with the same weights, since the sum is at least each of its terms.

    Source: derived here (THEORY 1, Families); mixtures of martingales go back to Robbins 1970.

    Args:
        losses, predictions, ceiling, prediction_floor, complexity, log_inv_delta: as in `geometric_mean`. No grid
            is chosen from, so nothing is added to C: the weights are the price.
        grid: D_j >= ceiling - prediction_floor, nats, fixed beforehand; None: `mixture_shifts`.
        weights: pi_j >= 0 with sum <= 1, fixed beforehand; None: equal. (A sum above 1 by rounding only is divided
            out.)

    Returns:
        BoundResult with the rows of `geometric_mean`; tuned holds the number of members and the shift D_j of the
        member that weighs most at the solution.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = mixture([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, grid=[32.0, 64.0], weights=[0.75, 0.25])
    >>> round(result.value, 6)
    5.245219
    """
    seen = observe(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor)
    return mixed(seen, complexity, log_inv_delta, grid, weights)


def mixed(seen: Observed, complexity: float | arb | None, log_inv_delta: float | arb | None,
          grid: Sequence[float] | None = None, weights: Sequence[float] | None = None, *,
          linear: bool = False) -> BoundResult:  # fmt: skip
    """`mixture` on data that were already read; `linear`: exp(T/D) for 1/(1 - T/D), the martingale of `mineiro`."""
    span = seen.ceiling, seen.prediction_floor
    shifts = mixture_shifts(*span) if grid is None else [require_shift(d, *span) for d in grid]
    prior = prior_balls(weights, len(shifts))
    c, costs = all_in(seen.n, complexity, log_inv_delta)
    members = [(d, pi) for d, pi in zip(shifts, prior, strict=True) if pi > 0]
    members = leading(seen, members, float(c), linear)
    value, heaviest = seen.ceiling, members[0][0]
    with precision():
        logs = [(seen.log_mean(d) - ball(d).log()).lower() for d, _ in members]
        kept = [(ball(d), pi.log(), log) for (d, pi), log in zip(members, logs, strict=True) if log.is_finite()]
        if kept:
            offset, index = solve(kept, c, seen.n, linear)
            value = min(up(seen.mean_prediction()[1] + offset), value)
            heaviest = float(kept[index][0])
    tuned: dict[str, float | int] = {"members": len(shifts), "shift": heaviest}
    evidence = (*seen.evidence, "solved by Newton steps on a convex function, the last one in ball arithmetic")
    return BoundResult("mixture", value, seen.n, up(c), floor_rows(value, seen, c), tuned, costs,
                       (*ASSUMPTIONS, "holds simultaneously for all n"), evidence)  # fmt: skip


def prior_balls(weights: Sequence[float] | None, size: int) -> list[arb]:
    """pi_j as balls with sum <= 1.

    >>> [float(pi) for pi in prior_balls([0.5, 0.25], 2)]
    [0.5, 0.25]
    """
    if size < 1:
        raise domain_error("grid", (), "at least one shift", "shifts fixed beforehand")
    if weights is None:
        with precision():
            return [arb(1) / size] * size
    given = [float(weight) for weight in weights]
    if len(given) != size:
        raise domain_error("weights", given, f"{size} weights", "one per member of the grid")
    for j, weight in enumerate(given):
        if not 0.0 <= weight <= 1.0:
            raise domain_error(f"weights[{j}]", weight, "0 <= pi_j <= 1", "prior over the grid, fixed beforehand")
    if not 0.0 < math.fsum(given) <= 1.0:
        raise domain_error("sum(weights)", math.fsum(given), "0 < sum <= 1", "prior over the grid")
    total = max(sum(map(Fraction, given)), Fraction(1))
    with precision():
        return [ball(Fraction(weight) / total) for weight in given]


def leading(seen: Observed, members: list[tuple[float, arb]], c: float,
            linear: bool = False) -> list[tuple[float, arb]]:  # fmt: skip
    """The members that can matter, found in float64; leaving others out lowers the sum, hence only loosens."""
    bets, share = seen.bets()
    prices = [c - math.log(float(pi)) / seen.n for _, pi in members]
    logs = np.array([log_mean_float(bets, share, d) for d, _ in members])
    shifts = np.array([d for d, _ in members])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        alone = shifts * ((prices - logs) if linear else -np.expm1(logs - prices))
        t = float(np.min(alone))  # the union bound: the best member on its own
        gain = t / shifts if linear else -np.log1p(-t / shifts)
        score = seen.n * (logs + gain - prices + c)
    score[np.isnan(score)] = -math.inf
    doubt = np.array([4 * seen.n * seen.doubt(bets, share, d) for d in shifts])
    score[np.isinf(doubt)] = 0.0
    limit = float(np.max(score - doubt)) - _NEGLIGIBLE
    score += doubt
    kept = [member for member, reached in zip(members, score.tolist(), strict=True) if reached >= limit]
    return kept or [members[int(np.argmin(alone))]]


def solve(members: list[tuple[arb, arb, arb]], c: arb, n: int, linear: bool = False) -> tuple[arb, int]:
    """A ball that is never below the T with F(T) = n C, and the index of the leading member.

    F is convex and increasing below min D_j. Newton's method started at the union bound, right of the root,
    decreases to it; the tangent at any point lies below F, so its root is never left of the true one.

    Args:
        members: (D_j, ln pi_j, a lower end of L_j), at the precision of the caller.
    """
    start = [d * (c - log_pi / n - log if linear else -(log + log_pi / n - c).expm1()) for d, log_pi, log in members]
    t = min((s.upper() for s in start), key=float)
    for _ in range(200):
        value, slope, _ = _log_sum(members, t, n, linear)
        step = (value - n * c) / slope
        t = (t - step).mid()
        if not step > abs(t) * arb(2) ** -90:
            break
    value, slope, index = _log_sum(members, t, n, linear)
    return t - (value - n * c) / slope, index


def _log_sum(members: list[tuple[arb, arb, arb]], t: arb, n: int, linear: bool) -> tuple[arb, arb, int]:
    """(F(t), F'(t), the index of the largest term)."""
    terms, slopes = [], []
    for d, log_pi, log in members:
        gain = t / d if linear else -(-t / d).log1p()
        terms.append((log_pi + n * (log + gain)).exp())
        slopes.append(terms[-1] / (d if linear else d - t))
    total = sum(terms, arb(0))
    index = max(range(len(terms)), key=lambda j: float((terms[j] / total).mid()))
    return total.log(), n * sum(slopes, arb(0)) / total, index
