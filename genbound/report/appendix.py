r"""The derivations as an appendix: Markdown with formulas, and a LaTeX document that compiles as it is.

The order is that of the theory; every chain is verified before it is written, and the mistakes that were planted stand
beside it with what refutes them.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# (sympy's own annotations are partial)

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import ModuleType

import sympy as sp

from genbound.claims.registry import claims
from genbound.derivations import DERIVATIONS
from genbound.derivations.chain import Derivation
from genbound.derivations.reasons.analysis import Lemma
from genbound.derivations.refuting.refute import Refutation
from genbound.report.derivations import conditions_of, counterexample_words, reason_words, sources_of
from genbound.report.notation import page, pieces, tex_name
from genbound.report.printed import printed_markdown
from genbound.symbols import QUANTITIES

SIGNS = {"==": "=", "<=": r"\le", ">=": r"\ge", "->": r"\to", "~": r"\sim"}
LEMMAS = (
    "Each is a claim of its own, proved on its whole domain in ball arithmetic (`genbound claims check NAME`); what a "
    "step puts into it is shown to stay inside that domain."
)
_LONG = 64
"""Characters of the plain formula that fit on one line of a page."""
_SPECIAL = {"\\": r"\textbackslash{}", "_": r"\_", "^": r"\^{}", "&": r"\&", "%": r"\%", "#": r"\#", "{": r"\{",
            "}": r"\}", "~": r"\~{}", "<": "$<$", ">": "$>$", "|": "$|$"}  # fmt: skip
_UNICODE = {"≤": r"\le", "≥": r"\ge", "→": r"\to", "∞": r"\infty", "√": r"\surd", "∑": r"\sum", "≠": r"\ne",
            "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\epsilon", "θ": r"\theta",
            "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma",
            "φ": r"\phi", "ω": r"\omega", "Δ": r"\Delta", "Σ": r"\Sigma", "Ω": r"\Omega", "ℓ": r"\ell",
            "ζ": r"\zeta", "τ": r"\tau", "η": r"\eta", "\u0302": r"\hat{\ }"}  # fmt: skip


def escaped(words: str) -> str:
    r"""Plain words as LaTeX text; what stands between dollars is left alone.

    >>> escaped("am_gm: $x$ <= y")
    'am\\_gm: $x$ $<$= y'
    """
    parts = re.split(r"(\$[^$]*\$)", words)
    return "".join(part if part.startswith("$") else "".join(map(_character, part)) for part in parts)


def _character(each: str) -> str:
    return f"${_UNICODE[each]}$" if each in _UNICODE else _SPECIAL.get(each, each)


def _math(expression: sp.Expr) -> str:
    return f"${page(expression)}$"


def _words(derivation: Derivation) -> list[str]:
    """The reasons, their formulas between dollars."""
    return [reason_words(step.reason, _math, lambda name: f"${tex_name(name)}$") for step in derivation.steps]


def _named(words: str) -> str:
    """Names of claims and derivations as code, outside formulas and code."""
    known = {*DERIVATIONS, *claims()}
    parts = re.split(r"(\$[^$]*\$|`[^`]*`)", words)
    return "".join(part if part[:1] in ("$", "`") else re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda found: (
        f"`{found[0]}`" if found[0] in known else found[0]), part) for part in parts)  # fmt: skip


def _rows(sign: str, expression: sp.Expr) -> list[str]:
    """The formula, broken between the terms of its sum where it is long."""
    broken = pieces(expression, _LONG)
    first, *rest = [page(each) for each in broken]
    later = [rf"& \qquad {each if each.startswith('-') else '+ ' + each}" for each in rest]
    return [rf"{sign} & {first}", *later]


def chain_rows(derivation: Derivation, numbered: bool) -> Iterator[str]:
    """The rows of an aligned block; with `numbered` the steps carry the numbers of their reasons."""
    yield from _rows("", derivation.start)
    for number, step in enumerate(derivation.steps, 1):
        *before, last = _rows(SIGNS[step.relation], step.after)
        yield from before
        yield rf"{last} && ({number})" if numbered else last


def chain_latex(derivation: Derivation) -> str:
    r"""An align* block: every line of the chain, and under it the reason in words."""
    rows = _rows("", derivation.start)
    for step, words in zip(derivation.steps, _words(derivation), strict=True):
        rows += [*_rows(SIGNS[step.relation], step.after), rf"& \quad\text{{\small [{escaped(words)}]}}"]
    return "\n".join([r"\begin{align*}", *(f"  {row} \\\\" for row in rows), r"\end{align*}"])


def _symbols(chains: Sequence[Derivation]) -> Iterator[tuple[str, str]]:
    """(symbol in LaTeX, meaning and unit) of every symbol of these chains, in the order of the alphabet."""
    lines = [line for each in chains for line in (each.start, *(step.after for step in each.steps))]
    used = {x.name for line in lines for x in line.free_symbols}
    for name, each in QUANTITIES.items():
        if name in used:
            unit = "" if each.unit == "none" else f", {each.unit}"
            yield each.tex, f"{each.meaning}{unit}"


def _lemmas() -> Iterator[tuple[str, str]]:
    """(name, statement) of every inequality that a step uses as a lemma."""
    used = {step.reason.name for each in DERIVATIONS.values() for step in each.steps if isinstance(step.reason, Lemma)}
    yield from ((name, " ".join(card.statement.split())) for name, card in claims().items() if name in used)


def _in_a_table(text: str) -> str:
    return text.replace(r"\|", r"\Vert ").replace("|", r"\vert ")


def _themes() -> list[tuple[str, str, list[Derivation]]]:
    """(heading, prose, chains) of every theme, from its documentation."""
    from genbound.derivations import THEMES

    return [(*_heading(theme), [DERIVATIONS[each.claim] for each in theme.CHAINS]) for theme in THEMES]


def _heading(theme: ModuleType) -> tuple[str, str]:
    head, _, rest = (theme.__doc__ or "").partition("\n\n")
    head, _, more = re.sub(r" \(THEORY [\d and]+\)", "", " ".join(head.split())).partition(". ")
    return head.rstrip("."), "\n\n".join(filter(None, (more.strip(), rest.strip())))


def _sentence(words: str) -> str:
    """The words with a capital, unless they begin with a formula, and a full stop.

    >>> _sentence("a flat spectrum"), _sentence("u is fixed"), _sentence("tr(D) is less.")
    ('A flat spectrum.', 'u is fixed.', 'tr(D) is less.')
    """
    begins = re.match(r"(a|[a-z]{2,})[ ,:](?!=)", words)
    return (words[:1].upper() + words[1:] if begins and begins[1] != "ln" else words).rstrip(".") + "."


def markdown(found: Sequence[Refutation]) -> str:
    """The appendix in Markdown, as GitHub shows it."""
    mistakes = _by_derivation(found)
    steps = sum(len(each.steps) for each in DERIVATIONS.values())
    lines = [
        "# Derivations",
        "",
        f"{len(DERIVATIONS)} derivations, {steps} steps, each verified by machine: by symbolic identity, by an "
        "inequality proved on its whole domain in ball arithmetic, or by a symbolic limit; never by trying numbers. "
        f"Beside them {len(found)} mistakes that were planted, each refuted at the step that was spoiled, with a "
        "counterexample certified in ball arithmetic.",
        "",
        "Ville's inequality, the union, a draw and the change of measure enter as rules whose premises are checked; "
        "they are proved in Coq, for processes on finite trees ([proofs/](../proofs/README.md)). What is only cited "
        "(the error of LDLQ, reverse water-filling, that information is about the prequential area) is said where it "
        "enters.",
        "",
        "This file is written by `python paper_figures/appendix.py`; `genbound derive NAME` shows one derivation and "
        "`genbound derive --all` verifies them all. `→` goes over to another instance of the same statement (a chosen "
        "parameter, more nats spent), `~` says that the quotient tends to 1. Symbols are those of the paper; a line "
        "over a symbol is the mean over the tokens, GM the geometric mean. [F25] is Finzi et al. (2025), [H22] "
        "Hoffmann et al. (2022), [B24] Besiroglu et al. (2024).",
        "",
    ]
    lines += ["## Inequalities of real analysis that the steps use", "", LEMMAS, ""]
    lines += [f"- `{name}`: {statement}" for name, statement in _lemmas()]
    lines += [""]
    for heading, prose, chains in _themes():
        lines += [f"## {_named(heading)}", "", *([_named(prose), ""] if prose else [])]
        lines += ["| symbol | meaning |", "|---|---|"]
        lines += [
            f"| ${_in_a_table(symbol)}$ | {meaning.replace('|', chr(92) + '|')} |"
            for symbol, meaning in _symbols(chains)
        ]
        lines += [""]
        for derivation in chains:
            lines += [*_section(derivation, mistakes.get(derivation.claim, [])), ""]
    lines += ["## Formulas as printed, and what holds", "", *printed_markdown()]
    return "\n".join(lines) + "\n"


def _section(derivation: Derivation, mistakes: Sequence[Refutation]) -> Iterator[str]:
    """One derivation in Markdown."""
    derivation.verified()
    yield f"### `{derivation.claim}`"
    yield ""
    yield _named(_sentence(derivation.title))
    card = claims().get(derivation.claim)
    if card is not None:
        yield ""
        yield from (f"    {each}" for each in card.statement.splitlines())
    yield ""
    yield "```math"
    yield r"\begin{aligned}"
    yield from (f"{row} \\\\" for row in chain_rows(derivation, numbered=True))
    yield r"\end{aligned}"
    yield "```"
    yield ""
    yield from (f"{number}. {_named(words)}" for number, words in enumerate(_words(derivation), 1))
    conditions = conditions_of(derivation, _math)
    cited = sources_of(derivation)
    for label, text in (
        ("Where", ", ".join(conditions)),
        ("Note", derivation.note and _named(_sentence(derivation.note))),
        ("Sources", "; ".join(cited)),
    ):
        if text:
            yield ""
            yield f"*{label}:* {text}"
    if mistakes:
        yield ""
        yield "*Mistakes:*"
        for each in mistakes:
            where = counterexample_words(each.counterexample) if each.counterexample else "no counterexample"
            yield f"- {each.mistake.mistake} (step {each.step}): `{where}`"


def _by_derivation(found: Sequence[Refutation]) -> dict[str, list[Refutation]]:
    mistakes: dict[str, list[Refutation]] = {}
    for each in found:
        mistakes.setdefault(each.mistake.derivation, []).append(each)
    return mistakes


def document(found: Sequence[Refutation]) -> str:
    """The appendix as a LaTeX document that compiles as it is."""
    mistakes = _by_derivation(found)
    lines = [
        r"\documentclass{article}",
        r"\usepackage[margin=2.2cm]{geometry}",
        r"\usepackage{amsmath,amssymb}",
        r"\allowdisplaybreaks",
        r"\begin{document}",
        r"\title{Derivations}\author{}\date{}\maketitle",
    ]
    for heading, prose, chains in _themes():
        lines += ["", rf"\section{{{escaped(heading)}}}", escaped(" ".join(prose.split())), ""]
        lines += [
            r"\noindent " + "; ".join(f"${symbol}$: {escaped(meaning)}" for symbol, meaning in _symbols(chains)) + "."
        ]
        for derivation in chains:
            lines += _paragraph(derivation, mistakes.get(derivation.claim, []))
    return "\n".join([*lines, r"\end{document}"])


def _paragraph(derivation: Derivation, mistakes: Sequence[Refutation]) -> Iterator[str]:
    yield ""
    yield rf"\subsection*{{\texttt{{{escaped(derivation.claim)}}}}}"
    yield escaped(_sentence(derivation.title))
    yield chain_latex(derivation)
    conditions = conditions_of(derivation, _math)
    where, note = f"Where {', '.join(conditions)}." if conditions else "", derivation.note
    for words in (where, note and _sentence(note), "; ".join(sources_of(derivation))):
        if words:
            yield escaped(words)
            yield ""
    if mistakes:
        yield r"\begin{itemize}"
        for each in mistakes:
            where = counterexample_words(each.counterexample) if each.counterexample else "no counterexample"
            yield rf"\item {escaped(each.mistake.mistake)} (step {each.step}): {escaped(where)}"
        yield r"\end{itemize}"
