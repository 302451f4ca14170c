"""A file of results that several processes may add to: read again, under a lock, before it is replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genbound.files import locked, pretty_json, write_atomic

Content = dict[str, Any]


def read(path: Path) -> Content:
    """What is stored; nothing where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows that are stored."""
    return read(path).get("rows", [])


def update(path: Path, change: Callable[[Content], Content]) -> Content:
    """Put `change` of what is stored in its place, one process at a time, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(f".{path.name}.lock")):
        content = change(read(path))
        write_atomic(path, pretty_json(content))
    return content


def put(
    path: Path,
    row: dict[str, Any],
    key: Callable[[dict[str, Any]], Any],
    order: Callable[[dict[str, Any]], Any],
    **head: Any,
) -> None:
    """Add a row, in the place of the one with its key, to rows in this order; `head`: the fields before them."""

    def change(content: Content) -> Content:
        kept = [old for old in content.get("rows", []) if key(old) != key(row)]
        return {**head, "rows": sorted([*kept, row], key=order)}

    update(path, change)
