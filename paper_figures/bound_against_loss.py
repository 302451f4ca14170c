"""The paper's figure 1: what is proved and what is measured, against the size of the model and the compute 6ND.

python paper_figures/bound_against_loss.py     reads measurements.json and description_length.json

A panel a ladder. finzi_bound and geometric_mean are those of the GPTQ code, each at its best rate; where the study of
descriptions has the stream, its best one without other text is drawn too (the choice is paid).
"""

from __future__ import annotations

import math

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q


def _panel(axes: Axes, ladder: str, rows: list[results.Row], studied: results.Result | None) -> None:
    for name in ("loss_heldout", "loss_train"):
        style.line(axes, results.points(rows, lambda row, name=name: row[name]), **style.bound(name))
    for name in ("finzi_bound", "geometric_mean"):
        points = results.points(rows, q.bound(name))
        style.line(axes, points, **style.bound(name) | {"label": f"{name}, GPTQ"})
    look = style.bound("geometric_mean") | {"linestyle": "--", "markerfacecolor": "white"}
    best = [(row["parameters"], found["bound"]) for row in rows if (found := q.shortest(studied, row))]
    style.line(axes, best, **look | {"label": "geometric_mean, shortest description"})
    guess = math.log(rows[0]["vocab_size"])
    axes.axhline(guess, color=style.BLACK, linewidth=0.7, linestyle=":", label="random guess, ln V")
    axes.set(xlabel="parameters N", ylim=(0, 1.06 * guess))
    style.log(axes.xaxis)
    ratio = sum(row["tokens_per_parameter"] for row in rows) / len(rows)
    compute = axes.secondary_xaxis(
        "top", functions=(lambda N: 6 * ratio * N**2, lambda flop: (flop / 6 / ratio) ** 0.5)
    )
    style.plain(compute.xaxis)
    compute.set_xlabel(f"{style.ladder(ladder)['label']}\ncompute 6ND, D = {ratio:.0f} N (FLOP)")


def draw(measurements: results.Result, description_length: results.Result | None = None) -> Figure:
    """A panel for each ladder on the frontier."""
    ladders = results.by_ladder(row for row in measurements["rows"] if row.get("bounds"))
    with style.figure(style.PAGE, 0.4 + 2.4 * -(-len(ladders) // 3)) as figure:
        panels = style.panels(figure, len(ladders))
        for axes, (ladder, rows) in zip(panels, ladders.items(), strict=True):
            _panel(axes, ladder, rows, description_length)
        for axes in panels[::3]:
            axes.set_ylabel("nats per token")
        style.legend(figure, 3)
    return figure


if __name__ == "__main__":
    results.main(draw, "bound_against_loss")
