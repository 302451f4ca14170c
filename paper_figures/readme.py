"""The generated tables of README.md: what stands between two comments is renewed by the script that is named there."""

from __future__ import annotations

from pathlib import Path

from genbound.files import write_atomic

README = Path(__file__).resolve().parent.parent / "README.md"


def renew(begin: str, lines: list[str], end: str) -> None:
    """Put the lines between the two comments; ValueError unless each stands there once."""
    before, rest = README.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    write_atomic(README, (before + "\n".join([begin, *lines, end]) + after).encode())
