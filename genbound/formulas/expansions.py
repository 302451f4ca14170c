"""Small variance, small gain (THEORY 1): expansions of the bounds, and closed forms that need no search for s."""

from __future__ import annotations

import sympy as sp

from genbound.symbols import symbol, symbols

C, D, Delta, s = symbols("C D Delta s")
mean_loss, mean_square, mean_cube, mean_fourth = symbols("mean_loss mean_square mean_cube mean_fourth")


def small_variance_member() -> sp.Expr:
    """s = sqrt(2 C/mean A^2) + (4/3) C mean A^3/(mean A^2)^2: the best s, up to O(C^{3/2})."""
    return sp.sqrt(2 * C / mean_square) + sp.Rational(4, 3) * C * mean_cube / mean_square**2


def small_variance_bound() -> sp.Expr:
    """mean X + Delta sqrt(2 C mean A^2) - (2/3) Delta C mean A^3/mean A^2: `empirical_freedman` up to O(C^{3/2}).

    In nats: mean X + sqrt(2 C mean (X - Y)^2) + (2/3) C mean (X - Y)^3/mean (X - Y)^2.
    """
    third = sp.Rational(2, 3) * Delta * C * mean_cube / mean_square
    return mean_loss + Delta * sp.sqrt(2 * C * mean_square) - third


def small_variance_third_order() -> sp.Expr:
    """Delta (2 C/mean A^2)^{3/2} (mean A^4/4 - (2/9) (mean A^3)^2/mean A^2): the term of order C^{3/2}."""
    shape = mean_fourth / 4 - sp.Rational(2, 9) * mean_cube**2 / mean_square
    return Delta * (2 * C / mean_square) ** sp.Rational(3, 2) * shape


def small_variance_remainder() -> sp.Expr:
    """Delta sqrt(2) C^{3/2} mean A^4/(mean A^2)^{3/2}: what the bound above may lack."""
    return Delta * sp.sqrt(2) * C ** sp.Rational(3, 2) * mean_fourth / mean_square ** sp.Rational(3, 2)


def loss_variation_cap() -> sp.Expr:
    """sqrt(2 mean (X - Y)^2) = Delta sqrt(2 mean A^2), which Sigma reaches at s/(1 - s) = sqrt(2 C/mean A^2)."""
    return Delta * sp.sqrt(2 * mean_square)


def loss_variation_cap_printed() -> sp.Expr:
    """2 sqrt(mean (X - Y)^2) = 2 Delta sqrt(mean A^2) [F25]."""
    return 2 * Delta * sp.sqrt(mean_square)


def square_bound() -> sp.Expr:
    """mean X + Delta C + sqrt(2 C mean (X - Y)^2): `empirical_freedman` at s/(1 - s) = sqrt(2 C/mean A^2), at most."""
    return mean_loss + Delta * C + loss_variation_cap() * sp.sqrt(C)


def geometric_mean_gain() -> sp.Expr:
    """D (x - (1 - e^{-x})), x = C - mean ln(1 + sA): `empirical_freedman` less `geometric_mean` at the same D."""
    x = C - symbol("mean_log")
    return D * (x - (1 - sp.exp(-x)))


def geometric_mean_gain_leading() -> sp.Expr:
    """(D/2) (C - mean ln(1 + sA))^2 = s (bound - mean Y)^2/(2 Delta)."""
    return D * (C - symbol("mean_log")) ** 2 / 2
