"""How much a model learned, and how much it takes to write it down, against its size.

python paper_figures/information.py     reads measurements.json, fits.json and description_length.json

Information: the area of the held-out loss along the run above its last value, nats. Code nats: what the codes behind
geometric_mean cost: GPTQ, and the best description of the stream. Straight lines: 2, 3 and 4 bits for every parameter.
The published fit on Pythia, 6e5 N^0.5, is drawn over the sizes it was made on, as a band between its two readings,
bits and nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import results
import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.scaling import quantities as q

PYTHIA = (7e7, 1.2e10)
Per = Callable[[float], float]
BITS = {2: ":", 3: "--", 4: "-."}


SHAPES = {
    "information": {},
    "GPTQ code": {"linestyle": ":", "markerfacecolor": "white"},
    "shortest description": {"linestyle": "none", "marker": "*", "markersize": 6, "markerfacecolor": "white"},
}


def _nats(row: results.Row, quantity: str, studied: results.Result | None) -> float | None:
    if quantity == "information":
        return q.information(row)
    found = q.shortest(studied, row) if quantity == "shortest description" else q.certified(row)
    return None if found is None else found["code_nats"]


def _lines(axes: Axes, ladders: dict[str, list[results.Row]], sizes: tuple[float, float], per: Per,
           studied: results.Result | None) -> None:  # fmt: skip
    """Every quantity of every ladder and the lines of constant bits, divided by per(N)."""
    for bits, dashes in BITS.items():
        axes.plot(sizes, [bits * math.log(2) * N / per(N) for N in sizes], color=style.GREY, linestyle=dashes,
                  linewidth=0.8, label=f"{bits} bits for every parameter")  # fmt: skip
    for quantity, shape in SHAPES.items():
        for ladder, rows in ladders.items():
            nats = partial(_nats, quantity=quantity, studied=studied)
            points = [(N, y / per(N)) for N, y in results.points(rows, nats)]
            look = style.ladder(ladder) if quantity == "information" else style.ladder(ladder) | {"label": None}
            style.line(axes, points, **look | shape)
        if shape:
            axes.plot([], [], **{"color": style.BLACK, "marker": "o", "label": quantity} | shape)
    axes.set_xlabel("parameters N")


def draw(measurements: results.Result, fits: results.Result | None = None,
         description_length: results.Result | None = None) -> Figure:  # fmt: skip
    """Nats, and nats for every parameter."""
    ladders = results.by_ladder(row for row in measurements["rows"] if row.get("heldout_area_nats"))
    sizes = [row["parameters"] for rows in ladders.values() for row in rows]
    with style.figure(style.PAGE, 3.1) as figure:
        left, right = figure.subplots(1, 2)
        for ladder in ladders:
            fitted = results.fit(fits, "information", ladder, "power")
            if fitted is not None:
                style.fit(left, fitted, **style.ladder(ladder))
        _lines(left, ladders, (min(sizes), max(sizes)), lambda N: 1.0, description_length)
        left.set_ylabel("nats")
        _lines(right, ladders, (min(sizes), PYTHIA[1]), lambda N: N, description_length)
        right.fill_between(PYTHIA, [math.log(2) * 6e5 * N**-0.5 for N in PYTHIA], [6e5 * N**-0.5 for N in PYTHIA],
                           color=style.BLACK, alpha=0.35, linewidth=0, label="published, 6e5 N^0.5")  # fmt: skip
        right.set_ylabel("nats for every parameter")
        style.log(left.xaxis, left.yaxis, right.xaxis, right.yaxis)
        style.legend(figure, 3, "filled: information; hollow: code")
    return figure


if __name__ == "__main__":
    results.main(draw, "information")
