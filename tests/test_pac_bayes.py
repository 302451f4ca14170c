"""`pac_bayes`: against 60 digits, and by enumeration for posteriors that know the truth, at every n at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from sixty_digits import formula, log_mean, mean
from small_worlds import Law, Loss, Past, fair, follower, losses, pattern, risk, sticky, worlds

from genbound.complexity.pac_bayes import PosteriorEstimate, pac_bayes, posterior_estimate
from genbound.complexity.posterior import kl_divergence
from genbound.concentration import BoundResult, Wealth, geometric_mean
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

Q, P = [0.125, 0.0, 0.625, 0.25], [0.25, 0.25, 0.4, 0.1]


def kl(q: Any, p: Any) -> Any:
    """60 digits, as the docstring says: both divided by their exact sums."""
    q, p = [mpf(float(w)) for w in q], [mpf(float(w)) for w in p]
    total, room = mpmath.fsum(q), max(mpmath.fsum(p), mpf(1))
    return mpmath.fsum(a / total * mpmath.log(a * room / (total * b)) for a, b in zip(q, p, strict=True) if a)


weights = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).filter(lambda w: sum(w) > 1e-3)


@given(weights, st.integers(0, 2**32 - 1))
def test_kl_divergence_against_60_digits(raw: list[float], seed: int) -> None:
    q = np.array(raw) / math.fsum(raw)
    p = np.random.default_rng(seed).dirichlet(np.full(q.size, 0.5)) * 0.999 + 1e-3 / q.size
    with mpmath.workdps(60):
        golden = kl(q, p)
        assert golden <= mpf(kl_divergence(q, p)) <= golden * (1 + mpf("1e-15")) + mpf("1e-30")
        assert golden > -mpf("1e-30")


def test_kl_divergence_at_the_edges() -> None:
    assert kl_divergence([1.0], [1.0]) == 0.0
    assert kl_divergence([0.5, 0.5], [0.5, 0.5]) == 0.0
    assert math.isclose(kl_divergence([1.0, 0.0], [5e-324, 0.5]), 1074 * math.log(2))
    assert kl_divergence([Fraction(1, 3)] * 3, np.full(3, 1 / 3)) < 1e-15
    assert math.isclose(kl_divergence([1.0], [0.25]), math.log(4))  # a prior may sum to less than one


def data(shape: str) -> tuple[np.ndarray, Any]:
    rng = np.random.default_rng(5)
    x = rng.random((4, 200)) * 12
    return x, {"none": None, "shared": rng.random(200) * 3, "each": rng.random((4, 200)) * 3}[shape]


@pytest.mark.parametrize("shape", ["none", "shared", "each"])
@pytest.mark.parametrize("nats", [0.0, 3.0, 1e6])
@pytest.mark.parametrize("choice", [{}, {"shift": 13.0}, {"grid": [12.0, 20.0, 40.0]}])
def test_pac_bayes_against_60_digits(shape: str, nats: float, choice: dict[str, Any]) -> None:
    x, y = data(shape)
    result = pac_bayes(x, y, posterior=Q, prior=P, ceiling=12.0, log_inv_delta=nats, **choice)
    members = {"": 128, "shift": 1, "grid": 3}["".join(choice)]
    centres = np.zeros_like(x) if y is None else np.broadcast_to(y, x.shape)
    with mpmath.workdps(60):
        d = mpf(result.tuned["shift"])
        c = formula("pac_bayes_complexity", KL=kl(Q, P), log_inv_delta=nats + mpmath.log(members), n=200)
        weighted = [(mpf(q), above, below) for q, above, below in zip(Q, centres, x, strict=True)]
        centre = mpmath.fsum(q * mean(above) for q, above, _ in weighted)
        gm = mpmath.exp(mpmath.fsum(q * log_mean(below, above, d) for q, above, below in weighted))
        golden = formula("geometric_mean", C=c, G=gm, mean_bound=centre + d)
        assert min(golden, 12) <= mpf(result.value) <= golden * (1 + mpf("1e-9"))
        assert c <= mpf(result.complexity) <= c * (1 + mpf("1e-12"))
    assert math.isclose(sum(result.costs.values()), result.complexity * 200, rel_tol=1e-12)
    assert math.isclose(math.fsum(nats for _, nats in result.terms), result.value, rel_tol=1e-14)
    assert BoundResult.from_dict(result.to_dict()) == result


def test_the_tuned_shift_is_the_best_of_the_grid() -> None:
    x, y = data("each")
    options: dict[str, Any] = {"posterior": Q, "prior": P, "ceiling": 12.0}
    found = pac_bayes(x, y, **options, log_inv_delta=3.0).value
    paid = 3.0 + math.log(128)
    members = [12.0 * 2 ** (j / 8) for j in range(0, 60)]
    assert found <= min(pac_bayes(x, y, **options, log_inv_delta=paid, shift=d).value for d in members) + 1e-9


def test_one_hypothesis_is_the_geometric_mean() -> None:
    x, y = data("each")
    alone = geometric_mean(x[2], y[2], ceiling=12.0, log_inv_delta=3.0)
    point = pac_bayes(x, y, posterior=[0, 0, 1, 0], prior=[0, 0, 1, 0], ceiling=12.0, log_inv_delta=3.0)
    assert (point.value, point.terms, point.tuned) == (alone.value, alone.terms, alone.tuned)


def test_a_loss_at_the_shift_costs_everything() -> None:
    x = [[1.0, 0.0], [0.0, 0.0]]
    options: dict[str, Any] = {"prior": [0.5, 0.5], "ceiling": 1.0, "delta": 0.5, "shift": 1.0}
    assert pac_bayes(x, posterior=[0.01, 0.99], **options).value == 1.0
    assert pac_bayes(x, posterior=[0.0, 1.0], **options).value < 1.0


def test_statistics_are_never_below_the_arrays() -> None:
    x, y = data("each")
    held = []
    for row, centre in zip(x, y, strict=True):
        held.append(Wealth(ceiling=12.0))
        held[-1].update(row, centre)
    options: dict[str, Any] = {"posterior": Q, "prior": P, "log_inv_delta": 3.0}
    exact, binned = pac_bayes(x, y, ceiling=12.0, **options), pac_bayes(held, **options)
    assert exact.value <= binned.value <= exact.value + 1e-5
    estimate = posterior_estimate(held, kl=kl_divergence(Q, P), log_inv_delta=3.0, shift=20.0)
    assert isinstance(estimate, PosteriorEstimate)
    assert not isinstance(estimate, BoundResult)
    assert "not a bound" in str(estimate)


N = 4
HYPOTHESES: list[Loss] = [pattern(bits) for bits in itertools.product((0, 1), repeat=N)] + [follower]
PRIOR = [1 / 32] * 16 + [1 / 2]
Posteriors = dict[str, Any]


def posteriors(x: np.ndarray, truth: np.ndarray, d: float) -> Posteriors:
    """Functions of the data, and some that no learner could compute: they know the conditional means."""
    n = x.shape[1]
    log_m = np.log(np.maximum(d - x, 1e-9)).sum(axis=1) - n * np.log(d - truth)
    gap = truth - x.mean(axis=1)

    def gibbs(score: np.ndarray) -> np.ndarray:
        tilted = np.array(PRIOR) * np.exp(score - score.max())
        return tilted / tilted.sum()

    return {
        "prior": np.array(PRIOR),
        "best": np.eye(len(PRIOR))[int(np.argmin(x.mean(axis=1)))],
        "worst": np.eye(len(PRIOR))[int(np.argmax(gap))],
        "gibbs": gibbs(-x.sum(axis=1)),
        "cold": gibbs(-4.0 * x.sum(axis=1)),
        "martingale": gibbs(log_m),
        "half martingale": gibbs(0.5 * log_m),
        "gap": gibbs(n * gap),
    }


def failures(law: Law, d: float, bound: Callable[[np.ndarray, np.ndarray], float]) -> Fraction:
    """The exact probability that ANY posterior violates its bound at ANY n <= N."""
    failed = Fraction(0)
    for tokens, probability in worlds(law, N):
        failed += probability * any(violated(law, tokens[:n], d, bound) for n in range(1, N + 1))
    return failed


def violated(law: Law, tokens: Past, d: float, bound: Callable[[np.ndarray, np.ndarray], float]) -> bool:
    x = np.array([losses(loss, tokens) for loss in HYPOTHESES])
    risks = [risk(law, loss, tokens) for loss in HYPOTHESES]
    for q in posteriors(x, np.array(risks, dtype=float), d).values():
        exact = [Fraction(float(w)) for w in q]
        averaged = sum((w * r for w, r in zip(exact, risks, strict=True)), Fraction(0)) / sum(exact)
        if averaged > Fraction(bound(x, q)):
            return True
    return False


@pytest.mark.parametrize("law", [fair(2), sticky], ids=["fair", "sticky"])
@pytest.mark.parametrize("d", [1.0, 1.25])
def test_all_posteriors_at_all_n_by_enumeration(law: Law, d: float) -> None:
    def paid(x: np.ndarray, q: np.ndarray) -> float:
        return pac_bayes(x, posterior=q, prior=PRIOR, ceiling=1.0, delta=0.5, shift=d).value

    def unpaid(x: np.ndarray, q: np.ndarray) -> float:  # the prior is the posterior: KL = 0
        return pac_bayes(x, posterior=q, prior=q, ceiling=1.0, delta=0.5, shift=d).value

    assert failures(law, d, paid) <= Fraction(1, 2) < failures(law, d, unpaid)


def test_the_reversed_divergence_fails_the_enumeration() -> None:
    """KL(P||Q) in place of KL(Q||P): one token out of 64, hypothesis h says that it will be h."""
    size, d, delta = 64, 1.03125, 0.9
    prior, mean = np.full(size, 1 / size), 1 - 1 / size
    wrong = right = Fraction(0)
    for (token,), probability in worlds(fair(size), 1):
        x = (np.arange(size) != token).astype(float)
        tilted = prior * ((d - x) / (d - mean)) ** 1.3
        q = tilted / tilted.sum()
        options: dict[str, Any] = {"posterior": q, "ceiling": 1.0, "shift": d}
        paid = pac_bayes(x[:, None], prior=prior, delta=delta, **options).value
        nats = kl_divergence(prior, q) - math.log(delta)
        reversed_ = pac_bayes(x[:, None], prior=q, log_inv_delta=nats, **options).value
        right += probability * (Fraction(63, 64) > Fraction(paid))
        wrong += probability * (Fraction(63, 64) > Fraction(reversed_))
    assert right <= Fraction(delta) < wrong


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"posterior": [0.5, 0.4]}, DomainError, "sum Q=0.9"),
        ({"posterior": [0.5, 0.6]}, DomainError, "sum Q=1.1"),
        ({"posterior": [1.5, -0.5]}, DomainError, r"Q\[1\]=-0.5"),
        ({"posterior": [math.nan, 1.0]}, DomainError, r"Q\[0\]=nan"),
        ({"posterior": [[0.5, 0.5]]}, DomainError, "shape"),
        ({"posterior": []}, DomainError, "shape"),
        ({"posterior": [1.0]}, DomainError, "P='2 weights'"),
        ({"posterior": [1.0], "prior": [1.0]}, DataError, "2 rows for 1 weights"),
        ({"prior": [0.6, 0.6]}, DomainError, "sum P=1.2"),
        ({"prior": [1.0, 0.0]}, DomainError, r"P\[1\]=0.0.*infinite"),
        ({"losses": [[0.0, 1.0], [0.0, 2.0]]}, DataError, r"hypothesis 1: losses\[1\]=2.0"),
        ({"losses": [[0.0, 1.0], [0.0]]}, DataError, "the same for all"),
        ({"losses": [0.0, 1.0]}, DataError, r"shape \(H, n\)"),
        ({"losses": [[0.0, math.nan], [0.0, 1.0]]}, DataError, "nan"),
        ({"predictions": [[0.0, 1.0]]}, DataError, "1 rows for 2"),
        ({"predictions": [0.0, 1.0, 1.0]}, DataError, "3 values for 2 losses"),
        ({"ceiling": None}, DomainError, "ceiling=None"),
        ({"delta": None}, DomainError, "exactly one"),
        ({"delta": 1.0}, DomainError, "delta=1.0"),
        ({"log_inv_delta": 1.0}, DomainError, "exactly one"),
        ({"shift": 0.5}, DomainError, "shift=0.5"),
        ({"shift": 1.0, "grid": [1.0]}, DomainError, "grid="),
        ({"grid": []}, DomainError, "grid="),
    ],
)
def test_bad_input_is_refused(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    good: dict[str, Any] = {"losses": [[0.0, 1.0], [1.0, 1.0]], "posterior": [0.5, 0.5], "prior": [0.5, 0.5],
                            "ceiling": 1.0, "delta": 0.1}  # fmt: skip
    assert pac_bayes(**good).value <= 1.0
    with pytest.raises(error, match=message):
        pac_bayes(**(good | changed))


def test_estimates_refuse_what_bounds_refuse() -> None:
    held = Wealth(ceiling=1.0)
    held.update([0.0, 1.0])
    for draws, nats, shift in (([], 1.0, 2.0), ([held], -1.0, 2.0), ([held], math.nan, 2.0), ([held], 1.0, 0.5)):
        with pytest.raises(DomainError):
            posterior_estimate(draws, kl=nats, delta=0.1, shift=shift)
