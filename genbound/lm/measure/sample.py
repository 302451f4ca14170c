"""Which windows of a stream are measured, and the mean loss of a model on each of them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genbound.errors import DataError, domain_error
from genbound.lm.windows import Windows, evaluate

PURPOSES = ("losses", "calibration", "spectrum")
"""What windows are drawn for: each purpose has random numbers of its own."""


def chosen_windows(windows: int, wanted: int, *, seed: int = 0, purpose: str = "losses") -> NDArray[np.int64]:
    """The `wanted` windows with the least random keys, in the order of the stream; all if there are no more.

    The key of window w depends on the seed, the purpose and w only. Models that were trained on beginnings of one
    stream, however long, are then measured on nested sets of windows: the chosen of a longer beginning that lie in a
    shorter one are among the chosen of that.

    Args:
        windows: how many there are, >= 1.
        wanted: how many to choose, >= 1.
        seed: of the keys.
        purpose: one of PURPOSES.

    Raises:
        DomainError: nothing to choose from, nothing wanted, or an unknown purpose.

    >>> chosen_windows(5, 9).tolist(), chosen_windows(100, 4).tolist()
    ([0, 1, 2, 3, 4], [3, 11, 20, 92])
    """
    if windows < 1:
        raise domain_error("windows", windows, "at least 1", "windows of the stream")
    if wanted < 1:
        raise domain_error("wanted", wanted, "at least 1", "windows to measure")
    if purpose not in PURPOSES:
        raise domain_error("purpose", purpose, f"one of {PURPOSES}", "what windows are drawn for")
    keys = np.random.PCG64([seed, PURPOSES.index(purpose)]).random_raw(windows)
    return np.sort(np.argsort(keys, kind="stable")[:wanted]).astype(np.int64)


def window_losses(
    model: nn.Module, windows: Windows, indices: NDArray[np.int64], vocab_size: int
) -> NDArray[np.float64]:
    """The mean loss of a model on each of the chosen windows, nats per token, shape (k,), float64.

    Raises:
        ModelError: a NaN or infinite logit, or logits of another width than V.
        DataError: a token outside the vocabulary.
    """
    blocks = [block.nll for _, block in evaluate(model, windows, indices, (), vocab_size=vocab_size)]
    return np.concatenate(blocks).reshape(len(indices), windows.length).mean(axis=1)


def paired(losses: ArrayLike, before: ArrayLike) -> tuple[float, float]:
    """(mean difference, its standard error) of mean losses of the same windows; the error is that of the windows.

    Raises:
        DataError: fewer than two windows, or unequal numbers of them.

    >>> paired([1.5, 2.5, 3.5], [1.0, 2.0, 3.0])
    (0.5, 0.0)
    """
    now, then = np.asarray(losses, dtype=np.float64), np.asarray(before, dtype=np.float64)
    if now.shape != then.shape or now.ndim != 1 or now.size < 2:
        raise DataError(f"losses of {now.shape} and {then.shape}: need the same two or more windows")
    differences = now - then
    return float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(differences.size))
