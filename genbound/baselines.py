"""The published formulas, as published and as certified: `finzi_bound` [F25] and `lotfi_subsampled` [L24].

Baselines are not clipped at the ceiling: the number is what the formula says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from flint import arb

from genbound import smoothing
from genbound.certified import ball, precision, up
from genbound.complexity.codes import choice_nats, code_nats, log_inv_delta
from genbound.concentration.empirical_freedman import GRID_SIZE, evaluate, freedman_grid, tune_s
from genbound.concentration.observed import Observed, observe
from genbound.concentration.result import BoundResult, all_in
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, DomainError, domain_error

LOTFI_ALPHAS: tuple[float, ...] = (1e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.25, 0.5)
"""The eight smoothing weights of [L24]."""

LOTFI_DELTA = 0.05


def finzi_complexity(log_inv: float | arb, n: int, grid_size: int = GRID_SIZE) -> float:
    """C = (L ln 2 + ln(1/delta) + ln |K|)/n, nats per token, rounded up; log_inv = L ln 2 + ln(1/delta)."""
    return up(all_in(n, None, log_inv, {"s grid": grid_size})[0])


def finzi_alpha(log_inv: float | arb, n: int, grid_size: int = GRID_SIZE) -> float:
    """The smoothing weight alpha = C/(1+C) at which `finzi_bound` wants its statistic.

    >>> finzi_alpha(1e5 - 6.907755278982137, 100000)
    0.5
    """
    return smoothing.optimal_alpha(finzi_complexity(log_inv, n, grid_size))


def finzi_bound(mean_loss: float, wealth: Wealth, *, vocab_size: int, log_inv_delta: float | arb,
                alpha: float | None = None, grid_size: int = GRID_SIZE) -> BoundResult:  # fmt: skip
    """R <= R_hat + C ln V + Sigma sqrt(C) + sqrt(2C), the final statement of [F25].

    C = (L ln 2 + ln(|K|/delta))/n, alpha = C/(1+C), Delta = ln(V/alpha), Sigma from the smoothed losses and Y
    the entropy of the smoothed prediction. [F25]'s exact choice of Y could not be read in full.

    Source: [F25], arXiv 2504.15208: Theorem 3.1 with the smoothing cost h(C) <= sqrt(2C).

    Args:
        mean_loss: R_hat, nats per token: the unsmoothed mean loss of the coded model on the same n tokens.
        wealth: losses and entropies smoothed with alpha; its ceiling is smoothing.ceiling(alpha, V).
        vocab_size: V.
        log_inv_delta: L ln 2 + ln(1/delta), nats ([F25]: delta = 0.01); ln |K| is added here.
        alpha: the weight the statistic was made with; None: C/(1+C).
        grid_size: |K| = 1000 in [F25].

    Returns:
        BoundResult with the four rows of the formula; a bound on the risk of the smoothed coded model.

    Raises:
        DomainError: a ceiling that is not ln(V/alpha), or an alpha for which sqrt(2C) does not cover the
            smoothing cost.

    >>> V, n, nats = 1000, 4096, 100.0
    >>> wealth = Wealth(ceiling=smoothing.ceiling(finzi_alpha(nats, n), V))
    >>> wealth.update([3.0] * n, [3.0] * n)
    >>> result = finzi_bound(2.99, wealth, vocab_size=V, log_inv_delta=nats)
    >>> [label for label, nats in result.terms]
    ['empirical risk', 'complexity C ln V', 'loss variation Sigma sqrt C', 'smoothing sqrt(2C)']
    """
    seen = observe(wealth)
    c, costs = all_in(seen.n, None, log_inv_delta, {f"s grid ({grid_size})": grid_size})
    weight = smoothing.optimal_alpha(up(c)) if alpha is None else alpha
    if not (math.isfinite(mean_loss) and mean_loss >= 0):
        raise domain_error("R_hat", mean_loss, "a finite R_hat >= 0", "unsmoothed mean loss, nats per token")
    require_finzi_alpha(weight, vocab_size, seen.ceiling, c)
    if not seen.prediction_floor >= 0:
        raise domain_error("prediction_floor", seen.prediction_floor, "Y >= 0", "Delta = ln(V/alpha) covers X - Y")
    sigma_ball, s, _ = sigma_root(seen, c, freedman_grid(grid_size))
    with precision():
        code, root = c * arb(int(vocab_size)).log(), (2 * c).sqrt()
        value = up(ball(mean_loss) + code + sigma_ball + root)
        sigma = up(sigma_ball / c.sqrt())
    terms = (
        ("empirical risk", float(mean_loss)),
        ("complexity C ln V", up(code)),
        ("loss variation Sigma sqrt C", up(sigma_ball)),
        ("smoothing sqrt(2C)", up(root)),
    )
    tuned = {"alpha": weight, "s": s, "sigma": sigma}
    assumptions = (
        "tokens drawn one after another from any law",
        "R_hat is the unsmoothed mean loss of the same coded model on the same tokens",
        "a bound on the risk of the smoothed model",
    )
    return BoundResult("finzi_bound", value, seen.n, up(c), terms, tuned, costs, assumptions, seen.evidence)


def require_finzi_alpha(alpha: float, vocab_size: int, ceiling: float, c: arb) -> None:
    """DomainError unless ln(V/alpha) is the ceiling and C ln V + sqrt(2C) >= C ceiling - ln(1 - alpha)."""
    exact = smoothing.ceiling(alpha, vocab_size)
    if not exact * (1 - 1e-11) <= ceiling <= exact * (1 + 1e-9):
        raise domain_error("ceiling", ceiling, f"smoothing.ceiling(alpha, V) = {exact!r}", f"alpha={alpha!r}")
    with precision():
        a = ball(alpha)
        slack = c * arb(int(vocab_size)).log() + (2 * c).sqrt() - c * ball(ceiling) + (-a).log1p()
        if not slack >= 0:
            domain = "sqrt(2C) >= C ln(1/alpha) - ln(1 - alpha)"
            raise domain_error("alpha", alpha, domain, f"C={float(c)!r}, take alpha = C/(1+C)")


def sigma_root(seen: Observed, c: arb, values: list[float]) -> tuple[arb, float, int]:
    """(Sigma sqrt C as a ball never below, the best s, its index) at Delta = the ceiling (Y >= 0)."""
    delta = ball(seen.ceiling)
    member = tune_s(seen, float(delta), float(c), values)
    _, sigma = evaluate(seen, delta, c, values[member])
    return sigma, values[member], member


def lotfi_code_bits(code_bits: float) -> float:
    """len + 2 log2(len) bits: a prefix-free length for a file of len >= 2 bits that is not self-delimiting.

    >>> lotfi_code_bits(1024)
    1044.0
    """
    if not (math.isfinite(code_bits) and code_bits >= 2):
        raise domain_error("len", code_bits, "len >= 2", "bits; len + 2 log2 len satisfies Kraft from 2 on")
    with precision():
        length = ball(code_bits)
        mantissa, exponent = math.frexp(code_bits)
        log2 = arb(exponent - 1) if mantissa == 0.5 else length.log() / arb(2).log()
        return up(length + 2 * log2)


def lotfi_subsampled(mean_losses_by_alpha: Mapping[float, float], *, code_bits: float, n: int,
                     m: int | None = None, vocab_size: int, delta: float | None = None,
                     log_inv: float | None = None, alphas: Sequence[float] = LOTFI_ALPHAS,
                     self_delimiting: bool = False, as_published: bool = False,
                     loss_range: float | None = None) -> BoundResult:  # fmt: skip
    """R <= R_hat_sub + Delta { sqrt((L ln2 + ln(1/(r delta)))/(2n)) + sqrt(ln(1/((1-r) delta))/(2m)) }.

    r = m/(m+n), Delta = ln(1 + (1-alpha) V/alpha); the best alpha. The certified form pays ln(len(alphas)) in
    both logarithms; the published form does not. Without subsampling (m None) the first term with r = 1.

    Source: [L24], arXiv 2407.18158.

    Args:
        mean_losses_by_alpha: alpha -> mean smoothed loss, nats per token, over the m observations (or n).
        code_bits: L (prefix-free) or the plain length len of the coded file, bits.
        n: tokens of the training stream. m: independent uniform observations (tokens, or chunk means).
        vocab_size: V.
        delta: failure probability (default 0.05); or log_inv: ln(1/delta), nats.
        alphas: the grid fixed beforehand; every alpha given must be in it.
        self_delimiting: code_bits is already prefix-free; otherwise len + 2 log2 len is paid.
        as_published: leave ln 8 out, as in the paper; marked in the result, not certified.
        loss_range: Delta when the loss is not the NLL (1 for top-k error).

    >>> result = lotfi_subsampled({0.5: 3.0}, code_bits=8e5, n=10**8, m=10**4, vocab_size=50257)
    >>> round(result.value, 6)
    3.742452
    """
    if not mean_losses_by_alpha or not set(mean_losses_by_alpha) <= set(alphas):
        raise domain_error("alpha", sorted(mean_losses_by_alpha), f"members of {tuple(alphas)}", "fixed grid")
    if delta is not None and log_inv is not None:
        raise DomainError(f"delta={delta!r}, log_inv={log_inv!r}: need one of them (failure probability)")
    if n < 1 or (m is not None and m < 1):
        raise domain_error("n, m", (n, m), "n >= 1 and m >= 1 or None", "tokens, observations")
    failure = log_inv if log_inv is not None else log_inv_delta(LOTFI_DELTA if delta is None else delta)
    bits = code_bits if self_delimiting else lotfi_code_bits(code_bits)
    choice = 0.0 if as_published else choice_nats(len(alphas))
    first, second = _radii(ball(bits), ball(failure), ball(choice), n, m)
    costs = {"code": code_nats(bits), "failure probability": failure}
    notes: tuple[str, ...] = ("every token was read",)
    if m is not None:
        notes = (f"{m} observations drawn uniformly and independently of everything chosen",)
    name = "lotfi_subsampled"
    if as_published:
        name, notes = f"{name} (as published)", (*notes, "as published: the choice of alpha is not paid for")
    else:
        costs[f"alpha grid ({len(alphas)}), in both stages"] = choice
    with precision():
        c = up(2 * first * first)
    best: BoundResult | None = None
    for alpha, mean in sorted(mean_losses_by_alpha.items()):
        if not (np.isfinite(mean) and mean >= 0):
            raise DataError(f"mean_losses_by_alpha[{alpha}]={mean!r}: need a finite mean loss >= 0")
        width = smoothing.span(alpha, vocab_size) if loss_range is None else loss_range
        with precision():
            value = up(ball(float(mean)) + ball(width) * (first + second))
            terms = (("empirical risk", float(mean)), ("complexity", up(ball(width) * first)),
                     ("sampling", up(ball(width) * second)))  # fmt: skip
        if best is None or value < best.value:
            best = BoundResult(name, value, n, c, terms, {"alpha": alpha}, costs, notes,
                               ("rounded outward in ball arithmetic",))  # fmt: skip
    assert best is not None
    return best


def _radii(bits: arb, failure: arb, choice: arb, n: int, m: int | None) -> tuple[arb, arb]:
    with precision():
        nats = bits * arb(2).log() + failure + choice
        if m is None:
            return (nats / (2 * n)).sqrt(), arb(0)
        log_r, log_rest = (arb(m) / (m + n)).log(), (arb(n) / (m + n)).log()
        return ((nats - log_r) / (2 * n)).sqrt(), ((failure + choice - log_rest) / (2 * m)).sqrt()
