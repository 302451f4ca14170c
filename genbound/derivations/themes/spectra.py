"""Quantization error for power-law spectra (THEORY 9): rounding, the trace ratio of LDLQ, the high-rate limit.

The Hessian has eigenvalues i^-p, i = 1, ..., n. Every law is squeezed between two bounds that hold for each n, which
are chains of their own (`..._below`, `..._above`).
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Identity
from genbound.derivations.reasons.asymptotics import Integrated, Leading, Telescope
from genbound.derivations.reasons.paths import Along
from genbound.derivations.rules import Z
from genbound.derivations.themes.power_law import (
    HALF,
    ONE,
    SIDES,
    STEEP,
    TWO,
    Case,
    exchanged,
    law,
    log_bound,
    sum_bound,
)
from genbound.symbols import symbols

n, p, i, rows, mu = symbols("dimension spectral_exponent i rows incoherence")
_CITED = ("chee2023",)


def _ratio_bounds(name: str, q: sp.Expr, series: tuple[bool, bool], where: Case) -> tuple[Derivation, Derivation]:
    """tr(H^{1/2})^2/(n tr H) between two bounds: first the numerator, then the denominator."""
    whole, found = f.power_sum(q), []
    for side, other, sign in SIDES:
        root, first = sum_bound(q / 2, side, series[0])
        trace, second = sum_bound(q, other, series[1])
        steps = (
            Step(sign, root**2 / (n * whole), replace(first, context=Z**2 / (n * whole))),
            Step(sign, root**2 / (n * trace), replace(second, context=root**2 / (n * Z))),
        )
        title = f"tr(H^(1/2))^2/(n tr H), from {side}"
        found.append(Derivation(f"{name}_{side}", f.trace_ratio(q), steps, title=title, where=where))
    return found[0], found[1]


def _mean_bounds(name: str, q: sp.Expr, series: bool, where: Case) -> tuple[Derivation, Derivation]:
    """n GM(lambda)/tr H between two bounds: first GM, then tr H."""
    whole, found = f.power_sum(q), []
    for side, other, sign in SIDES:
        log, first = log_bound(other)
        trace, second = sum_bound(q, other, series)
        steps = (
            Step(sign, n * sp.exp(-q * log / n) / whole, replace(first, context=n * sp.exp(-q * Z / n) / whole)),
            Step(sign, n * sp.exp(-q * log / n) / trace, replace(second, context=n * sp.exp(-q * log / n) / Z)),
        )
        title = f"n GM(lambda)/tr H, from {side}"
        found.append(Derivation(f"{name}_{side}", f.geometric_mean_ratio(q), steps, title=title, where=where))
    return found[0], found[1]


_SLOW, _MIDDLE, _FAST = {p: (sp.Integer(0), ONE)}, {p: (ONE, TWO)}, {p: (TWO, sp.oo)}

TRACE_RATIO_FLAT = Derivation(
    "trace_ratio_flat",
    f.trace_ratio(sp.Integer(0)),
    (Step("==", ONE, Telescope(total=f.power_sum(sp.Integer(0)), closed=i, context=Z**2 / (n * Z))),),
    formula="trace_ratio_flat",
    title="a flat spectrum: LDLQ's bound gains nothing",
)

_RATIO_SLOW = _ratio_bounds("trace_ratio_slow", p, (False, False), _SLOW)
_RATIO_AT_ONE = _ratio_bounds("trace_ratio_at_one", ONE, (False, False), {})
_RATIO_MIDDLE = _ratio_bounds("trace_ratio_middle", p, (False, True), _MIDDLE)
_RATIO_AT_TWO = _ratio_bounds("trace_ratio_at_two", TWO, (False, True), {})
_RATIO_FAST = _ratio_bounds("trace_ratio_fast", p, (True, True), _FAST)

TRACE_RATIO = (
    law("trace_ratio_slow", "the trace ratio for p < 1: a constant", _RATIO_SLOW),
    law("trace_ratio_at_one", "the trace ratio at p = 1: a logarithm", _RATIO_AT_ONE),
    law("trace_ratio_middle", "the trace ratio for 1 < p < 2: n^(1-p)", _RATIO_MIDDLE),
    law("trace_ratio_at_two", "the trace ratio at p = 2: two logarithms", _RATIO_AT_TWO),
    law("trace_ratio_fast", "the trace ratio for p > 2: 1/n", _RATIO_FAST),
)

_HIGH_RATE = (
    "GM(lambda) = det(H)^(1/n), and n det(H)^(1/n) <= tr(D) by am_gm for the diagonal D of any LDL factor of H: no "
    "rotation of the weights brings LDLQ below this ratio"
)
_MEAN_SLOW = _mean_bounds("geometric_mean_ratio_slow", p, False, _SLOW)
_MEAN_AT_ONE = _mean_bounds("geometric_mean_ratio_at_one", ONE, False, {})
_MEAN_FAST = _mean_bounds("geometric_mean_ratio_fast", p, True, STEEP)

HIGH_RATE = (
    law("geometric_mean_ratio_slow", "the high-rate limit for p < 1: a constant", _MEAN_SLOW, _HIGH_RATE),
    law("geometric_mean_ratio_at_one", "the high-rate limit at p = 1", _MEAN_AT_ONE, _HIGH_RATE),
    law("geometric_mean_ratio_fast", "the high-rate limit for p > 1: n^(1-p)", _MEAN_FAST, _HIGH_RATE),
)

_STEP, _RANGE, _BITS, _REST, _TRACE = symbols("grid_step weight_range bit_width hessian_rest hessian_trace")
_ERROR = symbols("rounding_error")[0]
_MEAN, _SQUARE = (sp.Integral(_ERROR**each, (_ERROR, -HALF, HALF)) for each in (1, 2))
_PER_WEIGHT = rows * _STEP**2

NEAREST_ROUNDING = Derivation(
    "nearest_rounding",
    _PER_WEIGHT * (_TRACE * _SQUARE + _REST * _MEAN**2),
    (
        Step(
            "==",
            _PER_WEIGHT * (_TRACE / 12 + _REST * _MEAN**2),
            Integrated(
                integral=_SQUARE, antiderivative=_ERROR**3 / 3, context=_PER_WEIGHT * (_TRACE * Z + _REST * _MEAN**2)
            ),
        ),
        Step(
            "==",
            f.nearest_rounding(),
            Integrated(
                integral=_MEAN, antiderivative=_ERROR**2 / 2, context=_PER_WEIGHT * (_TRACE / 12 + _REST * Z**2)
            ),
        ),
        Step("->", f.quantization_at_bits(), Along(over=_STEP, at=_RANGE / 2**_BITS)),
    ),
    formula="quantization_at_bits",
    title="nearest rounding: a twelfth of a squared grid step for each weight, which falls as 4^-b",
    note="a model: errors of different weights independent and uniform on a grid step, so that off the diagonal only "
    "the product of two means is left; the range of a weight is cut into 2^b cells with a value in the middle of each",
    sources=_CITED,
)

QUANTIZATION_AT_BITS = Derivation(
    "quantization_at_bits",
    f.nearest_rounding().subs(_STEP, _RANGE / (2**_BITS - 1)),
    (Step("~", f.quantization_at_bits(), Leading(over=_BITS)),),
    formula="quantization_at_bits",
    title="4^-b is the leading term where the outer two of the 2^b values are the ends of the range",
)

LDLQ_RATIO = Derivation(
    "ldlq_ratio",
    (rows / 12 * mu**2 / n * f.power_sum(p / 2) ** 2) / (rows / 12 * f.power_sum()),
    (Step("==", f.ldlq_ratio(), Identity(why="unit grid, tr H^(1/2) and tr H of the spectrum put in")),),
    formula="ldlq_ratio",
    title="LDLQ over nearest rounding, for a mu-incoherent Hessian",
    note="the numerator is an upper bound, cited and not derived here: the mean LDLQ error is (m/12) tr(D), and "
    "tr(D) <= (mu^2/n) tr(H^(1/2))^2 needs incoherence; mu >= 1, and where mu grows with n the gain is less",
    sources=_CITED,
)

CHAINS = (
    TRACE_RATIO_FLAT,
    *_RATIO_SLOW,
    *_RATIO_AT_ONE,
    *_RATIO_MIDDLE,
    *_RATIO_AT_TWO,
    *_RATIO_FAST,
    *TRACE_RATIO,
    *_MEAN_SLOW,
    *_MEAN_AT_ONE,
    *_MEAN_FAST,
    *HIGH_RATE,
    NEAREST_ROUNDING,
    QUANTIZATION_AT_BITS,
    LDLQ_RATIO,
)

MISTAKES = (
    Mistake("trace_ratio_flat", 1, "dimension_kept", "the n of the denominator forgotten", after=n),
    *(
        each
        for bounds in (_RATIO_SLOW, _RATIO_AT_ONE, _RATIO_MIDDLE, _RATIO_AT_TWO, _RATIO_FAST)
        for each in exchanged(bounds, "tr H^(1/2)")
    ),
    Mistake("trace_ratio_slow", 2, "square_forgotten", "1 - p/2 not squared", after=(1 - p) / (1 - p / 2)),
    Mistake("trace_ratio_at_one", 2, "log_forgotten", "the harmonic sum taken for a constant", after=sp.Integer(4)),
    Mistake(
        "trace_ratio_middle",
        2,
        "exponent",
        "n^(2 - p): the n of the denominator forgotten",
        after=n * f.trace_ratio_middle(),
    ),
    Mistake("trace_ratio_at_two", 2, "twelve", "12 for 6: zeta(2) taken for pi^2/12", after=2 * f.trace_ratio_at_two()),
    Mistake("trace_ratio_at_two", 2, "one_log", "one logarithm for two", after=f.trace_ratio_at_two() / sp.log(n)),
    Mistake(
        "trace_ratio_fast",
        2,
        "zetas_exchanged",
        "zeta(p) and zeta(p/2) exchanged",
        after=sp.zeta(p) ** 2 / (sp.zeta(p / 2) * n),
    ),
    *(each for bounds in (_MEAN_SLOW, _MEAN_AT_ONE, _MEAN_FAST) for each in exchanged(bounds, "ln(n!)")),
    Mistake("geometric_mean_ratio_slow", 2, "sign", "e^-p for e^p", after=(1 - p) * sp.exp(-p)),
    Mistake("geometric_mean_ratio_at_one", 2, "stirling", "(n!)^(1/n) taken for n, not n/e", after=1 / sp.log(n)),
    Mistake(
        "geometric_mean_ratio_fast",
        2,
        "quip_exponent",
        "1/n, the law of the trace ratio for p > 2",
        after=sp.exp(p) / (n * sp.zeta(p)),
    ),
    Mistake(
        "nearest_rounding", 3, "two", "2^-b for 4^-b: the step not squared", after=f.quantization_at_bits() * 2**_BITS
    ),
    Mistake(
        "quantization_at_bits",
        1,
        "half_step",
        "an error of half a step taken for half of the step",
        after=f.quantization_at_bits() / 4,
    ),
    Mistake("ldlq_ratio", 1, "incoherence", "mu for mu^2", after=f.ldlq_ratio() / mu),
)
