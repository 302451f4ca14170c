"""The demo's figure: bound and loss against model size, and the decomposition of the bound."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genbound.errors import MissingExtraError
from genbound.files import write_atomic
from genbound.report.tables import ROWS

LINES = (
    ("loss_heldout", "held-out loss", "#8a8a8a", ":", "x"),
    ("loss_train", "training loss", "#333333", "-", "o"),
    ("floor", "floor", "#b9a44c", "--", None),
    ("geometric_mean", "geometric_mean", "#1f6fb4", "-", "o"),
    ("empirical_freedman", "empirical_freedman", "#4fa3a5", "-", "s"),
    ("finzi_bound", "finzi_bound", "#d1603d", "-", "^"),
    ("azuma_hoeffding", "azuma_hoeffding", "#9c6fae", "-", "v"),
)
COLOURS = {
    "empirical_risk": "#c9c9c9",
    "quantization_error": "#d1603d",
    "smoothing_cost": "#e6b35a",
    "complexity": "#1f6fb4",
    "loss_variation": "#4fa3a5",
    "sampling": "#9c6fae",
}


def ladder_figure(models: Sequence[dict[str, Any]], path: Path) -> None:
    """Two panels: what is proved against N, and what the gap to the training loss is made of.

    Args:
        models: rows of `genbound demo --json`, smallest model first.
        path: where the PNG goes.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the figure needs matplotlib: pip install 'genbound[lm]'") from error

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    sizes = [m["parameters"] for m in models]
    for key, label, colour, style, marker in LINES:
        values = [m[key] if key in m else m["bounds"][key] for m in models]
        left.plot(sizes, values, style, marker=marker, color=colour, label=label, linewidth=1.6, markersize=4.5)
    guess = math.log(models[0]["vocab_size"])
    left.axhline(guess, color="#333333", linewidth=0.8, linestyle=(0, (1, 3)))
    left.annotate(
        "random guess, ln V", (sizes[0], guess), xytext=(0, -4), textcoords="offset points", va="top", fontsize=8
    )
    left.set(xscale="log", xlabel="parameters N", ylabel="nats per character", title="Loss and what can be proved")
    left.set_ylim(0.9, guess * 1.04)
    left.legend(fontsize=8, frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1.0, 0.94))

    places = range(len(models))
    above, below = [0.0] * len(models), [0.0] * len(models)
    for row in list(ROWS)[1:]:
        values = [m["decomposition"][row] for m in models]
        if not any(values):
            continue
        bottoms = [a if v >= 0 else b for a, b, v in zip(above, below, values, strict=True)]
        label = ROWS[row]
        right.bar(places, values, bottom=bottoms, color=COLOURS[row], label=label, width=0.62)
        above = [a + max(v, 0.0) for a, v in zip(above, values, strict=True)]
        below = [b + min(v, 0.0) for b, v in zip(below, values, strict=True)]
    for place, m in zip(places, models, strict=True):
        gap = m["bounds"]["geometric_mean"] - m["loss_train"]
        right.annotate(
            f"{gap:.3f}", (place, above[place]), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    right.set_xticks(list(places), [m["name"] for m in models])
    right.set(xlabel="model", ylabel="nats per character", title="geometric_mean minus training loss, taken apart")
    right.set_ylim(top=max(above) * 1.32)
    right.legend(fontsize=8, frameon=False, ncols=2, loc="upper left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, buffer.getvalue())
