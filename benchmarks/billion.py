"""10^9 tokens through `Wealth`: `python benchmarks/billion.py [--tokens N] [--json FILE]`.

2^23 losses and predictions are made once, and blocks of 2^22 of them taken from random offsets, so that making data
costs little; block by block the same losses go through a plain float64 sum (`numpy.sum`) and through
`Wealth.update`, timed apart in the same run. Times are processor time, and the ratio is the median over blocks: what
other work on the machine disturbs least. Memory does not grow with the number of tokens: the peak is printed before
and after.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import time
from importlib import metadata
from pathlib import Path

import numpy as np

from genbound import concentration as gb
from genbound.concentration import Wealth

BLOCK = 1 << 22
CEILING = 16.0
BUDGETS = (0.001, 0.01, 0.1, 0.3)


def stream(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Gamma losses around predictions that wander, clipped at 16 nats."""
    rng = np.random.default_rng(seed)
    y = 2.5 + 2.0 * np.sin(np.cumsum(rng.normal(0, 0.1, 2 * BLOCK)))
    return np.minimum(rng.gamma(2.0, y / 2.0), CEILING), y


def peak_megabytes() -> float:
    """The largest resident memory of this process so far (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Stream, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=10**9)
    parser.add_argument("--engine", choices=["auto", "numba", "numpy"], default="auto")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    (x, y), rng = stream(0), np.random.default_rng(1)
    wealth = Wealth(ceiling=CEILING, _engine=arguments.engine)
    warm = Wealth(ceiling=CEILING, _engine=arguments.engine)
    warm.update(x[:1000], y[:1000])  # compiles, where something is compiled
    before, total, summing, updating = peak_megabytes(), 0.0, [], []
    start = time.perf_counter()
    while wealth.n < arguments.tokens:
        offset = int(rng.integers(BLOCK))
        part = slice(offset, offset + min(BLOCK, arguments.tokens - wealth.n))
        t0 = time.process_time()
        total += float(np.sum(x[part]))
        t1 = time.process_time()
        wealth.update(x[part], y[part])
        updating.append(time.process_time() - t1)
        summing.append(t1 - t0)
    wall, n, after = time.perf_counter() - start, wealth.n, peak_megabytes()
    ratio = statistics.median(u / s for u, s in zip(updating, summing, strict=True))
    per_token = {"plain sum": 1e9 * sum(summing) / n, "Wealth.update": 1e9 * sum(updating) / n}
    t0 = time.perf_counter()
    bounds = {c: gb.geometric_mean(wealth, complexity=c).value for c in BUDGETS}
    read = (time.perf_counter() - t0) / len(BUDGETS)
    print(f"{n:,} tokens in {wall:.1f} s; mean loss {wealth.mean_loss:.9f} (plain sum {total / n:.9f}) nats/token")
    for name, ns in per_token.items():
        print(f"{name:<14}{ns:9.3f} ns/token")
    print(f"Wealth.update costs {ratio:.2f} plain sums (median over {len(updating)} blocks)")
    print(f"peak memory {before:.0f} MB before, {after:.0f} MB after; {wealth.nodes()[0].size:,} nodes are occupied")
    for c, value in bounds.items():
        print(f"geometric_mean at C = {c:<6g} R <= {value:.9f} nats/token ({1e3 * read:.0f} ms to read)")
    if arguments.json:
        content = {
            "schema": "genbound.benchmarks.billion/1",
            "question": "What does a token cost in the one-pass statistic, and does memory stay bounded?",
            "device": f"CPU, {platform.machine()}, one thread, on cores shared with other work",
            "versions": {"python": platform.python_version(),
                         **{name: metadata.version(name) for name in ("numpy", "numba", "python-flint")}},
            "seed": [0, 1],
            "engine": arguments.engine,
            "tokens": n,
            "seconds": wall,
            "ns per token": per_token,
            "ratio to the plain sum": ratio,
            "peak megabytes": {"before": before, "after": after},
            "mean loss": wealth.mean_loss,
            "bounds": {str(c): value for c, value in bounds.items()},
            "digest": wealth.digest(),
        }  # fmt: skip
        arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
