"""What a model has learnt, by the prequential area, and where that is less than its quantized weights (THEORY 9).

That a model's information is about this area is a heuristic; what follows from it is derived here.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Certified, Identity
from genbound.derivations.reasons.asymptotics import IntegralTest, Solve, Squeeze, ZetaRest
from genbound.derivations.reasons.paths import Along
from genbound.derivations.rules import Z
from genbound.derivations.themes.frontier import FRONTIER_RELATION
from genbound.symbols import symbols

N, D, rho, i = symbols("parameters training_tokens tokens_per_parameter i")
A, a, B, b = symbols("parameter_coefficient parameter_exponent data_coefficient data_exponent")
coefficient, beta, saving, bit_width = symbols(
    "information_coefficient information_exponent information_saving bit_width"
)

HEURISTIC = (
    "Heuristic: that K(h) ln 2 is about this area is the argument of [F25]; no code of that length is exhibited."
)
_AREA = f.prequential_area()
_SUM = sp.Sum(i**-b, (i, 1, D))
_MANY = {D: (1, sp.oo)}
_BELOW_ONE, _ABOVE_ONE = {**_MANY, b: (0, 1)}, {**_MANY, b: (1, sp.oo)}
_REST = -B * D ** (1 - b)
_FLOOR = f.prequential_cap() - B * (1 - D**-b)


def _bounds(name: str, where: Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]) -> tuple[Derivation, Derivation]:
    """The area between its two integrals, for b other than 1."""
    primitive = i ** (1 - b) / (1 - b)
    found = []
    for side, relation, last in (("below", ">=", _FLOOR), ("above", "<=", f.prequential_cap())):
        ends = (D ** (1 - b) - 1) / (1 - b) + (D**-b if side == "below" else 1)
        reason = IntegralTest(total=_SUM, antiderivative=primitive, side=side, context=B * Z + _REST)
        found.append(
            Derivation(
                f"{name}_{side}",
                _AREA,
                (Step(relation, B * ends + _REST, reason), Step("==", last, Identity())),
                where=where,
                title=f"The prequential area from {side}",
                note=HEURISTIC,
                sources=("finzi2025",),
            )
        )
    return found[0], found[1]


AREA_BELOW, AREA_ABOVE = _bounds("prequential_area", _BELOW_ONE)

PREQUENTIAL_INFORMATION = Derivation(
    "prequential_information",
    _AREA,
    (Step("~", f.prequential_information(), Squeeze(below=AREA_BELOW, above=AREA_ABOVE, over=D)),),
    where=_BELOW_ONE,
    title="What is learnt from D tokens when the excess risk falls as B k^-b, b < 1: sublinear in the tokens",
    note=HEURISTIC,
    sources=("finzi2025",),
)

_HARMONIC = _AREA.subs(b, 1)
_HARMONIC_SUM = _SUM.subs(b, 1)


def _harmonic(side: str, relation: str, last: sp.Expr) -> Derivation:
    reason = IntegralTest(total=_HARMONIC_SUM, antiderivative=sp.log(i), side=side, context=B * Z - B)
    ends = sp.log(D) + (1 / D if side == "below" else 1)
    steps = (Step(relation, B * ends - B, reason), Step("==", last, Identity()))
    return Derivation(f"prequential_area_at_one_{side}", _HARMONIC, steps, where=_MANY,
                      title=f"The prequential area at b = 1, from {side}")  # fmt: skip


ONE_BELOW = _harmonic("below", ">=", B * sp.log(D) + B / D - B)
ONE_ABOVE = _harmonic("above", "<=", f.prequential_information_log())

PREQUENTIAL_INFORMATION_LOG = Derivation(
    "prequential_information_log",
    _HARMONIC,
    (Step("~", f.prequential_information_log(), Squeeze(below=ONE_BELOW, above=ONE_ABOVE, over=D)),),
    formula="prequential_information_log",
    where=_MANY,
    title="What is learnt from D tokens at b = 1: a logarithm",
    note=HEURISTIC,
)


def _zeta(side: str, relation: str) -> Derivation:
    rest = D ** (1 - b) / (b - 1) - (D**-b if side == "above" else 0)
    reason = ZetaRest(total=_SUM, exponent=b, side=side, context=B * Z + _REST)
    steps = (Step(relation, B * (sp.zeta(b) - rest) + _REST, reason),)
    return Derivation(f"prequential_area_by_zeta_{side}", _AREA, steps, where=_ABOVE_ONE,
                      title=f"The prequential area for b > 1, from {side}")  # fmt: skip


ZETA_BELOW, ZETA_ABOVE = _zeta("below", ">="), _zeta("above", "<=")

PREQUENTIAL_INFORMATION_LIMIT = Derivation(
    "prequential_information_limit",
    _AREA,
    (Step("~", f.prequential_information_limit(), Squeeze(below=ZETA_BELOW, above=ZETA_ABOVE, over=D)),),
    where=_ABOVE_ONE,
    title="What is ever learnt where b > 1: B zeta(b) nats",
    note=HEURISTIC,
)

_STEEP = _bounds("prequential_area_steep", _ABOVE_ONE)[1]

PREQUENTIAL_CEILING = Derivation(
    "prequential_information_ceiling",
    _AREA,
    (
        *_STEEP.steps,
        Step("==", B * b / (b - 1) * (1 - D ** (1 - b)), Identity()),
        Step("<=", f.prequential_information_ceiling(),
             Certified(small=-D ** (1 - b), large=sp.Integer(0), context=B * b / (b - 1) * (1 + Z))),
    ),
    formula="prequential_information_ceiling",
    where=_ABOVE_ONE,
    title="A ceiling of what is learnt where b > 1, for every number of tokens",
    note=HEURISTIC,
)  # fmt: skip

_PER_PARAMETER = f.prequential_information() / N
_CASE = {b: (0, 1)}

FIXED_RATIO_INFORMATION = Derivation(
    "fixed_ratio_information_per_parameter",
    _PER_PARAMETER,
    (
        Step("->", _PER_PARAMETER.subs(D, rho * N), Along(over=D, at=rho * N)),
        Step("==", f.fixed_ratio_information_per_parameter(), Identity()),
    ),
    formula="fixed_ratio_information_per_parameter",
    where=_CASE,
    title="Information per parameter at a fixed number of tokens per parameter: it falls as N^-b",
    note=HEURISTIC,
)

_PATH = f.frontier_tokens_of_parameters()
_ON_FRONTIER = Along(over=D, at=_PATH, derived=FRONTIER_RELATION)

FRONTIER_INFORMATION = Derivation(
    "frontier_information_per_parameter",
    _PER_PARAMETER,
    (
        Step("->", _PER_PARAMETER.subs(D, _PATH), _ON_FRONTIER),
        Step("==", f.frontier_information_per_parameter(), Identity(why="(a/b)(1 - b) - 1 = a/b - a - 1")),
    ),
    formula="frontier_information_per_parameter",
    where=_CASE,
    title="Information per parameter along the frontier: N^{a/b - a - 1}",
    note=HEURISTIC + " N^-.126 with the exponents of [H22], N^-.397 with those of [B24].",
)

FRONTIER_PREQUENTIAL = Derivation(
    "frontier_prequential_complexity",
    f.prequential_information() / D,
    (
        Step("==", f.prequential_complexity(), Identity()),
        Step("->", f.prequential_complexity().subs(D, _PATH), _ON_FRONTIER),
        Step("==", f.frontier_prequential_complexity(), Identity(why="B D^-b = (aA/b) N^-a along the frontier")),
    ),
    formula="frontier_prequential_complexity",
    where=_CASE,
    title="Nats per token of a code as long as the prequential area, along the frontier: aA/(1-b) N^-a",
    note=HEURISTIC,
)

_LINE = coefficient * N**-saving - bit_width
_ROOT = (coefficient / bit_width) ** (1 / saving)

INFORMATION_CROSSOVER = Derivation(
    "information_crossover",
    (f.sublinear_information() - f.quantized_information()) / N,
    (
        Step("==", coefficient * N ** (beta - 1) - bit_width, Identity(why="bits per parameter")),
        Step("->", _LINE, Along(over=beta, at=1 - saving)),
        Step("->", _ROOT, Solve(over=N, at=_ROOT)),
        Step("->", f.information_crossover(), Along(over=saving, at=1 - beta)),
    ),
    title="Where c N^beta bits are fewer than b bits per parameter: from one size on",
    note="c = 6e5, beta = .5: 2.25e10 parameters at 4 bits, 4e10 at 3. [F25] print 20-30B: it holds for bits, four of "
    "them and that exponent. If c counts nats, 4.7e10 and 8.3e10.",
    sources=("finzi2025",),
)

CROSSOVER_IN_NATS = Derivation(
    "crossover_in_nats",
    f.information_crossover(),
    (
        Step("->", f.information_crossover().subs(coefficient, coefficient / sp.log(2)),
             Along(over=coefficient, at=coefficient / sp.log(2))),
        Step("==", f.information_crossover() * sp.log(2) ** (-1 / (1 - beta)), Identity()),
    ),
    title="The same if the fit counts nats: ln(2)^{-1/(1-beta)} times as many parameters",
    note="2.08 times as many at beta = .5.",
)  # fmt: skip

_HERE = bit_width * N ** (1 - beta)

CROSSOVER_SENSITIVITY = Derivation(
    "crossover_sensitivity",
    sp.Mul(sp.diff(f.information_crossover(), beta), 1 / f.information_crossover(), evaluate=False),
    (
        Step("==", f.crossover_sensitivity(), Identity(why="dN/d beta over N")),
        Step("->", f.crossover_sensitivity().subs(coefficient, _HERE), Along(over=coefficient, at=_HERE)),
        Step("==", sp.log(N) / (1 - beta), Identity(why="N is the crossover")),
    ),
    title="How the crossover moves with the fitted exponent: d ln N/d beta = ln N/(1 - beta)",
    note="From 2.25e10 to 4.2e8 at beta = .4 and to 8.7e12 at .6 (4 bits): an uncertainty of .1 in the exponent is a "
    "factor of fifty to four hundred in N. The coefficient c is held fixed; where the fit is pinned at a size N_0 "
    "instead, c moves with beta and what is left is (ln N - ln N_0)/(1 - beta).",
    sources=("finzi2025",),
)

CHAINS = (
    AREA_BELOW,
    AREA_ABOVE,
    PREQUENTIAL_INFORMATION,
    ONE_BELOW,
    ONE_ABOVE,
    PREQUENTIAL_INFORMATION_LOG,
    ZETA_BELOW,
    ZETA_ABOVE,
    PREQUENTIAL_INFORMATION_LIMIT,
    PREQUENTIAL_CEILING,
    FIXED_RATIO_INFORMATION,
    FRONTIER_INFORMATION,
    FRONTIER_PREQUENTIAL,
    INFORMATION_CROSSOVER,
    CROSSOVER_IN_NATS,
    CROSSOVER_SENSITIVITY,
)

MISTAKES = (
    Mistake("prequential_area_below", 1, "larger_end", "the integral taken for a lower bound with the first term added",
            after=B * ((D ** (1 - b) - 1) / (1 - b) + 1) + _REST, reason={"side": "below"}),
    Mistake("prequential_area_above", 1, "no_first_term", "the integral alone taken for an upper bound of the sum",
            after=B * (D ** (1 - b) - 1) / (1 - b) + _REST),
    Mistake("prequential_information", 1, "last_risk_forgotten", "B D^{1-b}/(1-b): the last risk is not subtracted",
            after=B * D ** (1 - b) / (1 - b)),
    Mistake("prequential_area_at_one_below", 1, "no_last_term", "ln D + 1 from below", after=B * sp.log(D)),
    Mistake("prequential_area_at_one_above", 1, "no_first_term", "ln D from above, without the first term",
            after=B * sp.log(D) - B),
    Mistake("prequential_information_log", 1, "bits", "log2 D nats", after=B * sp.log(D) / sp.log(2)),
    Mistake("prequential_area_by_zeta_below", 1, "first_term_counted", "the integral and the first term, from below",
            after=B * (b - D ** (1 - b)) / (b - 1) + _REST),
    Mistake("prequential_area_by_zeta_above", 1, "no_first_term", "the integral alone, from above",
            after=B * (1 - D ** (1 - b)) / (b - 1) + _REST),
    Mistake("prequential_information_limit", 1, "integral_for_sum", "the integral 1/(b-1) for zeta(b)",
            after=B / (b - 1)),
    Mistake("prequential_information_ceiling", 4, "least_for_most", "B/(b-1), which is below the limit B zeta(b)",
            after=B / (b - 1)),
    Mistake("fixed_ratio_information_per_parameter", 2, "constant", "as if each parameter held its share for ever",
            after=rho ** (1 - b) * B * b / (1 - b)),
    Mistake("frontier_information_per_parameter", 2, "fixed_ratio", "N^-b, as at a fixed ratio of tokens",
            after=B * b / (1 - b) * (_PATH / N ** (a / b)) ** (1 - b) * N**-b),
    Mistake("frontier_prequential_complexity", 3, "exponent_of_the_data", "N^-b for N^-a",
            after=a * A / (1 - b) * N**-b),
    Mistake("information_crossover", 3, "square", "(c/b)^2, whatever the exponent",
            after=(coefficient / bit_width) ** 2, reason={"at": (coefficient / bit_width) ** 2}),
    Mistake("crossover_in_nats", 2, "wrong_way", "nats taken for fewer bits",
            after=f.information_crossover() * sp.log(2) ** (1 / (1 - beta))),
    Mistake("crossover_sensitivity", 1, "first_order_only", "ln(c/b)/(1 - beta), the slope of the exponent forgotten",
            after=sp.log(coefficient / bit_width) / (1 - beta)),
)  # fmt: skip
