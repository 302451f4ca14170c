"""How much the loss varies around what the past tells of it: sd(X), sd(X - Y) and Sigma at a fixed complexity.

X is the loss of a token, Y the entropy of the model's own prediction of it. Sigma is that of `empirical_freedman`
(THEORY 1) for the smoothed losses at alpha = C/(1 + C) and the entropies of the smoothed predictions, with
Delta = ln(V/alpha) and the 1000 points of K as [F25] takes them, at complexities C that are given, all-in: two models
then differ by their losses only, not by what their description costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genbound import smoothing
from genbound.baselines import sigma_root
from genbound.certificate.statistics import never_below
from genbound.certified import ball, precision, up
from genbound.concentration.empirical_freedman import freedman_grid
from genbound.concentration.observed import observe
from genbound.errors import DataError, domain_error
from genbound.lm.measure.sample import paired
from genbound.lm.token_stats import TokenStatistics
from genbound.lm.windows import Windows, evaluate

COMPLEXITIES = (0.1, 0.2, 0.3)
"""C, nats per token, at which Sigma is measured: those of quantized models at 20 tokens per parameter."""


@dataclass(frozen=True)
class Variation:
    """Moments of the loss of one model on the tokens that were read, nats per token; X and Y are unsmoothed.

    Attributes:
        tokens: how many were read.
        mean_x: mean X. standard_error: of mean_x, by the spread of the windows.
        sd_x: the standard deviation of X.
        mean_y: mean Y, the entropy of the predictions.
        sd_x_minus_y: the standard deviation of X - Y.
        sigma: Sigma by complexity C.
    """

    tokens: int
    mean_x: float
    standard_error: float
    sd_x: float
    mean_y: float
    sd_x_minus_y: float
    sigma: Mapping[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, complexities as strings."""
        return {**asdict(self), "sigma": {f"{c:g}": value for c, value in self.sigma.items()}}


def sigma(losses: ArrayLike, entropies: ArrayLike, *, complexity: float, vocab_size: int) -> float:
    """Sigma = min_{s in K} Delta sqrt(C)(1 - s)/s + (Delta/(s sqrt C)) mean v(s A), A = (Y - X)/Delta.

    Delta = ln(V/alpha) at alpha = C/(1 + C), v(x) = x - ln(1 + x), K = {i/1001}. Nothing is added to C: it is given.

    Source: [F25, Theorem 3.1], arXiv 2504.15208.

    Args:
        losses: X, nats, smoothed with that alpha, (n,).
        entropies: Y, nats, of the predictions smoothed with it, (n,).
        complexity: C > 0, nats per token.
        vocab_size: V.

    Returns:
        Sigma, nats per token, rounded up.

    Raises:
        DomainError: C is not positive and finite; a loss above ln(V/alpha).
        DataError: NaN, infinite, negative or missing entries, or unequal shapes.

    >>> round(sigma([0.5, 1.5], [1.0, 1.0], complexity=0.25, vocab_size=10), 6)
    0.066324
    """
    if not 0 < complexity < float("inf"):
        raise domain_error("C", complexity, "0 < C < inf", "nats per token")
    ceiling = smoothing.ceiling(smoothing.optimal_alpha(complexity), vocab_size)
    seen = observe(losses, entropies, ceiling=ceiling, prediction_floor=0.0)
    with precision():
        c = ball(complexity)
        return up(sigma_root(seen, c, freedman_grid())[0] / c.sqrt())


def variation(
    model: nn.Module,
    windows: Windows,
    indices: NDArray[np.int64],
    *,
    vocab_size: int,
    complexities: tuple[float, ...] = COMPLEXITIES,
) -> Variation:
    """The moments and Sigma of a model on some windows of a stream.

    Args:
        model: a causal language model. windows: of the stream. indices: which of them, two or more.
        vocab_size: V.
        complexities: C, nats per token each.

    Raises:
        ModelError, DataError: as `token_statistics`; a loss above the ceiling cannot come.
    """
    if len(indices) < 2:
        raise DataError(f"windows: {len(indices)}; need two or more to tell how they vary")
    alphas = tuple(smoothing.optimal_alpha(c) for c in complexities)
    blocks = evaluate(model, windows, indices, alphas, vocab_size=vocab_size)
    seen = TokenStatistics.concatenate([block for _, block in blocks])
    means = seen.nll.reshape(len(indices), -1).mean(axis=1)
    sigmas = {}
    for row, (complexity, alpha) in enumerate(zip(complexities, alphas, strict=True)):
        losses = never_below(seen.smoothed_nll[row], alpha, vocab_size)
        sigmas[complexity] = sigma(losses, seen.smoothed_entropy[row], complexity=complexity, vocab_size=vocab_size)
    return Variation(
        tokens=len(seen.nll),
        mean_x=float(seen.nll.mean()),
        standard_error=paired(means, np.zeros_like(means))[1],
        sd_x=float(seen.nll.std()),
        mean_y=float(seen.entropy.mean()),
        sd_x_minus_y=float((seen.nll - seen.entropy).std()),
        sigma=sigmas,
    )
