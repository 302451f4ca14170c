"""What a verdict depends on, as one short hash: the code behind a claim and behind the engine that checked it.

The hash covers every module of genbound that can be reached by imports (inside functions, too) from the shelf that
holds the card, from the card's functions and from the engine; of each module its syntax tree without docstrings,
comments and positions, so that only a change of what the code does makes evidence stale; and the text files a module
names. An `__init__` that nobody imports by name only gathers names and is left out.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from typing import Any

from genbound.claims.card import Claim, Engine, Inequality
from genbound.claims.registry import claims
from genbound.errors import domain_error

PACKAGE = Path(__file__).parents[1]
_ROOT = "genbound"
_SHELVES = f"{_ROOT}.claims.shelves"
_SILENT = {"ctx", "kind", "type_comment", "lineno", "col_offset", "end_lineno", "end_col_offset"}
LENGTH = 16
"""Hex digits of a fingerprint."""


def fingerprint(card: Claim, engine: Engine) -> str:
    """The hash of what a verdict of `engine` on a registered card depends on, 16 hex digits.

    Raises:
        DomainError: a card of no shelf.
    """
    return _of_modules(depends_on(card, engine))


def depends_on(card: Claim, engine: Engine) -> tuple[str, ...]:
    """The modules behind a verdict, sorted."""
    name = card.name.partition("!")[0]
    shelves = _shelf_of()
    if name not in shelves:
        raise domain_error("claim", name, "a registered claim", "evidence is kept of cards on a shelf")
    lemmas = _lemma_shelves() if engine == "derive" else ()  # a derivation reads other cards, by name
    return _reachable(frozenset({f"{_ROOT}.checks.{engine}", shelves[name], *_homes(card), *lemmas}))


def module_digest(source: str, data: tuple[bytes, ...] = ()) -> str:
    """The hash of one module's source and of the text files it names; the same under every supported Python.

    >>> module_digest("x = 1") == module_digest('\"\"\"Docs.\"\"\"\\nx  =  1  # one') != module_digest("x = 2")
    True
    """
    tree = json.dumps(_plain(ast.parse(source)), separators=(",", ":"))
    digest = hashlib.sha256(tree.encode())
    for content in data:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


@cache
def _shelf_of() -> dict[str, str]:
    """Claim -> module of its shelf."""
    names = [f"{_SHELVES}.{found.name}" for found in pkgutil.iter_modules([str(PACKAGE / "claims" / "shelves")])]
    return {card.name: name for name in names for card in importlib.import_module(name).CARDS}


@cache
def _lemma_shelves() -> tuple[str, ...]:
    """The shelves that hold inequalities, whose instances are steps of derivations."""
    shelves = _shelf_of()
    return tuple(sorted({shelves[name] for name, card in claims().items() if isinstance(card, Inequality)}))


def _homes(card: Claim) -> Iterator[str]:
    """Modules of the functions and of the setting on a card."""
    for field in fields(card):
        content = getattr(card, field.name)
        for part in content if isinstance(content, tuple) else (content,):
            while isinstance(part, partial):
                part = part.func
            home = str(getattr(part, "__module__", "")) if isinstance(part, Callable) else type(part).__module__
            if home.startswith(f"{_ROOT}."):
                yield home


@cache
def _of_modules(names: tuple[str, ...]) -> str:
    lines = "\n".join(f"{name} {_read(name)[0]}" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()[:LENGTH]


@cache
def _reachable(roots: frozenset[str]) -> tuple[str, ...]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_read(name)[1] - found)
    return tuple(sorted(found))


@cache
def _read(name: str) -> tuple[str, frozenset[str]]:
    """(digest, modules of genbound it imports)."""
    path = _path(name)
    if path is None:
        raise domain_error("module", name, "a module of genbound", "code behind a verdict")
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, filename=str(path))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    data = [file.read_bytes() for text in sorted(texts & _data().keys()) for file in _data()[text]]
    imported = {each for each in _imports(tree) if each != _ROOT and _path(each) is not None}
    return module_digest(source, tuple(data)), frozenset(imported)


@cache
def _data() -> dict[str, list[Path]]:
    """Name -> the files of the package that are called so and are no code."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            found.setdefault(path.name, []).append(path)
    return found


@cache
def _path(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] != _ROOT:
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _imports(node: ast.AST) -> Iterator[str]:
    """Dotted names that are imported anywhere but under `if TYPE_CHECKING:`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for child in node.orelse:
            yield from _imports(child)
    else:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(part.value) for part in node.args if isinstance(part, ast.Constant))
        for child in ast.iter_child_nodes(node):
            yield from _imports(child)


def _plain(value: Any) -> Any:
    """A syntax tree as lists and strings: no positions, no bare strings, no fields that are empty.

    Fields that newer Pythons add are empty in older code; f-strings differ in how their literal parts are cut.
    """
    if isinstance(value, ast.Constant):
        return [type(value.value).__name__, repr(value.value)]
    if isinstance(value, ast.JoinedStr):
        return ["JoinedStr", _literal_parts(value)]
    if isinstance(value, ast.AST):
        parts = ((name, _plain(part)) for name, part in ast.iter_fields(value) if name not in _SILENT)
        return [type(value).__name__, *([name, part] for name, part in parts if part is not None and part != [])]
    if isinstance(value, list):
        return [_plain(part) for part in value if not _bare_string(part)]
    return value


def _literal_parts(string: ast.JoinedStr) -> list[Any]:
    parts: list[Any] = []
    for value in string.values:
        if not isinstance(value, ast.Constant):
            parts.append(_plain(value))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += str(value.value)
        elif value.value:
            parts.append(str(value.value))
    return parts


def _bare_string(node: Any) -> bool:
    """A docstring, of a module, a class, a function or a name."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
