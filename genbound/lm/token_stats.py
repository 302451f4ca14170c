"""Token statistics in one pass over the logits: everything the bounds need to know about a prediction.

For a token x_k with prediction p_k (a law on V symbols) and smoothed prediction
p_{k,alpha} = (1 - alpha) p_k + alpha / V:

    nll        -ln p_k(x_k)                         the loss of the model itself
    entropy    H(p_k),  varentropy  Var_{p_k}(-ln p_k)
    max_nll    max_x -ln p_k(x)                     the per-context ceiling before smoothing
    rank       1 + #{x : p_k(x) > p_k(x_k)}         1 when the true token is (tied for) the most likely
    smoothed_nll[a], smoothed_entropy[a]            X_k and Y_k of THEORY section 1, for every alpha at once

Losses use a float64 log-sum-exp. The smoothed entropies Y_k are evaluated in float32 and kept within their
a-priori range: Y_k may be *any* function of the past, so its rounding is part of its definition and never of the proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from genbound import smoothing
from genbound.errors import DataError, ModelError

CHUNK_ELEMENTS = 1 << 22
"""Logits converted to float64 at a time on a GPU, or out of the head at a time: bounds the memory whatever n, V."""

CACHE_ELEMENTS = 1 << 17
"""Logits converted to float64 at a time on a CPU (1 MiB): the passes over them find them in the cache."""

BATCH_ELEMENTS = 1 << 24
"""Logits a batch of windows may hold at once in the model's own precision; beyond, the head runs in chunks."""


@dataclass(frozen=True)
class TokenStatistics:
    """Per-token statistics of a block of n tokens; nats throughout, float64 (rank: int64).

    Shapes: (n,) each, (A, n) for the two smoothed ones, A the number of alphas.
    """

    nll: np.ndarray
    entropy: np.ndarray
    varentropy: np.ndarray
    max_nll: np.ndarray
    rank: np.ndarray
    smoothed_nll: np.ndarray
    smoothed_entropy: np.ndarray

    @classmethod
    def concatenate(cls, parts: Sequence[TokenStatistics]) -> TokenStatistics:
        """Blocks one after another, along the token axis."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(cls)))


def token_statistics(
    logits: torch.Tensor, targets: torch.Tensor, alphas: Sequence[float] = smoothing.ALPHAS
) -> TokenStatistics:
    """Statistics of the predictions softmax(logits) against the tokens that came.

    Args:
        logits: (..., V), any floating type; must be finite.
        targets: (...) integer tokens in [0, V).
        alphas: smoothing weights, each in (0, 1).

    Raises:
        ModelError: a logit is NaN or infinite (a probability of exactly 0 or NaN cannot be certified).
        DataError: a target outside the vocabulary.
    """
    vocab_size = logits.shape[-1]
    flat = logits.reshape(-1, vocab_size)
    wanted = targets.reshape(-1).to(device=flat.device, dtype=torch.int64)
    if wanted.numel() != flat.shape[0]:
        raise DataError(f"targets: {wanted.numel()} tokens for {flat.shape[0]} predictions")
    outside = wanted[(wanted < 0) | (wanted >= vocab_size)]
    if outside.numel():
        raise DataError(f"token {int(outside[0])}: outside the vocabulary of {vocab_size} symbols")
    with torch.no_grad():
        spare = _Spare.of(flat)
        cuts = pairwise(spare.edges(flat.shape[0]))
        parts = [_chunk(flat[i:j], wanted[i:j], tuple(alphas), spare) for i, j in cuts]
    return TokenStatistics.concatenate(parts)


@dataclass(frozen=True)
class _Spare:
    """Working memory for a few predictions at a time, used again for the next ones: on a CPU it stays in the cache."""

    z: torch.Tensor
    p: torch.Tensor
    small: torch.Tensor
    mixed: torch.Tensor
    logs: torch.Tensor

    @classmethod
    def of(cls, logits: torch.Tensor) -> _Spare:
        tokens, vocab_size = logits.shape
        most = CHUNK_ELEMENTS if logits.is_cuda else min(CACHE_ELEMENTS, CHUNK_ELEMENTS)
        rows = min(tokens, max(3, most // vocab_size))  # 3: see `edges`
        kinds = (torch.float64, torch.float64, torch.float32, torch.float32, torch.float32)
        return cls(*(torch.empty((rows, vocab_size), dtype=kind, device=logits.device) for kind in kinds))

    def edges(self, tokens: int) -> list[int]:
        """Cuts of equal length up to one token, never a single one: torch sums a lone row in an order of its own."""
        parts = max(1, -(-tokens // max(1, len(self.z))))
        return [tokens * part // parts for part in range(parts + 1)]


def _chunk(logits: torch.Tensor, targets: torch.Tensor, alphas: tuple[float, ...], spare: _Spare) -> TokenStatistics:
    """Few passes, each over memory that is at hand: in the model's precision what is exact there, the rest float64."""
    rows, vocab_size = logits.shape
    top, low = logits.amax(-1).double(), logits.amin(-1).double()
    if not bool(torch.isfinite(top - low).all()):
        raise ModelError("logits: NaN or infinite; every next-token probability must be finite and positive")
    z, p, small, mixed, logs = (getattr(spare, f.name)[:rows] for f in fields(spare))
    true = logits.gather(-1, targets[:, None])
    rank = 1 + torch.gt(logits, true, out=mixed).sum(-1).long()
    z.copy_(logits).sub_(top[:, None])
    total = torch.exp(z, out=p).sum(-1)
    log_total = total.log()
    nll = log_total - (true.squeeze(-1).double() - top)
    if alphas:
        small.copy_(p).div_(total[:, None])
    mean = p.mul_(z).sum(-1).div_(total)  # of z = ln p - ln max p
    square = p.mul_(z).sum(-1).div_(total)

    losses, centres = [], []
    for alpha in alphas:
        loss = -torch.log(torch.exp(-nll) * (1 - alpha) + alpha / vocab_size)
        losses.append(loss.clamp_(0.0, smoothing.ceiling(alpha, vocab_size)))
        torch.add(torch.tensor(alpha / vocab_size), small, alpha=1 - alpha, out=mixed)
        centre = -torch.log(mixed, out=logs).mul_(mixed).sum(-1).double()
        centres.append(centre.clamp_(smoothing.entropy_floor(alpha, vocab_size), smoothing.log_vocabulary(vocab_size)))
    return TokenStatistics(
        nll=nll.cpu().numpy(),
        entropy=(log_total - mean).cpu().numpy(),
        varentropy=(square - mean.square()).clamp_(min=0.0).cpu().numpy(),
        max_nll=(log_total + (top - low)).cpu().numpy(),
        rank=rank.cpu().numpy(),
        smoothed_nll=torch.stack(losses).cpu().numpy() if losses else np.empty((0, rows)),
        smoothed_entropy=torch.stack(centres).cpu().numpy() if centres else np.empty((0, rows)),
    )


# --------------------------------------------------------------------------------------------- windows of a stream


@dataclass(frozen=True)
class Windows:
    """A token stream cut into windows of T tokens: window w predicts tokens wT+1 .. wT+T from tokens wT .. wT+T-1.

    The context starts anew in every window (a predictor may read any part of the past, this one reads up to T
    tokens of it). The first token of the stream is conditioned on; a tail shorter than T is not part of the claim.
    """

    tokens: np.ndarray
    context: int

    def __post_init__(self) -> None:
        if len(self.tokens) < 2:
            raise DataError(f"data: {len(self.tokens)} token(s); need at least 2 (one to read, one to predict)")

    @property
    def length(self) -> int:
        """T, the tokens predicted per window."""
        return min(self.context, len(self.tokens) - 1)

    def __len__(self) -> int:
        return (len(self.tokens) - 1) // self.length

    @property
    def n_tokens(self) -> int:
        """n, the tokens the bounds are about."""
        return len(self) * self.length

    def gather(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets of the chosen windows, both (len(indices), T) int64."""
        at = np.asarray(indices, dtype=np.int64)[:, None] * self.length + np.arange(self.length + 1)
        block = torch.from_numpy(np.asarray(self.tokens[at]).astype(np.int64))
        return block[:, :-1], block[:, 1:]


def windows_per_batch(length: int, vocab_size: int) -> int:
    """A fixed batch shape: it depends on the window length and V only, never on the number of workers."""
    return int(max(1, min(64, 8192 // length, BATCH_ELEMENTS // (length * vocab_size))))


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
    A batch is padded to its fixed shape by repeating its last window, and the padding dropped: the numbers of a
    window do not depend on which others were asked for.
    """
    device = next(model.parameters()).device
    size = windows_per_batch(windows.length, vocab_size)
    n_batches = -(-len(indices) // size)
    first = start + (rank - start) % world_size
    head = _Head.of(model, vocab_size) if windows.length * vocab_size * size > BATCH_ELEMENTS else None
    model.eval()
    with torch.inference_mode():
        for batch in range(first, n_batches, world_size):
            chosen = indices[batch * size : (batch + 1) * size]
            padded = np.concatenate([chosen, np.repeat(chosen[-1:], size - len(chosen))])
            inputs, targets = windows.gather(padded)
            inputs, targets = inputs.to(device), targets.to(device)
            if head is None:
                statistics = token_statistics(_logits(model, inputs, vocab_size), targets, alphas)
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
    only when it gives the model's own logits on a probe; otherwise the model runs whole.
    """

    model: nn.Module
    head: nn.Module
    vocab_size: int
    faithful: bool | None = None

    @classmethod
    def of(cls, model: Any, vocab_size: int) -> _Head | None:
        head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
        return None if head is None else cls(model, head, vocab_size)

    def statistics(self, inputs: torch.Tensor, targets: torch.Tensor, alphas: Sequence[float]) -> TokenStatistics:
        if self.faithful is None:
            probe = inputs[:1, :16]
            whole = _logits(self.model, probe, self.vocab_size)
            split = self.head(self._hidden(probe))
            self.faithful = split.shape == whole.shape and torch.allclose(split, whole, rtol=1e-4, atol=1e-4)
        if not self.faithful:
            return token_statistics(_logits(self.model, inputs, self.vocab_size), targets, alphas)
        hidden = self._hidden(inputs).flatten(0, 1)
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
