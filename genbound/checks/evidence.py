"""The evidence store: what the checks found, each verdict with the fingerprint of the code it is about.

The store is one JSON file inside the package, the same bytes for the same verdicts. A verdict whose code has changed
since reads as UNDECIDED until the check is run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genbound.checks.fingerprint import fingerprint
from genbound.checks.run import Hunt
from genbound.checks.verdict import STANDARD, Budget, Status, Verdict
from genbound.claims.card import ENGINES, Claim, Engine
from genbound.errors import DataError
from genbound.files import pretty_json, write_atomic

STORE = Path(__file__).with_name("evidence.json")
SCHEMA = "genbound/evidence/1"
MADE_WITH = ("hypothesis", "mpmath", "numpy", "python-flint", "sympy")
"""Packages that a verdict may depend on; their versions are recorded, and do not make evidence stale."""


@dataclass(frozen=True)
class Stored:
    """A verdict, the name of its budget, and the fingerprint of what it depends on."""

    verdict: Verdict
    budget: str
    fingerprint: str


@dataclass(frozen=True)
class StoredHunt:
    """What became of a planted error, and the fingerprint of what that depends on ("" where nothing refuted it)."""

    hunt: Hunt
    budget: str
    fingerprint: str


@dataclass(frozen=True)
class Evidence:
    """Everything that is stored.

    Attributes:
        verdicts: (claim, engine) -> verdict.
        hunts: (claim, planted error) -> result.
    """

    verdicts: Mapping[tuple[str, str], Stored] = field(default_factory=dict)
    hunts: Mapping[tuple[str, str], StoredHunt] = field(default_factory=dict)

    def status(self, card: Claim) -> list[Verdict]:
        """What each engine says of a registered card today, in the order of `ENGINES`; stale or missing: UNDECIDED."""
        return [self._today(card, engine) for engine in ENGINES]

    def planted(self, card: Claim) -> list[Hunt]:
        """What became of each planted error of a registered card; stale, missing, or by an engine that does
        not pass the true claim at the same budget: refuted by nothing."""
        return [self._found(card, error.name) for error in card.planted]

    def with_run(self, cards: Mapping[str, Claim], verdicts: Iterable[Verdict], hunts: Iterable[Hunt],
                 budget: Budget = STANDARD) -> Evidence:  # fmt: skip
        """This evidence with new results in it, fingerprinted now, and without what is about no registered card.

        Args:
            cards: every registered claim by name.
            verdicts, hunts: of `run` and `hunt` at this budget.
            budget: how hard they looked.
        """
        kept = {key: stored for key, stored in self.verdicts.items() if key[0] in cards}
        for verdict in verdicts:
            mark = fingerprint(cards[verdict.claim], _engine(verdict.engine))
            kept[verdict.claim, verdict.engine] = Stored(verdict, budget.name, mark)
        planted = {(name, error.name) for name, card in cards.items() for error in card.planted}
        found = {key: stored for key, stored in self.hunts.items() if key in planted}
        for hunt in hunts:
            mark = fingerprint(cards[hunt.claim], _engine(hunt.refuted_by)) if hunt.refuted_by else ""
            found[hunt.claim, hunt.error] = StoredHunt(hunt, budget.name, mark)
        return Evidence(kept, found)

    def _today(self, card: Claim, engine: Engine) -> Verdict:
        stored = self.verdicts.get((card.name, engine))
        if stored is None:
            return Verdict(card.name, engine, Status.UNDECIDED, "not run")
        if stored.fingerprint != fingerprint(card, engine):
            reason = f"stale: {stored.verdict.status} before the code changed"
            return Verdict(card.name, engine, Status.UNDECIDED, reason)
        return stored.verdict

    def _found(self, card: Claim, error: str) -> Hunt:
        stored = self.hunts.get((card.name, error))
        if stored is None:
            return Hunt(card.name, error, None, "not run")
        engine = stored.hunt.refuted_by
        if engine and stored.fingerprint != fingerprint(card, _engine(engine)):
            return Hunt(card.name, error, None, f"stale: refuted by {engine} before the code changed")
        true = self.verdicts.get((card.name, engine)) if engine else None
        if engine and not (true and true.verdict.status.passes and true.budget == stored.budget):
            return Hunt(card.name, error, None, f"refuted by {engine}, which does not pass the true claim like that")
        return stored.hunt


def meets_minimum(card: Claim, verdicts: Iterable[Verdict]) -> bool:
    """Whether every engine the card asks for gives evidence, at least one does, and none refutes it.

    >>> from genbound.claims.card import Impossibility
    >>> card = Impossibility(name="a", statement="", value=len, process=len, minimum=frozenset({"exact"}))
    >>> [meets_minimum(card, [Verdict("a", "exact", status, "")]) for status in (Status.EXACT, Status.UNDECIDED)]
    [True, False]
    """
    said = list(verdicts)
    passed = {verdict.engine for verdict in said if verdict.status.passes}
    refuted = any(verdict.status is Status.REFUTED for verdict in said)
    return bool(passed) and card.minimum <= passed and not refuted


def status(card: Claim) -> list[Verdict]:
    """`Evidence.status` of the package's own store."""
    return _packaged().status(card)


def load(path: Path | None = None) -> Evidence:
    """The store, by default the package's own; empty when there is no file.

    Raises:
        DataError: not an evidence store of this version.
    """
    path = path or STORE
    if not path.is_file():
        return Evidence()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise DataError(f"schema {content['schema']!r}, need {SCHEMA!r}")
        verdicts: dict[tuple[str, str], Stored] = {}
        hunts: dict[tuple[str, str], StoredHunt] = {}
        for name, about in content["claims"].items():
            for engine, found in about["verdicts"].items():
                verdict = Verdict.from_dict({"claim": name, "engine": engine, **_without_mark(found)})
                verdicts[name, engine] = Stored(verdict, found["budget"], found["fingerprint"])
            for error, found in about["planted"].items():
                hunt = Hunt(name, error, found["refuted_by"], found["reason"])
                hunts[name, error] = StoredHunt(hunt, found["budget"], found["fingerprint"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"{path}: not an evidence store: {error}") from error
    return Evidence(verdicts, hunts)


def save(evidence: Evidence, path: Path | None = None) -> None:
    """Write the store, whole or not at all: sorted, no times, the same bytes for the same verdicts."""
    claims: dict[str, Any] = {
        name: {"verdicts": {}, "planted": {}} for name, _ in sorted({*evidence.verdicts, *evidence.hunts})
    }
    for (name, engine), stored in sorted(evidence.verdicts.items()):
        about = stored.verdict.to_dict()
        del about["claim"], about["engine"]
        claims[name]["verdicts"][engine] = {**about, "budget": stored.budget, "fingerprint": stored.fingerprint}
    for (name, error), found in sorted(evidence.hunts.items()):
        claims[name]["planted"][error] = {
            "refuted_by": found.hunt.refuted_by,
            "reason": found.hunt.reason,
            "budget": found.budget,
            "fingerprint": found.fingerprint,
        }
    made_with = {package: version(package) for package in MADE_WITH}
    write_atomic(path or STORE, pretty_json({"schema": SCHEMA, "made_with": made_with, "claims": claims}))


@cache
def _packaged() -> Evidence:
    return load()


def _without_mark(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in ("budget", "fingerprint")}


def _engine(name: str) -> Engine:
    return next(engine for engine in ENGINES if engine == name)
