"""Every mirrored bound at its edge: the process on which it nearly fails, and there a part of the nats is seen to fail.

The bounds have one member each, so that no payment for a choice hides what is wrong. Random processes:
`test_formal_mirror.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from finite_processes import ONE, History, Process, first_steps, hidden_process, outcome_loss, path_mean, path_product
from formal_bounds import (
    Bound,
    Case,
    azuma,
    betting_inverse,
    capped,
    case,
    cunning,
    floats,
    freedman_with,
    general_geometric_mean,
    lower_geometric_mean,
    mirrored,
    mixed,
    pair,
    self_normalised,
    shifted_geometric_mean,
    violation,
    violation_below,
)

import genbound as gb
from genbound.complexity.codes import log_inv_delta
from genbound.subsample import WindowSample, two_stage_geometric_mean

DELTA = Fraction(3, 10)
NATS = log_inv_delta(float(DELTA))
NOTHING, QUARTER = Fraction(0), Fraction(1, 4)


# ---------------------------------------------------------------------------------------------------- part of the nats

ABOVE: dict[str, tuple[Bound, int, Fraction, float]] = {
    "general_geometric_mean": (general_geometric_mean, 2, NOTHING, 0.99),
    "geometric_mean": (shifted_geometric_mean(1.0), 5, NOTHING, 0.99),
    "geometric_mean, U = 5/4": (shifted_geometric_mean(1.25), 5, NOTHING, 0.7),
    "geometric_mean, Y = 1/4": (shifted_geometric_mean(1.0), 5, QUARTER, 0.7),
    "mixture": (mixed(1.0), 5, NOTHING, 0.99),
    "mixture of two": (mixed(1.0, 1.25), 5, NOTHING, 0.8),
    "mixture, Y = 1/4": (mixed(1.0), 5, QUARTER, 0.7),
    "capped": (capped(0.25), 5, QUARTER, 0.99),
    "capped above the ceiling": (capped(1.0), 5, QUARTER, 0.7),
    "azuma_hoeffding": (azuma, 1, NOTHING, 0.8),
    "empirical_freedman": (freedman_with(0.99), 5, NOTHING, 0.85),
    "empirical_freedman, s = 3/4": (freedman_with(0.75), 5, NOTHING, 0.6),
    "mineiro": (betting_inverse(1.0), 5, NOTHING, 0.85),
    "howard": (self_normalised(0.99), 5, NOTHING, 0.85),
    "howard, lambda = 3/4": (self_normalised(0.75), 5, NOTHING, 0.6),
}
"""Name -> (the bound, n, Y, the largest part of the nats that is seen to be too little).

Where U is the ceiling the geometric mean is tight, and any part less than all of them is seen. Where U is above it, or
where ln(1 + s A) is read instead (empirical Freedman, Mineiro; Howard: A = 0), the bound has slack: on a path of zeros
it is C/s, and the risk 1 - e^{-C}.
"""


@pytest.mark.parametrize("name", ABOVE)
def test_a_part_of_the_nats_is_seen(name: str) -> None:
    bound, n, prediction, part = ABOVE[name]
    edge = cunning(DELTA, n, prediction)
    assert violation(edge, bound, NATS) <= DELTA < violation(edge, bound, part * NATS)
    assert violation(edge, bound, NATS / 2) > DELTA


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize(("shift", "prediction", "part"), [(0.25, QUARTER, 0.99), (0.25, NOTHING, 0.6)])
def test_a_part_of_the_nats_is_seen_from_below(n: int, shift: float, prediction: Fraction, part: float) -> None:
    """L = Y - D; the bound is tight at L = 0."""
    edge, bound = mirrored(DELTA, n, prediction), lower_geometric_mean(shift)
    assert violation_below(edge, bound, NATS) <= DELTA < violation_below(edge, bound, part * NATS)
    assert violation_below(edge, bound, NATS / 2) > DELTA


@pytest.mark.parametrize("name", ["geometric_mean", "mixture", "capped", "empirical_freedman", "howard"])
def test_the_complexity_of_the_end_is_too_little_before_it(name: str) -> None:
    """For all n at once ln(1/delta) is spread over the tokens there are; planted: over all that will come."""
    bound, n, prediction, _ = ABOVE[name]
    at = Case(hidden_process(Fraction(3, 5)), outcome_loss, lambda _: prediction, n)

    def ever(nats: Callable[[int], float]) -> Fraction:
        def wrong(history: History) -> bool:
            parts = [first_steps(t, history) for t in range(1, n + 1)]
            return any(bound(at, part, nats(len(part))) < at.process.risk(at.loss, part) for part in parts)

        return at.process.probability(n, wrong)

    assert ever(lambda _: NATS) <= DELTA < ever(lambda t: NATS * t / n)


def test_a_peeking_bound_is_seen() -> None:
    """U = X + 1/64 knows the outcome: the bound is the empirical mean and hardly more."""

    def peeking(at: Case, history: History, nats: float) -> Fraction:
        value = gb.geometric_mean([63 / 64] * len(history), ceiling=1.0, shift=1.0, log_inv_delta=nats).value
        return Fraction(value) - 1 + path_mean(at.loss, history) + Fraction(1, 64)

    fair = Case(hidden_process(Fraction(1, 2)), outcome_loss, lambda _: NOTHING, 4)
    assert violation(fair, peeking, log_inv_delta(0.05)) > Fraction(1, 20)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_process_of_the_floor(n: int) -> None:
    """With probability above delta a method sees these data, and there R is within slack of the floor."""
    edge, seen = cunning(DELTA, n), (0,) * n
    assert edge.process.probability(n, lambda h: h == seen) > DELTA
    limit = gb.floor(floats(edge.loss, seen), ceiling=1.0, log_inv_delta=NATS).value
    risk = edge.process.risk(edge.loss, seen)
    assert risk <= limit <= risk + Fraction(1, 1024)
    assert limit <= gb.geometric_mean([0.0] * n, ceiling=1.0, shift=1.0, log_inv_delta=NATS).value
    half = gb.floor(floats(edge.loss, seen), ceiling=1.0, log_inv_delta=NATS / 2).value
    assert half < risk


# -------------------------------------------------------------------------------------------------------- two stages


def test_two_stage_product_has_mean_one() -> None:
    """E_J prod (u - W_J)/(u - mean W) = 1 for positions drawn uniformly, exactly."""
    rng = random.Random(5)
    for n, m in ((2, 3), (3, 2), (4, 3)):
        w = [Fraction(rng.randrange(9), 8) for _ in range(n)]
        mean = sum(w, Fraction(0)) / n
        positions = Process(lambda _, n=n: (Fraction(1, n),) * n)
        factor = lambda _, j, w=w, mean=mean: (2 - w[j]) / (2 - mean)  # noqa: E731
        assert positions.expectation(m, lambda h, f=factor: path_product(f, h)) == 1


def two_stage_violation(at: Case, m: int, nats: tuple[float, float], shift: float, second_shift: float) -> Fraction:
    """P(R > bound) over the data and the sampled positions together; g0 = ln D."""
    positions = Process(lambda _: (Fraction(1, at.n),) * at.n)
    missed = Fraction(0)
    for history, p in at.process.histories(at.n):
        (x, y), risk = pair(at, history), at.process.risk(at.loss, history)

        def wrong(drawn: History, x: list[float] = x, y: list[float] = y, risk: Fraction = risk) -> bool:
            sample = WindowSample([x[j] for j in drawn], [y[j] for j in drawn], 1.0, 0.0, 1.0)
            value = two_stage_geometric_mean(sample, log_inv_delta_1=nats[0], n=at.n, log_inv_delta_2=nats[1],
                                             shift=shift, log_reference=math.log(shift), second_shift=second_shift,
                                             ).value  # fmt: skip
            return value < risk

        missed += p * positions.probability(m, wrong)
    return missed


def test_two_stages() -> None:
    half = log_inv_delta(0.15)
    for at in [*(case(seed) for seed in (4, 6, 9)), cunning(Fraction(3, 20), 2), cunning(Fraction(3, 20), 3)]:
        short = at._replace(n=min(at.n, 3))
        assert two_stage_violation(short, 2, (half, half), 1.25, 4.0) <= DELTA


MOST, LITTLE = log_inv_delta(0.29), log_inv_delta(0.01)


def test_half_the_nats_of_the_first_stage_are_seen() -> None:
    """One token, so that the sample is the stream, drawn often enough for the second stage to cost little."""
    edge = cunning(DELTA, 1)
    assert two_stage_violation(edge, 200, (MOST, LITTLE), 1.0625, 3.0) <= DELTA
    assert two_stage_violation(edge, 200, (MOST / 2, LITTLE), 1.0625, 3.0) > DELTA


def test_half_the_nats_of_the_second_stage_are_seen() -> None:
    """Losses that are not random, 0 for just over delta of the tokens, one of them drawn: the sample sees a 0 and the
    risk is nearly 1 - delta. Many tokens, so that the first stage costs little."""
    n = 200
    known = Process(lambda past: (ONE, NOTHING) if len(past) * 100 < 31 * n else (NOTHING, ONE))
    edge = Case(known, outcome_loss, lambda _: NOTHING, n)
    assert edge.process.risk(outcome_loss, next(edge.process.histories(n))[0]) == Fraction(69, 100)
    assert two_stage_violation(edge, 1, (LITTLE, MOST), 8.0, 1.25) <= DELTA
    assert two_stage_violation(edge, 1, (LITTLE, MOST / 2), 8.0, 1.25) > DELTA
