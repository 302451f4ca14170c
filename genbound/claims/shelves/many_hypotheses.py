"""Many hypotheses (THEORY 2): what is paid so that a statement survives a choice made with the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from genbound.certified import ball, up
from genbound.claims import mistakes
from genbound.claims.card import Claim, Planted, TailBound, cited
from genbound.claims.choosing import Draws, ManyHypotheses, Posteriors, Prefix, Transcripts
from genbound.claims.formulas import formula
from genbound.claims.members import geometric_mean_at
from genbound.claims.mistakes import planted
from genbound.claims.numbers import (
    checkpoint_numbers,
    draw_numbers,
    posterior_numbers,
    suffix_numbers,
    union_numbers,
)
from genbound.claims.settings import OneStream
from genbound.claims.shelves.one_hypothesis import PREDICTABLE, RANGE, STREAM
from genbound.complexity.codes import choice_nats
from genbound.complexity.draws import disintegrated
from genbound.complexity.pac_bayes import pac_bayes
from genbound.complexity.prefix import prefix_prior
from genbound.complexity.prior import Prior
from genbound.complexity.progressive import held_out, progressive_validation
from genbound.complexity.requential import requential
from genbound.complexity.union import prior_union
from genbound.concentration import Wealth
from genbound.concentration.result import BoundResult

FIXED_PRIOR = "the prior (or code) was fixed before the data were seen"
FIXED_N = "one n, fixed beforehand"
SAMPLED = frozenset({"fuzz", "simulate"})
DERIVED = SAMPLED | {"derive"}
ONE_STREAM = SAMPLED | {"exact"}
ONE = geometric_mean_at(1.0)
MONOTONE = frozenset({"monotone"})


def union_bounds(losses: Any, predictions: Any, *, code_bits: Any, ceiling: float,
                 log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    """`prior_union` with D = B for every hypothesis."""
    streams = {h: (x, y) for h, (x, y) in enumerate(zip(losses, predictions, strict=True))}
    found = prior_union(streams, Prior.from_bits(dict(enumerate(code_bits))), ceiling=ceiling,
                        log_inv_delta=log_inv_delta, shift=ceiling)  # fmt: skip
    return [found[h] for h in streams]


def _scaled_bits(scale: float) -> Any:
    def wrong(losses: Any, predictions: Any, *, code_bits: Any, ceiling: float,
              log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
        nats = [log_inv_delta + scale * bits for bits in code_bits]
        return [ONE(x, y, ceiling=ceiling, prediction_floor=0.0, log_inv_delta=price)
                for x, y, price in zip(losses, predictions, nats, strict=True)]  # fmt: skip

    return wrong


def posterior_bound(losses: Any, predictions: Any, *, posterior: Any, prior: Any, ceiling: float,
                    log_inv_delta: float) -> Any:  # fmt: skip
    """`pac_bayes` with D = B."""
    return pac_bayes(losses, predictions, posterior=posterior, prior=prior, ceiling=ceiling,
                     log_inv_delta=log_inv_delta, shift=ceiling)  # fmt: skip


def _no_divergence(losses: Any, predictions: Any, *, posterior: Any, prior: Any, ceiling: float,
                   log_inv_delta: float) -> Any:  # fmt: skip
    return posterior_bound(losses, predictions, posterior=posterior, prior=posterior, ceiling=ceiling,
                           log_inv_delta=log_inv_delta)  # fmt: skip


def draw_bounds(losses: Any, predictions: Any, *, log_ratios: Any, draws: int, ceiling: float,
                log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    """`disintegrated` with D = B for each of the draws, all of them looked at."""
    rows = zip(losses, predictions, np.asarray(log_ratios).tolist(), strict=True)
    return [
        disintegrated(x, y, log_ratio=ratio, draws=draws, ceiling=ceiling, log_inv_delta=log_inv_delta,
                      shift=ceiling) for x, y, ratio in rows
    ]  # fmt: skip


def _free_draws(losses: Any, predictions: Any, *, log_ratios: Any, ceiling: float,
                log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    return draw_bounds(
        losses, predictions, log_ratios=log_ratios, draws=1, ceiling=ceiling, log_inv_delta=log_inv_delta
    )


def _no_ratio(losses: Any, predictions: Any, *, draws: int, ceiling: float,
              log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    return draw_bounds(losses, predictions, log_ratios=np.zeros(draws), draws=draws, ceiling=ceiling,
                       log_inv_delta=log_inv_delta)  # fmt: skip


def checkpoint_bounds(losses: Any, predictions: Any, *, teacher_log_probs: Any, student_log_probs: Any,
                      checkpoints: int, ceiling: float, log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    """`requential` with D = B for every checkpoint, each paying for the tokens drawn before it and ln(checkpoints)."""
    return [
        requential(
            losses[c], predictions[c], teacher_log_probs=teacher_log_probs[: c + 1],
            student_log_probs=student_log_probs[: c + 1], choices=checkpoints, ceiling=ceiling,
            log_inv_delta=log_inv_delta, shift=ceiling,
        ) for c in range(checkpoints)
    ]  # fmt: skip


def _exchanged_laws(losses: Any, predictions: Any, *, teacher_log_probs: Any, student_log_probs: Any,
                    checkpoints: int, ceiling: float, log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    return checkpoint_bounds(losses, predictions, teacher_log_probs=student_log_probs,
                             student_log_probs=teacher_log_probs, checkpoints=checkpoints, ceiling=ceiling,
                             log_inv_delta=log_inv_delta)  # fmt: skip


def _free_checkpoints(losses: Any, predictions: Any, *, teacher_log_probs: Any, student_log_probs: Any,
                      checkpoints: int, ceiling: float, log_inv_delta: float) -> list[BoundResult]:  # fmt: skip
    free = max(log_inv_delta - choice_nats(checkpoints), 0.0)
    return checkpoint_bounds(losses, predictions, teacher_log_probs=teacher_log_probs,
                             student_log_probs=student_log_probs, checkpoints=checkpoints, ceiling=ceiling,
                             log_inv_delta=free)  # fmt: skip


def suffix_bound(losses: Any, predictions: Any, *, prefix: int, log_ratio: float, ceiling: float,
                 log_inv_delta: float) -> Any:  # fmt: skip
    """`prefix_prior` with D = B."""
    return prefix_prior(losses, predictions, prefix=prefix, log_ratio=log_ratio, ceiling=ceiling,
                        log_inv_delta=log_inv_delta, shift=ceiling)  # fmt: skip


def _peeking_prior(losses: Any, predictions: Any, *, prefix: int, peeking_log_ratio: float, ceiling: float,
                   log_inv_delta: float) -> Any:  # fmt: skip
    return suffix_bound(losses, predictions, prefix=prefix, log_ratio=peeking_log_ratio, ceiling=ceiling,
                        log_inv_delta=log_inv_delta)  # fmt: skip


def _whole_stream(losses: Any, predictions: Any, *, prefix: int, log_ratio: float, ceiling: float,
                  log_inv_delta: float) -> Any:  # fmt: skip
    share = (len(losses) - prefix) / len(losses)
    return suffix_bound(losses, predictions, prefix=prefix, log_ratio=share * log_ratio, ceiling=ceiling,
                        log_inv_delta=share * log_inv_delta)  # fmt: skip


def along_the_run(
    losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float, log_inv_delta: float
) -> Any:
    """`progressive_validation` of one alpha with D = B - prediction_floor."""
    return progressive_validation({0.5: _statistic(losses, predictions, ceiling, prediction_floor)},
                                  log_inv=log_inv_delta, shift=up(ball(ceiling) - ball(prediction_floor)))  # fmt: skip


def on_a_test_stream(
    losses: Any, predictions: Any, *, ceiling: float, prediction_floor: float, log_inv_delta: float
) -> Any:
    """`held_out` of one alpha with D = B - prediction_floor."""
    return held_out({0.5: _statistic(losses, predictions, ceiling, prediction_floor)},
                    log_inv=log_inv_delta, shift=up(ball(ceiling) - ball(prediction_floor)))  # fmt: skip


def _statistic(losses: Any, predictions: Any, ceiling: float, prediction_floor: float) -> Wealth:
    wealth = Wealth(ceiling=ceiling, prediction_floor=prediction_floor)
    wealth.update(losses, predictions)
    return wealth


CARDS: tuple[Claim, ...] = (
    TailBound(
        name="prior_union",
        statement="for all h at once: the bound of h with n C(h) = L(h) ln 2 + ln(1/delta), sum_h 2^-L(h) <= 1 (Kraft)",
        sources=(cited("lotfi2024"), cited("finzi2025"), cited("kraft1949")),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE, FIXED_PRIOR),
        minimum=DERIVED,
        setting=ManyHypotheses(),
        bounds=(union_bounds,),
        effort=8,
        anytime=True,
        laws=MONOTONE,
        formula=formula("prior_union"),
        quantities=union_numbers,
        planted=(
            planted("no_union_cost", "the code length is not paid", _scaled_bits(0.0)),
            planted("bytes_for_bits", "a length in bits taken for one in bytes", _scaled_bits(0.0866)),
            mistakes.no_confidence(union_bounds),
        ),
    ),
    TailBound(
        name="pac_bayes",
        statement="E_Q R <= E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)), n C = KL(Q||P) + ln(1/delta), all Q",
        sources=(cited("seldin2012"), cited("chugg2023")),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE, FIXED_PRIOR),
        minimum=DERIVED,
        setting=Posteriors(),
        bounds=(posterior_bound,),
        effort=16,
        anytime=True,
        laws=MONOTONE,
        formula=formula("pac_bayes"),
        quantities=posterior_numbers,
        planted=(
            planted("no_divergence", "KL(Q||P) is not paid", _no_divergence),
            mistakes.no_confidence(posterior_bound),
        ),
    ),
    TailBound(
        name="disintegrated",
        statement="a draw omega ~ Q: its bound with n C = ln dQ/dP(omega) + ln(1/delta) + ln r, r draws seen",
        sources=(cited("catoni2007"), cited("blanchard2007"), cited("rivasplata2020")),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE, FIXED_PRIOR, FIXED_N, "r is fixed beforehand"),
        minimum=DERIVED,
        setting=Draws(),
        bounds=(draw_bounds,),
        effort=3,
        laws=MONOTONE,
        formula=formula("disintegrated"),
        quantities=draw_numbers,
        planted=(
            planted("unpaid_draws", "the best of r draws, ln r not paid", _free_draws),
            planted("no_log_ratio", "the log-ratio is not paid", _no_ratio),
        ),
    ),
    TailBound(
        name="requential",
        statement="n C = sum over drawn tokens of [ln q(x) - ln p(x)] + ln(1/delta), q the teacher, p the student",
        sources=(cited("qiu2026"),),
        uses=("disintegrated",),
        assumes=(STREAM, RANGE, PREDICTABLE, FIXED_N, "architecture, seed, schedule and checkpoint fixed or coded"),
        minimum=DERIVED,
        setting=Transcripts(),
        bounds=(checkpoint_bounds,),
        effort=2,
        laws=MONOTONE,
        formula=formula("requential"),
        quantities=checkpoint_numbers,
        planted=(
            planted("exchanged_laws", "teacher and student exchanged in the log-ratio", _exchanged_laws),
            planted("best_checkpoint", "the best of several checkpoints, not paid", _free_checkpoints),
        ),
    ),
    TailBound(
        name="prefix_prior",
        statement="tokens n_0+1..n: C = (ln dQ/dP + ln(1/delta))/(n - n_0), P any function of tokens 1..n_0",
        sources=(cited("ambroladze2006"), cited("dziugaite2021")),
        uses=("disintegrated",),
        assumes=(STREAM, RANGE, PREDICTABLE, "n_0 is fixed beforehand", "about tokens n_0+1..n only"),
        minimum=DERIVED,
        setting=Prefix(),
        bounds=(suffix_bound,),
        laws=MONOTONE,
        formula=formula("prefix_prior"),
        quantities=suffix_numbers,
        planted=(
            planted("peeking_prior", "the prior has seen the tokens that are bounded", _peeking_prior),
            planted("whole_stream", "C divided by n in place of n - n_0", _whole_stream),
        ),
    ),
    TailBound(
        name="progressive_validation",
        statement="the mean risk of predictors k = 1..n, each trained on the first k-1 tokens: n C = ln(1/delta)",
        sources=(cited("blum1999"), cited("cesabianchi2004")),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE, "predictor k has seen tokens 1..k-1 only"),
        minimum=ONE_STREAM,
        setting=OneStream(),
        bounds=(along_the_run,),
        anytime=True,
        planted=(mistakes.memorised(along_the_run), mistakes.no_confidence(along_the_run)),
    ),
    TailBound(
        name="held_out",
        statement="one fixed predictor on a stream it has not seen: n C = ln(1/delta)",
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE, "the predictor was fixed before the test stream was seen"),
        minimum=ONE_STREAM,
        setting=OneStream(),
        bounds=(on_a_test_stream,),
        anytime=True,
        planted=(
            Planted("best_of_several", "the best of 8 runs on the test stream, reported as if it had been the only one",
                    {"setting": ManyHypotheses(), "bounds": mistakes.best_of(8)(on_a_test_stream).changes["bounds"]}),
        ),
    ),
)  # fmt: skip
