"""What the gap between bound and training loss is made of: finzi_bound's rows beside geometric_mean's.

python paper_figures/breakdown.py     reads measurements.json

For each size the left bar is finzi_bound, the right one geometric_mean, both of the GPTQ code, means over the seeds.
Negative rows are drawn below zero; a bar then marks the sum.
"""

from __future__ import annotations

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

SHOWN = ("finzi_bound", "geometric_mean")


def _rows(row: results.Row, name: str) -> dict[str, float] | None:
    found = q.certified(row)
    return None if found is None else found["decompositions"].get(name)


def _panel(axes: Axes, rows: list[results.Row]) -> None:
    tops: list[float] = []
    for side, name in enumerate(SHOWN):
        parts = results.means(rows, lambda row, name=name: _rows(row, name))
        places = [place + 0.41 * (side - 0.5) for place in range(len(parts))]
        tops += style.stacks(axes, places, list(parts.values()), 0.37)
        axes.set_xticks(range(len(parts)), parts, rotation=45)
    axes.set_ylim(top=1.05 * max(tops))
    axes.tick_params(axis="x", length=0)


def draw(measurements: results.Result) -> Figure:
    """A panel for each ladder on the frontier."""
    ladders = results.by_ladder(row for row in measurements["rows"] if all(_rows(row, name) for name in SHOWN))
    with style.figure(style.PAGE, 0.6 + 2.2 * -(-len(ladders) // 3)) as figure:
        panels = style.panels(figure, len(ladders))
        for axes, (ladder, rows) in zip(panels, ladders.items(), strict=True):
            _panel(axes, rows)
            axes.set(title=style.ladder(ladder)["label"], xlabel="parameters N")
        for axes in panels[::3]:
            axes.set_ylabel("bound minus training loss\n(nats per token)")
        style.legend(figure, 6, "of each pair of bars: left finzi_bound, right geometric_mean")
    return figure


if __name__ == "__main__":
    results.main(draw, "breakdown")
