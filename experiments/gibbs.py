"""One certified draw, or the average over the posterior? What a paid Monte Carlo estimate of the latter costs.

    python experiments/gibbs.py            shows results/gibbs.json as a table
    python experiments/gibbs.py --run      trains Gaussian weights on the 10k stream and measures draws (2 minutes)
    python experiments/gibbs.py --smoke    the same on 20,000 characters with four draws

`disintegrated` certifies one draw with its exact log-ratio. `pac_bayes` bounds the risk averaged over Q with KL(Q||P)
instead, but needs E_Q [mean U - w ln z], w a constant: an integral over all weights, which can only be estimated from
draws, and the estimate must hold. The r draws are independent and their values lie below a ceiling known beforehand,
so the second stage of genbound.subsample applies: mean <= u - e^{-ln(1/delta_2)/r} GM(u - value). It pays about
(ceiling - value) ln(1/delta_2)/r, however little the values differ; delta is split in two. Rows with `draws` beyond
those that were read repeat the measured values as often as it takes: what r draws like these would give.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbound import tilting
from genbound.certificate.environment import environment
from genbound.certified import ball, up
from genbound.complexity.codes import choice_nats
from genbound.files import pretty_json, write_atomic
from genbound.lm.corpora import sotu
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder import models
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.train import gaussian
from genbound.lm.train.functional import Network
from genbound.lm.train.plain import one_thread
from genbound.lm.train.posterior import SCALES, Posterior
from genbound.lm.train.tilted import tilted
from genbound.lm.windows import Windows
from genbound.subsample.windows import second_stage, tune_second

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "gibbs.json"
NAME, EPOCHS, SEED = "10k", 8, 314_159
WEIGHT = 6.0
"""w, fixed beforehand: the law, and the price of a nat per token."""

DELTA = 0.01
COUNTS = (1, 10, 100, 1_000, 10_000, 100_000)


def value_of(network: Network, posterior: Posterior, windows: Windows, draw: int) -> tuple[float, float]:
    """mean U - w ln z of one draw over all windows, and its log-ratio."""
    drawn, ratio = posterior.draw(SEED, draw)
    weights = {name: torch.from_numpy(array) for name, array in drawn.items()}
    total = 0.0
    with torch.inference_mode():
        for block in np.array_split(np.arange(len(windows)), -(-len(windows) // 64)):
            inputs, targets = windows.gather(block)
            ceilings, z = tilted(network.logits(weights, inputs), targets, WEIGHT, rounds=2)
            total += float((ceilings - WEIGHT * z.log()).sum(dtype=torch.float64))
    return total / windows.n_tokens, ratio


def measured(tokens: int, epochs: int, draws: int) -> dict[str, Any]:
    """Train, draw, and bound the average and the first draw."""
    windows = Windows(sotu.training_stream()[: tokens + 1], RECIPES[NAME].context)
    model = models.load(NAME)[0]
    began = time.process_time()
    trained = gaussian.train(model.config, windows, epochs=epochs, start=model)
    posterior, network = trained.posterior, Network.of(model.config)
    with one_thread():
        found = [value_of(network, posterior, windows, draw) for draw in range(draws)]
    values, ratios = np.array([v for v, _ in found]), [r for _, r in found]
    divergence, n = posterior.divergence(), windows.n_tokens
    fixed = choice_nats(SCALES) * len(posterior.beliefs)
    top = tilting.most_ceiling(WEIGHT, V) - WEIGHT * math.log(tilting.LEAST_SLACK)
    constant = -WEIGHT * (1.0 - math.log(WEIGHT))
    one = float(values[0]) + constant + WEIGHT * (ratios[0] + fixed - math.log(DELTA)) / n
    rows = []
    for count in COUNTS:
        repeated = [ball(float(v)) for v in np.resize(values, min(count, draws))]
        cost = -math.log(DELTA / 2) / count
        shift, _ = tune_second(np.resize(values, min(count, draws)), top, cost)
        estimate = up(second_stage(repeated, ball(top), shift, ball(cost)))
        bound = estimate + constant + WEIGHT * (divergence + fixed - math.log(DELTA / 2)) / n
        rows.append({"draws": count, "read": count <= draws, "estimate": estimate, "bound_on_the_average": bound})
    return {
        "about": "Gaussian weights: one certified draw against a paid Monte Carlo estimate of the average; nats",
        "model": NAME, "n_tokens": n, "epochs": epochs, "weight": WEIGHT, "delta": DELTA, "ceiling": top,
        "environment": environment(device="cpu", dtype="float32"), "divergence": divergence, "log_ratios": ratios,
        "values": values.tolist(), "deviation_of_values": float(values.std(ddof=1)), "bound_on_one_draw": one,
        "average_if_it_were_known": float(values.mean()) + constant
        + WEIGHT * (divergence + fixed - math.log(DELTA)) / n,
        "rows": rows, "cpu_seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def show(content: dict[str, Any]) -> None:
    """The table."""
    print(
        f"{content['model']}, n = {content['n_tokens']:,}: KL {content['divergence']:,.0f} nats; log-ratios of"
        f" {len(content['values'])} draws {min(content['log_ratios']):,.0f} .. {max(content['log_ratios']):,.0f}; sd of"
        f" their values {content['deviation_of_values']:.5f}"
    )
    print(f"one draw, exact log-ratio:            {content['bound_on_one_draw']:.4f}")
    print(f"average over Q, if it were known:     {content['average_if_it_were_known']:.4f}")
    for row in content["rows"]:
        word = "read" if row["read"] else "draws like those read"
        print(f"average over Q from {row['draws']:>7,} draws:      {row['bound_on_the_average']:.4f}  ({word})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="measure again")
    parser.add_argument("--smoke", action="store_true", help="20,000 characters, four draws; nothing is stored")
    options = parser.parse_args()
    if options.smoke:
        show(measured(20_480, 1, 4))
        return
    if options.run:
        write_atomic(RESULTS, pretty_json(measured(RECIPES[NAME].tokens, EPOCHS, 16)))
    show(json.loads(RESULTS.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
