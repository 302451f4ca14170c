"""Models of growing size whose training data we hold: what does training cost them, and what do they reach?

    python experiments/ladders.py                                  shows results/ladders.json as a table
    python experiments/ladders.py --run sotu                       trains the cells of a ladder that are missing
    python experiments/ladders.py --run sotu 10k 17k --seeds 1 2   only these sizes and seeds
    python experiments/ladders.py --run python-bytes-gpu --device cuda
    python experiments/ladders.py --all-cpu                        every ladder that needs no GPU
    python experiments/ladders.py --smoke                          four tiny models, in half a minute

The plan (sizes, shapes, batches, tokens) is genbound/lm/ladder/cells.py; a cell is trained for one epoch by
genbound/lm/train/ladder_run.py into .cache/ladders, and a killed run continues. What stands in the results is not done
again; a model that is there already is only written down.

Cost, minutes of one core, a third of it for scoring the final model: 10k a sixth, 100k 2, 300k 9, 530k 17, 1M 60.
`sotu` about 50, seeds included, `python-bytes` and `python-bpe` about 90 each, `off-frontier` 45,
most of it at 320 tokens per parameter. The GPU ladders read 620M and 302M tokens. The streams of python-* are built by
experiments/corpora.py: the core list for a CPU, the large one for a GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import store

from genbound.files import file_sha256
from genbound.lm.ladder.cells import CELLS, GPU, LADDERS, SMOKE, Cell
from genbound.lm.train import ladder_run
from genbound.lm.train.ladder_record import record_key, trained

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "ladders.json"
ABOUT = (
    "one epoch over the first tokens_per_parameter x N tokens of a stream; losses in nats per token; curve: [tokens"
    " seen, mean loss before the updates in the interval that ends there]; heldout_curve: [tokens seen, loss on the"
    " same held-out windows]; tokens per second: of one core on a CPU; share of peak: 6 N tokens per second over"
    " peak_flops"
)
FIELDS = (
    "ladder", "name", "seed", "vocab_size", "parameters", "tokens", "tokens_per_parameter", "context", "device",
    "precision", "loss_train", "loss_heldout", "loss_progressive", "prequential_nats", "prequential_definition",
    "curve", "heldout_curve", "heldout_area_nats", "heldout_area_definition", "tokens_per_second", "share_of_peak",
    "peak_flops", "versions",
)  # fmt: skip


def row(cell: Cell, root: Path, device: str) -> dict[str, Any]:
    """Train a cell, unless its model is there, and say what it is."""
    folder = root / cell.folder
    record = trained(cell, folder) or ladder_run.train(cell, folder, device=device)
    return {**{name: record[name] for name in FIELDS}, "sha256": file_sha256(folder / "model.safetensors")}


def fill(cells: Iterable[Cell], path: Path, root: Path, device: str) -> None:
    """The rows that are missing, one at a time, each written as soon as it is complete."""
    order = list(LADDERS)
    for cell in cells:
        if cell.key not in map(record_key, store.rows(path)):
            store.put(
                path, row(cell, root, device), record_key,
                lambda r: (order.index(r["ladder"]), r["parameters"], r["tokens_per_parameter"], r["seed"]),
                about=ABOUT,
            )  # fmt: skip


def chosen(
    ladder: str, names: Sequence[str] = (), seeds: Sequence[int] | None = None, ratios: Sequence[int] | None = None
) -> list[Cell]:
    """The planned cells of a ladder: of these sizes, seeds and tokens per parameter only, where any are given."""
    if ladder not in CELLS:
        raise SystemExit(f"{ladder}: need one of {', '.join(CELLS)}")
    unknown = set(names) - set(LADDERS[ladder].shapes)
    if unknown:
        raise SystemExit(f"{', '.join(sorted(unknown))}: {ladder} has {', '.join(LADDERS[ladder].shapes)}")
    found = [
        cell for cell in CELLS[ladder]
        if (not names or cell.name in names) and (seeds is None or cell.seed in seeds)
        and (ratios is None or cell.tokens_per_parameter in ratios)
    ]  # fmt: skip
    asked = {*names, *(seeds or ()), *(ratios or ())}
    planned = {value for cell in found for value in (cell.name, cell.seed, cell.tokens_per_parameter)}
    if not found or asked - planned:
        raise SystemExit(f"{ladder}: no such run is planned; of what was asked {asked - planned or 'all'} is in none")
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text; area: of the held-out loss along the run above its last value, nats."""
    lines = [
        f"{'ladder':<17}{'size':>6}{'seed':>5}{'D/N':>5}{'N':>11}{'train':>8}{'held-out':>9}{'area/N':>8}"
        f"{'tokens/s':>10}{'of peak':>8}"
    ]
    for r in rows:
        share = "" if r["share_of_peak"] is None else f"{r['share_of_peak']:.0%}"
        lines.append(
            f"{r['ladder']:<17}{r['name']:>6}{r['seed']:>5}{r['tokens_per_parameter']:>5}{r['parameters']:>11,}"
            f"{r['loss_train']:>8.4f}{r['loss_heldout']:>9.4f}{r['heldout_area_nats'] / r['parameters']:>8.3f}"
            f"{r['tokens_per_second']:>10,.0f}{share:>8}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="+", metavar="X", help="a ladder, then sizes")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="S", help="of --run; all planned ones unless given")
    parser.add_argument("--all-cpu", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, help="the results; a file of its own for --smoke")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder that holds .cache/ladders")
    options = parser.parse_args()
    path = options.out or (options.root / ".cache" / "ladders" / "smoke.json" if options.smoke else RESULTS)
    cells: list[Cell] = list(SMOKE) if options.smoke else []
    if options.run:
        cells += chosen(options.run[0], options.run[1:], options.seeds)
    if options.all_cpu:
        cells += [cell for ladder in CELLS if ladder not in GPU for cell in CELLS[ladder]]
    fill(cells, path, options.root, options.device)
    print(table(store.rows(path)))


if __name__ == "__main__":
    main()
