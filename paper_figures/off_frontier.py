"""Off the frontier: gap, complexity, loss variation, quantization error against the tokens for every parameter.

python paper_figures/off_frontier.py     reads measurements.json

Two sizes trained on 2 to 320 tokens for every parameter, the GPTQ code of each; 20 is the frontier, where the larger
one is a model of python-bytes. Quantization error: at 3 bits for every weight, no bound involved.
"""

from __future__ import annotations

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

LOOKS = ((style.BLUE, "o"), (style.VERMILLION, "s"), (style.GREEN, "^"))
BOUNDS = {"finzi_bound": "--", "geometric_mean": "-"}
PANELS: dict[str, dict[str, q.Quantity]] = {
    "bound minus training loss": {name: q.gap(name) for name in BOUNDS},
    "complexity": {name: q.part(name, "complexity") for name in BOUNDS},
    "loss variation": {name: q.part(name, "loss_variation") for name in BOUNDS},
    "quantization error, 3 bits": {"quantization error": q.quantization_error("gptq", 3)},
}
"""Title -> what its curves are -> quantity."""


def _panel(axes: Axes, rows: list[results.Row], curves: dict[str, q.Quantity]) -> None:
    values: list[float] = []
    for size, (colour, marker) in zip(dict.fromkeys(row["name"] for row in rows), LOOKS, strict=False):
        own = [row for row in rows if row["name"] == size]
        for name, quantity in curves.items():
            points = results.points(own, quantity, "tokens_per_parameter")
            style.line(axes, points, label=f"{size}, {name}", color=colour, marker=marker,
                       linestyle=BOUNDS.get(name, ":"),
                       markerfacecolor="white" if name == "finzi_bound" else colour)  # fmt: skip
            values += [y for _, y in points]
    axes.axvline(20, color=style.GREY, linewidth=0.6, linestyle=":")
    axes.set(xlabel="tokens for every parameter", xscale="log")
    axes.set_xticks([2, 5, 20, 80, 320], ["2", "5", "20", "80", "320"])
    axes.set_xticks([], minor=True)
    style.log_y(axes, values)


def draw(measurements: results.Result) -> Figure:
    """Four panels, a colour a size, dashes a bound."""
    bounded = [row for row in measurements["rows"] if row.get("bounds")]
    grid = results.by_ladder(bounded, off_frontier=True)["off-frontier"]
    sizes = dict.fromkeys(row["name"] for row in grid)
    frontier = [row for row in bounded if row["ladder"] == "python-bytes" and row["name"] in sizes]
    rows = sorted([*grid, *frontier], key=lambda row: (row["parameters"], row["tokens_per_parameter"]))
    with style.figure(style.PAGE, 4.4) as figure:
        panels = style.panels(figure, len(PANELS), across=2)
        for axes, (words, curves) in zip(panels, PANELS.items(), strict=True):
            _panel(axes, rows, curves)
            axes.set_title(words)
        for axes in panels[::2]:
            axes.set_ylabel("nats per token")
        style.legend(figure, 3)
    return figure


if __name__ == "__main__":
    results.main(draw, "off_frontier")
