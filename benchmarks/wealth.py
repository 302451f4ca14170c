"""How much the one-pass statistic saves: run with `python benchmarks/wealth.py [tokens]`.

Times, interleaved in one run and reported as medians: a plain 1000-point numpy grid evaluation of
`empirical_freedman`, the one-pass statistic in numpy and (where installed) in numba, reading a bound off the
finished statistic, and copying the same bytes. Ratios are what counts; seconds depend on the machine.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from genbound.concentration import Wealth, empirical_freedman, geometric_mean

CEILING = 16.0
C = 0.05


def grid_evaluation(x: np.ndarray, y: np.ndarray) -> float:
    """mean X + min over 1000 values of s of (Delta/s)(C + mean v(s A)), each a full pass."""
    a = (y - x) / CEILING
    best = math.inf
    for i in range(1, 1001):
        s = i / 1001
        scaled = s * a
        best = min(best, CEILING / s * (C + float(np.mean(scaled - np.log1p(scaled)))))
    return float(x.mean()) + best


def one_pass(x: np.ndarray, y: np.ndarray, engine: str) -> Wealth:
    """The statistic of the whole stream."""
    wealth = Wealth(ceiling=CEILING, _engine=engine)  # type: ignore[arg-type]
    wealth.update(x, y)
    return wealth


def main(tokens: int, repetitions: int = 7) -> None:
    """Print the medians and the ratios."""
    rng = np.random.default_rng(0)
    y = rng.random(tokens) * 6
    x = np.minimum(rng.exponential(y + 0.1), CEILING)
    target = np.empty((2, tokens))
    wealth = one_pass(x, y, "numpy")
    jobs: dict[str, Callable[[], object]] = {
        "one pass, numpy": lambda: one_pass(x, y, "numpy"),
        "geometric_mean from the statistic": lambda: geometric_mean(wealth, complexity=C),
        "empirical_freedman from the statistic": lambda: empirical_freedman(wealth, complexity=C),
        "copy of the same bytes": lambda: (np.copyto(target[0], x), np.copyto(target[1], y)),
    }
    try:
        same = one_pass(x, y, "numba") == wealth  # compiles
        jobs["one pass, numba"] = lambda: one_pass(x, y, "numba")
        print(f"numba and numpy agree bit for bit: {same}")
    except ImportError:
        print("numba is not installed")
    times: dict[str, list[float]] = {name: [] for name in jobs}
    start = time.perf_counter()
    plain = grid_evaluation(x, y)
    grid = time.perf_counter() - start
    for _ in range(repetitions):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - start)
    certified = empirical_freedman(wealth, log_inv_delta=C * tokens - math.log(1000)).value
    print(f"{tokens} tokens; plain grid {plain:.9f}, certified {certified:.9f} nats/token (never below)")
    print(f"{'plain 1000-point grid (one run)':<40} {grid:10.4f} s")
    medians = {name: statistics.median(values) for name, values in times.items()}
    copy = medians["copy of the same bytes"]
    for name, median in medians.items():
        print(f"{name:<40} {median:10.4f} s   {grid / median:9.0f} x faster than the grid, "
              f"{median / copy:7.1f} x the copy")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
