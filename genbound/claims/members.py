"""Bounds at one member of their family, fixed beforehand: no grid is paid, so a check feels every nat.

At small n the default families spend most of C on their own grids; a mistake of a factor two would hide behind them.
Every function takes what `claims.settings.OneStream` offers.
"""

from __future__ import annotations

from typing import Any

from flint import arb

from genbound.certified import precision, up
from genbound.concentration.comparators import howard
from genbound.concentration.empirical_freedman import empirical_freedman
from genbound.concentration.geometric_mean import geometric_mean, lower_geometric_mean
from genbound.concentration.kl import kl_inf, kl_inverse
from genbound.concentration.result import BoundResult


def geometric_mean_at(share: float) -> Any:
    """`geometric_mean` with D = share (ceiling - prediction_floor), share >= 1."""

    def member(losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float,
               log_inv_delta: float) -> BoundResult:  # fmt: skip
        return geometric_mean(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor,
                              log_inv_delta=log_inv_delta, shift=_shift(ceiling, prediction_floor, share))  # fmt: skip

    return member


def empirical_freedman_at(s: float) -> Any:
    """`empirical_freedman` at one s."""

    def member(losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float,
               log_inv_delta: float) -> BoundResult:  # fmt: skip
        return empirical_freedman(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor,
                                  log_inv_delta=log_inv_delta, s=s)  # fmt: skip

    return member


def lower_geometric_mean_at(share: float) -> Any:
    """`lower_geometric_mean` with D = prediction_ceiling + share ceiling."""

    def member(losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float, prediction_ceiling: float,
               log_inv_delta: float) -> BoundResult:  # fmt: skip
        return lower_geometric_mean(
            losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor,
            prediction_ceiling=prediction_ceiling, log_inv_delta=log_inv_delta,
            shift=prediction_ceiling + share * ceiling,
        )  # fmt: skip

    return member


def kl_inf_at(share: float) -> Any:
    """`kl_inf` at u = share ceiling."""

    def member(losses: Any, *, ceiling: float, log_inv_delta: float) -> BoundResult:
        return kl_inf(losses, ceiling=ceiling, log_inv_delta=log_inv_delta, grid=[share * ceiling])

    return member


def kl_inverse_at(share: float) -> Any:
    """`kl_inverse` at u = share ceiling."""

    def member(losses: Any, *, ceiling: float, log_inv_delta: float) -> BoundResult:
        return kl_inverse(losses, ceiling=ceiling, log_inv_delta=log_inv_delta, grid=[share * ceiling])

    return member


def howard_at(bet: float) -> Any:
    """`howard` at one lambda."""

    def member(losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float,
               log_inv_delta: float) -> BoundResult:  # fmt: skip
        return howard(losses, predictions, ceiling=ceiling, prediction_floor=prediction_floor,
                      log_inv_delta=log_inv_delta, grid=[bet])  # fmt: skip

    return member


def _shift(ceiling: float, prediction_floor: float, share: float) -> float:
    with precision():
        return up((arb(ceiling) - arb(prediction_floor)) * arb(share))
