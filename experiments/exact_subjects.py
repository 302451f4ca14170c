"""Which bounds are compared with exact arithmetic: how each is called, and the statement it is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import exact_statements as exact
import numpy as np
from exact_cases import Case

from genbound import concentration as gb
from genbound.concentration import BoundResult


@dataclass(frozen=True)
class Subject:
    """One bound. `nats`: its statement is solved for, and its sign is measured in nats, not in units of loss."""

    call: Callable[[Case], BoundResult]
    statement: exact.Statement
    nats: bool = False
    smallest: int = 1  # n


def _range(case: Case) -> dict[str, float]:
    return {"ceiling": case.ceiling, "loss_floor": case.loss_floor, **case.budget}


def _span(case: Case) -> dict[str, float]:
    return {"ceiling": case.ceiling, "prediction_floor": case.prediction_floor, **case.budget}


def _lower(case: Case) -> BoundResult:
    top = case.prediction_ceiling
    shift = None if case.shift is None else max(case.shift, top)
    return gb.lower_geometric_mean(case.losses, case.predictions, **_span(case), prediction_ceiling=top, shift=shift)


def _capped(case: Case) -> BoundResult:
    y = None if case.predictions is None else np.abs(case.predictions)
    return gb.capped_geometric_mean(
        case.losses, y, ceiling=case.ceilings, scale=case.ceiling, shift=case.shift, **case.budget
    )


def _kl(bound: Callable[..., BoundResult], assume: str) -> Callable[[Case], BoundResult]:
    def call(case: Case) -> BoundResult:
        grid = case.caps if assume == "adapted" else None
        return bound(case.losses, ceiling=case.ceiling, **case.budget, grid=grid, assume=assume)

    return call


def _mixed(bound: Callable[..., BoundResult]) -> Callable[[Case], BoundResult]:
    return lambda case: bound(case.losses, case.predictions, **_span(case), grid=case.grid, weights=case.weights)


SUBJECTS: dict[str, Subject] = {
    "azuma_hoeffding": Subject(lambda c: gb.azuma_hoeffding(c.losses, **_range(c)), exact.azuma_hoeffding),
    "floor": Subject(lambda c: gb.floor(c.losses, ceiling=c.ceiling, **c.budget), exact.floor),
    "empirical_freedman": Subject(
        lambda c: gb.empirical_freedman(c.losses, c.predictions, **_span(c), s=c.s), exact.empirical_freedman
    ),
    "geometric_mean": Subject(
        lambda c: gb.geometric_mean(c.losses, c.predictions, **_span(c), shift=c.shift), exact.geometric_mean
    ),
    "lower_geometric_mean": Subject(_lower, exact.lower_geometric_mean),
    "capped_geometric_mean": Subject(_capped, exact.capped_geometric_mean),
    "mixture": Subject(_mixed(gb.mixture), exact.mixture, nats=True),
    "kl_inf": Subject(_kl(gb.kl_inf, "adapted"), exact.kl_inf),
    "kl_inf, constant mean": Subject(_kl(gb.kl_inf, "constant mean"), exact.kl_inf_constant_mean),
    "kl_inverse": Subject(_kl(gb.kl_inverse, "adapted"), exact.kl_inverse),
    "kl_inverse, independent": Subject(_kl(gb.kl_inverse, "independent"), exact.kl_inverse_independent, nats=True),
    "freedman": Subject(lambda c: gb.freedman(c.losses, **_range(c), variance=c.variance), exact.freedman, nats=True),
    "maurer_pontil": Subject(lambda c: gb.maurer_pontil(c.losses, **_range(c)), exact.maurer_pontil, smallest=2),
    "empirical_bernstein": Subject(lambda c: gb.empirical_bernstein(c.losses, **_range(c)), exact.empirical_bernstein),
    "howard": Subject(
        lambda c: gb.howard(c.losses, c.predictions, **_span(c), grid=None if c.s is None else [c.s]),
        exact.howard,
    ),
    "mineiro": Subject(_mixed(gb.mineiro), exact.mineiro, nats=True),
}
