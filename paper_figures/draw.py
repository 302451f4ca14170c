"""Every figure, from what is stored: `make figures`.

python paper_figures/draw.py [--results FOLDER] [--out FOLDER]

One process draws them all; each script also runs alone. Tables of the README are renewed by their own scripts.
"""

from __future__ import annotations

import importlib
import sys

import results

SCRIPTS = (
    "bound_against_loss", "loss_variation", "breakdown", "information", "bounds_side_by_side", "gap_ratio", "exponents",
    "quantization_error", "spectra", "off_frontier", "ladder", "rates", "prefix_curve",
)  # fmt: skip


def main() -> None:
    for name in SCRIPTS:
        results.main(importlib.import_module(name).draw, name, sys.argv[1:])


if __name__ == "__main__":
    main()
