"""The ladder's figure, of `genbound demo` and of the README; needs matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from genbound.report import style

CURVES = (
    "loss_heldout", "loss_train", "azuma_hoeffding", "finzi_bound", "empirical_freedman", "geometric_mean", "floor",
)  # fmt: skip


def ladder_figure(models: Sequence[dict[str, Any]]) -> Figure:
    """What is proved against N, and what the gap to the training loss is made of.

    Args:
        models: rows of `genbound demo --json`, smallest model first.
    """
    sizes = [m["parameters"] for m in models]
    with style.figure(style.PAGE, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        for name in CURVES:
            values = [m[name] if name in m else m["bounds"][name] for m in models]
            style.line(left, zip(sizes, values, strict=True), **style.bound(name))
        guess = math.log(models[0]["vocab_size"])
        left.axhline(guess, color=style.BLACK, linewidth=0.7, linestyle=":", label="random guess, ln V")
        left.set(xlabel="parameters N", ylabel="nats per character", title="Loss and what can be proved")
        left.set_ylim(0, guess * 1.04)
        style.log(left.xaxis)
        tops = style.stacks(right, range(len(models)), [m["decomposition"] for m in models], 0.62)
        for place, (top, m) in enumerate(zip(tops, models, strict=True)):
            gap = m["bounds"]["geometric_mean"] - m["loss_train"]
            right.annotate(f"{gap:.3f}", (place, top), xytext=(0, 2), textcoords="offset points", ha="center",
                           fontsize=7)  # fmt: skip
        right.set_xticks(range(len(models)), [m["name"] for m in models])
        right.set(xlabel="parameters N", ylabel="nats per character", title="geometric_mean minus training loss")
        right.set_ylim(top=1.1 * max(tops))
        style.legend(figure)
    return figure
