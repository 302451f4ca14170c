"""Which law, and does it predict: criteria of fit, errors on what was left out, tests of offset and exponent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genbound.errors import DataError, domain_error
from genbound.scaling.estimator import LogSumExpLaw
from genbound.scaling.intervals import extrapolate
from genbound.scaling.objective import quasi_likelihood
from genbound.scaling.profiles import profile
from genbound.scaling.resampling import fitted
from genbound.scaling.results import Interval, Intervals


@dataclass(frozen=True)
class Row:
    """One law of a comparison.

    Attributes:
        parameters: P.
        objective: f at the optimum.
        criterion: 2 f E psi'/E psi^2 + 2 P + 2 P (P + 1)/(n - P - 1): smaller is better, differences count.
        left_out: mean |log y - log prediction| of each sample from the others.
        largest_out: the same for the samples of the largest size, from all smaller ones.
        exponent: the smallest fitted exponent with its profile interval; None where exponents are given.
        offset: the constant with its profile interval; None where the law has none.
    """

    name: str
    parameters: int
    objective: float
    criterion: float
    left_out: float
    largest_out: float
    exponent: Interval | None
    offset: Interval | None

    @property
    def exponent_clear_of_zero(self) -> bool | None:
        """Whether the interval of the smallest exponent leaves 0 out."""
        return None if self.exponent is None else self.exponent.clear_of_zero

    @property
    def offset_needed(self) -> bool | None:
        """Whether the interval of the constant leaves 0 out."""
        return None if self.offset is None else self.offset.clear_of_zero

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        data = {name: getattr(self, name) for name in ("name", "parameters", "objective", "criterion", "left_out",
                "largest_out", "exponent_clear_of_zero", "offset_needed")}  # fmt: skip
        for name in ("exponent", "offset"):
            interval = getattr(self, name)
            data[name] = None if interval is None else interval.to_dict()
        return data


@dataclass(frozen=True)
class Comparison:
    """Laws on the same data, in the order given."""

    rows: tuple[Row, ...]
    scale: float

    @property
    def best(self) -> Row:
        """The row with the smallest criterion."""
        return min(self.rows, key=lambda row: row.criterion)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise domain_error("name", name, f"one of {[row.name for row in self.rows]}", "law")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"scale": self.scale, "rows": [row.to_dict() for row in self.rows]}

    def __str__(self) -> str:
        width = max(len(row.name) for row in self.rows)
        lines = [f"{'law':<{width}}  P   objective  criterion   left out  largest out"]
        for row in self.rows:
            excess = row.criterion - self.best.criterion
            lines.append(f"{row.name:<{width}}  {row.parameters}  {row.objective:10.6g}  {excess:+9.3f}  "
                         f"{row.left_out:9.5f}    {row.largest_out:9.5f}")  # fmt: skip
            lines.extend(f"{'':<{width}}     {interval}" for interval in (row.exponent, row.offset) if interval)
        return "\n".join(lines)


def compare(laws: Mapping[str, LogSumExpLaw], X: Any, y: Any, *, level: float = 0.95, column: int = 0,
            sample_weight: Any = None) -> Comparison:  # fmt: skip
    """Laws on the same samples: criterion, leave-one-out and leave-largest-out errors, offset and exponent tested.

    The criterion is Ronchetti's robust AIC, with Hurvich and Tsai's correction for few samples; psi's means are those
    of normal noise with the smallest of the laws' scales, the same for all.

    Source: Ronchetti 1985; Hurvich and Tsai 1989.

    Args:
        laws: name -> estimator; clones are fitted.
        level: of the profile intervals.
        column: the column of X whose largest value is left out.

    Raises:
        DataError, DomainError: as `fit` and `profile`; no more samples than parameters + 1.

    >>> from genbound.scaling import SaturatingPowerLaw
    >>> N = np.repeat(np.geomspace(1e4, 1e6, 8), 3)[:, None]
    >>> y = (1 + 90 * N[:, 0] ** -0.5) * np.exp(0.01 * np.random.default_rng(0).normal(size=24))
    >>> laws = {"power": SaturatingPowerLaw(offset=False), "saturating": SaturatingPowerLaw()}
    >>> found = compare(laws, N, y)
    >>> found.best.name, found["saturating"].offset_needed, found["power"].exponent_clear_of_zero
    ('saturating', True, True)
    """
    if not laws:
        raise domain_error("laws", laws, "at least one", "what is compared")
    fits = {name: fitted(law, X, y, sample_weight) for name, law in laws.items()}
    scale = max(min(fit.law.scale_ for fit in fits.values()), 1e-12)
    rows = []
    for name, fit in fits.items():
        data, names = fit.problem.data, fit.law._layout_.names
        count, parameters = float(data.weights.sum()), len(names)
        if not count > parameters + 1:
            raise DataError(f"{name}: {count:g} samples, need more than {parameters + 1} to compare")
        criterion = 2 * fit.law.objective_ * quasi_likelihood(scale, fit.law.delta)
        criterion += 2 * parameters + 2 * parameters * (parameters + 1) / (count - parameters - 1)
        without = fit.points(fit.left_out())
        missed = data.log_y - np.diag(fit.problem.design.predict(without)[0])
        size = fit.law._log_x_[:, column]
        smaller = fit.points((size < size.max()).astype(float)[None])
        ahead = (data.log_y - fit.problem.design.predict(smaller)[0][0])[size == size.max()]
        exponents = fit.law._layout_.exponents
        exponent = min(exponents, key=fit.law.parameters_.__getitem__) if exponents else None
        offset = next((name for name, term in fit.law._layout_.terms.items() if not term), None)
        tested = [None if p is None else profile(fit.law, X, y, p, level, sample_weight=sample_weight)
                  for p in (exponent, offset)]  # fmt: skip
        rows.append(Row(name, parameters, fit.law.objective_, criterion,
                        float(np.average(np.abs(missed), weights=data.weights)), float(np.abs(ahead).mean()),
                        *tested))  # fmt: skip
    return Comparison(tuple(rows), scale)


@dataclass(frozen=True)
class LargestOut:
    """The largest sizes predicted from the others.

    Attributes:
        predicted: a prediction interval for each sample held out.
        observed: what was measured.
        errors: log observed - log predicted.
        units: errors in units of the prediction interval, measured on their side: within [-1, 1] is inside.
    """

    predicted: Intervals
    observed: tuple[float, ...]
    errors: tuple[float, ...]
    units: tuple[float, ...]

    @property
    def inside(self) -> bool:
        """Whether every sample held out is in its interval (each of them is with probability `level`)."""
        return all(abs(unit) <= 1 for unit in self.units)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"predicted": self.predicted.to_dict(), "observed": list(self.observed), "errors": list(self.errors),
                "units": list(self.units), "inside": self.inside}  # fmt: skip

    def __str__(self) -> str:
        rows = zip(self.predicted, self.observed, self.units, strict=True)
        return "\n".join(f"{row}: observed {seen:.6g}, {unit:+.2f} of the interval" for row, seen, unit in rows)


def leave_largest_out(estimator: LogSumExpLaw, X: Any, y: Any, n_largest: int = 1, *, column: int = 0, n: int = 999,
                      seed: int = 0, level: float = 0.95, groups: Any = None) -> LargestOut:  # fmt: skip
    """Fit the law without the n_largest largest sizes and predict them: `extrapolate`, then the errors.

    Args:
        n_largest: how many different values of X[:, column] are held out; all their samples are.
        n, seed, level, groups: as in `extrapolate`.

    Raises:
        DomainError: n_largest < 1, or no size left.

    >>> from genbound.scaling import SaturatingPowerLaw
    >>> N = np.geomspace(1e4, 1e6, 12)[:, None]
    >>> y = 8 * N[:, 0] ** -0.2 * np.exp(0.02 * np.random.default_rng(0).normal(size=12))
    >>> leave_largest_out(SaturatingPowerLaw(offset=False), N, y, n=199).inside
    True
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    sizes = np.unique(X[:, column])
    if not 1 <= n_largest < len(sizes):
        raise domain_error("n_largest", n_largest, f"1 <= n_largest < {len(sizes)} sizes", "sizes held out")
    held = X[:, column] >= sizes[-n_largest]
    kept = None if groups is None else np.asarray(groups)[~held]
    predicted = extrapolate(estimator, X[held], X[~held], y[~held], n, seed, level, groups=kept)
    errors = [float(np.log(seen / row.estimate)) for seen, row in zip(y[held], predicted, strict=True)]
    units = []
    for error, row in zip(errors, predicted, strict=True):
        side = np.log(row.upper / row.estimate) if error > 0 else np.log(row.estimate / row.lower)
        units.append(error / float(side) if side > 0 else float(np.copysign(np.inf, error)) if error else 0.0)
    return LargestOut(predicted, tuple(y[held].tolist()), tuple(errors), tuple(units))
