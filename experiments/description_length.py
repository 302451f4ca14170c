"""Which description gives the smallest certified bound? Every route, on the stream of every model of the ladder.

    python experiments/description_length.py                  shows results/description_length.json as tables
    python experiments/description_length.py --run 10k 30k    certifies the cells of these streams that are missing
    python experiments/description_length.py --run 10k --cells variational       only cells whose code says so
    python experiments/description_length.py --smoke          a few cells on 20,000 characters, under two minutes

A cell is one certificate (`genbound certify`): a model, a stream, a code. Cells of `gptq` take the plainly trained
model of the stream's own size at 1, 2, 4, 8 epochs (`experiments/plain_epochs.py --run` trains them); their
`finzi_bound`, least over rates and epochs, is the yardstick, with l the training loss of that same plain model:

    gap_ratio = (bound - l)/(finzi_bound - l),

`finzi_bound` and l without a sampling term: every token of every stream is read. A cell of `variational` may have the
architecture of a smaller model of the ladder, or of one between two of them (`BETWEEN`): does the bound prefer fewer
weights for the same tokens than the loss does? Its architecture is paid (the space of recipes, 29.8 nats). `prior:NAME`
starts from a model trained on other text, the World English Bible, and is centred on it: `best` has both the best of
all and the best without other text. Most of their windows have a lead, of 16 tokens or the few more with which they
tile the stream; rows say `lead`, the yardsticks have none. The minimum over the cells of a stream is not one
certificate; `best` adds ln(cells) to its n C, which makes it one. A killed run continues with the missing cells.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import store
from description_cells import DISCARDED, PLAIN, ROOT, SMOKE_TOKENS, WORK, Cell, cells, measured

from genbound.certificate.settings import Settings
from genbound.lm.checkpoints import PRIOR
from genbound.lm.corpora import sotu
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder import models

RESULTS = ROOT / "experiments" / "results" / "description_length.json"
SCHEMA = "genbound/description-length/1"


def yardsticks(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each stream the plain model with the least `finzi_bound` over GPTQ rates and epochs."""
    best: dict[str, dict[str, Any]] = {}
    for cell in found:
        own = cell["code"] == "gptq" and cell["model"].partition("-")[0] == cell["stream"]
        if own and (cell["stream"] not in best or cell["finzi_bound"] < best[cell["stream"]]["finzi_bound"]):
            best[cell["stream"]] = cell
    return best


def completed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every cell beside its stream's yardstick, and its gap ratio."""
    standards = yardsticks(found)
    rows = []
    for cell in found:
        yardstick = standards.get(cell["stream"])
        if yardstick is None:
            continue
        loss, finzi = yardstick["loss_train_plain"], yardstick["finzi_bound"]
        rows.append({
            **cell, "loss_train_plain": loss, "plain_epochs": yardstick["epochs"], "finzi_bound_gptq": finzi,
            "gap_ratio": (cell["bound"] - loss) / (finzi - loss),
        })  # fmt: skip
    order = {name: i for i, name in enumerate(models.ladder_names())}
    return sorted(rows, key=lambda r: (order[r["stream"]], r["code"] == "gptq", r["bound"]))


def best(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each stream the cell with the smallest bound, with ln(cells) nats paid for picking it.

    The bound is concave in C with slope e^-C GM(U - X) = mean U - b, so b + (ln cells)/n (mean U - b) is above what
    evaluating it again with the larger n C would give; of a uniformly smoothed row, mean U <= ln V + D.
    """
    result: dict[str, dict[str, Any]] = {}
    for stream in dict.fromkeys(r["stream"] for r in rows):
        every = [r for r in rows if r["stream"] == stream]
        winner = min(every, key=lambda r: r["bound"])
        tuned = winner["tuned"]
        ceiling = tuned["mean ceiling"] if "mean ceiling" in tuned else math.log(V) + tuned["shift"]
        tried = len(every) + DISCARDED.get(stream, 0)
        paid = math.log(tried) / winner["n_tokens"] * (ceiling - winner["bound"]) + 1e-9  # and float64
        bound = winner["bound"] + paid
        loss, finzi = winner["loss_train_plain"], winner["finzi_bound_gptq"]
        same = min((r for r in every if r["model_parameters"] == r["ladder_parameters"]), key=lambda r: r["bound"])
        result[stream] = {
            "code": winner["code"], "model": winner["model"], "cells": tried, "bound": bound,
            "gap_ratio": (bound - loss) / (finzi - loss), "bound_same_architecture": same["bound"] + paid,
            "gap_ratio_same_architecture": (same["bound"] + paid - loss) / (finzi - loss),
            "finzi_bound_gptq": finzi, "plain_epochs": winner["plain_epochs"], "loss_train_plain": loss,
            "plain_epochs_tried": sorted(r["epochs"] for r in every if r["code"] == "gptq"),
        }  # fmt: skip
    return result


def tables(content: dict[str, Any]) -> str:
    """The study at 80 columns."""
    lines = []
    for stream, top in content["best"].items():
        rows = [r for r in content["rows"] if r["stream"] == stream]
        lines.append(
            f"{stream}: n = {rows[0]['n_tokens']:,}; plain model, {top['plain_epochs']} epoch(s): l ="
            f" {top['loss_train_plain']:.3f}, finzi_bound {top['finzi_bound_gptq']:.3f}"
        )
        lines.append(f"  {'code':<13}{'model':<9}{'epochs':>6}{'bits':>7}{'C':>8}{'loss':>8}{'bound':>8}{'ratio':>7}")
        lines += [
            f"  {r['code']:<13}{r['model']:<9}{r['epochs']:>6}{r['bits_per_ladder_parameter']:>7.2f}"
            f"{r['complexity_nats_per_token']:>8.4f}{r['loss_coded']:>8.3f}{r['bound']:>8.3f}{r['gap_ratio']:>7.2f}"
            for r in rows
        ]
        own = content["best_without_other_text"][stream]
        for words, of in (("", top), (" without other text", own)):
            lines.append(
                f"  best of {of['cells']}{words}, the choice paid: {of['bound']:.4f}, ratio {of['gap_ratio']:.3f}"
            )
        lines.append("")
    return "\n".join(lines)


def content(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The file: the cells as they were measured, and what they come to beside their yardsticks."""
    rows = completed(found)
    return {
        "schema": SCHEMA, "about": "nats per character; bits per parameter of the stream's own ladder model",
        "delta": Settings().delta, "seed": Settings().seed,
        "data_sha256": sotu.stream_sha256(np.asarray(sotu.training_stream())),
        "best": best(rows), "best_without_other_text": best([r for r in rows if not r["centred"]]), "rows": rows,
        "cells": found,
    }  # fmt: skip


def key(cell: dict[str, Any]) -> tuple[Any, ...]:
    """`Cell.key` of a stored cell."""
    return tuple(cell[name] for name in ("stream", "code", "model", "epochs", "lead", "tune"))


def stored(old: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that were measured so far."""
    return [
        {"lead": 0, "tune": 0, "centred": cell["model"].startswith(PRIOR), "plan": None, **cell}
        for cell in old.get("cells", [])
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="*", default=[], metavar="STREAM", choices=models.ladder_names())
    parser.add_argument("--cells", default="", help="only cells whose label contains this")
    parser.add_argument("--smoke", action="store_true", help="a few cells on 20,000 characters")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=WORK)
    options = parser.parse_args()
    if options.smoke and options.out == RESULTS:
        options.out = options.work / "smoke.json"
    plan = [(s, c) for s in options.run for c in cells(s)]
    if options.smoke:
        plan = [("10k", Cell("gptq", "10k", rates=(3.0,))), ("10k", Cell("variational", "10k", 2))]
    for stream, cell in plan:
        if options.cells in cell.label and cell.key(stream) not in map(key, stored(store.read(options.out))):
            result = measured(stream, cell, options.work, SMOKE_TOKENS if options.smoke else None)
            if result is None:
                print(f"{stream} {cell.label}: no model in {PLAIN.relative_to(ROOT)} (experiments/plain_epochs.py)")
                continue
            store.update(options.out, lambda old, result=result: content(store.replaced(stored(old), result, key)))
            print(f"{stream} {cell.label}: bound {result['bound']:.4f}, {result['cpu_seconds']} s", flush=True)
    if options.out.is_file():
        print(tables(content(stored(store.read(options.out)))))


if __name__ == "__main__":
    main()
