"""Bounds from m sampled windows instead of every token, in two stages (THEORY 5).

Windows J_1..J_m are drawn independently and uniformly from a partition of the stream into windows of T
tokens; the mean over one window is one observation. (Without replacement is valid too: by Maclaurin's
inequality the mean product of m distinct values is at most the m-th power of their mean.)

delta = delta_1 + delta_2, each stage with its share. `complexity.codes.split_delta` gives the default
delta_1 : delta_2 = m : n, because ln(1/delta_1) is spread over n tokens and ln(1/delta_2) over only m
windows: nearly all of delta belongs to the second stage.

Choices made on a separate pilot sample (`genbound.subsample.tuning`) are free in stage 2. In stage 1 the pilot is data:
which shift D (or s) it picks is paid there. g0 and u are free in both: the tangent holds for all g0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flint import arb

from genbound import smoothing
from genbound.baselines import LOTFI_ALPHAS, lotfi_subsampled, require_finzi_alpha
from genbound.certified import ball, down, mean_ball, precision, up
from genbound.concentration.floor import floor_at
from genbound.concentration.geometric_mean import lower_geometric_mean
from genbound.concentration.observed import require_shift
from genbound.concentration.result import BoundResult, rows
from genbound.errors import domain_error
from genbound.subsample.tuning import (
    ETA,
    eligible_shifts,
)
from genbound.subsample.windows import (
    WindowSample,
    freedman_shift,
    freedman_stage,
    geometric_stage,
    loss_range,
    second_stage,
    tilted_stage,
    two_complexities,
)

ASSUMPTIONS = (
    "tokens drawn one after another from any law; no independence, no stationarity",
    "0 <= X <= ceiling and prediction_floor <= Y <= prediction_ceiling on every token of the stream",
    "windows drawn independently and uniformly from a partition of the stream, whatever was chosen",
    "one n and one m, fixed beforehand",
)


def two_stage_geometric_mean(sample: WindowSample, *, log_inv_delta_1: float | arb, n: int,
                             log_inv_delta_2: float | arb, shift: float, log_reference: float,
                             second_shift: float) -> BoundResult:  # fmt: skip
    """R <= u - e^{-C_2} GM(u - W), W = U - c (1 + ln(U - X) - g0), c = e^{g0 - C_1}, U = Y + D.

    Stage 1 is `geometric_mean` with e^x >= e^{g0}(1 + x - g0), which makes it a mean over tokens.

    Source: derived here (THEORY 5).

    Args:
        sample: m windows, drawn separately from the pilot.
        log_inv_delta_1: n C_1, nats: the code, ln(1/delta_1), ln|alphas|, and ln|grid| for D (ln 128 for the
            preset grid) when a pilot chose it.
        n: tokens of the whole stream.
        log_inv_delta_2: m C_2, nats: ln(1/delta_2), and whatever was chosen by looking at the sample itself.
        shift: D >= (ceiling - prediction_floor)(1 + ETA), nats.
        log_reference: g0, nats, any number not chosen with the sample (a pilot's is free).
        second_shift: u >= W_max, nats, not chosen with the sample.

    Returns:
        BoundResult with rows "empirical risk" (of the sample), "complexity", "sampling", "loss variation".

    Raises:
        DomainError: a shift that is not eligible, u < W_max, or nats that are not >= 0.
    """
    c1, c2, costs = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    d = require_shift(shift, sample.ceiling, sample.prediction_floor)
    least = eligible_shifts(sample.ceiling, sample.prediction_floor)[0]
    if not d >= (sample.ceiling - sample.prediction_floor) * (1 + ETA):
        raise domain_error("shift", shift, f"D >= range (1 + 1/16); preset from {least!r}", "W_max finite")
    stage = geometric_stage(sample, d, c1, float(log_reference))
    values = stage.values(sample, d)
    bound = second_stage(values, stage.ceiling, second_shift, c2)
    tuned = {"shift": d, "log_reference": float(log_reference), "second_shift": float(second_shift)}
    return _finish("two_stage_geometric_mean", sample, bound, _mean(values), c1, n, costs, tuned,
                   ("complexity", _floor_row(sample, c1)))  # fmt: skip


def two_stage_tilted(sample: WindowSample, *, least_slack: float, log_inv_delta_1: float | arb, n: int,
                     log_inv_delta_2: float | arb, log_reference: float,
                     second_shift: float) -> BoundResult:  # fmt: skip
    """`two_stage_geometric_mean` for losses with a ceiling U per context (the optimal output law): D = 0.

    W = U - c (1 + ln(U - X) - g0) <= prediction_ceiling - c (1 + ln least_slack - g0).

    Source: derived here (THEORY 5, with U - X >= least_slack in place of U >= B + eta).

    Args:
        sample: m windows; its predictions are the ceilings U.
        least_slack: a constant in (0, U - X] on every token of the stream, nats.
        log_inv_delta_1, n, log_inv_delta_2, log_reference, second_shift: as in `two_stage_geometric_mean`.

    Raises:
        DomainError: a token of the sample with U - X < least_slack; as in `two_stage_geometric_mean`.
    """
    c1, c2, costs = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    smallest = float((sample.predictions - sample.losses).min())
    if not 0.0 < least_slack <= smallest:
        raise domain_error("least_slack", least_slack, f"0 < least_slack <= {smallest!r}", "below every U - X, nats")
    stage = tilted_stage(sample, least_slack, c1, float(log_reference))
    values = stage.values(sample, 0.0)
    bound = second_stage(values, stage.ceiling, second_shift, c2)
    ceiling = mean_ball(sample.predictions.reshape(-1))
    tuned = {"log_reference": float(log_reference), "second_shift": float(second_shift), "mean ceiling": float(ceiling)}
    with precision():
        spent = (ceiling - sample.mean_loss) * (-(-c1).expm1())
    return _finish("two_stage_geometric_mean", sample, bound, _mean(values), c1, n, costs, tuned, ("complexity", spent))


def two_stage_empirical_freedman(sample: WindowSample, *, log_inv_delta_1: float | arb, n: int,
                                 log_inv_delta_2: float | arb, s: float,
                                 second_shift: float) -> BoundResult:  # fmt: skip
    """R <= (Delta/s) C_1 + u - e^{-C_2} GM(u - Z), Z = Y - (Delta/s) ln(1 + s A): [F25, Theorem 3.1] sampled.

    Z rises in X and is convex in Y, so Z_max is its larger value at X = B and the two ends of Y.

    Args:
        sample, n, log_inv_delta_2: as in `two_stage_geometric_mean`.
        log_inv_delta_1: n C_1, nats: the code, ln(1/delta_1), ln|K| (s was chosen by a pilot).
        s: 0 < s < 1. second_shift: u >= Z_max, nats.
    """
    c1, c2, costs = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    if not 0.0 < s < 1.0:
        raise domain_error("s", s, "0 < s < 1", "member of K")
    d = freedman_shift(sample, s)
    stage = freedman_stage(sample, d)
    values = stage.values(sample, down(d))
    with precision():
        linear = d * c1
        bound = linear + second_stage(values, stage.ceiling, second_shift, c2)
        plug_in = linear + _mean(values)
        row = loss_range(sample) * c1
    tuned = {"s": float(s), "shift": float(d), "second_shift": float(second_shift)}
    return _finish("two_stage_empirical_freedman", sample, bound, plug_in, c1, n, costs, tuned, ("complexity", row))


def two_stage_finzi(sample: WindowSample, *, log_inv_delta_1: float | arb, n: int,
                    log_inv_delta_2: float | arb, alpha: float, vocab_size: int, s: float,
                    second_shift: float) -> BoundResult:  # fmt: skip
    """`finzi_bound` from sampled windows: `two_stage_empirical_freedman` plus sqrt(2C) - h(C).

    The unsmoothed mean R_hat has no a-priori ceiling, so a sample of it proves nothing about R_hat; what does
    have one is X_alpha + ln(1 - alpha) <= R_hat, which takes its place. Then
    R_hat + C ln V + Sigma sqrt C + sqrt(2C) becomes [X_alpha + Delta C + Sigma sqrt C] + sqrt(2C) - h(C),
    since h(C) = C ln(1/alpha) - ln(1 - alpha) at alpha = C/(1+C). Sampling apart, the result
    is never above what [F25]'s formula gives on all tokens, and it is still a bound.

    Args:
        sample: smoothed losses and entropies, ceiling = smoothing.ceiling(alpha, V), prediction_floor >= 0.
        log_inv_delta_1: n C, nats: L ln 2 + ln(|K|/delta_1).
        alpha: C/(1+C) for that C (baselines.finzi_alpha). The other arguments as above. Not clipped at B.
    """
    c1, c2, costs = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    require_finzi_alpha(alpha, vocab_size, sample.ceiling, c1)
    if not 0.0 < s < 1.0:
        raise domain_error("s", s, "0 < s < 1", "member of K")
    zero = sample if sample.prediction_floor == 0.0 else replace(sample, prediction_floor=0.0)
    d = freedman_shift(zero, s)
    stage = freedman_stage(zero, d)
    values = stage.values(zero, down(d))
    with precision():
        extra = (2 * c1).sqrt() - smoothing.price_ball(c1)
        bound = d * c1 + second_stage(values, stage.ceiling, second_shift, c2) + extra
        plug_in = d * c1 + _mean(values) + extra
        code = ("complexity C ln V", c1 * arb(int(vocab_size)).log())
        tuned = {"alpha": alpha, "s": float(s), "shift": float(d), "second_shift": float(second_shift)}
        unsmoothed = sample.mean_loss + (-ball(alpha)).log1p()
        return _finish("two_stage_finzi", zero, bound, plug_in, c1, n, costs, tuned, code,
                       ("smoothing sqrt(2C)", (2 * c1).sqrt()), risk=unsmoothed, clip=False)  # fmt: skip


def two_stage_azuma(sample: WindowSample, *, log_inv_delta_1: float | arb, n: int,
                    log_inv_delta_2: float | arb, second_shift: float,
                    loss_floor: float = 0.0) -> BoundResult:  # fmt: skip
    """R <= Delta sqrt(C_1/2) + u - e^{-C_2} GM(u - X), X the window means, u >= B ([L24], sharper stage 2).

    Args: as in `two_stage_geometric_mean`; loss_floor is a constant <= X, Delta = ceiling - loss_floor.
    """
    c1, c2, costs = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    if not (math.isfinite(loss_floor) and loss_floor < sample.ceiling):
        raise domain_error("loss_floor", loss_floor, "loss_floor < ceiling", "nats per token")
    values = [arb(x) for x in sample.loss_means[1].tolist()]
    with precision():
        radius = (ball(sample.ceiling) - ball(loss_floor)) * (c1 / 2).sqrt()
        bound = radius + second_stage(values, ball(sample.ceiling), second_shift, c2)
        tuned = {"second_shift": float(second_shift)}
        plug_in = radius + sample.mean_loss
        return _finish("two_stage_azuma", sample, bound, plug_in, c1, n, costs, tuned, ("complexity", radius))


def two_stage_lotfi(samples: Mapping[float, WindowSample], *, code_bits: float, n: int, vocab_size: int,
                    delta: float | None = None, log_inv: float | None = None,
                    alphas: Sequence[float] = LOTFI_ALPHAS, self_delimiting: bool = False,
                    as_published: bool = False) -> BoundResult:  # fmt: skip
    """`lotfi_subsampled` with the window means as the m observations (one window is one draw, [L24]'s m).

    Args: alpha -> the same windows smoothed with alpha; the rest as in `baselines.lotfi_subsampled`.
    """
    if len({(sample.m, sample.window) for sample in samples.values()}) != 1:
        raise domain_error("samples", len(samples), "the same windows for every alpha", "m and T")
    means = {alpha: up(sample.mean_loss) for alpha, sample in samples.items()}
    m = next(iter(samples.values())).m
    return lotfi_subsampled(means, code_bits=code_bits, n=n, m=m, vocab_size=vocab_size, delta=delta,
                            log_inv=log_inv, alphas=alphas, self_delimiting=self_delimiting,
                            as_published=as_published)  # fmt: skip


def two_stage_floor(sample: WindowSample, *, log_inv_delta_1: float | arb, n: int,
                    log_inv_delta_2: float | arb, shift: float | None = None) -> BoundResult:  # fmt: skip
    """`floor` at a lower confidence limit of the stream's mean loss: it limits what it claims to limit.

    With probability >= 1 - delta_2 over the windows no certificate that knows only X <= B and spends
    e^{-n C_1} on this hypothesis, computed on the whole stream, is below the printed number.

    Args:
        sample, log_inv_delta_1, n, log_inv_delta_2: as in `two_stage_geometric_mean`.
        shift: D of the lower limit, fixed beforehand or by a pilot; None: a preset grid, ln 128 paid.

    Returns:
        BoundResult, side "limit", rounded down.
    """
    c1, c2, costs = two_complexities(n, sample.m, log_inv_delta_1, log_inv_delta_2)
    lower = lower_geometric_mean(sample.loss_means[0], ceiling=float(sample.ceiling), complexity=c2, shift=shift)
    with precision():
        value = max(down(floor_at(ball(lower.value), sample.ceiling, c1)), 0.0)
        terms = rows(value, ("empirical risk", up(sample.mean_loss)),
                     ("sampling", lower.value - up(sample.mean_loss)), rest="complexity")  # fmt: skip
        costs |= {label: nats for label, nats in lower.costs.items() if "grid" in label}
        evidence = (f"{sample.m} windows of {sample.window} tokens, rounded outward in ball arithmetic",)
        return BoundResult("two_stage_floor", value, n, up(c1), terms, {"shift": lower.tuned["shift"]}, costs,
                           ASSUMPTIONS, evidence, "limit")  # fmt: skip


def _floor_row(sample: WindowSample, c1: arb) -> arb:
    with precision():
        return (ball(sample.ceiling) - sample.mean_loss) * (-(-c1).expm1())


def _mean(values: list[arb]) -> arb:
    with precision():
        return sum(values, arb(0)) / len(values)


def _finish(name: str, sample: WindowSample, bound: arb, plug_in: arb, c1: arb, n: int,
            costs: dict[str, float], tuned: dict[str, float], *known: tuple[str, arb],
            risk: arb | None = None, clip: bool = True) -> BoundResult:  # fmt: skip
    """The rows: risk of the sample, the known ones, sampling (bound - its plug-in value), loss variation."""
    value = min(up(bound), float(sample.ceiling)) if clip else up(bound)
    given = (("empirical risk", up(sample.mean_loss if risk is None else risk)),
             *((label, float(nats)) for label, nats in known),
             ("sampling", value - (min(float(plug_in), value) if clip else float(plug_in))))  # fmt: skip
    evidence = (f"{sample.m} windows of {sample.window} tokens, rounded outward in ball arithmetic",)
    sizes = {"windows": sample.m, "window": sample.window}
    return BoundResult(name, value, n, up(c1), rows(value, *given, rest="loss variation"), {**tuned, **sizes},
                       costs, ASSUMPTIONS, evidence)  # fmt: skip
