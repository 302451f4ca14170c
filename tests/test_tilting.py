"""The optimal output law: it minimises the bound, any slacks are a law, and the bound it feeds holds its rows."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logsumexp

from genbound import tilting
from genbound.certificate.bounds import METHODS, Problem, explain
from genbound.certificate.means import TiltedMeans
from genbound.certificate.pilot import of_each_kind
from genbound.certificate.rows import CodedModel
from genbound.certificate.sampled import SLACK_FLOOR, choose, sampled_rows, window_sample
from genbound.certificate.statistics import SampleStatistics, StreamStatistics, alphas_of
from genbound.concentration import geometric_mean
from genbound.errors import DataError, DomainError
from genbound.lm import token_stats
from genbound.lm.tilted import slacks
from genbound.lm.token_stats import token_statistics
from genbound.lm.train.tilted import tilted, tilted_bound
from genbound.subsample import tune_two_stage_tilted, two_stage_tilted
from genbound.tilting import LEAST_SLACK, WEIGHTS, first_ceilings, most_ceiling, most_slack, optimal_law

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

hostile = st.builds(
    lambda v, scale, seed, gap: np.append(np.random.default_rng(seed).normal(size=v - 1) * scale, gap),
    st.integers(2, 60), st.sampled_from([0.0, 0.1, 3.0, 30.0, 1000.0]), st.integers(0, 2**31),
    st.sampled_from([0.0, 5.0, 80.0, -80.0, 900.0]),
)  # fmt: skip


def log_softmax(logits: np.ndarray) -> np.ndarray:
    z = logits - logits.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def objective(z: np.ndarray, p: np.ndarray, w: float) -> np.ndarray:
    return logsumexp(z, axis=-1) - w * (p * np.log(z)).sum(-1)


def in_torch(log_p: np.ndarray, w: float, rounds: int = 2) -> np.ndarray:
    entropy = -(np.exp(log_p) * log_p).sum(-1)
    return slacks(torch.from_numpy(np.exp(log_p)).float(), torch.from_numpy(entropy), w, rounds=rounds).double().numpy()


@pytest.mark.parametrize("seed", range(12))
def test_no_law_does_better_than_the_optimal_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    v, w = int(rng.integers(2, 7)), float(rng.uniform(0.5, 20))
    log_p = log_softmax(rng.normal(size=v) * rng.choice([0.3, 1.5]))
    p, law = np.exp(log_p), optimal_law(log_p, w)
    found = minimize(lambda y: float(objective(np.exp(y), p, w)), np.zeros(v), method="BFGS", tol=1e-9)
    assert objective(law.slacks, p, w) == pytest.approx(found.fun, abs=1e-7)
    assert law.slacks == pytest.approx(np.exp(found.x), rel=1e-3)


@given(hostile, st.floats(0.05, 64.0))
def test_any_prediction_gives_a_law_with_its_ceiling(logits: np.ndarray, w: float) -> None:
    """Sum q = 1, U >= X on every token of the vocabulary, and the ranges known beforehand; in numpy and in torch."""
    v = len(logits)
    log_p = log_softmax(logits)
    for rounds in (0, 1, 2):
        z = in_torch(log_p[None], w, rounds)[0]
        assert LEAST_SLACK <= z.min() <= z.max() <= most_slack(w, v) * (1 + 2**-22)
        ceiling = math.log(math.fsum(np.exp(z)))
        assert math.fsum(np.exp(z - ceiling)) == pytest.approx(1.0, abs=1e-12)
        assert ceiling <= most_ceiling(w, v)
    law = optimal_law(log_p, w)
    assert law.losses.max() < float(law.ceilings) <= most_ceiling(w, v)
    assert np.exp(-law.losses).sum() == pytest.approx(1.0, abs=1e-12)


@given(hostile, st.floats(0.5, 40.0))
def test_two_rounds_in_float32_cost_next_to_nothing(logits: np.ndarray, w: float) -> None:
    log_p = log_softmax(logits)
    p, best = np.exp(log_p), optimal_law(log_p, w, rounds=12).slacks
    assert float(objective(in_torch(log_p[None], w)[0], p, w) - objective(best, p, w)) < 1e-4


def test_a_large_vocabulary_and_real_shapes_are_solved() -> None:
    rng = np.random.default_rng(3)
    for scale in (2.0, 4.0, 8.0):
        log_p = log_softmax(rng.normal(size=(4, 30_000)) * scale)
        p = np.exp(log_p)
        for w in (2.0, 6.0, 20.0):
            gap = objective(in_torch(log_p, w), p, w) - objective(optimal_law(log_p, w, rounds=12).slacks, p, w)
            assert gap.max() < 1e-4


def test_limits() -> None:
    """Unlikely tokens: uniform smoothing; the ceiling: w + H(q); a uniform prediction: itself."""
    v, w = 64, 6.0
    law = optimal_law(np.full(v, -math.log(v)), w)
    assert law.slacks == pytest.approx(np.full(v, w))
    assert float(law.ceilings) == pytest.approx(w + math.log(v))
    log_p = log_softmax(np.linspace(0.0, -3.0, 8))
    law = optimal_law(log_p, w)
    q = np.exp(-law.losses)
    assert float(law.ceilings) == pytest.approx(w - float((q * np.log(q)).sum()), rel=1e-9)
    assert law.slacks * np.exp(law.slacks - law.ceilings) == pytest.approx(w * np.exp(log_p), rel=1e-9)
    p = np.append(np.full(63, 3e-5), 1 - 63 * 3e-5)
    law = optimal_law(np.log(p), w)
    assert np.exp(-law.losses)[0] == pytest.approx(math.exp(-float(law.ceilings)) + w * 3e-5, rel=0.01)
    start, slope = first_ceilings(w, v)
    point = np.append(np.full(v - 1, 1e-12), 1 - (v - 1) * 1e-12)
    assert float(optimal_law(np.log(point), w).ceilings) == pytest.approx(start, abs=v * math.exp(-start) * LEAST_SLACK)
    assert start + slope * math.log(v) == pytest.approx(w + math.log(v))


@given(st.integers(0, 2**31), st.floats(0.5, 20.0))
def test_what_another_law_costs_more(seed: int, w: float) -> None:
    """F(z') - F(z) = sum q [(b - 1 - ln b) + a (h - 1 - ln h)], the sum behind the card `optimal_law`."""
    rng = np.random.default_rng(seed)
    log_p = log_softmax(rng.normal(size=5))
    z = optimal_law(log_p, w, rounds=20).slacks
    assume(z.min() > LEAST_SLACK)  # where a slack is held there, z is not stationary and the sum is another
    other = z * np.exp(rng.normal(size=5) * 0.3)
    q, r = np.exp(z) / np.exp(z).sum(), np.exp(other) / np.exp(other).sum()
    b, h = r / q, other / z
    excess = (q * ((b - 1 - np.log(b)) + z * (h - 1 - np.log(h)))).sum()
    gap = objective(other, np.exp(log_p), w) - objective(z, np.exp(log_p), w)
    assert excess == pytest.approx(float(gap), rel=1e-6, abs=1e-7)


# ------------------------------------------------------------------------------------------------------- training


def test_the_gradient_is_that_of_the_law() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (torch.randn(6, 9, dtype=torch.float64, generator=generator) * 2).requires_grad_()
    targets = torch.randint(0, 9, (6,), generator=generator)
    assert torch.autograd.gradcheck(lambda each: tilted(each, targets, 4.0, rounds=6), (logits,), atol=1e-6, rtol=1e-5)
    assert torch.autograd.gradcheck(lambda each: tilted(each, targets, 4.0), (logits,), atol=1e-3, rtol=1e-2)


def test_the_trained_law_is_the_certified_one() -> None:
    logits, targets = torch.randn(3, 50, 96), torch.randint(0, 96, (3, 50))
    ceilings, z = tilted(logits, targets, 5.0, rounds=2)
    found = token_statistics(logits, targets, (5.0,))
    assert found.smoothed_entropy[0] == pytest.approx(ceilings.flatten().numpy(), abs=1e-5)
    assert found.smoothed_entropy[0] - found.smoothed_nll[0] == pytest.approx(z.flatten().numpy(), rel=1e-4)


def test_the_loss_to_train_is_above_the_bound_and_touches_it() -> None:
    ceilings, z, c = torch.tensor([7.0, 8.0]), torch.tensor([3.0, 6.0]), 0.1
    bound = 7.5 - math.exp(-c) * math.sqrt(18.0)
    best = math.exp(-c) * math.sqrt(18.0)
    assert float(tilted_bound(ceilings, z, c, best)) == pytest.approx(bound, abs=1e-6)
    assert all(float(tilted_bound(ceilings, z, c, w)) > bound for w in (best / 1.2, best * 1.2))


# ------------------------------------------------------------------------------------------------------ the bound


def tokens(n: int = 4000, v: int = 20, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions and tokens drawn from them."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, v, generator=generator) * 2
    return logits, torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1)


def stream(laws: tuple[float, ...] = (4.0,)) -> StreamStatistics:
    logits, targets = tokens()
    found = StreamStatistics.empty(20, [*((a, 0.0) for a in (0.25,)), *((w, 0.0) for w in laws)])
    found.update(token_statistics(logits, targets, found.alphas))
    return found


def test_the_statistics_are_those_of_the_law() -> None:
    logits, targets = tokens()
    z = in_torch(log_softmax(logits.double().numpy()), 4.0)
    exact = np.log(np.exp(z).sum(-1))
    own = z[np.arange(len(z)), targets.numpy()]
    found = token_statistics(logits, targets, (4.0,))
    assert (found.smoothed_entropy[0] >= exact - 2e-5).all()
    assert found.smoothed_nll[0] == pytest.approx(exact - own, abs=2e-5)
    means = stream().tilted[4.0]
    assert means.ceiling.lower < exact.mean() + 1e-5
    assert means.ceiling.upper > found.smoothed_entropy[0].mean() - 1e-12
    assert means.log_slack.lower <= np.log(found.smoothed_entropy[0] - found.smoothed_nll[0]).mean()
    assert means.log_slack.lower == pytest.approx(np.log(own).mean(), abs=1e-5)


def test_ceilings_are_never_below_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """U against 40 digits, from the very slacks that were used; the loss is U - z, so it is never below either."""
    used: list[torch.Tensor] = []

    def kept(p: torch.Tensor, entropy: torch.Tensor, weight: float) -> torch.Tensor:
        used.append(slacks(p, entropy, weight))
        return used[-1].clone()

    monkeypatch.setattr(token_stats, "slacks", kept)
    logits, targets = tokens(60, 300)
    found = token_statistics(logits, targets, (30.0,))
    z = torch.cat(used).double().numpy()
    with mpmath.workdps(40):
        for row, ceiling, loss, target in zip(
            z, found.smoothed_entropy[0], found.smoothed_nll[0], targets.tolist(), strict=True
        ):
            exact = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(each))) for each in row))
            assert exact <= ceiling <= exact + mpmath.mpf("1e-12")
            assert exact - float(row[target]) <= loss


def test_statistics_merge_and_travel_exactly() -> None:
    logits, targets = tokens()
    halves = []
    for part in (slice(0, 1500), slice(1500, None)):
        each = StreamStatistics.empty(20, [(4.0, 0.0), (0.25, 0.0)])
        each.update(token_statistics(logits[part], targets[part], each.alphas))
        halves.append(StreamStatistics.from_arrays(each.to_arrays()))
    halves[0].merge(halves[1])
    again = StreamStatistics.from_arrays(halves[0].to_arrays())
    assert again.tilted == halves[0].tilted
    assert again.tilted[4.0].loss.n == again.n == 4000
    assert again.alphas == alphas_of([(4.0, 0.0), (0.25, 0.0)]) == (4.0, 0.25)
    assert again.mean_loss(4.0) == again.tilted[4.0].loss.value
    assert again.mean_loss(0.25) == again.smoothed[0.25].value
    with pytest.raises(DataError, match="U - X"):
        TiltedMeans().update(np.array([1.0, 2.0]), np.array([3.0, 2.0]))


def test_with_one_ceiling_it_is_the_geometric_mean() -> None:
    x = np.random.default_rng(0).uniform(0.0, 5.0, 500)
    known = geometric_mean(x, ceiling=9.0, complexity=0.1, shift=9.0)
    found = tilting.tilted_bound(
        9.0, float(np.log(9.0 - x).mean()), float(x.mean()), n=500, weight=5.0, ceiling=9.0, complexity=0.1
    )
    assert found.value == pytest.approx(known.value, rel=1e-12)
    assert found.term("complexity") == pytest.approx(known.term("complexity"), rel=1e-9)
    assert math.fsum(nats for _, nats in found.terms) == pytest.approx(found.value, abs=1e-15)
    assert found.term("loss variation") > 0


def test_the_bound_is_never_above_the_largest_ceiling() -> None:
    found = tilting.tilted_bound(9.0, math.log(4.0), 3.0, n=10, weight=5.0, ceiling=9.0, complexity=1e4)
    assert found.value == 9.0
    with pytest.raises(DomainError, match="mean U"):
        tilting.tilted_bound(9.5, 1.0, 3.0, n=10, weight=5.0, ceiling=9.0, complexity=0.1)
    with pytest.raises(DomainError, match="w=0"):
        tilting.tilted_bound(9.0, 1.0, 3.0, n=10, weight=0, ceiling=9.0, complexity=0.1)


CODED = CodedModel("toy", "ldlq", 2.0, "toy.gbc", 400, "0" * 64, "coded file", {"code of the model": 277.26}, "a file")


def test_a_certificate_takes_the_better_of_both_kinds() -> None:
    problem = Problem(n=4000, vocab_size=20, delta=0.01, window=10)
    statistics = stream((3.5, WEIGHTS[16], WEIGHTS[20]))  # 3.5 was not paid for
    rows = list(METHODS["geometric_mean"](problem, CODED, statistics))
    uniform, *optimal = rows
    assert uniform.alpha == 0.25
    assert [row.tuned["w"] for row in optimal] == [WEIGHTS[16], WEIGHTS[20]]
    assert all(row.alpha is None and row.paid["choice of kind (2)"] == pytest.approx(math.log(2)) for row in optimal)
    row = min(optimal, key=lambda each: each.value)
    assert row.value < uniform.value
    assert f"w = {row.tuned['w']:g}" in row.about
    smoothed = statistics.mean_loss(row.tuned["w"])
    parts = explain(problem, row, original_loss=1.0, coded_loss=1.1, smoothed_loss=smoothed)
    assert math.fsum(parts.values()) == row.value
    assert parts["complexity"] > 0
    assert parts["loss_variation"] > 0
    floors = [each.value for each in METHODS["floor"](problem, CODED, statistics)]
    assert min(floors) < row.value


def sample(seed: int, windows: int = 300, length: int = 16) -> SampleStatistics:
    logits, targets = tokens(windows * length, seed=seed)
    laws = tuple(sorted({*(2.0**-j for j in range(1, 17)), *WEIGHTS[::8]}, reverse=True))
    found = token_statistics(logits, targets, laws)
    shape = (len(laws), windows, length)
    return SampleStatistics(
        20, laws, found.nll.reshape(shape[1:]), found.smoothed_nll.reshape(shape), found.smoothed_entropy.reshape(shape)
    )


def test_two_stages_from_sampled_windows() -> None:
    w = WEIGHTS[16]
    pilot, final = window_sample(sample(1), w), window_sample(sample(2), w)
    stages = {"log_inv_delta_1": 300.0, "n": 10**5, "log_inv_delta_2": 4.6}
    t = tune_two_stage_tilted(pilot, least_slack=SLACK_FLOOR, m=final.m, **stages)
    given = {"log_reference": t.log_reference, "second_shift": t.second_shift}
    found = two_stage_tilted(final, least_slack=SLACK_FLOOR, **given, **stages)
    z = final.predictions - final.losses
    plain = float(final.predictions.mean()) - math.exp(float(np.log(z).mean()) - 300.0 / 10**5)
    assert plain < found.value < plain + 0.5
    assert found.value == pytest.approx(t.predicted, abs=0.05)
    assert math.fsum(nats for _, nats in found.terms) == pytest.approx(found.value, abs=1e-12)
    with pytest.raises(DomainError, match="least_slack"):
        two_stage_tilted(final, least_slack=1.0, **given, **stages)
    with pytest.raises(DomainError, match="second_shift"):
        two_stage_tilted(final, least_slack=SLACK_FLOOR, **{**given, "second_shift": 5.0}, **stages)


@pytest.mark.parametrize("windows", [50, 10**6])
def test_a_sampled_certificate_takes_the_kind_the_pilot_expects_most_of(windows: int) -> None:
    """Few windows: the narrow range of uniform smoothing wins; many: the optimal law."""
    problem = Problem(n=10**5, vocab_size=20, delta=0.01, window=16, windows=windows)
    drawn = replace(CODED, kind="draw", code_bits=None)
    pilots = {"toy": (drawn, sample(1))}
    kinds = of_each_kind(problem, pilots)
    assert [each.alpha < 1 for each in kinds] == [True, False]
    choice = choose(problem, pilots)["geometric_mean"]
    assert (choice.alpha >= 1) == (windows > 50)
    near = min(WEIGHTS[::8], key=lambda w: abs(w - choice.alpha)) if choice.alpha >= 1 else choice.alpha
    final = {"geometric_mean": replace(choice, alpha=near)}
    row = sampled_rows(problem, final, {"toy": (drawn, sample(2))})["geometric_mean"]
    assert (row.alpha is None) == (windows > 50)
    assert "choice of kind (2)" in row.paid


@pytest.mark.parametrize("w", [0.0, -1.0, 65.0, math.nan, math.inf])
def test_weights_outside_their_domain_are_refused(w: float) -> None:
    for refuses in (most_slack, most_ceiling, first_ceilings):
        with pytest.raises(DomainError, match="w="):
            refuses(w, 10)
    with pytest.raises(DomainError, match="w="):
        optimal_law(np.log([0.5, 0.5]), w)


@pytest.mark.parametrize("bad", [np.array(0.0), np.zeros((2, 1)), np.log([0.5, 0.6]), np.array([math.nan, 0.0])])
def test_what_is_no_prediction_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(DataError, match="ln p"):
        optimal_law(bad, 4.0)


@pytest.mark.parametrize("size", [1, 0, 2.5, True])
def test_vocabularies_of_no_size_are_refused(size: int) -> None:
    with pytest.raises(DomainError, match="V="):
        most_slack(4.0, size)


def test_the_weights_are_a_fixed_grid() -> None:
    assert len(WEIGHTS) == len(set(WEIGHTS)) == 64
    assert (WEIGHTS[0], WEIGHTS[16], WEIGHTS[-1]) == (2.0, 4.0, 30.6433)
    assert all(1.04 < b / a < 1.05 for a, b in pairwise(WEIGHTS))
