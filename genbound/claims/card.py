"""The card: one declaration of a statement, from which its derivation, its checks and its citation follow.

A card is an `Inequality` (real analysis), a `TailBound` (probability), an `Impossibility` (a floor) or a `Rate` (how
something behaves as one of its symbols grows). Planted errors stand on the card as well: `claim.variants()` are cards
that differ from the true one in what was planted and in nothing else, so that no check can tell them apart by anything
but their behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, final

from genbound.claims.sources import SOURCES, Citation
from genbound.concentration.result import Side
from genbound.errors import domain_error
from genbound.processes.paths import Dependence

if TYPE_CHECKING:
    import sympy as sp

    from genbound.claims.settings import Setting

Engine = Literal["derive", "certify", "fuzz", "exact", "simulate", "measure"]
ENGINES: tuple[Engine, ...] = ("derive", "certify", "fuzz", "exact", "simulate", "measure")


def cited(key: str, locator: str = "") -> Citation:
    """A citation of one of `sources.SOURCES`, with a locator that was verified."""
    return Citation(SOURCES[key], locator, verified=bool(locator))


@dataclass(frozen=True)
class Planted:
    """A mistake that the checks must find: its name, what was done wrong, and the fields of the card it replaces."""

    name: str
    mistake: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What every card holds.

    Attributes:
        name: the name of THEORY, of the function, of the proof row and of the test id.
        statement: in the paper's notation, one or a few lines.
        sources: where it comes from; empty when it is derived here (`note` then says so).
        uses: names of the claims it rests on: the graph of statements.
        assumes: what has to hold.
        minimum: the engines whose evidence it needs before it is called supported.
        planted: wrong variants.
        note: a remark for the reader, such as "novelty unverified".
    """

    name: str
    statement: str
    sources: tuple[Citation, ...] = ()
    uses: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    minimum: frozenset[str] = frozenset()
    planted: tuple[Planted, ...] = ()
    note: str = ""

    kind = "claim"

    def variants(self) -> Iterator[Claim]:
        """The planted variants, as cards of the same kind named `claim!error`."""
        for error in self.planted:
            yield replace(self, name=f"{self.name}!{error.name}", planted=(), **error.changes)

    def variant(self, error: str) -> Claim:
        """One planted variant by the name of its error; DomainError lists what there is."""
        for planted, variant in zip(self.planted, self.variants(), strict=True):
            if planted.name == error:
                return variant
        names = [planted.name for planted in self.planted]
        raise domain_error("error", error, f"one of {names}", f"planted errors of {self.name}")


@dataclass(frozen=True)
class Variable:
    """A real variable of an inequality and the interval it ranges over (open where the end is excluded).

    `lower` and `upper` are sympy numbers or strings sympy reads; they may be "-oo" and "oo".
    """

    name: str
    lower: str
    upper: str
    lower_open: bool = False
    upper_open: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Inequality(Claim):
    """lhs <= rhs (or lhs = rhs) for all values of the variables in their intervals.

    Attributes:
        variables: the variables and their domains, whose names are those in the expressions.
        sides: gives (lhs, rhs) as sympy expressions in symbols of these names (real).
        relation: "<=" or "==".
        contact: where the two sides touch, as substitutions such as {"x": "0"}: hints for `certify`, which verifies
            them. A contact names one variable, the others stay free.
        where: further conditions as sympy relational strings, such as "x <= y".
    """

    variables: tuple[Variable, ...]
    sides: Callable[[], tuple[sp.Expr, sp.Expr]]
    relation: Literal["<=", "=="] = "<="
    contact: tuple[Mapping[str, str], ...] = ()
    where: tuple[str, ...] = ()

    kind = "inequality"


@final
@dataclass(frozen=True, kw_only=True)
class TailBound(Claim):
    """With probability at least 1 - delta the truth is on the safe side of the bound.

    Attributes:
        setting: what is drawn, what the bound is given and what the truth is (`claims.settings`).
        bounds: functions that all make this statement (the default family, a fixed member, ...), each called with
            those of the setting's arguments that it names.
        dependence: the weakest dependence under which it is claimed.
        side: "upper": truth <= value; "lower": truth >= value.
        anytime: claimed for all n at once.
        formula: the right hand side in symbols of `genbound.symbols`; None when it has no closed form.
        quantities: result -> values of these symbols, so that `certify` can compare the number with the formula; one
            set of values for each where the bound returns a list of results.
        laws: what `fuzz` may demand of every bound of this form: see `checks.fuzz`.
        effort: what one evaluation costs, in evaluations of a plain bound; budgets are divided by it.
    """

    setting: Setting
    bounds: tuple[Callable[..., Any], ...]
    dependence: Dependence = "adapted"
    side: Side = "upper"
    anytime: bool = False
    formula: Callable[[], sp.Expr] | None = None
    quantities: Callable[[Any, Mapping[str, Any]], Mapping[str, Any] | Sequence[Mapping[str, Any]]] | None = None
    laws: frozenset[str] = field(default=frozenset({"monotone", "scale", "order", "floor"}))
    effort: int = 1

    kind = "tail bound"


@final
@dataclass(frozen=True, kw_only=True)
class Impossibility(Claim):
    """No valid bound of a named kind can be smaller than `value`, because a process attains it.

    Attributes:
        value: (losses, *, ceiling, log_inv_delta) -> the limit, nats per token.
        process: (losses, ceiling, nats, slack) -> (probability of exactly these losses, risk), both as balls, for a
            process that tends to the limit as slack falls to 0.
        formula, quantities: as in `TailBound`.
    """

    value: Callable[..., Any]
    process: Callable[..., tuple[Any, Any]]
    formula: Callable[[], sp.Expr] | None = None
    quantities: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] | None = None

    kind = "impossibility"


@final
@dataclass(frozen=True, kw_only=True)
class Rate(Claim):
    """formula/leading -> 1 as `over` tends to `to`: what a law of growth comes to, and with which exponent.

    Attributes:
        formula: the law itself, in symbols of `genbound.symbols`.
        over: code name of the symbol that moves.
        to: where it tends to, as sympy reads it.
        leading: what the law behaves like there; the same function where nothing is dropped.
        exponent: of `over` in the leading term, d ln(leading)/d ln(over); None where that is not a constant.
    """

    formula: Callable[[], sp.Expr]
    over: str
    to: str
    leading: Callable[[], sp.Expr]
    exponent: Callable[[], sp.Expr] | None = None

    kind = "rate"
