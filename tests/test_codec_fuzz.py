"""Two thousand mutated files, half of them with their checks repaired: refused in one line or decoded, in
bounded memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "experiments" / "fuzz_decoder.py"


def test_mutated_files_are_refused_or_decoded() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, str(SCRIPT), "--count", "2000", "--seed", "1", "--megabytes", "256"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)
    assert done.stdout.strip().splitlines()[-1:] == ["2000 passed, 0 failed"], done.stderr[-2000:]
    assert done.returncode == 0
