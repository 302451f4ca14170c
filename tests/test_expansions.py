"""Small variance, small gain and the cap of Sigma: what the chains say, held against the library's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from genbound import formulas as f
from genbound.concentration import empirical_freedman, geometric_mean
from genbound.concentration.empirical_freedman import freedman_grid
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.reasons.analysis import Certified, Identity
from genbound.derivations.reasons.averages import OVER_VOCABULARY, Applied, Measure, Summed, total
from genbound.derivations.rules import UnverifiedError
from genbound.derivations.themes import expansions, variation
from genbound.symbols import symbols

A, C, s, x, p, alpha, V = symbols("A C s x p alpha V")
mean_loss, mean_square, mean_v, entropy, room = symbols("mean_loss mean_square mean_v entropy room")


def test_the_last_lines_are_the_formulas() -> None:
    assert variation.LOSS_VARIATION_CAP.verified()[1] == f.loss_variation_cap()
    assert variation.LOSS_VARIATION_CAP_PRINTED.verified()[1] == f.loss_variation_cap_printed()
    balanced = s**2 * mean_square / 2
    assert sp.simplify(expansions.SMALL_VARIANCE_BELOW.last - f.small_variance_bound().subs(C, balanced)) == 0


def bets(seed: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Losses and constant predictions; Delta = 1."""
    rng = np.random.default_rng(seed)
    y = np.full(4000, 0.5)
    return np.clip(0.5 + spread * rng.standard_exponential(4000) - spread, 0.0, 1.0), y


def values(losses: np.ndarray, y: np.ndarray, c: float) -> dict[str, float]:
    a = y - losses
    moments = {name: float((a**k).mean()) for name, k in (("square", 2), ("cube", 3), ("fourth", 4))}
    return {"C": c, "Delta": 1.0, "mean_loss": float(losses.mean()), **{f"mean_{k}": v for k, v in moments.items()}}


def number(expression: sp.Expr, at: dict[str, float]) -> float:
    return float(expression.subs({each: at[str(each)] for each in expression.free_symbols}))


@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_the_bound_follows_its_expansion(spread: float) -> None:
    """The library's empirical_freedman at s = sqrt(2 C/mean A^2), between the two sides the chains prove."""
    losses, y = bets(1, spread)
    second = float(((y - losses) ** 2).mean())
    for share in (1e-4, 1e-3, 1e-2):
        c = share * second
        at = values(losses, y, c)
        member = float(np.sqrt(2 * c / second))
        value = empirical_freedman(losses, y, ceiling=1.0, complexity=c, s=member).value
        below, left = number(f.small_variance_bound(), at), number(f.small_variance_remainder(), at)
        assert below - 1e-12 <= value <= below + left + 1e-12
        best = empirical_freedman(losses, y, ceiling=1.0, complexity=c, s=number(f.small_variance_member(), at)).value
        assert best <= value + 1e-12
        third = number(f.small_variance_third_order(), at)
        assert abs(best - below - third) <= 5 * share**0.5 * left
        assert value <= number(f.square_bound(), at) + 1e-12


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.4])
def test_the_gain_lies_between_the_two_squares(spread: float) -> None:
    losses, y = bets(2, spread)
    for c in (1e-4, 1e-2, 0.3):
        member = 0.4
        linear = empirical_freedman(losses, y, ceiling=1.0, complexity=c, s=member).value
        curved = geometric_mean(losses, y, ceiling=1.0, complexity=c, shift=1 / member).value
        if 0.5 < linear < 1.0:  # above mean Y, and not clipped at the ceiling
            gained = linear - curved
            assert member * (curved - 0.5) ** 2 / 2 - 1e-9 <= gained <= member * (linear - 0.5) ** 2 / 2 + 1e-9


def variation_on_grid(a: np.ndarray, c: float, size: int) -> float:
    """Sigma in units of Delta."""
    return min(np.sqrt(c) * (1 - t) / t + float(f_v(t * a).mean()) / (t * np.sqrt(c)) for t in freedman_grid(size))


def f_v(x: np.ndarray) -> np.ndarray:
    return x - np.log1p(x)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_printed_cap_holds_between_the_ends_of_the_grid(size: int) -> None:
    """2 sqrt(mean (X - Y)^2) from (2 - sqrt 2)/(2 |K|) to (2 + sqrt 2) |K|/2, on the worst bets among a few."""
    low, high = (2 - 2**0.5) / (2 * size), (2 + 2**0.5) * size / 2
    shapes = [np.ones(1), -np.full(1, 0.999), np.array([-0.999, 0.0, 0.0]), np.array([3.0, -0.5])]
    for a in shapes:
        square = float((a**2).mean())
        for ratio in np.geomspace(low, high, 9):
            assert variation_on_grid(a, ratio**2 * square, size) <= 2 * square**0.5 * (1 + 1e-12)


def test_beyond_the_ends_it_fails() -> None:
    assert variation_on_grid(np.ones(1), 1e-8, 1000) > 2.0
    assert variation_on_grid(np.full(1, 1e-6), 1e-12 * 2001.0**2, 1000) > 2e-6
    assert variation_on_grid(np.zeros(1), 1e-4, 1000) == pytest.approx(1e-2 / 1000)


def test_sums_and_means_refuse_what_they_do_not_carry() -> None:
    narrow = expansions.V_ABOVE
    means = {A**2: mean_square}
    for at in ({"x": A}, {}):  # A may be below -1/2; x is not given
        with pytest.raises(UnverifiedError):
            Applied(derivation=narrow, at=at, means=means).instance(mean_v)
    with pytest.raises(UnverifiedError, match="a function of the atom without a sum"):
        total(p**2, OVER_VOCABULARY)
    assert total(3 * p + 2, OVER_VOCABULARY) == 3 + 2 * V
    own = Derivation("own", p, (Step("<=", sp.Integer(1), Certified(small=p, large=sp.Integer(1))),))
    for reason in (
        Summed(derivation=own, sums={p: sp.Integer(2)}),
        Summed(derivation=own, sums=OVER_VOCABULARY, at={"p": sp.Rational(1, 2)}),
        Summed(derivation=replace(own, start=x, steps=(Step("<=", p, Identity()),)), sums=OVER_VOCABULARY),
        Measure(density=-p, value=symbols("mass")[0]),
        Measure(density=p, value=entropy),
        Measure(density=p * room**2, value=symbols("mass")[0]),
    ):
        with pytest.raises(UnverifiedError):
            reason.instance(entropy)
