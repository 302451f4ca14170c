"""Token statistics against their definitions, in float64, token by token."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_models import build

from genbound import smoothing
from genbound.errors import DataError, DomainError, ModelError
from genbound.lm import token_stats
from genbound.lm import windows as windows_module
from genbound.lm.token_stats import TokenStatistics, token_statistics
from genbound.lm.windows import Windows, evaluate, windows_per_batch


def naive(logits: np.ndarray, target: int, alpha: float) -> dict[str, float]:
    z = logits.astype(np.longdouble)
    p = np.exp(z - z.max())
    p /= p.sum()
    q = (1 - alpha) * p + alpha / len(p)
    entropy = -(p * np.log(p)).sum()
    return {
        "nll": float(-np.log(p[target])),
        "entropy": float(entropy),
        "varentropy": float((p * (np.log(p) + entropy) ** 2).sum()),
        "max_nll": float(-np.log(p.min())),
        "rank": int((z >= z[target]).sum()),
        "smoothed_nll": float(-np.log(q[target])),
        "smoothed_entropy": float(-(q * np.log(q)).sum()),
    }


@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_statistics_follow_their_definitions(scale: float, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (torch.randn(40, 37, generator=generator) * scale).to(dtype)
    targets = torch.randint(0, 37, (40,), generator=generator)
    alphas = (0.5, 2.0**-6)
    found = token_statistics(logits, targets, alphas)
    for k in range(40):
        for row, alpha in enumerate(alphas):
            wanted = naive(logits[k].double().numpy(), int(targets[k]), alpha)
            for name in ("nll", "entropy", "varentropy", "max_nll", "rank"):
                assert getattr(found, name)[k] == pytest.approx(wanted[name], rel=1e-11, abs=1e-11), name
            assert found.smoothed_nll[row, k] == pytest.approx(wanted["smoothed_nll"], rel=1e-12)
            # the centre is float32 by definition and kept above its floor
            assert found.smoothed_entropy[row, k] == pytest.approx(wanted["smoothed_entropy"], rel=2e-6, abs=2e-6)


def test_ranges_hold_a_priori() -> None:
    """A confident model: X reaches its ceiling, Y its floor, and neither leaves its range by a rounding."""
    logits = torch.full((4, 96), -200.0)
    logits[:, 0] = 200.0
    found = token_statistics(logits, torch.tensor([0, 1, 2, 95]), smoothing.ALPHAS)
    for row, alpha in enumerate(smoothing.ALPHAS):
        assert found.smoothed_nll[row].max() <= smoothing.ceiling(alpha, 96)
        assert found.smoothed_entropy[row].min() >= smoothing.entropy_floor(alpha, 96)
    uniform = token_statistics(torch.zeros(3, 96), torch.tensor([0, 5, 95]), smoothing.ALPHAS)
    assert uniform.smoothed_entropy.max() <= smoothing.log_vocabulary(96)
    assert (uniform.rank == 96).all()  # ties count against the model


def test_chunks_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, targets = torch.randn(300, 50), torch.randint(0, 50, (300,))
    whole = token_statistics(logits, targets)
    monkeypatch.setattr(token_stats, "CHUNK_ELEMENTS", 7 * 50)
    parts = token_statistics(logits, targets)
    assert np.array_equal(whole.nll, parts.nll)
    assert np.allclose(whole.smoothed_entropy, parts.smoothed_entropy, rtol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_logits_that_are_not_finite_are_refused(bad: float) -> None:
    logits = torch.zeros(5, 9)
    logits[3, 4] = bad
    with pytest.raises(ModelError, match="NaN or infinite"):
        token_statistics(logits, torch.zeros(5, dtype=torch.int64))


def test_targets_outside_the_vocabulary_are_refused() -> None:
    with pytest.raises(DataError, match="token 9: outside the vocabulary of 9"):
        token_statistics(torch.zeros(2, 9), torch.tensor([1, 9]))


@pytest.mark.parametrize("kind", ["gpt2", "llama", "neox"])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("lead", [0, 5])
def test_the_head_in_chunks_gives_the_whole_models_statistics(
    kind: str, tied: bool, lead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(kind, tied).eval()
    tokens = np.random.default_rng(0).integers(0, 96, 200)
    windows = Windows(tokens, 16, lead=lead)
    indices = np.arange(len(windows))

    def run() -> TokenStatistics:
        blocks = [s for _, s in evaluate(model, windows, indices, (0.25,), vocab_size=96)]
        return TokenStatistics.concatenate(blocks)

    whole = run()
    monkeypatch.setattr(windows_module, "BATCH_ELEMENTS", 1)
    monkeypatch.setattr(windows_module, "CHUNK_ELEMENTS", 5 * 96)
    split = run()
    assert np.allclose(whole.nll, split.nll, rtol=1e-5, atol=1e-6)
    assert np.array_equal(whole.rank, split.rank)


def test_a_model_that_changes_its_logits_after_the_head_runs_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("gpt2", True).eval()
    forward = model.forward

    def capped(*args: object, **kwargs: object) -> object:
        output = forward(*args, **kwargs)
        output.logits = 2 * torch.tanh(output.logits / 2) - 0.5
        return output

    monkeypatch.setattr(model, "forward", capped)
    windows = Windows(np.arange(60) % 96, 16)
    whole = next(evaluate(model, windows, np.arange(3), (), vocab_size=96))[1]
    monkeypatch.setattr(windows_module, "BATCH_ELEMENTS", 1)
    split = next(evaluate(model, windows, np.arange(3), (), vocab_size=96))[1]
    assert np.allclose(whole.nll[:16], split.nll[:16], rtol=1e-5)


def test_windows_tile_the_stream() -> None:
    windows = Windows(np.arange(1 + 3 * 5 + 2, dtype=np.uint16), 5)
    assert (len(windows), windows.length, windows.n_tokens) == (3, 5, 15)
    inputs, targets = windows.gather(np.array([0, 2]))
    assert inputs.tolist() == [[0, 1, 2, 3, 4], [10, 11, 12, 13, 14]]
    assert targets.tolist() == [[1, 2, 3, 4, 5], [11, 12, 13, 14, 15]]
    assert Windows(np.arange(4), 100).length == 3
    with pytest.raises(DataError, match="1 token"):
        Windows(np.arange(1), 5)


def test_a_lead_is_read_and_not_predicted() -> None:
    tokens = np.arange(1, 2 + 3 * 5 + 2, dtype=np.uint16)
    plain, led = Windows(tokens, 5), Windows(tokens, 5, lead=2)
    assert (len(led), led.length, led.width, led.n_tokens) == (len(plain), 5, 7, plain.n_tokens)
    inputs, targets = led.gather(np.array([0, 1, 2]))
    assert inputs.tolist() == [[0, 0, 1, 2, 3, 4, 5], [4, 5, 6, 7, 8, 9, 10], [9, 10, 11, 12, 13, 14, 15]]
    assert torch.equal(targets, plain.gather(np.array([0, 1, 2]))[1])
    with pytest.raises(DomainError, match="lead=2"):
        Windows(tokens, 5, separate=True, lead=2)


def test_losses_with_a_lead_are_those_of_the_longer_past() -> None:
    model = build("neox", True).eval()
    tokens = np.random.default_rng(1).integers(0, 96, 61)
    windows = Windows(tokens, 10, lead=6)
    blocks = [s for _, s in evaluate(model, windows, np.arange(len(windows)), (), vocab_size=96)]
    found = TokenStatistics.concatenate(blocks).nll
    padded = np.concatenate([np.zeros(6, dtype=np.int64), tokens])
    for k in range(60):
        begin = k // 10 * 10
        with torch.inference_mode():
            logits = model(input_ids=torch.from_numpy(padded[None, begin : k + 7])).logits[0, -1]
        expected = -torch.log_softmax(logits.double(), -1)[tokens[k + 1]].item()
        assert found[k] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_the_batches_and_agree_to_the_bit(workers: int) -> None:
    model = build("neox", False).eval()
    windows = Windows(np.random.default_rng(1).integers(0, 96, 3000), 8)
    indices = np.arange(len(windows))
    alone = dict(evaluate(model, windows, indices, (0.5,), vocab_size=96))
    shared: dict[int, TokenStatistics] = {}
    for rank in range(workers):
        shared |= dict(evaluate(model, windows, indices, (0.5,), vocab_size=96, rank=rank, world_size=workers))
    assert sorted(shared) == sorted(alone)
    assert len(alone) > workers
    for batch, statistics in alone.items():
        assert np.array_equal(statistics.nll, shared[batch].nll)
        assert np.array_equal(statistics.smoothed_entropy, shared[batch].smoothed_entropy)


def test_the_batch_shape_depends_on_nothing_but_the_window_and_v() -> None:
    assert windows_per_batch(128, 96) == 64
    assert windows_per_batch(1024, 50257) == 1
