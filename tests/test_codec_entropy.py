"""The coded size of large tensors is their empirical entropy, tables included, to half a percent."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from test_quantize import tiny

from genbound.lm.codec import sections
from genbound.lm.codec.architecture import describe, layout
from genbound.lm.quantize import QuantizedModel, QuantizedTensor
from genbound.lm.quantize.lattice import nearest_e8, split
from genbound.lm.quantize.rates import nominal_step

ROWS, COLUMNS = 400, 400


def entropy(values: np.ndarray) -> float:
    """Bits of the values under their own histogram."""
    _, counts = np.unique(values, return_counts=True, axis=0)
    return float(-(counts * np.log2(counts / counts.sum())).sum())


@cache
def empty() -> QuantizedModel:
    """A model in which one tensor has 160,000 weights and the others are zero."""
    config = {**describe(tiny("llama"))[1], "vocab_size": ROWS, "hidden_size": COLUMNS, "intermediate_size": 8}
    place = layout("llama", config)
    tensors = []
    for name, shape in zip(place.names, place.shapes, strict=True):
        folded = (1, shape[0]) if len(shape) == 1 else shape
        zero = np.zeros(folded[0], dtype=np.int64), np.zeros(folded[1], dtype=np.int64)
        tensors.append(QuantizedTensor(name, shape, np.zeros(folded, dtype=np.int32), -64, *zero))
    return QuantizedModel("llama", config, tuple(tensors))


def spent(changed: QuantizedTensor) -> float:
    """The bits a model takes more with this tensor than with zeros in its place."""
    model = empty()
    tensors = tuple(changed if tensor.name == changed.name else tensor for tensor in model.tensors)
    return sum(sections(dataclasses.replace(model, tensors=tensors)).values()) - sum(sections(model).values())


def head() -> QuantizedTensor:
    return next(tensor for tensor in empty().tensors if tensor.name == "lm_head.weight")


def drawn(source: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, COLUMNS)) if source == "gaussian" else rng.laplace(0, 0.5**0.5, (ROWS, COLUMNS))


@pytest.mark.parametrize("source", ["gaussian", "laplace"])
@pytest.mark.parametrize("bits", [0.7, 2.0, 3.0, 4.0])
def test_integers(source: str, bits: float) -> None:
    q = np.rint(drawn(source, 0) / 2.0 ** nominal_step(1.0, bits)).astype(np.int32)
    ideal = entropy(q.reshape(-1, 1))
    assert ideal < spent(dataclasses.replace(head(), values=q)) * 1.0005
    assert spent(dataclasses.replace(head(), values=q)) < 1.005 * ideal


@pytest.mark.parametrize("bits", [2.0, 3.0, 4.0])
def test_integers_of_two_classes(bits: float) -> None:
    """Rows of two spreads: the reference is the entropy of each half under its own histogram."""
    spread = np.where(np.arange(ROWS) % 2, 4.0, 1.0)[:, None]
    q = np.rint(drawn("gaussian", 1) * spread / 2.0 ** nominal_step(2.0, bits)).astype(np.int32)
    ideal = entropy(q[::2].reshape(-1, 1)) + entropy(q[1::2].reshape(-1, 1))
    # The rows' classes are a sequence of alternating signs: a bit each.
    assert spent(dataclasses.replace(head(), values=q)) < 1.005 * ideal + 1.2 * ROWS


@pytest.mark.parametrize("bits", [2.0, 4.0])
def test_numbers_of_a_codebook(bits: float) -> None:
    q = np.rint(drawn("laplace", 2) / 2.0 ** nominal_step(1.0, bits)).astype(np.int64)
    book, places = np.unique(q, return_inverse=True)
    values = places.reshape(q.shape).astype(np.int32)
    assert spent(dataclasses.replace(head(), values=values, codebook=book)) < 1.005 * entropy(q.reshape(-1, 1))


@pytest.mark.parametrize("bits", [2.0, 3.0, 4.0])
def test_points_of_the_lattice(bits: float) -> None:
    """The reference is h, seven integers given h, and the last given h and its parity, each under its histogram."""
    wanted = drawn("gaussian", 3) / 2.0 ** nominal_step(1.0, bits)
    doubled = (2 * nearest_e8(wanted.reshape(-1, 8, COLUMNS))).reshape(ROWS, COLUMNS).astype(np.int32)
    everywhere = np.ones(ROWS, dtype=bool), np.ones(COLUMNS, dtype=bool)
    values, lattice = split(doubled, *everywhere)
    assert lattice is not None
    eights = values.reshape(-1, 8, COLUMNS)
    ideal = entropy(lattice.halves.reshape(-1, 1))
    for half in (False, True):
        chosen = lattice.halves == half
        ideal += entropy(np.moveaxis(eights[:, :7], 1, -1)[chosen].reshape(-1, 1))
        for odd in (0, 1):
            ideal += entropy(eights[:, 7][chosen & (eights[:, :7].sum(1) % 2 == odd)].reshape(-1, 1))
    assert spent(dataclasses.replace(head(), values=values, lattice=lattice)) < 1.005 * ideal
