"""hqq: half-quadratic fit of scale and zero point per group, no data; codes packed in bytes (3 bits: ten in int32)."""

from __future__ import annotations

import torch
from common import Job, jobs, leave, linear_layers, load, timed
from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

AXES = {"axis1": 1, "axis0": 0}


def run(job: Job) -> None:
    """Quantize layer by layer."""
    layers = linear_layers(load(job.model, torch.float16))
    config = BaseQuantizeConfig(nbits=job.bits, group_size=job.group, axis=AXES[job.variant])
    weights: dict[str, torch.Tensor] = {}
    stored: dict[str, torch.Tensor] = {}

    def quantize() -> None:
        for name, layer in layers.items():
            done = HQQLinear(layer, config, compute_dtype=torch.float16, device="cpu", del_orig=False)
            weights[f"{name}.weight"] = done.dequantize()
            stored[f"{name}.codes"] = done.W_q.data
            stored[f"{name}.scale"], stored[f"{name}.zero"] = done.meta["scale"], done.meta["zero"]

    seconds = timed(quantize)
    leave(
        job.out, weights, stored, seconds=seconds, packages=("hqq",),
        settings=f"groups of {job.group}, axis {AXES[job.variant]}",
    )  # fmt: skip


if __name__ == "__main__":
    for asked in jobs():
        run(asked)
