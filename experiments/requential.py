"""Requential training: what a student costs that hears only what a teacher speaks, and what it is worth.

    python experiments/requential.py                    shows results/requential.json as a table
    python experiments/requential.py --run small-lead   runs one configuration of RUNS again (or several, or `all`)
    python experiments/requential.py --smoke            two draws on 64 windows, in seconds, written to .cache

Every run is a whole one: teacher on the real stream, transcript, student made again from the transcript, and the
geometric_mean bound of that student with all that it costs (log-ratio, choice of schedule, alpha, centre, shift,
ln(1/delta) at delta = .01), all tokens read. `published` is the same with the code length of Qiu et al., every draw one
message: KL + 2 log2(1 + KL) + 5.21 bits. Runs continue from .cache/requential when they were killed.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import store
import torch

from genbound import geometric_mean, smoothing
from genbound.certificate.statistics import OFFSETS
from genbound.certified import ball, precision, up
from genbound.complexity.codes import choice_nats, log_inv_delta
from genbound.lm.corpora import sotu
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder.network import build_network
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.ladder.train import versions
from genbound.lm.token_stats import token_statistics
from genbound.lm.train import plain, requential
from genbound.lm.train.requential import Guidance, Schedule
from genbound.lm.train.requential_replay import described
from genbound.lm.windows import Windows

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "requential.json"
CACHE = ROOT / ".cache" / "requential"
DELTA = 0.01
BATCH = 64
THINNED = 37
"""Every so many tokens choose alpha and offset."""

LEAD = Guidance()
PULLED = Schedule(draws=100, windows=32, batch=4)
RUNS: dict[str, dict[str, Any]] = {
    "naive-teacher": {
        "model": "10k", "epochs": 3, "schedule": replace(PULLED, draws=40),
        "guidance": replace(LEAD, learning_rate=0.02, muon_learning_rate=0.015, pull=0.0, alone=0.0, average=0.99,
                            lead=1.0, spend=1e6),
    },
    "projection": {
        "model": "10k", "epochs": 4, "schedule": replace(PULLED, draws=40),
        "guidance": replace(LEAD, pull=1.0, relax=False, every=5, alone=0.0, lead=1.0, spend=1e6),
    },
    "small-lead-30k": {
        "model": "30k", "epochs": 5, "schedule": PULLED, "guidance": replace(LEAD, spend=300.0),
    },
    "small-lead-long-30k": {
        "model": "30k", "epochs": 12, "schedule": replace(PULLED, draws=250),
        "guidance": replace(LEAD, alone=0.1, average=0.95, spend=300.0),
    },
    "lead-in-laws": {
        "model": "10k", "epochs": 6, "schedule": PULLED,
        "guidance": replace(LEAD, pull=0.03, way="laws", lead=0.7),
    },
    "small-lead": {"model": "10k", "epochs": 5, "schedule": PULLED, "guidance": LEAD},
    "small-lead-long": {
        "model": "10k", "epochs": 12, "schedule": replace(PULLED, draws=250),
        "guidance": replace(LEAD, alone=0.1, average=0.95),
    },
}  # fmt: skip
"""Name -> model of the ladder, the teacher's epochs, schedule, guidance."""
SMOKE = {"model": "10k", "epochs": 1, "schedule": replace(PULLED, draws=2, windows=4), "guidance": LEAD}
SMOKE_TOKENS = 64 * 128


def run(name: str, plan: dict[str, Any], work: Path, tokens: int | None = None) -> dict[str, Any]:
    """Train, make the student again from the transcript, and bound it; on so many tokens where a number is given."""
    size, epochs, schedule, guidance = plan["model"], plan["epochs"], plan["schedule"], plan["guidance"]
    recipe = RECIPES[size]
    windows = Windows(sotu.training_stream()[: (tokens or recipe.tokens) + 1], recipe.context)
    began = time.monotonic()
    transcript = requential.train(
        build_network(recipe).config, windows, epochs=epochs, schedule=schedule, guidance=guidance, work=work / name,
        progress=lambda step, done, total: print(f"{name}: {step} {done}/{total}", end="\r", flush=True),
    )  # fmt: skip
    with plain.one_thread():
        student = described(transcript)
        losses, centres, loss = statistics(student.model, windows)
    nats = student.nats
    fixed = nats - next(value for key, value in student.prices.items() if key.startswith("log-ratio"))
    value, alpha = bound(losses, centres, nats)
    published, _ = bound(losses, centres, fixed + transcript.published_nats)
    return {
        "name": name,
        "model": size,
        "parameters": recipe.parameters,
        "n_tokens": windows.n_tokens,
        "schedule": schedule.to_dict(),
        "guidance": guidance.to_dict(),
        "teacher_epochs": epochs,
        "seed": 0,
        "drawn_tokens": transcript.drawn,
        "prices": dict(student.prices),
        "code_nats": nats,
        "bits_per_parameter": nats / recipe.parameters / math.log(2),
        "expected_log_ratio": float(transcript.divergence.sum()),
        "published_nats": transcript.published_nats,
        "nats_by_quarter": [float(part.sum()) for part in np.array_split(transcript.divergence, 4)],
        "loss_student": loss,
        "bound": value,
        "alpha": alpha,
        "bound_published": published,
        "seconds": round(time.monotonic() - began, 1),
        "versions": versions(),
    }


@torch.no_grad()
def statistics(model: Any, windows: Windows) -> tuple[np.ndarray, np.ndarray, float]:
    """Smoothed losses and entropies, (alphas, n), and the mean loss."""
    parts = []
    for start in range(0, len(windows), BATCH):
        inputs, targets = windows.gather(np.arange(start, min(start + BATCH, len(windows))))
        parts.append(token_statistics(model(input_ids=inputs).logits, targets))
    losses = np.concatenate([part.smoothed_nll for part in parts], axis=1)
    centres = np.concatenate([part.smoothed_entropy for part in parts], axis=1)
    return losses, centres, float(np.concatenate([part.nll for part in parts]).mean())


def bound(losses: np.ndarray, centres: np.ndarray, nats: float) -> tuple[float, float]:
    """The geometric_mean bound and its alpha; alpha and the centre's offset are paid, so any part may choose them."""
    with precision():
        choices = choice_nats(len(smoothing.ALPHAS)), choice_nats(len(OFFSETS))
        paid = up(sum((ball(part) for part in (nats, log_inv_delta(DELTA), *choices)), ball(0)))

    def value(row: int, offset: float, step: int = 1) -> float:
        alpha = smoothing.ALPHAS[row]
        floor, ceiling = smoothing.entropy_floor(alpha, V), smoothing.ceiling(alpha, V)
        y = np.maximum(floor, centres[row, ::step] - offset)
        return geometric_mean(
            losses[row, ::step], y, ceiling=ceiling, prediction_floor=floor, log_inv_delta=paid / step
        ).value

    pairs = [(value(row, offset, THINNED), row, offset) for row in range(len(smoothing.ALPHAS)) for offset in OFFSETS]
    _, row, offset = min(pairs)
    return value(row, offset), smoothing.ALPHAS[row]


def add(entry: dict[str, Any], path: Path) -> None:
    """Store a run in the place of the last one of its name."""

    def change(old: dict[str, Any]) -> dict[str, Any]:
        kept = {each["name"]: each for each in old.get("runs", [])} | {entry["name"]: entry}
        return {"delta": DELTA, "device": "cpu", "runs": [kept[name] for name in (*RUNS, "smoke") if name in kept]}

    store.update(path, change)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--run", nargs="+", metavar="NAME", help=f"of {', '.join(RUNS)}; or all")
    what.add_argument("--smoke", action="store_true", help="two draws on 64 windows")
    parser.add_argument("--work", type=Path, default=CACHE, help="folder of unfinished runs")
    options = parser.parse_args()
    path = options.work / "smoke.json" if options.smoke else RESULTS
    if options.smoke:
        add(run("smoke", SMOKE, options.work, SMOKE_TOKENS), path)
    for name in RUNS if options.run == ["all"] else options.run or ():
        add(run(name, RUNS[name], options.work), path)
    print(f"{'run':<26} {'draws':>5} {'tokens':>8} {'bits/p':>6} {'loss':>6} {'bound':>6} {'publ.':>6}")
    for entry in store.read(path).get("runs", []):
        print(
            f"{entry['name']:<26} {entry['schedule']['draws']:5d} {entry['drawn_tokens']:8d} "
            f"{entry['bits_per_parameter']:6.2f} {entry['loss_student']:6.3f} {entry['bound']:6.3f} "
            f"{entry['bound_published']:6.3f}"
        )


if __name__ == "__main__":
    main()
