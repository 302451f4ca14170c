"""A structured model: an architecture, a form, and integers on a grid for each group of trained numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genbound.errors import CodeFormatError
from genbound.lm.codec.architecture import build, layout
from genbound.lm.compress.methods import Form, Structure
from genbound.lm.quantize.model import power


@dataclass(frozen=True, eq=False)
class Group:
    """Trained numbers of one kind: values[i] 2^(step/8), deviations from their initial values.

    Attributes:
        step: eighths of an octave.
        values: int32, shape (size,).
    """

    step: int
    values: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Structured:
    """What a .gbs file says.

    Attributes:
        model_type, config: the architecture, as `genbound.lm.codec.architecture.describe` gives it.
        form: method, seed, rank, blocks, subspace.
        groups: the trained numbers, in the order of `Structure.groups`.
    """

    model_type: str
    config: Mapping[str, Any]
    form: Form
    groups: tuple[Group, ...]

    @property
    def trained(self) -> int:
        """How many numbers are written."""
        return sum(len(group.values) for group in self.groups)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter once, by its name in the model; the same bits on every machine."""
        structure = Structure(layout(self.model_type, dict(self.config)), self.form)
        numbers = [torch.from_numpy(group.values * power(group.step)) for group in self.groups]
        with torch.no_grad():
            return {name: weight.float().numpy() for name, weight in structure.weights(numbers).items()}

    def build(self) -> nn.Module:
        """The transformers model, float32, in eval mode, on the CPU, without gradients.

        Raises:
            CodeFormatError: transformers cannot build the architecture, or a weight is not finite.
        """
        model = build(self.model_type, dict(self.config))
        weights = self.weights()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if not np.isfinite(weights[name]).all():
                    raise CodeFormatError(f"coded model: {name} holds a weight that is not finite")
                parameter.copy_(torch.from_numpy(weights[name]))
        return model.eval().requires_grad_(False)
