"""Text to token file: pieces are tokenized in batches and written as they come, memory bounded by a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from genbound.errors import DataError, MissingExtraError
from genbound.lm._oneline import one_line
from genbound.lm._quiet import quiet
from genbound.lm.sources import text
from genbound.lm.sources.cache import Write, file_sha256
from genbound.lm.sources.stream import Counts, Progress, check_range
from genbound.lm.sources.tokenizers import Encoder

BATCH = 1 << 20
"""Characters tokenized at once."""

KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".bin": "bin", ".npy": "npy"}
NOT_TEXT = frozenset(
    [
        ".gz",
        ".zip",
        ".zst",
        ".xz",
        ".bz2",
        ".7z",
        ".arrow",
        ".npz",
        ".safetensors",
        ".gguf",
        ".pt",
        ".pkl",
        ".pdf",
    ]
)


def kind_of(path: Path) -> str:
    """`jsonl`, `parquet`, `bin` or `npy` by suffix, `text` for every other suffix.

    Raises:
        DataError: a suffix of files that are known not to be text.
    """
    suffix = path.suffix.lower()
    if suffix in NOT_TEXT:
        raise DataError(
            f"{path.name}: {suffix} is not text, .jsonl, .parquet, .bin or .npy: unpack or convert it first"
        )
    return KINDS.get(suffix, "text")


def files_in(folder: Path) -> list[Path]:
    """The files below a folder in sorted order, hidden ones left out.

    Raises:
        DataError: there are none, or token files are among them.
    """
    inside = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    shown = sorted((p for p in inside if not any(part.startswith(".") for part in p.parts)), key=lambda p: p.as_posix())
    if not shown:
        raise DataError(f"{folder.name or folder}: a folder without files")
    for path in shown:
        if kind_of(path) in ("bin", "npy"):
            raise DataError(f"{folder.name}: holds the token file {path.name}: pass that file itself")
    return [folder / path for path in shown]


def file_pieces(paths: list[Path], field: str) -> Iterator[text.Piece]:
    """The pieces of text, JSON lines and parquet files, file after file; `read` runs over all of them."""
    done = 0
    for path in paths:
        try:
            kind = kind_of(path)
            pieces = (
                text.text_file(path)
                if kind == "text"
                else text.jsonl_file(path, field)
                if kind == "jsonl"
                else text.parquet_file(path, field)
            )
            for piece in pieces:
                yield text.Piece(piece.text, piece.starts, done + piece.read)
            done += path.stat().st_size
        except OSError as error:
            raise DataError(f"{path.name}: cannot be read ({error.strerror or one_line(error)})") from error


def hashed_files(paths: list[Path], root: Path, progress: Progress | None) -> list[list[str]]:
    """Each file's name below `root` with the SHA-256 of its bytes: what a cached token file is keyed by."""
    hashes = []
    for path in paths:
        try:
            name = path.relative_to(root).as_posix() if path != root else path.name
            hashes.append([name, file_sha256(path, progress)])
        except OSError as error:
            raise DataError(f"{path.name}: cannot be read ({error.strerror or one_line(error)})") from error
    return hashes


def dataset_pieces(name: str, config: str | None, split: str, field: str, revision: str | None) -> Iterator[text.Piece]:
    """The rows of a Hugging Face data set, streamed; code shipped with a data set is never run.

    Raises:
        DataError: it cannot be reached, or has no such configuration or split.
    """
    shown = f"datasets:{Path(name).name if Path(name).exists() else name}"
    try:
        import datasets
    except ImportError:
        raise MissingExtraError(f"{shown}: needs the package datasets: pip install 'genbound[lm]'") from None
    with quiet():
        try:
            rows = datasets.load_dataset(name, config, split=split, streaming=True, revision=revision)
        except Exception as error:
            raise DataError(f"{shown}: split {split!r} cannot be opened ({one_line(error)})") from error
    yield from text.dataset_rows(rows, field, shown)


def filler(
    pieces: Iterator[text.Piece],
    encoder: Encoder,
    max_tokens: int | None,
    name: str,
    progress: Progress | None,
    total_bytes: int | None,
) -> Callable[[Write], Counts]:
    """What `cache.cached_tokens` calls to write the tokens of documents joined by the encoder's separator.

    With `max_tokens` reading stops as soon as that many are written; ids outside the vocabulary are refused.
    """

    def fill(write: Write) -> Counts:
        tokens = n_bytes = n_characters = documents = 0
        for batch in _batches(pieces):
            for piece, ids in zip(batch, encoder.encode([piece.text for piece in batch]), strict=True):
                before = encoder.separator if piece.starts and documents else np.zeros(0, np.int64)
                documents += piece.starts
                left = len(before) + len(ids) if max_tokens is None else max_tokens - tokens
                kept = ids[: max(0, left - len(before))]
                spent_bytes, spent_characters = encoder.spent(piece.text, len(ids), len(kept))
                n_bytes, n_characters = n_bytes + spent_bytes, n_characters + spent_characters
                written = np.concatenate([before, kept])[:left]
                check_range(written, encoder.vocab_size, name, tokens)
                write(written)
                tokens += len(written)
                if tokens == max_tokens:
                    return Counts(tokens, n_bytes, n_characters, documents)
            if progress is not None:
                if total_bytes is None:
                    progress("tokenize (tokens)", tokens, max_tokens)
                else:
                    progress("tokenize (bytes)", batch[-1].read, total_bytes)
        return Counts(tokens, n_bytes, n_characters, documents)

    return fill


def _batches(pieces: Iterator[text.Piece]) -> Iterator[list[text.Piece]]:
    """Pieces in batches of about `BATCH` characters, the first smaller: a short request reads little."""
    batch: list[text.Piece] = []
    size, limit = 0, text.PIECE
    for piece in pieces:
        batch.append(piece)
        size += len(piece.text)
        if size >= limit:
            yield batch
            batch, size, limit = [], 0, min(2 * limit, BATCH)
    if batch:
        yield batch
