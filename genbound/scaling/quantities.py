"""The quantities that are followed over sizes: each a number of a row of measurements, a plain dictionary.

The rows are those of `genbound.lm.measure.row`. A quantity is None where the row does not have it: a checkpoint without
its training data has no bounds. Fits, verdicts and figures all read these.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = dict[str, Any]
Quantity = Callable[[Row], float | None]

FIXED_RATE = 4.0
"""Nominal bits per weight of the file whose complexity stands for Finzi et al.'s 4-bit models; entropy coded after."""

GPTQ = "gptq"


def certified(row: Row, code: str = GPTQ) -> Row | None:
    """What was certified of a model with a code."""
    return next((found for found in row.get("bounds") or () if found["code"] == code), None)


def bound(name: str, code: str = GPTQ) -> Quantity:
    """A bound of the quantized file, at the rate that suits it."""

    def of(row: Row) -> float | None:
        found = certified(row, code)
        return None if found is None else found["bounds"].get(name)

    return of


def gap(name: str) -> Quantity:
    """A bound of the GPTQ file less the training loss of the model as it was trained."""

    def of(row: Row) -> float | None:
        value = bound(name)(row)
        return None if value is None else value - row["loss_train"]

    return of


def part(name: str, row_name: str) -> Quantity:
    """A row of the decomposition of a bound of the GPTQ file, such as complexity."""

    def of(row: Row) -> float | None:
        found = certified(row)
        return None if found is None else found["decompositions"].get(name, {}).get(row_name)

    return of


def shortest(studied: Mapping[str, Any] | None, row: Row) -> Row | None:
    """The best description of a shipped model's stream without other text: bound, its choice paid, and code_nats.

    None where no Gaussian weights were trained: the best quantizer is no contender for the shortest description.

    Args:
        studied: results/description_length.json.
        row: of any model.
    """
    if studied is None or (row["ladder"], row["seed"]) != ("sotu", 0):
        return None
    best = studied["best_without_other_text"].get(row["name"])
    if best is None or best["code"] != "variational":
        return None
    own = [each for each in studied["rows"] if each["stream"] == row["name"] and not each["centred"]]
    return {"bound": best["bound"], "code_nats": min(own, key=lambda each: each["bound"])["code_nats"]}


def shortest_gap(row: Row) -> float | None:
    """geometric_mean of the shortest description (the field `shortest`), less the same training loss."""
    return row["shortest"] - row["loss_train"] if row.get("shortest") is not None else None


def complexity_at_fixed_rate(row: Row) -> float | None:
    """Nats per token of the GPTQ file at 4 nominal bits per weight: entropy coded, its tables and header with it."""
    found = certified(row)
    if found is None:
        return None
    return next((code["nats"] / row["tokens"] for code in found["codes"] if code["rate"] == FIXED_RATE), None)


def optimal_complexity(row: Row) -> float | None:
    """The complexity at the rate with the least bound."""
    found = certified(row)
    return None if found is None else found["complexity_nats_per_token"]


def sigma(row: Row) -> float | None:
    """Sigma of empirical_freedman at C = .2 for every model alike: only the losses differ."""
    return row["variation"]["sigma"]["0.2"]


def standard_deviation(row: Row) -> float | None:
    """sd(X - Y): the loss less the entropy of the model's own prediction."""
    return row["variation"]["sd_x_minus_y"]


def quantization_error(code: str, bits: int) -> Quantity:
    """Loss at a fixed rate less the loss before, on the same tokens."""

    def of(row: Row) -> float | None:
        return next((q["error"] for q in row["quantization"] if (q["code"], q["bits"]) == (code, bits)), None)

    return of


def information(row: Row) -> float | None:
    """Nats of the area between the held-out loss along the run and that of the final model.

    Finzi et al.'s measure: what coding the data while learning costs beyond the final loss. It bounds from above what
    the model learned, loosely: while the learning rate is high the loss is too, and the area grows as tokens do.
    """
    return row.get("heldout_area_nats")


def _layers(of: Quantity) -> Quantity:
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


def points(of: Quantity, found: Iterable[Row], at: str | Quantity = "parameters") -> list[list[float]]:
    """[size, value, seed] of the rows that have the quantity, by size; a size is a field or a quantity."""
    size = at if callable(at) else lambda row: row[at]
    pairs = [(row, size(row), of(row)) for row in found]
    return sorted([x, value, row["seed"]] for row, x, value in pairs if value is not None and x is not None)
