"""A token stream cut into windows, and a model run over them batch by batch, in batches of a fixed shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import nn

from genbound.errors import DataError, DomainError, ModelError
from genbound.lm.token_stats import CHUNK_ELEMENTS, TokenStatistics, token_statistics

BATCH_ELEMENTS = 1 << 24
"""Logits a batch of windows may hold at once in the model's own precision; beyond, the head runs in chunks."""

PROBE_TOKENS = 64


@dataclass(frozen=True)
class Windows:
    """A token stream cut into windows of T tokens: window w predicts tokens wT+1 .. wT+T from tokens wT .. wT+T-1.

    The context starts anew in every window (a predictor may read any part of the past, this one reads up to T
    tokens of it). With a lead, window w reads `lead` tokens more, those before token wT (ahead of the stream: the
    token 0), and predicts none of them: its first predictions then have a past as well. The first token of the stream
    is conditioned on; a tail shorter than T is not part of the claim.

    A sample that somebody else drew is a concatenation of windows of T + 1 tokens that have nothing to do with each
    other (`separate`): window w then reads tokens w(T+1) .. w(T+1)+T-1 and predicts the ones after them.
    """

    tokens: np.ndarray
    context: int
    separate: bool = False
    lead: int = 0

    def __post_init__(self) -> None:
        if len(self.tokens) < 2:
            raise DataError(f"data: {len(self.tokens)} token(s); need at least 2 (one to read, one to predict)")
        if self.lead and self.separate:
            raise DomainError(f"lead={self.lead}: windows that have nothing to do with each other have none")

    @property
    def length(self) -> int:
        """T, the tokens predicted per window."""
        return min(self.context, len(self.tokens) - 1)

    @property
    def width(self) -> int:
        """Tokens read per window: the lead and T."""
        return self.lead + self.length

    @property
    def stride(self) -> int:
        """Tokens from the beginning of one window to that of the next."""
        return self.length + self.separate

    def __len__(self) -> int:
        return (len(self.tokens) - (not self.separate)) // self.stride

    @property
    def n_tokens(self) -> int:
        """n, the tokens the bounds are about."""
        return len(self) * self.length

    def gather(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs (len(indices), lead + T) and targets (len(indices), T) of the chosen windows, int64."""
        at = np.asarray(indices, dtype=np.int64)[:, None] * self.stride + np.arange(-self.lead, self.length + 1)
        block = np.asarray(self.tokens[np.maximum(at, 0)]).astype(np.int64)
        block[at < 0] = 0
        return torch.from_numpy(block[:, :-1]), torch.from_numpy(block[:, self.lead + 1 :])


def windows_per_batch(width: int, vocab_size: int) -> int:
    """A fixed batch shape: it depends on the tokens read per window and V only, never on the number of workers."""
    return int(max(1, min(64, 8192 // width, BATCH_ELEMENTS // (width * vocab_size))))


def evaluate(
    model: nn.Module,
    windows: Windows,
    indices: np.ndarray,
    alphas: Sequence[float],
    *,
    vocab_size: int,
    start: int = 0,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[tuple[int, TokenStatistics]]:
    """Statistics of the windows `indices`, batch by batch: yields (batch number, statistics).

    Batches from `start` on, those with number = rank modulo world_size, so that several workers share one list.
    A batch is padded to its fixed shape by repeating its last window, and the padding dropped.
    """
    device = next(model.parameters()).device
    size = windows_per_batch(windows.width, vocab_size)
    n_batches = -(-len(indices) // size)
    first = start + (rank - start) % world_size
    model.eval()
    with torch.inference_mode():
        head = None
        if windows.width * vocab_size * size > BATCH_ELEMENTS:
            head = _Head.of(model, vocab_size, windows.gather(np.zeros(1))[0][:, :PROBE_TOKENS].to(device))
        for batch in range(first, n_batches, world_size):
            chosen = indices[batch * size : (batch + 1) * size]
            padded = np.concatenate([chosen, np.repeat(chosen[-1:], size - len(chosen))])
            inputs, targets = windows.gather(padded)
            inputs, targets = inputs.to(device), targets.to(device)
            if head is None:
                statistics = token_statistics(_logits(model, inputs, vocab_size)[:, windows.lead :], targets, alphas)
            else:
                statistics = head.statistics(inputs, targets, alphas)
            keep = len(chosen) * windows.length
            yield (
                batch,
                TokenStatistics(*(getattr(statistics, f.name)[..., :keep] for f in fields(TokenStatistics))),
            )


def _logits(model: nn.Module, inputs: torch.Tensor, vocab_size: int) -> torch.Tensor:
    logits = model(input_ids=inputs, use_cache=False).logits
    if logits.shape[-1] != vocab_size:
        raise ModelError(f"logits: width {logits.shape[-1]}, expected the vocabulary of {vocab_size}")
    return logits


@dataclass
class _Head:
    """Runs the body of a causal LM once and its head a few hundred tokens at a time.

    Whatever the model does to its logits after the head (a soft cap, a scale) would be lost, so the split is used
    only when it gives the model's own logits on a probe; otherwise the model runs whole. The probe is the beginning of
    the stream, so every worker and every continued run decides alike.
    """

    model: nn.Module
    head: nn.Module
    vocab_size: int

    @classmethod
    def of(cls, model: Any, vocab_size: int, probe: torch.Tensor) -> _Head | None:
        """The split, or None where the model has no head or does more to its logits than the head does."""
        head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
        if head is None:
            return None
        split = cls(model, head, vocab_size)
        whole, found = _logits(model, probe, vocab_size), head(split._hidden(probe))
        same = found.shape == whole.shape and torch.allclose(found, whole, rtol=1e-4, atol=1e-4)
        return split if same else None

    def statistics(self, inputs: torch.Tensor, targets: torch.Tensor, alphas: Sequence[float]) -> TokenStatistics:
        hidden = self._hidden(inputs)[:, -targets.shape[1] :].flatten(0, 1)
        flat = targets.flatten()
        step = max(1, CHUNK_ELEMENTS // self.vocab_size)
        return TokenStatistics.concatenate(
            [
                token_statistics(self.head(hidden[i : i + step]), flat[i : i + step], alphas)
                for i in range(0, len(flat), step)
            ]
        )

    def _hidden(self, inputs: torch.Tensor) -> torch.Tensor:
        with _captured_input(self.head) as seen:
            self.model(input_ids=inputs, use_cache=False)
        if len(seen) != 1:
            raise ModelError(f"output head: called {len(seen)} times in one forward pass, expected once")
        return seen[0]


@contextmanager
def _captured_input(head: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Within: the head keeps what it is given and returns a single column instead of V."""
    seen: list[torch.Tensor] = []

    def tap(hidden: torch.Tensor) -> torch.Tensor:
        seen.append(hidden)
        return hidden[..., :1]

    original = head.forward
    head.forward = tap  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        head.forward = original  # type: ignore[method-assign]
