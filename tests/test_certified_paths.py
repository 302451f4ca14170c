"""The numbers handed out, against exact arithmetic: read off arrays, and read off the one-pass statistic.

The comparison itself is experiments/certify_paths.py; a run of it on 100,000 inputs per bound is stored in
experiments/results/certify_paths.json. Here a part of the same inputs, and its power to find what is wrong.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb

from genbound import concentration as gb
from genbound.certified import ball, down, precision, up
from genbound.concentration import BoundResult, Wealth
from genbound.concentration.binning import BITS, Grid
from genbound.errors import DataError

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
paths: Any = importlib.import_module("certify_paths")
cases: Any = importlib.import_module("exact_cases")

COUNT = 6300
"""Inputs per bound: more than 100,000 comparisons in all."""

NAMES = sorted(paths.SUBJECTS)


def wrong(counts: Counter[str]) -> dict[str, int]:
    return {what: number for what, number in counts.items() if not what.endswith(paths.FINE)}


@pytest.mark.parametrize("name", NAMES)
def test_arrays_against_exact_arithmetic(name: str) -> None:
    """Never on the wrong side, and within 1e-9, on short random and adversarial inputs."""
    counts = paths.run(name, 0, 0, COUNT)
    assert not wrong(counts), counts
    assert counts["balls: relative"] >= 0.7 * COUNT  # maurer_pontil refuses n = 1, a quarter of them
    assert counts["digits: relative"] >= 0.7 * COUNT / 100  # one in a hundred, in 60 digits
    assert counts["balls: refused"] <= 0.01 * COUNT


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tokens", [8192, 8193])
def test_arrays_at_the_switch_to_block_products(name: str, tokens: int) -> None:
    counts = paths.run(name, 3, 0, 6, tokens)
    assert not wrong(counts), counts


def test_the_long_run_is_stored_and_found_nothing() -> None:
    stored = json.loads((EXPERIMENTS / "results" / "certify_paths.json").read_text(encoding="utf-8"))
    assert set(stored["bounds"]) == set(paths.SUBJECTS)
    for rows in stored["bounds"].values():
        for counts in rows.values():
            assert not wrong(Counter(counts))
        total = {
            kind: sum(n for what, n in rows["n <= 64"].items() if what.startswith(kind)) for kind in ("balls", "digits")
        }
        assert total["balls"] >= 75_000
        assert total["digits"] >= 750


def planted(name: str, change: Any) -> Any:
    subject = paths.SUBJECTS[name]
    return replace(subject, call=lambda case: change(subject.call(case)))


def nudged(result: BoundResult, ulps: int) -> BoundResult:
    value = result.value
    for _ in range(abs(ulps)):
        value = math.nextafter(value, math.copysign(math.inf, ulps))
    return replace(result, value=value, terms=(("all", value),))


@pytest.mark.parametrize("name", NAMES)
def test_the_comparison_sees_a_few_ulps_and_a_loose_bound(name: str) -> None:
    """Values moved by three ulps to the unsafe side, or away by a part in 10^8, are found on ordinary inputs."""
    seen: Counter[str] = Counter()
    sign = -1 if name != "floor" and not name.startswith("lower") else 1
    for index in range(300):
        case = cases.draw(5, index)
        if case.losses.size < 2:
            continue
        seen[paths.verdict(planted(name, lambda r: nudged(r, 3 * sign)), case)] += 1
        far = planted(
            name, lambda r: replace(r, value=r.value * (1 - 1e-8 * sign), terms=(("all", r.value * (1 - 1e-8 * sign)),))
        )
        seen["loose: " + paths.verdict(far, case)] += 1
    assert seen["wrong side"] >= 50, seen
    assert seen["loose: too far"] >= 20, seen


def excess(case: Any, result: BoundResult, grid: Grid, sign: int) -> arb:
    """What a value read off the statistic may lie beyond the exact one at the same shift D, in units of loss.

    A bet W is put at p with 0 <= W - p <= e, e = 2^(1-23) h, and split between the nodes a <= p <= a + h. The
    chord of ln(D + .) over them lies below it by h^2/(8 (D + a)^2) at most, and ln(D + W) - ln(D + p) is below
    e/(D + p). So with d the mean over k of h^2/(8 (D + a_k)^2) + e/(D + a_k), a_k >= W_k - e - h, the
    geometric mean is too small by a factor e^{-d} at worst and

        excess <= unit + e^{-C} GM(U - X) d,          D d + unit for the linear `empirical_freedman`,

    where unit is the rounding of the fixed-point means (mean Y up, or down for the lower side). A bet above the
    top node counts as the top node: its share of d is ln((D + W)/(D + top)) more. Mirrored, a_k + h is W_k at most.
    Where D + a_k <= 0 is possible nothing is promised. Last come four ulps of the terms, as for arrays.
    """
    h, unit = ball(grid.spacing), ball(grid.unit)
    e, top = 2 * h / (1 << BITS), ball((grid.low + grid.top) * grid.spacing)
    d, total, log_mean = ball(result.tuned["shift"]), arb(0), arb(0)
    for x, y in case.pairs():
        bet = ball(y) - ball(x)
        room = d + min(bet, top, key=float) - e - h if sign == 1 else d - bet - e - h
        if not room > 0:
            return arb.pos_inf()
        total += (h / room) ** 2 / 8 + e / room
        total += (d + bet).log() - (d + top).log() if sign == 1 and bet > top else 0
        log_mean += (d + sign * bet).log() / result.n
    share = total / result.n
    gm = (log_mean - ball(result.complexity)).exp()
    scale = d if result.name == "empirical_freedman" else gm
    return unit + scale * share + 4 * math.ulp(float(d) + case.scale)


STREAMED = ["geometric_mean", "lower_geometric_mean", "empirical_freedman"]


def on_both_paths(name: str, index: int) -> tuple[Any, BoundResult, BoundResult, Grid] | None:
    """The same bound, member fixed, from the arrays and from the statistic; None: outside its domain."""
    case = cases.draw(7, index)
    y = np.full(case.losses.size, case.prediction_floor) if case.predictions is None else case.predictions
    span = {"ceiling": case.ceiling, "prediction_floor": case.prediction_floor}
    wealth = Wealth(**span)
    wealth.update(case.losses, y)
    grid, extra = wealth.grid, {}
    shift = max(case.grid[-1] * 1.01, 2 * case.prediction_ceiling if name.startswith("lower") else 0.0)
    member: dict[str, float] = {"shift": shift}
    if name == "lower_geometric_mean":
        extra = {"prediction_ceiling": case.prediction_ceiling}
        if case.prediction_ceiling > (grid.low + grid.top) * grid.spacing or not shift > 0:
            return None
    if name == "empirical_freedman":
        member = {"s": min(case.s or 0.5, 0.99)}
    call = getattr(gb, name)
    try:
        exact = call(case.losses, y, **span, **case.budget, **extra, **member)
    except DataError:  # constant predictions that happen to be the mean of the losses
        return None
    return case, exact, call(wealth, **case.budget, **extra, **member), grid


@pytest.mark.parametrize("name", STREAMED)
def test_the_statistic_is_never_better_than_the_arrays_and_within_its_excess(name: str) -> None:
    """At the same member; in ball arithmetic, on the same inputs."""
    sign, compared, tight = -1 if name.startswith("lower") else 1, 0, 0
    for index in range(2500):
        both = on_both_paths(name, index)
        if both is None:
            continue
        case, exact, binned, grid = both
        with precision():
            beyond = sign * (ball(binned.value) - ball(exact.value))
            allowed = excess(case, exact, grid, sign)
            assert beyond >= 0, (index, exact.value, binned.value)
            assert up(beyond) <= up(allowed), (index, exact.value, binned.value)
            compared += allowed.is_finite()
            tight += bool(allowed < ball(case.ceiling) * arb("1e-5"))
    assert compared >= 1500, compared
    assert tight >= 800, tight


@pytest.mark.parametrize("name", ["floor", "azuma_hoeffding"])
def test_means_from_the_statistic_are_off_by_one_unit(name: str) -> None:
    """Integer sums divide exactly where balls may not: the statistic can be the closer of the two, by one ulp."""
    for index in range(1500):
        case = cases.draw(8, index)
        wealth = Wealth(ceiling=case.ceiling)
        wealth.update(case.losses)
        call = getattr(gb, name)
        exact, binned = call(case.losses, ceiling=case.ceiling, **case.budget), call(wealth, **case.budget)
        with precision():
            beyond = (ball(binned.value) - ball(exact.value)) * (1 if name != "floor" else -1)
            allowed = ball(wealth.grid.unit) + 4 * ball(math.ulp(case.ceiling))
        assert down(beyond) >= -math.ulp(exact.value)
        assert up(beyond) <= up(allowed), (index, exact.value, binned.value)
