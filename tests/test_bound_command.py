"""`genbound bound`: the bounds from arrays alone, the same as the library's, without torch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import genbound as gb

N, CEILING, BITS = 20_000, 12.0, 9_000.0

Run = Callable[..., SimpleNamespace]


def stream() -> tuple[np.ndarray, np.ndarray]:
    """Losses that follow their predictions."""
    rng = np.random.default_rng(5)
    y = rng.random(N) * 3
    return np.minimum(rng.exponential(y + 0.05), CEILING), y


@pytest.fixture
def run(cli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`genbound bound ...` in this process, with x.npy and y.npy at hand."""
    x, y = stream()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    monkeypatch.chdir(tmp_path)

    return partial(cli, "bound")


def refused(result: SimpleNamespace, *words: str) -> None:
    assert result.code == 2, result
    assert result.out == ""
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("genbound: ")
    for word in words:
        assert word in result.err


# -------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("with_predictions", [False, True])
def test_the_values_are_the_librarys(run: Run, tmp_path: Path, with_predictions: bool) -> None:
    options = ("--predictions", "y.npy") if with_predictions else ()
    result = run("x.npy", *options, "--ceiling", CEILING, "--code-bits", BITS, "--delta", 0.05, "--json", "b.json")
    assert (result.code, result.err) == (0, "")
    found = json.loads((tmp_path / "b.json").read_text())
    x, y = stream()
    centre = y if with_predictions else None
    ledger = gb.Ledger().pay("code", gb.code_nats(BITS)).pay("delta", gb.log_inv_delta(0.05))
    cost: dict[str, Any] = {"ceiling": CEILING, "log_inv_delta": ledger.total()}
    wanted = {
        "azuma_hoeffding": gb.azuma_hoeffding(x, **cost),
        "empirical_freedman": gb.empirical_freedman(x, centre, **cost),
        "geometric_mean": gb.geometric_mean(x, centre, **cost),
        "floor": gb.floor(x, **cost),
    }
    assert {name: row["value"] for name, row in found["bounds"].items()} == {k: r.value for k, r in wanted.items()}
    values = [found["bounds"][name]["value"] for name in ("empirical_freedman", "geometric_mean", "floor")]
    assert values == sorted(values, reverse=True)
    assert (found["n_tokens"], found["delta"], found["code_bits"]) == (N, 0.05, BITS)
    nats = sum(item["nats"] for item in found["ledger"]["items"])
    assert nats == pytest.approx(BITS * math.log(2) + math.log(20), rel=1e-12)
    for name, row in wanted.items():
        assert f"{row.value:.4f}" in next(line for line in result.out.splitlines() if name in line)
    assert max(map(len, result.out.splitlines())) <= 80


def test_predictions_help_and_a_floor_under_them_helps_more(run: Run) -> None:
    def headline(*options: object) -> float:
        run("near.npy", "--ceiling", CEILING, "--code-bits", 500, "--json", "b.json", *options)
        return float(json.loads(Path("b.json").read_text())["bounds"]["geometric_mean"]["value"])

    _, y = stream()
    np.save("near.npy", y + 0.1 * np.random.default_rng(1).random(N) + 1.0)
    np.save("z.npy", y + 1.0)
    assert headline("--predictions", "y.npy") < headline()
    assert headline("--predictions", "z.npy", "--prediction-floor", 1.0) < headline("--predictions", "z.npy")


def test_no_code_is_one_model_fixed_beforehand(run: Run) -> None:
    run("x.npy", "--ceiling", CEILING, "--json", "b.json")
    found = json.loads(Path("b.json").read_text())
    assert found["code_bits"] == 0
    assert found["bounds"]["azuma_hoeffding"]["complexity"] == pytest.approx(math.log(100) / N, rel=1e-12)


@pytest.mark.parametrize("bits", [1e9, 1e18, 1e300])
def test_a_huge_code_is_vacuous_and_never_above_the_ceiling(run: Run, bits: float) -> None:
    result = run("x.npy", "--ceiling", CEILING, "--code-bits", bits, "--json", "b.json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(Path("b.json").read_text())["bounds"]
    for name in ("azuma_hoeffding", "empirical_freedman", "geometric_mean", "floor"):
        assert 0.99 * CEILING < found[name]["value"] <= CEILING * (1 + 1e-12)


def test_any_shape_and_any_kind_of_number(run: Run) -> None:
    x, _ = stream()

    def headline(name: str) -> float:
        run(name, "--ceiling", CEILING, "--code-bits", BITS, "--json", "b.json")
        return float(json.loads(Path("b.json").read_text())["bounds"]["geometric_mean"]["value"])

    np.save("square.npy", x.reshape(100, 200))
    assert headline("square.npy") == headline("x.npy")
    np.save("single.npy", x.astype(np.float32))
    assert headline("single.npy") == pytest.approx(headline("x.npy"), rel=1e-6)
    np.save("whole.npy", np.arange(10, dtype=np.int64))
    assert headline("whole.npy") > 4.5


# ----------------------------------------------------------------------------------------------------------- bad input


class Trap:
    """Unpickling it would leave a mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("mark", "w"))


def test_object_arrays_are_never_unpickled(run: Run) -> None:
    np.save("trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    refused(run("trap.npy", "--ceiling", 3), "trap.npy: not a .npy array of numbers")
    assert not Path("mark").exists()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([1.0, math.nan]), ("NaN", "losses")),
        (np.array([1.0, math.inf]), ("losses",)),
        (np.array([1.0, 12.5]), ("12.5", "12")),
        (np.array([1.0, -0.5]), ("-0.5",)),
        (np.array([]), ("bad.npy: no values",)),
        (np.array([1 + 2j]), ("real numbers",)),
        (np.array(["a"]), ("real numbers",)),
        (np.array([True]), ("real numbers",)),
    ],
)
def test_arrays_that_cannot_be_losses(run: Run, array: np.ndarray, words: tuple[str, ...]) -> None:
    np.save("bad.npy", array)
    result = run("bad.npy", "--ceiling", CEILING, "--json", "b.json")
    assert result.code == 2, result.out
    refused(result)
    assert any(word in result.err for word in words), result.err
    assert not Path("b.json").exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"1.0,2.0", b"PK\x03\x04"])
def test_files_that_are_no_arrays(run: Run, content: bytes) -> None:
    Path("bad.npy").write_bytes(content)
    refused(run("bad.npy", "--ceiling", 3), "bad.npy")


def test_a_truncated_array(run: Run) -> None:
    data = Path("x.npy").read_bytes()
    Path("cut.npy").write_bytes(data[: len(data) // 2])
    refused(run("cut.npy", "--ceiling", CEILING), "cut.npy")


def test_an_archive_is_not_an_array(run: Run) -> None:
    np.savez("two.npz", a=np.ones(3), b=np.ones(3))
    refused(run("two.npz", "--ceiling", 3), "two.npz")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ceiling", "0"), ("ceiling",)),
        (("--ceiling", "nan"), ("ceiling",)),
        (("--ceiling", "inf"), ("ceiling",)),
        (("--ceiling", "12", "--delta", "0"), ("delta", "0 < delta < 1")),
        (("--ceiling", "12", "--delta", "1.5"), ("delta", "0 < delta < 1")),
        (("--ceiling", "12", "--code-bits", "-1"), ("L=-1.0", "bits")),
        (("--ceiling", "12", "--code-bits", "nan"), ("code_bits",)),
        (("--ceiling", "12", "--code-bits", "inf"), ("code_bits",)),
        (("--ceiling", "12", "--prediction-floor", "13"), ("prediction_floor",)),
        (("--ceiling", "12", "--predictions", "short.npy"), ("shape", "predictions")),
        (("--ceiling", "12", "--predictions", "nan.npy"), ("NaN", "predictions")),
        (("--ceiling", "12", "--predictions", "missing.npy"), ("missing.npy: no such file",)),
        (("--ceiling", "12", "--predictions", "y.npy", "--prediction-floor", "1"), ("prediction", "1")),
    ],
)
def test_values_outside_their_domain(run: Run, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    np.save("short.npy", np.ones(3))
    np.save("nan.npy", np.full(N, math.nan))
    result = run("x.npy", *options)
    refused(result)
    assert any(word in result.err for word in words), result.err


# ------------------------------------------------------------------------------------------------------ without torch

_WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "constriction", "datasets", "safetensors"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def _python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _WITHOUT + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder)


def test_it_works_where_torch_is_not_installed(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", stream()[0])
    code = (
        "from genbound.cli import main\n"
        "sys.argv = ['genbound', 'bound', 'x.npy', '--ceiling', '12', '--code-bits', '9000']\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({m.partition('.')[0] for m in sys.modules} & {'torch', 'transformers', 'sympy'}))\n"
    )
    done = _python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "geometric_mean" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_importing_genbound_adds_little_to_its_core_dependencies(tmp_path: Path) -> None:
    """Modules are counted, not seconds: numpy and flint alone, and what the bounds load beyond them."""
    code = (
        "import numpy, flint, json, hashlib, dataclasses, fractions, typing\n"
        "before = set(sys.modules)\nimport genbound\nimported = set(sys.modules) - before\n"
        "genbound.geometric_mean, genbound.floor, genbound.finzi_bound, genbound.WindowSample\n"
        "used = set(sys.modules) - before\n"
        "own = {m for m in used if m.partition('.')[0] == 'genbound'}\n"
        "print(len(imported), len(own), len(used - own), sorted({m.partition('.')[0] for m in used - own}))\n"
    )
    done = _python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    imported, own, others = map(int, done.stdout.split()[:3])
    assert imported <= 3
    assert own < 40
    assert others < 60, done.stdout
