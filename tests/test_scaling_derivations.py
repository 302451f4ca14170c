"""Scaling laws: the formulas against brute force and the published numbers, and the chains that lead to them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize_scalar

from genbound import formulas as f
from genbound.certified import precision
from genbound.derivations import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.paths import Along, Negligible
from genbound.derivations.rules import Limit, UnverifiedError
from genbound.derivations.themes import frontier, gap, information, quantization
from genbound.symbols import symbol, symbols

THEMES = (frontier, information, quantization, gap)
CHAINS: dict[str, Derivation] = {each.claim: each for theme in THEMES for each in theme.CHAINS}
MISTAKES: dict[str, Mistake] = {f"{each.derivation}-{each.name}": each for theme in THEMES for each in theme.MISTAKES}
N, D, C, V, sigma, r = symbols("parameters training_tokens C V sigma quantization_exponent")

HOFFMANN = {"irreducible_loss": 1.69, "parameter_coefficient": 406.4, "parameter_exponent": 0.34,
            "data_coefficient": 410.7, "data_exponent": 0.28}  # fmt: skip
BESIROGLU = {"irreducible_loss": 1.8172, "parameter_coefficient": 482.01, "parameter_exponent": 0.3478,
             "data_coefficient": 2085.43, "data_exponent": 0.3658}  # fmt: skip
EVEN = {"irreducible_loss": 1.0, "parameter_coefficient": 3.0, "parameter_exponent": 0.5, "data_coefficient": 5.0,
        "data_exponent": 0.5}  # fmt: skip
STEEP = {"irreducible_loss": 0.5, "parameter_coefficient": 2.0, "parameter_exponent": 1.5, "data_coefficient": 7.0,
         "data_exponent": 0.4}  # fmt: skip
LAWS = pytest.mark.parametrize("law", [HOFFMANN, BESIROGLU, EVEN, STEEP], ids=["H22", "B24", "even", "steep"])
PYTHIA = {"variation_limit": 0.27, "variation_coefficient": 8337.0, "variation_exponent": 0.54}


def number(expression: sp.Expr, values: Mapping[str, float]) -> float:
    with precision():
        return float(f.evaluate(expression, values))


# ------------------------------------------------------------------------------------------------------- the frontier


@LAWS
@pytest.mark.parametrize("compute", [1e18, 5.76e23])
def test_the_frontier_is_where_brute_force_finds_it(law: dict[str, float], compute: float) -> None:
    def loss(log_n: float) -> float:
        n = math.exp(log_n)
        return number(f.chinchilla_loss(), {**law, "parameters": n, "training_tokens": compute / (6 * n)})

    found = minimize_scalar(loss, bounds=(1.0, 60.0), method="bounded", options={"xatol": 1e-9})
    at = {**law, "compute": compute}
    n, d = number(f.frontier_parameters(), at), number(f.frontier_tokens(), at)
    assert math.log(n) == pytest.approx(found.x, abs=1e-4)
    assert 6 * n * d == pytest.approx(compute, rel=1e-12)
    assert law["irreducible_loss"] + number(f.frontier_excess(), at) == pytest.approx(found.fun, rel=1e-12)
    assert number(f.frontier_tokens_of_parameters(), {**law, "parameters": n}) == pytest.approx(d, rel=1e-12)
    assert number(f.frontier_tokens_per_parameter(), {**law, "parameters": n}) == pytest.approx(d / n, rel=1e-12)


def test_tokens_per_parameter_rise_with_one_fit_and_fall_with_the_other() -> None:
    """Neither published fit gives a constant D/N: that needs a = b."""
    ratios = {
        name: [number(f.frontier_tokens_per_parameter(), {**law, "parameters": n}) for n in (1e8, 1e10, 1e12)]
        for name, law in (("H22", HOFFMANN), ("B24", BESIROGLU), ("even", EVEN))
    }
    assert ratios["H22"] == sorted(ratios["H22"])
    assert ratios["B24"] == sorted(ratios["B24"], reverse=True)
    assert max(ratios["even"]) == pytest.approx(min(ratios["even"]))
    for low, high, exponent in ((0, 1, 0.34 / 0.28 - 1), (1, 2, 0.34 / 0.28 - 1)):
        assert ratios["H22"][high] / ratios["H22"][low] == pytest.approx(100**exponent)
    assert 15 < ratios["B24"][1] < 30  # about the rule of thumb of 20


def test_nats_per_token_of_a_quantized_code() -> None:
    at = {"bit_width": 4, "tokens_per_parameter": 20}
    assert number(f.fixed_ratio_complexity(), at) == pytest.approx(4 * math.log(2) / 20, rel=1e-15)
    for n in (1e3, 1e9):
        whole = number(f.parameters_per_token(), {"bit_width": 4, "parameters": n, "training_tokens": 20 * n,
                                                  "log_inv_delta": 3.0})  # fmt: skip
        assert whole - number(f.fixed_ratio_complexity(), at) == pytest.approx(3.0 / (20 * n), rel=1e-6)


@LAWS
def test_complexity_along_the_frontier(law: dict[str, float]) -> None:
    n = 1e12
    d = number(f.frontier_tokens_of_parameters(), {**law, "parameters": n})
    whole = number(f.parameters_per_token(), {"bit_width": 3, "parameters": n, "training_tokens": d,
                                              "log_inv_delta": 7.0})  # fmt: skip
    assert number(f.frontier_complexity(), {**law, "bit_width": 3, "parameters": n}) == pytest.approx(whole, rel=1e-9)


# -------------------------------------------------------------------------------------------------------- information


@pytest.mark.parametrize("b", [0.1, 0.28, 0.5, 0.9, 1.5, 3.0])
@pytest.mark.parametrize("tokens", [1, 2, 1000, 10**6])
def test_the_prequential_area_by_adding_up(b: float, tokens: int) -> None:
    area = 5.0 * (math.fsum(np.arange(1, tokens + 1) ** -b) - tokens ** (1 - b))
    at = {"data_coefficient": 5.0, "data_exponent": b, "training_tokens": tokens}
    cap = number(f.prequential_cap(), at)
    assert area <= cap + 1e-9 * abs(cap)
    if b < 1:
        leading = number(f.prequential_information(), at)
        assert cap < leading
        assert leading - 5.0 / (1 - b) <= area * (1 + 1e-9)  # the sum is at least the integral to D + 1
    else:
        assert area <= cap <= number(f.prequential_information_ceiling(), at)


def test_the_area_as_sympy_adds_it_up() -> None:
    b, coefficient, tokens = (symbol(name) for name in ("data_exponent", "data_coefficient", "training_tokens"))
    at = {coefficient: 2, b: sp.Rational(1, 2), tokens: 9}
    by_hand = 2 * sum(k**-0.5 for k in range(1, 10)) - 2 * 3
    assert float(f.prequential_area().subs(at).doit()) == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("tokens", [10, 10**5])
def test_the_area_at_exponent_one_is_logarithmic(tokens: int) -> None:
    area = math.fsum(1 / np.arange(1, tokens + 1)) - 1
    assert number(f.prequential_information_log(), {"data_coefficient": 1, "training_tokens": tokens}) >= area
    assert area >= math.log(tokens + 1) - 1


@LAWS
def test_information_per_parameter_and_per_token(law: dict[str, float]) -> None:
    """One area, divided by D or by N, at D = rho N and along the frontier."""
    n, rho, b = 1e9, 20.0, law["data_exponent"]

    def per_token(tokens: float) -> float:
        return number(f.prequential_complexity(), {**law, "training_tokens": tokens})

    at = {**law, "parameters": n, "tokens_per_parameter": rho}
    assert number(f.fixed_ratio_information_per_parameter(), at) == pytest.approx(rho * per_token(rho * n), rel=1e-12)
    d = number(f.frontier_tokens_of_parameters(), at)
    assert number(f.frontier_information_per_parameter(), at) == pytest.approx(d / n * per_token(d), rel=1e-12)
    assert number(f.frontier_prequential_complexity(), at) == pytest.approx(per_token(d), rel=1e-12)
    assert number(f.prequential_information(), {**law, "training_tokens": d}) == pytest.approx(d * per_token(d))
    assert per_token(d) == pytest.approx(law["parameter_exponent"] * law["parameter_coefficient"]
                                         * n ** -law["parameter_exponent"] / (1 - b), rel=1e-12)  # fmt: skip


CROSSOVERS = [  # bits a parameter, exponent, nats in the coefficient, printed value, digits that are printed
    (4, 0.5, False, 22.5e9, 1e-12),
    (3, 0.5, False, 40e9, 1e-12),
    (4, 0.5, True, 47e9, 0.01),
    (3, 0.5, True, 83e9, 0.01),
    (4, 0.4, False, 4e8, 0.1),
    (4, 0.6, False, 9e12, 0.1),
]


@pytest.mark.parametrize(("bits", "exponent", "nats", "printed", "near"), CROSSOVERS)
def test_the_published_crossover(bits: int, exponent: float, nats: bool, printed: float, near: float) -> None:
    coefficient = 6e5 / math.log(2) if nats else 6e5
    at = {"information_coefficient": coefficient, "information_exponent": exponent, "bit_width": bits}
    crossover = number(f.information_crossover(), at)
    assert crossover == pytest.approx(printed, rel=near)
    learnt, stored = (number(each, {**at, "parameters": crossover}) for each in
                      (f.sublinear_information(), f.quantized_information()))  # fmt: skip
    assert learnt == pytest.approx(stored, rel=1e-9)
    step = 1e-6
    moved = [number(f.information_crossover(), {**at, "information_exponent": exponent + s}) for s in (-step, step)]
    slope = (math.log(moved[1]) - math.log(moved[0])) / (2 * step)
    assert number(f.crossover_sensitivity(), at) == pytest.approx(slope, rel=1e-6)


# ------------------------------------------------------------------------------------------------------------ the gap


GAP = {"V": 50304, "complexity_coefficient": 0.14, "quantization_coefficient": 2.0, **PYTHIA}


def slope(expression: sp.Expr, values: Mapping[str, float], parameters: float) -> float:
    """d ln / d ln N."""
    ends = [number(expression, {**values, "parameters": parameters * e}) for e in (1.0, 10.0)]
    return math.log10(ends[1] / ends[0])


@pytest.mark.parametrize(("kappa", "r"), [(0.3, 0.1), (0.3, 0.5), (0.2, 0.1), (1.0, 2.0)])
def test_the_exponent_of_the_gap(kappa: float, r: float) -> None:
    at = {**GAP, "complexity_exponent": kappa, "quantization_exponent": r}
    assert -slope(f.gap_law(), at, 1e60) == pytest.approx(number(f.gap_exponent(), at), abs=1e-3)
    whole, leading = (number(each, {**at, "parameters": 1e60}) for each in (f.gap_law(), f.gap_leading()))
    assert whole / leading == pytest.approx(1.0, rel=1e-2)


def test_the_gap_does_not_vanish_when_complexity_does_not() -> None:
    at = {**GAP, "complexity_exponent": 0.0, "quantization_exponent": 0.3}
    left = number(f.gap_limit(), at)
    assert left == pytest.approx(0.14 * math.log(50304) + (0.27 + math.sqrt(2)) * math.sqrt(0.14))
    assert number(f.gap_law(), {**at, "parameters": 1e60}) == pytest.approx(left, rel=1e-9)


def test_the_gap_is_the_published_bound_less_the_empirical_risk() -> None:
    at = {**GAP, "complexity_exponent": 0.2, "quantization_exponent": 0.3, "parameters": 1e9}
    c, sigma = number(f.complexity_law(), at), number(f.loss_variation_law(), at)
    bound = number(f.finzi_bound(), {"C": c, "V": at["V"], "sigma": sigma, "unsmoothed_loss": 2.5})
    assert number(f.gap_law(), at) == pytest.approx(bound - 2.5 + number(f.quantization_law(), at), rel=1e-12)
    assert number(f.gap_law_sharp(), at) < number(f.gap_law(), at)


@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 2.0])
def test_which_of_the_terms_of_the_complexity_is_larger(share: float) -> None:
    turn = number(f.gap_turn(), GAP)
    c = share * turn
    roots = (GAP["variation_limit"] + math.sqrt(2)) * math.sqrt(c)
    assert (c * math.log(GAP["V"]) > roots) == (share > 1)


def test_the_fitted_loss_variation() -> None:
    assert number(f.loss_variation_law(), {**PYTHIA, "parameters": 1e9}) == pytest.approx(0.27 + 8337 * 1e9**-0.54)
    assert number(f.loss_variation_law(), {**PYTHIA, "parameters": 1e30}) == pytest.approx(0.27, rel=1e-6)


def test_the_numbers_of_the_notes() -> None:
    """Every number that a chain prints beside its formula."""
    fixed = {"bit_width": 4, "tokens_per_parameter": 20, "V": 50304, "variation_limit": 0.27}
    assert number(f.fixed_ratio_complexity(), fixed) == pytest.approx(0.139, abs=5e-4)
    assert number(f.fixed_ratio_gap(), fixed) == pytest.approx(2.1, abs=0.05)
    assert number(f.fixed_ratio_complexity(), fixed) * math.log(50304) == pytest.approx(1.5, abs=0.05)
    assert number(f.gap_turn(), fixed) == pytest.approx(0.0242, abs=5e-5)
    assert math.log(2) ** -2 == pytest.approx(2.08, abs=5e-3)
    for law, ratio, learnt in ((HOFFMANN, 0.214, -0.126), (BESIROGLU, -0.049, -0.397)):
        assert slope(f.frontier_tokens_per_parameter(), law, 1e9) == pytest.approx(ratio, abs=5e-4)
        assert slope(f.frontier_complexity(), {**law, "bit_width": 4}, 1e9) == pytest.approx(-ratio, abs=5e-4)
        assert slope(f.frontier_information_per_parameter(), law, 1e9) == pytest.approx(learnt, abs=5e-4)
    ends = [number(f.information_crossover(), {"information_coefficient": 6e5, "bit_width": 4,
                                               "information_exponent": beta}) for beta in (0.4, 0.5, 0.6)]  # fmt: skip
    assert [f"{each:.2g}" for each in ends] == ["4.2e+08", "2.2e+10", "8.7e+12"]
    assert 50 < ends[1] / ends[0] < ends[2] / ends[1] < 400


@pytest.mark.parametrize(("sigma_left", "kappa", "r", "exponent"), [
    (0.27, 0.3, 0.5, 0.15), (0.0, 0.3, 0.5, 0.3), (0.0, 0.9, 0.2, 0.2), (0.0, 0.9, 2.0, 0.9),
])  # fmt: skip
def test_the_exponent_with_the_true_price_of_smoothing(
    sigma_left: float, kappa: float, r: float, exponent: float
) -> None:
    """min(kappa/2, r), or min(kappa, gamma + kappa/2, r) where Sigma_oo = 0, up to a logarithm."""
    at = {**GAP, "variation_limit": sigma_left, "complexity_exponent": kappa, "quantization_exponent": r}
    assert -slope(f.gap_law_sharp(), at, 1e100) == pytest.approx(exponent, abs=0.01)


# --------------------------------------------------------------------------------------------------------- the chains


@pytest.mark.parametrize("name", CHAINS)
def test_every_step_is_verified(name: str) -> None:
    chain = CHAINS[name]
    assert chain.verified() == (chain.start, chain.last)
    assert chain.title
    if chain.formula:
        assert chain.last == getattr(f, chain.formula)()
    assert chain.tends in (None, Limit(N), Limit(D), Limit(symbol("dimension")))


def test_the_cases_of_the_gap() -> None:
    """What leads, as the chains end: the square roots, the quantization error, or what does not fall at all."""
    ends = {name: CHAINS[name].last for name in ("gap_limit", "gap_led_by_roots", "gap_led_by_quantization")}
    assert N not in ends["gap_limit"].free_symbols
    for name, exponent in (("gap_led_by_roots", symbol("complexity_exponent") / 2), ("gap_led_by_quantization", r)):
        assert sp.simplify(N * sp.diff(sp.log(ends[name]), N) + exponent) == 0


def test_the_exponent_along_the_frontier_is_half_of_chinchillas_a() -> None:
    roots = CHAINS["frontier_gap"].last - f.quantization_law()
    assert sp.simplify(N * sp.diff(roots, N) / roots + symbol("parameter_exponent") / 2) == 0


# ------------------------------------------------------------------------------------------------ paths and small terms


def refused(start: sp.Expr, step: Step, message: str) -> None:
    with pytest.raises(UnverifiedError, match=message):
        Derivation("own", start, (step,)).verified()


def test_a_path_stays_in_the_domain_and_is_the_one_that_was_derived() -> None:
    line = f.parameters_per_token()
    refused(line, Step("->", line.subs(D, -N), Along(over=D, at=-N)), "may leave its domain")
    refused(line, Step("->", line, Along(over=C, at=N)), "is not in")
    wrong = Along(over=D, at=20 * N, derived=frontier.FRONTIER_RELATION)
    refused(line, Step("->", line.subs(D, 20 * N), wrong), "frontier_relation ends in")
    refused(line, Step("->", line.subs(D, 21 * N), Along(over=D, at=20 * N)), "does not lead from")
    refused(line, Step("==", line.subs(D, 20 * N), Along(over=D, at=20 * N)), "cannot give ==")


@pytest.mark.parametrize(
    ("line", "kept", "message"),
    [
        (N + sp.sqrt(N), (sp.sqrt(N),), "not shown to be of lower order"),
        (N + 2 * N, (N,), "not shown to be of lower order"),
        (N - 2 * sp.sqrt(N), (N, -2 * sp.sqrt(N)), "not shown to be positive far out"),
        (N**C + N**V, (N**C,), "not shown to be of lower order"),
        (N, (N, N), "not shown to be of lower order"),
    ],
)
def test_only_small_terms_are_dropped(line: sp.Expr, kept: tuple[sp.Expr, ...], message: str) -> None:
    refused(line, Step("~", sp.Add(*kept), Negligible(over=N, kept=kept)), message)


def test_terms_of_undecided_order_may_be_kept_together() -> None:
    line = N**C + N**V + N ** (C / 2) - sp.log(N) * N ** (V / 2)
    Derivation("own", line, (Step("~", N**C + N**V, Negligible(over=N, kept=(N**C, N**V))),)).verified()
    refused(line, Step("<=", N**C + N**V, Negligible(over=N, kept=(N**C, N**V))), "cannot give <=")
