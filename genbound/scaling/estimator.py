"""What every law shares: how its terms become a design, how it is fitted, and what it tells afterwards."""

from __future__ import annotations

import warnings
from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from genbound.errors import DataError, DomainError, domain_error
from genbound.scaling.minimize import DEPTH, Optimum, search
from genbound.scaling.objective import Data, Layout, Problem, noise_scale

NOTHING = 1e-9
"""A term that is nowhere a larger share of the prediction has amplitude 0."""


class LogSumExpLaw(RegressorMixin, BaseEstimator):
    """Base of the laws: a sum of powers fitted to log y by a Huber loss, over many starts.

    Subclasses give `_layout` and `_describe`. Their parameters `delta` (corner of the Huber loss, in log y),
    `exponent_bounds` (where exponents are sought) and `starts` (how many starts are polished) are used here.
    """

    delta: float
    exponent_bounds: tuple[float, float]
    starts: int
    _layout_: Layout
    _point_: np.ndarray
    _ends_: np.ndarray
    parameters_: dict[str, float]
    scale_: float

    def _layout(self) -> Layout:
        raise NotImplementedError

    def _describe(self) -> None:
        """Set the attributes with the field's names from `parameters_`."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the law.

        Args:
            X: sizes, shape (n_samples, columns of the law), finite and > 0.
            y: what is predicted (nats per token, or any positive unit), shape (n_samples,), finite and > 0.
            sample_weight: w_i >= 0, shape (n_samples,); a weight of 2 is the sample twice. (Only ratios matter to the
                fit; intervals count the sum of the weights as the number of samples.)

        Returns:
            self, with `parameters_` (name -> value), `objective_` (f at the optimum, the sum over samples), `scale_`
            (robust standard deviation of log y around the law), `starts_polished_`, `starts_agreeing_` (how many of
            them ended within 1e-9 relative of the best; ConvergenceWarning when fewer than 3 did). With noise far
            above delta and few samples f can be flat at its minimum: the law is then any of its minima.

        Raises:
            DataError, DomainError: both are ValueError; what is wrong is named.
        """
        layout = self._layout()
        self._check_settings()
        log_x, log_y, weights = self._samples(X, y, sample_weight, reset=True)
        self._log_x_, self._centre_ = log_x, np.average(log_x, axis=0, weights=weights)
        problem = self._problem(layout, log_x, log_y, weights, self._centre_)
        grids = [_exponent_grid(*self.exponent_bounds, len(layout.exponents))] * len(layout.exponents)
        found = search(problem.design, problem.data, grids, problem.lower, problem.upper, self.starts,
                       layout.increasing)  # fmt: skip
        self._finish(layout, problem, found)
        return self

    def _check_settings(self) -> None:
        if not 0 < self.delta < np.inf:
            raise domain_error("delta", self.delta, "0 < delta < oo", "corner of the Huber loss, in log y")
        low, high = self.exponent_bounds
        if not -np.inf < low < high < np.inf:
            raise domain_error(
                "exponent_bounds", self.exponent_bounds, "finite low < high", "where exponents are sought"
            )
        if self.starts < 1:
            raise domain_error("starts", self.starts, "starts >= 1", "starts that are polished")

    def _samples(self, X: Any, y: Any, sample_weight: Any, reset: bool = False) -> tuple[np.ndarray, ...]:
        """log x, log y and the weights of the samples that have any."""
        X, y = self._checked(X, y, reset)
        try:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        except ValueError as error:
            raise _one_line(error) from error
        needed, kept = len(self._layout().names), weights > 0
        if len(different := np.unique(X[kept], axis=0)) < needed:
            raise DataError(f"n_samples={kept.sum()} at {len(different)} different sizes: need at least {needed}, "
                            "one per parameter of the law")  # fmt: skip
        return np.log(self._sizes(X))[kept], np.log(y[kept]), weights[kept]

    def _problem(self, layout: Layout, log_x: np.ndarray, log_y: np.ndarray, weights: np.ndarray,
                 centre: np.ndarray) -> Problem:  # fmt: skip
        """The minimisation behind a fit; amplitudes are sought within e^-40..e^40 of y at the centre."""
        low, high = self.exponent_bounds
        amplitudes, free = len(layout.terms), len(layout.exponents)
        lower = np.r_[np.full(amplitudes, log_y.min() - DEPTH), np.full(free, low)]
        upper = np.r_[np.full(amplitudes, log_y.max() + DEPTH), np.full(free, high)]
        return Problem(layout.design(log_x, centre), Data(log_y, weights, self.delta), lower, upper)

    def _finish(self, layout: Layout, problem: Problem, found: Optimum) -> None:
        best = found.points[0]
        if layout.increasing:
            best = _sorted(best, len(layout.terms), len(layout.exponents))
        residuals = problem.data.log_y - problem.design.predict(best[None])[0][0]
        self._layout_, self._point_ = layout, best
        self._ends_ = _distinct(found)
        self.objective_ = float(found.values[0])
        self.starts_polished_, self.starts_agreeing_ = len(found.values), found.agreeing
        self.scale_ = noise_scale(residuals, problem.data.weights, len(layout.names))
        self.parameters_ = {name: float(value[0]) for name, value in self._named(best[None]).items()}
        self._describe()
        if found.agreeing < min(3, len(found.values)):
            few = f"{found.agreeing} of {len(found.values)} starts reached the best objective"
            warnings.warn(f"{few}: raise starts={self.starts}", ConvergenceWarning, stacklevel=3)

    def _named(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Amplitudes at x = 1 and exponents, by name, of parameter vectors (S, P)."""
        layout, terms = self._layout_, len(self._layout_.terms)
        shares = layout.design(self._log_x_, self._centre_).predict(points)[1].max(axis=2)
        values = np.where(shares.T > NOTHING, np.exp(np.minimum(self._at_one(points), 700)), 0.0)
        return dict(zip(layout.names, np.hstack([values, points[:, terms:]]).T, strict=True))

    def _at_one(self, points: np.ndarray) -> np.ndarray:
        """Log-amplitudes at x = 1, shape (S, J)."""
        one = self._layout_.design(np.zeros((1, len(self._layout_.columns))), self._centre_)
        return (points @ one.slopes.swapaxes(1, 2) + one.offsets[:, None, :])[:, :, 0].T

    def _with(self, point: np.ndarray) -> Self:
        """This fitted law with other parameters."""
        law = copy(self)
        law._point_ = point
        law.parameters_ = {name: float(value[0]) for name, value in self._named(point[None]).items()}
        law._describe()
        return law

    def predict(self, X: Any) -> np.ndarray:
        """The law at each row of X, shape (n_samples,), in the unit of y."""
        check_is_fitted(self)
        return np.exp(self._log_predictions(X, self._point_[None])[0])

    def _log_predictions(self, X: Any, points: np.ndarray) -> np.ndarray:
        """log of the law at each row of X for each of several parameter vectors, shape (S, n_samples)."""
        sizes = self._sizes(self._checked(X))
        return self._layout_.design(np.log(sizes), self._centre_).predict(points)[0]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R^2 of log y: the scale that is fitted. (scikit-learn's default is R^2 of y.)"""
        check_is_fitted(self)
        _, positive = self._checked(X, y)
        return float(r2_score(np.log(positive), np.log(self.predict(X)), sample_weight=sample_weight))

    def _checked(self, X: Any, y: Any = "no_validation", reset: bool = False) -> Any:
        """X (and y) as scikit-learn checks them, none negative; its complaints become DataError, in one line."""
        numeric = {} if isinstance(y, str) else {"y_numeric": True}
        try:
            checked: Any = validate_data(self, X, y, reset=reset, dtype=np.float64, **numeric)
        except ValueError as error:
            raise _one_line(error) from error
        for symbol, values in zip("Xy", checked if numeric else (checked,), strict=False):
            if (values < 0).any():
                raise DomainError(f"Negative values in data passed to {type(self).__name__}: {symbol} holds sizes")
            if symbol == "y" and not (values > 0).all():
                raise domain_error("y", 0.0, "every entry > 0", "its logarithm is taken")
        return checked

    def _sizes(self, X: np.ndarray) -> np.ndarray:
        """The columns of the law, every entry > 0."""
        columns = self._layout().columns
        if X.shape[1] != len(columns):
            raise DataError(f"X: n_features={X.shape[1]}: need {len(columns)} ({', '.join(columns)})")
        if not (X > 0).all():
            raise domain_error("X", 0.0, "every entry > 0", "its logarithm is taken")
        return X

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.positive_only = True
        tags.regressor_tags.poor_score = True  # on the linear data of scikit-learn's checks: a law has one shape
        return tags


def _one_line(error: ValueError) -> DataError:
    return DataError(" ".join(str(error).split()))


def _exponent_grid(low: float, high: float, free: int) -> np.ndarray:
    """Points between the bounds, denser near 0, where a power and a constant are hard to tell apart."""
    count = {1: 41, 2: 13}.get(free, 7)
    roots = np.linspace(np.sign(low) * np.sqrt(abs(low)), np.sign(high) * np.sqrt(abs(high)), count + 2)[1:-1]
    grid = roots * np.abs(roots)
    return np.where(np.abs(grid) < 1e-3, 1e-3, grid)


def _sorted(point: np.ndarray, amplitudes: int, free: int) -> np.ndarray:
    """The same law with its last `free` terms in order of their exponents."""
    order = np.argsort(point[amplitudes:])
    first = amplitudes - free
    return np.r_[point[:first], point[first:amplitudes][order], point[amplitudes:][order]]


def _distinct(found: Optimum) -> np.ndarray:
    """The best point and up to two other local minima, shape (<= 3, P): warm starts for resampled data."""
    kept = [0]
    for k in range(1, len(found.values)):
        if found.values[k] > found.values[kept[-1]] * (1 + 1e-4) and len(kept) < 3:
            kept.append(k)
    return found.points[kept]
