"""What others proved, for comparison, each labelled by what it assumes (THEORY 1, comparators).

maurer_pontil, empirical_bernstein   independent, identically distributed losses
howard, mineiro                      adapted losses with changing conditional means, predictable centres
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flint import arb

from genbound.certified import ball, precision, up
from genbound.concentration.geometric_mean import ASSUMPTIONS
from genbound.concentration.mixture import mixed
from genbound.concentration.moments import empirical_variance, mean_square_bet
from genbound.concentration.observed import Observed, observe
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.concentration.streams import require_within
from genbound.errors import domain_error

IID = (
    "independent, identically distributed losses: NOT adapted losses, NOT changing means",
    "loss_floor <= X <= ceiling under the true law, not only on the data",
    "one n, fixed beforehand",
)
GRID_SIZE = 32
"""Members of the grid of lambda in `howard`; ln 32 = 3.47 nats are paid."""


def maurer_pontil(losses: Any, *, ceiling: float | None = None, loss_floor: float = 0.0,
                  complexity: float | arb | None = None,
                  log_inv_delta: float | arb | None = None) -> BoundResult:  # fmt: skip
    """R <= mean X + sqrt(2 V ln(2/delta)/n) + 7 b ln(2/delta)/(3(n-1)), V = sum (X - mean X)^2/(n-1). IID only.

    b = ceiling - loss_floor, and ln(2/delta) = nC + ln 2.

    Source: Maurer-Pontil 2009, Theorem 4 (stated for [0, 1]), arXiv 0907.3740.

    Args:
        losses: X, nats, shape (n,), n >= 2: array, torch tensor, iterator of chunks, or a Wealth made without
            predictions.
        ceiling: B, nats, X <= B under the true law. Required unless `losses` is a Wealth.
        loss_floor: a constant <= X under the true law, nats.
        complexity: C, nats per token; or
        log_inv_delta: nC, nats in total. Exactly one of the two.

    Returns:
        BoundResult with rows "empirical risk", "sample variance" and "range"; tuned holds V ("variance").

    Raises:
        DomainError, DataError: n = 1, arguments or data outside the domain above.

    >>> round(maurer_pontil([0.0, 1.0] * 50, ceiling=1.0, log_inv_delta=3.0).value, 6)
    0.723617
    """
    return _empirical("maurer_pontil", losses, ceiling, loss_floor, complexity, log_inv_delta)


def empirical_bernstein(losses: Any, *, ceiling: float | None = None, loss_floor: float = 0.0,
                        complexity: float | arb | None = None,
                        log_inv_delta: float | arb | None = None) -> BoundResult:  # fmt: skip
    """R <= mean X + sqrt(2 V ln(3/delta)/n) + 3 b ln(3/delta)/n, V = (1/n) sum (X - mean X)^2. IID only.

    b = ceiling - loss_floor, and ln(3/delta) = nC + ln 3.

    Source: Audibert-Munos-Szepesvari 2009, Theorem 1 (two-sided, stated for [0, b]).

    Args:
        losses, ceiling, loss_floor, complexity, log_inv_delta: as in `maurer_pontil`; n >= 1.

    Returns:
        BoundResult with rows "empirical risk", "sample variance" and "range"; tuned holds V ("variance").

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> round(empirical_bernstein([0.0, 1.0] * 50, ceiling=1.0, log_inv_delta=3.0).value, 6)
    0.766112
    """
    return _empirical("empirical_bernstein", losses, ceiling, loss_floor, complexity, log_inv_delta)


def _empirical(name: str, losses: Any, ceiling: float | None, loss_floor: float,
               complexity: float | arb | None, log_inv_delta: float | arb | None) -> BoundResult:  # fmt: skip
    seen = observe(losses, ceiling=ceiling)
    low = float(loss_floor)
    if not low < seen.ceiling:
        raise domain_error("loss_floor", loss_floor, f"loss_floor < ceiling = {seen.ceiling!r}", "nats per token")
    if low > 0 and seen.arrays is None:
        raise domain_error("loss_floor", loss_floor, "0", "a statistic does not keep the smallest loss")
    if seen.arrays is not None:
        require_within("losses", seen.arrays[0], low, seen.ceiling, "ceiling B")
    published = name == "maurer_pontil"
    if published and seen.n < 2:
        raise domain_error("n", seen.n, "n >= 2", "the sample variance divides by n - 1")
    factor = 2 if published else 3
    c, costs = all_in(seen.n, complexity, log_inv_delta, {f"factor {factor} of the theorem": factor})
    mean = seen.mean_loss()[1]
    with precision():
        b = ball(seen.ceiling) - ball(low)
        variance = empirical_variance(seen) * (arb(seen.n) / (seen.n - 1) if published else 1)
        spread = (2 * variance * c).sqrt()
        width = 7 * b * c * seen.n / (3 * (seen.n - 1)) if published else 3 * b * c
        value = min(up(mean + spread + width), seen.ceiling)
    row = min(float(spread), value - up(mean))  # less when the ceiling is the bound
    terms = rows(value, ("empirical risk", up(mean)), ("sample variance", row), rest="range")
    tuned = {"variance": up(variance)}
    return BoundResult(name, value, seen.n, up(c), terms, tuned, costs, IID, seen.evidence)


def howard_grid() -> tuple[float, ...]:
    """lambda_j = 1/(1 + 2^(j/2 - 3)), j = 0..31: half-octaves of 1/lambda - 1, fixed beforehand.

    >>> round(howard_grid()[0], 6), howard_grid()[6]
    (0.888889, 0.5)
    """
    return tuple(1.0 / (1.0 + 2.0 ** (j / 2 - 3)) for j in range(GRID_SIZE))


def howard(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
           prediction_floor: float | None = None, complexity: float | arb | None = None,
           log_inv_delta: float | arb | None = None, grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R <= mean X + min_lambda [C/lambda + psi_E(lambda) mean A^2/lambda] Delta, A = (Y - X)/Delta >= -1.

    psi_E(lambda) = -ln(1 - lambda) - lambda, Delta = ceiling - prediction_floor, lambda on a paid grid. It follows
    from exp(lambda a - psi_E(lambda) a^2) <= 1 + lambda a for a >= -1 (Fan-Grama-Liu 2015); at the same lambda = s
    `empirical_freedman` keeps ln(1 + s A) itself and is never looser.

    Source: Howard-Ramdas-McAuliffe-Sekhon 2021, Theorem 4, with a finite grid for their stitching or mixture.

    Args:
        losses, predictions, ceiling, prediction_floor, complexity, log_inv_delta: as in `geometric_mean`. A Wealth
            needs Y below its top node.
        grid: 0 < lambda < 1, fixed beforehand; ln(len) is paid. None: `howard_grid`.

    Returns:
        BoundResult with rows "empirical risk", "complexity" (Delta C/lambda) and "squared bets"; tuned holds lambda.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> round(howard([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, grid=[0.5]).value, 6)
    5.312669
    """
    seen = observe(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor)
    bets = howard_grid() if grid is None else [float(bet) for bet in grid]
    if not bets:
        raise domain_error("grid", grid, "at least one lambda", "fixed beforehand")
    for bet in bets:
        if not 0.0 < bet < 1.0:
            raise domain_error("lambda", bet, "0 < lambda < 1", "member of the grid")
    c, costs = all_in(seen.n, complexity, log_inv_delta, {f"lambda grid ({len(bets)})": len(bets)})
    with precision():
        delta = ball(seen.ceiling) - ball(seen.prediction_floor)
        square = arb((mean_square_bet(seen) / delta**2).upper())
        margins = [delta * (c + (-(-ball(bet)).log1p() - ball(bet)) * square) / ball(bet) for bet in bets]
        index = min(range(len(bets)), key=lambda j: up(margins[j]))
        mean = seen.mean_loss()[1]
        value = min(up(mean + margins[index]), seen.ceiling)
        price = min(float(delta * c / ball(bets[index])), value - up(mean))  # less when the ceiling is the bound
    terms = rows(value, ("empirical risk", up(mean)), ("complexity", price), rest="squared bets")
    tuned = {"lambda": bets[index], "grid index": index}
    return BoundResult("howard", value, seen.n, up(c), terms, tuned, costs,
                       (*ASSUMPTIONS, "holds simultaneously for all n"), seen.evidence)  # fmt: skip


def mineiro(losses: Any, predictions: Any = None, *, ceiling: float | None = None,
            prediction_floor: float | None = None, complexity: float | arb | None = None,
            log_inv_delta: float | arb | None = None, grid: Sequence[float] | None = None,
            weights: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R <= M with sum_j pi_j exp(n lambda_j (M - mean Y)/Delta) prod (1 + lambda_j A_k) = 1/delta, A = (Y - X)/Delta.

    The martingale of `empirical_freedman`, mixed over lambda = Delta/D instead of chosen. `mixture` has
    1/(1 - T/D) where this has exp(T/D), T = M - mean Y: on the same grid and weights it is never looser.

    Source: of the type of Mineiro 2022, arXiv 2210.11133 (a product of 1 + lambda(X - centre) against an
    exponential of the changing mean, for a lower limit; here mirrored, and a finite mixture for his continuous one).

    Args:
        losses, predictions, ceiling, prediction_floor, complexity, log_inv_delta, grid, weights: as in `mixture`.

    Returns:
        BoundResult with the rows and the tuned parameters of `mixture`.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> round(mineiro([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, grid=[32.0]).value, 6)
    5.277091
    """
    seen: Observed = observe(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor)
    return replace(mixed(seen, complexity, log_inv_delta, grid, weights, linear=True), name="mineiro")
