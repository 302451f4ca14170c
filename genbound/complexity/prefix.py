"""`prefix_prior`: a prior made from the first n_0 tokens, a bound about the others (THEORY 2).

Given the first n_0 tokens, P is fixed: `disintegrated` and `pac_bayes` hold for tokens n_0+1..n, conditionally and
hence altogether. ALL means (X, U, GM) run over n_0+1..n, and C is divided by n - n_0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import Real, ball, precision, up
from genbound.complexity.codes import choice_nats
from genbound.complexity.draws import BLIND, STATEMENT, count, draw_bound
from genbound.complexity.pac_bayes import PRIOR_FIXED, pac_bayes
from genbound.complexity.pricing import FAILURE, failure_nats, finite
from genbound.concentration.result import BoundResult
from genbound.concentration.streams import is_stream
from genbound.concentration.wealth import Wealth
from genbound.errors import DataError, DomainError, domain_error


def prefix_prior(losses: Any, predictions: Any = None, *, prefix: int, choices: int = 1,
                 log_ratio: float | arb | None = None, posterior: Any = None, prior: Any = None,
                 ceiling: float | None = None, prediction_floor: float | None = None, delta: float | None = None,
                 log_inv_delta: Real | None = None, shift: float | None = None,
                 grid: Sequence[float] | None = None) -> BoundResult:  # fmt: skip
    """The bound for tokens n_0+1..n with a prior that is any function of tokens 1..n_0.

    C = (ln dQ/dP(omega) + ln(1/delta))/(n - n_0), or KL(Q||P) in place of the log-ratio.

    Source: THEORY 2 `prefix_prior` (Ambroladze et al. 2006; Dziugaite et al. 2021).

    Args:
        losses, predictions: X and Y of the WHOLE stream, nats, shape (n,) (or (H, n) with a posterior); the first
            n_0 columns are left out of every mean.
        prefix: n_0, 1 <= n_0 < n, fixed beforehand.
        choices: how many prefix lengths, fixed beforehand, n_0 was chosen from; ln(choices) is paid.
        log_ratio: ln dQ/dP of the one hypothesis, nats: ln(1/P(h)) when it was picked, ln dQ/dP(omega) when it was
            drawn (see `disintegrated`). Or:
        posterior, prior: Q, which may use every token, and P, made from the prefix alone, shape (H,): `pac_bayes`.
        ceiling, prediction_floor, shift, grid: as in `geometric_mean`; they may depend on the prefix.
        delta: failure probability; or
        log_inv_delta: ln(1/delta) and whatever else was chosen with the data, nats. Exactly one of the two.

    Returns:
        BoundResult about n - n_0 tokens, tuned["prefix"] = n_0: it says nothing about the first n_0.

    Raises:
        DomainError, DataError: n_0 outside 1..n-1, neither or both forms of the price, streams that cannot be cut.

    >>> losses = [1.0] * 100 + [0.0, 0.0, 0.0, 1.0] * 50
    >>> result = prefix_prior(losses, prefix=100, log_ratio=0.5, ceiling=1.0, delta=0.05, shift=2.0)
    >>> result.n, round(result.value, 6), result.assumptions[-2]
    (200, 0.347347, 'about tokens 101..300 only, each after the context that was seen')
    """
    kept, centres = _suffix("losses", losses, prefix), None
    if predictions is not None:
        centres = _suffix("predictions", predictions, prefix)
        if np.shape(losses)[-1] != np.shape(predictions)[-1]:
            raise DataError(f"predictions: shape {np.shape(predictions)}, losses: shape {np.shape(losses)}")
    n = np.shape(losses)[-1]
    about = (
        f"about tokens {prefix + 1}..{n} only, each after the context that was seen",
        f"the prior is a function of tokens 1..{prefix}; {prefix} was fixed beforehand or is paid for",
    )
    extra = {}
    if choices != 1:
        extra[f"prefix lengths ({choices})"] = ball(choice_nats(count("choices", choices)))
    failure = failure_nats(delta, log_inv_delta)
    options: dict[str, Any] = {
        "ceiling": ceiling, "prediction_floor": prediction_floor, "shift": shift, "grid": grid,
    }  # fmt: skip
    if (log_ratio is None) == (posterior is None) or (posterior is None) != (prior is None):
        raise DomainError("log_ratio, posterior, prior: need log_ratio alone, or posterior and prior together")
    if log_ratio is not None:
        if kept.ndim != 1:
            raise DataError(f"losses: shape {np.shape(losses)}, need (n,): a log_ratio is about one hypothesis")
        price = finite("log_ratio", log_ratio, "ln dQ/dP of the hypothesis in nats")
        prices = {"log-ratio to the prefix prior": price, **extra, FAILURE: failure}
        result = draw_bound("prefix_prior", kept, centres, prices, (STATEMENT, BLIND, *about), **options)
    else:
        with precision():
            paid = failure + sum(extra.values(), arb(0))
        averaged = pac_bayes(kept, centres, posterior=posterior, prior=prior, log_inv_delta=paid, **options)
        shown = {**averaged.costs, **{label: up(nats) for label, nats in extra.items()}, FAILURE: up(failure)}
        stated = tuple(line for line in averaged.assumptions if line != PRIOR_FIXED)
        result = replace(averaged, name="prefix_prior", costs=shown, assumptions=(*stated, *about))
    return replace(result, tuned={**result.tuned, "prefix": prefix})


def _suffix(name: str, values: Any, prefix: int) -> np.ndarray:
    """Columns n_0+1..n of an array (n,) or (H, n)."""
    if isinstance(values, Wealth) or is_stream(values):
        raise DomainError(f"{name}: need an array of the whole stream (a statistic or an iterator cannot be cut)")
    array = np.asarray(values.detach().cpu().double() if hasattr(values, "detach") else values)
    n = array.shape[-1] if array.ndim else 0
    if not count("prefix", prefix) < n:
        raise domain_error("prefix", prefix, f"1 <= prefix < n = {n}", "tokens the prior was made from")
    return array[..., prefix:]
