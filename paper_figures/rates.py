"""Rate against loss and bound for every description: figure and table of what the experiments stored.

    python paper_figures/rates.py

draws paper_figures/rates.pdf and .png from experiments/results and renews the table of README.md. Nothing is computed.
"""

from __future__ import annotations

from typing import Any

import readme
import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbound.report import style

BEGIN, END = "<!-- table: paper_figures/rates.py -->", "<!-- end of rates -->"

TRAINED = {
    ("variational", False): ("Gaussian weights", style.PURPLE, "*", style.PURPLE),
    ("variational", True): ("the same, centred on other text", style.PURPLE, "*", "white"),
    ("lora", False): ("Enhanced LoRA", style.BLACK, "P", style.BLACK),
    ("kronecker", False): ("Kronecker", style.BLACK, "X", style.BLACK),
    ("monarch", False): ("Monarch", style.BLACK, "d", style.BLACK),
}
"""Code, and whether it is centred on a model of other text -> label, colour, marker, fill."""

MOST_BITS, MOST_NATS = 5.0, 4.0


def _panel(axes: Axes, rows: list[results.Row], trained: list[results.Row], key: str) -> None:
    """One stream: the loss, or the bound, of every description."""
    for code, look in style.CODES.items():
        shown = [r for r in rows if r["code"] == code and r["bits_per_ladder_parameter"] <= MOST_BITS]
        style.line(axes, ((r["bits_per_ladder_parameter"], r[key]) for r in shown if r[key] <= MOST_NATS), **look)
    for (code, centred), (label, colour, marker, fill) in TRAINED.items():
        points = [(r["bits_per_ladder_parameter"], r[key]) for r in trained
                  if r["code"] == code and r["centred"] == centred]  # fmt: skip
        if points:
            axes.plot(*zip(*points, strict=True), marker, color=colour, label=label, markersize=6,
                      markerfacecolor=fill)  # fmt: skip
    axes.set_xlim(0, MOST_BITS)


def draw(rates: results.Result, description_length: results.Result) -> Figure:
    """Two rows of panels, one column a size: coded loss, and certified bound."""
    sizes = list(dict.fromkeys(row["stream"] for row in rates["rows"]))
    with style.figure(style.PAGE, 4.2) as figure:
        axes = figure.subplots(2, len(sizes), squeeze=False, sharex=True, sharey="row")
        for column, size in enumerate(sizes):
            rows = [row for row in rates["rows"] if row["stream"] == size]
            trained = [row for row in description_length["rows"] if row["stream"] == size]
            for place, key in enumerate(("loss_coded", "bound")):
                _panel(axes[place][column], rows, trained, key)
            axes[0][column].set_title(f"{size}, n = {style.short(rows[0]['n_tokens'])}")
        axes[0][0].set_ylabel("loss of the described model\n(nats per character)")
        axes[1][0].set_ylabel("geometric_mean\n(nats per character)")
        axes[1][len(sizes) // 2].set_xlabel("bits per ladder parameter")
        style.legend(figure, 5)
    return figure


def table(rates: dict[str, Any], study: dict[str, Any], ladder: dict[str, Any]) -> list[str]:
    """The README's table: per stream the yardstick and the best certificates, nats per character."""
    best = study["best"]
    names = list(best)

    def row(label: str, values: list[str]) -> str:
        return f"| {label} | " + " | ".join(values) + " |"

    def of(name: str, code: str, **wanted: bool) -> float | None:
        found = [
            r["bound"] for r in study["rows"]
            if r["stream"] == name and r["code"] == code and all(bool(r[k]) == v for k, v in wanted.items())
        ]  # fmt: skip
        return min(found) if found else None

    def nats(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    optimal = {(o["stream"], o["code"]): o for o in rates["optimal"]}
    lines = [row("nats per character", names), "|---|" + "---:|" * len(names)]
    tried = [", ".join(map(str, best[n]["plain_epochs_tried"])) for n in names]
    lines.append(row("plain model: epochs tried", tried))
    lines.append(row("epochs of its best `finzi_bound`", [str(best[n]["plain_epochs"]) for n in names]))
    lines.append(row("its training loss l", [nats(best[n]["loss_train_plain"]) for n in names]))
    lines.append(row("its finzi_bound, GPTQ at its best rate", [nats(best[n]["finzi_bound_gptq"]) for n in names]))
    kinds: tuple[tuple[str, str, dict[str, bool]], ...] = (
        ("gptq", "geometric_mean: GPTQ", {}), ("ldlq", "LDLQ, rotated, rates allocated", {"tune": False}),
        ("ldlq", "LDLQ, rates searched, integers tuned", {"tune": True}), ("e8", "E8 lattice", {}),
        ("lora", "Enhanced LoRA", {}), ("kronecker", "Kronecker", {}), ("monarch", "Monarch", {}),
        ("variational", "**Gaussian weights trained for the bound**", {"centred": False}),
        ("variational", "**the same, centred on a model of other text**", {"centred": True}),
    )  # fmt: skip
    for code, label, wanted in kinds:
        lines.append(row(label, [nats(of(n, code, **wanted)) for n in names]))
    for key, words in (("best_without_other_text", ", no other text"), ("best", "")):
        lines.append(row(f"architecture of the best{words}", [study[key][n]["model"] for n in names]))
        lines.append(row(f"best of all{words}, the choice paid", [f"**{study[key][n]['bound']:.3f}**" for n in names]))
        lines.append(row(f"gap ratio of the best{words}", [f"**{study[key][n]['gap_ratio']:.2f}**" for n in names]))
    practical = {m["name"]: m["bounds"] for m in ladder["models"]}
    for key, words in (
        ("progressive_validation", "not a complexity bound: progressive validation of the one-epoch run"),
        ("held_out", "about other tokens: held-out bound of the one-epoch model"),
    ):
        lines.append(row(words, [nats(practical[n][key]) for n in names]))
    for code in ("gptq", "ldlq"):
        found = [optimal.get((n, code)) for n in names]
        shown = ["-" if o is None else f"{o['bits_per_parameter']:.2f} ({o['rate']:g})" for o in found]
        lines.append(row(f"bound-optimal bits per parameter (nominal), {code}", shown))
    return lines


def main() -> None:
    results.main(draw, "rates")
    readme.renew(BEGIN, table(*map(results.read, ("rates", "description_length", "demo"))), END)


if __name__ == "__main__":
    main()
