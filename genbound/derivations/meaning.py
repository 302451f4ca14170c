"""What each named mean is the mean of: a derivation may use these and no others."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from types import MappingProxyType

import sympy as sp

from genbound import formulas as f
from genbound.symbols import symbol, symbols

X, Y, U, L, m, A, R = symbols("X Y U L m A R")
s, Delta, alpha, V, p, g0, C1 = symbols("s Delta alpha V p g0 C1")
mean_loss, mean_prediction, mean_v = symbols("mean_loss mean_prediction mean_v")

_BET = s * (Y - X) / Delta
_MEAN_BET = (mean_prediction - mean_loss) / Delta

MEANS: MappingProxyType[sp.Expr, sp.Expr] = MappingProxyType(
    {
        X: mean_loss,
        m: R,
        Y: mean_prediction,
        U: symbol("mean_bound"),
        L: symbol("mean_lower"),
        symbol("conditional_variance"): symbol("variance"),
        A: _MEAN_BET,
        A**4: symbol("mean_fourth"),
        A**3: symbol("mean_cube"),
        A**2: symbol("mean_square"),
        sp.log(U - X): sp.log(symbol("G")),
        sp.log(U - m): sp.log(symbol("G_true")),
        sp.log(X - L): sp.log(symbol("G_lower")),
        sp.log(m - L): sp.log(symbol("G_lower_true")),
        sp.log(1 + _BET): symbol("mean_log"),
        f.v(_BET): mean_v,
        sp.log(1 + s * A): s * _MEAN_BET - mean_v,  # sA = s(Y - X)/Delta
        sp.log((1 - alpha) * p + alpha / V): -mean_loss,  # where the loss is the smoothed one
        sp.log(p): -symbol("unsmoothed_loss"),
        U - sp.exp(g0 - C1) * (1 + sp.log(U - X) - g0): symbol("mean_W"),
        Y - (Delta / s) * sp.log(1 + s * A): symbol("mean_centred"),
    }
)
"""Function of one token -> its mean over the tokens."""

NAMED: MappingProxyType[sp.Symbol, sp.Expr] = MappingProxyType({symbol("sigma"): f.loss_variation()})
"""Symbol -> the formula it is short for."""

MEASURED = frozenset(symbols(
    "mean_loss mean_prediction mean_bound mean_lower mean_v mean_log mean_square mean_cube mean_fourth mean_W R G "
    "G_true G_lower G_lower_true G_second g unsmoothed_loss sampled_loss sigma KL log_ratio log_teacher "
    "log_student posterior_risk posterior_bound posterior_G later_risk later_bound later_G mean_centred G_centred "
    "G_sampled divergence excess entropy mean_inverse mean_under_Q negentropy slack"))  # fmt: skip
"""What depends on the data: a parameter set to a function of these was chosen with the data."""

FREE = frozenset(symbols("s Delta D alpha lam g0 u"))
"""Parameters that a bound leaves free: it holds for each value that was fixed beforehand."""

WORLDS: tuple[MappingProxyType[str, str], ...] = tuple(
    MappingProxyType(dict(zip(names.split(), there.split(), strict=True)))
    for names, there in (
        ("R mean_bound G", "posterior_risk posterior_bound posterior_G"),  # averaged over the prior, or a posterior
        ("R mean_bound G", "later_risk later_bound later_G"),  # the tokens after a prefix
        ("R mean_bound C G", "mean_W u C2 G_second"),  # a sample of W, given the tokens
        ("R mean_bound C G", "mean_centred u C2 G_centred"),
        ("R mean_bound C G", "mean_loss u C2 G_sampled"),
        ("R mean_loss C", "mean_loss sampled_loss C2"),
        ("C", "C1"),  # the first of two stages
        ("mean_bound", "u"),  # the same U on every token
    )
)
"""Where a known tail bound may be used again: the names its symbols have there."""
