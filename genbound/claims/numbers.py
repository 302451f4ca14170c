"""The numbers of the formulas of many hypotheses, from the data: what `certify` compares a returned bound with.

Where a bound returns a value for each hypothesis, there is one set of numbers for each, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from flint import arb

from genbound.certified import precision
from genbound.claims.formulas import complexity_of, log_mean
from genbound.complexity.posterior import divergence, exact_posterior
from genbound.concentration.result import BoundResult

Numbers = dict[str, arb]


def _mean(values: Any) -> arb:
    exact = [arb(float(value)) for value in np.asarray(values).ravel().tolist()]
    return sum(exact, arb(0)) / len(exact)


def _stream(result: BoundResult, losses: Any, predictions: Any, nats: float) -> Numbers:
    """mean U and GM(U - X) of one stream for U = Y + D, with n and ln(1/delta)."""
    shift = arb(result.tuned["shift"])
    level = log_mean({"losses": losses, "predictions": predictions}, shift)
    return {"n": arb(result.n), "log_inv_delta": arb(nats), "mean_bound": _mean(predictions) + shift, "G": level.exp()}


def _streams(results: Iterable[BoundResult], given: Mapping[str, Any]) -> list[Numbers]:
    """The same for each hypothesis."""
    each = zip(results, given["losses"], given["predictions"], strict=True)
    return [_stream(result, x, y, float(given["log_inv_delta"])) for result, x, y in each]


def _no_gain(ratio: arb, paid: arb) -> arb:
    """A log-ratio that makes n C negative is raised until it does not, which only weakens a bound."""
    return ratio.max(-paid)


def union_numbers(results: list[BoundResult], given: Mapping[str, Any]) -> list[Numbers]:
    """`prior_union`: the code lengths; no further choice is paid."""
    with precision(256):
        found = _streams(results, given)
        return [{**each, "code_bits": arb(int(bits)), "prior": arb(1)}
                for each, bits in zip(found, given["code_bits"], strict=True)]  # fmt: skip


def posterior_numbers(result: BoundResult, given: Mapping[str, Any]) -> Numbers:
    """`pac_bayes`: means under the posterior, and KL(Q || P)."""
    with precision(256):
        weights = exact_posterior(given["posterior"])
        rows = _streams([result] * len(weights), given)
        shares = [arb(weight.numerator) / weight.denominator for weight in weights]
        level = sum((q * row["G"].log() for q, row in zip(shares, rows, strict=True)), arb(0))
        return {
            "n": arb(result.n), "log_inv_delta": arb(float(given["log_inv_delta"])),
            "KL": divergence(weights, given["prior"]), "posterior_G": level.exp(),
            "posterior_bound": sum((q * row["mean_bound"] for q, row in zip(shares, rows, strict=True)), arb(0)),
        }  # fmt: skip


def draw_numbers(results: list[BoundResult], given: Mapping[str, Any]) -> list[Numbers]:
    """`disintegrated`: the log-ratios and the number of draws."""
    with precision(256):
        found, draws = _streams(results, given), arb(int(given["draws"]))
        ratios = [arb(float(ratio)) for ratio in given["log_ratios"]]
        return [{**each, "draws": draws, "log_ratio": _no_gain(ratio, each["log_inv_delta"] + draws.log())}
                for each, ratio in zip(found, ratios, strict=True)]  # fmt: skip


def checkpoint_numbers(results: list[BoundResult], given: Mapping[str, Any]) -> list[Numbers]:
    """`requential`: the log-probabilities up to each checkpoint; ln(checkpoints) joins ln(1/delta)."""
    with precision(256):
        found = _streams(results, given)
        teacher, student = given["teacher_log_probs"], given["student_log_probs"]
        for c, each in enumerate(found, 1):
            each["log_inv_delta"] += arb(int(given["checkpoints"])).log()
            each["log_student"] = _mean(student[:c]) * c
            ratio = _mean(teacher[:c]) * c - each["log_student"]
            each["log_teacher"] = _no_gain(ratio, each["log_inv_delta"]) + each["log_student"]
        return found


def suffix_numbers(result: BoundResult, given: Mapping[str, Any]) -> Numbers:
    """`prefix_prior`: every mean over the tokens after n_0."""
    with precision(256):
        first = int(given["prefix"])
        row = _stream(result, given["losses"][first:], given["predictions"][first:], float(given["log_inv_delta"]))
        return {
            "later_bound": row["mean_bound"], "later_G": row["G"], "log_inv_delta": row["log_inv_delta"],
            "n": arb(len(given["losses"])), "prefix": arb(first),
            "log_ratio": _no_gain(arb(float(given["log_ratio"])), row["log_inv_delta"]),
        }  # fmt: skip


def capped_numbers(result: BoundResult, given: Mapping[str, Any]) -> Numbers:
    """`capped_geometric_mean`: U = max(B, Y + D), the sum in float64: the rounded one is predictable too."""
    with precision(256):
        tops = np.maximum(given["ceiling"], np.asarray(given["predictions"]) + result.tuned["shift"])
        limits = [arb(float(u)) for u in tops.tolist()]
        return {"C": complexity_of(result, given), "mean_bound": sum(limits, arb(0)) / len(limits),
                "G": _level(limits, given["losses"])}  # fmt: skip


def constant_numbers(result: BoundResult, given: Mapping[str, Any]) -> Numbers:
    """`kl_inf`: U = u."""
    with precision(256):
        u, losses = arb(result.tuned["u"]), np.asarray(given["losses"])
        return {"C": complexity_of(result, given), "u": u, "G": _level([u] * losses.size, losses)}


def _level(limits: list[arb], losses: Any) -> arb:
    """GM(U - X), 0 where some X is U."""
    gaps = [u - arb(float(x)) for u, x in zip(limits, np.asarray(losses).tolist(), strict=True)]
    if any(gap.is_zero() for gap in gaps):
        return arb(0)
    return (sum((gap.log() for gap in gaps), arb(0)) / len(gaps)).exp()
