"""Every way of describing a model: what it costs, what it may be used for, and that `verify` sees through changes."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, toy_tokens
from tiny_models import save_folder

from genbound.certificate.bounds import ANY_PRICE, METHODS
from genbound.certificate.certificate import Certificate, seals
from genbound.certificate.settings import AUTO, CODES, QUANTIZERS
from genbound.errors import CertificateError, CodeFormatError, DomainError, GenboundError
from genbound.files import file_sha256, write_atomic
from genbound.lm import codec
from genbound.lm.certify import certify
from genbound.lm.descriptions import budget
from genbound.lm.descriptions.described import Described
from genbound.lm.descriptions.make import DECISION, make
from genbound.lm.descriptions.routes import ROUTES, SUFFIXES, Route
from genbound.lm.descriptions.task import Task
from genbound.lm.passes import Pass
from genbound.lm.quantize import quantize
from genbound.lm.subject import open_subject
from genbound.lm.verify import verify
from genbound.lm.workers import Workers

ONE = replace(QUICK, rates=(4.0,), code=("rtn",), epochs=1)
COSTS = budget.Costs(full=2e-3, few=1e-3, bare=5e-4)
TUNED_BY_THE_PRICE = sorted(set(METHODS) - set(ANY_PRICE))


def draw_route(nats: float = 250.0) -> Route:
    """A stand-in for a draw: a price and a seed in front of a coded file."""

    def write(path: Path, task: Task) -> None:
        task.progress("train", 1, 1)
        data = codec.encode(quantize(task.subject.model, method="rtn", bits=4.0))
        write_atomic(path, struct.pack("<dq", nats, task.settings.seed) + data)

    def read(path: Path) -> Described:
        data = path.read_bytes()
        price, seed = struct.unpack("<dq", data[:16])
        model = codec.decode(data[16:]).build()
        return Described("draw", model, {"log-ratio of the draw": price}, None, "a draw", seed)

    return Route(".gbd", write, read, passes=1.0)


def reseal(folder: Path, content: dict[str, Any]) -> None:
    content["seals"] = seals(content)
    (folder / "certificate.json").write_text(json.dumps(content))


def _forged(made: Path, folder: Path, other: Path) -> Path:
    """The certificate of one folder about the file of another, with hash, name and seals as they should be."""
    shutil.copytree(made, folder)
    content = json.loads((folder / "certificate.json").read_text())
    suffix = Path(content["codes"][0]["file"]).suffix
    foreign = next(other.glob(f"*{suffix}"))
    (folder / content["codes"][0]["file"]).unlink()
    shutil.copy(foreign, folder / foreign.name)
    content["codes"][0] |= {"file": foreign.name, "sha256": file_sha256(foreign)}
    reseal(folder, content)
    return folder


# ----------------------------------------------------------------------------------------------------------- the table


def test_every_code_has_a_route_and_every_route_a_code() -> None:
    assert set(ROUTES) == set(CODES)
    assert set(AUTO) == set(CODES) - {"prefix"}
    assert SUFFIXES == (".gbc", ".gbd", ".gbp", ".gbr", ".gbs")
    assert {code for code, route in ROUTES.items() if route.passes == 0} == set(QUANTIZERS)
    assert {code for code, route in ROUTES.items() if route.remade} == {"variational", "prefix", "requential"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "rumour"}, "kind='rumour'"),
        ({"prices": {"log-ratio": -1.0}}, "log-ratio"),
        ({"prices": {"log-ratio": math.nan}}, "log-ratio"),
        ({"prices": {"log-ratio": math.inf}}, "log-ratio"),
        ({"code_bits": 8}, "code_bits=8"),
        ({"kind": "coded file"}, "code_bits=None"),
    ],
)
def test_a_price_that_is_none_is_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"kind": "draw", "model": None, "prices": {"a": 1.5}, "code_bits": None, "states": "a draw"}
    assert Described(**good).nats == 1.5
    with pytest.raises(DomainError, match=message):
        Described(**{**good, **change})


def test_the_price_of_several_items_is_rounded_up() -> None:
    prices = {str(i): 0.1 for i in range(10)}
    assert Described("draw", None, prices, None, "a draw").nats >= 1.0  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- a draw


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, "variational", draw_route())


@pytest.mark.usefixtures("draw")
@pytest.mark.parametrize("windows", [0, 40])
def test_a_draw_is_offered_what_holds_for_it(toy_model: Path, toy_bin: Path, tmp_path: Path, windows: int) -> None:
    settings = replace(ONE, code=("variational",), windows=windows)
    certificate = certify(toy_model, toy_bin, tmp_path, settings=settings)
    for name in ANY_PRICE:
        row = certificate.bounds[name]
        assert row is not None
        assert row.paid["log-ratio of the draw"] == 250.0
        assert "code of the model" not in row.paid
    content = certificate.content
    assert [name for name in METHODS if content["bounds"][name] is None] == [
        name for name in METHODS if name not in ANY_PRICE
    ]
    for name in TUNED_BY_THE_PRICE:
        assert "log-ratio of a draw depends on the data" in content["not_offered"][name]
    assert content["as_published"] is None
    assert any("IDEALISED: draws" in fact for fact in content["fixed_beforehand"])
    (code,) = content["codes"]
    assert (code["kind"], code["code_bits"], code["rate"], code["states"]) == ("draw", None, None, "a draw")
    assert math.fsum(certificate.decomposition.values()) == certificate.value
    assert verify(tmp_path).ok


@pytest.mark.usefixtures("draw")
def test_a_tampered_log_ratio_is_found(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    """In the file, with hash, name and seals repaired; and in the certificate, with the seals repaired."""
    made = tmp_path / "made"
    certificate = certify(toy_model, toy_bin, made, settings=replace(ONE, code=("variational",)))
    (code,) = certificate.content["codes"]

    inside = shutil.copytree(made, tmp_path / "inside")
    data = (inside / code["file"]).read_bytes()
    (inside / code["file"]).write_bytes(struct.pack("<d", 1.0) + data[8:])
    found = verify(inside)
    assert [d.field for d in found.differences] == ["codes.variational.sha256"]
    content = copy.deepcopy(certificate.to_dict())
    sha256 = file_sha256(inside / code["file"])
    name = f"variational-{sha256[:8]}.gbd"
    (inside / code["file"]).rename(inside / name)
    content["codes"][0] |= {"sha256": sha256, "file": name}
    reseal(inside, content)
    fields = {d.field for d in verify(inside).differences}
    assert "codes.variational.prices.log-ratio of the draw" in fields
    assert "bounds.geometric_mean.value" in fields

    outside = shutil.copytree(made, tmp_path / "outside")
    content = copy.deepcopy(certificate.to_dict())
    content["codes"][0]["prices"]["log-ratio of the draw"] = 1.0
    reseal(outside, content)
    assert [d.field for d in verify(outside).differences] == ["codes.variational.prices.log-ratio of the draw"]


@pytest.mark.usefixtures("draw")
def test_the_best_of_several_seeds_is_found(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    settings = replace(ONE, code=("variational",))
    certify(toy_model, toy_bin, tmp_path / "made", settings=settings)
    certify(toy_model, toy_bin, tmp_path / "other", settings=replace(settings, seed=7))
    with pytest.raises(CertificateError, match="seed 7, the settings say 0"):
        verify(_forged(tmp_path / "made", tmp_path / "forged", tmp_path / "other"))


@pytest.mark.usefixtures("draw")
def test_a_method_that_does_not_hold_is_not_let_in(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    """A certificate edited to claim `azuma_hoeffding` for a draw, from sampled windows."""
    settings = replace(ONE, code=("variational",), windows=40)
    content = copy.deepcopy(certify(toy_model, toy_bin, tmp_path, settings=settings).to_dict())
    methods = content["choices"]["methods"]
    shift = methods["geometric_mean"]["parameters"]["second_shift"]
    methods["azuma_hoeffding"] = {**methods["floor"], "parameters": {"second_shift": 2 * shift}}
    reseal(tmp_path, content)
    with pytest.raises(DomainError, match="azuma_hoeffding: does not hold for variational"):
        verify(tmp_path)


# -------------------------------------------------------------------------------------------- choosing among the codes


@pytest.mark.usefixtures("draw")
@pytest.mark.parametrize("windows", [0, 40])
def test_choosing_among_codes_is_paid_in_every_bound(
    toy_model: Path, toy_bin: Path, tmp_path: Path, windows: int
) -> None:
    both = certify(
        toy_model, toy_bin, tmp_path / "a", settings=replace(ONE, code=("rtn", "variational"), windows=windows)
    )
    alone = certify(toy_model, toy_bin, tmp_path / "b", settings=replace(ONE, windows=windows))
    assert both.content["choices"]["tried"] == {"rtn": "tried", "variational": "tried"}
    for name in METHODS:
        row, single = both.bounds[name], alone.bounds[name]
        assert row is not None
        assert single is not None
        assert row.paid["choice of code (2)"] == pytest.approx(math.log(2), rel=1e-12)
        assert not any(item.startswith("choice of code") for item in single.paid)
        assert row.code == ("rtn-4" if name in TUNED_BY_THE_PRICE else "variational")
        if row.code == single.code and not windows:
            assert row.complexity is not None
            assert single.complexity is not None
            assert row.complexity > single.complexity
            assert row.value >= single.value
            assert row.complexity == pytest.approx(sum(row.paid.values()) / row.n, rel=1e-9)
    assert both.content["not_offered"].keys() == {"held_out", "progressive_validation"}
    assert verify(tmp_path / "a").ok


def _subject(model: Path, data: Path, cache: Path, **changes: Any) -> Any:
    return open_subject(model, data, settings=replace(ONE, **changes), cache=cache)


def test_auto_tries_what_the_minutes_allow(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget.Costs, "measured", staticmethod(lambda subject: COSTS))
    subject = _subject(toy_model, toy_bin, tmp_path, code=("auto",), minutes=1e-6)
    found = budget.affordable(subject)
    assert list(found) == list(AUTO)
    assert [code for code, word in found.items() if word == budget.TRIED] == ["ldlq"]
    assert found["variational"].startswith("not tried: an estimated ")
    more = budget.affordable(_subject(toy_model, toy_bin, tmp_path, code=("auto",), minutes=0.1))
    everything = budget.affordable(_subject(toy_model, toy_bin, tmp_path, code=("auto",), minutes=1e6))
    tried = [sum(word == budget.TRIED for word in each.values()) for each in (found, more, everything)]
    assert tried == sorted(set(tried))
    assert tried[-1] == len(AUTO)
    other = save_folder(tmp_path / "llama", "llama")
    words = budget.affordable(_subject(other, toy_bin, tmp_path, code=("auto",), minutes=1e6))
    assert {code for code, word in words.items() if word == budget.TRIED} == set(QUANTIZERS)
    assert "only GPT-NeoX" in words["lora"]


@pytest.mark.usefixtures("draw")
def test_auto_pays_for_all_it_might_have_tried(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genbound.certificate.settings.AUTO", ("rtn", "lora", "variational"))
    monkeypatch.setattr(budget.Costs, "measured", staticmethod(lambda subject: COSTS))
    certificate = certify(toy_model, toy_bin, tmp_path, settings=replace(ONE, code=("auto",), minutes=1e-6))
    assert [word.split(":")[0] for word in certificate.content["choices"]["tried"].values()] == [
        "tried", "not tried", "not tried",
    ]  # fmt: skip
    row = certificate.bounds["geometric_mean"]
    assert row is not None
    assert row.paid["choice of code (3)"] == pytest.approx(math.log(3), rel=1e-12)
    assert verify(tmp_path).ok
    content = copy.deepcopy(certificate.to_dict())
    del content["bounds"]["geometric_mean"]["paid"]["choice of code (3)"]
    reseal(tmp_path, content)
    assert [d.field for d in verify(tmp_path).differences] == ["bounds.geometric_mean.paid.choice of code (3)"]


@pytest.mark.usefixtures("draw")
def test_what_was_decided_and_made_is_kept(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that continues does what the one before had decided, and makes no file twice."""
    monkeypatch.setattr("genbound.certificate.settings.AUTO", ("rtn", "variational"))
    run = Pass(tmp_path, Workers())
    rich = _subject(toy_model, toy_bin, tmp_path / "tokens", code=("auto",), minutes=1e6)
    files, tried = make(rich, run)
    assert list(files) == ["rtn-4", "variational"]
    before = {path.name: path.read_bytes() for path in files.values()}
    monkeypatch.setitem(ROUTES, "variational", draw_route(nats=1.0))
    monkeypatch.setattr("genbound.lm.descriptions.make.affordable", lambda subject: pytest.fail("decided again"))
    poor = _subject(toy_model, toy_bin, tmp_path / "tokens", code=("auto",), minutes=1e-6)
    assert make(poor, run) == (files, tried)
    assert {path.name: path.read_bytes() for path in files.values()} == before
    assert json.loads((tmp_path / DECISION).read_text()) == tried


# ------------------------------------------------------------------------------------------------------ tuned integers


def test_tuned_integers_give_a_better_bound(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    plain, tuned = (
        certify(toy_model, toy_bin, tmp_path / str(passes), settings=replace(ONE, tune=passes)) for passes in (0, 24)
    )
    assert tuned.value < plain.value
    assert tuned.content["losses"]["coded"] < plain.content["losses"]["coded"] - 0.05
    assert next(iter(tuned.codes.values())).kind == "coded file"
    assert verify(tmp_path / "24").ok


def test_the_rates_are_searched(tmp_path: Path) -> None:
    settings = replace(QUICK, rates=(1.0, 5.0), search=5, pilot=64, context=128, lead=32, max_tokens=100_000)
    found, ends = (
        certify("ladder:10k", "ladder:10k", tmp_path / str(count), settings=replace(settings, search=count))
        for count in (6, 0)
    )
    assert list(found.codes) == ["ldlq"]
    assert verify(tmp_path / "6").ok
    assert found.value < ends.value


def test_what_was_searched_is_tuned(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    settings = replace(ONE, rates=(3.9, 4.1), search=3)
    plain, tuned = (
        certify(toy_model, toy_bin, tmp_path / str(passes), settings=replace(settings, tune=passes))
        for passes in (0, 24)
    )
    assert tuned.content["losses"]["coded"] < plain.content["losses"]["coded"] - 0.05
    assert verify(tmp_path / "24").ok


def test_a_sample_of_the_stream_is_not_tuned_on() -> None:
    with pytest.raises(DomainError, match="population with tune=2"):
        replace(QUICK, tune=2, population=10**6, windows=None)
    with pytest.raises(DomainError, match="tune=-1"):
        replace(QUICK, tune=-1)


# --------------------------------------------------------------------------------------------------- structured models


@pytest.mark.parametrize("code", ["lora", "sublora", "kronecker", "monarch"])
def test_structured_models(toy_model: Path, toy_bin: Path, tmp_path: Path, code: str) -> None:
    certificate = certify(toy_model, toy_bin, tmp_path, settings=replace(ONE, code=(code,)))
    (coded,) = certificate.codes.values()
    assert (coded.label, coded.kind, coded.file[-4:]) == (code, "coded file", ".gbs")
    assert coded.code_bits == 8 * (tmp_path / coded.file).stat().st_size
    assert certificate.bounds["geometric_mean"].paid["code of the model"] >= coded.code_bits * math.log(2)  # type: ignore[union-attr]
    assert all(certificate.bounds[name] is not None for name in METHODS)
    assert verify(tmp_path).ok
    path = tmp_path / coded.file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(CodeFormatError, match="edited"):
        verify(tmp_path)


def test_gaussian_weights_around_a_model_made_without_the_data(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    """Less to say than from zero; a centre moved towards the draw makes it cheaper, and is found."""
    from genbound.lm.train import draw

    settings = replace(ONE, code=("variational",), centred=True)
    made = tmp_path / "made"
    certificate = certify(toy_model, toy_bin, made, settings=settings)
    zero = certify(toy_model, toy_bin, tmp_path / "zero", settings=replace(settings, centred=False))
    (coded,) = certificate.codes.values()
    assert coded.nats < next(iter(zero.codes.values())).nats
    assert any("without DATA" in line for line in certificate.content["fixed_beforehand"])
    assert not any("without DATA" in line for line in zero.content["fixed_beforehand"])
    assert verify(made).ok

    belief = next(iter(draw.parse(made / coded.file)[0].beliefs.values()))
    data = bytearray((made / coded.file).read_bytes())
    at = data.index(belief.centre.numpy().tobytes())
    data[at : at + belief.centre.numel() * 4] = belief.mean.numpy().tobytes()
    data[4:36] = hashlib.sha256(data[36:]).digest()
    (tmp_path / "moved.gbd").write_bytes(data)
    cheaper = draw.read(tmp_path / "moved.gbd")
    assert cheaper.nats < coded.nats
    for retrain in (True, False):
        with pytest.raises(CertificateError, match="not centred as the settings say"):
            verify(_forged(made, tmp_path / f"forged-{retrain}", tmp_path), retrain=retrain)


def test_what_was_trained_on_the_data_is_no_centre(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="centred without code=variational"):
        replace(ONE, centred=True)
    settings = replace(ONE, code=("variational",), centred=True, max_tokens=5000)
    with pytest.raises(DomainError, match="it was trained on these tokens"):
        certify("ladder:10k", "ladder:10k", tmp_path, settings=settings)


def test_gaussian_weights(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    """Means chosen after the noise was seen: the price is right for the file, but training does not give that model."""
    from genbound.lm.train import draw

    made = tmp_path / "made"
    certificate = certify(toy_model, toy_bin, made, settings=replace(ONE, code=("variational",)))
    (coded,) = certificate.codes.values()
    assert (coded.kind, coded.file[-4:]) == ("draw", ".gbd")
    row = certificate.bounds["geometric_mean"]
    assert row is not None
    assert row.paid.items() >= coded.prices.items()
    assert verify(made).ok

    belief = next(iter(draw.parse(made / coded.file)[0].beliefs.values()))
    data = bytearray((made / coded.file).read_bytes())
    at = data.index(belief.mean.numpy().tobytes())
    data[at : at + 4] = struct.pack("<f", float(belief.mean.flatten()[0]) + 0.5)
    data[4:36] = hashlib.sha256(data[36:]).digest()
    (tmp_path / "moved.gbd").write_bytes(data)
    forged = _forged(made, tmp_path / "forged", tmp_path)
    assert "when made again" in {d.field: d.reason for d in verify(forged).differences}["codes.variational"]
    trusting = verify(forged, retrain=False)
    assert trusting.trusted == ("variational",)
    assert "codes.variational" not in {d.field for d in trusting.differences}
    assert "TAKEN ON TRUST, not made again: variational" in str(verify(made, retrain=False))


# ------------------------------------------------------------------------------------------------------------- a prefix


PREFIX = replace(ONE, code=("prefix",), prefix=0.25)


@pytest.fixture(scope="module")
def suffix(toy_model: Path, toy_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Certificate]:
    out = tmp_path_factory.mktemp("suffix")
    return out, certify(toy_model, toy_bin, out, settings=PREFIX)


def test_a_prefix_says_which_tokens_it_is_about(suffix: tuple[Path, Certificate]) -> None:
    out, certificate = suffix
    content = certificate.content
    assert (content["reading"]["n_tokens"], content["reading"]["tokens_before"]) == (3072, 1024)
    assert "begins with 1,024 tokens of which the prior is a function" in content["statement"]["risk"]
    for name in ANY_PRICE:
        row = certificate.bounds[name]
        assert row is not None
        assert row.n == 3072
        assert "of which only tokens 1,025 to 4,096 count" in row.about
    assert "tokens the bound is about" in content["not_offered"]["finzi_bound"]
    assert "about the whole stream" in content["not_offered"]["progressive_validation"]
    (coded,) = certificate.codes.values()
    assert (coded.kind, coded.code_bits, coded.file[-4:]) == ("prefix", None, ".gbp")
    assert verify(out).ok


def test_windows_sampled_from_the_rest(toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    certificate = certify(toy_model, toy_bin, tmp_path, settings=replace(PREFIX, windows=40))
    reading = certificate.content["reading"]
    assert (reading["mode"], reading["tokens_before"], reading["windows_in_data"]) == ("sampled windows", 1024, 192)
    row = certificate.bounds["geometric_mean"]
    assert row is not None
    assert row.n == 3072
    assert row.paid["second stage, over the windows"] > math.log(100)
    assert certificate.decomposition["sampling"] > 0
    assert verify(tmp_path).ok


def test_the_losses_of_a_prefix_are_those_of_the_rest(suffix: tuple[Path, Certificate], toy_model: Path) -> None:
    """Measured with nothing but torch, on windows that begin at token 1024."""
    import torch
    from transformers import AutoModelForCausalLM

    tokens = torch.from_numpy(toy_tokens().astype("int64"))[1024:]
    inputs, targets = tokens[:-1].reshape(-1, 16), tokens[1:].reshape(-1, 16)
    original = AutoModelForCausalLM.from_pretrained(toy_model)
    with torch.no_grad():
        logits = original(input_ids=inputs).logits.double()
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    assert suffix[1].decomposition["empirical_risk"] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prefix": 0.75}, "another price"),  # it saw tokens the bound is about
        ({"seed": 1}, "other bits"),  # the best of several seeds
        ({"epochs": 2}, "other bits"),
    ],
)
def test_a_prefix_model_made_in_another_way_is_found(
    suffix: tuple[Path, Certificate], toy_model: Path, toy_bin: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    certify(toy_model, toy_bin, tmp_path / "other", settings=replace(PREFIX, **change))
    found = verify(_forged(suffix[0], tmp_path / "forged", tmp_path / "other"))
    (reason,) = (d.reason for d in found.differences if d.field == "codes.prefix")
    assert words in reason
    assert "when made again" in reason


def test_a_prefix_needs_something_on_either_side(toy_model: Path, tmp_path: Path) -> None:
    toy_tokens(17).tofile(tmp_path / "short.bin")
    with pytest.raises(DomainError, match="one for the prefix, one for the bound"):
        certify(toy_model, tmp_path / "short.bin", tmp_path / "out", settings=PREFIX)


# --------------------------------------------------------------------------------------------------------- a transcript


def test_a_transcript_is_made_again(
    toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sampler's word for ln q is taken only after the whole run came out the same again."""
    from genbound.lm.train import requential, requential_transcript

    monkeypatch.setattr(requential, "Schedule", partial(requential.Schedule, draws=2, windows=4))
    made = tmp_path / "made"
    certificate = certify(toy_model, toy_bin, made, settings=replace(ONE, code=("requential",)))
    (coded,) = certificate.codes.values()
    assert (coded.kind, coded.code_bits, coded.file[-4:]) == ("transcript", None, ".gbr")
    assert certificate.content["not_offered"].keys() >= set(TUNED_BY_THE_PRICE)
    assert certificate.bounds["geometric_mean"].paid.items() >= coded.prices.items()  # type: ignore[union-attr]
    assert verify(made).ok

    transcript = requential_transcript.parse(made / coded.file)
    cheaper = replace(transcript, teacher=transcript.teacher - 5.0)
    requential_transcript.write(tmp_path / "cheaper.gbr", cheaper)
    found = {d.field: d.reason for d in verify(_forged(made, tmp_path / "forged", tmp_path)).differences}
    assert found["codes.requential"] == "another price when made again"


def test_only_models_that_can_be_trained_are(toy_bin: Path, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "model", "gpt2")
    with pytest.raises(GenboundError, match="gpt2: only GPT-NeoX"):
        certify(folder, toy_bin, tmp_path / "out", settings=replace(ONE, code=("lora",)))
    assert not (tmp_path / "out" / "certificate.json").exists()


@pytest.mark.parametrize("code", ["rtn,lora", "prefix"])
def test_killed_while_training_it_continues_to_the_same_certificate(
    toy_model: Path, toy_bin: Path, tmp_path: Path, code: str
) -> None:
    script = Path(__file__).parent / "kill_and_resume.py"
    command = [sys.executable, str(script), str(toy_model), str(toy_bin), str(tmp_path), "2", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 kills" in result.stdout
