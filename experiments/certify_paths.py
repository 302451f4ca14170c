"""Is any bound read off arrays on the wrong side of the exact number, and how far is it from it?

    python experiments/certify_paths.py --count 100000 --jobs 2 --json experiments/results/certify_paths.json

Every bound is computed on random and adversarial inputs and compared with its statement, evaluated naively in Arb
balls (precision doubled until the comparison is decided) and, on one input in a hundred, in 60-digit mpmath.
`--tokens` fixes n: from 8193 on the library multiplies blocks of float64 instead of taking every logarithm.
The last line is `N passed, M failed`; the exit status is 1 if M > 0.

A value passes when it is on the safe side and no further from the truth than 1e-9 of itself or two of its ulps.
Where terms cancel a relative error means nothing: there the distance may be `ROUNDING` of the largest term that
the statement adds and subtracts (D + B + max |Y|, four of its ulps). How often that was needed is reported. The
trivial bounds, B above and 0 below, are on the safe side whatever the statement says.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import platform
import subprocess
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

import mpmath
from exact_cases import Case, draw
from exact_statements import BALLS, DIGITS
from exact_subjects import SUBJECTS, Subject
from flint import arb, ctx

from genbound.concentration import BoundResult
from genbound.errors import DataError

RELATIVE = 1e-9
ROUNDING = 2.0**-50
PRECISIONS = (256, 512, 1024, 2400, 4800)
"""Bits; every sum of floats that occurs is exact at 2400, so that a zero factor is recognised as zero."""

FINE = ("relative", "absolute", "refused")


def verdict(subject: Subject, case: Case, exactly: bool = False) -> str:
    """ "relative", "absolute" (the absolute scale was needed), "refused", or what is wrong; `exactly`: in 60 digits."""
    try:
        result = subject.call(case)
    except DataError:  # predictions that look as if they had been fitted to the losses: no number, none wrong
        return "refused"
    value, outward = result.value, 1.0 if result.side == "upper" else -1.0
    rows = [nats for _, nats in result.terms]
    if not abs(math.fsum([*rows, -value])) <= math.ulp(max(map(abs, rows))):
        return "rows do not add up"
    near = max(RELATIVE * abs(value), 2 * math.ulp(value))
    values = [value, value - outward * near, value - outward * (near + ROUNDING * largest(case, result))]
    at_value, at_near, at_far = (_digits if exactly else _balls)(subject, case, result, values)
    trivial = case.ceiling if result.side == "upper" else 0.0
    if at_value < 0 and value != trivial:
        return "wrong side"
    return "relative" if at_near <= 0 else "absolute" if at_far <= 0 else "too far"


def largest(case: Case, result: BoundResult) -> float:
    """The largest term that the statement adds and subtracts."""
    return case.scale + float(result.tuned.get("shift", 0.0))


def _digits(subject: Subject, case: Case, result: BoundResult, values: list[float]) -> list[int]:
    """Signs of the statement at `values`; differences beyond the 45th digit of the largest term are 0."""
    with mpmath.workdps(60):
        sign = subject.statement(case, result, DIGITS)
        size = 1 + result.n * result.complexity if subject.nats else largest(case, result)
        equal = mpmath.mpf(10) ** -45 * size
        return [int(mpmath.sign(z)) if abs(z) > equal else 0 for z in map(sign, values)]


def _balls(subject: Subject, case: Case, result: BoundResult, values: list[float]) -> list[int]:
    """Signs of the statement at `values`; 0 only where both sides agree to two thousand bits."""
    before, signs = ctx.prec, []
    try:
        for bits in PRECISIONS:
            ctx.prec = bits
            signs = [*map(subject.statement(case, result, BALLS), values)]
            if all(z > 0 or z < 0 for z in signs):
                break
        if not all(z > 0 or z < 0 or (z.is_finite() and z.rad() < arb(2) ** -2000) for z in signs):
            raise ArithmeticError(f"undecided at {PRECISIONS[-1]} bits: {signs}")
        return [1 if z > 0 else -1 if z < 0 else 0 for z in signs]
    finally:
        ctx.prec = before


def run(name: str, seed: int, start: int, stop: int, tokens: int | None = None) -> Counter[str]:
    """Verdicts of cases start..stop - 1 for one bound."""
    counts: Counter[str] = Counter()
    for index in range(start, stop):
        case = draw(seed, index, tokens)
        if case.losses.size < SUBJECTS[name].smallest:
            continue
        checks = {"balls": verdict(SUBJECTS[name], case)}
        if index % 100 == 0:
            checks["digits"] = verdict(SUBJECTS[name], case, exactly=True)
        for arithmetic, result in checks.items():
            counts[f"{arithmetic}: {result}"] += 1
            if result not in FINE:
                print(f"{name} seed {seed} case {index} tokens {tokens} {arithmetic}: {result}", file=sys.stderr)
    return counts


def main() -> int:
    """Run the cases, print the counts, store them if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="inputs per bound")
    parser.add_argument("--long", type=int, default=200, help="inputs per bound of 8192, 8193 and 20,000 tokens")
    parser.add_argument("--bounds", nargs="+", default=list(SUBJECTS), choices=list(SUBJECTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tasks = [(name, None, arguments.count) for name in arguments.bounds]
    tasks += [(name, n, arguments.long) for name in arguments.bounds for n in (8192, 8193, 20_000) if arguments.long]
    pieces = [
        (name, arguments.seed, start, min(start + 5000, count), tokens)
        for name, tokens, count in tasks
        for start in range(0, count, 5000)
    ]
    with multiprocessing.get_context("spawn").Pool(arguments.jobs) as pool:
        results = pool.starmap(run, pieces, chunksize=1)
    bounds: dict[str, dict[str, Counter[str]]] = {}
    for (name, _, _, _, tokens), counts in zip(pieces, results, strict=True):
        row = bounds.setdefault(name, {}).setdefault(f"n = {tokens}" if tokens else "n <= 64", Counter())
        row.update(counts)
    failed = 0
    for name, rows in bounds.items():
        for size, counts in rows.items():
            print(f"{name:<22} {size:<10}", ", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
            failed += sum(number for what, number in counts.items() if not what.endswith(FINE))
    if arguments.json:
        store(arguments.json, arguments.seed, bounds)
    passed = sum(counts.total() for rows in bounds.values() for counts in rows.values()) - failed
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


def store(path: Path, seed: int, bounds: dict[str, dict[str, Counter[str]]]) -> None:
    """Write the counts and what they depend on."""
    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=here).stdout
    content = {
        "schema": "genbound.experiments.certify_paths/1",
        "question": "Is any bound read off arrays on the wrong side of the exact number, and how far is it from it?",
        "commit": commit.strip(),
        "seed": seed,
        "device": "CPU",
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "python-flint", "mpmath")},
        },
        "tolerance": {"relative": RELATIVE, "ulps": 2, "absolute, where terms cancel": ROUNDING},
        "bounds": {name: {size: dict(sorted(c.items())) for size, c in rows.items()} for name, rows in bounds.items()},
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
