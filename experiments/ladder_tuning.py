"""Which recipe trains each model of the ladder best? Every configuration that was tried, and what it gave.

    python experiments/ladder_tuning.py              shows results/ladder_tuning.json as a table
    python experiments/ladder_tuning.py --rerun 7    runs configuration 7 again (or several, or `all`)
    python experiments/ladder_tuning.py --add 30k batch=4 learning_rate=0.01
                                                     tries a change of the shipped recipe and adds it

A configuration is a whole recipe, so the list stays true when the shipped recipes move. The loop is that of
genbound.lm.ladder.train without its records. Losses are in nats per character: `loss_train` of the final
model on its own training characters (what recipes were chosen by), `loss_progressive` of the predictors
along the run.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from genbound.files import pretty_json, write_atomic
from genbound.lm.corpora import sotu
from genbound.lm.ladder.network import build_network, build_optimizers
from genbound.lm.ladder.recipes import RECIPES, Recipe
from genbound.lm.ladder.train import mean_loss, versions, windows

RESULTS = Path(__file__).parent / "results" / "ladder_tuning.json"


def run(recipe: Recipe) -> dict[str, Any]:
    """Train once, in memory."""
    torch.set_num_threads(recipe.threads)
    stream = sotu.training_stream()[: recipe.tokens + 1]
    inputs, targets = windows(stream, recipe.context)
    model = build_network(recipe)
    optimizers = build_optimizers(recipe, model)
    began, total = time.monotonic(), 0.0
    for step in range(recipe.steps):
        rows = slice(step * recipe.batch, (step + 1) * recipe.batch)
        logits = model(input_ids=inputs[rows]).logits
        loss = F.cross_entropy(logits.flatten(0, 1), targets[rows].flatten())
        loss.backward()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * recipe.rate(step)
            optimizer.step()
            optimizer.zero_grad()
        total += loss.item() * targets[rows].numel()
    seconds = time.monotonic() - began
    return {
        "name": recipe.name,
        "parameters": recipe.parameters,
        "loss_train": round(mean_loss(model, stream, recipe.context), 4),
        "loss_progressive": round(total / recipe.tokens, 4),
        "seconds": round(seconds, 1),
        "recipe": recipe.to_dict(),
    }


def differences(recipe: dict[str, Any]) -> str:
    """What sets a configuration apart from the shipped recipe of its name."""
    shipped = RECIPES[recipe["name"]].to_dict()
    return ", ".join(f"{k}={v}" for k, v in recipe.items() if v != shipped[k]) or "as shipped"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rerun", nargs="+", metavar="N", help="numbers from the table, or all")
    parser.add_argument("--add", nargs="+", metavar="X", help="a name of the ladder, then field=value")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    runs: list[dict[str, Any]] = results["runs"]
    if options.add:
        name, *changes = options.add
        fields = {key: json.loads(value) for key, value in (change.split("=", 1) for change in changes)}
        runs.append(run(replace(RECIPES[name], **fields)))
    elif options.rerun:
        chosen = range(len(runs)) if options.rerun == ["all"] else [int(number) for number in options.rerun]
        for i in chosen:
            runs[i] = run(Recipe.from_dict(runs[i]["recipe"]))
            print(f"{i}: loss_train {runs[i]['loss_train']:.4f}, {runs[i]['seconds']:.0f} s")
    if options.add or options.rerun:
        results["versions"] = versions()
        write_atomic(RESULTS, pretty_json(results))
    for i, entry in enumerate(runs):
        print(
            f"{i:3d} {entry['name']:>5} {entry['parameters']:7d} {entry['loss_train']:.4f} "
            f"{entry['loss_progressive']:.4f} {entry['seconds']:6.1f} s  {differences(entry['recipe'])}"
        )


if __name__ == "__main__":
    main()
