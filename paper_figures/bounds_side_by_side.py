"""Every bound on the same models: the shipped ladder, and each ladder that was measured.

python paper_figures/bounds_side_by_side.py     reads demo.json, description_length.json and measurements.json

First panel: the certificates of `genbound demo`, with the best description found for each stream as a star (it
paid for the choice; other models, same tokens). Other panels: the GPTQ code of each measured model.
"""

from __future__ import annotations

import math
from typing import Any

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

STARS = {
    "best_without_other_text": ("best description of the stream", style.BLACK),
    "best": ("the same, with a model of other text", "white"),
}


def _panel(axes: Axes, rows: list[results.Row], title: str) -> None:
    """Rows with parameters, losses, vocab_size and a dictionary `shown` of bounds."""
    for name in ("loss_train", *style.BOUNDS):
        points = results.points(rows, lambda row, name=name: row["shown"].get(name, row.get(name)))
        style.line(axes, points, **style.bound(name))
    guess = math.log(rows[0]["vocab_size"])
    axes.axhline(guess, color=style.BLACK, linewidth=0.7, linestyle=":", label="random guess, ln V")
    axes.set(title=title, xlabel="parameters N", ylim=(0, 1.06 * guess))
    style.log(axes.xaxis)


def _stars(axes: Axes, description_length: results.Result, sizes: dict[str, int]) -> None:
    for key, (words, fill) in STARS.items():
        points = [(sizes[stream], best["bound"]) for stream, best in description_length[key].items()]
        axes.plot(*zip(*points, strict=True), linestyle="none", marker="*", markersize=6, color=style.BLACK,
                  markerfacecolor=fill, markeredgewidth=0.6, label=words)  # fmt: skip


def _gptq(row: results.Row) -> dict[str, Any] | None:
    """Its GPTQ certificate, each bound at the rate that suits it."""
    found = q.certified(row)
    return None if found is None else row | {"shown": found["bounds"]}


def draw(demo: results.Result, description_length: results.Result | None = None,
         measurements: results.Result | None = None) -> Figure:  # fmt: skip
    """The shipped ladder, then the measured ones."""
    measured = [row for each in (measurements or {"rows": []})["rows"] if (row := _gptq(each)) is not None]
    ladders = results.by_ladder(measured) if any(row["ladder"] != "off-frontier" for row in measured) else {}
    with style.figure(style.PAGE, 0.7 + 2.3 * -(-(1 + len(ladders)) // 2)) as figure:
        panels = style.panels(figure, 1 + len(ladders), 2)
        shipped = [row | {"shown": row["bounds"]} for row in demo["models"]]
        _panel(panels[0], shipped, "shipped ladder, sotu, characters")
        if description_length:
            _stars(panels[0], description_length, {row["name"]: row["parameters"] for row in demo["models"]})
        for axes, (ladder, rows) in zip(panels[1:], ladders.items(), strict=True):
            _panel(axes, rows, f"{style.ladder(ladder)['label']}, GPTQ")
        for axes in panels[::2]:
            axes.set_ylabel("nats per token")
        style.legend(figure, 4)
    return figure


if __name__ == "__main__":
    results.main(draw, "bounds_side_by_side")
