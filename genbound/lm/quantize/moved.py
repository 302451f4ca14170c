"""One quantized tensor while it is refined: real numbers behind its integers, its steps or its code points."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from genbound.lm.quantize.model import (
    EIGHT,
    EIGHTHS,
    ENTRY_LIMIT,
    EXPONENT_LIMIT,
    HALF_OCTAVE,
    LATTICE_SHRINK,
    SHRINK_UNIT,
    STEP_LIMIT,
    VALUE_LIMIT,
    Lattice,
    QuantizedTensor,
    power,
    powers,
    row_scale,
)
from genbound.lm.quantize.rotation import block_size, signs

OFFSET = 0.25
"""Added to the spread of integers: at the spread 0 they still cost something."""

TINY = 1e-6

_HALF_OCTAVES = 2
_GRADES = EIGHTHS


class Moved:
    """A tensor on a grid, a lattice or under row scales.

    Attributes:
        real: the weights in the steps they started from, (rows, columns).
        log_step, log_rows: what the log2 steps have grown by since.
    """

    def __init__(self, tensor: QuantizedTensor, seed: int, index: int) -> None:
        self.tensor = tensor
        rows = powers(tensor.step + HALF_OCTAVE * tensor.row_exponents)
        if tensor.row_scales is not None:
            rows = rows * np.array([row_scale(int(code)) for code in tensor.row_scales])
        columns = powers(HALF_OCTAVE * tensor.column_exponents)
        self._steps = torch.from_numpy(np.outer(rows, columns)).float()
        self._signs = torch.from_numpy(signs(seed, index, len(columns))).float() if tensor.rotated else None
        start = tensor.values.astype(np.float32)
        self._eights: tuple[Tensor, Tensor] | None = None
        if tensor.lattice is not None:
            start[tensor.lattice.places] += 0.5 * np.repeat(tensor.lattice.halves, EIGHT, axis=0)
            chosen = (np.flatnonzero(mask) for mask in (tensor.lattice.rows, tensor.lattice.columns))
            at_rows, at_columns = (torch.from_numpy(places) for places in chosen)
            self._eights = at_rows[:, None], at_columns[None, :]
        self.real = torch.from_numpy(start).requires_grad_()
        self.log_step = torch.zeros(1).requires_grad_()
        self.log_rows = torch.zeros(len(rows), 1).requires_grad_()

    @property
    def scales(self) -> list[Tensor]:
        """What may be learned of the steps: nothing of vectors, whose centre counts in steps, or of row scales."""
        if self.tensor.row_scales is not None or not self.real.numel() or len(self.tensor.shape) < 2:
            return []
        return [self.log_step, self.log_rows]

    def settle(self) -> None:
        """Take the nearest steps the format has."""
        with torch.no_grad():
            self.log_step.copy_((self.log_step * _GRADES).round() / _GRADES)
            self.log_rows.copy_((self.log_rows * _HALF_OCTAVES).round() / _HALF_OCTAVES)

    def _growth(self) -> Tensor:
        return torch.exp2(self.log_step + self.log_rows)

    def weights(self) -> Tensor:
        """The parameter as the coded integers would give it, with gradients passed straight through the rounding."""
        growth = self._growth()
        real = self.real / growth
        out = (real + (self._points(real.detach()) - real).detach() + self.tensor.centre) * (self._steps * growth)
        if self._signs is not None:
            out = _hadamard(out) * self._signs
        if self.tensor.transposed:
            out = out.T
        return out.reshape(self.tensor.shape)

    def bits(self) -> Tensor:
        """The length of the integers, up to a constant, under a code that knows the spread of each row and column."""
        if not self.real.numel():
            return self.real.sum()
        size = (self.real / self._growth()).abs()
        rows, columns = size.mean(1, keepdim=True), size.mean(0, keepdim=True)
        return torch.log2(rows * columns / (size.mean() + TINY) + OFFSET).sum()

    def _rounded(self, real: Tensor) -> Tensor:
        out = real.round()
        if self._eights is not None:
            out[self._eights] = _nearest_e8(real[self._eights])
        return out

    def _points(self, real: Tensor) -> Tensor:
        rounded = self._rounded(real)
        points = rounded
        if self.tensor.shrink:
            points = points.sign() * (points.abs() - self.tensor.shrink / SHRINK_UNIT).clamp(min=0)
        if self._eights is not None:
            eights = _by_eights(rounded[self._eights])
            norms = eights.square().sum(1, keepdim=True).clamp(min=1.0)
            points = points.clone()
            points[self._eights] = (eights * (1 - LATTICE_SHRINK / norms)).reshape(rounded[self._eights].shape)
        return points

    def finish(self) -> QuantizedTensor:
        """The tensor with what was learned, on steps the format has."""
        self.settle()
        doubled = (2 * self._rounded(self.real.detach() / self._growth().detach())).double().numpy().astype(np.int64)
        values = np.clip(doubled >> 1, -VALUE_LIMIT, VALUE_LIMIT).astype(np.int32)
        tensor = dataclasses.replace(self.tensor, values=values)
        if self.scales:
            step = tensor.step + round(_GRADES * float(self.log_step.detach()))
            grown = np.rint(_HALF_OCTAVES * self.log_rows.detach().numpy()[:, 0]).astype(np.int64)
            rows = np.clip(tensor.row_exponents + grown, -EXPONENT_LIMIT, EXPONENT_LIMIT)
            tensor = dataclasses.replace(tensor, step=int(np.clip(step, -STEP_LIMIT, STEP_LIMIT)), row_exponents=rows)
        old = self.tensor.lattice
        if old is not None:
            halves = doubled[old.places][::EIGHT] % 2 > 0
            tensor = dataclasses.replace(tensor, lattice=Lattice(old.rows, old.columns, halves))
        return tensor


class MovedNumbers:
    """A tensor whose values number the entries of a codebook; tensors with one codebook move it together.

    Attributes:
        real: the weights in the steps of the codebook, (rows, columns).
    """

    def __init__(self, tensor: QuantizedTensor, book: Tensor) -> None:
        self.tensor = tensor
        self._book = book
        self._step = power(tensor.step)
        # Weights count in mean gaps between entries, so that one learning rate suits all.
        self._gap = max(1.0, float(book.detach().max() - book.detach().min()) / max(1, len(book) - 1))
        self.real = (book.detach()[torch.from_numpy(tensor.values.astype(np.int64))] / self._gap).requires_grad_()

    @property
    def scales(self) -> list[Tensor]:
        """The codebook is learned with the weights."""
        return []

    def settle(self) -> None:
        """Nothing: entries are rounded at the end."""

    def _numbers(self) -> Tensor:
        middles = (self._book[1:] + self._book[:-1]).detach() / 2
        return torch.bucketize(self.real.detach() * self._gap, middles)

    def weights(self) -> Tensor:
        """The nearest entries, with gradients to the entries and straight through to the weights."""
        real = self.real * self._gap
        out = (self._book[self._numbers()] + real - real.detach()) * self._step
        return (out.T if self.tensor.transposed else out).reshape(self.tensor.shape)

    def bits(self) -> Tensor:
        """The length of the numbers, linear between entries, under their present frequencies."""
        numbers = self._numbers()
        if len(self._book) < 2:
            return 0.0 * self.real.sum()
        counts = torch.bincount(numbers.flatten(), minlength=len(self._book)) + 0.5
        lengths = -torch.log2(counts / counts.sum())
        entries = self._book.detach()
        real = (self.real * self._gap).clamp(float(entries[0]), float(entries[-1]))
        left = torch.bucketize(real.detach(), entries).clamp(1, len(entries) - 1) - 1
        part = (real - entries[left]) / (entries[left + 1] - entries[left])
        return (lengths[left] + part * (lengths[left + 1] - lengths[left])).sum()

    def finish(self) -> QuantizedTensor:
        """The tensor with rounded entries; two that meet become one."""
        entries = self._book.detach().double().round().clamp(-ENTRY_LIMIT, ENTRY_LIMIT).numpy().astype(np.int64)
        book, places = np.unique(entries, return_inverse=True)
        values = places[self._numbers().numpy()].astype(np.int32)
        return dataclasses.replace(self.tensor, values=values, codebook=book)


def moved(tensors: tuple[QuantizedTensor, ...], seed: int) -> tuple[list[Moved | MovedNumbers], list[Tensor]]:
    """Every tensor on the move, and the codebooks they share."""
    known: list[tuple[np.ndarray, Tensor]] = []
    out: list[Moved | MovedNumbers] = []
    for index, tensor in enumerate(tensors):
        if tensor.codebook is None:
            out.append(Moved(tensor, seed, index))
            continue
        book = next((entries for old, entries in known if np.array_equal(old, tensor.codebook)), None)
        if book is None:
            book = torch.from_numpy(tensor.codebook.astype(np.float32)).requires_grad_()
            known.append((tensor.codebook, book))
        out.append(MovedNumbers(tensor, book))
    return out, [book for _, book in known]


def _by_eights(rows: Tensor) -> Tensor:
    return rows.reshape(-1, EIGHT, rows.shape[-1])


def _nearest_d8(points: Tensor) -> Tensor:
    out = points.round()
    rest = points - out
    worst = rest.abs().argmax(1, keepdim=True)
    odd = out.sum(1, keepdim=True) % 2 != 0
    turned = torch.where(rest.gather(1, worst) >= 0, 1.0, -1.0)
    return out.scatter_add(1, worst, torch.where(odd, turned, torch.zeros(())))


def _nearest_e8(rows: Tensor) -> Tensor:
    points = _by_eights(rows)
    whole = _nearest_d8(points)
    half = _nearest_d8(points - 0.5) + 0.5
    farther = (points - whole).square().sum(1, keepdim=True) > (points - half).square().sum(1, keepdim=True)
    return torch.where(farther, half, whole).reshape(rows.shape)


def _hadamard(rows: Tensor) -> Tensor:
    """The block Walsh-Hadamard transform of the last axis, differentiable."""
    block = block_size(rows.shape[-1])
    out, half = rows.reshape(-1, block), 1
    while half < block:
        view = out.reshape(-1, block // (2 * half), 2, half)
        first, second = view[:, :, 0], view[:, :, 1]
        out = torch.stack([first + second, first - second], dim=2).reshape(-1, block)
        half *= 2
    return (out / math.sqrt(block)).reshape(rows.shape)
