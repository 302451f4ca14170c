"""How much of the stream should make the prior? The figure of experiments/prefix_curve.py.

    python paper_figures/prefix_curve.py

reads experiments/results/prefix_curve.json and draws paper_figures/prefix_curve.pdf and .png. Nothing is computed here
but the smaller of two stored bounds.
"""

from __future__ import annotations

from typing import Any

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style

PASSES = {1: (style.GREEN, "s"), 4: (style.BLUE, "o"), 16: (style.VERMILLION, "^")}
"""Passes over the prefix -> colour and marker; told apart by the marker too."""

PROGRESSIVE = {"raw": (style.BLACK, "--"), "averaged": (style.GREY, ":")}


def panel(axes: Axes, name: str, result: dict[str, Any]) -> None:
    """One size: bounds about tokens n_0+1..n against n_0/n."""
    rows = [row for row in result["rows"] if row["name"] == name]
    for passes, (colour, marker) in PASSES.items():
        best: dict[float, float] = {}
        for row in rows:
            if row["epochs"] == passes:
                best[row["share"]] = min(row["bound"], best.get(row["share"], row["bound"]))
        if best:
            label = f"prefix prior, {passes} pass{'es' if passes > 1 else ''}"
            shares = sorted(best)
            values = [best[share] for share in shares]
            axes.plot(shares, values, "-", marker=marker, color=colour, label=label)
    for weights, (colour, dashes) in PROGRESSIVE.items():
        points = sorted(
            (row["share"], row["bound"])
            for row in result["yardsticks"]
            if row["name"] == name and row["kind"] == "progressive_validation" and row["weights"] == weights
            and row["share"] > 0
        )  # fmt: skip
        label = f"progressive validation, {weights}"
        axes.plot(*zip(*points, strict=True), dashes, color=colour, label=label)
    n = rows[0]["n_tokens"]
    axes.set(xlabel=r"$n_0/n$", title=f"{name} parameters, n = {n:,}", xlim=(0.05, 0.95))
    axes.set_xticks([0.1, 0.25, 0.5, 0.75, 0.9])


def draw(prefix_curve: results.Result) -> Figure:
    """A panel per size that has rows, legend below."""
    names = list(dict.fromkeys(row["name"] for row in prefix_curve["rows"]))
    wide = len(names) > 1
    with style.figure(style.PAGE if wide else style.COLUMN, 2.7) as figure:
        panels = style.panels(figure, len(names))
        for axes, name in zip(panels, names, strict=True):
            panel(axes, name, prefix_curve)
        for axes in panels[::3]:
            axes.set_ylabel("bound about tokens after $n_0$\n(nats per character)")
        style.legend(figure, 3 if wide else 1)
    return figure


if __name__ == "__main__":
    results.main(draw, "prefix_curve")
