"""The formal statements about many hypotheses by brute force: see `test_formal_mirror.py`."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from finite_processes import (
    History,
    Loss,
    Predictable,
    Process,
    first_steps,
    hidden_process,
    random_loss,
    random_process,
    upper_of,
    values,
)

import genbound as gb
from genbound.complexity.codes import kraft_sum, log_inv_delta
from genbound.complexity.draws import disintegrated
from genbound.complexity.pac_bayes import pac_bayes
from genbound.complexity.prefix import prefix_prior
from genbound.complexity.prior import Prior
from genbound.complexity.requential import requential
from genbound.complexity.union import prior_union
from genbound.errors import DomainError

SEEDS = range(8)
DELTA = Fraction(3, 10)
NATS = log_inv_delta(float(DELTA))
PLAIN: dict[str, Any] = {"ceiling": 1.0, "shift": 1.0}


def pattern(bits: History) -> Loss:
    """Predicts outcome k to be bits[k]: loss 0 when it is, else 1."""
    return lambda past, outcome: Fraction(int(bits[len(past)] != outcome))


def floats(loss: Loss, history: History) -> list[float]:
    return [float(value) for value in values(loss, history)]


def world(seed: int) -> tuple[Process, list[Loss], int]:
    """A process, four hypotheses and a horizon; every third is the fair coin with hypotheses that guess it."""
    rng = random.Random(seed)
    if seed % 3 == 0:
        return hidden_process(Fraction(1, 2)), [pattern(bits) for bits in itertools.product((0, 1), repeat=2)], 2
    return random_process(rng, 2), [random_loss(rng) for _ in range(4)], rng.choice((2, 3, 4))


def certain(history: History) -> list[Fraction]:
    """The law that is sure of the pattern of two bits that came true."""
    return [Fraction(int(bits == history[::-1])) for bits in itertools.product((0, 1), repeat=2)]


def posterior(seed: int, history: History) -> list[Fraction]:
    """A law on four hypotheses that depends on the data: eager for what did well, zeros included."""
    _, hypotheses, _ = world(seed)
    totals = [sum(values(loss, history)) for loss in hypotheses]
    best = min(totals)
    weights = [Fraction(6 if total == best else (seed + k) % 2) for k, total in enumerate(totals)]
    return [weight / sum(weights) for weight in weights]


# ------------------------------------------------------------------------------------------------------------- codes


def random_code(rng: random.Random, words: int) -> list[tuple[int, ...]]:
    """A prefix-free binary code: leaves of a tree that is split where it happens to be."""
    leaves: list[tuple[int, ...]] = [()]
    while len(leaves) < words:
        leaf = leaves.pop(rng.randrange(len(leaves)))
        leaves += [(*leaf, 0), (*leaf, 1)]
    rng.shuffle(leaves)
    return leaves[: rng.randrange(1, words + 1)]


@pytest.mark.parametrize("seed", SEEDS)
def test_kraft_inequality(seed: int) -> None:
    code = random_code(random.Random(seed), 12)
    assert all(a == b or a != b[: len(a)] for a in code for b in code)
    lengths = [len(word) for word in code]
    assert kraft_sum(lengths) == sum((Fraction(1, 2**length) for length in lengths), Fraction(0)) <= 1
    assert len(Prior.from_bits(dict(enumerate(lengths)))) == len(code)


def test_a_code_that_is_not_prefix_free_is_seen() -> None:
    words = [word for length in (1, 2) for word in itertools.product((0, 1), repeat=length)]
    assert kraft_sum(map(len, words)) > 1
    with pytest.raises(DomainError, match="Kraft"):
        Prior.from_bits({word: len(word) for word in words})


# ------------------------------------------------------------------------------------------------ exactly, in rationals


def mean_wealth(seed: int, uppers: list[Predictable], ratio: Callable[[Fraction], Fraction]) -> Fraction:
    """E_data E_{omega ~ Q} M(omega) ratio(Q(omega)), omitted where Q is zero."""
    process, hypotheses, n = world(seed)

    def changed(history: History) -> Fraction:
        wealth = [process.wealth(loss, u, history) for loss, u in zip(hypotheses, uppers, strict=True)]
        pairs = zip(posterior(seed, history), wealth, strict=True)
        return sum((q * w * ratio(q) for q, w in pairs if q), Fraction(0))

    return process.expectation(n, changed)


@pytest.mark.parametrize("seed", SEEDS)
def test_change_of_measure(seed: int) -> None:
    """E_data E_{omega ~ Q} M(omega) dP/dQ <= E_{omega ~ P} E_data M = 1, with equality where Q is positive."""
    process, hypotheses, n = world(seed)
    rng = random.Random(seed)
    uppers = [upper_of(rng, process, loss) for loss in hypotheses]
    assert mean_wealth(seed, uppers, lambda q: Fraction(1, 4) / q) <= 1
    each = [process.expectation(n, lambda h, x=x, u=u: process.wealth(x, u, h)) for x, u in
            zip(hypotheses, uppers, strict=True)]  # fmt: skip
    assert each == [1] * 4


def test_a_change_of_measure_without_its_ratio_is_seen() -> None:
    """Planted: a posterior that follows fair bits has wealth, and dP/dQ is what takes it away."""
    uppers: list[Predictable] = [lambda _: Fraction(1)] * 4
    assert mean_wealth(0, uppers, lambda q: Fraction(1, 4) / q) <= 1 < mean_wealth(0, uppers, lambda _: Fraction(1))


# --------------------------------------------------------------------------------------------------------------- events


def union_misses(seed: int, bits: list[int], select: Callable[[dict[int, float]], int] | None) -> Fraction:
    """P(a selected hypothesis, or any, has a risk above its bound)."""
    process, hypotheses, n = world(seed)
    prior = Prior.from_bits(dict(enumerate(bits)))

    def wrong(history: History) -> bool:
        streams = {k: floats(loss, history) for k, loss in enumerate(hypotheses)}
        found = prior_union(streams, prior, log_inv_delta=NATS, **PLAIN)
        each = {k: found[k].value for k in streams}
        chosen = each if select is None else [select(each)]
        return any(process.risk(hypotheses[k], history) > each[k] for k in chosen)

    return process.probability(n, wrong)


@pytest.mark.parametrize("seed", SEEDS)
def test_prior_union(seed: int) -> None:
    for bits in ([2, 2, 2, 2], [1, 2, 3, 3]):
        everything = union_misses(seed, bits, None)
        selected = union_misses(seed, bits, lambda each: min(each, key=each.__getitem__))
        assert selected <= everything <= DELTA


def test_an_unpaid_union_is_seen() -> None:
    """Planted: of the sixteen patterns of four fair bits the one that came true has loss 0 and pays nothing."""
    process, n = hidden_process(Fraction(1, 2)), 4

    def best(history: History, paid: float) -> Fraction:
        losses = [floats(pattern(bits), history) for bits in itertools.product((0, 1), repeat=n)]
        return min(Fraction(gb.geometric_mean(x, log_inv_delta=NATS + paid, **PLAIN).value) for x in losses)

    assert process.probability(n, lambda h: best(h, 0.0) < Fraction(1, 2)) == 1
    assert process.probability(n, lambda h: best(h, math.log(16)) < Fraction(1, 2)) <= DELTA


@pytest.mark.parametrize("seed", SEEDS)
def test_pac_bayes(seed: int) -> None:
    """E_Q R <= bound, for a posterior that follows the data, at every n up to the horizon at once."""
    process, hypotheses, n = world(seed)

    def wrong(history: History) -> bool:
        for t in range(1, n + 1):
            seen = first_steps(t, history)
            q = posterior(seed, seen)
            rows = [floats(loss, seen) for loss in hypotheses]
            # thirds are no floats: the library reads the floats, so the exact weights are those of the floats
            weights = [float(x) for x in q]
            exact = [Fraction(x) / sum(map(Fraction, weights)) for x in weights]
            value = pac_bayes(rows, posterior=weights, prior=[0.25] * 4, log_inv_delta=NATS, **PLAIN).value
            risk = sum((p * process.risk(x, seen) for p, x in zip(exact, hypotheses, strict=True)), Fraction(0))
            if risk > value:
                return True
        return False

    assert process.probability(n, wrong) <= DELTA


def test_a_prior_made_from_the_data_is_seen() -> None:
    """Planted: a prior equal to the posterior, which is sure of the two fair bits that came; KL = 0."""
    process, hypotheses, n = world(0)

    def wrong(history: History, prior: list[float]) -> bool:
        rows = [floats(loss, history) for loss in hypotheses]
        weights = [float(q) for q in certain(history)]
        value = pac_bayes(rows, posterior=weights, prior=prior, log_inv_delta=NATS, **PLAIN).value
        return value < Fraction(1, 2)

    assert process.probability(n, lambda h: wrong(h, [0.25] * 4)) <= DELTA
    assert process.probability(n, lambda h: wrong(h, [float(q) for q in certain(h)])) == 1


def draw_misses(seed: int, price: Callable[[Fraction], float]) -> Fraction:
    """P over the data and the draw that the drawn hypothesis has a risk above its bound."""
    process, hypotheses, n = world(seed)

    def missed(history: History) -> Fraction:
        total = Fraction(0)
        for q, loss in zip(posterior(seed, history), hypotheses, strict=True):
            if q:
                x = floats(loss, history)
                value = disintegrated(x, log_ratio=price(q), log_inv_delta=NATS, **PLAIN).value
                total += q * int(process.risk(loss, history) > value)
        return total

    return process.expectation(n, missed)


@pytest.mark.parametrize("seed", SEEDS)
def test_disintegrated(seed: int) -> None:
    assert draw_misses(seed, lambda q: math.nextafter(math.log(4 * q), math.inf)) <= DELTA


def test_a_draw_that_pays_nothing_is_seen() -> None:
    """Planted: the posterior of two fair bits, drawn from at no price."""
    assert draw_misses(0, lambda _: 0.0) > DELTA


def best_of_two(law: Callable[[History], list[Fraction]], draws: int) -> Fraction:
    """P that one of two draws from a law has a risk above its bound, with ln(draws) paid; fair bits."""
    process, hypotheses, n = world(0)

    def missed(history: History) -> Fraction:
        worse = []
        for q, loss in zip(law(history), hypotheses, strict=True):
            ratio = math.nextafter(math.log(4 * q), math.inf) if q else 0.0
            x = floats(loss, history)
            value = disintegrated(x, log_ratio=ratio, draws=draws, log_inv_delta=NATS, **PLAIN).value
            worse.append(process.risk(loss, history) > value)
        good = sum((q for q, w in zip(law(history), worse, strict=True) if not w), Fraction(0))
        return 1 - good * good

    return process.expectation(n, missed)


def test_two_draws() -> None:
    assert best_of_two(lambda h: posterior(0, h), draws=2) <= DELTA
    evenly = [Fraction(1, 4)] * 4
    assert best_of_two(lambda _: evenly, draws=2) <= DELTA
    assert best_of_two(lambda _: evenly, draws=1) > DELTA  # planted: ln 2 is not paid


def transcript_misses(paid: bool) -> Fraction:
    """A student drawn as a transcript of two bits from a teacher that has read two fair bits."""
    process, n, lie = hidden_process(Fraction(1, 2)), 2, Fraction(1, 8)
    missed = Fraction(0)
    for history, p in process.histories(n):
        truth = history[::-1]
        for transcript in itertools.product((0, 1), repeat=n):
            q = [1 - lie if drawn == token else lie for drawn, token in zip(transcript, truth, strict=True)]
            student = [Fraction(1, 2)] * n
            teacher = q if paid else student
            value = requential(
                floats(pattern(transcript), history), teacher_log_probs=[math.log(x) for x in teacher],
                student_log_probs=[math.log(x) for x in student], log_inv_delta=NATS, **PLAIN,
            ).value  # fmt: skip
            missed += p * math.prod(q) * int(process.risk(pattern(transcript), history) > value)
    return missed


def test_requential() -> None:
    assert transcript_misses(paid=True) <= DELTA
    assert transcript_misses(paid=False) > DELTA  # planted: the teacher's knowledge is not paid for


@pytest.mark.parametrize("seed", SEEDS)
def test_prefix_prior(seed: int) -> None:
    """A prior made from the first token, a hypothesis picked with all of them, a bound about the others."""
    process, hypotheses, n = world(seed)

    def wrong(history: History) -> bool:
        first = first_steps(1, history)
        weights = [Fraction(2 if loss((), first[0]) == 0 else 1) for loss in hypotheses]
        prior = [weight / sum(weights) for weight in weights]
        for p, loss in zip(prior, hypotheses, strict=True):
            x = floats(loss, history)
            means = [process.conditional_mean(loss, history[k + 1 :]) for k in range(n - 1)]
            ratio = math.nextafter(math.log(1 / p), math.inf)
            value = prefix_prior(x, prefix=1, log_ratio=ratio, log_inv_delta=NATS, **PLAIN).value
            if sum(means, Fraction(0)) / (n - 1) > value:
                return True
        return False

    assert process.probability(n, wrong) <= DELTA


def test_a_prefix_that_is_counted_twice_is_seen() -> None:
    """Planted: the prior has read two of three fair bits, and the bound is about all three."""
    process, n = hidden_process(Fraction(1, 2)), 3

    def wrong(history: History, prefix: int) -> bool:
        x = floats(pattern(history[::-1]), history)
        if prefix:
            value = prefix_prior(x, prefix=prefix, log_ratio=math.log(2), log_inv_delta=NATS, **PLAIN).value
        else:
            value = gb.geometric_mean(x, log_inv_delta=NATS + math.log(2), **PLAIN).value
        return value < Fraction(1, 2)

    assert process.probability(n, lambda h: wrong(h, 2)) <= DELTA
    assert process.probability(n, lambda h: wrong(h, 0)) == 1


def test_progressive_validation() -> None:
    """Predictors trained on the past are predictable losses: no price for having learned."""
    coin = Process(
        lambda past: (
            (Fraction(2, 3), Fraction(1, 3)) if sum(past) * 2 <= len(past) else (Fraction(1, 4), Fraction(3, 4))
        )
    )

    def majority(past: History, outcome: int) -> Fraction:
        return Fraction(int(outcome != (1 if 2 * sum(past) > len(past) else 0)))

    def wrong(history: History) -> bool:
        value = gb.geometric_mean(floats(majority, history), log_inv_delta=NATS, **PLAIN).value
        return coin.risk(majority, history) > value

    assert coin.probability(6, wrong) <= DELTA


def test_validation_on_the_tokens_that_were_learned_is_seen() -> None:
    """Planted: a predictor that has learned the fair bits it is then validated on."""
    process, n = hidden_process(Fraction(1, 2)), 4

    def wrong(history: History) -> bool:
        learned = pattern(history[::-1])
        value = gb.geometric_mean(floats(learned, history), log_inv_delta=NATS, **PLAIN).value
        return process.risk(learned, history) > value

    assert process.probability(n, wrong) == 1
