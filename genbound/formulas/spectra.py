"""Quantization error where the Hessian has eigenvalues i^-p, i = 1, ..., n (THEORY 9, `quantization_error`)."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound.symbols import symbol, symbols

n, p, k, i, mu = symbols("dimension spectral_exponent active i incoherence")
rows, trace, b = symbols("rows hessian_trace bit_width")


def power_sum(q: sp.Expr = p, last: sp.Expr = n) -> sp.Sum:
    """sum of i^-q over i = 1, ..., last: tr H at q = p, tr H^{1/2} at q = p/2."""
    return sp.Sum(i**-q, (i, 1, last))


def log_factorial(last: sp.Expr = n) -> sp.Sum:
    """ln(last!), the sum of ln i."""
    return sp.Sum(sp.log(i), (i, 1, last))


def nearest_rounding() -> sp.Expr:
    """(m/12) Delta_b^2 tr H: mean of tr(E H E^T) over rounding errors E, independent and uniform on a grid step."""
    return rows * symbol("grid_step") ** 2 * trace / 12


def quantization_at_bits() -> sp.Expr:
    """(m/12) Delta_w^2 4^-b tr H: `nearest_rounding` on 2^b values over a range Delta_w, to leading order in b."""
    return rows * symbol("weight_range") ** 2 * 4**-b * trace / 12


def trace_ratio(q: sp.Expr = p) -> sp.Expr:
    """tr(H^{1/2})^2/(n tr H)."""
    return power_sum(q / 2) ** 2 / (n * power_sum(q))


def ldlq_ratio() -> sp.Expr:
    """mu^2 tr(H^{1/2})^2/(n tr H): [QuIP]'s bound on LDLQ over nearest rounding."""
    return mu**2 * trace_ratio()


def trace_ratio_flat() -> sp.Expr:
    """1, at p = 0."""
    return sp.Integer(1)


def trace_ratio_slow() -> sp.Expr:
    """(1 - p)/(1 - p/2)^2, for p < 1."""
    return (1 - p) / (1 - p / 2) ** 2


def trace_ratio_at_one() -> sp.Expr:
    """4/ln n, at p = 1."""
    return 4 / sp.log(n)


def trace_ratio_middle() -> sp.Expr:
    """n^{1-p}/((1 - p/2)^2 zeta(p)), for 1 < p < 2."""
    return n ** (1 - p) / ((1 - p / 2) ** 2 * sp.zeta(p))


def trace_ratio_at_two() -> sp.Expr:
    """6 ln^2 n/(pi^2 n), at p = 2."""
    return 6 * sp.log(n) ** 2 / (sp.pi**2 * n)


def trace_ratio_fast() -> sp.Expr:
    """zeta(p/2)^2/(zeta(p) n), for p > 2."""
    return sp.zeta(p / 2) ** 2 / (sp.zeta(p) * n)


def geometric_mean_ratio(q: sp.Expr = p) -> sp.Expr:
    """n GM(lambda)/tr H, GM of i^-p being (n!)^{-p/n}: the high-rate limit over nearest rounding."""
    return n * sp.exp(-q * log_factorial() / n) / power_sum(q)


def geometric_mean_ratio_slow() -> sp.Expr:
    """(1 - p) e^p, for p < 1."""
    return (1 - p) * sp.exp(p)


def geometric_mean_ratio_at_one() -> sp.Expr:
    """e/ln n, at p = 1."""
    return sp.E / sp.log(n)


def geometric_mean_ratio_fast() -> sp.Expr:
    """e^p n^{1-p}/zeta(p), for p > 1."""
    return sp.exp(p) * n ** (1 - p) / sp.zeta(p)


def water_level() -> sp.Expr:
    """GM(lambda) 4^-r: the error of each direction at r bits a direction, every direction active."""
    return sp.exp(-p * log_factorial() / n) * 4 ** -symbol("direction_bits")


def active_rate() -> sp.Expr:
    """(p/(2 ln 2)) (ln n - ln(n!)/n): the bits a direction from which on every direction is active."""
    return p / (2 * sp.log(2)) * (sp.log(n) - log_factorial() / n)


def active_rate_limit() -> sp.Expr:
    """p/(2 ln 2)."""
    return p / (2 * sp.log(2))


def water_filling_bits() -> sp.Expr:
    """sum over i <= k of (1/2) log2(lambda_i/theta) at theta = k^-p: the bits that k active directions take."""
    return p / (2 * sp.log(2)) * (k * sp.log(k) - log_factorial(k))


def water_filling_bits_leading() -> sp.Expr:
    """k p/(2 ln 2)."""
    return p * k / (2 * sp.log(2))


def water_filling_distortion() -> sp.Expr:
    """k theta + sum over i > k of i^-p at theta = k^-p, of infinitely many directions."""
    return k ** (1 - p) + sp.zeta(p) - power_sum(last=k)


def water_filling_distortion_leading() -> sp.Expr:
    """(p/(p - 1)) k^{1-p}."""
    return p / (p - 1) * k ** (1 - p)


def water_filling_law(bits: sp.Expr | None = None) -> sp.Expr:
    """(p/(p - 1)) (2 ln 2 bits/p)^{1-p}: the distortion at this many bits in all, for p > 1."""
    spent = water_filling_bits() if bits is None else bits
    return p / (p - 1) * (2 * sp.log(2) / p) ** (1 - p) * spent ** (1 - p)
