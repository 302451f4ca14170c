"""Spectra of layers: planted exponents are found, and proxy losses are those of the theory."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from test_measure import V, matrix, planted
from tiny_models import build

from genbound.errors import DataError, DomainError
from genbound.lm.hessian import collect
from genbound.lm.measure import layer_spectra, layer_spectrum, power_law
from genbound.lm.measure.quantization_error import GAUSSIAN_STEP
from genbound.lm.quantize.ldlq import proxy_loss
from genbound.lm.quantize.matrices import matrices


@pytest.mark.parametrize("exponent", [0.4, 1.0, 1.7, 2.5])
@pytest.mark.parametrize("n", [32, 128, 512])
def test_planted_exponents_are_found(exponent: float, n: int) -> None:
    law = power_law(np.linalg.eigvalsh(planted(n, exponent)))
    assert law.exponent == pytest.approx(exponent, rel=1e-3)
    assert [law.ranks[0], law.ranks[1]] == [max(3, n // 32), n // 2]
    assert law.halves == pytest.approx((exponent, exponent), rel=1e-3)


def test_neither_the_head_nor_the_floor_counts() -> None:
    values = np.arange(1.0, 129) ** -1.5
    values[:2] *= 30
    values[100:] = 1e-9
    assert power_law(values).exponent == pytest.approx(1.5, rel=1e-9)
    values[20:] = 1e-9
    assert power_law(values).exponent == pytest.approx(1.5, rel=1e-9)
    assert power_law(values).ranks == (4, 20)


def test_the_halves_tell_that_it_is_no_power_law() -> None:
    halves = power_law(np.exp(-np.arange(128) / 20)).halves
    assert halves[0] is not None
    assert halves[1] is not None
    assert halves[1] > 2 * halves[0]


def test_too_few_ranks_have_no_slope() -> None:
    assert power_law([4.0, 2.0, 1.0, 1.0, 1.0, 1.0]).exponent is None
    for wrong in ([], [0.0, 0.0], [1.0, math.nan], [-1.0]):
        with pytest.raises(DataError):
            power_law(wrong)


@pytest.mark.parametrize("exponent", [0.0, 0.8, 1.5])
def test_average_losses_are_those_of_the_theory(exponent: float) -> None:
    """Many rows: nearest rounding loses (m/12) step^2 tr H, LDLQ (m/12) step^2 tr D, and that is below [QuIP]'s."""
    weights, hessian = np.random.default_rng(4).normal(size=(4000, 32)), planted(32, exponent)
    found = layer_spectrum(matrix(weights), hessian, bits=4)
    spread = (GAUSSIAN_STEP[4] ** 2) * np.mean(np.square(weights), axis=1).sum() / 12
    assert found.nearest_predicted == pytest.approx(spread * np.trace(hessian), rel=1e-9)
    assert found.nearest_measured == pytest.approx(found.nearest_predicted, rel=0.03)
    assert found.proxy_measured == pytest.approx(found.proxy_feedback, rel=0.03)
    assert found.proxy_feedback <= found.incoherence_rotated**2 * found.proxy_predicted * (1 + 1e-9)
    assert found.ratio == found.proxy_measured / found.proxy_predicted
    assert found.proxy_whole == pytest.approx(proxy_loss(weights, np.zeros_like(weights), hessian))


def test_a_hessian_by_hand() -> None:
    weights = np.array([[1.0, -1.0, 2.0, 0.5]])
    found = layer_spectrum(matrix(weights), np.diag([9.0, 4.0, 1.0, 0.0]))
    assert (found.rows, found.n, found.exponent) == (1, 4, None)
    assert found.trace == pytest.approx(14)
    assert found.half_trace_squared_over_n == pytest.approx((3 + 2 + 1) ** 2 / 4)
    assert found.proxy_whole == pytest.approx(9 + 4 + 4)
    assert found.incoherence == pytest.approx(2)  # sqrt(4) times an entry of 1
    assert found.incoherence_rotated == pytest.approx(1)  # the rotation of four inputs is flat
    flat = layer_spectrum(matrix(weights), 3 * np.eye(4))
    assert flat.proxy_predicted == pytest.approx(flat.nearest_predicted)
    assert flat.half_trace_squared_over_n == pytest.approx(flat.trace)


def test_layers_of_a_model() -> None:
    model = build("neox", tied=True, vocab_size=V)
    hessians = collect(model, [np.random.default_rng(0).integers(0, V, (64, 16))], gradients=False)
    found = list(layer_spectra(model, hessians))
    assert [layer.layer for layer in found] == [m.name for m in matrices(model) if m.name in hessians.inputs]
    assert len(found) == 4 * 2 + 1
    for layer in found:
        assert layer.half_trace_squared_over_n <= layer.trace * (1 + 1e-6)
        assert layer.proxy_feedback <= layer.nearest_predicted * (1 + 1e-4)
        assert json.loads(json.dumps(layer.to_dict()))["layer"] == layer.layer


def test_bad_hessians_are_refused() -> None:
    weights = np.ones((2, 4))
    for wrong in (np.eye(3), np.full((4, 4), np.nan), np.zeros((4, 4))):
        with pytest.raises(DataError):
            layer_spectrum(matrix(weights), wrong)
    with pytest.raises(DomainError):
        layer_spectrum(matrix(weights), np.eye(4), bits=0)
