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
from typing import ClassVar, Literal

import sympy as sp

from genbound.derivations.domains import UnverifiedError, WrongError, domain, nonnegative, require
from genbound.derivations.meaning import MEANS
from genbound.symbols import symbol

__all__ = ["PER_TOKEN", "Instance", "Limit", "Means", "Reason", "UnverifiedError", "WrongError", "Z", "averaged",
           "domain", "nonnegative", "require"]  # fmt: skip

Z = symbol("z")
PER_TOKEN = frozenset(symbol(name) for name in ("X", "Y", "U", "L", "m", "A", "W", "conditional_variance", "p"))
Means = Mapping[sp.Expr, sp.Expr]
"""Function of one token -> its mean over the tokens."""


@dataclass(frozen=True)
class Limit:
    """`over` tends to `to`; to a number from above, or from below with side "-"."""

    over: sp.Symbol
    to: sp.Expr = sp.oo
    side: Literal["+", "-"] = "+"

    def __str__(self) -> str:
        return f"{self.over} -> {self.to}{'' if self.to in (sp.oo, -sp.oo) else self.side}"


@dataclass(frozen=True)
class Instance:
    """small <= large, or equality, or (with `tends`) small ~ large: small = large (1 + o(1)) in that limit.

    `positive`: both sides are known to be > 0, from the rule itself.
    """

    small: sp.Expr
    large: sp.Expr
    equal: bool = False
    tends: Limit | None = None
    positive: bool = False


@dataclass(frozen=True, kw_only=True)
class Reason(ABC):
    """Abstract: a rule with a context phi(z) in which it is used."""

    context: sp.Expr = field(default=Z)

    replaces: ClassVar[bool] = False
    """Whether the line becomes another instance of the same statement, rather than something equal or larger."""

    loose: ClassVar[bool] = True
    """Whether in a limit any line will do that is equivalent to what the rule gives."""

    @abstractmethod
    def instance(self, before: sp.Expr) -> Instance:
        """What the rule says here, its own conditions checked; UnverifiedError otherwise."""

    def unbounding(self) -> str:
        """Why the rule may not be used on what bounds the first line rather than equals it; empty when it may."""
        return ""

    @abstractmethod
    def words(self) -> str:
        """The rule for the reader."""


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
