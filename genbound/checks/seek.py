"""A search for a point where an inequality fails: towards every end and contact, at random, and downhill.

The sides are enclosed in ball arithmetic at exact rational points. A point counts as a witness only when the
enclosures are apart the wrong way round; no rounding can produce one.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb

from genbound.certified import ball, precision
from genbound.checks.problem import Problem, read
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.card import Claim, Inequality
from genbound.proving.intervals import INFINITY, Enclosure, Interval, enclosure

Point = tuple[Fraction, ...]

_PER_VARIABLE = {1: 160, 2: 40, 3: 14, 4: 7, 5: 5}
_DOWNHILL = 3
_ROUNDS = 30


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """REFUTED with a witness point, or SUPPORTED by the number of points where the sides were apart the right way."""
    if not isinstance(claim, Inequality):
        return Verdict(claim.name, "fuzz", Status.NOT_APPLICABLE, "not an inequality of real analysis")
    found = search(claim, budget)
    if found.witness:
        return Verdict(claim.name, "fuzz", Status.REFUTED, describe(found.witness), found.cases, found.effective,
                       witness=found.witness, seed=budget.seed)  # fmt: skip
    status = Status.SUPPORTED if found.effective else Status.UNDECIDED
    return Verdict(claim.name, "fuzz", status, "no counterexample towards any end or contact, at random or downhill",
                   found.cases, found.effective, seed=budget.seed)  # fmt: skip


@dataclass
class Search:
    """What a search saw: points tried, points where both sides were finite and apart (or equal), and the witness."""

    cases: int
    effective: int
    witness: Mapping[str, Any]


def search(claim: Inequality, budget: Budget = STANDARD) -> Search:
    """Grids towards ends and contacts, random points, then steps downhill from where the sides are closest."""
    sought = _Sought(claim)
    closest: tuple[list[tuple[float, Point]], ...] = ([], [])
    for point in itertools.chain(_grid(sought.problem), _random(sought.problem, budget)):
        gap = sought.gap(point)
        if sought.found.witness:
            return sought.found
        for near, size in zip(closest, gap, strict=False):
            near.append((size, point))
            near.sort()
            del near[_DOWNHILL:]
    for measure, near in enumerate(closest):
        for gap, point in near:
            if not sought.found.witness:
                sought.downhill(gap, point, measure)
    return sought.found


def replay(claim: Inequality, witness: Mapping[str, Any]) -> bool:
    """Whether the witness point refutes the claim today.

    >>> from genbound.claims.card import Inequality, Variable
    >>> x = sp.Symbol("x")
    >>> wrong = Inequality(name="wrong", statement="x <= x^2", variables=(Variable("x", "0", "2"),),
    ...                    sides=lambda: (x, x**2))
    >>> replay(wrong, {"point": {"x": "1/2"}}), replay(wrong, {"point": {"x": "3/2"}})
    (True, False)
    """
    sought = _Sought(claim)
    point = witness["point"]
    sought.gap(tuple(Fraction(point[x.name]) for x in sought.problem.box))
    return bool(sought.found.witness)


def describe(witness: Mapping[str, Any]) -> str:
    """`fails at x = 1/2: 0.5 > 0.25`."""
    places = ", ".join(f"{name} = {value}" for name, value in witness["point"].items())
    return f"fails at {places}: lhs {witness['lhs']}, rhs {witness['rhs']}"


class _Sought:
    def __init__(self, claim: Inequality) -> None:
        self.problem: Problem = read(claim)
        self.equal = claim.relation == "=="
        self.sides: tuple[Enclosure, Enclosure] = enclosure(self.problem.lhs), enclosure(self.problem.rhs)
        self.conditions = [(enclosure(small), enclosure(large)) for small, large in self.problem.conditions]
        self.names = [x.name for x in self.problem.box]
        self.found = Search(0, 0, {})

    def gap(self, point: Point) -> tuple[float, ...]:
        """rhs - lhs relative to their size, and as it is; nothing where it cannot be told. A witness is kept."""
        with precision():
            balls = {name: ball(value) for name, value in zip(self.names, point, strict=True)}
            box = {name: Interval(value.lower(), value.upper()) for name, value in balls.items()}
            if any(not small(box).high <= large(box).low for small, large in self.conditions):
                return ()
            self.found.cases += 1
            lhs, rhs = (side(box) for side in self.sides)
            if not all(each.is_finite() for each in (lhs.low, lhs.high, rhs.low, rhs.high)):
                if lhs.low == INFINITY and rhs.high.is_finite():
                    self._witness(point, lhs, rhs)
                return ()
            if lhs.low > rhs.high or (self.equal and lhs.high < rhs.low):
                self._witness(point, lhs, rhs)
            self.found.effective += bool(self.equal or rhs.low > lhs.high)
            size = float(arb.max(abs(lhs.low), abs(rhs.high))) or 1.0
            gap = float(rhs.high - lhs.low)
            return gap / size, gap

    def _witness(self, point: Point, lhs: Interval, rhs: Interval) -> None:
        places = {name: str(value) for name, value in zip(self.names, point, strict=True)}
        self.found.witness = {"point": places, "lhs": _shown(lhs), "rhs": _shown(rhs)}

    def downhill(self, gap: float, point: Point, measure: int) -> None:
        """Coordinate steps that shrink: towards a smaller gap, until it is certainly negative."""
        step = Fraction(1, 4)
        for _ in range(_ROUNDS):
            moved = False
            for index, direction in itertools.product(range(len(point)), (1, -1)):
                trial = _moved(self.problem, point, index, direction * step)
                reached = self.gap(trial)
                if self.found.witness:
                    return
                if reached and reached[measure] < gap:
                    gap, point, moved = reached[measure], trial, True
            step = step if moved else step / 4


def _moved(problem: Problem, point: Point, index: int, share: Fraction) -> Point:
    """One coordinate moved by a share of its distance to the end that lies that way, or of its size."""
    low, high = list(problem.box.values())[index]
    target, here = (high if share > 0 else low), point[index]
    room = max(abs(here), Fraction(1)) if target in (sp.oo, -sp.oo) else abs(_fraction(target) - here)
    exact = here + share * room
    short = Fraction(float(exact))  # fewer digits, unless they matter
    return (*point[:index], short if low < sp.Rational(short) < high else exact, *point[index + 1 :])


def _shown(side: Interval) -> str:
    return f"[{side.low.str(20, radius=False)}, {side.high.str(20, radius=False)}]"


def _fraction(number: sp.Expr) -> Fraction:
    exact = number if isinstance(number, sp.Rational) else sp.Rational(str(sp.N(number, 30)))
    return Fraction(int(exact.p), int(exact.q))


def _ladder(low: sp.Expr, high: sp.Expr, special: list[sp.Expr], count: int) -> list[Fraction]:
    """About `count` points inside (low, high): geometric towards ends and special points, and even ones."""
    tenth = max(2, count // 6)
    if low == -sp.oo and high == sp.oo:
        centre, reach = Fraction(0), Fraction(64)
        points = [sign * Fraction(2) ** (k * 12 // tenth - 6) for k in range(tenth + 1) for sign in (1, -1)]
        points += [centre]
    elif sp.oo in (high, -low):
        centre, sign = (_fraction(low), 1) if high == sp.oo else (_fraction(high), -1)
        reach = Fraction(64)
        points = [centre + sign * Fraction(2) ** (k * 40 // (2 * tenth) - 20) for k in range(2 * tenth + 1)]
    else:
        a, b = _fraction(low), _fraction(high)
        centre, reach = (a + b) / 2, b - a
        points = [a + reach * Fraction(k, tenth) for k in range(1, tenth)]
        points += [
            end + sign * reach / 2 ** (1 + k * 30 // tenth) for k in range(tenth) for end, sign in ((a, 1), (b, -1))
        ]
    for place in special:
        at = _fraction(place)
        points += [at + sign * reach / 2 ** (2 + k * 20 // tenth) for k in range(tenth) for sign in (1, -1)]
    return sorted({each for each in points if low < sp.Rational(each) < high})


def _grid(problem: Problem) -> Iterator[Point]:
    count = _PER_VARIABLE.get(len(problem.box), 4)
    lists = []
    for x, (low, high) in problem.box.items():
        special = [c for y, c in problem.contacts if y == x and c.is_number and low < c < high]
        lists.append(_ladder(low, high, special, count))
    surfaces = [(list(problem.box).index(x), enclosure(c)) for x, c in
                (*problem.contacts, *problem.lower, *problem.upper) if not c.is_number]  # fmt: skip
    for number, point in enumerate(itertools.product(*lists)):
        yield point
        if surfaces:
            index, centre = surfaces[number % len(surfaces)]
            yield from _near(problem, point, index, centre, number)


def _near(problem: Problem, point: Point, index: int, centre: Enclosure, number: int) -> Iterator[Point]:
    with precision():
        box = {x.name: Interval(ball(v), ball(v)) for x, v in zip(problem.box, point, strict=True)}
        middle = centre(box).low
        if not middle.is_finite():
            return
        at = Fraction(float(middle))
    low, high = list(problem.box.values())[index]
    moved = at + (-1) ** number * max(abs(at), Fraction(1, 16)) / 2 ** (1 + number % 12)
    if low < sp.Rational(moved) < high:
        yield (*point[:index], moved, *point[index + 1 :])


def _random(problem: Problem, budget: Budget) -> Iterator[Point]:
    rng = random.Random(budget.seed)
    lists = [_ladder(low, high, [], 400) for low, high in problem.box.values()]
    for _ in range(budget.examples):
        point = []
        for options in lists:
            index = rng.randrange(len(options) - 1)
            share = Fraction(rng.randrange(1, 1024), 1024)
            point.append(options[index] + (options[index + 1] - options[index]) * share)
        yield tuple(point)
