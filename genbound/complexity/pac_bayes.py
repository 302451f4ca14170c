"""`pac_bayes`: a posterior over finitely many hypotheses (THEORY 2).

    E_Q R <= E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)),   C = (KL(Q||P) + ln(1/delta))/n.

M_h = prod (U_k - X_k)/(U_k - m_k) is a nonnegative martingale of mean 1 for every h, and so is E_{h~P} M_h: it
stays below 1/delta for all n at once (Ville). Then E_Q ln M <= KL(Q||P) + ln E_P M for every Q at once
(Donsker-Varadhan), and E_Q mean ln(U - m) <= ln(E_Q mean U - E_Q R) (Jensen).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

from genbound.certified import Real, up
from genbound.complexity.posterior import divergence, exact_posterior, observe_all
from genbound.complexity.pricing import ANY_TIME, FAILURE, bill, failure_nats, finite, itemised
from genbound.concentration.geometric_mean import ASSUMPTIONS, default_shifts, floor_rows, log_mean_float, shifted
from genbound.concentration.observed import Observed, require_shift, search
from genbound.concentration.result import BoundResult, all_in
from genbound.concentration.wealth import Wealth
from genbound.errors import domain_error

DIVERGENCE = "KL(Q||P)"
STATEMENT = "bounds the risk averaged over the posterior Q, for all Q at once"
PRIOR_FIXED = "the prior P was fixed before the data were seen"


def pac_bayes(losses: Any, predictions: Any = None, *, posterior: Any, prior: Any, ceiling: float | None = None,
              prediction_floor: float | None = None, delta: float | None = None,
              log_inv_delta: Real | None = None, shift: float | None = None,
              grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """E_Q R <= E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)) with U = Y + D, for all Q and all n at once.

    Source: THEORY 2 `pac_bayes` (martingale PAC-Bayes: Seldin et al. 2012; Chugg et al. 2023).

    Args:
        losses: X, nats, shape (H, n): one row per hypothesis; or H finished Wealths of the same tokens.
        predictions: Y, nats, shape (H, n), or (n,) for all; functions of the past only. None: prediction_floor.
        posterior: Q, shape (H,), sums to one (see `kl_divergence`); any function of the data.
        prior: P, shape (H,), sums to at most one; fixed before the data are seen.
        ceiling: B, nats, X <= B under the true law for every hypothesis. Required unless given Wealths.
        prediction_floor: a constant <= every Y, nats, fixed beforehand (default 0).
        delta: failure probability; or
        log_inv_delta: ln(1/delta) and whatever else was chosen with the data, nats; KL(Q||P) comes on top.
        shift: D >= ceiling - prediction_floor, nats, fixed beforehand: no grid cost.
        grid: shifts fixed beforehand, replacing `default_shifts`; ln(len) is paid.

    Returns:
        BoundResult on E_Q R, the risk averaged over Q: rows are posterior means. It is not a bound for one draw
        (`disintegrated`), nor for the model with averaged weights.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> losses = [[1.0, 0.0, 1.0, 0.0] * 50, [0.0, 0.0, 1.0, 0.0] * 50]
    >>> result = pac_bayes(losses, posterior=[0.1, 0.9], prior=[0.5, 0.5], ceiling=1.0, delta=0.05, shift=2.0)
    >>> round(result.value, 6)
    0.374667
    """
    weights = exact_posterior(posterior)
    distance = divergence(weights, prior)
    seen = observe_all(losses, predictions, weights, ceiling, prediction_floor)
    total, prices = bill({DIVERGENCE: distance, FAILURE: failure_nats(delta, log_inv_delta)})
    if shift is not None and grid is not None:
        raise domain_error("grid", grid, "None with a fixed shift", "one of the two")
    shifts = _shifts(seen, shift, grid)
    choices = {} if shift is not None else {f"shift grid ({len(shifts)})": len(shifts)}
    c, costs = all_in(seen.n, None, total, choices)
    index = _best_shift(seen, shifts, float(c), 8 if grid is None else 1)
    value = min(up(shifted(seen, shifts[index], c)), seen.ceiling)
    tuned: dict[str, float | int] = {"shift": shifts[index], **({"grid index": index} if choices else {})}
    result = BoundResult("pac_bayes", value, seen.n, up(c), floor_rows(value, seen, c), tuned, costs,
                         (*ASSUMPTIONS, ANY_TIME), seen.evidence)  # fmt: skip
    return itemised(result, "pac_bayes", prices, STATEMENT, PRIOR_FIXED)


def _shifts(seen: Observed, shift: float | None, grid: Sequence[float] | None) -> list[float]:
    span = seen.ceiling, seen.prediction_floor
    if shift is not None:
        return [require_shift(shift, *span)]
    shifts = list(default_shifts(*span)) if grid is None else [require_shift(d, *span) for d in grid]
    if not shifts:
        raise domain_error("grid", grid, "at least one shift", "shifts fixed beforehand")
    return shifts


def _best_shift(seen: Observed, shifts: list[float], c: float, stride: int) -> int:
    mean = float(seen.mean_prediction()[1])
    bets, weights = seen.bets()

    def objective(d: float) -> float:
        return mean - d * math.expm1(log_mean_float(bets, weights, d) - c)

    return search(objective, shifts, stride) if len(shifts) > 1 else 0


@dataclass(frozen=True)
class PosteriorEstimate:
    """A number that looks like `pac_bayes` but is averaged over sampled hypotheses: NOT a bound.

    Attributes:
        value: the formula with sample means over the draws in place of E_Q, nats per token.
        n: tokens. draws: hypotheses drawn from Q.
        complexity: C, nats per token.
    """

    value: float
    n: int
    draws: int
    complexity: float

    def __str__(self) -> str:
        return (
            f"estimate over {self.draws} draws: {self.value:.6f} nats/token, n = {self.n}; not a bound "
            "(the error of the draws is not paid for; `disintegrated` certifies a single draw exactly)"
        )


def posterior_estimate(draws: Sequence[Wealth], *, kl: float | arb, delta: float | None = None,
                       log_inv_delta: Real | None = None, shift: float) -> PosteriorEstimate:  # fmt: skip
    """`pac_bayes` with E_Q replaced by a mean over hypotheses drawn from Q: an estimate, never a bound.

    What is missing is the price of the sampling: a concentration bound over the draws. `disintegrated` needs none.

    Args:
        draws: one Wealth per hypothesis drawn from Q, all over the same tokens.
        kl: KL(Q||P), nats, known in closed form.
        delta, log_inv_delta: as in `pac_bayes`. shift: D, nats, fixed beforehand.

    >>> draw = Wealth(ceiling=1.0)
    >>> draw.update([0.0, 1.0, 0.0, 0.0] * 100)
    >>> print(posterior_estimate([draw, draw], kl=2.0, delta=0.05, shift=2.0))  # doctest: +ELLIPSIS
    estimate over 2 draws: 0.33... nats/token, n = 400; not a bound (the error of the draws is not paid for; ...
    """
    nats = finite("kl", kl, "KL(Q||P) in nats")
    if not nats >= 0:
        raise domain_error("kl", kl, "KL(Q||P) >= 0", "nats")
    held = list(draws)
    if not held:
        raise domain_error("draws", 0, "at least one", "hypotheses drawn from Q")
    seen = observe_all(held, None, [Fraction(1, len(held))] * len(held), None, None)
    total, _ = bill({DIVERGENCE: nats, FAILURE: failure_nats(delta, log_inv_delta)})
    c, _ = all_in(seen.n, None, total)
    value = up(shifted(seen, require_shift(shift, seen.ceiling, seen.prediction_floor), c))
    return PosteriorEstimate(min(value, seen.ceiling), seen.n, len(held), up(c))
