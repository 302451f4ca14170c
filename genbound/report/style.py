"""How every figure looks: sizes, letters, colours with a marker or hatch beside each, and the bytes they are saved in.

    with style.figure(style.PAGE, 2.4) as figure:
        axes = figure.subplots()
        style.line(axes, points, **style.bound("finzi_bound"))
        style.legend(figure)
    style.save(figure, target)

matplotlib's settings are as they were afterwards. Colours are Okabe and Ito's, told apart with any colour vision; no
two things in a figure differ by their colour alone. Letters are 7 points or more at the printed width. Files hold no
dates and no versions: equal input gives equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from genbound.files import write_atomic

COLUMN, PAGE = 3.25, 6.75
"""Widths in inches: one column of a paper, and both."""

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8A8A8A"

SETTINGS = {
    "font.family": "DejaVu Sans", "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 7,
    "xtick.labelsize": 7, "ytick.labelsize": 7, "figure.titlesize": 8, "mathtext.default": "regular",
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "axes.axisbelow": True,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4, "ytick.minor.width": 0.4,
    "xtick.major.size": 3, "ytick.major.size": 3, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5,
    "lines.linewidth": 1.1, "lines.markersize": 3.6, "hatch.linewidth": 0.5, "patch.linewidth": 0.5,
    "legend.frameon": False, "legend.handlelength": 2.6, "legend.columnspacing": 1.4,
    "figure.constrained_layout.h_pad": 0.03, "figure.constrained_layout.w_pad": 0.03,
    "savefig.dpi": 200, "pdf.fonttype": 42,
}  # fmt: skip

METADATA = {"pdf": {"CreationDate": None, "Creator": None, "Producer": None}, "png": {"Software": None}}

Look = dict[str, Any]


def _look(label: str, color: str, marker: str | None, linestyle: Any = "-", **more: Any) -> Look:
    return {"label": label, "color": color, "marker": marker, "linestyle": linestyle, **more}


LOSSES = {
    "loss_train": _look("training loss", BLACK, "o"),
    "loss_heldout": _look("held-out loss", GREY, "x", ":"),
}

BOUNDS = {
    "azuma_hoeffding": _look("azuma_hoeffding", PURPLE, "v"),
    "lotfi_subsampled": _look("lotfi_subsampled", SKY, "<", "-."),
    "finzi_bound": _look("finzi_bound", VERMILLION, "^"),
    "empirical_freedman": _look("empirical_freedman", GREEN, "s", markersize=5),
    "geometric_mean": _look("geometric_mean", BLUE, "D"),
    "floor": _look("floor", ORANGE, None, "--"),
    "progressive_validation": _look("progressive_validation", GREY, "+", "-."),
    "held_out": _look("held_out", GREY, "x", ":"),
}
"""Bounds, loosest first; the last two have no complexity term."""

LADDERS = {
    "sotu": _look("sotu, characters", BLUE, "o"),
    "python-bytes": _look("Python, bytes", VERMILLION, "s"),
    "python-bpe": _look("Python, BPE", GREEN, "^"),
    "python-bytes-gpu": _look("Python, bytes, larger", ORANGE, "P"),
    "python-bpe-gpu": _look("Python, BPE 8192, larger", PURPLE, "X"),
    "off-frontier": _look("Python, bytes, off the frontier", GREY, "d"),
    "python-bytes+off-frontier": _look("Python, bytes, all runs", GREY, "H"),
    "published": _look("SmolLM2-135M-Instruct, held-out text", GREY, "*"),
}

CODES = {
    "rtn": _look("rtn", GREY, "v"),
    "gptq": _look("gptq", VERMILLION, "^"),
    "kmeans": _look("kmeans", ORANGE, "D"),
    "ldlq": _look("ldlq", BLUE, "o"),
    "e8": _look("e8", GREEN, "s"),
}

ROWS = {
    "quantization_error": (VERMILLION, "////"),
    "smoothing_cost": (YELLOW, "...."),
    "complexity": (BLUE, ""),
    "loss_variation": (GREEN, "\\\\\\\\"),
    "sampling": (PURPLE, "xxxx"),
}
"""Rows of a decomposition above the training loss -> colour and hatch."""


def bound(name: str) -> Look:
    return BOUNDS.get(name) or LOSSES[name]


def ladder(name: str) -> Look:
    """The look of a ladder; one that is not planned for is grey and keeps its name."""
    return LADDERS.get(name) or _look(name, GREY, "*", "--")


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A figure to draw in, in inches, whatever settings the user has."""
    with matplotlib.style.context(SETTINGS, after_reset=True):
        made = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(made)
        yield made


def save(drawn: Figure, target: Path) -> None:
    """TARGET.pdf and TARGET.png."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(SETTINGS, after_reset=True):
        for kind, metadata in METADATA.items():
            buffer = io.BytesIO()
            drawn.savefig(buffer, format=kind, metadata=metadata)
            write_atomic(target.parent / f"{target.name}.{kind}", buffer.getvalue())


def line(axes: Axes, points: Iterable[tuple[float, float]], **look: Any) -> None:
    """A line through the mean at every x; where several seeds share an x, each is a dot of its own."""
    values: dict[float, list[float]] = {}
    for x, y in points:
        values.setdefault(x, []).append(y)
    if not values:
        return
    places = sorted(values)
    axes.plot(places, [sum(values[x]) / len(values[x]) for x in places], **look)
    seeds = [(x, y) for x in places for y in values[x] if len(values[x]) > 1]
    if seeds:
        axes.plot(*zip(*seeds, strict=True), linestyle="none", marker=".", markersize=2, alpha=0.6,
                  color=look["color"])  # fmt: skip


def fit(axes: Axes, stored: dict[str, Any], **look: Any) -> None:
    """A stored fit: its curve, dotted beyond the largest size it was fitted to, and the band of its interval."""
    largest = max(point[0] for point in stored["points"])
    inside = [row for row in stored["curve"] if row[0] <= largest * 1.001]
    for rows, dashes in ((inside, "-"), (stored["curve"][max(len(inside) - 1, 0) :], ":")):
        axes.plot([row[0] for row in rows], [row[1] for row in rows], color=look["color"], linestyle=dashes,
                  linewidth=0.9)  # fmt: skip
    sizes, _, lowers, uppers = zip(*stored["curve"], strict=True)
    axes.fill_between(sizes, lowers, uppers, color=look["color"], alpha=0.15, linewidth=0)


def stacks(axes: Axes, places: Sequence[float], rows: Sequence[dict[str, float]], width: float) -> list[float]:
    """Stacked rows of decompositions, negative ones below zero; a bar marks the sum. Returns the tops."""
    above, below = [0.0] * len(rows), [0.0] * len(rows)
    for name, (colour, hatch) in ROWS.items():
        values = [row.get(name, 0.0) for row in rows]
        if not any(values):
            continue
        bottoms = [a if v >= 0 else b for a, b, v in zip(above, below, values, strict=True)]
        axes.bar(places, values, width, bottoms, color=colour, hatch=hatch, edgecolor="white", linewidth=0.3,
                 label=name.replace("_", " "))  # fmt: skip
        above = [a + max(v, 0.0) for a, v in zip(above, values, strict=True)]
        below = [b + min(v, 0.0) for b, v in zip(below, values, strict=True)]
    if any(below):
        sums = [a + b for a, b in zip(above, below, strict=True)]
        left, right = ([place + side * width / 2 for place in places] for side in (-1, 1))
        axes.hlines(sums, left, right, color=BLACK, linewidth=1.4, label="their sum")
        axes.axhline(0, color=BLACK, linewidth=0.5)
    return above


def log(*axis: XAxis | YAxis) -> None:
    """A logarithmic axis with few, plain labels."""
    for each in axis:
        each.axes.set(**{f"{each.axis_name}scale": "log"})
        low, high = each.get_view_interval()
        if high < 100 * low:
            each.set_major_locator(LogLocator(subs=(1, 2, 5) if high > 4 * low else (1, 1.5, 2, 3, 4, 5, 6, 8)))
        plain(each)


def log_y(axes: Axes, values: Iterable[float]) -> None:
    """A logarithmic y axis; linear around zero if one of the values is not positive."""
    if min(values, default=1.0) > 0:
        log(axes.yaxis)
    else:
        axes.set_yscale("symlog", linthresh=0.01, linscale=0.5)
        axes.axhline(0, color=BLACK, linewidth=0.5)
        plain(axes.yaxis)


def plain(axis: XAxis | YAxis) -> None:
    """Labels as `short` writes them, at the major ticks only."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_formatter(NullFormatter())


def short(value: float) -> str:
    """300000 -> 300k, 1000000 -> 1M: no exponents, whose letters would be too small.

    >>> short(300000.0), short(1.2e6), short(0.25)
    ('300k', '1.2M', '0.25')
    """
    for unit, letter in ((1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


def panels(drawn: Figure, count: int, across: int = 3, **shared: Any) -> list[Axes]:
    """That many axes, row by row."""
    across = min(across, count)
    grid = list(drawn.subplots(-(-count // across), across, squeeze=False, **shared).flat)
    for unused in grid[count:]:
        unused.remove()
    return grid[:count]


def legend(drawn: Figure, columns: int = 4, title: str | None = None) -> None:
    """One legend for all panels, below them, each label once."""
    named = {label: handle for axes in drawn.axes
             for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}  # fmt: skip
    drawn.legend(named.values(), named.keys(), loc="outside lower center", ncols=min(columns, len(named)),
                 title=title, title_fontsize=7)  # fmt: skip
