"""From a model and its training tokens to a certificate.

    describe the model, write the file, READ it back  ->  a pilot chooses among the files  ->
    token statistics of the original model and of those that were read back  ->  bounds  ->  certificate

Every step leaves its result in DIR/.genbound-work, so a killed run continues; the certificate itself is written last
and whole. The files that win no bound are dropped at the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import genbound
from genbound.certificate.bounds import ALPHAS
from genbound.certificate.certificate import FILE, Certificate, Evidence, compose
from genbound.certificate.choices import Choices, choose, pilot_alphas
from genbound.certificate.rows import CodedModel
from genbound.certificate.settings import Settings
from genbound.certificate.statistics import SampleStatistics, StreamStatistics, alphas_of
from genbound.errors import CertificateError
from genbound.files import digest, file_sha256, locked, pretty_json, temporary_pattern, write_atomic
from genbound.lm.descriptions.make import DECISION, make, opened
from genbound.lm.descriptions.routes import SUFFIXES
from genbound.lm.passes import Pass, Progress
from genbound.lm.subject import Subject, open_subject
from genbound.lm.workers import Workers

WORK = ".genbound-work"


def certify(
    model: str | Path,
    data: str | Path | np.ndarray,
    out: str | Path,
    *,
    settings: Settings | None = None,
    heldout: str | Path | np.ndarray | None = None,
    device: str = "cpu",
    field: str | None = None,
    token_dtype: str | None = None,
    gguf_file: str | None = None,
    progress: Progress | None = None,
    **changes: Any,
) -> Certificate:
    """Certify the risk of a causal language model on the stream it was trained on (THEORY 0-6).

    With probability at least 1 - delta over the tokens (and over the sampled windows), the average over the stream
    of the conditional risk of the *decoded, smoothed* model is at most each printed bound.

    Args:
        model: a Hugging Face folder or hub id, a GGUF file, `ladder:NAME` or `prior:NAME`.
        data: text, .jsonl, .parquet, .bin, .npy, `datasets:NAME`, `ladder:NAME`, or an array of token ids.
        out: folder of the certificate: certificate.json and the coded models it refers to.
        settings: the plan; further keywords change single fields of it (`delta=0.05`, `rates=(3, 4)`).
        heldout: tokens the model was not trained on, for the `held_out` yardstick.
        device: where the models run, `cpu` or `cuda`.
        field, token_dtype: column of .jsonl and .parquet data; dtype of .bin data.
        gguf_file: the file inside a folder or hub id that holds GGUF weights.
        progress: called as progress(step, done, total).

    Returns:
        The certificate, as written to `out`.

    Raises:
        GenboundError: one line naming what is wrong with the model, the data or the settings.
    """
    settings = replace(settings or Settings(), **changes)
    workers = Workers.from_environment()
    out = Path(out)
    work = out / WORK
    work.mkdir(parents=True, exist_ok=True)
    busy = f"{out}: another certification is running in this folder"
    with locked(work / "lock", busy=busy) if workers.leads else nullcontext():
        return _certify(
            model, data, out, settings, workers, progress, heldout=heldout, device=device, field=field,
            token_dtype=token_dtype, gguf_file=gguf_file,
        )  # fmt: skip


def _certify(
    model: str | Path,
    data: str | Path | np.ndarray,
    out: Path,
    settings: Settings,
    workers: Workers,
    progress: Progress | None,
    *,
    device: str,
    **inputs: Any,
) -> Certificate:
    work = out / WORK
    subject = open_subject(
        model, data, settings=settings, device=workers.device(device), cache=work, progress=progress, **inputs
    )
    _claim_workspace(work, subject, workers)
    run = Pass(work, workers, progress)

    files, tried = make(subject, run)
    evidence, choices = _measure(subject, files, tried, run)
    certificate = compose(subject.description(), settings, choices, evidence)
    if workers.leads:
        _publish(certificate, files, out)
        shutil.rmtree(work)
    workers.wait()
    return certificate


def _claim_workspace(work: Path, subject: Subject, workers: Workers) -> None:
    """Keep what an interrupted run of this very certification by this very code left behind; drop anything else's."""
    sources = sorted(Path(genbound.__file__).parent.rglob("*.py"))
    key = digest({
        "subject": subject.description(), "settings": subject.settings.to_dict(), "code": [*map(file_sha256, sources)],
    })  # fmt: skip
    marker = work / "key"
    if workers.leads and not (marker.is_file() and marker.read_text() == key):
        for stale in [work / DECISION, *(path for end in (".npz", *SUFFIXES) for path in work.glob(f"*{end}"))]:
            stale.unlink(missing_ok=True)
        for training in work.glob("train-*"):
            shutil.rmtree(training)
        write_atomic(marker, key.encode())
    workers.wait()


# ---------------------------------------------------------------------------------------------------- the passes


def _measure(
    subject: Subject, files: Mapping[str, Path], tried: Mapping[str, str], run: Pass
) -> tuple[Evidence, Choices]:
    """The pilot chooses; then the whole stream, or a fresh sample of it, is read with what was chosen."""
    problem = subject.problem
    pilots = {}
    for label, path in files.items():
        coded, model = opened(path, label, subject)
        alphas = pilot_alphas(problem, coded)
        pilots[label] = (
            coded,
            run.sample(
                f"pilot-{label}", model, subject.windows, subject.pilot_windows(), alphas,
                vocab_size=subject.vocab_size,
            ),
        )  # fmt: skip
    choices = replace(choose(problem, pilots), tried=tried)
    described = {label: coded for label, (coded, _) in pilots.items()}
    return measure_chosen(subject, described, choices, run, folder=run.cache), choices


def measure_chosen(
    subject: Subject,
    files: Mapping[str, CodedModel],
    choices: Choices,
    run: Pass,
    *,
    folder: Path,
) -> Evidence:
    """The final passes: original model, chosen coded models, held-out data. `verify` runs exactly this.

    What the evidence says of a coded model is read from its file again, not taken from `files`.
    """
    problem, windows, vocab_size = subject.problem, subject.windows, subject.vocab_size
    heldout = None
    if subject.heldout is not None:
        centres = [(alpha, 0.0) for alpha in ALPHAS]
        heldout = run.stream("held-out", subject.model, subject.heldout, centres, vocab_size=vocab_size)
    indices = subject.final_windows(choices, files) if problem.windows else None
    original: StreamStatistics | SampleStatistics
    if indices is not None:
        original = run.sample("original", subject.model, windows, indices, (), vocab_size=vocab_size)
    else:
        original = run.stream("original", subject.model, windows, (), vocab_size=vocab_size)
    codes: dict[str, Any] = {}
    for label, centres in choices.codes.items():
        coded, model = opened(folder / files[label].file, label, subject, files[label].sha256)
        if indices is not None:
            alphas = alphas_of(centres)
            found: Any = run.sample(f"final-{label}", model, windows, indices, alphas, vocab_size=vocab_size)
        else:
            found = run.stream(f"final-{label}", model, windows, centres, vocab_size=vocab_size)
        codes[label] = (coded, found)
    return Evidence(problem, original, codes, heldout, subject.progressive, subject.recipe_nats)


def _publish(certificate: Certificate, files: Mapping[str, Path], out: Path) -> None:
    """Coded files first, under names that hold their hash; then the certificate; then what nothing refers to goes."""
    before = _files_of_the_last(out)
    for coded in certificate.codes.values():
        write_atomic(out / coded.file, files[coded.label].read_bytes())
    write_atomic(out / FILE, pretty_json(certificate.to_dict()))
    kept = {coded.file for coded in certificate.codes.values()}
    for name in before - kept:
        (out / name).unlink(missing_ok=True)
    for name in (*kept, FILE):
        for torn in out.glob(temporary_pattern(name)):  # what a kill in the middle of a write left behind
            torn.unlink(missing_ok=True)


def _files_of_the_last(out: Path) -> set[str]:
    """The coded files that the certificate now in the folder refers to; nothing else there is ours to delete."""
    try:
        codes = Certificate.load(out).codes.values()
    except (CertificateError, KeyError, TypeError):
        return set()
    return {coded.file for coded in codes if Path(coded.file).name == coded.file and coded.file.endswith(SUFFIXES)}
