"""README's table of quantizers: genbound's beside those of other packages, at the same real size.

    python paper_figures/quantizers.py

renews the table from experiments/results/quantizers.json (`make bench-quantizers`). Nothing is computed.
"""

from __future__ import annotations

from typing import Any

import readme
import results

BEGIN, END = "<!-- table: paper_figures/quantizers.py -->", "<!-- end of quantizers -->"
SHOWN = ("llmcompressor GPTQ", "llmcompressor GPTQ+mse", "hqq", "torchao affine", "glq e8p", "glq trellis")
SCOPE = "linear"


def table(result: dict[str, Any]) -> list[str]:
    """Loss added to the plain model's, nats per character: the peer's, and ours at its size."""
    rows = [r for r in result["rows"] if r["scope"] == SCOPE and not r["note"]]
    ours = {(r["against"], r["name"]): r for r in rows if r["against"]}
    lines = [
        "| matrices of the 100k model | bits per weight | its loss added | LDLQ | E8 |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        name, _, rate = row["name"].rpartition(", ")
        if row["against"] or name not in SHOWN or rate == "4 bits":
            continue
        mine = [f"{ours[row['name'], code]['excess']:.4f}" for code in ("ldlq", "e8")]
        lines.append(f"| {row['name']} | {row['rate']:.2f} | {row['excess']:.4f} | " + " | ".join(mine) + " |")
    return lines


def main() -> None:
    readme.renew(BEGIN, table(results.read("quantizers")), END)


if __name__ == "__main__":
    main()
