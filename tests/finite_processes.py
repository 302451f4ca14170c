"""The definitions of proofs/Process.v, GeometricMean.v and Martingale.v once more, in exact rationals, on real trees.

Histories are tuples, newest outcome first, as in Coq. Everything is a Fraction; losses are multiples of 1/8, so that
as floats they are exact as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

History = tuple[int, ...]
Loss = Callable[[History, int], Fraction]
Predictable = Callable[[History], Fraction]
ONE = Fraction(1)


@dataclass
class Process:
    """A process over the outcomes 0..k-1: for every history a law, drawn once and kept."""

    law: Callable[[History], tuple[Fraction, ...]]
    kept: dict[History, tuple[Fraction, ...]] = field(default_factory=dict)

    def kernel(self, history: History) -> tuple[Fraction, ...]:
        """The law of the next outcome; nonnegative, of sum one."""
        if history not in self.kept:
            self.kept[history] = self.law(history)
            assert min(self.kept[history]) >= 0
            assert sum(self.kept[history]) == 1
        return self.kept[history]

    def histories(self, n: int, after: History = ()) -> Iterator[tuple[History, Fraction]]:
        """The reachable histories n steps after one, with their probabilities."""
        if n == 0:
            yield after, ONE
            return
        for outcome, weight in enumerate(self.kernel(after)):
            if weight > 0:
                for history, probability in self.histories(n - 1, (outcome, *after)):
                    yield history, weight * probability

    def expectation(self, n: int, value: Callable[[History], Fraction]) -> Fraction:
        """The mean of a function of the history after n steps."""
        return sum((p * value(history) for history, p in self.histories(n)), Fraction(0))

    def probability(self, n: int, event: Callable[[History], bool]) -> Fraction:
        """The probability of an event of the first n steps."""
        return sum((p for history, p in self.histories(n) if event(history)), Fraction(0))

    def conditional_mean(self, loss: Loss, past: History) -> Fraction:
        """E[X | past]."""
        return sum((w * loss(past, o) for o, w in enumerate(self.kernel(past)) if w), Fraction(0))

    def risk(self, loss: Loss, history: History) -> Fraction:
        """The mean of the conditional means along a history."""
        return path_mean(lambda past, _: self.conditional_mean(loss, past), history)

    def wealth(self, loss: Loss, upper: Predictable, history: History) -> Fraction:
        """The product of (U - X)/(U - m); the factor is 1 where U = m."""

        def factor(past: History, outcome: int) -> Fraction:
            gap = upper(past) - self.conditional_mean(loss, past)
            return (upper(past) - loss(past, outcome)) / gap if gap else ONE

        return path_product(factor, history)


def steps(history: History) -> Iterator[tuple[History, int]]:
    """(past, outcome) of every step, the first step first."""
    for k in reversed(range(len(history))):
        yield history[k + 1 :], history[k]


def first_steps(t: int, history: History) -> History:
    """The history after the first t steps."""
    return history[len(history) - t :]


def values(of: Loss, history: History) -> list[Fraction]:
    """A quantity of every step, the first step first."""
    return [of(past, outcome) for past, outcome in steps(history)]


def path_mean(of: Loss, history: History) -> Fraction:
    """The mean of a quantity of every step."""
    return sum(values(of, history), Fraction(0)) / len(history)


def path_product(of: Loss, history: History) -> Fraction:
    """The product of a quantity of every step."""
    product = ONE
    for value in values(of, history):
        product *= value
    return product


# --------------------------------------------------------------------------------------------------------- random ones


def random_process(rng: random.Random, outcomes: int) -> Process:
    """Adaptive laws with weights of all sizes, zeros among them."""

    def law(_: History) -> tuple[Fraction, ...]:
        weights = [Fraction(rng.choice((0, 1, 1, 2, 3, 8, 40))) for _ in range(outcomes)]
        weights[rng.randrange(outcomes)] += rng.choice((1, 5))
        return tuple(weight / sum(weights) for weight in weights)

    return Process(law)


def random_loss(rng: random.Random, ceiling: int = 1) -> Loss:
    """Losses in [0, ceiling], multiples of 1/8, the ends more often."""
    kept: dict[tuple[History, int], Fraction] = {}

    def loss(past: History, outcome: int) -> Fraction:
        eighths = rng.choice((0, 0, 8 * ceiling, rng.randrange(8 * ceiling + 1)))
        return kept.setdefault((past, outcome), Fraction(eighths, 8))

    return loss


def random_predictable(rng: random.Random, low: int = 0, high: int = 1) -> Predictable:
    """Values in [low, high], multiples of 1/8."""
    kept: dict[History, Fraction] = {}
    return lambda past: kept.setdefault(past, Fraction(rng.randrange(8 * low, 8 * high + 1), 8))


def upper_of(rng: random.Random, process: Process, loss: Loss) -> Predictable:
    """A predictable U >= X: the largest loss that can occur, sometimes more, sometimes equal to the mean."""
    extra: dict[History, Fraction] = {}

    def upper(past: History) -> Fraction:
        largest = max(loss(past, o) for o, w in enumerate(process.kernel(past)) if w)
        return largest + extra.setdefault(past, Fraction(rng.choice((0, 0, 1, 3, 8)), 8))

    return upper


def hidden_process(share: Fraction) -> Process:
    """Outcome 0 with probability `share`, whatever happened: with loss 0 and ceiling 1 the process of the floor."""
    return Process(lambda _: (share, 1 - share))


def outcome_loss(_: History, outcome: int) -> Fraction:
    """0 for outcome 0, 1 for the others."""
    return Fraction(int(outcome != 0))
