"""The coded model file: bit-for-bit round trips, size, frame, refusals."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_quantize import CONFIGS, tiny, windows

from genbound.errors import CodeFormatError, DataError, ModelError
from genbound.lm.codec import code_bits, container, decode, decode_prefix, encode, read, sections, write
from genbound.lm.codec.architecture import check_config, describe, layout
from genbound.lm.codec.header import HeaderCoder
from genbound.lm.codec.rangecoder import Adaptive, AdaptiveInteger, Meter, Reader, Writer, gamma
from genbound.lm.codec.tables import BETAS, CLASS_MAX, CLASS_MIN, WEIGHTS, ClassTables, prior, reach
from genbound.lm.hessian import collect
from genbound.lm.quantize import Options, QuantizedModel, QuantizedTensor, quantize


def quantized(name: str = "llama-tied", bits: float = 3.0, method: str = "rtn", **options: Any) -> QuantizedModel:
    model = tiny(name)
    statistics = collect(model, windows().split(4)) if method == "ldlq" else None
    return quantize(model, method=method, bits=bits, calibration=statistics, seed=11, options=Options(**options))


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("method", ["rtn", "ldlq"])
def test_round_trip_is_bit_identical(name: str, method: str) -> None:
    model = tiny(name)
    statistics = collect(model, windows().split(4))
    for bits, options in [
        (1.0, Options(deadzone=0.1, shrink=3)),
        (2.0, Options()),
        (3.3, Options(rotate=True)),
        (4.0, Options(columns=False)),
        (8.0, Options(rotate=True, rows=False)),
        (12.0, Options()),
    ]:
        source = quantize(model, method=method, bits=bits, calibration=statistics, seed=11, options=options)
        decoded = decode(encode(source))
        assert decoded.config == source.config
        assert decoded.model_type == source.model_type
        wanted, got = source.dequantize(), decoded.state_dict()
        assert list(wanted) == list(got) == [n for n, _ in model.named_parameters()]
        assert all(wanted[key].tobytes() == got[key].tobytes() for key in wanted)
    built, direct = decoded.build(), container.build_model(source)
    with torch.no_grad():
        assert torch.equal(built(input_ids=windows()).logits, direct(input_ids=windows()).logits)
    assert not built.training
    assert all(p.dtype == torch.float32 for p in built.parameters())
    tied = built.get_input_embeddings().weight is built.get_output_embeddings().weight
    assert tied == name.endswith("-tied")
    theirs = dict(model.named_parameters())
    assert all(tuple(p.shape) == tuple(theirs[n].shape) for n, p in built.named_parameters())


def test_the_same_model_gives_the_same_bytes_and_leaves_generators_alone() -> None:
    state = torch.random.get_rng_state()
    first, second = encode(quantized(method="ldlq")), encode(quantized(method="ldlq"))
    decode(first).build()
    assert first == second
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("bits", [2.0, 3.0, 5.0, 8.0])
def test_size_is_near_the_entropy(bits: float) -> None:
    """Within 2 % plus the cost of learning the tables of the entropy of each tensor under its own
    histogram.
    """
    rng = np.random.default_rng(0)
    model = tiny("neox")
    config = {**describe(model)[1], "hidden_size": 128, "intermediate_size": 512, "vocab_size": 256}
    place = layout("gpt_neox", config)
    step = round(8 * (math.log2(0.02) + 2.047 - bits))
    tensors = []
    entropy = 0.0
    for name, shape in zip(place.names, place.shapes, strict=True):
        folded = (1, shape[0]) if len(shape) == 1 else shape
        q = np.rint(rng.normal(0, 0.02, folded) / 2 ** (step / 8)).astype(np.int32)
        zero = np.zeros(folded[0], dtype=np.int64), np.zeros(folded[1], dtype=np.int64)
        tensors.append(QuantizedTensor(name, shape, q, step, *zero))
        _, counts = np.unique(q, return_counts=True)
        entropy += float(-(counts * np.log2(counts / q.size)).sum())
    source = QuantizedModel("gpt_neox", config, tuple(tensors))
    data = encode(source)
    assert 8 * len(data) < 1.02 * entropy + 8 * 64
    assert all(np.array_equal(a.values, b.values) for a, b in zip(tensors, decode(data).quantized.tensors, strict=True))
    assert sum(sections(source).values()) == pytest.approx(8 * len(data), abs=64)


def test_rows_of_different_spread_are_coded_with_their_own_classes() -> None:
    source = quantized("llama")
    index, tensor = next((i, t) for i, t in enumerate(source.tensors) if t.name == "lm_head.weight")
    rng = np.random.default_rng(0)
    rows = 2.0 ** (np.arange(40) % 8)
    values = np.rint(rng.normal(size=(40, 16)) * rows[:, None]).astype(np.int32)
    changed = dataclasses.replace(tensor, values=values)
    tensors = [*source.tensors[:index], changed, *source.tensors[index + 1 :]]
    parts = sections(dataclasses.replace(source, tensors=tuple(tensors)))
    plain = sections(source)
    ideal = float(sum(16 * max(math.log2(row) + 2.05, 0.5) for row in rows))
    spent = parts["matrices"] + parts["row classes"] - plain["matrices"]
    old = tensor.values
    _, counts = np.unique(old, return_counts=True)
    spent += float(-(counts * np.log2(counts / old.size)).sum())
    assert spent < 1.15 * ideal


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0] * 15 + [1 << 29]] * 40),
        np.array([[-(1 << 30), 1 << 30] * 8] * 40),
        np.arange(-320, 320).reshape(40, 16) ** 3,
        np.zeros((40, 16), dtype=int),
        np.full((40, 16), -7),
        np.eye(40, 16, dtype=int) * 100_000,
    ],
    ids=["outlier", "extremes", "cubes", "zeros", "constant", "diagonal"],
)
def test_any_integers_survive(values: np.ndarray) -> None:
    source = quantized("llama")
    head = next(t for t in source.tensors if t.name == "lm_head.weight")
    changed = dataclasses.replace(head, values=values.astype(np.int32), step=-100)
    source = dataclasses.replace(source, tensors=tuple(changed if t is head else t for t in source.tensors))
    got = next(t for t in decode(encode(source)).quantized.tensors if t.name == "lm_head.weight")
    assert np.array_equal(got.values, values)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_any_exponents_survive(data: st.DataObject) -> None:
    source = quantized("llama")
    tensors = []
    for tensor in source.tensors:
        if len(tensor.shape) == 2:
            rows, columns = tensor.values.shape
            exponents = st.integers(-20, 20)
            kind = data.draw(st.sampled_from(["none", "some", "same"]))
            row = np.zeros(rows, dtype=np.int64)
            if kind != "none":
                row = np.resize(np.array(data.draw(st.lists(exponents, min_size=1, max_size=8))), rows)
            column = np.resize(np.array(data.draw(st.lists(exponents, min_size=1, max_size=3))), columns)
            tensor = dataclasses.replace(tensor, row_exponents=row, column_exponents=column)
        else:
            tensor = dataclasses.replace(tensor, centre=data.draw(st.integers(-(1 << 20), 1 << 20)))
        tensor = dataclasses.replace(
            tensor, step=data.draw(st.integers(-300, 300)), shrink=data.draw(st.integers(0, 15))
        )
        tensors.append(tensor)
    source = dataclasses.replace(source, tensors=tuple(tensors), seed=data.draw(st.integers(0, 2**31 - 3)))
    back = decode(encode(source)).quantized
    assert back.seed == source.seed
    assert container.same(back, source)


def test_prefix_freedom() -> None:
    """A file says where it ends: what follows is not read, and no beginning of a file is a file."""
    first, second = encode(quantized(bits=2)), encode(quantized("gpt2", method="ldlq"))
    model, consumed = decode_prefix(first + second)
    assert consumed == len(first)
    assert container.same(model.quantized, decode(first).quantized)
    for junk in (b"\0", b"x", second):
        with pytest.raises(CodeFormatError, match="after its end"):
            decode(first + junk)
        assert decode_prefix(first + junk)[1] == len(first)
    for cut in range(len(first)):
        with pytest.raises(CodeFormatError):
            decode_prefix(first[:cut])


def test_every_single_byte_matters() -> None:
    data = encode(quantized(bits=2))
    for place in range(len(data)):
        edited = bytearray(data)
        edited[place] ^= 0x10
        with pytest.raises(CodeFormatError) as caught:
            decode(bytes(edited))
        assert "\n" not in str(caught.value)


def test_write_is_atomic_and_counts_every_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.gb"
    source = quantized()
    seen: list[float] = []
    assert write(path, source, progress=seen.append) == code_bits(path) == 8 * path.stat().st_size
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    before = path.read_bytes()
    assert before == encode(source)
    assert container.same(read(path).quantized, source)

    def fail(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match="cannot write"):
        write(path, quantized(bits=5))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(before + b"!")
    with pytest.raises(CodeFormatError, match="1 bytes after its end"):
        code_bits(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "begins with"),
        (b"PK\x03\x04", "begins with"),
        (b"gC", "no length"),
        (b"gC\xff\xff\xff\xff\xff\xff", "no length"),
        (b"gC\x80\x00", "written too long"),
        (b"gC\x05", "truncated"),
        (b"gC\x03abcdxyz", "edited"),
        (container.framed(b""), "."),
        (container.framed(b"\xff" * 60), "."),
    ],
)
def test_refusals(data: bytes, message: str) -> None:
    with pytest.raises(CodeFormatError, match=message):
        decode(data)


def test_a_changed_layout_of_the_architecture_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(quantized())
    found = layout("llama", decode(data).config)
    changed = dataclasses.replace(found, fingerprint=found.fingerprint ^ 1)
    monkeypatch.setattr(container, "layout", lambda *_: changed)
    with pytest.raises(CodeFormatError, match="another layout"):
        decode(data)


@pytest.mark.parametrize(
    ("model_type", "config", "message"),
    [
        ("t5", {}, "no causal language model"),
        ("no_such_model", {}, "no causal language model"),
        ("llama", {"hidden_sise": 8}, "no key"),
        ("llama", {"auto_map": "x"}, "no key"),
        ("llama", {"_attn_implementation": "a/b"}, "no key"),
        ("llama", {"hidden_act": "../../etc/passwd"}, "a text no configuration holds"),
        ("llama", {"vocab_size": 1 << 40}, "need at most"),
        ("llama", {"num_hidden_layers": 1 << 20}, "layers and experts"),
        ("llama", {"rms_norm_eps": float("nan")}, "finite"),
        ("llama", {"rope_parameters": {"a b": 1}}, "key"),
        ("llama", {"hidden_act": {"x": 1}}, "simple value"),
        ("llama", {"hidden_act": [[[[1]]]]}, "simple value"),
        ("llama", {"hidden_act": b"gelu"}, "simple value"),
        ("llama", {"hidden_act": "no_such_function"}, "transformers"),
        ("llama", {"hidden_size": -4}, "transformers"),
        ("llama", {"hidden_size": 1 << 20, "intermediate_size": 1 << 20}, "parameters, need"),
        ("gpt2", {"n_positions": 1 << 24}, "need"),
    ],
)
def test_configurations_that_are_refused(model_type: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(CodeFormatError, match=message) as caught:
        layout(model_type, config)
    assert "\n" not in str(caught.value)


def test_a_small_file_cannot_ask_for_many_weights() -> None:
    small = quantized("llama")
    writer = Writer()
    HeaderCoder().code(writer, "llama", {**small.config, "vocab_size": 1 << 16})
    with pytest.raises(CodeFormatError, match="weights in"):
        decode(container.framed(writer.getvalue()))


def test_a_model_that_compresses_too_well_is_padded() -> None:
    source = quantized("llama")
    tensors = tuple(dataclasses.replace(t, values=np.zeros_like(t.values), centre=0) for t in source.tensors)
    data = encode(dataclasses.replace(source, tensors=tensors))
    assert source.parameters <= container.WEIGHTS_PER_BYTE * len(data)
    assert not any(t.values.any() for t in decode(data).quantized.tensors)


def test_tensors_that_are_not_the_architecture_are_refused() -> None:
    source = quantized()
    with pytest.raises(ModelError, match="not the parameters"):
        encode(dataclasses.replace(source, tensors=source.tensors[:-1]))
    with pytest.raises(ModelError, match="seed"):
        encode(dataclasses.replace(source, seed=1 << 40))
    huge = dataclasses.replace(source.tensors[0], step=1000)
    with pytest.raises(ModelError, match="beyond"):
        encode(dataclasses.replace(source, tensors=(huge, *source.tensors[1:])))


def test_describe_is_short_and_reproduces_the_model() -> None:
    for name in CONFIGS:
        model = tiny(name)
        model_type, config = describe(model)
        assert model_type == CONFIGS[name][0]
        check_config(model_type, config)
        assert set(config) <= set(CONFIGS[name][1])
        writer = Writer()
        HeaderCoder().code(writer, model_type, config)
        assert len(writer.getvalue()) <= 24


configs = st.dictionaries(
    st.one_of(
        st.sampled_from(["vocab_size", "hidden_act", "rope_type", "n_embd"]),
        st.from_regex(r"[a-z_]{1,12}", fullmatch=True),
    ),
    st.one_of(
        st.integers(-(2**24), 2**24),
        st.booleans(),
        st.none(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["gelu", "silu", "x-1", ""]),
        st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["full_attention", "abc"])), max_size=4),
        st.dictionaries(st.sampled_from(["factor", "abc"]), st.floats(0, 1), max_size=2),
    ),
    max_size=8,
)


@given(configs, st.sampled_from(["gpt2", "llama", "made_up"]))
def test_header_round_trip(config: dict[str, Any], model_type: str) -> None:
    writer, meter = Writer(), Meter()
    HeaderCoder().code(writer, model_type, config)
    HeaderCoder().code(meter, model_type, config)
    data = writer.getvalue()
    assert HeaderCoder().code(Reader(data), "", {}) == (model_type, config)
    assert 8 * len(data) <= meter.bits_total + 64


@given(st.lists(st.integers(-(2**30) + 2, 2**30 - 2), max_size=50))
def test_integers_round_trip(values: list[int]) -> None:
    writer = Writer()
    table, flag = AdaptiveInteger(9), Adaptive(2)
    for value in values:
        table.code_signed(writer, value // 2)
        flag.code(writer, value & 1)
        gamma(writer, abs(value))
    reader = Reader(writer.getvalue())
    table, flag = AdaptiveInteger(9), Adaptive(2)
    for value in values:
        assert table.code_signed(reader, 0) == value // 2
        assert flag.code(reader, 0) == value & 1
        assert gamma(reader, 0) == abs(value)


@pytest.mark.parametrize("beta", range(len(BETAS)))
def test_priors_are_symmetric_unimodal_integers(beta: int) -> None:
    for index in range(CLASS_MIN, CLASS_MAX + 1):
        for weight in range(len(WEIGHTS)):
            table = prior(index, beta, weight)
            half = table[:-1]
            assert len(half) == 2 * reach(index) + 1
            assert np.array_equal(half, half[::-1])
            assert np.all(np.diff(half[: reach(index) + 1]) >= 0)
            assert table.min() >= 1
            assert table.sum() < 1 << 24


def test_priors_are_pinned() -> None:
    """The tables are part of the format: these bytes were written by the first version."""
    assert prior(0, 0, 0)[6:13].tolist() == PINNED
    assert prior(-3, 4, 1)[-9:].tolist() == PINNED_TAIL


PINNED = [22, 276, 1238, 2042, 1238, 276, 22]
PINNED_TAIL = [2328, 7646, 2328, 708, 215, 65, 20, 6, 1]


def test_class_tables_learn() -> None:
    rng = np.random.default_rng(0)
    symbols = (rng.choice([-1, 0, 1], size=20_000, p=[0.7, 0.2, 0.1]) + reach(0)).astype(np.int32)
    writer = Writer()
    ClassTables(0, 1).code(writer, 0, symbols, len(symbols))
    assert writer.size / len(symbols) < 1.157 + 0.02
    assert np.array_equal(ClassTables(0, 1).code(Reader(writer.getvalue()), 0, symbols[:0], len(symbols)), symbols)


def test_half_a_million_parameters_survive() -> None:
    config = {
        "vocab_size": 96,
        "hidden_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 448,
    }
    place = layout("gpt_neox", config)
    rng = np.random.default_rng(0)
    tensors = []
    for name, shape in zip(place.names, place.shapes, strict=True):
        folded = (1, shape[0]) if len(shape) == 1 else shape
        zero = np.zeros(folded[0], dtype=np.int64), np.zeros(folded[1], dtype=np.int64)
        q = np.rint(rng.normal(0, 2, folded)).astype(np.int32)
        tensors.append(QuantizedTensor(name, shape, q, -30, *zero))
    source = QuantizedModel("gpt_neox", config, tuple(tensors))
    back = decode(encode(source))
    assert container.same(back.quantized, source)
