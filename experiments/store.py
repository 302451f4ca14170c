"""A file of results that several processes may add to: read again, under a lock, before it is replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genbound.files import locked, pretty_json, write_atomic

Row = dict[str, Any]
Content = dict[str, Any]
Key = Callable[[Row], Any]


def read(path: Path) -> Content:
    """What is stored; nothing where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def rows(path: Path) -> list[Row]:
    """The rows that are stored."""
    return read(path).get("rows", [])


def update(path: Path, change: Callable[[Content], Content]) -> Content:
    """Put `change` of what is stored in its place, one process at a time, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(f".{path.name}.lock")):
        content = change(read(path))
        write_atomic(path, pretty_json(content))
    return content


def replaced(found: list[Row], row: Row, key: Key) -> list[Row]:
    """These rows with one more, which takes the place of the one with its key."""
    return [*(old for old in found if key(old) != key(row)), row]


def put(path: Path, row: Row, key: Key, order: Key, **head: Any) -> None:
    """Add a row, in the place of the one with its key, to rows in this order; `head`: the fields before them."""
    update(path, lambda old: {**head, "rows": sorted(replaced(old.get("rows", []), row, key), key=order)})
