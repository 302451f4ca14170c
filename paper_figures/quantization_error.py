"""What rounding to 2, 3 and 4 bits adds to the loss, against the size of the model, for every method.

python paper_figures/quantization_error.py     reads measurements.json

A row of panels a method, a column a number of bits. An error can be negative (a rounded model may be the better one);
a column that has such an error is linear around zero. A published model on held-out text, far from the sizes of the
ladders, is drawn only where there are none.
"""

from __future__ import annotations

import results
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

BITS = (2, 3, 4)
METHODS = ("rtn", "gptq", "ldlq")


def draw(measurements: results.Result) -> Figure:
    """Methods by bits, a line a ladder."""
    rounded = [row for row in measurements["rows"] if row.get("quantization")]
    ladders = results.by_ladder([row for row in rounded if row["about_stream"] == "training"] or rounded)
    with style.figure(style.PAGE, 5.2) as figure:
        grid = figure.subplots(len(METHODS), len(BITS), squeeze=False, sharex=True, sharey="col")
        for place, bits in enumerate(BITS):
            errors: list[float] = []
            for axes, code in zip(grid[:, place], METHODS, strict=True):
                for ladder, rows in ladders.items():
                    points = results.points(rows, q.quantization_error(code, bits))
                    style.line(axes, points, **style.ladder(ladder))
                    errors += [y for _, y in points]
                axes.set_title(f"{code}, {bits} bits")
            for axes in grid[:, place]:
                style.log_y(axes, errors)
            grid[-1, place].set_xlabel("parameters N")
        style.log(grid[0, 0].xaxis)
        for axes in grid[:, 0]:
            axes.set_ylabel("loss added, nats")
        style.legend(figure)
    return figure


if __name__ == "__main__":
    results.main(draw, "quantization_error")
