"""Uniform smoothing (THEORY 3)."""

from __future__ import annotations

import sympy as sp

from genbound.formulas.one_hypothesis import v
from genbound.symbols import symbols

C, alpha, V, p, a, b, h, x, y = symbols("C alpha V p a b h x y")


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


def optimal_law_excess() -> sp.Expr:
    """v(x) + a v(y) of one token of slack z = a under the optimal law q; x = q'/q - 1, y = z'/z - 1.

    Summed over the tokens with weights q it is what the law q' of slacks z' costs more than q.
    """
    return v(x) + a * v(y)


def slack_objective(z: sp.Expr = a) -> sp.Expr:
    """ln(e^z + b) - w p ln z of one token, where the others sum to b and w p = h e^h/(e^h + b)."""
    return z + sp.log(1 + b * sp.exp(-z)) - h / (1 + b * sp.exp(-h)) * sp.log(z)
