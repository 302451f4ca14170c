"""Prefix models: what they may see, what is said about them, what stands in the file, and what is refused."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genbound import smoothing
from genbound.complexity.prefix import prefix_prior
from genbound.errors import CodeFormatError, DataError, DomainError
from genbound.files import canonical_json
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder.recipes import Recipe, log_recipe_space
from genbound.lm.token_stats import TokenStatistics
from genbound.lm.train import plain, prefix, prefix_file
from genbound.lm.train.prefix import Prefix, load, read, replay, train, train_both, write
from genbound.lm.train.suffix import Scored, after, before, score, suffix_bound, tokens_of
from genbound.lm.windows import Windows, evaluate

TINY = Recipe(name="tiny", hidden_size=16, layers=1, heads=1, intermediate_size=16, context=64, batch=4, warmup=0.1)
N_0 = 64 * 30


def walk(length: int, seed: int = 0) -> np.ndarray:
    """A random walk on the alphabet: something to learn."""
    steps = np.random.default_rng(seed).integers(0, 3, size=length)
    return (np.cumsum(steps) % V).astype(np.uint8)


@pytest.fixture(scope="module")
def windows() -> Windows:
    return Windows(walk(64 * 90 + 20), 64)


@pytest.fixture(scope="module")
def both(windows: Windows) -> tuple[Prefix, Prefix]:
    return train_both(TINY, windows, prefix=N_0, epochs=2, choices={"prefix lengths": 5, "passes": 3})


@pytest.fixture
def file(both: tuple[Prefix, Prefix], tmp_path: Path) -> Path:
    write(tmp_path / "model.gbp", both[1])
    return tmp_path / "model.gbp"


def weights(model: torch.nn.Module) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


# ------------------------------------------------------------------------------------------- prefix and suffix


@pytest.mark.parametrize("separate", [False, True])
def test_every_window_is_before_or_after(separate: bool) -> None:
    windows = Windows(walk(700), 32, separate=separate)
    first, rest = before(windows, 320), after(windows, 320)
    assert (len(first), first.n_tokens) == (10, 320)
    assert len(first) + len(rest) == len(windows)
    x, y = windows.gather(np.arange(len(windows)))
    halves = [part.gather(np.arange(len(part))) for part in (first, rest)]
    assert torch.equal(torch.cat([half[0] for half in halves]), x)
    assert torch.equal(torch.cat([half[1] for half in halves]), y)


@pytest.mark.parametrize("bad", [0, -64, 63, 64 * 90, 10**9, True, 64.0])
def test_a_prefix_outside_the_stream_is_refused(windows: Windows, bad: Any) -> None:
    for cut in (before, after):
        with pytest.raises(DomainError, match="n_0"):
            cut(windows, bad)


def test_a_share_is_whole_windows_with_some_on_either_side(windows: Windows) -> None:
    assert [tokens_of(windows, share) for share in (1e-9, 0.5, 1 - 1e-9)] == [64, 64 * 45, 64 * 89]
    for share in (0.0, 1.0, math.nan):
        with pytest.raises(DomainError, match="n_0/n"):
            tokens_of(windows, share)


def test_the_model_is_a_function_of_the_prefix(windows: Windows, both: tuple[Prefix, Prefix]) -> None:
    """Other tokens after n_0 change nothing; another token within it does."""
    tokens = windows.tokens.copy()
    tokens[N_0 + 1 :] = walk(len(tokens) - N_0 - 1, seed=1)
    again = train_both(TINY, Windows(tokens, 64), prefix=N_0, epochs=2)
    assert [weights(a.model) for a in again] == [weights(b.model) for b in both]
    tokens[N_0] = (tokens[N_0] + 1) % V
    other = train_both(TINY, Windows(tokens, 64), prefix=N_0, epochs=2)
    assert all(weights(a.model) != weights(b.model) for a, b in zip(other, both, strict=True))


def test_the_raw_model_is_the_plain_one(windows: Windows, both: tuple[Prefix, Prefix]) -> None:
    alone = plain.train(TINY, before(windows, N_0), epochs=2)
    assert weights(both[0].model) == weights(alone.model)
    assert weights(both[1].model) != weights(alone.model)
    assert weights(train(TINY, windows, prefix=N_0, epochs=2, averaged=True).model) == weights(both[1].model)


# ------------------------------------------------------------------------------------------------- the bound


def test_the_bound_is_prefix_prior(windows: Windows, both: tuple[Prefix, Prefix]) -> None:
    """From one pass with binned statistics, against the array version of the statement at the chosen alpha."""
    raw = both[0]
    bound = suffix_bound(score(raw.model, after(windows, N_0)), N_0, raw.prices, delta=0.05)
    alpha = float(bound.tuned["alpha"])
    blocks = evaluate(raw.model, windows, np.arange(len(windows)), (alpha,), vocab_size=V)
    whole = TokenStatistics.concatenate([block for _, block in blocks])
    paid = math.fsum(bound.costs.values()) - bound.costs["shift grid (128)"]
    theirs = prefix_prior(
        whole.smoothed_nll[0], whole.smoothed_entropy[0], prefix=N_0, log_ratio=0.0, log_inv_delta=paid,
        ceiling=smoothing.ceiling(alpha, V), prediction_floor=smoothing.entropy_floor(alpha, V),
    )  # fmt: skip
    assert bound.name == theirs.name == "prefix_prior"
    assert bound.n == theirs.n == windows.n_tokens - N_0
    assert theirs.value - 1e-9 <= bound.value <= theirs.value + 1e-4  # binned: never below, hardly above
    assert bound.tuned["prefix"] == theirs.tuned["prefix"] == N_0
    assert any(f"about tokens {N_0 + 1}..{windows.n_tokens} only" in line for line in bound.assumptions)


def test_what_is_paid(windows: Windows, both: tuple[Prefix, Prefix]) -> None:
    scored = score(both[1].model, after(windows, N_0))
    bound = suffix_bound(scored, N_0, both[1].prices, delta=0.05)
    expected = log_recipe_space() + math.log(6 * 5 * 3) + math.log(16) + math.log(20)
    assert math.fsum(bound.costs.values()) == pytest.approx(expected + math.log(128), rel=1e-9)
    assert bound.complexity * bound.n >= expected + math.log(128)
    assert bound.value > scored.loss
    unpaid = suffix_bound(scored, N_0, {}, delta=0.05)
    assert unpaid.value < bound.value
    drawn = suffix_bound(scored, N_0, {"log-ratio of the draw": 50.0}, delta=0.05, drawn=True)
    assert drawn.value > unpaid.value
    assert any("draw" in line for line in drawn.assumptions)
    assert not any("for all n" in line for line in drawn.assumptions)


def test_the_score_is_the_mean_loss(windows: Windows, both: tuple[Prefix, Prefix]) -> None:
    rest = after(windows, N_0)
    scored = score(both[0].model, rest)
    assert isinstance(scored, Scored)
    assert scored.n == rest.n_tokens
    assert scored.loss == pytest.approx(plain.mean_loss(both[0].model, rest.tokens, 64), abs=1e-6)


@pytest.mark.parametrize("count", [0, -1, 2**41, True, 2.0])
def test_impossible_numbers_of_candidates_are_refused(both: tuple[Prefix, Prefix], count: Any) -> None:
    with pytest.raises(DomainError, match="passes"):
        replace(both[0], choices={"passes": count})


# -------------------------------------------------------------------------------------------------- the file


def test_a_file_gives_the_model_and_its_price_back(both: tuple[Prefix, Prefix], file: Path) -> None:
    described = read(file)
    assert described.kind == "prefix"
    assert described.code_bits is None
    assert weights(described.model) == weights(both[1].model)
    assert dict(described.prices) == both[1].prices
    assert described.nats == pytest.approx(log_recipe_space() + math.log(6 * 5 * 3))
    assert f"tokens {N_0 + 1}..n only" in described.states
    assert not described.model.training
    assert not any(p.requires_grad for p in described.model.parameters())
    loaded = load(file)
    assert (loaded.prefix, loaded.averaged, dict(loaded.choices)) == (N_0, True, dict(both[1].choices))
    ids = torch.arange(40)[None]
    with torch.inference_mode():
        assert torch.equal(described.model(input_ids=ids).logits, both[1].model(input_ids=ids).logits)


def test_the_same_model_is_the_same_bytes(both: tuple[Prefix, Prefix], file: Path, tmp_path: Path) -> None:
    write(tmp_path / "again.gbp", load(file))
    assert (tmp_path / "again.gbp").read_bytes() == file.read_bytes()
    write(tmp_path / "raw.gbp", both[0])
    assert "exponent" not in str(dict(read(tmp_path / "raw.gbp").prices))


def test_replay_trains_again(windows: Windows, both: tuple[Prefix, Prefix], file: Path, tmp_path: Path) -> None:
    assert replay(file, windows)
    tokens = windows.tokens.copy()
    tokens[N_0 + 1 :] = 0
    assert replay(file, Windows(tokens, 64))  # it reads no further
    with torch.no_grad():
        forged = load(file)
        next(forged.model.parameters())[0, 0] += 1e-3  # a model that saw something else
    write(tmp_path / "forged.gbp", forged)
    read(tmp_path / "forged.gbp")  # cannot be seen in the file
    assert not replay(tmp_path / "forged.gbp", windows)


def test_replay_needs_the_tokens_of_the_file(windows: Windows, file: Path) -> None:
    tokens = windows.tokens.copy()
    tokens[5] = (tokens[5] + 1) % V
    for other in (Windows(tokens, 64), Windows(windows.tokens, 32)):
        with pytest.raises(DataError, match="another"):
            replay(file, other)


def test_truncated_and_edited_files_are_refused(file: Path) -> None:
    data = file.read_bytes()
    for wrong in (b"", data[:3], data[:40], data[:-1], data[:200], data + b"\0", b"gBx1" + data[4:]):
        file.write_bytes(wrong)
        with pytest.raises(CodeFormatError):
            read(file)
    for place in np.linspace(0, len(data) - 1, 40).astype(int):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(CodeFormatError):
            read(file)
    with pytest.raises(CodeFormatError, match="cannot be read"):
        read(file.with_name("absent.gbp"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prefix", 0), ("prefix", N_0 + 1), ("prefix", "many"), ("averaged", 1), ("choices", {"passes": 0}),
        ("choices", {"passes": -3}), ("choices", [1]), ("init_std", "big"), ("recipe", {"name": "x"}),
        ("recipe", None), ("epochs", True), ("seed", -1), ("gamma", 3.0), ("gamma", [4.0]), ("context", 0),
        ("stream_sha256", "00"), ("versions", {"torch": 2}), ("config", []), ("config", {"hidden_size": 2**40}),
        ("config", {"num_hidden_layers": 10**7}), ("config", {"vocab_size": 50}), ("unknown", 1), ("seed", None),
    ],
)  # fmt: skip
def test_absurd_headers_are_refused(file: Path, key: str, value: Any) -> None:
    """With a digest that fits: only what a field says can give it away."""
    data = file.read_bytes()
    end = 40 + int.from_bytes(data[36:40], "big")
    header = json.loads(data[40:end])
    head = canonical_json({**header, key: value}).encode()
    rest = len(head).to_bytes(4, "big") + head + data[end:]
    file.write_bytes(prefix_file.MAGIC + hashlib.sha256(rest).digest() + rest)
    with pytest.raises(CodeFormatError):
        read(file)


def test_weights_that_are_not_finite_are_refused(both: tuple[Prefix, Prefix], file: Path) -> None:
    broken = load(file)
    with torch.no_grad():
        next(broken.model.parameters())[0, 0] = math.nan
    write(file, broken)
    with pytest.raises(CodeFormatError, match="finite"):
        read(file)


def test_a_run_on_disk_gives_the_same_model(windows: Windows, both: tuple[Prefix, Prefix], tmp_path: Path) -> None:
    for _ in range(2):  # the second time from the finished checkpoint
        made = train_both(TINY, windows, prefix=N_0, epochs=2, work=tmp_path)
        assert [weights(a.model) for a in made] == [weights(b.model) for b in both]


def test_zero_is_shown_among_the_prices() -> None:
    assert prefix.prices(False, {}) == {prefix.ZERO: 0.0, "recipe": log_recipe_space()}
