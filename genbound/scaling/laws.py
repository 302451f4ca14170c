"""The laws, as scikit-learn estimators: Chinchilla's, a power that saturates, and the gap as a sum of powers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from genbound.errors import domain_error
from genbound.scaling.estimator import Layout, LogSumExpLaw


class ChinchillaLaw(LogSumExpLaw):
    """L(N, D) = E + A N^-alpha + B D^-beta.

    Source: Hoffmann et al. 2022, fitted as Besiroglu et al. 2024 do: the sum over runs of a Huber loss, delta = 1e-3,
    of log L - log prediction, minimised over many starts.

    Args:
        tied_exponents: alpha = beta.
        delta: corner of the Huber loss, in units of log L, > 0.
        exponent_bounds: where alpha and beta are sought.
        starts: how many starts are polished; the grid they are taken from is larger.

    Attributes:
        E_, A_, B_, alpha_, beta_: the law, in the units of y, N and D. An amplitude is 0 where the data want none.
        parameters_, objective_, scale_, starts_polished_, starts_agreeing_: see `fit`.

    >>> N, D = np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6))
    >>> X = np.column_stack([N.ravel(), D.ravel()])
    >>> law = ChinchillaLaw().fit(X, 1.8172 + 482.01 * X[:, 0] ** -0.3478 + 2085.43 * X[:, 1] ** -0.3658)
    >>> round(law.E_, 6), round(law.alpha_, 6), round(law.beta_, 6)
    (1.8172, 0.3478, 0.3658)
    >>> round(float(law.frontier_tokens_per_parameter(1e21)))
    22
    """

    def __init__(self, *, tied_exponents: bool = False, delta: float = 1e-3,
                 exponent_bounds: tuple[float, float] = (0.0, 2.0), starts: int = 16) -> None:  # fmt: skip
        self.tied_exponents = tied_exponents
        self.delta = delta
        self.exponent_bounds = exponent_bounds
        self.starts = starts

    def _layout(self) -> Layout:
        second = "alpha" if self.tied_exponents else "beta"
        return Layout(("N", "D"), {"E": {}, "A": {0: "alpha"}, "B": {1: second}})

    def _describe(self) -> None:
        values = self.parameters_
        self.E_, self.A_, self.B_, self.alpha_ = (values[name] for name in ("E", "A", "B", "alpha"))
        self.beta_ = values.get("beta", self.alpha_)

    def frontier_parameters(self, compute: Any) -> Any:
        """N* = G (compute/6)^{beta/(alpha+beta)} with compute = 6 N D FLOP, G = (alpha A/(beta B))^{1/(alpha+beta)}."""
        constant = self._frontier_constant()
        return constant * (np.asarray(compute) / 6) ** (self.beta_ / (self.alpha_ + self.beta_))

    def frontier_tokens(self, compute: Any) -> Any:
        """D* = (compute/6)^{alpha/(alpha+beta)}/G."""
        constant = self._frontier_constant()
        return (np.asarray(compute) / 6) ** (self.alpha_ / (self.alpha_ + self.beta_)) / constant

    def frontier_loss(self, compute: Any) -> Any:
        """L(N*, D*)."""
        N, D = self.frontier_parameters(compute), self.frontier_tokens(compute)
        return self.E_ + self.A_ * N**-self.alpha_ + self.B_ * D**-self.beta_

    def frontier_tokens_per_parameter(self, compute: Any) -> Any:
        """D*/N*: the same at every compute only for alpha = beta."""
        return self.frontier_tokens(compute) / self.frontier_parameters(compute)

    def frontier_parameters_per_token(self, compute: Any) -> Any:
        """N*/D*, what the complexity of a quantized code is proportional to."""
        return self.frontier_parameters(compute) / self.frontier_tokens(compute)

    def _frontier_constant(self) -> float:
        check_is_fitted(self)
        for symbol in ("A", "B", "alpha", "beta"):
            if not getattr(self, f"{symbol}_") > 0:
                raise domain_error(f"{symbol}_", getattr(self, f"{symbol}_"), f"{symbol}_ > 0", "there is no frontier")
        ratio = math.log(self.alpha_ * self.A_) - math.log(self.beta_ * self.B_)
        return math.exp(ratio / (self.alpha_ + self.beta_))


class SaturatingPowerLaw(LogSumExpLaw):
    """y = c + a x^-p, c >= 0, a >= 0; p may be negative.

    Args:
        offset: whether c is fitted; without it c = 0.
        delta, exponent_bounds, starts: as in `ChinchillaLaw`.

    Attributes:
        c_, a_, p_: the law.
        parameters_, objective_, scale_, starts_polished_, starts_agreeing_: see `fit`.

    >>> N = np.geomspace(7e7, 1.2e10, 8)[:, None]
    >>> law = SaturatingPowerLaw().fit(N, 0.27 + 8337 * N[:, 0] ** -0.54)
    >>> round(law.c_, 6), round(law.a_, 2), round(law.p_, 6)
    (0.27, 8337.0, 0.54)
    """

    def __init__(self, *, offset: bool = True, delta: float = 1e-3,
                 exponent_bounds: tuple[float, float] = (-2.0, 2.0), starts: int = 16) -> None:  # fmt: skip
        self.offset = offset
        self.delta = delta
        self.exponent_bounds = exponent_bounds
        self.starts = starts

    def _layout(self) -> Layout:
        return Layout(("x",), {**({"c": {}} if self.offset else {}), "a": {0: "p"}})

    def _describe(self) -> None:
        self.c_ = self.parameters_.get("c", 0.0)
        self.a_, self.p_ = self.parameters_["a"], self.parameters_["p"]


class GapLaw(LogSumExpLaw):
    """gap(N) = [offset +] sum_j a_j N^-p_j, all amplitudes >= 0.

    Args:
        exponents: p_1..p_J where a derivation gives them: only amplitudes are fitted. None: they are fitted too.
        terms: J, where the exponents are fitted.
        offset: whether a constant is fitted beside them.
        delta, exponent_bounds, starts: as in `ChinchillaLaw`.

    Attributes:
        offset_, amplitudes_, exponents_: the law; fitted exponents increase.
        parameters_: the same by name: offset, a1.., p1...
        objective_, scale_, starts_polished_, starts_agreeing_: see `fit`.

    >>> N = np.geomspace(1e4, 1e7, 12)[:, None]
    >>> law = GapLaw(exponents=(0.25, 0.5)).fit(N, 3 * N[:, 0] ** -0.25 + 40 * N[:, 0] ** -0.5)
    >>> law.amplitudes_.round(6).tolist(), law.offset_
    ([3.0, 40.0], 0.0)
    """

    def __init__(self, *, exponents: Sequence[float] | None = None, terms: int = 2, offset: bool = False,
                 delta: float = 1e-3, exponent_bounds: tuple[float, float] = (-2.0, 2.0),
                 starts: int = 16) -> None:  # fmt: skip
        self.exponents = exponents
        self.terms = terms
        self.offset = offset
        self.delta = delta
        self.exponent_bounds = exponent_bounds
        self.starts = starts

    def _layout(self) -> Layout:
        given: Sequence[float | str]
        if self.exponents is None:
            if self.terms < 1:
                raise domain_error("terms", self.terms, "terms >= 1", "powers in the sum")
            given = [f"p{j}" for j in range(1, self.terms + 1)]
        else:
            given = [float(p) for p in self.exponents]
            if not given or not np.isfinite(given).all() or len(set(given)) < len(given):
                raise domain_error("exponents", self.exponents, "different finite numbers, at least one", "p_1..p_J")
        powers = {f"a{j}": {0: p} for j, p in enumerate(given, 1)}
        return Layout(("N",), {**({"offset": {}} if self.offset else {}), **powers}, self.exponents is None)

    def _describe(self) -> None:
        count = self.terms if self.exponents is None else len(self.exponents)
        named = [self.parameters_.get(f"p{j}") for j in range(1, count + 1)]
        self.offset_ = self.parameters_.get("offset", 0.0)
        self.amplitudes_ = np.array([self.parameters_[f"a{j}"] for j in range(1, count + 1)])
        self.exponents_ = np.array(named if self.exponents is None else self.exponents, dtype=float)
