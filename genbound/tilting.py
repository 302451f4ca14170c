"""The optimal output law q of the bound `geometric_mean`: the prediction p, tilted with weight w.

`geometric_mean` holds for the losses of any law q(x) = e^{z_x - U}, z >= 0, U = ln sum_x e^{z_x}: U is predictable and
U - X = z of the token that came. Linearised at w = e^{-C} GM(U - X), and averaged over p, the bound is the mean of

    F(z) = ln sum_x e^{z_x} - w sum_x p(x) ln z_x,

convex in z. It is least where q(x) = w p(x)/z_x, that is z_x e^{z_x} = w p(x) e^U (`optimal_law`). Unlikely tokens get
q ~ e^{-U} + w p, uniform smoothing with alpha = V e^{-U}; likely ones q = w p/z; and U = w + H(q): the ceiling follows
the entropy of the context. Whatever approximates z is a law as it stands, so no bound rests on how well it was solved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from flint import arb

from genbound.certified import ball, precision, up
from genbound.concentration.result import BoundResult, all_in, rows
from genbound.errors import DataError, domain_error

WEIGHTS: tuple[float, ...] = tuple(round(2.0 ** (1 + j / 16), 4) for j in range(64))
"""The weights w fixed beforehand, from 2 to 30.6 nats; choosing among them costs ln 64."""

LEAST_SLACK = 2.0**-7
"""No z is smaller: a token that is all but impossible keeps the probability e^{LEAST_SLACK - U} at least, and ln z a
floor. Preset; on calibrated predictions it costs about 1e-4 nats."""

MOST_WEIGHT = 64.0
"""Largest w allowed: up to it e^U stays within float32."""

ASSUMPTIONS = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "the law e^{z - U} of every token is a function of the past only",
    "holds simultaneously for all n",
)

_RELATIVE = 2.0**-20  # widening of the range, for what float32 makes of most_slack


@dataclass(frozen=True, eq=False)
class OptimalLaw:
    """Laws q(x) = e^{z_x - U} and what they were made of, nats.

    Attributes:
        slacks: z, shape (..., V), each >= LEAST_SLACK.
        ceilings: U = ln sum_x e^{z_x}, shape (...): no loss under q is larger.
    """

    slacks: np.ndarray
    ceilings: np.ndarray

    @property
    def losses(self) -> np.ndarray:
        """X = U - z, the loss of every token, shape (..., V)."""
        return self.ceilings[..., None] - self.slacks


def require_weight(weight: float) -> float:
    """w as a float; DomainError unless 0 < w <= 64."""
    if not 0.0 < weight <= MOST_WEIGHT:
        raise domain_error("w", weight, f"0 < w <= {MOST_WEIGHT:g}", "weight of the tilt, nats")
    return float(weight)


def most_slack(weight: float, vocab_size: int) -> float:
    """w + ln V >= z for the optimal law (z <= U = w + H(q)), and by definition for every law made here; rounded up.

    >>> round(most_slack(4.0, 96), 6)
    8.564348
    """
    with precision():
        return up(ball(require_weight(weight)) + arb(_size(vocab_size)).log())


def most_ceiling(weight: float, vocab_size: int) -> float:
    """w + 2 ln V >= U, for every law made here; rounded up.

    >>> round(most_ceiling(4.0, 96), 6)
    13.128709
    """
    with precision():
        return up((ball(require_weight(weight)) + 2 * arb(_size(vocab_size)).log()) * (1 + ball(_RELATIVE)))


def first_ceilings(weight: float, vocab_size: int) -> tuple[float, float]:
    """(U at entropy 0, slope): where the search for U starts, U_1 + slope H. Exact for point masses and for uniform p.

    For a point mass z = w + y with y e^y = w (V - 1) e^{-w}, and U = z + ln(z/w); for the uniform law U = w + ln V.

    >>> start, slope = first_ceilings(4.0, 96)
    >>> round(start, 4), round(start + slope * math.log(96), 4)
    (5.8431, 8.5643)
    """
    from scipy.special import wrightomega

    w, v = require_weight(weight), _size(vocab_size)
    z = w + float(wrightomega(math.log(w * (v - 1)) - w))
    start = z + math.log(z / w)
    return start, (w + math.log(v) - start) / math.log(v)


def optimal_law(log_probabilities: np.ndarray, weight: float, *, rounds: int = 6) -> OptimalLaw:
    """The law q that minimises ln sum e^{z_x} - w sum p(x) ln z_x, one for every prediction p.

    Source: derived here (`optimal_law`).

    Args:
        log_probabilities: ln p, nats, shape (..., V), V >= 2; normalised up to rounding.
        weight: w, nats, 0 < w <= 64.
        rounds: Newton steps of the search for U; two are enough for 1e-5 nats.

    Returns:
        OptimalLaw: any number of rounds gives a law.

    Raises:
        DomainError: w outside its domain. DataError: NaN, infinite or unnormalised ln p.

    >>> law = optimal_law(np.log([[0.9, 0.05, 0.05]]), 4.0)
    >>> law.ceilings.round(4), law.slacks.round(4)
    (array([4.5999]), array([[4.3994, 2.2014, 2.2014]]))
    """
    from scipy.special import wrightomega

    log_p = np.asarray(log_probabilities, dtype=np.float64)
    if log_p.ndim < 1 or log_p.shape[-1] < 2:
        raise DataError(f"ln p: shape {log_p.shape}, need (..., V) with V >= 2")
    p = np.exp(log_p)
    if not (np.isfinite(log_p).all() and np.abs(p.sum(-1) - 1).max(initial=0.0) < 1e-6):
        raise DataError("ln p: need finite logarithms of probabilities that sum to one")
    v = log_p.shape[-1]
    start, slope = first_ceilings(weight, v)
    u = start - slope * (p * log_p).sum(-1, keepdims=True)
    z = wrightomega(log_p + math.log(weight) + u)
    for _ in range(rounds):
        total = np.exp(z).sum(-1, keepdims=True)
        u += (np.log(total) - u) * total / (np.exp(z) / (1 + z)).sum(-1, keepdims=True)
        z = wrightomega(log_p + math.log(weight) + u)
    z = np.clip(z, LEAST_SLACK, most_slack(weight, v))
    return OptimalLaw(z, np.log(np.exp(z).sum(-1)))


def tilted_bound(mean_ceiling: float, mean_log_slack: float, mean_loss: float, *, n: int, weight: float, ceiling: float,
                 complexity: float | arb | None = None,
                 log_inv_delta: float | arb | None = None) -> BoundResult:  # fmt: skip
    """R <= mean U - e^{-C} exp(mean ln z), z = U - X: `geometric_mean` for the losses of a tilted prediction.

    Source: derived here (THEORY 1, `geometric_mean`, with U_k the ceiling of the law of token k).

    Args:
        mean_ceiling: mean U_k, nats, rounded up. mean_log_slack: mean ln z_k, rounded down.
        mean_loss: mean X_k, nats, rounded up; for the rows only.
        n: number of tokens.
        weight: w, fixed beforehand or paid.
        ceiling: a constant >= every U, nats (`most_ceiling`): the bound is never above it.
        complexity: C, nats per token, everything paid in it; or
        log_inv_delta: n C, nats in total. Exactly one of the two.

    Returns:
        BoundResult with rows "empirical risk", "complexity" ((1-e^{-C})(mean U - mean X), the floor with a ceiling per
        context) and "loss variation" (the rest). The value is rounded up.

    Raises:
        DomainError: arguments outside the domain above.

    >>> result = tilted_bound(9.0, math.log(5.0), 3.0, n=100, weight=5.0, ceiling=13.2, complexity=0.1)
    >>> round(result.value, 6), round(result.term("loss variation"), 6)
    (4.475813, 0.904837)
    """
    w = require_weight(weight)
    if not 0.0 <= mean_loss <= mean_ceiling <= ceiling < math.inf:
        raise domain_error("mean U", mean_ceiling, f"mean X = {mean_loss!r} <= mean U <= {ceiling!r}", "nats per token")
    c, costs = all_in(n, complexity, log_inv_delta)
    with precision():
        value = min(up(ball(mean_ceiling) - (ball(mean_log_slack) - c).exp()), ceiling)
        spent = float((ball(mean_ceiling) - ball(mean_loss)) * (-(-c).expm1()))
    parts = rows(value, ("empirical risk", mean_loss), ("complexity", spent), rest="loss variation")
    evidence = ("exact sums of U and ln z over every token, rounded outward",)
    return BoundResult("geometric_mean", value, n, up(c), parts, {"w": w, "mean ceiling": mean_ceiling}, costs,
                       ASSUMPTIONS, evidence)  # fmt: skip


def _size(vocab_size: int) -> int:
    if isinstance(vocab_size, bool) or vocab_size != int(vocab_size) or vocab_size < 2:
        raise domain_error("V", vocab_size, "an integer V >= 2", "vocabulary size")
    return int(vocab_size)
