"""Scaling laws (THEORY 9): the compute-optimal frontier, what a model has learnt, and the gap that follows."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportReturnType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound.formulas.published import finzi_bound
from genbound.formulas.smoothing import smoothing_cost_sqrt, smoothing_price
from genbound.formulas.spectra import power_sum
from genbound.symbols import symbol, symbols

N, D, F, rho = symbols("parameters training_tokens compute tokens_per_parameter")
A, a, B, b = symbols("parameter_coefficient parameter_exponent data_coefficient data_exponent")
C, V, bit_width, log_inv_delta = symbols("C V bit_width log_inv_delta")

_PAIRS = F / 6  # parameters times tokens: a token costs 6 N


# -- the frontier ----------------------------------------------------------------------------------------------


def chinchilla_loss() -> sp.Expr:
    """L(N, D) = E + A N^-a + B D^-b."""
    return symbol("irreducible_loss") + chinchilla_excess()


def chinchilla_excess() -> sp.Expr:
    """L(N, D) - E = A N^-a + B D^-b."""
    return A * N**-a + B * D**-b


def frontier_constant() -> sp.Expr:
    """G = (aA/(bB))^{1/(a+b)}."""
    return (a * A / (b * B)) ** (1 / (a + b))


def frontier_parameters() -> sp.Expr:
    """N* = G (F/6)^{b/(a+b)}."""
    return frontier_constant() * _PAIRS ** (b / (a + b))


def frontier_tokens() -> sp.Expr:
    """D* = G^-1 (F/6)^{a/(a+b)}."""
    return _PAIRS ** (a / (a + b)) / frontier_constant()


def frontier_excess() -> sp.Expr:
    """L* - E = (1 + a/b) A G^-a (F/6)^{-ab/(a+b)}."""
    return (1 + a / b) * A * frontier_constant() ** -a * _PAIRS ** (-a * b / (a + b))


def frontier_tokens_of_parameters() -> sp.Expr:
    """D = (bB/(aA))^{1/b} N^{a/b} along the frontier."""
    return (b * B / (a * A)) ** (1 / b) * N ** (a / b)


def frontier_tokens_per_parameter() -> sp.Expr:
    """D/N = (bB/(aA))^{1/b} N^{a/b - 1} along the frontier: constant only for a = b."""
    return (b * B / (a * A)) ** (1 / b) * N ** (a / b - 1)


# -- nats per token of a quantized code ------------------------------------------------------------------------


def parameters_per_token() -> sp.Expr:
    """C = (N/D) b ln 2 + ln(1/delta)/D, N parameters of b bits each, read on the D tokens they were trained on."""
    return N / D * bit_width * sp.log(2) + log_inv_delta / D


def fixed_ratio_complexity() -> sp.Expr:
    """b ln 2/rho, what C tends to at D = rho N: b ln 2/20 at 20 tokens to the parameter."""
    return bit_width * sp.log(2) / rho


def frontier_complexity() -> sp.Expr:
    """b ln 2 (aA/(bB))^{1/b} N^{1 - a/b}, what C behaves like along the frontier: it falls only for a > b."""
    return bit_width * sp.log(2) * (a * A / (b * B)) ** (1 / b) * N ** (1 - a / b)


# -- information by the prequential area -----------------------------------------------------------------------


def prequential_area() -> sp.Expr:
    """sum_{k <= D} B k^-b - D B D^-b: what a learner of excess risk B k^-b loses on its way, beyond its last risk."""
    i = symbol("i")
    return B * sp.Sum(i**-b, (i, 1, D)) - B * D ** (1 - b)


def prequential_cap() -> sp.Expr:
    """B b (D^{1-b} - 1)/(1 - b) nats: the area is never above it, at any D >= 1 and b other than 1."""
    return B * b * (D ** (1 - b) - 1) / (1 - b)


def prequential_information() -> sp.Expr:
    """B b/(1 - b) D^{1-b} nats, b < 1: sublinear in the tokens."""
    return B * b / (1 - b) * D ** (1 - b)


def prequential_information_log() -> sp.Expr:
    """B ln D nats, b = 1."""
    return B * sp.log(D)


def prequential_information_ceiling() -> sp.Expr:
    """B b/(b - 1) nats, b > 1: no more than that, however many tokens are read."""
    return B * b / (b - 1)


def prequential_information_limit() -> sp.Expr:
    """B zeta(b) nats, what the information tends to for b > 1."""
    return B * sp.zeta(b)


def prequential_complexity() -> sp.Expr:
    """C = B b/(1 - b) D^-b, b < 1: the prequential information per token."""
    return B * b / (1 - b) * D**-b


def fixed_ratio_information_per_parameter() -> sp.Expr:
    """rho^{1-b} B b/(1 - b) N^-b nats per parameter at D = rho N."""
    return rho ** (1 - b) * B * b / (1 - b) * N**-b


def frontier_information_per_parameter() -> sp.Expr:
    """B b/(1 - b) (bB/(aA))^{(1-b)/b} N^{a/b - a - 1} nats per parameter along the frontier."""
    return B * b / (1 - b) * (b * B / (a * A)) ** ((1 - b) / b) * N ** (a / b - a - 1)


def frontier_prequential_complexity() -> sp.Expr:
    """C = aA/(1 - b) N^-a along the frontier."""
    return a * A / (1 - b) * N**-a


def sublinear_information() -> sp.Expr:
    """c N^beta bits: the law that [F25] fit."""
    return symbol("information_coefficient") * N ** symbol("information_exponent")


def quantized_information() -> sp.Expr:
    """b N bits: N parameters of b bits."""
    return bit_width * N


def information_crossover() -> sp.Expr:
    """N = (c/b)^{1/(1-beta)}: beyond it, c N^beta is below b bits per parameter."""
    return (symbol("information_coefficient") / bit_width) ** (1 / (1 - symbol("information_exponent")))


def crossover_sensitivity() -> sp.Expr:
    """d ln N/d beta = ln(c/b)/(1 - beta)^2 at the crossover, which is ln N/(1 - beta)."""
    return sp.log(symbol("information_coefficient") / bit_width) / (1 - symbol("information_exponent")) ** 2


# -- the gap ---------------------------------------------------------------------------------------------------


def complexity_law() -> sp.Expr:
    """C = c_C N^-kappa."""
    return symbol("complexity_coefficient") * N ** -symbol("complexity_exponent")


def loss_variation_law() -> sp.Expr:
    """Sigma = Sigma_oo + c_Sigma N^-gamma."""
    return symbol("variation_limit") + symbol("variation_coefficient") * N ** -symbol("variation_exponent")


def variation_left() -> sp.Expr:
    """Sigma_oo."""
    return symbol("variation_limit")


def quantization_error() -> sp.Expr:
    """(m/12) Delta_b^2 (mu^2/n) tr(H^{1/2})^2: [QuIP]'s bound on the mean error of LDLQ, the spectrum being i^-p."""
    n, mu = symbols("dimension incoherence")
    step = symbol("rows") * symbol("grid_step") ** 2 / 12
    return step * mu**2 / n * power_sum(symbol("spectral_exponent") / 2) ** 2


def quantization_error_slow() -> sp.Expr:
    """(m/12) Delta_b^2 mu^2 n^{1-p}/(1 - p/2)^2, for p < 2."""
    n, mu, p = symbols("dimension incoherence spectral_exponent")
    return symbol("rows") * symbol("grid_step") ** 2 / 12 * mu**2 * n ** (1 - p) / (1 - p / 2) ** 2


def quantization_law() -> sp.Expr:
    """c_Q N^-r."""
    return symbol("quantization_coefficient") * N ** -symbol("quantization_exponent")


def gap_law() -> sp.Expr:
    """C ln V + Sigma sqrt(C) + sqrt(2C) + c_Q N^-r with C and Sigma by their laws: `finzi_bound` less R_hat."""
    laws = {C: complexity_law(), symbol("sigma"): loss_variation_law()}
    return (finzi_bound() - symbol("unsmoothed_loss")).subs(laws) + quantization_law()


def gap_law_sharp() -> sp.Expr:
    """`gap_law` with the true price of smoothing, h(C) in place of sqrt(2C)."""
    smoothing = {C: complexity_law()}
    return gap_law() - smoothing_cost_sqrt().subs(smoothing) + smoothing_price().subs(smoothing)


def gap_limit() -> sp.Expr:
    """c_C ln V + (Sigma_oo + sqrt 2) sqrt(c_C): what is left of the gap at N = oo when C does not fall (kappa = 0)."""
    constant = symbol("complexity_coefficient")
    return constant * sp.log(V) + _root_coefficient() * sp.sqrt(constant)


def gap_root_term() -> sp.Expr:
    """(Sigma_oo + sqrt 2) sqrt(c_C) N^{-kappa/2}: the slowest of the terms that C brings."""
    return _root_coefficient() * sp.sqrt(symbol("complexity_coefficient")) * N ** (-symbol("complexity_exponent") / 2)


def gap_leading() -> sp.Expr:
    """(Sigma_oo + sqrt 2) sqrt(c_C) N^{-kappa/2} + c_Q N^-r: what the gap behaves like where C falls."""
    return gap_root_term() + quantization_law()


def gap_exponent() -> sp.Expr:
    """min(kappa/2, r): the gap falls as this power of 1/N."""
    return sp.Min(symbol("complexity_exponent") / 2, symbol("quantization_exponent"))


def gap_turn() -> sp.Expr:
    """C = ((Sigma_oo + sqrt 2)/ln V)^2: above it C ln V is more than (Sigma_oo + sqrt 2) sqrt(C), below it less."""
    return (_root_coefficient() / sp.log(V)) ** 2


def gap_turn_parameters() -> sp.Expr:
    """N = (c_C/gap_turn)^{1/kappa}: from there on the square roots outweigh C ln V."""
    return (symbol("complexity_coefficient") / gap_turn()) ** (1 / symbol("complexity_exponent"))


def fixed_ratio_gap() -> sp.Expr:
    """(b ln 2/rho) ln V + (Sigma_oo + sqrt 2) sqrt(b ln 2/rho): what b-bit codes at D = rho N leave of the gap."""
    return gap_limit().subs(symbol("complexity_coefficient"), fixed_ratio_complexity())


def frontier_gap() -> sp.Expr:
    """(Sigma_oo + sqrt 2) sqrt(aA/(1-b)) N^{-a/2} + c_Q N^-r: the gap with prequential codes along the frontier."""
    return _root_coefficient() * sp.sqrt(a * A / (1 - b)) * N ** (-a / 2) + quantization_law()


def sharp_gap_leading() -> sp.Expr:
    """kappa c_C N^-kappa ln N + c_Sigma sqrt(c_C) N^{-gamma-kappa/2} + c_Q N^-r: `gap_law_sharp` where Sigma_oo = 0."""
    c, kappa = symbol("complexity_coefficient"), symbol("complexity_exponent")
    falling = symbol("variation_coefficient") * N ** -symbol("variation_exponent")
    return kappa * c * N**-kappa * sp.log(N) + falling * sp.sqrt(c) * N ** (-kappa / 2) + quantization_law()


def _root_coefficient() -> sp.Expr:
    return symbol("variation_limit") + sp.sqrt(2)
