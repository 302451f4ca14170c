"""Gaussian weights: a posterior Q with correlations, a prior P with one coded scale per tensor, and their exact ratio.

Every matrix W (out, in) of the network has the posterior

    W = M + L (S o E) R^T,    E independent standard normals,

with learned means M, scales S > 0 and unit lower triangular L, R (identity where a side is longer than FACTOR_LIMIT);
a vector has means and scales only. The prior is W ~ c + s_p N(0, I), c = 1 for the weights of norms and 0 elsewhere.
L and R have determinant 1, so with v = (L o L)(S o S)(R o R)^T, entrywise,

    KL(Q || P) = sum (v + (M - c)^2)/(2 s_p^2) - ln S + ln s_p - 1/2,

and P never has to know L and R: turning the noise towards the flat directions of the loss costs no description.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from genbound.errors import ModelError, domain_error

FACTOR_LIMIT = 256
"""Longest side with a factor of its own: beyond it the triangular products cost more than they gain."""

EIGHTHS = 8
SCALE_MIN, SCALES = -48, 64
"""Prior scales are 2^(e/8), e = -48 .. 15 (2^-6 to 3.7); each costs ln 64."""

LEAST_SCALE = 1e-6
_DRAWN = 0x676264
_RELATIVE = 1e-9


def centre_of(name: str, like: Tensor) -> Tensor:
    """c, the prior mean fixed beforehand: 1 for the weights of norms, 0 for everything else."""
    return torch.full_like(like, 1.0 if name.endswith("norm.weight") else 0.0)


def prior_scale(exponent: int) -> float:
    """s_p = 2^(e/8).

    >>> prior_scale(-8)
    0.5
    """
    return float(2.0 ** (exponent / EIGHTHS))


def nearest_exponent(scale: float) -> int:
    """The exponent of the prior scale nearest to `scale`, within the range that is paid for.

    >>> nearest_exponent(0.5), nearest_exponent(1e-9)
    (-8, -48)
    """
    return int(np.clip(round(EIGHTHS * np.log2(max(scale, 1e-30))), SCALE_MIN, SCALE_MIN + SCALES - 1))


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Of names and float32 values, in their order."""
    digest = hashlib.sha256()
    for name, value in tensors.items():
        digest.update(name.encode() + b"\0")
        digest.update(np.ascontiguousarray(value.detach().cpu().float().numpy(), dtype="<f4").tobytes())
    return digest.hexdigest()


def has_factor(size: int) -> bool:
    """Whether a side of a matrix gets a triangular factor."""
    return 1 < size <= FACTOR_LIMIT


@dataclass(frozen=True, eq=False)
class Belief:
    """Q and P of one tensor, as plain float32 tensors.

    Attributes:
        mean, log_scale: M and ln S, of the tensor's shape.
        left, right: L and R, unit lower triangular; None for the identity.
        exponent: of the prior scale, 2^(exponent/8).
        centre: c, of the tensor's shape.
    """

    mean: Tensor
    log_scale: Tensor
    left: Tensor | None
    right: Tensor | None
    exponent: int
    centre: Tensor

    def check(self, name: str) -> None:
        """Refuse what is no posterior.

        Raises:
            ModelError: numbers that are not finite, absurd scales, or factors that are not unit lower triangular.
        """
        for part in (self.mean, self.log_scale, self.left, self.right, self.centre):
            if part is not None and not bool(torch.isfinite(part).all()):
                raise ModelError(f"{name}: a posterior that is not finite")
        if self.log_scale.numel() and not -40.0 < float(self.log_scale.min()) <= float(self.log_scale.max()) < 20.0:
            raise ModelError(f"{name}: scales outside e^-40 .. e^20")
        for factor in (self.left, self.right):
            if factor is not None and not bool((torch.triu(factor) == torch.eye(len(factor))).all()):
                raise ModelError(f"{name}: a factor that is not unit lower triangular (its determinant must be 1)")
        if not SCALE_MIN <= self.exponent < SCALE_MIN + SCALES:
            raise ModelError(f"{name}: prior exponent {self.exponent}, need {SCALE_MIN} to {SCALE_MIN + SCALES - 1}")

    def draw(self, normals: np.ndarray) -> tuple[np.ndarray, float]:
        """omega = M + L (S o E) R^T in float64, and ln q(omega) - ln p(omega), never below the exact value.

        Args:
            normals: E, float64, of the tensor's shape.
        """
        log_scale = self.log_scale.double().numpy()
        noise = np.exp(log_scale) * normals
        if self.right is not None:
            noise = noise @ self.right.double().numpy().T
        if self.left is not None:
            noise = self.left.double().numpy() @ noise
        weights = self.mean.double().numpy() + noise
        log_prior_scale = self.exponent * float(np.log(2.0)) / EIGHTHS
        ahead = (weights - self.centre.double().numpy()) / prior_scale(self.exponent)
        terms = 0.5 * ahead**2 - 0.5 * normals**2 + (log_prior_scale - log_scale)
        # float64 errs by less than 1e-9 of the sizes that enter: paid, and far below a thousandth of a nat per tensor
        slack = _RELATIVE * float((0.5 * ahead**2 + 0.5 * normals**2 + np.abs(log_scale) + abs(log_prior_scale)).sum())
        return weights, float(terms.sum()) + slack

    def divergence(self) -> float:
        """KL(Q || P), nats, in float64."""
        squares = np.exp(2.0 * self.log_scale.double().numpy())
        if self.right is not None:
            squares = squares @ np.square(self.right.double().numpy()).T
        if self.left is not None:
            squares = np.square(self.left.double().numpy()) @ squares
        ahead = self.mean.double().numpy() - self.centre.double().numpy()
        spread = (squares + ahead**2) / (2.0 * prior_scale(self.exponent) ** 2)
        log_prior_scale = self.exponent * float(np.log(2.0)) / EIGHTHS
        return float((spread - self.log_scale.double().numpy() + log_prior_scale - 0.5).sum())


def standard_normals(seed: int, draw: int, index: int, shape: Iterable[int]) -> np.ndarray:
    """E of tensor number `index` in draw number `draw`: from the raw stream of PCG64 by the inverse normal law.

    The same numbers on every machine. Nothing else uses this stream, and the constants of training were tuned with the
    draws of another one: no mean, no scale and no constant was chosen by looking at it.
    """
    shape = tuple(shape)
    raw = np.random.PCG64([seed, _DRAWN, draw, index]).random_raw(int(np.prod(shape, dtype=np.int64)))
    uniform = ((np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return ndtri(uniform).reshape(shape)


@dataclass(frozen=True, eq=False)
class Posterior:
    """Q and P of all tensors, in the model's order."""

    beliefs: Mapping[str, Belief]

    def draw(self, seed: int, draw: int) -> tuple[dict[str, np.ndarray], float]:
        """The weights of draw number `draw` as float32, and the exact log-ratio of the draw, nats, rounded up."""
        if draw < 0:
            raise domain_error("draw", draw, "draw >= 0", "number of the draw")
        weights, ratio = {}, 0.0
        for index, (name, belief) in enumerate(self.beliefs.items()):
            drawn, part = belief.draw(standard_normals(seed, draw, index, belief.mean.shape))
            weights[name] = drawn.astype(np.float32)
            ratio += part
        return weights, float(np.nextafter(ratio, np.inf)) + abs(ratio) * _RELATIVE

    def divergence(self) -> float:
        """KL(Q || P), nats: what `pac_bayes` pays instead of the log-ratio of a draw."""
        return sum(belief.divergence() for belief in self.beliefs.values())

    @property
    def parameters(self) -> int:
        return sum(belief.mean.numel() for belief in self.beliefs.values())
