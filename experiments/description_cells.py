"""The certificates of the study of description lengths: which model, which code, how long it trains.

A cell is one certificate (`genbound certify`). `description_length.py` runs those of `cells` and compares them,
`rates.py` runs one per quantizer and rate.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genbound.certificate.certificate import Certificate
from genbound.certificate.settings import Settings
from genbound.lm.certify import certify
from genbound.lm.checkpoints import PRIOR
from genbound.lm.corpora import sotu
from genbound.lm.ladder import models
from genbound.lm.ladder.recipes import RECIPES, Recipe
from genbound.lm.train import plain
from genbound.lm.windows import Windows

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".cache" / "description_length"
PLAIN = ROOT / ".cache" / "plain"
GPTQ_RATES = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0)
LDLQ_RATES = (1.5, 2.0, 2.5, 3.0)
SMOKE_TOKENS = 20_480
CONTEXT = 128
BETWEEN = {"17k": (32, 2, 2, 40), "55k": (48, 2, 3, 160)}
"""Architectures between those of the ladder: hidden size, layers, heads, intermediate size."""

GAUSSIAN = {
    "10k": (("10k", 128), ("prior:100k", 12)),
    "30k": (("10k", 48), ("17k", 16), ("17k", 48), ("prior:100k", 10)),
    "100k": (("30k", 12), ("55k", 6), ("prior:300k", 2)),
    "300k": (("100k", 3), ("prior:300k", 1), ("prior:300k", 2)),
    "530k": (("100k", 1), ("prior:300k", 1)),
}
"""Gaussian weights of each stream: architecture and epochs; windows with a lead."""

WITHOUT_LEAD = {"10k": ("10k", 32), "30k": ("10k", 12), "100k": ("30k", 4), "300k": ("100k", 1)}
"""The same on windows without a lead."""

DISCARDED = {"10k": 3, "30k": 1, "100k": 1}
"""Certificates that were looked at and cannot be made again (earlier constants of `gaussian.CENTRED`): counted too."""

TUNED = {"10k": 32, "30k": 16}
"""Streams on which quantized integers are tuned, and the passes that takes; their rates are searched."""

SEARCHED = 12
"""Files coded in the search."""


@dataclass(frozen=True)
class Cell:
    """One certificate: the code, the model it starts from, and how long it trains.

    Attributes:
        code: as `--code`. model: the plain model, NAME or NAME-EPOCHS. epochs: of a description that is trained.
        rates: of a quantizer. tune: passes that move its integers.
        lead: tokens of a window that are read and not predicted.
    """

    code: str
    model: str
    epochs: int = 1
    rates: tuple[float, ...] = field(default=())
    lead: int = 0
    tune: int = 0

    @property
    def label(self) -> str:
        trained = (f"-tune{self.tune}" if self.tune else "") if self.rates else f"-{self.epochs}"
        model = self.model.replace(":", "-")
        return f"{self.code}-{model}{trained}" + (f"-lead{self.lead}" if self.lead else "")

    @property
    def centred(self) -> bool:
        """Whether it starts from a model of other text."""
        return self.model.startswith(PRIOR)

    @property
    def passes(self) -> int:
        """Epochs of what is described: of the description, or of the plain model that is quantized."""
        return int(self.model.partition("-")[2] or 1) if self.rates else self.epochs

    def key(self, stream: str) -> tuple[Any, ...]:
        """What tells a cell from the others of the study."""
        return stream, self.code, self.model, self.passes, self.lead, self.tune


def lead_of(stream: str) -> int:
    """The least lead of 16 or more whose windows tile the stream: the bound is then about every token of it.

    >>> [lead_of(stream) for stream in ("10k", "30k", "530k")]
    [26, 48, 16]
    """
    n = RECIPES[stream].tokens
    return next(CONTEXT - length for length in range(CONTEXT - 16, 0, -1) if n % length == 0)


def cells(stream: str) -> list[Cell]:
    """What is certified on a stream, in this order: the yardstick first."""
    names = models.ladder_names()
    at = names.index(stream)
    own = [stream, *(f"{stream}-{e}" for e in (2, 4, 8))]
    found = [Cell("gptq", model, rates=GPTQ_RATES) for model in own]
    found += [Cell("ldlq", model, rates=LDLQ_RATES) for model in own[:3]]
    found += [Cell("ldlq", model, rates=(1.0, 4.0), tune=TUNED[stream]) for model in own[:2] if stream in TUNED]
    found += [Cell("e8", stream, rates=LDLQ_RATES), Cell("kmeans", stream, rates=(2.0, 2.5, 3.0))] if at < 3 else []
    found += [Cell("variational", model, epochs, lead=lead_of(stream)) for model, epochs in GAUSSIAN[stream]]
    found += [Cell("variational", *WITHOUT_LEAD[stream])] if stream in WITHOUT_LEAD else []
    found += [Cell(code, stream, 8) for code in ("lora", "sublora", "kronecker", "monarch")] if at < 2 else []
    return found


def model_of(stream: str, cell: Cell) -> str | Path | None:
    """The model to certify: shipped, or trained by plain_epochs.py (None where it was not), or one in between."""
    name, _, epochs = cell.model.partition("-")
    if cell.centred:
        return cell.model
    if name in BETWEEN:
        return between(stream, name)
    if not epochs:
        return f"ladder:{name}"
    folder = PLAIN / f"{name}-{epochs}"
    return folder if (folder / "model.safetensors").is_file() else None


def between(stream: str, name: str) -> Path:
    """A model between two of the ladder, plainly trained in one pass over the stream if it was not before."""
    folder = PLAIN / f"{name}-on-{stream}"
    if not (folder / "model.safetensors").is_file():
        hidden_size, layers, heads, intermediate_size = BETWEEN[name]
        recipe = Recipe(
            name=name, hidden_size=hidden_size, layers=layers, heads=heads, intermediate_size=intermediate_size,
            muon_learning_rate=0.01, learning_rate=0.02 if hidden_size < 48 else 0.01, weight_decay=0.01,
        )  # fmt: skip
        windows = Windows(sotu.training_stream()[: RECIPES[stream].tokens + 1], CONTEXT)
        plain.train(recipe, windows).save(folder)
    return folder


def measured(stream: str, cell: Cell, work: Path, tokens: int | None = None, windows: int = 0) -> dict[str, Any] | None:
    """Certify a cell, every token read unless so many windows are sampled; None where its model is not there."""
    model = model_of(stream, cell)
    if model is None:
        return None
    began = time.process_time()
    settings = Settings(
        code=(cell.code,), rates=cell.rates or (2.0,), epochs=cell.epochs, windows=windows, lead=cell.lead,
        centred=cell.centred, tune=cell.tune, search=SEARCHED if cell.tune else 0, max_tokens=tokens,
    )  # fmt: skip
    folder = work / stream / cell.label
    certificate = certify(model, f"ladder:{stream}", folder, settings=settings)
    return {**row(stream, cell, certificate), "cpu_seconds": round(time.process_time() - began, 1)}


def row(stream: str, cell: Cell, certificate: Certificate) -> dict[str, Any]:
    """What the study keeps of a certificate, nats per character."""
    content = certificate.content
    headline = content["bounds"]["geometric_mean"]
    coded = certificate.codes[headline["code"]]
    finzi = content["bounds"]["finzi_bound"]
    return {
        "stream": stream,
        "ladder_parameters": models.record(stream)["parameters"],
        "n_tokens": content["reading"]["n_tokens"],
        "code": cell.code,
        "model": cell.model,
        "model_parameters": content["model"]["parameters"],
        "epochs": cell.passes,
        "lead": cell.lead,
        "tune": cell.tune,
        "centred": cell.centred,
        "plan": ("CENTRED" if cell.centred else "PLAN") if cell.code == "variational" else None,
        "label": coded.label,
        "code_nats": coded.nats,
        "bits_per_ladder_parameter": coded.nats / math.log(2) / models.record(stream)["parameters"],
        "complexity_nats_per_token": headline["complexity"],
        "loss_train_plain": content["losses"]["original"],
        "loss_coded": content["losses"]["coded"],
        "bound": headline["value"],
        "floor": content["bounds"]["floor"]["value"],
        "finzi_bound": None if finzi is None else finzi["value"],
        "finzi_code": None if finzi is None else finzi["code"],
        "tuned": dict(headline["tuned"]),
        "decomposition": dict(content["decomposition"]),
        "sha256": coded.sha256,
        "versions": content["environment"]["versions"],
    }
