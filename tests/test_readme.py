"""What the README says is what the code and the stored results say."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULT = json.loads((ROOT / "experiments" / "results" / "demo.json").read_text(encoding="utf-8"))


TABLES = {
    "ladder": ("demo",),
    "rates": ("rates", "description_length", "demo"),
    "quantizers": ("quantizers",),
    "verdict_table": ("verdicts",),
}
"""Script of paper_figures -> the stored results its table shows."""


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_the_stored_results(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "paper_figures"))
    script, results = (importlib.import_module(module) for module in (name, "results"))
    lines = script.table(*map(results.read, TABLES[name]))
    assert "\n".join([script.BEGIN, *lines, script.END]) in README


def test_the_stored_result_is_the_whole_ladder_read_whole() -> None:
    from genbound.lm.ladder.models import ladder_names, record

    assert RESULT["full"] is True
    assert [m["name"] for m in RESULT["models"]] == list(ladder_names())
    for m in RESULT["models"]:
        assert m["parameters"] == record(m["name"])["parameters"]
        assert m["loss_train"] == pytest.approx(record(m["name"])["loss_train"], abs=1e-6)


@pytest.mark.parametrize("model", RESULT["models"], ids=lambda m: m["name"])
def test_the_chain_of_bounds_on_every_ladder_model(model: dict[str, Any]) -> None:
    chain = [model["bounds"][k] for k in ("finzi_bound", "empirical_freedman", "geometric_mean", "floor")]
    assert chain == sorted(chain, reverse=True)
    assert chain[0] < math.log(model["vocab_size"])
    assert math.fsum(model["decomposition"].values()) == model["bounds"]["geometric_mean"]


PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.S)


def _printed(block: str) -> tuple[str, dict[str, Any]]:
    out, names = io.StringIO(), {}
    with contextlib.redirect_stdout(out):
        exec(compile(block, "README.md", "exec"), names)
    return out.getvalue(), names


def _block(text: str) -> str:
    (block,) = [block for block in PYTHON if text in block]
    return block


def test_the_ten_lines_run() -> None:
    assert "geometric_mean: R <=" in _printed(_block("wealth = gb.Wealth"))[0]


def test_the_confidence_sequence_stops_early_and_covers() -> None:
    printed, names = _printed(_block("gb.ConfidenceSequence"))
    assert names["cs"].n < 5000
    assert 0.1 in names["cs"].interval()
    assert printed.startswith(str(names["cs"].n))


def test_the_bound_of_the_readme_passes_in_three_lines(check_bound: Any) -> None:
    _, names = _printed(_block("def my_bound"))
    check_bound(names["my_bound"], dependence="iid")
    assert "check_bound(my_bound" in _block("def test_my_bound")


def test_every_option_in_the_readme_exists() -> None:
    import typer

    from genbound.cli.app import app

    command: Any = typer.main.get_command(app)
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.S)
    lines = re.findall(r"^genbound (.*)$", "\n".join(blocks), flags=re.M)
    assert len(lines) == 15
    for line in lines:
        words = line.split("#")[0].split()
        named = command.commands[words[0]]
        if hasattr(named, "commands"):
            named = named.commands[words[1]]
        options = {option for parameter in named.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_every_file_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target
