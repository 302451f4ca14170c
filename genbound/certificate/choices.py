"""What the pilot chose, and the bounds that follow: one way in for streams read whole and for sampled windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genbound.certificate import bounds, sampled
from genbound.certificate.bounds import Problem
from genbound.certificate.rows import BoundRow, CodedModel
from genbound.certificate.sampled import Choice
from genbound.certificate.statistics import SampleStatistics, StreamStatistics
from genbound.errors import CertificateError


@dataclass(frozen=True)
class Choices:
    """Coded models that are read to the end, each with its alphas; and, for a sample, every method's parameters.

    Attributes:
        codes: label -> alphas whose centres are measured.
        methods: method -> choice (sampled windows only; empty when every token is read).
    """

    codes: Mapping[str, tuple[float, ...]]
    methods: Mapping[str, Choice]

    def to_dict(self) -> dict[str, Any]:
        return {
            "codes": {label: list(alphas) for label, alphas in self.codes.items()},
            "methods": {name: choice.to_dict() for name, choice in self.methods.items()},
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Choices:
        try:
            return cls(
                {str(label): tuple(float(a) for a in alphas) for label, alphas in value["codes"].items()},
                {str(name): Choice.from_dict(choice) for name, choice in value["methods"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CertificateError(f"choices: not what a certificate holds ({error})") from error


def choose(problem: Problem, pilots: Mapping[str, tuple[CodedModel, SampleStatistics]]) -> Choices:
    """What to read to the end, from the pilot's windows."""
    if not problem.windows:
        streams = {label: (coded, sample.as_stream()) for label, (coded, sample) in pilots.items()}
        return Choices({k: tuple(v) for k, v in bounds.shortlist(problem, streams).items()}, {})
    methods = sampled.choose(problem, pilots)
    codes: dict[str, set[float]] = {}
    for name, choice in methods.items():
        centred = name in ("finzi_bound", "empirical_freedman", "geometric_mean")
        codes.setdefault(choice.code, set()).update({choice.alpha} if centred else ())
    return Choices({label: tuple(sorted(alphas, reverse=True)) for label, alphas in sorted(codes.items())}, methods)


def rows(
    problem: Problem, choices: Choices, codes: Mapping[str, tuple[CodedModel, StreamStatistics | SampleStatistics]]
) -> dict[str, BoundRow]:
    """Every bound about a coded model."""
    if problem.windows:
        samples = {k: (coded, s) for k, (coded, s) in codes.items() if isinstance(s, SampleStatistics)}
        return sampled.sampled_rows(problem, choices.methods, samples)
    streams = {k: (coded, s) for k, (coded, s) in codes.items() if isinstance(s, StreamStatistics)}
    return bounds.best_rows(problem, streams)
