"""Codebooks by k-means: rates, sharing, importance, the file."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_quantize import tiny, windows

from genbound.errors import CodeFormatError, ModelError
from genbound.lm.codec import build_model, container, decode, encode, sections
from genbound.lm.codec.container import same
from genbound.lm.codec.rangecoder import Reader, Writer
from genbound.lm.codec.vectors import CodebookCoder, ScaleCoder, WideInteger
from genbound.lm.hessian import collect
from genbound.lm.quantize import Options, QuantizedModel, quantize


def entropy(model: QuantizedModel) -> float:
    """Bits per weight of the numbers under the frequencies of their codebook."""
    books: dict[bytes, list[np.ndarray]] = {}
    for tensor in model.tensors:
        assert tensor.codebook is not None
        books.setdefault(tensor.codebook.tobytes(), []).append(tensor.values.ravel())
    total = 0.0
    for parts in books.values():
        _, counts = np.unique(np.concatenate(parts), return_counts=True)
        total -= float((counts * np.log2(counts / counts.sum())).sum())
    return total / model.parameters


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("bits", [0.5, 1.3, 2.0, 3.7])
def test_the_numbers_cost_what_was_asked_for(calibrated: bool, bits: float) -> None:
    model = tiny("neox")
    statistics = collect(model, windows().split(4)) if calibrated else None
    found = quantize(model, method="kmeans", bits=bits, calibration=statistics)
    assert entropy(found) == pytest.approx(bits, abs=0.06)
    books = {tensor.codebook.tobytes() for tensor in found.tensors if tensor.codebook is not None}
    assert len(books) == 4  # embeddings, attention, mlp, vectors


@pytest.mark.parametrize("name", ["neox-tied", "gpt2-tied", "llama"])
@pytest.mark.parametrize("bits", [0.5, 3.0, 7.5])
def test_whole_models_survive_the_file(name: str, bits: float) -> None:
    model = tiny(name)
    found = quantize(model, method="kmeans", bits=bits, calibration=collect(model, windows().split(4)))
    data = encode(found)
    back = decode(data).quantized
    assert same(back, found)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(
        found.dequantize().values(), back.dequantize().values(), strict=True
    ))  # fmt: skip
    assert sum(sections(found).values()) == pytest.approx(8 * len(data), abs=64)


def test_the_same_arguments_give_the_same_file() -> None:
    files = [encode(quantize(tiny("gpt2"), method="kmeans", bits=2.5, seed=4)) for _ in range(2)]
    assert files[0] == files[1]


def test_error_falls_with_bits_and_with_an_offset_of_a_group() -> None:
    model = tiny("neox-tied")
    statistics = collect(model, windows().split(4))
    with torch.no_grad():
        wanted = model(input_ids=windows(seed=3)).logits

    def error(bits: float) -> float:
        found = quantize(model, method="kmeans", bits=bits, calibration=statistics)
        with torch.no_grad():
            return float((build_model(found)(input_ids=windows(seed=3)).logits - wanted).square().mean())

    errors = [error(bits) for bits in (1.0, 2.0, 4.0, 7.0)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 * errors[0]
    plain, shifted = (
        quantize(model, method="kmeans", bits=2.0, options=Options(offsets=offsets))
        for offsets in ({}, {"embeddings": 2.0})
    )
    first = next(iter(dict(model.named_parameters())))
    reference = dict(model.named_parameters())[first].detach().numpy()
    off = [np.square(each.dequantize()[first] - reference).mean() for each in (plain, shifted)]
    assert off[1] < 0.5 * off[0]


@given(st.lists(st.lists(st.integers(-(1 << 24), 1 << 24), min_size=1, max_size=30, unique=True), max_size=6))
def test_codebooks_are_spelled_once(books: list[list[int]]) -> None:
    arrays = [np.array(sorted(book), dtype=np.int64) for book in books] * 2
    writer, coder = Writer(), CodebookCoder()
    numbers = [coder.code(writer, book) for book in arrays]
    assert sum(spelled for _, spelled in numbers) == sum(len(book) for book in coder.books)
    reader, back = Reader(writer.getvalue()), CodebookCoder()
    for book, (number, _) in zip(arrays, numbers, strict=True):
        assert back.code(reader, None)[0] == number
        assert np.array_equal(back.books[number], book)


@given(st.lists(st.integers(-(1 << 17), 1 << 17), max_size=30))
def test_row_scales_round_trip(codes: list[int]) -> None:
    writer = Writer()
    ScaleCoder().code(writer, np.array(codes, dtype=np.int64), len(codes))
    assert ScaleCoder().code(Reader(writer.getvalue()), None, len(codes)).tolist() == codes


@given(st.lists(st.integers(-(1 << 20) + 1, (1 << 20) - 1), max_size=30))
def test_wide_integers_round_trip(values: list[int]) -> None:
    writer, coder = Writer(), WideInteger(20)
    for value in values:
        coder.code_signed(writer, value)
    reader, coder = Reader(writer.getvalue()), WideInteger(20)
    assert [coder.code_signed(reader, 0) for _ in values] == values


def test_codebooks_that_cannot_be_are_refused() -> None:
    found = quantize(tiny("llama"), method="kmeans", bits=2.0)
    tensor = found.tensors[0]
    assert tensor.codebook is not None
    for book, message in [
        (tensor.codebook[::-1], "rising"),
        (tensor.codebook[:1], "outside"),
        (np.arange(5000), "1 to 4096"),
        (tensor.codebook + (1 << 25), "up to 2"),
    ]:
        with pytest.raises(ModelError, match=message):
            dataclasses.replace(tensor, codebook=book).check_range()


def test_a_codebook_that_was_not_there_yet_is_refused() -> None:
    writer = Writer()
    CodebookCoder()._number.code(writer, 3)
    with pytest.raises(CodeFormatError, match="codebook 3 of 0"):
        CodebookCoder().code(Reader(writer.getvalue()), None)


def test_a_small_file_cannot_ask_for_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(quantize(tiny("llama"), method="kmeans", bits=2.0))
    monkeypatch.setattr(container, "EXPONENTS_PER_BYTE", 0)
    with pytest.raises(CodeFormatError, match="vector entries"):
        decode(data)
