"""What a pass over the tokens leaves behind: exact, mergeable sums, from which every bound is computed.

`StreamStatistics` is for a stream that was read whole: integers only, so that neither the order of the batches nor
the number of workers changes a bit. `SampleStatistics` keeps the losses of sampled windows one by one, because the
two-stage bounds need them so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS
from genbound.certificate.means import TILTED_MEANS, ExactMean, TiltedMeans
from genbound.concentration import Wealth
from genbound.errors import DataError

LOSS_ALPHAS: tuple[float, ...] = tuple(sorted({*smoothing.ALPHAS, *LOTFI_ALPHAS}))
"""Alphas whose mean smoothed loss is always kept (it costs one logarithm a token)."""

OFFSETS: tuple[float, ...] = tuple(j / 2 for j in range(9))
"""Nats taken off the entropy to make a centre: Y = max(h_min, H - offset), in halves up to 4. Choosing costs ln 9.

With D = B - h_min this is the family U = max(B, H + D') of THEORY section 1, D' = B - h_min - offset, as U = Y + D.
"""

Law = float
"""How a prediction is made ready for a bound: below 1, uniform smoothing of weight alpha; from 1 on, the optimal law of
weight w (genbound.tilting)."""

Centre = tuple[Law, float]
"""(alpha, offset): the smoothing weight of the losses, and what is taken off the entropy; (w, 0): the optimal law."""


class TokenArrays(Protocol):
    """The arrays a block of tokens is described by (lm.token_stats.TokenStatistics)."""

    @property
    def nll(self) -> np.ndarray: ...
    @property
    def entropy(self) -> np.ndarray: ...
    @property
    def varentropy(self) -> np.ndarray: ...
    @property
    def max_nll(self) -> np.ndarray: ...
    @property
    def rank(self) -> np.ndarray: ...
    @property
    def smoothed_nll(self) -> np.ndarray: ...
    @property
    def smoothed_entropy(self) -> np.ndarray: ...


def smoothed_loss(nll: np.ndarray, alpha: float, vocab_size: int, margin: float = 0.0) -> np.ndarray:
    """-ln((1 - alpha) e^-nll + alpha / V), from the unsmoothed loss alone, moved by a margin within its range."""
    loss = -np.log((1 - alpha) * np.exp(-nll) + alpha / vocab_size) + margin
    return np.clip(loss, 0.0, smoothing.ceiling(alpha, vocab_size))


def never_below(losses: np.ndarray, alpha: float, vocab_size: int) -> np.ndarray:
    """Smoothed losses raised by the margin of their float64 evaluation, within their range."""
    return np.minimum(losses + smoothing.EVALUATION_MARGIN, smoothing.ceiling(alpha, vocab_size))


def centred(entropy: np.ndarray, alpha: float, offset: float, vocab_size: int) -> np.ndarray:
    """Y = max(h_min, H_alpha - offset), a function of the past only."""
    return np.maximum(entropy - offset, smoothing.entropy_floor(alpha, vocab_size))


def new_wealth(alpha: float, vocab_size: int) -> Wealth:
    """The empty statistic of the smoothed losses at one alpha: their range is known before any token is read."""
    return Wealth(
        ceiling=smoothing.ceiling(alpha, vocab_size), prediction_floor=smoothing.entropy_floor(alpha, vocab_size)
    )


def tilts(law: Law) -> bool:
    """Whether a law is the optimal one of weight w, not uniform smoothing of weight alpha."""
    return law >= 1.0


def alphas_of(centres: Iterable[Centre]) -> tuple[Law, ...]:
    """The distinct laws among centres, largest first."""
    return tuple(sorted({alpha for alpha, _ in centres}, reverse=True))


@dataclass
class StreamStatistics:
    """One predictor's losses over a whole stream."""

    vocab_size: int
    wealth: dict[Centre, Wealth]
    loss: ExactMean = field(default_factory=ExactMean)
    loss_square: ExactMean = field(default_factory=ExactMean)
    excess_square: ExactMean = field(default_factory=ExactMean)
    entropy: ExactMean = field(default_factory=ExactMean)
    varentropy: ExactMean = field(default_factory=ExactMean)
    max_nll: ExactMean = field(default_factory=ExactMean)
    correct: int = 0
    largest_nll: float = 0.0
    smoothed: dict[float, ExactMean] = field(default_factory=lambda: {a: ExactMean() for a in LOSS_ALPHAS})
    tilted: dict[float, TiltedMeans] = field(default_factory=dict)

    @classmethod
    def empty(cls, vocab_size: int, centres: Iterable[Centre] = ()) -> StreamStatistics:
        centres = tuple(centres)
        return cls(
            vocab_size,
            {centre: new_wealth(centre[0], vocab_size) for centre in centres if not tilts(centre[0])},
            tilted={law: TiltedMeans() for law, _ in centres if tilts(law)},
        )

    @property
    def alphas(self) -> tuple[Law, ...]:
        """The laws whose losses and centres `update` needs, in its order."""
        return alphas_of([*self.wealth, *((law, 0.0) for law in self.tilted)])

    def by_alpha(self) -> dict[float, Wealth]:
        """The statistics whose centre is the entropy itself."""
        return {alpha: wealth for (alpha, offset), wealth in self.wealth.items() if offset == 0.0}

    @property
    def n(self) -> int:
        return self.loss.n

    @property
    def loss_deviation(self) -> float:
        """sd(X): the standard deviation of the unsmoothed loss."""
        return float(np.sqrt(max(0.0, self.loss_square.value - self.loss.value**2)))

    @property
    def excess_deviation(self) -> float:
        """Root mean square of X - H: what is left of the variation once the prediction's entropy is known."""
        return float(np.sqrt(max(0.0, self.excess_square.value)))

    def update(self, block: TokenArrays) -> None:
        """Add a block of tokens; its smoothed rows belong to `self.alphas`, in order."""
        if len(self.alphas) != len(block.smoothed_nll):
            raise DataError(f"alphas: {len(self.alphas)} for {len(block.smoothed_nll)} rows of smoothed losses")
        self.loss.update(block.nll)
        self.loss_square.update(block.nll**2, np.inf)
        self.excess_square.update((block.nll - block.entropy) ** 2, np.inf)
        self.entropy.update(block.entropy)
        self.varentropy.update(block.varentropy, np.inf)
        self.max_nll.update(block.max_nll)
        self.correct += int((block.rank == 1).sum())
        self.largest_nll = max(self.largest_nll, float(block.nll.max(initial=0.0)))
        for alpha, mean in self.smoothed.items():
            mean.update(smoothed_loss(block.nll, alpha, self.vocab_size))
        row = {alpha: index for index, alpha in enumerate(self.alphas)}
        for (alpha, offset), wealth in self.wealth.items():
            losses = never_below(block.smoothed_nll[row[alpha]], alpha, self.vocab_size)
            wealth.update(losses, centred(block.smoothed_entropy[row[alpha]], alpha, offset, self.vocab_size))
        for law, means in self.tilted.items():
            means.update(block.smoothed_nll[row[law]], block.smoothed_entropy[row[law]])

    def merge(self, other: StreamStatistics) -> None:
        for name in _MEANS:
            getattr(self, name).merge(getattr(other, name))
        self.correct += other.correct
        self.largest_nll = max(self.largest_nll, other.largest_nll)
        for alpha, mean in self.smoothed.items():
            mean.merge(other.smoothed[alpha])
        for centre, wealth in self.wealth.items():
            wealth.merge(other.wealth[centre])
        for law, means in self.tilted.items():
            means.merge(other.tilted[law])

    def mean_loss(self, law: Law) -> float:
        """Mean loss under a law, nats per token, to nearest."""
        return (self.tilted[law].loss if tilts(law) else self.smoothed[law]).value

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Exact content as plain arrays."""
        arrays = {"meta": np.array([self.vocab_size, self.correct]), "largest_nll": np.array(self.largest_nll)}
        means = {name: getattr(self, name) for name in _MEANS}
        means |= {f"smoothed:{a!r}": m for a, m in self.smoothed.items()}
        means |= {f"tilted:{law!r}:{name}": getattr(t, name) for law, t in self.tilted.items() for name in TILTED_MEANS}
        arrays |= {f"mean:{name}": mean.to_array() for name, mean in means.items()}
        for (alpha, offset), wealth in self.wealth.items():
            arrays |= {f"wealth:{alpha!r}:{offset!r}:{key}": value for key, value in wealth.to_arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> StreamStatistics:
        vocab_size, correct = (int(v) for v in arrays["meta"])
        parts: dict[Centre, dict[str, Any]] = {}
        for key, value in arrays.items():
            if key.startswith("wealth:"):
                _, alpha, offset, name = key.split(":", 3)
                parts.setdefault((float(alpha), float(offset)), {})[name] = value
        result = cls(vocab_size, {centre: Wealth.from_arrays(part) for centre, part in parts.items()})
        for name in _MEANS:
            setattr(result, name, ExactMean.from_array(arrays[f"mean:{name}"]))
        result.smoothed = {a: ExactMean.from_array(arrays[f"mean:smoothed:{a!r}"]) for a in LOSS_ALPHAS}
        for key, value in arrays.items():
            if key.startswith("mean:tilted:"):
                law, name = key.removeprefix("mean:tilted:").split(":")
                setattr(result.tilted.setdefault(float(law), TiltedMeans()), name, ExactMean.from_array(value))
        result.correct, result.largest_nll = correct, float(arrays["largest_nll"])
        return result


_MEANS = ("loss", "loss_square", "excess_square", "entropy", "varentropy", "max_nll")


@dataclass(frozen=True)
class SampleStatistics:
    """One predictor's losses on m sampled windows of T tokens, kept apart.

    nll (m, T); (A, m, T) for the laws, in order: smoothed losses, and their centres (under an optimal law: ceilings).
    """

    vocab_size: int
    alphas: tuple[Law, ...]
    nll: np.ndarray
    smoothed_nll: np.ndarray
    smoothed_entropy: np.ndarray

    @property
    def windows(self) -> int:
        return self.nll.shape[0]

    @property
    def loss(self) -> float:
        """Mean unsmoothed loss of the sample."""
        return float(self.nll.mean())

    def mean_loss(self, law: Law) -> float:
        """Mean loss of the sample under a law, nats per token."""
        return float((self.row(law)[0] if tilts(law) else self.losses_at(law)).mean())

    def row(self, alpha: Law, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed losses, never below the exact ones, and centres; or losses and ceilings of a tilt; each (m, T)."""
        index = self.alphas.index(alpha)
        if tilts(alpha):
            return self.smoothed_nll[index], self.smoothed_entropy[index]
        losses = never_below(self.smoothed_nll[index], alpha, self.vocab_size)
        return losses, centred(self.smoothed_entropy[index], alpha, offset, self.vocab_size)

    def losses_at(self, alpha: float, margin: float = smoothing.EVALUATION_MARGIN) -> np.ndarray:
        """Smoothed losses at any alpha, (m, T), never below the exact ones (with a negative margin, never above)."""
        return smoothed_loss(self.nll, alpha, self.vocab_size, margin)

    def to_arrays(self) -> dict[str, np.ndarray]:
        return {
            "vocab_size": np.array(self.vocab_size),
            "alphas": np.array(self.alphas),
            "nll": self.nll,
            "smoothed_nll": self.smoothed_nll,
            "smoothed_entropy": self.smoothed_entropy,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> SampleStatistics:
        return cls(
            int(arrays["vocab_size"]),
            tuple(float(a) for a in arrays["alphas"]),
            arrays["nll"],
            arrays["smoothed_nll"],
            arrays["smoothed_entropy"],
        )
