"""One fixed hypothesis (THEORY 1): the bounds the library is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import arb

from genbound.certified import precision
from genbound.claims import mistakes
from genbound.claims.card import Claim, TailBound, cited
from genbound.claims.formulas import complexity_of, formula, log_mean, means
from genbound.claims.members import empirical_freedman_at, geometric_mean_at, lower_geometric_mean_at
from genbound.claims.numbers import capped_numbers
from genbound.claims.settings import AnyTime, OneStream
from genbound.concentration import (
    ConfidenceSequence,
    azuma_hoeffding,
    capped_geometric_mean,
    empirical_freedman,
    freedman,
    geometric_mean,
    lower_geometric_mean,
    mixture,
)
from genbound.concentration.mixture import MEMBERS
from genbound.concentration.result import BoundResult

STREAM = "tokens drawn one after another from any law; no independence, no stationarity"
RANGE = "0 <= X <= B under the true law, not only on the data"
PREDICTABLE = "Y is a function of the past only and never below its declared floor"
STRONG = frozenset({"derive", "certify", "fuzz", "exact", "simulate"})

SIMPLE = geometric_mean_at(1.0)
WIDE = geometric_mean_at(1.5)
STEEP = empirical_freedman_at(0.9)
MILD = empirical_freedman_at(0.5)


def _azuma_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    return means(given) | {"C": complexity_of(result, given), "Delta": arb(float(given["ceiling"]))}


def _geometric_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    with precision(256):
        d = arb(result.tuned["shift"])
        known = means(given)
        factor = log_mean(given, d).exp()
        return known | {
            "C": complexity_of(result, given), "D": d,
            "mean_bound": known["mean_prediction"] + d, "G": factor,
        }  # fmt: skip


def _freedman_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    with precision(256):
        known, s = means(given), arb(result.tuned["s"])
        d = known["Delta"] / s
        tilt = (known["mean_prediction"] - known["mean_loss"]) / d
        mean_v = tilt - (log_mean(given, d) - d.log())
        return known | {"C": complexity_of(result, given), "s": s, "mean_v": mean_v}


def _lower_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    with precision(256):
        known, d = means(given), arb(result.tuned["shift"])
        factor = log_mean(given, d, -1).exp()
        return known | {
            "C": complexity_of(result, given), "D": d,
            "mean_lower": known["mean_prediction"] - d, "G_lower": factor,
        }  # fmt: skip


def _known_variance_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    return means(given) | {
        "C": complexity_of(result, given), "Delta": arb(float(given["ceiling"])),
        "variance": arb(float(given["variance"])), "lam": arb(float(result.tuned["lambda"])),
    }  # fmt: skip


def capped_at_half(losses: Any, predictions: Any, *, ceiling: float, log_inv_delta: float) -> BoundResult:
    """`capped_geometric_mean` with U = max(B, Y + B/2)."""
    return capped_geometric_mean(losses, predictions, ceiling=ceiling, log_inv_delta=log_inv_delta, shift=ceiling / 2)


def both_sides(losses: Any, predictions: Any, *, ceiling: float, log_inv_delta: float) -> tuple[float, float]:
    """`ConfidenceSequence` read once."""
    sequence = ConfidenceSequence(low=0.0, high=ceiling, log_inv_delta=log_inv_delta)
    sequence.update(losses, predictions)
    return sequence.lower, sequence.upper


def _reflected(losses: Any, predictions: Any, *, ceiling: float, log_inv_delta: float) -> tuple[float, float]:
    upper = mixture(losses, predictions, ceiling=ceiling, log_inv_delta=log_inv_delta).value
    return 2 * sum(losses) / len(losses) - upper, upper


CARDS: tuple[Claim, ...] = (
    TailBound(
        name="azuma_hoeffding",
        statement="R <= mean X + Delta sqrt(C/2), X in an interval of length Delta",
        sources=(cited("lotfi2024"), cited("azuma1967"), cited("hoeffding1963")),
        uses=("chord_step", "hoeffding_lemma"),
        assumes=(STREAM, RANGE, "one n, fixed beforehand"),
        minimum=STRONG,
        setting=OneStream(),
        bounds=(azuma_hoeffding,),
        formula=formula("azuma_hoeffding"),
        quantities=_azuma_numbers,
        planted=(
            mistakes.half_range(azuma_hoeffding),
            mistakes.sample_ceiling(azuma_hoeffding),
            mistakes.exchanged_delta(azuma_hoeffding),
        ),
    ),
    TailBound(
        name="freedman",
        statement="R <= mean X + min_lambda Delta (C + (e^lambda - 1 - lambda) v/Delta^2)/lambda, mean Var <= v",
        sources=(cited("freedman1975", "Theorem 1.6"), cited("bennett1962")),
        uses=("freedman_step", "bennett_step"),
        assumes=(STREAM, RANGE, "v is known beforehand", "one n, fixed beforehand"),
        minimum=frozenset({"derive", "certify", "fuzz", "simulate"}),
        setting=OneStream(variance_share=0.25),
        bounds=(freedman,),
        formula=formula("freedman"),
        quantities=_known_variance_numbers,
        laws=frozenset({"monotone", "order"}),
        planted=(mistakes.divided_twice(freedman), mistakes.no_confidence(freedman)),
    ),
    TailBound(
        name="empirical_freedman",
        statement="R <= mean X + min_s (Delta/s)(C + mean v(s A)), A = (Y - X)/Delta, C including ln|K|/n",
        sources=(cited("finzi2025", "Theorem 3.1"),),
        uses=("one_step_freedman", "v_nonnegative", "sigma_form", "shift_form"),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=STRONG,
        setting=OneStream(),
        bounds=(STEEP, MILD, empirical_freedman),
        anytime=True,
        formula=formula("empirical_freedman"),
        quantities=_freedman_numbers,
        planted=(mistakes.half_complexity(STEEP), mistakes.peeking_centre(STEEP), mistakes.sample_ceiling(STEEP)),
    ),
    TailBound(
        name="geometric_mean",
        statement="R <= mean U - e^{-C} GM(U - X) for predictable U >= X",
        uses=("one_step_product", "am_gm"),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=STRONG,
        note="derived here; novelty unverified",
        setting=OneStream(),
        bounds=(SIMPLE, WIDE, geometric_mean),
        anytime=True,
        formula=formula("geometric_mean"),
        quantities=_geometric_numbers,
        planted=(
            mistakes.half_complexity(SIMPLE),
            mistakes.peeking_centre(SIMPLE),
            mistakes.sample_ceiling(SIMPLE),
            mistakes.small_shift(SIMPLE),
            mistakes.exchanged_delta(SIMPLE),
            mistakes.unpaid_grid(geometric_mean),
        ),
    ),
    TailBound(
        name="geometric_mean_anytime",
        statement="R_n <= mean U - e^{-C_n} GM(U - X), n C_n = ln(1/delta), for all n simultaneously",
        sources=(cited("ville1939"),),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        note="Ville's inequality for the martingale behind geometric_mean",
        setting=AnyTime(),
        bounds=(SIMPLE, empirical_freedman_at(0.9)),
        anytime=True,
        planted=(mistakes.half_complexity(SIMPLE),),
    ),
    TailBound(
        name="lower_geometric_mean",
        statement="R >= mean L + e^{-C} GM(X - L) for predictable L <= X",
        uses=("one_step_product", "am_gm"),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=STRONG,
        setting=OneStream(),
        bounds=(lower_geometric_mean_at(0.0), lower_geometric_mean_at(0.5), lower_geometric_mean),
        side="lower",
        anytime=True,
        formula=formula("lower_geometric_mean"),
        quantities=_lower_numbers,
        planted=(mistakes.half_complexity(lower_geometric_mean_at(0.0)), mistakes.wrong_side(SIMPLE)),
    ),
    TailBound(
        name="mixture",
        statement="R <= M with sum_j pi_j [GM(U_j - X)/(mean U_j - M)]^n = 1/delta, sum_j pi_j <= 1",
        sources=(cited("kaplan1987"), cited("waudbysmith2024")),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE, "members and weights fixed beforehand"),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        note="derived here; novelty unverified",
        setting=OneStream(),
        bounds=(mixture,),
        effort=4,
        anytime=True,
        planted=(
            mistakes.unnormalised(MEMBERS)(mixture),
            mistakes.peeking_centre(mixture),
            mistakes.sample_ceiling(mixture),
        ),
    ),
    TailBound(
        name="capped_geometric_mean",
        statement="R <= mean U - e^{-C} GM(U - X), U = max(B, Y + D), any D",
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        note="derived here; novelty unverified",
        setting=OneStream(),
        bounds=(capped_at_half, capped_geometric_mean),
        anytime=True,
        formula=formula("geometric_mean"),
        quantities=capped_numbers,
        planted=(mistakes.half_complexity(capped_at_half), mistakes.sample_ceiling(capped_at_half)),
    ),
    TailBound(
        name="confidence_sequence",
        statement="lower_n <= (1/n) sum E[X_k | past] <= upper_n for all n simultaneously, delta/2 a side",
        sources=(cited("ville1939"), cited("waudbysmith2024")),
        uses=("mixture",),
        assumes=(STREAM, "low <= X <= high under the true law", PREDICTABLE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        setting=AnyTime(),
        bounds=(both_sides,),
        effort=24,
        anytime=True,
        laws=frozenset({"monotone"}),
        planted=(
            mistakes.planted("reflected_lower_end", "the lower end mirrors the upper one around the mean", _reflected),
            mistakes.no_confidence(both_sides),
        ),
    ),
)
