"""The ladder's figure and the README's table, from the stored result of `genbound demo`.

    python paper_figures/ladder.py

reads experiments/results/demo.json (written by `genbound demo --json`), draws paper_figures/ladder.pdf and .png and
rewrites the table between the two markers of README.md. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import readme
import results
from matplotlib.figure import Figure

from genbound.report.figures import ladder_figure

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


def table(demo: dict[str, Any]) -> list[str]:
    """The README's table, in Markdown."""
    models = demo["models"]
    lines = [
        "| nats per character | " + " | ".join(m["name"] for m in models) + " |",
        "|---|" + "---:|" * len(models),
    ]
    return lines + [f"| {label} | " + " | ".join(cell(m) for m in models) + " |" for label, cell in ROWS]


def draw(demo: dict[str, Any]) -> Figure:
    """The figure that `genbound demo` draws."""
    return ladder_figure(demo["models"])


def main() -> None:
    results.main(draw, "ladder")
    readme.renew(BEGIN, table(results.read("demo")), END)


if __name__ == "__main__":
    main()
