"""Every formula as a function: float64 against 50 digits over all orders of magnitude, and what is refused."""

from __future__ import annotations

import inspect
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from genbound import formulas as f
from genbound.errors import DomainError
from genbound.formulas.callables import FORMULAS, formula
from genbound.formulas.float64 import CANCELLATION
from genbound.symbols import QUANTITIES, symbol

mpf = mpmath.mpf
DIGITS = 50
TRIALS = 60
WHOLE = ("n", "m_sampled", "V", "s_grid_size", "training_tokens", "dimension", "active", "draws")
EXPONENTS = ("exponent", "bits", "width")
"""Symbols whose size is that of an exponent: up to 3."""


def drawn(name: str, rng: np.random.Generator) -> float:
    """A value inside the domain of the symbol, over many orders of magnitude."""
    low, high = (float(sp.sympify(each)) for each in (QUANTITIES[name].lower, QUANTITIES[name].upper))
    if name in WHOLE:
        return math.ceil(low) + math.floor(10.0 ** rng.uniform(0, 3))
    if any(word in name for word in EXPONENTS):
        return min(max(low, 0.0) + 3 * rng.random(), high)
    size = 10.0 ** rng.uniform(-12, 3)
    if name == "u":
        return 1.0 + size
    if math.isinf(low) or math.isinf(high):
        if math.isinf(low) and math.isinf(high):
            return float(min(size, 30.0) * rng.choice([-1.0, 1.0]))
        return low + size if math.isinf(high) else high - size
    near = min(10.0 ** rng.uniform(-12, 0), 0.999)
    return low + (high - low) * (near if rng.random() < 0.5 else rng.random())


def magnitude_of(expression: sp.Expr) -> sp.Expr:
    """The formula with every term of every sum made positive: what its rounding errors are measured by."""
    if isinstance(expression, sp.Add | sp.Mul):
        return expression.func(*(magnitude_of(each) for each in expression.args))
    return sp.Abs(expression)


@pytest.mark.parametrize("name", FORMULAS)
def test_float64_against_fifty_digits(name: str) -> None:
    """Relative 1e-9, or a few ulps of the largest term where the terms cancel."""
    expression = FORMULAS[name]
    names = sorted(each.name for each in expression.free_symbols)
    scale = formula(magnitude_of(expression), "mpmath")
    used = inspect.signature(scale).parameters
    fast, slow = formula(name), formula(name, "mpmath")
    rng, compared = np.random.default_rng(len(name)), 0
    with mpmath.workdps(DIGITS):
        for _ in range(TRIALS):
            at = {each: drawn(each, rng) for each in names}
            try:
                exact, value = slow(**at), fast(**at)
            except DomainError:  # outside the domain of the formula, such as u < 1 in kl_inverse
                continue
            if not 1e-290 < abs(exact) < 1e290:
                continue
            error = abs(mpf(float(value)) - exact)
            if error > mpf(1e-9) * abs(exact):
                largest = scale(**{x: at[x] for x in used})
                assert error <= mpf(CANCELLATION) * largest, (at, float(value), exact)
            compared += 1
    assert compared >= TRIALS // 5, compared


@pytest.mark.parametrize("name", ["v", "psi", "phi"])
def test_no_digits_are_lost_near_zero(name: str) -> None:
    places = np.concatenate([sign * np.geomspace(1e-150, 0.9, 400) for sign in (1.0, -1.0)])
    values = formula(name)(x=places)
    with mpmath.workdps(400):
        for x, value in zip(places, values, strict=True):
            exact = formula(name, "mpmath")(x=float(x))
            assert abs(mpf(float(value)) - exact) <= mpf(2e-15) * exact


def test_arrays_broadcast() -> None:
    got = formula("azuma_hoeffding")(C=np.array([[0.1], [0.2]]), Delta=16.0, mean_loss=[1.0, 2.0, 3.0])
    assert got.shape == (2, 3)
    assert got[1, 2] == pytest.approx(3 + 16 * math.sqrt(0.1))
    assert formula(sp.Integer(2) * symbol("C"))(C=[1.0, 2.0]).tolist() == [2.0, 4.0]


def test_the_signature_and_the_docstring_say_what_is_needed() -> None:
    compute = formula("smoothing_trade", "mpmath")
    assert list(inspect.signature(compute).parameters) == ["C", "alpha"]
    assert compute.__name__ == "smoothing_trade"
    assert compute.__doc__ is not None
    assert "smoothing weight; 0 <= alpha <= 1, none." in compute.__doc__
    assert compute is formula("smoothing_trade", "mpmath")


@pytest.mark.parametrize("backend", ["numpy", "mpmath"])
@pytest.mark.parametrize(("values", "message"), [
    ({"C": -1.0, "alpha": 0.5}, "C=-1.0: need 0 <= C <= oo"),
    ({"C": math.nan, "alpha": 0.5}, "C=nan"),
    ({"C": math.inf, "alpha": 0.5}, "C=inf"),
    ({"C": 1.0, "alpha": 1.5}, "alpha=1.5: need 0 <= alpha <= 1 \\(smoothing weight\\)"),
])  # fmt: skip
def test_what_is_outside_is_refused_by_name(backend: Any, values: dict[str, float], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        formula("smoothing_trade", backend)(**values)


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(DomainError, match="formula='azuma'"):
        formula("azuma")
    with pytest.raises(DomainError, match="backend='torch'"):
        formula("floor", "torch")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="name='t'"):
        formula(sp.Symbol("t"))
    with pytest.raises(TypeError, match="missing a required argument: 'alpha'"):
        formula("smoothing_trade")(C=1.0)
    for backend in ("numpy", "mpmath"):
        with pytest.raises(DomainError, match="kl_inverse: not a real number"):
            formula("kl_inverse", backend)(C=1.0, p=0.5, u=0.5)


def test_fractions_enter_exactly() -> None:
    with mpmath.workdps(DIGITS):
        assert formula("v", "mpmath")(x=Fraction(1, 3)) == mpf(1) / 3 - mpmath.log(1 + mpf(1) / 3)


def test_every_public_formula_is_there() -> None:
    made = {name for name in f.__all__ if name != "evaluate"}
    assert made <= set(FORMULAS)
    assert len(FORMULAS) >= 50
