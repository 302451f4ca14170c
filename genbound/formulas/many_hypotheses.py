"""Many hypotheses (THEORY 2): what C is, and the bound with it."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound.formulas.one_hypothesis import geometric_mean
from genbound.symbols import symbol, symbols

C, n, log_inv_delta = symbols("C n log_inv_delta")


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


def prior_union() -> sp.Expr:
    """mean U - e^{-C} GM(U - X), C = (L ln 2 + ln(1/delta) + ln(1/pi_j))/n."""
    return geometric_mean().subs(C, prior_union_complexity())


def pac_bayes() -> sp.Expr:
    """E_Q mean U - e^{-C} exp(E_Q mean ln(U - X)), C = (KL(Q||P) + ln(1/delta))/n."""
    return _about("posterior", pac_bayes_complexity())


def disintegrated() -> sp.Expr:
    """mean U - e^{-C} GM(U - X), C = (ln dQ/dP(omega) + ln(1/delta) + ln r)/n."""
    return geometric_mean().subs(C, disintegrated_complexity())


def requential() -> sp.Expr:
    """mean U - e^{-C} GM(U - X), C = (sum [ln q - ln p] + ln(1/delta))/n."""
    return geometric_mean().subs(C, requential_complexity())


def prefix_prior() -> sp.Expr:
    """mean U - e^{-C} GM(U - X) over the tokens after n_0, C = (ln dQ/dP(omega) + ln(1/delta))/(n - n_0)."""
    return _about("later", prefix_prior_complexity())


def geometric_mean_anytime() -> sp.Expr:
    """mean U - e^{-C_n} GM(U - X), C_n = ln(1/delta)/n."""
    return geometric_mean().subs(C, log_inv_delta / n)


def progressive_validation() -> sp.Expr:
    """mean U - e^{-C} GM(U - X), C = (ln(1/delta) + ln(1/pi_j))/n, X_k the loss of the predictor of token k."""
    return geometric_mean().subs(C, (log_inv_delta - sp.log(symbol("prior"))) / n)


def held_out() -> sp.Expr:
    """mean U - e^{-C} GM(U - X), C = (ln(1/delta) + ln(1/pi_j))/n, on tokens the predictor has not seen."""
    return progressive_validation()


def _about(means: str, complexity: sp.Expr) -> sp.Expr:
    names = {symbol("mean_bound"): symbol(f"{means}_bound"), symbol("G"): symbol(f"{means}_G")}
    return geometric_mean().subs({**names, C: complexity}, simultaneous=True)
