"""`genbound verify`: read the model out of its file, read the tokens again, recompute everything, compare every field.

What a file costs is computed from the file again. Where the file alone does not prove it (a draw, a prefix, a
transcript) the description is made again from the data and must come out in the same bits.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbound.certificate.certificate import Certificate, compose
from genbound.certificate.choices import Choices
from genbound.errors import CertificateError, GenboundError, domain_error
from genbound.files import file_sha256
from genbound.lm._oneline import one_line
from genbound.lm.certify import measure_chosen
from genbound.lm.descriptions.make import remade
from genbound.lm.descriptions.routes import ROUTES
from genbound.lm.passes import Pass, Progress
from genbound.lm.subject import open_subject
from genbound.lm.workers import Workers

TOLERANCE = 1e-5
"""Relative difference allowed between numbers recomputed on another device or with other library versions."""

_ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Difference:
    """One field that is not what it should be."""

    field: str
    recorded: Any
    recomputed: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason} (recorded {self.recorded!r}, recomputed {self.recomputed!r})"


@dataclass(frozen=True)
class Verification:
    """What verifying found: `ok`, or the fields that differ; `largest` is the largest relative deviation seen.

    `trusted` are the descriptions that were not made again though their files alone do not prove their prices.
    """

    differences: tuple[Difference, ...]
    fields: int
    largest: float
    trusted: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        if self.ok:
            exact = "to the last bit" if self.largest == 0 else f"within {self.largest:.1e} relative"
            trust = f"; TAKEN ON TRUST, not made again: {', '.join(self.trusted)}" if self.trusted else ""
            return f"verified: {self.fields} fields recomputed and equal {exact}{trust}"
        return "\n".join(["NOT verified:", *(f"  {difference}" for difference in self.differences)])


def verify(
    folder: str | Path,
    *,
    model: str | Path | None = None,
    data: str | Path | np.ndarray | None = None,
    heldout: str | Path | np.ndarray | None = None,
    device: str | None = None,
    tolerance: float = TOLERANCE,
    retrain: bool = True,
    progress: Progress | None = None,
) -> Verification:
    """Check a certificate from its files and the tokens.

    Args:
        folder: what `certify` wrote.
        model, data, heldout: where they are now, when not where the certificate says.
        device: where to run; by default where the certificate was made, if it is there.
        tolerance: relative difference allowed in numbers that were measured.
        retrain: make draws, prefixes and transcripts again from the data (on the same kind of machine with the same
            versions they come out in the same bits); without it their prices are taken on trust, and that is said.
        progress: called as progress(step, done, total).

    Raises:
        CertificateError: the folder holds no readable certificate, or a coded file is missing.
        GenboundError: the model or the data cannot be opened at all.
    """
    if not 0 <= tolerance < 1:
        raise domain_error("tolerance", tolerance, "0 <= tolerance < 1", "relative difference")
    folder = Path(folder)
    recorded = Certificate.load(folder)
    content = recorded.to_dict()
    broken = [
        Difference(name, _at(content, name), None, "edited: does not fit its seal") for name in recorded.broken_seals()
    ]
    try:
        found, fields, largest = _recompute(
            recorded, folder, model, data, heldout, device, tolerance, retrain, progress
        )
    except (GenboundError, LookupError, TypeError, ValueError, AttributeError) as error:
        if broken:
            return Verification(tuple(broken), 0, 0.0)
        if isinstance(error, GenboundError):
            raise
        problem = f"{type(error).__name__}: {one_line(error)}"
        raise CertificateError(f"{folder}: a field is missing or is not what it should be ({problem})") from error
    named = {difference.field for difference in found}
    return Verification(
        (*found, *(d for d in broken if not any(n == d.field or n.startswith(f"{d.field}.") for n in named))),
        fields,
        largest,
        () if retrain else tuple(label for label, coded in recorded.codes.items() if ROUTES[coded.method].remade),
    )


def _recompute(
    recorded: Certificate,
    folder: Path,
    model: str | Path | None,
    data: str | Path | np.ndarray | None,
    heldout: str | Path | np.ndarray | None,
    device: str | None,
    tolerance: float,
    retrain: bool,
    progress: Progress | None,
) -> tuple[list[Difference], int, float]:
    content = recorded.to_dict()
    for given, section in ((data, "data"), (heldout, "heldout")):
        if given is None and content[section] is not None and content[section]["spec"] is None:
            raise CertificateError(
                f"{section}: the certificate is about an array in memory; pass it (--{section} FILE)"
            )
    settings, codes = recorded.settings, recorded.codes
    options = content["data"]["options"]
    found: list[Difference] = []
    workers = Workers.from_environment()
    for label, coded in codes.items():
        path = folder / coded.file
        if Path(coded.file).name != coded.file or not path.is_file():
            raise CertificateError(f"{coded.file}: the coded model of {label} is missing from {folder}")
        sha256 = file_sha256(path)
        if coded.sha256 != sha256:
            ROUTES[settings.labels[label][0]].read(path)  # a damaged file says so itself
            found.append(Difference(f"codes.{label}.sha256", coded.sha256, sha256, "differs"))
    if found:  # nothing can be recomputed from other files than those that are certified
        return found, len(found), 0.0
    if heldout is None and content["heldout"] is not None:
        heldout = content["heldout"]["spec"]
    with tempfile.TemporaryDirectory(prefix="genbound-verify-") as temporary:
        subject = open_subject(
            model if model is not None else content["model"]["spec"],
            data if data is not None else content["data"]["spec"],
            settings=settings, heldout=heldout,
            device=workers.device(device or _available(content[_ENVIRONMENT]["device"])),
            cache=Path(temporary), field=options.get("field"), token_dtype=options.get("dtype"),
            gguf_file=content["model"]["gguf_file"], progress=progress,
        )  # fmt: skip
        run = Pass(Path(temporary), workers, progress)
        for label, coded in codes.items():
            reason = remade(folder / coded.file, label, subject, run) if retrain else None
            if reason is not None:
                found.append(Difference(f"codes.{label}", coded.file, None, reason))
        choices = Choices.from_dict(content["choices"])
        evidence = measure_chosen(subject, codes, choices, run, folder=folder)
        again = compose(subject.description(), settings, choices, evidence).to_dict()
    for moved, section in ((model, "model"), (data, "data"), (heldout, "heldout")):
        if moved is not None and again[section] is not None and content[section] is not None:
            again[section]["spec"] = content[section]["spec"]
    comparison = Comparison(tolerance)
    for section in content:
        if section not in ("seals", _ENVIRONMENT):
            comparison.compare(section, content[section], again.get(section))
    return [*found, *comparison.differences], comparison.fields, comparison.largest


def _available(device: str) -> str:
    """The device the certificate was made on, or the CPU where that is not to be had."""
    return "cpu" if str(device).startswith("cuda") and not torch.cuda.is_available() else str(device)


class Comparison:
    """Walks two JSON values; numbers may differ by `tolerance` relative to the larger (and 1e-9 absolute)."""

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.differences: list[Difference] = []
        self.fields = 0
        self.largest = 0.0

    def compare(self, name: str, recorded: Any, recomputed: Any) -> None:
        if isinstance(recorded, Mapping) and isinstance(recomputed, Mapping):
            for key in [*recorded, *(k for k in recomputed if k not in recorded)]:
                self.compare(f"{name}.{key}", recorded.get(key), recomputed.get(key))
        elif _is_list(recorded) and _is_list(recomputed) and len(recorded) == len(recomputed):
            for index, (one, other) in enumerate(zip(recorded, recomputed, strict=True)):
                label = one.get("label", index) if isinstance(one, Mapping) else index
                self.compare(f"{name}.{label}", one, other)
        else:
            self.fields += 1
            if not self._agree(recorded, recomputed):
                self.differences.append(Difference(name, recorded, recomputed, "differs"))

    def _agree(self, one: Any, other: Any) -> bool:
        if isinstance(one, float) and isinstance(other, float | int) and not isinstance(other, bool):
            gap, scale = abs(one - other), max(abs(one), abs(other))
            if not math.isfinite(gap):
                return False
            if gap:
                self.largest = max(self.largest, gap / scale)
            return gap <= self.tolerance * scale + 1e-9
        return type(one) is type(other) and one == other


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _at(content: Mapping[str, Any], name: str) -> Any:
    """The value a dotted name stands for, None when there is none."""
    section, _, key = name.partition(".")
    value = content.get(section)
    return value.get(key) if key and isinstance(value, Mapping) else value
