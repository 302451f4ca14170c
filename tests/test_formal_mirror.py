"""The formal statements by brute force: both sides on finite trees, with the functions of the library.

What proofs/ states for every finite process is evaluated here over all paths of some: exactly, in rationals, where the
statement is algebraic, and with the library's rounded bounds where it is about an event. `test_formal_mirror_many.py`
does the same for many hypotheses, and `test_formal_mirror_edges.py` shows that a wrong bound would be seen.
"""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from finite_processes import History, first_steps, path_mean, path_product, upper_of
from formal_bounds import (
    SEEDS,
    UPPER,
    case,
    cases,
    centres,
    cunning,
    floats,
    general_geometric_mean,
    lower_geometric_mean,
    mirrored,
    violation,
    violation_below,
)

import genbound as gb
from genbound.complexity.codes import log_inv_delta

DELTAS = (Fraction(1, 20), Fraction(3, 10), Fraction(7, 10))


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


@pytest.mark.parametrize("name", UPPER)
def test_high_probability(name: str) -> None:
    delta = DELTAS[1]
    for at in cases(delta):
        assert violation(at, UPPER[name], log_inv_delta(float(delta))) <= delta


@pytest.mark.parametrize("delta", DELTAS)
def test_geometric_mean_at_every_level(delta: Fraction) -> None:
    for at in cases(delta):
        assert violation(at, general_geometric_mean, log_inv_delta(float(delta))) <= delta


@pytest.mark.parametrize("name", ["general_geometric_mean", "shifted_geometric_mean", "grid_freedman", "mixed"])
def test_for_all_n_at_once(name: str) -> None:
    delta, bound = DELTAS[1], UPPER[name]
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
    for at in [*cases(delta), *(mirrored(delta, n) for n in (1, 2, 5))]:
        low = at._replace(prediction=lambda past, y=at.prediction: min(y(past), Fraction(1, 4)))
        assert violation_below(low, lower_geometric_mean(0.5), log_inv_delta(float(delta))) <= delta
