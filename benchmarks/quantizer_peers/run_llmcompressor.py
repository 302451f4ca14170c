"""llmcompressor's GPTQ: feedback along the columns, weights in groups; saved as it saves, packed into int32."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from common import Job, jobs, leave, linear_layers, load, timed, windows
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.gptq import GPTQModifier
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils.quantization_config import CompressedTensorsConfig

VARIANTS = {
    "symmetric": {"symmetric": True, "observer": "memoryless_minmax"},
    "asymmetric-mse": {"symmetric": False, "observer": "memoryless_mse"},
}
"""The package's defaults, and its best for few bits: a zero point per group, ranges that minimise the square."""


def run(job: Job) -> None:
    """Quantize, save compressed, load what was saved."""
    model = load(job.model, torch.float16)
    names = list(linear_layers(model))
    ids = windows(job.calibration).tolist()
    data = Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids]})
    scheme = {"num_bits": job.bits, "type": "int", "strategy": "group", "group_size": job.group}
    recipe = GPTQModifier(
        config_groups={"group_0": {"targets": ["Linear"], "weights": scheme | VARIANTS[job.variant]}},
        ignore=["lm_head", "embed_out"],
    )
    seconds = timed(
        lambda: oneshot(
            model=model, dataset=data, recipe=recipe, max_seq_length=len(ids[0]), num_calibration_samples=len(ids)
        )
    )
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved, save_compressed=True)
        content = load_file(Path(saved) / "model.safetensors")
        again = AutoModelForCausalLM.from_pretrained(
            saved, dtype=torch.float16, quantization_config=CompressedTensorsConfig(run_compressed=False)
        )
    weights = {f"{name}.weight": again.get_submodule(name).weight for name in names}
    stored = {key: value for key, value in content.items() if any(key.startswith(f"{name}.weight_") for name in names)}
    if not stored or len(set(stored)) < 2 * len(names):
        raise SystemExit(f"the saved model does not hold codes and scales of every layer: {sorted(content)}")
    leave(
        job.out, weights, stored, seconds=seconds, packages=("llmcompressor", "compressed-tensors"),
        settings=f"GPTQ, groups of {job.group}, {job.variant}",
    )  # fmt: skip


if __name__ == "__main__":
    for asked in jobs():
        run(asked)
