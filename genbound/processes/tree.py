"""A process small enough to be written down: a finite tree with rational laws, enumerated exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from genbound.errors import DataError, domain_error
from genbound.processes.lattice import Bound, Side, evaluate


@dataclass(frozen=True)
class Node:
    """What happens after one past: the prediction Y, and (probability, loss, what follows) for each outcome.

    Attributes:
        prediction: Y, nats; a function of the past because the node is.
        branches: (probability, X, next node or None at the last token); probabilities are > 0 and sum to 1.
    """

    prediction: float
    branches: tuple[tuple[Fraction, float, Node | None], ...]

    def __post_init__(self) -> None:
        if not self.branches or min(p for p, _, _ in self.branches) <= 0 or sum(p for p, _, _ in self.branches) != 1:
            law = tuple(str(p) for p, _, _ in self.branches)
            raise domain_error("branches", law, "positive rationals that sum to 1", "law of the next token")

    def mean(self) -> Fraction:
        """m = E[X | this past], exact."""
        return sum((p * Fraction(x) for p, x, _ in self.branches), Fraction(0))


@dataclass(frozen=True)
class Outcome:
    """One path of a tree: its probability, losses (n,), predictions (n,) and exact conditional means."""

    probability: Fraction
    losses: np.ndarray
    predictions: np.ndarray
    means: tuple[Fraction, ...]

    def risk(self) -> Fraction:
        """R = mean of m_k, exact."""
        return sum(self.means, Fraction(0)) / len(self.means)


@dataclass(frozen=True)
class Tree:
    """An adapted process of n tokens on a finite tree, 0 <= X <= ceiling.

    >>> coin = Node(0.5, ((Fraction(1, 4), 0.0, None), (Fraction(3, 4), 1.0, None)))
    >>> tree = Tree(coin, ceiling=1.0)
    >>> [(str(o.probability), o.losses.tolist(), str(o.risk())) for o in tree]
    [('1/4', [0.0], '3/4'), ('3/4', [1.0], '3/4')]
    >>> tree.violation_probability(lambda losses, predictions: losses.mean())
    Fraction(1, 4)
    """

    root: Node
    ceiling: float

    def __post_init__(self) -> None:
        lengths = set()
        for outcome in self:
            lengths.add(outcome.losses.size)
            if outcome.losses.min() < 0 or outcome.losses.max() > self.ceiling:
                raise DataError(f"losses: {outcome.losses.tolist()}, need 0 <= X <= ceiling = {self.ceiling!r}")
        if len(lengths) > 1:
            raise DataError(f"root: paths of lengths {sorted(lengths)}, need one n")

    def __iter__(self) -> Iterator[Outcome]:
        """Every path with its exact probability."""
        yield from _walk(self.root, Fraction(1), (), (), ())

    @property
    def n(self) -> int:
        """Number of tokens."""
        return next(iter(self)).losses.size

    def violation_probability(self, bound: Bound, side: Side = "upper") -> Fraction:
        """The exact P(R > bound(X, Y)), or P(R < bound(X, Y)) for side "lower"."""
        missed = Fraction(0)
        for outcome in self:
            value = evaluate(bound, outcome.losses, outcome.predictions)
            risk = outcome.risk()  # Python compares a Fraction with a float exactly, infinities included
            missed += outcome.probability * int(risk > value if side == "upper" else risk < value)
        return missed


def _walk(node: Node, probability: Fraction, losses: tuple[float, ...], predictions: tuple[float, ...],
          means: tuple[Fraction, ...]) -> Iterator[Outcome]:  # fmt: skip
    seen, expected = (*predictions, node.prediction), (*means, node.mean())
    for p, x, after in node.branches:
        if after is None:
            yield Outcome(probability * p, np.array([*losses, x]), np.array(seen), expected)
        else:
            yield from _walk(after, probability * p, (*losses, x), seen, expected)
