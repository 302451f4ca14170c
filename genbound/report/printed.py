"""Published formulas, and some rules of this theory, against what is derived: as printed, and what holds.

The numbers are evaluated from the formulas, at the constants that are given here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from genbound import formulas as f
from genbound.certified import precision
from genbound.claims.sources import SOURCES
from genbound.derivations.themes.variation import LARGEST, LEAST
from genbound.symbols import symbol

H22 = {"parameter_exponent": 0.34, "data_exponent": 0.28}
B24 = {"parameter_exponent": 0.3478, "data_exponent": 0.3658}
PYTHIA_INFORMATION = {"information_coefficient": 6e5, "information_exponent": 0.5}
PYTHIA_VARIATION = {"variation_limit": 0.27, "variation_coefficient": 8337, "variation_exponent": 0.54}


@dataclass(frozen=True)
class Printed:
    """One formula.

    Attributes:
        source: key of `genbound.claims.sources`; empty for a rule of this theory.
        printed: the formula, as printed.
        holds: what holds, and under which conditions.
        derivations: where that is derived.
    """

    source: str
    printed: str
    holds: str
    derivations: tuple[str, ...]


def _value(expression: sp.Expr, **values: float) -> float:
    with precision():
        return float(f.evaluate(sp.sympify(expression), values))


def _text(expression: sp.Expr, digits: int = 3, **values: float) -> str:
    """The value in a few digits, billions from 1e9 to 1e11."""
    found = _value(expression, **values)
    text = f"{found / 1e9:.{digits}g}B" if 1e9 <= found < 1e11 else f"{found:.{digits}g}"
    return re.sub(r"e([+-])0*", lambda sign: f"e{sign[1].removeprefix('+')}", text)


def _exponent(law: sp.Expr, **values: float) -> str:
    """The exponent of N in a power law."""
    N = symbol("parameters")
    return f"{_value(sp.simplify(N * sp.diff(sp.expand_log(sp.log(law)), N)), **values):.3f}"


def _crossover(bits: float, nats: bool = False, exponent: float = 0.5) -> str:
    """The crossover in information with the fit of [F25]; a coefficient that counts nats is 1/ln 2 as many bits."""
    coefficient = PYTHIA_INFORMATION["information_coefficient"] / (math.log(2) if nats else 1)
    found = {"information_coefficient": coefficient, "information_exponent": exponent, "bit_width": bits}
    return _text(f.information_crossover(), 2 if nats or exponent != 0.5 else 3, **found)


_CELLS = symbol("weight_range") / (2 ** symbol("bit_width") - 1)
_ENDS = f.nearest_rounding().subs(symbol("grid_step"), _CELLS) / f.quantization_at_bits()
_SIZE = symbol("s_grid_size")

PRINTED = (
    Printed("finzi2025", "R <= R_hat + C ln V + Sigma sqrt(C) + sqrt(2C)",
            "holds at alpha = C/(1 + C), which looks at no loss; the last term may be 2 ln 2 sqrt(C), or h(C) itself",
            ("finzi_bound", "smoothing_cost_sqrt", "smoothing_cost_sqrt_sharp")),
    Printed("finzi2025", "h(C) <= sqrt(2C)",
            "holds for every C > 0; so does 2 ln 2 sqrt(C), with equality at C = 1: the sharp constant is 2 ln 2 = "
            f"{_text(f.smoothing_cost_sqrt_sharp(), 4, C=1)}, for sqrt(2) = {_text(f.smoothing_cost_sqrt(), 4, C=1)}",
            ("smoothing_cost_sqrt", "smoothing_cost_sqrt_sharp")),
    Printed("finzi2025", "Sigma <= 2 sqrt(mean (X - Y)^2)",
            "holds where some s of the grid lies near the best one: on i/(|K| + 1) it suffices that C/mean A^2 lies "
            "between ((2 - sqrt 2)/(2|K|))^2 and ((2 + sqrt 2)|K|/2)^2, that is "
            f"{_text((LEAST / (2 * _SIZE)) ** 2, 2, s_grid_size=1000)} and "
            f"{_text((LARGEST * _SIZE / 2) ** 2, 2, s_grid_size=1000)} for |K| = 1000. That it fails is proved for "
            "C > 4 |K|^2 mean A^2 and at one point below the range; the rest is open. At the best s it is "
            "sqrt(2 mean (X - Y)^2) at most, without any condition",
            ("loss_variation_cap_printed", "grid_of_odds", "loss_variation_least", "loss_variation_cap_fails",
             "loss_variation_cap")),
    Printed("finzi2025", "the loss variation falls with the size of the model: .27 + 8337 N^-.54",
            "the fit tends to its constant, not to 0 "
            f"({_text(f.loss_variation_law(), 2, parameters=1e9, **PYTHIA_VARIATION)} at 1e9 parameters, "
            f"{_text(f.loss_variation_law(), 2, parameters=1e12, **PYTHIA_VARIATION)} at 1e12), so that Sigma sqrt(C) "
            "falls no faster than sqrt(C)",
            ("loss_variation_law", "gap_law")),
    Printed("finzi2025", "information of a model: K(h) ln 2 is about the prequential area",
            "a heuristic: no code of that length is exhibited; what follows from it is derived",
            ("prequential_information", "frontier_information_per_parameter")),
    Printed("finzi2025", "sublinear information beats quantized weights at 20-30B parameters",
            f"{_crossover(4)} for bits, 4 bits a parameter and the exponent .5; {_crossover(3)} at 3 bits, "
            f"{_crossover(4, nats=True)} and {_crossover(3, nats=True)} if the fit counts nats, "
            f"{_crossover(4, exponent=0.4)} to {_crossover(4, exponent=0.6)} for exponents .4 to .6",
            ("information_crossover", "crossover_in_nats", "crossover_sensitivity")),
    Printed("finzi2025", "the bound tightens with the size of the model",
            "not to zero at a fixed number of tokens per parameter: C does not fall; where C falls as N^-kappa the gap "
            "falls as N^-min(kappa/2, r)",
            ("parameters_per_token", "fixed_ratio_gap", "gap_law")),
    Printed("hoffmann2022", "tokens in proportion to parameters (since read as about 20 to 1)",
            "for a = b only: otherwise D/N goes as N^{a/b - 1}, an exponent of "
            f"{_exponent(f.frontier_tokens_per_parameter(), **H22)} with the a and b printed there, of "
            f"{_exponent(f.frontier_tokens_per_parameter(), **B24)} with those of the refit by Besiroglu et al. (2024)",
            ("frontier_ratio", "frontier_relation")),
    Printed("chee2023", "tr(D) <= (mu^2/n) tr(H^{1/2})^2: LDLQ against nearest rounding",
            "cited, not derived, and for a mu-incoherent Hessian only. Derived is what it comes to for eigenvalues "
            "i^-p: mu^2 times a ratio that is constant for p < 1, 4/ln n at p = 1, of the order n^{1-p} up to p = 2, "
            "ln^2 n/n there, 1/n beyond",
            ("ldlq_ratio", "trace_ratio_slow", "trace_ratio_at_one", "trace_ratio_middle", "trace_ratio_at_two",
             "trace_ratio_fast")),
    Printed("", "quantization error ~ 4^-b at b bits a weight",
            "exactly so for 2^b cells with a value in the middle of each; where the outer values are the ends of the "
            "range the step is range/(2^b - 1), and 4^-b is the leading term only: "
            f"{_text(_ENDS, bit_width=2)} times as much at 2 bits, {_text(_ENDS, bit_width=4)} at 4",
            ("nearest_rounding", "quantization_at_bits")),
    Printed("", "4^-b holds from p/(2 ln 2) bits a direction on (eigenvalues i^-p)",
            "that rate suffices for every n; what is needed is less and tends to it as n grows: at p = 1 "
            f"{_text(f.active_rate(), dimension=100, spectral_exponent=1)} bits for n = 100, "
            f"{_text(f.active_rate(), dimension=1000, spectral_exponent=1)} for n = 1000, "
            f"{_text(f.active_rate_limit(), spectral_exponent=1)} in the limit",
            ("active_rate", "active_rate_limit")),
    Printed("", "below that rate the error goes as (total bits)^{1-p}",
            "for p > 1 and k active directions, 1 << k << n: (p/(p - 1)) (2 ln 2 bits/p)^{1-p}; at k = n the error is "
            "n^{1-p}, less by the factor p/(p - 1)",
            ("water_filling_law", "water_filling_distortion_leading")),
)  # fmt: skip


def printed_markdown() -> Iterator[str]:
    """The table, in Markdown."""
    yield "| source | as printed | what holds | derivation |"
    yield "|---|---|---|---|"
    for each in PRINTED:
        names = ", ".join(f"`{name}`" for name in each.derivations)
        source = SOURCES[each.source].short() if each.source else "this theory"
        cells = (source, f"`{each.printed}`", each.holds, names)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


BEGIN, END = "<!-- printed: paper_figures/appendix.py -->", "<!-- end of printed -->"


def with_printed(text: str) -> str:
    """README text with a fresh table between its markers."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{chr(10).join(printed_markdown())}\n{END}{rest.split(END)[1]}"
