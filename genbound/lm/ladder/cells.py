"""The plan of the ladders: which network on which stream for how many tokens, all of it fixed before any run.

A cell is one run: D = ratio x N tokens (rounded down to whole windows), the first of its stream and each read once.
On `sotu` the shipped sizes keep their recipes. Every other network has the recipe, but for its shape, of the shipped
model nearest in size (`plain.nearest_recipe`): learning rates, batch and schedule were tuned on `sotu` alone, and
nothing was tuned after. The streams of the Python ladders are those of `genbound.lm.corpora.python_sources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import GPTNeoXConfig

from genbound.errors import DataError, domain_error
from genbound.lm.corpora import python_sources, sotu
from genbound.lm.corpora.alphabet import V
from genbound.lm.ladder.network import configuration
from genbound.lm.ladder.recipes import RECIPES, TOKENS_PER_PARAMETER, Recipe
from genbound.lm.sources.stream import check_ids
from genbound.lm.train.plain import nearest_recipe

Shape = tuple[int, int, int, int]
"""Hidden size, layers, heads, intermediate size."""

SOTU = "sotu"


def _between(name: str, shape: Shape, *, batch: int, muon: float, adam: float) -> Recipe:
    hidden_size, layers, heads, intermediate_size = shape
    return Recipe(
        name=name, hidden_size=hidden_size, layers=layers, heads=heads, intermediate_size=intermediate_size,
        batch=batch, muon_learning_rate=muon, learning_rate=adam, weight_decay=0.01,
    )  # fmt: skip


OWN: dict[str, Recipe] = {
    **RECIPES,
    "17k": _between("17k", (32, 2, 2, 40), batch=2, muon=0.01, adam=0.02),
    "55k": _between("55k", (48, 2, 3, 160), batch=2, muon=0.01, adam=0.01),
    "170k": _between("170k", (80, 2, 5, 336), batch=4, muon=0.008, adam=0.008),
}
"""The recipes of the characters: the shipped ones, and three between them that nothing was tuned for."""


@dataclass(frozen=True)
class Ladder:
    """Networks of growing size on one stream.

    Attributes:
        vocabulary: of the stream: "sotu", or one of `python_sources`. vocab_size: V.
        packages: the list of packages of a Python stream.
        shapes: of the networks, by nominal size (within 5 % of N, embeddings included and counted once).
        context: T, tokens predicted by a window.
        batch: windows per update; that of the recipe unless given.
    """

    vocabulary: str
    vocab_size: int
    shapes: Mapping[str, Shape] = field(repr=False)
    context: int = 128
    batch: int | None = None
    packages: str = "core"


LADDERS: dict[str, Ladder] = {
    SOTU: Ladder(SOTU, V, {
        name: (OWN[name].hidden_size, OWN[name].layers, OWN[name].heads, OWN[name].intermediate_size)
        for name in ("10k", "17k", "30k", "55k", "100k", "170k", "300k", "530k")
    }),
    "python-bytes": Ladder("bytes", 256, {
        "100k": (64, 2, 4, 192), "170k": (80, 2, 5, 304), "300k": (96, 3, 4, 280), "530k": (128, 3, 4, 384),
        "1M": (144, 4, 6, 544),
    }),
    "python-bpe": Ladder("bpe512", 512, {
        "100k": (64, 2, 4, 128), "170k": (80, 2, 5, 240), "300k": (96, 3, 4, 240), "530k": (128, 3, 4, 344),
        "1M": (144, 4, 6, 512),
    }),
    "off-frontier": Ladder("bytes", 256, {"30k": (32, 2, 2, 96), "100k": (64, 2, 4, 192)}),
    "python-bytes-gpu": Ladder("bytes", 256, {
        "1M": (144, 4, 6, 544), "2M": (192, 5, 6, 624), "4M": (256, 6, 8, 760), "8M": (320, 7, 10, 1120),
        "16M": (416, 8, 13, 1552),
    }, context=512, batch=32, packages="large"),
    "python-bpe-gpu": Ladder("bpe8192", 8192, {
        "1M": (80, 4, 5, 368), "1.6M": (112, 4, 7, 528), "2.5M": (160, 4, 5, 600), "4M": (192, 6, 6, 664),
        "6M": (256, 6, 8, 752),
    }, context=512, batch=32, packages="large"),
    "smoke": Ladder(SOTU, V, {"3k": (16, 1, 1, 16), "6k": (16, 2, 1, 32)}, batch=2),
}  # fmt: skip
"""The ladders by name; `smoke` is for trying things out."""


@dataclass(frozen=True)
class Cell:
    """One run: a network of a ladder, a seed, and how many tokens per parameter it reads.

    Args:
        ladder: one of `LADDERS`.
        name: the nominal size, one of the ladder's.
        seed: of the initial weights, the only randomness of a run: every seed reads the same tokens in the same order.
        tokens_per_parameter: D/N, >= 1; 20 on the compute-optimal frontier.

    Raises:
        DomainError: an unknown ladder or size, a seed or a ratio that is no whole number in range.

    >>> cell = Cell("off-frontier", "30k", tokens_per_parameter=80)
    >>> cell.parameters, cell.tokens, cell.folder.as_posix()
    (29504, 2360320, '.cache/ladders/off-frontier/30k-s0-r80')
    """

    ladder: str
    name: str
    seed: int = 0
    tokens_per_parameter: int = TOKENS_PER_PARAMETER

    def __post_init__(self) -> None:
        if self.ladder not in LADDERS:
            raise domain_error("ladder", self.ladder, f"one of {', '.join(LADDERS)}", "name of a ladder")
        if self.name not in LADDERS[self.ladder].shapes:
            names = ", ".join(LADDERS[self.ladder].shapes)
            raise domain_error("name", self.name, f"one of {names}", f"size in {self.ladder}")
        for symbol, least, meaning in (("seed", 0, "of the weights"), ("tokens_per_parameter", 1, "D/N")):
            value = getattr(self, symbol)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise domain_error(symbol, value, f"a whole number >= {least}", meaning)

    @property
    def of(self) -> Ladder:
        """The ladder itself."""
        return LADDERS[self.ladder]

    @property
    def shape(self) -> Shape:
        """Hidden size, layers, heads, intermediate size."""
        return self.of.shapes[self.name]

    @property
    def recipe(self) -> Recipe:
        """Whose optimisers, schedule and initial scale train it."""
        return OWN[self.name] if self.ladder == SOTU else nearest_recipe(self.parameters)

    @property
    def batch(self) -> int:
        """Windows per update."""
        return self.of.batch or self.recipe.batch

    @property
    def config(self) -> GPTNeoXConfig:
        """The configuration of the network."""
        hidden_size, layers, heads, intermediate_size = self.shape
        return configuration(
            self.recipe, vocab_size=self.vocab_size, hidden_size=hidden_size, num_hidden_layers=layers,
            num_attention_heads=heads, intermediate_size=intermediate_size, max_position_embeddings=self.context,
        )  # fmt: skip

    @property
    def parameters(self) -> int:
        """N: every trained number, counted once (the embedding is the head too)."""
        h, layers, _, m = self.shape
        return self.vocab_size * h + layers * (4 * h * h + 2 * h * m + 9 * h + m) + 2 * h

    @property
    def tokens(self) -> int:
        """D: the tokens predicted, ratio x N rounded down to whole windows. The run reads D + 1."""
        return self.tokens_per_parameter * self.parameters // self.context * self.context

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.of.vocab_size

    @property
    def context(self) -> int:
        """T, tokens predicted by one window."""
        return self.of.context

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What tells it from every other cell: ladder, name, seed, tokens per parameter."""
        return self.ladder, self.name, self.seed, self.tokens_per_parameter

    @property
    def folder(self) -> Path:
        """Where config.json, model.safetensors and training.json are once it is trained, relative to the repository."""
        ratio = "" if self.tokens_per_parameter == TOKENS_PER_PARAMETER else f"-r{self.tokens_per_parameter}"
        return Path(".cache") / "ladders" / self.ladder / f"{self.name}-s{self.seed}{ratio}"

    def training(self) -> NDArray[np.integer[Any]]:
        """The D + 1 tokens the run reads, in order; every one but the first is predicted.

        Raises:
            DataError: the corpus has fewer, is not built, or holds a token outside the vocabulary.
            MissingExtraError: `sotu` is not installed.
        """
        stream = _stream(self.of, heldout=False)
        if len(stream) < self.tokens + 1:
            raise DataError(f"{self.ladder}: {len(stream)} training tokens, need {self.tokens + 1} ({self.name})")
        return self._checked(stream[: self.tokens + 1])

    def heldout(self) -> NDArray[np.integer[Any]]:
        """Tokens of documents of which none is in the training stream.

        Raises:
            DataError: the corpus is not built, or holds a token outside the vocabulary.
            MissingExtraError: `sotu` is not installed.
        """
        return self._checked(_stream(self.of, heldout=True))

    def _checked(self, stream: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        check_ids(stream, self.vocab_size, self.ladder)
        return stream


def _stream(ladder: Ladder, *, heldout: bool) -> NDArray[np.integer[Any]]:
    if ladder.vocabulary == SOTU:
        return sotu.heldout_stream() if heldout else sotu.training_stream()
    part = python_sources.heldout if heldout else python_sources.training
    return part(ladder.vocabulary, ladder.packages)


def _frontier(ladder: str, seeds: tuple[int, ...] = (0,), below: int = 0) -> tuple[Cell, ...]:
    """Every size once, those of at most `below` parameters with all the seeds."""
    found = (Cell(ladder, name, seed) for name in LADDERS[ladder].shapes for seed in seeds)
    return tuple(cell for cell in found if cell.seed == 0 or cell.parameters <= below)


CELLS: dict[str, tuple[Cell, ...]] = {
    SOTU: _frontier(SOTU, seeds=(0, 1, 2), below=110_000),
    "python-bytes": _frontier("python-bytes"),
    "python-bpe": _frontier("python-bpe"),
    "off-frontier": tuple(
        Cell("off-frontier", name, tokens_per_parameter=ratio)
        for name in ("30k", "100k")
        for ratio in (2, 5, 20, 80, 320)
        if (name, ratio) != ("100k", TOKENS_PER_PARAMETER)  # that run is python-bytes 100k
    ),
    "python-bytes-gpu": _frontier("python-bytes-gpu"),
    "python-bpe-gpu": _frontier("python-bpe-gpu"),
}
"""The plan, by ladder."""

GPU = ("python-bytes-gpu", "python-bpe-gpu")
"""Ladders that need a GPU; the others take one core."""

SMOKE = (Cell("smoke", "3k"), *(Cell("smoke", name, seed, 5) for name, seed in (("3k", 0), ("3k", 1), ("6k", 0))))
"""A ladder of a few seconds, to see that everything works."""
