"""Every formula as a function of its symbols: float64 arrays in numpy, or as many digits as wanted in mpmath."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportAssignmentType=false
# (sympy's own annotations are partial)

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import sympy as sp

import genbound.formulas
from genbound.errors import DomainError, domain_error
from genbound.formulas import exact, float64
from genbound.symbols import QUANTITIES, symbol

Backend = Literal["numpy", "mpmath"]
_NO_FORMULAS = ("callables", "evaluation", "exact", "float64")


def _collected() -> dict[str, tuple[sp.Expr, str]]:
    """Name -> (formula, first line of its docstring), from every module of the package."""
    found: dict[str, tuple[sp.Expr, str]] = {}
    for each in pkgutil.iter_modules(genbound.formulas.__path__):
        if each.name in _NO_FORMULAS:
            continue
        module = importlib.import_module(f"genbound.formulas.{each.name}")
        for name, make in sorted(vars(module).items()):
            if inspect.isfunction(make) and make.__module__ == module.__name__ and not name.startswith("_"):
                free = [x.name for x in inspect.signature(make).parameters.values() if x.default is x.empty]
                found[name] = make(*(symbol(x) for x in free)), (inspect.getdoc(make) or "").partition("\n")[0]
    return dict(sorted(found.items()))


_COLLECTED = _collected()

FORMULAS: MappingProxyType[str, sp.Expr] = MappingProxyType({name: each for name, (each, _) in _COLLECTED.items()})
"""Name of a formula -> the sympy object; the arguments of v, phi, kl and the like are symbols of their own."""


@lru_cache(maxsize=1024)
def formula(of: str | sp.Expr, backend: Backend = "numpy") -> Callable[..., Any]:
    """A formula of the theory as a function of its symbols, by their code names in alphabetical order.

    Args:
        of: a name of `FORMULAS`, or an expression in the symbols of `genbound.symbols`.
        backend: "numpy": floats or arrays that broadcast, float64; "mpmath": single numbers (float, int, Fraction,
            mpf; floats enter exactly) at the precision of `mpmath.mp`.

    Returns:
        A function whose docstring says what each argument is. It refuses, by name, numbers outside the domain of their
        symbol (the ends belong to it), NaN, infinities, and places where the formula is not a real number.

    Raises:
        DomainError: a name, a symbol or a backend that there is none of.

    >>> import inspect
    >>> import genbound as gb
    >>> h = gb.formula("smoothing_price")
    >>> [round(float(each), 6) for each in h(C=[0.5, 1.0])]
    [0.954771, 1.386294]
    >>> str(inspect.signature(h))
    '(C)'
    >>> h(C=-1.0)
    Traceback (most recent call last):
    genbound.errors.DomainError: C=-1.0: need 0 <= C <= oo (complexity: everything paid, ln(1/delta)/n included)
    """
    if backend not in ("numpy", "mpmath"):
        raise domain_error("backend", backend, "'numpy' or 'mpmath'", "what evaluates the formula")
    if isinstance(of, str):
        if of not in FORMULAS:
            raise domain_error("formula", of, "a name of genbound.formulas.callables.FORMULAS", "formula of the theory")
        name, (expression, statement) = of, _COLLECTED[of]
    else:
        name, expression, statement = "formula", sp.sympify(of), f"{of}."
    names = sorted(each.name for each in expression.free_symbols)
    for each in names:
        symbol(each)  # DomainError names one that is not of the alphabet
    compiled = (float64 if backend == "numpy" else exact).compiled(expression, [symbol(each) for each in names])
    parameters = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in names]
    signature = inspect.Signature(parameters)
    read = _array if backend == "numpy" else _number

    def compute(*args: Any, **values: Any) -> Any:
        given = signature.bind(*args, **values).arguments
        return _real(compiled(*(read(each, given[each]) for each in names)), name, given)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = _documented(statement, names)
    compute.__signature__ = signature
    return compute


def _documented(statement: str, names: list[str]) -> str:
    rows = [f"    {each}: {QUANTITIES[each].meaning}; {QUANTITIES[each].domain}, {QUANTITIES[each].unit}."
            for each in names]  # fmt: skip
    return "\n".join([statement, "", "Args:", *rows]) if rows else statement


@lru_cache(maxsize=1024)
def _ends(name: str) -> tuple[float, float]:
    each = QUANTITIES[name]
    return float(sp.sympify(each.lower)), float(sp.sympify(each.upper))


def _refused(name: str, value: Any) -> DomainError:
    return domain_error(name, value, QUANTITIES[name].domain, QUANTITIES[name].meaning)


def _array(name: str, value: Any) -> np.ndarray:
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "iufO":
            raise TypeError
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _refused(name, value) from None
    low, high = _ends(name)
    wrong = ~(np.isfinite(numbers) & (numbers >= low) & (numbers <= high))
    if wrong.any():
        raise _refused(name, float(numbers[wrong].flat[0]))
    return numbers


def _number(name: str, value: Any) -> Any:
    import mpmath

    if isinstance(value, bool | np.bool | complex | str):
        raise _refused(name, value)
    try:
        if hasattr(value, "numerator") and hasattr(value, "denominator"):  # int, Fraction
            number = mpmath.mpf(int(value.numerator)) / int(value.denominator)
        else:
            number = mpmath.mpf(float(value) if isinstance(value, np.ndarray | np.generic) else value)
    except (TypeError, ValueError, OverflowError):
        raise _refused(name, value) from None
    low, high = _ends(name)
    if not (mpmath.isfinite(number) and low <= number <= high):
        raise _refused(name, value)
    return number


def _real(result: Any, name: str, given: Mapping[str, Any]) -> Any:
    lost = np.isnan(result).any() if isinstance(result, np.ndarray | np.generic) else result.imag or result != result
    if lost:
        raise DomainError(f"{name}: not a real number at {dict(given)}")
    return result
