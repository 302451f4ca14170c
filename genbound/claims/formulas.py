"""What a card needs beside its function: the formula, loaded when asked for, and the numbers to put into it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import arb

from genbound.certified import precision
from genbound.concentration.result import BoundResult

if TYPE_CHECKING:
    import sympy as sp


def formula(name: str) -> Callable[[], sp.Expr]:
    """The formula object of `genbound.formulas` with this name; sympy is imported when it is called."""

    def load() -> sp.Expr:
        return getattr(importlib.import_module("genbound.formulas"), name)()

    load.__name__ = name
    return load


def complexity_of(result: BoundResult, given: Mapping[str, Any]) -> arb:
    """C as a ball, from ln(1/delta) and the sizes of the grids that the result says were paid."""
    with precision(256):
        sizes = [int(size) for label in result.costs for size in re.findall(r"grid(?: of u)? \((\d+)\)", label)]
        nats = arb(float(given["log_inv_delta"])) + sum((arb(size).log() for size in sizes), arb(0))
        return nats / result.n


def means(given: Mapping[str, Any]) -> dict[str, arb]:
    """Exact mean X and mean Y as balls, and the declared range."""
    with precision(256):
        x = [arb(float(v)) for v in np.asarray(given["losses"]).tolist()]
        y = [arb(float(v)) for v in np.asarray(given["predictions"]).tolist()]
        ceiling, low = arb(float(given["ceiling"])), arb(float(given["prediction_floor"]))
        return {
            "mean_loss": sum(x, arb(0)) / len(x),
            "mean_prediction": sum(y, arb(0)) / len(y),
            "B": ceiling,
            "Delta": ceiling - low,
        }


def sample_variance(given: Mapping[str, Any], divisor: int) -> arb:
    """sum (X - mean X)^2/divisor."""
    with precision(256):
        x = [arb(float(value)) for value in np.asarray(given["losses"]).tolist()]
        mean = sum(x, arb(0)) / len(x)
        return sum(((value - mean) ** 2 for value in x), arb(0)) / divisor


def mean_square_bet(given: Mapping[str, Any]) -> arb:
    """mean A^2, A = (Y - X)/Delta."""
    pairs = zip(np.asarray(given["losses"]).tolist(), np.asarray(given["predictions"]).tolist(), strict=True)
    with precision(256):
        delta = arb(float(given["ceiling"])) - arb(float(given["prediction_floor"]))
        squares = [((arb(y) - arb(x)) / delta) ** 2 for x, y in pairs]
        return sum(squares, arb(0)) / len(squares)


def log_mean(given: Mapping[str, Any], shift: arb, sign: int = 1) -> arb:
    """mean ln(D + sign (Y - X)), term by term in balls."""
    pairs = zip(np.asarray(given["losses"]).tolist(), np.asarray(given["predictions"]).tolist(), strict=True)
    with precision(256):
        logs = [(shift + sign * (arb(y) - arb(x))).log() for x, y in pairs]
        return sum(logs, arb(0)) / len(logs)
