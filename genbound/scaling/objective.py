"""The one objective of every law here: a Huber loss on the log of a sum of exponentials, with exact derivatives.

    log yhat_i = logsumexp_j (F_ij + D_ij . p),   r_i = log y_i - log yhat_i,   f(p) = sum_i w_i rho_delta(r_i),
    rho_delta(r) = r^2/2 for |r| <= delta, delta (|r| - delta/2) beyond it (Hoffmann et al. 2022; the SUM, as there).

p holds log-amplitudes and exponents; a law is the pair of arrays F, D. Everything is evaluated for a batch of S
parameter vectors at once, each with its own targets and weights if wanted: that is what makes multi-start, bootstrap,
profile and leave-one-out single calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr


@dataclass(frozen=True)
class Design:
    """F (`offsets`, shape (J, n)) and D (`slopes`, shape (J, n, P)): n rows, J terms, P parameters."""

    offsets: np.ndarray
    slopes: np.ndarray

    @property
    def parameters(self) -> int:
        """P."""
        return self.slopes.shape[2]

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log yhat, shape (S, n), and the share of each term in yhat, shape (J, S, n)."""
        exponents = points @ self.slopes.swapaxes(1, 2) + self.offsets[:, None, :]
        top = exponents.max(axis=0)
        shares = np.exp(exponents - top)
        total = shares.sum(axis=0)
        return top + np.log(total), shares / total


@dataclass(frozen=True)
class Data:
    """log y, shape (n,) or (S, n); weights w, the same; delta, the corner of the Huber loss."""

    log_y: np.ndarray
    weights: np.ndarray
    delta: float

    def of(self, batch: np.ndarray) -> Data:
        """The data of some members of a batch."""
        log_y = self.log_y[batch] if self.log_y.ndim == 2 else self.log_y
        return Data(log_y, self.weights[batch] if self.weights.ndim == 2 else self.weights, self.delta)


@dataclass(frozen=True)
class Layout:
    """Terms amplitude * prod_k x_k^-exponent; an exponent is a number, or the name of one that is fitted."""

    columns: tuple[str, ...]
    terms: Mapping[str, Mapping[int, float | str]]  # name of the amplitude -> {column: exponent}
    increasing: bool = False

    @property
    def exponents(self) -> tuple[str, ...]:
        """Names of the fitted exponents."""
        named = (q for term in self.terms.values() for q in term.values() if isinstance(q, str))
        return tuple(dict.fromkeys(named))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the P parameters: log-amplitudes first."""
        return (*self.terms, *self.exponents)

    def design(self, log_x: np.ndarray, centre: np.ndarray) -> Design:
        """F and D at rows log x; log-amplitudes are those of the terms at log x = centre."""
        away = log_x - centre
        offsets = np.zeros((len(self.terms), len(away)))
        slopes = np.zeros((*offsets.shape, len(self.names)))
        for j, term in enumerate(self.terms.values()):
            slopes[j, :, j] = 1
            for column, exponent in term.items():
                if isinstance(exponent, str):
                    slopes[j, :, self.names.index(exponent)] -= away[:, column]
                else:
                    offsets[j] -= exponent * away[:, column]
        return Design(offsets, slopes)


@dataclass(frozen=True)
class Problem:
    """One fit: the design and data, and the box the parameters are sought in."""

    design: Design
    data: Data
    lower: np.ndarray
    upper: np.ndarray


def huber(residuals: np.ndarray, delta: float) -> np.ndarray:
    """rho_delta.

    >>> huber(np.array([0.5, -3.0]), 1.0)
    array([0.125, 2.5  ])
    """
    size = np.abs(residuals)
    near = np.minimum(size, delta)
    return near * (size - near / 2)


def value(design: Design, data: Data, points: np.ndarray) -> np.ndarray:
    """f at each point, shape (S,)."""
    log_prediction, _ = design.predict(points)
    return (data.weights * huber(data.log_y - log_prediction, data.delta)).sum(axis=1)


def derivatives(design: Design, data: Data, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """f, its gradient, its Hessian and a matrix M >= 0, shapes (S,), (S, P), (S, P, P), (S, P, P).

    The Hessian is exact wherever no |r_i| equals delta. M = sum_i w_i min(1, delta/|r_i|) g_i g_i^T, g_i the gradient
    of log yhat_i, is that of iteratively reweighted least squares: it majorises the Huber loss, and does not vanish
    where few residuals are below delta.
    """
    terms, n, parameters = design.slopes.shape
    log_prediction, shares = design.predict(points)
    residuals = data.log_y - log_prediction
    size = np.abs(residuals)
    clipped = np.clip(residuals, -data.delta, data.delta)  # psi
    slopes = np.einsum("jsn,jnp->snp", shares, design.slopes)
    pull = data.weights * clipped
    gradient = -(pull[:, None, :] @ slopes)[:, 0]
    products = np.einsum("jnp,jnq->jnpq", design.slopes, design.slopes).reshape(terms, n, -1)
    curved = ((pull * shares) @ products).sum(axis=0).reshape(-1, parameters, parameters)
    inner = data.weights * (size < data.delta) + pull
    hessian = np.swapaxes(slopes * inner[..., None], 1, 2) @ slopes - curved
    reweighted = data.weights * data.delta / np.maximum(size, data.delta)
    majoriser = np.swapaxes(slopes * reweighted[..., None], 1, 2) @ slopes
    return (data.weights * huber(residuals, data.delta)).sum(axis=1), gradient, hessian, majoriser


def noise_scale(residuals: np.ndarray, weights: np.ndarray, parameters: int) -> float:
    """Standard deviation of the residuals, outliers bounded: Huber's Proposal 2 with n - P degrees of freedom.

    The s with sum_i w_i min((r_i/s)^2, c^2) = (n - P) E min(Z^2, c^2), c = 1.5, Z standard normal, n = sum_i w_i.

    >>> round(noise_scale(np.array([1.0, -1.0, 2.0, -2.0, 100.0]), np.ones(5), 1), 3)
    3.402
    """
    corner, free = 1.5, weights.sum() - parameters
    if not free > 0:
        return float("nan")
    expected = 2 * ((1 - corner**2) * (ndtr(corner) - 0.5) - corner * np.exp(-(corner**2) / 2) / np.sqrt(2 * np.pi))
    expected += corner**2
    scale = np.sqrt((weights * residuals**2).sum() / free)
    for _ in range(200):  # decreases to the solution
        if not scale > 0:
            return 0.0
        part = (weights * np.minimum((residuals / scale) ** 2, corner**2)).sum() / (free * expected)
        if abs(part - 1) < 1e-12:
            break
        scale *= np.sqrt(part)
    return float(scale)


def quasi_likelihood(scale: float, delta: float) -> float:
    """E psi'/E psi^2 under N(0, scale^2): 2 f times it is distributed as -2 ln likelihood is (Ronchetti 1985).

    E psi' = P(|r| < delta) is NOT counted in the residuals: delta is far below the noise, few are that small.

    >>> round(quasi_likelihood(1e-6, 1e-3) * 1e-12, 6)
    1.0
    """
    corner = delta / scale
    inner = 2 * ndtr(corner) - 1
    square = inner - 2 * corner * np.exp(-(corner**2) / 2) / np.sqrt(2 * np.pi) + 2 * corner**2 * ndtr(-corner)
    return float(inner / (square * scale**2))
