"""f >= 0 on a box, proved: enclosures on small boxes, and the mean value theorem at contacts and infinite ends.

An enclosure alone never settles a point where f = 0, nor an infinite end. There the proof is a ladder: f >= 0 at one
place c of the variable x and (x - c) df/dx >= 0 from there on, or f concave in x and >= 0 at both ends; the derivative
is proved the same way, until algebra or an enclosure decides. Every rung asks that f is smooth inside the box. No
number of sampled points ever proves anything: points are only tried to give up early.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import sympy as sp

from genbound.certified import precision
from genbound.proving.cuts import as_float, halves, places, shown, size
from genbound.proving.intervals import Interval, enclosure
from genbound.proving.signs import Box, bounds, defined, factors, simple_sign, smooth, split_logs

DEPTH = 5
"""Most rungs of a ladder."""

TRIES = 400
"""Most statements one ladder looks at, on the whole domain; a tenth on a box."""


@dataclass(frozen=True)
class Outcome:
    """Whether f >= 0 was proved, over how many boxes, and a box that is left."""

    proved: bool
    boxes: int
    left: str = ""


@dataclass
class Prover:
    """Proves f >= 0 on `domain`.

    Attributes:
        domain: the box.
        contacts: (x, c): where f may touch zero, c an expression in the other variables (or a number).
        lower, upper: (x, c): the statement is about x >= c (x <= c) only.
    """

    domain: Box
    contacts: Sequence[tuple[sp.Symbol, sp.Expr]] = ()
    lower: Sequence[tuple[sp.Symbol, sp.Expr]] = ()
    upper: Sequence[tuple[sp.Symbol, sp.Expr]] = ()
    _known: dict[tuple[object, ...], bool] = field(default_factory=dict)
    _tries: int = 0

    def prove(self, f: sp.Expr, boxes: int) -> Outcome:
        """Ladders on the whole domain first, then boxes, the largest first."""
        if not defined(f, self.domain):
            return Outcome(False, 0, "not shown to be a real number everywhere")
        self._tries = TRIES
        if self._conditioned(f):
            return Outcome(True, 1)
        if self.lower or self.upper:
            return Outcome(False, 1, "a domain with side conditions that no ladder settles")
        if self._climb(f, self.domain, TRIES):
            return Outcome(True, 1)
        queue: list[tuple[float, int, Box]] = []
        counter = itertools.count()
        for box in self._split_at_contacts():
            heapq.heappush(queue, (0.0, next(counter), box))
        done = 0
        while queue:
            _, _, box = heapq.heappop(queue)
            done += 1
            if bounds(f, box).low >= 0 or (self._at_an_end(box) and self._climb(f, box, TRIES // 10)):
                continue
            if done >= boxes or _certainly_negative(f, box):
                return Outcome(False, done, shown(box))
            for half in halves(box):
                heapq.heappush(queue, (-size(half), next(counter), half))
        return Outcome(True, done)

    # -- ladders -------------------------------------------------------------------------------------------

    def _climb(self, f: sp.Expr, box: Box, tries: int) -> bool:
        """Ladders of 1, 2, ... rungs."""
        self._tries = tries
        return any(self._ladder(f, box, depth) for depth in range(1, DEPTH + 1))

    def _ladder(self, f: sp.Expr, box: Box, depth: int) -> bool:
        """Whether f >= 0 on the box, by at most `depth` rungs; f is a function of the variables of the box only."""
        key = (f, tuple(sorted(((x.name, *ends) for x, ends in box.items()), key=str)), depth)
        if key not in self._known:
            self._tries -= 1
            if self._tries < 0:
                return False
            self._known[key] = False  # a statement never rests on itself
            self._known[key] = self._decide(f, box, depth)
        return self._known[key]

    def _decide(self, f: sp.Expr, box: Box, depth: int) -> bool:
        sign = simple_sign(f, box)
        if sign is not None:
            return sign == 1 or f == 0
        if depth == 0 or _certainly_negative(f, box):
            return False
        return self._by_factors(f, box, depth) or self._surfaces(f, box, depth) or self._by_ends(f, box, depth)

    def _by_factors(self, f: sp.Expr, box: Box, depth: int) -> bool:
        parts = factors(f)
        total = 1
        alone = sum(1 for base, _ in parts if not base.is_number) == 1
        for base, exponent in parts:
            if exponent.is_Integer and exponent % 2 == 0:
                continue
            sign = simple_sign(base, box)
            if sign is None and not (alone and base in (f, -f)):
                sign = next((sign for sign in (1, -1) if self._ladder(sign * base, box, depth - 1)), None)
            if sign is None or (sign == -1 and not exponent.is_Integer):
                return False
            total *= sign
        return total == 1

    def _by_ends(self, f: sp.Expr, box: Box, depth: int) -> bool:
        if not smooth(f, box):
            return False
        for x in sorted(f.free_symbols, key=lambda each: each.name):
            low, high = box[x]
            slope = derivative(f, x)
            starts = self._start(f, x, low, 1, box, depth), self._start(f, x, high, -1, box, depth)
            if starts[0] and self._ladder(slope, box, depth - 1):
                return True
            if starts[1] and self._ladder(-slope, box, depth - 1):
                return True
            if all(starts) and self._ladder(-derivative(slope, x), box, depth - 1):
                return True
        return False

    def _start(self, f: sp.Expr, x: sp.Symbol, c: sp.Expr, side: int, box: Box, depth: int) -> bool:
        """Whether f >= 0 in the limit x -> c from inside the box."""
        value = limit(f, x, c, side)
        if value is None or value == -sp.oo:
            return False
        face = {y: ends for y, ends in box.items() if y != x}
        return value == sp.oo or (smooth(value, face) and self._ladder(value, face, depth - 1))

    def _conditioned(self, f: sp.Expr) -> bool:
        """Whether f >= 0 where x >= c (or x <= c), by one rung that starts at x = c."""
        for sign, conditions in ((1, self.lower), (-1, self.upper)):
            for x, c in conditions:
                if self._touches(f, x, c, self.domain, DEPTH) and self._ladder(
                    sign * derivative(f, x), self.domain, DEPTH - 1
                ):
                    return True
        return False

    def _surfaces(self, f: sp.Expr, box: Box, depth: int) -> bool:
        """Rungs from contacts x = c, over the whole domain of x so that the way from c to x is inside it."""
        for x, c in self.contacts:
            inside = x in box and (
                not c.is_number or box[x][0] < c < box[x][1]
            )  # at an end of the box it is an end like others
            if x in f.free_symbols and inside and c.free_symbols <= set(box):
                hull = {**box, x: self.domain[x]}
                if self._touches(f, x, c, hull, depth) and self._rises_through(derivative(f, x), x, c, hull, depth):
                    return True
        return False

    def _touches(self, f: sp.Expr, x: sp.Symbol, c: sp.Expr, hull: Box, depth: int) -> bool:
        """Whether x = c stays in the domain, f is smooth, and f >= 0 there."""
        if not (_within(c, hull, self.domain[x]) and smooth(f, hull)):
            return False
        value = sp.simplify(split_logs(f.subs(x, c), hull))
        if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            return False
        face = {y: ends for y, ends in hull.items() if y != x}
        return value == 0 or (smooth(value, face) and self._ladder(value, face, depth - 1))

    def _rises_through(self, slope: sp.Expr, x: sp.Symbol, c: sp.Expr, hull: Box, depth: int) -> bool:
        """Whether (x - c) slope >= 0: the quotient by x - c, or a slope that vanishes at c and increases."""
        quotient = sp.factor(sp.cancel(sp.together(slope / (x - c))))
        divides = not quotient.subs(x, c).has(sp.nan, sp.zoo, sp.oo, -sp.oo)
        if divides and smooth(quotient, hull) and self._ladder(quotient, hull, depth - 1):
            return True
        vanishes = sp.simplify(slope.subs(x, c)) == 0
        return vanishes and self._ladder(derivative(slope, x), hull, depth - 1)

    # -- boxes ---------------------------------------------------------------------------------------------

    def _split_at_contacts(self) -> Iterator[Box]:
        edges: dict[sp.Symbol, list[sp.Expr]] = {x: list(ends) for x, ends in self.domain.items()}
        for x, c in self.contacts:
            if c.is_number and self.domain[x][0] < c < self.domain[x][1]:
                edges[x].append(c)
        pieces = [list(itertools.pairwise(sorted(set(each), key=as_float))) for each in edges.values()]
        for combination in itertools.product(*pieces):
            yield dict(zip(edges, combination, strict=True))

    def _at_an_end(self, box: Box) -> bool:
        special = {x: {*ends} for x, ends in self.domain.items()}
        for x, c in self.contacts:
            special[x].add(c)
        return any(low in special[x] or high in special[x] for x, (low, high) in box.items())


@lru_cache(maxsize=16384)
def derivative(f: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """df/dx, tidied so that what cancels is gone."""
    return sp.together(sp.diff(f, x)) if f.has(sp.log, sp.exp) else sp.diff(f, x)


@lru_cache(maxsize=16384)
def limit(f: sp.Expr, x: sp.Symbol, c: sp.Expr, side: int) -> sp.Expr | None:
    """lim f as x -> c from the right (side 1) or the left (-1); None when it was not found."""
    plain = all(each.exp.is_number for each in f.atoms(sp.Pow))  # otherwise 0^0 could be met, which sympy takes for 1
    if c not in (sp.oo, -sp.oo) and plain:
        value = f.subs(x, c)
        if not value.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            return value
    if f.free_symbols != {x}:
        return None
    try:
        value = sp.limit(f, x, c, "+" if side == 1 else "-")
    except (NotImplementedError, ValueError, TypeError):
        return None
    return value if isinstance(value, sp.Expr) and not value.has(sp.Limit, sp.nan, sp.zoo) else None


def _within(c: sp.Expr, box: Box, ends: tuple[sp.Expr, sp.Expr]) -> bool:
    for difference, one_end in ((c - ends[0], ends[0]), (ends[1] - c, ends[1])):
        if one_end not in (sp.oo, -sp.oo) and simple_sign(sp.together(difference), box) != 1:
            return False
    return True


def _certainly_negative(f: sp.Expr, box: Box) -> bool:
    """Whether f < 0 at one of a few points inside the box (a reason to give up, never one to believe)."""
    inside = enclosure(f)
    with precision():
        for point in itertools.islice(itertools.product(*(places(*box[x]) for x in box)), 200):
            degenerate = {x.name: Interval(a, a) for x, a in zip(box, point, strict=True)}
            if inside(degenerate).high < 0:
                return True
    return False
