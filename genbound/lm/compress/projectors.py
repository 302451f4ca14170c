"""Random subspaces: theta = theta_0 + P w, with P from R^d to R^D of (nearly) orthonormal columns, given by a seed.

P is applied, never written: only d, the kind and the seed stand in a file. In float64 every product is added up in a
fixed order, so that two machines get the same bits; in float32, where models are trained, matrix products are used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genbound.errors import domain_error
from genbound.lm.compress import seeds

KINDS = ("kronecker", "fastfood", "dense")
"""In the order of the file's two bits."""

DENSE_LIMIT = 1 << 22
"""Entries of a dense matrix."""

_GRID = 2.0**20
"""Orthonormal matrices are rounded to this grid, for LAPACK's last bits differ between machines."""

_PLACE = 1 << 20  # the streams of projectors lie apart from those of initial weights


class Projector(Protocol):
    """P: R^d -> R^D."""

    def __call__(self, w: Tensor) -> Tensor:
        """P w, shape (D,), of w, shape (d,); differentiable, and the adjoint P^T is what autograd applies."""
        ...


def projector(kind: str, inner: int, outer: int, seed: int) -> Projector:
    """The projector of a kind from R^inner to R^outer.

    Args:
        kind: one of KINDS. inner: d. outer: D. seed: of the matrix, fixed beforehand or written in the file.

    Raises:
        DomainError: not 1 <= d <= D, an unknown kind, or a dense matrix of more than 2^22 entries.

    >>> P = projector("fastfood", 3, 40, seed=0)
    >>> w = torch.tensor([1.0, -2.0, 2.0], dtype=torch.float64)
    >>> 2.4 < float(P(w).norm()) < 3.6
    True
    """
    if not 1 <= inner <= outer:
        raise domain_error("d", inner, f"1 <= d <= D = {outer}", "dimension of the subspace")
    if kind == "dense":
        if inner * outer > DENSE_LIMIT:
            raise domain_error("d D", inner * outer, f"at most {DENSE_LIMIT}", "entries of a dense projector")
        return Dense(orthonormal(outer, inner, seed, 0))
    if kind == "kronecker":
        return Kronecker.of(inner, outer, seed)
    if kind == "fastfood":
        return Fastfood.of(inner, outer, seed)
    raise domain_error("projector", kind, f"one of {KINDS}", "kind of the random subspace")


def product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right; in float64 added up along the inner axis from first to last, the same on every machine.

    >>> ones = torch.ones(3, 1, dtype=torch.float64)
    >>> float(product(torch.tensor([[1.0, 1e16, -1e16]], dtype=torch.float64), ones))
    0.0
    """
    if left.dtype != torch.float64:
        return left @ right
    out = left[..., :, :1] * right[..., :1, :]
    for k in range(1, left.shape[-1]):
        out = out + left[..., :, k : k + 1] * right[..., k : k + 1, :]
    return out


def orthonormal(rows: int, columns: int, seed: int, index: int) -> Tensor:
    """A random matrix with orthonormal columns, up to the grid of 2^-20: the Q of Gaussian entries, R_ii > 0."""
    drawn = seeds.normals(seed, _PLACE, index, count=rows * columns).reshape(rows, columns)
    basis, triangle = np.linalg.qr(drawn)
    signed = basis * np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return torch.from_numpy(np.rint(signed * _GRID) / _GRID)


@dataclass(frozen=True, eq=False)
class Dense:
    """P itself, D x d, with orthonormal columns."""

    matrix: Tensor

    def __call__(self, w: Tensor) -> Tensor:
        return product(self.matrix.to(w.dtype), w[:, None])[:, 0]


@dataclass(frozen=True, eq=False)
class Kronecker:
    """P = (rows `order` of) Q_1 (x) Q_2 with orthonormal Q_1 (a x p) and Q_2 (b x q), a b >= D and p q >= d.

    [L24] take a = b = floor(sqrt D), p = q = floor(sqrt d) and fill up with a dense block; here the product is a
    little too large and cut, at random, so the columns are orthonormal up to the few rows that are missing.
    """

    left: Tensor
    right: Tensor
    order: Tensor
    inner: int

    @classmethod
    def of(cls, inner: int, outer: int, seed: int) -> Kronecker:
        rows, columns = _near_square(outer), _near_square(inner)
        order = seeds.permutation(seed, _PLACE, 2, count=rows[0] * rows[1])[:outer]
        left, right = (orthonormal(rows[i], columns[i], seed, i) for i in (0, 1))
        return cls(left, right, torch.from_numpy(order), inner)

    def __call__(self, w: Tensor) -> Tensor:
        shape = (self.left.shape[1], self.right.shape[1])
        square = F.pad(w, (0, shape[0] * shape[1] - self.inner)).view(shape)
        half = product(self.left.to(w.dtype), square)
        return product(half, self.right.to(w.dtype).T).reshape(-1)[self.order]


def _near_square(size: int) -> tuple[int, int]:
    """Sides a >= b with a b >= size and little to spare."""
    side = int(np.ceil(np.sqrt(size)))
    return side, -(-size // side)


@dataclass(frozen=True, eq=False)
class Fastfood:
    """P: blocks S H G Pi H B one below the other, H the Walsh-Hadamard matrix of a power of two m >= d.

    B holds signs, Pi permutes, G is Gaussian (scaled to mean square 1), and S is the one number that makes the
    columns about unit length (Le, Sarlos and Smola 2013; S as Li et al. 2018 use it for random subspaces).
    """

    flips: Tensor
    orders: Tensor
    gains: Tensor
    outer: int
    inner: int

    @classmethod
    def of(cls, inner: int, outer: int, seed: int) -> Fastfood:
        size = 1 << max(0, inner - 1).bit_length()
        blocks = range(-(-outer // size))
        flips = [seeds.signs(seed, _PLACE, 3, block, count=size) for block in blocks]
        orders = [seeds.permutation(seed, _PLACE, 4, block, count=size) for block in blocks]
        gains = [seeds.normals(seed, _PLACE, 5, block, count=size) for block in blocks]
        scaled = [gain / np.sqrt(math.fsum(gain * gain) / size) for gain in gains]
        stacked = [torch.from_numpy(np.stack(each)) for each in (flips, orders, scaled)]
        return cls(stacked[0], stacked[1], stacked[2], outer, inner)

    def __call__(self, w: Tensor) -> Tensor:
        size = self.flips.shape[1]
        mixed = hadamard(F.pad(w, (0, size - self.inner)) * self.flips.to(w.dtype))
        mixed = hadamard(mixed.gather(1, self.orders) * self.gains.to(w.dtype))
        return mixed.reshape(-1)[: self.outer] * float(np.sqrt(size / self.outer))


def hadamard(rows: Tensor) -> Tensor:
    """The orthonormal Walsh-Hadamard transform of the last axis, whose length is a power of two; differentiable.

    >>> hadamard(torch.tensor([[1.0, 0.0, 0.0, 0.0]])).tolist()
    [[0.5, 0.5, 0.5, 0.5]]
    """
    size = rows.shape[-1]
    out, half = rows, 1
    while half < size:
        pairs = out.reshape(-1, size // (2 * half), 2, half)
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        out = torch.stack([first + second, first - second], dim=2)
        half *= 2
    return out.reshape(rows.shape) * (1.0 / float(np.sqrt(size)))
