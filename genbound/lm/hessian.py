"""Second-order statistics of a model on calibration tokens: what a change of each weight costs, to second
order.

For a linear layer y = W x the loss per token changes by about (1/2) tr(G dW H dW^T), with H = mean x x^T
over the tokens and G = mean g g^T, g the gradient of the summed loss at y when the next tokens are drawn
from the model itself (the Fisher information in its Kronecker form). H enters LDLQ ([QuIP], [GPTQ]); the
diagonal of G says which rows matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import DataError, ModelError, domain_error
from genbound.lm.hessian_hooks import Collector, Hessians, Shelf, is_linear, is_transposed

__all__ = ["Hessians", "Shelf", "collect", "collect_by_layers", "is_linear", "is_transposed", "matrix_bytes"]

Progress = Callable[[int], None]


def collect(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    gradients: bool = True,
    seed: int = 0,
    layers_at_once: int | None = None,
    shelf: Path | None = None,
    progress: Progress | None = None,
) -> Hessians:
    """Statistics of a causal language model over batches of token windows.

    Args:
        model: a Hugging Face causal language model.
        batches: integer arrays or tensors, shape (windows, length) or (length,).
        gradients: also take gradients, with next tokens drawn from the model.
        seed: of those draws.
        layers_at_once: how many modules may be watched in one pass over the batches; None: all in one pass.
        shelf: a folder for the matrices H; with it no more of them than those of one pass are in memory at once, here
            and in `quantize`. None: all stay in memory.
        progress: called with the number of tokens seen, over all passes.

    Raises:
        DataError: no tokens, or tokens that are no integers.
        DomainError: layers_at_once < 1.
        ModelError: activations that are not finite.
    """
    inputs: dict[str, NDArray[np.float64]] | Shelf = {} if shelf is None else Shelf(shelf)
    found = Hessians(0, inputs)
    for part in collect_by_layers(
        model, batches, gradients=gradients, seed=seed, layers_at_once=layers_at_once, progress=progress
    ):
        found = replace(found, tokens=part.tokens)
        for name, value in part.inputs.items():
            inputs[name] = value
        found.rows.update(part.rows)
        found.counts.update(part.counts)
        found.embeddings.update(part.embeddings)
        found.vectors.update(part.vectors)
    return found


def matrix_bytes(model: nn.Module) -> list[int]:
    """What H of every linear layer takes, float64."""
    linear = (module for module in model.modules() if is_linear(module))
    return [8 * int(layer.weight.shape[0 if is_transposed(layer) else 1]) ** 2 for layer in linear]  # type: ignore[union-attr, index]


def collect_by_layers(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    gradients: bool = True,
    seed: int = 0,
    layers_at_once: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Hessians]:
    """The parts of `collect`, one pass over the batches each; a part holds the Hessians of its modules only.

    Modules that share a parameter are watched in the same pass. Arguments and errors are those of `collect`.
    """
    if layers_at_once is not None and layers_at_once < 1:
        raise domain_error("layers_at_once", layers_at_once, "at least 1", "modules watched in one pass")
    kept = list(batches) if layers_at_once is not None else batches
    seen = 0
    for modules in _module_groups(model, layers_at_once):
        part = _pass(model, kept, modules, gradients, seed, seen, progress)
        seen += part.tokens
        yield part


def _module_groups(model: nn.Module, size: int | None) -> list[list[nn.Module]]:
    """Modules with parameters, those that share one together, in groups of at most `size` (or as few as share)."""
    own = [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None]
    if size is None:
        return [own]
    together: list[list[nn.Module]] = []
    place: dict[int, int] = {}
    for module in own:
        parameters = [id(parameter) for parameter in module.parameters(recurse=False)]
        at = next((place[each] for each in parameters if each in place), len(together))
        if at == len(together):
            together.append([])
        together[at].append(module)
        place.update(dict.fromkeys(parameters, at))
    groups: list[list[nn.Module]] = [[]]
    for modules in together:
        if groups[-1] and len(groups[-1]) + len(modules) > size:
            groups.append([])
        groups[-1].extend(modules)
    return groups


def _pass(
    model: nn.Module,
    batches: Iterable[Any],
    modules: list[nn.Module],
    gradients: bool,
    seed: int,
    before: int,
    progress: Progress | None,
) -> Hessians:
    """Statistics of some modules from one pass over the batches."""
    collector = Collector(model, modules, gradients)
    device = next(model.parameters()).device
    generator = torch.Generator(device="cpu").manual_seed(seed)
    training = model.training
    model.eval()
    required = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    for parameter, _ in required:
        parameter.requires_grad_(gradients)
    tokens = 0
    try:
        collector.attach()
        for batch in batches:
            ids = torch.as_tensor(np.asarray(batch) if not torch.is_tensor(batch) else batch)
            if ids.is_floating_point() or ids.numel() == 0:
                raise DataError(f"calibration batch of {ids.dtype} with shape {tuple(ids.shape)}: need integer tokens")
            ids = ids.long().reshape(-1, ids.shape[-1]).to(device)
            with torch.set_grad_enabled(gradients):
                _visit(model, ids, collector, gradients, generator)
            tokens += ids.numel()
            if progress is not None:
                progress(before + tokens)
    finally:
        collector.detach()
        for parameter, flag in required:
            parameter.requires_grad_(flag)
            if gradients:
                parameter.grad = None
        model.train(training)
    if not tokens:
        raise DataError("no calibration tokens")
    return collector.result(tokens)


def _visit(
    model: nn.Module, ids: torch.Tensor, collector: Collector, gradients: bool, generator: torch.Generator
) -> None:
    """One batch, forwards and backwards."""
    logits = model(input_ids=ids, use_cache=False).logits.float()
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("logits: NaN or infinite; every probability must be finite and positive")
    if not gradients:
        return
    flat = logits.reshape(-1, logits.shape[-1])
    drawn = torch.multinomial(torch.softmax(flat.detach(), -1).cpu(), 1, generator=generator).to(ids.device)
    loss = nn.functional.cross_entropy(flat, drawn.squeeze(-1), reduction="sum")
    # Every hook lies on the way from the loss to the embedding; nothing else needs a gradient.
    first = getattr(model, "get_input_embeddings", lambda: None)()
    leaves = {id(first): first.weight} if isinstance(first, nn.Embedding) else {}
    torch.autograd.backward(loss, inputs=list({**leaves, **collector.leaves}.values()) or None)
    collector.leaves.clear()
