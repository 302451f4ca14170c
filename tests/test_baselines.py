"""The published formulas, against their closed forms in 60 digits."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from sixty_digits import exact, formula

from genbound import baselines, smoothing
from genbound.baselines import LOTFI_ALPHAS, finzi_alpha, finzi_bound, finzi_complexity, lotfi_subsampled
from genbound.concentration import BoundResult, Wealth, empirical_freedman
from genbound.errors import DataError, DomainError

V, N, NATS = 1000, 4096, 300.0


def smoothed() -> tuple[float, np.ndarray, np.ndarray, Wealth]:
    rng = np.random.default_rng(5)
    alpha = finzi_alpha(NATS, N)
    wealth = Wealth(ceiling=smoothing.ceiling(alpha, V))
    x = np.minimum(rng.exponential(2.5, N), wealth.ceiling)
    y = rng.random(N) * 5
    wealth.update(x, y)
    return alpha, x, y, wealth


def test_finzi_bound_is_the_formula() -> None:
    alpha, x, y, wealth = smoothed()
    result = finzi_bound(2.4, wealth, vocab_size=V, log_inv_delta=NATS)
    with mpmath.workdps(60):
        c = formula("pac_bayes_complexity", KL=mpmath.log(1000), log_inv_delta=NATS, n=N)
        delta, s = mpf(wealth.ceiling), mpf(result.tuned["s"])
        bets = [s * (b - a) / delta for a, b in zip(exact(x), exact(y), strict=True)]
        mean_v = mpmath.fsum(formula("v", x=bet) for bet in bets) / N
        sigma = formula("loss_variation", C=c, Delta=delta, mean_v=mean_v, s=s)
        golden = formula("finzi_bound", C=c, V=V, sigma=sigma, unsmoothed_loss=2.4)
        root = formula("smoothing_cost_sqrt", C=c)
        assert golden <= result.value <= golden + mpf("1e-7")
        assert abs(result.term("complexity C ln V") - c * mpmath.log(V)) < 1e-12
        assert abs(result.term("loss variation Sigma sqrt C") - sigma * mpmath.sqrt(c)) < 1e-7
        assert abs(result.term("smoothing sqrt(2C)") - root) < 1e-12
        assert abs(mpf(alpha) - c / (1 + c)) < 1e-15
    assert math.isclose(math.fsum(nats for _, nats in result.terms), result.value, rel_tol=1e-14)
    assert BoundResult.from_dict(result.to_dict()) == result


def test_finzi_bound_is_never_below_the_bound_it_is_derived_from() -> None:
    alpha, x, _, wealth = smoothed()
    direct = empirical_freedman(wealth, log_inv_delta=NATS)
    unsmoothed = float(np.mean(x)) + math.log1p(-alpha)  # the smallest R_hat the smoothed losses allow
    assert finzi_bound(unsmoothed, wealth, vocab_size=V, log_inv_delta=NATS).value >= direct.value


def test_finzi_bound_refuses_what_it_does_not_cover() -> None:
    _, _, _, wealth = smoothed()
    with pytest.raises(DomainError, match="ceiling="):
        finzi_bound(2.4, wealth, vocab_size=2 * V, log_inv_delta=NATS)
    with pytest.raises(DomainError, match="R_hat="):
        finzi_bound(math.nan, wealth, vocab_size=V, log_inv_delta=NATS)
    far = Wealth(ceiling=smoothing.ceiling(0.9, V))
    far.update([1.0] * N)
    with pytest.raises(DomainError, match="alpha="):
        finzi_bound(2.4, far, vocab_size=V, log_inv_delta=NATS, alpha=0.9)
    below = Wealth(ceiling=wealth.ceiling, prediction_floor=-1.0)
    below.update([1.0] * N)
    with pytest.raises(DomainError, match="prediction_floor="):
        finzi_bound(2.4, below, vocab_size=V, log_inv_delta=NATS)


def lotfi_golden(mean: float, alpha: float, bits: float, n: int, m: int | None, choice: int) -> Any:
    """In 60 digits; without sampling it is `azuma_hoeffding`, the choice paid like a prior."""
    with mpmath.workdps(60):
        width, failure = formula("span", V=V, alpha=alpha), -mpmath.log(mpf(0.05))
        if m is None:
            c = formula("prior_union_complexity", code_bits=bits, log_inv_delta=failure, n=n, prior=mpf(1) / choice)
            return formula("azuma_hoeffding", C=c, Delta=width, mean_loss=mean)
        return formula("lotfi_subsampled", Delta=width, code_bits=bits, log_inv_delta=failure + mpmath.log(choice),
                       m_sampled=m, n=n, sampled_loss=mean)  # fmt: skip


@pytest.mark.parametrize("m", [None, 10_000])
@pytest.mark.parametrize("published", [False, True])
def test_lotfi_is_the_formula(m: int | None, published: bool) -> None:
    means = {alpha: 3.0 + 40 * alpha for alpha in LOTFI_ALPHAS}
    n, bits = 10**8, 2.0**20
    result = lotfi_subsampled(means, code_bits=bits, n=n, m=m, vocab_size=V, as_published=published)
    golden = min(lotfi_golden(x, a, bits + 40, n, m, 1 if published else 8) for a, x in means.items())
    with mpmath.workdps(60):
        assert golden <= result.value <= golden * (1 + mpf("1e-9"))
    assert ("as published" in result.name) is published
    assert math.isclose(math.fsum(nats for _, nats in result.terms), result.value, rel_tol=1e-14)


def test_lotfi_options() -> None:
    arguments = {"code_bits": 1e6, "n": 10**8, "m": 10**4, "vocab_size": V}
    paid = lotfi_subsampled({0.5: 3.0}, **arguments)  # type: ignore[arg-type]
    assert lotfi_subsampled({0.5: 3.0}, self_delimiting=True, **arguments).value < paid.value  # type: ignore[arg-type]
    assert lotfi_subsampled({0.5: 3.0}, as_published=True, **arguments).value < paid.value  # type: ignore[arg-type]
    assert lotfi_subsampled({0.5: 3.0}, log_inv=1e6, **arguments).value > paid.value  # type: ignore[arg-type]
    error = lotfi_subsampled({0.5: 0.4}, loss_range=1.0, **arguments)  # type: ignore[arg-type]
    assert 0.4 < error.value < 0.5
    for bad in ({0.3: 3.0}, {}):
        with pytest.raises(DomainError):
            lotfi_subsampled(bad, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DataError):
        lotfi_subsampled({0.5: math.nan}, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DomainError):
        lotfi_subsampled({0.5: 3.0}, delta=0.1, log_inv=1.0, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DomainError):
        baselines.lotfi_code_bits(1.0)


def test_lotfi_code_lengths_satisfy_kraft() -> None:
    total = math.fsum(2.0 ** (length - baselines.lotfi_code_bits(length)) for length in range(2, 100_000))
    assert total + 1 / 100_000 <= 1  # files of len bits: 2^len codewords each; the tail sums below 1/10^5


def test_finzi_complexity_pays_the_grid() -> None:
    assert math.isclose(finzi_complexity(NATS, N), (NATS + math.log(1000)) / N, rel_tol=1e-15)
