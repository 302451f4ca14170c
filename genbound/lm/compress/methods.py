"""The six ways of [L24] to train with few numbers, and the form of a model: everything but its trained numbers.

    sublora             LoRA on attention and embedding, in a random subspace; the rest stays at theta_0
    enhanced_sublora    LoRA on every matrix, biases and norms trained, all in a random subspace
    enhanced_lora       the same without a subspace
    monarch             every matrix a Monarch matrix; biases and norms trained
    kronecker           every matrix a Kronecker product; biases and norms trained
    kronecker_subspace  the same in a random subspace

Source: [L24a], arXiv 2312.17173 (SubLoRA); [L24], arXiv 2407.18158 (the other five). What "enhanced" means could not be
read in full: [L24]'s code lets LoRA reach the MLP and gives the head a bias, so it is taken here as LoRA everywhere and
vectors trained. In the ladder's models the head is the embedding, so they share one structure; [L24] keep a random
embedding under a structured head. Query, key and value are one matrix, as GPT-NeoX stores them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from genbound.errors import domain_error
from genbound.lm.codec.architecture import Layout
from genbound.lm.compress import projectors, structures
from genbound.lm.compress.projectors import projector
from genbound.lm.compress.seeds import SEED_LIMIT
from genbound.lm.compress.structures import KroneckerSum, LowRank, Monarch, Origin, Part, Whole, base_values
from genbound.lm.quantize.model import power

SPREAD_LIMIT = 32
PIECE_LIMIT = 1 << 20
WEIGHT_LIMIT = 1 << 22


@dataclass(frozen=True)
class Method:
    """Which structure, where, and whether the numbers lie in a random subspace."""

    structure: str
    everywhere: bool = True
    subspace: bool = False


METHODS: Mapping[str, Method] = {
    "sublora": Method("lora", everywhere=False, subspace=True),
    "enhanced_sublora": Method("lora", subspace=True),
    "enhanced_lora": Method("lora"),
    "monarch": Method("monarch"),
    "kronecker": Method("kronecker"),
    "kronecker_subspace": Method("kronecker", subspace=True),
}
"""In the order of the file's three bits."""


@dataclass(frozen=True)
class Form:
    """What a file says before the trained numbers; all of it may be chosen with the data.

    Attributes:
        method: one of METHODS.
        seed: of initial weights and projector, 0 <= seed < 2^31 - 2.
        rank: r of LoRA and Monarch (0: the published r of Monarch), terms of a Kronecker sum; at most 255.
        blocks: wanted rows and columns of blocks (Monarch, Kronecker), 1 to 255.
        plain_embedding: the embedding is trained number by number instead.
        spread: initial matrix entries have deviation 2^(spread/2).
        projector, dimension: kind and d of the subspace; ("kronecker", 0) without one.

    Raises:
        DomainError: a value out of range.

    >>> Form("enhanced_lora", rank=4).dimension
    0
    >>> Form("sublora", rank=4)
    Traceback (most recent call last):
    genbound.errors.DomainError: d=0: need d > 0 exactly in a subspace (method sublora)
    """

    method: str
    seed: int = 0
    rank: int = 1
    blocks: int = 4
    plain_embedding: bool = False
    spread: int = -5
    projector: str = projectors.KINDS[0]
    dimension: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise domain_error("method", self.method, f"one of {tuple(METHODS)}", "structured training of [L24]")
        if self.projector not in projectors.KINDS:
            raise domain_error("projector", self.projector, f"one of {projectors.KINDS}", "kind of the subspace")
        least = 0 if METHODS[self.method].structure == "monarch" else 1
        for name, low, value, high in (
            ("seed", 0, self.seed, SEED_LIMIT - 1),
            ("rank", least, self.rank, 255),
            ("blocks", 1, self.blocks, 255),
            ("spread", -SPREAD_LIMIT, self.spread, SPREAD_LIMIT),
        ):
            if not low <= value <= high:
                raise domain_error(name, value, f"{low} <= {name} <= {high}", "form of a structured model")
        if METHODS[self.method].subspace != (self.dimension > 0):
            raise domain_error("d", self.dimension, "d > 0 exactly in a subspace", f"method {self.method}")


class Structure:
    """The network's parameters as a function of the trained numbers, which come in groups.

    Args:
        place: names and shapes of the parameters.
        form: how they are made.
        dtype: float32 to train with, float64 to decode with (the same bits on every machine).

    Raises:
        DomainError: more than 2^22 weights or 2^20 numbers, a parameter that is no vector or matrix, d > D.
    """

    def __init__(self, place: Layout, form: Form, dtype: torch.dtype = torch.float64) -> None:
        if place.parameters > WEIGHT_LIMIT:
            raise domain_error("N", place.parameters, f"at most {WEIGHT_LIMIT}", "weights of a structured model")
        self._parts: dict[str, Part] = {}
        for index, (name, shape) in enumerate(zip(place.names, place.shapes, strict=True)):
            structures.require_matrix(name, shape)
            self._parts[name] = _part(name, shape, Origin(form.seed, index, power(4 * form.spread)), form)
        kinds: dict[str, list[tuple[str, str]]] = {}
        for name, part in self._parts.items():
            for piece in part.initial:
                group = f"{name}/{piece}" if len(part.initial[piece].shape) > 1 else "." + name.rpartition(".")[2]
                kinds.setdefault(group, []).append((name, piece))
        order = sorted(kinds, key=lambda group: group.startswith("."))
        self._pieces = [each for group in order for each in kinds[group]]
        initial = [self._parts[name].initial[piece] for name, piece in self._pieces]
        self.pieces_total = sum(value.numel() for value in initial)
        if self.pieces_total > PIECE_LIMIT:
            raise domain_error("D", self.pieces_total, f"at most {PIECE_LIMIT}", "numbers of the structure")
        self._initial = torch.cat([value.flatten() for value in initial]).to(dtype)
        self._shapes = [value.shape for value in initial]
        sizes = {group: sum(self._parts[n].initial[p].numel() for n, p in kinds[group]) for group in order}
        self._project = None
        if form.dimension:
            self._project = projector(form.projector, form.dimension, self.pieces_total, form.seed)
            sizes = {"subspace": form.dimension}
        self.groups: dict[str, int] = sizes
        """How many trained numbers each group holds, in the order of the file."""

    @property
    def enlargement(self) -> float:
        """sqrt(D/d): how much smaller a step in one number of the subspace is for each weight; 1 without one."""
        return math.sqrt(self.pieces_total / sum(self.groups.values()))

    def weights(self, numbers: list[Tensor]) -> dict[str, Tensor]:
        """Every parameter by name, from the groups of trained numbers (deviations from the initial values)."""
        flat = torch.cat(numbers)
        flat = self._initial + (flat if self._project is None else self._project(flat))
        pieces: dict[str, dict[str, Tensor]] = {name: {} for name in self._parts}
        parts = flat.split([shape.numel() for shape in self._shapes])
        for (name, piece), shape, values in zip(self._pieces, self._shapes, parts, strict=True):
            pieces[name][piece] = values.view(shape)
        return {name: part.weight(pieces[name]).to(flat.dtype) for name, part in self._parts.items()}


def _part(name: str, shape: tuple[int, ...], origin: Origin, form: Form) -> Part:
    method = METHODS[form.method]
    embedding = name.endswith(("embed_in.weight", "lm_head.weight", "embed_out.weight"))
    if len(shape) == 1 or (embedding and form.plain_embedding):
        frozen = len(shape) == 1 and not method.everywhere
        return Whole(base_values(name, shape, origin), frozen)
    if not method.everywhere and not embedding and ".attention." not in name:
        return Whole(base_values(name, shape, origin), frozen=True)
    rows, columns = shape
    if method.structure == "monarch":
        return Monarch.of((rows, columns), origin, form.rank, form.blocks)
    if method.structure == "kronecker":
        return KroneckerSum.of((rows, columns), origin, form.rank, form.blocks)
    return LowRank.of((rows, columns), origin, form.rank)
