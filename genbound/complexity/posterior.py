"""A posterior over finitely many hypotheses: its exact weights, its divergence, its means (THEORY 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, precision, up
from genbound.complexity.prior import ROUNDING, at_most_one, fraction
from genbound.concentration.observed import Observed, observe
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, domain_error


def kl_divergence(posterior: Any, prior: Any) -> float:
    """KL(Q||P) = sum_h q_h ln(q_h/p_h), nats, rounded up; 0 ln 0 = 0.

    Args:
        posterior: Q, shape (H,), summing to one. A sum within 2^-40 of it is float rounding: Q is divided by it,
            exactly.
        prior: P, shape (H,), summing to at most one (above it by 2^-40 at most: divided likewise).

    Raises:
        DomainError: negative or NaN entries, sums that are off, unequal lengths, or p_h = 0 where q_h > 0.

    >>> round(kl_divergence([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]), 9)
    0.693147181
    >>> kl_divergence([1.0, 0.0], [0.0, 1.0])
    Traceback (most recent call last):
    genbound.errors.DomainError: P[0]=0.0: need P > 0 wherever Q > 0 (else KL(Q||P) is infinite)
    """
    return up(divergence(exact_posterior(posterior), prior))


@dataclass(frozen=True)
class PosteriorMean(Observed):
    """The data side of a bound when every mean is also a mean over Q: members with q_h > 0 only."""

    members: tuple[tuple[Fraction, Observed], ...] = ()

    def mean_loss(self) -> tuple[arb, arb]:
        """Balls around (a lower, an upper) value of E_Q mean X."""
        means = [(q, member.mean_loss()) for q, member in self.members]
        return _average((q, low) for q, (low, _) in means), _average((q, high) for q, (_, high) in means)

    def mean_prediction(self) -> tuple[arb, arb]:
        """Balls around (a lower, an upper) value of E_Q mean Y."""
        means = [(q, member.mean_prediction()) for q, member in self.members]
        return _average((q, low) for q, (low, _) in means), _average((q, high) for q, (_, high) in means)

    def log_mean(self, shift: float, sign: int = 1) -> arb:
        """A ball around E_Q mean ln(D + sign (Y - X)), or a lower bound of it; -inf at a zero factor."""
        return _average((q, member.log_mean(shift, sign)) for q, member in self.members)

    def bets(self) -> tuple[np.ndarray, np.ndarray]:
        """W of all members and their float64 weights, for tuning only."""
        parts = [(float(q), *member.bets()) for q, member in self.members]
        return np.concatenate([bets for _, bets, _ in parts]), np.concatenate([q * share for q, _, share in parts])


def _average(parts: Iterable[tuple[Fraction, arb]]) -> arb:
    with precision():
        return sum((ball(q) * value for q, value in parts), arb(0))


def exact_posterior(posterior: Any) -> list[Fraction]:
    """Q as exact fractions of sum 1."""
    entries = _entries("Q", posterior)
    total = sum(entries, Fraction(0))
    if abs(total - 1) > ROUNDING:
        raise domain_error("sum Q", float(total), "1", "a posterior is a probability distribution")
    return [q / total for q in entries]


def _entries(symbol: str, weights: Any) -> list[Fraction]:
    if hasattr(weights, "detach"):
        weights = weights.detach().cpu().double().numpy()
    try:
        listed = np.asarray(weights, dtype=object).tolist()
        if not isinstance(listed, list) or not listed or any(isinstance(w, list) for w in listed):
            raise TypeError("not one row of numbers")
    except (TypeError, ValueError) as error:
        raise domain_error(symbol, weights, "shape (H,), H >= 1", "weights over hypotheses") from error
    return [fraction(f"{symbol}[{h}]", w) for h, w in enumerate(listed)]


def divergence(q: list[Fraction], prior: Any) -> arb:
    """KL(Q||P) as a ball, for exact Q."""
    p = _entries("P", prior)
    if len(p) != len(q):
        raise domain_error("P", f"{len(p)} weights", f"{len(q)}, one per hypothesis", "as many as Q has")
    total = at_most_one("sum P", p)
    with precision():
        nats = arb(0)
        for h, (of_q, of_p) in enumerate(zip(q, p, strict=True)):
            if of_q and not of_p:
                raise domain_error(f"P[{h}]", 0.0, "P > 0 wherever Q > 0", "else KL(Q||P) is infinite")
            if of_q:
                nats += ball(of_q) * ball(of_q / of_p).log()
        return nats + ball(total).log()


def observe_all(losses: Any, predictions: Any, weights: list[Fraction], ceiling: float | None,
                prediction_floor: float | None) -> PosteriorMean:  # fmt: skip
    """Read the losses of every hypothesis, those without weight too: what is refused does not depend on Q."""
    rows = list(losses)
    if len(rows) != len(weights):
        raise DataError(f"losses: {len(rows)} rows for {len(weights)} weights of Q (one per hypothesis)")
    shared = predictions is not None and np.ndim(predictions) == 1
    centres = [predictions] * len(rows) if predictions is None or shared else list(predictions)
    if len(centres) != len(rows):
        raise DataError(f"predictions: {len(centres)} rows for {len(rows)} hypotheses")
    seen: list[Observed] = []
    for h, (x, y) in enumerate(zip(rows, centres, strict=True)):
        if not isinstance(x, Wealth) and np.ndim(x) != 1:
            raise DataError(f"losses: need shape (H, n), row {h} has {np.ndim(x)} dimensions")
        try:
            seen.append(observe(x, y, ceiling=ceiling, prediction_floor=prediction_floor))
        except DataError as error:
            raise DataError(f"hypothesis {h}: {error}") from error
    shape = {(one.n, one.ceiling, one.prediction_floor) for one in seen}
    if len(shape) != 1:
        raise DataError(f"losses: (n, ceiling, prediction_floor) = {sorted(shape)}, need the same for all")
    members = tuple((q, one) for q, one in zip(weights, seen, strict=True) if q)
    first = seen[0]
    return PosteriorMean(first.n, first.ceiling, first.prediction_floor, first.wealth, first.arrays, members)
