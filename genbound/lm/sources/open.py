"""`open_tokens`: one name for every source of tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbound.errors import DataError
from genbound.lm.sources.arrays import as_tokens, read_bin, read_npy
from genbound.lm.sources.cache import cache_key, cached_tokens
from genbound.lm.sources.encode import dataset_pieces, file_pieces, files_in, filler, hashed_files, kind_of
from genbound.lm.sources.named import NAMED, named
from genbound.lm.sources.stream import Counts, Progress, TokenStream, check_ids, token_dtype, tokens_sha256
from genbound.lm.sources.text import DEFAULT_FIELD
from genbound.lm.sources.tokenizers import Encoder

DATASETS = "datasets:"


def open_tokens(
    spec: str | Path | NDArray[Any],
    *,
    tokenizer: Any = None,
    vocab_size: int,
    cache_dir: str | Path,
    separator: Any = ...,
    field: str | None = None,
    dtype: str | None = None,
    max_tokens: int | None = None,
    revision: str | None = None,
    progress: Progress | None = None,
) -> TokenStream:
    """The tokens x_1..x_n of a source, as ids below V, with their hash and what stood behind them.

    Args:
        spec: one of
            `FILE` - UTF-8 text, one document (any suffix not named below);
            `FOLDER` - every file below it, in sorted order;
            `FILE.jsonl[:FIELD]`, `FILE.parquet[:COLUMN]` - one document per line or row;
            `FILE.bin[:DTYPE]` - raw uint16 ids, or uint32 (also `.u16.bin`, `.u32.bin`), memory-mapped;
            `FILE.npy`, or an array - integer ids;
            `datasets:NAME[@CONFIG][:SPLIT[:FIELD]]` - a Hugging Face data set, streamed (split `train`);
            `ladder:NAME` - the characters ladder model NAME was trained on; `ladder:heldout`;
            `python:VOCABULARY[:heldout]` - sources of pinned Python packages, in bytes, bpe512 or bpe8192.
        tokenizer: a Hugging Face tokenizer, or `"characters"` for the fixed alphabet; needed for text only.
        vocab_size: V, the width of the model's logits; ids at or above it are refused.
        cache_dir: where text becomes a token file, reused when data, tokenizer and options are the same.
        separator: the id between documents; default: the tokenizer's end of text, else newline; or None.
        field: the field or column with the text; default `text`.
        dtype: of a `.bin` file: `uint16` (default) or `uint32`.
        max_tokens: use the first that many.
        revision: of a data set on the Hub; without it a cached copy is reused whatever the Hub holds by now.
        progress: `progress(step, done, total)`.

    Returns:
        The stream. Text is tokenized in pieces of `text.PIECE` characters cut at line ends, no begin tokens.

    Raises:
        DataError: data that is missing, empty, not what it is declared to be, or does not fit the vocabulary.
        MissingExtraError: a reader's package is not installed.
    """
    if vocab_size < 1:
        raise DataError(f"vocab_size={vocab_size}: need at least 1 (the width of the model's logits)")
    if max_tokens is not None and max_tokens < 2:
        raise DataError(f"max_tokens={max_tokens}: need at least 2 (one to predict and one before it)")
    given = {
        "separator": separator,
        "field": field,
        "dtype": dtype,
        "max_tokens": max_tokens,
        "revision": revision,
    }
    options = {k: v for k, v in given.items() if v is not (... if k == "separator" else None)}

    def known(tokens: NDArray[Any], name: str, description: str, kind: str, per_token: float | None) -> TokenStream:
        ids = as_tokens(tokens, vocab_size, name, max_tokens)
        text = description + _first(ids, max_tokens)
        reopen = None if isinstance(spec, np.ndarray) else str(spec)
        sha256 = tokens_sha256(ids, progress)
        return TokenStream(ids, len(ids), sha256, per_token, per_token, text, kind, reopen, options)

    if isinstance(spec, np.ndarray):
        return known(spec, "array", f"{spec.dtype.name} token ids from memory", "array", None)
    source = str(spec)
    if (found := named(source)) is not None:
        stream_kind, stream = found
        return known(stream.ids, stream.name, stream.description, stream_kind, stream.bytes_per_token)
    if source.startswith(DATASETS):
        name, config, split, column = _dataset_parts(source, field)
        here = Path(name).exists()
        shown = Path(name).name if here else name
        described = f"split {split} of the data set {shown}{f' ({config})' if config else ''}"
        described += f" at revision {revision}" if revision else ""
        inputs: dict[str, Any] = {"datasets": [shown, config, split, column, revision]}
        if here:
            inputs["files"] = hashed_files(files_in(Path(name)), Path(name), progress)
        pieces, kind, total = dataset_pieces(name, config, split, column, revision), "datasets", None
    else:
        path, suffix = _path_and_suffix(source)
        folder = path.is_dir()
        paths = files_in(path) if folder else [path]
        kinds = {kind_of(p) for p in paths}
        kind = kinds.pop() if len(kinds) == 1 else "mixed"
        if kind == "bin":
            ids = read_bin(path, _agreed(suffix, dtype, "dtype", source), vocab_size)
            return known(ids, path.name, f"{ids.dtype.name} token ids of {path.name}", kind, None)
        if kind in ("npy", "text") and (suffix or (field and kind == "text")):
            raise DataError(f"{path.name}: {suffix or field!r} was asked for, but this kind of file has no fields")
        if kind == "npy":
            ids = read_npy(path)
            return known(ids, path.name, f"{ids.dtype.name} token ids of {path.name}", kind, None)
        column = _agreed(suffix, field, "field", source) or DEFAULT_FIELD
        shown = path.resolve().name
        described = f"text of {f'{len(paths)} files of the folder {shown}' if folder else shown}"
        described += "" if kind == "text" else f" (field {column})"
        total = sum(p.stat().st_size for p in paths)
        if total == 0:
            raise DataError(f"{shown}: empty file" if not folder else f"{shown}: only empty files")
        inputs = {"files": hashed_files(paths, path, progress), "field": column}
        pieces = file_pieces(paths, column)

    if tokenizer is None:
        raise DataError(f"{shown}: text needs a tokenizer and the model has none: pass token ids (.bin, .npy)")
    encoder = Encoder(tokenizer, vocab_size, separator)
    storage = token_dtype(vocab_size)
    inputs |= {
        "tokenizer": encoder.fingerprint(),
        "separator": encoder.separator.tolist(),
        "max_tokens": max_tokens,
    }
    fill = filler(pieces, encoder, max_tokens, shown, progress, total)
    ids, counts, sha256 = cached_tokens(Path(cache_dir), cache_key(inputs), storage, fill, progress)
    check_ids(ids, vocab_size, shown)
    described += f", {_documents(counts, encoder)}, in {encoder.name}{_first(ids, max_tokens)}"
    per_byte, per_character = counts.n_bytes / len(ids), counts.n_characters / len(ids)
    return TokenStream(ids, len(ids), sha256, per_byte, per_character, described, kind, source, options)


def _first(ids: NDArray[Any], max_tokens: int | None) -> str:
    return f", the first {len(ids)} tokens" if len(ids) == max_tokens else ""


def _documents(counts: Counts, encoder: Encoder) -> str:
    if counts.n_documents == 1:
        return "1 document"
    return f"{counts.n_documents} documents {encoder.joined}"


def _agreed(suffix: str | None, asked: str | None, name: str, source: str) -> str | None:
    """What the spec's suffix and the keyword argument say together."""
    if suffix is not None and asked is not None and suffix != asked:
        raise DataError(f"{Path(source).name}: {name}={asked!r} contradicts the ending :{suffix}")
    return suffix if suffix is not None else asked


def _path_and_suffix(source: str) -> tuple[Path, str | None]:
    """`DATA.jsonl:body` into the path and `body`; a path that exists as it stands has no suffix."""
    path = Path(source).expanduser()
    if source and path.exists():
        return path, None
    head, colon, tail = source.rpartition(":")
    if colon and tail and head and Path(head).expanduser().is_file():
        return Path(head).expanduser(), tail
    names = ", ".join([*(f"{kind}:" for kind in NAMED), DATASETS])
    raise DataError(f"{source!r}: no such file or folder (nor a name starting with one of {names})")


def _dataset_parts(source: str, field: str | None) -> tuple[str, str | None, str, str]:
    """NAME, CONFIG, SPLIT and FIELD of `datasets:NAME[@CONFIG][:SPLIT[:FIELD]]`."""
    parts = source.removeprefix(DATASETS).split(":")
    if not parts[0] or len(parts) > 3:
        raise DataError(f"{source!r}: need datasets:NAME[@CONFIG][:SPLIT[:FIELD]]")
    name, _, config = parts[0].partition("@")
    split = parts[1] if len(parts) > 1 and parts[1] else "train"
    column = _agreed(parts[2] if len(parts) > 2 and parts[2] else None, field, "field", source)
    return name, config or None, split, column or DEFAULT_FIELD
