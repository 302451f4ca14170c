"""The certificate: what is claimed, about what, paid how, and sealed against silent edits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genbound.baselines import LOTFI_ALPHAS, LOTFI_DELTA, lotfi_subsampled
from genbound.certificate import bounds
from genbound.certificate.bounds import Problem
from genbound.certificate.choices import Choices
from genbound.certificate.choices import rows as choices_rows
from genbound.certificate.rows import METHODS, BoundRow, CodedModel
from genbound.certificate.settings import Settings
from genbound.certificate.statement import fixed_beforehand, reason, statement
from genbound.certificate.statistics import SampleStatistics, StreamStatistics
from genbound.concentration import Wealth
from genbound.errors import CertificateError
from genbound.files import digest

SCHEMA = "genbound/certificate/2"
FILE = "certificate.json"


@dataclass(frozen=True)
class Evidence:
    """Everything that was measured: from it and the settings alone the certificate follows."""

    problem: Problem
    original: StreamStatistics | SampleStatistics
    codes: Mapping[str, tuple[CodedModel, Any]]
    heldout: StreamStatistics | None = None
    progressive: Mapping[float, Wealth] | None = None
    recipe_nats: float = 0.0


@dataclass(frozen=True)
class Certificate:
    """A certificate, as read from or written to certificate.json; `to_dict` is the file."""

    content: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return dict(self.content)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Certificate:
        """Raises CertificateError when it is no certificate of this schema version."""
        found = value.get("schema") if isinstance(value, Mapping) else None
        if found != SCHEMA:
            raise CertificateError(f"schema={found!r}: need {SCHEMA!r} (version of the certificate)")
        missing = [name for name in _SECTIONS if name not in value]
        if missing:
            raise CertificateError(f"certificate: section {missing[0]!r} is missing")
        wrong = [name for name in _SECTIONS if not isinstance(value[name], _kind_of(name))]
        if wrong:
            raise CertificateError(f"certificate: section {wrong[0]!r} is not what a certificate holds there")
        return cls(dict(value))

    @classmethod
    def load(cls, folder: str | Path) -> Certificate:
        """Read DIR/certificate.json.

        Raises:
            CertificateError: missing, truncated, not JSON, or of another version.
        """
        path = Path(folder) / FILE
        try:
            value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
        except FileNotFoundError as error:
            raise CertificateError(f"{path}: no such file; a certificate is a folder with {FILE}") from error
        except (OSError, ValueError, RecursionError) as error:
            raise CertificateError(f"{path}: cannot be read as JSON ({error})") from error
        return cls.from_dict(value)

    @property
    def bounds(self) -> dict[str, BoundRow | None]:
        """Every printed bound by name; None where there was nothing to compute it from."""
        return {
            name: None if (row := self.content["bounds"][name]) is None else BoundRow.from_dict(row) for name in METHODS
        }

    @property
    def value(self) -> float:
        """The headline: `geometric_mean`, nats per token."""
        return float(self.content["bounds"]["geometric_mean"]["value"])

    @property
    def vacuous(self) -> bool:
        """Whether a random guess is as good: the headline is not below ln V."""
        return self.value >= float(self.content["bounds"]["random_guess"]["value"])

    @property
    def decomposition(self) -> dict[str, float]:
        return dict(self.content["decomposition"])

    @property
    def codes(self) -> dict[str, CodedModel]:
        return {code["label"]: CodedModel(**code) for code in self.content["codes"]}

    @property
    def settings(self) -> Settings:
        return Settings.from_dict(self.content["settings"])

    def broken_seals(self) -> list[str]:
        """Fields whose digest no longer fits them: edited after the certificate was made."""
        return differing(self.content["seals"], seals(self.content))

    def __str__(self) -> str:
        model, reading = self.content["model"], self.content["reading"]
        size = f"{model['parameters']:,} parameters, n = {reading['n_tokens']:,} tokens"
        head = f"{model['name']}: {size}, {reading['mode']}"
        rows = [f"  {name:<24}{'-' if row is None else format(row.value, '.4f')}" for name, row in self.bounds.items()]
        return "\n".join([head, *rows])


_SECTIONS = (
    "statement", "model", "data", "heldout", "reading", "settings", "choices", "codes", "losses", "bounds",
    "not_offered", "decomposition", "as_published", "fixed_beforehand", "environment", "seals",
)  # fmt: skip


def _kind_of(section: str) -> type | tuple[type, ...]:
    if section in ("codes", "fixed_beforehand"):
        return list
    return (Mapping, type(None)) if section in ("heldout", "as_published") else Mapping


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def compose(description: Mapping[str, Any], settings: Settings, choices: Choices, evidence: Evidence) -> Certificate:
    """Compute every bound from the evidence and write the certificate down."""
    problem = evidence.problem
    found = {
        **bounds.yardsticks(problem, evidence.heldout, evidence.progressive, evidence.recipe_nats),
        **choices_rows(problem, choices, evidence.codes),
    }
    rows = {name: found.get(name) for name in METHODS}
    headline = found["geometric_mean"]
    losses = _losses(headline, evidence)
    decomposition = bounds.explain(
        problem, headline, original_loss=losses["original"], coded_loss=losses["coded"],
        smoothed_loss=losses["smoothed"], sampling=headline.terms.get("sampling", 0.0),
    )  # fmt: skip
    kinds = {coded.kind for coded, _ in evidence.codes.values()}
    content = {
        "schema": SCHEMA,
        "statement": statement(problem),
        **{key: value for key, value in description.items() if key != "environment"},
        "settings": settings.to_dict(),
        "choices": choices.to_dict(),
        "codes": [asdict(_named(evidence.codes[label][0])) for label in choices.codes],
        "losses": losses,
        "bounds": {name: None if row is None else row.to_dict() for name, row in rows.items()},
        "not_offered": {name: reason(name, problem, kinds) for name, row in rows.items() if row is None},
        "decomposition": decomposition,
        "as_published": _as_published(evidence),
        "fixed_beforehand": fixed_beforehand(settings, problem, kinds, recipe=evidence.recipe_nats > 0),
        "environment": description["environment"],
    }
    return Certificate({**content, "seals": seals(content)})


def _losses(headline: BoundRow, evidence: Evidence) -> dict[str, Any]:
    """Mean losses, nats per token: measured, not bounds; of the windows read when they were sampled."""
    assert headline.code is not None
    _, winner = evidence.codes[headline.code]
    law = float(headline.tuned["w"]) if headline.alpha is None else headline.alpha
    coded = winner.loss.value if isinstance(winner, StreamStatistics) else winner.loss
    smoothed = winner.mean_loss(law)
    original = evidence.original
    whole = isinstance(original, StreamStatistics)
    return {
        "measured_on": "windows read" if evidence.problem.windows else "every token",
        "original": original.loss.value if isinstance(original, StreamStatistics) else original.loss,
        "coded": coded,
        "smoothed": smoothed,
        "heldout": None if evidence.heldout is None else evidence.heldout.loss.value,
        "deviation": original.loss_deviation if whole else float(original.nll.std()),
        "deviation_from_entropy": original.excess_deviation if whole else None,
        "entropy": original.entropy.value if whole else None,
        "varentropy": original.varentropy.value if whole else None,
        "largest": original.largest_nll if whole else float(original.nll.max()),
        "mean_largest_possible": original.max_nll.value if whole else None,
        "top_1_accuracy": original.correct / original.n if whole else None,
    }


def _as_published(evidence: Evidence) -> dict[str, Any] | None:
    """[L24]'s formula with [L24]'s delta, the choice of alpha not paid: to compare with the paper, not a bound here.

    None where no description is a coded file.
    """
    problem = evidence.problem
    values = []
    for coded, statistics in evidence.codes.values():
        if coded.code_bits is None:
            continue
        if isinstance(statistics, StreamStatistics):
            means = {a: statistics.smoothed[a].upper for a in LOTFI_ALPHAS}
        else:
            means = {a: float(statistics.losses_at(a).mean()) for a in LOTFI_ALPHAS}
        result = lotfi_subsampled(
            means, code_bits=coded.code_bits, n=problem.n, m=problem.windows or None,
            vocab_size=problem.vocab_size, as_published=True,
        )  # fmt: skip
        values.append((result.value, coded.label))
    if not values:
        return None
    value, label = min(values)
    return {"lotfi_subsampled": value, "code": label, "delta": LOTFI_DELTA, "note": "as published; not certified"}


def _named(coded: CodedModel) -> CodedModel:
    """The file under the name it is published by, which holds its hash."""
    return replace(coded, file=f"{coded.label}-{coded.sha256[:8]}{Path(coded.file).suffix}")


def seals(content: Mapping[str, Any]) -> dict[str, str]:
    """A short digest of every field one level down (of a whole section where it has no fields)."""
    result: dict[str, str] = {}
    for section, value in content.items():
        if section == "seals":
            continue
        if isinstance(value, Mapping):
            result |= {f"{section}.{key}": digest(part, 12) for key, part in value.items()}
        else:
            result[section] = digest(value, 12)
    return result


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Keys that only one of two flat mappings has, or that differ."""
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
