"""What more passes over the same stream do to plain training: loss on the stream and on held-out documents.

    python experiments/plain_epochs.py                 shows results/plain_epochs.json as a table
    python experiments/plain_epochs.py --run 30k 8     trains the models that are not in it yet: a name, passes...
    python experiments/plain_epochs.py --all           every name and 1, 2, 4, 8 passes (hours at 530k)
    python experiments/plain_epochs.py --smoke         10k on 64 windows, in seconds, written to .cache

The models stay in .cache/plain/NAME-EPOCHS (`from_pretrained` reads them). One pass is the shipped model: it is
trained again at 10k and 30k to see that its bytes come out, and copied at the other sizes. A killed run continues.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import store

from genbound.files import file_sha256
from genbound.lm.corpora import sotu
from genbound.lm.ladder import models
from genbound.lm.ladder.network import save_model
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.ladder.train import mean_loss, versions
from genbound.lm.train import plain
from genbound.lm.windows import Windows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "plain_epochs.json"
CACHE = ROOT / ".cache" / "plain"
EPOCHS = (1, 2, 4, 8)
RETRAINED = ("10k", "30k")
"""Sizes whose one-epoch model is trained again rather than copied."""
SMOKE = 64 * 128
"""Tokens of a stream for trying things out."""


def cell(name: str, epochs: int, cache: Path = CACHE, tokens: int | None = None) -> dict[str, Any]:
    """Train one model (or take the shipped one) and measure it; on so many tokens where a number is given."""
    recipe, folder = RECIPES[name], cache / f"{name}-{epochs}"
    windows = Windows(sotu.training_stream()[: (tokens or recipe.tokens) + 1], recipe.context)
    began = time.process_time()
    once = epochs == 1 and tokens is None
    shipped = once and name not in RETRAINED
    if shipped:
        model, record = models.load(name)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(model, folder)
    else:
        work = cache / "work" / f"{name}-{epochs}"
        trained = plain.train(recipe, windows, epochs=epochs, seed=recipe.seed, work=work)
        model, record = trained.model, trained.record
        trained.save(folder)
    file = folder / "model.safetensors"
    same = once and file_sha256(file) == file_sha256(models.path(name) / "model.safetensors")
    with plain.one_thread():
        heldout = mean_loss(model, sotu.heldout_stream()[: None if tokens is None else tokens + 1], recipe.context)
    return {
        "name": name, "parameters": recipe.parameters, "n_tokens": tokens or recipe.tokens, "epochs": epochs,
        "seed": recipe.seed, "shipped": shipped, "bytes_of_the_shipped_model": same if once else None,
        "loss_train": record["loss_train"], "loss_heldout": heldout, "sha256": file_sha256(file),
        "cpu_seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def fill(wanted: list[tuple[str, int]], path: Path, cache: Path, tokens: int | None) -> None:
    """Train what is missing, one row at a time."""
    for name, epochs in wanted:
        if (name, epochs) not in map(key, store.rows(path)):
            about = "plain training, nats per character; held-out: documents outside the stream"
            row = {**cell(name, epochs, cache, tokens), "versions": versions()}
            store.put(path, row, key, lambda row: (row["parameters"], row["epochs"]), about=about)


def key(row: dict[str, Any]) -> tuple[str, int]:
    """What tells a row from the others."""
    return row["name"], row["epochs"]


def show(rows: list[dict[str, Any]]) -> None:
    """The table."""
    print(f"{'name':>5} {'epochs':>6} {'loss_train':>10} {'loss_heldout':>12} {'seconds':>8}")
    for row in rows:
        print(
            f"{row['name']:>5} {row['epochs']:6d} {row['loss_train']:10.4f} {row['loss_heldout']:12.4f}"
            f" {row['cpu_seconds']:8.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--run", nargs="+", metavar="X", help="a name of the ladder, then numbers of passes")
    what.add_argument("--all", action="store_true", help="every name, 1, 2, 4 and 8 passes")
    what.add_argument("--smoke", action="store_true", help="10k, two passes over 64 windows")
    parser.add_argument("--work", type=Path, default=CACHE, help="folder of the models")
    options = parser.parse_args()
    path = options.work / "smoke.json" if options.smoke else RESULTS
    cache = options.work / "smoke" if options.smoke else options.work
    wanted = [("10k", 2)] if options.smoke else []
    if options.run:
        name, *epochs = options.run
        wanted += [(name, int(count)) for count in epochs or EPOCHS]
    elif options.all:
        wanted += [(name, epochs) for name in RECIPES for epochs in EPOCHS]
    fill(wanted, path, cache, SMOKE if options.smoke else None)
    show(store.rows(path))


if __name__ == "__main__":
    main()
