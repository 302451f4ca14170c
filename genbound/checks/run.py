"""Runs the engines over the cards: in one process or in several, with the same verdicts in the same order."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from types import ModuleType
from typing import Any

from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.card import ENGINES, Claim, Engine, Inequality, Rate
from genbound.claims.registry import claim
from genbound.errors import MissingExtraError, domain_error

Progress = Callable[[str, int, int | None], None]
"""(step, done, total)."""

HUNTERS: tuple[Engine, ...] = ("fuzz", "certify", "exact", "simulate")
"""The engines that look for planted errors, the cheapest first.

What `derive` and, on a tail bound, `certify` see is only that a function is no longer the one of the formula. A rate is
about formulas and nothing else, so that `derive` hunts there, alone.
"""


@dataclass(frozen=True)
class Hunt:
    """What became of one planted error.

    Attributes:
        claim: name of the true claim.
        error: name of the planted error.
        refuted_by: the engine that refuted it and that passes the true claim at the same budget; None if none did.
        reason: what that engine found, or why none could.
    """

    claim: str
    error: str
    refuted_by: Engine | None
    reason: str


def check(card: Claim, engine: Engine, budget: Budget = STANDARD) -> Verdict:
    """One engine on one card, whatever its name.

    Raises:
        DomainError: there is no such engine.
        MissingExtraError: the engine needs a package that is not installed.
    """
    return engine_module(engine).check(card, budget)


def engine_module(engine: str) -> ModuleType:
    """The module of an engine, loaded when it is first asked for.

    Raises:
        DomainError, MissingExtraError: as in `check`.
    """
    if engine not in ENGINES:
        raise domain_error("engine", engine, f"one of {', '.join(ENGINES)}", "a way of checking")
    try:
        return importlib.import_module(f"genbound.checks.{engine}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("genbound"):
            raise
        raise MissingExtraError(f"{error.name} not installed: pip install 'genbound[testing]'") from error


def run(names: Iterable[str], engines: Sequence[Engine] = ENGINES, budget: Budget = STANDARD, *, workers: int = 1,
        progress: Progress | None = None) -> list[Verdict]:  # fmt: skip
    """Every engine on every claim.

    Args:
        names: registered claims; `claim!error` for a planted variant.
        engines: in the order of the verdicts.
        budget: how hard to look.
        workers: processes; the verdicts do not depend on it.
        progress: called after each verdict.

    Returns:
        One verdict for each claim and engine, claims outermost, in the order given.

    Raises:
        DomainError: an unknown claim or engine, workers < 1.

    >>> run([])
    []
    """
    return _map(_verdict, [(name, engine, budget) for name in names for engine in engines], workers, "claims", progress)


def hunt(names: Iterable[str], verdicts: Iterable[Verdict], budget: Budget = STANDARD, *, workers: int = 1,
         progress: Progress | None = None) -> list[Hunt]:  # fmt: skip
    """Look for the planted errors of these claims with the engines that passed the true claims.

    Args:
        names: registered claims.
        verdicts: what `run` found about them at this budget; an engine that does not pass a claim refutes nothing.
        budget, workers, progress: as in `run`.

    Returns:
        One result for each planted error, in the order of the cards.

    >>> hunt([], [])
    []
    """
    passed = {(verdict.claim, verdict.engine) for verdict in verdicts if verdict.status.passes}
    jobs = []
    for name in names:
        card = claim(name)
        able = tuple(engine for engine in hunters(card) if (name, engine) in passed)
        jobs.extend((name, planted.name, able, budget) for planted in card.planted)
    return _map(_hunt, jobs, workers, "planted errors", progress)


def hunters(card: Claim) -> tuple[Engine, ...]:
    """The engines whose refutation of a variant of this card counts."""
    if isinstance(card, Rate):
        return ("derive",)
    return tuple(engine for engine in HUNTERS if engine != "certify" or isinstance(card, Inequality))


def _verdict(name: str, engine: Engine, budget: Budget) -> Verdict:
    return check(claim(name), engine, budget)


def _hunt(name: str, error: str, engines: tuple[Engine, ...], budget: Budget) -> Hunt:
    variant = claim(f"{name}!{error}")
    for engine in engines:
        verdict = check(variant, engine, budget)
        if verdict.status is Status.REFUTED:
            return Hunt(name, error, engine, verdict.reason)
    tried = ", ".join(engines)
    return Hunt(name, error, None, f"not found by {tried}" if tried else "no engine passed the true claim")


def _map(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int, step: str,
         progress: Progress | None) -> list[Any]:  # fmt: skip
    if workers < 1:
        raise domain_error("workers", workers, "workers >= 1", "number of processes")
    if workers == 1 or len(jobs) < 2:
        return list(_told((function(*job) for job in jobs), len(jobs), step, progress))
    die = (signal.SIGINT, signal.SIG_DFL)  # an interruption ends the workers, too, whatever they are at
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), signal.signal, die) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        try:
            return list(_told((future.result() for future in futures), len(jobs), step, progress))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # after an error or an interruption


def _told(results: Iterable[Any], total: int, step: str, progress: Progress | None) -> Iterable[Any]:
    for done, result in enumerate(results, 1):
        if progress is not None:
            progress(step, done, total)
        yield result
