"""`genbound check`: wrong bounds from the wild are refuted by checks that know nothing of them, the corrected pass."""

from __future__ import annotations

import contextlib
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import wild

from genbound.checks import simulate
from genbound.checks.user import ENGINES, Question, Report, as_bound, check_bound, replay
from genbound.checks.verdict import STANDARD, Status, Verdict
from genbound.concentration import azuma_hoeffding
from genbound.errors import DataError, DomainError

jsonschema = pytest.importorskip("jsonschema")

TESTS = Path(__file__).parent
SCHEMA = json.loads((TESTS.parent / "genbound" / "checks" / "schemas" / "check.json").read_text(encoding="utf-8"))
QUICK = replace(STANDARD, examples=20, replicas=120)
WILD: dict[str, dict[str, Any]] = {
    "symmetric_hoeffding": {},
    "twice_scaled_bernstein": {"dependence": "iid"},
    "half_range_azuma": {},
    "kl_bound": {},
    "best_checkpoint": {"many": True},
}

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run(cli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`genbound check ...` in this process, in a folder of its own with the wild bounds at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(TESTS))

    return partial(cli, "check")


# ------------------------------------------------------------------------------------------------ bounds from the wild


@pytest.mark.parametrize("name", WILD)
def test_a_wild_bound_is_refuted_and_its_correction_passes(name: str) -> None:
    wrong, right = getattr(wild, name), getattr(wild, f"{name}_corrected")
    report = check_bound(wrong, budget=QUICK, **WILD[name])
    assert report.refuted
    (found, *_) = report.counterexamples
    again = replay(wrong, json.loads(json.dumps(found.witness)), **WILD[name])
    assert (again.status, again.reason) == (Status.REFUTED, found.reason)
    corrected = check_bound(right, budget=QUICK, **WILD[name])
    assert corrected.status is Status.SUPPORTED, str(corrected)
    engine = next(verdict for verdict in corrected.verdicts if verdict.engine == found.engine)
    assert engine.status is not Status.REFUTED
    assert replay(right, found.witness, **WILD[name]).status is not Status.REFUTED


def test_three_fair_coins_miss_the_symmetric_interval_with_probability_a_quarter() -> None:
    coins = np.array([[i >> k & 1 for k in range(3)] for i in range(8)], dtype=float)
    ends = [wild.symmetric_hoeffding(row, 0.224) for row in coins]
    assert math.isclose(ends[0][1], 0.4995, abs_tol=2e-4)
    assert sum(not low <= 0.5 <= high for low, high in ends) == 2


def test_an_interval_scaled_twice_lies_beside_its_mean() -> None:
    x = np.random.default_rng(0).binomial(1, 0.25, 100_000) * 4.0
    low, high = wild.twice_scaled_bernstein(x, 4.0, 0.05)
    assert 3.8 < low < high <= 4.0
    low, high = wild.twice_scaled_bernstein_corrected(x, 4.0, 0.05)
    assert low < 1.0 < high


def test_the_kl_inverse_is_right_for_independent_losses() -> None:
    assert check_bound(wild.kl_bound, dependence="independent", budget=QUICK).status is Status.SUPPORTED


# -------------------------------------------------------------------------------------------------- what a bound may be


def test_a_bound_of_the_library_passes() -> None:
    report = check_bound(azuma_hoeffding, budget=QUICK)
    assert [verdict.engine for verdict in report.verdicts] == list(ENGINES)
    assert report.status is Status.SUPPORTED
    assert not report.refuted


def test_lower_bounds() -> None:
    def below(x: np.ndarray, delta: float) -> float:
        return float(x.mean()) - math.sqrt(math.log(1 / delta) / (2 * len(x)))

    def above(x: np.ndarray, delta: float) -> float:
        return float(x.mean()) + math.sqrt(math.log(1 / delta) / (2 * len(x)))

    assert check_bound(below, side="lower", budget=QUICK).status is Status.SUPPORTED
    assert check_bound(above, side="lower", budget=QUICK).refuted
    assert check_bound(above, budget=QUICK).status is Status.SUPPORTED


def test_a_claim_for_any_time_is_judged_at_every_time() -> None:
    """Right at the end of every stream, wrong on the way: only the claim for all n at once is refuted."""

    def once(x: np.ndarray) -> float:
        return 1.0 if len(x) in (1, 3, 8, 16, 32, 64) else float(x.mean())

    one, all_ = (Question(anytime=anytime).card(once) for anytime in (False, True))
    assert simulate.check(one, QUICK).status is not Status.REFUTED
    assert simulate.check(all_, QUICK).status is Status.REFUTED


def test_a_range_that_is_built_in() -> None:
    def percent(x: np.ndarray, delta: float) -> float:
        return float(x.mean()) + 100 * math.sqrt(math.log(1 / delta) / (2 * len(x)))

    assert as_bound(percent, 100.0)(losses=np.array([0.5, 1.0]), ceiling=1.0, delta=math.exp(-4)) == pytest.approx(1.75)
    assert check_bound(percent, ceiling=100.0, budget=QUICK).status is Status.SUPPORTED
    assert check_bound(percent, ceiling=250.0, budget=QUICK).refuted


def test_results_of_every_kind_are_rescaled() -> None:
    given = {"losses": np.array([2.0, 3.0]), "ceiling": 4.0}
    assert as_bound(lambda x: (x.min(), x.max()))(**given) == (2.0, 3.0)
    assert as_bound(lambda x: [x.min(), x.max()])(**given) == [2.0, 3.0]
    assert as_bound(lambda x: x)(**given).tolist() == [2.0, 3.0]
    assert as_bound(lambda losses, *, ceiling: ceiling)(**given) == 4.0
    azuma = as_bound(lambda x: azuma_hoeffding(x, ceiling=1.0, log_inv_delta=1.0))(**given)
    assert azuma.value == pytest.approx(azuma_hoeffding(given["losses"], ceiling=4.0, log_inv_delta=1.0).value)


def test_a_bound_that_stumbles_is_undecided_and_never_passes() -> None:
    def fragile(x: np.ndarray) -> float:
        return 1.0 if x.min() < x.max() else float(x[len(x)])

    report = check_bound(fragile, budget=QUICK)
    assert report.status is Status.UNDECIDED
    assert "IndexError" in str(report)
    assert "SUPPORTED (" not in str(report).splitlines()[0]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda losses, *, temperature: 1.0, "cannot be given temperature"),
        (lambda losses: "many", "need a number"),
        (lambda losses: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_what_is_no_bound_is_refused(function: Any, words: str) -> None:
    with pytest.raises(DomainError, match=words):
        check_bound(function)


class Odd(Exception):
    """An error no list of errors names."""


@pytest.mark.parametrize("error", [Odd("two\nlines"), RuntimeError("boom"), RecursionError(), SystemExit(0)])
def test_a_function_may_raise_anything_and_never_passes(error: BaseException) -> None:
    def always(losses: np.ndarray) -> float:
        raise error

    def later(losses: np.ndarray) -> float:
        if losses.min() == losses.max():
            raise error
        return 1.0

    with pytest.raises(DomainError, match=f"raised {type(error).__name__}"):
        check_bound(always)
    report = check_bound(later, budget=QUICK)
    assert report.status is Status.UNDECIDED
    assert len(str(report).splitlines()) == 1 + len(ENGINES)


def test_a_function_that_writes_into_its_losses_is_judged_on_what_was_drawn() -> None:
    def erases(losses: np.ndarray, ceiling: float, delta: float) -> float:
        value = wild.half_range_azuma_corrected(losses, ceiling, delta)
        losses[:] = 0.0
        return value

    given = {"losses": np.ones(4), "ceiling": 1.0, "delta": 0.5}
    as_bound(erases)(**given)
    assert given["losses"].tolist() == [1.0] * 4
    assert check_bound(erases, anytime=False, budget=QUICK).status is Status.SUPPORTED


@pytest.mark.parametrize(
    ("function", "many", "words"),
    [
        (lambda losses: [0.0, 1.0], False, r"2 values: need a number or a tuple"),
        (lambda losses: np.zeros(2), False, r"2 values: need a number or a tuple"),
        (lambda losses: 1.0, True, "a list of 16 values"),
        (lambda losses: [1.0] * 15, True, "15 returned"),
        (lambda: 1.0, False, "a named parameter that gets the losses"),
        (lambda *losses: 1.0, False, "a named parameter that gets the losses"),
        (max, False, "wrap it in a def"),
    ],
)
def test_another_shape_is_refused_before_anything_is_judged(function: Any, many: bool, words: str) -> None:
    with pytest.raises(DomainError, match=words):
        check_bound(function, many=many)


class Half:
    """A bound in a class."""

    @staticmethod
    def static(losses: np.ndarray) -> float:
        """Wrong."""
        return 0.5

    def __call__(self, losses: np.ndarray) -> float:
        """Wrong."""
        return 0.5


@pytest.mark.parametrize("function", [Half.static, Half(), partial(lambda half, losses: half, 0.5), lambda x: 0.5])
def test_every_printed_snippet_is_python_that_replays(function: Any) -> None:
    text = str(check_bound(function, budget=QUICK))
    code = "\n".join(line.strip() for line in text[text.index("Replay it") :].splitlines()[1:])
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {"bound": function})
    assert " REFUTED " in out.getvalue()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dependence": "some"}, "dependence='some'"),
        ({"ceiling": 1e308}, "ceiling=1e"),
        ({"ceiling": 1e-320}, "ceiling=1e"),
        ({"ceiling": math.nan}, "ceiling=nan"),
        ({"side": "limit"}, "side='limit'"),
        ({"anytime": True, "many": True}, "one of anytime and many"),
        ({"ceiling": 0.0}, "ceiling=0.0"),
        ({"ceiling": math.inf}, "ceiling=inf"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        check_bound(azuma_hoeffding, **options)


def test_the_word_of_a_report() -> None:
    def said(**engines: Status) -> Status:
        return Report("a:b", Question(), tuple(Verdict("a:b", e, s, "") for e, s in engines.items())).status

    assert said(exact=Status.EXACT, simulate=Status.SUPPORTED) is Status.SUPPORTED
    assert said(exact=Status.NOT_APPLICABLE, simulate=Status.SUPPORTED) is Status.SUPPORTED
    assert said(exact=Status.UNDECIDED, simulate=Status.SUPPORTED) is Status.UNDECIDED
    assert said(fuzz=Status.SUPPORTED, measure=Status.SUPPORTED) is Status.UNDECIDED
    assert said(fuzz=Status.REFUTED, exact=Status.EXACT) is Status.REFUTED
    assert said() is Status.UNDECIDED


# --------------------------------------------------------------------------------------------------------- the command


def test_a_refuted_bound_exits_1_and_can_be_replayed(run: Run, tmp_path: Path) -> None:
    result = run("wild:half_range_azuma", "--json", "report.json", "--seed", 3)
    assert result.code == 1
    assert result.out.startswith("wild:half_range_azuma: REFUTED")
    content = json.loads((tmp_path / "report.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    report = Report.from_dict(content)
    assert report.to_dict() == {name: value for name, value in content.items() if name != "schema"}
    again = run("--replay", "report.json")
    assert again.code == 1
    assert [line.split()[2] for line in again.out.splitlines()] == ["REFUTED"] * len(report.counterexamples)
    corrected = run("wild:half_range_azuma_corrected", "--replay", "report.json")
    assert corrected.code == 3  # a counterexample that is gone is no support
    assert "REFUTED" not in corrected.out


def test_a_counterexample_that_was_cut_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    run("wild:half_range_azuma", "--json", "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    found = [v for v in content["verdicts"] if v["status"] == "REFUTED"]
    for verdict in found:
        for name in verdict["witness"].keys() & {"engine", "function", "case", "strategy", "n", "seed"}:
            cut = {key: value for key, value in verdict["witness"].items() if key != name}
            (tmp_path / "cut.json").write_text(json.dumps({**content, "verdicts": [{**verdict, "witness": cut}]}))
            refused = run("--replay", "cut.json")
            assert (refused.code, refused.out) == (2, ""), name
            assert len(refused.err.splitlines()) == 1


def test_the_printed_snippet_runs(run: Run) -> None:
    text = run("wild:symmetric_hoeffding").out
    lines = text[text.index("Replay it:") :].splitlines()[1:]
    code = "\n".join(line.strip() for line in lines)
    done = subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True, check=True)
    assert " REFUTED " in done.stdout


def test_a_supported_bound_exits_0_with_the_evidence(run: Run, tmp_path: Path) -> None:
    result = run("wild:kl_bound", "--dependence", "independent", "--json", "report.json")
    assert result.code == 0
    assert result.out.startswith("wild:kl_bound: SUPPORTED (upper bound, independent losses)")
    content = json.loads((tmp_path / "report.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    refused = run("--replay", "report.json")
    assert (refused.code, refused.out) == (2, "")
    assert "no counterexample" in refused.err


def test_an_undecided_bound_exits_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fragile_bounds.py").write_text("def bound(x):\n    return 1.0 if min(x) < max(x) else x[len(x)]\n")
    result = run("fragile_bounds:bound")
    assert result.code == 3
    assert result.out.startswith("fragile_bounds:bound: UNDECIDED")


def test_a_name_is_printed_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("def two(losses):\n    return 0.0, 1.0\n")
    assert run("b:two").out.startswith("b:two: UNDECIDED")


def test_an_interruption_keeps_nothing_and_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stopped_bounds.py").write_text("def bound(losses):\n    raise KeyboardInterrupt\n")
    result = run("stopped_bounds:bound")
    assert (result.code, result.out) == (2, "")
    assert "nothing was decided" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("leaving_bounds:bound",), "cannot import leaving_bounds (SystemExit: 0)"),
        (("failing_bounds:bound",), "cannot import failing_bounds (RuntimeError: at import)"),
        (("wild:kl_bound", "--seed", "-1"), "--seed"),
        ((), "need MODULE:FUNCTION"),
        (("wild",), "need MODULE:FUNCTION"),
        (("nosuchmodule:f",), "cannot import nosuchmodule"),
        (("wild:kl_bond",), "near: ['kl_bound'"),
        (("wild:__doc__",), "need a function"),
        (("wild:kl_bound", "--dependence", "weak"), "need one of iid"),
        (("--replay", "none.json"), "No such file"),
        (("--replay", "broken.json"), "not JSON"),
        (("--replay", "other.json"), "not a stored report"),
    ],
)
def test_bad_input_is_one_line(run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "other.json").write_text("[]")
    (tmp_path / "leaving_bounds.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "failing_bounds.py").write_text("raise RuntimeError('at import')\n")
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert words in result.err


def test_a_foreign_witness_is_refused() -> None:
    with pytest.raises(DataError, match="engine 'guess'"):
        replay(wild.kl_bound, {"engine": "guess"})
