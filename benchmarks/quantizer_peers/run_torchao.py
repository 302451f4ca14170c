"""torchao: weight-only integers in groups, rounded to nearest or with HQQ's scales; no data.

On a CPU it keeps every code in a whole byte, whatever the rate: `code_bits` says what a code would take when packed.
"""

from __future__ import annotations

import torch
from common import Job, jobs, leave, linear_layers, load, timed, windows
from torchao.core.config import AOBaseConfig
from torchao.prototype.gptq.api import GPTQConfig
from torchao.quantization import Int4WeightOnlyConfig, IntxWeightOnlyConfig, PerGroup, quantize_
from torchao.quantization.quant_primitives import MappingType
from torchao.quantization.quantize_.workflows import IntxChooseQParamsAlgorithm


def configure(job: Job) -> AOBaseConfig:
    """Rounding to nearest between the ends of a group, or with a scale fitted to it."""
    kind, mapping = IntxChooseQParamsAlgorithm.AFFINE, MappingType.ASYMMETRIC
    if job.variant == "hqq-scales":
        kind, mapping = IntxChooseQParamsAlgorithm.HQQ_SCALE_ONLY, MappingType.SYMMETRIC
    return IntxWeightOnlyConfig(
        weight_dtype=getattr(torch, f"int{job.bits}"),
        granularity=PerGroup(job.group),
        mapping_type=mapping,
        intx_choose_qparams_algorithm=kind,
    )


def run(job: Job) -> None:
    """Quantize in place, then take the tensors apart."""
    model = load(job.model, torch.float16)
    layers = linear_layers(model)
    wanted = set(map(id, layers.values()))

    def apply(config: AOBaseConfig) -> None:
        quantize_(model, config, filter_fn=lambda module, _: id(module) in wanted)

    def quantize() -> None:
        if job.variant != "gptq":
            apply(configure(job))
            return
        base = Int4WeightOnlyConfig(group_size=job.group)
        apply(GPTQConfig(step="observe", base_config=base))
        model(input_ids=windows(job.calibration))
        apply(GPTQConfig(step="convert", base_config=base))

    seconds = timed(quantize)
    weights: dict[str, torch.Tensor] = {}
    stored: dict[str, torch.Tensor] = {}
    for name, layer in layers.items():
        weights[f"{name}.weight"] = layer.weight.dequantize()
        stored[f"{name}.codes"], stored[f"{name}.scale"] = layer.weight.qdata, layer.weight.scale
        if layer.weight.zero_point is not None and layer.weight.zero_point.any():
            stored[f"{name}.zero"] = layer.weight.zero_point
    leave(
        job.out, weights, stored, seconds=seconds, packages=("torchao",),
        settings=f"{job.variant}, groups of {job.group}", code_bits=None if job.variant == "gptq" else job.bits,
    )  # fmt: skip


if __name__ == "__main__":
    for asked in jobs():
        run(asked)
