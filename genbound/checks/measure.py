"""Coverage and excess on long streams of a real n-gram model, whose conditional means are known exactly.

Not a hunt for mistakes (`simulate` and `exact` do that at small n) but what a user would see: how often the bound
covers the risk of a coarse model of real text, and how far above the mean loss it lies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from genbound.checks.sequential import CoverageTest
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.checks.witness import NOT_A_WITNESS
from genbound.claims.card import Claim, TailBound
from genbound.claims.settings import OneStream, Scene
from genbound.errors import DataError
from genbound.processes.paths import Process, satisfies

ENGINE = "measure"
LENGTH = 4096
"""Tokens of one stream."""

DELTA = 0.1
SHARE, FEWEST = 10, 8
"""One stream for so many replicas of the budget, fewer when an evaluation is slow."""

_NEVER = 1e-300  # nothing is confirmed early: every stream is measured

SOURCE = "speech"
"""The process: tokens of a character trigram model of real text, losses of a bigram model."""


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """Evaluate every function of a tail bound on one stream on the same long streams.

    Returns:
        SUPPORTED with the coverage and the mean excess over the mean loss; REFUTED when it misses more often than
        delta beyond chance; NOT_APPLICABLE when real text does not meet the card's assumptions.
    """
    if not isinstance(claim, TailBound) or not isinstance(claim.setting, OneStream):
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, "measures bounds on one stream")
    source = next((p for p in claim.setting.processes() if p.name == SOURCE), None)
    if source is None or not satisfies(source.dependence, claim.dependence):
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, f"real text is not {claim.dependence}")
    scenes = _scenes(claim.setting, source, budget.seed, max(FEWEST, budget.replicas // SHARE // claim.effort))
    told, effective = [], 0
    for index, function in enumerate(claim.bounds):
        test = CoverageTest(DELTA, budget.false_alarm / len(claim.bounds), _NEVER)
        excess, misses, refused = [], 0, ""
        for replica, scene in enumerate(scenes):
            try:
                judged = claim.setting.judge(function, scene, claim.side)
            except (ValueError, ArithmeticError) as error:  # DomainError and DataError are ValueErrors
                refused = f"{type(error).__name__}: {error}"
                continue
            effective += int(judged.effective)
            misses += int(judged.violated)
            excess.append(judged.value - float(scene.given["losses"].mean()))
            if test.add(judged.violated) == "rejected":
                return _refuted(claim, index, replica + 1, test, budget)
        if not excess:
            return Verdict(claim.name, ENGINE, Status.UNDECIDED, f"refused every stream: {refused}", len(scenes))
        covered = f"{len(excess) - misses}/{len(excess)}"
        told.append(f"{np.mean(excess):+.4f} nats/token from the mean loss, covers {covered}")
    status = Status.SUPPORTED if effective else Status.UNDECIDED
    reason = f"{LENGTH} tokens of an n-gram model of speeches, delta = {DELTA:g}: {'; '.join(told)}"
    return Verdict(claim.name, ENGINE, status, reason, len(scenes) * len(claim.bounds), effective, budget.false_alarm,
                   seed=budget.seed)  # fmt: skip


def replay(claim: Claim, witness: Mapping[str, Any]) -> Verdict:
    """Count the misses of a witness again: REFUTED with the same counts, or UNDECIDED.

    Raises:
        DataError: not a witness of this engine.
    """
    if witness.get("engine") != ENGINE or not isinstance(claim, TailBound):
        raise DataError(NOT_A_WITNESS.format(engine=ENGINE))
    budget = replace(STANDARD, replicas=int(witness["replicas"]), seed=int(witness["seed"]))
    index = int(witness["function"])
    verdict = check(replace(claim, bounds=(claim.bounds[index],)), budget)
    return replace(verdict, witness={**verdict.witness, "function": index}) if verdict.witness else verdict


@lru_cache(maxsize=4)
def _scenes(setting: OneStream, source: Process, seed: int, count: int) -> tuple[Scene, ...]:
    """The same streams for every card."""
    return tuple(setting.scenes(source, np.random.default_rng([seed, LENGTH]), count, LENGTH, -math.log(DELTA)))


def _refuted(claim: TailBound, index: int, trials: int, test: CoverageTest, budget: Budget) -> Verdict:
    witness = {
        "engine": ENGINE,
        "function": index,
        "process": SOURCE,
        "n": LENGTH,
        "delta": DELTA,
        "seed": budget.seed,
        "replicas": budget.replicas,
        "violations": test.misses,
        "trials": test.trials,
    }
    reason = f"misses {test.misses} of {test.trials} streams of an n-gram model of speeches at delta = {DELTA:g}"
    return Verdict(claim.name, ENGINE, Status.REFUTED, reason, trials, trials, budget.false_alarm, witness, budget.seed)
