"""What is certified: a model, its stream cut into windows, and the draws of windows, all fixed by the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from genbound.certificate.bounds import Problem
from genbound.certificate.environment import environment
from genbound.certificate.settings import Settings
from genbound.concentration import Wealth
from genbound.errors import DataError, DomainError
from genbound.lm.checkpoints import DTYPES, LADDER, LoadedModel, load_model
from genbound.lm.passes import Progress
from genbound.lm.sources import TokenStream, open_tokens
from genbound.lm.windows import Windows, windows_per_batch

CALIBRATION, PILOT, FINAL = 0, 1, 2
"""Purposes of a draw: each has its own independent random stream."""


@dataclass(frozen=True)
class Subject:
    """A model and the tokens it is certified on."""

    loaded: LoadedModel
    stream: TokenStream
    windows: Windows
    settings: Settings
    heldout: Windows | None = None
    heldout_stream: TokenStream | None = None
    progressive: Mapping[float, Wealth] | None = None
    recipe_nats: float = 0.0
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> nn.Module:
        return self.loaded.model

    @property
    def device(self) -> str:
        return self.loaded.device

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.loaded.dtype]

    @property
    def parameters(self) -> int:
        return self.loaded.parameters

    @property
    def vocab_size(self) -> int:
        return self.loaded.vocab_size

    @cached_property
    def problem(self) -> Problem:
        """n, V, delta and how the tokens are read."""
        settings, windows = self.settings, self.windows
        if settings.population is not None:
            if settings.population < windows.n_tokens:
                raise DomainError(
                    f"population={settings.population}: n is smaller than the sample of {windows.n_tokens} tokens"
                )
            final = len(windows) - min(settings.pilot, len(windows) // 2)
            if final < 2:
                raise DataError(f"data: {len(windows)} window(s); a sample needs at least 3 (a pilot and a mean)")
            n = settings.population
        else:
            final, n = settings.sampled_windows(self.parameters, windows.n_tokens), windows.n_tokens
        return Problem(
            n=n, vocab_size=self.vocab_size, delta=settings.delta, window=windows.length, windows=final,
        )  # fmt: skip

    def _draw(self, purpose: int, size: int) -> np.ndarray:
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.settings.seed, purpose])))
        return rng.integers(0, len(self.windows), size=size)

    def calibration_batches(self) -> Iterator[torch.Tensor]:
        """Inputs of the calibration windows, in batches of the fixed shape."""
        indices = self._draw(CALIBRATION, self.settings.calibration)
        size = windows_per_batch(self.windows.length, self.vocab_size)
        for start in range(0, len(indices), size):
            yield self.windows.gather(indices[start : start + size])[0].to(self.device)

    def pilot_windows(self) -> np.ndarray:
        """The windows that choose; of a sample the user supplied, its first ones."""
        if self.settings.population is not None:
            return np.arange(len(self.windows) - self.problem.windows)
        return self._draw(PILOT, self.settings.pilot)

    def final_windows(self) -> np.ndarray:
        """The windows that count when not every token is read: drawn afresh, or the rest of a supplied sample."""
        if self.settings.population is not None:
            return np.arange(len(self.windows) - self.problem.windows, len(self.windows))
        return self._draw(FINAL, self.problem.windows)

    def description(self) -> dict[str, Any]:
        """The certificate's sections on model, data, reading and environment."""
        loaded, stream, windows = self.loaded, self.stream, self.windows
        config = loaded.model.config.to_dict()  # type: ignore[operator, union-attr]
        result: dict[str, Any] = {
            "model": {
                "name": loaded.name, "spec": loaded.spec, "gguf_file": loaded.gguf_file,
                "architecture": str(config.get("model_type")), "parameters": loaded.parameters,
                "vocab_size": loaded.vocab_size, "context": loaded.context, "sha256": loaded.sha256,
            },
            "data": _data(stream),
            "heldout": None if self.heldout_stream is None else _data(self.heldout_stream),
            "reading": {
                "mode": self.mode, "window": windows.length, "windows_in_data": len(windows),
                "windows_read": self.problem.windows or len(windows), "n_tokens": self.problem.n,
                "heldout_tokens": None if self.heldout is None else self.heldout.n_tokens,
            },
            "environment": environment(device=loaded.device.partition(":")[0], dtype=loaded.dtype),
        }  # fmt: skip
        return result

    @property
    def mode(self) -> str:
        """every token; sampled by genbound; or assumed uniform."""
        if self.settings.population is not None:
            return "assumed uniform"
        return "sampled windows" if self.problem.windows else "every token"


def _data(stream: TokenStream) -> dict[str, Any]:
    return {
        "description": stream.description, "kind": stream.kind, "spec": stream.spec, "options": dict(stream.options),
        "tokens": stream.n_tokens, "sha256": stream.sha256, "bytes_per_token": stream.bytes_per_token,
        "characters_per_token": stream.characters_per_token,
    }  # fmt: skip


def open_subject(
    model: str | Path,
    data: str | Path | np.ndarray,
    *,
    settings: Settings,
    cache: Path,
    heldout: str | Path | np.ndarray | None = None,
    device: str = "cpu",
    field: str | None = None,
    token_dtype: str | None = None,
    gguf_file: str | None = None,
    progress: Progress | None = None,
) -> Subject:
    """Load the model, open the tokens, and check that they fit each other."""
    loaded = load_model(model, device=device, dtype=settings.dtype, gguf_file=gguf_file)

    def tokens(spec: str | Path | np.ndarray, limit: int | None) -> TokenStream:
        return open_tokens(
            spec, tokenizer=loaded.tokenizer, vocab_size=loaded.vocab_size, cache_dir=cache / "tokens",
            field=field, dtype=token_dtype, max_tokens=limit, progress=progress,
        )  # fmt: skip

    stream = tokens(data, settings.max_tokens)
    heldout_stream = None if heldout is None else tokens(heldout, settings.heldout_tokens)
    length = settings.window_length(loaded.context)
    progressive, recipe_nats = _progressive(loaded, stream)
    return Subject(
        loaded=loaded, stream=stream, windows=Windows(stream.tokens, length), settings=settings,
        heldout=None if heldout_stream is None else Windows(heldout_stream.tokens, length),
        heldout_stream=heldout_stream, progressive=progressive, recipe_nats=recipe_nats,
    )  # fmt: skip


def _progressive(loaded: LoadedModel, stream: TokenStream) -> tuple[Mapping[float, Wealth] | None, float]:
    """The shipped pre-update statistics of a ladder model, when the stream is the one it was trained on."""
    if not loaded.name.startswith(LADDER):
        return None, 0.0
    from genbound.lm.ladder.models import path
    from genbound.lm.ladder.progressive import ProgressiveWealth
    from genbound.lm.ladder.recipes import log_recipe_space

    file = path(loaded.name.removeprefix(LADDER)) / "progressive.npz"
    if not file.is_file():
        return None, 0.0
    progressive, trained_on = ProgressiveWealth.load(file)
    if hashlib.sha256(stream.tokens.astype(np.uint8).tobytes()).hexdigest() != trained_on:
        return None, 0.0
    return progressive.by_alpha, log_recipe_space()
