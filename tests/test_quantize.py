"""Quantizers: statistics, grids, feedback, rotations."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from genbound.errors import DataError, DomainError, ModelError
from genbound.lm.codec import build_model
from genbound.lm.hessian import collect
from genbound.lm.quantize import Options, quantize, refine
from genbound.lm.quantize.allocate import as_steps, water_level
from genbound.lm.quantize.ldlq import factor, ldlq, proxy_loss
from genbound.lm.quantize.model import QuantizedTensor, fold, power
from genbound.lm.quantize.rates import GAUSSIAN_BITS, gaussian_entropy, nominal_bits, nominal_step
from genbound.lm.quantize.rotation import hadamard, rotate, rotate_back, signs

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "neox-tied": (
        "gpt_neox",
        {
            "vocab_size": 40,
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": 32,
            "tie_word_embeddings": True,
        },
    ),
    "neox": (
        "gpt_neox",
        {
            "vocab_size": 40,
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 32,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5},
        },
    ),
    "gpt2-tied": ("gpt2", {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}),
    "gpt2": (
        "gpt2",
        {
            "vocab_size": 40,
            "n_embd": 16,
            "n_layer": 1,
            "n_head": 2,
            "n_positions": 32,
            "tie_word_embeddings": False,
        },
    ),
    "llama-tied": (
        "llama",
        {
            "vocab_size": 40,
            "hidden_size": 16,
            "intermediate_size": 40,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "tie_word_embeddings": True,
        },
    ),
    "llama": (
        "llama",
        {
            "vocab_size": 40,
            "hidden_size": 16,
            "intermediate_size": 40,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 8,
        },
    ),
}


def tiny(name: str, seed: int = 0, scale: float = 6.0) -> Any:
    """A small model with weights large enough to matter, in evaluation mode."""
    model_type, config = CONFIGS[name]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **config))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter *= scale
                else:
                    parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def windows(count: int = 8, length: int = 16, vocabulary: int = 40, seed: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, vocabulary, (count, length)))


def correlated(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian weights and the Hessian of strongly correlated inputs."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(columns, columns)))[0]
    spectrum = 1.0 / np.arange(1, columns + 1) ** 1.5
    return rng.normal(size=(rows, columns)), (basis * spectrum) @ basis.T


@pytest.mark.parametrize("name", CONFIGS)
def test_collect_sees_every_linear_layer_and_leaves_the_model_alone(name: str) -> None:
    model = tiny(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    first = collect(model, windows().split(4))
    second = collect(model, windows().split(4))
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert not model.training
    assert first.tokens == 128
    head = next(n for n, p in model.named_parameters() if p is model.get_output_embeddings().weight)
    assert head in first.inputs
    matrices = {n for n, p in model.named_parameters() if p.ndim == 2}
    embeddings = set(first.counts)
    assert matrices == set(first.inputs) | embeddings
    assert all(int(counts.sum()) == 128 for counts in first.counts.values() if len(counts) == 40)
    for key, value in first.inputs.items():
        assert value.dtype == np.float64
        assert np.array_equal(value, second.inputs[key])
        assert np.allclose(value, value.T)
        assert np.linalg.eigvalsh(value).min() > -1e-4 * np.trace(value)
        assert np.array_equal(first.rows[key], second.rows[key])
    assert {n for n, p in model.named_parameters() if p.ndim == 1} == set(first.vectors)


def test_collect_hessian_is_the_mean_outer_product() -> None:
    model = tiny("llama")
    tokens = windows()
    seen: list[torch.Tensor] = []
    handle = model.lm_head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    statistics = collect(model, [tokens], gradients=False)
    handle.remove()
    rows = seen[0].reshape(-1, 16).double().numpy()
    assert statistics.inputs["lm_head.weight"] == pytest.approx(rows.T @ rows / len(rows), abs=1e-5)
    assert not statistics.rows


def test_collect_row_sensitivity_of_the_head_is_the_variance_of_the_prediction() -> None:
    model = tiny("llama")
    tokens = windows(256, 16)
    statistics = collect(model, tokens.split(64))
    with torch.no_grad():
        p = torch.softmax(model(input_ids=tokens).logits.double(), -1).reshape(-1, 40)
    assert statistics.rows["lm_head.weight"] == pytest.approx((p * (1 - p)).mean(0).numpy(), rel=0.3)


def test_collect_refuses_no_tokens() -> None:
    with pytest.raises(DataError, match="no calibration tokens"):
        collect(tiny("llama"), [])
    with pytest.raises(DataError, match="integer tokens"):
        collect(tiny("llama"), [np.zeros((2, 3))])


@given(st.integers(1, 48), st.integers(0, 2**31 - 3))
def test_hadamard_is_orthonormal(dimension: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(3, dimension))
    sign = signs(seed, 5, dimension)
    assert set(np.unique(np.abs(sign))) == {1.0}
    turned = rotate(rows, sign)
    assert np.allclose((turned**2).sum(1), (rows**2).sum(1))
    assert np.allclose(rotate_back(turned, sign), rows)
    assert np.array_equal(hadamard(rows), hadamard(np.asfortranarray(rows)))


def test_power_is_monotone_and_exact_at_octaves() -> None:
    values = [power(e) for e in range(-64, 65)]
    assert all(a < b for a, b in pairwise(values))
    assert [power(8 * e) for e in (-3, 0, 9)] == [0.125, 1.0, 512.0]
    assert all(power(e) == pytest.approx(2 ** (e / 8), rel=1e-15) for e in range(-64, 65))


@pytest.mark.parametrize("size", [1, 5, 64, 130])
def test_factor_inverts_the_damped_hessian(size: int) -> None:
    _, hessian = correlated(1, size)
    triangle = factor(hessian, 1e-2)
    damped = hessian + 1e-2 * np.trace(hessian) / size * np.eye(size)
    assert np.allclose(triangle, np.triu(triangle))
    assert np.allclose(triangle.T @ triangle @ damped, np.eye(size), atol=1e-8)


def test_factor_of_a_singular_hessian_is_damped() -> None:
    assert np.isfinite(factor(np.zeros((4, 4)))).all()
    with pytest.raises(ModelError, match="Hessian"):
        factor(np.full((2, 2), np.nan))


@pytest.mark.parametrize("columns", [16, 96, 150])
def test_ldlq_beats_nearest_at_equal_step(columns: int) -> None:
    weights, hessian = correlated(64, columns)
    ones = np.ones(columns)
    step = 2.0 ** nominal_step(1.0, 3.0)
    triangle = factor(hessian, 1e-3)
    fed = ldlq(weights, triangle, np.full(64, step), ones)
    nearest = np.rint(weights / step)
    better, plain = (proxy_loss(weights, q * step, hessian) for q in (fed, nearest))
    assert better < 0.7 * plain
    assert plain == pytest.approx(64 * step**2 / 12 * np.trace(hessian), rel=0.2)
    predicted = 64 * step**2 / 12 * float((np.diag(triangle) ** -2.0).sum())
    assert better == pytest.approx(predicted, rel=0.25)


def test_ldlq_with_column_steps_beats_one_step_at_equal_entropy() -> None:
    weights, hessian = correlated(256, 64)
    triangle = factor(hessian, 1e-3)
    log_columns = np.log2(np.abs(np.diag(triangle)))
    level = water_level([(log_columns[None, :] + np.zeros((256, 1)), np.zeros((256, 1)))], 4.0)
    columns = 2.0 ** (log_columns + level)
    varied = ldlq(weights, triangle, np.ones(256), columns)
    step = 2.0 ** nominal_step(1.0, 4.0)
    same = ldlq(weights, triangle, np.full(256, step), np.ones(64))
    assert proxy_loss(weights, varied * columns, hessian) < 0.9 * proxy_loss(weights, same * step, hessian)


def test_blocks_do_not_change_ldlq(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, hessian = correlated(8, 50)
    triangle = factor(hessian)
    whole = ldlq(weights, triangle, np.full(8, 0.3), np.ones(50))
    monkeypatch.setattr("genbound.lm.quantize.ldlq.BLOCK", 7)
    assert np.array_equal(whole, ldlq(weights, triangle, np.full(8, 0.3), np.ones(50)))


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=60), st.floats(-10, 10), st.integers(1, 500))
def test_steps_stay_near_what_was_wished(wished: list[float], level: float, columns: int) -> None:
    steps = as_steps(np.array(wished), np.zeros(columns), level)
    assert abs(steps.rows).max() <= 8
    got = steps.step / 8 + steps.rows / 2
    assert np.all(np.abs(got - level - np.array(wished)) <= max(wished) - min(wished) + 0.6)
    assert not steps.columns.any()


@pytest.mark.parametrize("bits", [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
def test_nominal_rate_is_the_entropy_of_a_quantized_gaussian(bits: float) -> None:
    step = 2.0 ** nominal_step(2.0, bits)
    q = np.rint(np.random.default_rng(0).normal(0, 2, 200_000) / step).astype(int)
    _, counts = np.unique(q, return_counts=True)
    p = counts / counts.sum()
    assert -(p * np.log2(p)).sum() == pytest.approx(bits, abs=0.01)
    assert gaussian_entropy(step / 2) == pytest.approx(bits, abs=0.002)
    assert nominal_bits(np.array([1 - math.log2(step)])) == pytest.approx(bits, abs=1e-9)
    assert pytest.approx(math.log2(math.sqrt(2 * math.pi * math.e))) == GAUSSIAN_BITS


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("method", ["rtn", "ldlq"])
@pytest.mark.parametrize("rotated", [False, True])
def test_error_falls_with_bits(name: str, method: str, rotated: bool) -> None:
    model = tiny(name)
    statistics = collect(model, windows().split(4))
    reference = dict(model.named_parameters())
    with torch.no_grad():
        wanted = model(input_ids=windows(seed=3)).logits
    errors = []
    for bits in (2.0, 4.0, 8.0, 12.0):
        chosen = Options(rotate=rotated)
        quantized = quantize(model, method=method, bits=bits, calibration=statistics, seed=3, options=chosen)
        assert [t.name for t in quantized.tensors] == list(reference)
        built = build_model(quantized)
        assert (built.get_input_embeddings().weight is built.get_output_embeddings().weight) == name.endswith("-tied")
        with torch.no_grad():
            errors.append(float((built(input_ids=windows(seed=3)).logits - wanted).square().mean()))
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[3] < 1e-3 * float(wanted.square().mean())


def test_ldlq_hurts_the_prediction_less_than_nearest_at_the_same_size() -> None:
    from genbound.lm.codec import encode

    model = tiny("neox-tied", scale=12.0)
    tokens = windows(64, 16)
    statistics = collect(model, tokens.split(16))
    with torch.no_grad():
        wanted = torch.log_softmax(model(input_ids=tokens).logits, -1)

    def divergence(method: str, bits: float) -> tuple[float, int]:
        quantized = quantize(model, method=method, bits=bits, calibration=statistics)
        with torch.no_grad():
            got = torch.log_softmax(build_model(quantized)(input_ids=tokens).logits, -1)
        return float((wanted.exp() * (wanted - got)).sum(-1).mean()), len(encode(quantized))

    better, size = divergence("ldlq", 3.0)
    plain, larger = divergence("rtn", 3.6)
    assert size < larger
    assert better < plain


@pytest.mark.parametrize("name", ["neox-tied", "gpt2"])
def test_refine_lowers_loss_plus_price_and_repeats(name: str) -> None:
    from genbound.lm.codec import encode

    model = tiny(name, scale=3.0)
    pattern = torch.arange(17).repeat(8, 1) * 3 % 40
    statistics = collect(model, [pattern[:, :-1]])
    start = quantize(model, method="ldlq", bits=3, calibration=statistics)
    before = {key: value.clone() for key, value in model.state_dict().items()}

    def loss(quantized: object) -> float:
        with torch.no_grad():
            logits = build_model(quantized)(input_ids=pattern[:, :-1]).logits  # type: ignore[arg-type]
        return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), pattern[:, 1:].flatten()))

    seen: list[float] = []
    free = refine(
        start, model, [pattern] * 30, steps=30, price=0.0, learning_rate=0.1, learn_steps=False,
        progress=lambda _, x: seen.append(x),
    )  # fmt: skip
    again = refine(start, model, [pattern] * 30, steps=30, price=0.0, learning_rate=0.1, learn_steps=False)
    dear = refine(start, model, [pattern] * 30, steps=30, price=1e-2, learning_rate=0.1)
    assert seen[0] == pytest.approx(loss(start), abs=1e-4)
    assert loss(free) < 0.9 * loss(start)
    assert all(np.array_equal(a.values, b.values) for a, b in zip(free.tensors, again.tensors, strict=True))
    assert len(encode(dear)) < len(encode(start))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert [t.step for t in free.tensors] == [t.step for t in start.tensors]


def test_refine_refuses() -> None:
    model = tiny("gpt2")
    start = quantize(model, method="rtn", bits=3)
    with pytest.raises(DomainError, match="price"):
        refine(start, model, [], steps=1, price=-1.0)
    with pytest.raises(DomainError, match="learning_rate"):
        refine(start, model, [], steps=1, price=0.0, learning_rate=0.0)
    with pytest.raises(DataError, match="0 batches, need 1"):
        refine(start, model, [], steps=1, price=0.0)


def test_quantize_refuses() -> None:
    model = tiny("llama")
    with pytest.raises(DomainError, match="method='awq'"):
        quantize(model, method="awq", bits=3)
    with pytest.raises(DomainError, match=r"bits=0\.4"):
        quantize(model, method="rtn", bits=0.4)
    with pytest.raises(DomainError, match="offsets"):
        Options(offsets={"heads": 1.0})
    with pytest.raises(DomainError, match="calibration"):
        quantize(model, method="ldlq", bits=3)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = float("nan")
    with pytest.raises(ModelError, match=r"lm_head\.weight"):
        quantize(model, method="rtn", bits=3)
    with pytest.raises(ModelError, match="configuration"):
        quantize(torch.nn.Linear(2, 2), method="rtn", bits=3)


def test_a_buffer_the_configuration_does_not_make_is_refused() -> None:
    model = tiny("neox")
    model.gpt_neox.rotary_emb.inv_freq.mul_(2.0)
    with pytest.raises(ModelError, match="inv_freq"):
        quantize(model, method="rtn", bits=3)


def test_norm_weights_are_coded_around_their_centre() -> None:
    model = tiny("llama")
    for tensor in quantize(model, method="rtn", bits=4).tensors:
        if len(tensor.shape) == 1:
            assert tensor.centre > 0
            assert abs(float(tensor.values.mean())) < 1
            assert tensor.dequantize(0, 0) == pytest.approx(1.0, abs=0.6)


def test_constant_vectors_cost_nothing_and_are_exact() -> None:
    model = tiny("llama")
    with torch.no_grad():
        model.model.norm.weight.fill_(1.0)
    quantized = quantize(model, method="rtn", bits=3)
    tensor = next(t for t in quantized.tensors if t.name == "model.norm.weight")
    assert not tensor.values.any()
    assert np.array_equal(quantized.dequantize()["model.norm.weight"], np.ones(16, dtype=np.float32))


@given(st.integers(-40, 40), st.integers(-5, 5), st.integers(0, 15), st.booleans())
@settings(max_examples=50)
def test_dequantize_is_the_documented_formula(step: int, centre: int, shrink: int, transposed: bool) -> None:
    rng = np.random.default_rng(step % 7)
    values = rng.integers(-9, 10, (6, 4)).astype(np.int32)
    rows, columns = rng.integers(-3, 4, 6), rng.integers(-3, 4, 4)
    shape = (4, 6) if transposed else (6, 4)
    tensor = QuantizedTensor("w", shape, values, step, rows, columns, centre, shrink, transposed)
    assert fold(shape, transposed) == (6, 4)
    size = np.maximum(np.abs(values) - shrink / 32, 0)
    wanted = (np.sign(values) * size + centre) * 2.0 ** (step / 8 + (rows[:, None] + columns[None, :]) / 2)
    got = tensor.dequantize(0, 0)
    assert got.dtype == np.float32
    assert (got.T if transposed else got) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def test_half_a_million_parameters() -> None:
    config = {
        "vocab_size": 96,
        "hidden_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 448,
    }
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt_neox", **config))
    statistics = collect(model, [windows(2, 32, 96)])
    quantized = quantize(model, method="ldlq", bits=3, calibration=statistics)
    assert quantized.parameters == sum(parameter.numel() for parameter in model.parameters()) > 500_000
    found = np.concatenate([weights.ravel() for weights in quantized.dequantize().values()])
    wanted = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    assert np.abs(found - wanted).mean() < 0.5 * np.abs(wanted).mean()
