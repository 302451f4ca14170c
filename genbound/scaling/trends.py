"""Trends over sizes, with the classical intervals: one size is one observation, however many seeds it has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from genbound.errors import DataError
from genbound.scaling.resampling import checked_level
from genbound.scaling.results import Interval


def size_means(x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The different x in increasing order, and the geometric mean of y at each.

    Raises:
        DataError: other shapes than (n,) and (n,); a value that is not positive and finite.

    >>> size_means([10, 20, 10], [1.0, 5.0, 4.0])
    (array([10., 20.]), array([2., 5.]))
    """
    sizes, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if sizes.ndim != 1 or sizes.shape != values.shape:
        raise DataError(f"x of shape {sizes.shape} and y of shape {values.shape}: need (n,) and (n,)")
    if not (np.isfinite(sizes) & (sizes > 0) & np.isfinite(values) & (values > 0)).all():
        raise DataError("x and y: need positive finite numbers (their logarithms are fitted)")
    levels = np.unique(sizes)
    return levels, np.exp([np.log(values[sizes == level]).mean() for level in levels])


def slope(x: Any, y: Any, level: float = 0.95, *, name: str = "slope") -> Interval:
    """The slope of ln y on ln x by least squares over the size means, and its Student interval with k - 2 degrees.

    Exact for a power law with independent normal deviations of one variance at the k sizes; what is no power law has
    only an average exponent over the range, and `curvature` tells. Seeds of a size are averaged first: what they share
    (the shape of the network, the prefix of the stream) would otherwise be counted once per seed.

    Args:
        x: sizes, shape (n,), > 0.
        y: the quantity, shape (n,), > 0.

    Raises:
        DataError: as `size_means`; fewer than 3 different sizes.

    >>> import numpy as np
    >>> x = np.geomspace(1e4, 1e6, 8)
    >>> found = slope(x, 3 * x**-0.25)
    >>> round(found.estimate, 12), round(found.upper - found.lower, 9)
    (-0.25, 0.0)
    """
    level = checked_level(level)
    sizes, means = size_means(x, y)
    if len(sizes) < 3:
        raise DataError(f"{len(sizes)} different sizes: need 3 for a slope and its interval")
    away = np.log(sizes) - np.log(sizes).mean()
    spread = float(away @ away)
    estimate = float(away @ np.log(means)) / spread
    residuals = np.log(means) - np.log(means).mean() - estimate * away
    free = len(sizes) - 2
    half = float(student.ppf((1 + level) / 2, free)) * math.sqrt(float(residuals @ residuals) / free / spread)
    return Interval(name, estimate, estimate - half, estimate + half, level, f"least squares over sizes, t({free})")


def curvature(x: Any, y: Any, level: float = 0.95) -> Interval:
    """The coefficient of (ln x)^2 in a least-squares parabola of ln y, and its Student interval with k - 3 degrees.

    Clear of zero, ln y bends: below zero it falls faster (or rises slower) at the larger sizes, and the slope over the
    whole range is an average.

    Raises:
        DataError: as `size_means`; fewer than 4 different sizes.

    >>> import numpy as np
    >>> x = np.geomspace(1e4, 1e6, 8)
    >>> round(curvature(x, np.exp(-0.1 * np.log(x) ** 2)).estimate, 9)
    -0.1
    """
    level = checked_level(level)
    sizes, means = size_means(x, y)
    if len(sizes) < 4:
        raise DataError(f"{len(sizes)} different sizes: need 4 for a curvature and its interval")
    away = np.log(sizes) - np.log(sizes).mean()
    design = np.stack([np.ones_like(away), away, away**2], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    fitted = inverse @ design.T @ np.log(means)
    residuals, free = np.log(means) - design @ fitted, len(sizes) - 3
    half = float(student.ppf((1 + level) / 2, free)) * math.sqrt(float(residuals @ residuals) / free * inverse[2, 2])
    estimate = float(fitted[2])
    return Interval("curvature", estimate, estimate - half, estimate + half, level, f"least squares, t({free})")


def typical(x: Any, y: Any, level: float = 0.95, *, name: str = "geometric mean") -> Interval:
    """The geometric mean of y over the sizes and its Student interval, one size one observation.

    Raises:
        DataError: as `size_means`; fewer than 2 different sizes.

    >>> print(typical([1, 2, 3, 4], [2.0, 2.0, 2.0, 2.0]))
    geometric mean = 2 [2, 2] (95%, sizes, t(3))
    """
    level = checked_level(level)
    sizes, means = size_means(x, y)
    if len(sizes) < 2:
        raise DataError(f"{len(sizes)} different sizes: need 2 for a mean and its interval")
    logs, free = np.log(means), len(sizes) - 1
    half = float(student.ppf((1 + level) / 2, free)) * float(logs.std(ddof=1)) / math.sqrt(len(sizes))
    estimate, lower, upper = np.exp(logs.mean() + half * np.array([0, -1, 1])).tolist()
    return Interval(name, estimate, lower, upper, level, f"sizes, t({free})")


def difference(first: Interval, second: Interval, *, name: str = "difference") -> Interval:
    """first - second: the hull of what both intervals allow, whatever their dependence.

    Two intervals of level 1 - a each give one of level 1 - 2 a.

    >>> print(difference(Interval("a", 3, 2, 4, 0.975, ""), Interval("b", 1, 0.5, 1.5, 0.975, "")))
    difference = 2 [0.5, 3.5] (95%, of two intervals)
    """
    level = round(first.level + second.level - 1, 12)
    return Interval(name, first.estimate - second.estimate, first.lower - second.upper, first.upper - second.lower,
                    level, "of two intervals")  # fmt: skip
