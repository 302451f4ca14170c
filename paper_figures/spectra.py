"""Spectra of the layers' Hessians: exponents against size, and QuIP's prediction against the measured proxy loss.

python paper_figures/spectra.py     reads measurements.json

Left: lambda_i ~ i^-p, a dot a layer, the line through the medians; QuIP's rate gains from size where p > 1. Middle: on
the diagonal the prediction is exact. Right, where it was measured: density of the spectrum of the whole network.
"""

from __future__ import annotations

import statistics
from itertools import chain

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style

DEEPEST = 1e-12
"""Of the highest density: below, the tails of the smoothing kernel say nothing of the network."""


def _exponents(axes: Axes, ladders: dict[str, list[results.Row]]) -> None:
    for ladder, rows in ladders.items():
        look = style.ladder(ladder)
        layers = [(row["parameters"], layer["exponent"]) for row in rows for layer in row["hessian"]
                  if layer["exponent"] is not None]  # fmt: skip
        axes.plot(*zip(*layers, strict=True), ".", color=look["color"], markersize=2, alpha=0.4)
        medians = {N: statistics.median(p for size, p in layers if size == N) for N, _ in layers}
        axes.plot(list(medians), list(medians.values()), **look)
    axes.axhline(1, color=style.BLACK, linewidth=0.6, linestyle="--")
    axes.set(xlabel="parameters N", ylabel="exponent p of a layer")
    style.log(axes.xaxis)


def _predictions(axes: Axes, ladders: dict[str, list[results.Row]]) -> None:
    pairs: list[tuple[float, float]] = []
    for ladder, rows in ladders.items():
        some = [(layer["proxy_predicted"], layer["proxy_measured"]) for row in rows for layer in row["hessian"]]
        axes.plot(*zip(*some, strict=True), **style.ladder(ladder) | {"linestyle": "none", "markersize": 2})
        pairs += some
    ends = min(chain(*pairs)), max(chain(*pairs))
    axes.plot(ends, ends, color=style.BLACK, linewidth=0.6, linestyle="--")
    axes.set(xlabel="proxy loss, predicted", ylabel="proxy loss, measured")
    style.log(axes.xaxis, axes.yaxis)


def _densities(axes: Axes, rows: list[results.Row]) -> None:
    for row, dashes in zip(rows, ("-", "--", "-.", ":"), strict=False):
        look = style.ladder(row["ladder"]) | {"linestyle": dashes, "marker": None, "label": f"network, {row['name']}"}
        axes.plot(row["spectrum"]["grid"], row["spectrum"]["density"], **look)
    style.log(axes.xaxis, axes.yaxis)
    highest = max(max(row["spectrum"]["density"]) for row in rows)
    axes.set(xlabel="eigenvalue, whole network", ylabel="density", ylim=(highest * DEEPEST, 3 * highest))


def draw(measurements: results.Result) -> Figure:
    """Two panels, three where a spectrum of a whole network is stored."""
    ladders = results.by_ladder(row for row in measurements["rows"] if row.get("hessian"))
    whole = [row for rows in ladders.values() for row in rows if row.get("spectrum")]
    with style.figure(style.PAGE, 2.6) as figure:
        panels = style.panels(figure, 3 if whole else 2)
        _exponents(panels[0], ladders)
        _predictions(panels[1], ladders)
        if whole:
            _densities(panels[2], whole)
        style.legend(figure)
    return figure


if __name__ == "__main__":
    results.main(draw, "spectra")
