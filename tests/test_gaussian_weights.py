"""Gaussian weights trained for the bound: the algebra of the posterior, the run, the file, and forgeries."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import GPTNeoXConfig

from genbound.errors import CodeFormatError, DomainError, ModelError
from genbound.lm.ladder import checkpoint
from genbound.lm.train import draw, gaussian
from genbound.lm.train.gaussian_run import Plan, Run
from genbound.lm.train.plain import complete, initial, one_thread
from genbound.lm.train.posterior import (
    Belief,
    Posterior,
    nearest_exponent,
    prior_scale,
    standard_normals,
    tensors_sha256,
)
from genbound.lm.windows import Windows

CONFIG = GPTNeoXConfig(
    vocab_size=96, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12,
    max_position_embeddings=16, tie_word_embeddings=True, use_parallel_residual=False, use_cache=False,
    rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
    bos_token_id=None, eos_token_id=None,
)  # fmt: skip
PLAN = Plan(draws=3, probe=8, batch=2)


@pytest.fixture(scope="module")
def windows() -> Windows:
    """A stream that can be learned: a period of 12 with some noise."""
    generator = np.random.default_rng(0)
    tokens = np.tile(np.arange(12), 60)
    tokens[generator.random(tokens.size) < 0.1] = 13
    return Windows(tokens, 16)


@pytest.fixture(scope="module")
def trained(windows: Windows) -> gaussian.Gaussian:
    return gaussian.train(CONFIG, windows, epochs=3, plan=PLAN)


def belief(seed: int, rows: int = 4, columns: int = 5) -> Belief:
    """A posterior with correlations on both sides."""
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.tril(0.3 * torch.randn(k, k, generator=generator), -1) + torch.eye(k) for k in (rows, columns))
    mean, log_scale = (torch.randn(rows, columns, generator=generator) for _ in range(2))
    return Belief(mean, 0.3 * log_scale - 1.0, left, right, -5, torch.zeros(rows, columns))


@pytest.mark.parametrize("seed", range(3))
def test_log_ratio_is_that_of_the_multivariate_normals(seed: int) -> None:
    """Against scipy, with the covariance written out: (R (x) L) diag(S^2) (R (x) L)^T."""
    it = belief(seed)
    assert it.left is not None
    assert it.right is not None
    normals = standard_normals(7, 0, seed, it.mean.shape)
    weights, ratio = it.draw(normals)
    turn = np.kron(it.left.double().numpy(), it.right.double().numpy())  # row-major vec
    covariance = turn @ np.diag(np.exp(2 * it.log_scale.double().numpy().ravel())) @ turn.T
    q = stats.multivariate_normal(it.mean.double().numpy().ravel(), covariance).logpdf(weights.ravel())
    p = stats.norm(0.0, prior_scale(it.exponent)).logpdf(weights).sum()
    assert ratio == pytest.approx(q - p, abs=1e-6)
    assert ratio >= q - p - 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_mean_log_ratio_is_the_divergence(seed: int) -> None:
    it = belief(seed)
    ratios = [it.draw(standard_normals(seed, k, 0, it.mean.shape))[1] for k in range(4000)]
    assert np.mean(ratios) == pytest.approx(it.divergence(), abs=5 * np.std(ratios) / math.sqrt(len(ratios)))


def test_dropping_the_correlations_would_change_the_divergence() -> None:
    """The test above could not pass if L and R were ignored."""
    it = belief(0)
    assert abs(dataclasses.replace(it, left=None, right=None).divergence() - it.divergence()) > 0.5


def test_draws_are_independent_standard_normals() -> None:
    every = np.stack([standard_normals(0, k, i, (50, 40)) for k in range(5) for i in range(5)])
    assert stats.kstest(every.ravel(), "norm").pvalue > 1e-4
    flat = every.reshape(25, -1)
    assert np.abs(np.corrcoef(flat) - np.eye(25)).max() < 0.15


@pytest.mark.parametrize("scale", [1e-12, 2.0**-6, 0.1, 0.5, 1.0, 3.6, 100.0])
def test_prior_scales_are_the_nearest_that_are_paid_for(scale: float) -> None:
    found = prior_scale(nearest_exponent(scale))
    clipped = min(max(scale, prior_scale(-48)), prior_scale(15))
    assert abs(math.log2(found / clipped)) <= 1 / 16 + 1e-12


def test_the_objective_falls_and_the_description_shortens(windows: Windows) -> None:
    """Against the same run with a price of (almost) nothing: fewer nats, and a better value of the bound."""
    trained = gaussian.train(CONFIG, windows, epochs=6, plan=PLAN)
    early = gaussian.train(CONFIG, windows, epochs=0.1, plan=PLAN)
    assert trained.record["kl_nats"] < 0.7 * early.record["kl_nats"]
    assert min(trained.record["draw_values"]) < min(early.record["draw_values"])


def test_divergence_in_training_is_the_exact_one(windows: Windows) -> None:
    with one_thread():
        run = Run(CONFIG, windows, epochs=1, seed=0, start=None, centre=None, plan=PLAN)
        complete(run, None)  # type: ignore[arg-type]
        posterior = run.posterior()
        for name, belief in posterior.beliefs.items():
            run.log_priors[name].data.fill_(math.log(prior_scale(belief.exponent)))
        _, divergence = run._sample()
    assert posterior.divergence() == pytest.approx(float(divergence.detach()), rel=1e-5)


def test_a_killed_run_ends_in_the_same_file(windows: Windows, trained: gaussian.Gaussian, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with one_thread():
        run = Run(CONFIG, windows, epochs=3, seed=0, start=None, centre=None, plan=PLAN)
        for _ in range(run.steps // 2):
            run.update()
        checkpoint.write(work / "checkpoint.safetensors", run.tensors(), {"identity": run.identity, "step": run.step})
    seen: list[int] = []
    again = gaussian.train(CONFIG, windows, epochs=3, plan=PLAN, work=work, progress=lambda s, d, t: seen.append(d))
    assert seen[0] > run.tokens_done
    for name, result in (("a.gbd", trained), ("b.gbd", again)):
        draw.write(tmp_path / name, result)
    assert (tmp_path / "a.gbd").read_bytes() == (tmp_path / "b.gbd").read_bytes()


def test_file_gives_the_drawn_model_and_its_price(trained: gaussian.Gaussian, tmp_path: Path) -> None:
    path = tmp_path / "x.gbd"
    draw.write(path, trained)
    described = draw.read(path)
    weights, ratio = trained.posterior.draw(trained.seed, trained.draw)
    assert described.kind == "draw"
    assert described.code_bits is None
    for name, value in described.model.named_parameters():
        assert np.array_equal(value.numpy(), weights[name])
    tensors = len(weights)
    assert described.prices["log-ratio of the draw"] == ratio
    assert described.prices[f"prior scales ({tensors})"] == pytest.approx(tensors * math.log(64))
    assert described.prices["draws looked at (3)"] == pytest.approx(math.log(3))
    assert described.prices["draws looked at (3)"] >= math.log(3)


def test_best_draw_is_the_one_certified(trained: gaussian.Gaussian) -> None:
    values = trained.record["draw_values"]
    assert len(values) == PLAN.draws
    assert values[trained.draw] == min(values)


@pytest.mark.parametrize("place", [0, 5, 40, 200, -1])
def test_an_edited_file_is_refused(trained: gaussian.Gaussian, tmp_path: Path, place: int) -> None:
    path = tmp_path / "x.gbd"
    draw.write(path, trained)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CodeFormatError):
        draw.read(path)


def resealed(path: Path, head: dict[str, object], numbers: bytes) -> None:
    """A file with any header and numbers, its digest right."""
    text = json.dumps(head).encode()
    rest = len(text).to_bytes(4, "big") + text + numbers
    path.write_bytes(draw.MAGIC + hashlib.sha256(rest).digest() + rest)


def parts(path: Path) -> tuple[dict[str, object], bytes]:
    data = path.read_bytes()[len(draw.MAGIC) + 32 :]
    size = int.from_bytes(data[:4], "big")
    return json.loads(data[4 : 4 + size]), data[4 + size :]


HOSTILE = {
    "draw beyond draws": {"draw": 3},
    "no draws": {"draws": 0, "draw": 0},
    "negative seed": {"seed": -1},
    "seed is a truth value": {"seed": True},
    "few exponents": {"exponents": [0]},
    "exponent out of range": {"exponents": [99] * 14},
    "config is a list": {"config": []},
    "unknown field": {"price": 0},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_headers_are_refused(trained: gaussian.Gaussian, tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.gbd"
    draw.write(path, trained)
    head, numbers = parts(path)
    resealed(path, {**head, **HOSTILE[name]}, numbers)
    with pytest.raises(CodeFormatError):
        draw.read(path)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -200.0])
def test_hostile_numbers_are_refused(trained: gaussian.Gaussian, tmp_path: Path, bad: float) -> None:
    """A scale of e^-200 would be a point mass; NaN and infinity nothing at all."""
    path = tmp_path / "x.gbd"
    draw.write(path, trained)
    head, numbers = parts(path)
    values = np.frombuffer(numbers, dtype="<f4").copy()
    values[96 * 8 : 2 * 96 * 8] = bad  # the ln scales of the embedding
    resealed(path, head, values.tobytes())
    with pytest.raises(CodeFormatError):
        draw.read(path)


def test_factors_keep_determinant_one() -> None:
    it = belief(0)
    assert it.left is not None
    stretched = dataclasses.replace(it, left=2 * it.left)
    with pytest.raises(ModelError, match="unit lower triangular"):
        stretched.check("w")


def test_a_prior_centred_on_a_model_stands_in_the_file(windows: Windows, tmp_path: Path) -> None:
    model = initial(CONFIG, 5)
    centre = dict(model.named_parameters())
    result = gaussian.train(CONFIG, windows, epochs=0.1, plan=PLAN, start=model, centre=centre)
    draw.write(tmp_path / "x.gbd", result)
    posterior, header = draw.parse(tmp_path / "x.gbd")
    assert header["centred"] is True
    for name, found in posterior.beliefs.items():
        assert torch.equal(found.centre, centre[name].detach())
    described = draw.read(tmp_path / "x.gbd")
    assert described.centre == tensors_sha256(centre)
    assert "made without DATA" in described.states
    ratio = 0.0
    for index, (name, found) in enumerate(posterior.beliefs.items()):
        normals = standard_normals(result.seed, result.draw, index, found.mean.shape)
        ahead = (found.draw(normals)[0] - centre[name].detach().double().numpy()) / prior_scale(found.exponent)
        log_scales = found.log_scale.double().numpy() - math.log(prior_scale(found.exponent))
        ratio += float((0.5 * ahead**2 - 0.5 * normals**2 - log_scales).sum())
    assert ratio <= described.prices["log-ratio of the draw"] < ratio + 1e-3
    head, numbers = parts(tmp_path / "x.gbd")
    resealed(tmp_path / "x.gbd", {**head, "centred": False}, numbers)
    with pytest.raises(CodeFormatError, match="neither absent nor true"):
        draw.read(tmp_path / "x.gbd")
    resealed(tmp_path / "x.gbd", {k: v for k, v in head.items() if k != "centred"}, numbers)
    with pytest.raises(CodeFormatError, match="not what the architecture has"):
        draw.read(tmp_path / "x.gbd")


@pytest.mark.parametrize("epochs", [0, -1, math.nan, 1e9])
def test_epochs_out_of_range(windows: Windows, epochs: float) -> None:
    with pytest.raises(DomainError, match="epochs"):
        gaussian.train(CONFIG, windows, epochs=epochs)


def test_a_start_is_where_it_starts(windows: Windows) -> None:
    model = initial(CONFIG, 9)
    with one_thread():
        run = Run(CONFIG, windows, epochs=1, seed=0, start=model, centre=None, plan=PLAN)
    for name, value in model.named_parameters():
        assert torch.equal(run.means[name], value)


def test_posterior_refuses_a_negative_draw(trained: gaussian.Gaussian) -> None:
    with pytest.raises(DomainError, match="draw"):
        Posterior(trained.posterior.beliefs).draw(0, -1)
