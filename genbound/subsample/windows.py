"""Sampled windows and the two stages behind every subsampled bound (THEORY 5).

Stage 1 turns a bound on the whole stream into the population mean of Z = Y + offset - gain ln(D + Y - X),
known on every token and at most Z_max; stage 2 bounds that mean by u - e^{-C_2} GM(u - Z), u >= Z_max.
Z may be negative: only Z <= u is needed. Sums are taken in float64 with explicit margins (IEEE 754 basic
arithmetic only); logarithms are taken in ball arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import ball, block_products, mean_ball, precision, up
from genbound.concentration.observed import safe_factors
from genbound.concentration.result import all_in
from genbound.concentration.streams import as_vector, check_stream
from genbound.errors import DataError, domain_error


@dataclass(frozen=True, eq=False)
class WindowSample:
    """The losses X and centres Y of m sampled windows of T tokens.

    Attributes:
        losses: X, nats, shape (m, T) (or (m,): single tokens).
        predictions: Y, nats, same shape, each a function of the token's past only.
        ceiling: B >= X, nats, under the true law.
        prediction_floor: a constant <= every Y of the stream, nats.
        prediction_ceiling: a constant >= every Y of the stream, nats (ln V for entropies).

    Raises:
        DataError: entries outside the declared ranges, NaN, infinite, or shapes that differ.

    >>> sample = WindowSample(np.ones((5, 8)), np.ones((5, 8)), 16.0, 0.0, 8.0)
    >>> sample.m, sample.window
    (5, 8)
    """

    losses: Any
    predictions: Any
    ceiling: float
    prediction_floor: float
    prediction_ceiling: float

    def __post_init__(self) -> None:
        shape = tuple(getattr(self.losses, "shape", None) or np.shape(self.losses))
        if len(shape) not in (1, 2):
            raise DataError(f"losses: shape {shape}, need (m, T) windows or (m,) tokens")
        if tuple(getattr(self.predictions, "shape", None) or np.shape(self.predictions)) != shape:
            raise DataError(f"predictions: need the shape {shape} of the losses")
        low, high = float(self.prediction_floor), float(self.prediction_ceiling)
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise domain_error("prediction_ceiling", high, f"finite, >= prediction_floor = {low!r}", "nats")
        if not (math.isfinite(self.ceiling) and self.ceiling > low):
            raise domain_error("ceiling", self.ceiling, f"ceiling > prediction_floor = {low!r}", "nats")
        x, y = check_stream(self.losses, as_vector("predictions", self.predictions), float(self.ceiling), low)
        if y.max() > high:
            first = int(np.argmax(y > high))
            raise DataError(f"predictions[{first}]={float(y[first])!r}: need Y <= prediction_ceiling = {high!r}")
        full = (shape[0], x.size // shape[0])
        for name, value in (("losses", x.reshape(full)), ("predictions", y.reshape(full))):
            object.__setattr__(self, name, value)

    @property
    def m(self) -> int:
        """Number of windows."""
        return self.losses.shape[0]

    @property
    def window(self) -> int:
        """T, tokens per window."""
        return self.losses.shape[1]

    @cached_property
    def prediction_sums(self) -> np.ndarray:
        """Window sums of Y, nats, none below the exact one; shape (m,)."""
        return _upper_sums(self.predictions)

    @cached_property
    def loss_means(self) -> tuple[np.ndarray, np.ndarray]:
        """Window means of X, nats, rounded (down, up) and within [0, ceiling]; shape (m,) each."""
        upper = np.nextafter(_upper_sums(self.losses) / self.window, np.inf)
        lower = np.nextafter(-_upper_sums(-self.losses) / self.window, -np.inf)
        return np.maximum(lower, 0.0), np.minimum(upper, self.ceiling)

    @cached_property
    def mean_loss(self) -> arb:
        """A ball around the sample mean of X, nats per token."""
        return mean_ball(self.losses.reshape(-1))


def _upper_sums(values: np.ndarray) -> np.ndarray:
    """Row sums, never below the exact ones: summing T floats in any order errs by at most T 2^-52 sum |x|."""
    return values.sum(axis=1) + values.shape[1] * 2.0**-52 * np.abs(values).sum(axis=1) * (1 + 1e-9) + 5e-324


def _log_means(sample: WindowSample, shift: float) -> list[arb]:
    """Balls below mean over the window of ln(D + Y - X), one per window (products in float64)."""
    factors = safe_factors(sample.losses, sample.predictions, shift)
    if not factors.min() > 0:
        raise domain_error("shift", shift, "D + Y - X > 0 on every token", "float64 rounding included")
    mantissa, exponent = np.frexp(factors)
    exponents = exponent.sum(axis=1, dtype=np.int64).tolist()
    window = sample.window
    with precision():
        slack, log2 = arb(0, 1.02 * min(512, window) * 2.0**-53), arb(2).log()
        if window <= 512:
            products = [[p] for p in np.multiply.reduce(mantissa, axis=1).tolist()]
        else:
            products = [block_products(line) for line in mantissa]
        return [(sum((arb(p).log() + slack for p in line), arb(0)) + e * log2) / window
                for line, e in zip(products, exponents, strict=True)]  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """Z_k = centre_k + offset - gain log_mean_k for every window, and Z_max above them all."""

    gain: arb
    offset: arb
    ceiling: arb

    def values(self, sample: WindowSample, shift: float) -> list[arb]:
        """Balls, none below Z_k; `shift` is a float <= D."""
        with precision():
            logs = _log_means(sample, shift)
            centres = [arb(total) / sample.window for total in sample.prediction_sums.tolist()]
            return [y + self.offset - self.gain * g for y, g in zip(centres, logs, strict=True)]

    def values_float(self, sample: WindowSample, shift: float) -> np.ndarray:
        """Z_k in float64, for tuning."""
        logs = np.log(sample.predictions - sample.losses + shift).mean(axis=1)
        return sample.predictions.mean(axis=1) + float(self.offset) - float(self.gain) * logs


def geometric_stage(sample: WindowSample, shift: float, c1: arb, log_reference: float) -> Stage:
    """W = U - c (1 + ln(U - X) - g0), U = Y + D, c = e^{g0 - C_1}: convex in U and rising in X."""
    with precision():
        d, g0 = ball(shift), ball(log_reference)
        c = (g0 - c1).exp()
        tops = [_geometric_top(ball(y) + d, c, g0, sample.ceiling) for y in _ends(sample)]
        return Stage(c, d - c * (1 - g0), arb.max(*tops))


def _geometric_top(u: arb, c: arb, g0: arb, ceiling: float) -> arb:
    return u - c * (1 + (u - ball(ceiling)).log() - g0)


def tilted_stage(sample: WindowSample, least_slack: float, c1: arb, log_reference: float) -> Stage:
    """The W of `geometric_stage` where U - X >= least_slack > 0 on every token, and U is the centre itself (D = 0)."""
    with precision():
        g0 = ball(log_reference)
        c = (g0 - c1).exp()
        return Stage(c, -c * (1 - g0), ball(float(sample.prediction_ceiling)) - c * (1 + ball(least_slack).log() - g0))


def freedman_stage(sample: WindowSample, d: arb) -> Stage:
    """Z = Y - D ln(1 + (Y - X)/D), D = Delta/s: convex in Y (falling where Y < X) and rising in X."""
    with precision():
        tops = [ball(y) - d * (1 + (ball(y) - ball(sample.ceiling)) / d).log() for y in _ends(sample)]
        return Stage(d, d * d.log(), arb.max(*tops))


def _ends(sample: WindowSample) -> tuple[float, float]:
    return float(sample.prediction_floor), float(sample.prediction_ceiling)


def second_stage(values: list[arb], top: arb, second_shift: float, c2: arb) -> arb:
    """u - e^{-C_2} GM(u - Z), never below; needs u >= Z_max."""
    if not (math.isfinite(second_shift) and ball(second_shift) >= top):
        domain = f"u >= Z_max = {up(top)!r}"
        raise domain_error("second_shift", second_shift, domain, "constant of the second stage, nats")
    with precision():
        u = ball(second_shift)
        product, total = arb(1), arb(0)
        for index, value in enumerate(values):
            factor = u - value
            if not factor > 0:
                return u
            product *= factor
            if index % 64 == 63:
                total, product = total + product.log(), arb(1)
        return u - ((total + product.log()) / len(values) - c2).exp()


def tune_second(values: np.ndarray, top: float, c2: float) -> tuple[float, float]:
    """(u, the stage-2 bound in float64): u - Z_max over a geometric grid (free: a pilot)."""
    spread = max(top - float(values.min()), 1e-9 * (1.0 + abs(top)))
    candidates = np.nextafter(top, np.inf) + spread * np.concatenate([[0.0], 2.0 ** np.arange(-8.0, 9.0, 0.25)])
    with np.errstate(divide="ignore"):
        bounds = [u - math.exp(float(np.log(np.maximum(u - values, 0.0)).mean()) - c2) for u in candidates]
    best = int(np.argmin(bounds))
    return float(candidates[best]), float(bounds[best])


def two_complexities(n: int, m: int, log_inv_delta_1: float | arb,
                  log_inv_delta_2: float | arb) -> tuple[arb, arb, dict[str, float]]:  # fmt: skip
    """(C_1, C_2, the price list): nats over n tokens and over m windows."""
    c1, first = all_in(n, None, log_inv_delta_1)
    c2, second = all_in(m, None, log_inv_delta_2)
    label = "code and failure probability"
    return c1, c2, {f"stage 1 (over {n} tokens)": first[label], f"stage 2 (over {m} windows)": second[label]}


def loss_range(sample: WindowSample) -> arb:
    """Delta = ceiling - prediction_floor."""
    with precision():
        return ball(float(sample.ceiling)) - ball(float(sample.prediction_floor))


def freedman_shift(sample: WindowSample, s: float) -> arb:
    """D = Delta/s."""
    with precision():
        return loss_range(sample) / ball(s)
