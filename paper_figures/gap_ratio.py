"""How far each bound is from what is possible, and the best description from the published bound.

python paper_figures/gap_ratio.py     reads description_length.json, and measurements.json where it is there

Upper panels: (bound - l)/(floor - l), l the training loss, all of one GPTQ certificate, each at the rate that suits it;
with the code of the floor no method that knows only the range of the loss comes below 1. Last panel: (best bound of a
stream - l)/(finzi_bound - l), l and finzi_bound those of the plainly trained model at its best.
"""

from __future__ import annotations

import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style
from genbound.scaling import quantities as q

SHOWN = ("azuma_hoeffding", "finzi_bound", "empirical_freedman", "geometric_mean")
BEST = {
    "best_without_other_text": ("best description of the stream", style.BLACK, "o", "-"),
    "best": ("the same, with a model of other text", style.BLACK, "s", "--"),
}


def ratio(row: results.Row, name: str) -> float | None:
    """The gap of a bound in units of the floor's, both of the GPTQ certificate."""
    found = q.certified(row)
    if found is None or found["bounds"].get(name) is None:
        return None
    loss, floor = row["loss_train"], found["bounds"].get("floor") or found["floor"]
    return (found["bounds"][name] - loss) / (floor - loss)


def _described(axes: Axes, description_length: results.Result) -> None:
    sizes = {row["stream"]: row["ladder_parameters"] for row in description_length["cells"]}
    for key, (label, colour, marker, dashes) in BEST.items():
        points = [(sizes[stream], best["gap_ratio"]) for stream, best in description_length[key].items()]
        style.line(axes, points, label=label, color=colour, marker=marker, linestyle=dashes,
                   markerfacecolor=colour if dashes == "-" else "white")  # fmt: skip
    axes.set(title="best description, sotu", ylabel="gap over finzi_bound's gap", ylim=(0, 1), xlabel="parameters N")


def draw(description_length: results.Result, measurements: results.Result | None = None) -> Figure:
    """A panel a ladder, and the study of descriptions."""
    rows = [row for row in (measurements or {"rows": []})["rows"] if ratio(row, "finzi_bound") is not None]
    ladders = results.by_ladder(rows) if any(row["ladder"] != "off-frontier" for row in rows) else {}
    with style.figure(style.PAGE, 0.7 + 2.0 * -(-(1 + len(ladders)) // 2)) as figure:
        panels = style.panels(figure, 1 + len(ladders), 2)
        for axes, (ladder, some) in zip(panels[:-1], ladders.items(), strict=True):
            for name in SHOWN:
                style.line(axes, results.points(some, lambda row, name=name: ratio(row, name)), **style.bound(name))
            axes.axhline(1, **{**style.bound("floor"), "marker": None})
            axes.set(title=style.ladder(ladder)["label"], xlabel="parameters N", ylabel="gap over the floor's gap")
        _described(panels[-1], description_length)
        style.log(*(axes.xaxis for axes in panels))
        style.legend(figure, 3)
    return figure


if __name__ == "__main__":
    results.main(draw, "gap_ratio")
