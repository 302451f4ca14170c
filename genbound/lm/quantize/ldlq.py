"""Rounding with linear feedback: LDLQ ([QuIP], arXiv 2307.13304), the same as GPTQ (arXiv 2210.17323) on
its grid.

The proxy loss is tr(R E H E^T) for E = W - Q, with R diagonal. Columns are rounded one after another; the
error of each is pushed into the columns still to come so that it costs least. With H^-1 = U^T U, U upper
triangular, the error of column i as it is finally paid has variance step^2/12 and weight D_i = U_ii^-2: the
proxy loss is sum_i D_i step_i^2/12 per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from genbound.errors import ModelError

BLOCK = 64
DAMPING = 3e-2


def factor(hessian: NDArray[np.float64], damping: float = DAMPING) -> NDArray[np.float64]:
    """U upper triangular with (H + damping mean(diag H) I)^-1 = U^T U.

    Raises:
        ModelError: H is not a finite positive semidefinite matrix.
    """
    size = len(hessian)
    mean = float(np.trace(hessian)) / max(1, size)
    if not np.isfinite(hessian).all() or mean < 0:
        raise ModelError("Hessian: need a finite positive semidefinite matrix")
    damped = (hessian + hessian.T) / 2
    damped[np.diag_indices(size)] += damping * mean if mean > 0 else 1.0
    for _ in range(8):
        try:
            # With J the reversal, J H J = L L^T gives H = M M^T for the upper triangular M = J L J; then U
            # = M^-1.
            lower = np.linalg.cholesky(damped[::-1, ::-1])
            break
        except np.linalg.LinAlgError:
            damped[np.diag_indices(size)] += 10 * max(damping, 1e-6) * (mean if mean > 0 else 1.0)
    else:
        raise ModelError("Hessian: need a positive semidefinite matrix")
    upper = lower[::-1, ::-1]
    inverse = np.linalg.inv(upper)
    return np.triu(inverse).astype(np.float64)


class Rule(Protocol):
    """How the weights of a column become integers, and what those stand for."""

    def integers(self, ratio: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """The integers for w/step = ratio."""
        ...

    def points(self, integers: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """What the integers stand for, in steps."""
        ...


@dataclass(frozen=True)
class Rounding:
    """The scalar rule: integers of w/step, and the points they stand for.

    Attributes:
        deadzone: |w/step| is lowered by this before it is rounded (0 is nearest).
        shrink: the points' shift towards zero, in steps.
    """

    deadzone: float = 0.0
    shrink: float = 0.0

    def integers(self, ratio: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """q for w/step = ratio."""
        if not self.deadzone:
            return np.rint(ratio)
        return np.copysign(np.floor(np.maximum(np.abs(ratio) + (0.5 - self.deadzone), 0.0)), ratio)

    def points(self, integers: NDArray[np.float64], column: int) -> NDArray[np.float64]:
        """What the integers stand for, in steps."""
        if not self.shrink:
            return integers
        return np.sign(integers) * np.maximum(np.abs(integers) - self.shrink, 0.0)


def ldlq(
    weights: NDArray[np.float64],
    triangle: NDArray[np.float64],
    row_steps: NDArray[np.float64],
    column_steps: NDArray[np.float64],
    rounding: Rule | None = None,
) -> NDArray[np.int32]:
    """Integers q for W ~ q * row_steps * column_steps with feedback along the columns.

    Args:
        weights: W, (rows, columns).
        triangle: `factor` of the Hessian, (columns, columns).
        row_steps, column_steps: the grid, (rows,) and (columns,).
        rounding: the rule; nearest integers without.
    """
    rule = rounding or Rounding()
    work = np.array(weights.T, dtype=np.float64, order="C")
    columns = len(work)
    out = np.empty(work.shape, dtype=np.float64)
    for start in range(0, columns, BLOCK):
        stop = min(start + BLOCK, columns)
        errors = np.empty((stop - start, work.shape[1]))
        for column in range(start, stop):
            steps = row_steps * column_steps[column]
            integers = rule.integers(work[column] / steps, column)
            out[column] = integers
            error = (work[column] - rule.points(integers, column) * steps) / triangle[column, column]
            errors[column - start] = error
            if column + 1 < stop:
                work[column + 1 : stop] -= np.outer(triangle[column, column + 1 : stop], error)
        if stop < columns:
            work[stop:] -= triangle[start:stop, stop:].T @ errors
    return np.ascontiguousarray(np.clip(out.T, -(1 << 30), 1 << 30).astype(np.int32))


def proxy_loss(weights: NDArray[np.float64], quantized: NDArray[np.float64], hessian: NDArray[np.float64]) -> float:
    """tr((W - Q) H (W - Q)^T)."""
    error = weights - quantized
    return float(np.einsum("ij,ij->", error @ hessian, error))
