"""Off the frontier: gap, complexity and loss variation against the number of tokens for every parameter.

python paper_figures/off_frontier.py     reads measurements.json

Two sizes trained on 2 to 320 tokens for every parameter, the GPTQ code of each; 20 is the frontier.
"""

from __future__ import annotations

from functools import partial

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

LOOKS = ((style.BLUE, "o"), (style.VERMILLION, "s"), (style.GREEN, "^"))
SHOWN = {"finzi_bound": "--", "geometric_mean": "-"}


PANELS = {"bound minus training loss": None, "complexity": "complexity", "loss variation": "loss_variation"}
"""Title -> row of the decomposition; None for all of them but the training loss."""


def _value(row: results.Row, name: str, part: str | None) -> float | None:
    found = q.certified(row)
    return q.gap(name)(row) if part is None or found is None else found["decompositions"][name][part]


def _panel(axes: Axes, rows: list[results.Row], part: str | None) -> None:
    values: list[float] = []
    for size, (colour, marker) in zip(dict.fromkeys(row["name"] for row in rows), LOOKS, strict=False):
        own = [row for row in rows if row["name"] == size]
        for name, dashes in SHOWN.items():
            points = results.points(own, partial(_value, name=name, part=part), "tokens_per_parameter")
            style.line(axes, points, label=f"{size}, {name}", color=colour, marker=marker, linestyle=dashes,
                       markerfacecolor="white" if name == "finzi_bound" else colour)  # fmt: skip
            values += [y for _, y in points]
    axes.axvline(20, color=style.GREY, linewidth=0.6, linestyle=":")
    axes.set(xlabel="tokens for every parameter", xscale="log")
    axes.set_xticks([2, 5, 20, 80, 320], ["2", "5", "20", "80", "320"])
    axes.set_xticks([], minor=True)
    style.log_y(axes, values)


def draw(measurements: results.Result) -> Figure:
    """Three panels, a colour a size, dashes a bound."""
    rows = results.by_ladder((row for row in measurements["rows"] if row.get("bounds")), off_frontier=True)
    with style.figure(style.PAGE, 2.5) as figure:
        panels = style.panels(figure, len(PANELS))
        for axes, (words, part) in zip(panels, PANELS.items(), strict=True):
            _panel(axes, rows["off-frontier"], part)
            axes.set_title(words)
        panels[0].set_ylabel("nats per token")
        style.legend(figure)
    return figure


if __name__ == "__main__":
    results.main(draw, "off_frontier")
