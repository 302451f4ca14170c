"""`capped_geometric_mean`: the family U = max(B, Y + D), with one ceiling per context if wanted (THEORY 1, Families).

B_k >= X_k makes U_k >= X_k for every shift D, so D may lie far below the range of the losses. The bound is neither
convex in D nor a function of Y - X alone: every shift is evaluated, on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, mean_ball, precision, up
from genbound.concentration.observed import log_mean_of, refuse_peeking
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.concentration.streams import as_vector, check_stream, is_stream, require_within
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, domain_error

_LARGEST = 2.0**900  # ceilings, predictions, shifts: no sum of them overflows
GRID_SIZE = 64
"""Members of the default family of shifts; ln 64 = 4.16 nats are paid."""

ASSUMPTIONS = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "0 <= X_k <= B_k under the true law, not only on the data; B_k is a function of the past only",
    "Y is a function of the past only",
    "holds simultaneously for all n",
)


def capped_shifts(scale: float) -> tuple[float, ...]:
    """D_j = scale 2^(j/4 - 4), j = 0..63: the family fixed beforehand.

    >>> capped_shifts(16.0)[0], capped_shifts(16.0)[16], len(capped_shifts(16.0))
    (1.0, 16.0, 64)
    """
    quarters = (1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429)
    return tuple(math.ldexp(scale * quarters[j % 4], j // 4 - 4) for j in range(GRID_SIZE))


def capped_geometric_mean(losses: Any, predictions: Any = None, *, ceiling: Any, scale: float | None = None,
                          complexity: float | arb | None = None, log_inv_delta: float | arb | None = None,
                          shift: float | None = None, grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """R <= mean U - e^{-C} GM(U - X) with U_k = max(B_k, Y_k + D), simultaneously for all n.

    A loss that equals its ceiling makes GM = 0 for every shift with Y + D <= B there; a ceiling 1 % higher than it
    has to be avoids that at little cost.

    Source: derived here (THEORY 1, `geometric_mean` with the optional family). Novelty unverified.

    Args:
        losses: X, nats, shape (n,): array or torch tensor.
        predictions: Y, nats, shape (n,), each a function of the past only. None: Y = 0.
        ceiling: B, nats: one number, or B_k of shape (n,), each a function of the past only, X_k <= B_k under the
            true law (smoothed losses: -ln((1 - alpha) min_x p_k(x) + alpha/V)).
        scale: nats, fixed beforehand: the unit of `capped_shifts`. None: the ceiling, when that is one number.
        complexity: C, nats per token, ln(1/delta)/n included; or
        log_inv_delta: nC, nats in total. Exactly one of the two.
        shift: D, any finite number of nats, fixed beforehand (or already paid): no grid cost.
        grid: shifts fixed beforehand, replacing `capped_shifts`; ln(len) is paid.

    Returns:
        BoundResult with rows "empirical risk", "complexity" ((1-e^{-C})(mean B - mean X): the floor) and "loss
        variation"; never above mean B. tuned holds the shift and mean B ("mean ceiling").

    Raises:
        DomainError, DataError: arguments or data outside the domain above.

    >>> result = capped_geometric_mean([1.0, 2.0, 3.0], ceiling=[8.0, 16.0, 16.0], log_inv_delta=0.3, shift=32.0)
    >>> round(result.value, 6)
    4.864935
    """
    x, b = losses_and_ceilings(losses, ceiling)
    y = np.zeros(1) if predictions is None else check_stream(losses, predictions, math.inf, 0.0)[1]
    if predictions is not None:
        require_within("predictions", y, 0.0, _LARGEST, "no overflow")
        refuse_peeking(x, y, 0.0)
    shifts, choices = _family(b, scale, shift, grid)
    c, costs = all_in(x.size, complexity, log_inv_delta, choices)
    cost = float(c)
    index = min(range(len(shifts)), key=lambda j: _objective(x, np.maximum(b, y + shifts[j]), cost))
    u = np.maximum(b, y + shifts[index])  # the rounded sum is predictable too: it defines U
    with precision():
        mean, mean_top = mean_ball(x), mean_of(b)
        log_mean = log_mean_of(x, u, 0.0)
        gm = (log_mean - c).exp() if log_mean.is_finite() else arb(0)
        value = min(up(mean_of(u) - gm), up(mean_top))
        floor = (mean_top - mean) * (-(-c).expm1())
    tuned: dict[str, float | int] = {"shift": shifts[index], "mean ceiling": up(mean_top)}
    if choices:
        tuned["grid index"] = index
    terms = rows(value, ("empirical risk", up(mean)), ("complexity", float(floor)), rest="loss variation")
    evidence = ("evaluated on every token, rounded outward in ball arithmetic",)
    return BoundResult("capped_geometric_mean", value, x.size, up(c), terms, tuned, costs, ASSUMPTIONS, evidence)


def losses_and_ceilings(losses: Any, ceiling: Any) -> tuple[np.ndarray, np.ndarray]:
    """(X of shape (n,), B of shape (n,) or (1,)), validated: 0 <= X_k <= B_k < inf.

    >>> losses_and_ceilings([1.0, 2.0], 16)[1]
    array([16.])
    """
    if isinstance(losses, Wealth) or is_stream(losses):
        raise DataError("losses: need an array (a statistic or a stream does not keep the ceiling of each token)")
    if ceiling is None:
        raise domain_error("ceiling", None, "a finite number of nats", "B >= X under the true law, not the sample")
    b = as_vector("ceiling", ceiling)
    x = as_vector("losses", losses)
    if b.size not in (1, x.size):
        raise DataError(f"ceiling: {b.size} values for {x.size} losses (one number, or one per token)")
    sound = (b > 0) & (b <= _LARGEST)
    if not sound.all():
        first = int(np.argmin(sound))
        raise DataError(f"ceiling[{first}]={float(b[first])!r}: need 0 < ceiling <= 2^900 (nats)")
    x, _ = check_stream(x, None, float(b.max()), 0.0)
    if not (x <= b).all():
        first = int(np.argmax(x > b))
        top = float(np.broadcast_to(b, x.shape)[first])
        raise DataError(f"losses[{first}]={float(x[first])!r}: need X <= {top!r} (the ceiling of this token)")
    return x, b


def mean_of(values: np.ndarray) -> arb:
    """A ball around the mean of one value per token, or the value itself when one stands for all."""
    return ball(float(values[0])) if values.size == 1 else mean_ball(values)


def _family(b: np.ndarray, scale: float | None, shift: float | None,
            grid: Sequence[float] | None) -> tuple[Sequence[float], dict[str, int]]:  # fmt: skip
    if shift is not None and grid is not None:
        raise domain_error("grid", grid, "None with a fixed shift", "one of the two")
    if shift is not None or grid is not None:
        shifts = [float(d) for d in ([shift] if grid is None else grid)]  # type: ignore[list-item]
        for d in shifts:
            if not abs(d) <= _LARGEST:
                raise domain_error("shift", d, "a finite number of nats, |D| <= 2^900", "U = max(B, Y + D)")
        if not shifts:
            raise domain_error("grid", grid, "at least one shift", "shifts fixed beforehand")
        return shifts, {} if grid is None else {f"shift grid ({len(shifts)})": len(shifts)}
    unit = float(b[0]) if scale is None and b.size == 1 else scale
    if unit is None or not 0 < unit <= _LARGEST:
        domain = "a finite number of nats > 0, at most 2^900, fixed beforehand"
        raise domain_error("scale", scale, domain, "unit of the default shifts; needed with one ceiling per token")
    return capped_shifts(float(unit)), {f"shift grid ({GRID_SIZE})": GRID_SIZE}


def _objective(x: np.ndarray, u: np.ndarray, c: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.mean(u)) - math.exp(float(np.mean(np.log(u - x))) - c)
