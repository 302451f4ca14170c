"""Power-law spectra: every chain is verified, and the formulas agree with sums and matrices by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from flint import arb

from genbound import formulas as f
from genbound.certified import precision
from genbound.derivations import DERIVATIONS, Derivation
from genbound.derivations.themes import spectra, water_filling
from genbound.formulas import evaluate
from genbound.symbols import symbols

n, p, k = symbols("dimension spectral_exponent active")
CHAINS = {each.claim: each for each in (*spectra.CHAINS, *water_filling.CHAINS)}
SQUEEZED = [name for name in CHAINS if f"{name}_below" in CHAINS]
EXPONENTS = {(0, 1): (0.3, 0.9), (1, 2): (1.2, 1.8), (2, sp.oo): (2.5, 4.0), (1, sp.oo): (1.5, 3.0)}


def exponents(chain: Derivation) -> tuple[float, ...]:
    """Some exponents of the case that a chain treats."""
    return EXPONENTS[chain.where[p]] if p in chain.where else (0.5, 1.0, 3.0)


def value(expression: sp.Expr, size: int, exponent: float) -> arb:
    names = {"dimension": size, "active": size, "spectral_exponent": exponent}
    with precision():
        return evaluate(expression, {x.name: names[x.name] for x in expression.free_symbols})


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_is_verified(name: str) -> None:
    chain = CHAINS[name]
    assert DERIVATIONS[name] is chain
    first, last = chain.verified()
    assert first == chain.start
    if chain.formula:
        assert last == getattr(f, chain.formula)()
    assert chain.title


def test_every_case_is_there() -> None:
    ratio = [each.where.get(p) for each in spectra.TRACE_RATIO]
    assert ratio == [(0, 1), None, (1, 2), None, (2, sp.oo)]
    assert [each.where.get(p) for each in spectra.HIGH_RATE] == [(0, 1), None, (1, sp.oo)]
    assert all(CHAINS[name].relation == "~" for name in SQUEEZED)
    assert len(SQUEEZED) == 11
    assert CHAINS["trace_ratio_flat"].relation == "=="


@pytest.mark.parametrize("name", SQUEEZED)
def test_both_bounds_hold_at_every_size(name: str) -> None:
    below, above = (CHAINS[f"{name}_{side}"] for side in ("below", "above"))
    for exponent in exponents(below):
        for size in (1, 2, 3, 10, 1000):
            low, true, high = (value(each, size, exponent) for each in (below.last, below.start, above.last))
            assert low <= true or low.overlaps(true)
            assert true <= high or true.overlaps(high)


@pytest.mark.parametrize("name", SQUEEZED)
def test_the_leading_term_is_approached(name: str) -> None:
    """The two bounds close in on it; slowly where the exponent is near the end of its case, or with logarithms."""
    below, above, law = CHAINS[f"{name}_below"], CHAINS[f"{name}_above"], CHAINS[name]
    for exponent in exponents(below):
        gaps = []
        for size in (10**3, 10**9, 10**18):
            ends = [
                float(value(each.last, size, exponent) / value(law.last, size, exponent)) for each in (below, above)
            ]
            gaps.append(max(abs(each - 1) for each in ends))
        assert gaps == sorted(gaps, reverse=True) or max(gaps) < 1e-12
        assert gaps[-1] < 0.1


def test_the_ratio_at_a_million_directions() -> None:
    """Digits by direct summation, n = 10^6."""
    i = np.arange(1, 10**6 + 1, dtype=float)
    for exponent, law in ((0.2, f.trace_ratio_slow()), (1.5, f.trace_ratio_middle()), (5.0, f.trace_ratio_fast())):
        direct = np.sum(i ** (-exponent / 2)) ** 2 / (1e6 * np.sum(i**-exponent))
        assert direct == pytest.approx(float(value(law, 10**6, exponent)), rel=0.1)
    assert float(value(f.trace_ratio(sp.Integer(0)), 1000, 0.0)) == 1


def test_rounding_by_quadrature() -> None:
    """The mean of tr(E H E^T) over a grid of errors, two weights, one row."""
    hessian = np.array([[2.0, 0.7], [0.7, 1.0]])
    errors = (np.arange(2000) + 0.5) / 2000 - 0.5
    mean = errors.mean()
    square = (errors**2).mean()
    direct = hessian[0, 0] * square + hessian[1, 1] * square + 2 * hessian[0, 1] * mean**2
    with precision():
        formula = evaluate(f.nearest_rounding(), {"rows": 1, "grid_step": 1, "hessian_trace": 3})
        start = evaluate(spectra.NEAREST_ROUNDING.start, {"rows": 1, "grid_step": 1, "hessian_trace": 3,
                                                          "hessian_rest": sp.Rational(7, 5).p / 5})  # fmt: skip
    assert direct == pytest.approx(float(formula), rel=1e-6)
    assert start.overlaps(formula)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 3.0])
def test_ldlq_lies_between_the_high_rate_limit_and_the_bound(exponent: float) -> None:
    """tr(D) of the LDL factor of a randomly rotated Hessian."""
    size = 48
    eigenvalues = np.arange(1, size + 1) ** -exponent
    rotation, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(size, size)))
    hessian = (rotation * eigenvalues) @ rotation.T
    factor = np.linalg.cholesky(hessian[::-1, ::-1])  # (U + I) D (U + I)^T from the last index on
    ratio = float(np.sum(np.diag(factor) ** 2) / np.trace(hessian))
    incoherence = math.sqrt(size) * np.max(np.abs(rotation))
    limit, root = (float(value(each(), size, exponent)) for each in (f.geometric_mean_ratio, f.trace_ratio))
    assert limit < ratio < incoherence**2 * root


def filled(level: float, exponent: float, size: int) -> tuple[float, float]:
    """Bits and error of reverse water-filling."""
    eigenvalues = np.arange(1, size + 1, dtype=float) ** -exponent
    return float(np.sum(np.maximum(0, np.log2(eigenvalues / level) / 2))), float(np.sum(np.minimum(level, eigenvalues)))


@pytest.mark.parametrize("exponent", [1.5, 2.0, 4.0])
def test_water_filling_by_brute_force(exponent: float) -> None:
    size = 10**6
    for active in (1, 7, 300):
        bits, error = filled(active**-exponent, exponent, size)
        rest = size ** (1 - exponent) / (exponent - 1)  # what lies beyond n directions
        assert bits == pytest.approx(float(value(f.water_filling_bits(), active, exponent)), abs=1e-9)
        assert error + rest == pytest.approx(float(value(f.water_filling_distortion(), active, exponent)), rel=1e-5)
    law = float(value(f.water_filling_law(), 300, exponent))
    assert error + rest == pytest.approx(law, rel=0.05)


def test_every_direction_is_active_from_the_rate_on() -> None:
    size, exponent = 200, 1.5
    threshold = float(value(f.active_rate(), size, exponent))
    assert threshold < exponent / (2 * math.log(2))
    for rate, active in ((threshold * 1.01, True), (threshold * 0.99, False)):
        with precision():
            level = evaluate(
                f.water_level(), {"dimension": size, "spectral_exponent": exponent, "direction_bits": rate}
            )
        assert (float(level) <= size**-exponent) is active
    bits, error = filled(float(level) / 4, exponent, size)
    assert bits == pytest.approx(size * (threshold * 0.99 + 1), rel=1e-9)
    assert error == pytest.approx(size * float(level) / 4, rel=1e-9)
