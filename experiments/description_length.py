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
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genbound.certificate.certificate import Certificate
from genbound.certificate.environment import environment
from genbound.certificate.settings import Settings
from genbound.files import pretty_json, write_atomic
from genbound.lm.certify import certify
from genbound.lm.checkpoints import PRIOR
from genbound.lm.corpora import sotu
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder import models
from genbound.lm.ladder.recipes import RECIPES, Recipe
from genbound.lm.train import plain
from genbound.lm.windows import Windows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "description_length.json"
WORK = ROOT / ".cache" / "description_length"
PLAIN = ROOT / ".cache" / "plain"
SCHEMA = "genbound/description-length/1"
GPTQ_RATES = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
LDLQ_RATES = (1.5, 2.0, 2.5, 3.0)
SMOKE_TOKENS = 20_480
CONTEXT = 128
BETWEEN = {"17k": (32, 2, 2, 40), "55k": (48, 2, 3, 160)}
"""Architectures between those of the ladder: hidden size, layers, heads, intermediate size."""

GAUSSIAN = {
    "10k": (("10k", 128), ("prior:100k", 12)),
    "30k": (("10k", 48), ("17k", 16), ("17k", 48), ("prior:100k", 10)),
    "100k": (("30k", 12), ("55k", 6), ("prior:300k", 2)),
    "300k": (("100k", 3), ("prior:300k", 1), ("prior:300k", 2)),
    "530k": (("100k", 1), ("prior:300k", 1)),
}
"""Gaussian weights of each stream: architecture and epochs; windows with a lead."""

WITHOUT_LEAD = {"10k": ("10k", 32), "30k": ("10k", 12), "100k": ("30k", 4), "300k": ("100k", 1)}
"""The same on windows without a lead."""

DISCARDED = {"10k": 3, "30k": 1, "100k": 1}
"""Certificates that were looked at and cannot be made again (earlier constants of `gaussian.CENTRED`): counted too."""

TUNED = {"10k": 32, "30k": 16}
"""Streams on which quantized integers are tuned, and the passes that takes; their rates are searched."""

SEARCHED = 12
"""Files coded in the search."""


@dataclass(frozen=True)
class Cell:
    """One certificate: the code, the model it starts from, and how long it trains.

    Attributes:
        code: as `--code`. model: the plain model, NAME or NAME-EPOCHS. epochs: of a description that is trained.
        rates: of a quantizer. tune: passes that move its integers.
        lead: tokens of a window that are read and not predicted.
    """

    code: str
    model: str
    epochs: int = 1
    rates: tuple[float, ...] = field(default=())
    lead: int = 0
    tune: int = 0

    @property
    def label(self) -> str:
        trained = (f"-tune{self.tune}" if self.tune else "") if self.rates else f"-{self.epochs}"
        model = self.model.replace(":", "-")
        return f"{self.code}-{model}{trained}" + (f"-lead{self.lead}" if self.lead else "")

    @property
    def centred(self) -> bool:
        """Whether it starts from a model of other text."""
        return self.model.startswith(PRIOR)

    @property
    def passes(self) -> int:
        """Epochs of what is described: of the description, or of the plain model that is quantized."""
        return int(self.model.partition("-")[2] or 1) if self.rates else self.epochs

    def key(self, stream: str) -> tuple[Any, ...]:
        """What tells a cell from the others of the study."""
        return stream, self.code, self.model, self.passes, self.lead, self.tune


def lead_of(stream: str) -> int:
    """The least lead of 16 or more whose windows tile the stream: the bound is then about every token of it.

    >>> [lead_of(stream) for stream in ("10k", "30k", "530k")]
    [26, 48, 16]
    """
    n = RECIPES[stream].tokens
    return next(CONTEXT - length for length in range(CONTEXT - 16, 0, -1) if n % length == 0)


def cells(stream: str) -> list[Cell]:
    """What is certified on a stream, in this order: the yardstick first."""
    names = models.ladder_names()
    at = names.index(stream)
    own = [stream, *(f"{stream}-{e}" for e in (2, 4, 8))]
    found = [Cell("gptq", model, rates=GPTQ_RATES) for model in own]
    found += [Cell("ldlq", model, rates=LDLQ_RATES) for model in own[:3]]
    found += [Cell("ldlq", model, rates=(1.0, 4.0), tune=TUNED[stream]) for model in own[:2] if stream in TUNED]
    found += [Cell("e8", stream, rates=LDLQ_RATES), Cell("kmeans", stream, rates=(2.0, 2.5, 3.0))] if at < 3 else []
    found += [Cell("variational", model, epochs, lead=lead_of(stream)) for model, epochs in GAUSSIAN[stream]]
    found += [Cell("variational", *WITHOUT_LEAD[stream])] if stream in WITHOUT_LEAD else []
    found += [Cell(code, stream, 8) for code in ("lora", "sublora", "kronecker", "monarch")] if at < 2 else []
    return found


def model_of(stream: str, cell: Cell) -> str | Path | None:
    """The model to certify: shipped, or trained by plain_epochs.py (None where it was not), or one in between."""
    name, _, epochs = cell.model.partition("-")
    if cell.centred:
        return cell.model
    if name in BETWEEN:
        return between(stream, name)
    if not epochs:
        return f"ladder:{name}"
    folder = PLAIN / f"{name}-{epochs}"
    return folder if (folder / "model.safetensors").is_file() else None


def between(stream: str, name: str) -> Path:
    """A model between two of the ladder, plainly trained in one pass over the stream if it was not before."""
    folder = PLAIN / f"{name}-on-{stream}"
    if not (folder / "model.safetensors").is_file():
        hidden_size, layers, heads, intermediate_size = BETWEEN[name]
        recipe = Recipe(
            name=name, hidden_size=hidden_size, layers=layers, heads=heads, intermediate_size=intermediate_size,
            muon_learning_rate=0.01, learning_rate=0.02 if hidden_size < 48 else 0.01, weight_decay=0.01,
        )  # fmt: skip
        windows = Windows(sotu.training_stream()[: RECIPES[stream].tokens + 1], CONTEXT)
        plain.train(recipe, windows).save(folder)
    return folder


def measured(stream: str, cell: Cell, work: Path, tokens: int | None = None) -> dict[str, Any] | None:
    """Certify a cell, every token read; None where its model is not there."""
    model = model_of(stream, cell)
    if model is None:
        return None
    began = time.process_time()
    settings = Settings(
        code=(cell.code,), rates=cell.rates or (2.0,), epochs=cell.epochs, windows=0, lead=cell.lead,
        centred=cell.centred, tune=cell.tune, search=SEARCHED if cell.tune else 0, max_tokens=tokens,
    )  # fmt: skip
    folder = work / stream / cell.label
    certificate = certify(model, f"ladder:{stream}", folder, settings=settings)
    return {**row(stream, cell, certificate), "cpu_seconds": round(time.process_time() - began, 1)}


def row(stream: str, cell: Cell, certificate: Certificate) -> dict[str, Any]:
    """What the study keeps of a certificate, nats per character."""
    content = certificate.content
    headline = content["bounds"]["geometric_mean"]
    coded = certificate.codes[headline["code"]]
    finzi = content["bounds"]["finzi_bound"]
    return {
        "stream": stream,
        "ladder_parameters": models.record(stream)["parameters"],
        "n_tokens": content["reading"]["n_tokens"],
        "code": cell.code,
        "model": cell.model,
        "model_parameters": content["model"]["parameters"],
        "epochs": cell.passes,
        "lead": cell.lead,
        "tune": cell.tune,
        "centred": cell.centred,
        "plan": ("CENTRED" if cell.centred else "PLAN") if cell.code == "variational" else None,
        "label": coded.label,
        "code_nats": coded.nats,
        "bits_per_ladder_parameter": coded.nats / math.log(2) / models.record(stream)["parameters"],
        "complexity_nats_per_token": headline["complexity"],
        "loss_train_plain": content["losses"]["original"],
        "loss_coded": content["losses"]["coded"],
        "bound": headline["value"],
        "floor": content["bounds"]["floor"]["value"],
        "finzi_bound": None if finzi is None else finzi["value"],
        "finzi_code": None if finzi is None else finzi["code"],
        "tuned": dict(headline["tuned"]),
        "decomposition": dict(content["decomposition"]),
        "sha256": coded.sha256,
    }


# ------------------------------------------------------------------------------------------- the study as a whole


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


def store(found: list[dict[str, Any]], path: Path) -> dict[str, Any]:
    rows = completed(found)
    content = {
        "schema": SCHEMA, "about": "nats per character; bits per parameter of the stream's own ladder model",
        "delta": Settings().delta, "seed": Settings().seed, "environment": environment(device="cpu", dtype="float32"),
        "data_sha256": sotu.stream_sha256(np.asarray(sotu.training_stream())),
        "best": best(rows), "best_without_other_text": best([r for r in rows if not r["centred"]]), "rows": rows,
        "cells": found,
    }  # fmt: skip
    write_atomic(path, pretty_json(content))
    return content


def stored(path: Path) -> list[dict[str, Any]]:
    """The cells that were measured so far."""
    found = json.loads(path.read_text())["cells"] if path.is_file() else []
    return [{"lead": 0, "tune": 0, "centred": cell["model"].startswith(PRIOR), "plan": None, **cell} for cell in found]


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
    options.out.parent.mkdir(parents=True, exist_ok=True)
    found = stored(options.out)
    done = {(c["stream"], c["code"], c["model"], c["epochs"], c["lead"], c["tune"]) for c in found}
    plan = [(s, c) for s in options.run for c in cells(s)]
    if options.smoke:
        plan = [("10k", Cell("gptq", "10k", rates=(3.0,))), ("10k", Cell("variational", "10k", 2))]
    for stream, cell in plan:
        if options.cells in cell.label and cell.key(stream) not in done:
            result = measured(stream, cell, options.work, SMOKE_TOKENS if options.smoke else None)
            if result is None:
                print(f"{stream} {cell.label}: no model in {PLAIN.relative_to(ROOT)} (experiments/plain_epochs.py)")
                continue
            found = [*stored(options.out), result]  # another process may have added cells
            store(found, options.out)
            print(f"{stream} {cell.label}: bound {result['bound']:.4f}, {result['cpu_seconds']} s", flush=True)
    print(tables(store(found, options.out) if found else {"best": {}, "rows": []}))


if __name__ == "__main__":
    main()
