"""What is paid adds up, upwards; the yardsticks pay their grids and nothing else."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from genbound.complexity.codes import (
    Ledger,
    choice_nats,
    code_nats,
    elias_gamma_bits,
    kraft_sum,
    log_inv_delta,
    split_delta,
)
from genbound.complexity.pricing import bill, failure_nats, finite
from genbound.complexity.progressive import held_out, progressive_validation
from genbound.concentration import Wealth, geometric_mean
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")


@given(st.lists(st.floats(0.0, 1e12), max_size=20))
def test_the_total_is_never_below_the_exact_sum(nats: list[float]) -> None:
    ledger = Ledger()
    for index, value in enumerate(nats):
        ledger = ledger.pay(f"item {index}", value, "because")
    exact = sum(map(Fraction, nats), Fraction(0))
    assert exact <= ledger.total() <= exact * (1 + Fraction(1, 10**15))
    assert Ledger.from_dict(ledger.to_dict()) == ledger


def test_a_ledger_refuses_nonsense_and_prints() -> None:
    ledger = Ledger().pay("model code", 10.0, "file").fix("architecture", "grids")
    assert ledger["model code"] == 10.0
    assert "fixed beforehand: grids" in str(ledger)
    for label, nats in (("model code", 1.0), ("more", -1.0), ("more", math.nan)):
        with pytest.raises(DomainError):
            ledger.pay(label, nats)
    with pytest.raises(KeyError):
        ledger["absent"]
    with pytest.raises(DataError):
        Ledger.from_dict({"items": []})


@given(st.floats(1e-300, 0.999999))
def test_log_inv_delta_rounds_up(delta: float) -> None:
    with mpmath.workdps(60):
        exact = -mpmath.log(mpmath.mpf(delta))
        assert exact <= log_inv_delta(delta) <= exact * (1 + mpmath.mpf("1e-15"))


@given(st.floats(0.0, 1e12), st.integers(1, 10**12), st.integers(1, 10**7))
def test_split_deltas_never_exceed_delta(nats: float, n: int, m: int) -> None:
    first, second = split_delta(nats, n, m)
    with mpmath.workdps(60):
        parts = mpmath.exp(mpmath.mpf(nats) - first) + mpmath.exp(mpmath.mpf(nats) - second)
        assert 1 - mpmath.mpf("1e-3") <= parts <= 1 or nats > 1e6
        assert parts <= 1


def test_elias_gamma_is_prefix_free() -> None:
    assert kraft_sum(elias_gamma_bits(k) for k in range(1, 5000)) <= 1
    with pytest.raises(DomainError):
        elias_gamma_bits(0)


def test_small_prices() -> None:
    assert code_nats(0) == 0.0
    assert math.log(3) <= choice_nats(3) <= math.nextafter(math.log(3), 9)
    for call in (lambda: code_nats(-1), lambda: choice_nats(0), lambda: log_inv_delta(1.0), lambda: log_inv_delta(0.0),
                 lambda: split_delta(-1.0, 1, 1), lambda: split_delta(1.0, 0, 1)):  # fmt: skip
        with pytest.raises(DomainError):
            call()


def test_yardsticks_pay_their_grids_and_nothing_else() -> None:
    one, two = Wealth(ceiling=12.0), Wealth(ceiling=14.0)
    one.update([1.0, 2.0] * 500, [1.5] * 1000)
    two.update([1.1, 2.0] * 500, [1.5] * 1000)
    result = progressive_validation({0.5: one, 0.25: two}, delta=0.05)
    nats = math.log(20) + math.log(2)
    assert math.isclose(result.value, geometric_mean(one, log_inv_delta=nats).value, rel_tol=1e-12)
    assert result.tuned["alpha"] == 0.5
    assert math.isclose(sum(result.costs.values()), result.complexity * 1000, rel_tol=1e-12)
    assert held_out({0.5: one, 0.25: two}, delta=0.05).value == result.value
    assert held_out({0.5: one}, delta=0.05, paid=3.0).value > held_out({0.5: one}, delta=0.05).value
    assert held_out({0.5: one}, log_inv=1e6).value == 12.0
    short = Wealth(ceiling=12.0)
    short.update([1.0])
    for call in (lambda: held_out({}, delta=0.05), lambda: held_out({0.5: one}),
                 lambda: held_out({0.5: one}, log_inv=-3.0, paid=5.0),
                 lambda: held_out({0.5: one, 0.25: short}, delta=0.1),
                 lambda: held_out({0.5: one}, delta=0.1, paid=-1.0)):  # fmt: skip
        with pytest.raises(DomainError):
            call()


def test_exactly_one_form_of_the_failure_probability() -> None:
    assert failure_nats(0.05, None) == arb(log_inv_delta(0.05))
    assert failure_nats(None, 10**9) == 10**9  # exp(-10^9) is no float
    assert failure_nats(None, Fraction(1, 3)).contains(arb(1) / 3)
    for delta, nats in ((None, None), (0.1, 1.0), (0.0, None), (1.0, None), (math.nan, None),
                        (None, -1.0), (None, math.nan), (None, math.inf)):  # fmt: skip
        with pytest.raises(DomainError):
            failure_nats(delta, nats)
    for wrong in (math.nan, "1", None, True, arb.pos_inf()):
        with pytest.raises(DomainError, match="price="):
            finite("price", wrong, "nats")


@given(st.lists(st.integers(-(10**12), 10**12).map(lambda k: k / 1024), min_size=1, max_size=8))
def test_a_bill_adds_up_and_is_never_negative(nats: list[float]) -> None:
    total, shown = bill({str(index): arb(value) for index, value in enumerate(nats)})
    exact = sum(map(Fraction, nats), Fraction(0))
    assert total == max(0, arb(exact.numerator) / exact.denominator)
    assert ("raised to zero" in shown) == (exact < 0)
    assert math.isclose(math.fsum(shown.values()), max(0.0, float(exact)), rel_tol=1e-12, abs_tol=1e-6)
