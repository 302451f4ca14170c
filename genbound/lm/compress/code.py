"""The .gbs file: a structured model in as few bits as it takes, decoded bit for bit, by this file alone.

    "gS", length, check | architecture | method, seed, ... (the form) | tables | each group: step, class, integers

The frame is that of `genbound.lm.codec` with its own two bytes, so the file is self-delimiting and no file of either
format is the beginning of one of the other: code lengths of both satisfy Kraft's inequality together. The check also
covers the decoded weights: a machine that would compute other ones refuses the file.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genbound.complexity.codes import code_nats
from genbound.errors import CodeFormatError, DomainError, ModelError
from genbound.files import write_atomic
from genbound.lm.codec import frame
from genbound.lm.codec.architecture import layout
from genbound.lm.codec.header import HeaderCoder
from genbound.lm.codec.rangecoder import AdaptiveInteger, Coder, Meter, Reader, Writer, gamma
from genbound.lm.codec.tables import BETAS, CLASS_MAX, CLASS_MIN, WEIGHTS, ClassTables, reach, static_bits
from genbound.lm.compress.methods import METHODS, SPREAD_LIMIT, Form, Structure
from genbound.lm.compress.model import Group, Structured
from genbound.lm.compress.projectors import KINDS
from genbound.lm.descriptions.described import Described

MAGIC = b"gS"
MODEL_TYPE = "gpt_neox"
STEP_LIMIT = 512
"""Steps lie between 2^-64 and 2^64."""

VALUE_LIMIT = 1 << 20
NUMBERS_PER_BYTE = 512
STATES = (
    "the file is the code: n C = 8 x bytes x ln 2; in it stand architecture, method, rank, blocks, seed, the kind and"
    " dimension of the subspace, and a step and integers for each group of trained numbers; initial weights and"
    " projector follow from the seed"
)
_LAPLACE = BETAS.index("1")


def write(path: str | os.PathLike[str], result: Structured) -> None:
    """Write the .gbs file of a structured model, whole or not at all.

    Raises:
        ModelError: integers or steps the format cannot hold, or groups that are not those of the form.
    """
    write_atomic(Path(path), encode(result))


def read(path: str | os.PathLike[str]) -> Described:
    """The model of a .gbs file and its price.

    Raises:
        CodeFormatError: truncated, edited, followed by other bytes, or not written by genbound.
    """
    data = Path(path).read_bytes()
    model = decode(data).build()
    bits = 8 * len(data)
    return Described("coded file", model, {"code of the model": code_nats(bits)}, bits, STATES)


def encode(result: Structured) -> bytes:
    """The bytes of the file."""
    if result.model_type != MODEL_TYPE:
        raise ModelError(f"{result.model_type}: structured training knows {MODEL_TYPE}")
    try:
        place = layout(result.model_type, dict(result.config))
        wanted = list(Structure(place, result.form).groups.values())
    except (CodeFormatError, DomainError) as error:
        raise ModelError(str(error).removeprefix("coded model: ")) from error
    if [len(group.values) for group in result.groups] != wanted:
        raise ModelError("the groups of trained numbers are not those of the form")
    for group in result.groups:
        if abs(group.step) > STEP_LIMIT or np.abs(group.values.astype(np.int64)).max(initial=0) > VALUE_LIMIT:
            raise ModelError(f"a step beyond 2^{STEP_LIMIT // 8} or an integer beyond {VALUE_LIMIT}")

    def cost(beta: int, weight: int) -> float:
        meter = Meter()
        _stream(meter, result, beta, weight)
        return meter.bits_total

    shapes = [(beta, weight) for beta in range(len(BETAS)) for weight in range(len(WEIGHTS))]
    writer = Writer()
    _stream(writer, result, *min(shapes, key=lambda shape: cost(*shape)))
    code = writer.getvalue()
    code += bytes(max(0, -(-result.trained // NUMBERS_PER_BYTE) - len(code)))
    return MAGIC + frame.frame(code, _fingerprint(place.fingerprint, result.weights()))[len(frame.MAGIC) :]


def decode(data: bytes) -> Structured:
    """The structured model of the bytes of a file.

    Raises:
        CodeFormatError: as `read`.
    """
    if data[:2] != MAGIC:
        raise CodeFormatError(f"coded model: begins with {data[:2]!r}, need {MAGIC!r}")
    code, consumed = frame.unframe(frame.MAGIC + data[2:])
    if consumed != len(data):
        raise CodeFormatError(f"coded model: {len(data) - consumed} bytes after its end")
    reader = Reader(code)
    try:
        found = _stream(reader, None, 0, 0, room=NUMBERS_PER_BYTE * len(code))
        weights = found.weights()
    except DomainError as error:
        raise CodeFormatError(f"coded model: {error}") from error
    place = layout(found.model_type, dict(found.config))
    stored = data[consumed - len(code) - frame.CHECK_BYTES : consumed - len(code)]
    if stored != frame.check(code, _fingerprint(place.fingerprint, weights)):
        raise CodeFormatError("coded model: written for other weights (edited, another transformers or arithmetic)")
    return found


def _fingerprint(place: int, weights: Mapping[str, NDArray[np.float32]]) -> int:
    """Of the layout and of every weight."""
    total = place
    for values in weights.values():
        total = zlib.crc32(values.astype("<f4").tobytes(), total)
    return total


def _stream(coder: Coder, given: Structured | None, beta: int, weight: int, room: int = 0) -> Structured:
    """Everything inside the frame, written or read."""
    coder.section = "architecture"
    model_type, config = HeaderCoder().code(
        coder, given.model_type if given else "", dict(given.config) if given else {}
    )
    if model_type != MODEL_TYPE:
        raise CodeFormatError(f"coded model: structured training knows {MODEL_TYPE}, not {model_type[:64]!r}")
    form = _code_form(coder, given.form if given else None)
    beta, weight = coder.bits(3, beta), coder.bits(2, weight)
    if beta >= len(BETAS):
        raise CodeFormatError(f"coded model: table shape {beta}, need < {len(BETAS)}")
    tables, integers, step = ClassTables(beta, weight), _Integers(), 0
    groups: list[Group] = []
    if given is None:
        sizes = list(Structure(layout(model_type, config), form).groups.values())
        if sum(sizes) > room:
            raise CodeFormatError(f"coded model: {sum(sizes)} numbers in a file with room for {room}")
    else:
        sizes = [len(group.values) for group in given.groups]
    for index, size in enumerate(sizes):
        coder.section = "steps and classes"
        own = given.groups[index] if given else None
        step += integers.step.code_signed(coder, own.step - step if own else 0)
        if abs(step) > STEP_LIMIT:
            raise CodeFormatError(f"coded model: step 2^({step}/8), need |exponent| <= {STEP_LIMIT}")
        groups.append(Group(step, integers.code(coder, tables, own.values if own else None, size)))
    return Structured(model_type, config, form, tuple(groups))


def _code_form(coder: Coder, form: Form | None) -> Form:
    """Method, seed, rank, ... or a DomainError from `Form` for values out of range."""
    own = form or Form("monarch")
    coder.section = "form"
    number = coder.bits(3, list(METHODS).index(own.method) if form else 0)
    if number >= len(METHODS):
        raise CodeFormatError(f"coded model: method number {number}, need < {len(METHODS)}")
    method = list(METHODS)[number]
    seed, rank, blocks = gamma(coder, own.seed), coder.bits(8, own.rank), coder.bits(8, own.blocks)
    plain, spread = bool(coder.bits(1, int(own.plain_embedding))), coder.bits(7, own.spread + SPREAD_LIMIT)
    found = replace(Form("monarch"), seed=seed, blocks=blocks, plain_embedding=plain, spread=spread - SPREAD_LIMIT)
    kind, dimension = KINDS[0], 0
    if METHODS[method].subspace:
        place = coder.bits(2, KINDS.index(own.projector))
        if place >= len(KINDS):
            raise CodeFormatError(f"coded model: projector number {place}, need < {len(KINDS)}")
        kind, dimension = KINDS[place], 1 + gamma(coder, own.dimension - 1 if form else 0)
    return replace(found, method=method, rank=rank, projector=kind, dimension=dimension)


class _Integers:
    """Integers of one group after another: a class, symbols under the class's table, and the few that escape it."""

    def __init__(self) -> None:
        self.step = AdaptiveInteger(24)
        self._class = AdaptiveInteger(12)
        self._escape = AdaptiveInteger(8)
        self._last = 0

    def code(self, coder: Coder, tables: ClassTables, given: NDArray[np.int32] | None, size: int) -> NDArray[np.int32]:
        """`size` integers of one group."""
        wanted = 0 if given is None else _best_class(given)
        self._last += self._class.code_signed(coder, wanted - self._last)
        if not CLASS_MIN <= self._last <= CLASS_MAX:
            raise CodeFormatError(f"coded model: class {self._last}, need {CLASS_MIN} to {CLASS_MAX}")
        bound = reach(self._last)
        symbols = np.zeros(0, dtype=np.int32)
        if given is not None:
            symbols = np.where(np.abs(given) <= bound, given + bound, 2 * bound + 1).astype(np.int32)
        coder.section = "integers"
        symbols = tables.code(coder, self._last, symbols, size)
        out = symbols.astype(np.int32) - bound
        coder.section = "outliers"
        for place in np.flatnonzero(symbols == 2 * bound + 1).tolist():
            value = 0 if given is None else int(given[place])
            excess = self._escape.code_signed(coder, value - bound - 1 if value > 0 else value + bound)
            value = excess + bound + 1 if excess >= 0 else excess - bound
            if abs(value) > VALUE_LIMIT:
                raise CodeFormatError(f"coded model: the integer {value}, need at most {VALUE_LIMIT}")
            out[place] = value
        return out


def _best_class(values: NDArray[np.int32]) -> int:
    """The class whose starting table codes the integers in the fewest bits."""

    def bits(index: int) -> float:
        bound, sizes = reach(index), np.abs(values.astype(np.int64))
        inside = static_bits(index, _LAPLACE)[np.where(sizes <= bound, values + bound, 2 * bound + 1)]
        return float(inside.sum() + (4.0 + 2.0 * np.log2(np.maximum(sizes - bound, 1)))[sizes > bound].sum())

    return min(range(CLASS_MIN, CLASS_MAX + 1), key=bits)
