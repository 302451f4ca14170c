"""The lattice E8: nearest points, feedback, the file."""

from __future__ import annotations

import dataclasses
from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_quantize import correlated, tiny, windows

from genbound.errors import ModelError
from genbound.lm.codec import build_model, decode, encode, sections
from genbound.lm.codec.container import same
from genbound.lm.hessian import collect
from genbound.lm.quantize import Lattice, Options, quantize
from genbound.lm.quantize.lattice import LatticeRule, choose, nearest_e8, split
from genbound.lm.quantize.ldlq import Rounding, factor, ldlq, proxy_loss
from genbound.lm.quantize.model import QuantizedTensor, shrunken_e8

MINIMAL = np.array(
    [
        [*(first if k == i else second if k == j else 0 for k in range(8))]
        for i, j in combinations(range(8), 2)
        for first, second in product((1, -1), repeat=2)
    ]
    + [[s / 2 for s in signs] for signs in product((1, -1), repeat=8) if signs.count(-1) % 2 == 0]
)
"""The 240 shortest vectors of E8, whose perpendicular planes bound its cell."""

points = arrays(np.float64, (4, 8), elements=st.floats(-20, 20))


def in_e8(found: np.ndarray) -> bool:
    doubled = 2 * found
    alike = (doubled % 2 == doubled[:, :1] % 2).all() and (doubled == np.rint(doubled)).all()
    return bool(alike and (found.sum(1) % 2 == 0).all())


@given(points)
def test_the_nearest_point_is_a_point_and_the_nearest(wanted: np.ndarray) -> None:
    assert len(MINIMAL) == 240
    found = nearest_e8(wanted)
    assert in_e8(found)
    # Inside the cell: no shortest vector leads nearer.
    rest = wanted - found
    assert (rest @ MINIMAL.T <= 1.0 + 1e-9).all()


def test_the_second_moment_is_that_of_e8() -> None:
    wanted = np.random.default_rng(0).uniform(-50, 50, (100_000, 8))
    assert np.square(wanted - nearest_e8(wanted)).mean() == pytest.approx(929 / 12960, rel=0.005)


def test_points_near_zero_are_moved_to_the_mean_of_their_cell() -> None:
    wanted = np.random.default_rng(1).normal(0, 0.6, (200_000, 8))
    found = nearest_e8(wanted)
    plain, shrunken = (np.square(wanted - p).mean() for p in (found, shrunken_e8(found)))
    assert shrunken < 0.9 * plain


def test_feedback_on_the_lattice_beats_the_scalar_rule_at_the_same_step() -> None:
    weights, hessian = correlated(256, 64)
    triangle = factor(hessian, 1e-3)
    steps, ones = np.full(256, 0.4), np.ones(64)
    everywhere = np.ones(256, dtype=bool), np.ones(64, dtype=bool)
    doubled = ldlq(weights, triangle, steps, ones, LatticeRule(*everywhere, Rounding()))
    values, lattice = split(doubled, *everywhere)
    assert lattice is not None
    zero = np.zeros(256, dtype=np.int64), np.zeros(64, dtype=np.int64)
    tensor = QuantizedTensor("w", (256, 64), values, 0, *zero, lattice=lattice)
    scalar = ldlq(weights, triangle, steps, ones)
    better, plain = (
        proxy_loss(weights, np.asarray(0.4 * p, dtype=np.float64), hessian) for p in (tensor.points(), scalar)
    )
    assert better < 0.92 * plain


def test_the_file_takes_no_more_bits_for_points_than_for_integers() -> None:
    """At high rate a point of E8 costs what eight integers of the same step cost, and lies 14 % nearer.

    Steps are powers of two of the fourth root, and their allocation moves the errors of one small model by 3 %.
    """
    model = tiny("gpt2", scale=1.0)
    statistics = collect(model, [windows(32)])
    options = Options(rows=False, columns=False, shrink=0, deadzone=0.0)
    sizes, errors = {"ldlq": 0, "e8": 0}, {"ldlq": 0.0, "e8": 0.0}
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.normal_(0.0, 1.0, generator=generator)
        weights = {name: p.detach().numpy() for name, p in model.named_parameters()}
        for method in ("ldlq", "e8"):
            found = quantize(model, method=method, bits=4.0, calibration=statistics, options=options)
            sizes[method] += sections(found)["matrices"]
            errors[method] += sum(
                float(np.square(t.dequantize(0, i) - weights[t.name]).sum())
                for i, t in enumerate(found.tensors)
                if len(t.shape) == 2
            )
    assert sizes["e8"] < 1.03 * sizes["ldlq"]
    assert errors["e8"] < 0.95 * errors["ldlq"]


@pytest.mark.parametrize("name", ["neox-tied", "neox", "gpt2", "llama-tied"])
@pytest.mark.parametrize("bits", [0.5, 1.5, 3.0, 8.0])
def test_whole_models_survive_the_file(name: str, bits: float) -> None:
    model = tiny(name)
    found = quantize(model, method="e8", bits=bits, calibration=collect(model, windows().split(4)), seed=5)
    back = decode(encode(found)).quantized
    assert same(back, found)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(
        found.dequantize().values(), back.dequantize().values(), strict=True
    ))  # fmt: skip
    assert bits < 1 or any(t.lattice is not None for t in found.tensors)


@given(st.integers(0, 2**31), st.sampled_from([0.5, 3.0, 5000.0, 1e6]))
@settings(max_examples=25, deadline=None)
def test_any_points_survive_the_file(seed: int, width: float) -> None:
    source = BASE
    tensor = next(t for t in source.tensors if t.name == "lm_head.weight")
    rng = np.random.default_rng(seed)
    rows, columns = np.zeros(40, dtype=bool), rng.random(16) < 0.7
    rows[rng.permutation(40)[:24]] = True
    wanted = rng.standard_t(2, size=(40, 16)) * width
    doubled = 2 * np.rint(wanted)
    eights = wanted[np.ix_(rows, columns)].reshape(3, 8, -1)
    doubled[np.ix_(rows, columns)] = 2 * nearest_e8(eights).reshape(24, -1)
    values, lattice = split(np.clip(doubled, -(1 << 29), 1 << 29).astype(np.int32), rows, columns)
    changed = dataclasses.replace(tensor, values=values, lattice=lattice, step=-64)
    source = dataclasses.replace(source, tensors=tuple(changed if t is tensor else t for t in source.tensors))
    assert same(decode(encode(source)).quantized, source)


BASE = quantize(tiny("llama"), method="rtn", bits=3.0)


def test_points_that_are_not_of_the_lattice_are_refused() -> None:
    tensor = next(t for t in BASE.tensors if t.name == "lm_head.weight")
    everywhere = np.ones(40, dtype=bool), np.ones(16, dtype=bool)
    odd = np.zeros((40, 16), dtype=np.int32)
    odd[3, 4] = 1
    lattice = Lattice(*everywhere, np.zeros((5, 16), dtype=bool))
    with pytest.raises(ModelError, match="odd sum"):
        dataclasses.replace(tensor, values=odd, lattice=lattice).check_range()
    with pytest.raises(ModelError, match="one half for every 8"):
        dataclasses.replace(tensor, lattice=Lattice(*everywhere, np.zeros((4, 16), dtype=bool))).check_range()
    with pytest.raises(ModelError, match="lattice and codebook at once"):
        dataclasses.replace(tensor, lattice=lattice, codebook=np.arange(3)).check_range()


def test_narrow_rows_and_columns_stay_out() -> None:
    bits = np.full((20, 6), 2.0)
    bits[3] = 0.1
    bits[:, 2] = 0.2
    rows, columns = choose(bits)
    assert rows.sum() == 16
    assert not rows[3]
    assert columns.tolist() == [True, True, False, True, True, True]
    nothing = choose(np.zeros((20, 6)))
    assert not nothing[0].any()
    assert not nothing[1].any()


def test_the_model_loses_less_at_the_same_step() -> None:
    model = tiny("neox", scale=12.0)
    tokens = windows(64, 16)
    statistics = collect(model, tokens.split(16))
    with torch.no_grad():
        wanted = torch.log_softmax(model(input_ids=tokens).logits, -1)

    def divergence(method: str) -> float:
        got = []
        for seed in range(3):
            found = quantize(model, method=method, bits=3.5, calibration=statistics, seed=seed)
            with torch.no_grad():
                logits = torch.log_softmax(build_model(found)(input_ids=tokens).logits, -1)
            got.append(float((wanted.exp() * (wanted - logits)).sum(-1).mean()))
        return float(np.mean(got))

    assert divergence("e8") < divergence("ldlq")
