"""What identifies weights: their hash; and how far the configuration lets a model read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from torch import nn

from genbound.errors import ModelError

_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")


def weights_sha256(model: nn.Module) -> str:
    """SHA-256 over the saved tensors in name order: name, dtype, shape, bytes.

    Shared tensors count once, under the first of their names.
    """
    digest, seen = hashlib.sha256(), set()
    for name, tensor in sorted(model.state_dict().items()):
        place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        digest.update(f"{name}\0{str(tensor.dtype).removeprefix('torch.')}\0{list(tensor.shape)}\0".encode())
        flat = tensor.detach().reshape(-1)
        step = 1 << 24
        for start in range(0, flat.numel(), step):
            digest.update(flat[start : start + step].cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


_NOT_THE_FUNCTION = {
    "_name_or_path", "_commit_hash", "architectures", "dtype", "torch_dtype", "transformers_version", "use_cache",
}  # fmt: skip


def config_sha256(model: nn.Module) -> str:
    """SHA-256 of what the configuration says about the function the weights compute (activation, norms, rotary...)."""
    config: Any = model.config
    values = {key: value for key, value in config.to_dict().items() if key not in _NOT_THE_FUNCTION}
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def cast_parameters(model: nn.Module, dtype: torch.dtype) -> None:
    """Change the floating type of the parameters; buffers (rotary frequencies) keep theirs, as transformers has it."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def check_finite(model: nn.Module, name: str) -> None:
    """Refuse weights that no code can hold.

    Raises:
        ModelError: a parameter is NaN or infinite; it is named.
    """
    for key, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise ModelError(f"{name}: {key} holds NaN or infinite weights: such a model cannot be certified")


def text_config(model: nn.Module) -> Any:
    """The configuration of the language model (its text part, where there are others), or None."""
    config: Any = getattr(model, "config", None)
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def context_of(model: nn.Module) -> int | None:
    """The longest window the configuration allows, in tokens; None where it does not say."""
    config = text_config(model)
    for key in _CONTEXT_KEYS:
        value = getattr(config, key, None)
        if isinstance(value, int) and 0 < value < 1 << 30:
            return value
    return None
