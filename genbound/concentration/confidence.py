"""`ConfidenceSequence`: an interval for the mean of anyone's bounded stream, valid at every time at once.

Nothing here knows about language models: observations X_k in [low, high] from any adapted process, and the running
mean of their conditional means, m_k = E[X_k | past]. Two statistics of constant size, of X - low and of high - X, are
read by `mixture`, each with half of delta.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from genbound.certified import ball, down, precision, up
from genbound.complexity.codes import log_inv_delta as nats_of
from genbound.concentration.interval import ConfidenceInterval
from genbound.concentration.mixture import mixture
from genbound.concentration.streams import as_vector, chunks, is_stream, require_within
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, DomainError, domain_error

FORMAT = "genbound-confidence-sequence/1"
_LARGEST = 2.0**1000  # differences of observations do not overflow


class ConfidenceSequence:
    """With probability >= 1 - delta, for all n at once: lower_n <= (1/n) sum_{k<=n} E[X_k | past] <= upper_n.

    Look as often as you like, and stop when you like. Constant memory; chunks, their order and the number of workers
    change no bit of the result. The conditional means may change: limits of earlier n say nothing about this n, so
    no running intersection is taken.

    Source: derived here (THEORY 1, `mixture`, on X - low and on high - X).

    Args:
        low, high: X lies in [low, high] under the true law, fixed beforehand.
        delta: failure probability of both sides together; or
        log_inv_delta: ln(1/delta), nats. Exactly one of the two.

    Raises:
        DomainError: low >= high, not finite, a range beyond 2^-900..2^40, delta outside (0, 1).

    >>> cs = ConfidenceSequence(low=0, high=1, delta=0.05)
    >>> cs.update([0.0, 1.0, 1.0, 0.0] * 50)
    >>> print(cs.interval())
    [0.374897, 0.625103] around 0.5 (n = 200)
    >>> cs.update([0.0, 1.0] * 10_000)
    >>> cs.n, round(cs.lower, 4), round(cs.upper, 4)
    (20200, 0.4871, 0.5129)
    """

    def __init__(self, *, low: float, high: float, delta: float | None = None,
                 log_inv_delta: float | None = None) -> None:  # fmt: skip
        if not (-_LARGEST <= low < high <= _LARGEST):
            raise domain_error("low, high", (low, high), "finite low < high", "range of the observations, up to 2^1000")
        if (delta is None) == (log_inv_delta is None):
            raise DomainError(f"delta={delta!r}, log_inv_delta={log_inv_delta!r}: need exactly one of them")
        nats = nats_of(delta) if delta is not None else float(log_inv_delta)  # type: ignore[arg-type]
        if not (math.isfinite(nats) and nats >= 0):
            raise domain_error("log_inv_delta", nats, "a finite number of nats >= 0", "ln(1/delta)")
        self.low, self.high, self.log_inv_delta = float(low), float(high), nats
        span = float(_difference_up(np.array([self.high]), np.array([self.low]))[0])
        self._above = Wealth(ceiling=span)  # X - low: bounds the mean from above
        self._below = Wealth(ceiling=span)  # high - X: bounds it from below
        self._interval: ConfidenceInterval | None = None

    def update(self, observations: Any, predictions: Any = None) -> None:
        """Add a block of observations; nothing is added when any of them is refused.

        Both differences are rounded up: X - low then has a conditional mean that is never smaller, high - X too,
        so each limit stays on its safe side.

        Args:
            observations: X_k, any shape (numpy array, sequence, torch tensor); flattened.
            predictions: a guess at each X_k from the past only, in [low, high], same shape. Good guesses narrow the
                interval, bad ones widen it; it holds with any.

        Raises:
            DataError: NaN or values outside [low, high] (the first is named), unequal shapes.
        """
        x = as_vector("observations", observations)
        require_within("observations", x, self.low, self.high, "low <= X <= high")
        above = below = None
        if predictions is not None:
            y = as_vector("predictions", predictions)
            if y.size != x.size:
                raise DataError(f"predictions: {y.size} values for {x.size} observations (one for each)")
            require_within("predictions", y, self.low, self.high, "low <= Y <= high")
            above, below = _difference_up(y, np.array(self.low)), _difference_up(np.array(self.high), y)
        self._above.update(_difference_up(x, np.array(self.low)), above)
        self._below.update(_difference_up(np.array(self.high), x), below)
        self._interval = None

    def merge(self, other: ConfidenceSequence) -> ConfidenceSequence:
        """Add the observations of another sequence with the same range and delta, in place; returns self."""
        if self._settings() != other._settings():
            raise domain_error("other", other, f"the range and delta of {self!r}", "sequences to merge")
        self._above.merge(other._above)
        self._below.merge(other._below)
        self._interval = None
        return self

    @property
    def n(self) -> int:
        """Number of observations so far."""
        return self._above.n

    @property
    def mean(self) -> float:
        """The empirical mean, for display; low when n = 0."""
        return self.interval().mean

    @property
    def lower(self) -> float:
        """The lower limit, rounded down."""
        return self.interval().lower

    @property
    def upper(self) -> float:
        """The upper limit, rounded up."""
        return self.interval().upper

    def interval(self) -> ConfidenceInterval:
        """The interval after the observations so far."""
        if self._interval is None:
            self._interval = self._read()
        return self._interval

    def _read(self) -> ConfidenceInterval:
        if self.n == 0:
            return ConfidenceInterval(self.low, self.high, self.low, 0, self.log_inv_delta)
        low, high = ball(self.low), ball(self.high)
        with precision():
            side = ball(self.log_inv_delta) + ball(2).log()
            above = mixture(self._above, log_inv_delta=side).value
            below = mixture(self._below, log_inv_delta=side).value
            upper = min(up(low + ball(above)), self.high)
            lower = max(down(high - ball(below)), self.low)
            mean = float(low + ball(self._above.mean_loss))
        return ConfidenceInterval(lower, upper, min(max(mean, lower), upper), self.n, self.log_inv_delta)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready and exact; `from_dict` continues from it."""
        low, high, nats = (value.hex() for value in self._settings())
        return {"format": FORMAT, "low": low, "high": high, "log_inv_delta": nats,
                "above": self._above.to_dict(), "below": self._below.to_dict()}  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ConfidenceSequence:
        """Inverse of `to_dict`; DataError for anything else."""
        try:
            if data["format"] != FORMAT:
                raise DataError(f"format={data['format']!r}: need {FORMAT!r} (stored confidence sequence)")
            low, high, nats = (float.fromhex(data[name]) for name in ("low", "high", "log_inv_delta"))
            made = cls(low=low, high=high, log_inv_delta=nats)
            above, below = Wealth.from_dict(data["above"]), Wealth.from_dict(data["below"])
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"not a stored confidence sequence: {error}") from error
        if above.grid != made._above.grid or below.grid != made._below.grid or above.n != below.n:
            raise DataError("above, below: need the range of the sequence and equal n (stored confidence sequence)")
        made._above, made._below = above, below
        return made

    def _settings(self) -> tuple[float, float, float]:
        return self.low, self.high, self.log_inv_delta

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfidenceSequence) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ConfidenceSequence(low={self.low!r}, high={self.high!r}, n={self.n})"


def confidence_interval(observations: Any, predictions: Any = None, *, low: float, high: float,
                        delta: float | None = None,
                        log_inv_delta: float | None = None) -> ConfidenceInterval:  # fmt: skip
    """`ConfidenceSequence` in one call.

    Args:
        observations: X: array, torch tensor, or iterator of chunks (X or (X, Y)).
        predictions, low, high, delta, log_inv_delta: as in `ConfidenceSequence`.

    Raises:
        DomainError, DataError: as `ConfidenceSequence` does; no observation at all.

    >>> interval = confidence_interval([0.0, 1.0, 1.0, 0.0] * 50, low=0, high=1, delta=0.05)
    >>> 0.5 in interval, interval.n
    (True, 200)
    """
    sequence = ConfidenceSequence(low=low, high=high, delta=delta, log_inv_delta=log_inv_delta)
    for x, y in chunks(observations, predictions) if is_stream(observations) else [(observations, predictions)]:
        sequence.update(x, y)
    if sequence.n == 0:
        raise DataError("observations: empty (need at least one)")
    return sequence.interval()


def _difference_up(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b rounded up: the rounding error of a float64 difference is itself a float64 (Knuth's two-sum).

    >>> float(_difference_up(np.array(1.0), np.array(2.0**-60))), float(_difference_up(np.array(1.0), np.array(0.25)))
    (1.0, 0.75)
    """
    total = a - b
    part = total - a
    error = (a - (total - part)) - (b + part)
    return np.where(error > 0, np.nextafter(total, np.inf), total)
