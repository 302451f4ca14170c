"""The search for a point where strict inequalities hold: floats look for it, balls certify it.

Short fractions are tried first, so that a counterexample can be checked by hand; then random ones over many orders of
magnitude with a local ascent. A point counts only when every inequality is strict in ball arithmetic.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy as sp
from flint import arb
from scipy.special import zeta

from genbound.certified import precision
from genbound.formulas import evaluate
from genbound.proving.signs import Box

Pair = tuple[sp.Expr, sp.Expr]
"""(large, small): wanted is large > small."""
Point = dict[sp.Symbol, Fraction]
Margin = Callable[[np.ndarray], np.ndarray]

_WHOLE, _PARTS = (1, 2, 3, 4, 5, 10, 20, 100, 1000), (2, 4, 10, 3, 5, 100, 1000)
_NICE = (*map(Fraction, _WHOLE), *(each for k in _PARTS for each in (Fraction(1, k), Fraction(k - 1, k))))
_MODULES = [{"zeta": zeta}, "numpy"]
_LENGTHS = (2, 5, 30)
_FEW, _MANY, _ROUNDS = 4000, 12000, 25
_LIMITS = (1, 2, 4, 10, 20, 100, 1000, 10**6, 10**9)  # denominators, the simplest first
_CLEAR = 1e-7  # relative margin below which floats are not worth certifying
_NOISE = 1e-13  # the same after an ascent, where a thin place was looked for


@dataclass(frozen=True)
class Found:
    """A point, and the two sides of the first inequality there."""

    at: Point
    large: arb
    small: arb


def seek(pairs: Sequence[Pair], box: Box) -> Found | None:
    """A point of the box where large > small for every pair, certified; None when none was found.

    >>> x = sp.Symbol("x", real=True)
    >>> found = seek([(x**2, x)], {x: (sp.Integer(0), sp.oo)})
    >>> found is not None and found.at[x] > 1
    True
    >>> seek([(x, x**2 + 1)], {x: (sp.Integer(0), sp.oo)}) is None
    True
    """
    if any(side.has(sp.Integral) for pair in pairs for side in pair):
        pairs = [tuple(side.doit() for side in pair) for pair in pairs]
        if any(side.has(sp.Integral) for pair in pairs for side in pair):
            return None
    names = sorted(set().union(*(part.free_symbols for pair in pairs for part in pair)), key=lambda x: x.name)
    if any(side.has(sp.Sum) for pair in pairs for side in pair):
        return _summed(pairs, box)
    if not names:
        return _certified(pairs, {})
    ends = [(float(low), float(high)) for low, high in (box[x] for x in names)]
    margin = _margins(pairs, names)
    rng = np.random.default_rng(zlib.crc32(repr(pairs).encode()))
    points = _simple_points(ends, rng)
    scores = np.round(margin(points), 6)
    clear = scores >= max(scores.max() / 5, _CLEAR)
    found = _first(pairs, names, points[clear][np.argsort(_length(points[clear]), kind="stable")], box)
    if found is not None:
        return found
    points = _spread_points(ends, rng)
    scores = np.round(margin(points), 9)
    order = np.argsort(-scores, kind="stable")
    best = points[order[scores[order] > _CLEAR]]
    if not len(best):
        best = [_ascend(margin, points[i], ends, rng) for i in order[:3] if np.isfinite(scores[i])]
        best = [point for point in best if margin(point[None])[0] > _NOISE]
    return _first(pairs, names, best, box)


def _summed(pairs: Sequence[Pair], box: Box) -> Found | None:
    """The same where there are sums: their lengths are tried, and their terms written out."""
    sums = set().union(*(side.atoms(sp.Sum) for pair in pairs for side in pair))
    lengths = sorted(set().union(*(each.limits[0][2].free_symbols for each in sums)), key=lambda x: x.name)
    for k in _LENGTHS:
        fixed = {x: sp.Integer(k) for x in lengths if box[x][0] < k < box[x][1]}
        written = [tuple(_written_out(side.subs(fixed)) for side in pair) for pair in pairs]
        if any(side.has(sp.Sum) for pair in written for side in pair):
            continue
        found = seek(written, box)
        if found is not None:
            return replace(found, at={**{x: Fraction(k) for x in fixed}, **found.at})
    return None


def _written_out(side: sp.Expr) -> sp.Expr:
    """Every finite sum as the sum of its terms."""
    terms = {each: sp.Add(*(each.function.subs(each.limits[0][0], i)
                            for i in range(int(each.limits[0][1]), int(each.limits[0][2]) + 1)))
             for each in side.atoms(sp.Sum) if each.limits[0][2].is_Integer}  # fmt: skip
    return side.xreplace(terms)


def _first(pairs: Sequence[Pair], names: Sequence[sp.Symbol], points: Iterable[np.ndarray], box: Box) -> Found | None:
    tries = (_rounded(pairs, names, point, box) for point in itertools.islice(points, _ROUNDS))
    return next((each for each in tries if each is not None), None)


def _length(points: np.ndarray) -> np.ndarray:
    """How long the fractions of each point are to write."""
    digits = {float(x): math.log(abs(x.numerator * x.denominator) + 1.0) for x in (*_NICE, *(-each for each in _NICE))}
    sizes = [[digits.get(x, 9.0) for x in column] for column in points.T.tolist()]
    return np.round(np.sum(sizes, axis=0), 6)


def simple_points(ends: Sequence[tuple[sp.Expr, sp.Expr]], count: int) -> Iterator[tuple[Fraction, ...]]:
    """Some points with short fractions inside these intervals, the shortest first."""
    if not ends:
        yield ()
        return
    points = _simple_points([(float(low), float(high)) for low, high in ends], np.random.default_rng(0))
    for point in points[np.argsort(_length(points), kind="stable")][:count]:
        yield tuple(Fraction(float(x)).limit_denominator(1000) for x in point)


def _margins(pairs: Sequence[Pair], names: Sequence[sp.Symbol]) -> Margin:
    compute = sp.lambdify([*names], [side for pair in pairs for side in pair], _MODULES, cse=True)

    def margin(points: np.ndarray) -> np.ndarray:
        """The least relative margin of the pairs at each point; -inf where something is not a real number."""
        with np.errstate(all="ignore"):
            sides = [np.broadcast_to(np.asarray(each), len(points)) for each in compute(*points.T)]
            worst = np.full(len(points), np.inf)
            for large, small in zip(sides[::2], sides[1::2], strict=True):
                if np.iscomplexobj(large) or np.iscomplexobj(small):
                    large, small = (np.where(np.imag(x) == 0, np.real(x), np.nan) for x in (large, small))
                gap = (large - small) / (np.abs(large) + np.abs(small) + 1e-300)
                worst = np.minimum(worst, np.where(np.isfinite(gap), gap, -np.inf))
        return worst

    return margin


def _simple_points(ends: Sequence[tuple[float, float]], rng: np.random.Generator) -> np.ndarray:
    """Points whose coordinates are short fractions."""
    columns = []
    for low, high in ends:
        inside = [float(x) for x in _NICE if low < x < high]
        inside += [-float(x) for x in _NICE if low < -x < high]
        inside = inside or [_middle(low, high)]
        weights = 1.0 / np.arange(2, len(inside) + 2)
        columns.append(rng.choice(inside, size=_FEW, p=weights / weights.sum()))
    return np.unique(np.stack(columns, axis=1), axis=0)


def _middle(low: float, high: float) -> float:
    if np.isinf(low) and np.isinf(high):
        return 0.0
    return low + 1 if np.isinf(high) else high - 1 if np.isinf(low) else (low + high) / 2


def _spread_points(ends: Sequence[tuple[float, float]], rng: np.random.Generator) -> np.ndarray:
    """Random points over many orders of magnitude, towards both ends of every interval."""
    columns = []
    for low, high in ends:
        size = 10.0 ** rng.uniform(-6, 4, _MANY)
        if np.isinf(low) and np.isinf(high):
            column = size * rng.choice([-1.0, 1.0], _MANY)
        elif np.isinf(high) or np.isinf(low):
            column = low + size if np.isinf(high) else high - size
        else:
            share = np.minimum(size / 10.0**4, 0.5) if rng.random() < 0.3 else rng.random(_MANY)
            share = np.where(rng.random(_MANY) < 0.5, share, 1 - share)
            column = low + (high - low) * share
        columns.append(column)
    return np.stack(columns, axis=1)


def _ascend(
    margin: Margin, point: np.ndarray, ends: Sequence[tuple[float, float]], rng: np.random.Generator
) -> np.ndarray:
    """A better point near by: random steps, smaller when they do not help."""
    best, score, step = point, margin(point[None])[0], 0.5
    low, high = (np.array(each) for each in zip(*ends, strict=True))
    for _ in range(_ROUNDS):
        tries = best + step * (np.abs(best) + 1e-3) * rng.normal(size=(200, len(best)))
        tries = tries[np.all((tries > low) & (tries < high), axis=1)]
        if len(tries):
            scores = margin(tries)
            k = int(np.argmax(scores))
            if scores[k] > score:
                best, score = tries[k], scores[k]
                continue
        step /= 2
    return best


def _rounded(pairs: Sequence[Pair], names: Sequence[sp.Symbol], point: np.ndarray, box: Box) -> Found | None:
    """The point with the shortest fractions that still does it."""
    exact = [Fraction(float(x)) for x in point]
    for limit in _LIMITS:
        at = {x: value.limit_denominator(limit) for x, value in zip(names, exact, strict=True)}
        if all(_inside(value, box[x]) for x, value in at.items()):
            found = _certified(pairs, at)
            if found is not None:
                return found
    return None


def _inside(value: Fraction, ends: tuple[sp.Expr, sp.Expr]) -> bool:
    """Whether the value is inside the interval, and not closer to an end than floats can tell."""
    low, high = (float(each) for each in ends)
    above = np.isinf(low) or value > low + 1e-12 * abs(low)
    return bool(above and (np.isinf(high) or value < high - 1e-12 * abs(high)))


def _certified(pairs: Sequence[Pair], at: Mapping[sp.Symbol, Fraction]) -> Found | None:
    """The point, when every pair is strict there in ball arithmetic."""
    values = {x.name: value for x, value in at.items()}
    sides: list[arb] = []
    with precision():
        for large, small in pairs:
            first, second = _ball(large, values), _ball(small, values)
            if not (first.is_finite() and second.is_finite() and first > second):
                return None
            sides += [first, second]
    return Found(dict(at), sides[0], sides[1])


def _ball(side: sp.Expr, values: Mapping[str, Fraction]) -> arb:
    """The value in ball arithmetic, values of the zeta function included."""
    zetas = {each: sp.Dummy() for each in side.atoms(sp.zeta)}
    known = {mark.name: evaluate(each.args[0], values).zeta() for each, mark in zetas.items()}
    return evaluate(side.xreplace(zetas), {**values, **known})


def orderings(first: sp.Expr, second: sp.Expr, relation: str) -> Iterator[Pair]:
    """The ways in which `first relation second` can fail, as large > small."""
    if relation in ("<=", "==", "->"):
        yield first, second
    if relation in (">=", "==", "->"):
        yield second, first
