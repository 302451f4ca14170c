"""One row of the scaling study: everything that is measured of one model, in parts that a killed run finds again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from genbound.certificate.settings import Settings
from genbound.complexity.codes import code_nats
from genbound.files import digest, pretty_json, write_atomic
from genbound.lm.certify import certify
from genbound.lm.checkpoints import LoadedModel
from genbound.lm.codec import encode
from genbound.lm.descriptions.make import HESSIANS_IN_MEMORY
from genbound.lm.hessian import Hessians, collect, matrix_bytes
from genbound.lm.ladder.train import versions
from genbound.lm.measure.certified import certified_bounds
from genbound.lm.measure.network_spectrum import network_spectrum
from genbound.lm.measure.quantization_error import BITS, CODES, quantization_error
from genbound.lm.measure.sample import chosen_windows, window_losses
from genbound.lm.measure.spectra import layer_spectra
from genbound.lm.measure.variation import variation
from genbound.lm.quantize import quantize
from genbound.lm.sources.stream import tokens_sha256
from genbound.lm.windows import Windows

SCHEMA = "genbound/measurements/1"
"""Changes when a part means something else: the parts that are kept belong to it."""

RATES = {"gptq": (2.0, 2.5, 3.0, 3.5, 4.0, 5.0), "ldlq": (1.5, 2.0, 2.5, 3.0, 4.0)}
"""Nominal bits per weight that a certificate may choose from."""


@dataclass(frozen=True)
class Sizes:
    """How much is read: tokens for the losses, the quantization errors, the Hessians, the network's spectrum."""

    losses: int = 1 << 18
    errors: int = 1 << 16
    hessians: int = 1 << 15
    spectrum: int = 1 << 11
    steps: int = 64
    starts: int = 4


@dataclass(frozen=True)
class Subject:
    """A model, the stream it is measured on, and what is known of its training.

    Attributes:
        known: the first fields of its row. spec: for `certify`. stream: tokens. bounded: the stream is the one it was
            trained on. rates: of each code that is certified. whole: certificates read every token, however many.
        population: tokens of the whole stream, where `stream` is a sample of its windows.
    """

    known: dict[str, Any]
    spec: Path
    loaded: LoadedModel = field(repr=False)
    stream: np.ndarray = field(repr=False)
    context: int
    sizes: Sizes = Sizes()
    bounded: bool = True
    rates: dict[str, tuple[float, ...]] = field(default_factory=lambda: RATES)
    whole: bool = True
    population: int | None = None

    @property
    def label(self) -> str:
        """Its folder of parts: LADDER/NAME-sSEED-rRATIO, as far as these are known."""
        known = self.known
        pairs = (("s", known["seed"]), ("r", known["tokens_per_parameter"]))
        return f"{known['ladder']}/{known['name']}" + "".join(f"-{k}{v:g}" for k, v in pairs if v is not None)

    @property
    def windows(self) -> Windows:
        return Windows(self.stream, self.context, separate=self.population is not None)

    @cached_property
    def key(self) -> str:
        """What its measurements belong to, but for the rates of certificates: weights, stream, how much is read."""
        return digest({
            "schema": SCHEMA, "sha256": self.loaded.sha256, "sizes": vars(self.sizes), "context": self.context,
            "stream": tokens_sha256(self.stream), "whole": self.whole, "population": self.population,
        })  # fmt: skip

    def chosen(self, tokens: int, purpose: str = "losses") -> np.ndarray:
        """The windows that hold about so many tokens."""
        return chosen_windows(len(self.windows), max(2, tokens // self.windows.length), purpose=purpose)


class Parts:
    """What was measured of a model, in files that belong to a key and to what was asked."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key

    def __call__(self, name: str, make: Callable[[], Any], **asked: Any) -> Any:
        """The value of a part; `asked` belongs to what was asked of this part only."""
        path, key = self.folder / f"{name}.json", digest([self.key, asked]) if asked else self.key
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] == key:
                return found["value"]
        value = make()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, pretty_json({"key": key, "value": value}))
        return value


def measured(
    subject: Subject,
    work: Path,
    *,
    codes: Iterable[str] = ("gptq",),
    spectrum: bool = False,
    old: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The row of a model: its own numbers, and whatever `old` has not got, measured.

    Args:
        subject: the model and its stream.
        work: folder of the parts; what these versions measured of this very model is not measured again.
        codes: what to certify it with, each one of `subject.rates`; none where the stream is not its training stream.
        spectrum: also that of the whole network.
        old: the row so far; it counts only where it is about the same (`Subject.key`, and rates).

    Returns:
        The fields of `subject.known`, sha256 of the weights, key, variation, quantization, bounds, hessian and, if
        asked for or there before, spectrum: plain values for JSON.

    Raises:
        GenboundError: a model or a stream that cannot be measured; MissingExtraError without `curvlinops`.
    """
    loaded, folder = subject.loaded, work / subject.label
    parts = Parts(folder, digest([subject.key, versions()]))
    old = old if old and old.get("key") == subject.key else {}
    row: dict[str, Any] = {**subject.known, "sha256": loaded.sha256, "key": subject.key}
    row["variation"] = old.get("variation") or parts("variation", lambda: _variation(subject))
    statistics = cache(lambda: _hessians(subject, folder / "hessians"))
    errors = old.get("quantization") or []
    asked = [(error["code"], error["bits"]) for error in errors] == [*product(CODES, BITS)]
    row["quantization"] = errors if asked else _quantization(subject, statistics, parts)
    row["bounds"] = [found for found in old.get("bounds") or () if at_rates(found, subject.rates)]
    for code in codes if subject.bounded else ():
        if code not in [found["code"] for found in row["bounds"]]:
            row["bounds"].append(parts(
                f"bounds-{code}", lambda c=code: _certified(subject, c, folder, statistics), rates=subject.rates[code],
            ))  # fmt: skip
    row["hessian"] = old.get("hessian") or parts(
        "hessian", lambda: [layer.to_dict() for layer in layer_spectra(loaded.model, statistics())]
    )
    if spectrum or "spectrum" in old:
        row["spectrum"] = old.get("spectrum") or parts("spectrum", lambda: _spectrum(subject))
    return row


def at_rates(found: Mapping[str, Any], rates: Mapping[str, tuple[float, ...]]) -> bool:
    """Whether a stored certificate chose from these rates of its code."""
    return tuple(each["rate"] for each in found["codes"]) == rates.get(found["code"])


def _variation(subject: Subject) -> dict[str, Any]:
    chosen = subject.chosen(subject.sizes.losses)
    return variation(subject.loaded.model, subject.windows, chosen, vocab_size=subject.loaded.vocab_size).to_dict()


def _hessians(subject: Subject, shelf: Path) -> Hessians:
    """Of the calibration windows; in files where they do not fit into memory. Only certificates use gradients."""
    chosen, model = subject.chosen(subject.sizes.hessians, "calibration"), subject.loaded.model
    size = max(1, 8192 // subject.windows.length)
    batches = (subject.windows.gather(chosen[i : i + size])[0] for i in range(0, len(chosen), size))
    bytes_ = matrix_bytes(model)
    large = sum(bytes_) > HESSIANS_IN_MEMORY
    return collect(
        model, batches, gradients=subject.bounded, shelf=shelf if large else None,
        layers_at_once=max(1, HESSIANS_IN_MEMORY // max(bytes_)) if large else None,
    )  # fmt: skip


def _quantization(subject: Subject, statistics: Callable[[], Hessians], parts: Parts) -> list[dict[str, Any]]:
    loaded, chosen = subject.loaded, subject.chosen(subject.sizes.errors)
    before = np.array(
        parts("losses", lambda: window_losses(loaded.model, subject.windows, chosen, loaded.vocab_size).tolist())
    )

    def one(code: str, bits: int) -> dict[str, Any]:
        found = quantization_error(
            loaded.model, statistics(), subject.windows, chosen, before, code=code, bits=bits,
            vocab_size=loaded.vocab_size,
        )  # fmt: skip
        return found.to_dict()

    return [
        parts(f"quantization-{code}-{bits}", lambda c=code, b=bits: one(c, b)) for code, bits in product(CODES, BITS)
    ]


def _certified(subject: Subject, code: str, folder: Path, statistics: Callable[[], Hessians]) -> dict[str, Any]:
    """The certificate of a code at the best of its rates, and the sizes of the files at all of them."""
    rates, model = subject.rates[code], subject.loaded.model
    settings = Settings(
        code=(code,), rates=rates, context=subject.context, population=subject.population,
        windows=0 if subject.whole else None,
    )  # fmt: skip
    certificate = certify(
        subject.spec, np.asarray(subject.stream), folder / code, settings=settings, device=subject.loaded.device
    )
    sizes = []
    for rate in rates:
        quantized = quantize(model, method=code, bits=rate, calibration=statistics())
        sizes.append({"rate": rate, "nats": code_nats(8 * len(encode(quantized)))})
    return {**certified_bounds(certificate), "codes": sizes}


def _spectrum(subject: Subject) -> dict[str, Any]:
    sizes, chosen = subject.sizes, subject.chosen(subject.sizes.spectrum, "spectrum")
    found = network_spectrum(subject.loaded.model, subject.windows, chosen, steps=sizes.steps, starts=sizes.starts)
    return found.to_dict()
