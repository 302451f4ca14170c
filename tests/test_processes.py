"""Sampled processes: their conditional means against sums, brute force and planted lies; trees and strategies."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import find, given, settings

import genbound as gb
from genbound.errors import DataError, DomainError
from genbound.processes import PROCESSES, Node, Paths, Process, Tree, process, satisfies
from genbound.processes import strategies as gst
from genbound.processes.families import speech
from genbound.processes.families.fixed import hidden_probability
from genbound.processes.paths import Dependence

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

NATS = math.log(20)
MANY = settings(derandomize=True, max_examples=5000, database=None, deadline=None)
EACH = pytest.mark.parametrize("family", PROCESSES, ids=lambda family: family.name)


def drawn(family: Process, replicas: int = 2000, n: int = 100, seed: int = 7) -> Paths:
    return family.sample(np.random.default_rng(seed), replicas, n, NATS)


def deviation(paths: Paths) -> float:
    """The largest |sum f (X - m)| in units of what chance allows, over functions f of the past.

    The allowance is Bernstein's at six standard errors, 6 sd + 12 max |f| B, with the variance from `variances`:
    a true conditional mean exceeds it about once in 10^7 draws of the sample, and the seeds are fixed.
    """
    before = np.concatenate([np.zeros((len(paths.losses), 1)), paths.losses[:, :-1]], axis=1)
    centred = [np.ones_like(before), before, paths.predictions, paths.means]
    noise = paths.losses - paths.means
    worst = 0.0
    for f in [*centred, *(np.where(g > np.median(g), 1.0, -1.0) for g in centred[1:])]:
        scale = 6 * math.sqrt(float((f**2 * paths.variances).sum())) + 12 * float(np.abs(f).max()) * paths.ceiling
        worst = max(worst, abs(float((f * noise).sum())) / scale if scale else 0.0)
    squares = noise**2 - paths.variances
    allowed = paths.ceiling * 6 * math.sqrt(float(paths.variances.sum())) + 12 * paths.ceiling**2
    return max(worst, abs(float(squares.sum())) / allowed)


def test_the_registry() -> None:
    names = [family.name for family in PROCESSES]
    assert len(set(names)) == len(names) >= 18
    assert all(name.isidentifier() and name == name.lower() for name in names)
    assert {family.dependence for family in PROCESSES} == {"iid", "independent", "constant_mean", "adapted"}
    assert process("polya_urn").name == "polya_urn"
    with pytest.raises(DomainError, match="name='polya_ern': need one of iid_worst_two_point"):
        process("polya_ern")


@EACH
def test_shapes_ranges_and_seeds(family: Process) -> None:
    first, again = drawn(family, 5, 12), drawn(family, 5, 12)
    for name in ("losses", "predictions", "means", "variances"):
        assert getattr(first, name).shape == (5, 12)
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert first.n == 12
    np.testing.assert_allclose(first.risks(), first.means.mean(axis=1), rtol=1e-14)
    other = drawn(family, 50, 12, seed=8)
    assert not np.array_equal(other.losses[:5], first.losses)
    for n, nats in ((1, NATS), (2, 1e6), (3, 1e-9)):
        assert family.sample(np.random.default_rng(0), 1, n, nats).losses.shape == (1, n)


@EACH
def test_the_conditional_means_are_right(family: Process) -> None:
    assert deviation(drawn(family)) < 1


@EACH
def test_a_wrong_mean_or_a_peeking_prediction_is_seen(family: Process) -> None:
    paths = drawn(family)
    shift = 0.1 * math.sqrt(float(paths.variances.mean()))
    wrong = np.clip(paths.means + shift, 0, paths.ceiling)
    assert deviation(replace(paths, means=wrong)) > 1
    peeking = replace(paths, predictions=paths.losses, prediction_floor=0.0, prediction_ceiling=paths.ceiling)
    assert deviation(peeking) > 1


@pytest.mark.parametrize("name", ["arch", "hidden_markov", "polya_urn", "markov_chain", "self_exciting", "speech"])
def test_the_average_mean_is_not_the_conditional_mean(name: str) -> None:
    paths = drawn(process(name))
    assert deviation(replace(paths, means=np.full_like(paths.means, paths.means.mean()))) > 1


@EACH
def test_the_kind_of_dependence(family: Process) -> None:
    paths = drawn(family, 200, 40)
    if satisfies(family.dependence, "constant_mean"):
        assert np.ptp(paths.means) < 1e-12
    if satisfies(family.dependence, "independent"):
        assert np.ptp(paths.means, axis=0).max() < 1e-12
        assert np.ptp(paths.variances, axis=0).max() < 1e-12
    if satisfies(family.dependence, "iid"):
        assert np.ptp(paths.variances) < 1e-12
    elif family.dependence == "constant_mean":
        assert np.ptp(paths.variances, axis=0).max() > 1e-3
    elif family.dependence == "adapted":
        assert np.ptp(paths.means, axis=0).max() > 1e-3


def test_satisfies() -> None:
    kinds: list[Dependence] = ["iid", "independent", "constant_mean", "adapted"]
    table = [[satisfies(a, b) for b in kinds] for a in kinds]
    assert table == [
        [True, True, True, True],
        [False, True, False, True],
        [False, False, True, True],
        [False, False, False, True],
    ]
    with pytest.raises(DomainError, match="process='mixing'"):
        satisfies("mixing", "iid")  # pyright: ignore[reportArgumentType]


def predictive(weigh: Callable[[tuple[int, ...]], float], outcomes: list[float], past: tuple[int, ...]) -> float:
    """E[X | past] from the probabilities of whole sequences."""
    masses = [weigh((*past, x)) for x in range(len(outcomes))]
    return sum(m * x for m, x in zip(masses, outcomes, strict=True)) / sum(masses)


def mixture_mass(path: tuple[int, ...]) -> float:
    laws = [(0.9, 0.1, 0.0), (0.5, 0.45, 0.05), (0.1, 0.8, 0.1), (0.3, 0.1, 0.6)]
    return sum(w * math.prod(law[x] for x in path) for w, law in zip((0.4, 0.3, 0.2, 0.1), laws, strict=True))


def hidden_markov_mass(path: tuple[int, ...]) -> float:
    emission = [(0.8, 0.15, 0.05), (0.3, 0.5, 0.2), (0.05, 0.15, 0.8)]
    stay = [(0.9, 0.08, 0.02), (0.1, 0.8, 0.1), (0.02, 0.08, 0.9)]
    return sum(
        math.prod(stay[a][b] for a, b in itertools.pairwise(states))
        * math.prod(emission[z][x] for z, x in zip(states, path, strict=True))
        / 3
        for states in itertools.product(range(3), repeat=len(path))
    )


def urn_mass(path: tuple[int, ...]) -> float:
    ones = sum(path)  # exchangeable: beta-binomial
    return math.factorial(ones) * math.factorial(len(path) - ones) / math.factorial(len(path) + 1)


@pytest.mark.parametrize(
    ("name", "mass", "outcomes"),
    [
        ("exchangeable_mixture", mixture_mass, [0.0, 1.0, 5.0]),
        ("hidden_markov", hidden_markov_mass, [0.0, 0.5, 2.0]),
        ("polya_urn", urn_mass, [0.0, 1.0]),
    ],
)
def test_bayes_against_all_sequences(
    name: str, mass: Callable[[tuple[int, ...]], float], outcomes: list[float]
) -> None:
    paths = drawn(process(name), 60, 4)
    for losses, means in zip(paths.losses.tolist(), paths.means.tolist(), strict=True):
        past = tuple(outcomes.index(x) for x in losses)
        for k, mean in enumerate(means):
            assert mean == pytest.approx(predictive(mass, outcomes, past[:k]), rel=1e-12)


def test_hidden_risk_is_hidden_just_so() -> None:
    """All visible with probability just above delta, and a risk at the floor."""
    p = hidden_probability(50, NATS)
    assert math.exp(-NATS) < (1 - p) ** 50 < math.exp(-NATS) * (1 + 1e-7)
    for name, top in (("hidden_risk_constant", 4.0), ("hidden_risk_varying", 4.0), ("iid_worst_two_point", 1.0)):
        paths = drawn(process(name), 20_000, 50)
        unseen = paths.losses.max(axis=1) < top
        assert abs(unseen.mean() - 0.05) < 6 * math.sqrt(0.05 * 0.95 / 20_000)
        seen = paths.losses[unseen][0]
        floor = gb.floor(seen, ceiling=top, log_inv_delta=NATS).value
        assert paths.risks()[0] == pytest.approx(floor, rel=1e-6)


def test_the_adversaries_have_teeth() -> None:
    """Attacking at half the nats breaks a planted C/2 as often as its nats allow: sqrt(delta), not delta."""
    n, top = 30, 1 / 0.9
    paths = process("wealth_chaser").sample(np.random.default_rng(1), 4000, n, NATS / 2)
    gaps = np.log(top - paths.losses).mean(axis=1)
    planted, true = (top - np.exp(gaps - nats / n) - 1e-9 for nats in (NATS / 2, NATS))
    assert (paths.risks() > planted).mean() > 0.15
    assert (paths.risks() > true).mean() < 0.05
    paths = process("threshold_stopper").sample(np.random.default_rng(1), 4000, n, NATS / 4)
    margin = math.sqrt(NATS / 4 / (2 * n))
    assert (paths.risks() > paths.losses.mean(axis=1) + margin - 1e-9).mean() > 0.15


def test_speech_is_scored_by_another_model() -> None:
    law, losses, entropy = speech.tables()
    np.testing.assert_allclose(law.sum(axis=2), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.exp(-losses).sum(axis=1), 1.0, rtol=1e-12)
    assert math.log(20) < losses.max() <= math.log(speech.V / speech.ALPHA)
    np.testing.assert_allclose((np.exp(-losses) * losses).sum(axis=1), entropy, rtol=1e-12)
    paths = drawn(process("speech"), 500, 200)
    assert 2.1 < paths.losses[:, 50:].mean() < 2.7  # nats per character of English under a smoothed bigram model
    assert paths.means.std() > 0.2


def test_paths_refuse_what_cannot_be() -> None:
    good = drawn(process("iid_skewed"), 2, 3)
    cases = [
        ({"losses": np.zeros((0, 3))}, r"losses: shape \(0, 3\)"),
        ({"means": np.zeros((3, 2))}, r"means: shape \(3, 2\), need \(2, 3\)"),
        ({"losses": np.full((2, 3), 5.0)}, r"losses: values in \[.*5.0.*\], need \[0.0, 4.0\]"),
        ({"losses": np.full((2, 3), math.nan)}, "losses: values in .*nan"),
        ({"predictions": np.full((2, 3), -1.0)}, "predictions: values"),
        ({"means": np.full((2, 3), -1e-9)}, "means: values"),
        ({"variances": np.full((2, 3), 17.0)}, "variances: values"),
    ]
    for change, message in cases:
        with pytest.raises(DataError, match=message):
            replace(good, **change)
    for replicas, n in ((0, 3), (3, 0)):
        with pytest.raises(DomainError, match="=0: need"):
            process("iid_skewed").sample(np.random.default_rng(0), replicas, n, 1.0)


def test_trees_by_hand() -> None:
    half = Fraction(1, 2)
    calm = Node(0.25, ((Fraction(1), 0.5, None),))
    wild = Node(0.75, ((half, 0.0, None), (half, 1.0, None)))
    tree = Tree(Node(0.5, ((Fraction(1, 3), 0.0, calm), (Fraction(2, 3), 1.0, wild))), 1.0)
    found = [(o.probability, o.losses.tolist(), o.predictions.tolist(), o.risk()) for o in tree]
    assert tree.n == 2
    assert found == [
        (Fraction(1, 3), [0.0, 0.5], [0.5, 0.25], Fraction(7, 12)),
        (Fraction(1, 3), [1.0, 0.0], [0.5, 0.75], Fraction(7, 12)),
        (Fraction(1, 3), [1.0, 1.0], [0.5, 0.75], Fraction(7, 12)),
    ]
    assert tree.violation_probability(lambda x, y: x.mean()) == Fraction(2, 3)
    assert tree.violation_probability(lambda x, y: x.mean(), "lower") == Fraction(1, 3)
    assert tree.violation_probability(lambda x, y: -math.inf) == 1
    with pytest.raises(DomainError, match="sum to 1"):
        Node(0.5, ((half, 0.0, None),))
    with pytest.raises(DataError, match="paths of lengths"):
        Tree(Node(0.5, ((half, 0.0, calm), (half, 1.0, None))), 1.0)
    with pytest.raises(DataError, match=r"need 0 <= X <= ceiling = 0\.5"):
        Tree(wild, 0.5)


@given(gst.streams(max_n=12, ceiling=4.0))
def test_streams_stay_in_their_range(stream: tuple[np.ndarray, np.ndarray]) -> None:
    losses, predictions = stream
    assert losses.shape == predictions.shape
    assert 1 <= losses.size <= 12
    assert min(losses.min(), predictions.min()) >= 0
    assert max(losses.max(), predictions.max()) <= 4.0


def test_streams_reach_the_boundary() -> None:
    for wanted in (
        lambda x, y: x.max() == 4.0,
        lambda x, y: 0 < x.min() < 1e-300,
        lambda x, y: x.size > 3 and np.ptp(x) == 0 and x[0] > 0,
        lambda x, y: x.size > 3 and len(set(x)) == 2,
        lambda x, y: x.size == 1,
    ):
        losses, predictions = find(
            gst.streams(max_n=12, ceiling=4.0), lambda s, wanted=wanted: bool(wanted(*s)), settings=MANY
        )
        assert wanted(losses, predictions)
    assert find(gst.log_inv_deltas(), lambda nats: nats == 0, settings=MANY) == 0
    assert find(gst.log_inv_deltas(), lambda nats: nats > 1e5, settings=MANY) > 1e5


@given(gst.paths())
@settings(max_examples=40)
def test_sampled_paths_from_a_strategy(paths: Paths) -> None:
    assert paths.risks().min() >= 0
    assert paths.risks().max() <= paths.ceiling * (1 + 1e-12)


@given(gst.finite_processes(max_n=3))
@settings(max_examples=60)
def test_exact_coverage_of_a_true_bound(tree: Tree) -> None:
    assert sum(o.probability for o in tree) == 1
    delta = 0.25

    def bound(losses: np.ndarray, predictions: np.ndarray | None) -> float:
        return gb.geometric_mean(losses, predictions, ceiling=1.0, log_inv_delta=math.log(1 / delta), shift=1.25).value

    assert tree.violation_probability(bound) <= delta


def test_exact_coverage_finds_a_wrong_bound() -> None:
    """Azuma with half the range fails on some tree, and hypothesis finds one."""

    def bound(losses: np.ndarray, predictions: np.ndarray | None) -> float:
        return float(losses.mean()) + 0.5 * math.sqrt(math.log(4) / (2 * losses.size))

    tree = find(gst.finite_processes(), lambda tree: tree.violation_probability(bound) > 0.25, settings=MANY)
    assert tree.violation_probability(bound) > Fraction(1, 4)


def test_strategies_refuse_bad_arguments() -> None:
    with pytest.raises(DomainError, match=r"ceiling=0\.0"):
        gst.values(0.0)
    with pytest.raises(DomainError, match="max_n=0"):
        find(gst.streams(max_n=0), lambda stream: True)


def test_the_room_is_light() -> None:
    code = "import sys, genbound.processes; print({'scipy', 'hypothesis', 'sympy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
