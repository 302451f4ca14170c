"""Measurements of a model: samples of windows, variation of the loss, quantization error, spectra of layers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from tiny_models import build

from genbound import smoothing
from genbound.errors import DataError, DomainError, ModelError
from genbound.lm.hessian import Hessians, collect
from genbound.lm.measure import (
    CODES,
    chosen_windows,
    paired,
    quantization_error,
    sigma,
    variation,
    window_losses,
)
from genbound.lm.measure.quantization_error import GAUSSIAN_STEP, fixed_rate, replaced
from genbound.lm.quantize.matrices import Matrix, matrices
from genbound.lm.quantize.rotation import rotate, signs
from genbound.lm.windows import Windows

V, CONTEXT = 48, 16
STREAM = np.cumsum(np.random.default_rng(0).integers(0, 4, size=64 * CONTEXT + 1)) % V
WINDOWS = Windows(STREAM.astype(np.uint16), CONTEXT)
EVERY = np.arange(len(WINDOWS))


@pytest.fixture(scope="module")
def model() -> Any:
    return build("neox", tied=True, vocab_size=V)


@pytest.fixture(scope="module")
def hessians(model: Any) -> Hessians:
    return collect(model, [WINDOWS.gather(EVERY)[0]], gradients=False)


def matrix(weights: np.ndarray, index: int = 0) -> Matrix:
    return Matrix("w", weights.shape, weights, False, index, "mlp")


def planted(n: int, exponent: float, seed: int = 0) -> np.ndarray:
    """A Hessian with eigenvalues i^-p and random eigenvectors."""
    vectors = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]
    return (vectors * np.arange(1.0, n + 1) ** -exponent) @ vectors.T


# ------------------------------------------------------------------------------------------------ windows and losses


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 50), st.integers(0, 3))
def test_samples_of_beginnings_are_nested(longer: int, shorter: int, wanted: int, seed: int) -> None:
    longer, shorter = max(longer, shorter), min(longer, shorter)
    large, small = (chosen_windows(count, wanted, seed=seed) for count in (longer, shorter))
    assert set(large[large < shorter]) <= set(small)
    assert len(small) == min(wanted, shorter)
    assert (np.diff(small) > 0).all()


def test_purposes_and_seeds_draw_other_windows() -> None:
    draws = [chosen_windows(1000, 20, seed=s, purpose=p) for s in (0, 1) for p in ("losses", "calibration", "spectrum")]
    assert len({tuple(draw) for draw in draws}) == 6


@pytest.mark.parametrize(("count", "wanted", "purpose"), [(0, 1, "losses"), (1, 0, "losses"), (1, 1, "fun")])
def test_windows_that_cannot_be_chosen_are_refused(count: int, wanted: int, purpose: str) -> None:
    with pytest.raises(DomainError):
        chosen_windows(count, wanted, purpose=purpose)


def test_losses_of_windows_are_means_of_cross_entropies(model: Any) -> None:
    chosen = np.array([5, 2, 40])
    inputs, targets = WINDOWS.gather(chosen)
    logits = model(input_ids=inputs).logits.double()
    by_hand = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    found = window_losses(model, WINDOWS, chosen, V)
    assert found == pytest.approx(by_hand.detach().view(3, -1).mean(1).numpy(), rel=1e-6)


def test_paired_differences() -> None:
    error, deviation = paired([1.0, 3.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0])
    assert error == 2.0
    assert deviation == pytest.approx(math.sqrt(2 / 3) / 2)
    for wrong in ([1.0], [[1.0, 2.0]]):
        with pytest.raises(DataError):
            paired(wrong, wrong)
    with pytest.raises(DataError):
        paired([1.0, 2.0], [1.0, 2.0, 3.0])


# --------------------------------------------------------------------------------------------------------- variation


def test_uniform_predictions_do_not_vary() -> None:
    blank = build("neox", tied=True, vocab_size=V)
    with torch.no_grad():
        for parameter in blank.parameters():
            parameter.zero_()
    found = variation(blank, WINDOWS, EVERY, vocab_size=V)
    assert found.sd_x == pytest.approx(0.0, abs=1e-12)
    assert found.sd_x_minus_y == pytest.approx(0.0, abs=1e-9)
    assert found.mean_x == pytest.approx(math.log(V), rel=1e-12)
    for complexity, value in found.sigma.items():  # A = 0: what is left is (1 - s)/s at the largest s, 1000/1001
        delta = smoothing.ceiling(smoothing.optimal_alpha(complexity), V)
        assert value == pytest.approx(delta * math.sqrt(complexity) / 1000, rel=1e-5)


def test_moments_by_hand(model: Any) -> None:
    chosen = chosen_windows(len(WINDOWS), 12)
    inputs, targets = WINDOWS.gather(chosen)
    laws = torch.log_softmax(model(input_ids=inputs).logits.double().flatten(0, 1), -1).detach().numpy()
    losses = -laws[np.arange(len(laws)), targets.flatten().numpy()]
    entropies = -(np.exp(laws) * laws).sum(-1)
    found = variation(model, WINDOWS, chosen, vocab_size=V)
    assert found.tokens == 12 * CONTEXT
    assert found.mean_x == pytest.approx(losses.mean(), rel=1e-6)
    assert found.sd_x == pytest.approx(losses.std(), rel=1e-6)
    assert found.mean_y == pytest.approx(entropies.mean(), rel=1e-6)
    assert found.sd_x_minus_y == pytest.approx((losses - entropies).std(), rel=1e-6)
    means = losses.reshape(12, -1).mean(1)
    assert found.standard_error == pytest.approx(means.std(ddof=1) / math.sqrt(12), rel=1e-5)
    assert json.loads(json.dumps(found.to_dict()))["sigma"].keys() == {"0.1", "0.2", "0.3"}


@pytest.mark.parametrize("complexity", [0.01, 0.2, 1.5])
def test_sigma_is_the_formula_of_the_paper(complexity: float) -> None:
    alpha = complexity / (1 + complexity)
    delta = math.log(V / alpha)
    rng = np.random.default_rng(1)
    losses, entropies = rng.uniform(0, 0.9 * delta, 300), rng.uniform(0, math.log(V), 300)
    a = (entropies - losses) / delta
    s = np.arange(1, 1001)[:, None] / 1001
    v = (s * a - np.log1p(s * a)).mean(axis=1)
    s = s[:, 0]
    by_hand = (delta * math.sqrt(complexity) * (1 - s) / s + delta / (s * math.sqrt(complexity)) * v).min()
    found = sigma(losses, entropies, complexity=complexity, vocab_size=V)
    assert found == pytest.approx(by_hand, rel=1e-9)
    assert sigma(losses[::-1], entropies[::-1], complexity=complexity, vocab_size=V) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("complexity", [0.0, -1.0, math.inf, math.nan])
def test_sigma_needs_a_complexity(complexity: float) -> None:
    with pytest.raises(DomainError):
        sigma([1.0], [1.0], complexity=complexity, vocab_size=V)


@pytest.mark.parametrize(("losses", "entropies"), [([99.0], [1.0]), ([math.nan], [1.0]), ([1.0, 2.0], [1.0, 1.0, 1.0])])
def test_sigma_refuses_bad_losses(losses: list[float], entropies: list[float]) -> None:
    with pytest.raises(DataError):
        sigma(losses, entropies, complexity=0.2, vocab_size=V)


def test_bad_streams_are_refused(model: Any) -> None:
    outside = Windows(np.where(STREAM == 3, V, STREAM), CONTEXT)
    with pytest.raises((DataError, IndexError)):
        variation(model, outside, np.arange(4), vocab_size=V)
    with pytest.raises(DataError):
        variation(model, WINDOWS, np.arange(1), vocab_size=V)
    with pytest.raises(ModelError):
        variation(model, WINDOWS, np.arange(4), vocab_size=V + 1)


# ------------------------------------------------------------------------------------------------- quantization error


@pytest.mark.parametrize("bits", GAUSSIAN_STEP)
def test_steps_are_the_best_for_a_gaussian(bits: int) -> None:
    def distortion(step: float) -> float:
        """E (w - nearest point)^2 from the partial moments of a Gaussian."""
        points = (np.arange(-(1 << (bits - 1)), 1 << (bits - 1)) + 0.5) * step
        edges = np.concatenate([[-np.inf], (points[1:] + points[:-1]) / 2, [np.inf]])
        mass, density = np.diff(norm.cdf(edges)), -np.diff(norm.pdf(edges))
        return float(1 - 2 * (points * density).sum() + (points**2 * mass).sum())

    best = minimize_scalar(distortion, bracket=(0.5 * GAUSSIAN_STEP[bits], 2 * GAUSSIAN_STEP[bits]))
    assert GAUSSIAN_STEP[bits] == pytest.approx(best.x, rel=3e-3)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("bits", [1, 2, 3])
def test_a_row_has_at_most_two_to_the_bits_points(code: str, bits: int) -> None:
    weights = np.random.default_rng(2).normal(size=(6, 64))
    weights[4] = 0.0
    found = fixed_rate(matrix(weights), code, bits, planted(64, 1.0), seed=7)
    points = rotate(found, signs(7, 0, 64)) if code == "ldlq" else found
    assert max(len(np.unique(np.round(row, 9))) for row in points) <= 2**bits
    assert not found[4].any()


def test_without_correlations_feedback_is_nearest_rounding() -> None:
    weights = np.random.default_rng(3).normal(size=(5, 32))
    flat = 2.0 * np.eye(32)
    for code in ("gptq", "ldlq"):
        assert fixed_rate(matrix(weights), code, 3, flat) == pytest.approx(fixed_rate(matrix(weights), code, 3, None))
    assert np.array_equal(fixed_rate(matrix(weights), "gptq", 3, flat), fixed_rate(matrix(weights), "rtn", 3, flat))


@pytest.mark.parametrize("code", CODES)
def test_the_error_vanishes_with_the_bits(code: str, model: Any, hessians: Hessians) -> None:
    before = window_losses(model, WINDOWS, EVERY, V)
    own = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    few, many = (
        quantization_error(model, hessians, WINDOWS, EVERY, before, code=code, bits=bits, vocab_size=V)
        for bits in (2, 8)
    )
    assert all(torch.equal(own[name], parameter) for name, parameter in model.named_parameters())
    assert few.loss == pytest.approx(before.mean() + few.error)
    assert few.proxy_relative is not None
    assert many.proxy_relative is not None
    assert many.proxy_relative < 1e-2 * few.proxy_relative
    assert abs(many.error) < 0.1 * few.standard_error
    assert many.standard_error < few.standard_error
    assert json.loads(json.dumps(few.to_dict())) == few.to_dict()


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_every_matrix_is_quantized_and_no_vector(kind: str) -> None:
    other = build(kind, tied=False, vocab_size=V)
    shapes, seen = {m.name: m.shape for m in matrices(other) if not m.is_vector}, {}

    def watch(module: Any, _: Any) -> None:
        seen.update({name: p.detach().numpy().copy() for name, p in module.named_parameters()})

    statistics = collect(other, [WINDOWS.gather(EVERY)[0]], gradients=False)
    before = window_losses(other, WINDOWS, EVERY, V)
    handle = other.register_forward_pre_hook(watch)
    quantization_error(other, statistics, WINDOWS, EVERY, before, code="gptq", bits=2, vocab_size=V)
    handle.remove()
    for name, parameter in other.named_parameters():
        changed = not np.array_equal(seen[name], parameter.detach().numpy())
        assert changed == (name in shapes), name
    assert any(len(set(shape)) == 2 for shape in shapes.values())


def test_weights_come_back_after_an_error(model: Any) -> None:
    name, parameter = next(iter(model.named_parameters()))
    own, zeros = parameter.detach().clone(), np.zeros(tuple(parameter.shape), dtype=np.float32)

    def interrupted() -> None:
        with replaced(model, {name: zeros}):
            assert not parameter.any()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.equal(parameter, own)


@pytest.mark.parametrize(("code", "bits"), [("e8", 2), ("rtn", 0), ("ldlq", 9), ("gptq", 2.5)])
def test_other_codes_and_bits_are_refused(code: str, bits: int) -> None:
    with pytest.raises(DomainError):
        fixed_rate(matrix(np.ones((2, 2))), code, bits, None)
