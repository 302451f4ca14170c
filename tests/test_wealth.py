"""The one-pass statistic: exact integers, the same bits in any order, never above the true log-mean."""

from __future__ import annotations

import copy
import importlib.util
import json
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbound.certified import down, up
from genbound.concentration.binning import BITS, Grid
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

CEILING = 16.0
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")

losses = st.floats(0.0, CEILING)
predictions = st.floats(0.0, 20.0)
streams = st.lists(st.tuples(losses, predictions), min_size=1, max_size=60)


def build(pairs: list[tuple[float, float]], engine: Any = "numpy", **span: float) -> Wealth:
    wealth = Wealth(**({"ceiling": CEILING} | span), _engine=engine)
    x, y = np.array(pairs).T
    wealth.update(x, y)
    return wealth


@given(streams, st.randoms(use_true_random=False), st.integers(1, 7))
def test_order_chunks_and_merging_never_change_a_bit(pairs: list[tuple[float, float]], rng: Any, parts: int) -> None:
    whole = build(pairs)
    shuffled = pairs[:]
    rng.shuffle(shuffled)
    pieces = [shuffled[i::parts] for i in range(parts)]
    merged = Wealth(ceiling=CEILING)
    for piece in pieces:
        if piece:
            merged.merge(build(piece))
    assert merged == whole
    assert merged.digest() == whole.digest()
    assert merged.n == len(pairs)


@needs_numba
@settings(max_examples=60)
@given(streams)
def test_numba_and_numpy_give_the_same_bits(pairs: list[tuple[float, float]]) -> None:
    assert build(pairs, "numba") == build(pairs, "numpy")


@needs_numba
def test_numba_and_numpy_give_the_same_bits_on_long_streams() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random(200_000) * 11.3, rng.random(200_000) * 9
    results = []
    for engine in ("numba", "numpy"):
        wealth = Wealth(ceiling=11.3, prediction_floor=0.0, _engine=engine)  # type: ignore[arg-type]
        wealth.update(x, y)
        wealth.update(x)
        results.append(wealth)
    assert results[0] == results[1]


@given(streams, st.integers(-300, 30))
def test_scaling_by_a_power_of_two_changes_only_the_unit(pairs: list[tuple[float, float]], k: int) -> None:
    pairs = [(x if x > 1e-200 else 0.0, y if y > 1e-200 else 0.0) for x, y in pairs]  # no underflow
    scaled = [(math.ldexp(x, k), math.ldexp(y, k)) for x, y in pairs]
    one, other = build(pairs), build(scaled, ceiling=math.ldexp(CEILING, k))
    assert one.to_dict()["weights"] == other.to_dict()["weights"]
    assert one.to_dict()["nodes"] == other.to_dict()["nodes"]
    assert other.mean_loss == math.ldexp(one.mean_loss, k)


@settings(max_examples=60)
@given(streams, st.floats(16.5, 1e4))
def test_log_mean_is_below_the_truth_and_close(pairs: list[tuple[float, float]], shift: float) -> None:
    binned = build(pairs).log_mean(shift)
    with mpmath.workdps(60):
        true = mpmath.fsum(mpmath.log(mpmath.mpf(shift) + y - mpmath.mpf(x)) for x, y in pairs) / len(pairs)
        assert mpmath.mpf(up(binned)) <= true + mpmath.mpf("1e-30") + math.ulp(abs(float(true)))
        if max(y - x for x, y in pairs) <= CEILING:  # above, bets are clamped down
            assert true - down(binned) < 1e-5


def test_spacing_costs_1e_8_nats_at_shift_27() -> None:
    rng = np.random.default_rng(0)
    x, y = np.minimum(rng.exponential(3.0, 5000), CEILING), rng.random(5000) * 6
    wealth = Wealth(ceiling=CEILING)
    wealth.update(x, y)
    assert wealth.grid.spacing == 2.0**-9
    gap = math.fsum(np.log(27.0 + (y - x))) / 5000 - float(wealth.log_mean(27.0))
    assert 0 < 27 * gap < 3e-8


def test_mirrored_log_mean_is_below_the_truth() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random(3000) * CEILING, rng.random(3000) * 6
    wealth = Wealth(ceiling=CEILING)
    wealth.update(x, y)
    true = math.fsum(np.log(8.0 + (x - y))) / 3000
    assert 0 < true - float(wealth.log_mean_mirrored(8.0)) < 1e-6


@given(streams)
def test_means_enclose_the_exact_means(pairs: list[tuple[float, float]]) -> None:
    wealth = build(pairs)
    with mpmath.workdps(60):
        mean_x = mpmath.fsum(mpmath.mpf(x) for x, _ in pairs) / len(pairs)
        mean_y = mpmath.fsum(mpmath.mpf(y) for _, y in pairs) / len(pairs)
        low, high = wealth.mean_loss_bounds
        assert low <= mean_x <= high == wealth.mean_loss
        assert high - low < 2e-12
        assert mean_y <= wealth.mean_prediction <= mean_y + 2e-12


@given(streams)
def test_storage_is_exact(pairs: list[tuple[float, float]]) -> None:
    wealth = build(pairs)
    assert Wealth.from_dict(json.loads(json.dumps(wealth.to_dict()))) == wealth
    arrays = wealth.to_arrays()
    assert all(array.dtype == np.int64 for array in arrays.values())
    again = Wealth.from_arrays(arrays)
    assert again == wealth
    assert again.digest() == wealth.digest()
    again.update([1.0])
    assert again != wealth


@pytest.mark.parametrize(
    ("key", "value"),
    [("n", 7), ("format", "other"), ("weights", [1, 2]), ("nodes", [-1]), ("loss_up", -3), ("loss_up", 1 << 70),
     ("nodes", None), ("ceiling", "nan"), ("prediction_down", 1 << 50), ("weights", [])],
)  # fmt: skip
def test_edited_storage_is_refused(key: str, value: object) -> None:
    data = build([(1.0, 1.0), (2.5, 1.0)]).to_dict()
    data[key] = value
    with pytest.raises((DataError, DomainError)):
        Wealth.from_dict(data)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1.0, math.nan], None, r"losses\[1\]=nan"),
        ([1.0, 2.0, math.inf], None, r"losses\[2\]=inf"),
        ([1.0, -1e-300], None, r"losses\[1\]=-1e-300"),
        ([math.nextafter(16.0, 17.0)], None, r"losses\[0\]=16.0000"),
        ([1.0, 1.0], [1.0, -0.5], r"predictions\[1\]=-0.5"),
        ([1.0, 1.0], [math.inf, 1.0], r"predictions\[0\]=inf"),
        ([1.0, 1.0], [1.0, math.nan], r"predictions\[1\]=nan"),
        ([1.0, 1.0], [1.0], "1 values for 2 losses"),
        ([1.0], [1e9], r"predictions\[0\]=1000000000.0"),
        ([], None, "empty"),
        (["a"], None, "losses"),
        ([1j], None, "dtype"),
    ],
)
def test_bad_data_is_refused_and_nothing_is_added(x: list[Any], y: list[float] | None, message: str) -> None:
    wealth = build([(1.0, 2.0)])
    before = copy.deepcopy(wealth)
    with pytest.raises(DataError, match=message):
        wealth.update(x, y)
    assert wealth == before


@pytest.mark.parametrize(
    ("ceiling", "floor"),
    [(0.0, 0.0), (1.0, 1.0), (1.0, 2.0), (math.nan, 0.0), (math.inf, 0.0), (2.0**41, 0.0), (1e-300, 0.0)],
)
def test_impossible_ranges_are_refused(ceiling: float, floor: float) -> None:
    with pytest.raises(DomainError):
        Wealth(ceiling=ceiling, prediction_floor=floor)


@given(st.floats(1e-100, 1e9), st.floats(0.0, 0.999))
def test_the_grid_covers_every_bet(ceiling: float, part: float) -> None:
    floor = ceiling * part
    grid = Grid.of(ceiling, floor)
    assert grid.low * grid.spacing <= floor - ceiling
    assert (grid.low + grid.top) * grid.spacing >= (ceiling - floor) * (1 - 1e-15)
    assert (ceiling - floor) / grid.spacing * (1 + 1e-12) > 2**12
    assert (ceiling - floor) / grid.spacing * (1 - 1e-12) <= 2**13
    wealth = Wealth(ceiling=ceiling, prediction_floor=floor)
    wealth.update([ceiling, 0.0, ceiling], [floor, floor, ceiling])
    assert sum(wealth.to_dict()["weights"]) == 3 << BITS
    assert wealth.log_mean((ceiling - floor) * 1.001).is_finite()


def test_edges() -> None:
    wealth = Wealth(ceiling=CEILING)
    with pytest.raises(DataError, match="n=0"):
        _ = wealth.mean_loss
    wealth.update(np.array([5e-324, 0.0, CEILING]), np.array([0.0, 5e-324, 0.0]))
    assert wealth.mean_loss >= CEILING / 3
    assert not wealth.log_mean(CEILING).is_finite()
    assert wealth.largest_prediction == 5e-324
    with pytest.raises(DomainError, match="range"):
        wealth.merge(Wealth(ceiling=15.0))
    assert wealth != "wealth"
    assert "n=3" in repr(wealth)


def test_torch_tensors_and_narrow_floats_are_exact() -> None:
    torch = pytest.importorskip("torch")
    values = torch.tensor([0.5, 1.25, 3.0], dtype=torch.bfloat16).reshape(1, 3)
    one, other = Wealth(ceiling=CEILING), Wealth(ceiling=CEILING)
    one.update(values, values.float())
    other.update(np.array([0.5, 1.25, 3.0], dtype=np.float32), [0.5, 1.25, 3.0])
    assert one == other


@given(
    st.floats(1e-80, 1e9), st.sampled_from([0.0, 0.1, 0.9, 0.999999, -0.7]), st.floats(0.0, 1.0), st.floats(0.0, 1.0),
    st.booleans(),
)  # fmt: skip
def test_one_bet_is_placed_at_most_two_units_below_itself(
    ceiling: float, part: float, u: float, v: float, on_a_node: bool
) -> None:
    floor = ceiling * part
    grid = Grid.of(ceiling, floor)
    x, y = min(u * ceiling, ceiling), max(floor + v * (ceiling - floor), floor)
    if on_a_node:
        y = max(min(x + (int(v * 2**13) + grid.low) * grid.spacing, 4 * ceiling), floor)
    wealth = Wealth(ceiling=ceiling, prediction_floor=floor, _engine="numpy")
    wealth.update([x], [y])
    nodes, weights = wealth.nodes()
    placed = sum((Fraction(int(w)) * Fraction(float(z)) for z, w in zip(nodes, weights, strict=True)), Fraction(0))
    bet = min(Fraction(y) - Fraction(x), Fraction((grid.low + grid.top) * grid.spacing))
    assert len(nodes) <= 2
    assert 0 <= bet - placed / (1 << BITS) <= 2 * Fraction(grid.spacing) / (1 << BITS)
