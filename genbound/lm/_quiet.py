"""Silence around other libraries' loading: their log lines, warnings, progress bars; put back afterwards."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator

_LOGGERS = ("transformers", "huggingface_hub", "datasets")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the log lines, warnings and progress bars of transformers, datasets and the Hub's client."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with contextlib.ExitStack() as stack:
        for logger, level in zip(loggers, levels, strict=True):
            stack.callback(logger.setLevel, level)
            logger.setLevel(logging.CRITICAL)
        _hide_bars(stack)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield


def _hide_bars(stack: contextlib.ExitStack) -> None:
    """Switch off the progress bars of the libraries that are loaded already."""
    if "huggingface_hub" in sys.modules:
        from huggingface_hub import utils as hub

        if not hub.are_progress_bars_disabled():
            hub.disable_progress_bars()
            stack.callback(hub.enable_progress_bars)
    if "transformers" in sys.modules:
        from transformers.utils import logging as transformers_logging

        if transformers_logging.is_progress_bar_enabled():
            transformers_logging.disable_progress_bar()
            stack.callback(transformers_logging.enable_progress_bar)
    if "datasets" in sys.modules:
        from datasets.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

        if is_progress_bar_enabled():
            disable_progress_bar()
            stack.callback(enable_progress_bar)
