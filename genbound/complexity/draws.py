"""`disintegrated`: one hypothesis drawn at random, certified itself (THEORY 2).

For omega ~ Q_data and a prior P fixed beforehand, E_data E_{omega~Q} M(omega) dP/dQ(omega) <= E_{omega~P} E_data M
= 1, with M = prod (U_k - X_k)/(U_k - m_k). Markov: with probability >= 1 - delta over data and draw,

    R(omega) <= mean U - e^{-C} GM(U - X),   n C = ln dQ/dP(omega) + ln(1/delta).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import Real, ball, log_product_ball, precision, sum_ball, up
from genbound.complexity.codes import choice_nats
from genbound.complexity.pricing import FAILURE, bill, failure_nats, finite, itemised
from genbound.concentration.geometric_mean import geometric_mean
from genbound.concentration.result import BoundResult
from genbound.concentration.streams import as_vector
from genbound.errors import DataError, domain_error

STATEMENT = "holds for the drawn hypothesis, with probability over the data and the draw"
BLIND = "the draw's own randomness is independent of the data and was not used in choosing Q"


def disintegrated(losses: Any, predictions: Any = None, *, log_ratio: float | arb, draws: int = 1,
                  ceiling: float | None = None, prediction_floor: float | None = None,
                  delta: float | None = None, log_inv_delta: Real | None = None, shift: float | None = None,
                  grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R(omega) <= mean U - e^{-C} GM(U - X), n C = ln dQ/dP(omega) + ln(1/delta) + ln(draws), at one fixed n.

    Source: THEORY 2 `disintegrated` (single draws: Catoni 2007; Blanchard-Fleuret 2007; Rivasplata et al. 2020).

    Args:
        losses, predictions, ceiling, prediction_floor, shift, grid: as in `geometric_mean`, for the hypothesis omega.
        log_ratio: ln dQ/dP(omega), nats in total, either sign; Q is the law omega was drawn from, which may depend
            on the data in any way, P was fixed beforehand. n C is raised to 0 should it fall below: that is weaker.
        draws: r, fixed beforehand: how many draws were looked at before this one was reported; ln r is paid.
        delta: failure probability; or
        log_inv_delta: ln(1/delta) and whatever else was chosen with the data, nats. Exactly one of the two.

    Returns:
        BoundResult. Unlike `pac_bayes` it is about one n fixed beforehand.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = disintegrated([1.0, 0.0, 0.0, 0.0] * 50, log_ratio=3.5, ceiling=1.0, delta=0.05, shift=2.0)
    >>> round(result.value, 6), round(sum(result.costs.values()) / result.n, 6) == round(result.complexity, 6)
    (0.371952, True)
    """
    prices = {"log-ratio of the draw": finite("log_ratio", log_ratio, "ln dQ/dP of the draw in nats")}
    if draws != 1:
        prices[f"draws ({draws})"] = ball(choice_nats(count("draws", draws)))
    prices[FAILURE] = failure_nats(delta, log_inv_delta)
    return draw_bound("disintegrated", losses, predictions, prices, (STATEMENT, BLIND), ceiling=ceiling,
                      prediction_floor=prediction_floor, shift=shift, grid=grid)  # fmt: skip


def draw_bound(name: str, losses: Any, predictions: Any, prices: Mapping[str, arb], statements: tuple[str, ...],
               **options: Any) -> BoundResult:  # fmt: skip
    """`geometric_mean` at n C = the sum of `prices` (raised to 0), for one n fixed beforehand."""
    total, shown = bill(prices)
    result = geometric_mean(losses, predictions, log_inv_delta=total, **options)
    return itemised(result, name, shown, *statements, any_time=False)


def count(symbol: str, value: int) -> int:
    """A whole number >= 1 that was fixed beforehand; DomainError by name otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise domain_error(symbol, value, f"a whole number {symbol} >= 1", "fixed beforehand")
    return int(value)


def gaussian_log_ratio(omega: Any, mean: Any, scale: Any, prior_scale: Any, prior_mean: Any = 0.0) -> float:
    """ln N(omega; mu, diag sigma^2) - ln N(omega; mu_p, diag sigma_p^2), nats in total, rounded up.

    sum_i ln(sigma_p/sigma) + (omega - mu_p)^2/(2 sigma_p^2) - (omega - mu)^2/(2 sigma^2). Exact up to a margin of
    1e-15 of the sums of squares and 1.2e-13 per 512 weights.

    Source: THEORY 2 `disintegrated`, Gaussian weights.

    Args:
        omega: the draw as it was drawn, shape (d,), before any cast: the model may be any function of it. (That
            float64 pseudo-random normals are normal is the usual idealisation.)
        mean, scale: mu and sigma > 0 of the law it was drawn from, shape (d,) or one number.
        prior_scale, prior_mean: sigma_p > 0 and mu_p, shape (d,) or one number; fixed beforehand, or their code is
            paid for.

    Returns:
        The log_ratio of `disintegrated`; of either sign.

    Raises:
        DataError, DomainError: unequal shapes, NaN, infinite entries, scales <= 0, ratios beyond float64.

    >>> round(gaussian_log_ratio([0.5, -0.25], mean=[0.5, 0.0], scale=0.1, prior_scale=1.0), 6)
    1.63642
    """
    weights = _numbers("omega", omega, None)
    with precision():
        centred = _squares(weights, mean, scale, "mean", "scale")
        spread = _squares(weights, prior_mean, prior_scale, "prior_mean", "prior_scale")
        return up((spread - centred) / 2)


def _squares(weights: np.ndarray, mean: Any, scale: Any, *names: str) -> arb:
    """A ball around sum_i 2 ln sigma_i + ((omega_i - mu_i)/sigma_i)^2.

    Subtraction, division and square are each off by 2^-53 of their result: 5 * 2^-53 of the square in all to first
    order, or less than 2^-1073 where it underflows. 2^-50 of the sum leaves room for the higher orders.
    """
    centre, width = _numbers(names[0], mean, weights.size), _numbers(names[1], scale, weights.size)
    if not width.min() > 0:
        first = int(np.argmin(width > 0))
        raise DataError(f"{names[1]}[{first}]={float(width[first])!r}: need scale > 0 (standard deviation)")
    with np.errstate(over="ignore", under="ignore"):
        squares = np.square((weights - centre) / width)
    if not np.isfinite(squares).all():
        first = int(np.argmin(np.isfinite(squares)))
        raise DataError(f"omega[{first}]={float(weights[first])!r}: its distance to {names[0]} overflows float64")
    with precision():
        total = sum_ball(squares)
        slack = arb(0, 2.0**-50) * total + weights.size * arb(0, 2.0**-1073)
        logs = log_product_ball(width) if width.size > 1 else weights.size * ball(float(width[0])).log()
        return total + slack + 2 * logs


def _numbers(name: str, values: Any, size: int | None) -> np.ndarray:
    vector = as_vector(name, values)
    if size is not None and vector.size not in (1, size):
        raise DataError(f"{name}: {vector.size} values for {size} weights (one each, or one for all)")
    if not np.isfinite(vector).all():
        first = int(np.argmin(np.isfinite(vector)))
        raise DataError(f"{name}[{first}]={float(vector[first])!r}: need finite numbers")
    return vector
