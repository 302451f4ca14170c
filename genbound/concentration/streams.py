"""What a bound accepts as data: an array, a torch tensor, an iterator of chunks, or a finished statistic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from genbound.errors import DataError


def as_vector(name: str, values: Any) -> np.ndarray:
    """A flat, non-empty float64 copy-if-needed of numbers, a numpy array or a torch tensor (no torch import).

    Raises:
        DataError: empty, not numeric, or complex input.

    >>> as_vector("losses", [[1, 2], [3, 4]])
    array([1., 2., 3., 4.])
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    try:
        raw = np.asarray(values)
        if raw.dtype.kind not in "fiub":
            raise DataError(f"{name}: need real numbers, got dtype {raw.dtype}")
        if raw.dtype.itemsize > 8 and raw.dtype.kind == "f":
            raise DataError(f"{name}: need float64 or narrower, got {raw.dtype} (conversion would round)")
        vector = np.ascontiguousarray(raw, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name}: not an array of numbers ({error})") from error
    if vector.size == 0:
        raise DataError(f"{name}: empty (need at least one token)")
    return vector


def is_stream(values: Any) -> bool:
    """Whether `values` is an iterator of chunks rather than an array of numbers."""
    return isinstance(values, Iterator)


def is_scalar(values: Any) -> bool:
    """Whether `values` is one number rather than an array of them.

    >>> is_scalar(16), is_scalar(np.float64(16.0)), is_scalar([16.0])
    (True, True, False)
    """
    return isinstance(values, (int, float, np.integer, np.floating))


def chunks(losses: Any, predictions: Any = None) -> Iterator[tuple[Any, Any]]:
    """(losses, predictions) blocks of an iterator that yields losses or pairs, or of two parallel iterators.

    >>> [(x, y) for x, y in chunks(iter([[1.0], ([2.0], [3.0])]))]
    [([1.0], None), ([2.0], [3.0])]
    """
    if predictions is not None:
        yield from zip(losses, predictions, strict=True)
        return
    for block in losses:
        if isinstance(block, tuple):
            if len(block) != 2:
                raise DataError(f"losses: a tuple of length {len(block)} in the stream, need (losses, predictions)")
            yield block
        else:
            yield block, None


_LARGEST = 1.7976931348623157e308


def check_stream(losses: Any, predictions: Any, ceiling: float, prediction_floor: float,
                 loss_floor: float = 0.0) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Validated float64 vectors X (n,) and Y ((n,), or (1,) if constant); DataError names the first fault."""
    if predictions is losses:
        raise DataError(
            "predictions: the very array of the losses; predict each loss from earlier tokens only, or leave "
            "predictions out"
        )
    x = as_vector("losses", losses)
    require_within("losses", x, loss_floor, ceiling, "ceiling B")
    if predictions is None:
        return x, np.array([prediction_floor])
    y = as_vector("predictions", predictions)
    if y.size != x.size:
        raise DataError(f"predictions: {y.size} values for {x.size} losses (one prediction per token)")
    require_within("predictions", y, prediction_floor, math.inf, "finite")
    return x, y


def require_within(name: str, values: np.ndarray, low: float, high: float, what: str) -> None:
    """DataError naming the first entry that is NaN, infinite, or outside low <= value <= high."""
    if values.min() >= low and values.max() <= min(high, _LARGEST):  # False for NaN
        return
    first = int(np.argmin((values >= low) & (values <= high) & np.isfinite(values)))
    domain = f"{low!r} <= value <= {high!r} ({what})"
    raise DataError(f"{name}[{first}]={float(values[first])!r}: need {domain}")
