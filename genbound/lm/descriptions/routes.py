"""Every way of describing a model: how its file is written and read, and whether checking it means making it again."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from genbound.certificate.settings import QUANTIZERS, STRUCTURED
from genbound.lm.descriptions import quantized, trained
from genbound.lm.descriptions.described import Described
from genbound.lm.descriptions.task import Task


@dataclass(frozen=True)
class Route:
    """One way of describing a model.

    Attributes:
        suffix: of its files.
        write: makes the description of a task and writes its file, whole or not at all.
        read: the model of a file, and its price.
        remade: the file alone does not prove its price, so `verify` makes the description again and compares. (Means
            chosen after the noise was seen would make a draw as cheap as one likes; a prefix might have read on; what
            a sampler says of its law is its word.)
        passes: forward passes of the model that training costs, per window and epoch; 0 where nothing is trained.
        spoken: forward passes over one window that drawing windows costs, whatever the length of the stream.
    """

    suffix: str
    write: Callable[[Path, Task], None]
    read: Callable[[Path], Described]
    remade: bool = False
    passes: float = 0.0
    spoken: int = 0


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that is loaded when it is first called."""

    def call(*arguments: Any) -> Any:
        return getattr(importlib.import_module(f"genbound.lm.{module}"), name)(*arguments)

    return call


ROUTES: dict[str, Route] = {
    **{name: Route(".gbc", partial(quantized.write, method=name), quantized.read) for name in QUANTIZERS},
    **{
        name: Route(".gbs", partial(trained.write_structured, method=name), _later("compress.code", "read"), passes=4)
        for name in STRUCTURED
    },
    "variational": Route(".gbd", trained.write_draw, trained.read_draw, remade=True, passes=4),
    "prefix": Route(".gbp", trained.write_prefix, _later("train.prefix", "read"), remade=True, passes=3),
    "requential": Route(
        ".gbr", trained.write_transcript, _later("train.requential", "read"), remade=True, passes=4, spoken=200_000
    ),
}  # fmt: skip
"""Code, as `--code` names it, to its route."""

SUFFIXES = tuple(sorted({route.suffix for route in ROUTES.values()}))
