"""Profile intervals: every value of one parameter that the Huber objective does not reject."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import f as fisher

from genbound.errors import DomainError, domain_error
from genbound.scaling.estimator import LogSumExpLaw
from genbound.scaling.minimize import descend
from genbound.scaling.objective import quasi_likelihood
from genbound.scaling.resampling import Fitted, checked_level, degrees_of_freedom, fitted
from genbound.scaling.results import Interval

_FAR = 60.0  # nats that a log-amplitude is followed to either side: beyond, the end is 0 or infinite
_COARSE, _FINE, _ROUNDS = 24, 24, 2


def profile(estimator: LogSumExpLaw, X: Any, y: Any, parameter: str, level: float = 0.95, *,
            sample_weight: Any = None) -> Interval:  # fmt: skip
    """All values v of a parameter with min f given v - min f <= F_{1, n-P}(level) E psi^2/(2 E psi').

    2 f E psi'/E psi^2 is distributed as -2 ln likelihood is; both means are those of normal noise with the robust
    scale of the residuals (n - P degrees of freedom), hence F and not chi^2. With heavier tails than normal the
    interval is, if anything, too long.

    Source: Ronchetti 1985 (tests and AIC from the Huber objective), with the scale estimated.

    Args:
        parameter: a name in `parameters_`. Exponents are profiled within `exponent_bounds`; an end is infinite where
            the data do not end the interval within them, though the law itself may be confined to them. The lower
            end of an amplitude can be 0.

    Returns:
        Interval: the hull of these values.

    Raises:
        DomainError: no such parameter; an amplitude of terms that could change places (fitted exponents of `GapLaw`).
        DataError: as `fit`; no degrees of freedom left.

    >>> from genbound.scaling import SaturatingPowerLaw
    >>> N = np.repeat(np.geomspace(1e4, 1e6, 8), 3)[:, None]
    >>> y = 8 * N[:, 0] ** -0.2 * np.exp(0.02 * np.random.default_rng(0).normal(size=24))
    >>> profile(SaturatingPowerLaw(), N, y, "c").lower  # no offset is needed
    0.0
    """
    fit, level = fitted(estimator, X, y, sample_weight), checked_level(level)
    law, layout = fit.law, fit.law._layout_
    if parameter not in layout.names:
        raise domain_error("parameter", parameter, f"one of {list(layout.names)}", "fitted parameter")
    index, terms = layout.names.index(parameter), len(layout.terms)
    if layout.increasing and len(layout.exponents) > 1 and index < terms and parameter != "offset":
        raise DomainError(f"{parameter}: its term could change places with another: use bootstrap")
    free = degrees_of_freedom(fit)
    scale = max(law.scale_, 1e-12)
    room = float(fisher.ppf(level, 1, free)) / (2 * quasi_likelihood(scale, law.delta))
    walk = _Profile(fit, index)
    ends = walk.ends(room)
    shown = np.exp(ends) if index < terms else ends
    method = f"profile, F(1, {free:g})"
    return Interval(parameter, law.parameters_[parameter], float(shown[0]), float(shown[1]), level, method)


class _Profile:
    """f minimised over all parameters but one, in coordinates where log-amplitudes are those at x = 1."""

    def __init__(self, fit: Fitted, index: int) -> None:
        law, layout, terms = fit.law, fit.law._layout_, len(fit.law._layout_.terms)
        self.index, self.terms, self.data = index, terms, fit.problem.data
        self.design = layout.design(law._log_x_, np.zeros(len(layout.columns)))
        self.starts = np.hstack([law._at_one(law._ends_), law._ends_[:, terms:]])
        self.centre = np.r_[law._at_one(law._point_[None])[0], law._point_[terms:]]
        self.lower = np.r_[np.full(terms, self.centre[:terms].min() - 4 * _FAR), fit.problem.lower[terms:]]
        self.upper = np.r_[np.full(terms, self.centre[:terms].max() + 4 * _FAR), fit.problem.upper[terms:]]
        self.ordered, self.least = layout.increasing, law.objective_

    def excess(self, values: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """min f - least with the parameter at each value, and where it is reached.

        Args:
            values: shape (2, V).
            starts: shape (K, 2, V, P): the best of K minima is kept.
        """
        flat = values.reshape(-1)
        lower, upper = np.tile(self.lower, (len(flat), 1)), np.tile(self.upper, (len(flat), 1))
        if self.ordered and self.index >= self.terms:  # p_1 < p_2 < ...: the others stay on their sides
            upper[:, self.terms : self.index] = flat[:, None]
            lower[:, self.index + 1 :] = flat[:, None]
        lower[:, self.index] = upper[:, self.index] = flat
        count = len(starts)
        points, found = descend(self.design, self.data, starts.reshape(count * len(flat), -1),
                                np.tile(lower, (count, 1)), np.tile(upper, (count, 1)))  # fmt: skip
        points, found = points.reshape(count, len(flat), -1), found.reshape(count, len(flat))
        points = points[found.argmin(axis=0), np.arange(len(flat))]
        return found.min(axis=0).reshape(values.shape) - self.least, points.reshape(*values.shape, -1)

    def vanishing(self, values: np.ndarray) -> np.ndarray:
        """Starts in which one term is nothing and the others are y at the mean of log x, shape (terms, 2, V, P).

        Descent cannot find them: the slope along a log-amplitude vanishes with the term.
        """
        level = np.average(self.data.log_y, weights=self.data.weights)
        start = np.tile(self.centre, (*values.shape, 1))
        start[..., self.index] = values
        slopes, offsets = self.design.slopes.mean(axis=1)[:, self.terms :], self.design.offsets.mean(axis=1)
        levels = level - offsets - start[..., self.terms :] @ slopes.T
        free = np.arange(self.terms) != self.index
        start[..., : self.terms][..., free] = levels[..., free]
        found = np.stack([start] * self.terms)
        for gone in np.flatnonzero(free):
            found[gone, ..., gone] -= _FAR
        return found

    def ends(self, room: float) -> np.ndarray:
        """Where the profile rises above `room` for the last time, on both sides; infinite where it never does."""
        best, exponent = self.centre[self.index], self.index >= self.terms
        bounds = np.array([self.lower[self.index], self.upper[self.index]])
        reach = np.abs(bounds - best) if exponent else np.full(2, _FAR)
        steps = np.geomspace(1e-4 * np.minimum(reach, 1), reach, _COARSE, axis=1) if reach.all() else (
            reach[:, None] * np.geomspace(1e-4, 1, _COARSE))  # fmt: skip
        values = best + np.array([[-1], [1]]) * np.hstack([np.zeros((2, 1)), steps])  # both sides, outward
        fitted_ends = np.tile(self.starts[:, None, None], (1, *values.shape, 1))
        above, points = self.excess(values, np.concatenate([fitted_ends, self.vanishing(values)]))
        near = [points, np.roll(points, 1, axis=1), np.roll(points, -1, axis=1)]
        above, points = self.excess(values, np.stack(near))  # and from the neighbours' minima
        never = above[:, -1] <= room
        for turn in range(_ROUNDS + 1):
            if turn:
                values = np.linspace(values[:, 0], values[:, -1], _FINE, axis=1)
                tiled = np.repeat(points[:, :, None], _FINE, axis=2)  # from the minima at both ends
                starts = np.concatenate([np.moveaxis(tiled, 1, 0), self.vanishing(values)])
                above, points = self.excess(values, starts)
            above[:, 0] = -np.inf  # the last that was inside
            last = np.array([np.flatnonzero(row[:-1] <= room)[-1] for row in above])
            pick = np.arange(2)[:, None], last[:, None] + np.arange(2)
            values, points = values[pick], points[pick]
        return np.where(never, [-np.inf, np.inf], values[:, 1])
