"""From a model and its tokens to a certificate, and back through `verify`."""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import QUICK, toy_tokens
from tiny_models import KINDS, SAMPLE, save_folder

import genbound as gb
from genbound.certificate.certificate import Certificate, seals
from genbound.certificate.rows import METHODS, CodedModel
from genbound.errors import CertificateError, DataError, DomainError
from genbound.lm import verify as verify_module
from genbound.lm.certify import certify
from genbound.lm.verify import verify

CHAIN = ("finzi_bound", "empirical_freedman", "geometric_mean", "floor")


@pytest.fixture(scope="module")
def made(toy_model: Path, toy_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Certificate]:
    """A certificate whose every token was read, with a held-out yardstick."""
    out = tmp_path_factory.mktemp("certificate")
    heldout = tmp_path_factory.mktemp("heldout") / "held.bin"
    toy_tokens(1000, seed=1).tofile(heldout)
    return out, certify(toy_model, toy_bin, out, settings=QUICK, heldout=heldout)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tied", [False, True])
def test_every_architecture_tied_and_untied(kind: str, tied: bool, toy_bin: Path, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model", kind, tied)
    certificate = certify(folder, toy_bin, tmp_path / "out", settings=QUICK)
    values = [certificate.bounds[name].value for name in CHAIN]  # type: ignore[union-attr]
    assert values == sorted(values, reverse=True)
    assert certificate.content["model"]["parameters"] > 10_000
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        ["certificate.json", *(code.file for code in certificate.codes.values())]
    )


def test_what_a_certificate_holds(made: tuple[Path, Certificate]) -> None:
    out, certificate = made
    assert Certificate.load(out).to_dict() == certificate.to_dict()
    assert list(certificate.bounds) == list(METHODS)
    assert certificate.bounds["progressive_validation"] is None
    assert certificate.content["reading"]["n_tokens"] == 4096
    for code in certificate.codes.values():
        assert code.code_bits == 8 * (out / code.file).stat().st_size
    headline = certificate.bounds["geometric_mean"]
    assert headline is not None
    assert headline.complexity == pytest.approx(sum(headline.paid.values()) / 4096, rel=1e-12)
    bits = certificate.codes[str(headline.code)].code_bits
    assert bits is not None
    assert headline.paid["code of the model"] >= bits * math.log(2)
    assert math.fsum(certificate.decomposition.values()) == certificate.value
    assert certificate.decomposition["sampling"] == 0.0
    assert certificate.decomposition["complexity"] > 0
    assert certificate.decomposition["loss_variation"] > 0


def test_the_bound_is_the_theorem_on_the_decoded_models_losses(made: tuple[Path, Certificate], toy_bin: Path) -> None:
    """Recompute the headline from the coded file with nothing but torch, numpy and the formula."""
    import torch

    from genbound.lm import codec

    out, certificate = made
    row = certificate.bounds["geometric_mean"]
    assert row is not None
    assert row.alpha is not None
    model = codec.read(out / certificate.codes[str(row.code)].file).build()
    tokens = torch.from_numpy(np.fromfile(toy_bin, dtype=np.uint16).astype(np.int64))
    inputs, targets = tokens[:4096].reshape(-1, 16), tokens[1:4097].reshape(-1, 16)
    with torch.no_grad():
        p = model(input_ids=inputs).logits.double().softmax(-1)
    q = (1 - row.alpha) * p + row.alpha / 96
    x = -q.gather(-1, targets[..., None]).log().numpy().ravel()
    entropy = -(q * q.log()).sum(-1).numpy().ravel()
    y = np.maximum(entropy - row.tuned["offset"], gb.smoothing.entropy_floor(row.alpha, 96))
    u = y + row.tuned["shift"]
    c = sum(row.paid.values()) / 4096
    value = u.mean() - math.exp(-c) * math.exp(np.log(u - x).mean())
    assert value <= row.value < value + 1e-5


def test_twice_the_same_bytes(made: tuple[Path, Certificate], toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for out in (first, second):
        certify(toy_model, toy_bin, out, settings=replace(QUICK, windows=64))
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


def test_sampled_windows_pay_a_second_stage(toy_model: Path, tmp_path: Path) -> None:
    toy_tokens((1 << 20) + 1).tofile(tmp_path / "long.bin")
    settings = replace(QUICK, rates=(3.0,), windows=200)
    few = certify(toy_model, tmp_path / "long.bin", tmp_path / "few", settings=settings)
    assert few.content["reading"]["mode"] == "sampled windows"
    assert few.content["reading"]["windows_read"] == 200
    assert few.decomposition["sampling"] > 0
    assert math.fsum(few.decomposition.values()) == few.value
    for name in ("azuma_hoeffding", "finzi_bound", "empirical_freedman", "geometric_mean"):
        row = few.bounds[name]
        assert row is not None
        assert row.paid["second stage, over the windows"] > math.log(100)
        assert row.value > few.bounds["floor"].value  # type: ignore[union-attr]
    values = [few.bounds[name].value for name in CHAIN]  # type: ignore[union-attr]
    assert values == sorted(values, reverse=True)
    many = certify(toy_model, tmp_path / "long.bin", tmp_path / "many", settings=replace(settings, windows=4000))
    assert many.decomposition["sampling"] < few.decomposition["sampling"]
    assert verify(tmp_path / "few").ok


def test_a_users_sample_is_only_assumed_uniform(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    certificate = certify(toy_model, toy_bin, tmp_path, settings=replace(QUICK, population=10**6))
    assert certificate.content["reading"]["mode"] == "assumed uniform"
    assert certificate.content["reading"]["n_tokens"] == 10**6
    assert any("ASSUMED" in fact for fact in certificate.content["fixed_beforehand"])
    assert verify(tmp_path).ok
    with pytest.raises(DomainError, match="n is smaller than the sample"):
        certify(toy_model, toy_bin, tmp_path / "other", settings=replace(QUICK, population=100))


def test_text_through_a_tokenizer(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model", "llama", tokenizer="characters")
    (tmp_path / "data.txt").write_text(SAMPLE * 8)
    certificate = certify(folder, tmp_path / "data.txt", tmp_path / "out", settings=QUICK)
    assert certificate.content["data"]["bytes_per_token"] == pytest.approx(1.0, abs=0.02)
    assert verify(tmp_path / "out").ok


# --------------------------------------------------------------------------------------------------------- verify


def test_verify_agrees_to_the_last_bit(made: tuple[Path, Certificate]) -> None:
    result = verify(made[0])
    assert result.ok
    assert result.largest == 0.0
    assert result.fields > 150


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every scalar of a JSON value."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))
    else:
        yield path


def _edited(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return "edited"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.001 + 0.001
    return value + "x"


def test_verify_names_every_edited_field(
    made: tuple[Path, Certificate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every scalar of certificate.json in turn. Opening model and data, and passes, are remembered by argument."""
    out, certificate = made
    content = certificate.to_dict()
    for code in certificate.codes.values():
        (tmp_path / code.file).write_bytes((out / code.file).read_bytes())
    _remember(monkeypatch)
    paths = list(leaves(content))
    assert len(paths) > 200
    for path in paths:
        edited = copy.deepcopy(content)
        place: Any = edited
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = _edited(place[path[-1]])
        (tmp_path / "certificate.json").write_text(json.dumps(edited))
        if path[0] == "schema":
            with pytest.raises(CertificateError):  # nothing to compare with: refused at once
                verify(tmp_path)
            continue
        result = verify(tmp_path)
        assert not result.ok, path
        named = [difference.field for difference in result.differences]
        wanted = ".".join(str(p) for p in path[:2]) if path[0] != "seals" else path[1]
        section = str(path[0]) if path[0] != "seals" else path[1].split(".")[0]
        assert any(name.startswith((wanted, section)) for name in named), (path, named)


@pytest.mark.parametrize("name", ["geometric_mean", "empirical_freedman", "floor"])
def test_verify_sees_through_repaired_seals(made: tuple[Path, Certificate], tmp_path: Path, name: str) -> None:
    out, certificate = made
    content = copy.deepcopy(certificate.to_dict())
    content["bounds"][name]["value"] -= 0.01
    content["seals"] = seals(content)
    for code in certificate.codes.values():
        (tmp_path / code.file).write_bytes((out / code.file).read_bytes())
    (tmp_path / "certificate.json").write_text(json.dumps(content))
    assert [d.field for d in verify(tmp_path).differences] == [f"bounds.{name}.value"]


def _remember(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, measured = verify_module.open_subject, verify_module.measure_chosen
    subjects: dict[str, Any] = {}
    evidence: dict[str, Any] = {}

    def open_once(*args: Any, cache: Path, progress: Any, **kwargs: Any) -> Any:
        key = repr((args, sorted(kwargs.items(), key=lambda item: item[0])))
        if key not in subjects:
            subjects[key] = opened(*args, cache=cache, progress=progress, **kwargs)
        return subjects[key]

    def measure_once(subject: Any, files: Any, choices: Any, run: Any, *, folder: Path) -> Any:
        key = repr((id(subject), files, choices))
        if key not in evidence:
            evidence[key] = measured(subject, files, choices, run, folder=folder)
        return evidence[key]

    monkeypatch.setattr(verify_module, "open_subject", open_once)
    monkeypatch.setattr(verify_module, "measure_chosen", measure_once)


def test_a_damaged_folder_is_a_clear_error(made: tuple[Path, Certificate], tmp_path: Path) -> None:
    out, certificate = made
    with pytest.raises(CertificateError, match="no such file"):
        verify(tmp_path)
    text = (out / "certificate.json").read_text()
    (tmp_path / "certificate.json").write_text(text[: len(text) // 2])
    with pytest.raises(CertificateError, match="cannot be read as JSON"):
        verify(tmp_path)
    (tmp_path / "certificate.json").write_text(text)
    with pytest.raises(CertificateError, match="coded model of"):
        verify(tmp_path)
    for code in certificate.codes.values():
        data = bytearray((out / code.file).read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / code.file).write_bytes(bytes(data))
    with pytest.raises(gb.GenboundError, match="coded model"):
        verify(tmp_path)


# ------------------------------------------------------------------------------------------------------ interruption


def test_interrupted_anywhere_it_continues_to_the_same_certificate(
    toy_model: Path, toy_bin: Path, tmp_path: Path
) -> None:
    """SIGKILL at ten random moments of the run; what is left on disk is continued, and nothing partial looks whole."""
    script = Path(__file__).parent / "kill_and_resume.py"
    result = subprocess.run(
        [sys.executable, str(script), str(toy_model), str(toy_bin), str(tmp_path), "10"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "10 kills" in result.stdout


def test_another_run_in_the_same_folder_starts_afresh(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    first = certify(toy_model, toy_bin, tmp_path, settings=QUICK)
    second = certify(toy_model, toy_bin, tmp_path, settings=replace(QUICK, delta=0.2, rates=(4.0,)))
    assert second.value != first.value
    assert Certificate.load(tmp_path).to_dict() == second.to_dict()
    assert {p.name for p in tmp_path.glob("*.gbc")} == {code.file for code in second.codes.values()}


def test_two_workers_write_the_same_certificate(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, rates=(3.0,))
    certify(toy_model, toy_bin, tmp_path / "one", settings=settings)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", "-m", "genbound",
        "certify", str(toy_model), "--data", str(toy_bin), "-o", str(tmp_path / "two"), "--rates", "3",
        "--pilot", str(settings.pilot), "--calibration", str(settings.calibration), "--context", str(settings.context),
    ]  # fmt: skip
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    one, two = (tmp_path / name / "certificate.json" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delta": 0.0}, "delta=0.0: need 0 < delta < 1"),
        ({"delta": 1.0}, "delta=1.0"),
        ({"rates": ()}, "rates"),
        ({"rates": (3.0, 3.0)}, "each once"),
        ({"rates": (0.25,)}, "rate=0.25"),
        ({"rates": (13.0,)}, "rate=13.0"),
        ({"code": ("awq",)}, "code=awq"),
        ({"code": ()}, "need some of rtn"),
        ({"code": ("rtn", "rtn")}, "code=rtn,rtn"),
        ({"code": ("auto", "rtn")}, "code=auto,rtn"),
        ({"code": ("prefix", "rtn")}, "about other tokens"),
        ({"code": ("lora",), "population": 10**9}, "trained on the whole stream"),
        ({"epochs": 0}, "epochs=0"),
        ({"minutes": math.inf}, "minutes=inf"),
        ({"minutes": math.nan}, "minutes=nan"),
        ({"prefix": 1.0}, "prefix=1.0"),
        ({"pilot": 1}, "pilot=1"),
        ({"context": 0}, "context=0"),
        ({"lead": -1}, "lead=-1"),
        ({"search": 2}, "search=2"),
        ({"search": 8, "rates": (3.0,)}, "two rates"),
        ({"lead": 4, "population": 10**9}, "nothing to do with each other"),
        ({"population": 10**9, "windows": 5}, "not sampled again"),
    ],
)
def test_settings_outside_their_domain(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        replace(QUICK, **change)


def test_a_context_longer_than_the_models_own(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="context=1000: need at most"):
        certify(toy_model, toy_bin, tmp_path, settings=replace(QUICK, context=1000))


def test_a_lead_that_leaves_nothing_to_predict(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="lead=16: need lead < 16"):
        certify(toy_model, toy_bin, tmp_path, settings=replace(QUICK, lead=16))


@pytest.mark.parametrize("change", [{}, {"windows": 64}, {"code": ("prefix",), "epochs": 1}])
def test_windows_with_a_lead(toy_model: Path, toy_bin: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    settings = replace(QUICK, rates=(3.0,), lead=6, **change)
    certificate = certify(toy_model, toy_bin, tmp_path, settings=settings)
    reading = certificate.content["reading"]
    assert (reading["window"], reading["lead"]) == (10, 6)
    assert reading["n_tokens"] + reading["tokens_before"] == 4090
    assert verify(tmp_path).ok


def test_statistics_that_do_not_fit_into_memory(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = certify(toy_model, toy_bin, tmp_path / "memory", settings=QUICK)
    monkeypatch.setattr("genbound.lm.descriptions.make.HESSIANS_IN_MEMORY", 1 << 12)
    second = certify(toy_model, toy_bin, tmp_path / "files", settings=QUICK)
    assert {k: c.sha256 for k, c in first.codes.items()} == {k: c.sha256 for k, c in second.codes.items()}


def test_data_that_does_not_fit(toy_model: Path, tmp_path: Path) -> None:
    np.array([1, 2, 96], dtype=np.uint16).tofile(tmp_path / "outside.bin")
    with pytest.raises(DataError, match="token 2 is 96"):
        certify(toy_model, tmp_path / "outside.bin", tmp_path / "out", settings=QUICK)
    np.array([1], dtype=np.uint16).tofile(tmp_path / "short.bin")
    with pytest.raises(DataError, match="at least 2"):
        certify(toy_model, tmp_path / "short.bin", tmp_path / "out", settings=QUICK)
    assert not (tmp_path / "out" / "certificate.json").exists()


# ------------------------------------------------------------------------------------- what must not be chosen for free


def _subject(model: Path, data: Path, cache: Path, **changes: Any) -> Any:
    from genbound.lm.subject import open_subject

    return open_subject(model, data, settings=replace(QUICK, **changes), cache=cache)


def _coded_model() -> CodedModel:
    prices = {"code of the model": 80 * math.log(2)}
    return CodedModel("ldlq-3", "ldlq", 3.0, "a.gbc", 80, "ab" * 32, "coded file", prices, "a file")


def test_the_deciding_windows_are_drawn_after_everything_that_was_chosen(
    toy_model: Path, toy_bin: Path, tmp_path: Path
) -> None:
    from genbound.certificate.choices import Choices

    subject = _subject(toy_model, toy_bin, tmp_path, windows=100)
    one = {"ldlq-3": _coded_model()}
    other = {"ldlq-3": replace(one["ldlq-3"], sha256="cd" * 32)}
    choices = Choices({"ldlq-3": ((0.5, 0.0),)}, {})
    draws = [
        subject.final_windows(choices, one),
        subject.final_windows(choices, other),
        subject.final_windows(Choices({"ldlq-3": ((0.25, 0.0),)}, {}), one),
        _subject(toy_model, toy_bin, tmp_path, windows=100, rates=(3.0,)).final_windows(choices, one),
        _subject(toy_model, toy_bin, tmp_path, windows=100, seed=1).final_windows(choices, one),
        subject.pilot_windows(),
    ]
    assert len({draw.tobytes() for draw in draws}) == len(draws)
    assert np.array_equal(draws[0], subject.final_windows(choices, one))


def test_a_supplied_sample_is_calibrated_and_tuned_on_windows_that_do_not_decide(
    toy_model: Path, toy_bin: Path, tmp_path: Path
) -> None:
    from genbound.certificate.choices import Choices

    subject = _subject(toy_model, toy_bin, tmp_path, population=10**6, calibration=500)
    windows = subject.windows
    assert windows.stride == windows.length + 1
    decide = set(subject.final_windows(Choices({}, {}), {}).tolist())
    tune = set(subject.pilot_windows().tolist())
    assert decide.isdisjoint(tune)
    assert decide | tune == set(range(len(windows)))
    seen = {tuple(row) for batch in subject.calibration_batches() for row in batch.tolist()}
    inputs, _ = windows.gather(np.array(sorted(tune)))
    assert seen <= {tuple(row) for row in inputs.tolist()}


def test_choices_outside_the_paid_grids_are_refused(toy_model: Path, tmp_path: Path) -> None:
    toy_tokens((1 << 16) + 1).tofile(tmp_path / "data.bin")
    out = tmp_path / "out"
    made = certify(toy_model, tmp_path / "data.bin", out, settings=replace(QUICK, rates=(3.0,), windows=64))
    for method, key, value in (
        ("empirical_freedman", "alpha", 0.0123),
        ("empirical_freedman", "s", 0.98765432),
        ("geometric_mean", "shift", 9.87),
        ("geometric_mean", "offset", 0.123),
    ):
        content = copy.deepcopy(made.to_dict())
        choice = content["choices"]["methods"][method]
        (choice if key in choice else choice["parameters"])[key] = value
        content["seals"] = seals(content)
        (out / "certificate.json").write_text(json.dumps(content))
        with pytest.raises((DomainError, CertificateError)):
            verify(out)


def test_files_that_are_not_ours_are_left_alone(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.gbc").write_bytes(b"keep")
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "precious").write_text("keep")
    certify(toy_model, toy_bin, tmp_path, settings=QUICK)
    certify(toy_model, toy_bin, tmp_path, settings=replace(QUICK, rates=(4.0,)))
    assert (tmp_path / "mine.gbc").read_bytes() == b"keep"
    assert (tmp_path / ".work" / "precious").read_text() == "keep"
    assert len(list(tmp_path.glob("*.gbc"))) == 2


def test_what_a_kill_in_the_middle_of_a_write_left_is_cleared(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    (tmp_path / ".certificate.json.123.tmp").write_bytes(b"torn")
    (tmp_path / ".other.json.123.tmp").write_bytes(b"keep")
    certificate = certify(toy_model, toy_bin, tmp_path, settings=QUICK)
    files = {code.file for code in certificate.codes.values()}
    assert {path.name for path in tmp_path.iterdir()} == {"certificate.json", ".other.json.123.tmp", *files}


def test_two_runs_in_one_folder_are_refused(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    def again(*_: Any) -> None:
        with pytest.raises(DataError, match="another certification is running"):
            certify(toy_model, toy_bin, tmp_path, settings=QUICK)

    certify(toy_model, toy_bin, tmp_path, settings=QUICK, progress=again)


def test_held_out_data_must_be_other_data(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the same tokens as DATA"):
        certify(toy_model, toy_bin, tmp_path, settings=QUICK, heldout=toy_bin)


def test_a_changed_configuration_is_another_model(toy_bin: Path, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model", "llama")
    first = _subject(folder, toy_bin, tmp_path).description()["model"]
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    second = _subject(folder, toy_bin, tmp_path).description()["model"]
    assert first["sha256"] == second["sha256"]
    assert first["config_sha256"] != second["config_sha256"]


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_models(kind: str, toy_bin: Path, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model", kind)
    certificate = certify(folder, toy_bin, tmp_path / "out", settings=replace(QUICK, dtype="bfloat16", rates=(4.0,)))
    assert certificate.content["environment"]["dtype"] == "bfloat16"
    assert verify(tmp_path / "out").ok


def test_every_coded_model_that_was_read_is_published(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pilot may favour a rate that wins nothing in the end; `verify` still finds it."""
    from genbound.certificate import pilot
    from genbound.certificate.choices import best

    def favour(problem: Any, pilots: Any) -> Any:
        found = best(problem, pilots)
        found["lotfi_subsampled"] = replace(found["lotfi_subsampled"], code="ldlq-8")
        return found

    assert pilot.best is best
    monkeypatch.setattr("genbound.certificate.choices.best", favour)
    certificate = certify(toy_model, toy_bin, tmp_path, settings=replace(QUICK, rates=(3.0, 8.0)))
    assert "ldlq-8" in certificate.codes
    assert verify(tmp_path).ok
