"""Randomised block Walsh-Hadamard rotations, exact to the bit on every machine.

The rotation of a dimension n is block diagonal: blocks of m = the largest power of two dividing n, each the
    orthonormal Walsh-Hadamard matrix, after a random flip of signs. Only additions, subtractions and one
    multiplication by a fixed constant are used, in a fixed order, so encoder and decoder agree bit for bit
    ([QuIP], arXiv 2307.13304, section 4).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def block_size(dimension: int) -> int:
    """The largest power of two dividing `dimension` (at least 1).

    >>> block_size(24), block_size(96), block_size(7)
    (8, 32, 1)
    """
    return dimension & -dimension if dimension > 0 else 1


def signs(seed: int, index: int, dimension: int) -> NDArray[np.float64]:
    """`dimension` signs for tensor number `index`, from the raw stream of PCG64."""
    raw = np.random.PCG64([seed, index]).random_raw(dimension)
    return 1.0 - 2.0 * (np.asarray(raw) >> np.uint64(63)).astype(np.float64)


def hadamard(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The block Walsh-Hadamard transform of the last axis (its own inverse up to rounding)."""
    dimension = rows.shape[-1]
    block = block_size(dimension)
    out = np.array(rows, dtype=np.float64, order="C").reshape(-1, block)
    half = 1
    while half < block:
        view = out.reshape(-1, block // (2 * half), 2, half)
        upper = view[:, :, 0] + view[:, :, 1]
        view[:, :, 1] = view[:, :, 0] - view[:, :, 1]
        view[:, :, 0] = upper
        half *= 2
    out *= 1.0 / math.sqrt(block)
    return out.reshape(rows.shape)


def rotate(rows: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every row times S H: the coordinates in which a rotated tensor is quantized."""
    return hadamard(rows * sign)


def rotate_back(rows: NDArray[np.float64], sign: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `rotate`."""
    return hadamard(rows) * sign
