"""The statements of THEORY 1 in an arithmetic of choice: the formula objects, at statistics computed naively.

From the code under test come only the calls themselves and the parameters a result reports as tuned; the formulas
are those of genbound.formulas, which share nothing with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from exact_cases import Case
from flint import arb

import genbound as gb
from genbound.concentration import BoundResult, mixture_shifts
from genbound.formulas import evaluate
from genbound.formulas.callables import FORMULAS


@dataclass(frozen=True)
class Reals:
    """One arithmetic in which the statements are evaluated."""

    real: Callable[[Any], Any]
    log: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    total: Callable[[list[Any]], Any]
    at: Callable[[str, Mapping[str, Any]], Any]
    """The formula of a name at the values of its symbols."""

    def formula(self, name: str, **values: Any) -> Any:
        """The formula of genbound.formulas with this name."""
        return self.at(name, values)


BALLS = Reals(arb, arb.log, arb.exp, lambda terms: sum(terms, arb(0)), lambda name, at: evaluate(FORMULAS[name], at))
DIGITS = Reals(
    mpmath.mpf,
    mpmath.log,
    mpmath.exp,
    mpmath.fsum,  # rounds once
    lambda name, at: gb.formula(name, "mpmath")(**at),
)

Sign = Callable[[float], Any]
"""v -> a real that is >= 0 exactly when v is on the safe side of the statement's number."""

Statement = Callable[[Case, BoundResult, Reals], Sign]


def above(r: Reals, truth: Any) -> Sign:
    """Safe is at least the truth: an upper bound."""
    return lambda value: r.real(value) - truth


def below(r: Reals, truth: Any) -> Sign:
    """Safe is at most the truth: a lower bound, or a limit."""
    return lambda value: truth - r.real(value)


def nats(case: Case, r: Reals, members: int = 1) -> Any:
    """nC, with the ln(members) of the library's own grid."""
    (symbol, given), n = next(iter(case.budget.items())), case.losses.size
    return r.real(given) * (n if symbol == "complexity" else 1) + r.log(r.real(members))


def rational(r: Reals, q: Fraction) -> Any:
    """A fraction, rounded once."""
    return r.real(q.numerator) / r.real(q.denominator)


def mean(r: Reals, terms: list[Any]) -> Any:
    """The plain average."""
    return r.total(terms) / len(terms)


def geometric(r: Reals, factors: list[Any]) -> Any:
    """GM(z) = exp(mean ln z), 0 when a factor is 0."""
    if any(z == 0 for z in factors):
        return r.real(0)
    return r.exp(mean(r, [r.log(z) for z in factors]))


def gaps(case: Case, r: Reals, d: Any, sign: int = 1) -> list[Any]:
    """U - X = D + (Y - X), or X - L = D - (Y - X)."""
    return [r.total([d, sign * r.real(y), -sign * r.real(x)]) for x, y in case.pairs()]


def losses(case: Case, r: Reals) -> list[Any]:
    """X."""
    return [r.real(x) for x in case.losses.tolist()]


def azuma_hoeffding(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + Delta sqrt(C/2)."""
    c, delta = nats(case, r) / result.n, r.real(case.ceiling) - r.real(case.loss_floor)
    return above(r, r.formula("azuma_hoeffding", C=c, Delta=delta, mean_loss=mean(r, losses(case, r))))


def floor(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + (1 - e^{-C})(B - mean X)."""
    c, x = nats(case, r) / result.n, mean(r, losses(case, r))
    return below(r, r.formula("floor", B=r.real(case.ceiling), C=c, mean_loss=x))


def empirical_freedman(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + (Delta/s)(C + mean v(s A)), A = (Y - X)/Delta.

    In its form mean Y + D (C - mean ln(1 + s A)) with D = Delta/s.
    """
    c, s = nats(case, r, 1000 if case.s is None else 1) / result.n, r.real(result.tuned["s"])
    d = (r.real(case.ceiling) - r.real(case.prediction_floor)) / s
    log = mean(r, [r.log(1 + gap / d) for gap in gaps(case, r, r.real(0))])
    y = mean(r, [r.real(y) for _, y in case.pairs()])
    return above(r, r.formula("empirical_freedman_shift", C=c, D=d, mean_log=log, mean_prediction=y))


def geometric_mean(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean U - e^{-C} GM(U - X), U = Y + D."""
    c, d = nats(case, r, 128 if case.shift is None else 1) / result.n, r.real(result.tuned["shift"])
    u = [r.total([d, r.real(y)]) for _, y in case.pairs()]
    return above(r, r.formula("geometric_mean", C=c, G=geometric(r, gaps(case, r, d)), mean_bound=mean(r, u)))


def lower_geometric_mean(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean L + e^{-C} GM(X - L), L = Y - D."""
    c, d = nats(case, r, 128 if case.shift is None else 1) / result.n, r.real(result.tuned["shift"])
    low = [r.total([r.real(y), -d]) for _, y in case.pairs()]
    gm = geometric(r, gaps(case, r, d, -1))
    return below(r, r.formula("lower_geometric_mean", C=c, G_lower=gm, mean_lower=mean(r, low)))


def capped_geometric_mean(case: Case, result: BoundResult, r: Reals) -> Sign:
    """min(mean B, mean U - e^{-C} GM(U - X)), U = max(B, Y + D) in float64: the rounded sum is predictable too."""
    c = nats(case, r, 64 if case.shift is None else 1) / result.n
    y = 0.0 if case.predictions is None else np.abs(case.predictions)
    u = np.maximum(case.ceilings, y + float(result.tuned["shift"])).tolist()
    gap = [r.total([r.real(u), -r.real(x)]) for u, x in zip(u, case.losses.tolist(), strict=True)]
    centre = mean(r, [r.real(value) for value in u])
    truth = r.formula("geometric_mean", C=c, G=geometric(r, gap), mean_bound=centre)
    top = mean(r, [r.real(b) for b in case.ceilings.tolist()])
    return lambda value: max(r.real(value) - truth, r.real(value) - top, key=float)


def kl_inf(case: Case, result: BoundResult, r: Reals, members: int | None = None, extra: Any = 0) -> Sign:
    """u - e^{-C} GM(u - X), with ln(members) in nC."""
    c, u = (nats(case, r, members or len(family(case))) + extra) / result.n, r.real(result.tuned["u"])
    gap = [r.total([u, -r.real(x)]) for x in case.losses.tolist()]
    return above(r, r.formula("kl_inf", C=c, G=geometric(r, gap), u=u))


def kl_inf_constant_mean(case: Case, result: BoundResult, r: Reals) -> Sign:
    """u - e^{-C} GM(u - X), with ln(2 sqrt n) in nC."""
    return kl_inf(case, result, r, 2, r.log(r.real(result.n)) / 2)


def family(case: Case) -> list[float]:
    """The constants u to choose from."""
    return case.caps or list(mixture_shifts(case.ceiling))


def _share(case: Case) -> Fraction:
    return sum(map(Fraction, case.losses.tolist()), Fraction(0)) / case.losses.size / Fraction(case.ceiling)


def kl_inverse(case: Case, result: BoundResult, r: Reals) -> Sign:
    """u - e^{-C} (u - B)^p u^{1-p}, p = mean X/B, with ln(members) in nC."""
    cap, b = min(family(case), key=lambda u: abs(u - result.tuned["u"])), r.real(case.ceiling)
    c, p = nats(case, r, len(family(case))) / result.n, rational(r, _share(case))
    if cap == case.ceiling:  # GM(u - X) is 0 as soon as one loss is B
        return above(r, b * r.formula("kl_inf", C=c, G=r.real(int(p == 0)), u=r.real(1)))
    return above(r, b * r.formula("kl_inverse", C=c, p=p, u=rational(r, Fraction(cap) / Fraction(case.ceiling))))


def kl_inverse_independent(case: Case, result: BoundResult, r: Reals) -> Sign:
    """B sup{q : kl(mean X/B, q) <= C}: kl(p, v/B) - C, with v below the mean never safe and v = B always."""
    p, c = _share(case), nats(case, r) / result.n

    def sign(value: float) -> Any:
        q = Fraction(value) / Fraction(case.ceiling)
        if q >= 1 or q <= p:
            return r.real(1 if q >= 1 else -1 if q < p else 0) - (c if q == p < 1 else 0)
        if p == 0:
            return -r.log(rational(r, 1 - q)) - c
        return r.formula("binary_kl", q=rational(r, p), p=rational(r, q)) - c

    return sign


def freedman(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + t with (v/b^2) h(b t/v) = C, h(x) = (1 + x) ln(1 + x) - x; for v = 0 the mean itself."""
    x, v, b = mean(r, losses(case, r)), r.real(case.variance), r.real(case.ceiling) - r.real(case.loss_floor)
    if case.variance == 0:
        return above(r, x)

    def sign(value: float) -> Any:
        t = r.real(value) - x
        if t < 0:
            return t / b
        z = 1 + b * t / v
        return v / b**2 * (z * r.log(z) - z + 1) - nats(case, r) / result.n

    return sign


def maurer_pontil(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + sqrt(2 V ln(2/delta)/n) + 7 b ln(2/delta)/(3(n - 1)), V = sum (X - mean X)^2/(n - 1)."""
    n, log, b = result.n, nats(case, r, 2), r.real(case.ceiling) - r.real(case.loss_floor)
    x = mean(r, losses(case, r))
    v = r.total([(z - x) ** 2 for z in losses(case, r)]) / (n - 1)
    return above(r, r.formula("maurer_pontil", C=log / n, Delta=b, mean_loss=x, n=r.real(n), variance=v))


def empirical_bernstein(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + sqrt(2 V ln(3/delta)/n) + 3 b ln(3/delta)/n, V = sum (X - mean X)^2/n."""
    n, log, b = result.n, nats(case, r, 3), r.real(case.ceiling) - r.real(case.loss_floor)
    x = mean(r, losses(case, r))
    v = mean(r, [(z - x) ** 2 for z in losses(case, r)])
    return above(r, r.formula("empirical_bernstein", C=log / n, Delta=b, mean_loss=x, variance=v))


def howard(case: Case, result: BoundResult, r: Reals) -> Sign:
    """mean X + Delta [C/lambda + psi_E(lambda) mean A^2/lambda], psi_E(lambda) = -ln(1 - lambda) - lambda."""
    c, bet = nats(case, r, 32 if case.s is None else 1) / result.n, r.real(result.tuned["lambda"])
    delta = r.real(case.ceiling) - r.real(case.prediction_floor)
    square = mean(r, [(gap / delta) ** 2 for gap in gaps(case, r, r.real(0))])
    x = mean(r, losses(case, r))
    return above(r, r.formula("howard", C=c, Delta=delta, mean_loss=x, mean_square=square, s=bet))


def mixture(case: Case, result: BoundResult, r: Reals, linear: bool = False) -> Sign:
    """The M with sum_j pi_j [GM_j/(mean U_j - M)]^n = 1/delta: the sum grows with M, below every mean U_j."""
    y = mean(r, [r.real(y) for _, y in case.pairs()])
    shifts = [r.real(d) for d in case.grid]
    means = [geometric(r, gaps(case, r, d)) for d in shifts]

    def sign(value: float) -> Any:
        room = [y + d - r.real(value) for d in shifts]
        if not linear and any(z <= 0 for z in room):
            return r.real(1)
        if linear:  # exp(T/D) stands for 1/(1 - T/D), T = M - mean Y
            room = [d * r.exp(z / d - 1) for d, z in zip(shifts, room, strict=True)]
        terms = [r.real(pi) * (gm / z) ** result.n for pi, gm, z in zip(case.weights, means, room, strict=True)]
        total = r.total(terms)
        return r.log(total) - nats(case, r) if total != 0 else r.real(-1)

    return sign


def mineiro(case: Case, result: BoundResult, r: Reals) -> Sign:
    """The M with sum_j pi_j exp(n lambda_j (M - mean Y)/Delta) prod (1 + lambda_j A_k) = 1/delta."""
    return mixture(case, result, r, linear=True)
