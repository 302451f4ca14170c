"""The counterexamples to the planted mistakes, evaluated once more: 50 digits of mpmath, written without the engine."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# (sympy's own annotations are partial)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import mpmath as mp
import pytest
import sympy as sp
from refuted import PLANTED, refuted

from genbound.derivations import Step
from genbound.derivations.meaning import NAMED

Values = Mapping[str, Any]
KINDS = ("line", "two tokens", "one token", "root", "parameter", "limit")
FAR = (2, 8, 60, 1000)
"""Powers of ten at which a quotient is compared with its limit."""


@pytest.fixture(autouse=True)
def fifty_digits() -> Iterator[None]:
    with mp.workdps(50):
        yield


def value(line: sp.Expr, at: Values) -> Any:
    """The number a line is at these values."""
    match line:
        case sp.Symbol():
            return at[line.name]
        case sp.Rational():
            return mp.mpf(int(line.p)) / int(line.q)
        case sp.Add():
            return mp.fsum(value(each, at) for each in line.args)
        case sp.Mul():
            return mp.fprod(value(each, at) for each in line.args)
        case sp.Pow():
            return value(line.base, at) ** value(line.exp, at)
        case sp.exp() | sp.log() | sp.zeta():
            return getattr(mp, type(line).__name__)(value(line.args[0], at))
        case sp.Sum():
            return total(line, at)
    return mp.mpf(str(line.evalf(50)))


def total(line: sp.Sum, at: Values) -> Any:
    """A sum of i^-q or ln i from 1 on; of many terms by Euler and Maclaurin."""
    (i, _, last), term = line.limits[0], line.function
    n = value(last, at)
    if n <= 100:
        return mp.fsum(value(term, {**at, i.name: mp.mpf(k)}) for k in range(1, int(n) + 1))
    if term == sp.log(i):
        return mp.loggamma(n + 1)
    q = -value(term.as_base_exp()[1], at)
    area = mp.log(n) + mp.euler if q == 1 else mp.zeta(q) + n ** (1 - q) / (1 - q)
    return area + n**-q / 2 - q * n ** (-q - 1) / 12


def test_sums_of_many_terms() -> None:
    i, n = sp.symbols("i n", positive=True)
    for q in (sp.Rational(1, 2), sp.Integer(1), sp.Rational(5, 2)):
        here = total(sp.Sum(i**-q, (i, 1, n)), {"n": mp.mpf(1000)})
        assert abs(here - mp.fsum(mp.mpf(k) ** (-mp.mpf(q.p) / q.q) for k in range(1, 1001))) < 1e-12


def two_tokens(at: Values) -> Values:
    """The means over two tokens that the values of X_1, X_2 and the others make up."""
    tokens = [{name[:-2]: x for name, x in at.items() if name.endswith(f"_{k}")} for k in (1, 2)]

    def mean(of: Any) -> Any:
        return mp.fsum(of(each) for each in tokens) / 2

    found = dict(at)
    if "p" in tokens[0]:
        found["unsmoothed_loss"] = mean(lambda t: -mp.log(t["p"]))
        found["mean_loss"] = mean(lambda t: -mp.log((1 - at["alpha"]) * t["p"] + at["alpha"] / at["V"]))
    if "U" in tokens[0]:
        found["mean_bound"], found["R"] = mean(lambda t: t["U"]), mean(lambda t: t["m"])
        found["G_true"] = mp.exp(mean(lambda t: mp.log(t["U"] - t["m"])))
    if "Y" in tokens[0]:
        found["mean_loss"], found["mean_prediction"] = mean(lambda t: t["X"]), mean(lambda t: t["Y"])
        bets = [(t["Y"] - t["X"]) / at["Delta"] for t in tokens]
        found["mean_v"] = mp.fsum(at["s"] * a - mp.log(1 + at["s"] * a) for a in bets) / 2
        found["mean_log"] = mp.fsum(mp.log(1 + at["s"] * a) for a in bets) / 2
        for name, power in (("mean_square", 2), ("mean_cube", 3)):
            found[name] = mp.fsum(a**power for a in bets) / 2
    return found


def law_of(derivation: str, at: Values) -> list[tuple[Any, Any]]:
    """(probability, loss) of each outcome of the one random token."""
    if "x3" in at:
        return [(at["p1"], at["x1"]), (at["p2"], at["x2"]), (1 - at["p1"] - at["p2"], at["x3"])]
    if "x1" in at:
        return [(at["p"], at["x1"]), (1 - at["p"], at["x2"])]
    if derivation == "freedman":
        low, high = (at["Delta"] * at["w"] * each for each in (1 - at["p"], at["p"]))
        return [(at["p"], at["R"] - low), (1 - at["p"], at["R"] + high)]
    return [(1 - at["p"], mp.mpf(0)), (at["p"], at["Delta"])]


def failing(derivation: str, before: sp.Expr, step: Step, at: Values) -> Any:
    """The probability that the bound fails on one random token."""
    law = law_of(derivation, at)
    risk = mp.fsum(p * x for p, x in law)
    spread = mp.fsum(p * (x - risk) ** 2 for p, x in law)
    assert all(p > 0 for p, _ in law)
    lost = mp.mpf(0)
    for p, x in law:
        room = at["U"] - x if "U" in at else mp.mpf(1)
        assert room > 0
        bet = 1 + at["s"] * (at["Y"] - x) / at["Delta"] if "Y" in at else mp.mpf(1)
        here = {**at, "C2": at["C"], "mean_W": risk, "mean_centred": risk, "sampled_loss": x, "variance": spread,
                "R": risk, "mean_bound": at.get("U"), "u": at.get("U"), "G": room, "mean_lower": at.get("L"),
                "G_lower": x - at.get("L", x), "mean_prediction": at.get("Y"), "mean_log": mp.log(bet)}  # fmt: skip
        here |= {"G_second": room, "G_centred": room, "G_sampled": room}
        here |= {"G_true": at.get("U", risk) - risk, "G_lower_true": risk - at.get("L", risk)}
        truth, bound = value(before, {**here, "mean_loss": risk}), value(step.after, {**here, "mean_loss": x})
        lost += p if (truth < bound if step.relation == ">=" else truth > bound) else 0
    return lost


def read(text: str) -> Any:
    return mp.inf if text == "oo" else mp.mpf(text)


def agrees(shown: str, number: Any) -> bool:
    return abs(read(shown) - number) <= 1e-3 * abs(number) or abs(number) < mp.mpf(10) ** -40


def tends(quotients: list[Any], shown: str) -> bool:
    """Whether the last quotients are where the limit says, and on their way to it."""
    wanted, (*_, almost, last) = read(shown), quotients
    if wanted == mp.inf:
        return last > almost > quotients[0] and last > 5
    if wanted == 0:
        return last < almost < quotients[0] and last < 0.2
    return abs(last / wanted - 1) < 0.01


def looked_at(number: int) -> str:
    """The kind of a counterexample; empty for those that are about a reason or a price."""
    found = refuted(number).counterexample
    assert found is not None
    if found.about == "line" and not found.told:
        return "line"
    starts = {"means over two": "two tokens", "probability that one": "one token", "the equation": "root",
              "limit of the quotient": "limit"}  # fmt: skip
    told = next((kind for start, kind in starts.items() if found.told.startswith(start)), "")
    return "parameter" if not told and "against this" in found.told else told


def check(number: int, kind: str) -> None:
    mistake, found = PLANTED[number], refuted(number).counterexample
    assert found is not None
    true, step = mistake.true, mistake.wrong().steps[mistake.step - 1]
    before = (true.start, *(each.after for each in true.steps))[mistake.step - 1]
    at: dict[str, Any] = {name: mp.mpf(x.numerator) / x.denominator for name, x in found.at}
    one, sign, two = found.statement.split()
    if kind == "limit":
        over, to = found.told.rsplit(" as ", 1)[1].split(" -> ")
        assert to == "oo"
        free = {x.name for x in before.free_symbols | step.after.free_symbols}
        at = {**dict.fromkeys(free, mp.mpf(3) / 2), **at}
        far = [mp.mpf(3 * k if over == "bit_width" else 10) ** (1 if over == "bit_width" else k) for k in FAR]
        assert tends([value(before, {**at, over: x}) / value(step.after, {**at, over: x}) for x in far], one)
        return
    if kind == "one token":
        lost, allowed = failing(mistake.derivation, before, step, at), mp.exp(-at["C"])
        assert agrees(two, allowed)
        assert lost > allowed
        assert lost > read(one) * (1 - mp.mpf(1) / 1000)
        return
    if kind == "root":
        first, second = value(before.subs(step.reason.over, step.reason.at), at), mp.mpf(0)
    elif kind == "parameter":
        line = before if step.reason.replaces else step.reason.function
        first, second = value(line.subs(step.reason.over, step.reason.at), at), value(line, at)
    else:
        at = dict(two_tokens(at)) if kind == "two tokens" else at
        if step.reason.replaces:
            before = before.subs(step.reason.over, step.reason.at)
        lines = (before, step.after) if "sigma" in at else (before.subs(NAMED), step.after.subs(NAMED))
        if "R" not in at and mistake.derivation == "floor":
            at["R"] = mp.exp(-at["C"]) * at["mean_loss"] + (1 - mp.exp(-at["C"])) * at["B"]
        first, second = (value(each, at) for each in lines)
        fails = {"<=": first > second, ">=": first < second, "==": first != second, "->": first != second}
        assert fails[step.relation]
    assert agrees(one, first)
    assert agrees(two, second)
    assert first > second if sign == ">" else first < second


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shown_is_so(kind: str) -> None:
    of_kind = [number for number in range(len(PLANTED)) if looked_at(number) == kind]
    assert len(of_kind) >= {"line": 100, "limit": 30, "one token": 12}.get(kind, 3)
    for number in of_kind:
        check(number, kind)


def test_a_false_statement_is_noticed() -> None:
    assert not agrees("0.5", mp.mpf("0.51"))
    assert not tends([mp.mpf(1) / 3, mp.mpf(1) / 2, mp.mpf(1) / 2], "1.443")
    assert value(sp.Symbol("C") ** 2, {"C": mp.mpf("0.5")}) == mp.mpf("0.25")
