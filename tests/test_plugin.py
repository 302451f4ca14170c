"""The pytest plugin, run by pytest's own pytester on tests of three lines."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from genbound.checks import user  # loaded here, so that the sessions run inside this process do not load it afresh
from genbound.checks.verdict import DEEP, STANDARD, Budget, Status, Verdict

pytest_plugins = "pytester"

PLUGIN = ("-p", "no:genbound", "-p", "genbound.checks.plugin", "-p", "no:cacheprovider")
"""The plugin by its module, whether or not its entry point is installed."""

TWO = """
import math
import pytest

def half(losses, ceiling, delta):
    return losses.mean() + ceiling / 2 * math.sqrt(math.log(1 / delta) / (2 * len(losses)))

def whole(losses, ceiling, delta):
    return half(losses, 2 * ceiling, delta)

def below(losses, ceiling, delta):
    return ceiling - whole(ceiling - losses, ceiling, delta)
"""


def test_a_wrong_bound_fails_with_its_counterexample(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO + "def test_half(check_bound):\n    check_bound(half)\n")
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*:half: REFUTED (upper bound, adapted losses)", "Replay it:"])


def test_a_right_bound_passes_and_the_report_is_returned(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO + "def test_whole(check_bound):\n    assert check_bound(whole).status == 'SUPPORTED'\n")
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


def test_what_cannot_be_decided_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def bound(x):\n    return 1.0 if min(x) < max(x) else x[len(x)]\n"
                        "def test_it(check_bound):\n    check_bound(bound)\n")  # fmt: skip
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*:bound: UNDECIDED*"])


def test_the_marker_gives_the_options_and_the_call_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TWO + "@pytest.mark.genbound(side='lower')\n"
        "def test_marked(check_bound):\n"
        "    assert check_bound(below).question.side == 'lower'\n"
        "    check_bound(below, side='upper')\n"
    )
    result = pytester.runpytest_inprocess(*PLUGIN, "--strict-markers")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*:below: REFUTED (upper bound, adapted losses)"])


def test_the_option_asks_for_the_deep_budget(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[Budget] = []

    def fake(function: object, *, budget: Budget) -> user.Report:
        budgets.append(budget)
        return user.Report("a:b", user.Question(), (Verdict("a:b", "exact", Status.EXACT, ""),))

    monkeypatch.setattr(user, "check_bound", fake)
    pytester.makepyfile("def test_it(check_bound):\n    check_bound(len)\n")
    pytester.runpytest_inprocess(*PLUGIN, "--genbound").assert_outcomes(passed=1)
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)
    assert budgets == [DEEP, STANDARD]


def test_a_session_that_does_not_use_it_loads_nothing() -> None:
    code = (
        "import sys, genbound.checks.plugin; "
        "print([m for m in ('numpy', 'scipy', 'sympy', 'torch', 'flint', 'genbound.checks.user') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_session_that_uses_it_loads_no_torch(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO + "import sys\ndef test_it(check_bound):\n    check_bound(whole)\n"
                        "    assert 'torch' not in sys.modules\n")  # fmt: skip
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)


def test_the_entry_point_names_the_plugin() -> None:
    metadata = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert metadata["project"]["entry-points"]["pytest11"] == {"genbound": "genbound.checks.plugin"}
