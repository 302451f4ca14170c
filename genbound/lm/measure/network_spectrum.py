"""The density of the eigenvalues of a whole network's curvature: the Gauss-Newton matrix of the training loss.

G = mean over tokens of J^T (diag p - p p^T) J, J the derivative of the logits with respect to all parameters: the
Hessian of the mean loss without the curvature of the logits; it is positive semidefinite, and the Fisher information of
the predictions. Products with it come from `curvlinops`. Stochastic Lanczos quadrature gives nodes theta_j and weights
w_j from random starts, sum w_j f(theta_j) being an estimate of tr f(G)/N; the density in ln lambda is that sum of
points, widened to bells as Papyan 2020 (JMLR 21, appendix C.7) does.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import DataError, MissingExtraError, domain_error
from genbound.lm.windows import Windows

WIDTH = 1.04
"""kappa of `curvlinops`: its bells are 2/(steps - 1)/sqrt(8 ln kappa) of the range wide."""


@dataclass(frozen=True)
class NetworkSpectrum:
    """The density of the eigenvalues of G.

    Attributes:
        parameters: N. tokens: the mean runs over.
        steps, starts: of Lanczos, and how many random starts were averaged. seed: of the starts.
        largest: the largest node, close below the largest eigenvalue.
        trace: an estimate of tr G.
        floor: eigenvalues were moved up by this part of the largest, and the grid begins there.
        grid: lambda, geometric. density: of the eigenvalues per unit of lambda; its integral over the grid is 1.
        counts: eigenvalues above each point of the grid, in all N.
    """

    parameters: int
    tokens: int
    steps: int
    starts: int
    seed: int
    largest: float
    trace: float
    floor: float
    grid: tuple[float, ...]
    density: tuple[float, ...]
    counts: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class _Logits(nn.Module):
    """Windows in, the logits of all their tokens out, one row each."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=inputs, use_cache=False).logits.flatten(0, 1)


def _tokens(inputs: Any) -> int:
    """How many a batch holds."""
    return int(inputs.numel())


def gauss_newton(model: nn.Module, windows: Windows, indices: NDArray[np.int64], *, batch: int = 16) -> Any:
    """G of a model on some windows in float64, as a `curvlinops` operator: `G @ v`, `G.shape`.

    Args:
        model: a transformers causal language model; it is copied. windows, indices: of the training stream.
        batch: windows held at once.

    Raises:
        MissingExtraError: `curvlinops` is not installed.
        DataError: no windows.
    """
    try:
        from curvlinops import GGNLinearOperator
    except ImportError as error:
        raise MissingExtraError(
            "the spectrum of a network needs curvlinops-for-pytorch (experiments/spectrum-requirements.txt)"
        ) from error
    if not len(indices):
        raise DataError("windows: none; need at least one")
    own: Any = copy.deepcopy(model).double().eval().requires_grad_(True)
    own.set_attn_implementation("eager")  # the fused kernels have no forward derivative
    device = next(own.parameters()).device
    whole = _Logits(own)
    pairs = (windows.gather(indices[start : start + batch]) for start in range(0, len(indices), batch))
    data = [(inputs.to(device), targets.flatten().to(device)) for inputs, targets in pairs]
    tokens = len(indices) * windows.length
    return GGNLinearOperator(
        whole, nn.CrossEntropyLoss(), list(whole.parameters()), data, check_deterministic=False, num_data=tokens,
        batch_size_fn=_tokens,
    )  # fmt: skip


def network_spectrum(
    model: nn.Module,
    windows: Windows,
    indices: NDArray[np.int64],
    *,
    steps: int = 64,
    starts: int = 4,
    points: int = 256,
    floor: float = 1e-8,
    seed: int = 0,
) -> NetworkSpectrum:
    """The density of the eigenvalues of G on some windows.

    Args:
        model, windows, indices: as `gauss_newton`.
        steps: of Lanczos, at least 3: products with G per start.
        starts: random vectors, at least 1.
        points: of the grid, at least 2.
        floor: the part of the largest eigenvalue below which eigenvalues are not told from zero.
        seed: of the starts.

    Raises:
        MissingExtraError: `curvlinops` is not installed.
        DataError: no windows. DomainError: arguments outside the above.
    """
    for name, value, least in (("steps", steps, 3), ("starts", starts, 1), ("points", points, 2)):
        if value < least:
            raise domain_error(name, value, f"at least {least}", "Lanczos quadrature")
    if not 0 < floor < 1:
        raise domain_error("floor", floor, "0 < floor < 1", "part of the largest eigenvalue")
    operator = gauss_newton(model, windows, indices)
    from curvlinops.papyan2020traces.spectrum import fast_lanczos, lanczos_approximate_log_spectrum_from_iter

    steps = min(steps, operator.shape[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = [fast_lanczos(operator, steps) for _ in range(starts)]
    largest = max(float(nodes.max()) for nodes, _ in found)
    trace = np.mean([float((nodes * vectors[0] ** 2).sum()) for nodes, vectors in found]) * operator.shape[0]
    range_ = (floor * largest, largest)
    parts = [
        lanczos_approximate_log_spectrum_from_iter(each, range_, points, WIDTH, 0.05, floor * largest) for each in found
    ]
    grid = parts[0][0].cpu().numpy()
    density = np.mean([each.cpu().numpy() for _, each in parts], axis=0)
    cells = (density[1:] + density[:-1]) / 2 * np.diff(grid)
    above = np.concatenate([np.cumsum(cells[::-1])[::-1], [0.0]]) / cells.sum()
    return NetworkSpectrum(
        parameters=operator.shape[0], tokens=len(indices) * windows.length, steps=steps, starts=starts, seed=seed,
        largest=largest, trace=float(trace), floor=floor, grid=tuple(grid.tolist()),
        density=tuple((density / cells.sum()).tolist()), counts=tuple((above * operator.shape[0]).tolist()),
    )  # fmt: skip
