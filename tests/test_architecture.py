"""The dependency rule of DESIGN.md and the habits of the package, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "genbound"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "transformers", "constriction", "datasets", "accelerate", "safetensors", "pyarrow", "gguf"}
LONGEST = 300

ABOVE = {"certificate", "checks", "cli", "lm", "report"}
SYMBOLIC = {"claims", "derivations", "formulas", "proving", "symbols"}
FORBIDDEN = {
    "errors.py": {"genbound"},
    "certified.py": ABOVE | SYMBOLIC | {"baselines", "complexity", "concentration", "smoothing", "subsample"},
    "processes": ABOVE | SYMBOLIC | {"baselines", "complexity", "concentration", "smoothing", "subsample"},
    "symbols.py": ABOVE | {"claims", "derivations", "formulas"},
    "formulas": ABOVE | {"claims", "derivations"},
    "proving": ABOVE | {"claims", "derivations"},
    "smoothing.py": ABOVE | SYMBOLIC | {"baselines", "subsample"},
    "concentration": ABOVE | SYMBOLIC | {"baselines", "subsample"},
    "complexity": ABOVE | SYMBOLIC | {"baselines", "subsample"},
    "scaling": ABOVE | SYMBOLIC | {"baselines", "complexity", "concentration", "smoothing", "subsample"},
    "baselines.py": ABOVE | SYMBOLIC,
    "subsample": ABOVE | SYMBOLIC,
    "claims": ABOVE | {"derivations"},
    "derivations": ABOVE,
    "certificate": SYMBOLIC | {"checks", "cli", "lm", "report"},
    "checks": {"certificate", "cli", "lm", "report"},
    "report": {"cli", "lm", "torch"},
    "lm": SYMBOLIC | {"checks", "cli", "report"},
}
"""Room -> rooms it must not import, not even inside a function."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def label(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def imports(nodes: ast.AST | list[ast.stmt], inside_functions: bool = True) -> Iterator[str]:
    """Dotted names that are imported; `if TYPE_CHECKING:` and, if asked, the bodies of functions are left out."""
    for node in nodes if isinstance(nodes, list) else [nodes]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from imports(node.orelse, inside_functions)
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for child in ast.iter_child_nodes(node):
                yield from imports(child, inside_functions)


def rooms_of(names: Iterator[str]) -> set[str]:
    """The rooms of genbound, and the other packages, that a list of imports names."""
    found = set()
    for name in names:
        parts = name.split(".")
        found |= {parts[1]} if parts[0] == "genbound" and len(parts) > 1 else {parts[0]}
    return found


def test_the_package_is_found() -> None:
    assert len(MODULES) > 40
    assert set(FORBIDDEN) <= {room(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_dependencies_run_one_way(path: Path) -> None:
    wrong = FORBIDDEN.get(room(path), set()) & rooms_of(imports(tree(path)))
    assert not wrong, f"{label(path)} imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) != "lm"], ids=label)
def test_nothing_heavy_outside_lm(path: Path) -> None:
    """Not at module level; inside functions in cli/ only, and there not to compute with."""
    assert not HEAVY & rooms_of(imports(tree(path), inside_functions=False))
    assert "lm" not in rooms_of(imports(tree(path), inside_functions=False))
    if room(path) != "cli":
        assert not HEAVY & rooms_of(imports(tree(path)))


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert not text.strip() or ast.get_docstring(tree(path)), f"{label(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_no_prints_no_pickle_no_foreign_code(path: Path) -> None:
    """The library never prints; nothing is unpickled, evaluated or fetched as code."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            assert name not in {"eval", "exec", "compile", "__import__"}, (label(path), node.lineno)
            assert name != "print", (label(path), node.lineno)
            dotted = ast.unparse(node.func)
            assert dotted not in {"torch.load", "torch.save", "joblib.load"}, (label(path), node.lineno)
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if keyword.arg in ("trust_remote_code", "allow_pickle"):
                    assert value is False, (label(path), node.lineno)
                if keyword.arg == "shell":
                    assert value is not True, (label(path), node.lineno)
            if dotted.split(".")[-1] == "load" and dotted.split(".")[0] in ("np", "numpy"):
                assert any(k.arg == "allow_pickle" for k in node.keywords), (label(path), node.lineno)
    assert not {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"} & rooms_of(imports(tree(path)))


def test_the_readers_see_what_they_look_for() -> None:
    """The checks above find planted offenders."""
    planted = ast.parse(
        "import torch.nn\nfrom genbound.lm import codec\nfrom genbound import certificate\n"
        "if TYPE_CHECKING:\n    import datasets\ndef f():\n    import pickle\n"
    )
    assert rooms_of(imports(planted)) == {"torch", "lm", "certificate", "genbound", "pickle"}
    assert rooms_of(imports(planted, inside_functions=False)) == {"torch", "lm", "certificate", "genbound"}
