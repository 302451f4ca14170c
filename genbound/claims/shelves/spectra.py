"""Quantization error and water-filling where the Hessian has eigenvalues i^-p (THEORY 9)."""

from __future__ import annotations

from genbound.claims.card import Claim, Planted, Rate, cited
from genbound.claims.formulas import formula
from genbound.claims.rates import at, off, read, spoiled

SPECTRUM = "the Hessian has eigenvalues i^-p, i = 1, ..., n"
INCOHERENT = "the Hessian is mu-incoherent, mu not growing with n"
LDLQ = "the bound on LDLQ, (m/12) Delta_b^2 (mu^2/n) tr(H^{1/2})^2, is cited"
RATIO = "tr(H^{1/2})^2/(n tr H)"


def _ratio(case: str, words: str, name: str, exponent: str | None, planted: tuple[Planted, ...],
           p: str = "spectral_exponent") -> Rate:  # fmt: skip
    """The card of one case of the trace ratio."""
    return Rate(
        name=name,
        statement=f"{RATIO} ~ {words}, {case}",
        sources=(cited("chee2023"),),
        assumes=(SPECTRUM, case),
        minimum=frozenset({"derive"}),
        note="what LDLQ gains over nearest rounding, by its bound at mu = 1",
        formula=at("trace_ratio", spectral_exponent=p),
        over="dimension",
        to="oo",
        leading=formula(name),
        exponent=None if exponent is None else read(exponent),
        planted=planted,
    )


def _wrong(name: str, mistake: str, true: str, by: str) -> tuple[Planted, ...]:
    return (off(name, mistake, spoiled(true, by)),)


CARDS: tuple[Claim, ...] = (
    _ratio(
        "p < 1",
        "(1 - p)/(1 - p/2)^2",
        "trace_ratio_slow",
        "0",
        _wrong("square_forgotten", "1 - p/2 not squared", "trace_ratio_slow", "1 - spectral_exponent/2"),
    ),
    _ratio(
        "p = 1",
        "4/ln n",
        "trace_ratio_at_one",
        None,
        _wrong("no_logarithm", "a constant", "trace_ratio_at_one", "log(dimension)"),
        p="1",
    ),
    _ratio(
        "1 < p < 2",
        "n^{1-p}/((1 - p/2)^2 zeta(p))",
        "trace_ratio_middle",
        "1 - spectral_exponent",
        _wrong("dimension_kept", "n^{2-p}", "trace_ratio_middle", "dimension"),
    ),
    _ratio(
        "p = 2",
        "6 ln^2 n/(pi^2 n)",
        "trace_ratio_at_two",
        None,
        _wrong("one_logarithm", "one logarithm for two", "trace_ratio_at_two", "1/log(dimension)"),
        p="2",
    ),
    _ratio(
        "p > 2",
        "zeta(p/2)^2/(zeta(p) n)",
        "trace_ratio_fast",
        "-1",
        _wrong(
            "high_rate",
            "n^{1-p}, the law of the high-rate limit",
            "trace_ratio_fast",
            "dimension**(2 - spectral_exponent)",
        ),
    ),
    Rate(
        name="geometric_mean_ratio_fast",
        statement="n GM(lambda)/tr H ~ e^p n^{1-p}/zeta(p) for p > 1",
        assumes=(SPECTRUM, "p > 1"),
        minimum=frozenset({"derive"}),
        note="derived here: no rotation of the weights brings LDLQ below this ratio",
        formula=formula("geometric_mean_ratio"),
        over="dimension",
        to="oo",
        leading=formula("geometric_mean_ratio_fast"),
        exponent=read("1 - spectral_exponent"),
        planted=_wrong("stirling", "(n!)^{1/n} taken for n", "geometric_mean_ratio_fast", "exp(-spectral_exponent)"),
    ),
    Rate(
        name="quantization_at_bits",
        statement="nearest rounding to 2^b values over a range Delta_w: ~ (m/12) Delta_w^2 4^-b tr H",
        sources=(cited("chee2023"),),
        assumes=("rounding errors of different weights independent, uniform on a grid step",),
        minimum=frozenset({"derive"}),
        formula=at("nearest_rounding", grid_step="weight_range/(2**bit_width - 1)"),
        over="bit_width",
        to="oo",
        leading=formula("quantization_at_bits"),
        planted=_wrong("two", "2^-b for 4^-b", "quantization_at_bits", "2**bit_width"),
    ),
    Rate(
        name="quantization_error",
        statement="(m/12) Delta_b^2 (mu^2/n) tr(H^{1/2})^2 ~ (m/12) Delta_b^2 mu^2 n^{1-p}/(1 - p/2)^2 for p < 2",
        sources=(cited("chee2023"),),
        uses=("trace_ratio_middle", "quantization_at_bits"),
        assumes=(SPECTRUM, INCOHERENT, LDLQ, "0 < p < 2"),
        minimum=frozenset({"derive"}),
        note="it falls with the width for p > 1 only; of the order ln^2 n/n at p = 2 and 1/n above",
        formula=formula("quantization_error"),
        over="dimension",
        to="oo",
        leading=formula("quantization_error_slow"),
        exponent=read("1 - spectral_exponent"),
        planted=_wrong("square_forgotten", "1 - p/2 not squared", "quantization_error_slow", "1 - spectral_exponent/2"),
    ),
    Rate(
        name="water_filling_law",
        statement="k^{1-p} + sum_{i > k} i^-p ~ (p/(p-1)) (2 ln 2 bits/p)^{1-p}, the bits of k active directions",
        assumes=(SPECTRUM, "p > 1", "k directions active, k small against n", "reverse water-filling is cited"),
        minimum=frozenset({"derive"}),
        note="derived here: below p/(2 ln 2) bits a direction the error falls as bits^{1-p}, not as 4^-bits",
        formula=formula("water_filling_distortion"),
        over="active",
        to="oo",
        leading=formula("water_filling_law"),
        planted=_wrong("nats", "nats for bits", "water_filling_law", "log(2)**(spectral_exponent - 1)"),
    ),
)
