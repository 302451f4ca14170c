"""The alphabet and the formulas: each name once, each number against mpmath."""

from __future__ import annotations

import inspect
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy as sp

from genbound import formulas
from genbound.certified import precision
from genbound.errors import DomainError
from genbound.formulas.callables import FORMULAS, formula
from genbound.symbols import _TABLE, QUANTITIES, quantity, symbol, tex

BELOW_ZERO = [name for name, each in QUANTITIES.items() if each.upper == "0"]
WHOLE = ("n", "V", "m_sampled", "training_tokens", "dimension", "active", "rows")


def test_every_symbol_stands_once() -> None:
    assert len(_TABLE) == len(QUANTITIES)
    assert len({each.tex for each in _TABLE}) >= len(_TABLE) - 1  # m is a conditional mean and a sample size
    for each in _TABLE:
        assert each.unit, each.name
        assert each.meaning, each.name
        assert sp.sympify(each.lower) < sp.sympify(each.upper), each.name


@pytest.mark.parametrize(
    ("one", "other"),
    [("bit_width", "data_exponent"), ("B", "data_coefficient"), ("D", "training_tokens"), ("s_grid_size", "code_bits")],
)
def test_letters_with_two_meanings_have_two_names(one: str, other: str) -> None:
    assert quantity(one).symbol != quantity(other).symbol
    assert quantity(one).tex != quantity(other).tex


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(DomainError, match="name='nats'"):
        symbol("nats")


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_use_the_alphabet_only(name: str) -> None:
    free = FORMULAS[name].free_symbols
    assert free == {symbol(each.name) for each in free}
    assert tex(FORMULAS[name])


@pytest.mark.parametrize("name", FORMULAS)
def test_evaluation_contains_the_value_at_60_digits(name: str) -> None:
    """Ball arithmetic against mpmath's own evaluation of the same formula, at exact floats."""
    compute = formula(name, "mpmath")
    names = list(inspect.signature(compute).parameters)
    rng, seen = np.random.default_rng(11), 0
    for _ in range(20):
        drawn = {each: float(rng.uniform(0.05, 0.9)) for each in names}
        drawn |= {each: float(rng.integers(200, 900)) for each in WHOLE if each in drawn}
        drawn |= {each: 1 + value for each, value in drawn.items() if each in ("u", "draws") or "spectral" in each}
        drawn |= {each: -value for each, value in drawn.items() if each in BELOW_ZERO}
        with mpmath.workdps(60), precision(256):
            try:
                exact = compute(**drawn)
            except DomainError:  # outside the domain of the formula
                continue
            ball = formulas.evaluate(FORMULAS[name], drawn)
            assert ball.is_finite()
            assert abs(mpmath.mpf(ball.mid().str(70, radius=False)) - exact) < mpmath.mpf(10) ** -50 * (1 + abs(exact))
            seen += 1
    assert seen >= 5


def test_evaluation_refuses_what_it_does_not_know() -> None:
    with pytest.raises(DomainError, match="C=None"):
        formulas.evaluate(formulas.smoothing_price(), {})
    with pytest.raises(DomainError, match="Max or Min"):
        formulas.evaluate(sp.sin(symbol("x")), {"x": 1})


def test_evaluation_of_extremes() -> None:
    x = symbol("x")
    with precision():
        assert formulas.evaluate(sp.Max(x, -x, sp.Rational(1, 3)), {"x": -2}) == 2
        assert formulas.evaluate(x ** sp.Rational(3, 2), {"x": 0}).is_zero()
        assert not formulas.evaluate(sp.log(x), {"x": -1}).is_finite()
        assert formulas.evaluate(sp.Float(0.1), {}).is_exact()


def test_importing_genbound_does_not_import_sympy() -> None:
    code = "import sys, genbound, genbound.claims.shelves.lemmas, genbound.claims.shelves.smoothing\n"
    code += "sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
