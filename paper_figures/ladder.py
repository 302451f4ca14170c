"""The ladder's figure and the README's table, from the stored result of `genbound demo`.

    python paper_figures/ladder.py

reads experiments/results/demo.json (written by `genbound demo --json`), draws paper_figures/ladder.pdf and .png and
rewrites the table between the two markers of README.md. Nothing is computed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "experiments" / "results" / "demo.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- table: paper_figures/ladder.py -->", "<!-- end of table -->"

Row = tuple[str, Callable[[dict[str, Any]], str]]


def _nats(*path: str) -> Callable[[dict[str, Any]], str]:
    def cell(model: dict[str, Any]) -> str:
        value: Any = model
        for key in path:
            value = value[key]
        return f"{value:.3f}"

    return cell


ROWS: tuple[Row, ...] = (
    ("parameters", lambda m: f"{m['parameters']:,}"),
    ("training characters n", lambda m: f"{m['n_tokens']:,}"),
    ("bits per parameter", lambda m: f"{m['code_bits'] / m['parameters']:.2f}"),
    ("training loss", _nats("loss_train")),
    ("held-out loss (no theorem)", _nats("loss_heldout")),
    ("azuma_hoeffding", _nats("bounds", "azuma_hoeffding")),
    ("finzi_bound", _nats("bounds", "finzi_bound")),
    ("empirical_freedman", _nats("bounds", "empirical_freedman")),
    ("**geometric_mean**", lambda m: f"**{m['bounds']['geometric_mean']:.3f}**"),
    ("floor", _nats("bounds", "floor")),
    ("progressive_validation", _nats("bounds", "progressive_validation")),
    ("held_out", _nats("bounds", "held_out")),
)

CURVES = (
    "loss_heldout", "loss_train", "azuma_hoeffding", "finzi_bound", "empirical_freedman", "geometric_mean", "floor",
)  # fmt: skip


def table(models: list[dict[str, Any]]) -> str:
    """The README's table in Markdown."""
    lines = [
        "| nats per character | " + " | ".join(m["name"] for m in models) + " |",
        "|---|" + "---:|" * len(models),
    ]
    lines += [f"| {label} | " + " | ".join(cell(m) for m in models) + " |" for label, cell in ROWS]
    return "\n".join(lines)


def with_table(text: str, models: list[dict[str, Any]]) -> str:
    """README text with a fresh table between its markers."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table(models)}\n{END}{rest.split(END)[1]}"


def draw(demo: dict[str, Any]) -> Figure:
    """What is proved against N, and what the gap to the training loss is made of."""
    import style  # here: who only wants the table needs neither this folder on the path nor matplotlib

    models = demo["models"]
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


def main() -> None:
    import results

    results.main(draw, "ladder")
    models = json.loads(RESULT.read_text(encoding="utf-8"))["models"]
    README.write_text(with_table(README.read_text(encoding="utf-8"), models), encoding="utf-8")


if __name__ == "__main__":
    main()
