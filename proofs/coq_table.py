"""The table of README.md, written from theorems.tsv."""

from __future__ import annotations

from pathlib import Path

import coq_pins

BEGIN, END = "<!-- theorems: python proofs/check.py --readme -->", "<!-- end of theorems -->"


def theorems(proofs: Path) -> str:
    """Every row of theorems.tsv in Markdown."""
    lines = ["| claim | theorem | stated in |", "|---|---|---|"]
    for row in coq_pins.read_rows(proofs / "theorems.tsv"):
        claim = f"`{row.claim}`" if row.claim != "-" else "–"
        lines.append(f"| {claim} | `{row.constant.split('.', 1)[1]}` | {row.locator} |")
    return "\n".join(lines)


def with_table(text: str, proofs: Path) -> str:
    """README text with a fresh table between its markers."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{theorems(proofs)}\n{END}{rest.split(END)[1]}"


def write(proofs: Path) -> None:
    """Bring README.md up to date."""
    readme = proofs / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), proofs), encoding="utf-8")
