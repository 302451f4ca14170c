"""Token statistics in one pass over the logits: everything the bounds need to know about a prediction.

For a token x_k with prediction p_k (a law on V symbols) and smoothed prediction
p_{k,alpha} = (1 - alpha) p_k + alpha / V:

    nll        -ln p_k(x_k)                         the loss of the model itself
    entropy    H(p_k),  varentropy  Var_{p_k}(-ln p_k)
    max_nll    max_x -ln p_k(x)                     the per-context ceiling before smoothing
    rank       #{x : p_k(x) >= p_k(x_k)}            ties count against the model: whoever must name k tokens cannot
                                                    name more of them, and a flat prediction is right in none
    smoothed_nll[a], smoothed_entropy[a]            X_k and Y_k of THEORY section 1, for every alpha at once;
                                                    for a law w >= 1: X_k and U_k of the optimal law of weight w

Losses use a float64 log-sum-exp. The smoothed entropies Y_k are evaluated in float32 and kept within their
a-priori range: Y_k may be *any* function of the past, so its rounding is part of its definition and never of the proof.
So are the slacks z of an optimal law; its U = ln sum e^z is evaluated in float64 and raised by the margin of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import torch

from genbound import smoothing
from genbound.certificate.statistics import tilts
from genbound.errors import DataError, ModelError
from genbound.lm.tilted import slacks

CHUNK_ELEMENTS = 1 << 22
"""Logits converted to float64 at a time on a GPU, or out of the head at a time: bounds the memory whatever n, V."""

CACHE_ELEMENTS = 1 << 17
"""Logits converted to float64 at a time on a CPU (1 MiB): the passes over them find them in the cache."""


@dataclass(frozen=True)
class TokenStatistics:
    """Per-token statistics of a block of n tokens; nats throughout, float64 (rank: int64).

    Shapes: (n,) each, (A, n) for the two smoothed ones, A the number of laws.
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
        alphas: smoothing weights, each in (0, 1), and weights w >= 1 of optimal laws (certificate.statistics.Law).

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
    rank = torch.ge(logits, true, out=mixed).sum(-1).long()
    z.copy_(logits).sub_(top[:, None])
    total = torch.exp(z, out=p).sum(-1)
    log_total = total.log()
    nll = log_total - (true.squeeze(-1).double() - top)
    if alphas:
        small.copy_(p).div_(total[:, None])
    mean = p.mul_(z).sum(-1).div_(total)  # of z = ln p - ln max p
    square = p.mul_(z).sum(-1).div_(total)

    losses, centres = [], []
    entropy = log_total - mean
    for alpha in alphas:
        if tilts(alpha):
            ceiling, slack = _tilted(small, entropy, targets, alpha)
            losses.append(ceiling - slack)
            centres.append(ceiling)
            continue
        loss = -torch.log(torch.exp(-nll) * (1 - alpha) + alpha / vocab_size)
        losses.append(loss.clamp_(0.0, smoothing.ceiling(alpha, vocab_size)))
        torch.add(torch.tensor(alpha / vocab_size), small, alpha=1 - alpha, out=mixed)
        centre = -torch.log(mixed, out=logs).mul_(mixed).sum(-1).double()
        centres.append(centre.clamp_(smoothing.entropy_floor(alpha, vocab_size), smoothing.log_vocabulary(vocab_size)))
    return TokenStatistics(
        nll=nll.cpu().numpy(),
        entropy=entropy.cpu().numpy(),
        varentropy=(square - mean.square()).clamp_(min=0.0).cpu().numpy(),
        max_nll=(log_total + (top - low)).cpu().numpy(),
        rank=rank.cpu().numpy(),
        smoothed_nll=torch.stack(losses).cpu().numpy() if losses else np.empty((0, rows)),
        smoothed_entropy=torch.stack(centres).cpu().numpy() if centres else np.empty((0, rows)),
    )


def _tilted(
    p: torch.Tensor, entropy: torch.Tensor, targets: torch.Tensor, w: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """U, never below ln sum e^z, and z of the tokens that came, in float64."""
    z = slacks(p, entropy, w).double()
    own = z.gather(-1, targets[:, None]).squeeze(-1)
    return z.exp_().sum(-1).log_().add_(smoothing.EVALUATION_MARGIN), own
