"""Requential training: a student that hears only what a teacher speaks (THEORY 2 `requential`).

The teacher learns from the real stream and is pulled towards the student. Windows are drawn from a law q a small way
from the student's towards the teacher's, such that a draw costs about what it is allowed to:
n C = sum [ln q(x) - ln p(x)] over the drawn tokens, p the student's law at that time. The windows' first tokens are
uniform under both laws and cost nothing. The student learns from the windows, and so on.

Everything is a function of the real stream, the constants and one seed, in one thread: a killed run continues and
ends in the same bytes, and `requential_replay.replay` makes the transcript again. The student alone is a function of
the transcript.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbound.errors import DataError, domain_error
from genbound.lm.codec.architecture import describe
from genbound.lm.ladder import checkpoint
from genbound.lm.ladder.network import count_parameters
from genbound.lm.ladder.train import versions
from genbound.lm.train import plain
from genbound.lm.train.requential_replay import read, replay
from genbound.lm.train.requential_schedule import EPOCHS, SEED_LIMIT, Guidance, Schedule
from genbound.lm.train.requential_speech import Voices, divergence, log_laws, speak
from genbound.lm.train.requential_student import Student, follow
from genbound.lm.train.requential_transcript import TOKEN_LIMIT, Transcript, token_dtype, write
from genbound.lm.windows import Windows

__all__ = ["Guidance", "Schedule", "Transcript", "read", "replay", "train", "write"]

Progress = Callable[[str, int, int], None]
CHECKPOINT_SECONDS = 20.0
SPEND = 0.01
PROBE = 0.1
"""The share at which the cost of a draw is foretold: it grows like the square."""


def train(
    config: Any,
    windows: Windows,
    *,
    epochs: int = 4,
    seed: int = 0,
    schedule: Schedule | None = None,
    guidance: Guidance | None = None,
    work: Path | str | None = None,
    progress: Progress | None = None,
) -> Transcript:
    """omega ~ Q: the transcript of all draws; the student is h(omega), and ln dQ/dP(omega) = sum [ln q - ln p].

    Source: THEORY 2 `requential`; sharpens [Q26], arXiv 2607.11883. `write` and `read` make student and price of it.

    Args:
        config: the configuration of a GPT-NeoX, for both.
        windows: the real stream: the teacher's alone.
        epochs: the teacher's passes over it.
        seed: of the initial weights and of the draws; paid by its length, 0 is the shortest.
        schedule: what the student depends on, from a paid list. guidance: how the teacher is led, likewise;
            unless given, about SPEND nats per parameter and draw.
        work: folder for the checkpoint from which a killed run continues to the same bytes.
        progress: called after every draw as progress("train", draws done, draws in all).

    Raises:
        DomainError: epochs or seed out of range. DataError: windows longer than the context, or too many draws.
        ModelError: no GPT-NeoX.

    >>> from transformers import GPTNeoXConfig
    >>> shape = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    >>> config = GPTNeoXConfig(vocab_size=5, max_position_embeddings=8, **shape)
    >>> short = Schedule(draws=2, windows=4, batch=2)
    >>> said = train(config, Windows(np.arange(65) % 5, 8), epochs=1, schedule=short)
    >>> said.tokens.shape, said.drawn, bool((said.teacher < 0).all())
    ((2, 4, 9), 64, True)
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEED_LIMIT:
        raise domain_error("seed", seed, "a whole number 0 <= seed < 2^63", "of the initial weights and the draws")
    if type(epochs) is not int or epochs not in EPOCHS:
        raise domain_error("epochs", epochs, f"{EPOCHS.start} <= epochs < {EPOCHS.stop}", "the teacher's passes")
    with plain.one_thread():
        run = _Run(config, windows, epochs, seed, schedule or Schedule(), guidance)
        run.complete(None if work is None else Path(work) / "checkpoint.safetensors", progress)
    return run.transcript()


class _Run:
    """Teacher, student and what was said so far."""

    def __init__(self, config: Any, windows: Windows, epochs: int, seed: int, schedule: Schedule,
                 guidance: Guidance | None) -> None:  # fmt: skip
        self.schedule, self.seed, self.draw = schedule, seed, 0
        self.student = Student(config, schedule, seed)
        parameters = count_parameters(self.student.model)
        self.guidance = guidance = guidance or Guidance.spending(SPEND * parameters)
        recipe = replace(
            plain.nearest_recipe(parameters), batch=guidance.batch,
            learning_rate=guidance.learning_rate, muon_learning_rate=guidance.muon_learning_rate,
        )  # fmt: skip
        self.teacher = plain.Run(config, windows, epochs=epochs, seed=seed, recipe=recipe)
        self.lead = {name: weight.detach().clone() for name, weight in self.teacher.weights.items()}
        shape = schedule.draws, schedule.windows, windows.length + 1
        if math.prod(shape) > TOKEN_LIMIT:
            raise DataError(f"{math.prod(shape)} drawn tokens: need at most {TOKEN_LIMIT}")
        self.tokens = np.zeros(shape, dtype=token_dtype(config.vocab_size))
        self.sums = np.zeros((2, schedule.draws))
        self.header = {
            "config": describe(self.student.model)[1],
            "init_std": float(config.initializer_range),
            "schedule": schedule.to_dict(),
            "guidance": guidance.to_dict(),
            "seed": seed,
            "epochs": epochs,
            "context": windows.length,
            "stream_sha256": plain.stream_sha256(windows),
            "versions": versions(),
        }

    def transcript(self) -> Transcript:
        """What is written."""
        return Transcript(self.header, self.tokens, *self.sums)

    def complete(self, file: Path | None, progress: Progress | None) -> None:
        """All remaining draws."""
        saved = None if file is None else checkpoint.read(file)
        if saved is not None and saved[1].get("header") == json.loads(json.dumps(self.header)):
            self._restore(*saved)
        last, total = time.monotonic(), self.schedule.draws
        while self.draw < total:
            self._teach()
            self._speak()
            self.draw += 1
            if file is not None and (time.monotonic() - last > CHECKPOINT_SECONDS or self.draw == total):
                place = {"header": self.header, "draw": self.draw, "step": self.teacher.step}
                checkpoint.write(file, self._tensors(), place)
                last = time.monotonic()
            if progress is not None:
                progress("train", self.draw, total)

    def _teach(self) -> None:
        """The teacher's turn: pulled towards the student, then steps on the real stream."""
        guidance, total = self.guidance, self.teacher.steps
        if self.draw % guidance.every:
            return
        alone = round(guidance.alone * total)
        turn_ends = min(self.draw + guidance.every, self.schedule.draws)
        until = alone + (total - alone) * turn_ends // self.schedule.draws
        if self.draw:
            recipe, step = self.teacher.recipe, self.teacher.step
            pull = guidance.pull * (plain.rate(recipe, step, total) if guidance.relax else 1.0)
            for weights in (self.teacher.weights, self.lead):
                follow({name: weight.detach() for name, weight in weights.items()}, self.student.average, 1 - pull)
        while self.teacher.step < until:
            self.teacher.update()
            follow(self.lead, self.teacher.weights, guidance.average)

    def _speak(self) -> None:
        """A draw from a small way towards the teacher, its cost, and the student's learning from it."""
        student, network = self.student, self.student.network
        sampler = self._sampler(self._share())
        length, windows = self.tokens.shape[2] - 1, self.schedule.windows
        tokens, log_q = speak(network, sampler, length, windows, (self.seed, 1, self.draw))
        self.tokens[self.draw] = tokens.numpy()
        laws = log_laws(network, sampler, tokens), log_laws(network, student.voice, tokens)
        self.sums[:, self.draw] = log_q, divergence(*laws)
        student.hear(tokens, self.draw)

    def _sampler(self, share: float) -> Voices:
        student = self.student.average
        if self.guidance.way == "laws":
            return (1 - share, student), (share, self.lead)
        return ((1.0, {name: torch.lerp(weight, self.lead[name], share) for name, weight in student.items()}),)

    def _share(self) -> float:
        """The share whose draw is expected to cost `spend`, foretold on the windows that were drawn last."""
        if self.draw:
            heard = torch.from_numpy(self.tokens[self.draw - 1].astype(np.int64))
        else:
            rng = np.random.Generator(np.random.PCG64((self.seed, 2)))
            heard = torch.from_numpy(rng.integers(0, self.student.model.config.vocab_size, self.tokens.shape[1:]))
        network = self.student.network
        cost = divergence(log_laws(network, self._sampler(PROBE), heard), log_laws(network, self.student.voice, heard))
        return min(self.guidance.lead, PROBE * math.sqrt(self.guidance.spend / max(cost, 1e-12)))

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {
            **{f"teacher/{name}": tensor for name, tensor in self.teacher.tensors().items()},
            **{f"student/{name}": tensor for name, tensor in self.student.tensors().items()},
            **{f"lead/{name}": tensor for name, tensor in self.lead.items()},
            "tokens": torch.from_numpy(self.tokens.astype(np.int32)),
            "sums": torch.from_numpy(self.sums),
        }

    def _restore(self, tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> None:
        parts: dict[str, dict[str, torch.Tensor]] = {"teacher": {}, "student": {}, "lead": {}}
        for name, tensor in tensors.items():
            room, _, rest = name.partition("/")
            if rest:
                parts[room][rest] = tensor
        self.teacher.restore(parts["teacher"], int(header["step"]))
        self.student.restore(parts["student"])
        for name, weight in self.lead.items():
            weight.copy_(parts["lead"][name])
        self.tokens[:] = tensors["tokens"].numpy()
        self.sums[:] = tensors["sums"].numpy()
        self.draw = int(header["draw"])
