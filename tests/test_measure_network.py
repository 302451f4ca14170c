"""The spectrum of a whole network, what is kept of a certificate, and the script that puts rows together."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from genbound.certificate.settings import Settings
from genbound.errors import DataError, DomainError
from genbound.lm.certify import certify
from genbound.lm.measure import certified_bounds
from genbound.lm.measure import row as measured
from genbound.lm.measure.network_spectrum import NetworkSpectrum, gauss_newton, network_spectrum
from genbound.lm.windows import Windows

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import measurements

V, CONTEXT = 8, 8
WINDOWS = Windows((np.cumsum(np.random.default_rng(0).integers(0, 3, size=161)) % V).astype(np.uint16), CONTEXT)
SOME = np.arange(6)


@pytest.fixture(scope="module")
def network() -> Any:
    config = GPTNeoXConfig(
        vocab_size=V, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=CONTEXT, tie_word_embeddings=True, use_cache=False, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GPTNeoXForCausalLM(config).eval()


@pytest.fixture(scope="module")
def dense(network: Any) -> np.ndarray:
    """G by its definition: the derivative of every logit, and diag p - p p^T of every token."""
    network.set_attn_implementation("eager")
    parameters = {name: p.detach().double() for name, p in network.named_parameters()}
    inputs, _ = WINDOWS.gather(SOME)

    def logits(weights: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional_call(network, weights, (), {"input_ids": inputs, "use_cache": False}).logits.flatten(0, 1)

    parts = jacrev(logits)(parameters)
    jacobian = torch.cat([parts[name].flatten(2) for name in parameters], dim=2)
    p = torch.softmax(logits(parameters), -1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    return (torch.einsum("tvi,tvw,twj->ij", jacobian, middle, jacobian) / len(p)).detach().numpy()


def test_products_are_those_of_the_gauss_newton_matrix(network: Any, dense: np.ndarray) -> None:
    for batch in (2, 16):
        operator = gauss_newton(network, WINDOWS, SOME, batch=batch)
        vectors = torch.from_numpy(np.random.default_rng(1).normal(size=(len(dense), 3)))
        assert (operator @ vectors).numpy() == pytest.approx(dense @ vectors.numpy(), rel=1e-4, abs=1e-5)


def test_the_density_is_that_of_the_eigenvalues(network: Any, dense: np.ndarray) -> None:
    found = network_spectrum(network, WINDOWS, SOME, steps=40, starts=3, points=128)
    values = np.linalg.eigvalsh(dense)
    grid, density = np.array(found.grid), np.array(found.density)
    assert found.parameters == len(values)
    assert found.tokens == len(SOME) * CONTEXT
    assert found.largest == pytest.approx(values[-1], rel=1e-5)
    assert abs(found.trace - values.sum()) < 4 * np.linalg.norm(values) * math.sqrt(2 / 3)  # four deviations
    assert ((density[1:] + density[:-1]) / 2 * np.diff(grid)).sum() == pytest.approx(1.0)
    assert np.diff(np.log(grid)) == pytest.approx(np.log(grid[1] / grid[0]), rel=1e-6)
    counts = np.interp([1e-4 * values[-1], 1e-2 * values[-1]], grid, found.counts)
    exact = [(values > 1e-4 * values[-1]).sum(), (values > 1e-2 * values[-1]).sum()]
    assert counts == pytest.approx(exact, rel=0.35)


def test_the_same_seed_gives_the_same_numbers(network: Any) -> None:
    one, two, other = (
        network_spectrum(network, WINDOWS, SOME[:1], steps=3, starts=1, points=4, seed=seed).to_dict()
        for seed in (0, 0, 1)
    )
    assert one == two
    assert other["density"] != one["density"]
    assert NetworkSpectrum(**json.loads(json.dumps(one))).largest == one["largest"]


def test_the_network_is_left_as_it_was(network: Any) -> None:
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    network_spectrum(network, WINDOWS, SOME[:1], steps=3, starts=1, points=4)
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name])
        assert parameter.dtype == torch.float32


@pytest.mark.parametrize("wrong", [{"steps": 2}, {"starts": 0}, {"points": 1}, {"floor": 0.0}, {"floor": 1.0}])
def test_bad_quadratures_are_refused(network: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(DomainError):
        network_spectrum(network, WINDOWS, SOME, **wrong)


def test_no_windows_are_refused(network: Any) -> None:
    with pytest.raises(DataError):
        gauss_newton(network, WINDOWS, SOME[:0])


# ------------------------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize("windows", [0, 40])
def test_rows_of_a_certificate_add_up(toy_model: Path, toy_bin: Path, tmp_path: Path, windows: int) -> None:
    settings = Settings(code=("gptq",), rates=(3.0, 5.0), pilot=8, calibration=8, context=16, windows=windows)
    certificate = certify(toy_model, toy_bin, tmp_path / "out", settings=settings)
    found = certified_bounds(certificate)
    assert json.loads(json.dumps(found)) == found
    assert found["code"] == "gptq"
    assert found["label"] == f"gptq-{found['rate']:g}"
    assert found["bounds"]["geometric_mean"] == certificate.value
    assert set(found["decompositions"]) == ({"geometric_mean"} if windows else {"geometric_mean", "finzi_bound"})
    for name, rows in found["decompositions"].items():
        assert math.fsum(rows.values()) == found["bounds"][name]
        assert rows["empirical_risk"] == found["loss_original"]
    if not windows:
        rows, complexity = found["decompositions"]["finzi_bound"], found["complexities"]["finzi_bound"]
        assert rows["complexity"] == pytest.approx(complexity * found["random_guess"])
        assert rows["smoothing_cost"] == pytest.approx(math.sqrt(2 * complexity))


# ---------------------------------------------------------------------------------------------------------- the script


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["measurements.py", *arguments])
    measurements.main()


def test_the_script_from_end_to_end_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["--smoke", "--spectrum", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "rows.json")]
    run(asked, monkeypatch)
    content = (tmp_path / "rows.json").read_bytes()
    row = json.loads(content)["rows"][0]
    assert [(q["code"], q["bits"]) for q in row["quantization"]] == [
        (code, bits) for code in ("rtn", "gptq", "ldlq") for bits in (2, 3, 4)
    ]
    assert [bound["code"] for bound in row["bounds"]] == ["gptq"]
    assert [code["rate"] for code in row["bounds"][0]["codes"]] == [3.0, 4.0]
    assert row["loss_train"] == row["bounds"][0]["loss_original"]
    assert row["loss_train"] == pytest.approx(row["variation"]["mean_x"], rel=0.05)
    assert len(row["hessian"]) == 5
    assert row["spectrum"]["parameters"] == row["parameters"]

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("measured again")

    for name in ("variation", "window_losses", "quantization_error", "certify", "layer_spectra", "network_spectrum"):
        monkeypatch.setattr(measured, name, refuse)
    run(asked, monkeypatch)  # the row is there
    assert (tmp_path / "rows.json").read_bytes() == content
    (tmp_path / "rows.json").unlink()
    run(asked, monkeypatch)  # its parts are there, as after a kill
    assert (tmp_path / "rows.json").read_bytes() == content
    (tmp_path / "rows.json").unlink()
    monkeypatch.setattr(measured, "versions", lambda: {"torch": "another"})
    with pytest.raises(AssertionError, match="measured again"):  # the parts of other versions do not count
        run(asked, monkeypatch)


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        (["nowhere"], "need one of sotu"),
        (["sotu", "10kk"], "10kk: sotu has 10k"),
        (["sotu", "--seeds", "7"], "no such run is planned"),
        (["sotu", "530k", "10k", "--seeds", "0", "7"], r"\{7\} is in none"),
        (["off-frontier", "30k", "--ratios", "3"], "no such run is planned"),
    ],
)
def test_a_run_that_nobody_planned_is_refused(
    asked: list[str], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=match):
        run(["--run", *asked, "--out", str(tmp_path / "rows.json")], monkeypatch)


def test_a_measurement_belongs_to_the_whole_stream_and_to_its_rates(tmp_path: Path) -> None:
    subject = measurements.of_smoke(tmp_path)
    later = subject.stream.copy()
    later[-1] += 1
    assert replace(subject, stream=later).key != subject.key == replace(subject, rates={}).key
    assert replace(subject, whole=False).key != subject.key
    parts = measured.Parts(tmp_path / "parts", subject.key)
    assert [parts("p", lambda: 1, rates=(2.0,)), parts("p", lambda: 2, rates=(2.0,))] == [1, 1]
    assert [parts("p", lambda: 2, rates=(3.0,)), parts("q", lambda: 1), parts("q", lambda: 2)] == [2, 1, 1]
    assert measured.Parts(tmp_path / "parts", "another")("q", lambda: 2) == 2
    found = {"code": "gptq", "codes": [{"rate": 3.0}, {"rate": 4.0}]}
    assert measured.at_rates(found, {"gptq": (3.0, 4.0)})
    assert not measured.at_rates(found, {"gptq": (3.0,)})
    assert not measured.at_rates(found, {"ldlq": (3.0, 4.0)})


def certified(*codes: str) -> dict[str, Any]:
    """A row, as far as `keep` looks at it."""
    bounds = [{"code": code, "codes": [{"rate": 3.0}], "loss_original": 1.0} for code in codes]
    known = {"ladder": "a", "name": "b", "seed": 0, "tokens_per_parameter": 20, "parameters": 5, "loss_train": 1.0}
    return known | {"about_stream": "training", "key": "k", "bounds": bounds}


def test_what_another_process_stored_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rates = tmp_path / "rows.json", {"gptq": (3.0,), "ldlq": (3.0,)}

    def codes(row: dict[str, Any]) -> list[str]:
        measurements.keep(row, rates, path)
        (stored,) = json.loads(path.read_bytes())["rows"]
        return [bound["code"] for bound in stored["bounds"]]

    assert codes(certified("gptq") | {"spectrum": 1}) == ["gptq"]
    assert codes(certified("ldlq")) == ["ldlq", "gptq"]  # which had read the row before gptq was there
    before = path.read_bytes()
    assert json.loads(before)["rows"][0]["spectrum"] == 1
    monkeypatch.setattr(measurements, "versions", lambda: {"torch": "another"})
    assert codes(certified("ldlq", "gptq") | {"spectrum": 1}) == ["ldlq", "gptq"]
    assert path.read_bytes() == before  # nothing new: the versions are those it was measured with
    assert codes(certified("gptq") | {"key": "another"}) == ["gptq"]
    rates["gptq"] = (2.0,)
    assert codes(certified("ldlq") | {"key": "another"}) == ["ldlq"]


def test_ladders_sizes_seeds_and_ratios_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(*arguments: str) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        monkeypatch.setattr(measurements, "of_cell", lambda cell, _: found.append((cell.ladder, cell.name, cell.seed)))
        monkeypatch.setattr(measurements.store, "rows", lambda path: [])
        run([*arguments], monkeypatch)
        return found

    assert chosen("--run", "sotu", "10k", "--seeds", "1", "2") == [("sotu", "10k", 1), ("sotu", "10k", 2)]
    every = chosen("--all-cpu")
    assert {ladder for ladder, _, _ in every} == {"sotu", "python-bytes", "python-bpe", "off-frontier"}
    assert sum(ladder == "sotu" for ladder, _, _ in every) == 18
    with pytest.raises(SystemExit, match="need one of"):
        chosen("--run", "sotu2")


def test_local_checkpoints_and_their_stream(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = tmp_path / "family"
    for place in (family / "own" / "step3", family / "other" / "step9"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(toy_model)
    there = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "rows.json"), "--codes", ""]
    for folder in (toy_model, family):
        run(["--checkpoints", str(folder), "--tokens", str(toy_bin), *there], monkeypatch)
    rows = json.loads((tmp_path / "rows.json").read_bytes())["rows"]
    assert sorted(row["name"] for row in rows) == sorted([toy_model.name, "own-step3", "other-step9"])
    for row in rows:
        assert row["tokens"] == 4096
        assert row["bounds"] == []
        assert row["loss_train"] == row["variation"]["mean_x"]
        assert row["tokens_per_parameter"] == 4096 / row["parameters"]
    with pytest.raises(DataError, match="tokens-per-step"):  # a sample of a stream of unknown length
        run(["--checkpoints", str(family), "--tokens", str(toy_bin), "--sample", *there], monkeypatch)
    (family / "own" / "step9").symlink_to(toy_model)
    with pytest.raises(DataError, match="steps 3, 9"):  # no seeds of one size
        run(["--checkpoints", str(family), "--tokens", str(toy_bin), *there], monkeypatch)
    run(["--checkpoints", str(family), "--tokens", str(toy_bin), "--tokens-per-step", "100", *there], monkeypatch)
    rows = json.loads((tmp_path / "rows.json").read_bytes())["rows"]
    assert {(row["name"], row["tokens"]) for row in rows if row["tokens"] != 4096} == {("own", 900), ("other", 900)}
    with pytest.raises(SystemExit):
        run(["--run", "sotu", "--codes", "gtpq"], monkeypatch)
    (family / "pythia-70m").mkdir()
    (family / "pythia-70m" / "step512").symlink_to(toy_model)
    with pytest.raises(DataError, match="--sample"):  # it had read more tokens than these
        run(["--checkpoints", str(family), "--tokens", str(toy_bin), "--tokens-per-step", "100", *there], monkeypatch)
