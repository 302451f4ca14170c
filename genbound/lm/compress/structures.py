"""How few numbers become a weight: each parameter of a network is a `Part` that knows its pieces.

Every piece has initial values that follow from the seed; what is trained, quantized and coded is the deviation from
them, so that a number that is zero costs little and a piece that was never trained costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from genbound.errors import domain_error
from genbound.lm.compress import seeds
from genbound.lm.compress.projectors import product

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Origin:
    """Where initial values come from: a seed, the place of the parameter, and the deviation of matrix entries."""

    seed: int
    place: int
    deviation: float

    def normals(self, piece: int, shape: Shape, deviation: float) -> Tensor:
        """Gaussian initial values of one piece."""
        drawn = seeds.normals(self.seed, self.place, piece, count=int(np.prod(shape)))
        return torch.from_numpy(drawn.reshape(shape) * deviation)


class Part(Protocol):
    """One parameter of the network as a function of its pieces."""

    @property
    def initial(self) -> Mapping[str, Tensor]:
        """Initial values of the pieces, float64."""
        ...

    def weight(self, pieces: Mapping[str, Tensor]) -> Tensor:
        """The parameter."""
        ...


@dataclass(frozen=True, eq=False)
class Whole:
    """W = W_0 + w: every number on its own, or, when frozen, W_0."""

    base: Tensor
    frozen: bool = False

    @property
    def initial(self) -> Mapping[str, Tensor]:
        return {} if self.frozen else {"W": self.base}

    def weight(self, pieces: Mapping[str, Tensor]) -> Tensor:
        return self.base if self.frozen else pieces["W"]


@dataclass(frozen=True, eq=False)
class LowRank:
    """W = W_0 + B A of rank r: LoRA (Hu et al. 2021), both factors trained, B starting at zero.

    The factor alpha/r of LoRA is left out: the scale of B holds it.
    """

    base: Tensor
    initial: Mapping[str, Tensor]

    @classmethod
    def of(cls, shape: Shape, origin: Origin, rank: int) -> LowRank:
        rows, columns = shape
        rank = min(rank, rows, columns)
        down = origin.normals(1, (rank, columns), float(np.sqrt(1.0 / columns)))
        base = origin.normals(0, shape, origin.deviation)
        return cls(base, {"A": down, "B": torch.zeros(rows, rank, dtype=torch.float64)})

    def weight(self, pieces: Mapping[str, Tensor]) -> Tensor:
        return self.base.to(pieces["A"].dtype) + product(pieces["B"], pieces["A"])


@dataclass(frozen=True, eq=False)
class KroneckerSum:
    """W = sum over r terms of U_j (x) V_j; [L24] take one term.

    U is (o, i) and V (rows/o, columns/i), o and i the divisors of rows and columns nearest to `blocks`.
    """

    shape: Shape
    initial: Mapping[str, Tensor]

    @classmethod
    def of(cls, shape: Shape, origin: Origin, rank: int, blocks: int) -> KroneckerSum:
        rows, columns = shape
        o, i = divisor(rows, blocks), divisor(columns, blocks)
        rank = min(rank, o * i, (rows // o) * (columns // i))
        deviation = float(np.sqrt(origin.deviation / np.sqrt(rank)))
        left = origin.normals(1, (rank, o, i), deviation)
        right = origin.normals(2, (rank, rows // o, columns // i), deviation)
        return cls(shape, {"U": left, "V": right})

    def weight(self, pieces: Mapping[str, Tensor]) -> Tensor:
        left, right = pieces["U"], pieces["V"]
        flat = product(left.flatten(1).T, right.flatten(1))
        blocks = flat.view(left.shape[1], left.shape[2], right.shape[1], right.shape[2])
        return blocks.transpose(1, 2).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Monarch:
    """W = P_2 diag(L_1..L_b) P_1 diag(R_1..R_b): two block-diagonal factors and fixed permutations (Dao et al. 2022).

    Entry (s, l), (k, p) is sum over j < r of L[l, k, s, j] R[l, k, j, p]: b x b blocks, rows taken with stride, each
    of rank r. [L24] have b = 4 and r = min(rows, columns)/b^2, which is rank = 0 here.
    """

    shape: Shape
    initial: Mapping[str, Tensor]

    @classmethod
    def of(cls, shape: Shape, origin: Origin, rank: int, blocks: int) -> Monarch:
        rows, columns = shape
        over, across = divisor(rows, blocks), divisor(columns, blocks)
        tall, wide = rows // over, columns // across
        rank = min(rank or max(1, min(tall, wide) // max(over, across)), tall, wide)
        deviation = float(np.sqrt(origin.deviation / np.sqrt(rank)))
        left = origin.normals(1, (over, across, tall, rank), deviation)
        right = origin.normals(2, (over, across, rank, wide), deviation)
        return cls(shape, {"L": left, "R": right})

    def weight(self, pieces: Mapping[str, Tensor]) -> Tensor:
        blocks = product(pieces["L"], pieces["R"])  # (l, k, s, p)
        return blocks.permute(2, 0, 1, 3).reshape(self.shape)


def divisor(size: int, wanted: int) -> int:
    """The divisor of `size` nearest to `wanted`, the smaller of two.

    >>> divisor(96, 5), divisor(7, 3), divisor(32, 64)
    (4, 1, 32)
    """
    return min((each for each in range(1, size + 1) if size % each == 0), key=lambda each: abs(each - wanted))


def base_values(name: str, shape: Shape, origin: Origin) -> Tensor:
    """theta_0: Gaussian matrices, vectors of zeros, norm weights of ones."""
    if len(shape) == 2:
        return origin.normals(0, shape, origin.deviation)
    one = name.endswith("norm.weight")
    return torch.full(shape, 1.0 if one else 0.0, dtype=torch.float64)


def require_matrix(name: str, shape: Shape) -> None:
    """DomainError for parameters that no structure is defined on."""
    if len(shape) not in (1, 2) or not all(shape):
        raise domain_error("shape", shape, "a vector or a matrix, not empty", f"parameter {name}")
