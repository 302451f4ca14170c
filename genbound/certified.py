"""Outward rounding: every number handed out as a bound is evaluated once in ball arithmetic and rounded.

Tuning (which shift, which grid member) happens in float64, because a worse choice only loosens a bound. The
final number comes from here: an Arb ball that contains the exact value, turned into the nearest float on the
safe side. Floats enter exactly (every float64 is a dyadic rational), so the only rounding is our own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq

from genbound.errors import domain_error

PRECISION = 128
"""Bits of the ball arithmetic: the final rounding to 53 bits then loses one ulp at most."""

Real = float | int | Fraction | arb


@contextmanager
def precision(bits: int = PRECISION) -> Iterator[None]:
    """Run a block of ball arithmetic at `bits` bits and restore the caller's precision.

    >>> with precision():
    ...     up(arb(2).sqrt()) >= 2**0.5
    True
    """
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def ball(x: Real) -> arb:
    """The exact value of `x` as a ball (a Fraction becomes the tightest ball around it).

    Args:
        x: a finite float or int (exact), a Fraction, or a ball (returned as it is).

    Raises:
        DomainError: for NaN or infinite floats.

    >>> ball(0.1).is_exact()
    True
    """
    if isinstance(x, arb):
        return x
    if isinstance(x, Fraction):
        return arb(fmpq(x.numerator, x.denominator))
    if isinstance(x, bool) or not isinstance(x, (int, float, np.integer, np.floating)):
        raise domain_error("x", x, "a real number", "value entering ball arithmetic")
    if isinstance(x, (int, np.integer)):
        return arb(int(x))
    value = float(x)
    if not math.isfinite(value):
        raise domain_error("x", value, "a finite number", "value entering ball arithmetic")
    return arb(value)


def up(x: Real) -> float:
    """The smallest float that is certainly >= every point of the ball `x`; +inf when none is known.

    >>> up(Fraction(1, 3)) > Fraction(1, 3) > down(Fraction(1, 3))
    True
    >>> up(arb(0.5)), up(arb(-1).log())
    (0.5, inf)
    """
    with precision():
        return 0.0 - _floor(-ball(x))


def down(x: Real) -> float:
    """The largest float that is certainly <= every point of the ball `x`; -inf when none is known."""
    with precision():
        return _floor(ball(x))


def _floor(x: arb) -> float:
    if not x.is_finite():
        return math.inf if x == arb.pos_inf() else -math.inf
    mantissa, exponent = (int(part) for part in x.lower().man_exp())
    return floor_float(mantissa, exponent)


def floor_float(mantissa: int, exponent: int) -> float:
    """The largest float <= mantissa * 2**exponent, for integers of any size.

    >>> floor_float(-1, -5000), floor_float(3, -1), floor_float(1, 5000) == 2.0**1023 * (2 - 2.0**-52)
    (-5e-324, 1.5, True)
    """
    if mantissa == 0:
        return 0.0
    quantum = max(mantissa.bit_length() + exponent - 53, -1074)
    shift = quantum - exponent
    integer = mantissa << -shift if shift <= 0 else mantissa >> shift  # >> rounds towards -inf
    try:
        return math.ldexp(integer, quantum)
    except OverflowError:
        return math.nextafter(math.inf, 0.0) if mantissa > 0 else -math.inf


def sum_ball(values: Sequence[float] | np.ndarray) -> arb:
    """A ball around the exact sum of finite floats: `math.fsum` rounds once, so one ulp wide.

    Up to 8192 of them what the rounding lost is added up as well, and the ball is 2^-105 of the sum wide. (A sum
    of floats is a multiple of 2^-1074, so below 2^-1021 it is exact.)

    >>> sum_ball([1e16, 1.0, -1e16]) == 1
    True
    """
    total = math.fsum(values)
    if len(values) > 1 << 13:
        return _within_an_ulp(total)
    with precision():
        return arb(total) + _within_an_ulp(math.fsum([*values, -total]))


def _within_an_ulp(total: float) -> arb:
    return arb(total, math.ulp(total)) if abs(total) >= 2.0**-1021 else arb(total)


def mean_ball(values: np.ndarray) -> arb:
    """A ball around the exact mean of a non-empty array of finite floats."""
    with precision():
        return sum_ball(values) / values.size


_BLOCK = 512  # mantissas in [1/2, 1) multiplied in float64: at least 2^-512, so never an underflow


def log_product_ball(factors: np.ndarray) -> arb:
    """A ball around sum ln z over positive floats z, from float64 products of mantissas.

    Splitting z = m 2^e with m in [1/2, 1) is exact; a float64 product of 512 such mantissas suffers 511
    roundings of relative size 2^-53 each (IEEE 754 multiplication, no underflow), whatever the order. Only
    one logarithm per block is taken, in ball arithmetic. The error is below 1.2e-16 per factor.

    Args:
        factors: z, shape (n,), finite and > 0.

    >>> log_product_ball(np.array([2.0, 8.0])).overlaps(arb(16).log())
    True
    """
    exponents = 0
    total = arb(0)
    with precision():
        slack = arb(0, 1.02 * _BLOCK * 2.0**-53)
        for start in range(0, factors.size, _BLOCK * 256):
            mantissa, exponent = np.frexp(factors[start : start + _BLOCK * 256])
            exponents += int(exponent.sum(dtype=np.int64))
            for block in block_products(mantissa):
                total += arb(block).log() + slack
        return total + exponents * arb(2).log()


def block_products(mantissa: np.ndarray) -> list[float]:
    """Products over consecutive blocks of at most 512 entries in [1/2, 1) (the last block may be short)."""
    whole = mantissa.size // _BLOCK * _BLOCK
    products: list[float] = np.multiply.reduce(mantissa[:whole].reshape(-1, _BLOCK), axis=1).tolist()
    if whole < mantissa.size:
        products.append(float(np.multiply.reduce(mantissa[whole:])))
    return products
