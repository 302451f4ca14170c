"""Structured training: every method learns, its file gives the model back bit for bit, and refuses everything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPTNeoXConfig

from genbound.complexity.codes import code_nats
from genbound.errors import CodeFormatError, DataError, DomainError, GenboundError, ModelError
from genbound.lm.codec import frame
from genbound.lm.codec.architecture import build, describe, layout
from genbound.lm.compress import code
from genbound.lm.compress import train as training
from genbound.lm.compress.methods import METHODS, Form, Structure
from genbound.lm.compress.model import Group, Structured
from genbound.lm.compress.train import train
from genbound.lm.windows import Windows

V, T = 24, 16
OPTIONS: dict[str, dict[str, Any]] = {
    name: {"dimension": 60} if method.subspace else {} for name, method in METHODS.items()
}


def config(**changes: Any) -> GPTNeoXConfig:
    """A network of 2,048 weights or so."""
    fields: dict[str, Any] = {
        "vocab_size": V, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
        "max_position_embeddings": T, "tie_word_embeddings": True, "use_cache": False, "bos_token_id": None,
        "eos_token_id": None,
    }  # fmt: skip
    return GPTNeoXConfig(**{**fields, **changes})


def stream(count: int = 40 * T + 1) -> Windows:
    """A text one can learn: each token follows from the last one, with some noise."""
    rng = np.random.default_rng(0)
    tokens = np.zeros(count, dtype=np.int64)
    for i in range(1, count):
        tokens[i] = (5 * tokens[i - 1] + 3) % V if rng.random() < 0.9 else rng.integers(V)
    return Windows(tokens, T)


def trained(method: str = "enhanced_lora", **changes: Any) -> Structured:
    given = {"epochs": 4, "seed": 1, "batch": 4, **OPTIONS[method], **changes}
    return train(config(), stream(), method=method, **given)


def made(method: str, seed: int = 0, **changes: Any) -> Structured:
    """A model with random integers, not trained."""
    rng = np.random.default_rng(seed)
    form = Form(method, seed=seed, **{**OPTIONS[method], **changes})
    model_type, kept = describe(build("gpt_neox", _kept()))
    sizes = Structure(layout(model_type, kept), form).groups.values()
    groups = [Group(int(rng.integers(-40, -10)), np.rint(rng.laplace(0, 2, size)).astype(np.int32)) for size in sizes]
    return Structured(model_type, kept, form, tuple(groups))


def _kept() -> dict[str, Any]:
    full = config().to_dict()
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    return {key: full[key] for key in (*keys, "max_position_embeddings", "tie_word_embeddings")}


def same(left: Structured, right: Structured) -> bool:
    if (left.model_type, dict(left.config), left.form) != (right.model_type, dict(right.config), right.form):
        return False
    return all(
        a.step == b.step and np.array_equal(a.values, b.values) for a, b in zip(left.groups, right.groups, strict=True)
    )


def loss(model: torch.nn.Module, windows: Windows) -> float:
    inputs, targets = windows.gather(np.arange(len(windows)))
    with torch.no_grad():
        logits = model(input_ids=inputs).logits
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_its_file_is_the_model(method: str, tmp_path: Path) -> None:
    result = trained(method, epochs=8, learning_rate=0.03)
    path = tmp_path / "model.gbs"
    code.write(path, result)
    described = code.read(path)
    data = path.read_bytes()
    assert data == code.encode(result)
    assert same(code.decode(data), result)
    assert described.kind == "coded file"
    assert described.code_bits == 8 * len(data)
    assert dict(described.prices) == {"code of the model": code_nats(8 * len(data))}
    for name, parameter in described.model.named_parameters():
        assert parameter.dtype == torch.float32
        assert not parameter.requires_grad
        assert np.array_equal(parameter.numpy(), result.weights()[name])
    assert not described.model.training
    untouched = replace(result, groups=tuple(Group(g.step, 0 * g.values) for g in result.groups))
    assert loss(described.model, stream()) < loss(untouched.build(), stream()) - 0.2


@pytest.mark.parametrize("method", METHODS)
def test_what_is_trained_is_what_is_decoded(method: str) -> None:
    """float32 matrix products while training, float64 sums when decoding: the same weights up to rounding."""
    result = made(method, seed=3)
    structure = Structure(layout(result.model_type, dict(result.config)), result.form, torch.float32)
    numbers = [torch.from_numpy((g.values * 2.0 ** (g.step / 8)).astype(np.float32)) for g in result.groups]
    decoded = result.weights()
    for name, weight in structure.weights(numbers).items():
        assert weight.dtype == torch.float32
        assert np.allclose(weight.numpy(), decoded[name], atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_ends_in_the_same_bytes(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped twice, before and after the turn to the grid, and continued from its last checkpoint."""
    whole = code.encode(trained(method))
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    for stop in (7, 29):
        calls = 0

        def progress(step: str, done: int, total: int, stop: int = stop) -> None:
            nonlocal calls
            calls += 1
            if calls == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            trained(method, work=tmp_path, progress=progress)
        assert (tmp_path / "checkpoint.safetensors").is_file()
    seen: list[int] = []
    assert code.encode(trained(method, work=tmp_path, progress=lambda *args: seen.append(args[1]))) == whole
    assert seen[0] > 2 * 40 * T  # nothing before the last checkpoint is done again


def test_a_checkpoint_of_another_run_is_not_used(tmp_path: Path) -> None:
    trained(work=tmp_path, seed=2)
    assert code.encode(trained(work=tmp_path)) == code.encode(trained())


def test_the_seed_and_nothing_else_decides() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = trained("kronecker_subspace")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert same(first, trained("kronecker_subspace"))
    assert not same(first, trained("kronecker_subspace", seed=9))


def test_progress_counts_every_token() -> None:
    seen: list[tuple[str, int, int]] = []
    trained(epochs=3, batch=7, progress=lambda *args: seen.append(args))
    assert seen[-1] == ("train", 3 * 40 * T, 3 * 40 * T)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_a_dearer_description_is_shorter() -> None:
    cheap, dear = (code.encode(trained(slope=slope)) for slope in (0.5, 50.0))
    assert len(dear) < len(cheap)


def test_sublora_leaves_everything_but_attention_and_embedding_at_its_initial_values() -> None:
    result = trained("sublora")
    untouched = replace(result, groups=tuple(Group(g.step, 0 * g.values) for g in result.groups)).weights()
    moved = {name for name, weight in result.weights().items() if not np.array_equal(weight, untouched[name])}
    attention = "gpt_neox.layers.0.attention."
    assert moved == {"gpt_neox.embed_in.weight", f"{attention}query_key_value.weight", f"{attention}dense.weight"}


def test_enhanced_methods_reach_every_parameter() -> None:
    for method in ("enhanced_lora", "monarch", "kronecker"):
        result = made(method)
        untouched = replace(result, groups=tuple(Group(g.step, 0 * g.values) for g in result.groups)).weights()
        moved = [name for name, weight in result.weights().items() if not np.array_equal(weight, untouched[name])]
        assert moved == list(untouched), method


@given(
    method=st.sampled_from(list(METHODS)),
    seed=st.integers(0, 1000),
    rank=st.integers(1, 5),
    blocks=st.integers(1, 6),
    plain=st.booleans(),
    spread=st.integers(-8, 0),
    kind=st.sampled_from(["kronecker", "fastfood", "dense"]),
)
@settings(max_examples=25, deadline=None)
def test_any_form_comes_back(
    method: str, seed: int, rank: int, blocks: int, plain: bool, spread: int, kind: str
) -> None:
    changes = {"projector": kind} if METHODS[method].subspace else {}
    source = made(method, seed, rank=rank, blocks=blocks, plain_embedding=plain, spread=spread, **changes)
    assert same(code.decode(code.encode(source)), source)


def test_extreme_integers_and_empty_groups_of_zeros_come_back() -> None:
    source = made("monarch", seed=1)
    for values in (0, 1, -1, code.VALUE_LIMIT, -code.VALUE_LIMIT):
        first = np.full_like(source.groups[0].values, values)
        changed = replace(source, groups=(Group(-64, first), *source.groups[1:]))
        assert same(code.decode(code.encode(changed)), changed)


def test_the_code_is_short() -> None:
    """Within a tenth, and 100 bytes for everything else, of what one table for each group would need."""
    source = made("enhanced_lora", seed=2, rank=8)
    ideal = 0.0
    for group in source.groups:
        _, counts = np.unique(group.values, return_counts=True)
        ideal -= float((counts * np.log2(counts / counts.sum())).sum())
    assert 8 * len(code.encode(source)) < 1.1 * ideal + 800


def test_edited_and_truncated_files_are_refused(tmp_path: Path) -> None:
    data = code.encode(made("enhanced_sublora", seed=4))
    path = tmp_path / "edited.gbs"
    edits = [data[:size] for size in range(len(data))] + [data + b"\0"]
    for place in range(0, len(data)):
        edits.append(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
    for edited in edits:
        with pytest.raises(CodeFormatError):
            code.decode(edited)
    path.write_bytes(edits[-1])
    with pytest.raises(CodeFormatError):
        code.read(path)


@given(st.binary(min_size=1, max_size=120))
@settings(max_examples=80, deadline=None)
def test_foreign_bytes_in_a_whole_frame_are_refused(payload: bytes) -> None:
    with pytest.raises(CodeFormatError):
        code.decode(code.MAGIC + frame.frame(payload, 0)[2:])


def test_a_file_of_other_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the same integers give other weights must not certify them."""
    data = code.encode(made("kronecker_subspace"))
    honest = Structured.weights

    def wrong(self: Structured) -> Any:
        weights = honest(self)
        weights["gpt_neox.embed_in.weight"][0, 0] = np.nextafter(weights["gpt_neox.embed_in.weight"][0, 0], 9)
        return weights

    monkeypatch.setattr(Structured, "weights", wrong)
    with pytest.raises(CodeFormatError, match="other weights"):
        code.decode(data)


def test_forms_and_options_out_of_range_are_refused() -> None:
    for changes in (
        {"method": "lora"}, {"rank": 0}, {"rank": 256}, {"blocks": 0}, {"seed": -1}, {"seed": 1 << 31},
        {"spread": 33}, {"dimension": 5}, {"projector": "sparse"},
    ):  # fmt: skip
        with pytest.raises(DomainError):
            Form(**{"method": "kronecker", **changes})
    with pytest.raises(DomainError):
        Form("sublora")
    for changes in ({"epochs": 0}, {"batch": 0}, {"learning_rate": float("nan")}, {"slope": 0.0}, {"dimension": 9}):
        with pytest.raises(DomainError):
            trained(**changes)
    with pytest.raises(DomainError):
        trained("sublora", dimension=10_000)
    with pytest.raises(ModelError):
        train(config(hidden_act="relu"), stream(), method="monarch", epochs=1, seed=0)
    with pytest.raises(DataError):
        train(config(), Windows(np.zeros(1, dtype=np.int64), T), method="monarch", epochs=1, seed=0)


def test_models_the_format_cannot_hold_are_refused() -> None:
    source = made("monarch")
    groups = source.groups
    for changed in (
        replace(source, groups=groups[:-1]),
        replace(source, groups=(Group(code.STEP_LIMIT + 1, groups[0].values), *groups[1:])),
        replace(source, groups=(Group(0, groups[0].values + code.VALUE_LIMIT + 99), *groups[1:])),
        replace(source, config={**source.config, "hidden_size": 17}),
        replace(source, model_type="gpt2", config={}),
    ):
        with pytest.raises(GenboundError):
            code.encode(changed)
