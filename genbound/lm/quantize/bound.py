"""Rates that minimise the bound: a few coded candidates, each measured, the best kept.

At a given number of bits the steps already follow the water level (`allocate`); what it cannot know is how many bits
the bound wants (it moves by 5.5 to 8 nats per nat of complexity per token, and the loss by less and less), and how far
the sensitivities of a group of tensors are off as a whole. Both are searched with the bound itself as the objective:
the level first, by golden section, then an offset for each group, one after another.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from genbound.errors import domain_error
from genbound.lm.hessian import Hessians
from genbound.lm.quantize.matrices import GROUPS
from genbound.lm.quantize.model import QuantizedModel
from genbound.lm.quantize.options import Options
from genbound.lm.quantize.quantizer import quantize
from genbound.lm.quantize.rates import BITS_RANGE

Objective = Callable[[QuantizedModel], float]

_GOLDEN = (math.sqrt(5) - 1) / 2
_WIDEST = 0.5
_LEVEL_SHARE = 0.5


@dataclass(frozen=True)
class Candidate:
    """One coded and measured model.

    Attributes:
        bits: the nominal rate.
        offsets: bits that groups got beyond it.
        bound: what the objective made of it, nats per token.
    """

    bits: float
    offsets: tuple[tuple[str, float], ...]
    bound: float


@dataclass(frozen=True)
class Allocation:
    """The best candidate, its model, and all that were measured, in order: whoever pays for the choice counts them."""

    best: Candidate
    model: QuantizedModel = field(repr=False)
    tried: tuple[Candidate, ...]


class _Search:
    """Candidates so far, within the number that may be measured."""

    def __init__(
        self, build: Callable[[float, dict[str, float]], QuantizedModel], bound: Objective, limit: int
    ) -> None:
        self._build, self._bound, self._limit = build, bound, limit
        self.tried: list[Candidate] = []
        self.kept: tuple[Candidate, QuantizedModel] | None = None

    @property
    def left(self) -> int:
        return self._limit - len(self.tried)

    def __call__(self, bits: float, offsets: dict[str, float]) -> float:
        pairs = tuple(sorted((name, extra) for name, extra in offsets.items() if extra))
        known = next((c for c in self.tried if c.bits == bits and c.offsets == pairs), None)
        if known is not None:
            return known.bound
        if not self.left:
            return math.inf
        model = self._build(bits, offsets)
        found = Candidate(bits, pairs, float(self._bound(model)))
        self.tried.append(found)
        if self.kept is None or found.bound < self.kept[0].bound:
            self.kept = found, model
        return found.bound


def allocate_for_bound(
    model: nn.Module,
    calibration: Hessians | None,
    evaluate: Objective,
    *,
    method: str = "ldlq",
    low: float = 1.0,
    high: float = 6.0,
    evaluations: int = 12,
    seed: int = 0,
    options: Options | None = None,
) -> Allocation:
    """The rate, and the groups' offsets from it, with the least bound among a few candidates.

    Args:
        model: a Hugging Face causal language model.
        calibration: `hessian.collect` of the model, or None for methods that need none.
        evaluate: the bound of a quantized model, nats per token (on a pilot: lower is better, nothing is proved).
        method: as `quantize`.
        low, high: the rates searched, bits per weight.
        evaluations: how many candidates may be coded and measured, at least 3.
        seed, options: as `quantize`; offsets of the options are where the search begins.

    Raises:
        DomainError: rates outside 0.5 to 12 or not in order, fewer than 3 evaluations; and as `quantize`.
    """
    if not BITS_RANGE[0] <= low < high <= BITS_RANGE[1]:
        raise domain_error("low, high", (low, high), f"{BITS_RANGE[0]} <= low < high <= {BITS_RANGE[1]}", "bits")
    if evaluations < 3:
        raise domain_error("evaluations", evaluations, "at least 3", "candidates that are coded and measured")
    chosen = options or Options()

    def build(bits: float, offsets: dict[str, float]) -> QuantizedModel:
        given = dataclasses.replace(chosen, offsets=offsets)
        return quantize(model, method=method, bits=bits, calibration=calibration, seed=seed, options=given)

    search = _Search(build, evaluate, evaluations)
    offsets = dict(chosen.offsets)
    share = evaluations if method == "gptq" else max(3, math.ceil(_LEVEL_SHARE * evaluations))
    bits = _golden(lambda rate: search(rate, offsets), low, high, share)
    width = _WIDEST
    while method != "gptq" and search.left and width > 0.05:
        before = len(search.tried)
        for group in GROUPS:
            here = offsets.get(group, 0.0)
            near = {step: search(bits, {**offsets, group: here + step}) for step in (0.0, width)}
            if near[width] >= near[0.0]:
                near[-width] = search(bits, {**offsets, group: here - width})
            offsets[group] = here + min(near, key=lambda step: near[step])
        if len(search.tried) == before:
            break
        width /= 2
    assert search.kept is not None
    assert search.kept is not None
    return Allocation(search.kept[0], search.kept[1], tuple(search.tried))


def _golden(value: Callable[[float], float], low: float, high: float, count: int) -> float:
    """The best of `count` points of a golden-section search, on a logarithmic scale."""
    left, right = math.log(low), math.log(high)
    seen: dict[float, float] = {}

    def at(place: float) -> float:
        rate = round(math.exp(place), 3)
        seen[rate] = value(rate)
        return seen[rate]

    first, second = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    below, above = at(first), at(second)
    for _ in range(count - 2):
        if below <= above:
            right, second, above = second, first, below
            first = right - _GOLDEN * (right - left)
            below = at(first)
        else:
            left, first, below = first, second, above
            second = left + _GOLDEN * (right - left)
            above = at(second)
    return min(seen, key=lambda rate: seen[rate])
