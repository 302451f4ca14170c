"""Two thousand mutated files, half of them with their checks repaired: refused in one line or decoded, in
bounded memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
from test_quantize import tiny, windows

from genbound.lm.codec import encode
from genbound.lm.hessian import collect
from genbound.lm.quantize import quantize

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "experiments" / "fuzz_decoder.py"


def test_mutated_files_are_refused_or_decoded() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, str(SCRIPT), "--count", "2000", "--seed", "1", "--megabytes", "256"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)
    assert done.stdout.strip().splitlines()[-1:] == ["2000 passed, 0 failed"], done.stderr[-2000:]
    assert done.returncode == 0


def fuzzer() -> Any:
    """The module the script is."""
    spec = spec_from_file_location("fuzz_decoder", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_mutated_files_of_every_kind_are_refused_or_decoded() -> None:
    """Row scales, points of a lattice and codebooks, which the files of the script do not have."""
    fuzz = fuzzer()
    files = []
    for name in ("neox-tied", "llama"):
        model = tiny(name)
        statistics = collect(model, [windows()])
        for method in ("gptq", "e8", "kmeans"):
            files.append(encode(quantize(model, method=method, bits=2.5, calibration=statistics)))
    rng = np.random.default_rng(7)
    seen = {"refused": 0, "decoded": 0}
    for count in range(400):
        first, second = rng.integers(0, len(files), 2)
        data = fuzz.mutate(files[first], files[second], rng)
        found = fuzz.verdict(fuzz.repaired(data) if count % 2 else data, 60.0)
        assert found in seen, (count, found)
        seen[found] += 1
    assert min(seen.values()) > 10
