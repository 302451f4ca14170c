"""The formulas of the theory as sympy objects, each stated once, and their evaluation in ball arithmetic.

A function of this module is the right hand side of the claim of the same name, in the symbols of
`genbound.symbols`. Families are written at one member: which shift D, s or lambda is taken is tuning, and paid in C.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import sympy as sp
from flint import arb, fmpq

from genbound.certified import Real, ball
from genbound.errors import DomainError, domain_error
from genbound.symbols import symbol, symbols

C, n, s, D, Delta, B = symbols("C n s D Delta B")
alpha, V, p = symbols("alpha V p")
mean_loss, mean_prediction, mean_bound = symbols("mean_loss mean_prediction mean_bound")
log_inv_delta = symbol("log_inv_delta")


# -- one hypothesis ------------------------------------------------------------------------------------------------


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


# -- many hypotheses -----------------------------------------------------------------------------------------------


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


# -- smoothing -----------------------------------------------------------------------------------------------------


def binary_entropy(p: sp.Expr) -> sp.Expr:
    """H_b(p) = -p ln p - (1 - p) ln(1 - p)."""
    return -p * sp.log(p) - (1 - p) * sp.log(1 - p)


def smoothed_loss(p: sp.Expr = p) -> sp.Expr:
    """-ln((1 - alpha) p + alpha/V)."""
    return -sp.log((1 - alpha) * p + alpha / V)


def ceiling() -> sp.Expr:
    """ln(V/alpha), the largest smoothed loss."""
    return sp.log(V) - sp.log(alpha)


def least_loss() -> sp.Expr:
    """-ln(1 - alpha + alpha/V), the least smoothed loss."""
    return smoothed_loss(sp.Integer(1))


def span() -> sp.Expr:
    """ln(1 + (1 - alpha) V/alpha), the range of a smoothed loss."""
    return sp.log(1 + (1 - alpha) * V / alpha)


def entropy_floor() -> sp.Expr:
    """h_min = -(1-alpha+alpha/V) ln(1-alpha+alpha/V) + alpha (1-1/V) ln(V/alpha)."""
    top = 1 - alpha + alpha / V
    return -top * sp.log(top) + alpha * (1 - 1 / V) * (sp.log(V) - sp.log(alpha))


def smoothing_trade() -> sp.Expr:
    """-ln(1 - alpha) + C ln(1/alpha): what smoothing costs beside C ln V."""
    return -sp.log(1 - alpha) - C * sp.log(alpha)


def smoothing_price() -> sp.Expr:
    """h(C) = (1 + C) ln(1 + C) - C ln C = min_alpha of `smoothing_trade`."""
    return (1 + C) * sp.log(1 + C) - C * sp.log(C)


def smoothing_cost_sqrt() -> sp.Expr:
    """sqrt(2C)."""
    return sp.sqrt(2 * C)


def smoothing_cost_sqrt_sharp() -> sp.Expr:
    """2 ln 2 sqrt(C)."""
    return 2 * sp.log(2) * sp.sqrt(C)


# -- published and sampled -----------------------------------------------------------------------------------------


def finzi_bound() -> sp.Expr:
    """R_hat + C ln V + Sigma sqrt(C) + sqrt(2C)."""
    return symbol("unsmoothed_loss") + C * sp.log(V) + symbol("sigma") * sp.sqrt(C) + smoothing_cost_sqrt()


def lotfi_subsampled() -> sp.Expr:
    """R_hat_m + Delta {sqrt((L ln 2 + ln(1/(r delta)))/(2n)) + sqrt(ln(1/((1-r) delta))/(2m))}, r = m/(m + n)."""
    m = symbol("m_sampled")
    first = symbol("code_bits") * sp.log(2) + log_inv_delta - sp.log(m / (m + n))
    second = log_inv_delta - sp.log(n / (m + n))
    return symbol("sampled_loss") + Delta * (sp.sqrt(first / (2 * n)) + sp.sqrt(second / (2 * m)))


def tangent() -> sp.Expr:
    """mean U - c (1 + g - g0), c = e^{g0 - C_1}: the first stage as a mean over tokens (mean W)."""
    g, g0, first = symbols("g g0 C1")
    return mean_bound - sp.exp(g0 - first) * (1 + g - g0)


def two_stage_geometric_mean() -> sp.Expr:
    """u - e^{-C_2} GM(u - W)."""
    return symbol("u") - sp.exp(-symbol("C2")) * symbol("G_second")


# -- evaluation ----------------------------------------------------------------------------------------------------


def evaluate(expression: sp.Expr, values: Mapping[str, Real]) -> arb:
    """A ball that contains the value of `expression` with these numbers for its symbols.

    The precision is the caller's (`genbound.certified.precision`). Outside the domain of a logarithm or a root the
    ball is not finite.

    Raises:
        DomainError: a symbol without a value, or a kind of expression that no formula of the theory needs.

    >>> from genbound.certified import precision, up
    >>> with precision():
    ...     ball_of_h = evaluate(smoothing_price(), {"C": 1})
    >>> round(float(ball_of_h), 9)
    1.386294361
    """
    match expression:
        case sp.Symbol():
            if expression.name not in values:
                raise domain_error(expression.name, None, "a value", "symbol of the formula")
            return ball(values[expression.name])
        case sp.Float():
            sign, mantissa, exponent, _ = expression._mpf_
            return arb((-1) ** sign * int(mantissa)) * arb(2) ** int(exponent)
        case sp.Rational():
            return arb(fmpq(int(expression.p), int(expression.q)))
        case sp.exp() | sp.log():
            inner = evaluate(expression.args[0], values)  # type: ignore[arg-type]
            return inner.exp() if isinstance(expression, sp.exp) else inner.log()
        case _ if expression == sp.E:
            return arb(1).exp()
    if not isinstance(expression, sp.Add | sp.Mul | sp.Pow | sp.Max | sp.Min):
        raise DomainError(f"{expression}: need sums, products, powers, exp, log, Max or Min of real numbers")
    parts = [evaluate(each, values) for each in expression.args]  # type: ignore[arg-type]
    if isinstance(expression, sp.Pow):
        return _power(parts[0], parts[1], expression.exp)
    if isinstance(expression, sp.Max | sp.Min):
        return reduce(arb.max if isinstance(expression, sp.Max) else arb.min, parts)
    return reduce(arb.__add__ if isinstance(expression, sp.Add) else arb.__mul__, parts)


def _power(base: arb, exponent: arb, written: sp.Expr) -> arb:
    if isinstance(written, sp.Integer):
        return base ** int(written)
    if written.is_Rational and written.q == 2:  # type: ignore[attr-defined]
        return base.sqrt() ** int(written.p)  # type: ignore[attr-defined]
    return arb(0) if base.is_zero() and exponent > 0 else (exponent * base.log()).exp()
