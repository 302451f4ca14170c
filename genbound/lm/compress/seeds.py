"""Random numbers that are the same on every machine: integers from the raw stream of PCG64, then exact arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIELDS = 4
_FIELD_BITS = 16
_MEAN = _FIELDS * ((1 << _FIELD_BITS) - 1) / 2
_DEVIATION = float(np.sqrt(_FIELDS * ((1 << 2 * _FIELD_BITS) - 1) / 12))

SEED_LIMIT = (1 << 31) - 2
"""Seeds are below this: what the file can write."""


def stream(seed: int, *place: int, count: int) -> NDArray[np.uint64]:
    """`count` raw 64-bit integers, one stream for each seed and place."""
    return np.asarray(np.random.PCG64([seed, *place]).random_raw(count), dtype=np.uint64)


def signs(seed: int, *place: int, count: int) -> NDArray[np.float64]:
    """`count` signs, +1 or -1.

    >>> signs(0, 1, count=4).tolist() == signs(0, 1, count=8)[:4].tolist()
    True
    """
    return 1.0 - 2.0 * (stream(seed, *place, count=count) >> np.uint64(63)).astype(np.float64)


def normals(seed: int, *place: int, count: int) -> NDArray[np.float64]:
    """`count` numbers of mean 0 and deviation 1, close to Gaussian: sums of four uniform 16-bit integers.

    No logarithm and no cosine, whose last bit is left to each machine.

    >>> sample = normals(0, count=10_000)
    >>> bool(abs(sample.mean()) < 0.03), bool(abs(sample.std() - 1) < 0.03), float(sample.max()) < 3.5
    (True, True, True)
    """
    raw = stream(seed, *place, count=count)
    mask = np.uint64((1 << _FIELD_BITS) - 1)
    total = sum((((raw >> np.uint64(_FIELD_BITS * j)) & mask).astype(np.float64) for j in range(_FIELDS)), -_MEAN)
    return np.asarray(total, dtype=np.float64) / _DEVIATION


def permutation(seed: int, *place: int, count: int) -> NDArray[np.int64]:
    """A random order of 0..count-1.

    >>> sorted(permutation(3, count=5).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(stream(seed, *place, count=count), kind="stable").astype(np.int64)
