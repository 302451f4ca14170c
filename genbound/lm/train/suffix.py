"""The tokens after a prefix: their windows, the losses of a model on them, and the bound about them (THEORY 2).

A model that is a function of tokens 1..n_0 is fixed when the others come: with the prior put on it alone the
log-ratio is zero, and n C holds only what was chosen among candidates. All means run over tokens n_0+1..n; a
certificate of this kind says nothing about the first n_0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from transformers import GPTNeoXForCausalLM

from genbound import smoothing
from genbound.certificate.statistics import ExactMean, never_below, new_wealth
from genbound.certified import ball
from genbound.complexity.codes import choice_nats, log_inv_delta
from genbound.complexity.draws import BLIND, STATEMENT
from genbound.complexity.pricing import FAILURE, bill, itemised
from genbound.concentration.geometric_mean import geometric_mean
from genbound.concentration.result import BoundResult
from genbound.concentration.wealth import Wealth
from genbound.errors import domain_error
from genbound.lm.train.plain import Progress, one_thread
from genbound.lm.windows import Windows, evaluate


def tokens_of(windows: Windows, share: float) -> int:
    """n_0 nearest to a share of n: whole windows, at least one on either side.

    >>> tokens_of(Windows(np.zeros(1001, dtype=np.uint8), 10), 0.25)
    250
    """
    if not 0.0 < share < 1.0 or len(windows) < 2:
        raise domain_error("share", share, "0 < share < 1 of two windows or more", "n_0/n")
    return min(max(round(share * len(windows)), 1), len(windows) - 1) * windows.length


def before(windows: Windows, prefix: int) -> Windows:
    """The windows that predict tokens 1..n_0: all that a prefix prior is made from."""
    count = _whole(windows, prefix)
    return Windows(windows.tokens[: count * windows.stride + (not windows.separate)], windows.length, windows.separate)


def after(windows: Windows, prefix: int) -> Windows:
    """The windows that predict tokens n_0+1..n: what the bound is about."""
    count = _whole(windows, prefix)
    return Windows(windows.tokens[count * windows.stride :], windows.length, windows.separate)


def _whole(windows: Windows, prefix: int) -> int:
    n, length = windows.n_tokens, windows.length
    if isinstance(prefix, bool) or not isinstance(prefix, int) or not 0 < prefix < n or prefix % length:
        raise domain_error("prefix", prefix, f"a multiple of {length} in {length}..{n - length}", "n_0, tokens")
    return prefix // length


@dataclass(frozen=True)
class Scored:
    """The losses of one model on a stream: the unsmoothed mean (nats per token) and a statistic per alpha."""

    loss: float
    by_alpha: Mapping[float, Wealth]

    @property
    def n(self) -> int:
        """Tokens scored."""
        return next(iter(self.by_alpha.values())).n


def score(model: GPTNeoXForCausalLM, windows: Windows, progress: Progress | None = None) -> Scored:
    """One pass over all windows, with the alphas fixed beforehand and the entropy as centre."""
    vocab_size = int(model.config.vocab_size)
    wealths, mean = {alpha: new_wealth(alpha, vocab_size) for alpha in smoothing.ALPHAS}, ExactMean()
    with one_thread():
        for _, block in evaluate(model, windows, np.arange(len(windows)), smoothing.ALPHAS, vocab_size=vocab_size):
            mean.update(block.nll)
            for (alpha, wealth), x, y in zip(wealths.items(), block.smoothed_nll, block.smoothed_entropy, strict=True):
                wealth.update(never_below(x, alpha, vocab_size), y)
            if progress is not None:
                progress("score", mean.n, windows.n_tokens)
    return Scored(mean.value, wealths)


def suffix_bound(scored: Scored, prefix: int, paid: Mapping[str, float], *, delta: float = 0.01,
                 drawn: bool = False) -> BoundResult:  # fmt: skip
    """`prefix_prior` from one pass over tokens n_0+1..n, at the best alpha, which is paid.

    n C = sum of `paid` + ln(alphas) + ln(1/delta), divided by n - n_0.

    Source: THEORY 2 `prefix_prior`.

    Args:
        scored: of tokens n_0+1..n only.
        prefix: n_0, tokens.
        paid: label -> nats, >= 0 in all: the log-ratio to the prior (none for the prefix model itself) and every
            choice, `genbound.lm.train.prefix.Prefix.prices`.
        delta: failure probability.
        drawn: the model is one draw of a posterior; the statement is then about this one n.
    """
    count, n = len(scored.by_alpha), prefix + scored.n
    spent = {name: ball(nats) for name, nats in paid.items()}
    spent |= {f"alpha grid ({count})": ball(choice_nats(count)), FAILURE: ball(log_inv_delta(delta))}
    total, shown = bill(spent)
    statements = (
        *((STATEMENT, BLIND) if drawn else ()),
        f"about tokens {prefix + 1}..{n} only, each after the context that was seen",
        f"the prior is a function of tokens 1..{prefix} and of what is paid for",
    )
    bounds = {alpha: geometric_mean(wealth, log_inv_delta=total) for alpha, wealth in scored.by_alpha.items()}
    alpha = min(bounds, key=lambda a: (bounds[a].value, a))
    best = itemised(bounds[alpha], "prefix_prior", shown, *statements, any_time=not drawn)
    return replace(best, tuned={"alpha": alpha, "prefix": prefix, **best.tuned})
