"""README's table of verdicts: each claim of the paper, what was predicted, what was found, and what follows.

    python paper_figures/verdict_table.py

renews the table under the heading "Verdicts" from experiments/results/verdicts.json. Nothing is decided here.
"""

from __future__ import annotations

import readme
import results

BEGIN, END = "<!-- table: paper_figures/verdict_table.py -->", "<!-- end of verdicts -->"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def table(stored: results.Result) -> list[str]:
    """A row a claim and ladder; what stands in several rows one after another is named in the first."""
    lines = ["| claim | where | predicted | estimate [interval] | verdict |", "|---|---|---|---|---|"]
    before = None
    for row in stored["rows"]:
        same = row["claim"] == before
        claim = "" if same else _cell(row["claim"])
        predicted = "" if same else _cell(f"{row['rule']}: {row['predicted']}")
        counted = "ratios" if "D/N" in row["rule"] else "sizes"
        ladder = f"{row['ladder']}, {row['sizes']} {counted}" if "sizes" in row else row["ladder"]
        lines.append(f"| {claim} | {_cell(ladder)} | {predicted} | {_cell(row['shown'])} | {row['verdict']} |")
        before = row["claim"]
    return lines


def main() -> None:
    readme.renew(BEGIN, table(results.read("verdicts")), END)


if __name__ == "__main__":
    main()
