"""hypothesis strategies for tests of concentration inequalities (needs the `testing` extra).

    from hypothesis import given
    from genbound.processes import strategies as gst

    @given(gst.streams(max_n=50, ceiling=4.0), gst.log_inv_deltas())
    def test_my_bound_is_never_below_the_mean(stream, nats):
        losses, predictions = stream
        assert my_bound(losses, predictions, 4.0, nats) >= losses.mean()

    @given(gst.finite_processes())
    def test_my_bound_covers(tree):
        delta = 0.2
        assert tree.violation_probability(lambda x, y: my_bound(x, y, tree.ceiling, math.log(1 / delta))) <= delta

Values seek the boundary: zeros, denormals, the ceiling and its neighbours, ties and constant streams.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from genbound.errors import domain_error
from genbound.processes.paths import Paths, Process
from genbound.processes.registry import PROCESSES
from genbound.processes.tree import Node, Tree


def values(ceiling: float = 1.0) -> st.SearchStrategy[float]:
    """One number in [0, ceiling], often 0, a denormal, a tie, the ceiling or the float below it."""
    if not (math.isfinite(ceiling) and ceiling > 0):
        raise domain_error("ceiling", ceiling, "0 < ceiling < inf", "nats per token")
    edges = {0.0, 5e-324, 2.2e-308, ceiling * 1e-9, ceiling / 2, math.nextafter(ceiling, 0.0), ceiling}
    inside = st.floats(0.0, ceiling, allow_nan=False)
    return st.one_of(st.sampled_from(sorted(x for x in edges if x <= ceiling)), inside)


def log_inv_deltas(largest: float = 1e6) -> st.SearchStrategy[float]:
    """ln(1/delta) in nats: from 0 (delta = 1) over the usual 1 to 20 to far below the smallest float."""
    usual = [0.0, 1e-12, math.log(2), math.log(20), math.log(100), 745.0, largest]
    return st.one_of(st.sampled_from([x for x in usual if x <= largest]), st.floats(0.0, largest))


@st.composite
def streams(draw: st.DrawFn, max_n: int = 40, ceiling: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(losses, predictions), both (n,) in [0, ceiling], 1 <= n <= max_n.

    Predictions are made of the past only: constants, the previous loss, the running mean, or free numbers
    (noise that does not look at the losses).
    """
    if max_n < 1:
        raise domain_error("max_n", max_n, "max_n >= 1", "number of tokens")
    n = draw(st.integers(1, max_n))
    kind = draw(st.sampled_from(["free", "constant", "few values"]))
    if kind == "constant":
        losses = np.full(n, draw(values(ceiling)))
    else:
        entry = (
            values(ceiling)
            if kind == "free"
            else st.sampled_from(draw(st.lists(values(ceiling), min_size=1, max_size=3)))
        )
        losses = np.array(draw(st.lists(entry, min_size=n, max_size=n)))
    start = draw(values(ceiling))
    centre = draw(st.sampled_from(["constant", "previous", "running mean", "noise"]))
    if centre == "constant":
        predictions = np.full(n, start)
    elif centre == "previous":
        predictions = np.concatenate([[start], losses[:-1]])
    elif centre == "running mean":
        sums = np.concatenate([[start], start + np.cumsum(losses[:-1])])
        predictions = np.minimum(sums / np.arange(1, n + 1), ceiling)
    else:
        predictions = np.array(draw(st.lists(values(ceiling), min_size=n, max_size=n)))
    return losses, predictions


def processes() -> st.SearchStrategy[Process]:
    """One of the registered families."""
    return st.sampled_from(PROCESSES)


@st.composite
def paths(draw: st.DrawFn, max_replicas: int = 4, max_n: int = 30) -> Paths:
    """Sampled paths of a registered family, with exact conditional means."""
    family = draw(processes())
    seed = draw(st.integers(0, 2**32 - 1))
    replicas, n = draw(st.integers(1, max_replicas)), draw(st.integers(1, max_n))
    return family.sample(np.random.default_rng(seed), replicas, n, draw(st.floats(0.01, 30.0)))


@st.composite
def finite_processes(draw: st.DrawFn, max_n: int = 3, max_outcomes: int = 3, ceiling: float = 1.0) -> Tree:
    """A random adapted process on a finite tree with rational laws, small enough for exact coverage."""
    n = draw(st.integers(1, max_n))

    def node(depth: int) -> Node:
        losses = draw(st.lists(values(ceiling), min_size=1, max_size=max_outcomes, unique=True))
        weights = draw(st.lists(st.integers(1, 50), min_size=len(losses), max_size=len(losses)))
        total = sum(weights)
        branches = tuple(
            (Fraction(w, total), x, node(depth - 1) if depth > 1 else None)
            for w, x in zip(weights, losses, strict=True)
        )
        return Node(draw(values(ceiling)), branches)

    return Tree(node(n), ceiling)
