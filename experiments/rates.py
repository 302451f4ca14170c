"""Bits per parameter against loss and against bound: every quantizer at every rate, and the rate the bound prefers.

    python experiments/rates.py                       shows results/rates.json as tables
    python experiments/rates.py --run 10k 30k         certifies the cells of these sizes that are missing
    python experiments/rates.py --run 100k --codes gptq,ldlq,e8
    python experiments/rates.py --smoke               two cells on 20,000 characters, in under a minute

A cell is a certificate of the shipped model (one epoch) at one rate: every token read up to 100k, 4,096 windows sampled
of the larger models' streams. Losses are then means over the sample, and bounds have its price in them. The rate is
what the coded file takes, tables and architecture included; the least bound over the cells of a code gives its
bound-optimal rate. Reading that minimum off the table costs ln(cells) nats, less than 1e-4 of n C, and is not paid in
the cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import description_cells as study
import store

from genbound.certificate.settings import QUANTIZERS, Settings
from genbound.lm.ladder import models

RESULTS = study.ROOT / "experiments" / "results" / "rates.json"
WORK = study.ROOT / ".cache" / "rates"
RATES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
WINDOWS = {"300k": 4096, "530k": 4096}
"""Windows that are sampled of a stream; of the others every token is read."""
FIELDS = (
    "stream", "ladder_parameters", "n_tokens", "windows", "code", "rate", "code_nats", "bits_per_ladder_parameter",
    "complexity_nats_per_token", "loss_train_plain", "loss_coded", "bound", "finzi_bound", "cpu_seconds",
    "versions",
)  # fmt: skip


def cell(name: str, code: str, rate: float, work: Path, tokens: int | None) -> dict[str, Any]:
    """Certify the shipped model at one rate."""
    made = study.Cell(code, name, rates=(rate,))
    windows = WINDOWS.get(name, 0)
    found = study.measured(name, made, work / f"{rate:g}", tokens, windows)
    assert found is not None
    return {key: value for key, value in {**found, "rate": rate, "windows": windows}.items() if key in FIELDS}


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a row from the others."""
    return row["stream"], row["code"], row["rate"], row["windows"]


def optimal(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of every size and code the row with the least bound, and the one with the least `finzi_bound`."""
    out = []
    for name in dict.fromkeys(r["stream"] for r in rows):
        for code in QUANTIZERS:
            own = [r for r in rows if (r["stream"], r["code"]) == (name, code)]
            if own:
                top, published = (min(own, key=lambda r, key=key: r[key]) for key in ("bound", "finzi_bound"))
                out.append({
                    "stream": name, "code": code, "cells": len(own), "rate": top["rate"],
                    "bits_per_parameter": top["bits_per_ladder_parameter"], "bound": top["bound"],
                    "bits_per_parameter_finzi": published["bits_per_ladder_parameter"],
                    "finzi_bound": published["finzi_bound"],
                })  # fmt: skip
    return out


def content(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The file: the rows, and the best of them."""
    order = {name: i for i, name in enumerate(models.ladder_names())}
    rows = sorted(rows, key=lambda r: (order[r["stream"]], r["code"], r["rate"]))
    return {
        "schema": "genbound/rates/1", "about": "nats per character; bits per parameter of the coded file",
        "delta": Settings().delta, "seed": Settings().seed,
        "optimal": optimal(rows), "rows": rows,
    }  # fmt: skip


def table(content: dict[str, Any]) -> str:
    lines = [f"{'size':<7}{'code':<8}{'bits':>7}{'C':>8}{'loss':>8}{'bound':>8}{'finzi':>8}"]
    best = {(o["stream"], o["code"], o["bound"]) for o in content["optimal"]}
    for r in content["rows"]:
        mark = " <- least bound" if (r["stream"], r["code"], r["bound"]) in best else ""
        lines.append(
            f"{r['stream']:<7}{r['code']:<8}{r['bits_per_ladder_parameter']:>7.3f}{r['complexity_nats_per_token']:>8.4f}"
            f"{r['loss_coded']:>8.3f}{r['bound']:>8.3f}{r['finzi_bound']:>8.3f}{mark}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="*", default=[], metavar="SIZE", choices=models.ladder_names())
    parser.add_argument("--codes", default=",".join(QUANTIZERS))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=WORK)
    options = parser.parse_args()
    if options.smoke and options.out == RESULTS:
        options.out = options.work / "smoke.json"
    plan = [(name, code, rate) for name in options.run for code in options.codes.split(",") for rate in RATES]
    plan = [("10k", code, 2.0) for code in ("rtn", "ldlq")] if options.smoke else plan
    for name, code, rate in plan:
        if (name, code, rate, WINDOWS.get(name, 0)) not in map(key, store.rows(options.out)):
            row = cell(name, code, rate, options.work, study.SMOKE_TOKENS if options.smoke else None)
            store.update(options.out, lambda old, row=row: content(store.replaced(old.get("rows", []), row, key)))
    if store.rows(options.out):
        print(table(store.read(options.out)))


if __name__ == "__main__":
    main()
