"""Rate against loss and bound for every description: figure and table of what the experiments stored.

    python paper_figures/rates.py

draws paper_figures/rates.pdf and .png from experiments/results and renews the table of README.md. Nothing is computed.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import readme
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from genbound.files import write_atomic

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results"
TARGET = ROOT / "paper_figures" / "rates"
BEGIN, END = "<!-- table: paper_figures/rates.py -->", "<!-- end of rates -->"

CODES = {
    "rtn": ("#8a8a8a", "v"), "gptq": ("#d1603d", "^"), "kmeans": ("#b9a44c", "D"), "ldlq": ("#1f6fb4", "o"),
    "e8": ("#4fa3a5", "s"),
}  # fmt: skip
"""Quantizer -> colour and marker; told apart by the marker too."""

TRAINED = {
    ("variational", False): ("Gaussian weights", "#9c6fae", "*", "#9c6fae"),
    ("variational", True): ("the same, centred on other text", "#9c6fae", "*", "white"),
    ("lora", False): ("Enhanced LoRA", "#333333", "P", "#333333"),
    ("kronecker", False): ("Kronecker", "#333333", "X", "#333333"),
    ("monarch", False): ("Monarch", "#333333", "d", "#333333"),
}
"""Code, and whether it is centred on a model of other text -> label, colour, marker, fill."""

MOST_BITS, MOST_NATS = 5.0, 4.0


def draw(rates: dict[str, Any], study: dict[str, Any]) -> Figure:
    """Two rows of panels, one column a size: coded loss, and certified bound."""
    sizes = list(dict.fromkeys(row["stream"] for row in rates["rows"]))
    figure = Figure(figsize=(3.1 * len(sizes), 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(sizes), squeeze=False, sharex=True)
    for column, size in enumerate(sizes):
        rows = [row for row in rates["rows"] if row["stream"] == size]
        for place, key in enumerate(("loss_coded", "bound")):
            panel = axes[place][column]
            for code, (colour, marker) in CODES.items():
                points = sorted(
                    (r["bits_per_ladder_parameter"], r[key]) for r in rows
                    if r["code"] == code and r["bits_per_ladder_parameter"] <= MOST_BITS and r[key] <= MOST_NATS
                )  # fmt: skip
                if points:
                    panel.plot(*zip(*points, strict=True), marker=marker, color=colour, label=code, linewidth=1.3,
                               markersize=4)  # fmt: skip
            for (code, centred), (label, colour, marker, fill) in TRAINED.items():
                points = [
                    (r["bits_per_ladder_parameter"], r[key]) for r in study["rows"]
                    if r["stream"] == size and r["code"] == code and r["centred"] == centred
                ]  # fmt: skip
                if points:
                    panel.plot(*zip(*points, strict=True), marker, color=colour, label=label, markersize=8,
                               markerfacecolor=fill)  # fmt: skip
            panel.spines[["top", "right"]].set_visible(False)
            panel.set_xlim(0, MOST_BITS)
        axes[0][column].set_title(f"{size}, n = {rows[0]['n_tokens']:,}", fontsize=9)
        axes[1][column].set_xlabel("bits per ladder parameter")
    axes[0][0].set_ylabel("loss of the described model\n(nats per character)")
    axes[1][0].set_ylabel("geometric_mean\n(nats per character)")
    named = {
        label: handle
        for panel in axes.flat for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }  # fmt: skip
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def save(figure: Figure, target: Path) -> None:
    """PDF and PNG, the same bytes for the same content."""
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
        write_atomic(target.with_suffix(f".{kind}"), buffer.getvalue())


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
        bits = [optimal[n, code]["bits_per_parameter"] if (n, code) in optimal else None for n in names]
        lines.append(row(f"bound-optimal bits per parameter, {code}", ["-" if b is None else f"{b:.2f}" for b in bits]))
    return lines


def main() -> None:
    names = ("rates", "description_length", "demo")
    rates, study, ladder = (json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in names)
    save(draw(rates, study), TARGET)
    readme.renew(BEGIN, table(rates, study, ladder), END)


if __name__ == "__main__":
    main()
