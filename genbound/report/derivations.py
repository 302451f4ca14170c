"""Derivations for the terminal: a chain line by line in 80 columns, the account of all, what refutes a mistake."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# (sympy's own annotations are partial)

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator

import sympy as sp

from genbound.claims.registry import claims
from genbound.claims.sources import SOURCES, Citation
from genbound.derivations.chain import Derivation
from genbound.derivations.reasons.analysis import Certified, Construction, Definition, Minimum, Optimum, Short
from genbound.derivations.reasons.asymptotics import Leading, Solve
from genbound.derivations.reasons.averages import Measure
from genbound.derivations.reasons.chance import Confidence, Spend
from genbound.derivations.reasons.paths import Along
from genbound.derivations.refuting.found import Counterexample
from genbound.derivations.refuting.refute import Refutation
from genbound.derivations.rules import Reason, Z
from genbound.report.notation import label, line
from genbound.symbols import QUANTITIES, symbol

WIDTH = 80
_SHORT = 60
"""Characters of an inequality that a reason still shows."""
SIGNS = {"==": "=", "<=": "≤", ">=": "≥", "->": "→", "~": "~"}
_ALWAYS = ("lam", "Delta", "alpha", "delta", "sigma", "eps", "KL")
_PLAIN = {*_ALWAYS, "parameters", "compute", "excess", "room", "dimension", "active"}


def spoken(words: str, show: Callable[[str], str] = label) -> str:
    """Words with the code names of symbols in them, as the paper writes those.

    >>> spoken("lam = 4*sqrt(C)/Delta against this lam"), spoken("limit as parameters -> oo")
    ('λ = 4 sqrt(C)/Δ against this λ', 'limit as N → ∞')
    """

    def shown(found: re.Match[str]) -> str:
        name = found[0]
        formula = "_" in name or name[-1].isdigit() or name in _ALWAYS
        near = (
            words[found.end() :].lstrip()[:1] in tuple("=*/^)+<>-") or words[: found.start()].rstrip()[-1:] in "*/(+-"
        )
        code = name in QUANTITIES and (formula or (name in _PLAIN and near))
        return show(name) if code else name

    text = re.sub(r"\b[A-Za-z]\w*\b", shown, words)
    text = re.sub(r"\blog\(", "ln(", text).replace("**", "^").replace("*", " ").replace("<=", "≤").replace(">=", "≥")
    return re.sub(r"\boo\b", "∞", text.replace("->", "→"))


def reason_words(reason: Reason, show: Callable[[sp.Expr], str] = line, name: Callable[[str], str] = label) -> str:
    """The rule of a step for the reader; `show` prints a formula, `name` a symbol."""
    match reason:
        case Spend(rule=rule, price=price):
            why = reason.words().removeprefix(rule).partition(": " + str(price))[0]
            return f"{rule}{why}: {show(price)} nats more"
        case Optimum(over=over, at=at):
            return f"best {show(over)} = {show(at)}"
        case Minimum(over=over, at=at):
            return f"convex in {show(over)}, least at {show(at)}"
        case Definition(value=value) | Short(value=value):
            return f"definition of {show(value)}"
        case Measure(density=density):
            return f"Q = {show(density)} at the loss u - {show(symbol('room'))}"
        case Along(over=over, at=at, derived=derived):
            return f"at {show(over)} = {show(at)}" + (f", by {derived.claim}" if derived else "")
        case Leading(over=over):
            return f"leading term as {show(over)} → {show(sp.sympify(reason.to))}"
        case Solve(over=over):
            return f"solved for {show(over)}"
        case Confidence():
            return ", ".join(f"{show(x)} = {show(value)}" for x, value in reason.values.items())
        case Certified(small=small, large=large, context=context):
            plain = context == Z or len(line(small)) + len(line(large)) > _SHORT
            return "certified on the whole domain" if plain else f"{show(small)} ≤ {show(large)}, certified"
        case Construction(law=law):
            cases = (f"{show(x).removesuffix('_k').replace('X', 'x')} with probability {show(p)}" for p, x in law)
            return f"the loss is {', '.join(cases)}"
    return spoken(reason.words(), name)


def entry_lines(derivation: Derivation) -> list[str]:
    """The derivation in a list of all: its name, and under it what it shows."""
    return [derivation.claim, *_wrapped(derivation.title, "    ")]


def chain_lines(derivation: Derivation) -> Iterator[str]:
    """The derivation as lines of text: title, claim, the chain with its reasons, conditions, note and sources."""
    yield from _wrapped(f"{derivation.claim}: {derivation.title or 'a derivation'}", "")
    card = claims().get(derivation.claim)
    if card is not None:
        for each in card.statement.splitlines():
            yield from _wrapped(each, "  ")
    yield ""
    yield from _wrapped(line(derivation.start), "    ")
    for step in derivation.steps:
        yield from _wrapped(line(step.after), f"  {SIGNS[step.relation]} ", "        ")
        yield from _wrapped(f"[{reason_words(step.reason)}]", "        ")
    yield ""
    conditions = conditions_of(derivation)
    yield from _wrapped(f"where: {', '.join(conditions)}", "  ") if conditions else ()
    yield from _wrapped(f"note: {derivation.note}", "  ") if derivation.note else ()
    cited = sources_of(derivation)
    yield from _wrapped(f"sources: {'; '.join(cited)}", "  ") if cited else ()


def conditions_of(derivation: Derivation, show: Callable[[sp.Expr], str] = line) -> list[str]:
    """The case that a derivation treats, and the limit that ~ is about."""
    case = [f"{show(low)} < {show(x)} < {show(high)}" for x, (low, high) in derivation.case.items()]
    tends = derivation.tends
    return case if tends is None else [*case, f"{show(tends.over)} → {show(tends.to)}"]


def sources_of(derivation: Derivation) -> list[str]:
    """The sources of the claim and of its derivation, each once."""
    card = claims().get(derivation.claim)
    found = [str(each) for each in card.sources] if card is not None else []
    for each in derivation.sources:
        key, place = (each, "") if isinstance(each, str) else each
        text = str(Citation(SOURCES[key], place, verified=bool(place)))
        if not any(known.startswith(SOURCES[key].short()) for known in found):
            found.append(text)
    return found


def _wrapped(text: str, indent: str, later: str | None = None) -> list[str]:
    """Lines of at most 80 columns, broken at spaces."""
    hanging = " " * len(indent) if later is None else later
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=hanging, break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip


def counterexample_words(found: Counterexample) -> str:
    """The counterexample with the symbols of the paper."""
    place = ", ".join(f"{label(name)} = {value}" for name, value in found.places())
    told = f" ({spoken(found.told)})" if found.told else ""
    statement = spoken(found.statement)
    return f"at {place}: {statement}{told}" if place else f"{statement}{told}"


ACCOUNT_HEAD = f"{'derivation':<36} steps   {'time':>6}  ends in"


def account_line(derivation: Derivation, seconds: float, error: str = "") -> str:
    """One line for a derivation that was verified, or that failed."""
    count, sign = len(derivation.steps), SIGNS[derivation.relation] if not error else "!"
    head = f"{derivation.claim:<38} {count:>2} {sign:>1} {seconds:>5.1f} s  "
    tail = error or line(derivation.last)
    room = WIDTH - len(head)
    return head + (tail if len(tail) <= room else tail[: room - 1] + "…")


def mistake_lines(found: Refutation) -> Iterator[str]:
    """What was planted, and what refutes it."""
    planted = found.mistake
    where = f"step {found.step}" if found.step is not None else "NOT NOTICED"
    yield from _wrapped(f"{planted.derivation}, {where}: {planted.mistake}", "", "  ")
    shown = counterexample_words(found.counterexample) if found.counterexample else "NO COUNTEREXAMPLE"
    yield from _wrapped(shown, "    ")
    if found.step != planted.step:
        yield from _wrapped(f"expected step {planted.step}: {found.message}", "    ")
