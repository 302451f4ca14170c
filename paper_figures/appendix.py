"""The appendix of derivations, from the derivations themselves.

    python paper_figures/appendix.py

verifies every derivation, refutes every planted mistake and writes docs/derivations.md, and the README's table of
published formulas. Nothing in them is written by hand; a test compares both with fresh ones.
"""

from __future__ import annotations

from pathlib import Path

from genbound.derivations.mistakes import planted
from genbound.derivations.refuting.refute import refute
from genbound.report.appendix import markdown
from genbound.report.printed import with_printed

ROOT = Path(__file__).resolve().parent.parent
APPENDIX = ROOT / "docs" / "derivations.md"
README = ROOT / "README.md"


def fresh() -> str:
    """The text of the appendix, made now."""
    return markdown([refute(each) for each in planted()])


def main() -> None:
    APPENDIX.write_text(fresh(), encoding="utf-8")
    README.write_text(with_printed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
