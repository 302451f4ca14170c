"""The hooks that sum second-order statistics while a model runs, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import ModelError


@dataclass(frozen=True, eq=False)
class Hessians:
    """Statistics by parameter name (shared parameters under their first name), per token.

    Attributes:
        tokens: how many tokens they were taken over.
        inputs: H, float64 (in, in), of every linear layer; in memory, or on a `Shelf`.
        rows: diag(G), (out,), of every linear layer; empty when no gradients were taken.
        counts: of each token at the input of an embedding, (vocabulary,).
        embeddings: Fisher information of an embedding by (row sums, column sums), per token.
        vectors: diagonal Fisher information of biases and norm weights.
    """

    tokens: int
    inputs: Mapping[str, NDArray[np.float64]]
    rows: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    embeddings: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    vectors: dict[str, NDArray[np.float64]] = field(default_factory=dict)


class Shelf(Mapping[str, NDArray[np.float64]]):
    """Matrices in files: one is in memory while whoever asked for it keeps it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __setitem__(self, name: str, value: NDArray[np.float64]) -> None:
        path = self._places.setdefault(name, self._folder / f"{len(self._places)}.npy")
        np.save(path, value)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return np.load(self._places[name], allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def is_transposed(module: nn.Module) -> bool:
    """Whether a layer keeps its weight as (in, out): transformers' Conv1D."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf")


def is_linear(module: nn.Module) -> bool:
    """Whether a layer computes y = W x (+ b)."""
    return isinstance(module, nn.Linear) or is_transposed(module)


class Collector:
    """The hooks and the sums they fill."""

    def __init__(self, model: nn.Module, modules: list[nn.Module], gradients: bool) -> None:
        self._gradients = gradients
        self._modules = modules
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}
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
