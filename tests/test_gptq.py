"""GPTQ as published: grids, the algorithm against a plain one, what is stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_quantize import correlated, tiny, windows

from genbound.lm.codec import decode, encode
from genbound.lm.codec.container import same
from genbound.lm.hessian import Hessians, collect
from genbound.lm.quantize import Options, quantize
from genbound.lm.quantize.gptq import gptq, grid_levels, row_grid, scale_code
from genbound.lm.quantize.ldlq import proxy_loss
from genbound.lm.quantize.matrices import Matrix
from genbound.lm.quantize.model import row_scale


def textbook(weights: np.ndarray, hessian: np.ndarray, levels: int, order: bool) -> np.ndarray:
    """Algorithm 1 of the paper, column by column on the explicit Cholesky factor, as indices 0..levels-1 minus zero."""
    low, high = np.minimum(weights.min(1), 0), np.maximum(weights.max(1), 0)
    scale = np.array([row_scale(scale_code(x)) for x in (high - low) / (levels - 1)])
    zero = np.rint(-low / scale)
    size = len(hessian)
    permutation = np.argsort(-np.diag(hessian), kind="stable") if order else np.arange(size)
    work = weights[:, permutation].copy()
    damped = hessian[np.ix_(permutation, permutation)] + 0.01 * np.mean(np.diag(hessian)) * np.eye(size)
    inverse = np.linalg.cholesky(np.linalg.inv(damped)).T
    out = np.zeros(weights.shape, dtype=int)
    for column in range(size):
        index = np.clip(np.rint(work[:, column] / scale) + zero, 0, levels - 1)
        error = (work[:, column] - scale * (index - zero)) / inverse[column, column]
        work[:, column:] -= np.outer(error, inverse[column, column:])
        out[:, permutation[column]] = index - zero
    return out


def matrix(weights: np.ndarray) -> Matrix:
    return Matrix("w", weights.shape, weights, False, 0, "mlp")


@pytest.mark.parametrize("bits", [1.58, 2, 3, 4])
@pytest.mark.parametrize("order", [False, True])
def test_the_integers_are_those_of_the_paper(bits: float, order: bool) -> None:
    weights, hessian = correlated(24, 40, seed=3)
    statistics = Hessians(1, {"w": hessian})
    found = gptq(matrix(weights), bits, statistics, damping=0.01, search=False, order=order)
    assert np.array_equal(found.values, textbook(weights, hessian, grid_levels(bits), order))


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_feedback_beats_nearest_and_stays_on_the_grid(bits: float) -> None:
    weights, hessian = correlated(32, 96)
    fed = gptq(matrix(weights), bits, Hessians(1, {"w": hessian}), damping=0.01, search=False, order=True)
    plain = gptq(matrix(weights), bits, None, damping=0.01, search=False, order=True)
    better, worse = (proxy_loss(weights, t.matrix(0, 0), hessian) for t in (fed, plain))
    assert better < 0.75 * worse
    for tensor in (fed, plain):
        assert int((tensor.values.max(1) - tensor.values.min(1)).max()) <= 2**bits - 1
        assert tensor.row_scales is not None
        assert not tensor.rotated


def test_a_dead_input_gets_zero_weights() -> None:
    weights, hessian = correlated(8, 12)
    hessian[5], hessian[:, 5] = 0.0, 0.0
    found = gptq(matrix(weights), 4, Hessians(1, {"w": hessian}), damping=0.01, search=False, order=True)
    assert not found.values[:, 5].any()


@given(st.floats(2.0**-100, 2.0**100))
def test_scales_keep_eleven_bits(scale: float) -> None:
    assert row_scale(scale_code(scale)) == pytest.approx(scale, rel=2.0**-11)
    assert scale_code(row_scale(scale_code(scale))) == scale_code(scale)


@given(st.integers(0, 1000), st.sampled_from([1, 1.58, 2, 3, 5]))
def test_grids_reach_from_end_to_end(seed: int, bits: float) -> None:
    weights = np.random.default_rng(seed).normal(size=(5, 30)) + 0.3
    grid = row_grid(weights, bits)
    errors = np.abs(grid.nearest(weights) * grid.scales[:, None] - weights).max(1)
    # Rounding the zero point may cut off half a step at one end.
    assert (errors <= 1.01 * grid.scales).all()
    assert (grid.high - grid.low == grid_levels(bits) - 1).all()
    assert (grid.low <= 0).all()
    assert (grid.high >= 0).all()


def test_the_search_lowers_the_error_of_every_row() -> None:
    weights = np.random.default_rng(0).normal(size=(16, 200))

    def errors(search: bool) -> np.ndarray:
        grid = row_grid(weights, 2, search=search)
        return (np.abs(weights - grid.nearest(weights) * grid.scales[:, None]) ** 2.4).sum(1)

    assert (errors(True) < errors(False)).all()


@pytest.mark.parametrize("name", ["neox-tied", "gpt2", "llama"])
def test_whole_models_survive_the_file(name: str) -> None:
    model = tiny(name)
    statistics = collect(model, windows().split(4))
    for bits, options in [(0.5, Options()), (2.5, Options(search=True)), (4, Options(order=False))]:
        found = quantize(model, method="gptq", bits=bits, calibration=statistics, options=options)
        assert {tensor.kind for tensor in found.tensors} == {"scaled"}
        assert found.seed == 0
        back = decode(encode(found)).quantized
        assert same(back, found)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(
            found.dequantize().values(), back.dequantize().values(), strict=True
        ))  # fmt: skip


def test_vectors_of_a_model_stay_near_their_values() -> None:
    model = tiny("llama")
    found = quantize(model, method="gptq", bits=3, calibration=collect(model, [windows()]))
    for tensor in found.tensors:
        if len(tensor.shape) == 1:
            wanted = dict(model.named_parameters())[tensor.name].detach().numpy()
            assert np.abs(tensor.dequantize(0, 0) - wanted).max() <= 0.52 * np.ptp(wanted) / 31
