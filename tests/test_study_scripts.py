"""The scripts of the study of descriptions, from end to end on a short stream, and again: nothing is left to do."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


@pytest.mark.parametrize("name", ["description_length", "rates"])
def test_the_script_runs_and_what_is_there_is_not_made_again(name: str, tmp_path: Path) -> None:
    def run() -> list[dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, EXPERIMENTS / f"{name}.py", "--smoke", "--work", tmp_path], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert max(map(len, done.stdout.splitlines())) <= 100
        return json.loads((tmp_path / "smoke.json").read_text(encoding="utf-8"))["rows"]

    rows = run()
    assert len(rows) == 2
    for row in rows:
        assert row["versions"]
        assert row["complexity_nats_per_token"] > 0
        assert row["loss_coded"] < row["bound"]
    again = run()
    assert again == rows


@pytest.mark.parametrize(("name", "rows"), [("plain_epochs", "rows"), ("requential", "runs")])
def test_the_scripts_of_the_yardsticks_run_through(name: str, rows: str, tmp_path: Path) -> None:
    command = [sys.executable, EXPERIMENTS / f"{name}.py", "--smoke", "--work", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "smoke.json").read_text(encoding="utf-8"))[rows]
    assert row["n_tokens"] == 64 * 128
    if name == "plain_epochs":
        assert row["loss_train"] < 3 < math.log(96)  # it has learned
    else:
        assert row["code_nats"] == pytest.approx(sum(row["prices"].values()))
        assert row["loss_student"] < row["bound"] <= row["bound_published"]
