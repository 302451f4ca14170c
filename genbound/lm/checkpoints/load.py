"""`load_model`: one name for every checkpoint, and what identifies the model that was loaded."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genbound.errors import ModelError
from genbound.lm._oneline import one_line
from genbound.lm.checkpoints.causal import check_causal
from genbound.lm.checkpoints.locate import is_ladder_folder, locate, refuse_folder
from genbound.lm.checkpoints.read import read_model, read_tokenizer
from genbound.lm.checkpoints.weights import cast_parameters, check_finite, context_of, weights_sha256
from genbound.lm.sources.tokenizers import CHARACTERS, tokenizer_width

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


@dataclass(frozen=True)
class LoadedModel:
    """A model that can be certified, and what identifies it.

    Attributes:
        model: `model(input_ids=ids).logits` are the next-token logits; evaluation mode, no gradients.
        tokenizer: a Hugging Face tokenizer, `"characters"` (the fixed alphabet), or None when none came.
        vocab_size: V, the width of the logits.
        context: the longest window the configuration allows, in tokens; None where it does not say.
        name: the base name of the folder or file, the Hub id, `ladder:NAME` or `prior:NAME`.
        sha256: `weights_sha256(model)`, of the weights as loaded (in `dtype`).
        parameters: trained numbers, each counted once (tied ones once).
        kind: `folder`, `hub`, `gguf` or `ladder`.
        dtype: of the weights as loaded, e.g. `float32`.
        device: where they are.
        spec: what `load_model` was given.
        gguf_file: the name of the file inside `spec`, or None.
        revision: the commit of a Hub model, or None.
    """

    model: nn.Module = field(repr=False)
    tokenizer: Any = field(repr=False)
    vocab_size: int
    context: int | None
    name: str
    sha256: str
    parameters: int
    kind: str
    dtype: str
    device: str
    spec: str
    gguf_file: str | None = None
    revision: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Everything but the model and the tokenizer, as plain values for JSON."""
        left_out = ("model", "tokenizer")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in left_out}

    def __str__(self) -> str:
        rows = {
            "model": self.name,
            "parameters": f"{self.parameters:,}",
            "vocabulary": f"{self.vocab_size:,}",
            "context": "unknown" if self.context is None else f"{self.context:,}",
            "weights": f"{self.dtype} sha256 {self.sha256[:16]}",
        }
        return "\n".join(f"{key:<12} {value}" for key, value in rows.items())


def load_model(
    spec: str | Path,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype = "float32",
    gguf_file: str | None = None,
    revision: str | None = None,
) -> LoadedModel:
    """A causal language model whose class, weights and blindness to the future were checked.

    Args:
        spec: a folder with `config.json` and safetensors; a `.gguf` file, or a folder with `gguf_file`;
            `ladder:NAME` or `prior:NAME`; or a model id of the Hugging Face Hub.
        device: `cpu`, `cuda`, ...
        dtype: of the weights in memory: float32 (default), bfloat16, float16 or float64.
        gguf_file: a GGUF file inside the folder or Hub repository `spec`.
        revision: branch, tag or commit of a Hub model.

    Raises:
        ModelError: not found, only pickled weights, code that would have to be run, not causal, weights
            missing, a tokenizer with more ids than the model has logits, or a device that is not there.
    """
    source, wanted, place = str(spec), _dtype(dtype), _device(device)
    kind, name, origin, gguf_file = locate(source, gguf_file)
    folder = Path(origin) if Path(origin).is_dir() else None
    if folder is not None and gguf_file is None:
        refuse_folder(folder, name)
    model = read_model(name, origin, wanted, gguf_file, revision)
    check_finite(model, name)
    try:
        cast_parameters(model, wanted)
        model = model.to(device=place).eval().requires_grad_(False)
        vocab_size = check_causal(model, name=name)
    except (RuntimeError, IndexError, MemoryError) as error:
        raise ModelError(f"{name}: does not run on {place} ({one_line(error)})") from error
    if kind == "ladder" or (folder is not None and is_ladder_folder(folder)):
        tokenizer = CHARACTERS
    else:
        tokenizer = read_tokenizer(name, origin, gguf_file, revision)
    if tokenizer is not None and tokenizer != CHARACTERS:
        width = tokenizer_width(tokenizer)
        if width > vocab_size:
            raise ModelError(
                f"{name}: tokenizer with ids up to {width - 1} for a model of vocabulary {vocab_size}:"
                " they do not match"
            )
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        context=context_of(model),
        name=name,
        sha256=weights_sha256(model),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        kind=kind,
        dtype=str(wanted).removeprefix("torch."),
        device=str(place),
        spec=source,
        gguf_file=gguf_file,
        revision=getattr(model.config, "_commit_hash", None) or revision,
    )


def _dtype(dtype: str | torch.dtype) -> torch.dtype:
    found = DTYPES.get(str(dtype).removeprefix("torch."))
    if found is None:
        raise ModelError(f"dtype={str(dtype)!r}: need one of {', '.join(DTYPES)}")
    return found


def _device(device: str) -> torch.device:
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(f"device={device!r}: not available here ({one_line(error)})") from None
    return place
