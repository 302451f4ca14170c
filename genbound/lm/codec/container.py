"""The coded model file: L(h) is its size in bits, and nothing a decoder needs lies outside it.

Inside its frame the file is one range-coded stream: architecture, shape of the tables, seed of the rotations, tensors
in the order of the model. Weights are read as integers and exponents; `QuantizedModel` turns them into float32.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import CodeFormatError, ModelError
from genbound.files import write_atomic
from genbound.lm.codec.architecture import Layout, build, layout
from genbound.lm.codec.frame import CHECK_BYTES, MAGIC, check, frame, unframe, varint
from genbound.lm.codec.header import HeaderCoder
from genbound.lm.codec.plan import best_beta, plan_tensor
from genbound.lm.codec.rangecoder import Coder, Meter, Reader, Writer, gamma
from genbound.lm.codec.tables import BETAS, WEIGHTS, ClassTables
from genbound.lm.codec.tensors import Scales, TensorCoder
from genbound.lm.quantize.model import Lattice, QuantizedModel, QuantizedTensor

WEIGHTS_PER_BYTE = 512
EXPONENTS_PER_BYTE = 64
_TRIM_LIMIT = 1 << 20
_TRIAL_LIMIT = 1 << 18

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class DecodedModel:
    """What a coded file says: an architecture and its weights."""

    quantized: QuantizedModel

    @property
    def model_type(self) -> str:
        """transformers' name of the architecture."""
        return self.quantized.model_type

    @property
    def config(self) -> dict[str, Any]:
        """The values the configuration sets beyond the architecture's defaults."""
        return dict(self.quantized.config)

    def state_dict(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter once, by its name in the model."""
        return self.quantized.dequantize()

    def build(self) -> nn.Module:
        """The transformers model in evaluation mode, float32, with the decoded weights.

        Raises:
            CodeFormatError: transformers cannot build the architecture.
        """
        return build_model(self.quantized)


def build_model(quantized: QuantizedModel) -> nn.Module:
    """The transformers model a quantized model stands for; what `decode(encode(quantized)).build()` gives."""
    model = build(quantized.model_type, quantized.config)
    weights = quantized.dequantize()
    own = dict(model.named_parameters())
    if set(own) != set(weights):
        raise CodeFormatError("coded model: the parameters are not those of the architecture")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(torch.from_numpy(weights[name]))
    return model


def encode(quantized: QuantizedModel, *, progress: Progress | None = None) -> bytes:
    """The coded file of a quantized model.

    Args:
        quantized: integers, exponents and architecture.
        progress: called with the finished fraction.

    Raises:
        ModelError: integers or exponents the format cannot hold.
    """
    _layout_of(quantized)
    beta = best_beta(quantized.tensors)
    plans: list[Scales] = []
    for index, tensor in enumerate(quantized.tensors):
        plans.append(plan_tensor(tensor, beta)[0])
        _report(progress, 0.6 * (index + 1) / len(quantized.tensors))
    shape, weight = _best_tables(quantized, plans, beta)
    _report(progress, 0.8)
    writer = Writer()
    spelled = _stream(writer, quantized, plans, shape, weight).spelled
    code = writer.getvalue()
    if len(code) <= _TRIM_LIMIT:
        code = _trimmed(code, quantized)
    need = max(-(-quantized.parameters // WEIGHTS_PER_BYTE), -(-spelled // EXPONENTS_PER_BYTE))
    code += bytes(max(0, need - len(code)))
    _report(progress, 1.0)
    return framed(code)


def sections(quantized: QuantizedModel) -> dict[str, float]:
    """Where the bits of the coded file go: ideal code lengths by section, in bits, in the order of the file.

    They add up to the size of the file but for the range coder's last byte or two.
    """
    _layout_of(quantized)
    beta = best_beta(quantized.tensors)
    plans = [plan_tensor(tensor, beta)[0] for tensor in quantized.tensors]
    shape, weight = _best_tables(quantized, plans, beta)
    meter = Meter()
    _stream(meter, quantized, plans, shape, weight)
    size = -(-int(meter.bits_total) // 8)
    return {"frame": 8.0 * (len(MAGIC) + len(varint(size)) + CHECK_BYTES), **meter.sections}


def _best_tables(quantized: QuantizedModel, plans: list[Scales], beta: int) -> tuple[int, int]:
    """The shape and weight of the starting tables with the shortest code (small models), or plain ones."""
    if quantized.parameters > _TRIAL_LIMIT:
        return beta, 2

    def cost(shape: int, weight: int) -> float:
        meter = Meter()
        _stream(meter, quantized, plans, shape, weight)
        return meter.bits_total

    weight = min(range(len(WEIGHTS)), key=lambda weight: cost(beta, weight))
    near = [shape for shape in (beta - 1, beta, beta + 1) if 0 <= shape < len(BETAS)]
    return min(near, key=lambda shape: cost(shape, weight)), weight


def write(path: str | os.PathLike[str], quantized: QuantizedModel, *, progress: Progress | None = None) -> int:
    """Write the coded file, whole or not at all; returns its size in bits, L(h)."""
    data = encode(quantized, progress=progress)
    write_atomic(Path(path), data)
    return 8 * len(data)


def code_bits(path: str | os.PathLike[str]) -> int:
    """L(h): the size of a coded file in bits.

    Raises:
        CodeFormatError: the file is not a coded model by its frame (magic, length, check of the code).
    """
    data = Path(path).read_bytes()
    _, consumed = unframe(data)
    if consumed != len(data):
        raise CodeFormatError(f"coded model: {len(data) - consumed} bytes after its end")
    return 8 * len(data)


def read(path: str | os.PathLike[str], *, progress: Progress | None = None) -> DecodedModel:
    """`decode` of a file."""
    return decode(Path(path).read_bytes(), progress=progress)


def decode(data: bytes, *, progress: Progress | None = None) -> DecodedModel:
    """The model of a coded file.

    Raises:
        CodeFormatError: truncated, edited, followed by other bytes, or not written by genbound.
    """
    model, consumed = decode_prefix(data, progress=progress)
    if consumed != len(data):
        raise CodeFormatError(f"coded model: {len(data) - consumed} bytes after its end")
    return model


def decode_prefix(data: bytes, *, progress: Progress | None = None) -> tuple[DecodedModel, int]:
    """The model at the beginning of `data`, and how many bytes it took: the code is self-delimiting.

    Raises:
        CodeFormatError: as `decode`, bytes afterwards excepted.
    """
    code, consumed = unframe(data)
    quantized, place = _parse(code, progress)
    stored = data[consumed - len(code) - CHECK_BYTES : consumed - len(code)]
    if stored != check(code, place.fingerprint):
        raise CodeFormatError(
            "coded model: written for another layout of this architecture (edited, or another transformers)"
        )
    for tensor in quantized.tensors:
        try:
            tensor.check_range()
        except ModelError as error:
            raise CodeFormatError(f"coded model: {error}") from error
    return DecodedModel(quantized), consumed


def framed(code: bytes) -> bytes:
    """The frame around a code; the architecture in the check is the one the code names, if it can be read."""
    try:
        model_type, config = HeaderCoder().code(Reader(code), "", {})
        fingerprint = layout(model_type, config).fingerprint
    except CodeFormatError:
        fingerprint = 0
    return frame(code, fingerprint)


def _parse(code: bytes, progress: Progress | None = None) -> tuple[QuantizedModel, Layout]:
    reader = Reader(code)
    model_type, config = HeaderCoder().code(reader, "", {})
    place = layout(model_type, config)
    if place.parameters > WEIGHTS_PER_BYTE * len(code):
        raise CodeFormatError(f"coded model: {place.parameters} weights in {len(code)} bytes")
    seed, tables = _prelude(reader, 0, 0, 0)
    coder = TensorCoder(tables, allowance=EXPONENTS_PER_BYTE * len(code))
    tensors: list[QuantizedTensor] = []
    for index, (name, shape) in enumerate(zip(place.names, place.shapes, strict=True)):
        tensors.append(coder.code(reader, name, shape, None, None))
        _report(progress, (index + 1) / len(place.names))
    return QuantizedModel(model_type, config, tuple(tensors), seed), place


def _prelude(coder: Coder, seed: int, beta: int, weight: int) -> tuple[int, ClassTables]:
    seed = gamma(coder, seed) if coder.bits(1, int(seed != 0)) else 0
    beta = coder.bits(3, beta)
    if beta >= len(BETAS):
        raise CodeFormatError(f"coded model: table shape {beta}, need < {len(BETAS)}")
    return seed, ClassTables(beta, coder.bits(2, weight))


def _stream(coder: Coder, quantized: QuantizedModel, plans: list[Scales], beta: int, weight: int) -> TensorCoder:
    coder.section = "architecture"
    HeaderCoder().code(coder, quantized.model_type, quantized.config)
    _, tables = _prelude(coder, quantized.seed, beta, weight)
    tensors = TensorCoder(tables)
    for tensor, plan in zip(quantized.tensors, plans, strict=True):
        tensors.write(coder, tensor, plan)
    return tensors


def _layout_of(quantized: QuantizedModel) -> Layout:
    """The layout the tensors must have; refuses what the format cannot hold."""
    if not 0 <= quantized.seed < (1 << 31) - 2:
        raise ModelError(f"seed={quantized.seed}: need 0 <= seed < 2^31 - 2 (seed of the rotations)")
    try:
        place = layout(quantized.model_type, quantized.config)
    except CodeFormatError as error:
        raise ModelError(str(error).removeprefix("coded model: ")) from error
    found = tuple((tensor.name, tensor.shape) for tensor in quantized.tensors)
    if found != tuple(zip(place.names, place.shapes, strict=True)):
        raise ModelError("the quantized tensors are not the parameters of the architecture")
    for tensor in quantized.tensors:
        tensor.check_range()
    return place


def _trimmed(code: bytes, quantized: QuantizedModel) -> bytes:
    """The shortest prefix, itself or plus one in its last byte, that still decodes to the same integers."""
    for cut in range(min(7, len(code) - 1), 0, -1):
        head = code[:-cut]
        above = (int.from_bytes(head, "big") + 1) % (1 << 8 * len(head))
        for candidate in (head, above.to_bytes(len(head), "big")):
            try:
                equal = same(_parse(candidate)[0], quantized)
            except CodeFormatError:
                equal = False
            if equal:
                return candidate.rstrip(b"\0")
    return code


def same(left: QuantizedModel, right: QuantizedModel) -> bool:
    """Whether two quantized models hold the same integers, exponents and architecture."""
    if (left.model_type, left.config, left.seed) != (right.model_type, right.config, right.seed):
        return False
    return len(left.tensors) == len(right.tensors) and all(
        all(_equal(getattr(a, each.name), getattr(b, each.name)) for each in fields(QuantizedTensor))
        for a, b in zip(left.tensors, right.tensors, strict=True)
    )


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Lattice) and isinstance(right, Lattice):
        return all(_equal(getattr(left, each.name), getattr(right, each.name)) for each in fields(Lattice))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return np.array_equal(left, right)
    return not isinstance(left, np.ndarray) and not isinstance(right, np.ndarray) and left == right


def _report(progress: Progress | None, fraction: float) -> None:
    if progress is not None:
        progress(fraction)
