"""KL_inf duality and the entropy floor: the chains, and laws with several atoms in 50 digits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from genbound import formulas as f
from genbound.concentration import kl_inf, kl_inverse
from genbound.derivations.themes import kl
from genbound.smoothing import ceiling, entropy_floor

mpf = mpmath.mpf


def test_the_last_line_is_the_dual_formula() -> None:
    assert kl.KL_INF_ATTAINED.verified()[1] == f.kl_inf()


def test_no_law_beats_a_cap_and_one_reaches_the_best() -> None:
    """Laws near a random empirical one, unseen losses included, against every u; and the extreme law."""
    rng = np.random.default_rng(4)
    losses = [mpf(float(each)) for each in rng.uniform(0, 1, 6)]
    with mpmath.workdps(50):
        weights = [mpf(1) / 6] * 6
        for _ in range(30):
            q = rng.dirichlet(np.ones(7))  # the last atom, at 1, was never seen
            divergence = mpmath.fsum(
                p * mpmath.log(p / mpf(float(share))) for p, share in zip(weights, q, strict=False)
            )
            mean = mpmath.fsum(mpf(float(share)) * each for share, each in zip(q, [*losses, mpf(1)], strict=True))
            for u in (mpf(1), mpf("1.01"), mpf(2), mpf(50)):
                gm = mpmath.exp(mpmath.fsum(p * mpmath.log(u - each) for p, each in zip(weights, losses, strict=True)))
                assert mean <= u - mpmath.exp(-divergence) * gm + mpf(10) ** -45
        c = mpf("0.05")

        def level(u: Any) -> Any:
            logs = mpmath.fsum(p * mpmath.log(u - each) for p, each in zip(weights, losses, strict=True))
            return mpmath.exp(logs - c)

        best = mpmath.findroot(lambda u: level(u) * mpmath.fsum(p / (u - each) for p, each in zip(
            weights, losses, strict=True)) - 1, (mpf("1.5"), mpf(30)), solver="anderson")  # fmt: skip
        extreme = [p * level(best) / (best - each) for p, each in zip(weights, losses, strict=True)]
        assert abs(mpmath.fsum(extreme) - 1) < mpf(10) ** -30
        assert (
            abs(mpmath.fsum(p * mpmath.log(p / e) for p, e in zip(weights, extreme, strict=True)) - c) < mpf(10) ** -30
        )
        reached = mpmath.fsum(e * each for e, each in zip(extreme, losses, strict=True))
        assert abs(reached - (best - level(best))) < mpf(10) ** -30
        found = kl_inf([float(each) for each in losses], ceiling=1.0, complexity=0.05, grid=[float(best)])
        assert reached - mpf(10) ** -9 <= found.value <= reached + mpf(10) ** -9


def test_the_binary_inverse_is_the_dual_at_its_best_cap() -> None:
    for p, q in ((0.1, 0.2), (0.4, 0.41), (0.02, 0.9)):
        c = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
        zeros = [1.0] * round(100 * p) + [0.0] * (100 - round(100 * p))
        found = kl_inverse(zeros, ceiling=1.0, complexity=float(c), assume="independent")
        assert found.value == pytest.approx(q, rel=1e-9)
        room = p * (1 - q) / (q - p)
        assert found.tuned["u"] == pytest.approx(1 + room, rel=1e-6)


@pytest.mark.parametrize("vocabulary", [2, 3, 50])
def test_the_entropy_floor_holds_for_every_vocabulary(vocabulary: int) -> None:
    rng = np.random.default_rng(vocabulary)
    for alpha in (1e-4, 0.05, 0.5):
        least = entropy_floor(alpha, vocabulary)
        for concentration in (0.01, 0.3, 5.0):
            law = rng.dirichlet(np.full(vocabulary, concentration))
            mixed = (1 - alpha) * law + alpha / vocabulary
            entropy = float(-(mixed * np.log(mixed)).sum())
            assert entropy >= least
            assert (-np.log(mixed) - entropy).max() <= ceiling(alpha, vocabulary) - least
        point = np.full(vocabulary, alpha / vocabulary)
        point[0] += 1 - alpha
        assert float(-(point * np.log(point)).sum()) == pytest.approx(least, rel=1e-8)
