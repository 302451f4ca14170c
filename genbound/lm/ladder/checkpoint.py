"""A run on disk: one safetensors file, replaced atomically, from which a killed run continues bit for bit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn


def write(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> None:
    """Replace `path` by these tensors and this JSON header; a kill leaves one of the two whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file(
        {name: tensor.detach().contiguous() for name, tensor in tensors.items()},
        partial,
        metadata={"header": json.dumps(header, sort_keys=True)},
    )
    with open(partial, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The tensors and header of a checkpoint; None when there is none that can be read."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("header", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError):
        return None
    return (tensors, header) if isinstance(header, dict) else None


def training_state(model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> dict[str, torch.Tensor]:
    """Parameters and optimizer states as named tensors (tied parameters once)."""
    state = {f"model/{name}": parameter.detach().clone() for name, parameter in model.named_parameters()}
    for prefix, key, value in _optimizer_entries(optimizers):
        state[prefix + key] = torch.as_tensor(value).detach().clone()
    return state


def restore_training_state(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], tensors: dict[str, torch.Tensor]
) -> None:
    """Put back what `training_state` took."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"model/{name}"])
    for i, optimizer in enumerate(optimizers):
        layout = optimizer.state_dict()
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            kind, *rest = name.split("/")
            if kind == f"optimizer{i}":
                state.setdefault(int(rest[0]), {})[rest[1]] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": layout["param_groups"]})


def _optimizer_entries(optimizers: list[torch.optim.Optimizer]) -> Iterator[tuple[str, str, Any]]:
    for i, optimizer in enumerate(optimizers):
        for index, entries in optimizer.state_dict()["state"].items():
            for key, value in entries.items():
                yield f"optimizer{i}/{index}/", key, value
