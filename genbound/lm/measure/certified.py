"""What the scaling study keeps of a certificate: every bound, and the rows of the published one and of ours."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from genbound.certificate.certificate import Certificate

WHOLE = "every token"
"""The mode of a certificate that read the whole stream."""

FINZI_ROWS = {
    "complexity": "complexity C ln V",
    "loss_variation": "loss variation Sigma sqrt C",
    "smoothing_cost": "smoothing sqrt(2C)",
}
"""The terms of `finzi_bound` by the names of THEORY 4."""


def certified_bounds(certificate: Certificate) -> dict[str, Any]:
    """One row of measurements.json's `bounds`, in nats per token.

    The complexity is that of the headline, `geometric_mean`, whose description is `label`; other bounds may have won
    with another rate (`labels`). The rows of a decomposition add up to its bound: those of `geometric_mean` are the
    certificate's own; those of `finzi_bound` are the training loss of the model itself, what its description adds to
    it, C ln V, Sigma sqrt(C) and sqrt(2C), the last digit of the sum being put into the loss variation. Where windows
    were sampled it has none: its first term is then no mean loss of the coded model.

    Args:
        certificate: of any description of the model.

    Returns:
        code, label, rate, bits_per_parameter, code_nats, complexity_nats_per_token, loss_original, loss_coded,
        random_guess, floor, n_tokens, mode, labels, bounds, complexities, decompositions.
    """
    content = certificate.content
    headline = content["bounds"]["geometric_mean"]
    coded = certificate.codes[headline["code"]]
    rows = {name: row for name, row in content["bounds"].items() if row is not None}
    decompositions = {"geometric_mean": dict(content["decomposition"])}
    if "finzi_bound" in rows and content["reading"]["mode"] == WHOLE:
        decompositions["finzi_bound"] = finzi_rows(rows["finzi_bound"], content["losses"]["original"])
    return {
        "code": coded.method,
        "label": coded.label,
        "rate": coded.rate,
        "bits_per_parameter": coded.nats / math.log(2) / content["model"]["parameters"],
        "code_nats": coded.nats,
        "complexity_nats_per_token": headline["complexity"],
        "loss_original": content["losses"]["original"],
        "loss_coded": content["losses"]["coded"],
        "random_guess": rows["random_guess"]["value"],
        "floor": rows["floor"]["value"],
        "n_tokens": content["reading"]["n_tokens"],
        "mode": content["reading"]["mode"],
        "labels": {name: row["code"] for name, row in rows.items() if row["code"] is not None},
        "bounds": {name: row["value"] for name, row in rows.items()},
        "complexities": {name: row["complexity"] for name, row in rows.items() if row["complexity"] is not None},
        "decompositions": decompositions,
    }


def finzi_rows(row: dict[str, Any], original: float) -> dict[str, float]:
    """`finzi_bound` split as THEORY 4 splits it; `math.fsum` of the rows is the bound.

    >>> terms = {"empirical risk": 1.25, **dict(zip(FINZI_ROWS.values(), (0.5, 0.25, 0.125)))}
    >>> finzi_rows({"value": 2.125, "terms": terms}, 1.0)["quantization_error"]
    0.25
    """
    terms = row["terms"]
    rows = {"empirical_risk": original, "quantization_error": terms["empirical risk"] - original}
    rows |= {name: terms[label] for name, label in FINZI_ROWS.items()}
    others = sum(Fraction(value) for name, value in rows.items() if name != "loss_variation")
    return rows | {"loss_variation": float(Fraction(row["value"]) - others)}
