"""`genbound demo`: every model of the shipped ladder, certified against the stream it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbound.certificate.certificate import Certificate
from genbound.certificate.environment import environment
from genbound.certificate.settings import Settings
from genbound.lm.certify import certify
from genbound.lm.ladder.models import ladder_names
from genbound.lm.passes import Progress

SCHEMA = "genbound/demo/1"

HELDOUT_TOKENS = 1 << 18
"""Held-out characters read unless --full: the first ones, fixed beforehand."""


@dataclass(frozen=True)
class Preset:
    """How one ladder model is certified in the quick demo.

    The rates were picked by earlier runs on the same stream; that is no free lunch and none is taken: whatever the
    rate, the coded file pays for the model it holds.
    """

    rates: tuple[float, ...]
    windows: int


PRESETS = {
    "10k": Preset((2.0, 2.5), 0),
    "30k": Preset((2.0, 2.5), 0),
    "100k": Preset((2.0, 2.5), 0),
    "300k": Preset((2.0, 2.5), 4096),
    "530k": Preset((2.0, 2.5), 4096),
}
FULL_RATES = (2.0, 2.5, 3.0, 4.0, 6.0, 8.0)


def demo(
    out: str | Path,
    *,
    full: bool = False,
    names: Sequence[str] | None = None,
    delta: float = 0.01,
    device: str = "cpu",
    progress: Callable[[str], Progress | None] | None = None,
) -> dict[str, Any]:
    """Certify the ladder into OUT/<name>/ and collect the rows of the table.

    Args:
        out: folder; one certificate folder per model.
        full: read every training token and try every standard rate.
        names: a part of the ladder.
        delta: failure probability of each bound.
        device: where the models run.
        progress: given a model's name, the callback for its certification.

    Returns:
        The content of `genbound demo --json` (see docs/schemas.md).
    """
    models = []
    for name in names or ladder_names():
        preset = PRESETS[name]
        settings = Settings(
            delta=delta,
            rates=FULL_RATES if full else preset.rates,
            windows=0 if full else preset.windows,
            heldout_tokens=None if full else HELDOUT_TOKENS,
        )
        spec = f"ladder:{name}"
        certificate = certify(
            spec, spec, Path(out) / name, settings=settings, heldout="ladder:heldout", device=device,
            progress=None if progress is None else progress(name),
        )  # fmt: skip
        models.append(row(name, certificate))
    return {
        "schema": SCHEMA,
        "full": full,
        "delta": delta,
        "models": models,
        "environment": environment(device=device, dtype="float32"),
    }


def row(name: str, certificate: Certificate) -> dict[str, Any]:
    """One model of the demo's JSON, all in nats per token; the coded figures are those of geometric_mean's winner."""
    content = certificate.content
    winner = content["bounds"]["geometric_mean"]
    code = certificate.codes[winner["code"]]
    return {
        "name": name,
        "parameters": content["model"]["parameters"],
        "n_tokens": content["reading"]["n_tokens"],
        "vocab_size": content["model"]["vocab_size"],
        "delta": content["settings"]["delta"],
        "loss_train": content["losses"]["original"],
        "loss_heldout": content["losses"]["heldout"],
        "loss_coded": content["losses"]["coded"],
        "code_bits": code.code_bits,
        "complexity_nats_per_token": winner["complexity"],
        "reading": content["reading"]["mode"],
        "windows_read": content["reading"]["windows_read"],
        "coded_model": code.label,
        "alpha": winner["alpha"],
        "bounds": {key: None if value is None else value["value"] for key, value in content["bounds"].items()},
        "decomposition": dict(content["decomposition"]),
        "sha256": {
            "model": content["model"]["sha256"],
            "data": content["data"]["sha256"],
            "code": code.sha256,
        },
    }
