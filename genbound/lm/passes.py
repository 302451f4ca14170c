"""Passes of a model over windows: resumable, shared between workers, the same bits whatever their number."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from torch import nn

from genbound.certificate.statistics import Centre, SampleStatistics, StreamStatistics
from genbound.files import read_arrays, write_arrays
from genbound.lm.token_stats import TokenStatistics
from genbound.lm.windows import Windows, evaluate, windows_per_batch
from genbound.lm.workers import Workers

Progress = Callable[[str, int, int | None], None]
"""progress(step, done, total): called often; the library itself never prints."""

CHECKPOINT_SECONDS = 15.0


@dataclass(frozen=True)
class Pass:
    """Where and how passes run: the cache folder, the workers, whom to tell."""

    cache: Path
    workers: Workers
    progress: Progress | None = None

    def tell(self, step: str, done: int, total: int | None) -> None:
        if self.progress is not None and self.workers.leads:
            self.progress(step, done, total)

    def stream(
        self, name: str, model: nn.Module, windows: Windows, centres: Sequence[Centre], *, vocab_size: int
    ) -> StreamStatistics:
        """Exact statistics of every window of the stream; continues where an interrupted pass stopped."""
        done = read_arrays(self.cache / f"{name}.npz")
        if done is not None:
            return StreamStatistics.from_arrays(done)
        part = self.cache / f"{name}.part{self.workers.rank}of{self.workers.size}.npz"
        statistics, start = StreamStatistics.empty(vocab_size, centres), 0
        saved = read_arrays(part)
        if saved is not None:
            start = int(saved.pop("next_batch"))
            statistics = StreamStatistics.from_arrays(saved)
        indices = np.arange(len(windows))
        size, last_save = windows_per_batch(windows.width, vocab_size), time.monotonic()
        for batch, block in evaluate(
            model, windows, indices, statistics.alphas,
            vocab_size=vocab_size, start=start, rank=self.workers.rank, world_size=self.workers.size,
        ):  # fmt: skip
            statistics.update(block)
            self.tell(name, min((batch + 1) * size, len(windows)), len(windows))
            if time.monotonic() - last_save > CHECKPOINT_SECONDS:
                write_arrays(part, {**statistics.to_arrays(), "next_batch": np.array(batch + 1)})
                last_save = time.monotonic()
        total = StreamStatistics.empty(vocab_size, centres)
        for arrays in self.workers.gather(statistics.to_arrays()):
            total.merge(StreamStatistics.from_arrays(arrays))
        if self.workers.leads:
            write_arrays(self.cache / f"{name}.npz", total.to_arrays())
        self.workers.wait()
        part.unlink(missing_ok=True)
        return total

    def sample(
        self, name: str, model: nn.Module, windows: Windows, indices: np.ndarray, alphas: Sequence[float],
        *, vocab_size: int,
    ) -> SampleStatistics:  # fmt: skip
        """Losses of the chosen windows, one by one, in the order of `indices`."""
        done = read_arrays(self.cache / f"{name}.npz")
        if done is not None:
            return SampleStatistics.from_arrays(done)
        part = self.cache / f"{name}.part{self.workers.rank}of{self.workers.size}.npz"
        size, last_save = windows_per_batch(windows.width, vocab_size), time.monotonic()
        mine = _load_batches(part)
        start = max(mine, default=-1) + 1
        for batch, block in evaluate(
            model, windows, indices, alphas,
            vocab_size=vocab_size, start=start, rank=self.workers.rank, world_size=self.workers.size,
        ):  # fmt: skip
            mine[batch] = block
            self.tell(name, min((batch + 1) * size, len(indices)), len(indices))
            if time.monotonic() - last_save > CHECKPOINT_SECONDS:
                _save_batches(part, mine)
                last_save = time.monotonic()
        everyone: dict[int, TokenStatistics] = {}
        for theirs in self.workers.gather({b: _as_arrays(s) for b, s in mine.items()}):
            everyone |= {b: TokenStatistics(**arrays) for b, arrays in theirs.items()}
        whole = TokenStatistics.concatenate([everyone[b] for b in sorted(everyone)])
        shape = (len(indices), windows.length)
        result = SampleStatistics(
            vocab_size, tuple(alphas), whole.nll.reshape(shape),
            whole.smoothed_nll.reshape(len(alphas), *shape), whole.smoothed_entropy.reshape(len(alphas), *shape),
        )  # fmt: skip
        if self.workers.leads:
            write_arrays(self.cache / f"{name}.npz", result.to_arrays())
        self.workers.wait()
        part.unlink(missing_ok=True)
        return result


def _as_arrays(statistics: TokenStatistics) -> dict[str, np.ndarray]:
    return {f.name: getattr(statistics, f.name) for f in fields(TokenStatistics)}


def _save_batches(path: Path, batches: dict[int, TokenStatistics]) -> None:
    write_arrays(path, {f"{b}:{key}": a for b, s in batches.items() for key, a in _as_arrays(s).items()})


def _load_batches(path: Path) -> dict[int, TokenStatistics]:
    rows: dict[int, dict[str, np.ndarray]] = {}
    for key, array in (read_arrays(path) or {}).items():
        batch, name = key.split(":")
        rows.setdefault(int(batch), {})[name] = array
    return {b: TokenStatistics(**row) for b, row in sorted(rows.items())}
