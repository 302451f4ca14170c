"""Two-stage bounds: against 60 digits, valid in simulation, and the planted errors are caught by it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scipy.stats import binom
from sixty_digits import formula, log_mean, mean, tight
from sixty_digits import geometric as gm

import genbound as gb
from genbound import smoothing
from genbound.baselines import finzi_alpha
from genbound.certified import ball, up
from genbound.complexity.codes import log_inv_delta
from genbound.errors import DataError, DomainError
from genbound.subsample import (
    WindowSample,
    eligible_shifts,
    tune_two_stage,
    tune_two_stage_azuma,
    tune_two_stage_empirical_freedman,
    tune_two_stage_floor,
    two_stage_azuma,
    two_stage_empirical_freedman,
    two_stage_finzi,
    two_stage_floor,
    two_stage_geometric_mean,
    two_stage_lotfi,
)
from genbound.subsample.windows import geometric_stage, second_stage

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

B, FLOOR, TOP = 16.0, 0.125, 8.0
N = 10**6
V_SIZE = 1000
L1, L2 = 0.05 * N, 3.0


def windows(m: int, t: int, seed: int = 0, ceiling: float = B) -> WindowSample:
    rng = np.random.default_rng(seed)
    y = FLOOR + rng.random((m, t)) * 5
    x = np.minimum(rng.exponential(y), ceiling)
    return WindowSample(x, y, ceiling, FLOOR, TOP)


def first_stage(sample: WindowSample, d: Any, value: Callable[[Any, Any], Any]) -> list[Any]:
    """A function of mean Y and mean ln(D + Y - X) for every window."""
    return [value(mean(y), log_mean(x, y, d)) for x, y in zip(sample.losses, sample.predictions, strict=True)]


def room(values: list[Any], u: float) -> Any:
    """GM(u - Z)."""
    return gm([u - z for z in values])


@pytest.mark.parametrize(("m", "t"), [(1, 1), (1, 700), (40, 1), (25, 30), (3, 1100)])
def test_two_stage_geometric_mean_against_60_digits(m: int, t: int) -> None:
    sample, d, g0, u = windows(m, t), 20.0, 2.9, 60.0
    result = two_stage_geometric_mean(sample, log_inv_delta_1=L1, n=N, log_inv_delta_2=L2, shift=d,
                                      log_reference=g0, second_shift=u)  # fmt: skip
    with mpmath.workdps(60):
        values = first_stage(sample, d, lambda y, g: formula("tangent", C1=mpf(L1) / N, g=g, g0=g0, mean_bound=y + d))
        golden = formula("two_stage_geometric_mean", C2=mpf(L2) / m, G_second=room(values, u), u=u)
        tight(result.value, min(golden, mpf(B)))
    assert math.isclose(math.fsum(nats for _, nats in result.terms), result.value, rel_tol=1e-13)
    assert [label for label, _ in result.terms] == ["empirical risk", "complexity", "sampling", "loss variation"]


@pytest.mark.parametrize(("m", "t"), [(1, 1), (40, 1), (25, 30), (3, 1100)])
def test_two_stage_empirical_freedman_against_60_digits(m: int, t: int) -> None:
    sample, s, u = windows(m, t), 0.75, 90.0
    result = two_stage_empirical_freedman(sample, log_inv_delta_1=L1, n=N, log_inv_delta_2=L2, s=s, second_shift=u)
    with mpmath.workdps(60):
        delta = mpf(B) - mpf(FLOOR)
        d = delta / mpf(s)
        values = first_stage(
            sample,
            d,
            lambda y, g: formula("empirical_freedman_shift", C=0, D=d, mean_log=g - mpmath.log(d), mean_prediction=y),
        )
        golden = formula("two_stage_empirical_freedman", C1=mpf(L1) / N, C2=mpf(L2) / m, Delta=delta,
                         G_centred=room(values, u), s=s, u=u)  # fmt: skip
        tight(result.value, min(golden, mpf(B)))


@pytest.mark.parametrize(("m", "t"), [(1, 1), (40, 1), (25, 30)])
def test_two_stage_azuma_and_floor_against_60_digits(m: int, t: int) -> None:
    sample = windows(m, t)
    azuma = two_stage_azuma(sample, log_inv_delta_1=L1, n=N, log_inv_delta_2=L2, second_shift=17.0)
    floor = two_stage_floor(sample, log_inv_delta_1=L1, n=N, log_inv_delta_2=L2, shift=4.0)
    with mpmath.workdps(60):
        means, c1, c2 = [mean(line) for line in sample.losses], mpf(L1) / N, mpf(L2) / m
        golden = formula("two_stage_azuma", C1=c1, C2=c2, Delta=B, G_sampled=room(means, 17.0), u=17)
        tight(azuma.value, min(golden, mpf(B)))
        above = gm([4 + each for each in means])
        low = max(formula("lower_geometric_mean", C=c2, G_lower=above, mean_lower=-4), mpf(0))
        golden = formula("floor", B=B, C=c1, mean_loss=low)
        assert golden * (1 - mpf("1e-9")) <= mpf(floor.value) <= golden
    assert floor.side == "limit"


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(17.0, 500.0), st.floats(0.0, 0.8), st.floats(-3.0, 4.0))
def test_the_stage_one_ceiling_is_above_every_value(seed: int, d: float, c1: float, g0: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.choice([0.0, 1.0, B, 8.0], (30, 2)), rng.choice([FLOOR, 1.0, TOP, 3.0], (30, 2))
    sample = WindowSample(x, y, B, FLOOR, TOP)
    stage = geometric_stage(sample, d, ball(c1), g0)
    assert max(float(value) for value in stage.values(sample, d)) <= up(stage.ceiling) + 1e-9


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(17.0, 200.0), st.floats(0.0, 0.5))
def test_the_tangent_only_loosens(seed: int, d: float, c1: float) -> None:
    """With every window in the sample and u far away, the two-stage value is above the one-stage bound."""
    sample = windows(20, 10, seed)
    g0 = float(np.log(sample.predictions - sample.losses + d).mean())
    stage = geometric_stage(sample, d, ball(c1), g0)
    plug_in = math.fsum(float(value) for value in stage.values(sample, d)) / sample.m
    direct = gb.geometric_mean(sample.losses, sample.predictions, ceiling=B, prediction_floor=FLOOR,
                               complexity=c1, shift=d)  # fmt: skip
    assert plug_in >= min(direct.value, B) - 1e-9 or direct.value == B
    for wrong in (g0 - 0.3, g0 + 0.3):
        other = geometric_stage(sample, d, ball(c1), wrong)
        assert math.fsum(float(value) for value in other.values(sample, d)) / sample.m >= plug_in - 1e-9


# -- validity ------------------------------------------------------------------------------------------------

REPETITIONS, DELTA = 400, 0.1
NATS = log_inv_delta(DELTA / 2)  # for each stage
RARE, LARGE, SMALL = 0.3, 15.0, 0.25
RISK = RARE * LARGE + (1 - RARE) * SMALL

Method = Callable[[WindowSample, WindowSample, int], float]


def allowed(repetitions: int = REPETITIONS) -> float:
    """A valid bound fails more often than this with probability 1e-9."""
    return float(binom.ppf(1 - 1e-9, repetitions, DELTA))


def experiment(bound: Method, m: int, repetitions: int = REPETITIONS) -> int:
    """Rare large losses, independent, with a known risk; m windows of 24 drawn with replacement; a pilot of 10."""
    rng = np.random.default_rng(11)
    count, n = 0, 240
    for _ in range(repetitions):
        x = np.where(rng.random((n // 24, 24)) < RARE, LARGE, SMALL)
        y = np.full_like(x, 2.0)
        sample, pilot = (WindowSample(x[rows], y[rows], 15.0, 2.0, 2.0)
                         for rows in (rng.integers(len(x), size=m), rng.integers(len(x), size=10)))  # fmt: skip
        count += bound(sample, pilot, n) < RISK
    return count


def geometric(shift: float, nats: float) -> Method:
    def bound(sample: WindowSample, pilot: WindowSample, n: int) -> float:
        g0 = float(np.log(pilot.predictions - pilot.losses + shift).mean())
        u = up(geometric_stage(sample, shift, ball(nats / n), g0).ceiling) + 15.0
        return two_stage_geometric_mean(sample, log_inv_delta_1=nats, n=n, log_inv_delta_2=NATS, shift=shift,
                                        log_reference=g0, second_shift=u).value  # fmt: skip

    return bound


def forgets_the_tangent(sample: WindowSample, pilot: WindowSample, n: int) -> float:
    """e^{-C_1} times the arithmetic mean of U - X in place of the tangent below the geometric one."""
    bets = sample.predictions + 14.0 - sample.losses
    values = [arb(v) for v in (16.0 - math.exp(-NATS / n) * bets).mean(axis=1).tolist()]
    return up(second_stage(values, ball(16.0), 30.0, ball(NATS / sample.m)))


@pytest.mark.parametrize("m", [30, 1000])
def test_two_stage_bounds_hold(m: int) -> None:
    assert experiment(geometric(42.0, NATS), m) <= allowed()


def test_tuned_two_stage_bounds_hold() -> None:
    def tuned(sample: WindowSample, pilot: WindowSample, n: int) -> float:
        nats = NATS + math.log(128)
        setting = tune_two_stage(pilot, log_inv_delta_1=nats, n=n, log_inv_delta_2=NATS, m=sample.m)
        return two_stage_geometric_mean(sample, log_inv_delta_1=nats, n=n, log_inv_delta_2=NATS,
                                        shift=setting.shift, log_reference=setting.log_reference,
                                        second_shift=setting.second_shift).value  # fmt: skip

    assert experiment(tuned, 300, 100) <= allowed(100)


def test_a_bound_that_forgets_the_first_stage_is_caught() -> None:
    assert experiment(geometric(2000.0, 0.0), 1000) > allowed()


def test_a_bound_that_forgets_the_tangent_is_caught() -> None:
    assert experiment(forgets_the_tangent, 1000) > allowed()


def test_two_stage_azuma_holds() -> None:
    def azuma(sample: WindowSample, pilot: WindowSample, n: int) -> float:
        u = tune_two_stage_azuma(pilot, log_inv_delta_2=NATS, m=sample.m).second_shift
        return two_stage_azuma(sample, log_inv_delta_1=NATS, n=n, log_inv_delta_2=NATS, second_shift=u).value

    assert experiment(azuma, 200) <= allowed()


def test_two_stage_floor_holds_for_the_population() -> None:
    x = np.where(np.random.default_rng(4).random((200, 2)) < RARE, LARGE, SMALL)
    y = np.zeros_like(x)
    truth = gb.floor(x, ceiling=15.0, complexity=0.05).value
    rng, count = np.random.default_rng(6), 0
    for _ in range(REPETITIONS):
        chosen, pilot = rng.integers(200, size=(2, 60))
        shift = tune_two_stage_floor(WindowSample(x[pilot], y[pilot], 15.0, 0.0, 0.0), log_inv_delta_2=2.4, m=60)
        sample = WindowSample(x[chosen], y[chosen], 15.0, 0.0, 0.0)
        low = two_stage_floor(sample, log_inv_delta_1=20.0, n=400, log_inv_delta_2=math.log(10), shift=shift)
        count += low.value > truth
    assert count <= allowed()


# -- the rest ------------------------------------------------------------------------------------------------


def test_two_stage_values_approach_the_whole_stream() -> None:
    stream = windows(4000, 8, 3)
    pilot, sample = windows(1000, 8, 4), stream
    direct = gb.geometric_mean(stream.losses, stream.predictions, ceiling=B, prediction_floor=FLOOR, complexity=0.05)
    setting = tune_two_stage(pilot, log_inv_delta_1=0.05 * N, n=N, log_inv_delta_2=3.0, m=4000)
    result = two_stage_geometric_mean(sample, log_inv_delta_1=0.05 * N, n=N, log_inv_delta_2=3.0,
                                      shift=setting.shift, log_reference=setting.log_reference,
                                      second_shift=setting.second_shift)  # fmt: skip
    assert direct.value < result.value < direct.value + 0.25
    assert abs(setting.predicted - result.value) < 0.15
    tuned = tune_two_stage_empirical_freedman(pilot, log_inv_delta_1=0.05 * N, n=N, log_inv_delta_2=3.0, m=4000)
    freedman = two_stage_empirical_freedman(sample, log_inv_delta_1=0.05 * N, n=N, log_inv_delta_2=3.0, s=tuned.s,
                                            second_shift=tuned.second_shift)  # fmt: skip
    assert result.value < freedman.value < direct.value + 0.4
    assert result.term("sampling") > 0


def test_two_stage_finzi_is_freedman_plus_the_published_slack() -> None:
    v = 500
    alpha = finzi_alpha(L1, N)
    ceiling = smoothing.ceiling(alpha, v)
    base = windows(50, 10, 1, ceiling)
    sample = WindowSample(base.losses, base.predictions, ceiling, 0.0, TOP)
    nats = L1 + math.log(1000)
    kwargs = {"log_inv_delta_1": nats, "n": N, "log_inv_delta_2": L2, "s": 0.7, "second_shift": 90.0}
    finzi = two_stage_finzi(sample, alpha=alpha, vocab_size=v, **kwargs)  # type: ignore[arg-type]
    freedman = two_stage_empirical_freedman(sample, **kwargs)  # type: ignore[arg-type]
    slack = math.sqrt(2 * nats / N) - smoothing.smoothing_price(nats / N)
    assert math.isclose(finzi.value, freedman.value + slack, rel_tol=1e-12)
    assert math.isclose(math.fsum(part for _, part in finzi.terms), finzi.value, rel_tol=1e-13)
    assert finzi.value == two_stage_finzi(base, alpha=alpha, vocab_size=v, **kwargs).value  # type: ignore[arg-type]
    with pytest.raises(DomainError):
        two_stage_finzi(sample, alpha=alpha, vocab_size=v + 50, **kwargs)  # type: ignore[arg-type]


def test_two_stage_lotfi_counts_windows() -> None:
    sample = windows(64, 32)
    result = two_stage_lotfi({0.5: sample}, code_bits=1e6, n=N * 100, vocab_size=V_SIZE)
    direct = gb.lotfi_subsampled({0.5: up(sample.mean_loss)}, code_bits=1e6, n=N * 100, m=64, vocab_size=V_SIZE)
    assert result.value == direct.value
    with pytest.raises(DomainError):
        two_stage_lotfi({0.5: sample, 0.25: windows(10, 32)}, code_bits=1e6, n=N, vocab_size=V_SIZE)


def test_tiny_deltas_and_extreme_data() -> None:
    flat = WindowSample(np.full((5, 4), B), np.full((5, 4), TOP), B, FLOOR, TOP)
    result = two_stage_geometric_mean(flat, log_inv_delta_1=1e9, n=N, log_inv_delta_2=1e6, shift=20.0,
                                      log_reference=2.0, second_shift=400.0)  # fmt: skip
    assert result.value == B
    quiet = WindowSample(np.zeros(6), np.full(6, FLOOR), B, FLOOR, TOP)
    setting = tune_two_stage(quiet, log_inv_delta_1=1.0, n=N, log_inv_delta_2=1.0, m=6)
    assert setting.shift in eligible_shifts(B, FLOOR)
    value = two_stage_geometric_mean(
        quiet,
        log_inv_delta_1=1.0,
        n=N,
        log_inv_delta_2=1.0,
        shift=setting.shift,
        log_reference=setting.log_reference,
        second_shift=setting.second_shift,
    ).value
    assert 0 <= value <= B


def test_what_a_window_sample_refuses() -> None:
    ok = np.ones((3, 4))
    for x, y, span in (
        (ok * 17, ok, (B, 0.0, 8.0)),
        (ok, ok * 9, (B, 0.0, 8.0)),
        (ok, ok, (B, 2.0, 8.0)),
        (ok, ok[:2], (B, 0.0, 8.0)),
        (ok * math.nan, ok, (B, 0.0, 8.0)),
        (np.ones((2, 2, 2)), np.ones((2, 2, 2)), (B, 0.0, 8.0)),
    ):
        with pytest.raises(DataError):
            WindowSample(x, y, *span)
    for span in ((B, 9.0, 8.0), (0.0, 0.0, 8.0), (math.inf, 0.0, 8.0), (B, 0.0, math.nan)):
        with pytest.raises(DomainError):
            WindowSample(ok, ok, *span)


def test_what_the_bounds_refuse() -> None:
    sample = windows(4, 4)
    kwargs: dict[str, Any] = {"log_inv_delta_1": 1.0, "n": N, "log_inv_delta_2": 1.0}
    member: dict[str, Any] = {"shift": 20.0, "log_reference": 2.9, "second_shift": 60.0}
    for change in ({"shift": 16.0}, {"second_shift": 1.0}, {"log_reference": math.nan}, {"log_inv_delta_2": -1.0},
                   {"n": 0}, {"log_inv_delta_1": math.inf}, {"second_shift": math.inf}):  # fmt: skip
        with pytest.raises(DomainError):
            two_stage_geometric_mean(sample, **(kwargs | member | change))
    for change in ({"s": 1.0, "second_shift": 90.0}, {"s": 0.5, "second_shift": 0.0}):
        with pytest.raises(DomainError):
            two_stage_empirical_freedman(sample, **(kwargs | change))
    for change in ({"second_shift": 15.0}, {"second_shift": 17.0, "loss_floor": B}):
        with pytest.raises(DomainError):
            two_stage_azuma(sample, **(kwargs | change))
