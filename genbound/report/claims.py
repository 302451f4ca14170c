"""The evidence table: every claim against every way of checking it, for the terminal and for the README."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

ENGINES = ("derive", "certify", "fuzz", "exact", "simulate", "measure")
HEADERS = ("derive", "cert.", "fuzz", "exact", "simul.", "meas.")
"""The engines in the table of the terminal, short enough for 80 columns."""
LETTERS = {
    "PROVED": "P", "EXACT": "E", "SUPPORTED": "S", "UNDECIDED": "?", "REFUTED": "R", "NOT_APPLICABLE": "-",
}  # fmt: skip
_STYLES = {"UNDECIDED": "yellow", "REFUTED": "bold red", "NOT_APPLICABLE": "dim"}
LEGEND = (
    "P proved, E exact, S supported, ? undecided, R refuted, - not applicable;\n"
    "Coq: proved in proofs/; ok: at its minimum; found: planted errors, refuted by\n"
    "a check that passes the claim"
)
BEGIN, END = "<!-- evidence: paper_figures/evidence.py -->", "<!-- end of evidence -->"


@dataclass(frozen=True)
class Row:
    """One claim: the word of each engine, how many planted errors were found of how many, and whether it is enough.

    `formal`: a Coq theorem stands behind it.
    """

    name: str
    statuses: Mapping[str, str]
    found: int
    planted: int
    meets_minimum: bool
    formal: bool = False


def evidence_table(rows: Iterable[Row]) -> Table:
    """What `genbound claims` prints: one letter an engine, at home in 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left")
    table.add_column("claim", no_wrap=True, overflow="ellipsis")
    for header in (*HEADERS, "Coq"):
        table.add_column(header, justify="center", no_wrap=True, min_width=len(header))
    table.add_column("found", justify="right", no_wrap=True)
    table.add_column("ok", no_wrap=True)
    total = missed = 0
    for row in rows:
        total, missed = total + row.planted, missed + row.planted - row.found
        table.add_row(row.name, *(_letter(row.statuses.get(engine, "UNDECIDED")) for engine in ENGINES),
                      "yes" if row.formal else "-", _counted(row),
                      "ok" if row.meets_minimum else "[bold red]no[/]")  # fmt: skip
    table.caption = f"{LEGEND}\n{table.row_count} claims, {total} planted errors, {missed} of them not found"
    return table


def evidence_markdown(rows: Sequence[Row]) -> str:
    """The README's table in Markdown."""
    lines = [
        f"| claim | {' | '.join(ENGINES)} | Coq | planted errors found |",
        f"|---|{':---:|' * (len(ENGINES) + 1)}---:|",
    ]
    for row in rows:
        words = [_word(row.statuses.get(engine, "UNDECIDED")) for engine in ENGINES]
        words.append("proved" if row.formal else "–")
        name = f"`{row.name}`" if row.meets_minimum else f"`{row.name}` (below its minimum)"
        lines.append(f"| {name} | {' | '.join(words)} | {row.found} of {row.planted} |")
    return "\n".join(lines)


def with_evidence(text: str, rows: Sequence[Row]) -> str:
    """README text with a fresh table between its markers."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{evidence_markdown(rows)}\n{END}{rest.split(END)[1]}"


def _letter(status: str) -> str:
    style = _STYLES.get(status)
    return f"[{style}]{LETTERS[status]}[/]" if style else LETTERS[status]


def _counted(row: Row) -> str:
    text = f"{row.found}/{row.planted}"
    return text if row.found == row.planted else f"[bold red]{text}[/]"


def _word(status: str) -> str:
    if status == "NOT_APPLICABLE":
        return "–"
    return f"**{status}**" if status == "REFUTED" else status.lower()
