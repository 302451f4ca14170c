"""The entropy coder alone: bits per symbol against the entropy, and symbols per second against a memory copy.

python benchmarks/coder.py [--symbols 4000000]
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from genbound.lm.codec.rangecoder import Reader, Writer
from genbound.lm.codec.tables import ClassTables, reach


def measure(symbols: int, scale: float, seed: int = 0) -> dict[str, float]:
    """One Gaussian of `scale` steps, rounded to integers."""
    index = round(4 * math.log2(scale))
    bound = reach(index)
    q = np.rint(np.random.default_rng(seed).normal(0, scale, symbols)).astype(np.int32).clip(-bound, bound) + bound
    _, counts = np.unique(q, return_counts=True)
    entropy = -float((counts / symbols * np.log2(counts / symbols)).sum())
    start = time.perf_counter()
    writer = Writer()
    ClassTables(0, 2).code(writer, index, q, symbols)
    data = writer.getvalue()
    encoded = time.perf_counter()
    back = ClassTables(0, 2).code(Reader(data), index, q[:0], symbols)
    decoded = time.perf_counter()
    if not np.array_equal(back, q):
        raise SystemExit("the symbols did not survive")
    copying = time.perf_counter()
    q.copy()
    copied = time.perf_counter() - copying
    return {
        "scale": scale,
        "symbols": symbols,
        "entropy_bits": entropy,
        "coded_bits": 8 * len(data) / symbols,
        "excess_percent": 100 * (8 * len(data) / symbols / entropy - 1),
        "encode_million_per_second": symbols / (encoded - start) / 1e6,
        "decode_million_per_second": symbols / (decoded - encoded) / 1e6,
        "copy_million_per_second": symbols / copied / 1e6,
    }


def main() -> None:
    """Print one line per case: coded bits over entropy, and the time over that of copying the symbols."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=4_000_000)
    symbols = parser.parse_args().symbols
    for count in sorted({10_000, symbols}):
        for scale in (0.5, 1.0, 2.0, 4.0, 16.0):
            case = measure(count, scale)
            copy = case["copy_million_per_second"]
            print(
                f"{count:>9,} symbols of {case['entropy_bits']:.3f} bits entropy:"
                f" coded {1 + case['excess_percent'] / 100:.5f} x entropy,"
                f" encode {copy / case['encode_million_per_second']:6.0f} x,"
                f" decode {copy / case['decode_million_per_second']:6.0f} x the time of a copy"
            )


if __name__ == "__main__":
    main()
