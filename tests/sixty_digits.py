"""What the tests of the bounds share: streams of losses, and the formulas of the theory in sixty digits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
import numpy as np
from hypothesis import strategies as st
from mpmath import mpf

import genbound as gb

B = 16.0
DIGITS = 60
CASES = ["one token", "at the ceiling", "constant", "denormal", "short"]


def case(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Losses X in [0, B] and predictable centres Y in [0, 5]."""
    rng = np.random.default_rng(23)
    if name == "one token":
        return np.array([3.25]), np.array([2.0])
    if name == "at the ceiling":
        return np.full(40, B), np.full(40, 1.0)
    if name == "constant":
        return np.full(100, 2.0), np.full(100, 2.0)
    if name == "denormal":
        return np.full(30, 5e-324), np.full(30, 5e-324)
    n = 9_000 if name == "long" else 300
    y = rng.random(n) * 5
    return np.minimum(rng.exponential(y + 0.1), B), y


def exact(values: Iterable[float]) -> list[Any]:
    return [mpf(float(value)) for value in values]


def mean(values: Iterable[float]) -> Any:
    numbers = exact(values)
    return mpmath.fsum(numbers) / len(numbers)


def geometric(values: list[Any]) -> Any:
    """GM of nonnegative mpf numbers."""
    if min(values) <= 0:
        return mpf(0)
    return mpmath.exp(mpmath.fsum(mpmath.log(value) for value in values) / len(values))


def log_mean(x: Iterable[float], y: Iterable[float], d: Any) -> Any:
    """mean ln(D + Y - X)."""
    logs = [mpmath.log(d + b - a) for a, b in zip(exact(x), exact(y), strict=True)]
    return mpmath.fsum(logs) / len(logs)


def formula(name: str, **values: Any) -> Any:
    """The formula of this name at these values of its symbols, to the working precision."""
    return gb.formula(name, "mpmath")(**values)


def shifted(x: Iterable[float], y: Iterable[float], d: Any, c: Any) -> Any:
    """`geometric_mean` at U = Y + D."""
    gm = geometric([d + b - a for a, b in zip(exact(x), exact(y), strict=True)])
    return formula("geometric_mean", C=c, G=gm, mean_bound=mean(y) + d)


def tight(value: float, golden: Any, relative: float = 1e-9, absolute: float = 5e-324) -> None:
    """Never below the golden, and within `relative` of it."""
    assert golden <= mpf(value) <= golden * (1 + mpf(relative)) + mpf(absolute), (value, golden)


pairs = st.lists(st.tuples(st.floats(0.0, B), st.floats(0.0, 10.0)), min_size=1, max_size=30)
complexities = st.one_of(st.floats(0.0, 1e-3), st.floats(1e-3, 3.0), st.just(1e6))
