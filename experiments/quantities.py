"""The quantities that are followed over sizes: each a positive number of a row of results/measurements.json.

A quantity is None where the row does not have it (a checkpoint without its training data has no bounds). `fits.py`
fits laws to them, `verdicts.py` judges the paper's claims by them; their definitions stand here once.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
RESULTS = Path(__file__).resolve().parent / "results"
MEASUREMENTS = RESULTS / "measurements.json"
DESCRIPTIONS = RESULTS / "description_length.json"
FIXED_RATE = 4.0
"""Bits per weight of the file whose complexity stands for Finzi et al.'s 4-bit models."""


def rows() -> list[Row]:
    """The measured models, none if nothing was measured yet; the shipped ones with their shortest description.

    Only where Gaussian weights were trained: the best quantizer is no contender for the shortest description.
    """
    if not MEASUREMENTS.is_file():
        return []
    found = json.loads(MEASUREMENTS.read_text(encoding="utf-8"))["rows"]
    shortest = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))["best_without_other_text"]
    for row in found:
        best = shortest.get(row["name"]) if (row["ladder"], row["seed"]) == ("sotu", 0) else None
        if best is not None and best["code"] == "variational":
            row["shortest"] = best["bound"]
    return found


def bound(row: Row) -> Row | None:
    """What was certified of a model with GPTQ."""
    return next((found for found in row.get("bounds") or () if found["code"] == "gptq"), None)


def gap(name: str) -> Callable[[Row], float | None]:
    """A bound of the GPTQ file less the training loss of the model as it was trained."""

    def of(row: Row) -> float | None:
        found = bound(row)
        return None if found is None else found["bounds"][name] - row["loss_train"]

    return of


def shortest_gap(row: Row) -> float | None:
    """geometric_mean of the shortest description without other text, less the same training loss."""
    return row["shortest"] - row["loss_train"] if "shortest" in row else None


def complexity_at_fixed_rate(row: Row) -> float | None:
    """n C/n of the GPTQ file at 4 bits per weight, its tables and header with it."""
    found = bound(row)
    if found is None:
        return None
    return next((code["nats"] / row["tokens"] for code in found["codes"] if code["rate"] == FIXED_RATE), None)


def optimal_complexity(row: Row) -> float | None:
    """The complexity at the rate with the least bound."""
    found = bound(row)
    return None if found is None else found["complexity_nats_per_token"]


def bound_value(row: Row) -> float | None:
    """finzi_bound of the GPTQ file."""
    found = bound(row)
    return None if found is None else found["bounds"]["finzi_bound"]


def sigma(row: Row) -> float | None:
    """Sigma of empirical_freedman at C = .2 for every model alike: only the losses differ."""
    return row["variation"]["sigma"]["0.2"]


def standard_deviation(row: Row) -> float | None:
    """sd(X - Y): the loss less the entropy of the model's own prediction."""
    return row["variation"]["sd_x_minus_y"]


def quantization_error(code: str, bits: int) -> Callable[[Row], float | None]:
    """Loss at a fixed rate less the loss before, on the same tokens."""

    def of(row: Row) -> float | None:
        return next((q["error"] for q in row["quantization"] if (q["code"], q["bits"]) == (code, bits)), None)

    return of


def information(row: Row) -> float | None:
    """Nats of the area between the held-out loss along the run and that of the final model."""
    return row.get("heldout_area_nats")


def _layers(of: Callable[[Row], float | None]) -> Callable[[Row], float | None]:
    def median(row: Row) -> float | None:
        found = [value for value in map(of, row.get("hessian") or ()) if value is not None]
        return statistics.median(found) if found else None

    return median


width = _layers(lambda layer: layer["n"])
"""n, the inputs of a layer, the median over the layers."""

spectrum_exponent = _layers(lambda layer: layer["exponent"])
"""p of lambda_i ~ i^-p, the median over the layers."""

half_trace = _layers(lambda layer: layer["half_trace_squared_over_n"] / layer["trace"])
"""tr(H^{1/2})^2/(n tr H), the median over the layers: QuIP's gain over nearest rounding."""

quip_ratio = _layers(lambda layer: layer["proxy_predicted"] / layer["proxy_measured"])
"""QuIP's formula at mu = 1 over the proxy loss of LDLQ on an endless grid, the median over the layers."""


def points(
    of: Callable[[Row], float | None], found: Iterable[Row], at: str | Callable[[Row], float | None] = "parameters"
) -> list[list[float]]:
    """[size, value, seed] of the rows that have the quantity, by size; a size is a field or a quantity."""
    size = at if callable(at) else lambda row: row[at]
    pairs = [(row, size(row), of(row)) for row in found]
    return sorted([x, value, row["seed"]] for row, x, value in pairs if value is not None and x is not None)


def jsonable(value: Any) -> Any:
    """The same with the open ends of intervals as None: JSON has no infinity."""
    if isinstance(value, dict):
        return {key: jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def shown(row: Row) -> str:
    """An estimate and its interval in print."""
    lower, upper = ("open" if row[end] is None else f"{row[end]:.3g}" for end in ("lower", "upper"))
    return f"{row['estimate']:.3g} [{lower}, {upper}]"
