"""One process, or several under `torchrun`: who reads which batches, and how the results come together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Workers:
    """The group of processes that share one certification. Batches are dealt out as number modulo size."""

    rank: int = 0
    size: int = 1

    @classmethod
    def from_environment(cls) -> Workers:
        """The group `torchrun` started, or this process alone."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        from accelerate import PartialState

        # results are gathered over gloo, wherever the models run; the others wait while one quantizes
        state = PartialState(cpu=True, timeout=timedelta(days=7))
        return cls(state.process_index, state.num_processes)

    def device(self, asked: str) -> str:
        """Where this process runs its models: `cuda` is shared out, one GPU a process."""
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if asked == "cuda" and self.size > 1 else asked

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def gather(self, value: Any) -> list[Any]:
        """One value from each process, in the order of their ranks, given to all."""
        if self.size == 1:
            return [value]
        from accelerate.utils import gather_object

        return gather_object([value])

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            from accelerate import PartialState

            PartialState(cpu=True).wait_for_everyone()
