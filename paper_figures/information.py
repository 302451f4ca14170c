"""How much a model learned, and how much it takes to write it down, against its size.

python paper_figures/information.py     reads measurements.json, fits.json, description_length.json and requential.json

Information: the area of the held-out loss along the run above its last value, nats. Code nats: what the codes behind
geometric_mean cost: GPTQ, the best description of the stream, and the transcript of a teacher's draws with the least
bound, where one was made. Straight lines: 2, 3 and 4 bits for every parameter.
The published fit on Pythia, 6e5 N^0.5, is drawn over the sizes it was made on, as a band between its two readings,
bits and nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

PYTHIA = (7e7, 1.2e10)
Per = Callable[[float], float]
Studied = tuple[results.Result | None, results.Result | None]
"""Results of description_length and of requential."""
BITS = {2: ":", 3: "--", 4: "-."}


SHAPES = {
    "information": {},
    "GPTQ code": {"linestyle": ":", "markerfacecolor": "white"},
    "shortest description": {"linestyle": "none", "marker": "*", "markersize": 6, "markerfacecolor": "white"},
    "requential transcript": {"linestyle": "none", "marker": "v", "markersize": 5, "markerfacecolor": "white"},
}


def _transcript(requential: results.Result | None, row: results.Row) -> results.Row | None:
    """The run with the least bound of a shipped model's architecture on its stream."""
    runs = [run for run in (requential or {"runs": []})["runs"]
            if (row["ladder"], row["seed"], row["name"]) == ("sotu", 0, run["model"])]  # fmt: skip
    return min(runs, key=lambda run: run["bound"], default=None)


def _nats(row: results.Row, quantity: str, studied: Studied) -> float | None:
    if quantity == "information":
        return q.information(row)
    described, requential = studied
    found = {
        "GPTQ code": lambda: q.certified(row),
        "shortest description": lambda: q.shortest(described, row),
        "requential transcript": lambda: _transcript(requential, row),
    }[quantity]()
    return None if found is None else found["code_nats"]


def _lines(axes: Axes, ladders: dict[str, list[results.Row]], sizes: tuple[float, float], per: Per,
           studied: Studied) -> None:  # fmt: skip
    """Every quantity of every ladder and the lines of constant bits, divided by per(N)."""
    for bits, dashes in BITS.items():
        axes.plot(sizes, [bits * math.log(2) * N / per(N) for N in sizes], color=style.GREY, linestyle=dashes,
                  linewidth=0.8, label=f"{bits} bits for every parameter")  # fmt: skip
    for quantity, shape in SHAPES.items():
        nats = partial(_nats, quantity=quantity, studied=studied)
        for ladder, rows in ladders.items():
            points = [(N, y / per(N)) for N, y in results.points(rows, nats)]
            look = style.ladder(ladder) if quantity == "information" else style.ladder(ladder) | {"label": None}
            style.line(axes, points, **look | shape)
        if shape and any(results.points(rows, nats) for rows in ladders.values()):
            axes.plot([], [], **{"color": style.BLACK, "marker": "o", "label": quantity} | shape)
    axes.set_xlabel("parameters N")


def draw(
    measurements: results.Result,
    fits: results.Result | None = None,
    description_length: results.Result | None = None,
    requential: results.Result | None = None,
) -> Figure:
    """Nats, and nats for every parameter."""
    studied = description_length, requential
    ladders = results.by_ladder(row for row in measurements["rows"] if row.get("heldout_area_nats"))
    sizes = [row["parameters"] for rows in ladders.values() for row in rows]
    with style.figure(style.PAGE, 3.1) as figure:
        left, right = figure.subplots(1, 2)
        for ladder in ladders:
            fitted = results.fit(fits, "information", ladder, "power")
            if fitted is not None:
                style.fit(left, fitted, **style.ladder(ladder))
        _lines(left, ladders, (min(sizes), max(sizes)), lambda N: 1.0, studied)
        left.set_ylabel("nats")
        _lines(right, ladders, (min(sizes), PYTHIA[1]), lambda N: N, studied)
        right.fill_between(PYTHIA, [math.log(2) * 6e5 * N**-0.5 for N in PYTHIA], [6e5 * N**-0.5 for N in PYTHIA],
                           color=style.BLACK, alpha=0.35, linewidth=0, label="published, 6e5 N^0.5")  # fmt: skip
        right.set_ylabel("nats for every parameter")
        style.log(left.xaxis, left.yaxis, right.xaxis, right.yaxis)
        style.legend(figure, 3, "filled: information; hollow: code")
    return figure


if __name__ == "__main__":
    results.main(draw, "information")
