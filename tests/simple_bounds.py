"""Bounds that the engines are tried on, true and wrong, as somebody else might have written them; and their cards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import genbound as gb
from genbound.claims.card import TailBound
from genbound.claims.settings import OneStream, Setting


def card(*bounds: Callable[..., Any], setting: Setting | None = None, **fields: Any) -> TailBound:
    return TailBound(name="mine", statement="R <= value", setting=setting or OneStream(), bounds=bounds, **fields)


def azuma(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return float(losses.mean()) + ceiling * math.sqrt(log_inv_delta / (2 * losses.size))


def half_range(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return azuma(losses, ceiling=ceiling / 2, log_inv_delta=log_inv_delta)


def member(losses: np.ndarray, predictions: np.ndarray, *, ceiling: float, prediction_floor: float,
           log_inv_delta: float) -> float:  # fmt: skip
    """geometric_mean with D = 1.5 B."""
    return gb.geometric_mean(
        losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor, log_inv_delta=log_inv_delta,
        shift=1.5 * ceiling,
    ).value  # fmt: skip


def half_complexity(losses: np.ndarray, predictions: np.ndarray, *, ceiling: float, prediction_floor: float,
                    log_inv_delta: float) -> float:  # fmt: skip
    given = {"ceiling": ceiling, "prediction_floor": prediction_floor}
    return member(losses, predictions, log_inv_delta=log_inv_delta / 2, **given)


def exchanged_delta(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return azuma(losses, ceiling=ceiling, log_inv_delta=-math.log1p(-math.exp(-log_inv_delta)))


def peeking_centre(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    """A centre that is nearly the loss it predicts."""
    return member(losses, 0.98 * losses, ceiling=ceiling, prediction_floor=0.0, log_inv_delta=log_inv_delta)


def kl_unpaid(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    """sup{q : kl(mean, q) <= C} by bisection: true for independent losses, false for adapted ones."""
    p, c = float(losses.mean()) / ceiling, log_inv_delta / losses.size
    low, high = p, 1.0
    for _ in range(60):
        q = (low + high) / 2
        far = (p * math.log(p / q) if p > 0 else 0.0) + (
            (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 and q < 1 else 0.0
        )
        low, high = (q, high) if far <= c else (low, q)
    return ceiling * high


def interval(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> tuple[float, float]:
    """mean +- Azuma at delta/2 a side."""
    half = azuma(np.zeros(losses.size), ceiling=ceiling, log_inv_delta=log_inv_delta + math.log(2))
    mean = float(losses.mean())
    return mean - half, mean + half


def interval_without_the_two(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> tuple[float, float]:
    return interval(losses, ceiling=ceiling, log_inv_delta=log_inv_delta - math.log(2))


def lower_azuma(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    return 2 * float(losses.mean()) - azuma(losses, ceiling=ceiling, log_inv_delta=log_inv_delta)


def no_margin(losses: np.ndarray) -> float:
    return float(losses.mean())


def last_token(losses: np.ndarray, *, ceiling: float, log_inv_delta: float) -> float:
    """Azuma, and a surcharge for the last token: valid, and it reads the order."""
    return azuma(losses, ceiling=ceiling, log_inv_delta=log_inv_delta) + 0.125 * float(losses[-1])


def ceiling_only(losses: np.ndarray, *, ceiling: float) -> float:
    return ceiling


def refuses(losses: np.ndarray, *, log_inv_delta: float) -> float:
    raise gb.errors.DataError("losses: not mine")
