"""From a configuration to a model and back, trusting nothing in a file.

A coded file names a causal language model of transformers and gives the simple values its configuration
sets beyond the defaults. Before anything is built the values are checked for type and size; then the model
is laid out on the meta device, where tensors have shapes and no memory. No code is loaded from a file or
from a network.
"""

from __future__ import annotations

import json
import math
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from genbound.errors import CodeFormatError, GenboundError, ModelError
from genbound.lm.codec.keys import IGNORED, MEANINGFUL

PARAMETER_LIMIT = 1 << 31
BUFFER_LIMIT = 1 << 27
SIZE_LIMIT = 1 << 24
COUNT_LIMIT = 2048
"""Largest product of all counts of things that become Python modules: layers, experts, blocks."""
LIST_LIMIT = 1024
DECISIVE = ("is_decoder", "is_encoder_decoder", "add_cross_attention")

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TEXT = re.compile(r"[A-Za-z0-9_.\-]{0,64}")
_COUNT = re.compile(r"^(?!max_).*(layer|expert|block|depth|stage|codebook)")


@dataclass(frozen=True)
class Layout:
    """The parameters of an architecture, shared ones once, in the model's order.

    Attributes:
        names, shapes: of the parameters.
        fingerprint: 32 bits over names, shapes and the resolved values that decide what the weights compute.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    fingerprint: int

    @property
    def parameters(self) -> int:
        """How many weights there are."""
        return sum(math.prod(shape) for shape in self.shapes)


def layout(model_type: str, config: dict[str, Any]) -> Layout:
    """The layout of an architecture, without allocating it.

    Raises:
        CodeFormatError: an unknown architecture, a value out of range, or one that transformers refuses.
    """
    check_config(model_type, config)
    return _layout(model_type, json.dumps(config, sort_keys=True))


@lru_cache(maxsize=64)
def _layout(model_type: str, text: str) -> Layout:
    resolved = resolve(model_type, json.loads(text))
    try:
        with _quiet(), torch.device("meta"), torch.random.fork_rng(devices=[]):
            model = AutoModelForCausalLM.from_config(resolved, dtype=torch.float32)
    except Exception as error:
        raise CodeFormatError(f"coded model: transformers cannot build this {model_type}: {_line(error)}") from error
    buffers = sum(buffer.numel() for buffer in model.buffers())
    if buffers > BUFFER_LIMIT:
        raise CodeFormatError(f"coded model: {buffers} numbers in buffers, need <= {BUFFER_LIMIT}")
    parameters = {name: tuple(value.shape) for name, value in model.named_parameters()}
    total = sum(math.prod(shape) for shape in parameters.values())
    if total > PARAMETER_LIMIT:
        raise CodeFormatError(f"coded model: {total} parameters, need <= {PARAMETER_LIMIT}")
    values = resolved.to_dict()
    meaning = {key: values[key] for key in MEANINGFUL if key in values}
    seen = json.dumps([list(parameters.items()), meaning], sort_keys=True, default=str)
    return Layout(tuple(parameters), tuple(parameters.values()), zlib.crc32(seen.encode()))


def resolve(model_type: str, config: dict[str, Any]) -> PretrainedConfig:
    """The full configuration transformers makes of the coded values.

    Raises:
        CodeFormatError: transformers refuses them.
    """
    try:
        with _quiet():
            return AutoConfig.for_model(model_type, **_copied(config))
    except Exception as error:
        raise CodeFormatError(f"coded model: transformers refuses this {model_type}: {_line(error)}") from error


def build(model_type: str, config: dict[str, Any]) -> nn.Module:
    """A float32 model in evaluation mode with fresh weights; the global generator is left alone."""
    check_config(model_type, config)
    resolved = resolve(model_type, config)
    try:
        with _quiet(), torch.random.fork_rng(devices=[]):
            return AutoModelForCausalLM.from_config(resolved, dtype=torch.float32).eval()
    except Exception as error:
        raise CodeFormatError(f"coded model: transformers cannot build this {model_type}: {_line(error)}") from error


@lru_cache(maxsize=64)
def _defaults(model_type: str) -> dict[str, Any]:
    if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise CodeFormatError(f"coded model: {model_type[:64]!r} is no causal language model of transformers")
    return resolve(model_type, {}).to_dict()


def check_config(model_type: str, config: dict[str, Any]) -> None:
    """Refuse what no honest configuration holds, before transformers sees it.

    Raises:
        CodeFormatError: naming the key.
    """
    defaults = _defaults(model_type)
    counts = 1
    for key, value in config.items():
        if not _KEY.fullmatch(key) or key in IGNORED or (key not in defaults and key != "rope_parameters"):
            raise CodeFormatError(f"coded model: {key[:64]!r} is no key of {model_type} a file may set")
        _check_value(key, value, depth=0)
    for key, value in {**defaults, **config}.items():
        if isinstance(value, int) and not isinstance(value, bool) and _COUNT.search(key) and key not in IGNORED:
            counts *= max(1, value)
    if counts > COUNT_LIMIT and counts > _default_counts(defaults):
        raise CodeFormatError(f"coded model: {counts} layers and experts, need <= {COUNT_LIMIT}")


def _default_counts(defaults: dict[str, Any]) -> int:
    return math.prod(
        max(1, value)
        for key, value in defaults.items()
        if isinstance(value, int) and not isinstance(value, bool) and _COUNT.search(key) and key not in IGNORED
    )


def _check_value(key: str, value: Any, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > SIZE_LIMIT:
            raise CodeFormatError(f"coded model: {key}={value}, need at most {SIZE_LIMIT}")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise CodeFormatError(f"coded model: {key}={value}, need a finite number")
    elif isinstance(value, str):
        if not _TEXT.fullmatch(value):
            raise CodeFormatError(f"coded model: {key} is a text no configuration holds")
    elif isinstance(value, list) and depth < 2:
        if len(value) > LIST_LIMIT:
            raise CodeFormatError(f"coded model: {key} has {len(value)} entries, need <= {LIST_LIMIT}")
        for item in value:
            _check_value(key, item, depth + 1)
    elif isinstance(value, dict) and key.startswith("rope") and depth < 1:
        for inner, item in value.items():
            if not isinstance(inner, str) or not _KEY.fullmatch(inner):
                raise CodeFormatError(f"coded model: {key} holds a key no configuration holds")
            _check_value(inner, item, depth + 2)
    else:
        raise CodeFormatError(f"coded model: {key} is a {type(value).__name__}, need a simple value")


def describe(model: nn.Module) -> tuple[str, dict[str, Any]]:
    """The architecture of a model as (model_type, values beyond the defaults), as few of them as give the
    same model.

    Raises:
        ModelError: no causal language model of transformers, or one that its configuration does not
            reproduce.
    """
    config = getattr(model, "config", None)
    if not isinstance(config, PretrainedConfig):
        raise ModelError(f"{type(model).__name__}: need a Hugging Face model with a configuration")
    model_type = str(config.model_type)
    try:
        defaults = _defaults(model_type)
        full = _plain(config.to_dict())
        for key in DECISIVE:
            if bool(full.get(key, False)) != bool(defaults.get(key, False)):
                raise ModelError(f"{key}={full.get(key)!r}: need the default of {model_type}")
        wanted = {key: value for key, value in full.items() if key not in IGNORED and key in defaults}
        plain = _plain(defaults)
        kept = {key: value for key, value in wanted.items() if value != plain.get(key)}
        check_config(model_type, kept)
        if not _gives(model_type, kept, wanted):
            raise ModelError(f"{model_type}: its configuration is not made of simple values")
        for key in sorted(kept, key=lambda key: (not isinstance(kept[key], (dict, list)), key)):
            fewer = {other: value for other, value in kept.items() if other != key}
            if _gives(model_type, fewer, wanted):
                kept = fewer
                continue
            for inner in sorted(kept[key]) if isinstance(kept[key], dict) else ():
                fewer = {**kept, key: {k: v for k, v in kept[key].items() if k != inner}}
                if _gives(model_type, fewer, wanted):
                    kept = fewer
        found = layout(model_type, kept)
    except CodeFormatError as error:
        raise ModelError(str(error).removeprefix("coded model: ")) from error
    actual = {name: tuple(value.shape) for name, value in model.named_parameters()}
    if actual != dict(zip(found.names, found.shapes, strict=True)):
        raise ModelError(f"{model_type}: its parameters are not those its configuration builds")
    _check_buffers(model, model_type, kept)
    return model_type, kept


def _gives(model_type: str, config: dict[str, Any], wanted: dict[str, Any]) -> bool:
    try:
        got = _plain(resolve(model_type, config).to_dict())
    except GenboundError:
        return False
    return all(got.get(key) == value for key, value in wanted.items())


def _check_buffers(model: nn.Module, model_type: str, config: dict[str, Any]) -> None:
    """Buffers are part of the function and not of the code: they must come from the configuration."""
    theirs = dict(model.named_buffers())
    if not theirs:
        return
    fresh = dict(build(model_type, config).named_buffers())
    for name, value in theirs.items():
        other = fresh.get(name)
        if other is None or other.shape != value.shape or not torch.equal(other.float(), value.detach().cpu().float()):
            raise ModelError(f"{name}: a buffer that the configuration does not reproduce")


def _plain(value: Any) -> Any:
    """Tuples as lists and keys as text, so that comparing means comparing values."""
    return json.loads(json.dumps(value, default=str))


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings about values that a file left at their defaults."""
    level = logging.get_verbosity()
    logging.set_verbosity(50)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)


def _copied(config: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(config))


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
