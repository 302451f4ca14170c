"""Many hypotheses (THEORY 2): what C is."""

from __future__ import annotations

import sympy as sp

from genbound.symbols import symbol, symbols

n, log_inv_delta = symbols("n log_inv_delta")


def prior_union_complexity() -> sp.Expr:
    """C = (L ln 2 + ln(1/delta) + ln(1/pi_j))/n."""
    return (symbol("code_bits") * sp.log(2) + log_inv_delta - sp.log(symbol("prior"))) / n


def pac_bayes_complexity() -> sp.Expr:
    """C = (KL(Q||P) + ln(1/delta))/n."""
    return (symbol("KL") + log_inv_delta) / n


def disintegrated_complexity() -> sp.Expr:
    """C = (ln dQ/dP(omega) + ln(1/delta) + ln r)/n."""
    return (symbol("log_ratio") + log_inv_delta + sp.log(symbol("draws"))) / n


def requential_complexity() -> sp.Expr:
    """C = (sum [ln q - ln p] + ln(1/delta))/n."""
    return (symbol("log_teacher") - symbol("log_student") + log_inv_delta) / n


def prefix_prior_complexity() -> sp.Expr:
    """C = (ln-ratio to the learned prior + ln(1/delta))/(n - n_0)."""
    return (symbol("log_ratio") + log_inv_delta) / (n - symbol("prefix"))
