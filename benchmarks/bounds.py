"""Every bound on the same data in one run: `python benchmarks/bounds.py [--quick] [--json FILE]`.

The table holds value - empirical mean, nats per token, where C nats per token are spent on the failure probability
(each bound adds what its own grid costs), and the time: one pass over the data into a `Wealth` plus reading the
bound off it, the smallest of three (of the slowest C), and its ratio to a plain float64 sum of the same array. What
a bound assumes stands beside it: only "adapted" ones hold for token streams, whose conditional means change. The
peers are asked for the same one-sided failure probability e^{-nC}; they refuse it, or what they answer is shown.
`capped_geometric_mean` is read off the arrays, one pass per shift, up to 10^6 tokens.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from peers import PEERS, Peer

from genbound import concentration as gb
from genbound.concentration import Wealth
from genbound.processes import process
from genbound.processes.families.speech import ALPHA, V
from genbound.smoothing import entropy_floor

BUDGETS = (0.001, 0.01, 0.1, 0.3)
REPETITIONS = 3
ARRAYS = {"capped_geometric_mean": 10**6}
"""What is read off the arrays (every shift is a pass of its own), and up to which n."""


@dataclass(frozen=True)
class Data:
    """A stream, the statistics of it with and without predictions, and what they took."""

    name: str
    losses: np.ndarray
    predictions: np.ndarray
    ceiling: float
    centred: Wealth
    plain: Wealth
    pass_ms: float
    plain_ms: float
    sum_ms: float


@dataclass(frozen=True)
class Row:
    """One entry of the table; `gap` is None where `note` says why."""

    data: str
    n: int
    bound: str
    assumes: str
    complexity: float
    gap: float | None
    note: str
    ms: float
    sums: float


Read = Callable[[Data, float], float]

BOUNDS: dict[str, tuple[str, bool, Read]] = {
    "azuma_hoeffding": ("adapted", False, lambda d, c: gb.azuma_hoeffding(d.plain, complexity=c).value),
    "kl_inverse": ("adapted", False, lambda d, c: gb.kl_inverse(d.plain, complexity=c).value),
    "kl_inf": ("adapted", False, lambda d, c: gb.kl_inf(d.plain, complexity=c).value),
    "howard": ("adapted", True, lambda d, c: gb.howard(d.centred, complexity=c).value),
    "mineiro": ("adapted", True, lambda d, c: gb.mineiro(d.centred, complexity=c).value),
    "empirical_freedman [F25]": ("adapted", True, lambda d, c: gb.empirical_freedman(d.centred, complexity=c).value),
    "geometric_mean": ("adapted", True, lambda d, c: gb.geometric_mean(d.centred, complexity=c).value),
    "mixture": ("adapted", True, lambda d, c: gb.mixture(d.centred, complexity=c).value),
    "capped_geometric_mean": (
        "adapted", True,
        lambda d, c: gb.capped_geometric_mean(d.losses, d.predictions, ceiling=d.ceiling, complexity=c).value,
    ),
    "maurer_pontil": ("IID", False, lambda d, c: gb.maurer_pontil(d.plain, complexity=c).value),
    "empirical_bernstein": ("IID", False, lambda d, c: gb.empirical_bernstein(d.plain, complexity=c).value),
    "kl_inf, one mean": (
        "constant mean", False, lambda d, c: gb.kl_inf(d.plain, complexity=c, assume="constant mean").value
    ),
    "kl_inverse, one mean": (
        "independent", False, lambda d, c: gb.kl_inverse(d.plain, complexity=c, assume="independent").value
    ),
    "floor": ("(a limit)", False, lambda d, c: gb.floor(d.plain, complexity=c).value),
}  # fmt: skip
"""name -> (what it assumes, whether it reads the predictions, how it is read)."""


def gamma(n: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Gamma losses around well-calibrated predictions that wander between 0.5 and 4.5, clipped at 16 nats."""
    rng = np.random.default_rng(0)
    y = 2.5 + 2.0 * np.sin(np.cumsum(rng.normal(0, 0.1, n)))
    return np.minimum(rng.gamma(2.0, y / 2.0), 16.0), y, 16.0, 0.5


def speech(n: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Characters of a trigram model of speeches, scored by a smoothed bigram model; Y is its entropy."""
    length = 1000
    drawn = process("speech").sample(np.random.default_rng(0), n // length, length, 0.0)
    floor = entropy_floor(ALPHA, V)  # of any smoothed prediction, known beforehand
    return drawn.losses.reshape(-1), drawn.predictions.reshape(-1), drawn.ceiling, floor


REASONS: dict[tuple[str, str], str] = {}
"""(peer, refused or failed) -> the first message."""

STREAMS = {"gamma losses": gamma, "n-gram characters": speech}


def timed(job: Callable[[], Any]) -> tuple[Any, float]:
    """(what the job returns, milliseconds)."""
    start = time.perf_counter()
    result = job()
    return result, 1e3 * (time.perf_counter() - start)


def prepare(name: str, n: int) -> Data:
    """The stream and its statistics, the passes interleaved with the plain sum."""
    x, y, ceiling, floor = STREAMS[name](n)

    def one_pass(predictions: np.ndarray | None) -> Wealth:
        wealth = Wealth(ceiling=ceiling, prediction_floor=0.0 if predictions is None else floor)
        wealth.update(x, predictions)
        return wealth

    centred, plain = one_pass(y), one_pass(None)
    rounds = [
        [timed(job)[1] for job in (lambda: one_pass(y), lambda: one_pass(None), lambda: float(np.sum(x)))]
        for _ in range(REPETITIONS)
    ]
    pass_ms, plain_ms, sum_ms = (min(column) for column in zip(*rounds, strict=True))
    return Data(name, x, y, ceiling, centred, plain, pass_ms, plain_ms, sum_ms)


def own_rows(data: Data) -> list[Row]:
    """The library's bounds."""
    rows, n, mean = [], data.losses.size, float(np.mean(data.losses))
    for bound, (assumes, predicts, read) in BOUNDS.items():
        base = data.pass_ms if predicts else data.plain_ms
        for c in BUDGETS:
            if n > ARRAYS.get(bound, n):
                rows.append(Row(data.name, n, bound, assumes, c, None, "arrays", 0.0, 0.0))
                continue
            tries = [timed(lambda read=read, c=c: read(data, c)) for _ in range(1 if bound in ARRAYS else REPETITIONS)]
            ms = (0.0 if bound in ARRAYS else base) + min(took for _, took in tries)
            rows.append(Row(data.name, n, bound, assumes, c, tries[0][0] - mean, "", ms, ms / data.sum_ms))
    return rows


def peer_rows(data: Data, peer: Peer, longest: int) -> list[Row]:
    """A peer's upper end, or why there is none."""
    rows, n, mean = [], data.losses.size, float(np.mean(data.losses))
    for c in BUDGETS:
        alpha, gap, ms, note = 2 * math.exp(-n * c), None, 0.0, "absent" if peer.missing else ""
        if not note and n > longest and alpha > 0:
            note = "too slow"
        if not note:
            try:
                upper, ms = timed(lambda alpha=alpha: peer.upper(data.losses, data.ceiling, alpha))
                gap = None if math.isnan(upper) else upper - mean
                note = "nan" if gap is None else ""
            except (ValueError, ArithmeticError) as error:
                note = "refused" if alpha <= 0 else "failed"
                REASONS.setdefault((peer.name, note), f"n = {n}, C = {c:g}, alpha = {alpha:g}: {error}".splitlines()[0])
        rows.append(Row(data.name, n, peer.name, peer.assumes, c, gap, note, ms, ms / data.sum_ms))
    return rows


def show(rows: list[Row], data: Data) -> None:
    """One table: bounds down, C across."""
    n, mean = data.losses.size, float(np.mean(data.losses))
    print(f"\n{data.name}, n = {n:,}: mean {mean:.6f}, ceiling {data.ceiling:.3f} nats; "
          f"plain sum {data.sum_ms:.3f} ms")  # fmt: skip
    print(
        f"{'value - mean':<27}{'assumes':<14}"
        + "".join(f"{f'C = {c:g}':>11}" for c in BUDGETS)
        + "    time, ms    x sum"
    )
    for name in dict.fromkeys(row.bound for row in rows):
        mine = [row for row in rows if row.bound == name]
        cells = "".join(f"{row.note if row.gap is None else f'{row.gap:.6f}':>11}" for row in mine)
        slowest = max(mine, key=lambda row: row.ms)
        took = f"{slowest.ms:>12.3f}{slowest.sums:>9.0f}" if slowest.ms else f"{'-':>12}{'-':>9}"
        print(f"{name:<27}{mine[0].assumes:<14}{cells}{took}")


def main() -> None:
    """Run, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10^4 and 10^5 tokens, and a tenth of that for slow peers")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    for peer in PEERS:
        print(f"{peer.name:<27}{peer.missing or 'version ' + metadata.version(peer.distribution)}")
    table: list[Row] = []
    for n in (10**4, 10**5) if arguments.quick else (10**4, 10**5, 10**6, 10**7):
        for name in STREAMS:
            data = prepare(name, n)
            rows = own_rows(data)
            for peer in PEERS:
                rows += peer_rows(data, peer, peer.longest // 10 if arguments.quick else peer.longest)
            show(rows, data)
            table += rows
    print("\nBelow zero: an interval for one constant mean, on a stream whose conditional mean changes.")
    for (name, what), message in REASONS.items():
        print(f"{name} {what}: {message}")
    if arguments.json:
        packages = ("numpy", "numba", "python-flint", *(peer.distribution for peer in PEERS if not peer.missing))
        content = {
            "schema": "genbound.benchmarks.bounds/1",
            "question": "How far above the empirical mean is each bound on the same data, and what does it cost?",
            "device": f"CPU, one thread, {platform.machine()}, on cores shared with other work",
            "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}},
            "peers not run": {peer.name: peer.missing for peer in PEERS if peer.missing},
            "peers refused": {f"{name}, {what}": message for (name, what), message in REASONS.items()},
            "rows": [asdict(row) for row in table],
        }
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
