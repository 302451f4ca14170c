"""From measurements to fits and verdicts: the scripts on made-up measurements, and that every rule can fail."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


@pytest.fixture
def script(monkeypatch):
    """The module of experiments/verdicts.py."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    import verdicts

    return verdicts


@pytest.fixture
def made_up(monkeypatch):
    """Made-up measurements."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    from made_up import made_up

    return made_up()


def by_claim(found) -> dict[tuple[str, str], str]:
    return {(row["claim"], row["ladder"]): row["verdict"] for row in found}


def test_what_is_made_up_to_agree_is_supported(script, made_up) -> None:
    found = by_claim(script.verdicts(made_up))
    made_otherwise = {"Sigma = c + a N^-p with p = .54, within .1", "information grows as N^(.5 +- .1)"}
    assert {claim for (claim, _), verdict in found.items() if verdict != "supported"} == made_otherwise
    assert {found[claim, "sotu"] for claim in made_otherwise} == {"not supported"}


def rising(row) -> float:
    """A power of the parameters, and of the tokens for each."""
    return row["tokens"] ** 0.1


def spoil(field, name, value):
    """Writes a value of the row into one of its fields."""
    return lambda row: field(row).update({name: value(row)})


def error(code, bits):
    """The stored quantization error."""
    return lambda row: next(q for q in row["quantization"] if (q["code"], q["bits"]) == (code, bits))


def bounds(row):
    return row["bounds"][0]["bounds"]


def layer(row):
    return row["hessian"][0]


def variation(row):
    return row["variation"]


def row_itself(row):
    return row


SPOILT = {
    "the complexity is flat: GPTQ at 4 nominal bits": spoil(
        lambda row: row["bounds"][0]["codes"][0], "nats", lambda row: row["tokens"] ** 0.8
    ),
    "the complexity is flat: GPTQ at the rate": spoil(
        lambda row: row["bounds"][0], "complexity_nats_per_token", lambda row: row["parameters"] ** -0.1
    ),
    "the loss variation falls: Sigma": spoil(variation, "sigma", lambda row: {"0.2": rising(row)}),
    "the loss variation falls: sd": spoil(variation, "sd_x_minus_y", rising),
    "Sigma = c + a N^-p": spoil(variation, "sigma", lambda row: {"0.2": row["parameters"] ** -0.1}),
    "the quantization error falls: GPTQ, 4": spoil(error("gptq", 4), "error", rising),
    "the quantization error falls: GPTQ, 3": spoil(error("gptq", 3), "error", rising),
    "the quantization error falls: LDLQ, 3": spoil(error("ldlq", 3), "error", rising),
    "information grows slower": spoil(row_itself, "heldout_area_nats", lambda row: row["tokens"] ** 1.2),
    "information grows as N^(.5": spoil(row_itself, "heldout_area_nats", lambda row: row["tokens"] ** 0.8),
    "information grows as D^(1 - beta": spoil(row_itself, "heldout_area_nats", lambda row: row["tokens"] ** 1.5),
    "layer spectra": spoil(layer, "exponent", lambda row: 0.8),
    "QuIP's gain": spoil(layer, "half_trace_squared_over_n", rising),
    "QuIP's formula": spoil(layer, "proxy_measured", lambda row: 0.1),
    "the gap falls: finzi_bound": spoil(bounds, "finzi_bound", lambda row: 10 + rising(row)),
    "the gap falls: geometric_mean, GPTQ": spoil(bounds, "geometric_mean", lambda row: 10 + rising(row)),
    "the gap falls: geometric_mean, shortest": spoil(row_itself, "shortest", lambda row: 10 + rising(row)),
    "the bound falls": spoil(bounds, "finzi_bound", lambda row: 10 + rising(row)),
    "30k, more tokens per parameter: smaller": spoil(variation, "sd_x_minus_y", rising),
    "30k, more tokens per parameter: larger": spoil(error("gptq", 3), "error", lambda row: 1 / rising(row)),
    "100k, more tokens per parameter: smaller": spoil(variation, "sd_x_minus_y", rising),
    "100k, more tokens per parameter: larger": spoil(error("gptq", 3), "error", lambda row: 1 / rising(row)),
}
"""Beginning of a claim -> what makes it false."""


@pytest.mark.parametrize("claim", SPOILT)
def test_what_is_made_up_to_disagree_is_not_supported(script, made_up, claim, monkeypatch) -> None:
    rules = [rule for rule in script.RULES if rule.prediction.claim.startswith(claim)]
    assert len(rules) == 1
    monkeypatch.setattr(script, "RULES", tuple(rules))
    rows = deepcopy([row for row in made_up if row["ladder"] == "sotu" or rules[0].ladders])
    for row in rows:
        SPOILT[claim](row)
    assert [row["verdict"] for row in script.verdicts(rows)] == ["not supported"]


def test_every_rule_is_spoilt(script) -> None:
    claims = [rule.prediction.claim for rule in script.RULES]
    assert all(any(claim.startswith(beginning) for beginning in SPOILT) for claim in claims)


def test_a_ladder_nobody_planned_is_judged(script, made_up) -> None:
    rows = [{**row, "ladder": "pythia"} for row in made_up if row["ladder"] == "sotu"]
    assert {row["ladder"] for row in script.verdicts(rows) if row["verdict"] != "not measured"} == {"pythia"}


def test_a_mean_says_its_trend(script, made_up) -> None:
    rows = deepcopy([row for row in made_up if row["ladder"] == "sotu"])
    for row in rows:
        row["hessian"][0]["exponent"] = 4 * row["parameters"] ** -0.05
    found = next(row for row in script.verdicts(rows) if row["claim"].startswith("layer spectra"))
    assert found["trend"]["estimate"] == pytest.approx(-0.05)
    assert found["shown"].endswith("has a trend, N^-0.05")


def test_negative_errors_leave_the_question_open(script, made_up) -> None:
    rows = [row for row in made_up if row["ladder"] == "sotu"]
    rows[0]["quantization"][2]["error"] = -1e-3
    found = [row for row in script.verdicts(rows) if "GPTQ, 4 bits" in row["claim"]]
    assert found[0]["verdict"] == "cannot tell"
    assert "positive" in found[0]["shown"]


def test_what_was_not_measured_at_enough_sizes_has_no_verdict(script, made_up) -> None:
    sotu = [row for row in made_up if row["ladder"] == "sotu"]
    assert {row["verdict"] for row in script.verdicts(sotu[:3])} == {"not measured"}
    assert len(script.verdicts([])) == len(script.RULES)
    on_sotu = [row for row in script.verdicts(sotu) if row["verdict"] != "not measured"]
    assert {row["ladder"] for row in on_sotu} == {"sotu"}
    assert {row["sizes"] for row in on_sotu} == {8}


def test_a_bend_is_shown_with_the_exponent_of_the_upper_half(script, made_up) -> None:
    rows = [row for row in made_up if row["ladder"] == "sotu"]
    for row in rows:
        away = math.log(row["parameters"]) - math.log(1e5)
        row["variation"]["sigma"]["0.2"] = math.exp(-0.1 * away - 0.1 * away**2)
    bent, straight = (
        next(row for row in script.verdicts(rows) if words in row["claim"]) for words in ("Sigma at", "4 nominal bits")
    )
    assert bent["curvature"]["estimate"] == pytest.approx(-0.1)
    assert bent["shown"].endswith(f"bends, upper half {bent['upper_half']['estimate']:.3g}")
    assert bent["upper_half"]["estimate"] < bent["estimate"]
    assert "bends" not in straight["shown"]


@pytest.mark.parametrize("name", ["verdicts", "fits"])
def test_the_scripts_run_through(name, tmp_path) -> None:
    out = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, EXPERIMENTS / f"{name}.py", "--smoke", "--out", out], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(out.read_text(encoding="utf-8"))
    assert content["about"] == "Made-up measurements."
    assert len(content["rows"]) >= 20
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_stored_verdicts_are_those_of_the_stored_measurements(script) -> None:
    stored = json.loads(script.RESULTS.read_text(encoding="utf-8"))["rows"]
    found = script.verdicts(script.measured.rows())
    assert by_claim(found) == by_claim(stored)
    for row, old in zip(found, stored, strict=True):
        for name in ("estimate", "lower", "upper"):
            new, stored_one = row.get(name), old.get(name)
            assert (new is None) == (stored_one is None)
            assert new is None or new == pytest.approx(stored_one, rel=1e-5, abs=1e-7)


def test_the_stored_fits_are_those_of_the_stored_measurements(script) -> None:
    import fits

    rows = script.measured.rows()
    stored = json.loads(fits.RESULTS.read_text(encoding="utf-8"))["rows"]
    triples = []
    for name, (_, of) in fits.FOLLOWED.items():
        for ladder in script.measured.frontier(rows):
            sizes = {size for size, _, _ in fits.q.points(of, [row for row in rows if row["ladder"] == ladder])}
            laws = [law for law in fits.LAWS if not (law == "saturating" and name in fits.FLAT)]
            triples += [(name, ladder, law) for law in laws if len(sizes) >= fits.FEWEST[law]]
    assert [(row["quantity"], row["ladder"], row["law"]) for row in stored if row["law"] != "chinchilla"] == triples
    for row in stored:
        if row["law"] == "chinchilla":
            assert row["points"] == [[r["parameters"], r["tokens"], r["loss_heldout"]] for r in rows
                                     if r["ladder"] in ("python-bytes", fits.GRID)]  # fmt: skip
            continue
        own = [each for each in rows if each["ladder"] == row["ladder"]]
        points = fits.q.points(fits.FOLLOWED[row["quantity"]][1], own)
        assert row["points"] == [pytest.approx(each, rel=1e-9) for each in points]
        x, y, _ = np.array(points).T
        sizes, means = fits.size_means(x, y)
        law = clone(fits.LAWS[row["law"]]).fit(sizes[:, None], means)
        stored_curve = np.array(row["curve"])
        assert law.predict(stored_curve[:, :1]) == pytest.approx(stored_curve[:, 1], rel=1e-4)
        if row["law"] == "power":
            found = fits.measured.jsonable(fits.profile(law, sizes[:, None], means, "p").to_dict())
            for end in ("estimate", "lower", "upper"):
                assert row["intervals"]["p"][end] == pytest.approx(found[end], rel=1e-3, abs=1e-5)
