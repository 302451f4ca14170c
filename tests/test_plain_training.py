"""Plain training for several passes, the average of the weights, and progressive validation of both."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPTNeoXConfig

from genbound.errors import DataError, DomainError, ModelError
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder import train as ladder
from genbound.lm.ladder.network import build_network, load_model
from genbound.lm.ladder.progressive import ProgressiveWealth
from genbound.lm.ladder.recipes import RECIPES, Recipe, log_recipe_space
from genbound.lm.ladder.train import Corpus
from genbound.lm.token_stats import token_statistics
from genbound.lm.train import ema, plain
from genbound.lm.train.plain import Run, stream_sha256, train
from genbound.lm.windows import Windows

TINY = Recipe(name="tiny", hidden_size=16, layers=1, heads=1, intermediate_size=16, context=64, batch=4, warmup=0.1)


def walk(length: int) -> np.ndarray:
    """A random walk on the alphabet: something to learn."""
    steps = np.random.default_rng(0).integers(0, 3, size=length)
    return (np.cumsum(steps) % V).astype(np.uint8)


@pytest.fixture(scope="module")
def windows() -> Windows:
    return Windows(walk(64 * 70 + 1), 64)  # 70 windows: the last batch of an epoch holds two


def weights(model: torch.nn.Module) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


# ------------------------------------------------------------------------------------------------ plain training


def test_one_pass_is_the_ladder_s_training_to_the_byte(tmp_path: Path) -> None:
    recipe = replace(TINY, batch=16)
    corpus = Corpus("walk", walk(recipe.tokens + 1), walk(1000))
    record = ladder.train(recipe, tmp_path / "ladder", work=tmp_path / "work", corpus=corpus)
    trained = train(recipe, Windows(corpus.training, recipe.context))
    trained.save(tmp_path / "plain")
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "ladder" / name).read_bytes(), name
    assert trained.record["loss_train"] == record["loss_train"]


def test_more_passes_fit_better_and_are_the_same_again(windows: Windows, tmp_path: Path) -> None:
    once, thrice = (train(TINY, windows, epochs=epochs) for epochs in (1, 3))
    assert thrice.record["loss_train"] < once.record["loss_train"] - 0.1
    assert weights(train(TINY, windows, epochs=3).model) == weights(thrice.model)
    assert weights(train(TINY, windows, epochs=3, seed=1).model) != weights(thrice.model)
    thrice.save(tmp_path)
    assert weights(load_model(tmp_path)) == weights(thrice.model)
    assert json.loads((tmp_path / "training.json").read_text()) == thrice.record
    assert not thrice.model.training
    assert not any(p.requires_grad for p in thrice.model.parameters())


def test_every_pass_reads_every_window_once(windows: Windows) -> None:
    run = Run(TINY, windows, epochs=3, seed=5)
    orders = [
        np.concatenate([run.indices(step) for step in range(e * run.per_epoch, (e + 1) * run.per_epoch)])
        for e in range(3)
    ]
    assert orders[0].tolist() == list(range(70))
    assert all(sorted(order) == list(range(70)) for order in orders)
    assert len({order.tobytes() for order in orders}) == 3
    assert [run.indices(step).size for step in (16, 17, 18)] == [4, 2, 4]  # no batch spans two passes


def test_the_schedule_is_the_recipe_s_stretched() -> None:
    for recipe in (TINY, replace(TINY, schedule="cosine"), RECIPES["10k"]):
        for step in (0, 1, 50, recipe.steps - 1):
            assert plain.rate(recipe, step, recipe.steps) == recipe.rate(step)
    assert plain.rate(TINY, 4 * TINY.steps - 1, 4 * TINY.steps) < TINY.rate(TINY.steps - 1)


@pytest.mark.parametrize("kind", ["plain", "progressive"])
@pytest.mark.parametrize("saved", [True, False])
def test_a_killed_run_continues_to_the_same_bytes(
    windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, saved: bool
) -> None:
    """Killed in the middle; the last checkpoint is one block older, or there is none."""
    monkeypatch.setattr(plain, "BLOCK_TOKENS", 512)
    monkeypatch.setattr(plain, "CHECKPOINT_SECONDS", 0.0 if saved else 1e9)

    def go(**options: Any) -> Any:
        if kind == "plain":
            return train(TINY, windows, epochs=2, **options)
        return ema.progressive(TINY, windows, cuts=(640, 3000), **options)

    def kill(step: str, done: int, total: int) -> None:
        if done >= total // 2:
            raise KeyboardInterrupt

    whole = go()
    with pytest.raises(KeyboardInterrupt):
        go(work=tmp_path, progress=kill)
    assert (tmp_path / "checkpoint.safetensors").exists() == saved
    first: list[int] = []
    again = go(work=tmp_path, progress=lambda step, done, total: first.append(done))
    assert (first[0] > 1024) == saved
    assert weights(again.model) == weights(whole.model)
    if kind == "progressive":
        assert weights(again.averaged) == weights(whole.averaged)
        for a, b in zip(again.raw + again.ema, whole.raw + whole.ema, strict=True):
            assert a.by_alpha == b.by_alpha


def test_a_checkpoint_of_another_run_is_not_used(windows: Windows, tmp_path: Path) -> None:
    train(TINY, windows, work=tmp_path)
    seen: list[int] = []
    train(TINY, windows, work=tmp_path, progress=lambda step, done, total: seen.append(done))
    assert not seen  # finished already
    train(TINY, windows, work=tmp_path, seed=1, progress=lambda step, done, total: seen.append(done))
    assert seen[0] == plain.BLOCK_TOKENS


def test_a_configuration_trains_like_the_recipe_it_came_from(windows: Windows) -> None:
    config = build_network(TINY).config
    assert weights(train(config, windows, recipe=TINY).model) == weights(train(TINY, windows).model)
    assert plain.settled(config)[1] == RECIPES["10k"]  # the nearest in size


def test_the_digest_is_of_the_tokens_that_are_used(windows: Windows) -> None:
    longer = Windows(walk(64 * 70 + 60), 64)
    assert stream_sha256(longer) == stream_sha256(windows)
    assert stream_sha256(Windows(walk(64 * 71 + 1), 64)) != stream_sha256(windows)
    assert stream_sha256(Windows(walk(64 * 70 + 1).astype(np.int64), 64)) == stream_sha256(windows)


def test_what_cannot_be_trained_is_refused(windows: Windows) -> None:
    for epochs in (0, -1, True, 1.5):
        with pytest.raises(DomainError, match="epochs"):
            train(TINY, windows, epochs=epochs)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="context"):
        train(TINY, Windows(walk(1000), 128))
    with pytest.raises(ModelError, match="GPT-NeoX"):
        train(GPTNeoXConfig(hidden_act="relu"), windows)


def test_training_leaves_torch_as_it_was(windows: Windows) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(TINY, windows)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)


# --------------------------------------------------------------------- averages and progressive validation


def test_the_average_is_the_power_law_one() -> None:
    """Against the weights t^g (w_t in closed form): a_T = sum_t c_t w_t with c from the recursion, by hand."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    average = ema.Average({"w": parameter}, gamma=8.0)
    expected = 0.0
    for t in range(1, 40):
        with torch.no_grad():
            parameter.fill_(float(t))
        average.update({"w": parameter})
        beta = (1 - 1 / t) ** 9
        expected = beta * expected + (1 - beta) * t
    assert average.values["w"].item() == pytest.approx(expected, rel=1e-5)
    assert 30 < expected < 39
    with pytest.raises(DomainError, match="gamma"):
        ema.Average({"w": parameter}, gamma=3.0)


@pytest.fixture(scope="module")
def run(windows: Windows) -> ema.Progressive:
    return ema.progressive(TINY, windows, cuts=(640, 3008))


def test_progressive_validation_leaves_the_training_alone(windows: Windows, run: ema.Progressive) -> None:
    assert weights(run.model) == weights(train(TINY, windows).model)
    assert weights(run.averaged) != weights(run.model)


def test_progressive_validation_is_that_of_the_ladder(tmp_path: Path) -> None:
    recipe = replace(TINY, batch=16)
    corpus = Corpus("walk", walk(recipe.tokens + 1), walk(1000))
    ladder.train(recipe, tmp_path / "out", work=tmp_path / "work", corpus=corpus)
    theirs, _ = ProgressiveWealth.load(tmp_path / "out" / "progressive.npz")
    ours = ema.progressive(recipe, Windows(corpus.training, recipe.context)).after()
    for alpha, wealth in ours.by_alpha.items():
        assert wealth.n == recipe.tokens
        assert wealth.mean_loss == pytest.approx(theirs.by_alpha[alpha].mean_loss, abs=1e-9)
        assert wealth.mean_loss >= theirs.by_alpha[alpha].mean_loss  # the margin of the evaluation


def test_averaged_predictors_are_scored_before_they_see_a_token(windows: Windows, run: ema.Progressive) -> None:
    """Replays the beginning by hand: the block at steps 2 and 3 is scored by the average after step 2."""
    replayed = ema.AveragedRun(TINY, windows, epochs=1, seed=0)
    totals = np.zeros(len(run.ema[0].by_alpha))
    while replayed.tokens_done < 640:
        inputs, targets = windows.gather(np.arange(8) + replayed.step * 4)  # 512 tokens: two batches of four
        model = replayed.average.model(replayed.config)
        with torch.no_grad():
            scored = token_statistics(model(input_ids=inputs).logits, targets)
        keep = min(512, 640 - replayed.tokens_done)
        totals += scored.smoothed_nll[:, :keep].sum(-1)
        replayed.update()
        replayed.update()
    for wealth, total in zip(run.ema[0].by_alpha.values(), totals, strict=True):
        assert wealth.n == 640
        assert wealth.mean_loss == pytest.approx(total / 640, abs=1e-6)


def test_the_parts_add_up(windows: Windows, run: ema.Progressive) -> None:
    undivided = ema.progressive(TINY, windows)
    for averaged in (False, True):
        assert run.after(averaged=averaged).by_alpha == undivided.after(averaged=averaged).by_alpha
    assert {wealth.n for wealth in run.after(3008).by_alpha.values()} == {windows.n_tokens - 3008}
    bound = run.bound(3008, averaged=True)
    assert bound.n == windows.n_tokens - 3008
    assert bound.costs["further choices"] >= log_recipe_space() + math.log(6 * 3)
    assert run.bound(3008).costs["further choices"] == pytest.approx(log_recipe_space())


@pytest.mark.parametrize("cuts", [(0,), (64, 64), (128, 64), (64 * 70,)])
def test_impossible_cuts_are_refused(windows: Windows, cuts: tuple[int, ...]) -> None:
    with pytest.raises(DomainError, match="cuts"):
        ema.progressive(TINY, windows, cuts=cuts)


def test_a_part_that_was_not_cut_is_refused(run: ema.Progressive) -> None:
    with pytest.raises(DomainError, match="prefix"):
        run.after(64)


def test_progressive_validation_needs_the_ladder_s_alphabet(windows: Windows) -> None:
    config = build_network(TINY).config
    config.vocab_size = 128
    with pytest.raises(DataError, match="vocabulary of 128"):
        ema.progressive(config, windows)
