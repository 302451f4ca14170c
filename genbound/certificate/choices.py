"""What the pilot chose, and the bounds that follow: one way in for streams read whole and for sampled windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from genbound.certificate import bounds, sampled
from genbound.certificate.bounds import ALPHAS, Problem
from genbound.certificate.pilot import Pilots, around, best
from genbound.certificate.rows import BoundRow, CodedModel
from genbound.certificate.sampled import Choice
from genbound.certificate.statistics import OFFSETS, Centre, SampleStatistics, StreamStatistics, tilts
from genbound.errors import CertificateError
from genbound.tilting import WEIGHTS

_CENTRED = ("finzi_bound", "empirical_freedman", "geometric_mean")
"""The methods that know a centre Y; the others need mean losses only."""


@dataclass(frozen=True)
class Choices:
    """Coded models that are read to the end, each with its alphas; and, for a sample, every method's parameters.

    Attributes:
        codes: label -> (alpha, offset) of the centres that are measured; (w, 0) for an optimal law.
        methods: method -> choice (sampled windows only; empty when every token is read).
        tried: code -> `tried`, or why not; the price of choosing is that of all of them.
    """

    codes: Mapping[str, tuple[Centre, ...]]
    methods: Mapping[str, Choice]
    tried: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "codes": {label: [list(c) for c in centres] for label, centres in self.codes.items()},
            "methods": {name: choice.to_dict() for name, choice in self.methods.items()},
            "tried": dict(self.tried),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Choices:
        try:
            return cls(
                {str(label): tuple((float(a), float(o)) for a, o in cs) for label, cs in value["codes"].items()},
                {str(name): Choice.from_dict(choice) for name, choice in value["methods"].items()},
                {str(code): str(word) for code, word in value["tried"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CertificateError(f"choices: not what a certificate holds ({error})") from error


def choose(problem: Problem, pilots: Pilots) -> Choices:
    """What to read to the end, from the pilot's windows; the price is that of the whole grids."""
    if problem.windows:
        methods = sampled.choose(problem, pilots)
        centres = {name: {(c.alpha, c.offset)} for name, c in methods.items()}
        labels = {name: c.code for name, c in methods.items()}
    else:
        methods, found = {}, best(problem, pilots)
        labels = {name: c.code for name, c in found.items()}
        gm, ef, finzi = (found.get(name) for name in ("geometric_mean", "empirical_freedman", "finzi_bound"))
        assert gm is not None
        assert ef is not None
        centres = {
            "geometric_mean": {(w, 0.0) for w in around(WEIGHTS, gm.alpha)}
            if tilts(gm.alpha)
            else {(a, o) for a in around(ALPHAS, gm.alpha) for o in around(OFFSETS, gm.offset)},
            "empirical_freedman": {(a, 0.0) for a in around(ALPHAS, ef.alpha)},
            "finzi_bound": set() if finzi is None else {(finzi.alpha, 0.0)},
        }
    codes: dict[str, set[Centre]] = {}
    for name, label in labels.items():
        codes.setdefault(label, set()).update(centres[name] if name in _CENTRED else ())
    return Choices({label: tuple(sorted(codes[label])) for label in sorted(codes)}, methods)


def pilot_alphas(problem: Problem, coded: CodedModel) -> tuple[float, ...]:
    """Every law the pilot looks at: the preset alphas, the one `finzi_bound` prescribes, every eighth optimal law."""
    prescribed = {problem.finzi_alpha(coded)} if bounds.offers("finzi_bound", coded) else set()
    return tuple(sorted({*ALPHAS, *prescribed, *WEIGHTS[::8]}, reverse=True))


def rows(
    problem: Problem, choices: Choices, codes: Mapping[str, tuple[CodedModel, StreamStatistics | SampleStatistics]]
) -> dict[str, BoundRow]:
    """Every bound about a coded model that holds for one of them."""
    if problem.windows:
        samples = {k: (coded, s) for k, (coded, s) in codes.items() if isinstance(s, SampleStatistics)}
        found = sampled.sampled_rows(problem, choices.methods, samples)
    else:
        streams = {k: (coded, s) for k, (coded, s) in codes.items() if isinstance(s, StreamStatistics)}
        found = bounds.best_rows(problem, streams)
    if not problem.before:
        return found
    part = f"of which only tokens {problem.before + 1:,} to {problem.before + problem.n:,} count"
    return {name: replace(row, about=f"{row.about}; {part}") for name, row in found.items()}
