"""What the figures read: stored results, their rows by ladder, and how a script draws from them.

A script has `draw(NAME, ...)`: its arguments are names of results, experiments/results/NAME.json; one with a default
may be missing. `main` reads them, draws and saves. A figure whose input is not there is not drawn, which is no failure:
it says which command makes the input.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from genbound.report import style

FIGURES = Path(__file__).resolve().parent
RESULTS = FIGURES.parent / "experiments" / "results"

MADE_BY = {
    "ladders": "python experiments/ladders.py --all-cpu",
    "measurements": "python experiments/ladders.py --run sotu, then python experiments/measurements.py --run sotu",
    "fits": "python experiments/fits.py",
    "verdicts": "python experiments/verdicts.py",
    "demo": "genbound demo --full --json experiments/results/demo.json",
}
"""Result -> what makes it; any other is made by the experiment of its own name."""

Row = dict[str, Any]
Result = dict[str, Any]
Value = Callable[[Row], float | None]


class NotDrawn(Exception):
    """What a figure needs is not stored (yet)."""


def read(name: str, folder: Path = RESULTS) -> Result:
    """A stored result; NotDrawn, with the command that makes it, where there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        raise NotDrawn(f"{path.name} is missing, made by: {MADE_BY.get(name, f'python experiments/{name}.py')}")
    return json.loads(path.read_text(encoding="utf-8"))


def drawn(draw: Callable[..., Figure], folder: Path = RESULTS) -> Figure:
    """The figure of what is stored."""
    found: dict[str, Result] = {}
    for name, argument in inspect.signature(draw).parameters.items():
        if argument.default is inspect.Parameter.empty or (folder / f"{name}.json").is_file():
            found[name] = read(name, folder)
    return draw(**found)


def main(draw: Callable[..., Figure], name: str, arguments: Sequence[str] | None = None) -> None:
    """Draw NAME.pdf and NAME.png."""
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(draw)),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored results")
    parser.add_argument("--out", type=Path, default=FIGURES, help="folder of the figures")
    options = parser.parse_args(arguments)
    try:
        style.save(drawn(draw, options.results), options.out / name)
    except NotDrawn as reason:
        sys.stderr.write(f"{name}: not drawn: {reason}\n")


def by_ladder(rows: Iterable[Row], *, off_frontier: bool = False) -> dict[str, list[Row]]:
    """Rows by ladder, smallest model first, in the order of the looks; NotDrawn if there are none."""
    rows = list(rows)
    names = [*style.LADDERS, *sorted({row["ladder"] for row in rows} - set(style.LADDERS))]
    found = {name: sorted((row for row in rows if row["ladder"] == name),
                          key=lambda row: (row["parameters"], row.get("tokens_per_parameter") or 0, row["seed"] or 0))
             for name in names if (name == "off-frontier") == off_frontier}  # fmt: skip
    found = {name: some for name, some in found.items() if some}
    if not found:
        raise NotDrawn("no row that is stored has what it shows")
    return found


def points(rows: Iterable[Row], value: Value, x: str = "parameters") -> list[tuple[float, float]]:
    """(x, value) of the rows that have one."""
    pairs = ((row[x], value(row)) for row in rows)
    return [(place, found) for place, found in pairs if found is not None]


def means(rows: Iterable[Row], value: Callable[[Row], dict[str, float] | None]) -> dict[str, dict[str, float]]:
    """Name of a size -> the mean over its seeds of a decomposition."""
    seeds: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        found = value(row)
        if found is not None:
            seeds.setdefault(row["name"], []).append(found)
    return {name: {key: sum(each[key] for each in some) / len(some) for key in some[0]}
            for name, some in seeds.items()}  # fmt: skip


def fit(stored: Result | None, quantity: str, ladder: str, law: str) -> Row | None:
    """A stored fit with its curve: of this law, or of another where this one was not fitted; None if there is none."""
    found = [row for row in (stored or {"rows": []})["rows"]
             if (row["quantity"], row["ladder"]) == (quantity, ladder) and row.get("curve")]  # fmt: skip
    return next((row for row in found if row["law"] == law), found[0] if found else None)
