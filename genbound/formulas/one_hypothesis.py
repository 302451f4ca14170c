"""Concentration for one fixed hypothesis (THEORY 1), at one member of the family."""

from __future__ import annotations

import sympy as sp

from genbound.symbols import symbol, symbols

C, n, s, D, Delta, B = symbols("C n s D Delta B")
mean_loss, mean_prediction, mean_bound = symbols("mean_loss mean_prediction mean_bound")


def v(x: sp.Expr) -> sp.Expr:
    """v(x) = x - ln(1 + x)."""
    return x - sp.log(1 + x)


def psi(x: sp.Expr) -> sp.Expr:
    """psi_E(x) = -ln(1 - x) - x = v(-x)."""
    return -sp.log(1 - x) - x


def phi(x: sp.Expr) -> sp.Expr:
    """phi(x) = e^x - 1 - x."""
    return sp.exp(x) - 1 - x


def geometric_mean() -> sp.Expr:
    """mean U - e^{-C} GM(U - X).

    >>> geometric_mean()
    -G*exp(-C) + mean_bound
    """
    return mean_bound - sp.exp(-C) * symbol("G")


def geometric_mean_shift() -> sp.Expr:
    """mean Y + D (1 - exp(mean ln(1 + (Y - X)/D) - C)): `geometric_mean` at U = Y + D."""
    return mean_prediction + D * (1 - sp.exp(symbol("mean_log") - C))


def lower_geometric_mean() -> sp.Expr:
    """mean L + e^{-C} GM(X - L)."""
    return symbol("mean_lower") + sp.exp(-C) * symbol("G_lower")


def empirical_freedman() -> sp.Expr:
    """mean X + (Delta/s)(C + mean v(sA))."""
    return mean_loss + (Delta / s) * (C + symbol("mean_v"))


def loss_variation() -> sp.Expr:
    """Sigma = Delta sqrt(C) (1 - s)/s + (Delta/(s sqrt C)) mean v(sA), at one s."""
    return Delta * sp.sqrt(C) * (1 - s) / s + Delta / (s * sp.sqrt(C)) * symbol("mean_v")


def empirical_freedman_sigma() -> sp.Expr:
    """mean X + Delta C + Sigma sqrt(C)."""
    return mean_loss + Delta * C + symbol("sigma") * sp.sqrt(C)


def empirical_freedman_shift() -> sp.Expr:
    """mean Y + D (C - mean ln(1 + (Y - X)/D)): `empirical_freedman` at D = Delta/s."""
    return mean_prediction + D * (C - symbol("mean_log"))


def azuma_hoeffding() -> sp.Expr:
    """mean X + Delta sqrt(C/2)."""
    return mean_loss + Delta * sp.sqrt(C / 2)


def freedman() -> sp.Expr:
    """mean X + Delta (C + phi(lambda) variance/Delta^2)/lambda, at one lambda."""
    lam = symbol("lam")
    return mean_loss + Delta * (C + phi(lam) * symbol("variance") / Delta**2) / lam


def howard() -> sp.Expr:
    """mean X + Delta (C + psi_E(s) mean A^2)/s, at one lambda = s."""
    return mean_loss + Delta * (C + psi(s) * symbol("mean_square")) / s


def maurer_pontil() -> sp.Expr:
    """mean X + sqrt(2 variance C) + 7 Delta C n/(3 (n - 1)), C = ln(2/delta)/n, variance of the sample over n - 1."""
    return mean_loss + sp.sqrt(2 * symbol("variance") * C) + 7 * Delta * C * n / (3 * (n - 1))


def empirical_bernstein() -> sp.Expr:
    """mean X + sqrt(2 variance C) + 3 Delta C, C = ln(3/delta)/n, variance of the sample over n."""
    return mean_loss + sp.sqrt(2 * symbol("variance") * C) + 3 * Delta * C


def floor() -> sp.Expr:
    """mean X + (1 - e^{-C})(B - mean X)."""
    return mean_loss + (1 - sp.exp(-C)) * (B - mean_loss)


def binary_kl(q: sp.Expr, p: sp.Expr) -> sp.Expr:
    """kl(q || p) = q ln(q/p) + (1 - q) ln((1 - q)/(1 - p))."""
    return q * (sp.log(q) - sp.log(p)) + (1 - q) * (sp.log(1 - q) - sp.log(1 - p))


def kl_inf() -> sp.Expr:
    """u - e^{-C} GM(u - X): `geometric_mean` at a constant U; its minimum over u >= B is the KL_inf bound."""
    return symbol("u") - sp.exp(-C) * symbol("G")


def kl_inverse(p: sp.Expr, u: sp.Expr) -> sp.Expr:
    """u - e^{-C} (u - 1)^p u^{1 - p}: `kl_inf` for losses 0 and 1, a share p of them 1."""
    return u - sp.exp(-C + p * sp.log(u - 1) + (1 - p) * sp.log(u))
