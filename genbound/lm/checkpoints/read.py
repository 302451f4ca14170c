"""Models and tokenizers through transformers: quietly, no remote code, no weight left at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from genbound.errors import MissingExtraError, ModelError
from genbound.lm._oneline import one_line
from genbound.lm._quiet import quiet

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def read_model(name: str, origin: str, dtype: torch.dtype, gguf_file: str | None, revision: str | None) -> nn.Module:
    """The causal language model at `origin` (a folder or a Hub id), on the CPU.

    Raises:
        ModelError: not a causal language model, not readable, or weights are missing or of another shape.
    """
    import transformers

    local = Path(origin).is_dir()
    where: dict[str, Any] = {"trust_remote_code": False}
    if gguf_file is not None:
        where["gguf_file"] = gguf_file
    if revision is not None:
        where["revision"] = revision
    with quiet():
        try:
            config = transformers.AutoConfig.from_pretrained(origin, **where)
        except Exception as error:
            raise _refused(name, error, local) from error
        _refuse_config(name, config)
        options: dict[str, Any] = {"use_safetensors": True} if gguf_file is None else {}
        packed = getattr(transformers, "GgufConfig", None)
        if gguf_file is not None and packed is not None:
            options["quantization_config"] = packed(dequantize=True)
        try:
            loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
                origin, dtype=dtype, output_loading_info=True, **where, **options
            )
        except Exception as error:
            raise _refused(name, error, local) from error
    model, info = loaded
    missing = sorted(info.get("missing_keys", ()))
    if missing:
        raise ModelError(f"{name}: {len(missing)} weights are missing from the checkpoint (first: {missing[0]})")
    return model


def read_tokenizer(name: str, origin: str, gguf_file: str | None, revision: str | None) -> Any:
    """The tokenizer at `origin`, or None when there is none.

    Raises:
        ModelError: there is one in the folder, but it cannot be read.
    """
    from transformers import AutoTokenizer

    folder = Path(origin) if Path(origin).is_dir() else None
    beside = folder is not None and any((folder / file).is_file() for file in _TOKENIZER_FILES)
    if folder is not None and not beside and gguf_file is None:
        return None
    where: dict[str, Any] = {"trust_remote_code": False}
    if gguf_file is not None and not beside:
        where["gguf_file"] = gguf_file
    if revision is not None:
        where["revision"] = revision
    with quiet():
        try:
            return AutoTokenizer.from_pretrained(origin, **where)
        except Exception as error:
            if beside:
                raise ModelError(f"{name}: its tokenizer cannot be read ({one_line(error)})") from error
            return None


def _refused(name: str, error: Exception, local: bool) -> ModelError | MissingExtraError:
    if isinstance(error, ImportError):
        return MissingExtraError(f"{name}: {one_line(error)} (pip install 'genbound[lm]')")
    here = "cannot be loaded" if local else "no such folder or file, and not to be had from the Hub"
    return ModelError(f"{name}: {here} ({one_line(error)})")


def _refuse_config(name: str, config: Any) -> None:
    """Refuse configurations of models that are not causal, or that point at pickled weights."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{name}: an encoder-decoder ({config.model_type}): need a causal language model")
    if config.model_type not in CAUSAL:
        raise ModelError(f"{name}: model type {config.model_type!r} has no causal language model")
    classes = {c for value in CAUSAL.values() for c in ((value,) if isinstance(value, str) else value)}
    named = getattr(config, "architectures", None)
    if named and not classes.intersection(named):
        raise ModelError(f"{name}: {named[0]} is no causal language model (no next-token head)")
    weights = getattr(config, "transformers_weights", None)
    if weights is not None and not str(weights).endswith((".safetensors", ".safetensors.index.json")):
        raise ModelError(f"{name}: its configuration points at {weights!r}: need safetensors")
