"""Other people's bounds, each labelled by what it assumes (THEORY 1, comparators)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flint import arb

from genbound.certified import precision
from genbound.claims import mistakes
from genbound.claims.card import Claim, TailBound, cited
from genbound.claims.formulas import complexity_of, formula, mean_square_bet, means, sample_variance
from genbound.claims.members import howard_at, kl_inf_at, kl_inverse_at
from genbound.claims.mistakes import planted
from genbound.claims.numbers import constant_numbers
from genbound.claims.settings import OneStream
from genbound.claims.shelves.one_hypothesis import PREDICTABLE, RANGE, STREAM
from genbound.concentration import empirical_bernstein, howard, kl_inf, kl_inverse, maurer_pontil, mineiro

IID = "independent losses of one law"
FIXED_N = "one n, fixed beforehand"
SAMPLED = frozenset({"certify", "fuzz", "exact", "simulate"})

INDEPENDENT_KL = partial(kl_inverse, assume="independent")
CONSTANT_KL_INF = partial(kl_inf, assume="constant mean")

KL = kl_inverse_at(1.25)
KL_INF = kl_inf_at(1.25)
HOWARD = howard_at(0.5)


def _variance_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    published = result.name == "maurer_pontil"
    with precision(256):
        nats = arb(float(given["log_inv_delta"])) + arb(2 if published else 3).log()
        return means({"prediction_floor": 0.0, **given}) | {
            "C": nats / result.n,
            "n": arb(result.n),
            "Delta": arb(float(given["ceiling"])),
            "variance": sample_variance(given, result.n - 1 if published else result.n),
        }


def _howard_numbers(result: Any, given: Mapping[str, Any]) -> dict[str, arb]:
    return means(given) | {
        "C": complexity_of(result, given),
        "s": arb(float(result.tuned["lambda"])),
        "mean_square": mean_square_bet(given),
    }


CARDS: tuple[Claim, ...] = (
    TailBound(
        name="kl_inverse",
        statement="R <= min_u u - e^{-C} (u - B)^p u^{1-p}, p = mean X/B, u >= B from a paid grid: any adapted losses\n"
        "(over all u the minimum is B sup{q : kl(p, q) <= C})",
        sources=(cited("hoeffding1963", "Theorem 1"),),
        uses=("geometric_mean", "linear_binning"),
        assumes=(STREAM, RANGE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        setting=OneStream(),
        bounds=(KL, kl_inverse),
        anytime=True,
        planted=(
            planted("unpaid", "the kl inverse of independent losses on adapted ones", INDEPENDENT_KL),
            mistakes.no_confidence(KL),
        ),
    ),
    TailBound(
        name="kl_inverse_independent",
        statement="R <= B sup{q : kl(mean X/B, q) <= C}, nothing paid: independent losses",
        sources=(cited("hoeffding1963", "Theorem 1"),),
        uses=("chord_step",),
        assumes=("independent losses, not necessarily of one law", RANGE, FIXED_N),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        setting=OneStream(),
        bounds=(INDEPENDENT_KL,),
        dependence="independent",
        planted=(
            mistakes.half_complexity(INDEPENDENT_KL),
            mistakes.sample_ceiling(INDEPENDENT_KL),
        ),
    ),
    TailBound(
        name="kl_inf",
        statement="R <= min_u u - e^{-C} GM(u - X), u >= B from a paid grid: any adapted losses\n"
        "(over all u the minimum is sup{E_Q X : KL(P_hat || Q) <= C, Q <= B})",
        sources=(cited("honda2010"), cited("cappe2013")),
        uses=("geometric_mean",),
        assumes=(STREAM, RANGE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        setting=OneStream(),
        bounds=(KL_INF, kl_inf),
        anytime=True,
        formula=formula("kl_inf"),
        quantities=constant_numbers,
        planted=(
            mistakes.no_confidence(KL_INF),
            mistakes.half_complexity(KL_INF),
        ),
    ),
    TailBound(
        name="kl_inf_constant_mean",
        statement="R <= sup{E_Q X : KL(P_hat || Q) <= C, Q <= B}, n C = ln(2 sqrt(n)/delta): one conditional mean",
        sources=(cited("orabona2024"), cited("waudbysmith2024")),
        uses=("one_step_product",),
        assumes=("one conditional mean, whatever the past", RANGE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        setting=OneStream(),
        bounds=(CONSTANT_KL_INF,),
        dependence="constant_mean",
        anytime=True,
        planted=(mistakes.no_confidence(CONSTANT_KL_INF),),
    ),
    TailBound(
        name="maurer_pontil",
        statement="R <= mean X + sqrt(2 V ln(2/delta)/n) + 7 B ln(2/delta)/(3 (n-1)): independent, one law",
        sources=(cited("maurer2009", "Theorem 4"),),
        assumes=(IID, RANGE, FIXED_N),
        minimum=SAMPLED,
        setting=OneStream(),
        bounds=(maurer_pontil,),
        formula=formula("maurer_pontil"),
        quantities=_variance_numbers,
        dependence="iid",
        planted=(
            mistakes.without("no_range_term", "range")(maurer_pontil),
            mistakes.sample_ceiling(maurer_pontil),
        ),
    ),
    TailBound(
        name="empirical_bernstein",
        statement="R <= mean X + sqrt(2 V ln(3/delta)/n) + 3 B ln(3/delta)/n: independent, one law",
        sources=(cited("audibert2009", "Theorem 1"),),
        assumes=(IID, RANGE, FIXED_N),
        minimum=SAMPLED,
        setting=OneStream(),
        bounds=(empirical_bernstein,),
        formula=formula("empirical_bernstein"),
        quantities=_variance_numbers,
        dependence="iid",
        planted=(
            mistakes.without("no_range_term", "range")(empirical_bernstein),
            mistakes.sample_ceiling(empirical_bernstein),
        ),
    ),
    TailBound(
        name="howard",
        statement="R <= mean X + min_lambda [C + psi_E(lambda) mean A^2] Delta/lambda, lambda < 1 from a paid grid",
        sources=(cited("howard2021", "Theorem 4"), cited("fan2015")),
        uses=("fan_step", "empirical_freedman"),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=frozenset({"derive", "certify", "fuzz", "exact", "simulate"}),
        setting=OneStream(),
        bounds=(HOWARD, howard),
        formula=formula("howard"),
        quantities=_howard_numbers,
        anytime=True,
        planted=(mistakes.no_confidence(HOWARD), mistakes.sample_ceiling(HOWARD)),
    ),
    TailBound(
        name="mineiro",
        statement="R <= M with sum_j pi_j exp(n lambda_j (M - mean Y)/Delta) prod (1 + lambda_j A_k) = 1/delta",
        sources=(cited("mineiro2022"),),
        uses=("empirical_freedman",),
        assumes=(STREAM, RANGE, PREDICTABLE),
        minimum=frozenset({"fuzz", "exact", "simulate"}),
        note="of the type of Mineiro's confidence sequence, with a finite mixture",
        setting=OneStream(),
        bounds=(mineiro,),
        effort=4,
        anytime=True,
        planted=(mistakes.no_confidence(mineiro), mistakes.sample_ceiling(mineiro)),
    ),
)
