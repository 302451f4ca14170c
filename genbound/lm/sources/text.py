"""Text in: pieces of documents out of text, JSON lines, parquet and streamed data sets, in bounded memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbound.errors import DataError, MissingExtraError
from genbound.lm._oneline import one_line

PIECE = 1 << 17
"""Characters of the longest piece that is tokenized at once; longer documents are cut at line ends."""

DEFAULT_FIELD = "text"
_LINE_END = re.compile(r"\n(?=\S)")


@dataclass(frozen=True)
class Piece:
    """A piece of a document: its text, whether the document begins here, bytes of the source read so far."""

    text: str
    starts: bool
    read: int


def cut_point(text: str) -> int:
    """Where to cut a text longer than `PIECE` characters: the last line end before, else a space.

    >>> cut_point("a" * 100_000 + "\\n" + "b" * 100_000)
    100001
    """
    ends = [found.end() for found in _LINE_END.finditer(text, PIECE // 2, PIECE + 1)]
    if ends:
        return ends[-1]
    space = text.rfind(" ", PIECE // 2, PIECE)
    return space if space > 0 else PIECE


def cut(text: str, starts: bool, read: int) -> Iterator[Piece]:
    """The pieces of one document held in memory; an empty document has none."""
    while len(text) > PIECE:
        at = cut_point(text)
        yield Piece(text[:at], starts, read)
        text, starts = text[at:], False
    if text:
        yield Piece(text, starts, read)


def text_file(path: Path) -> Iterator[Piece]:
    """A UTF-8 text file as one document, byte for byte (line ends are kept).

    Raises:
        DataError: bytes that are not UTF-8, with the position of the first.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    buffer, starts, read, decoded = "", True, 0, 0
    with path.open("rb") as file:
        while True:
            block = file.read(PIECE)
            pending = len(decoder.getstate()[0])
            try:
                buffer += decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                where = read - pending + error.start
                raise DataError(f"{path.name}: byte {where} is not UTF-8 ({error.reason}): need UTF-8 text") from None
            read += len(block)
            while len(buffer) > PIECE:
                at = cut_point(buffer)
                yield Piece(buffer[:at], starts, decoded + at)
                buffer, starts, decoded = buffer[at:], False, decoded + at
            if not block:
                break
    if buffer:
        yield Piece(buffer, starts, read)


def jsonl_file(path: Path, field: str) -> Iterator[Piece]:
    """One document per line: the string under `field` of a JSON object; blank lines are skipped.

    Raises:
        DataError: a line that is not a JSON object, lacks the field, or holds something else than text there.
    """
    read = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            read += len(line)
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                where = read - len(line) + error.start
                raise DataError(f"{path.name}: line {number}: byte {where} is not UTF-8 ({error.reason})") from None
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path.name}: line {number} is not JSON ({one_line(error)})") from None
            if not isinstance(record, dict):
                raise DataError(f"{path.name}: line {number} is a {type(record).__name__}: need an object per line")
            yield from cut(_text_of(record, field, f"{path.name}: line {number}"), True, read)


def parquet_file(path: Path, field: str) -> Iterator[Piece]:
    """One document per row: the string in column `field`.

    Raises:
        DataError: not a parquet file, no such column (the columns are listed), or a row without text.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtraError(f"{path.name}: parquet needs pyarrow: pip install 'genbound[lm]'") from None
    try:
        with ParquetFile(path) as file:
            columns = list(file.schema_arrow.names)
            if field not in columns:
                raise DataError(f"{path.name}: no column {field!r}: it has {', '.join(map(repr, columns)) or 'none'}")
            rows, total, size, row = 0, max(file.metadata.num_rows, 1), path.stat().st_size, 0
            for batch in file.iter_batches(batch_size=256, columns=[field]):
                rows += len(batch)
                for value in batch.column(0):
                    text = _text_of({field: value.as_py()}, field, f"{path.name}: row {row}")
                    row += 1
                    yield from cut(text, True, size * rows // total)
    except ArrowException as error:
        raise DataError(f"{path.name}: not a readable parquet file ({one_line(error)})") from None


def dataset_rows(rows: Iterable[Any], field: str, name: str) -> Iterator[Piece]:
    """One document per row of a streamed data set; `read` counts UTF-8 bytes of text.

    Raises:
        DataError: a row without text under `field`, or a stream that broke off.
    """
    iterator, row, read = iter(rows), 0, 0
    while True:
        try:
            record = next(iterator)
        except StopIteration:
            return
        except Exception as error:
            raise DataError(f"{name}: reading broke off at row {row} ({one_line(error)})") from error
        text = _text_of(dict(record), field, f"{name}: row {row}")
        row, read = row + 1, read + len(text.encode("utf-8", "surrogatepass"))
        yield from cut(text, True, read)


def _text_of(record: dict[str, Any], field: str, where: str) -> str:
    """The text of a record, or what is wrong with it."""
    if field not in record:
        raise DataError(f"{where} has no field {field!r}: it has {', '.join(map(repr, record)) or 'none'}")
    text = record[field]
    if not isinstance(text, str):
        raise DataError(f"{where}: field {field!r} is {type(text).__name__}: need text")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{where}: character {error.start} of field {field!r} is a lone surrogate: not text") from None
    return text
