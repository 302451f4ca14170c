"""Uniform smoothing p_alpha = (1 - alpha) p + alpha/V: the ranges it buys and what it costs (THEORY 3).

Every range is rounded to the safe side and widened by the relative `SLACK` of 1e-12, so that losses computed
in float64 (a few ulps off) never fall outside it. All values are nats per token.
"""

from __future__ import annotations

from fractions import Fraction

from flint import arb

from genbound.certified import ball, down, precision, up
from genbound.errors import domain_error

ALPHAS: tuple[float, ...] = tuple(2.0**-j for j in range(1, 17))
"""The smoothing weights fixed beforehand; choosing among them costs ln 16."""

SLACK = Fraction(1, 10**12)
"""Relative widening of the ranges: covers float64 evaluation of the losses, costs 1e-12 of a bound."""

EVALUATION_MARGIN = 2.0**-42
"""Nats added to a smoothed loss evaluated in float64, so that it is never below the exact one.

A float64 log-sum-exp of finite float32 logits (range up to 1000, V up to 2^20) and the logarithm after it err by less
than 1e-13; the margin is 2.3e-13. The bounds rise with the losses, so adding it keeps them true.
"""

ENTROPY_SLACK = Fraction(1, 10**9)
"""Relative lowering of `entropy_floor`, against which entropies computed in float64 are compared."""


def _check(alpha: float, vocab_size: int) -> tuple[arb, arb]:
    if not 0.0 < alpha < 1.0:
        raise domain_error("alpha", alpha, "0 < alpha < 1", "smoothing weight")
    if isinstance(vocab_size, bool) or vocab_size != int(vocab_size) or vocab_size < 2:
        raise domain_error("V", vocab_size, "an integer V >= 2", "vocabulary size")
    return ball(float(alpha)), arb(int(vocab_size))


def ceiling(alpha: float, vocab_size: int) -> float:
    """B = ln(V/alpha): no smoothed loss is larger; times 1 + 1e-12 and rounded up.

    >>> round(ceiling(0.5, 4), 9)
    2.079441542
    """
    a, v = _check(alpha, vocab_size)
    with precision():
        return up((v / a).log() * ball(1 + SLACK))


def loss_floor(alpha: float, vocab_size: int) -> float:
    """l_min = -ln(1 - alpha + alpha/V): no smoothed loss is smaller; times 1 - 1e-12 and rounded down.

    >>> round(loss_floor(0.5, 4), 9)
    0.470003629
    """
    a, v = _check(alpha, vocab_size)
    with precision():
        return down(-(a / v - a).log1p() * ball(1 - SLACK))


def span(alpha: float, vocab_size: int) -> float:
    """B - l_min = ln(1 + (1 - alpha) V/alpha), the range of a smoothed loss; times 1 + 1e-12, rounded up.

    >>> round(span(0.5, 4), 9)
    1.609437912
    """
    a, v = _check(alpha, vocab_size)
    with precision():
        return up(((1 - a) * v / a).log1p() * ball(1 + SLACK))


def log_vocabulary(vocab_size: int) -> float:
    """ln V: the loss of a uniform guess, and a constant above every entropy; rounded up.

    >>> round(log_vocabulary(96), 9)
    4.564348191
    """
    _, v = _check(0.5, vocab_size)
    with precision():
        return up(v.log())


def entropy_floor(alpha: float, vocab_size: int) -> float:
    """h_min = -(1-alpha+alpha/V) ln(1-alpha+alpha/V) + alpha (1-1/V) ln(V/alpha) <= entropy of p_alpha.

    Attained by smoothing a point mass. Times 1 - 1e-9 and rounded down; an entropy computed in float64 that
    still falls below is clamped up to it by whoever computed it (the clamped centre is as predictable).

    >>> round(entropy_floor(0.5, 4), 6)
    1.073543
    """
    a, v = _check(alpha, vocab_size)
    with precision():
        top = 1 - a + a / v
        entropy = -top * top.log() + a * (1 - 1 / v) * (v / a).log()
        return down(entropy * ball(1 - ENTROPY_SLACK))


def smoothing_cost(alpha: float) -> float:
    """-ln(1 - alpha): X_alpha <= X - ln(1 - alpha) on every token; rounded up.

    >>> round(smoothing_cost(0.5), 9)
    0.693147181
    """
    a, _ = _check(alpha, 2)
    with precision():
        return up(-(-a).log1p())


def smoothing_price(complexity: float) -> float:
    """h(C) = (1+C) ln(1+C) - C ln C = min_alpha [-ln(1-alpha) + C ln(1/alpha)]; rounded up.

    Args:
        complexity: C >= 0, nats per token.

    >>> round(smoothing_price(1.0), 9), smoothing_price(0.0)
    (1.386294361, 0.0)
    """
    return up(price_ball(_complexity(complexity)))


def price_ball(c: arb) -> arb:
    """h(C) as a ball."""
    with precision():
        return (1 + c) * c.log1p() - c * c.log() if not c.is_zero() else arb(0)


def smoothing_cost_sqrt(complexity: float, *, sharp: bool = False) -> float:
    """sqrt(2C) >= h(C) [F25]; with sharp=True the constant 2 ln 2 sqrt(C) >= h(C), equality at C = 1.

    Source: [F25] for sqrt(2C); 2 ln 2 sqrt(C) from [Lin 1991] by h(C) = (1+C) H_b(C/(1+C)). Rounded up.

    >>> round(smoothing_cost_sqrt(2.0), 9), round(smoothing_cost_sqrt(1.0, sharp=True), 9)
    (2.0, 1.386294361)
    """
    c = _complexity(complexity)
    with precision():
        return up(2 * arb(2).log() * c.sqrt() if sharp else (2 * c).sqrt())


def optimal_alpha(complexity: float) -> float:
    """alpha = C/(1+C), the minimiser behind h(C), and the alpha of `finzi_bound` (a choice: float64).

    >>> optimal_alpha(1.0)
    0.5
    """
    if not complexity > 0:
        raise domain_error("C", complexity, "C > 0", "complexity in nats per token")
    return complexity / (1.0 + complexity)


def _complexity(complexity: float) -> arb:
    c = ball(complexity)
    if not c >= 0:
        raise domain_error("C", complexity, "C >= 0", "complexity in nats per token")
    return c
