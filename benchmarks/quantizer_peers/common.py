"""What the runners share: their arguments, the layers they quantize and the files they leave behind.

A runner is a program of its own, in the environment of the packages it runs; nothing of genbound is imported here. It
reads a model folder and calibration windows (an npz with `ids`, int64, windows x length), and for every point
VARIANT/BITS asked for, in that order, leaves in the folder OUT/VARIANT/BITS

    weights.safetensors   the quantized matrices, taken back to float32, by parameter name
    stored.safetensors    what the package keeps of them: codes, scales, zero points, signs, shapes
    result.json           seconds of processor time (without loading), versions, settings
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM


@dataclass(frozen=True)
class Job:
    """One point: a variant of a package at a rate, on a model folder and a calibration file."""

    model: Path
    calibration: Path
    out: Path
    variant: str
    bits: int
    group: int
    seed: int


def jobs() -> Iterator[Job]:
    """What the command line asks for; torch is set to one thread, and its seed before every job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--points", nargs="+", required=True, help="VARIANT/BITS")
    parser.add_argument("--group", type=int, default=64, help="weights that share a scale")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for point in chosen.points:
        variant, _, bits = point.partition("/")
        torch.manual_seed(chosen.seed)
        yield Job(chosen.model, chosen.calibration, chosen.out / point, variant, int(bits), chosen.group, chosen.seed)


def load(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    """The model of a folder, in evaluation mode."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def windows(file: Path) -> torch.Tensor:
    """The calibration windows."""
    with np.load(file, allow_pickle=False) as content:
        return torch.from_numpy(content["ids"])


def linear_layers(model: torch.nn.Module) -> dict[str, torch.nn.Linear]:
    """The linear layers inside the decoder's blocks by name; the output head is left alone, as the packages do."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and ".layers." in name
    }


def timed(job: Callable[[], object]) -> float:
    """The seconds of processor time a job takes: what other work on the machine disturbs least."""
    start = time.process_time()
    job()
    return time.process_time() - start


def leave(
    out: Path,
    weights: dict[str, torch.Tensor],
    stored: dict[str, torch.Tensor],
    *,
    seconds: float,
    settings: str,
    packages: tuple[str, ...],
    code_bits: int | None = None,
) -> None:
    """Write the three files; `code_bits` is due per entry named `.codes` that is stored in whole bytes."""
    out.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().float().contiguous() for name, tensor in weights.items()},
              out / "weights.safetensors")  # fmt: skip
    save_file({name: tensor.detach().contiguous() for name, tensor in stored.items()}, out / "stored.safetensors")
    names = ("torch", "transformers", *packages)
    content = {
        "seconds": seconds,
        "settings": settings,
        "code_bits": code_bits,
        "versions": {name: metadata.version(name) for name in names},
    }
    (out / "result.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
