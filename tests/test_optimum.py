"""The best shift to 50 digits: against mpmath, and what the library's grid loses to it."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from sixty_digits import shifted

import genbound as gb
from genbound.concentration.geometric_mean import default_shifts
from genbound.concentration.optimum import best_shift, excess
from genbound.errors import DomainError

B = 16.0


def stream(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.random(n) * 5
    return np.minimum(rng.exponential(y + 0.1), B), y


@pytest.mark.parametrize("complexity", [1e-4, 1e-3, 0.01])
def test_against_an_independent_root_of_the_derivative(complexity: float) -> None:
    x, y = stream(400)
    best = best_shift(x, y, ceiling=B, complexity=complexity)
    with mpmath.workdps(70):
        bets = [mpf(float(b)) - mpf(float(a)) for a, b in zip(x, y, strict=True)]

        def bound(d: mpf) -> mpf:
            return shifted(x, y, d, complexity)

        def slope(d: mpf) -> mpf:
            factor = mpmath.exp(mpmath.fsum(mpmath.log(d + w) for w in bets) / 400 - mpf(complexity))
            return 1 - factor * mpmath.fsum(1 / (d + w) for w in bets) / 400

        start = mpf(float(best.shift))
        root = mpmath.findroot(slope, (start * mpf("0.999"), start * mpf("1.001")), tol=mpf(10) ** -100)
        assert best.shift.str(50, radius=False) == mpmath.nstr(root, 50, strip_zeros=False)
        assert best.value.str(50, radius=False) == mpmath.nstr(bound(root), 50, strip_zeros=False)


@pytest.mark.parametrize("n", [1, 50, 3000])
@pytest.mark.parametrize("complexity", [1e-3, 0.05, 0.5])
def test_the_grid_is_never_below_and_within_a_thousandth_of_the_gap(n: int, complexity: float) -> None:
    x, y = stream(n, seed=3)
    best = best_shift(x, y, ceiling=B, complexity=complexity, digits=25)
    members = [gb.geometric_mean(x, y, ceiling=B, complexity=complexity, shift=d).value for d in default_shifts(B)]
    low, high = excess(min(members), best)
    if min(members) < B:  # the bound is clipped at the ceiling, the optimum is not
        assert low >= -1e-15
        assert high <= 1e-3 * float(best.value - x.mean()) + 1e-12


def test_the_digits_are_certain_and_more_can_be_had() -> None:
    x, y = stream(60)
    few, many = (best_shift(x, y, ceiling=B, complexity=0.002, digits=digits) for digits in (15, 90))
    assert few.shift.overlaps(many.shift)
    assert few.value.overlaps(many.value)
    assert many.shift.rel_accuracy_bits() > 90 * 3.3 > few.shift.rel_accuracy_bits()


def test_a_loss_at_the_ceiling_and_what_is_refused() -> None:
    best = best_shift([1.0, 0.0, 0.0], ceiling=1.0, complexity=0.2, digits=20)
    assert float(best.shift) > 1.0
    for wrong in ({"complexity": 0.0}, {"complexity": 0.1, "digits": 0}):
        with pytest.raises(DomainError):
            best_shift([0.5], ceiling=1.0, **wrong)
    with pytest.raises(DomainError, match="n <= 8192"):
        best_shift(np.zeros(9000), ceiling=1.0, complexity=0.1)
