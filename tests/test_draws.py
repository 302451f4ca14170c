"""Single draws: `disintegrated`, `requential`, `prefix_prior`; to 60 digits, and by listing data and draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from sixty_digits import exact, formula, shifted
from small_worlds import Law, Loss, Past, fair, follower, losses, pattern, risk, sticky, worlds

from genbound.certified import ball, precision, up
from genbound.complexity.draws import disintegrated, gaussian_log_ratio
from genbound.complexity.pac_bayes import pac_bayes
from genbound.complexity.prefix import prefix_prior
from genbound.complexity.requential import requential
from genbound.concentration import BoundResult, Wealth, geometric_mean
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

X = np.random.default_rng(1).random(400) * 9
Y = np.random.default_rng(2).random(400) * 3
HALF = Fraction(1, 2)


def log_of(ratio: Fraction) -> float:
    with precision():
        return up(ball(ratio).log())


def tight(result: BoundResult, c: Any, start: int = 0) -> None:
    """Against `geometric_mean` at D = 14 and this C, on the tokens from `start` on."""
    golden = shifted(X[start:], Y[start:], 14, c)
    assert min(golden, 9) <= mpf(result.value) <= golden * (1 + mpf("1e-9"))
    assert c <= mpf(result.complexity) <= c * (1 + mpf("1e-12"))
    assert math.isclose(sum(result.costs.values()), float(c * result.n), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(math.fsum(row for _, row in result.terms), result.value, rel_tol=1e-14)
    assert BoundResult.from_dict(result.to_dict()) == result


# -- disintegrated -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_ratio", [-2.5, 0.0, 40.0, 1e6])
@pytest.mark.parametrize("draws", [1, 7])
def test_disintegrated_against_60_digits(log_ratio: float, draws: int) -> None:
    result = disintegrated(X, Y, log_ratio=log_ratio, draws=draws, ceiling=9.0, log_inv_delta=3.0, shift=14.0)
    with mpmath.workdps(60):
        tight(result, formula("disintegrated_complexity", draws=draws, log_inv_delta=3, log_ratio=log_ratio, n=400))
    assert "one n, fixed beforehand" in result.assumptions
    assert not any("all n" in line for line in result.assumptions)


def test_a_negative_total_is_raised_to_zero() -> None:
    result = disintegrated(X, log_ratio=-50.0, ceiling=9.0, delta=0.05, shift=14.0)
    assert result.value == geometric_mean(X, ceiling=9.0, complexity=0.0, shift=14.0).value
    assert result.complexity == 0.0
    assert math.isclose(sum(result.costs.values()), 0.0, abs_tol=1e-12)
    assert result.costs["raised to zero"] > 47


N = 3
NAMES = list(itertools.product((0, 1), repeat=N))
LAWS = pytest.mark.parametrize("law", [fair(2), sticky], ids=["fair", "sticky"])


def tempered(law: Law, tokens: Past) -> list[Fraction]:
    """Q: four times likelier for every token that a pattern gets right."""
    scores = [Fraction(4) ** sum(a == b for a, b in zip(name, tokens, strict=True)) for name in NAMES]
    return [score / sum(scores) for score in scores]


def omniscient(law: Law, tokens: Past) -> list[Fraction]:
    """Q knows the conditional means: it draws the patterns whose luck was largest, and hardly any others."""
    gaps = [risk(law, pattern(name), tokens) - Fraction(sum(losses(pattern(name), tokens))) / N for name in NAMES]
    scores = [Fraction(1) if gap == max(gaps) else Fraction(1, 100) for gap in gaps]
    return [score / sum(scores) for score in scores]


def blind(law: Law, tokens: Past) -> list[Fraction]:
    """Q = P."""
    return [Fraction(1, len(NAMES))] * len(NAMES)


Draw = Callable[[Law, Past], list[Fraction]]
DRAWS = pytest.mark.parametrize("draw", [tempered, omniscient, blind])


def failing(law: Law, tokens: Past, draw: Draw, pay: Callable[[Fraction], float], delta: float) -> Fraction:
    """Q(the drawn pattern violates its bound), given the data."""
    failed = Fraction(0)
    for name, q in zip(NAMES, draw(law, tokens), strict=True):
        x = losses(pattern(name), tokens)
        found = disintegrated(x, log_ratio=pay(q * len(NAMES)), ceiling=1.0, delta=delta, shift=1.0)
        failed += q * (risk(law, pattern(name), tokens) > Fraction(found.value))
    return failed


@LAWS
@DRAWS
@pytest.mark.parametrize("delta", [0.13, 0.5])
def test_disintegrated_holds_over_data_and_draw(law: Law, draw: Draw, delta: float) -> None:
    paid = sum((p * failing(law, tokens, draw, log_of, delta) for tokens, p in worlds(law, N)), Fraction(0))
    assert paid <= Fraction(delta)


@pytest.mark.parametrize(("law", "draw"), [(fair(2), tempered), (fair(2), omniscient), (sticky, omniscient)])
def test_the_unpaid_draw_fails(law: Law, draw: Draw) -> None:
    listed = worlds(law, N)
    unpaid = sum((p * failing(law, tokens, draw, lambda ratio: 0.0, 0.13) for tokens, p in listed), Fraction(0))
    assert unpaid > Fraction(0.13)


def test_the_enumeration_is_sharp_and_every_draw_counts() -> None:
    """Blind draws fail with probability delta to the digit; the best of four then fails far more often, if unpaid."""
    law, delta = fair(2), 0.12501
    single = {tokens: failing(law, tokens, blind, log_of, delta) for tokens, _ in worlds(law, N)}
    assert sum(single.values()) / len(single) == Fraction(1, 8) <= Fraction(delta)
    best_of_four = sum((1 - (1 - failed) ** 4 for failed in single.values()), Fraction(0)) / len(single)
    assert best_of_four > 3 * Fraction(delta)

    def paid(name: Past, tokens: Past) -> bool:
        x = losses(pattern(name), tokens)
        found = disintegrated(x, log_ratio=0.0, draws=4, ceiling=1.0, delta=0.5001, shift=1.0)
        return risk(law, pattern(name), tokens) > Fraction(found.value)

    lucky = {t: Fraction(sum(paid(name, t) for name in NAMES), len(NAMES)) for t, _ in worlds(law, N)}
    at_four = sum((1 - (1 - failed) ** 4 for failed in lucky.values()), Fraction(0)) / len(lucky)
    assert 0 < at_four <= Fraction(0.5001)


# -- gaussian_log_ratio ------------------------------------------------------------------------------------


def exact_log_ratio(omega: Any, mean: Any, scale: Any, prior_scale: Any, prior_mean: Any) -> Any:
    total = mpf(0)
    for w, m, s, p, c in np.broadcast(omega, mean, scale, prior_scale, prior_mean):
        w, m, s, p, c = (mpf(float(v)) for v in (w, m, s, p, c))
        total += mpmath.log(p / s) + ((w - c) / p) ** 2 / 2 - ((w - m) / s) ** 2 / 2
    return total


@settings(max_examples=40)
@given(st.integers(1, 1200), st.integers(0, 2**32 - 1), st.sampled_from([1e-150, 1e-3, 1.0, 1e100]), st.booleans())
def test_gaussian_log_ratio_against_60_digits(d: int, seed: int, unit: float, scalar: bool) -> None:
    rng = np.random.default_rng(seed)
    mean, scale = rng.normal(size=d) * unit, rng.lognormal(size=d) * unit * 0.01
    omega = mean + scale * rng.normal(size=d)
    prior = (1.5 * unit, 0.0) if scalar else (rng.lognormal(size=d) * unit, rng.normal(size=d) * unit)
    value = gaussian_log_ratio(omega, mean, scale, *prior)
    squares = np.square((omega - mean) / scale).sum() + np.square((omega - prior[1]) / prior[0]).sum()
    with mpmath.workdps(60):
        exact = exact_log_ratio(omega, mean, scale, *prior)
        margin = 1e-15 * squares + 1.3e-13 * (d // 512 + 1) + 5e-16 * abs(float(exact))
        assert exact <= mpf(value) <= exact + margin


def test_gaussian_log_ratio_of_equal_laws_and_of_tiny_numbers() -> None:
    rng = np.random.default_rng(4)
    omega = rng.normal(size=1000)
    assert 0.0 <= gaussian_log_ratio(omega, 0.0, 1.0, 1.0) < 1e-11
    assert gaussian_log_ratio(omega, 0.0, 1.0, np.full(1000, 2.0)) < 600  # never above d ln 2 by more than rounding
    tiny = np.full(3, 5e-324)
    with mpmath.workdps(60):
        exact = exact_log_ratio(tiny, 0.0, 5e-324, 1e300, 0.0)
        assert exact <= mpf(gaussian_log_ratio(tiny, 0.0, 5e-324, 1e300)) <= exact + mpf("1e-11")


def test_gaussian_log_ratio_of_a_million_weights_and_of_tensors() -> None:
    rng = np.random.default_rng(9)
    mean, scale = rng.normal(size=10**6), rng.lognormal(size=10**6) * 0.1
    omega = mean + scale * rng.normal(size=10**6)
    value = gaussian_log_ratio(omega, mean, scale, 1.25)
    terms = np.log(1.25 / scale) + np.square(omega / 1.25) / 2 - np.square((omega - mean) / scale) / 2
    assert abs(value - math.fsum(terms)) < 1e-8
    tensors = (torch.from_numpy(v[:50]) for v in (omega, mean, scale))
    assert gaussian_log_ratio(*tensors, 1.25) == gaussian_log_ratio(omega[:50], mean[:50], scale[:50], 1.25)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mean": [0.0, 0.0]}, "mean: 2 values for 3"),
        ({"scale": [1.0, 0.0, 1.0]}, r"scale\[1\]=0.0"),
        ({"scale": -1.0}, r"scale\[0\]=-1.0"),
        ({"prior_scale": [1.0, math.nan, 1.0]}, r"prior_scale\[1\]=nan"),
        ({"prior_mean": math.inf}, r"prior_mean\[0\]=inf"),
        ({"omega": [1.0, math.nan, 0.0]}, r"omega\[1\]=nan"),
        ({"omega": []}, "omega: empty"),
        ({"omega": [0.0, 1e300, 0.0]}, r"omega\[1\]=1e\+300.*overflows"),
    ],
)
def test_gaussian_bad_input_is_refused(changed: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"omega": [1.0, 2.0, 3.0], "mean": 0.0, "scale": 1.0, "prior_scale": 1.0}
    with pytest.raises(DataError, match=message):
        gaussian_log_ratio(**(good | changed))


# -- requential --------------------------------------------------------------------------------------------


def test_requential_against_60_digits() -> None:
    rng = np.random.default_rng(6)
    teacher, student = -rng.random(500), -rng.random(500) * 3
    result = requential(X, Y, teacher_log_probs=teacher, student_log_probs=student, max_error=0.001, choices=5,
                        ceiling=9.0, log_inv_delta=3.0, shift=14.0)  # fmt: skip
    with mpmath.workdps(60):
        drawn = {"log_teacher": mpmath.fsum(exact(teacher)), "log_student": mpmath.fsum(exact(student))}
        others = 3 + mpmath.log(5) + 500 * mpf(0.001)
        tight(result, formula("requential_complexity", log_inv_delta=others, n=400, **drawn))
    assert "one n, fixed beforehand" in result.assumptions


DRAWN = 2


def student(transcript: Past) -> dict[int, Fraction]:
    """Laplace's rule of succession on the transcript."""
    ones = Fraction(sum(transcript) + 1, len(transcript) + 2)
    return {0: 1 - ones, 1: ones}


def teacher(law: Law, tokens: Past, transcript: Past) -> dict[int, Fraction]:
    """Knows the data: whispers the token that was most frequent, then the first one."""
    said = tokens[0] if transcript else int(2 * sum(tokens) > len(tokens))
    return {said: Fraction(9, 10), 1 - said: Fraction(1, 10)}


def trained(transcript: Past) -> Loss:
    """Predicts the first drawn token throughout, or the last token again when the draws disagree."""
    return follower if len(set(transcript)) > 1 else pattern((transcript[0],) * N)


def transcript_failures(law: Law, delta: float, pay: str) -> Fraction:
    failed = Fraction(0)
    for tokens, p in worlds(law, N):
        for drawn, q in worlds(lambda past, t=tokens: teacher(law, t, past), DRAWN):
            said = [teacher(law, tokens, drawn[:i])[drawn[i]] for i in range(DRAWN)]
            own = [student(drawn[:i])[drawn[i]] for i in range(DRAWN)]
            loss = trained(drawn)
            found = requential(losses(loss, tokens), teacher_log_probs=[log_of(v) for v in said],
                               student_log_probs=[-log_of(1 / v) for v in (own if pay == "paid" else said)],
                               ceiling=1.0, delta=delta, shift=1.0)  # fmt: skip
            failed += p * q * (risk(law, loss, tokens) > Fraction(found.value))
    return failed


@LAWS
@pytest.mark.parametrize("delta", [0.13, 0.2, 0.5])
def test_requential_holds_over_data_and_transcript(law: Law, delta: float) -> None:
    assert transcript_failures(law, delta, "paid") <= Fraction(delta)


def test_the_unpaid_transcript_fails() -> None:
    assert transcript_failures(fair(2), 0.13, "unpaid") > Fraction(0.13)


# -- prefix_prior ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [1, 100, 399])
def test_prefix_prior_against_60_digits(prefix: int) -> None:
    result = prefix_prior(X, Y, prefix=prefix, choices=3, log_ratio=2.0, ceiling=9.0, log_inv_delta=3.0, shift=14.0)
    with mpmath.workdps(60):
        c = formula("prefix_prior_complexity", log_inv_delta=3 + mpmath.log(3), log_ratio=2, n=400, prefix=prefix)
        tight(result, c, prefix)
    assert result.n == 400 - prefix
    assert result.tuned["prefix"] == prefix
    assert f"about tokens {prefix + 1}..400 only, each after the context that was seen" in result.assumptions


def test_a_posterior_over_a_prefix_prior_is_pac_bayes_on_the_rest() -> None:
    x = np.stack([X, X[::-1]])
    posterior, prior = [0.25, 0.75], [0.5, 0.5]
    whole = prefix_prior(x, Y, prefix=100, choices=3, posterior=posterior, prior=prior, ceiling=9.0, log_inv_delta=3.0)
    rest = pac_bayes(x[:, 100:], Y[100:], posterior=posterior, prior=prior, ceiling=9.0,
                     log_inv_delta=3.0 + math.log(3))  # fmt: skip
    assert math.isclose(whole.value, rest.value, rel_tol=1e-12)
    assert whole.name == "prefix_prior"
    assert whole.tuned["prefix"] == 100
    assert math.isclose(sum(whole.costs.values()), whole.complexity * 300, rel_tol=1e-12)
    assert not any("before the data" in line for line in whole.assumptions)
    assert "holds simultaneously for all n" in whole.assumptions
    tensor = prefix_prior(torch.from_numpy(x.copy()), Y, prefix=100, choices=3, posterior=posterior, prior=prior,
                          ceiling=9.0, log_inv_delta=3.0)  # fmt: skip
    assert tensor == whole


LENGTH, PREFIX = 6, 3
ENDINGS = list(itertools.product((0, 1), repeat=LENGTH - PREFIX))


@cache
def ending(bits: Past) -> Loss:
    return pattern((0,) * PREFIX + bits)


def prior_of(seen: Past) -> dict[Past, Fraction]:
    """Half for the endings that repeat the last token seen, half for all of them alike."""
    return {bits: HALF * (set(bits) == {seen[-1]}) + HALF / len(ENDINGS) for bits in ENDINGS}


def peeking(seen: Past) -> dict[Past, Fraction]:
    return {bits: Fraction(9, 10) if bits == seen[PREFIX:] else Fraction(1, 70) for bits in ENDINGS}


def ending_failures(law: Law, delta: float, price: Callable[[Past, Past], float], skipped: int = 0) -> Fraction:
    """The probability that any ending violates its bound, about the tokens after the prefix."""
    failed = Fraction(0)
    for tokens, p in worlds(law, LENGTH):
        missed = False
        for bits in ENDINGS:
            x = losses(ending(bits), tokens)
            nats = price(tokens, bits)
            found = prefix_prior(x, prefix=PREFIX, log_ratio=nats, ceiling=1.0, delta=delta, shift=1.0)
            missed |= risk(law, ending(bits), tokens, PREFIX) > Fraction(found.value)
        failed += p * missed
    return failed


@LAWS
@pytest.mark.parametrize("delta", [0.13, 0.25, 0.5])
def test_a_prior_made_from_the_prefix_holds(law: Law, delta: float) -> None:
    def honest(tokens: Past, bits: Past) -> float:
        return log_of(1 / prior_of(tokens[:PREFIX])[bits])

    assert ending_failures(law, delta, honest) <= Fraction(delta)


@LAWS
def test_a_prior_made_from_the_suffix_too_fails(law: Law) -> None:
    def cheating(tokens: Past, bits: Past) -> float:
        return log_of(1 / peeking(tokens)[bits])

    assert ending_failures(law, 0.25, cheating) > Fraction(1, 4)


def test_dividing_by_all_tokens_fails() -> None:
    """C = nats/n in place of nats/(n - n_0), with means over the suffix."""

    def diluted(tokens: Past, bits: Past) -> float:
        share = (LENGTH - PREFIX) / LENGTH
        return share * log_of(1 / prior_of(tokens[:PREFIX])[bits]) - (1 - share) * math.log(2)

    assert ending_failures(fair(2), 0.5, diluted) > HALF


# -- bad input ---------------------------------------------------------------------------------------------

HELD = Wealth(ceiling=1.0)
HELD.update([0.0, 1.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda o: disintegrated([1.0], log_ratio=math.nan, **o), DomainError, "log_ratio=nan"),
        (lambda o: disintegrated([1.0], log_ratio=math.inf, **o), DomainError, "log_ratio=inf"),
        (lambda o: disintegrated([1.0], log_ratio=1.0, draws=0, **o), DomainError, "draws=0"),
        (lambda o: disintegrated([1.0], log_ratio=1.0, draws=2.5, **o), DomainError, "draws=2.5"),
        (lambda o: disintegrated([2.0], log_ratio=1.0, **o), DataError, r"losses\[0\]=2.0"),
        (lambda o: disintegrated([1.0], log_ratio=1.0, ceiling=1.0), DomainError, "exactly one"),
        (lambda o: disintegrated([1.0], log_ratio=1.0, delta=0.1), DomainError, "ceiling=None"),
        (lambda o: requential([1.0], teacher_log_probs=[0.1], student_log_probs=[-1.0], **o), DataError,
         r"teacher_log_probs\[0\]=0.1"),
        (lambda o: requential([1.0], teacher_log_probs=[-1.0], student_log_probs=[-math.inf], **o), DataError,
         r"student_log_probs\[0\]=-inf"),
        (lambda o: requential([1.0] * 3, teacher_log_probs=[-1.0] * 3, student_log_probs=[-1.0, -1e308, -1e308], **o),
         DataError, r"student_log_probs\[1\]=-1e"),
        (lambda o: requential([1.0], teacher_log_probs=[-1.0, math.nan], student_log_probs=[-1.0] * 2, **o), DataError,
         r"teacher_log_probs\[1\]=nan"),
        (lambda o: requential([1.0], teacher_log_probs=[-1.0, -1.0], student_log_probs=[-1.0], **o), DataError,
         "shape"),
        (lambda o: requential([1.0], teacher_log_probs=[[-1.0, -1.0]], student_log_probs=[-1.0, -1.0], **o), DataError,
         "shape"),
        (lambda o: requential([1.0], teacher_log_probs=[], student_log_probs=[], **o), DataError, "empty"),
        (lambda o: requential([1.0], teacher_log_probs=[-1.0], student_log_probs=[-1.0], max_error=-1.0, **o),
         DomainError, "max_error=-1.0"),
        (lambda o: requential([1.0], teacher_log_probs=[-1.0], student_log_probs=[-1.0], choices=0, **o), DomainError,
         "choices=0"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=2, log_ratio=1.0, **o), DomainError, "prefix=2"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=0, log_ratio=1.0, **o), DomainError, "prefix=0"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=True, log_ratio=1.0, **o), DomainError, "prefix=True"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=1, choices=0, log_ratio=1.0, **o), DomainError, "choices=0"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=1, **o), DomainError, "log_ratio alone"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=1, posterior=[1.0], **o), DomainError, "log_ratio alone"),
        (lambda o: prefix_prior([1.0, 0.0], prefix=1, log_ratio=1.0, prior=[1.0], **o), DomainError, "log_ratio alone"),
        (lambda o: prefix_prior([[1.0, 0.0]], prefix=1, log_ratio=1.0, **o), DataError, "one hypothesis"),
        (lambda o: prefix_prior([1.0, 0.0], [0.0], prefix=1, log_ratio=1.0, **o), DomainError, "n = 1"),
        (lambda o: prefix_prior([1.0, 0.0, 1.0], [0.0, 1.0], prefix=1, log_ratio=1.0, **o), DataError, "predictions"),
        (lambda o: prefix_prior(iter([[1.0]]), prefix=1, log_ratio=1.0, **o), DomainError, "cannot be cut"),
        (lambda o: prefix_prior(HELD, prefix=1, log_ratio=1.0, **o), DomainError, "cannot be cut"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call: Callable[[dict[str, Any]], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call({"ceiling": 1.0, "delta": 0.1})
