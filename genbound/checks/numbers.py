"""Streams on which a returned number is compared with its formula: extreme ones and some of every process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from flint import arb

from genbound.checks.verdict import Budget
from genbound.claims.card import Impossibility, TailBound
from genbound.claims.settings import AnyTime, OneStream
from genbound.formulas import evaluate

_PROCESSES = 6
_SIZES = (1, 7, 40)
_NATS = (0.25, 3.0, 60.0)


@dataclass(frozen=True, eq=False)
class Case:
    """One function (by its index on the card) and the arguments it is offered."""

    function: Callable[..., Any]
    index: int
    given: Mapping[str, Any]


def cases(claim: TailBound | Impossibility, budget: Budget) -> Iterator[Case]:
    """Every function of the card on every stream."""
    functions = claim.bounds if isinstance(claim, TailBound) else (claim.value,)
    for given in _given(claim, budget):
        for index, function in enumerate(functions):
            yield Case(function, index, given)


def _given(claim: TailBound | Impossibility, budget: Budget) -> Iterator[Mapping[str, Any]]:
    one_stream = isinstance(claim, Impossibility) or isinstance(claim.setting, OneStream | AnyTime)
    if one_stream:
        share = getattr(getattr(claim, "setting", None), "variance_share", None)
        for (losses, predictions, ceiling), nats in itertools.product(_extreme(), _NATS):
            given = {"losses": losses, "predictions": predictions, "ceiling": ceiling, "prediction_floor": 0.0,
                     "prediction_ceiling": ceiling, "loss_floor": 0.0, "log_inv_delta": nats}  # fmt: skip
            yield given if share is None else {**given, "variance": share * ceiling**2}
    if isinstance(claim, Impossibility):
        return
    for number, process in enumerate(claim.setting.processes()[:_PROCESSES]):
        for n, nats in itertools.product(_SIZES, _NATS):
            rng = np.random.default_rng([budget.seed, number, n])
            for scene in itertools.islice(claim.setting.scenes(process, rng, 1, n, nats), 1):
                yield from claim.setting.offers(scene)


def _extreme() -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Constant, at the ceiling, at zero, ties, subnormal and mixed magnitudes, large and small ceilings."""
    ramp = np.arange(9) / 8
    for ceiling in (1.0, 16.0, 2.0**-40, 2.0**30):
        yield np.full(4, ceiling), np.zeros(4), ceiling
        yield np.zeros(4), np.full(4, ceiling), ceiling
        yield np.full(5, ceiling / 3), np.full(5, ceiling / 3), ceiling
        yield ramp * ceiling, ramp[::-1] * ceiling, ceiling
    yield np.array([5e-324, 1.0, 1e-300, 0.5]), np.array([0.0, 1e-308, 1.0, 0.5]), 1.0


def magnitude(expression: sp.Expr, values: Mapping[str, Any]) -> arb:
    """The largest term of the formula in absolute value: what cancellation is measured against."""
    terms = [abs(evaluate(each, values)) for each in sp.Add.make_args(sp.expand(expression))]
    return reduce(arb.max, terms)
