"""What the bounds for many hypotheses share: the failure probability in nats, and an itemised bill (THEORY 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flint import arb

from genbound.certified import Real, ball, precision, up
from genbound.complexity.codes import log_inv_delta as nats_of
from genbound.concentration.result import BoundResult
from genbound.errors import DomainError, domain_error

FAILURE = "failure probability"
ANY_TIME = "holds simultaneously for all n"
FIXED_TIME = "one n, fixed beforehand"
_LUMP = "code and failure probability"


def failure_nats(delta: float | None, log_inv_delta: Real | None) -> arb:
    """ln(1/delta) as a ball, from exactly one of delta and ln(1/delta); at scale only the second is a float64.

    >>> float(failure_nats(None, 1e6)), round(float(failure_nats(0.05, None)), 6)
    (1000000.0, 2.995732)
    """
    if (delta is None) == (log_inv_delta is None):
        raise DomainError(
            f"delta={delta!r}, log_inv_delta={log_inv_delta!r}: need exactly one of them "
            "(failure probability, or ln(1/delta) in nats)"
        )
    if delta is not None:
        return ball(nats_of(delta))
    nats = finite("log_inv_delta", log_inv_delta, "ln(1/delta) in nats")
    if not nats >= 0:
        raise domain_error("log_inv_delta", log_inv_delta, "log_inv_delta >= 0", "ln(1/delta) in nats")
    return nats


def finite(symbol: str, value: object, meaning: str) -> arb:
    """The ball of a finite real number; DomainError by name for NaN, infinities and what is no number."""
    try:
        exact = ball(value)  # type: ignore[arg-type]
    except DomainError as error:
        raise domain_error(symbol, value, "a finite real number", meaning) from error
    if not exact.is_finite():
        raise domain_error(symbol, value, "a finite real number", meaning)
    return exact


def bill(prices: Mapping[str, arb]) -> tuple[arb, dict[str, float]]:
    """(n C, label -> nats rounded up); a negative total is raised to zero, which only weakens a bound.

    >>> total, shown = bill({"log-ratio": arb(-3), "failure probability": arb(2)})
    >>> float(total), shown
    (0.0, {'log-ratio': -3.0, 'failure probability': 2.0, 'raised to zero': 1.0})
    """
    with precision():
        total = sum(prices.values(), arb(0))
        shown = {label: up(nats) for label, nats in prices.items()}
        if not total >= 0:
            shown["raised to zero"] = up(-total)
            total = arb(max(up(total), 0.0))
    return total, shown


def itemised(result: BoundResult, name: str, prices: Mapping[str, float], *statements: str,
             any_time: bool = True) -> BoundResult:  # fmt: skip
    """`result` under the name of its statement, with the lump sum it was given broken down into `prices`.

    Args:
        result: a bound that was called with log_inv_delta = the sum of `prices`.
        name: the claim, as THEORY names it.
        prices: label -> nats; the grids the bound paid itself follow.
        statements: what has to hold besides the assumptions of `result`.
        any_time: False withdraws "for all n at once": the statement is about one n fixed beforehand.
    """
    costs = {**prices, **{label: nats for label, nats in result.costs.items() if label != _LUMP}}
    assumed = result.assumptions
    if not any_time:
        assumed = (*(line for line in assumed if line not in (ANY_TIME, FIXED_TIME)), FIXED_TIME)
    return replace(result, name=name, costs=costs, assumptions=(*assumed, *statements))
