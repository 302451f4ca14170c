"""A finite strategy of the adversary: exact laws at every node, its probability in rationals, and its replay."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from genbound.errors import domain_error
from genbound.processes.lattice import Bound, Side, evaluate
from genbound.processes.paths import Paths, Tape

Law = tuple[Fraction, ...]
Path = tuple[tuple[int, int], ...]
"""(index of Y, index of X) of every token so far."""

_Reached = tuple[int, Path, Fraction]  # (node, path, exact sum of m_k)


@dataclass(frozen=True)
class Layer:
    """One time step: at node i predict `predictions[choices[i]]`, draw X from `laws[i]`, go to `children[i][x]`.

    A child of -1 stands after an outcome of probability zero.
    """

    choices: tuple[int, ...]
    laws: tuple[Law, ...]
    children: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Strategy:
    """An adapted process on finitely many outcomes, found to violate a bound; it starts at node 0.

    Attributes:
        outcomes: the K possible losses, nats.
        predictions: what Y may be; (None,) when the bound takes no predictions.
        ceiling: B, nats.
        layers: one per token.
        violates: per terminal node, whether the bound is known to fail there.
    """

    outcomes: tuple[float, ...]
    predictions: tuple[float | None, ...]
    ceiling: float
    layers: tuple[Layer, ...]
    violates: tuple[bool, ...]

    @property
    def n(self) -> int:
        """Number of tokens."""
        return len(self.layers)

    def violation_probability(self) -> Fraction:
        """The exact probability of ending at a node where the bound is known to fail."""
        value = [Fraction(int(wrong)) for wrong in self.violates]
        for layer in reversed(self.layers):
            value = [
                sum((p * value[child] for p, child in zip(law, after, strict=True) if p), Fraction(0))
                for law, after in zip(layer.laws, layer.children, strict=True)
            ]
        return value[0]

    def replay(self, bound: Bound, side: Side = "upper", order_free: bool = True) -> Fraction:
        """The exact probability that `bound` fails, played forward: P(R > bound), or P(R < bound) for "lower".

        Nothing of the search is trusted: R is the exact mean of the conditional means along each path, and the
        bound is called again. With `order_free` paths that differ in order only are merged.
        """
        exact = tuple(Fraction(x) for x in self.outcomes)
        reached: dict[_Reached, Fraction] = {(0, (), Fraction(0)): Fraction(1)}
        for layer in self.layers:
            after: dict[_Reached, Fraction] = defaultdict(Fraction)
            for (node, path, total), weight in reached.items():
                law, choice = layer.laws[node], layer.choices[node]
                mean = sum((p * x for p, x in zip(law, exact, strict=True)), Fraction(0))
                for x, p in enumerate(law):
                    if p:
                        longer = (*path, (choice, x))
                        seen = tuple(sorted(longer)) if order_free else longer
                        after[layer.children[node][x], seen, total + mean] += weight * p
            reached = after
        values: dict[Path, float] = {}
        missed = Fraction(0)
        for (_, path, total), weight in reached.items():
            if path not in values:
                values[path] = evaluate(bound, *self._arrays(path))
            risk = total / self.n  # Python compares a Fraction with a float exactly, infinities included
            missed += weight * int(risk > values[path] if side == "upper" else risk < values[path])
        return missed

    def _arrays(self, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
        losses = np.array([self.outcomes[x] for _, x in path])
        centres = [self.predictions[y] for y, _ in path]
        return losses, None if None in centres else np.array(centres, dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; probabilities are written as exact fractions."""
        layers = [
            {
                "choices": list(layer.choices),
                "laws": [[str(p) for p in law] for law in layer.laws],
                "children": [list(c) for c in layer.children],
            }
            for layer in self.layers
        ]
        return {
            "outcomes": list(self.outcomes),
            "predictions": list(self.predictions),
            "ceiling": self.ceiling,
            "layers": layers,
            "violates": list(self.violates),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Strategy:
        """The strategy `to_dict` wrote."""
        layers = tuple(
            Layer(
                tuple(layer["choices"]),
                tuple(tuple(Fraction(p) for p in law) for law in layer["laws"]),
                tuple(tuple(c) for c in layer["children"]),
            )
            for layer in data["layers"]
        )
        return cls(
            tuple(data["outcomes"]), tuple(data["predictions"]), data["ceiling"], layers, tuple(data["violates"])
        )


def play(strategy: Strategy, rng: np.random.Generator, replicas: int, n: int | None = None) -> Paths:
    """Sample the strategy, starting over every `strategy.n` tokens when n is longer.

    Args:
        strategy: found by `worst_case`.
        rng: numpy random generator.
        replicas: r, number of independent paths.
        n: number of tokens; None: the strategy's own horizon.

    Returns:
        Paths; predictions are 0 when the strategy has none.

    Raises:
        DomainError: n < 1 or replicas < 1.

    >>> half = (Fraction(1, 2), Fraction(1, 2))
    >>> coin = Strategy((0.0, 1.0), (None,), 1.0, (Layer((0,), (half,), ((0, 1),)),), (True, False))
    >>> coin.violation_probability(), play(coin, np.random.default_rng(0), 3, 2).means.tolist()
    (Fraction(1, 2), [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    """
    length = strategy.n if n is None else n
    if length < 1:
        raise domain_error("n", n, "n >= 1", "number of tokens")
    outcomes = np.array(strategy.outcomes)
    centres = np.array([0.0 if y is None else y for y in strategy.predictions])
    tape = Tape(rng, replicas, length, strategy.ceiling, float(centres.min()), float(centres.max()))
    tables = [
        (np.array(layer.choices), np.array(layer.laws, dtype=np.float64), np.array(layer.children))
        for layer in strategy.layers
    ]
    node = np.zeros(replicas, dtype=np.int64)
    for k in range(length):
        if k % strategy.n == 0:
            node[:] = 0
        choices, laws, children = tables[k % strategy.n]
        index = tape.draw(k, outcomes, laws[node], centres[choices[node]])
        node = children[node, index]
    return tape.paths()
