"""The formal statements by brute force: both sides on finite trees, with the functions of the library.

What proofs/ states for every finite process is evaluated here over all paths of some: exactly, in rationals, where the
statement is algebraic, and with the library's rounded bounds where it is about an event. `test_formal_mirror_many.py`
does the same for many hypotheses. Planted errors show that a wrong statement would be seen.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from finite_processes import (
    History,
    Loss,
    Predictable,
    Process,
    first_steps,
    hidden_process,
    outcome_loss,
    path_mean,
    path_product,
    random_loss,
    random_predictable,
    random_process,
    upper_of,
    values,
)

import genbound as gb
from genbound.complexity.codes import log_inv_delta
from genbound.subsample import WindowSample, two_stage_geometric_mean

SEEDS = range(12)
DELTAS = (Fraction(1, 20), Fraction(3, 10), Fraction(7, 10))
Case = tuple[Process, Loss, Predictable, int]


def case(seed: int) -> Case:
    """A random adaptive process, a loss in [0, 1], a prediction in [0, 1], a horizon."""
    rng = random.Random(seed)
    outcomes = rng.choice((2, 3))
    n = rng.choice((1, 2, 3, 4)) if outcomes == 3 else rng.choice((3, 4, 5, 6))
    return random_process(rng, outcomes), random_loss(rng), random_predictable(rng), n


def cunning(delta: Fraction, n: int) -> Case:
    """Every loss is 0 with a probability whose n-th power is just above delta: bounds are tried at their edge."""
    share = Fraction(math.ceil(float(delta) ** (1 / n) * 4096) + 1, 4096)
    assert delta < share**n < 2 * delta
    return hidden_process(share), outcome_loss, lambda _: Fraction(0), n


def cases(delta: Fraction) -> list[Case]:
    return [*(case(seed) for seed in SEEDS), *(cunning(delta, n) for n in (1, 2, 5))]


def floats(of: Loss, history: History) -> list[float]:
    return [float(value) for value in values(of, history)]


def centres(of: Predictable, history: History) -> list[float]:
    return floats(lambda past, _: of(past), history)


# ----------------------------------------------------------------------------------------------- exactly, in rationals


@pytest.mark.parametrize("seed", SEEDS)
def test_wealth_mean_one(seed: int) -> None:
    """E prod (U - X)/(U - m) = 1 for any predictable U >= X, equality with m included."""
    process, loss, _, n = case(seed)
    upper = upper_of(random.Random(seed), process, loss)
    assert process.expectation(n, lambda h: process.wealth(loss, upper, h)) == 1
    assert all(process.wealth(loss, upper, h) >= 0 for h, _ in process.histories(n))


def test_a_bound_that_is_not_predictable_breaks_the_martingale() -> None:
    """Planted: U = X + 1/8 knows the outcome."""
    process, loss, _, n = case(3)

    def factor(past: History, outcome: int) -> Fraction:
        gap = loss(past, outcome) + Fraction(1, 8) - process.conditional_mean(loss, past)
        return Fraction(1, 8) / gap if gap else Fraction(1)

    assert process.expectation(n, lambda h: path_product(factor, h)) != 1


@pytest.mark.parametrize("seed", SEEDS)
def test_ville_inequality(seed: int) -> None:
    """P(the wealth ever reaches c) <= 1/c, and Markov's inequality for the last step."""
    process, loss, _, n = case(seed)
    upper = upper_of(random.Random(seed), process, loss)
    wealth = {h: process.wealth(loss, upper, h) for t in range(n + 1) for h, _ in process.histories(t)}
    for level in {w for w in wealth.values() if w > 0}:
        ever = process.probability(n, lambda h, c=level: any(wealth[first_steps(t, h)] >= c for t in range(n + 1)))
        last = process.probability(n, lambda h, c=level: wealth[h] >= c)
        assert last <= ever <= min(1, 1 / level)


def test_ville_fails_for_what_is_no_supermartingale() -> None:
    """Planted: each factor multiplied by 3/2."""
    process, loss, _, n = cunning(Fraction(3, 10), 3)
    levels = [Fraction(3, 2) ** n * process.wealth(loss, lambda _: Fraction(1), (0,) * n)]
    ever = [process.probability(n, lambda h: set(h) == {0}) for _ in levels]
    assert ever[0] > 1 / levels[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_freedman_factors(seed: int) -> None:
    """E[1 + s A | past] = 1 + s (Y - m)/Delta, so that the product over it has mean one (Delta = 1)."""
    process, loss, prediction, n = case(seed)
    for s in (Fraction(1, 4), Fraction(9, 10)):

        def factor(past: History, outcome: int, s: Fraction = s) -> Fraction:
            centre = prediction(past) - process.conditional_mean(loss, past)
            return (1 + s * (prediction(past) - loss(past, outcome))) / (1 + s * centre)

        assert process.expectation(n, lambda h: path_product(factor, h)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_mixture_mean(seed: int) -> None:
    """The weighted wealth of a family has the weights' sum as its mean."""
    process, loss, _, n = case(seed)
    rng = random.Random(seed)
    family = [(Fraction(1, 2), upper_of(rng, process, loss)), (Fraction(1, 4), upper_of(rng, process, loss))]
    mixed = process.expectation(n, lambda h: sum((w * process.wealth(loss, u, h) for w, u in family), Fraction(0)))
    assert mixed == Fraction(3, 4)


@pytest.mark.parametrize("seed", SEEDS)
def test_geometric_mean_below_mean(seed: int) -> None:
    """prod F <= (mean F)^n for F >= 0."""
    process, loss, _, n = case(seed)
    for history, _ in process.histories(n):
        assert path_product(loss, history) <= path_mean(loss, history) ** n


# --------------------------------------------------------------------------------------------- events, with the library

Bound = Callable[[Case, History, float], Fraction]
"""(the case, a history, ln(1/delta)) -> what the library says R is at most."""


def general_geometric_mean(at: Case, history: History, nats: float) -> Fraction:
    """U the largest loss that can occur, or more: U = K after X is replaced by X - U + K."""
    process, loss, _, n = at
    upper = upper_of(random.Random(n), process, loss)
    top = 3
    moved = floats(lambda past, o: loss(past, o) - upper(past) + top, history)
    value = gb.geometric_mean(moved, ceiling=top, shift=top, log_inv_delta=nats).value
    return Fraction(value) - top + path_mean(lambda past, _: upper(past), history)


def shifted_geometric_mean(at: Case, history: History, nats: float) -> Fraction:
    _, loss, prediction, _ = at
    pair = floats(loss, history), centres(prediction, history)
    return Fraction(gb.geometric_mean(*pair, ceiling=1.0, grid=[1.0, 1.5, 4.0], log_inv_delta=nats).value)


def grid_freedman(at: Case, history: History, nats: float) -> Fraction:
    _, loss, prediction, _ = at
    pair = floats(loss, history), centres(prediction, history)
    return Fraction(gb.empirical_freedman(*pair, ceiling=1.0, grid_size=3, log_inv_delta=nats).value)


def mixed(at: Case, history: History, nats: float) -> Fraction:
    _, loss, prediction, _ = at
    pair = floats(loss, history), centres(prediction, history)
    return Fraction(gb.mixture(*pair, ceiling=1.0, grid=[1.0, 1.25, 3.0], log_inv_delta=nats).value)


def capped(at: Case, history: History, nats: float) -> Fraction:
    _, loss, prediction, _ = at
    pair = floats(loss, history), centres(prediction, history)
    value = gb.capped_geometric_mean(*pair, ceiling=1.0, grid=[0.25, 0.5, 1.25], log_inv_delta=nats).value
    return Fraction(value)


def azuma(at: Case, history: History, nats: float) -> Fraction:
    return Fraction(gb.azuma_hoeffding(floats(at[1], history), ceiling=1.0, log_inv_delta=nats).value)


def betting_inverse(at: Case, history: History, nats: float) -> Fraction:
    pair = floats(at[1], history), centres(at[2], history)
    return Fraction(gb.mineiro(*pair, ceiling=1.0, log_inv_delta=nats).value)


def self_normalised(at: Case, history: History, nats: float) -> Fraction:
    pair = floats(at[1], history), centres(at[2], history)
    return Fraction(gb.howard(*pair, ceiling=1.0, log_inv_delta=nats).value)


UPPER = (
    general_geometric_mean, shifted_geometric_mean, grid_freedman, mixed, capped, azuma, betting_inverse,
    self_normalised,
)  # fmt: skip


def violation(at: Case, bound: Bound, nats: float) -> Fraction:
    """P(bound < R), exactly."""
    process, loss, _, n = at
    return process.probability(n, lambda h: bound(at, h, nats) < process.risk(loss, h))


@pytest.mark.parametrize("bound", UPPER)
def test_high_probability(bound: Bound) -> None:
    delta = DELTAS[1]
    for at in cases(delta):
        assert violation(at, bound, log_inv_delta(float(delta))) <= delta


@pytest.mark.parametrize("delta", DELTAS)
def test_geometric_mean_at_every_level(delta: Fraction) -> None:
    for at in cases(delta):
        assert violation(at, general_geometric_mean, log_inv_delta(float(delta))) <= delta


@pytest.mark.parametrize("bound", [general_geometric_mean, shifted_geometric_mean, grid_freedman, mixed])
def test_for_all_n_at_once(bound: Bound) -> None:
    delta = DELTAS[1]
    nats = log_inv_delta(float(delta))
    for at in cases(delta):
        process, loss, _, n = at
        parts = [first_steps(t, h) for t in range(1, n + 1) for h, _ in process.histories(n)]
        wrong = {part for part in set(parts) if bound(at, part, nats) < process.risk(loss, part)}
        assert (
            process.probability(n, lambda h, w=wrong, n=n: any(first_steps(t, h) in w for t in range(1, n + 1)))
            <= delta
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_never_looser_than_freedman(seed: int) -> None:
    """On every path, at the same C and D = Delta/s."""
    process, loss, prediction, n = case(seed)
    for history, _ in process.histories(n):
        pair = floats(loss, history), centres(prediction, history)
        gm = gb.geometric_mean(*pair, ceiling=1.0, complexity=0.25, shift=2.0).value
        assert gm <= gb.empirical_freedman(*pair, ceiling=1.0, complexity=0.25, s=0.5).value


def test_the_lower_side() -> None:
    delta = DELTAS[1]
    nats = log_inv_delta(float(delta))
    for process, loss, _, n in cases(delta):

        def wrong(h: History, process: Process = process, loss: Loss = loss) -> bool:
            mirrored = gb.lower_geometric_mean(floats(loss, h), ceiling=1.0, shift=0.5, log_inv_delta=nats).value
            return mirrored > process.risk(loss, h)

        assert process.probability(n, wrong) <= delta


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_process_of_the_floor(n: int) -> None:
    """With probability above delta a method sees these data, and there R is within slack of the floor."""
    delta = DELTAS[1]
    nats = log_inv_delta(float(delta))
    process, loss, _, _ = cunning(delta, n)
    seen = (0,) * n
    assert process.probability(n, lambda h: h == seen) > delta
    limit = gb.floor(floats(loss, seen), ceiling=1.0, log_inv_delta=nats).value
    assert process.risk(loss, seen) <= limit <= process.risk(loss, seen) + Fraction(1, 1024)
    assert limit <= gb.geometric_mean([0.0] * n, ceiling=1.0, shift=1.0, log_inv_delta=nats).value


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


def two_stage_violation(at: Case, m: int, nats: tuple[float, float]) -> Fraction:
    """P(R > bound) over the data and the sampled positions together."""
    process, loss, prediction, n = at
    positions = Process(lambda _: (Fraction(1, n),) * n)
    missed = Fraction(0)
    for history, p in process.histories(n):
        x, y, risk = floats(loss, history), centres(prediction, history), process.risk(loss, history)

        def wrong(drawn: History, x: list[float] = x, y: list[float] = y, risk: Fraction = risk) -> bool:
            sample = WindowSample([x[j] for j in drawn], [y[j] for j in drawn], 1.0, 0.0, 1.0)
            value = two_stage_geometric_mean(sample, log_inv_delta_1=nats[0], n=n, log_inv_delta_2=nats[1],
                                             shift=1.25, log_reference=0.0, second_shift=4.0).value  # fmt: skip
            return value < risk

        missed += p * positions.probability(m, wrong)
    return missed


def test_two_stages() -> None:
    half = log_inv_delta(0.15)
    for at in [*(case(seed) for seed in (4, 6, 9)), cunning(Fraction(3, 20), 2), cunning(Fraction(3, 20), 3)]:
        assert two_stage_violation((*at[:3], min(at[3], 3)), 2, (half, half)) <= Fraction(3, 10)


# ------------------------------------------------------------------------------------------------------ planted errors


def test_half_the_complexity_is_seen() -> None:
    def plain(at: Case, history: History, nats: float) -> Fraction:
        x = floats(at[1], history)
        return Fraction(gb.geometric_mean(x, ceiling=1.0, shift=1.0, log_inv_delta=nats).value)

    delta = DELTAS[1]
    nats = log_inv_delta(float(delta))
    for n in (1, 2, 5):
        assert violation(cunning(delta, n), plain, nats) <= delta
        assert violation(cunning(delta, n), plain, nats / 2) > delta


def test_a_peeking_bound_is_seen() -> None:
    """U = X + 1/64 knows the outcome: the bound is the empirical mean and hardly more."""

    def peeking(at: Case, history: History, nats: float) -> Fraction:
        value = gb.geometric_mean([63 / 64] * len(history), ceiling=1.0, shift=1.0, log_inv_delta=nats).value
        return Fraction(value) - 1 + path_mean(at[1], history) + Fraction(1, 64)

    fair = hidden_process(Fraction(1, 2)), outcome_loss, lambda _: Fraction(0), 4
    assert violation(fair, peeking, log_inv_delta(0.05)) > Fraction(1, 20)
