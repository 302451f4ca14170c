"""What a formula as a function takes, and what it refuses by name."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from genbound.errors import DomainError
from genbound.formulas.callables import formula

REFUSED: dict[str, Any] = {
    "a complex number": 1 + 0j,
    "None": None,
    "a word": "abc",
    "digits in a string": "1",
    "a dictionary": {},
    "a truth value": True,
    "a truth value of numpy": np.True_,
    "a date": np.datetime64(1, "s"),
    "not a number": float("nan"),
    "infinity": float("inf"),
    "below the domain": -1,
}


@pytest.mark.parametrize("backend", ["numpy", "mpmath"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_number_of_the_domain_is_refused_by_name(name: str, backend: Any) -> None:
    with pytest.raises(DomainError, match=r"^C="):
        formula("smoothing_price", backend)(C=REFUSED[name])


@pytest.mark.parametrize("ragged", [[1.0, [2.0]], np.array(["1"]), np.array([1j]), 10**400])
def test_arrays_of_anything_but_numbers_are_refused_by_name(ragged: Any) -> None:
    with pytest.raises(DomainError, match=r"^C="):
        formula("smoothing_price")(C=ragged)


@pytest.mark.parametrize("one", [1, 1.0, Fraction(1), np.float32(1), np.int64(1), np.array(1), np.array(1.0)])
@pytest.mark.parametrize("backend", ["numpy", "mpmath"])
def test_every_kind_of_one_number_is_taken(one: Any, backend: Any) -> None:
    assert float(formula("smoothing_price", backend)(C=one)) == pytest.approx(2 * np.log(2), rel=1e-15)


def test_shapes_broadcast_and_single_precision_is_widened() -> None:
    bound = formula("geometric_mean")
    found = bound(C=np.zeros((2, 1), dtype=np.float32), G=[0.5, 0.25, 0.125], mean_bound=1)
    assert found.dtype == np.float64
    assert found.tolist() == [[0.5, 0.75, 0.875]] * 2
    assert bound(C=np.empty((0, 3)), G=0.5, mean_bound=1.0).shape == (0, 3)
