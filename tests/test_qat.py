"""Refining by gradient: every kind of tensor, learned steps and code points, determinism; rates chosen by the bound."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_quantize import tiny, windows

from genbound.errors import DomainError
from genbound.lm.codec import build_model, decode, encode
from genbound.lm.codec.container import same
from genbound.lm.hessian import Hessians, Shelf, collect
from genbound.lm.quantize import Options, QuantizedModel, quantize, quantize_and_refine, refine
from genbound.lm.quantize.bound import allocate_for_bound
from genbound.lm.quantize.lattice import nearest_e8
from genbound.lm.quantize.moved import Moved, MovedNumbers, moved
from genbound.lm.windows import Windows

PATTERN = torch.arange(17).repeat(8, 1) * 3 % 40
STREAM = Windows(np.tile(np.arange(40) * 3 % 40, 20), 16)


@cache
def subject(name: str = "neox-tied") -> tuple[Any, Hessians]:
    model = tiny(name, scale=3.0)
    return model, collect(model, [PATTERN[:, :-1]])


def loss(quantized: QuantizedModel) -> float:
    with torch.no_grad():
        logits = build_model(quantized)(input_ids=PATTERN[:, :-1]).logits
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), PATTERN[:, 1:].flatten()))


def start(method: str, bits: float = 3.0, name: str = "neox-tied", **options: Any) -> QuantizedModel:
    model, statistics = subject(name)
    return quantize(model, method=method, bits=bits, calibration=statistics, options=Options(**options))


@pytest.mark.parametrize("method", ["rtn", "gptq", "ldlq", "e8", "kmeans"])
@pytest.mark.parametrize("name", ["neox-tied", "gpt2"])
def test_what_is_trained_is_what_is_coded(method: str, name: str) -> None:
    """The first loss is that of the file it starts from, and weights on the move are those of the file at the end."""
    begin = start(method, name=name)
    seen: list[float] = []
    refine(begin, subject(name)[0], [PATTERN], steps=1, price=0.0, progress=lambda _, value: seen.append(value))
    assert seen[0] == pytest.approx(loss(begin), abs=1e-4)
    tensors, _ = moved(begin.tensors, begin.seed)
    with torch.no_grad():
        for each in tensors:
            each.real.add_(0.7 * torch.randn(each.real.shape, generator=torch.Generator().manual_seed(1)))
            for scale in each.scales:
                scale.add_(0.3)
            each.settle()
    for index, each in enumerate(tensors):
        wanted = each.finish().dequantize(begin.seed, index)
        assert each.weights().detach().numpy() == pytest.approx(wanted, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("method", ["rtn", "gptq", "ldlq", "e8", "kmeans"])
def test_every_kind_gets_better_and_survives_the_file(method: str) -> None:
    begin, model = start(method), subject()[0]
    free = refine(begin, model, [PATTERN] * 12, steps=12, price=0.0, learning_rate=0.2)
    dear = refine(begin, model, [PATTERN] * 12, steps=12, price=3e-3, learning_rate=0.2)
    assert loss(free) < 0.9 * loss(begin)
    data = encode(dear)
    assert len(data) < len(encode(begin))
    assert [each.kind for each in dear.tensors] == [each.kind for each in begin.tensors]
    assert same(decode(data).quantized, dear)


def test_steps_and_code_points_move_if_they_may() -> None:
    model = subject()[0]
    begin = start("ldlq", 2.0)
    kept = refine(begin, model, [PATTERN] * 20, steps=20, price=1e-2, learning_rate=0.3, learn_steps=False)
    grown = refine(begin, model, [PATTERN] * 20, steps=20, price=1e-2, learning_rate=0.3)
    assert [each.step for each in kept.tensors] == [each.step for each in begin.tensors]
    assert sum(each.step for each in grown.tensors) > sum(each.step for each in begin.tensors)
    begin = start("kmeans", 2.0)
    found = refine(begin, model, [PATTERN] * 20, steps=20, price=0.0, learning_rate=0.1)
    books = [{each.codebook.tobytes() for each in m.tensors if each.codebook is not None} for m in (begin, found)]
    assert not books[0] & books[1]
    assert len(books[1]) == len(books[0])


def test_gradients_pass_straight_through_the_rounding() -> None:
    for each in moved(start("ldlq", rotate=False).tensors, 0)[0]:
        assert isinstance(each, Moved)
        each.weights().sum().backward()
        assert each.real.grad is not None
        steps = dataclasses.replace(each.tensor, values=np.ones_like(each.tensor.values), centre=0, shrink=0)
        wanted = steps.matrix(0, 0)
        assert each.real.grad.numpy() == pytest.approx(wanted, rel=1e-5)
    tensors, books = moved(start("kmeans").tensors, 0)
    sum(each.weights().sum() for each in tensors).backward()  # type: ignore[union-attr]
    for book in books:
        assert book.grad is not None
        assert bool((book.grad > 0).any())


def test_points_on_the_move_are_the_nearest_of_the_lattice() -> None:
    tensor = next(each for each in start("e8", 4.0).tensors if each.lattice is not None)
    each = Moved(tensor, 0, 0)
    assert tensor.lattice is not None
    with torch.no_grad():
        each.real.add_(torch.randn(each.real.shape, generator=torch.Generator().manual_seed(0)))
    columns = int(tensor.lattice.columns.sum())
    wanted = nearest_e8(each.real.detach().double().numpy()[tensor.lattice.places].reshape(-1, 8, columns))
    found = each.finish()
    assert found.lattice is not None
    got = found.values[tensor.lattice.places].reshape(-1, 8, columns) + 0.5 * found.lattice.halves[:, None, :]
    assert np.array_equal(got, wanted)
    assert MovedNumbers is not Moved


@pytest.mark.parametrize("method", ["ldlq", "kmeans"])
def test_quantize_and_refine_repeats(method: str) -> None:
    model, statistics = subject()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    steps: list[int] = []

    def run(seed: int) -> QuantizedModel:
        return quantize_and_refine(
            model, STREAM, method=method, bits=3.0, epochs=20, calibration=statistics, seed=seed, learning_rate=0.2,
            progress=lambda step, _: steps.append(step),
        )  # fmt: skip

    first, again = run(0), run(0)
    assert encode(first) == encode(again)
    assert steps[: len(steps) // 2] == list(range(1, len(steps) // 2 + 1))
    begin = start(method)
    assert loss(first) < loss(begin)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())
    with pytest.raises(DomainError, match="epochs"):
        quantize_and_refine(model, STREAM, method="rtn", bits=3.0, epochs=0)


def test_allocation_finds_the_rate_and_the_offsets_the_objective_wants() -> None:
    model, statistics = subject()
    plain = quantize(model, method="ldlq", bits=12.0, calibration=statistics).dequantize()
    groups = {t.name: t for t in quantize(model, method="ldlq", bits=3.0, calibration=statistics).tensors}
    weight = {name: 30.0 if "mlp" in name and len(t.shape) == 2 else 1.0 for name, t in groups.items()}

    def bound(found: QuantizedModel) -> float:
        error = sum(
            weight[name] * float(np.square(value - plain[name]).sum()) for name, value in found.dequantize().items()
        )
        return error + 2e-3 * 8 * len(encode(found))

    found = allocate_for_bound(model, statistics, bound, low=1.0, high=6.0, evaluations=14)
    bounds = [candidate.bound for candidate in found.tried]
    assert len(found.tried) == 14
    assert len(set(found.tried)) == 14
    assert found.best.bound == min(bounds) == bound(found.model)
    level_only = min(candidate.bound for candidate in found.tried if not candidate.offsets)
    assert found.best.bound < level_only
    assert dict(found.best.offsets)["mlp"] > 0
    wanted = min(bound(quantize(model, method="ldlq", bits=b, calibration=statistics)) for b in (1, 1.5, 2, 3, 4, 6))
    assert level_only <= 1.1 * wanted


def test_allocation_of_gptq_searches_the_rate_only() -> None:
    model, statistics = subject()
    found = allocate_for_bound(model, statistics, lambda m: float(len(encode(m))), method="gptq", evaluations=4)
    assert all(not candidate.offsets for candidate in found.tried)
    assert found.best.bound == min(candidate.bound for candidate in found.tried)


def test_allocation_refuses() -> None:
    model, statistics = subject()
    with pytest.raises(DomainError, match="low, high"):
        allocate_for_bound(model, statistics, lambda _: 0.0, low=3.0, high=2.0)
    with pytest.raises(DomainError, match="evaluations"):
        allocate_for_bound(model, statistics, lambda _: 0.0, evaluations=2)


@pytest.mark.parametrize("method", ["gptq", "ldlq", "e8", "kmeans"])
def test_statistics_in_files_give_the_same_integers(method: str, tmp_path: Path) -> None:
    model = tiny("llama-tied")
    whole = collect(model, windows().split(4))
    shelved = collect(model, windows().split(4), layers_at_once=1, shelf=tmp_path)
    assert isinstance(shelved.inputs, Shelf)
    assert set(shelved.inputs) == set(whole.inputs)
    assert len(list(tmp_path.iterdir())) == len(whole.inputs)
    mine, theirs = (quantize(model, method=method, bits=3.0, calibration=c) for c in (shelved, whole))
    assert same(mine, theirs)


def test_collect_by_groups_of_layers_is_the_whole() -> None:
    for name in ("neox-tied", "neox", "gpt2-tied", "gpt2", "llama"):
        model = tiny(name)
        whole = collect(model, windows().split(4))
        seen: list[int] = []
        for size in (1, 3):
            parts = collect(model, windows().split(4), layers_at_once=size, progress=seen.append)
            assert parts.tokens == whole.tokens
            for field in ("inputs", "rows", "counts", "vectors"):
                mine, theirs = getattr(parts, field), getattr(whole, field)
                assert set(mine) == set(theirs)
                assert all(np.array_equal(mine[key], theirs[key]) for key in mine), (name, field)
            assert all(
                np.array_equal(a, b) for key in whole.embeddings
                for a, b in zip(parts.embeddings[key], whole.embeddings[key], strict=True)
            )  # fmt: skip
        assert seen[-1] % 128 == 0
    with pytest.raises(DomainError, match="layers_at_once"):
        collect(model, windows(), layers_at_once=0)
    assert math.isfinite(sum(float(value.sum()) for value in whole.inputs.values()))
