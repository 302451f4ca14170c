"""The command line: what every command prints, and that every mistake is one line and exit code 2."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import toy_tokens
from tiny_models import build, make_tokenizer, save_folder

import genbound as gb
from genbound import files
from genbound.certificate.certificate import seals
from genbound.cli import app, common

QUICK = ("--rates", "3,5", "--pilot", "8", "--calibration", "8", "--context", "16")
WIDTH = 80

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run(cli: Run) -> Run:
    """`genbound ...` in this process: exit code, standard output, standard error."""
    return cli


@pytest.fixture(scope="module")
def made(toy_model: Path, toy_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, with the plan and the certificate as `--json` wrote them."""
    from conftest import QUICK as SETTINGS

    from genbound.lm.certify import certify

    out = tmp_path_factory.mktemp("made") / "certificate"
    certify(toy_model, toy_bin, out, settings=SETTINGS)
    return out


def refused(result: SimpleNamespace, *words: str) -> None:
    """One line on standard error that begins `genbound: ` and holds the words; exit code 2; no traceback."""
    lines = result.err.splitlines()
    assert result.code == 2, result
    assert len(lines) == 1, result.err
    assert lines[0].startswith("genbound: ")
    assert "Traceback" not in result.err
    for word in words:
        assert word in lines[0], lines[0]


def no_certificate(folder: Path) -> bool:
    """Nothing in a folder that could be taken for a certificate."""
    return not (folder / "certificate.json").exists() and not list(folder.glob("*.gbc"))


def fits(text: str) -> bool:
    return max(map(len, text.splitlines())) <= WIDTH


# -------------------------------------------------------------------------------------------------- in a real process


def test_a_real_process(tmp_path: Path) -> None:
    """The entry point itself: a version, and an error, with nothing on the wrong stream."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "genbound", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)

    version = call("--version")
    assert (version.returncode, version.stdout, version.stderr) == (0, f"genbound {gb.__version__}\n", "")
    wrong = call("bound", "missing.npy", "--ceiling", "3")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "genbound: missing.npy: no such file (losses)\n"


# ----------------------------------------------------------------------------------------------------- what is printed


def test_help_fits_the_terminal_and_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    for name in ("certify", "verify", "bound", "demo", "ladder"):
        assert f"\n  {name} " in result.out
        page = run(name, "--help")
        assert page.code == 0
        assert fits(page.out), page.out
    assert fits(result.out)
    assert run("--version").out == f"genbound {gb.__version__}\n"


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    result = run()
    assert result.code == 2
    assert "Usage: genbound" in result.out + result.err


def test_certify_dry_run_and_verify(run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    os.symlink(toy_model, tmp_path / "model")
    os.symlink(toy_bin, tmp_path / "toy.bin")
    certify = ("certify", tmp_path / "model", "--data", tmp_path / "toy.bin", "-o", tmp_path / "out", *QUICK)

    plan = run(*certify, "--dry-run", "--json", tmp_path / "plan.json")
    assert (plan.code, plan.err) == (0, "")
    assert "calibrate" in plan.out
    assert json.loads((tmp_path / "plan.json").read_text())["schema"] == "genbound/plan/1"
    assert not (tmp_path / "out").exists()

    result = run(*certify, "--json", tmp_path / "deep" / "copy.json")
    assert (result.code, result.err) == (0, "")
    assert fits("\n".join(line for line in result.out.splitlines() if str(tmp_path) not in line))
    for word in ("geometric_mean", "taken apart", "code of the model", "bits/byte", "1 - delta", "fresh documents"):
        assert word in result.out.replace("1\n- delta", "1 - delta")
    written = (tmp_path / "out" / "certificate.json").read_bytes()
    assert (tmp_path / "deep" / "copy.json").read_bytes() == written
    assert not (tmp_path / "out" / ".work").exists()

    good = run("verify", tmp_path / "out", "--json", tmp_path / "verified.json")
    assert (good.code, good.err) == (0, "")
    assert good.out.startswith("verified: ")
    assert json.loads((tmp_path / "verified.json").read_text())["ok"] is True

    content = json.loads(written)
    content["bounds"]["geometric_mean"]["value"] -= 0.5
    (tmp_path / "out" / "certificate.json").write_text(json.dumps(content))
    bad = run("verify", tmp_path / "out", "--json", tmp_path / "verified.json")
    assert (bad.code, bad.err) == (2, "")
    assert "NOT verified" in bad.out
    assert "bounds.geometric_mean.value" in bad.out
    found = json.loads((tmp_path / "verified.json").read_text())
    assert found["ok"] is False
    assert found["differences"][0]["field"] == "bounds.geometric_mean.value"


def test_a_prefix_and_what_auto_would_do(run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    os.symlink(toy_model, tmp_path / "model")
    os.symlink(toy_bin, tmp_path / "toy.bin")
    certify = ("certify", tmp_path / "model", "--data", tmp_path / "toy.bin", "-o", tmp_path / "out", *QUICK)
    result = run(*certify, "--code", "prefix", "--epochs", 1)
    assert (result.code, result.err) == (0, "")
    assert fits("\n".join(line for line in result.out.splitlines() if str(tmp_path) not in line))
    words = " ".join(result.out.split())
    for part in ("ABOUT THE REST: the first 2,048 tokens", "n = 2,048 tokens", "prefix (prefix): 30 nats",
                 "not offered: lotfi_subsampled, azuma_hoeffding, finzi_bound: the log-ratio to a prefix prior",
                 "described model minus original"):  # fmt: skip
        assert part in words
    plan = run(*certify, "--code", "auto", "--minutes", 1e6, "--dry-run")
    assert plan.code == 0
    assert fits(plan.out)
    for step in ("calibrate", "quantize, code", "train variational", "train sublora", "train requential", "pilot"):
        assert step in plan.out
    assert "train prefix" not in plan.out
    short = run(*certify, "--code", "auto", "--minutes", 1e-6, "--dry-run")
    assert "train" not in short.out.replace("training", "")


def test_a_sample_of_the_users_says_what_is_assumed(run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    result = run("certify", toy_model, "--data", toy_bin, "-o", tmp_path, *QUICK, "--population", 10**6)
    assert result.code == 0
    assert "assumed uniform" in result.out
    assert "ASSUMED, not checked" in result.out


# ---------------------------------------------------------------------------------------------- options and arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("certify", "m", "--data", "d", "-o", "o", "--frobnicate"), ("no such option", "--frobnicate")),
        (("certify", "m", "--data", "d", "-o", "o", "--delta", "abc"), ("--delta", "number")),
        (("certify", "m", "-o", "o"), ("missing option '--data'",)),
        (("certify",), ("--help",)),
        (("bound", "x.npy"), ("missing option '--ceiling'",)),
        (("frobnicate",), ("no such command 'frobnicate'", "genbound --help")),
        (("verify",), ("missing argument",)),
        (("verify", "a", "b"), ("unexpected extra argument",)),
        (("ladder", "frobnicate"), ("no such command",)),
        (("ladder", "train"), ("need one of 10k", "--all")),
        (("ladder", "train", "7k"), ("'7k'", "need one of 10k")),
        (("demo", "--models", "7k"), ("'7k'", "need some of")),
    ],
)  # fmt: skip
def test_wrong_options_are_one_line(run: Run, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refused(run(*arguments), *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--delta", "0"), ("delta=0.0: need 0 < delta < 1",)),
        (("--delta", "1"), ("delta=1.0",)),
        (("--delta", "-0.1"), ("delta=-0.1",)),
        (("--delta", "nan"), ("delta=nan",)),
        (("--population", "100"), ("population=100", "smaller than the sample of 3856 tokens")),
        (("--population", "1" + "0" * 400), ("population=", "2 <= n < 2^63")),
        (("--population", "100000", "--windows", "50"), ("population with windows",)),
        (("--rates", "3,x"), ("rates='3,x'", "commas")),
        (("--rates", "nan"), ("rate=nan",)),
        (("--code", "awq"), ("code=awq", "ldlq")),
        (("--code", "auto,rtn"), ("code=auto,rtn",)),
        (("--code", "prefix,rtn"), ("certify it alone",)),
        (("--code", "variational", "--population", "100000"), ("trained on the whole stream",)),
        (("--epochs", "0"), ("epochs=0",)),
        (("--minutes", "-1"), ("minutes=-1.0",)),
        (("--prefix", "1"), ("prefix=1.0",)),
        (("--windows", "some"), ("windows='some'", "`all` or `auto`")),
        (("--windows", "1"), ("windows='1'",)),
        (("--windows", "99999999999999"), ("n is smaller than the sample", "windows=99999999999999")),
        (("--context", "5000"), ("context=5000: need at most 64",)),
        (("--pilot", "2"), ("pilot=2",)),
        (("--seed", "-1"), ("seed=-1", "0 <= seed")),
        (("--seed", str(1 << 70)), ("seed=", "2^63")),
        (("--max-tokens", "0"), ("max_tokens=0",)),
        (("--dtype", "int8"), ("dtype='int8'", "float32")),
        (("--device", "abacus"), ("device='abacus'", "not available")),
        (("--token-dtype", "int8"), ("int8", "uint16")),
        (("--heldout", "missing.bin"), ("missing.bin", "no such file")),
        (("--gguf-file", "missing.gguf"), ("missing.gguf",)),
    ],
)
def test_values_outside_their_domain(
    run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    refused(run("certify", toy_model, "--data", toy_bin, "-o", out, *QUICK, *options), *words)
    assert no_certificate(out)


# --------------------------------------------------------------------------------------------------------------- data


def _write(name: str, content: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".npy"):
            np.save(path, content)
        elif isinstance(content, list):
            np.array(content, dtype=np.uint16).tofile(path)
        else:
            path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_write("empty.bin", b""), ("empty.bin: empty file",)),
        (_write("short.bin", [7]), ("short.bin: 1 token", "at least 2")),
        (_write("odd.bin", b"abc"), ("odd.bin: 3 bytes", "uint16")),
        (_write("outside.bin", [1, 2, 96]), ("outside.bin: token 2 is 96", "vocabulary")),
        (_write("floats.npy", np.zeros(50)), ("floats.npy: dtype float64", "integers")),
        (_write("negative.npy", np.array([1, -1, 3])), ("negative.npy: token 1 is -1",)),
        (_write("empty.txt", b""), ("empty.txt: empty file",)),
        (_write("bytes.txt", b"\xff\xfe\x00abc"), ("bytes.txt: byte 0 is not UTF-8",)),
        (_write("half.jsonl", b'{"text": "abc"}\n{"te'), ("half.jsonl: line 2 is not JSON",)),
        (_write("not.parquet", b"PAR0"), ("not.parquet: not a readable parquet file",)),
        (lambda folder: folder / "missing.txt", ("missing.txt", "no such file")),
        (lambda folder: Path("ladder:nope"), ("ladder:nope", "no such stream")),
    ],
)
def test_data_that_cannot_be_used(
    run: Run, speaking: Path, tmp_path: Path, make: Callable[[Path], Path], words: tuple[str, ...]
) -> None:
    refused(run("certify", speaking, "--data", make(tmp_path), "-o", tmp_path / "out", *QUICK), *words)
    assert no_certificate(tmp_path / "out")


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a tokenizer that matches."""
    return save_folder(tmp_path_factory.mktemp("speaking"), "gpt2", tokenizer="characters")


def test_text_for_a_model_without_a_tokenizer(run: Run, toy_model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("hello " * 50)
    refused(
        run("certify", toy_model, "--data", tmp_path / "text.txt", "-o", tmp_path / "out", *QUICK),
        "text.txt: text needs a tokenizer",
    )


# -------------------------------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(run: Run, toy_bin: Path, tmp_path: Path, bad: float) -> None:
    model = build("neox", tied=False)
    with torch.no_grad():
        model.gpt_neox.embed_in.weight[95, 3] = bad  # met by one token only
    model.save_pretrained(tmp_path / "model")
    refused(
        run("certify", tmp_path / "model", "--data", toy_bin, "-o", tmp_path / "out", *QUICK),
        "model: gpt_neox.embed_in.weight holds NaN or infinite weights",
    )
    assert no_certificate(tmp_path / "out")


def test_finite_weights_whose_logits_are_not(run: Run, toy_bin: Path, tmp_path: Path) -> None:
    model = build("neox", tied=False)
    with torch.no_grad():
        model.gpt_neox.layers[0].mlp.dense_4h_to_h.weight.fill_(1e38)
    model.save_pretrained(tmp_path / "model")
    refused(
        run("certify", tmp_path / "model", "--data", toy_bin, "-o", tmp_path / "out", *QUICK),
        "model: NaN or infinite logits",
    )


@pytest.mark.parametrize(("quantizer", "word"), [("ldlq", "NaN or infinite"), ("rtn", "wte.weight: weights beyond")])
def test_logits_that_overflow_on_some_tokens_only(
    run: Run, toy_bin: Path, tmp_path: Path, quantizer: str, word: str
) -> None:
    model = build("gpt2", tied=False)
    with torch.no_grad():
        model.transformer.wte.weight[95] = 3e38  # the probe of the loader need not meet token 95
    model.save_pretrained(tmp_path / "model")
    refused(
        run("certify", tmp_path / "model",
            "--data", toy_bin, "-o", tmp_path / "out", "--code", quantizer, *QUICK),
        word,
    )  # fmt: skip
    assert no_certificate(tmp_path / "out")


def test_models_that_cannot_be_certified(run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    def certify(model: Path | str, *words: str) -> None:
        refused(run("certify", model, "--data", toy_bin, "-o", tmp_path / "out", *QUICK), *words)
        assert no_certificate(tmp_path / "out")

    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertForMaskedLM(BertConfig(vocab_size=96, **shape)).save_pretrained(tmp_path / "bert")
    certify(tmp_path / "bert", "bert: BertForMaskedLM is no causal language model")

    folder = save_folder(tmp_path / "wide", "gpt2")
    make_tokenizer("bpe", 300).save_pretrained(folder)
    certify(folder, "wide: tokenizer with ids up to 299 for a model of vocabulary 96", "do not match")

    shutil.copytree(toy_model, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    certify(tmp_path / "cut", "cut: cannot be loaded")

    shutil.copytree(toy_model, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    certify(tmp_path / "pickled", "pickled")

    certify(tmp_path / "missing", "missing", "no such folder")
    certify("ladder:7k", "'7k'", "need one of")


# --------------------------------------------------------------------------------------------------- damaged folders


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize(
    ("which", "damage", "words"),
    [
        ("*.gbc", _cut, ("truncated",)),
        ("*.gbc", _flip, ("coded model", "edited")),
        ("*.gbc", _append, ("1 bytes after its end",)),
        ("*.gbc", Path.unlink, ("is missing",)),
        ("certificate.json", _cut, ("certificate.json", "cannot be read as JSON")),
        ("certificate.json", Path.unlink, ("certificate.json: no such file",)),
        ("certificate.json", lambda p: p.write_bytes(b""), ("cannot be read as JSON",)),
        ("certificate.json", lambda p: p.write_bytes(b"\xff\xfe"), ("cannot be read as JSON",)),
        ("certificate.json", lambda p: p.write_text("[]"), ("need 'genbound/certificate/2'",)),
        ("certificate.json", lambda p: p.write_text("[" * 100_000), ("cannot be read as JSON",)),
    ],
)  # fmt: skip
def test_verify_refuses_damaged_files(
    run: Run, made: Path, tmp_path: Path, which: str, damage: Callable[[Path], Any], words: tuple[str, ...]
) -> None:
    folder = shutil.copytree(made, tmp_path / "copy")
    for path in folder.glob(which):
        damage(path)
    refused(run("verify", folder), *words)


@pytest.mark.parametrize(
    ("section", "value"),
    [("seals", []), ("settings", []), ("codes", {}), ("bounds", None), ("schema", "genbound/certificate/99")],
)
def test_verify_refuses_a_certificate_of_another_shape(
    run: Run, made: Path, tmp_path: Path, section: str, value: Any
) -> None:
    folder = shutil.copytree(made, tmp_path / "copy")
    content = json.loads((folder / "certificate.json").read_text())
    content[section] = value
    (folder / "certificate.json").write_text(json.dumps(content))
    refused(run("verify", folder), section)


@pytest.mark.parametrize("repair", [False, True])
def test_verify_never_crashes_on_a_field_of_another_type(run: Run, made: Path, tmp_path: Path, repair: bool) -> None:
    """Whole parts exchanged for nonsense, with the seals left broken or repaired: refused or not verified."""
    folder = shutil.copytree(made, tmp_path / "copy")
    original = (folder / "certificate.json").read_text()
    for section, key in [
        ("settings", "rates"),
        ("settings", "delta"),
        ("model", "spec"),
        ("data", "options"),
        ("choices", "codes"),
        ("bounds", "geometric_mean"),
        ("reading", "n_tokens"),
        ("environment", "device"),
        ("decomposition", "complexity"),
    ]:
        content = json.loads(original)
        content[section][key] = {"nonsense": [None]}
        if repair:
            content["seals"] = seals(content)
        (folder / "certificate.json").write_text(json.dumps(content))
        result = run("verify", folder)
        if result.out:
            assert "NOT verified" in result.out
            assert (result.code, result.err) == (2, "")
        else:
            refused(result)


def test_verify_with_a_senseless_tolerance(run: Run, made: Path) -> None:
    for text in ("nan", "-1", "1", "inf"):
        refused(run("verify", made, "--tolerance", text), "tolerance=", "0 <= tolerance < 1")


def test_verify_when_model_and_data_are_elsewhere(
    run: Run, made: Path, toy_model: Path, toy_bin: Path, speaking: Path, tmp_path: Path
) -> None:
    shutil.copytree(toy_model, tmp_path / "moved")
    shutil.copy(toy_bin, tmp_path / toy_bin.name)
    toy_tokens(seed=3).tofile(tmp_path / "other.bin")
    result = run("verify", made, "--data", tmp_path / toy_bin.name)
    assert result.code == 0, result.out
    other = run("verify", made, "--data", tmp_path / "other.bin")
    assert other.code == 2
    assert "data.sha256" in other.out
    refused(run("verify", made, "--data", tmp_path / "missing.bin"), "missing.bin")
    refused(run("verify", made, "--model", speaking), "parameters, the original has")


# ------------------------------------------------------------------------------------------- a full disk, interruption


def test_a_full_disk_at_any_moment(
    run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The k-th write fails for want of space: one line, nothing that looks whole; afterwards the run goes on."""
    out = tmp_path / "out"
    command = ("certify", toy_model, "--data", toy_bin, "-o", out, *QUICK)
    fsync, left = os.fsync, [0]

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", full)
    attempts = 0
    for room in (0, 1, 2, 1, 2, 1, 2, 1, 100):
        left[0] = room
        result = run(*command)
        if result.code == 0:
            break
        attempts += 1
        refused(result, "cannot write", "disk is full")
        assert not (out / "certificate.json").exists()
        assert not list(out.rglob("*.tmp"))
    assert attempts >= 5
    left[0] = 100
    assert run("verify", out).code == 0


def test_a_full_disk_under_the_json_file(run: Run, tmp_path: Path) -> None:
    """A symbolic link in a folder of our own: were it replaced instead of written to, no device would suffer."""
    np.save(tmp_path / "x.npy", np.ones(100))
    os.symlink("/dev/full", tmp_path / "full.json")
    refused(run("bound", tmp_path / "x.npy", "--ceiling", 3, "--json", tmp_path / "full.json"), "the disk is full")
    assert (tmp_path / "full.json").is_symlink()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_atomic(tmp_path / "pipe", b"content")
        assert os.read(reader, 100) == b"content"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("name", ["file/out", "file"])
def test_a_folder_that_cannot_be_made(run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    refused(run("certify", toy_model, "--data", toy_bin, "-o", tmp_path / name, *QUICK), "Not a directory")


def test_a_json_file_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones(100))
    refused(run("bound", tmp_path / "x.npy", "--ceiling", 3, "--json", tmp_path), "cannot write", "directory")


def test_ctrl_c_at_any_moment(
    run: Run, toy_model: Path, toy_bin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyboardInterrupt in the k-th report of progress: one line, exit code 2; the last run ends as if alone."""
    command = ("certify", toy_model, "--data", toy_bin, *QUICK)
    assert run(*command, "-o", tmp_path / "alone").code == 0
    left = [0]

    def report(self: object, step: str, done: int, total: int | None) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(common.Reporter, "__call__", report)
    out = tmp_path / "out"
    for calls in (1, 3, 5, 7):
        left[0] = calls
        result = run(*command, "-o", out)
        refused(result, "interrupted", "the same command continues")
        assert no_certificate(out)
    left[0] = 0
    assert run(*command, "-o", out).code == 0
    assert (out / "certificate.json").read_bytes() == (tmp_path / "alone" / "certificate.json").read_bytes()


def test_a_certificate_that_is_there_survives_a_failed_run(
    run: Run, made: Path, toy_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(made, tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "empty.bin").write_bytes(b"")
    refused(run("certify", toy_model, "--data", tmp_path / "empty.bin", "-o", folder, *QUICK), "empty")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


# -------------------------------------------------------------------------------------------------------------- --debug


@pytest.mark.parametrize("place", [0, 1, 4])
def test_debug_anywhere_shows_the_traceback(place: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    arguments = ["bound", str(tmp_path / "missing.npy"), "--ceiling", "3"]
    arguments.insert(place, "--debug")
    monkeypatch.setattr(sys, "argv", ["genbound", *arguments])
    with pytest.raises(gb.DataError, match="no such file"):
        app.main()


def test_the_extra_is_asked_for_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    find = common.importlib.util.find_spec
    monkeypatch.setattr(common.importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    refused(run("certify", "m", "--data", "d", "-o", "o"), "torch not installed: pip install 'genbound[lm]'")
    refused(run("verify", "d"), "genbound[lm]")
    refused(run("demo"), "genbound[lm]")
