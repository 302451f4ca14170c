"""The lattice E8, the densest in eight dimensions: its cells have 14 % less second moment than cubes of their volume.

E8 = D8 u (D8 + (1/2, ..., 1/2)), with D8 the integer vectors of even sum. The nearest point is the nearer of the two
nearest in the cosets; in D8 it is the rounded vector or, if its sum is odd, that with the coordinate rounded the other
way that was hardest to round (Conway and Sloane, Fast quantizing and decoding algorithms for lattice quantizers, 1982).

[QuIP#] takes eight neighbouring columns as a point. Here it is eight neighbouring rows of one column: in the proxy loss
tr(R E H E^T) errors of different rows do not meet, so the Euclidean distance is the right one, and the feedback still
runs from column to column. Rows and columns of low rate stay out of it: there a scalar rule with a wide cell at zero is
better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genbound.lm.quantize.ldlq import Rounding
from genbound.lm.quantize.model import EIGHT, Lattice, shrunken_e8

LATTICE_BITS = 0.9
"""Below this rate a scalar rule with a wide cell at zero has less distortion than the lattice."""


def nearest_d8(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest integer vectors of even sum, axis 1 holding the eight coordinates.

    >>> nearest_d8(np.array([[0.9, 0.4, 0, 0, 0, 0, 0, 0], [0.9, 0.6, 0, 0, 0, 0, 0, 0]]))[:, :2].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    out = np.rint(points)
    rest = points - out
    odd = out.sum(axis=1) % 2 != 0
    worst = np.expand_dims(np.abs(rest).argmax(axis=1), 1)
    turned = np.where(np.take_along_axis(rest, worst, 1) >= 0, 1.0, -1.0)
    moved = np.take_along_axis(out, worst, 1) + np.where(np.expand_dims(odd, 1), turned, 0.0)
    np.put_along_axis(out, worst, moved, 1)
    return out


def nearest_e8(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest points of E8, axis 1 holding the eight coordinates.

    >>> nearest_e8(np.full((1, 8), 0.4)).tolist()
    [[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]]
    """
    whole = nearest_d8(points)
    half = nearest_d8(points - 0.5) + 0.5
    farther = np.square(points - whole).sum(1, keepdims=True) > np.square(points - half).sum(1, keepdims=True)
    return np.where(farther, half, whole)


@dataclass(frozen=True)
class LatticeRule:
    """Rounding of chosen rows, eight by eight, to E8, in chosen columns; of everything else by a scalar rule.

    Its integers are twice the coordinates.

    Attributes:
        rows, columns: which are chosen; the chosen rows are a multiple of eight.
        scalar: the other rule.
    """

    rows: NDArray[np.bool_]
    columns: NDArray[np.bool_]
    scalar: Rounding

    def integers(self, ratio: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """Twice the coordinates of the points nearest to w/step."""
        out = 2.0 * self.scalar.integers(ratio, column)
        if self.columns[column]:
            out[self.rows] = 2.0 * nearest_e8(ratio[self.rows].reshape(-1, EIGHT)).reshape(-1)
        return out

    def points(self, integers: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """What the integers stand for, in steps."""
        out = self.scalar.points(0.5 * integers, column)
        if self.columns[column]:
            out[self.rows] = shrunken_e8(0.5 * integers[self.rows].reshape(-1, EIGHT)).reshape(-1)
        return out


def choose(bits: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The rows and columns, given the rate of every weight, that are wide enough for the lattice to pay."""
    columns = bits.mean(axis=0) >= LATTICE_BITS
    rows = bits[:, columns].mean(axis=1) >= LATTICE_BITS if columns.any() else np.zeros(len(bits), dtype=bool)
    kept = int(rows.sum()) // EIGHT * EIGHT
    rows[np.flatnonzero(rows)[kept:]] = False
    return rows, columns & bool(rows.any())


def split(
    doubled: NDArray[np.int32], rows: NDArray[np.bool_], columns: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], Lattice | None]:
    """Twice the coordinates as integers q, and where they are points of E8 and which of those are half ones."""
    halves = doubled[np.ix_(rows, columns)][::EIGHT] % 2 > 0
    return np.ascontiguousarray(doubled >> 1), Lattice(rows, columns, halves) if rows.any() else None
