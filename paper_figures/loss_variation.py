"""How much the loss varies around what the model itself expects, against its size, with the fitted law.

python paper_figures/loss_variation.py     reads measurements.json, and fits.json where it is there

Left: the standard deviation of X - Y, Y the entropy of the model's own prediction. Right: Sigma of empirical_freedman
at a fixed C, so that only the model varies, beside the published fit 0.27 + 8337 N^-0.54 over the range of sizes it was
made on. Bands are for one new size; beyond the largest size a fit is dotted.
"""

from __future__ import annotations

from collections.abc import Callable

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

PYTHIA = (7e7, 1.2e10)


def published(size: float) -> float:
    """Sigma of the published fit."""
    return 0.27 + 8337 * size**-0.54


def _panel(axes: Axes, ladders: dict[str, list[results.Row]], value: Callable[[results.Row], float | None],
           fits: results.Result | None, quantity: str) -> None:  # fmt: skip
    for ladder, rows in ladders.items():
        look = style.ladder(ladder)
        fitted = results.fit(fits, quantity, ladder, "saturating")
        if fitted is not None:
            style.fit(axes, fitted, **look)
            look = look | {"linestyle": "none"}
        style.line(axes, results.points(rows, value), **look)
    axes.set_xlabel("parameters N")


def draw(measurements: results.Result, fits: results.Result | None = None) -> Figure:
    """sd(X - Y), and Sigma beside the published law."""
    ladders = results.by_ladder(row for row in measurements["rows"] if row.get("variation"))
    with style.figure(style.PAGE, 2.7) as figure:
        left, right = figure.subplots(1, 2)
        _panel(left, ladders, q.standard_deviation, fits, "sd_x_minus_y")
        left.set_ylabel("sd(X - Y), nats")
        _panel(right, ladders, q.sigma, fits, "sigma")
        right.set_ylabel(r"$\Sigma$ at C = 0.2, nats")
        sizes = [PYTHIA[0] * (PYTHIA[1] / PYTHIA[0]) ** (k / 60) for k in range(61)]
        right.plot(sizes, [published(N) for N in sizes], color=style.BLACK, linestyle="-.",
                   label="published, Pythia 70M to 12B: 0.27 + 8337 N^-0.54")  # fmt: skip
        style.log(left.xaxis, left.yaxis, right.xaxis, right.yaxis)
        style.legend(figure, 3)
    return figure


if __name__ == "__main__":
    results.main(draw, "loss_variation")
