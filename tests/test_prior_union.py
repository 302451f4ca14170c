"""`prior_union`: the prior is a prior, every hypothesis pays its share, and nothing less than that holds."""

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
from sixty_digits import formula, shifted
from small_worlds import Law, Loss, fair, follower, losses, pattern, risk, sticky, worlds

from genbound.complexity.prior import Prior
from genbound.complexity.union import prior_union
from genbound.concentration import Wealth, azuma_hoeffding, empirical_freedman, floor, geometric_mean
from genbound.concentration import lower_geometric_mean as lower
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

N = 5
HYPOTHESES: dict[Any, Loss] = {bits: pattern(bits) for bits in itertools.product((0, 1), repeat=N)}
HYPOTHESES["follower"] = follower
PRIOR = Prior.from_bits({name: 1 if name == "follower" else N + 1 for name in HYPOTHESES})


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_kraft_is_exact_for_whole_bits(lengths: list[int]) -> None:
    named = dict(enumerate(lengths))
    if sum(Fraction(1, 2**bits) for bits in lengths) <= 1:
        prior = Prior.from_bits(named)
        with mpmath.workdps(60):
            for name, bits in named.items():
                exact = bits * mpmath.log(2)
                assert exact <= prior[name] <= exact * (1 + mpf("1e-15"))
            assert mpmath.fsum(mpmath.exp(-mpf(nats)) for nats in prior.nats.values()) <= 1
    else:
        with pytest.raises(DomainError, match="sum 2"):
            Prior.from_bits(named)


def test_kraft_is_exact_at_any_depth() -> None:
    deep = {k: k for k in range(1, 301)}
    assert len(Prior.from_bits(deep | {"last": 300})) == 301
    assert round(Prior.from_bits({"model": 10**9, "other": 1})["model"]) == 693147181
    for lengths in (deep | {"last": 300, "more": 10**9}, {"a": 0, "b": 10**9}, {"a": 1, "b": 1, "c": 200}):
        with pytest.raises(DomainError, match=r"sum 2\^-L=1.0.*at most 1"):
            Prior.from_bits(lengths)


def test_fractional_bits_are_certified_or_refused() -> None:
    assert len(Prior.from_bits({"a": 1.585, "b": 1.585, "c": 1.585})) == 3
    assert len(Prior.from_bits({"a": Fraction(3, 2), "b": 1.5})) == 2
    with pytest.raises(DomainError, match="sum 2"):
        Prior.from_bits({"a": 1.584, "b": 1.584, "c": 1.585})


def test_weights_round_up_and_only_rounding_is_forgiven() -> None:
    prior = Prior.from_weights(dict.fromkeys(range(10), 0.1))  # the floats add up to more than one
    with mpmath.workdps(60):
        assert mpmath.fsum(mpmath.exp(-mpf(nats)) for nats in prior.nats.values()) <= 1
    assert Prior.from_weights({"a": Fraction(1, 3), "b": 0, "c": np.float32(0.5)})["b"] == math.inf
    assert Prior.uniform("abc")["a"] == Prior.from_weights(dict.fromkeys("abc", Fraction(1, 3)))["a"]
    shares = Prior.from_weights({"a": 0.75, "b": 0.25, "c": 0.0}).split(log_inv_delta=10**6)
    assert shares == {"a": pytest.approx(10**6 + math.log(4 / 3)), "b": pytest.approx(10**6 + math.log(4))}
    with mpmath.workdps(60):
        spent = mpmath.fsum(mpmath.exp(10**6 - mpf(nats)) for nats in shares.values())
        assert 1 - mpf("1e-9") < spent <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Prior.from_bits({}), "hypotheses"),
        (lambda: Prior.from_bits({"a": -1}), r"L\['a'\]=-1"),
        (lambda: Prior.from_bits({"a": math.nan}), r"L\['a'\]=nan"),
        (lambda: Prior.from_bits({"a": math.inf}), r"L\['a'\]=inf"),
        (lambda: Prior.from_weights({"a": 0.7, "b": 0.31}), "sum of weights=1.01"),
        (lambda: Prior.from_weights({"a": -0.1}), r"weights\['a'\]=-0.1"),
        (lambda: Prior.from_weights({"a": math.nan}), r"weights\['a'\]=nan"),
        (lambda: Prior.from_weights({"a": True}), r"weights\['a'\]=True"),
        (lambda: Prior.from_weights({}), "hypotheses"),
        (lambda: Prior.uniform(["a", "a"]), "distinct"),
        (lambda: Prior.uniform([]), "hypotheses"),
        (lambda: Prior({"a": 0.5, "b": 0.5}), "sum e"),
        (lambda: Prior({"a": math.nan}), r"nats\['a'\]"),
        (lambda: PRIOR["absent"], "absent"),
        (lambda: PRIOR.split(), "exactly one"),
    ],
)
def test_what_is_no_prior_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        make()


def failures(law: Law, bounds: Callable[[dict[Any, list[float]]], dict[Any, float]]) -> Fraction:
    """The exact probability that ANY hypothesis violates its bound: no rule of choice can do worse."""
    failed = Fraction(0)
    for tokens, probability in worlds(law, N):
        values = bounds({name: losses(loss, tokens) for name, loss in HYPOTHESES.items()})
        if any(risk(law, HYPOTHESES[name], tokens) > Fraction(value) for name, value in values.items()):
            failed += probability
    return failed


@pytest.mark.parametrize("law", [fair(2), sticky], ids=["fair", "sticky"])
@pytest.mark.parametrize("bound", [geometric_mean, empirical_freedman, azuma_hoeffding])
def test_all_hypotheses_at_once_by_enumeration(law: Law, bound: Callable[..., Any]) -> None:
    member = {geometric_mean: {"shift": 1.0}, empirical_freedman: {"s": 0.875}, azuma_hoeffding: {}}[bound]

    def paid(data: dict[Any, list[float]]) -> dict[Any, float]:
        result = prior_union(data, PRIOR, ceiling=1.0, delta=0.5, bound=bound, **member)
        return {name: found.value for name, found in result.bounds.items()}

    def unpaid(data: dict[Any, list[float]]) -> dict[Any, float]:
        return {name: bound(x, ceiling=1.0, log_inv_delta=math.log(2), **member).value for name, x in data.items()}

    assert failures(law, paid) <= Fraction(1, 2) < failures(law, unpaid)


def test_the_enumeration_is_sharp() -> None:
    """Two hypotheses at their exact prices fail with probability near delta: nothing is left to give away."""
    law, pair = fair(2), {"ones": pattern((1,) * 3), "zeros": pattern((0,) * 3)}
    prior, failed = Prior.uniform(pair), Fraction(0)
    for tokens, probability in worlds(law, 3):
        data = {name: losses(loss, tokens) for name, loss in pair.items()}
        result = prior_union(data, prior, ceiling=1.0, delta=0.2501, shift=1.0)
        failed += probability * any(risk(law, pair[name], tokens) > Fraction(result[name].value) for name in pair)
    assert failed == Fraction(1, 4)


def test_every_hypothesis_is_priced_to_60_digits() -> None:
    rng = np.random.default_rng(3)
    data = {name: (rng.random(300) * 9, rng.random(300)) for name in ("a", "b")}
    prior = Prior.from_bits({"a": 3, "b": 700, "never evaluated": 2})
    result = prior_union(data, prior, ceiling=10.0, log_inv_delta=5.0)
    for name, bits in (("a", 3), ("b", 700)):
        found, (x, y) = result[name], data[name]
        with mpmath.workdps(60):
            c = formula("prior_union_complexity", code_bits=bits, log_inv_delta=5, n=300, prior=Fraction(1, 128))
            golden = shifted(x, y, mpf(found.tuned["shift"]), c)
            assert min(golden, 10) <= mpf(found.value) <= golden * (1 + mpf("1e-9"))
            assert c <= mpf(found.complexity) <= c * (1 + mpf("1e-12"))
        assert math.isclose(sum(found.costs.values()), found.complexity * 300, rel_tol=1e-12)
        assert math.isclose(math.fsum(nats for _, nats in found.terms), found.value, rel_tol=1e-14)
    assert result.choice == "a"
    assert result.best is result["a"]
    assert "prior of b" in result["b"].costs
    assert "best: a" in str(result)
    assert result.to_dict()["choice"] == "a"
    assert len(result) == 2


def test_ceilings_statistics_and_the_lower_side() -> None:
    one, two = Wealth(ceiling=12.0), Wealth(ceiling=14.0)
    one.update([1.0, 2.0] * 500)
    two.update([1.1, 2.0] * 500)
    prior = Prior.uniform([0.5, 0.25])
    held = prior_union({0.5: one, 0.25: two}, prior, delta=0.05)
    arrays = prior_union({0.5: [1.0, 2.0] * 500, 0.25: [1.1, 2.0] * 500}, prior, ceiling={0.5: 12.0, 0.25: 14.0},
                         delta=0.05)  # fmt: skip
    assert [arrays[alpha].value for alpha in (0.5, 0.25)] == pytest.approx([held[a].value for a in (0.5, 0.25)])
    below = prior_union({0.5: one, 0.25: two}, prior, delta=0.05, bound=lower)
    assert below.best.value == max(found.value for found in below.bounds.values())
    assert below.best.side == "lower"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda u: prior_union({}, u, ceiling=1.0, delta=0.1), DomainError, "streams"),
        (lambda u: prior_union({"z": [1.0]}, u, ceiling=1.0, delta=0.1), DomainError, "hypothesis='z'"),
        (lambda u: prior_union({"out": [1.0]}, u, ceiling=1.0, delta=0.1), DomainError, "rules this hypothesis out"),
        (lambda u: prior_union({"a": [1.0], "b": [1.0, 0.0]}, u, ceiling=1.0, delta=0.1), DomainError, "same n"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling=1.0), DomainError, "exactly one"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling=1.0, delta=0.1, log_inv_delta=1.0), DomainError, "exactly one"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling=1.0, log_inv_delta=-1.0), DomainError, "log_inv_delta=-1.0"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling=1.0, log_inv_delta=math.nan), DomainError, "nan"),
        (lambda u: prior_union({"a": [1.0]}, u, delta=0.1), DomainError, "ceiling=None"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling={"b": 1.0}, delta=0.1), DomainError, "an entry for 'a'"),
        (lambda u: prior_union({"a": [2.0]}, u, ceiling=1.0, delta=0.1), DataError, r"losses\[0\]=2.0"),
        (lambda u: prior_union({"a": (0.5, 1.0)}, u, ceiling=1.0, delta=0.1), DataError, r"streams\['a'\]"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling=1.0, delta=0.1, bound=floor), DomainError, "certifies nothing"),
        (lambda u: prior_union({"a": [1.0]}, u, ceiling=1.0, delta=0.1)["b"], DomainError, "hypothesis='b'"),
    ],
)
def test_bad_input_is_refused(call: Callable[[Prior], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(Prior.from_weights({"a": 0.5, "b": 0.5, "out": 0.0}))
