"""The transcript of a requential run and its file (.gbr): what was drawn, and what the sampler says it cost.

    magic, SHA-256 of the rest, length of the header, header (canonical JSON), ln q and KL of every draw (float64),
    the drawn windows (one byte a token, two from V = 257 on)

The size of the file is not the price. The student's weights follow from header and windows alone, and so do its
log-probabilities; the sums of ln q are the sampler's word, which is checked by making the transcript again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genbound.certified import ball, precision, up
from genbound.errors import CodeFormatError, DomainError
from genbound.files import canonical_json, write_atomic
from genbound.lm.codec import architecture
from genbound.lm.train import sealed
from genbound.lm.train.functional import Network
from genbound.lm.train.requential_schedule import EPOCHS, SEED_LIMIT, Guidance, Schedule

MAGIC = b"gBr1"
MODEL_TYPE = "gpt_neox"
HEADER_LIMIT = 1 << 16
TOKEN_LIMIT = 1 << 28
"""Drawn tokens a file may hold."""

PUBLISHED_BITS = 5.21
"""Qiu et al. pay KL + 2 log2(1 + KL) + 5.21 bits for a message."""

_FIELDS = {"config", "context", "epochs", "guidance", "init_std", "schedule", "seed", "stream_sha256", "versions"}


@dataclass(frozen=True, eq=False)
class Transcript:
    """What a run left behind.

    Attributes:
        header: config (values beyond the defaults of GPT-NeoX), init_std, schedule, guidance, seed, epochs, context,
            stream_sha256 and versions.
        tokens: drawn windows, (draws, windows, T + 1), uint8 or uint16; the first token of a window is free.
        teacher: per draw the sum of ln q, nats, rounded up. divergence: per draw the sum of KL(q || p), nats.
    """

    header: dict[str, Any]
    tokens: np.ndarray
    teacher: np.ndarray
    divergence: np.ndarray

    @property
    def schedule(self) -> Schedule:
        """What the student's learning depends on."""
        return Schedule(**self.header["schedule"])

    @property
    def guidance(self) -> Guidance:
        """How the teacher was led."""
        return Guidance(**self.header["guidance"])

    @property
    def drawn(self) -> int:
        """M, the tokens drawn from the teacher."""
        draws, windows, width = self.tokens.shape
        return draws * windows * (width - 1)

    @property
    def published_nats(self) -> float:
        """The code length of Qiu et al. of the same run, every draw one message: KL + 2 log2(1 + KL) + 5.21 bits."""
        bits = self.divergence / math.log(2)
        return float((bits + 2 * np.log2(1 + bits) + PUBLISHED_BITS).sum() * math.log(2))

    def to_bytes(self) -> bytes:
        """The file."""
        head = canonical_json(self.header).encode()
        numbers = np.stack([self.teacher, self.divergence]).astype("<f8").tobytes()
        dtype = "<u2" if self.tokens.dtype.itemsize > 1 else "u1"
        return sealed.seal(MAGIC, head, numbers + self.tokens.astype(dtype).tobytes())

    def log_ratio(self, student: np.ndarray) -> float:
        """sum [ln q - ln p] over the draws, nats, rounded up, from the student's sums of ln p (rounded down)."""
        with precision():
            return up(
                sum((ball(float(q)) - ball(float(p)) for q, p in zip(self.teacher, student, strict=True)), ball(0))
            )


def write(path: Path, transcript: Transcript) -> None:
    """Write the transcript, whole or not at all."""
    write_atomic(path, transcript.to_bytes())


def parse(path: Path) -> Transcript:
    """The transcript of a file, every field of it checked.

    Raises:
        CodeFormatError: truncated, edited, or nothing `write` could have written.
    """
    limit = 2 * TOKEN_LIMIT + HEADER_LIMIT
    text, data, end = sealed.read(path, MAGIC, "transcript", limit=limit, header_limit=HEADER_LIMIT)
    header = _header(path.name, text)
    schedule, vocab_size = Schedule(**header["schedule"]), vocabulary(header)
    shape = schedule.draws, schedule.windows, header["context"] + 1
    kind = token_dtype(vocab_size)
    size = 16 * schedule.draws + math.prod(shape) * kind.itemsize
    if math.prod(shape) > TOKEN_LIMIT or len(data) - end != size:
        raise CodeFormatError(f"{path.name}: {len(data) - end} bytes of windows, need {size}")
    numbers = np.frombuffer(data, dtype="<f8", count=2 * schedule.draws, offset=end).reshape(2, -1)
    if not np.isfinite(numbers).all():
        raise CodeFormatError(f"{path.name}: log-probabilities that are not finite")
    tokens = np.frombuffer(data, dtype=kind, offset=end + 16 * schedule.draws).reshape(shape)
    if tokens.max() >= vocab_size:
        raise CodeFormatError(f"{path.name}: token {tokens.max()}, the vocabulary has {vocab_size}")
    return Transcript(header, tokens, *numbers)


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """One byte a token up to V = 256, two beyond."""
    return np.dtype("u1" if vocab_size <= 256 else "<u2")


def vocabulary(header: dict[str, Any]) -> int:
    """V of the architecture in a header."""
    return int(configuration(header).vocab_size)


def configuration(header: dict[str, Any]) -> Any:
    """The configuration of transformers that a header describes."""
    config = architecture.resolve(MODEL_TYPE, header["config"])
    config.initializer_range = header["init_std"]  # no part of the model, but the seed's weights depend on it
    return config


def _header(name: str, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
        if not isinstance(header, dict) or set(header) != _FIELDS:
            raise CodeFormatError(f"{name}: need a header of {', '.join(sorted(_FIELDS))}")
        sound = {
            "seed": _whole(header["seed"]) and header["seed"] < SEED_LIMIT,
            "epochs": _whole(header["epochs"]) and header["epochs"] in EPOCHS,
            "context": _whole(header["context"]) and header["context"] >= 1,
            "init_std": isinstance(header["init_std"], float) and 0 <= header["init_std"] < 1e6,
            "stream_sha256": isinstance(header["stream_sha256"], str) and len(header["stream_sha256"]) == 64,
            "versions": isinstance(header["versions"], dict),
            "schedule": Schedule(**header["schedule"]).to_dict() == header["schedule"],
            "guidance": Guidance(**header["guidance"]).to_dict() == header["guidance"],
        }
        architecture.layout(MODEL_TYPE, header["config"])
        config = configuration(header)
        Network.of(config)
        sound["context"] &= config.max_position_embeddings >= header["context"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, DomainError) as error:
        raise CodeFormatError(f"{name}: a header that no run writes ({' '.join(str(error).split())[:120]})") from error
    for key, right in sound.items():
        if not right:
            raise CodeFormatError(f"{name}: {key} is nothing a transcript has")
    return header


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
