"""Counterexamples: a place where a step of a derivation fails, found by search and certified in ball arithmetic.

What a step claims depends on its reason. Two functions are compared at a point; statements about means in a world of
two tokens; a bound that holds with probability 1 - delta in a world of one random token, where it may fail with
probability e^{-C} and no more; a price by the probabilities of all the hypotheses that pay it. Where the lines may be
right and the reason is not, the counterexample is about the reason.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import sympy as sp
from flint import arb

from genbound.certified import precision
from genbound.claims.registry import claim
from genbound.derivations.chain import Derivation, Step
from genbound.derivations.domains import assuming, domain
from genbound.derivations.meaning import MEASURED, NAMED
from genbound.derivations.reasons.analysis import Construction, Lemma, Minimum, Optimum, Short
from genbound.derivations.reasons.asymptotics import Solve, Taylor
from genbound.derivations.reasons.averages import Measure, Summed
from genbound.derivations.reasons.chance import Known, Spend, Ville
from genbound.derivations.reasons.growth import compare, leading
from genbound.derivations.refuting.found import Counterexample
from genbound.derivations.refuting.seeking import Found, Pair, seek, simple_points
from genbound.derivations.refuting.worlds import (
    World,
    behind,
    hypotheses,
    moment,
    one_token,
    plain,
    tail_of,
    two_atoms,
    two_tokens,
)
from genbound.derivations.rules import PER_TOKEN, Limit, Reason, UnverifiedError, Z
from genbound.formulas import evaluate
from genbound.proving.identity import identical
from genbound.symbols import symbol

_POINTS = 12
"""Values of the other symbols at which a limit is tried."""


def counterexample(before: sp.Expr, step: Step) -> Counterexample | None:
    """A place where the step fails, or None when none was found.

    Args:
        before: the line before the step.
        step: the step, with its relation, the line after it and its reason.

    Returns:
        The counterexample, every comparison certified in ball arithmetic; None says nothing about the step.
    """
    return _first(before, _about_lines(before, step), "line") or _first(before, _about_reason(before, step), "reason")


def refutation(derivation: Derivation, number: int) -> Counterexample | None:
    """The counterexample to step `number` (from 1) of a derivation, inside the case that it treats."""
    lines = [derivation.start, *(step.after for step in derivation.steps)]
    with assuming(derivation.case):
        return counterexample(lines[number - 1], derivation.steps[number - 1])


def _first(before: sp.Expr, worlds: Iterable[World | Counterexample], about: str) -> Counterexample | None:
    for world in worlds:
        if isinstance(world, Counterexample):
            return world
        found = seek(world.conditioned(), world.box())
        if found is not None:
            return _shown(world, found, about)
    return None


def _shown(world: World, found: Found, about: str) -> Counterexample:
    large, small = _apart(found.large, found.small)
    sides = (large, small) if world.sign == ">" else (small, large)
    at = tuple((x.name, value) for x, value in sorted(found.at.items(), key=lambda each: each[0].name))
    return Counterexample(at, f"{sides[0]} {world.sign} {sides[1]}", world.told, about)


def _apart(first: arb, second: arb) -> tuple[str, str]:
    """Both numbers with as many digits as tell them apart."""
    texts = ("", "")
    for digits in range(4, 18):
        texts = _decimal(first, digits), _decimal(second, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _decimal(value: arb, digits: int) -> str:
    if value.contains(0):
        return "0"
    if value.is_integer() and abs(value) < 10**digits:
        return str(int(value.mid().unique_fmpz()))
    return f"{float(value.mid()):.{digits}g}" if abs(value) < 10**digits else f"{float(value.mid()):.0f}"


def _about_lines(before: sp.Expr, step: Step) -> Iterator[World | Counterexample]:
    """Worlds in which the claimed relation of the two lines fails."""
    reason = step.reason
    tail = tail_of(reason)
    if isinstance(reason, Spend):
        yield from hypotheses(before, step)
    elif reason.replaces:
        yield from _replaced(before, step)
    elif step.relation == "~":
        yield from _quotient(before, step)
    elif tail is not None:
        yield from one_token(before, step, *tail)
    elif isinstance(reason, Short):
        yield from plain(before.subs(NAMED), replace(step, after=step.after.subs(NAMED)))
    elif isinstance(reason, Construction):
        risk = sum((p * x for p, x in reason.law), sp.Integer(0)).subs(symbol("X"), symbol("mean_loss"))
        yield from plain(before.subs(symbol("R"), risk), step)
    elif any(isinstance(each, Summed | Measure) for each in behind(reason)):
        yield from two_atoms(before, step)
    elif getattr(reason, "means", None) or isinstance(reason, Known):
        yield from two_tokens(before, step)
    else:
        yield from plain(before, step)


def _replaced(before: sp.Expr, step: Step) -> Iterator[World]:
    """The line at the value its symbol goes over to; the equation at what is called its root."""
    reason = step.reason
    if isinstance(reason, Solve):
        yield from _unequal(before.subs(reason.over, step.after), sp.Integer(0), "the equation at its root")
    elif hasattr(reason, "over") and hasattr(reason, "at"):
        yield from plain(before.subs(reason.over, reason.at), step)
    if isinstance(reason, Optimum):
        yield from _better(before, reason.over, reason.at)


def _quotient(before: sp.Expr, step: Step) -> Iterator[World | Counterexample]:
    """The true limit of the quotient of the lines, by power counting, at values of the other symbols if need be."""
    at = _limit(before, step.reason)
    told = f"limit of the quotient of the lines as {at}"
    found = _compared(before, step.after, at)
    if found == 0:
        one, two = (leading(each, at) for each in (before, step.after))
        yield from _unequal(one.c / two.c, sp.Integer(1), told)
    elif found is not None:
        yield Counterexample((), f"{'oo > 1' if found > 0 else '0 < 1'}", told)
    names = sorted((before.free_symbols | step.after.free_symbols) - {at.over}, key=lambda x: x.name)
    for point in simple_points([domain(x)[x] for x in names], _POINTS):
        here = {x: sp.Rational(*value.as_integer_ratio()) for x, value in zip(names, point, strict=True)}
        first, second = before.subs(here), step.after.subs(here)
        order = _compared(first, second, at)
        if order is None:
            continue
        place = tuple((x.name, Fraction(int(value.p), int(value.q))) for x, value in here.items())
        if order:
            yield Counterexample(place, f"{'oo > 1' if order > 0 else '0 < 1'}", told)
        quotient = leading(first, at).c / leading(second, at).c
        with precision():
            value = evaluate(quotient, {})
            if value != 1 and not value.contains(1):
                yield Counterexample(place, " ".join((_apart(value, arb(1))[0], ">" if value > 1 else "<", "1")), told)


def _compared(first: sp.Expr, second: sp.Expr, at: Limit) -> int | None:
    """1, -1, 0 as the first line is of higher, lower or the same order; None when that is not decided."""
    try:
        return compare(leading(first, at), leading(second, at))
    except UnverifiedError:
        return None


def _limit(before: sp.Expr, reason: Reason) -> Limit:
    """The limit that a reason for ~ is about."""
    if hasattr(reason, "over"):
        to = reason.at if isinstance(reason, Taylor) else getattr(reason, "to", sp.oo)
        return Limit(reason.over, sp.sympify(to), getattr(reason, "side", "+"))
    return reason.instance(before).tends


def _better(function: sp.Expr, over: sp.Symbol, at: sp.Expr) -> Iterator[World]:
    """A value of the parameter with a smaller value of the function."""
    pair = (function.subs(over, at), function)
    yield World((pair,), ">", f"{over} = {at} against this {over}")


def _about_reason(before: sp.Expr, step: Step) -> Iterator[World | Counterexample]:
    """Worlds in which the reason does not carry the step."""
    reason = step.reason
    if isinstance(reason, Ville):
        pair = (moment(reason), sp.Integer(1))
        real = tuple((reason.factor.subs(dict(values), simultaneous=True), sp.Integer(0)) for _, values in reason.law)
        yield World((pair, *real), ">", "mean of the factor, which must be at most 1")
        yield from _premise(reason)
    if isinstance(reason, Minimum):
        yield from _better(reason.function, reason.over, reason.at)
    if isinstance(reason, Lemma):
        yield from _outside(reason)
    seen = reason.at.free_symbols & (MEASURED | PER_TOKEN) if isinstance(reason, Optimum) else ()
    if seen:
        names = ", ".join(sorted(x.name for x in seen))
        yield Counterexample((), f"{reason.over} = {reason.at} depends on {names}",
                             "measured: choosing it with the data must be paid for", "reason")  # fmt: skip
    if hasattr(reason, "law"):
        total = sp.simplify(sum((p for p, _ in reason.law), sp.Integer(0)))
        yield from _unequal(total, sp.Integer(1), "sum of the probabilities of the law")
    if hasattr(reason, "small") and hasattr(reason, "large"):
        pair = (reason.small, reason.large)
        yield World((pair,), ">", "the comparison that the reason certifies")
    yield from _what_it_gives(before, step)


def _premise(reason: Ville) -> Iterator[World]:
    """E[factor] is not what the premise bounds by 1."""
    small, large = reason.premise.start, reason.premise.last
    factors = (reason.factor.subs(dict(values), simultaneous=True) for _, values in reason.law)
    real = tuple((each, sp.Integer(0)) for each in factors if not (each.is_number or isinstance(each, sp.exp)))
    yield from _unequal(moment(reason), small / large, f"mean of the factor, and {reason.premise.claim}'s bound", real)
    mean = sum((w * (symbol("m") - symbol("X")).subs(dict(values), simultaneous=True) for w, values in reason.law),
               sp.Integer(0))  # fmt: skip
    yield from _unequal(mean, sp.Integer(0), "mean of m - X under the law")
    stated = [(w, (symbol("m") - symbol("X")).subs(dict(v), simultaneous=True), v.get(symbol("conditional_variance")))
              for w, v in reason.law]  # fmt: skip
    if all(each[2] is not None for each in stated):
        yield from _unequal(sum(w * gap**2 for w, gap, _ in stated), stated[0][2], "variance of the law, and as stated")


def _unequal(first: sp.Expr, second: sp.Expr, told: str, also: tuple[Pair, ...] = ()) -> Iterator[World]:
    if not identical(first, second):
        for pair, sign in (((first, second), ">"), ((second, first), "<")):
            yield World((pair, *also), sign, told)


def _outside(reason: Lemma) -> Iterator[World]:
    """Where a variable of the lemma leaves its domain."""
    for each in getattr(claim(reason.name), "variables", ()):
        value = reason.at.get(each.name)
        needs = f"{each.name} of {reason.name}, which needs {each.lower} <= {each.name} <= {each.upper}"
        if value is not None and each.lower != "-oo":
            yield World(((sp.sympify(each.lower), value),), "<", needs)
        if value is not None and each.upper != "oo":
            yield World(((value, sp.sympify(each.upper)),), ">", needs)


def _what_it_gives(before: sp.Expr, step: Step) -> Iterator[World | Counterexample]:
    """The lines that the rule gives, against the ones that were written."""
    context = step.reason.context
    try:
        instance = step.reason.instance(before)
    except UnverifiedError:
        return  # that a reason was not shown to apply contradicts nothing
    small, large = (context.subs(Z, each) for each in (instance.small, instance.large))
    written = (before, step.after)
    rising, falling = ((small, large), (large, small)) if step.relation != ">=" else ((large, small), (small, large))
    rises = _unlike(rising, written) <= _unlike(falling, written)
    for rule, line in zip(rising if rises else falling, written, strict=True):
        yield from _unequal(line, rule, f"the line, and what {step.reason.words()} gives")
    slope = sp.diff(context, Z)
    if not instance.equal:
        wrong = (sp.Integer(0), slope) if rises else (slope, sp.Integer(0))
        between = ((Z, instance.small), (instance.large, Z))
        yield World((wrong, *between), "<" if rises else ">", "slope of the context between the two sides")


def _unlike(given: tuple[sp.Expr, sp.Expr], written: tuple[sp.Expr, sp.Expr]) -> int:
    return sum(not identical(a, b) for a, b in zip(given, written, strict=True))
