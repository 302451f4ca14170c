"""How much of the stream should make the prior? Prefix models against progressive validation of the same tokens.

    python experiments/prefix_curve.py                    shows results/prefix_curve.json as tables
    python experiments/prefix_curve.py --run 10k 30k      computes the cells of these sizes that are missing
    python experiments/prefix_curve.py --run 100k --minutes 20   starts no cell after 20 minutes of processor time
    python experiments/prefix_curve.py --kl 10k           does it pay to move away from the prefix model?
    python experiments/prefix_curve.py --smoke            a few cells on 20,000 characters, in under a minute

A cell is (size, n_0/n, passes over the prefix): the model trained on tokens 1..n_0, raw and averaged weights, and
the bound about tokens n_0+1..n (`prefix_prior` at zero log-ratio). Every cell pays for the recipe and for the choice
of n_0 among 5, of passes among 3 and of raw or averaged weights, so the best one may be read off the table. Beside
it, about the same tokens: progressive validation of the one-pass run. Held out: the shipped model on other documents.
Bounds at different n_0 are about different tokens. `slope` is dB/dC: by how many nats the summed loss after n_0 has to
fall for one more nat of KL to be worth it. The cells with KL are those of prefix_kl.py. A killed run continues with
the cells that are missing.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import prefix_kl
import store

from genbound.complexity.progressive import held_out
from genbound.concentration import BoundResult
from genbound.lm.corpora import sotu
from genbound.lm.ladder import models
from genbound.lm.ladder.recipes import RECIPES, log_recipe_space
from genbound.lm.ladder.train import versions
from genbound.lm.train import ema, prefix
from genbound.lm.train.suffix import Scored, after, score, suffix_bound, tokens_of
from genbound.lm.windows import Windows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "prefix_curve.json"
WORK = ROOT / ".cache" / "prefix"
DELTA = 0.01
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
EPOCHS = (1, 4, 16)
CHOICES = {"prefix lengths": len(SHARES), "passes": len(EPOCHS), "raw or averaged": 2}
HELDOUT_TOKENS = 2**18

CELLS = {
    "10k": [*product((0.1, 0.5, 0.9, 0.25, 0.75), (1, 4)), *product((0.1, 0.25, 0.5), (16,))],
    "30k": [(0.1, 16), *product((0.1, 0.5, 0.9, 0.25, 0.75), (1, 4)), (0.25, 16)],
    "100k": [(0.25, 1), (0.5, 1), (0.9, 1), (0.25, 4), (0.5, 4), (0.9, 4)],
}
"""What is computed, in this order: of 16 passes only where the prefix is short."""


def stream(name: str, tokens: int | None = None) -> Windows:
    """The stream of a size, or its first tokens."""
    recipe = RECIPES[name]
    return Windows(sotu.training_stream()[: (tokens or recipe.tokens) + 1], recipe.context)


def cells_of(name: str, share: float, epochs: int, windows: Windows) -> list[dict[str, Any]]:
    """The two rows of a cell: raw and averaged weights of the same run."""
    began, n_0 = time.process_time(), tokens_of(windows, share)
    work = WORK / f"{name}-{windows.n_tokens}-{n_0}-{epochs}"
    made = prefix.train_both(RECIPES[name], windows, prefix=n_0, epochs=epochs, choices=CHOICES, work=work)
    rest, rows = after(windows, n_0), []
    for result in made:
        scored = score(result.model, rest)
        bound = suffix_bound(scored, n_0, result.prices, delta=DELTA)
        rows.append({
            "name": name, "share": share, "epochs": epochs, "weights": "averaged" if result.averaged else "raw",
            "prefix": n_0, "n_tokens": windows.n_tokens, "loss_suffix": scored.loss, "bound": bound.value,
            "alpha": bound.tuned["alpha"], "complexity_nats_per_token": bound.complexity,
            "slope": slope(bound, scored), "paid": dict(bound.costs),
            "cpu_seconds": round(time.process_time() - began, 1),
        })  # fmt: skip
        write_model(work, result)
    return rows


def slope(bound: BoundResult, scored: Scored) -> float:
    """dB/dC = e^-C GM(D + Y - X) = D + mean Y - B at the shift and the alpha of a bound."""
    return bound.tuned["shift"] + scored.by_alpha[bound.tuned["alpha"]].mean_prediction - bound.value


def write_model(work: Path, result: prefix.Prefix) -> None:
    """Keep the model beside its checkpoint."""
    work.mkdir(parents=True, exist_ok=True)
    prefix.write(work / f"{'averaged' if result.averaged else 'raw'}.gbp", result)


def yardsticks(name: str, windows: Windows, heldout_tokens: int) -> list[dict[str, Any]]:
    """Progressive validation of what comes after each n_0 (and of everything), and the held-out bound."""
    cuts = [tokens_of(windows, share) for share in SHARES]
    work = WORK / f"{name}-{windows.n_tokens}-progressive"
    run = ema.progressive(RECIPES[name], windows, cuts=cuts, work=work)
    rows: list[dict[str, Any]] = []
    for share, n_0 in zip((0.0, *SHARES), (0, *cuts), strict=True):
        for averaged in (False, True):
            bound = run.bound(n_0, averaged=averaged, delta=DELTA)
            rows.append({
                "name": name, "kind": "progressive_validation", "weights": "averaged" if averaged else "raw",
                "share": share, "prefix": n_0, "n_tokens": windows.n_tokens, "bound": bound.value,
                "alpha": bound.tuned["alpha"], "paid": dict(bound.costs),
            })  # fmt: skip
    model, _ = models.load(name)
    scored = score(model, Windows(sotu.heldout_stream()[: heldout_tokens + 1], windows.length))
    bound = held_out(scored.by_alpha, delta=DELTA, paid=log_recipe_space())
    rows.append({
        "name": name, "kind": "held_out", "weights": "raw", "n_tokens": scored.n, "loss": scored.loss,
        "bound": bound.value, "alpha": bound.tuned["alpha"], "paid": dict(bound.costs),
    })  # fmt: skip
    return rows


def kl_row(name: str, cell: prefix_kl.Cell, windows: Windows) -> dict[str, Any]:
    """A posterior that spends KL, beside the prefix model it starts from."""
    n_0 = tokens_of(windows, cell.share)
    made = prefix.load(WORK / f"{name}-{windows.n_tokens}-{n_0}-{cell.epochs}" / "raw.gbp")
    began = time.process_time()
    drawn = prefix_kl.draw(made.model, after(windows, n_0), cell)
    scored = score(drawn.model, after(windows, n_0))
    paid = {label: nats for label, nats in made.prices.items() if label != prefix.ZERO} | drawn.prices
    bound = suffix_bound(scored, n_0, paid, delta=DELTA, drawn=True)
    return {
        "name": name, **asdict(cell), "prefix": n_0, "n_tokens": windows.n_tokens, "loss_suffix": scored.loss,
        "log_ratio": drawn.log_ratio, "bound": bound.value, "slope": slope(bound, scored), "paid": dict(bound.costs),
        "cpu_seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def spend(names: list[str]) -> None:
    """The cells with KL that are missing; their prefix models come from --run."""
    for name, cell in product(names, prefix_kl.CELLS):
        if not any({"name": name, **asdict(cell)}.items() <= row.items() for row in stored()["kl"]):
            add("kl", [kl_row(name, cell, stream(name))])


def stored() -> dict[str, Any]:
    """The result so far."""
    return {"rows": [], "yardsticks": [], "kl": []} | store.read(RESULTS)


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What tells a row from the others of its part."""
    return tuple(row.get(name) for name in ("name", "kind", "weights", "share", "epochs", "price"))


def add(part: str, made: list[dict[str, Any]]) -> None:
    """Put rows into a part of the result."""
    about = "prefix_prior about tokens prefix+1..n_tokens, nats per character; the recipe and all choices are paid"
    facts = {"about": about, "delta": DELTA, "shares": SHARES, "epochs": EPOCHS}

    def change(old: dict[str, Any]) -> dict[str, Any]:
        parts = {name: old.get(name, []) for name in ("rows", "yardsticks", "kl")}
        for row in made:
            parts[part] = store.replaced(parts[part], row | {"versions": versions()}, key)
        parts["rows"].sort(
            key=lambda row: (RECIPES[row["name"]].parameters, row["share"], row["epochs"], row["weights"])
        )
        return facts | parts

    store.update(RESULTS, change)


def fill(names: list[str], minutes: float) -> None:
    """Compute what is missing, cell by cell."""
    for name in names:
        windows = stream(name)
        if not any(row["name"] == name for row in stored()["yardsticks"]):
            add("yardsticks", yardsticks(name, windows, HELDOUT_TOKENS))
        for share, epochs in CELLS[name]:
            if any((row["name"], row["share"], row["epochs"]) == (name, share, epochs) for row in stored()["rows"]):
                continue
            if time.process_time() > 60 * minutes:
                return
            add("rows", cells_of(name, share, epochs, windows))


def show(result: dict[str, Any]) -> None:
    """One table per size."""
    progressive = {
        (row["name"], row["share"], row["weights"]): row["bound"]
        for row in result["yardsticks"]
        if row["kind"] == "progressive_validation"
    }
    print(f"{'name':>5} {'n_0/n':>6} {'passes':>6} {'weights':>9} {'suffix loss':>11} {'bound':>7} {'progressive':>12}")
    for row in result["rows"]:
        beside = progressive.get((row["name"], row["share"], row["weights"]), math.nan)
        print(
            f"{row['name']:>5} {row['share']:6.2f} {row['epochs']:6d} {row['weights']:>9} {row['loss_suffix']:11.4f}"
            f" {row['bound']:7.4f} {beside:12.4f}"
        )
    zero = {(row["name"], row["share"], row["epochs"]): row for row in result["rows"] if row["weights"] == "raw"}
    for row in result.get("kl", []):
        alone = zero[row["name"], row["share"], row["epochs"]]
        print(
            f"{row['name']:>5} n_0/n {row['share']:.2f}, KL at price {row['price']:g}: {row['log_ratio']:.1f} nats,"
            f" loss {alone['loss_suffix']:.4f} -> {row['loss_suffix']:.4f},"
            f" bound {alone['bound']:.4f} -> {row['bound']:.4f}"
        )
    for row in result["yardsticks"]:
        if row["kind"] == "held_out":
            print(f"{row['name']:>5} held out: loss {row['loss']:.4f}, bound {row['bound']:.4f}")


def smoke() -> None:
    """Two cells and the yardsticks on a short stream; nothing is stored."""
    windows = stream("10k", 20_000)
    result: dict[str, Any] = {"rows": [], "yardsticks": yardsticks("10k", windows, 20_000)}
    for epochs in (1, 2):
        result["rows"] += cells_of("10k", 0.5, epochs, windows)
    show(result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="+", metavar="NAME", choices=list(CELLS), help="sizes to compute")
    parser.add_argument("--kl", nargs="+", metavar="NAME", choices=list(CELLS), help="the cells that spend KL")
    parser.add_argument("--minutes", type=float, default=math.inf, help="of processor time, then no new cell")
    parser.add_argument("--smoke", action="store_true", help="a few small cells, stored nowhere")
    options = parser.parse_args()
    if options.smoke:
        smoke()
        return
    if options.kl:
        spend(options.kl)
    if options.run:
        fill(options.run, options.minutes)
    show(stored())


if __name__ == "__main__":
    main()
