"""The published forms and the sampled one (THEORY 3 and 5)."""

from __future__ import annotations

import sympy as sp

from genbound.formulas.one_hypothesis import azuma_hoeffding
from genbound.formulas.smoothing import smoothing_cost_sqrt, span
from genbound.symbols import symbol, symbols

C, V, n, Delta = symbols("C V n Delta")
mean_bound, log_inv_delta = symbols("mean_bound log_inv_delta")


def finzi_bound() -> sp.Expr:
    """R_hat + C ln V + Sigma sqrt(C) + sqrt(2C)."""
    return symbol("unsmoothed_loss") + C * sp.log(V) + symbol("sigma") * sp.sqrt(C) + smoothing_cost_sqrt()


def lotfi_subsampled() -> sp.Expr:
    """R_hat_m + Delta {sqrt((L ln 2 + ln(1/(r delta)))/(2n)) + sqrt(ln(1/((1-r) delta))/(2m))}, r = m/(m + n)."""
    m = symbol("m_sampled")
    first = symbol("code_bits") * sp.log(2) + log_inv_delta - sp.log(m / (m + n))
    second = log_inv_delta - sp.log(n / (m + n))
    return symbol("sampled_loss") + Delta * (sp.sqrt(first / (2 * n)) + sp.sqrt(second / (2 * m)))


def lotfi_every_token() -> sp.Expr:
    """R_hat + Delta sqrt((L ln 2 + ln(1/delta) + ln(1/pi_j))/(2n)), Delta = ln(1 + (1 - alpha) V/alpha)."""
    paid = symbol("code_bits") * sp.log(2) + log_inv_delta - sp.log(symbol("prior"))
    return azuma_hoeffding().subs({Delta: span(), symbol("C"): paid / n})


def tangent() -> sp.Expr:
    """mean U - c (1 + g - g0), c = e^{g0 - C_1}: the first stage as a mean over tokens (mean W)."""
    g, g0, first = symbols("g g0 C1")
    return mean_bound - sp.exp(g0 - first) * (1 + g - g0)


def two_stage_geometric_mean() -> sp.Expr:
    """u - e^{-C_2} GM(u - W)."""
    return symbol("u") - sp.exp(-symbol("C2")) * symbol("G_second")


def two_stage_azuma() -> sp.Expr:
    """Delta sqrt(C_1/2) + u - e^{-C_2} GM(u - X), the geometric mean over the sample."""
    return Delta * sp.sqrt(symbol("C1") / 2) + symbol("u") - sp.exp(-symbol("C2")) * symbol("G_sampled")


def two_stage_empirical_freedman() -> sp.Expr:
    """(Delta/s) C_1 + u - e^{-C_2} GM(u - Z), Z = Y - (Delta/s) ln(1 + s A)."""
    return Delta / symbol("s") * symbol("C1") + symbol("u") - sp.exp(-symbol("C2")) * symbol("G_centred")
