"""The encoder's choices that the decoder only reads: classes of tensors, rows and columns, and the shape of
the tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genbound.lm.codec.integers import CLASS_LIMIT, escape_allowance
from genbound.lm.codec.tables import BETAS, CLASS_MIN, low_bits, reach, static_bits
from genbound.lm.codec.tensors import Scales
from genbound.lm.quantize.model import QuantizedTensor

_OFFSETS = range(-4, 5)
_WINDOW = 127
"""Histograms of rows and columns keep integers up to this, after dropping low bits until most fit."""
_SAMPLE = 6

_Counted = list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]


def plan_tensor(tensor: QuantizedTensor, beta: int) -> tuple[Scales, float]:
    """The cheapest scales of a tensor under the starting tables, and what they cost in bits."""
    rows, columns = tensor.values.shape
    scales = Scales(0, np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64))
    if not tensor.values.size or tensor.codebook is not None:
        return scales, 0.0
    base, best = _best_base(tensor, scales, beta)
    scales = Scales(base, scales.rows, scales.columns)
    if len(tensor.shape) < 2:
        return scales, best
    for axis in (0, 1):
        offsets, gain = _best_offsets(tensor, scales, beta, axis)
        if gain <= 0:
            continue
        tried = Scales(base, offsets, scales.columns) if axis == 0 else Scales(base, scales.rows, offsets)
        moved, cost = _best_base(tensor, tried, beta)
        if cost + _side_bits(offsets) < best:
            base, best = moved, cost + _side_bits(offsets)
            scales = Scales(base, tried.rows, tried.columns)
    return scales, best


def best_beta(tensors: tuple[QuantizedTensor, ...]) -> int:
    """The shape of the starting tables under which a sample of the tensors costs least."""
    classed = [tensor for tensor in tensors if tensor.codebook is None]
    matrices = [tensor for tensor in classed if len(tensor.shape) >= 2 and tensor.values.size] or classed
    matrices.sort(key=lambda tensor: tensor.values.size)
    sample = [tensor for tensor in matrices if tensor.values.size <= 1 << 18][-_SAMPLE:] or matrices[:1]
    costs = np.zeros(len(BETAS))
    for tensor in sample:
        rows, columns = tensor.values.shape
        scales = Scales(0, np.zeros(rows, dtype=np.int64), np.zeros(columns, dtype=np.int64))
        if tensor.values.size:
            costs += [_best_base(tensor, scales, beta)[1] for beta in range(len(BETAS))]
    return int(np.argmin(costs))


def _axis_offsets(tensor: QuantizedTensor, scales: Scales) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What rows and columns add to the class."""
    return 2 * (scales.rows - tensor.row_exponents), 2 * (scales.columns - tensor.column_exponents)


def _counted(tensor: QuantizedTensor, scales: Scales) -> _Counted:
    """(class relative to the base, integers, how often) of a tensor."""
    by_row, by_column = _axis_offsets(tensor, scales)
    values = tensor.values
    low, high = int(values.min()), int(values.max())
    if high - low > 1 << 16:
        relative = np.add.outer(by_row, by_column)
        return [(int(c), *_tally(values[relative == c])) for c in np.unique(relative)]
    width = high - low + 1
    sums: dict[int, NDArray[np.int64]] = {}
    for row in np.unique(by_row):
        part = values if (by_row == row).all() else values[by_row == row]
        for column in np.unique(by_column):
            cell = part if (by_column == column).all() else part[:, by_column == column]
            found = np.bincount(cell.reshape(-1) - low, minlength=width)
            sums[int(row + column)] = sums.get(int(row + column), 0) + found
    out: _Counted = []
    for offset, found in sorted(sums.items()):
        present = np.flatnonzero(found)
        out.append((offset, present + low, found[present]))
    return out


def _tally(values: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found, counts = np.unique(values, return_counts=True)
    return found.astype(np.int64), counts


def _best_base(tensor: QuantizedTensor, scales: Scales, beta: int) -> tuple[int, float]:
    """The cheapest class for the tensor as a whole, given offsets, and the bits."""
    counted = _counted(tensor, scales)
    sizes = np.array([counts.sum() for _, _, counts in counted], dtype=np.float64)
    spread = sum(float((np.abs(values) * counts).sum()) for _, values, counts in counted) / sizes.sum() + 0.05
    offset = float(np.average([c for c, _, _ in counted], weights=sizes))
    allowed = escape_allowance(tensor.values.size)
    known: dict[int, float] = {}

    def cost(base: int) -> float:
        if base not in known:
            total, outside = 0.0, 0
            for relative, values, counts in counted:
                bits, escapes = _bits(int(np.clip(base + relative, CLASS_MIN, CLASS_LIMIT)), values, beta)
                total += float((bits * counts).sum())
                outside += int(counts[escapes].sum())
            known[base] = total + (1e18 * outside if outside > allowed else 0.0)
        return known[base]

    base = int(np.clip(round(4 * np.log2(1.25 * spread) - offset), CLASS_MIN, CLASS_LIMIT))
    while True:
        near = [b for b in (base - 2, base - 1, base, base + 1, base + 2, base + 6) if CLASS_MIN <= b <= CLASS_LIMIT]
        better = min(near, key=cost)
        if better == base:
            return base, cost(base)
        base = better


def _bits(index: int, values: NDArray[np.int64], beta: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Code lengths of integers in one class, and which of them escape."""
    low = low_bits(index)
    bound = reach(index - 4 * low)
    lengths = static_bits(index - 4 * low, beta)
    high = values >> low
    size = np.abs(high)
    escapes = size > bound
    bits = lengths[np.where(escapes, 2 * bound + 1, high + bound)] + low
    if escapes.any():
        bits = bits + np.where(escapes, 2.0 + 2.0 * np.log2(np.maximum(size - bound, 1)), 0.0)
    return bits, escapes


def _best_offsets(tensor: QuantizedTensor, scales: Scales, beta: int, axis: int) -> tuple[NDArray[np.int64], float]:
    """The cheapest offset (in units of two classes) of every row (axis 0) or column (axis 1), and the bits
    it saves.
    """
    own, other = _axis_offsets(tensor, scales)
    values = tensor.values
    if axis == 1:
        own, other, values = other, own, values.T
    lines = len(own)
    typical = int(np.abs(values).max())
    shift = max(0, int(typical).bit_length() - _WINDOW.bit_length())
    window = np.arange(-_WINDOW, _WINDOW + 1)
    costs = np.zeros((len(_OFFSETS), lines))
    for column in np.unique(other):
        part = values[:, other == column]
        inside = np.clip(part >> shift, -_WINDOW, _WINDOW) + _WINDOW
        keys = inside + (np.arange(lines, dtype=np.int64) * len(window))[:, None]
        found = np.bincount(keys.reshape(-1), minlength=lines * len(window)).reshape(lines, len(window))
        for row in np.unique(own):
            chosen = own == row
            some = found[chosen].astype(np.float64)
            for place, offset in enumerate(_OFFSETS):
                index = int(np.clip(scales.base + row + column + 2 * offset - 4 * shift, CLASS_MIN, CLASS_LIMIT))
                costs[place, chosen] += some @ _bits(index, window, beta)[0]
    penalty = 1.0 + 1.5 * np.abs(np.array(_OFFSETS))
    choice = np.zeros(lines, dtype=np.int64)
    for _ in range(3):
        choice = np.argmin(costs + penalty[:, None], axis=0)
        used = np.bincount(choice, minlength=len(_OFFSETS)) + 0.25
        penalty = -np.log2(used / used.sum())
    offsets = choice + _OFFSETS.start
    saved = costs[-_OFFSETS.start].sum() - costs[choice, np.arange(lines)].sum()
    return offsets, float(saved - _side_bits(offsets))


def _side_bits(offsets: NDArray[np.int64]) -> float:
    """About what a vector of offsets costs."""
    _, counts = np.unique(offsets, return_counts=True)
    return float(-(counts * np.log2(counts / len(offsets))).sum() + 3.0 * len(counts) + 4.0)
