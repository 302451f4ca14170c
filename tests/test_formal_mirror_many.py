"""The formal statements about many hypotheses by brute force: see `test_formal_mirror.py`."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction

import pytest
from finite_processes import (
    History,
    Loss,
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
PLAIN = {"ceiling": 1.0, "shift": 1.0}


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


@pytest.mark.parametrize("seed", SEEDS)
def test_change_of_measure(seed: int) -> None:
    """E_data E_{omega ~ Q} M(omega) dP/dQ <= E_{omega ~ P} E_data M = 1, with equality where Q is positive."""
    process, hypotheses, n = world(seed)
    rng = random.Random(seed)
    uppers = [upper_of(rng, process, loss) for loss in hypotheses]
    prior = [Fraction(1, 4)] * 4

    def changed(history: History) -> Fraction:
        q = posterior(seed, history)
        wealth = [process.wealth(loss, u, history) for loss, u in zip(hypotheses, uppers, strict=True)]
        return sum((qh * w * (ph / qh) for qh, ph, w in zip(q, prior, wealth, strict=True) if qh), Fraction(0))

    assert process.expectation(n, changed) <= 1
    assert (
        process.expectation(
            n, lambda h: sum(process.wealth(x, u, h) for x, u in zip(hypotheses, uppers, strict=True)) / 4
        )
        == 1
    )


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


def test_r_draws() -> None:
    """The best of two draws, ln 2 paid."""
    process, hypotheses, n = world(0)

    def missed(history: History) -> Fraction:
        law = posterior(0, history)
        worse = {}
        for k, (q, loss) in enumerate(zip(law, hypotheses, strict=True)):
            ratio = math.log(4 * q) if q else 0.0
            x = floats(loss, history)
            value = disintegrated(x, log_ratio=ratio, draws=2, log_inv_delta=NATS, **PLAIN).value
            worse[k] = process.risk(loss, history) > value
        return sum((law[a] * law[b] * int(worse[a] or worse[b]) for a in range(4) for b in range(4)), Fraction(0))

    assert process.expectation(n, missed) <= DELTA


def test_a_draw_that_pays_nothing_is_seen() -> None:
    """Planted: sixteen patterns of four fair bits, the one that came true drawn for sure at no price."""
    process, n = hidden_process(Fraction(1, 2)), 4
    value = disintegrated([0.0] * n, log_ratio=0.0, log_inv_delta=NATS, **PLAIN).value
    paid = disintegrated([0.0] * n, log_ratio=math.log(16), log_inv_delta=NATS, **PLAIN).value
    truth = pattern((0, 1, 1, 0))
    assert value < process.risk(truth, (0, 1, 1, 0)) == Fraction(1, 2) < paid


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
