"""How much of the stream should make the prior? The figure of experiments/prefix_curve.py.

    python paper_figures/prefix_curve.py

reads experiments/results/prefix_curve.json and draws paper_figures/prefix_curve.pdf and .png. Nothing is computed here
but the smaller of two stored bounds.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from genbound.files import write_atomic

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "experiments" / "results" / "prefix_curve.json"
TARGET = ROOT / "paper_figures" / "prefix_curve"

PASSES = {1: ("#4fa3a5", "s"), 4: ("#1f6fb4", "o"), 16: ("#d1603d", "^")}
"""Passes over the prefix -> colour and marker; told apart by the marker too."""

PROGRESSIVE = {"raw": ("#333333", "--"), "averaged": ("#8a8a8a", ":")}


def panel(axes: Any, name: str, result: dict[str, Any]) -> None:
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
            axes.plot(shares, values, "-", marker=marker, color=colour, label=label, linewidth=1.5, markersize=4.5)
    for weights, (colour, style) in PROGRESSIVE.items():
        points = sorted(
            (row["share"], row["bound"])
            for row in result["yardsticks"]
            if row["name"] == name and row["kind"] == "progressive_validation" and row["weights"] == weights
            and row["share"] > 0
        )  # fmt: skip
        label = f"progressive validation, {weights}"
        axes.plot(*zip(*points, strict=True), style, color=colour, label=label, linewidth=1.4)
    n = rows[0]["n_tokens"]
    axes.set(xlabel=r"$n_0/n$", title=f"{name} parameters, n = {n:,}", xlim=(0.05, 0.95))
    axes.set_xticks([0.1, 0.25, 0.5, 0.75, 0.9])
    axes.title.set_fontsize(9)
    axes.spines[["top", "right"]].set_visible(False)


def draw(result: dict[str, Any]) -> Figure:
    """A panel per size that has rows, legend below."""
    names = list(dict.fromkeys(row["name"] for row in result["rows"]))
    figure = Figure(figsize=(0.4 + 2.6 * len(names), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        panel(axes, name, result)
    panels[0].set_ylabel("bound about tokens after $n_0$\n(nats per character)")
    handles = {label: h for axes in panels for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), fontsize=8, frameon=False, ncols=len(names), loc="outside lower center"
    )
    return figure


def main() -> None:
    figure = draw(json.loads(RESULT.read_text(encoding="utf-8")))
    for suffix, metadata in (("pdf", {"CreationDate": None, "Producer": None}), ("png", {"Software": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=200, metadata=metadata)
        write_atomic(TARGET.with_suffix(f".{suffix}"), buffer.getvalue())


if __name__ == "__main__":
    main()
