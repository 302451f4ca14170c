"""Formulas for the reader: one line of plain text for a terminal, LaTeX for a page, written the way people write.

Symbols are shown as the paper writes them, from the table of `genbound.symbols`. Sums begin with what is simple and
positive, products with numbers, square roots of a product stand under one sign.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOperatorIssue=false, reportReturnType=false, reportIncompatibleMethodOverride=false
# (sympy's own annotations are partial)

from __future__ import annotations

import re
from functools import cache

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.str import StrPrinter

from genbound.symbols import QUANTITIES

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "kappa": "κ", "lambda": "λ",
    "mu": "μ", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω", "eta": "η",
    "Delta": "Δ", "Sigma": "Σ", "Omega": "Ω", "ell": "ℓ", "infty": "∞", "sum": "∑",
}  # fmt: skip
_REWRITES = (
    (r"\\ln\\frac", r"\\ln \\frac"),
    (r"\\mathrm\{(\w+)\}", r"\1"),
    (r"\\textstyle|\\,", " "),
    (r"\\t?frac\{(\w+)\}\{([^{}]+)\}", r"\1/\2"),
    (r"\\overline\{((?:[^{}]|\{[^{}]*\})*)\}", r"mean \1"),
    (r"\\bar\s*", "mean "),
    (r"\\hat (\w)", "\\1\u0302"),
    (r"\\\|", "||"),
    (r"\\ne\b\s*", "≠"),
    (r"([_^])\{([^{}]*)\}", r"\1\2"),
)  # fmt: skip
_HALF = sp.Rational(1, 2)
_STUB = 12
"""Characters of a first line that is too short to stand alone."""


@cache
def label(name: str) -> str:
    r"""A symbol of the table in plain text; any other name as it is.

    >>> label("mean_loss"), label("log_inv_delta"), label("C1"), label("lam"), label("X_2")
    ('mean X', 'ln(1/δ)', 'C_1', 'λ', 'X_2')
    """
    if name not in QUANTITIES:
        base, index = _copied(name)
        return f"{label(base).removesuffix('_k')}_{index}" if base else name
    text = QUANTITIES[name].tex
    for pattern, plain in _REWRITES:
        text = re.sub(pattern, plain, text)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: _GREEK.get(found[1], found[1]), text)
    return " ".join(text.split())


def _copied(name: str) -> tuple[str, str]:
    """(symbol of one token, number of the token) for a copy made for a small world."""
    base, _, index = name.rpartition("_")
    return (base, index) if base in QUANTITIES and index.isdigit() else ("", "")


def tex_name(name: str) -> str:
    """A symbol of the table, or a copy of one for a token, in LaTeX."""
    if name in QUANTITIES:
        return QUANTITIES[name].tex
    base, index = _copied(name)
    return f"{QUANTITIES[base].tex.removesuffix('_k')}_{{{index}}}" if base else rf"\mathrm{{{name}}}"


def _terms(expr: sp.Add) -> list[sp.Expr]:
    """The terms of a sum: the simple ones first, a positive one at the head."""
    terms = sorted(expr.as_ordered_terms(), key=lambda each: each.count_ops())
    head = next((each for each in terms if not _split(each)[0]), terms[0])
    return [head, *(each for each in terms if each is not head)]


def _split(expr: sp.Expr) -> tuple[bool, list[sp.Expr], list[sp.Expr]]:
    """(minus, factors above the line, factors below it), square roots taken together."""
    minus = False
    parts: dict[bool, list[sp.Expr]] = {True: [], False: []}
    roots: dict[bool, list[sp.Expr]] = {True: [], False: []}
    for each in sp.Mul.make_args(expr):
        base, exponent = (each, sp.Integer(1)) if isinstance(each, sp.exp) else each.as_base_exp()
        if isinstance(each, sp.Rational):
            minus ^= bool(each < 0)
            parts[True] += [sp.Integer(abs(each.p))] if abs(each.p) != 1 else []
            parts[False] += [sp.Integer(each.q)] if each.q != 1 else []
            continue
        if base.is_Add and exponent == 1 and expr != each and _mostly_negative(base):
            minus, base = not minus, -base
        above = not (exponent.is_number and exponent < 0)
        power = exponent if above else -exponent
        if power == _HALF:
            roots[above].append(base)
        else:
            parts[above].append(base**power)
    over, under = ([*parts[above], *([sp.Pow(sp.Mul(*roots[above]), _HALF, evaluate=False)] if roots[above] else [])]
                   for above in (True, False))  # fmt: skip
    return minus, sorted(over, key=_rank), sorted(under, key=_rank)


def _mostly_negative(total: sp.Add) -> bool:
    signs = [(each.as_coeff_Mul()[0].is_negative is True, each.has(sp.exp)) for each in total.args]
    return 2 * sum(minus for minus, _ in signs) > len(signs) and all(minus for minus, grows in signs if grows)


def _rank(factor: sp.Expr) -> int:
    """Numbers, exponentials, symbols, what stands in brackets, logarithms."""
    if factor.is_number:
        return 0
    return 1 if isinstance(factor, sp.exp) else 3 if factor.is_Add else 4 if isinstance(factor, sp.log) else 2


class _Line(StrPrinter):
    """One line of plain text, products without a sign."""

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return label(expr.name)

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        text = ""
        for each in _terms(expr):
            part = self._print(each)
            minus = part.startswith("-")
            part = part.removeprefix("-")
            text += f" {'-' if minus else '+'} {part}" if text else f"-{part}" if minus else part
        return text

    def _print_Mul(self, expr: sp.Mul) -> str:
        minus, over, under = _split(expr)
        top = " ".join(map(self._factor, over)) or "1"
        below = " ".join(map(self._factor, under))
        below = f"({below})" if len(under) > 1 else below
        return f"{'-' if minus else ''}{top}{'/' + below if below else ''}"

    def _factor(self, expr: sp.Expr) -> str:
        text = self._print(expr)
        sums = expr.is_Symbol and re.search(r" [-+] ", re.sub(r"\(.*\)", "", text))
        return f"({text})" if sums or precedence(expr) < PRECEDENCE["Mul"] else text

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        base, exponent = expr.base, expr.exp
        if exponent == _HALF:
            inside = self._print(base)
            return f"√{inside}" if re.fullmatch(r"\w+", inside) else f"√({inside})"
        if exponent.is_number and exponent < 0:
            return f"1/{self._factor(base**-exponent)}"
        return f"{self._atom(base)}^{self._atom(exponent)}"

    def _atom(self, expr: sp.Expr) -> str:
        text = self._print(expr)
        return text if re.fullmatch(r"\w+", text) else f"({text})"

    def _print_exp(self, expr: sp.exp) -> str:
        return f"e^{self._atom(expr.args[0])}"

    def _print_Exp1(self, expr: sp.Expr) -> str:
        return "e"

    def _print_log(self, expr: sp.log) -> str:
        return f"ln({self._print(expr.args[0])})"

    def _print_zeta(self, expr: sp.zeta) -> str:
        return f"ζ({self._print(expr.args[0])})"

    def _print_Infinity(self, expr: sp.Expr) -> str:
        return "∞"

    def _print_Sum(self, expr: sp.Sum) -> str:
        index, low, high = expr.limits[0]
        return f"∑_({self._print(index)}={self._print(low)}..{self._print(high)}) {self._factor(expr.function)}"


class _Page(LatexPrinter):
    """LaTeX, in the same order as the text."""

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        text = ""
        for each in _terms(expr):
            part = self._print(each)
            minus = part.startswith("-")
            part = part.removeprefix("-").strip()
            text += f" {'-' if minus else '+'} {part}" if text else f"-{part}" if minus else part
        return text

    def _print_Mul(self, expr: sp.Mul) -> str:
        minus, over, under = _split(expr)
        sign = "-" if minus else ""
        if not under:
            return sign + " ".join(self._factor(each, len(over) > 1) for each in over)
        flat = [each for each in over if not (each.is_Add and len(over) > 1)]
        long = [each for each in over if each not in flat]  # brackets stand beside the fraction
        top = " ".join(self._factor(each, len(flat) > 1) for each in flat) or "1"
        below = " ".join(self._factor(each, len(under) > 1) for each in under)
        return " ".join([rf"{sign}\frac{{{top}}}{{{below}}}", *(self._factor(each, True) for each in long)])

    def _print_log(self, expr: sp.log, exp: str | None = None) -> str:
        inside = self._print(expr.args[0])
        text = rf"\ln({inside})" if expr.args[0].is_Integer else rf"\ln\left({inside}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _factor(self, expr: sp.Expr, beside: bool) -> str:
        text = self._print(expr)
        sums = expr.is_Symbol and re.search(r" [-+] ", re.sub(r"\(.*\)", "", text))
        return rf"\left({text}\right)" if beside and (expr.is_Add or sums) else text


def line(expression: sp.Expr) -> str:
    """The formula as one line of text.

    >>> from genbound.formulas import geometric_mean, azuma_hoeffding
    >>> line(geometric_mean()), line(azuma_hoeffding())
    ('mean U - e^(-C) GM(U - X)', 'mean X + Δ √(2 C)/2')
    """
    return _Line().doprint(expression)


def page(expression: sp.Expr) -> str:
    r"""The formula in LaTeX.

    >>> from genbound.formulas import geometric_mean
    >>> page(geometric_mean())
    '\\bar U - e^{-C} \\mathrm{GM}(U - X)'
    """
    names = {each: tex_name(each.name) for each in expression.atoms(sp.Symbol)}
    return _Page({"symbol_names": names, "ln_notation": True}).doprint(expression)


def pieces(expression: sp.Expr, width: int) -> list[sp.Expr]:
    """A sum in parts of about `width` characters on a line of text, the first not a stub; anything else whole."""
    if not expression.is_Add or len(line(expression)) <= width:
        return [expression]
    parts: list[list[sp.Expr]] = [[]]
    for each in _terms(expression):
        if len(line(sp.Add(*parts[-1]))) > _STUB and len(line(sp.Add(*parts[-1], each))) > width:
            parts.append([])
        parts[-1].append(each)
    return [sp.Add(*part) for part in parts]
