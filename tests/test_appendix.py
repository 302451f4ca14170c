"""The appendix is what the derivations say today, and both its forms are well formed."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

from refuted import PLANTED, refuted

from genbound.checks import certify
from genbound.checks.verdict import Status
from genbound.claims.registry import claim
from genbound.claims.sources import SOURCES
from genbound.derivations import DERIVATIONS
from genbound.derivations.reasons.analysis import Lemma
from genbound.report.appendix import _lemmas, _named, _sentence, _themes, document, escaped, markdown
from genbound.report.printed import PRINTED, printed_markdown, with_printed

ROOT = Path(__file__).parents[1]
APPENDIX = ROOT / "docs" / "derivations.md"


@cache
def fresh() -> str:
    return markdown([refuted(number) for number in range(len(PLANTED))])


def test_the_stored_appendix_is_fresh() -> None:
    assert APPENDIX.read_text(encoding="utf-8") == fresh(), "stale: run python paper_figures/appendix.py"


def test_the_table_of_the_readme_is_fresh() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert with_printed(readme) == readme, "stale: run python paper_figures/appendix.py"


def test_the_appendix_holds_every_derivation_and_every_mistake() -> None:
    text = fresh()
    for name, derivation in DERIVATIONS.items():
        assert f"### `{name}`" in text
        assert _named(_sentence(derivation.title)) in text
    for each in PLANTED:
        assert each.mistake in text
    assert "no counterexample" not in text
    assert text.count("```math") == len(DERIVATIONS)
    assert text.count(r"\begin{aligned}") == text.count(r"\end{aligned}") == len(DERIVATIONS)


def test_the_document_is_whole() -> None:
    text = document([refuted(number) for number in range(len(PLANTED))])
    assert text.startswith(r"\documentclass{article}")
    assert text.endswith(r"\end{document}")
    stack: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{([\w*]+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert text.count(r"\begin{align*}") == len(DERIVATIONS)
    assert max(text) < "\u0250"  # letters of names, at most
    for part in re.split(r"\\begin\{align\*\}.*?\\end\{align\*\}", text, flags=re.DOTALL):
        words = re.sub(r"\$[^$]*\$", "", part)
        assert not re.search(r"(?<!\\)[_^#%&]", words), words


def test_every_section_explains_its_symbols() -> None:
    for heading, _, chains in _themes():
        section = fresh().partition(f"## {_named(heading)}\n")[2].partition("\n## ")[0]
        told = re.findall(r"^\| \$(.*)\$ \| .+ \|$", section, re.MULTILINE)
        lines = [line for each in chains for line in (each.start, *(step.after for step in each.steps))]
        assert len(told) == len({x for line in lines for x in line.free_symbols})
        assert len(set(told)) == len(told)


def test_the_lemmas_are_listed_and_proved() -> None:
    used = {step.reason.name for each in DERIVATIONS.values() for step in each.steps if isinstance(step.reason, Lemma)}
    assert {name for name, _ in _lemmas()} == used
    for name, statement in _lemmas():
        assert f"- `{name}`: {statement}" in fresh()
        assert certify.check(claim(name)).status is Status.PROVED


def test_numbers_beside_published_formulas_are_evaluated() -> None:
    """Against the same numbers by hand."""
    text = "\n".join(printed_markdown())
    crossover = 6e5**2 / 16
    for number in (
        f"{crossover / 1e9:.3g}B for bits", f"{crossover / math.log(2) ** 2 / 1e9:.2g}B and",
        f"{2 * math.log(2):.4g}", f"{0.34 / 0.28 - 1:.3f}", f"{0.3478 / 0.3658 - 1:.3f}", f"{(4 / 3) ** 2:.3g} times",
        f"{(16 / 15) ** 2:.3g} at 4", f"{1 / (2 * math.log(2)):.3g} in the limit", "8.6e-8 and 2.9e6",
        f"{(math.log(100) - math.lgamma(101) / 100) / (2 * math.log(2)):.3g} bits for n = 100",
    ):  # fmt: skip
        assert number in text, number


def test_words_are_escaped() -> None:
    assert escaped("a_b ^ 50% {x} $y_1$") == r"a\_b \^{} 50\% \{x\} $y_1$"
    assert escaped("λ ≤ ∞") == r"$\lambda$ $\le$ $\infty$"


def test_published_formulas_point_at_derivations() -> None:
    for each in PRINTED:
        assert each.source in (*SOURCES, "")
        assert each.derivations
        assert set(each.derivations) <= set(DERIVATIONS)
    assert len(list(printed_markdown())) == len(PRINTED) + 2
