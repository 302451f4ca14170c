"""Draw from every process that meets a tail bound's assumptions and count how often the bound misses.

A cell is one function, one process, one n and one delta; each cell runs a sequential test of its own, and the
false-alarm budget is split over all cells of the card. A cell closes when its bound is rejected (that refutes the
card), when it is confirmed, when it proves vacuous, or when the replicas are spent.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import numpy as np

from genbound.checks.sequential import CoverageTest
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.checks.witness import NOT_A_WITNESS, arguments
from genbound.claims.card import Claim, TailBound
from genbound.claims.settings import Scene
from genbound.errors import DataError
from genbound.processes.paths import satisfies

ENGINE = "simulate"
DESIGN = ((8, 0.3), (1, 0.65), (32, 0.2), (16, 0.1), (64, 0.05), (3, 0.3))
"""(n, delta): small samples, where wrong constants show; the order in which a card is attacked."""

SLOW, SLOWEST = 2, 16
"""From these efforts on, a card is attacked at the first four and at the first two only."""

BATCH = 30
"""Scenes drawn at once; a batch is drawn from a generator of its own, so each can be drawn again alone."""

VACUOUS = 10
"""A cell closes when so many bounds in a row said nothing: they are not tests."""

COMFORT = 0.05
"""Probability that a cell whose bound misses too often is confirmed all the same."""

_FEW = 3  # so many effective trials to every refusal make a card supported
_PATIENCE, _PROMISE = 0.2, 0.3  # after a fifth of the replicas, misses must be on the way to a rejection


@dataclass
class _Cell:
    """One function against one process, which aims at a share of ln(1/delta), at one (n, delta)."""

    function: int
    process: Any
    n: int
    delta: float
    strength: float
    replicas: int
    test: CoverageTest
    drawn: int = 0
    effective: int = 0
    refusals: int = 0
    refused: str = ""
    batches: int = 0
    first: tuple[int, int] | None = None

    @property
    def nats(self) -> float:
        return -math.log(self.delta)

    @property
    def open(self) -> bool:
        """Whether more scenes could tell anything."""
        if self.test.state != "open" or self.drawn >= self.replicas:
            return False
        if not self.effective:
            return self.drawn < VACUOUS
        return self.drawn < _PATIENCE * self.replicas or self.test.misses > self.test.trials * self._promising()

    def _promising(self) -> float:
        """A rate of misses below which no rejection is in sight with the replicas there are."""
        spread = 2.0 * self.delta * (1.0 - self.delta) * -math.log(self.test.false_alarm)
        return self.delta + _PROMISE * math.sqrt(spread / self.replicas)


def check(claim: Claim, budget: Budget = STANDARD) -> Verdict:
    """Look for a process under which the bound misses with probability above delta.

    Where a bound raises a ValueError or an ArithmeticError it makes no statement: the trial counts as no miss.

    Returns:
        REFUTED with a witness that `replay` reproduces; SUPPORTED when no cell was rejected and some could have been;
        UNDECIDED when no trial could have refuted the card, or the bound refuses more data than it speaks about.
    """
    if not isinstance(claim, TailBound):
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, "only tail bounds say something about chance")
    cells = _cells(claim, budget)
    if not cells:
        return Verdict(claim.name, ENGINE, Status.NOT_APPLICABLE, f"no process here is {claim.dependence}")
    together = len(claim.bounds)
    for batch in range(-(-budget.replicas // BATCH)):
        for index in range(0, len(cells), together):
            rejected = _attack(claim, [c for c in cells[index : index + together] if c.open], batch, budget.seed)
            if rejected is not None:
                verdict = _refuted(claim, rejected, budget.seed)
                drawn, effective = sum(c.drawn for c in cells), sum(c.effective for c in cells)
                return replace(verdict, cases=drawn, effective=effective, error_budget=budget.false_alarm)
    return _survived(claim, cells, budget)


def replay(claim: Claim, witness: Mapping[str, Any]) -> Verdict:
    """Draw the paths of a witness again and count again: REFUTED with the same counts, or UNDECIDED.

    Raises:
        DataError: not a witness of this engine.
    """
    if witness.get("engine") != ENGINE or not isinstance(claim, TailBound):
        raise DataError(NOT_A_WITNESS.format(engine=ENGINE))
    process = next((p for p in claim.setting.processes() if p.name == witness["process"]), None)
    if process is None:
        raise DataError(f"witness: no process {witness['process']!r} in this setting")
    n, delta, strength = int(witness["n"]), float(witness["delta"]), float(witness["strength"])
    seed = int(witness["seed"])
    test = CoverageTest(delta, float(witness["false_alarm"]), COMFORT)
    cell = _Cell(int(witness["function"]), process, n, delta, strength, int(witness["replicas"]), test)
    for batch in range(int(witness["batches"])):
        _attack(claim, [cell], batch, seed)
    if test.state == "rejected":
        return _refuted(claim, cell, seed)
    reason = f"misses {test.misses} of {test.trials} times here: no counterexample"
    return Verdict(claim.name, ENGINE, Status.UNDECIDED, reason, cases=test.trials, seed=seed)


def _cells(claim: TailBound, budget: Budget) -> list[_Cell]:
    processes = [p for p in claim.setting.processes() if satisfies(p.dependence, claim.dependence)]
    processes.sort(key=lambda process: "hidden" not in process.name)  # they come nearest to delta
    design = DESIGN[: 2 if claim.effort >= SLOWEST else 4 if claim.effort >= SLOW else None]
    replicas = budget.replicas // math.isqrt(claim.effort)
    count = len(processes) * len(design) * len(claim.bounds)
    return [
        _Cell(i, process, n, delta, strength, replicas, CoverageTest(delta, budget.false_alarm / count, COMFORT))
        for (n, delta), strength in zip(design, cycle(claim.setting.strengths), strict=False)
        for process in processes
        for i in range(len(claim.bounds))
    ]


def _scenes(claim: TailBound, cell: _Cell, batch: int, seed: int) -> Iterator[Scene]:
    """The scenes of one batch: they depend on the process, n, delta and the seed, never on the claim's name."""
    entropy = [seed, zlib.crc32(cell.process.name.encode()), cell.n, round(1000 * cell.delta), batch]
    aimed = replace(cell.process, sample=_aiming(cell.process.sample, cell.strength))
    return claim.setting.scenes(aimed, np.random.default_rng(entropy), BATCH, cell.n, cell.nats)


def _aiming(sample: Callable[..., Any], strength: float) -> Callable[..., Any]:
    def aimed(rng: np.random.Generator, replicas: int, n: int, nats: float) -> Any:
        return sample(rng, replicas, n, strength * nats)

    return aimed


def _attack(claim: TailBound, group: list[_Cell], batch: int, seed: int) -> _Cell | None:
    """Feed one batch of scenes to the cells of one process and design; the first that is rejected."""
    if not group:
        return None
    for cell in group:
        cell.batches = batch + 1
    for replica, scene in enumerate(_scenes(claim, group[0], batch, seed)):
        for cell in (each for each in group if each.open):
            _judge(claim, cell, scene, (batch, replica))
            if cell.test.state == "rejected":
                return cell
    return None


def _judge(claim: TailBound, cell: _Cell, scene: Scene, place: tuple[int, int]) -> None:
    cell.drawn += 1
    try:
        judged = claim.setting.judge(claim.bounds[cell.function], scene, claim.side)
    except (ValueError, ArithmeticError) as error:  # DomainError and DataError are ValueErrors
        cell.refusals += 1
        cell.refused = f"{type(error).__name__}: {error}"
        cell.test.add(False)
        return
    cell.effective += int(judged.effective or judged.violated)
    if judged.violated and cell.first is None:
        cell.first = place
    cell.test.add(judged.violated)


def _refuted(claim: TailBound, cell: _Cell, seed: int) -> Verdict:
    test = cell.test
    assert cell.first is not None
    batch, replica = cell.first
    scene = next(islice(_scenes(claim, cell, batch, seed), replica, None))
    judged = claim.setting.judge(claim.bounds[cell.function], scene, claim.side)
    witness = {
        "engine": ENGINE,
        "function": cell.function,
        "process": cell.process.name,
        "n": cell.n,
        "delta": cell.delta,
        "strength": cell.strength,
        "log_inv_delta": cell.nats,
        "seed": seed,
        "batches": cell.batches,
        "replicas": cell.replicas,
        "false_alarm": test.false_alarm,
        "violations": test.misses,
        "trials": test.trials,
        "example": {
            "batch": batch,
            "replica": replica,
            "side": judged.side,
            "value": judged.value,
            "truth": judged.truth,
            "given": arguments(scene.given),
        },
    }
    reason = (
        f"misses {test.misses} of {test.trials} times at delta = {cell.delta:g}: {cell.process.name}, n = {cell.n}, "
        f"e-value {math.exp(test.log_evidence()):.1e}"
    )
    return Verdict(claim.name, ENGINE, Status.REFUTED, reason, cell.drawn, cell.effective, witness=witness, seed=seed)


def _survived(claim: TailBound, cells: list[_Cell], budget: Budget) -> Verdict:
    live = [cell for cell in cells if cell.effective]
    confirmed = sum(cell.test.state == "confirmed" for cell in live)
    cases, effective = sum(cell.drawn for cell in cells), sum(cell.effective for cell in cells)
    refused = [cell for cell in cells if cell.refusals]
    refusals = sum(cell.refusals for cell in refused)
    status = Status.SUPPORTED if effective > _FEW * refusals else Status.UNDECIDED
    reason = "no trial could have refuted it"
    if live:
        counts = f"{confirmed} cells confirmed, {len(live) - confirmed} not refuted, {len(cells) - len(live)} vacuous"
        reason = f"no process rejected it: {counts}"
    if refused:
        first = refused[0]
        reason += f"; refused {refusals} cases, first {first.process.name} at n = {first.n}: {first.refused}"
    return Verdict(claim.name, ENGINE, status, reason, cases, effective, budget.false_alarm, seed=budget.seed)
