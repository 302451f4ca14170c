"""`kl_inf` and `kl_inverse`: what can be said without any prediction (THEORY 1).

    KL_inf:      sup{E_Q X : KL(P_hat || Q) <= C, Q <= B}  =  min_{u >= B}  u - e^{-C} GM(u - X)
    binary kl:   sup{q : kl(mean X/B, q) <= C} B           =  min_{u >= B}  u - e^{-C} (u - B)^p u^{1-p}, p = mean X/B

Every u gives a valid bound; what differs is the price of choosing u by looking at the data. With changing
conditional means it is a finite family, and paid: unpaid, both statements are false for adapted losses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from flint import arb

from genbound.certified import ball, precision, up
from genbound.concentration.azuma import mean_loss_of
from genbound.concentration.geometric_mean import floor_rows, geometric_mean, log_mean_float, shifted
from genbound.concentration.mixture import mixture_shifts
from genbound.concentration.observed import Observed, observe, require_shift
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.errors import DataError, domain_error

_ADAPTED = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "0 <= X <= ceiling under the true law, not only on the data",
    "holds simultaneously for all n",
)
_CONSTANT = (
    "every loss has the same conditional mean given the past (independent, identically distributed losses do)",
    *_ADAPTED[1:],
)
_INDEPENDENT = (
    "independent losses (their laws may differ), or a constant conditional mean: NOT adapted losses in general",
    _ADAPTED[1],
    "one n, fixed beforehand",
)


def kl_inf(losses: Any, *, ceiling: float | None = None, complexity: float | arb | None = None,
           log_inv_delta: float | arb | None = None, grid: Sequence[float] | None = None,
           assume: Literal["adapted", "constant mean"] = "adapted") -> BoundResult:  # fmt: skip
    """R <= min_u u - e^{-C} GM(u - X) = sup{E_Q X : KL(P_hat || Q) <= C, Q <= B}, u paid for.

    "adapted": the minimum over a grid of u, with ln(len) in nC. (`mixture` without predictions weighs the same
    grid instead of choosing from it: smaller at small n.) "constant mean": the minimum over all u >= B, with
    ln(2 sqrt n) in nC, the regret of the Krichevsky-Trofimov mixture over lambda = (B - R)/(u - R).

    Source: Honda-Takemura 2010 (KL_inf and its dual form); THEORY 1 for adapted losses; Orabona-Jun 2021, arXiv
    2110.14099, for a constant mean.

    Args:
        losses: X, nats, shape (n,): array, torch tensor, iterator of chunks, or a Wealth made without predictions.
        ceiling: B, nats, with X <= B under the true law. Required unless `losses` is a Wealth.
        complexity: C, nats per token, ln(1/delta)/n included; or
        log_inv_delta: nC, nats in total. Exactly one of the two.
        grid: values of u >= ceiling, nats, fixed beforehand; None: `mixture_shifts`, ln 45 paid.
        assume: what is known about the law.

    Returns:
        BoundResult with the rows of `geometric_mean`; tuned holds u.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> round(kl_inf([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, grid=[32.0]).value, 6)
    4.864935
    >>> round(kl_inf([1.0, 2.0, 3.0], ceiling=16.0, log_inv_delta=0.3, assume="constant mean").value, 6)
    7.64215
    """
    seen = observe(losses, ceiling=ceiling)
    if seen.wealth is not None and (seen.prediction_floor, seen.wealth.largest_prediction) != (0.0, 0.0):
        raise DataError("losses: need a Wealth made without predictions (u is constant)")
    if assume == "adapted":
        found = geometric_mean(seen.wealth if seen.arrays is None else seen.arrays[0],
                               ceiling=seen.ceiling, complexity=complexity, log_inv_delta=log_inv_delta,
                               grid=mixture_shifts(seen.ceiling) if grid is None else grid)  # fmt: skip
        costs = {label.replace("shift grid", "grid of u"): nats for label, nats in found.costs.items()}
        tuned = {"u": found.tuned["shift"], "grid index": found.tuned["grid index"]}
        return replace(found, name="kl_inf", tuned=tuned, costs=costs, assumptions=_ADAPTED)
    if assume != "constant mean":
        raise domain_error("assume", assume, "'adapted' or 'constant mean'", "what is known about the law")
    if grid is not None:
        raise domain_error("grid", grid, "None", "with a constant mean the minimum runs over every u")
    with precision():
        c, costs = all_in(seen.n, complexity, log_inv_delta)
        regret = (4 * arb(seen.n)).sqrt().log()
        c += regret / seen.n
    costs["regret ln(2 sqrt n)"] = up(regret)
    u = _best_cap(seen, float(c))
    value = min(up(shifted(seen, u, c)), seen.ceiling)
    return BoundResult("kl_inf", value, seen.n, up(c), floor_rows(value, seen, c), {"u": u}, costs,
                       _CONSTANT, seen.evidence)  # fmt: skip


def _best_cap(seen: Observed, c: float) -> float:
    """The u >= B with the smallest bound, in float64: convex in u, searched in ln(u - B)."""
    from scipy.optimize import minimize_scalar

    bets, weights = seen.bets()
    top = seen.ceiling

    def objective(u: float) -> float:
        return -u * math.expm1(log_mean_float(bets, weights, u) - c)

    found: Any = minimize_scalar(lambda t: objective(top + top * math.exp(t)), bounds=(-45.0, 30.0), method="bounded",
                            options={"xatol": 1e-9})  # fmt: skip
    return min(top, top + top * math.exp(float(found.x)), key=objective)


def kl_inverse(losses: Any, *, ceiling: float | None = None, complexity: float | arb | None = None,
               log_inv_delta: float | arb | None = None, grid: Sequence[float] | None = None,
               assume: Literal["adapted", "independent"] = "adapted") -> BoundResult:  # fmt: skip
    """R <= B sup{q : kl(mean X/B, q) <= C}, kl(p, q) = p ln(p/q) + (1-p) ln((1-p)/(1-q)); for 0/1 losses `kl_inf`.

    "adapted": the minimum over a grid of u of the dual form, with ln(len) in nC; ln(u - X) is replaced by its
    chord over [0, B], so only the mean is needed. "independent": the supremum itself, nothing added to C.

    Source: Hoeffding 1963, Theorem 1 (independent losses); THEORY 1 (adapted losses, u paid).

    Args:
        losses: X, nats (or 0/1 errors), shape (n,): array, torch tensor, iterator of chunks, or a Wealth.
        ceiling: B, with X <= B under the true law. Required unless `losses` is a Wealth.
        complexity: C, nats per token; or
        log_inv_delta: nC, nats in total. Exactly one of the two.
        grid: values of u >= ceiling fixed beforehand; None: `mixture_shifts`, ln 45 paid.
        assume: what is known about the law.

    Returns:
        BoundResult with rows "empirical risk", "complexity" (the floor) and "loss variation"; tuned holds u.

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = kl_inverse([0.0] * 90 + [1.0] * 10, ceiling=1.0, log_inv_delta=3.0, assume="independent")
    >>> round(result.value, 6), round(kl_inverse([0.0, 1.0], ceiling=1.0, complexity=0.1, grid=[2.0]).value, 6)
    (0.188903, 0.720367)
    """
    mean, n, top = mean_loss_of(losses, ceiling, 0.0)
    if assume not in ("adapted", "independent"):
        raise domain_error("assume", assume, "'adapted' or 'independent'", "what is known about the law")
    paid = assume == "adapted"
    if grid is not None and not paid:
        raise domain_error("grid", grid, "None", "for independent losses the supremum itself is taken")
    caps = mixture_shifts(top) if grid is None else [require_shift(u, top, 0.0) for u in grid]
    c, costs = all_in(n, complexity, log_inv_delta, {f"grid of u ({len(caps)})": len(caps)} if paid else None)
    with precision():
        p = mean.upper() / ball(top)
        p = arb(1) if not p < 1 else p.upper()  # increasing in p: an upper end is safe
        if paid:
            room = [(ball(u) - ball(top)) / ball(top) for u in caps]
            w = min(room, key=lambda w: float(_dual(p, w, c)))
        else:
            w = _best_room(p, c)
        value = min(up(ball(top) * _dual(p, w, c)), top) if w is not None else up(mean)
        floor = (ball(top) - mean) * (-(-c).expm1())
        tuned = {} if w is None else {"u": float(ball(top) * (1 + w))}
    terms = rows(value, ("empirical risk", up(mean)), ("complexity", float(floor)), rest="loss variation")
    return BoundResult("kl_inverse", value, n, up(c), terms, tuned, costs, _ADAPTED if paid else _INDEPENDENT,
                       ("rounded outward in ball arithmetic",))  # fmt: skip


def _dual(p: arb, w: arb, c: arb) -> arb:
    """u - e^{-C} (u - 1)^p u^{1-p} at u = 1 + w: for every w >= 0 an upper bound of the kl inverse.

    Written -(1 + w) expm1(-p ln(1 + 1/w) - C): free of cancellation, for any p and w.
    """
    if p == 0:
        return -(1 + w) * (-c).expm1()
    if not w > 0:
        return arb(1)
    return -(1 + w) * (-p * (1 / w).log1p() - c).expm1()


def _best_room(p: arb, c: arb) -> arb | None:
    """The best w = u - 1 = p (1 - q)/(q - p) at the root h = q - p of kl(p, p + h) = C; None: q = p, C = 0.

    kl is convex and increasing in h, so Newton's method from the right decreases to the root. The start is
    right of it: kl >= 2 h^2 and kl >= (1-p) ln(1/(1-q)) - H(p), H(p) = -p ln p - (1-p) ln(1-p). kl is of the
    order of h^2 and a difference of terms of the order of h: hence the bits.
    """
    if p == 0 or p == 1 or c > 50 * (1 - p):
        return arb(0)  # in the last case 1 - q <= e^{-C/(1-p)} <= e^{-50}: the value is the ceiling
    if not c > 0:
        return None
    with precision(256 + max(0, -math.floor(float(c.log() / arb(2).log())))):
        entropy = -p * p.log() - (1 - p) * (1 - p).log()
        h = min((c / 2).sqrt(), 1 - p - (-(c + entropy) / (1 - p)).exp(), key=float).mid()
        for _ in range(400):
            kl = -p * (h / p).log1p() - (1 - p) * (-h / (1 - p)).log1p()
            step = (kl - c) * (p + h) * (1 - p - h) / h
            h = (h - step).mid()
            if not step > h * arb(2) ** -60:
                break
        return (p * (1 - p - h) / h).mid()
