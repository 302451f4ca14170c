"""Second-order statistics of a model on calibration tokens: what a change of each weight costs, to second
order.

For a linear layer y = W x the loss per token changes by about (1/2) tr(G dW H dW^T), with H = mean x x^T
over the tokens and G = mean g g^T, g the gradient of the summed loss at y when the next tokens are drawn
from the model itself (the Fisher information in its Kronecker form). H enters LDLQ ([QuIP], [GPTQ]); the
diagonal of G says which rows matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import DataError, ModelError

Progress = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Hessians:
    """Statistics by parameter name (shared parameters under their first name), per token.

    Attributes:
        tokens: how many tokens they were taken over.
        inputs: H, float64 (in, in), of every linear layer.
        rows: diag(G), (out,), of every linear layer; empty when no gradients were taken.
        counts: of each token at the input of an embedding, (vocabulary,).
        embeddings: Fisher information of an embedding by (row sums, column sums), per token.
        vectors: diagonal Fisher information of biases and norm weights.
    """

    tokens: int
    inputs: dict[str, NDArray[np.float64]]
    rows: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    embeddings: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def is_transposed(module: nn.Module) -> bool:
    """Whether a layer keeps its weight as (in, out): transformers' Conv1D."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf")


def is_linear(module: nn.Module) -> bool:
    """Whether a layer computes y = W x (+ b)."""
    return isinstance(module, nn.Linear) or is_transposed(module)


def collect(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    gradients: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Hessians:
    """Statistics of a causal language model over batches of token windows.

    Args:
        model: a Hugging Face causal language model.
        batches: integer arrays or tensors, shape (windows, length) or (length,).
        gradients: also take gradients, with next tokens drawn from the model.
        seed: of those draws.
        progress: called with the number of tokens seen.

    Raises:
        DataError: no tokens, or tokens that are no integers.
        ModelError: activations that are not finite.
    """
    collector = _Collector(model, gradients)
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
                logits = model(input_ids=ids, use_cache=False).logits.float()
                if not bool(torch.isfinite(logits).all()):
                    raise ModelError("logits: NaN or infinite; every probability must be finite and positive")
                if gradients:
                    drawn = torch.multinomial(
                        torch.softmax(logits.detach(), -1).reshape(-1, logits.shape[-1]).cpu(), 1, generator=generator
                    ).to(device)
                    loss = nn.functional.cross_entropy(
                        logits.reshape(-1, logits.shape[-1]), drawn.squeeze(-1), reduction="sum"
                    )
                    inputs = list(collector.leaves.values()) or None
                    torch.autograd.backward(loss, inputs=inputs)
                    collector.leaves.clear()
            tokens += ids.numel()
            if progress is not None:
                progress(tokens)
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


class _Collector:
    """The hooks and the sums they fill."""

    def __init__(self, model: nn.Module, gradients: bool) -> None:
        self._gradients = gradients
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}
        self._modules = [
            module for module in model.modules() if next(module.parameters(recurse=False), None) is not None
        ]
        self._handles: list[Any] = []
        self._inputs: dict[str, torch.Tensor] = {}
        self._rows: dict[str, torch.Tensor] = {}
        self._counts: dict[str, torch.Tensor] = {}
        self._embedded: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._vectors: dict[str, torch.Tensor] = {}
        self.leaves: dict[int, torch.Tensor] = {}

    def attach(self) -> None:
        for module in self._modules:
            if is_linear(module):
                self._handles.append(module.register_forward_hook(self._linear))
            elif isinstance(module, nn.Embedding):
                self._handles.append(module.register_forward_hook(self._embedding))
            elif all(parameter.ndim == 1 for parameter in module.parameters(recurse=False)):
                self._handles.append(module.register_forward_hook(self._vector))

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.leaves.clear()

    def _name(self, module: nn.Module, attribute: str = "weight") -> str | None:
        parameter = getattr(module, attribute, None)
        return self._names.get(id(parameter)) if parameter is not None else None

    def _watch(self, output: torch.Tensor, visit: Callable[[torch.Tensor], None]) -> None:
        """Have the gradient at an output visited during the backward pass."""
        if self._gradients and output.requires_grad:
            output.register_hook(visit)

    def _linear(self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        name = self._name(module)
        if name is None:
            return
        rows = inputs[0].detach().reshape(-1, inputs[0].shape[-1]).float()
        _add(self._inputs, name, (rows.T @ rows).double())
        bias = self._name(module, "bias")

        def visit(gradient: torch.Tensor) -> None:
            squares = gradient.reshape(-1, gradient.shape[-1]).double().square().sum(0)
            _add(self._rows, name, squares)
            if bias is not None:
                _add(self._vectors, bias, squares)

        self._watch(output, visit)

    def _embedding(self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        name = self._name(module)
        if name is None:
            return
        ids = inputs[0].detach().reshape(-1)
        size = int(module.weight.shape[0])  # type: ignore[union-attr,index]
        _add(self._counts, name, torch.bincount(ids, minlength=size))
        self.leaves[id(module)] = module.weight  # type: ignore[assignment]

        def visit(gradient: torch.Tensor) -> None:
            flat = gradient.reshape(-1, gradient.shape[-1])
            if flat.shape[0] != ids.shape[0]:
                flat = flat.repeat(ids.shape[0] // max(1, flat.shape[0]), 1)
            squares = flat.double().square()
            by_row = torch.zeros(size, dtype=torch.float64, device=flat.device).index_add_(0, ids, squares.sum(1))
            old = self._embedded.get(name)
            by_column = squares.sum(0)
            self._embedded[name] = (by_row, by_column) if old is None else (old[0] + by_row, old[1] + by_column)

        self._watch(output, visit)

    def _vector(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        weight, bias = self._name(module, "weight"), self._name(module, "bias")
        if not torch.is_tensor(output) or (weight is None and bias is None):
            return
        value = output.detach()

        def visit(gradient: torch.Tensor) -> None:
            flat = gradient.reshape(-1, gradient.shape[-1]).double()
            if bias is not None:
                _add(self._vectors, bias, flat.square().sum(0))
            if weight is not None:
                scale = module.weight.detach().double()  # type: ignore[union-attr,operator]
                shift = module.bias.detach().double() if bias is not None else 0.0  # type: ignore[union-attr,operator]
                if scale.shape == flat.shape[1:]:
                    unit = (value.reshape(flat.shape).double() - shift) / torch.where(scale.abs() < 1e-6, 1.0, scale)
                    _add(self._vectors, weight, (flat * unit).square().sum(0))

        self._watch(output, visit)

    def result(self, tokens: int) -> Hessians:
        def mean(sums: dict[str, torch.Tensor]) -> dict[str, NDArray[np.float64]]:
            out = {name: (value / tokens).cpu().numpy() for name, value in sums.items()}
            for name, value in out.items():
                if not np.isfinite(value).all():
                    raise ModelError(f"{name}: activations or gradients that are not finite")
            return out

        counts = {name: value.cpu().numpy().astype(np.int64) for name, value in self._counts.items()}
        pairs = {
            name: (by_row / tokens, by_column / tokens)
            for name, (by_row, by_column) in (
                (name, (a.cpu().numpy(), b.cpu().numpy())) for name, (a, b) in self._embedded.items()
            )
        }
        return Hessians(tokens, mean(self._inputs), mean(self._rows), counts, pairs, mean(self._vectors))


def _add(sums: dict[str, torch.Tensor], name: str, value: torch.Tensor) -> None:
    old = sums.get(name)
    sums[name] = value if old is None else old + value
