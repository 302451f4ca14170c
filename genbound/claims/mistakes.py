"""Wrong bounds, on purpose: the mistakes that the checks must find.

A `Mistake` takes a true bound and gives the planted error that spoils it. What it makes keeps the signature of what it
spoils, so that every engine calls it as it calls the true one. Never use it for anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import numpy as np

from genbound.claims.card import Planted
from genbound.concentration.geometric_mean import default_shifts
from genbound.concentration.result import BoundResult

Bound = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """A named way to spoil a bound: `mistake(bound)` is the planted error."""

    name: str
    what: str
    spoil: Callable[[Bound], Bound]

    def __call__(self, *bounds: Bound) -> Planted:
        return planted(self.name, self.what, *(self.spoil(bound) for bound in bounds))


def planted(name: str, what: str, *bounds: Bound) -> Planted:
    """A planted error that replaces the functions of a card."""
    return Planted(name, what, {"bounds": bounds})


def _nats(change: Callable[[float], float]) -> Callable[[Bound], Bound]:
    """Spoils ln(1/delta) on the way in."""
    return _arguments(log_inv_delta=lambda given: change(given["log_inv_delta"]))


def _arguments(**changes: Callable[[dict[str, Any]], Any]) -> Callable[[Bound], Bound]:
    """Spoils arguments: name -> function of all that were given."""

    def spoil(bound: Bound) -> Bound:
        @wraps(bound)
        def wrong(*args: Any, **given: Any) -> Any:
            return bound(*args, **{**given, **{name: make(given) for name, make in changes.items()}})

        return wrong

    return spoil


half_complexity = Mistake("half_complexity", "C/2 for C", _nats(lambda nats: nats / 2))


def unnormalised(members: int) -> Mistake:
    """Weights 1 in place of 1/members."""
    return Mistake(
        "unnormalised_weights", "every member has weight one", _nats(lambda x: max(x - math.log(members), 0.0))
    )


no_confidence = Mistake("no_confidence", "no price for the failure probability", _nats(lambda nats: 0.0))
exchanged_delta = Mistake("exchanged_delta", "delta and 1 - delta exchanged",
                          _nats(lambda nats: -math.log1p(-math.exp(-max(nats, 1e-12)))))  # fmt: skip


def _over_n(given: dict[str, Any]) -> float:
    return given["log_inv_delta"] / len(given["losses"])


divided_twice = Mistake("divided_by_n_twice", "ln(1/delta)/n^2 for ln(1/delta)/n", _arguments(log_inv_delta=_over_n))
memorised = Mistake("trained_on_the_token", "the loss is measured after training on the very token",
                    _arguments(losses=lambda given: 0.5 * np.asarray(given["losses"])))  # fmt: skip


def _seen_centre(given: dict[str, Any]) -> np.ndarray:
    return np.maximum(0.98 * np.asarray(given["losses"]), given.get("prediction_floor", 0.0))


def _largest_seen(given: dict[str, Any]) -> float:
    largest = max(np.max(given["losses"]), np.max(given.get("predictions", 0.0)), 1e-6)
    return min(1.001 * float(largest), given["ceiling"])


peeking_centre = Mistake("peeking_centre", "Y has seen the token", _arguments(predictions=_seen_centre))
sample_ceiling = Mistake("sample_ceiling", "the sample's own maximum in place of the ceiling",
                         _arguments(ceiling=_largest_seen))  # fmt: skip


def _half_margin(bound: Bound) -> Bound:
    @wraps(bound)
    def wrong(losses: Any, **given: Any) -> float:
        mean = float(np.mean(losses))
        return mean + (float(bound(losses, **given)) - mean) / 2

    return wrong


half_range = Mistake("half_range", "half the range in the margin", _half_margin)


def without(name: str, *labels: str) -> Mistake:
    """Forgets rows of the result."""

    def spoil(bound: Bound) -> Bound:
        @wraps(bound)
        def wrong(*args: Any, **given: Any) -> BoundResult:
            result = bound(*args, **given)
            return replace(result, value=sum(nats for label, nats in result.terms if label not in labels))

        return wrong

    return Mistake(name, f"the bound without its {' and '.join(labels)}", spoil)


def _only_number(bound: Bound) -> Bound:
    @wraps(bound)
    def wrong(*args: Any, **given: Any) -> float:
        return float(bound(*args, **given))

    return wrong


wrong_side = Mistake("wrong_side", "the upper bound reported as the lower one", _only_number)


def _free_shifts(bound: Bound) -> Bound:
    def wrong(losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float, log_inv_delta: float) -> float:
        given = {"ceiling": ceiling, "prediction_floor": prediction_floor, "log_inv_delta": log_inv_delta}
        shifts = default_shifts(ceiling, prediction_floor)[:64:3]
        return min(float(bound(losses, predictions, shift=d, **given)) for d in shifts)

    return wrong


unpaid_grid = Mistake("unpaid_grid", "the best of the family's shifts, nothing paid for choosing it", _free_shifts)


def _half_shift(bound: Bound) -> Bound:
    def wrong(losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float, log_inv_delta: float) -> float:
        d = (ceiling - prediction_floor) / 2
        factors = np.maximum(d + np.asarray(predictions) - np.asarray(losses), 1e-300)
        factor = math.exp(float(np.log(factors).mean()) - log_inv_delta / len(factors))
        return min(float(np.mean(predictions)) + d - factor, ceiling)

    return wrong


small_shift = Mistake("small_shift", "D half of what U >= X needs", _half_shift)


def best_of(count: int) -> Mistake:
    """The best of `count` hypotheses reported as if it had been the only one."""

    def spoil(bound: Bound) -> Bound:
        def wrong(losses: np.ndarray, predictions: np.ndarray, *, ceiling: float, prediction_floor: float,
                  log_inv_delta: float) -> list[float]:  # fmt: skip
            given = {"ceiling": ceiling, "prediction_floor": prediction_floor, "log_inv_delta": log_inv_delta}
            found = [float(bound(x, y, **given)) for x, y in zip(losses[:count], predictions[:count], strict=True)]
            reported = [ceiling] * len(losses)
            reported[int(np.argmin(found))] = min(found)
            return reported

        return wrong

    return Mistake("best_of_several", f"the best of {count} reported as if it had been the only one", spoil)
