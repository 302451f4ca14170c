"""One pass over the tokens, every bound afterwards: the mergeable statistic of a loss stream (THEORY 6).

The bounds with U = Y + D need mean Y, mean X and mean ln(D + Y - X) for the shift D that turns out best.
Since ln(D + .) is concave, splitting each bet W = Y - X between two neighbouring nodes of a fixed grid
lower-bounds that mean for every D at once. The content is integers only: chunks and workers merge in any
order, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from flint import arb

from genbound.certified import ball, down, precision, up
from genbound.concentration.binning import BITS, CHUNK, MAX_TOKENS, Grid, kernel
from genbound.concentration.streams import check_stream
from genbound.errors import DataError, domain_error

FORMAT = "genbound-wealth/1"
_LIMB = 62
_SUMS = ("loss_down", "loss_up", "prediction_down", "prediction_up")


class Wealth:
    """The statistic of losses X_k and predictable centres Y_k that every bound with U = Y + D is read from.

    Nodes are h = 2^(k-13) apart for ceiling - prediction_floor in (2^(k-1), 2^k] nats (range 16: h = 2^-9);
    a bet above the top node (at least the range above zero) counts as the top node, which is safe.

    Read it as often as you like while it fills: with one log_inv_delta, `geometric_mean`, `empirical_freedman`,
    `mixture` and `kl_inf` hold for all n simultaneously.

    Args:
        ceiling: B, nats per token; X_k <= B under the true law, not only on the data.
        prediction_floor: a constant <= every Y_k, nats per token; fixed beforehand.

    Raises:
        DomainError: ceiling <= prediction_floor, or outside 2^-900..2^40.

    >>> import numpy as np
    >>> wealth = Wealth(ceiling=16.0)
    >>> wealth.update([1.0, 2.0], predictions=[1.5, 1.5])
    >>> wealth.n, wealth.mean_loss, wealth.mean_prediction
    (2, 1.5, 1.5)
    >>> other = Wealth(ceiling=16.0)
    >>> other.update(np.array([2.0]), predictions=np.array([1.5]))
    >>> parts = Wealth(ceiling=16.0)
    >>> parts.update([1.0], predictions=[1.5])
    >>> other.merge(parts) == wealth
    True
    """

    def __init__(self, *, ceiling: float, prediction_floor: float = 0.0,
                 _engine: Literal["auto", "numpy", "numba"] = "auto") -> None:  # fmt: skip
        for symbol, value in (("ceiling", ceiling), ("prediction_floor", prediction_floor)):
            if not math.isfinite(value):
                raise domain_error(symbol, value, "a finite number of nats", "range of the losses")
        self.grid = Grid.of(float(ceiling), float(prediction_floor))
        self._engine = _engine
        self._n = 0
        self._weights = np.zeros(self.grid.top + 2, dtype=np.int64)
        self._sums: dict[str, int] = dict.fromkeys(_SUMS, 0)
        self._largest = -math.inf
        self._occupied: tuple[list[float], list[int]] | None = None  # nodes and weights as last read

    # -- filling -------------------------------------------------------------------------------------------

    def update(self, losses: Any, predictions: Any = None) -> None:
        """Add a block of tokens; nothing is added when any of them is refused.

        Args:
            losses: X_k, nats, any shape (numpy array, sequence or torch tensor); flattened.
            predictions: Y_k, nats, same shape; functions of the past only. None: Y_k = prediction_floor.

        Raises:
            DataError: NaN, infinite, negative or too large entries (the first is named), or unequal shapes.
        """
        x, y = check_stream(losses, predictions, self.grid.ceiling, self.grid.prediction_floor)
        self.grid.require_predictions(y)
        if self._n + x.size > MAX_TOKENS:
            raise DataError(f"n={self._n + x.size}: need n <= 2^40 (exact integer weights)")
        fill = kernel(self._engine, self._n + x.size)
        self._occupied = None
        for start in range(0, x.size, CHUNK):
            centre = y if y.size == 1 else y[start : start + CHUNK]
            tally = fill(x[start : start + CHUNK], centre, self.grid, self._weights)
            for name in _SUMS:
                self._sums[name] += getattr(tally, name)
        self._n += x.size
        self._largest = max(self._largest, float(y.max()))

    def merge(self, other: Wealth) -> Wealth:
        """Add the tokens of another statistic over the same range, in place; returns self."""
        if self.grid != other.grid:
            raise domain_error("other", other, f"the range of {self!r}", "statistics to merge")
        if self._n + other._n > MAX_TOKENS:
            raise DataError(f"n={self._n + other._n}: need n <= 2^40 (exact integer weights)")
        self._occupied = None
        self._weights += other._weights
        self._n += other._n
        self._sums = {name: self._sums[name] + other._sums[name] for name in _SUMS}
        self._largest = max(self._largest, other._largest)
        return self

    # -- reading -------------------------------------------------------------------------------------------

    @property
    def ceiling(self) -> float:
        """B, nats per token."""
        return self.grid.ceiling

    @property
    def prediction_floor(self) -> float:
        """The constant below every Y_k, nats per token."""
        return self.grid.prediction_floor

    @property
    def n(self) -> int:
        """Number of tokens seen."""
        return self._n

    @property
    def mean_loss(self) -> float:
        """mean X, nats per token, rounded up."""
        return self.mean_loss_bounds[1]

    @property
    def mean_loss_bounds(self) -> tuple[float, float]:
        """mean X, nats per token, rounded (down, up)."""
        lower, upper = self.mean_ball("loss")
        return down(lower), up(upper)

    @property
    def mean_prediction(self) -> float:
        """mean Y, nats per token, rounded up."""
        return up(self.mean_ball("prediction")[1])

    @property
    def largest_prediction(self) -> float:
        """The largest Y_k seen, exact; -inf for an empty statistic."""
        return self._largest

    def mean_ball(self, which: Literal["loss", "prediction"]) -> tuple[arb, arb]:
        """Balls around the (down, up) fixed-point means of X or Y."""
        self._need_tokens()
        with precision():
            scale = ball(self.grid.unit) / self._n
            sides = [arb(self._sums[name]) * scale for name in _SUMS if name.startswith(which)]
            return sides[0], sides[1]

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """The occupied nodes W_i (exact, nats) and their integer weights (summing to n 2^23)."""
        index = np.flatnonzero(self._weights)
        return self.grid.nodes(index), self._weights[index]

    def log_mean(self, shift: float) -> arb:
        """A ball around the binned mean of ln(D + W), which never exceeds mean ln(D + Y_k - X_k).

        Args:
            shift: D, nats per token. Any D is allowed; a node with D + W_i <= 0 makes the answer -inf.
        """
        return self._log_mean(ball(shift), 1)

    def log_mean_mirrored(self, shift: float) -> arb:
        """A ball around a lower bound of mean ln(D - W), for the lower side; -inf when D - W_i <= 0 occurs.

        Valid only if no bet was clamped to the top node: Y <= 2^14 h above the lowest node suffices.
        """
        with precision():  # positions are rounded down by at most two units: take both off again
            return self._log_mean(ball(shift) - ball(self.grid.spacing) * 2 / (1 << BITS), -1)

    def _log_mean(self, shift: arb, sign: int) -> arb:
        self._need_tokens()
        if self._occupied is None:
            nodes, weights = self.nodes()
            self._occupied = nodes.tolist(), weights.tolist()
        total = arb(0)
        with precision():
            for node, weight in zip(*self._occupied, strict=True):
                factor = shift + sign * arb(node)
                if not factor > 0:
                    return arb.neg_inf()
                total += weight * factor.log()
            return total / (self._n << BITS)

    def _need_tokens(self) -> None:
        if self._n == 0:
            raise DataError("n=0: need at least one token (empty statistic)")

    # -- storing -------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready and exact: floats in hexadecimal, everything else integers."""
        index = np.flatnonzero(self._weights)
        return {
            "format": FORMAT,
            "ceiling": self.grid.ceiling.hex(),
            "prediction_floor": self.grid.prediction_floor.hex(),
            "n": self._n,
            "largest_prediction": self._largest.hex(),
            **self._sums,
            "nodes": index.tolist(),
            "weights": self._weights[index].tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Wealth:
        """Inverse of `to_dict`; content that no stream can have produced is refused with DataError."""
        try:
            if data["format"] != FORMAT:
                raise DataError(f"format={data['format']!r}: need {FORMAT!r} (stored statistic)")
            made = cls(ceiling=float.fromhex(data["ceiling"]),
                       prediction_floor=float.fromhex(data["prediction_floor"]))  # fmt: skip
            made._n = int(data["n"])
            made._largest = float.fromhex(data["largest_prediction"])
            made._sums = {name: int(data[name]) for name in _SUMS}
            nodes = [int(node) for node in data["nodes"]]
            weights = [int(weight) for weight in data["weights"]]
            if nodes and not 0 <= min(nodes) <= max(nodes) <= made.grid.top:
                raise DataError("nodes: need indices within the grid (stored statistic)")
            if len(set(nodes)) != len(nodes) or min(weights, default=1) <= 0:
                raise DataError("nodes, weights: need distinct nodes of positive weight (stored statistic)")
            made._weights[nodes] = weights
            sound = 0 <= made._n <= MAX_TOKENS and len(nodes) == len(weights)
            if not (sound and sum(weights) == made._n << BITS):
                raise DataError(f"n={made._n}: need weights summing to n 2^{BITS} (stored statistic)")
            made._check_sums()
            return made
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"not a stored statistic: {error}") from error

    def _check_sums(self) -> None:
        limit = self._n * self.grid.ceiling / self.grid.unit
        lower, upper = self._sums["loss_down"], self._sums["loss_up"]
        low, high = self._sums["prediction_down"], self._sums["prediction_up"]
        spread = max(upper - lower, high - low)
        if not (0 <= lower <= upper <= limit + self._n and low <= high and spread <= self._n):
            raise DataError("sums: need 0 <= sum X <= n ceiling, down <= up (stored statistic)")
        if self._n and not self.grid.prediction_floor <= self._largest <= self.grid.largest_prediction:
            raise DataError(f"largest_prediction={self._largest!r}: outside the range (stored statistic)")

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The same content as small integer arrays (for .npz or safetensors), exact."""
        index = np.flatnonzero(self._weights)
        limbs = [[self._sums[name] >> _LIMB, self._sums[name] & ((1 << _LIMB) - 1)] for name in _SUMS]
        header = np.array([self.ceiling, self.prediction_floor, self._largest])
        return {
            "header": header.view(np.int64),
            "n": np.array([self._n], dtype=np.int64),
            "sums": np.array(limbs, dtype=np.int64),
            "nodes": index.astype(np.int64),
            "weights": self._weights[index],
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Wealth:
        """Inverse of `to_arrays`; refuses what `from_dict` refuses."""
        try:
            header = np.asarray(arrays["header"], dtype=np.int64).view(np.float64).tolist()
            limbs = np.asarray(arrays["sums"], dtype=np.int64).tolist()
            sums = {name: (high << _LIMB) + low for name, (high, low) in zip(_SUMS, limbs, strict=True)}
            names = ("ceiling", "prediction_floor", "largest_prediction")
            floats = {name: value.hex() for name, value in zip(names, header, strict=True)}
            content = {"n": int(arrays["n"][0]), "nodes": arrays["nodes"], "weights": arrays["weights"]}
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(f"not a stored statistic: {error}") from error
        return cls.from_dict({"format": FORMAT, **floats, **sums, **content})

    def digest(self) -> str:
        """sha256 of the exact content, in hexadecimal."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wealth) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Wealth(n={self._n}, ceiling={self.ceiling!r}, prediction_floor={self.prediction_floor!r})"
