"""Refits of a law on resampled data, all in one batch from warm starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sklearn.base import clone

from genbound.errors import DataError, domain_error
from genbound.scaling.estimator import LogSumExpLaw, Problem
from genbound.scaling.minimize import refit
from genbound.scaling.objective import Data

_TRIES = 100


@dataclass(frozen=True)
class Fitted:
    """A law, the fit of it, and the units that are resampled: samples, or groups of them."""

    law: LogSumExpLaw
    problem: Problem
    units: np.ndarray  # (n,) index of the unit of each sample
    sizes: np.ndarray  # (n,) index of the size (row of X) of each sample
    grouped: bool

    @property
    def unit_count(self) -> int:
        """How many units there are."""
        return int(self.units.max()) + 1

    def points(self, counts: np.ndarray) -> np.ndarray:
        """The parameters refitted with unit u taken counts[b, u] times, shape (B, P)."""
        data = self.problem.data
        weighted = Data(data.log_y, data.weights * counts[:, self.units], data.delta)
        bounds = self.problem.lower, self.problem.upper
        return refit(self.problem.design, weighted, self.law._ends_, *bounds).points

    def left_out(self) -> np.ndarray:
        """Counts that leave each unit out once, shape (units, units)."""
        return 1.0 - np.eye(self.unit_count)

    def resamples(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Counts of n bootstrap samples of the units; those with too few different sizes are drawn again."""
        total, needed = self.unit_count, self.problem.design.parameters
        table = np.zeros((total, int(self.sizes.max()) + 1))
        table[self.units, self.sizes] = 1
        kept = np.empty((0, total))
        for _ in range(_TRIES):
            counts = rng.multinomial(total, np.full(total, 1 / total), n).astype(float)
            kept = np.concatenate([kept, counts[((counts @ table) > 0).sum(axis=1) >= needed]])
            if len(kept) >= n:
                return kept[:n]
        raise DataError(f"{total} units to resample: almost no resample has {needed} different sizes")


def fitted(estimator: LogSumExpLaw, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Fitted:
    """A fit of a clone of the estimator; the one that is given stays as it is."""
    law = cast(LogSumExpLaw, clone(estimator)).fit(X, y, sample_weight)
    log_x, log_y, weights = law._samples(X, y, sample_weight)
    problem = law._problem(law._layout_, log_x, log_y, weights, law._centre_)
    sizes = np.unique(log_x, axis=0, return_inverse=True)[1].reshape(-1)
    units = np.arange(len(log_y))
    if groups is not None:
        labels = np.asarray(groups)
        if labels.shape != np.shape(y):
            raise DataError(f"groups: shape {labels.shape}: need one label for each of {np.size(y)} samples")
        kept = np.ones(len(labels), bool) if sample_weight is None else np.asarray(sample_weight) > 0
        units = np.unique(labels[kept], return_inverse=True)[1]
        if not units.any():
            raise DataError("groups: all samples are in one, need at least 2 to resample")
    return Fitted(law, problem, units, sizes, groups is not None)


def checked_level(level: float) -> float:
    """The level, in (0, 1)."""
    if not 0 < level < 1:
        raise domain_error("level", level, "0 < level < 1", "coverage that is asked for")
    return level


def degrees_of_freedom(fit: Fitted) -> float:
    """Sum of the weights (or number of groups, where they are given) less P; DataError when none are left."""
    count, parameters = float(fit.problem.data.weights.sum()), fit.problem.design.parameters
    if fit.grouped:
        count = fit.unit_count
    if not count > parameters:
        raise DataError(f"{count:g} samples or groups, need more than the {parameters} parameters")
    return count - parameters
