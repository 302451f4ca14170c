"""The measured models as fits and verdicts read them, and how their estimates are stored and shown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import store

from genbound.lm.ladder.cells import CELLS
from genbound.scaling.quantities import Row, shortest

RESULTS = Path(__file__).resolve().parent / "results"
MEASUREMENTS = RESULTS / "measurements.json"
DESCRIPTIONS = RESULTS / "description_length.json"
GRID = "off-frontier"
"""The runs with other ratios than 20 tokens per parameter, on the stream of python-bytes."""
FRONTIER = tuple(name for name in CELLS if name != GRID)
"""The planned ladders of 20 tokens per parameter."""


def rows() -> list[Row]:
    """The measured models, none if nothing was measured yet; the shipped ones with their shortest description."""
    studied = store.read(DESCRIPTIONS) or None
    return [row | {"shortest": (shortest(studied, row) or {}).get("bound")} for row in store.rows(MEASUREMENTS)]


def frontier(rows: Iterable[Row]) -> tuple[str, ...]:
    """The ladders along the frontier: the planned ones, then whatever else was measured, such as published families."""
    return (*FRONTIER, *sorted({row["ladder"] for row in rows} - {*FRONTIER, GRID}))


def jsonable(value: Any) -> Any:
    """The same with the open ends of intervals as None: JSON has no infinity."""
    if isinstance(value, dict):
        return {key: jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def shown(row: Row) -> str:
    """An estimate and its interval in print."""
    lower, upper = ("open" if row[end] is None else f"{row[end]:.3g}" for end in ("lower", "upper"))
    return f"{row['estimate']:.3g} [{lower}, {upper}]"
