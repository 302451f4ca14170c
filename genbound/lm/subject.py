"""What is certified: a model, its stream cut into windows, and the draws of windows, all fixed by the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from genbound.certificate.bounds import Problem
from genbound.certificate.choices import Choices
from genbound.certificate.environment import environment
from genbound.certificate.rows import CodedModel
from genbound.certificate.settings import Settings
from genbound.concentration import Wealth
from genbound.errors import DataError, DomainError
from genbound.files import digest
from genbound.lm.checkpoints import DTYPES, LADDER, PRIOR, LoadedModel, config_sha256, load_model
from genbound.lm.passes import Progress
from genbound.lm.sources import TokenStream, open_tokens
from genbound.lm.windows import Windows, windows_per_batch


@dataclass(frozen=True)
class Subject:
    """A model and the tokens it is certified on.

    Attributes:
        stream, whole: the tokens, and all windows of them that descriptions are trained on: they have no lead.
        windows: those the bounds are about: all, or what comes after the first `before` windows.
    """

    loaded: LoadedModel
    stream: TokenStream
    whole: Windows
    windows: Windows
    settings: Settings
    before: int = 0
    heldout: Windows | None = None
    heldout_stream: TokenStream | None = None
    progressive: Mapping[float, Wealth] | None = None
    recipe_nats: float = 0.0

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
            n = settings.population // windows.length * windows.length
        else:
            final, n = settings.sampled_windows(self.parameters, windows.n_tokens), windows.n_tokens
        return Problem(
            n=n, vocab_size=self.vocab_size, delta=settings.delta, window=windows.length, windows=final,
            before=self.before * windows.length, codes=len(settings.codes),
        )  # fmt: skip

    def _draw(self, purpose: str, size: int, among: int, **known: Any) -> np.ndarray:
        """Windows drawn with replacement, by a stream of random numbers of its own.

        The stream is keyed by the seed, the purpose and everything in `known`: whoever changes what is measured draws
        afresh, so that nothing can be tuned on the windows that decide.
        """
        key = digest({"seed": self.settings.seed, "purpose": purpose, "data": self.stream.sha256, **known})
        return np.random.Generator(np.random.PCG64(int(key, 16))).integers(0, among, size=size)

    def calibration_batches(self) -> Iterator[torch.Tensor]:
        """Inputs of the calibration windows, in batches of the fixed shape."""
        supplied = self.settings.population is not None
        among = len(self.windows) - (self.problem.windows if supplied else 0)  # never the windows that decide
        indices = self._draw("calibration", self.settings.calibration, among)
        size = windows_per_batch(self.windows.width, self.vocab_size)
        for start in range(0, len(indices), size):
            yield self.windows.gather(indices[start : start + size])[0].to(self.device)

    def pilot_windows(self) -> np.ndarray:
        """The windows that choose; of a sample the user supplied, its first ones."""
        if self.settings.population is not None:
            return np.arange(len(self.windows) - self.problem.windows)
        return self._draw("pilot", self.settings.pilot, len(self.windows), settings=self.settings.to_dict())

    def final_windows(self, choices: Choices, files: Mapping[str, CodedModel]) -> np.ndarray:
        """The windows that decide when not every token is read: the rest of a supplied sample, or a draw.

        The draw depends on the settings, on everything that was chosen and on the coded models themselves.
        """
        if self.settings.population is not None:
            return np.arange(len(self.windows) - self.problem.windows, len(self.windows))
        codes = {label: files[label].sha256 for label in choices.codes}
        known = {"settings": self.settings.to_dict(), "choices": choices.to_dict(), "codes": codes}
        return self._draw("final", self.problem.windows, len(self.windows), **known)

    def description(self) -> dict[str, Any]:
        """The certificate's sections on model, data, reading and environment."""
        loaded, stream, windows = self.loaded, self.stream, self.windows
        architecture = getattr(loaded.model.config, "model_type", "unknown")
        result: dict[str, Any] = {
            "model": {
                "name": loaded.name, "spec": loaded.spec, "gguf_file": loaded.gguf_file,
                "architecture": str(architecture), "parameters": loaded.parameters,
                "vocab_size": loaded.vocab_size, "context": loaded.context, "sha256": loaded.sha256,
                "config_sha256": config_sha256(loaded.model),
            },
            "data": _data(stream),
            "heldout": None if self.heldout_stream is None else _data(self.heldout_stream),
            "reading": {
                "mode": self.mode, "window": windows.length, "lead": windows.lead, "windows_in_data": len(windows),
                "windows_read": self.problem.windows or len(windows), "n_tokens": self.problem.n,
                "tokens_before": self.problem.before,
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


def _suffix(spec: str | Path | np.ndarray) -> str:
    """The kind of source a spec names: its file suffix, or the word before its colon."""
    if isinstance(spec, np.ndarray):
        return "array"
    head, colon, _ = str(spec).partition(":")
    return head if colon and "." not in head else Path(head).suffix


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

    def tokens(spec: str | Path | np.ndarray, limit: int | None, field: str | None, dtype: str | None) -> TokenStream:
        return open_tokens(
            spec, tokenizer=loaded.tokenizer, vocab_size=loaded.vocab_size, cache_dir=cache / "tokens",
            field=field, dtype=dtype, max_tokens=limit, progress=progress,
        )  # fmt: skip

    stream = tokens(data, settings.max_tokens, field, token_dtype)
    heldout_stream = None
    if heldout is not None:
        similar = _suffix(heldout) == _suffix(data)  # field and dtype describe DATA
        heldout_stream = tokens(
            heldout, settings.heldout_tokens, field if similar else None, token_dtype if similar else None
        )
        if heldout_stream.sha256 == stream.sha256:
            raise DataError("held-out data: the same tokens as DATA; they must be tokens the model was not trained on")
    if settings.centred and loaded.name.startswith(LADDER) and stream.kind == "ladder":
        raise DomainError(f"centred on {loaded.name}: it was trained on these tokens (`{PRIOR}NAME` was not)")
    length = settings.window_length(loaded.context)
    windows = Windows(stream.tokens, length, separate=settings.population is not None, lead=settings.lead)
    before = settings.windows_before(len(windows))
    whole = replace(windows, context=length if before else windows.width, lead=0)
    windows = replace(windows, tokens=windows.tokens[before * windows.stride :])
    if settings.windows is not None and settings.windows * windows.length > windows.n_tokens:
        raise DomainError(
            f"windows={settings.windows}: n is smaller than the sample ({windows.n_tokens} tokens in windows of"
            f" {windows.length}); read every token instead"
        )
    progressive, recipe_nats = _progressive(loaded, stream)
    if before:  # they are about the whole stream: not to be mixed with bounds about its end
        progressive = None
    return Subject(
        loaded=loaded, stream=stream, whole=whole, windows=windows, settings=settings, before=before,
        heldout=None if heldout_stream is None else Windows(heldout_stream.tokens, length, lead=settings.lead),
        heldout_stream=heldout_stream, progressive=progressive, recipe_nats=recipe_nats,
    )  # fmt: skip


def _progressive(loaded: LoadedModel, stream: TokenStream) -> tuple[Mapping[float, Wealth] | None, float]:
    """The pre-update statistics of a ladder model, when the stream is the one it was trained on; the recipe's price.

    The price is due for whatever is said of a ladder model without a code, held-out data included; and of a prior,
    whose recipe is the ladder's.
    """
    if not loaded.name.startswith((LADDER, PRIOR)):
        return None, 0.0
    from genbound.lm.ladder.models import path
    from genbound.lm.ladder.progressive import ProgressiveWealth
    from genbound.lm.ladder.recipes import log_recipe_space

    if loaded.name.startswith(PRIOR):
        return None, log_recipe_space()
    file = path(loaded.name.removeprefix(LADDER)) / "progressive.npz"
    if not file.is_file():
        return None, log_recipe_space()
    progressive, trained_on = ProgressiveWealth.load(file)
    if hashlib.sha256(stream.tokens.astype(np.uint8).tobytes()).hexdigest() != trained_on:
        return None, log_recipe_space()
    return progressive.by_alpha, log_recipe_space()
