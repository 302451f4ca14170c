"""What a reason is: a rule that gives small <= large, and the context in which a step uses it.

A step is verified when its two lines are phi(small) and phi(large), or the other way round, for the reason's context
phi(z), and phi is monotone the way the step needs: the sign of dphi/dz is proved on the domain of every symbol.
Nothing is verified by trying numbers.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import sympy as sp

from genbound.derivations.meaning import MEANS
from genbound.errors import GenboundError
from genbound.proving.boxes import Prover
from genbound.proving.signs import Box
from genbound.symbols import QUANTITIES, symbol

Z = symbol("z")
PER_TOKEN = frozenset(symbol(name) for name in ("X", "Y", "U", "L", "m", "A", "W", "conditional_variance", "p"))
Means = Mapping[sp.Expr, sp.Expr]
"""Function of one token -> its mean over the tokens."""
_BOXES = 400


class UnverifiedError(GenboundError):
    """A step whose reason does not carry it; the message says what is missing."""


class WrongError(UnverifiedError):
    """A step that contradicts its reason: the lines are not what the rule gives."""


@dataclass(frozen=True)
class Instance:
    """small <= large, or equality."""

    small: sp.Expr
    large: sp.Expr
    equal: bool = False


@dataclass(frozen=True, kw_only=True)
class Reason(ABC):
    """Abstract: a rule with a context phi(z) in which it is used."""

    context: sp.Expr = field(default=Z)

    replaces: ClassVar[bool] = False
    """Whether the line becomes another instance of the same statement, rather than something equal or larger."""

    @abstractmethod
    def instance(self, before: sp.Expr) -> Instance:
        """What the rule says here, its own conditions checked; UnverifiedError otherwise."""

    @abstractmethod
    def words(self) -> str:
        """The rule for the reader."""


@cache
def domain(expression: sp.Expr) -> Box:
    """The box of the symbols of an expression, from the table of symbols."""
    unknown = [each.name for each in expression.free_symbols if each.name not in QUANTITIES]
    if unknown:
        raise UnverifiedError(f"{sorted(unknown)}: no domain is known")
    ends = {x: QUANTITIES[x.name] for x in sorted(expression.free_symbols, key=lambda each: each.name)}
    return {x: (sp.sympify(each.lower), sp.sympify(each.upper)) for x, each in ends.items()}


@cache
def nonnegative(expression: sp.Expr) -> bool:
    """Whether the expression is proved >= 0 wherever its symbols may be."""
    return expression == 0 or Prover(domain(expression)).prove(expression, _BOXES).proved


def require(condition: bool, message: str) -> None:
    """UnverifiedError(message) unless the condition holds."""
    if not condition:
        raise UnverifiedError(message)


def averaged(expression: sp.Expr, means: Means) -> sp.Expr:
    """The mean over the tokens of a linear combination of the functions in `means`.

    Raises:
        UnverifiedError: something that depends on the token is left, or appears other than linearly; a mean that is
            not the one its name stands for.
    """
    for each, mean in means.items():
        require(MEANS.get(each) == mean, f"{mean} is not the name of the mean of {each}")
    marks: dict[sp.Expr, sp.Expr] = {}
    for each in sorted(means, key=sp.count_ops, reverse=True):
        mark = sp.Dummy(real=True)
        marks[mark] = means[each]
        if isinstance(each, sp.log):  # its argument is positive: the statement is about tokens where it is
            change = (each.args[0], sp.exp(mark))
            expression = expression.replace(sp.log, lambda inside, change=change: sp.log(inside.subs(*change)))
        else:
            expression = expression.subs(each, mark)
    expanded = sp.expand(sp.expand_log(sp.expand(sp.expand_log(expression))))
    left = expanded.free_symbols & PER_TOKEN
    require(not left, f"{sorted(x.name for x in left)}: a function of the token without a mean")
    linear = expanded.is_polynomial(*marks) and sp.Poly(expanded, *marks).total_degree() <= 1
    require(linear, "not a linear combination: the mean of a product is not the product of the means")
    return expanded.xreplace(marks)
