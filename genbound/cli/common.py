"""What every command shares: one-line errors, progress bars, JSON files."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from genbound.errors import DomainError, MissingExtraError
from genbound.files import pretty_json, write_atomic

console = Console()
errors = Console(stderr=True)

BAD_INPUT = 2
"""Exit code of every error that is not a fault of genbound's own, an interruption included."""

_PATIENCE = 2.0  # seconds before a bar appears


class Reporter:
    """A progress callback that draws nothing for work shorter than two seconds."""

    def __init__(self, progress: Progress, prefix: str = "") -> None:
        self._progress = progress
        self._prefix = prefix
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}

    def __call__(self, step: str, done: int, total: int | None) -> None:
        began = self._started.setdefault(step, time.monotonic())
        if step not in self._tasks:
            if time.monotonic() - began < _PATIENCE:
                return
            for finished in self._tasks.values():
                self._progress.update(finished, visible=False)
            self._tasks[step] = self._progress.add_task(self._prefix + step, total=total)
        self._progress.update(self._tasks[step], completed=done, total=total, visible=done != total)

    def named(self, name: str) -> Reporter:
        """A reporter whose steps begin with a name."""
        return Reporter(self._progress, f"{name} ")


class progress_bars:
    """Bars on standard error, gone when the work is done."""

    def __enter__(self) -> Reporter:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty())
        self._progress.start()
        return Reporter(self._progress)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def write_json(path: Path | None, value: Any) -> None:
    """`--json FILE`: whole or not at all."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, pretty_json(value))


def parse_numbers(text: str, name: str) -> tuple[float, ...]:
    """`2,3,4` -> (2.0, 3.0, 4.0)."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise DomainError(f"{name}={text!r}: need numbers separated by commas") from error


def need_lm() -> None:
    """Refuse early, in one line, when the extra that brings torch is not installed."""
    missing = [name for name in ("torch", "transformers", "constriction") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{', '.join(missing)} not installed: pip install 'genbound[lm]'")
