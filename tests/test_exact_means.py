"""Exact means: brackets, any order, and models so sure of themselves that a token costs them thousands of nats."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from genbound.certificate.means import MOST, ExactMean
from genbound.certificate.statistics import StreamStatistics
from genbound.errors import DataError
from genbound.lm.token_stats import token_statistics


def mean(values: np.ndarray, most: float = MOST) -> ExactMean:
    found = ExactMean()
    found.update(values, most)
    return found


@pytest.mark.parametrize(("scale", "most"), [(1.0, MOST), (1e5, MOST), (1e30, math.inf)])
def test_the_mean_is_bracketed_and_its_order_free(scale: float, most: float) -> None:
    values = np.random.default_rng(0).random(5000) * scale
    whole, parts = mean(values, most), mean(values[::-1][:777], most)
    parts.merge(mean(values[::-1][777:], most))
    assert parts == whole
    exact = sum(map(Fraction, values.tolist())) / len(values)
    assert Fraction(whole.lower) <= exact <= Fraction(whole.upper)
    assert whole.value == pytest.approx(float(exact), rel=1e-12)


def test_what_no_sum_can_hold_is_refused() -> None:
    for value, most in (
        (2.0**17, MOST),
        (-(2.0**17), MOST),
        (math.inf, math.inf),
        (math.nan, MOST),
        (math.inf, MOST),
    ):
        with pytest.raises(DataError, match="need less than"):
            mean(np.array([1.0, value]), most)


def test_a_loss_of_thousands_of_nats_is_measured() -> None:
    """Its square is beyond what bounds are summed in, but bounds nothing: the smoothed loss does."""
    logits = torch.zeros(4, 8)
    logits[:, 0] = 90_000.0
    found = StreamStatistics.empty(8, [(0.5, 0.0), (4.0, 0.0)])
    found.update(token_statistics(logits, torch.tensor([0, 0, 0, 3]), found.alphas))
    assert found.loss.value == pytest.approx(22_500.0)
    assert found.loss_deviation == pytest.approx(90_000 * math.sqrt(3) / 4)
    assert found.mean_loss(0.5) < 3.0
    assert found.tilted[4.0].ceiling.upper < 10.0
