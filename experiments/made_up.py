"""Made-up measurements in which nearly every claim is true by construction: for --smoke, and to be spoilt in tests."""

from __future__ import annotations

import math

import numpy as np
from measured import GRID

from genbound.scaling.quantities import Row


def made_up(seed: int = 0) -> list[Row]:
    """Rows of measurements; only Sigma's exponent (.8) and that of the information (.6) are not what was claimed."""
    rng, found = np.random.default_rng(seed), []
    plan = [(ladder, N, 20.0) for ladder in ("sotu", "python-bytes") for N in np.geomspace(1e4, 1e6, 8).round()]
    plan += [(GRID, N, ratio) for N in (3e4, 1e5) for ratio in (2.0, 5.0, 20.0, 80.0, 320.0)]
    for ladder, N, ratio in plan:
        D = N * ratio
        loss = (0.6 + 60 * N**-0.4 + 60 * D**-0.4) * math.exp(0.001 * rng.normal())
        noise = math.exp(0.01 * rng.normal())
        code = 4 * math.log(2) / ratio
        variation, error = (0.27 + 8000 * N**-0.8) * noise * ratio**-0.05, 3 * N**-0.2 * noise * ratio**0.1
        bounds = dict.fromkeys(("finzi_bound", "geometric_mean"), loss + error + variation * code**0.5 + code)
        layer = {"n": round(N**0.5), "exponent": 1.5 * noise, "trace": 1.0,
                 "half_trace_squared_over_n": N**-0.25 * noise, "proxy_predicted": 1.2 * noise,
                 "proxy_measured": 1.0}  # fmt: skip
        found.append({
            "ladder": ladder, "name": {3e4: "30k", 1e5: "100k"}.get(N, f"{N:g}"), "seed": 0, "parameters": N,
            "tokens": D, "tokens_per_parameter": ratio, "loss_train": loss, "loss_heldout": loss,
            "heldout_area_nats": 40 * D**0.6, "hessian": [layer],
            "variation": {"sigma": {"0.2": variation}, "sd_x_minus_y": variation},
            "quantization": [{"code": c, "bits": b, "error": error} for c in ("gptq", "ldlq") for b in (2, 3, 4)],
            "shortest": bounds["geometric_mean"],
            "bounds": [{"code": "gptq", "bounds": bounds, "complexity_nats_per_token": code * noise,
                        "codes": [{"rate": 4.0, "nats": code * D}]}],
        })  # fmt: skip
    return found
