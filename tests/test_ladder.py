"""The ladder: recipes, the single pass that trains them, and the shipped models."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from genbound.errors import DataError, DomainError, ModelError
from genbound.lm.corpora import sotu
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder import models
from genbound.lm.ladder import train as training
from genbound.lm.ladder.network import build_network, count_parameters
from genbound.lm.ladder.progressive import ProgressiveWealth
from genbound.lm.ladder.recipes import RECIPE_SPACE, RECIPES, Recipe, log_recipe_space
from genbound.lm.ladder.train import Corpus, mean_loss, train

FILES = ("config.json", "model.safetensors", "training.json", "progressive.npz")


@pytest.fixture(scope="module")
def tiny() -> Recipe:
    return Recipe(
        name="tiny", hidden_size=16, layers=1, heads=1, intermediate_size=16, context=64, batch=16, warmup=0.1
    )


@pytest.fixture(scope="module")
def corpus(tiny: Recipe) -> Corpus:
    generator = np.random.default_rng(0)
    length = tiny.tokens + 500
    steps = generator.integers(0, 3, size=length)  # a random walk on the alphabet: something to learn
    characters = (np.cumsum(steps) % V).astype(np.uint8)
    return Corpus("walk", characters, characters[::-1][:3000].copy())


@pytest.fixture(scope="module")
def trained(tiny: Recipe, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(tiny, folder / "out", work=folder / "work", corpus=corpus)
    return folder


# ----------------------------------------------------------------------------------- recipes


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_counts_every_parameter_once(name: str) -> None:
    recipe = RECIPES[name]
    assert count_parameters(build_network(recipe)) == recipe.parameters
    assert recipe.tokens % recipe.context == 0
    assert 0 <= 20 * recipe.parameters - recipe.tokens < recipe.context
    assert recipe.tokens + 1 <= len(sotu.training_stream())


def test_untied_and_parallel_recipes_count_too(tiny: Recipe) -> None:
    for recipe in (replace(tiny, tied=False), replace(tiny, parallel_residual=True, layers=2)):
        assert count_parameters(build_network(recipe)) == recipe.parameters


@pytest.mark.parametrize("key", RECIPE_SPACE)
def test_a_recipe_outside_the_space_is_refused(tiny: Recipe, key: str) -> None:
    if key == "head_size":
        with pytest.raises(DomainError, match="head_size"):
            replace(tiny, hidden_size=128, heads=1)
        return
    with pytest.raises(DomainError, match=key):
        replace(tiny, **{key: "nonsense" if key in ("optimizer", "schedule") else 80_000})


def test_recipe_space_is_what_is_paid_for() -> None:
    assert log_recipe_space() == pytest.approx(math.log(math.prod(map(len, RECIPE_SPACE.values()))))
    assert all(len(set(values)) == len(values) for values in RECIPE_SPACE.values())


def test_recipe_goes_through_json(tiny: Recipe) -> None:
    assert Recipe.from_dict(json.loads(json.dumps(tiny.to_dict()))) == tiny


def test_rate_rises_then_falls_to_zero(tiny: Recipe) -> None:
    for recipe in (tiny, replace(tiny, schedule="cosine"), replace(tiny, warmup=0.0)):
        rates = [recipe.rate(step) for step in range(recipe.steps)]
        peak = rates.index(max(rates))
        assert max(rates) == pytest.approx(1.0)
        assert rates[: peak + 1] == sorted(rates[: peak + 1])
        assert rates[peak:] == sorted(rates[peak:], reverse=True)
        assert 0 < rates[-1] < 0.05


# ---------------------------------------------------------------------------------- training


def test_recorded_position_i_is_character_i_plus_1(tiny: Recipe, corpus: Corpus, trained: Path) -> None:
    """Replays two batches: each is scored by the model that earlier batches made, in stream order."""
    losses = np.load(trained / "work" / "preupdate_nll.npy")
    assert losses.dtype == np.float32
    assert losses.shape == (tiny.tokens,)
    model = build_network(tiny)
    optimizers = training.build_optimizers(tiny, model)
    size = tiny.batch * tiny.context
    for step in range(2):
        begin = step * size
        x = torch.from_numpy(corpus.training[begin : begin + size].astype(np.int64)).view(tiny.batch, -1)
        logits = model(input_ids=x).logits.flatten(0, 1)
        following = corpus.training[begin + 1 : begin + size + 1].astype(np.int64)  # position i is x[i + 1]
        nll = torch.nn.functional.cross_entropy(logits, torch.from_numpy(following), reduction="none")
        np.testing.assert_allclose(losses[begin : begin + size], nll.detach().numpy(), atol=1e-5)
        nll.mean().backward()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * tiny.rate(step)
            optimizer.step()
            optimizer.zero_grad()


def test_record_describes_the_run(tiny: Recipe, corpus: Corpus, trained: Path) -> None:
    record = json.loads((trained / "out" / "training.json").read_text())
    losses = np.load(trained / "work" / "preupdate_nll.npy")
    wealth, sha256 = ProgressiveWealth.load(trained / "out" / "progressive.npz")
    assert record["parameters"] == tiny.parameters
    assert record["stream"]["sha256"] == sotu.stream_sha256(corpus.training[: tiny.tokens + 1]) == sha256
    assert record["loss_progressive"] == pytest.approx(losses.mean(dtype=np.float64))
    assert record["loss_train"] < record["loss_progressive"] < math.log(V) + 0.1
    assert record["curve"][-1]["tokens"] == tiny.tokens
    assert Recipe.from_dict(record["recipe"]) == tiny
    for alpha, statistic in wealth.by_alpha.items():
        assert statistic.n == tiny.tokens
        smoothed = -np.log((1 - alpha) * np.exp(-losses.astype(np.float64)) + alpha / V)
        assert statistic.mean_loss == pytest.approx(smoothed.mean(), abs=1e-5)


def test_a_run_is_the_same_bytes_again(tiny: Recipe, corpus: Corpus, trained: Path, tmp_path: Path) -> None:
    train(tiny, tmp_path / "out", work=tmp_path / "work", corpus=corpus)
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (trained / "out" / name).read_bytes(), name


@pytest.mark.parametrize("saved", [True, False])
def test_a_killed_run_continues_to_the_same_bytes(
    tiny: Recipe, corpus: Corpus, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool
) -> None:
    """Killed five blocks in; the last checkpoint is two blocks older, or there is none."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0 if saved else 1e9)

    def kill(step: str, done: int, total: int) -> None:
        if done >= 3 * training.BLOCK_TOKENS:
            monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 1e9)
        if done >= 5 * training.BLOCK_TOKENS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny, tmp_path / "out", work=tmp_path / "work", corpus=corpus, progress=kill)
    assert (tmp_path / "work" / "checkpoint.safetensors").exists() == saved
    assert not (tmp_path / "out").exists()
    first: list[int] = []
    train(
        tiny,
        tmp_path / "out",
        work=tmp_path / "work",
        corpus=corpus,
        progress=lambda step, done, total: first.append(done),
    )
    assert first[0] == (3 if saved else 1) * training.BLOCK_TOKENS
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (trained / "out" / name).read_bytes(), name
    np.testing.assert_array_equal(
        np.load(tmp_path / "work" / "preupdate_nll.npy"), np.load(trained / "work" / "preupdate_nll.npy")
    )


@pytest.mark.parametrize("kind", ["another recipe", "torn"])
def test_a_checkpoint_that_cannot_be_continued_is_not_used(
    tiny: Recipe, corpus: Corpus, trained: Path, tmp_path: Path, kind: str
) -> None:
    work = tmp_path / "work"
    shutil.copytree(trained / "work", work)
    file = work / "checkpoint.safetensors"
    recipe = tiny
    if kind == "torn":
        file.write_bytes(file.read_bytes()[:1000])
    else:
        recipe = replace(tiny, learning_rate=0.01)
    seen: list[int] = []

    def kill(step: str, done: int, total: int) -> None:
        seen.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "out", work=work, corpus=corpus, progress=kill)
    assert seen == [training.BLOCK_TOKENS]  # from the start
    assert not file.exists()


def test_a_finished_run_is_only_scored_again(tiny: Recipe, corpus: Corpus, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "work", tmp_path / "work")
    seen: set[str] = set()
    train(
        tiny,
        tmp_path / "out",
        work=tmp_path / "work",
        corpus=corpus,
        progress=lambda step, done, total: seen.add(step),
    )
    assert seen == {"score"}
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (trained / "out" / name).read_bytes(), name


def test_a_short_stream_is_refused(tiny: Recipe, corpus: Corpus, tmp_path: Path) -> None:
    short = replace(corpus, training=corpus.training[: tiny.tokens])
    with pytest.raises(DataError, match=f"need {tiny.tokens + 1}"):
        train(tiny, tmp_path / "out", work=tmp_path / "work", corpus=short)


def test_training_leaves_torch_as_it_was(trained: Path, tiny: Recipe, corpus: Corpus) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    build_network(tiny)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


# ---------------------------------------------------------------------------- shipped models

CEILINGS = {"10k": 2.07, "30k": 1.72, "100k": 1.37, "300k": 1.16, "530k": 1.10}


def test_the_whole_ladder_is_shipped() -> None:
    assert models.ladder_names() == tuple(RECIPES)
    size = sum(file.stat().st_size for file in models.SHIPPED.rglob("*") if file.is_file())
    assert size < 10_000_000


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_model_and_record_agree(name: str) -> None:
    model, record = models.load(name)
    recipe = RECIPES[name]
    assert Recipe.from_dict(record["recipe"]) == recipe
    assert record["parameters"] == count_parameters(model) == recipe.parameters
    assert record["tokens"] == recipe.tokens
    assert record["stream"]["sha256"] == sotu.stream_sha256(sotu.training_stream()[: recipe.tokens + 1])
    assert record["stream"]["training_sha256"] == sotu.TRAINING_SHA256
    assert record["stream"]["heldout_sha256"] == sotu.HELDOUT_SHA256
    assert record["loss_train"] <= CEILINGS[name]
    assert record["loss_train"] < record["loss_progressive"]
    wealth, sha256 = ProgressiveWealth.load(models.path(name) / "progressive.npz")
    assert sha256 == record["stream"]["sha256"]
    assert {statistic.n for statistic in wealth.by_alpha.values()} == {recipe.tokens}
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


@pytest.mark.parametrize("name", ["10k", "100k"])
def test_shipped_model_has_the_recorded_loss(name: str) -> None:
    model, record = models.load(name)
    first = record["loss_train_first"]
    found = mean_loss(model, sotu.training_stream()[: first["tokens"] + 1], model.config.max_position_embeddings)
    assert found == pytest.approx(first["loss"], abs=1e-5)


def test_losses_fall_with_size() -> None:
    records = [models.record(name) for name in models.ladder_names()]
    for key in ("loss_train", "loss_progressive"):
        values = [record[key] for record in records]
        assert values == sorted(values, reverse=True)


def test_transformers_reads_the_shipped_folder() -> None:
    from transformers import AutoModelForCausalLM

    ours, _ = models.load("10k")
    theirs = AutoModelForCausalLM.from_pretrained(models.path("10k")).eval()
    tokens = torch.arange(96)[None]
    with torch.inference_mode():
        assert torch.equal(ours(input_ids=tokens).logits, theirs(input_ids=tokens).logits)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ModelError, match="need one of 10k"):
        models.path("7b")


# ------------------------------------------------------------------------------- command line


def test_cli_list() -> None:
    from genbound.cli.ladder import app

    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in RECIPES)


def test_cli_train(
    tiny: Recipe, corpus: Corpus, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genbound.cli.ladder import app

    monkeypatch.setitem(RECIPES, "tiny", tiny)
    monkeypatch.setattr(Corpus, "default", classmethod(lambda cls: corpus))
    command = ["train", "tiny", "-o", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    for name in FILES:
        assert (tmp_path / "out" / "tiny" / name).read_bytes() == (trained / "out" / name).read_bytes(), name


@pytest.mark.parametrize("arguments", [["train"], ["train", "7b"], ["train", "10k", "--all"]])
def test_cli_refuses(arguments: list[str]) -> None:
    from genbound.cli.ladder import app

    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, DomainError)
