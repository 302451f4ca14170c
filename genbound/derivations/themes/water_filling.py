"""Reverse water-filling for power-law spectra (THEORY 9): the water level, the rate at which every direction is active,
and the law below it. That this is the least error at a rate is cited (Gaussian directions), not derived here.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import sympy as sp

from genbound import formulas as f
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.mistakes import Mistake
from genbound.derivations.reasons.analysis import Identity
from genbound.derivations.reasons.asymptotics import Equivalent, Linear, Solve
from genbound.derivations.rules import Z
from genbound.derivations.themes.power_law import STEEP, exchanged, falling, law, log_bound, sum_bound
from genbound.symbols import symbols

n, p, k, i, theta, r = symbols("dimension spectral_exponent active i water_level direction_bits")
LN2 = sp.log(2)

_EQUATION = f.log_factorial() * -p - n * sp.log(theta)

WATER_LEVEL = Derivation(
    "water_level",
    sp.Sum((-p * sp.log(i) - sp.log(theta)) / (2 * LN2), (i, 1, n)) - n * r,
    (
        Step(
            "==",
            _EQUATION / (2 * LN2) - n * r,
            Linear(total=sp.Sum((-p * sp.log(i) - sp.log(theta)) / (2 * LN2), (i, 1, n)), context=Z - n * r),
        ),
        Step(
            "->",
            sp.exp(-p * f.log_factorial() / n - 2 * LN2 * r),
            Solve(over=theta, at=sp.exp(-p * f.log_factorial() / n - 2 * LN2 * r)),
        ),
        Step("==", f.water_level(), Identity(why="GM of i^-p is (n!)^(-p/n)")),
    ),
    formula="water_level",
    title="the water level at r bits a direction, every direction active",
    note="the rate of a direction is (1/2) log2(lambda_i/theta): reverse water-filling of Gaussian directions, cited",
)

ACTIVE_RATE = Derivation(
    "active_rate",
    -p * f.log_factorial() / n - 2 * LN2 * r + p * sp.log(n),
    (Step("->", f.active_rate(), Solve(over=r, at=f.active_rate())),),
    formula="active_rate",
    title="from which rate on every direction is active: ln theta = ln lambda_n",
    note="at this rate or more the water level is below the least eigenvalue and the error falls as 4^-r exactly",
)


_RATE = falling(
    "active_rate_limit",
    "the bits a direction that make every direction active",
    lambda z: p / (2 * LN2) * (sp.log(n) - z / n),
    log_bound,
    {},
)
ACTIVE_RATE_LIMIT = law(
    "active_rate_limit",
    "every direction is active from p/(2 ln 2) bits on",
    _RATE,
    "p/(2 ln 2) suffices for every n (active_rate_limit_above) and is what is needed in the limit only; at finite n "
    "(p/(2 ln 2)) (1 - (1 + ln n)/n) is still necessary",
)

_FILLED = falling(
    "water_filling_bits_leading",
    "the bits that k active directions take",
    lambda z: p / (2 * LN2) * (k * sp.log(k) - z),
    lambda side: log_bound(side, k),
    {},
)
WATER_FILLING_BITS = Derivation(
    "water_filling_bits",
    sp.Sum((p * sp.log(k) - p * sp.log(i)) / (2 * LN2), (i, 1, k)),
    (Step("==", f.water_filling_bits(),
          Linear(total=sp.Sum((p * sp.log(k) - p * sp.log(i)) / (2 * LN2), (i, 1, k)))),),
    formula="water_filling_bits",
    title="the bits of k active directions, the water level being lambda_k",
)  # fmt: skip
WATER_FILLING_BITS_LEADING = law(
    "water_filling_bits_leading", "k active directions take k p/(2 ln 2) bits", _FILLED, over=k
)

_LEFT = falling(
    "water_filling_distortion_leading",
    "the error at k active directions",
    lambda z: k ** (1 - p) + sp.zeta(p) - z,
    lambda side: sum_bound(p, side, True, k),
    STEEP,
)
_INFINITE = (
    "infinitely many directions, or k small against n: what n directions lack of it is at most n^(1-p)/(p - 1), and at "
    "k = n the error is n^(1-p), smaller by the factor p/(p - 1); between the levels lambda_k both sides are monotone"
)
WATER_FILLING_DISTORTION = law(
    "water_filling_distortion_leading", "the error at k active directions", _LEFT, _INFINITE, over=k
)

WATER_FILLING_LAW = Derivation(
    "water_filling_law",
    f.water_filling_distortion(),
    (
        Step("~", f.water_filling_distortion_leading(), Equivalent(derivation=WATER_FILLING_DISTORTION)),
        Step("==", f.water_filling_law(f.water_filling_bits_leading()), Identity(why="k = 2 ln 2 bits/p")),
        Step(
            "~",
            f.water_filling_law(),
            Equivalent(derivation=WATER_FILLING_BITS_LEADING, context=f.water_filling_law(Z)),
        ),
    ),
    formula="water_filling_law",
    title="below p/(2 ln 2) bits a direction the error falls as bits^(1-p)",
    where=STEEP,
    note="for p > 1; " + _INFINITE,
)

CHAINS = (
    WATER_LEVEL,
    ACTIVE_RATE,
    *_RATE,
    ACTIVE_RATE_LIMIT,
    WATER_FILLING_BITS,
    *_FILLED,
    WATER_FILLING_BITS_LEADING,
    *_LEFT,
    WATER_FILLING_DISTORTION,
    WATER_FILLING_LAW,
)

MISTAKES = (
    Mistake("water_level", 3, "two", "2^-r for 4^-r", after=f.water_level() * 2**r),
    Mistake(
        "active_rate",
        1,
        "whole_bit",
        "log2 for half of log2",
        after=2 * f.active_rate(),
        reason={"at": 2 * f.active_rate()},
    ),
    *(each for bounds in (_RATE, _FILLED) for each in exchanged(bounds, "ln of the factorial")),
    *exchanged(_LEFT, "what is left out"),
    Mistake("active_rate_limit", 2, "nats", "nats for bits", after=p / 2),
    Mistake(
        "water_filling_bits",
        1,
        "exponent_lost",
        "p in front of one of the two terms only",
        after=(p * k * sp.log(k) - f.log_factorial(k)) / (2 * LN2),
    ),
    Mistake("water_filling_bits_leading", 2, "whole_bit", "log2 for half of log2", after=p * k / LN2),
    Mistake(
        "water_filling_distortion_leading",
        2,
        "tail_only",
        "the active directions left out",
        after=k ** (1 - p) / (p - 1),
    ),
    Mistake(
        "water_filling_law",
        2,
        "nats",
        "nats for bits",
        after=f.water_filling_law(f.water_filling_bits_leading()) / LN2 ** (1 - p),
    ),
)
