"""Which law does each quantity follow over the sizes of a ladder, and does the law predict the largest size?

    python experiments/fits.py            fits results/measurements.json; writes results/fits.json, prints it (a minute)
    python experiments/fits.py --smoke    the same on made-up measurements, written to .cache

Power laws a N^-p and c + a N^-p are fitted to the geometric means of the sizes, so a size is one observation; intervals
of parameters are profile intervals, bands are for one new size (`genbound.scaling.extrapolate`), ten times beyond the
largest. `comparison` says which law is better and whether the offset is needed, `largest` predicts the largest size
from the others; few `starts_agreeing` (of 16) mean that c and a N^-p could not be told apart. Chinchilla's law is
fitted to the held-out losses of all runs of the corpus that has runs off the frontier.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import measured
import numpy as np
from made_up import made_up
from measured import GRID
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from verdicts import SATURATING

from genbound.files import pretty_json, write_atomic
from genbound.scaling import (
    ChinchillaLaw,
    SaturatingPowerLaw,
    bootstrap,
    compare,
    extrapolate,
    leave_largest_out,
    profile,
    size_means,
)
from genbound.scaling import quantities as q

RESULTS = measured.RESULTS / "fits.json"
FOLLOWED = {
    "sigma": ("loss variation, Sigma at C = .2", q.sigma),
    "sd_x_minus_y": ("loss variation, sd(X - Y)", q.standard_deviation),
    "gptq_4": ("quantization error, GPTQ at 4 bits", q.quantization_error("gptq", 4)),
    "gptq_3": ("quantization error, GPTQ at 3 bits", q.quantization_error("gptq", 3)),
    "ldlq_3": ("quantization error, LDLQ at 3 bits", q.quantization_error("ldlq", 3)),
    "information": ("information, area of held-out losses", q.information),
    "complexity": ("complexity at the rate with the least bound", q.optimal_complexity),
    "gap_finzi": ("gap of finzi_bound, GPTQ", q.gap("finzi_bound")),
    "gap_geometric_mean": ("gap of geometric_mean, GPTQ", q.gap("geometric_mean")),
    "gap_shortest": ("gap of geometric_mean, shortest description", q.shortest_gap),
}
LAWS = {"power": SaturatingPowerLaw(offset=False, delta=SATURATING.delta), "saturating": SATURATING}
FEWEST = {"power": 4, "saturating": 6}
"""Sizes without which a law is not fitted."""
FLAT = ("complexity",)
"""Quantities predicted to be constant: c and a N^-p cannot be told apart, so only the power is fitted."""


def fit(name: str, ladder: str, rows: list[q.Row], draws: int) -> list[dict[str, Any]]:
    """The laws of one quantity on one ladder; none where it was measured at too few sizes or is not positive."""
    title, of = FOLLOWED[name]
    points = q.points(of, rows)
    if not points or min(y for _, y, _ in points) <= 0:
        return []
    x, y, _ = np.array(points).T
    sizes, means = size_means(x, y)
    laws = {law: LAWS[law] for law, fewest in FEWEST.items() if len(sizes) >= fewest}
    if name in FLAT:
        laws.pop("saturating", None)
    X, grid = sizes[:, None], np.geomspace(sizes[0], 10 * sizes[-1], 40)
    compared = compare(laws, X, means).to_dict() if len(laws) > 1 else None
    found = []
    for law, estimator in laws.items():
        fitted = clone(estimator).fit(X, means)
        band = extrapolate(estimator, grid[:, None], X, means, draws)
        found.append({
            "quantity": name, "title": title, "ladder": ladder, "law": law, "points": points,
            "intervals": {each: profile(estimator, X, means, each).to_dict() for each in fitted.parameters_},
            "starts_agreeing": fitted.starts_agreeing_,
            "curve": [[N, b.estimate, b.lower, b.upper] for N, b in zip(grid.tolist(), band, strict=True)],
            "largest": leave_largest_out(estimator, X, means, n=draws).to_dict() if len(sizes) > FEWEST[law] else None,
            "comparison": compared,
        })  # fmt: skip
    return found


def chinchilla(rows: list[q.Row], draws: int) -> dict[str, Any] | None:
    """Chinchilla's law on the held-out losses of a corpus with runs on the frontier and off it."""
    if not any(row["ladder"] == GRID for row in rows):
        return None
    X = np.array([[row["parameters"], row["tokens"]] for row in rows], dtype=float)
    losses = np.array([row["loss_heldout"] for row in rows])
    law = ChinchillaLaw().fit(X, losses)
    return {
        "quantity": "loss_heldout", "title": "held-out loss", "ladder": f"python-bytes+{GRID}", "law": "chinchilla",
        "intervals": bootstrap(ChinchillaLaw(), X, losses, draws).to_dict(), "objective": law.objective_,
        "starts_agreeing": law.starts_agreeing_, "points": [[*x, y] for x, y in zip(X.tolist(), losses, strict=True)],
    }  # fmt: skip


def fits(rows: list[q.Row], draws: int = 999) -> list[dict[str, Any]]:
    """Every quantity on every ladder along the frontier, then Chinchilla's law."""
    found = [
        each for name in FOLLOWED for ladder in measured.frontier(rows)
        for each in fit(name, ladder, [row for row in rows if row["ladder"] == ladder], draws)
    ]  # fmt: skip
    grid = chinchilla([row for row in rows if row["ladder"] in ("python-bytes", GRID)], draws)
    return [*found, *([grid] if grid else [])]


def table(found: list[dict[str, Any]]) -> str:
    """At 80 columns."""
    lines = []
    for row in found:
        lines.append(f"{row['title']}; {row['ladder']}; {row['law']}")
        lines += [f"    {name:<6} {measured.shown(interval)}" for name, interval in row["intervals"].items()]
        if row.get("largest"):
            largest = row["largest"]
            lines.append(f"    the largest size from the others: {largest['units'][0]:+.2f} of its interval")
    return "\n".join(lines)


def main() -> None:
    warnings.filterwarnings("ignore", category=ConvergenceWarning)  # rows say starts_agreeing
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="fit made-up measurements")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.smoke and options.out == RESULTS:
        options.out = measured.RESULTS.parent.parent / ".cache" / "verdicts" / "fits-smoke.json"
    if options.smoke:
        found = fits([row for row in made_up() if row["ladder"] in ("sotu", GRID)], draws=49)
    else:
        found = fits(measured.rows())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    about = "Made-up measurements." if options.smoke else "Laws fitted to results/measurements.json."
    found = measured.jsonable(found)
    write_atomic(options.out, pretty_json({"about": about, "rows": found}))
    print(table(found))


if __name__ == "__main__":
    main()
