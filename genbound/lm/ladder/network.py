"""The network and the optimizers of a recipe: transformers' GPT-NeoX, torch's AdamW and Muon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import nn
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from genbound.errors import ModelError
from genbound.files import write_atomic
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder.recipes import Recipe


def configuration(recipe: Recipe, **changed: int) -> GPTNeoXConfig:
    """The configuration of a recipe's network, with the fields of `changed` in place of its own."""
    fields: dict[str, Any] = {
        "vocab_size": V,
        "hidden_size": recipe.hidden_size,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "intermediate_size": recipe.intermediate_size,
        "max_position_embeddings": recipe.context,
        "initializer_range": recipe.init_std,
        "tie_word_embeddings": recipe.tied,
        "use_parallel_residual": recipe.parallel_residual,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": recipe.rotary_pct,
        },
        "use_cache": False,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    fields.update(changed)
    return GPTNeoXConfig(**fields)


def build_network(recipe: Recipe) -> GPTNeoXForCausalLM:
    """The network of a recipe with its initial weights, float32; the global generator is left alone.

    Raises:
        ModelError: the network does not have `recipe.parameters` parameters.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = GPTNeoXForCausalLM(configuration(recipe))
    found = count_parameters(model)
    if found != recipe.parameters:
        raise ModelError(f"{recipe.name}: {found} parameters, need {recipe.parameters} (the recipe)")
    return model.train()


def count_parameters(model: nn.Module) -> int:
    """Every parameter once, shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def build_optimizers(recipe: Recipe, model: GPTNeoXForCausalLM) -> list[torch.optim.Optimizer]:
    """The optimizers of a recipe, each group carrying its peak rate as `peak`."""
    muon, decayed, plain = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            plain.append(parameter)
        elif recipe.optimizer == "muon" and ".layers." in name:
            muon.append(parameter)
        else:
            decayed.append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            betas=(recipe.beta1, recipe.beta2),
            fused=True,
        )
    ]
    if muon:
        optimizers.append(torch.optim.Muon(muon, lr=recipe.muon_learning_rate, weight_decay=recipe.weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def save_model(model: GPTNeoXForCausalLM, folder: Path) -> None:
    """Write config.json and model.safetensors for `from_pretrained`: equal bytes for equal models."""
    model.config.architectures = [type(model).__name__]
    model.config.dtype = "float32"
    write_atomic(folder / "config.json", model.config.to_json_string(use_diff=True).encode())
    tensors = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    write_atomic(folder / "model.safetensors", save(tensors, metadata={"format": "pt"}))


def load_model(folder: Path) -> GPTNeoXForCausalLM:
    """The model that `save_model` wrote, in evaluation mode (`from_pretrained` without progress bars).

    Raises:
        ModelError: the weights are not those of the configuration.
    """
    config = GPTNeoXConfig.from_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        model = GPTNeoXForCausalLM(config)
    tensors = load_file(folder / "model.safetensors")
    wanted = {name: parameter.shape for name, parameter in model.named_parameters()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if wanted != found:
        name = min(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))
        raise ModelError(f"{folder.name}: tensor {name} has shape {found.get(name)}, need {wanted.get(name)}")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[name])
    return model.eval()
