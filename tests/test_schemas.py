"""What the commands write is what the schemas say: no field more, no field less, each with a unit."""

from __future__ import annotations

import copy
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import QUICK, toy_tokens

from genbound.certificate import certificate as certificate_module
from genbound.certificate.certificate import Certificate
from genbound.certificate.rows import DECOMPOSITION, METHODS
from genbound.certificate.settings import Settings

jsonschema = pytest.importorskip("jsonschema")

FOLDER = Path(certificate_module.__file__).parent / "schemas"
VERSIONS = {"certificate": 2, "demo": 1, "bound": 1, "verification": 1, "plan": 1}
NAMES = tuple(VERSIONS)
DOCUMENT = Path(__file__).parents[1] / "docs" / "schemas.md"

ISSUE_FIELDS = {
    "name", "parameters", "n_tokens", "vocab_size", "delta", "loss_train", "loss_heldout", "loss_coded", "code_bits",
    "complexity_nats_per_token", "bounds", "decomposition",
}  # fmt: skip
"""What `genbound demo --json` promises for every model."""
MORE_FIELDS = {"reading", "windows_read", "coded_model", "alpha", "sha256"}


def schema(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def validate(name: str, value: Any) -> None:
    jsonschema.Draft202012Validator(schema(name)).validate(value)


def valid(name: str, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema(name)).is_valid(value)


def parts(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema of a schema, with where it is."""
    if isinstance(value, dict):
        if "type" in value or "$ref" in value or "anyOf" in value:
            yield path, value
        for key, part in value.items():
            if isinstance(part, dict | list) and key not in ("required", "enum", "prefixItems", "type", "anyOf"):
                yield from parts(part, f"{path}/{key}")


# ----------------------------------------------------------------------------------------------- the schemas themselves


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_closed_complete_and_described(name: str) -> None:
    content = schema(name)
    jsonschema.Draft202012Validator.check_schema(content)
    assert content["properties"]["schema"]["const"] == f"genbound/{name}/{VERSIONS[name]}"
    for path, part in parts(content):
        assert part.get("description"), f"{path} has no description"
        if "properties" in part:
            assert part["required"] == list(part["properties"]), path
            assert part["additionalProperties"] is False, path
        if part.get("type") in ("number", "integer") and path.count("/properties"):
            text = part["description"].lower()
            assert any(unit in text for unit in UNITS), f"{path}: {part['description']!r} names no unit"


UNITS = (
    "nats", "bits", "tokens", "windows", "seconds", "megabytes", "symbols", "probability", "weight", "numbers",
    "fields", "unit of", "difference", "seed", "characters per", "utf-8 bytes", "losses", "a number",
)  # fmt: skip


def test_every_schema_is_documented() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(NAMES)
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in NAMES:
        assert f"genbound/{name}/{VERSIONS[name]}" in text
        assert f"schemas/{name}.json" in text


# ------------------------------------------------------------------------------------------------------- real outputs


@pytest.fixture(scope="module")
def full(toy_model: Path, toy_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Certificate]:
    """Every token read, with held-out data."""
    from genbound.lm.certify import certify

    out, heldout = tmp_path_factory.mktemp("full"), tmp_path_factory.mktemp("held") / "held.bin"
    toy_tokens(1000, seed=1).tofile(heldout)
    return out, certify(toy_model, toy_bin, out, settings=QUICK, heldout=heldout)


@pytest.fixture(scope="module")
def written(full: tuple[Path, Certificate], toy_model: Path, toy_bin: Path, tmp_path_factory: Any) -> dict[str, Any]:
    """One real output of each kind, through the command line where that is cheap."""
    from genbound.cli import app
    from genbound.lm.demo import SCHEMA, row

    folder = tmp_path_factory.mktemp("written")
    np.save(folder / "x.npy", np.random.default_rng(0).random(500))
    commands = {
        "bound": ("bound", folder / "x.npy", "--ceiling", 2, "--predictions", folder / "x.npy"),
        "verification": ("verify", full[0]),
        "plan": ("certify", toy_model, "--data", toy_bin, "-o", folder / "o", "--context", 16, "--dry-run"),
    }
    outputs: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, command in commands.items():
            patch.setattr(sys, "argv", ["genbound", *map(str, command), "--json", str(folder / f"{name}.json")])
            with pytest.raises(SystemExit):
                app.main()
            outputs[name] = json.loads((folder / f"{name}.json").read_text())
    content = json.loads((full[0] / "certificate.json").read_text())
    demo = {"schema": SCHEMA, "full": True, "delta": 0.01, "models": [row("toy", full[1])]}
    return {"certificate": content, "demo": {**demo, "environment": content["environment"]}, **outputs}


@pytest.mark.parametrize("name", NAMES)
def test_the_output_fits_its_schema(written: dict[str, Any], name: str) -> None:
    validate(name, written[name])


def objects(value: Any, described: Any, root: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Every object of an output that has a closed schema, with the fields that schema lists."""
    if "$ref" in described:
        described = root["$defs"][described["$ref"].rpartition("/")[2]]
    if "anyOf" in described and value is not None:
        described = root["$defs"][described["anyOf"][0]["$ref"].rpartition("/")[2]]
    if isinstance(value, dict):
        if "properties" in described:
            yield value, list(described["properties"])
        for key, part in value.items():
            below = described.get("properties", {}).get(key, described.get("additionalProperties"))
            if isinstance(below, dict):
                yield from objects(part, below, root)
    elif isinstance(value, list) and isinstance(described.get("items"), dict):
        for part in value:
            yield from objects(part, described["items"], root)


@pytest.mark.parametrize("name", NAMES)
def test_code_and_schema_name_the_same_fields_and_each_counts(written: dict[str, Any], name: str) -> None:
    """In order, too; and an output with any one field missing, or one more, is refused."""
    output, content = copy.deepcopy(written[name]), schema(name)
    found = list(objects(output, content, content))
    assert found
    for place, names in found:
        assert list(place) == names
    for place, names in found[:12] + found[-2:]:
        place["surplus"] = 1
        assert not valid(name, output)
        del place["surplus"]
        for key in names:
            taken = place.pop(key)
            assert not valid(name, output), key
            place[key] = taken
    assert valid(name, output)


def test_certificates_of_sampled_windows_fit_too(
    full: tuple[Path, Certificate], toy_model: Path, toy_bin: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from genbound.lm.certify import certify
    from genbound.lm.demo import row

    one = replace(QUICK, rates=(3.0,))
    for number, settings in enumerate((replace(one, windows=40), replace(one, population=10**6))):
        certificate = certify(toy_model, toy_bin, tmp_path / str(number), settings=settings)
        validate("certificate", json.loads((tmp_path / str(number) / "certificate.json").read_text()))
        found = row("toy", certificate)
        assert found["loss_heldout"] is None
        assert math.fsum(found["decomposition"].values()) == found["bounds"]["geometric_mean"]
        assert found["decomposition"]["sampling"] >= 0


def test_settings_and_schema_name_the_same_fields() -> None:
    described = schema("certificate")["properties"]["settings"]
    assert described["required"] == list(Settings().to_dict())


# ------------------------------------------------------------------------------------------------------------- the demo


def check_row(found: dict[str, Any]) -> None:
    assert set(found) == ISSUE_FIELDS | MORE_FIELDS
    assert tuple(found["bounds"]) == METHODS
    assert tuple(found["decomposition"]) == DECOMPOSITION
    assert math.fsum(found["decomposition"].values()) == found["bounds"]["geometric_mean"]
    chain = [found["bounds"][name] for name in ("finzi_bound", "empirical_freedman", "geometric_mean", "floor")]
    assert chain == sorted(chain, reverse=True)
    assert found["bounds"]["random_guess"] == pytest.approx(math.log(found["vocab_size"]), rel=1e-12)
    assert found["decomposition"]["empirical_risk"] == found["loss_train"]


def test_a_row_of_the_demo(written: dict[str, Any]) -> None:
    found = written["demo"]["models"][0]
    check_row(found)
    assert found["bounds"]["progressive_validation"] is None
    assert found["bounds"]["held_out"] is not None


def test_the_demo_of_the_smallest_model(tmp_path: Path) -> None:
    from genbound.lm.demo import demo

    result = json.loads(json.dumps(demo(tmp_path, names=["10k"])))
    validate("demo", result)
    (found,) = result["models"]
    check_row(found)
    assert all(value is not None for value in found["bounds"].values())
    guess = found["bounds"]["random_guess"]
    for name in ("finzi_bound", "empirical_freedman", "geometric_mean", "floor", "progressive_validation", "held_out"):
        assert found["bounds"][name] < guess, name
    assert (tmp_path / "10k" / "certificate.json").is_file()
