"""Codebooks by k-means ([L24]'s route): the weights of a group share a few values, and only their numbers are coded.

Per group, scikit-learn's KMeans places the values, each weight counting by its Fisher information where that is known;
then values and assignments are moved to minimise

    sum w (x - c_k)^2 + lambda sum bits(k),

bits(k) = -log2 of the frequency of k in the group: an entropy-constrained codebook. One lambda for the whole model
meets the rate asked for, so that a bit buys the same everywhere. The values are rounded to a grid of eleven bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genbound.lm.hessian import Hessians
from genbound.lm.quantize.matrices import VECTOR_BITS, Matrix
from genbound.lm.quantize.model import QuantizedTensor, power

SAMPLE = 1 << 16
"""Weights of a group that the codebook is fitted to."""

VALUES_LIMIT = 1024
_ENTRY_BITS = 10
_ROUNDS = 12
_HALVINGS = 16


@dataclass(frozen=True, eq=False)
class _Group:
    """Weights that share a codebook, with their importance."""

    points: NDArray[np.float64]
    importance: NDArray[np.float64]
    size: int


@dataclass(frozen=True, eq=False)
class _Book:
    """Values and what naming each costs, in bits."""

    values: NDArray[np.float64]
    lengths: NDArray[np.float64]

    def numbers(self, points: NDArray[np.float64], importance: NDArray[np.float64], price: float) -> NDArray[np.int64]:
        """The value each point takes."""
        out = np.empty(points.shape, dtype=np.int64)
        for start in range(0, len(points), SAMPLE):
            part = slice(start, start + SAMPLE)
            distance = np.square(points[part, None] - self.values) * importance[part, None]
            out[part] = np.argmin(distance + price * self.lengths, axis=1)
        return out


def kmeans(
    model: list[Matrix], bits: float, calibration: Hessians | None, offsets: Mapping[str, float], seed: int
) -> list[QuantizedTensor]:
    """Every parameter as numbers of values of its group.

    Args:
        model: the parameters.
        bits: the rate to meet on average.
        calibration: statistics of the model; weights count alike, relative to their group, without.
        offsets: bits added to a group's share.
        seed: of samples and of k-means.
    """
    importance = {matrix.name: _importance(matrix, calibration) for matrix in model}
    graded = calibration is not None and bool(calibration.rows)
    groups: dict[str, _Group] = {}
    for place, name in enumerate(sorted({matrix.group for matrix in model if matrix.weights.size})):
        members = [matrix for matrix in model if matrix.group == name]
        points = np.concatenate([matrix.weights.ravel() for matrix in members])
        weight = np.concatenate([importance[matrix.name].ravel() for matrix in members])
        factor = 4.0 ** offsets.get(name, 0.0)
        if not graded:
            factor *= 4.0 ** (VECTOR_BITS * (name == "vectors"))
            factor /= max(float(np.mean(weight * np.square(points - points.mean()))), 1e-300)
        for matrix in members:
            importance[matrix.name] = factor * importance[matrix.name]
        groups[name] = _sampled(points, factor * weight, np.random.default_rng([seed, place]))
    books, price = _fit(groups, bits, seed)
    tensors = []
    for matrix in model:
        shape = matrix.weights.shape
        if matrix.weights.size:
            book = books[matrix.group]
            numbers = book.numbers(matrix.weights.ravel(), importance[matrix.name].ravel(), price)
            tensors.append(_tensor(matrix, numbers.reshape(shape), book))
        else:
            tensors.append(matrix.tensor(np.zeros(shape, dtype=np.int32), 0))
    return tensors


def _importance(matrix: Matrix, calibration: Hessians | None) -> NDArray[np.float64]:
    """The Fisher information of every weight, or ones."""
    shape = matrix.weights.shape
    if calibration is None:
        return np.ones(shape)
    hessian, rows = calibration.inputs.get(matrix.name), calibration.rows.get(matrix.name)
    out = np.zeros(shape)
    if hessian is not None and hessian.shape == (shape[1], shape[1]):
        out = out + np.outer(rows if rows is not None else np.ones(shape[0]), np.diag(hessian))
    if matrix.name in calibration.embeddings:
        by_row, by_column = calibration.embeddings[matrix.name]
        out = out + np.outer(by_row, by_column / max(float(by_column.sum()), 1e-300))
    if matrix.name in calibration.vectors:
        out = out + calibration.vectors[matrix.name].reshape(shape)
    if not out.any():
        return np.ones(shape)
    return np.maximum(out, float(out.mean()) * 2.0**-16)


def _sampled(points: NDArray[np.float64], weight: NDArray[np.float64], rng: np.random.Generator) -> _Group:
    if len(points) <= SAMPLE:
        return _Group(points, weight, len(points))
    chosen = rng.choice(len(points), SAMPLE, replace=False)
    return _Group(points[chosen], weight[chosen], len(points))


def _fit(groups: dict[str, _Group], bits: float, seed: int) -> tuple[dict[str, _Book], float]:
    """The codebooks of the groups at the price at which they cost `bits` on average."""
    start = {name: _clustered(group, bits, seed) for name, group in groups.items()}
    total = sum(group.size for group in groups.values())
    top = max(float(np.mean(g.importance * np.square(g.points))) for g in groups.values())
    low, high = math.log2(max(top, 1e-300)) - 60.0, math.log2(max(top, 1e-300)) + 8.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rate = 0.0
        for name, group in groups.items():
            rate += group.size * _settled(group, start[name], 2.0**middle)[1]
        low, high = (middle, high) if rate > bits * total else (low, middle)
    return {name: _settled(group, start[name], 2.0**high)[0] for name, group in groups.items()}, 2.0**high


def _clustered(group: _Group, bits: float, seed: int) -> _Book:
    """Where k-means puts the values; more of them than 2^bits, since some will be rare."""
    from sklearn.cluster import KMeans

    distinct = np.unique(group.points)
    wanted = min(VALUES_LIMIT, math.ceil(2.0 ** (bits + 1.0)) + 1, len(distinct))
    spread = distinct[np.linspace(0, len(distinct) - 1, wanted).round().astype(np.int64)]
    if wanted < len(distinct):
        ranked = np.sort(group.points)[np.linspace(0, len(group.points) - 1, wanted).round().astype(np.int64)]
        start = np.unique((ranked + spread) / 2)[:, None]
        machine = KMeans(n_clusters=len(start), random_state=seed, max_iter=100)
        machine.set_params(init=start, n_init=1)
        machine.fit(group.points[:, None], sample_weight=group.importance / group.importance.mean())
        spread = np.unique(machine.cluster_centers_.ravel())
    return _Book(spread, np.full(len(spread), math.log2(len(spread)) if len(spread) > 1 else 0.0))


def _settled(group: _Group, book: _Book, price: float) -> tuple[_Book, float]:
    """The codebook after some rounds of assigning and averaging, and its rate in bits; values nobody takes are gone."""
    for _ in range(_ROUNDS):
        numbers = book.numbers(group.points, group.importance, price)
        counts = np.bincount(numbers, minlength=len(book.values))
        mass = np.bincount(numbers, group.importance, minlength=len(book.values))
        moment = np.bincount(numbers, group.importance * group.points, minlength=len(book.values))
        used = counts > 0
        book = _Book((moment[used] / mass[used]), -np.log2(counts[used] / counts.sum()))
    frequency = np.exp2(-book.lengths)
    return book, float((frequency * book.lengths).sum())


def _tensor(matrix: Matrix, numbers: NDArray[np.int64], book: _Book) -> QuantizedTensor:
    largest = float(np.abs(book.values).max())
    step = 8 * (math.frexp(largest)[1] - _ENTRY_BITS) if largest else 0
    entries, places = np.unique(np.rint(book.values / power(step)).astype(np.int64), return_inverse=True)
    return QuantizedTensor(
        matrix.name, matrix.shape, places[numbers].astype(np.int32), step, *matrix.zeros(),
        transposed=matrix.transposed, codebook=entries,
    )  # fmt: skip
