"""The exact adversary: known brackets, strategies that replay to the last digit, and nothing above the upper end."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import genbound as gb
from genbound.errors import DataError, DomainError
from genbound.processes import Node, Strategy, Tree, WorstCase, play, worst_case
from genbound.processes.lattice import Bound

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

NATS = math.log(1 / 0.3)
KINDS: list[Any] = ["adapted", "constant_mean", "independent", "iid"]


def shifted(function: Callable[..., gb.BoundResult], nats: float = NATS, **member: float) -> Bound:
    """A bound of the library with Delta = 1 around Y = 1/2 and s = 0.9 fixed."""

    def bound(losses: np.ndarray, predictions: np.ndarray | None) -> float:
        return function(losses, predictions, ceiling=1.5, prediction_floor=0.5, log_inv_delta=nats, **member).value

    return bound


def kl_inverse(delta: float) -> Bound:
    """The unpaid binary kl inverse: right for independent losses, wrong for adapted ones."""

    def bound(losses: np.ndarray, predictions: np.ndarray | None) -> float:
        p, nats = float(losses.mean()), math.log(1 / delta) / losses.size

        def excess(q: float) -> float:
            return (p * math.log(p / q) if p else 0.0) + (1 - p) * math.log((1 - p) / (1 - q)) - nats

        return 1.0 if p == 1 else float(brentq(excess, max(p, 1e-300), 1 - 1e-15, xtol=1e-15))

    return bound


def mean_plus(margin: float) -> Bound:
    return lambda losses, predictions: float(losses.mean()) + margin


@pytest.mark.parametrize(
    ("bound", "low", "high"),
    [
        (shifted(gb.empirical_freedman, s=0.9), 0.1206, 0.1217),
        (shifted(gb.geometric_mean, shift=1 / 0.9), 0.1313, 0.1326),
        (shifted(gb.geometric_mean, NATS / 2, shift=1 / 0.9), 0.4065, 0.4088),  # planted: C/2
    ],
)
def test_the_brackets_of_theory_7(bound: Bound, low: float, high: float) -> None:
    found = worst_case(bound, outcomes=(0.0, 0.5, 1.0), predictions=(0.5,), n=4, grid=1000)
    assert low <= found.low <= found.high <= high
    assert found.high - found.low < 0.0025
    assert found.strategy.replay(bound) == found.strategy.violation_probability()


def test_the_unpaid_kl_inverse_is_broken_by_adapted_losses_only() -> None:
    bound = kl_inverse(0.3)
    adapted = worst_case(bound, outcomes=(0.0, 1.0), n=16)
    assert 0.347 < adapted.low < 0.3485
    for kind in ("iid", "constant_mean"):
        found = worst_case(bound, outcomes=(0.0, 1.0), n=16, dependence=kind)
        assert found.low == pytest.approx(0.3, abs=1e-4)
        assert found.high == pytest.approx(0.3, abs=1e-3)


def test_eight_tokens_three_outcomes_and_predictions_against_us() -> None:
    constant = worst_case(shifted(gb.geometric_mean, shift=1 / 0.9), outcomes=(0, 0.5, 1), predictions=(0.5,), n=8)
    assert 0.1 < constant.low < constant.high < 0.3
    bound = shifted(gb.geometric_mean, shift=1 / 0.9)
    chosen = worst_case(bound, outcomes=(0.0, 0.5, 1.0), predictions=(0.5, 0.75, 1.0), n=5, grid=40)
    alone = worst_case(bound, outcomes=(0.0, 0.5, 1.0), predictions=(0.5,), n=5, grid=40)
    assert alone.low <= chosen.low <= chosen.high < 0.3
    assert chosen.strategy.replay(bound) == chosen.strategy.violation_probability()


@pytest.mark.parametrize("kind", KINDS)
def test_one_token_by_hand(kind: Any) -> None:
    """P(m > b(X)) with b(0) = 1/4, b(1) = 1: any m just past 1/4, so the supremum is 3/4 and not attained."""
    found = worst_case(lambda x, y: 0.25 + 0.75 * x[0], outcomes=(0.0, 1.0), n=1, dependence=kind, grid=1000)
    assert 0.75 - 1.1e-3 <= found.low < 0.75
    assert 0.75 <= found.high <= 0.75 + 1.1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_comparisons_are_strict_and_exact_at_the_atoms(kind: Any) -> None:
    never, just, always = 1.0, math.nextafter(1.0, 0.0), -1e-300
    found = [worst_case(lambda x, y, v=v: v, outcomes=(0.0, 1.0), n=3, dependence=kind) for v in (never, just, always)]
    assert [f.low for f in found] == [0.0, 1.0, 1.0]
    assert found[0].high < 1e-12
    for value, expected in ((math.inf, 0.0), (-math.inf, 1.0)):
        assert worst_case(lambda x, y, v=value: v, outcomes=(0.0, 1.0), n=2, dependence=kind).low == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_lower_side_is_the_mirror_image(kind: Any) -> None:
    upper = worst_case(mean_plus(0.375), outcomes=(0.0, 0.25, 1.0), n=4, dependence=kind)
    below = mean_plus(-0.375)
    lower = worst_case(below, outcomes=(0.0, 0.75, 1.0), n=4, dependence=kind, side="lower")
    assert lower.low == pytest.approx(upper.low, abs=1e-6)
    assert lower.high == pytest.approx(upper.high, abs=1e-6)
    assert lower.strategy.replay(below, "lower") >= Fraction(lower.low) > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outcomes", [(0.0, 0.5, 1.0), (0.0, 1 / 3, 0.9), (0.1, 0.2, 0.4, 0.95)])
def test_the_strategy_attains_low(kind: Any, outcomes: tuple[float, ...]) -> None:
    """Also for outcomes off the grid of the running sum, where the search counts less than the truth."""
    bound = mean_plus(0.31)
    found = worst_case(bound, outcomes=outcomes, n=4, dependence=kind, grid=60)
    assert Fraction(found.low) <= found.strategy.violation_probability() <= found.strategy.replay(bound)
    assert found.strategy.replay(bound) <= Fraction(found.high)


def test_wider_classes_have_larger_suprema() -> None:
    for n, margin in ((3, 0.4), (5, 0.3)):
        by_kind = {
            kind: worst_case(mean_plus(margin), outcomes=(0.0, 0.5, 1.0), n=n, dependence=kind) for kind in KINDS
        }
        assert by_kind["iid"].low <= by_kind["constant_mean"].high <= by_kind["adapted"].high + 1e-9
        assert by_kind["iid"].low <= by_kind["independent"].low + 1e-9 <= by_kind["adapted"].high
        assert by_kind["constant_mean"].low <= by_kind["adapted"].high


def test_finer_grids_close_the_bracket_around_the_same_number() -> None:
    found = [worst_case(mean_plus(0.37), outcomes=(0.0, 0.5, 1.0), n=4, grid=g) for g in (20, 80, 320)]
    widths = [f.high - f.low for f in found]
    assert widths[0] > widths[1] > widths[2] > 0
    assert max(f.low for f in found) <= min(f.high for f in found)


def test_a_bound_that_reads_the_order_needs_whole_paths() -> None:
    symmetric = mean_plus(0.3)
    merged = worst_case(symmetric, outcomes=(0.0, 1.0), n=4)
    apart = worst_case(symmetric, outcomes=(0.0, 1.0), n=4, order_free=False)
    assert (merged.low, merged.high) == pytest.approx((apart.low, apart.high), abs=1e-12)

    def last_only(losses: np.ndarray, predictions: np.ndarray | None) -> float:
        return float(losses[-1]) * 0.5 + 0.25

    found = worst_case(last_only, outcomes=(0.0, 1.0), n=3, order_free=False)
    replayed = found.strategy.replay(last_only, order_free=False)
    assert found.low == pytest.approx(float(replayed), abs=1e-12)
    assert found.low > 0.7  # two sure ones, then a 0 with the mean just past what is needed


unit = st.sampled_from([0.0, 0.5, 1.0])
EXTREME = worst_case(shifted(gb.geometric_mean, shift=1 / 0.9), outcomes=(0, 0.5, 1), predictions=(0.5, 1.0), n=3)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Three tokens on 0, 1/2, 1 with rational laws and Y in {1/2, 1}."""

    def node(depth: int) -> Node:
        weights = draw(st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any))
        branches = tuple(
            (Fraction(w, sum(weights)), x, node(depth - 1) if depth > 1 else None)
            for w, x in zip(weights, (0.0, 0.5, 1.0), strict=True)
            if w
        )
        return Node(draw(st.sampled_from([0.5, 1.0])), branches)

    return Tree(node(3), 1.0)


@given(trees())
@settings(max_examples=60)
def test_no_process_beats_the_upper_end(tree: Tree) -> None:
    assert tree.violation_probability(shifted(gb.geometric_mean, shift=1 / 0.9)) <= Fraction(EXTREME.high)


def test_a_counterexample_replays_by_sampling() -> None:
    bound = shifted(gb.geometric_mean, NATS / 2, shift=1 / 0.9)
    found = worst_case(bound, outcomes=(0.0, 0.5, 1.0), predictions=(0.5,), n=4)
    drawn = play(found.strategy, np.random.default_rng(5), 20_000)
    values = {key: bound(np.array(key), np.full(4, 0.5)) for key in {tuple(sorted(x)) for x in drawn.losses.tolist()}}
    misses = np.mean([
        r > values[tuple(sorted(x))] for r, x in zip(drawn.risks().tolist(), drawn.losses.tolist(), strict=True)
    ])  # fmt: skip
    assert misses > 0.3
    assert abs(misses - found.low) < 6 * math.sqrt(0.25 / 20_000)
    again = play(found.strategy, np.random.default_rng(5), 3, n=10)
    assert again.losses.shape == (3, 10)
    assert np.array_equal(again.means[:, 0], again.means[:, 4])  # starts over after four tokens


def test_results_are_written_and_read() -> None:
    found = worst_case(mean_plus(0.3), outcomes=(0.0, 1 / 3, 1.0), n=3, grid=20)
    again = WorstCase.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert Strategy.from_dict(found.strategy.to_dict()).violation_probability() >= Fraction(found.low)
    assert str(found).startswith("P(R > bound) in [")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcomes": (0.5,)}, "outcomes=(0.5,): need two or more distinct values in [0, ceiling]"),
        ({"outcomes": (0.0, 2.0)}, "outcomes=(0.0, 2.0)"),
        ({"outcomes": (0.0, math.nan)}, "outcomes=(0.0, nan)"),
        ({"n": 0}, "n=0: need n >= 1"),
        ({"n": 2000, "outcomes": (0.0, 0.5, 1.0)}, "terminal states"),
        ({"grid": 0}, "grid=0"),
        ({"ceiling": math.inf}, "ceiling=inf"),
        ({"predictions": ()}, "predictions=()"),
        ({"predictions": (None, 0.5)}, "predictions=(None, 0.5)"),
        ({"predictions": (math.nan,)}, "predictions=(nan,)"),
        ({"side": "left"}, "side='left'"),
        ({"dependence": "stationary"}, "dependence='stationary'"),
        ({"dependence": "independent", "n": 20}, "product laws"),
    ],
)
def test_bad_arguments_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"outcomes": (0.0, 1.0), "n": 2, **change}
    with pytest.raises(DomainError) as raised:
        worst_case(mean_plus(0.1), **arguments)
    assert message in str(raised.value)


def test_a_bound_that_returns_nan_is_refused() -> None:
    with pytest.raises(DataError, match=r"bound=nan: need a number \(at losses \[0.0\]\)"):
        worst_case(lambda x, y: math.nan, outcomes=(0.0, 1.0), n=1)
