"""Does a model see the future? Changed later tokens must leave every earlier logit where it was."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from genbound.errors import ModelError
from genbound.lm.checkpoints.weights import context_of, text_config

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 3e-2}
"""How far a logit may move, in standard deviations of the logits: rounding, when a later token changes."""


@torch.inference_mode()
def check_causal(model: nn.Module, tokens: ArrayLike | None = None, *, name: str = "model") -> int:
    """Change later tokens and see that no earlier logit moves.

    For several positions k, every token from k on is replaced; the logits before k must stay what they were,
    up to rounding (`TOLERANCE`).

    Args:
        model: `model(input_ids=ids).logits` has shape (1, T, V).
        tokens: ids to try it with, at least 2; 32 drawn ids by default.
        name: for the message.

    Returns:
        V, the width of the logits.

    Raises:
        ModelError: a logit moved (the position is named), there are no logits of that shape, or not all are finite.
    """
    place = next(model.parameters()).device
    if tokens is None:
        known = getattr(text_config(model), "vocab_size", None) or 2
        length = max(2, min(32, context_of(model) or 32))
        tokens = np.random.default_rng(0).integers(0, known, length)
    ids = torch.as_tensor(np.asarray(tokens, dtype=np.int64)).reshape(1, -1).to(place)
    length = ids.shape[1]
    if length < 2:
        raise ModelError(f"{name}: {length} tokens: need at least 2 to see whether the model is causal")
    before = _logits(model, ids, name)
    if not bool(torch.isfinite(before).all()):
        raise ModelError(f"{name}: NaN or infinite logits: every next-token probability must be finite and positive")
    width = before.shape[-1]
    allowed = TOLERANCE.get(before.dtype, 3e-2) * float(before.float().std())
    allowed += 4 * torch.finfo(before.dtype).eps * float(before.float().abs().max())
    low, high = (int(ids.min()), int(ids.max())) if ids.min() < ids.max() else (0, 1)
    for k in sorted({1, length // 2, length - 1}):
        changed = ids.clone()
        changed[:, k:] = torch.where(ids[:, k:] == low, high, low)
        moved = (_logits(model, changed, name)[0, :k] - before[0, :k]).float().abs().amax(dim=-1)
        if float(moved.max()) > allowed:
            j = int(moved.argmax())
            raise ModelError(
                f"{name}: not causal: changing the tokens from {k} on moves the logits after token {j}"
                f" by {float(moved[j]):.3g}: not a next-token predictor"
            )
    return width


def _logits(model: nn.Module, ids: torch.Tensor, name: str) -> torch.Tensor:
    logits = getattr(model(input_ids=ids), "logits", None)
    if not isinstance(logits, torch.Tensor) or logits.ndim != 3 or logits.shape[:2] != ids.shape:
        raise ModelError(f"{name}: gives no logits of shape (1, {ids.shape[1]}, V): not a causal language model")
    return logits
