"""`import genbound` is cheap, and every public name is where the package says."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import genbound as gb

ROOT = Path(__file__).parents[1]


def test_the_version_is_the_one_of_the_metadata() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert gb.__version__ == metadata["project"]["version"]


def test_importing_and_bounding_loads_neither_torch_nor_sympy_nor_numba() -> None:
    code = (
        "import sys, genbound as gb; w = gb.Wealth(ceiling=16.0); w.update([1.0] * 9); "
        "gb.geometric_mean(w, complexity=0.1); gb.floor([1.0], ceiling=2.0, complexity=0.1); gb.subsample; "
        "print([m for m in ('torch', 'sympy', 'numba', 'scipy', 'mpmath') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_public_name_resolves() -> None:
    for name in gb.__all__:
        if name != "certify":  # needs the extra [lm]
            assert getattr(gb, name) is not None
    assert set(gb.__all__) <= set(dir(gb))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = gb.nonsense
