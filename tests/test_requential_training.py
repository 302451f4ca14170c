"""Requential training: the law sampled, the price, the student from its transcript alone, the file, killed runs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPTNeoXConfig

from genbound.errors import CodeFormatError, DataError, DomainError
from genbound.lm.ladder.recipes import log_recipe_space
from genbound.lm.train import plain, requential, requential_replay, requential_transcript
from genbound.lm.train.functional import Network
from genbound.lm.train.requential import Guidance, Schedule, Transcript
from genbound.lm.train.requential_schedule import choice_of_run
from genbound.lm.train.requential_speech import SAMPLING_ERROR, log_laws, log_prob, speak
from genbound.lm.windows import Windows

V, T = 12, 16
SCHEDULE = Schedule(draws=6, windows=8, batch=4, final=0.5, average=0.8)
GUIDANCE = Guidance(pull=0.1, spend=5.0, batch=2, learning_rate=0.02, muon_learning_rate=0.015)


class Killed(Exception):
    """What a test stops a run with."""


def config(**changes: Any) -> GPTNeoXConfig:
    shape = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    kind = {"max_position_embeddings": T, "tie_word_embeddings": True, "initializer_range": 0.02, "use_cache": False}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}
    return GPTNeoXConfig(**{"vocab_size": V, "rope_parameters": rope, **shape, **kind, **changes})


def stream(seed: int = 0, tokens: int = 641) -> Windows:
    """Each token is mostly the next one of a cycle of three."""
    rng = np.random.default_rng(seed)
    ids = np.where(rng.random(tokens) < 0.9, np.arange(tokens) % 3, rng.integers(0, V, tokens))
    return Windows(ids.astype(np.uint8), T)


@pytest.fixture(scope="module")
def transcript() -> Transcript:
    return requential.train(config(), stream(), epochs=4, schedule=SCHEDULE, guidance=GUIDANCE)


def random_network(scale: float = 0.4, **changes: Any) -> tuple[Network, dict[str, torch.Tensor], Any]:
    settings = config(**changes)
    model = plain.frozen(plain.initial(settings, 3))
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter += scale * torch.randn(parameter.shape, generator=generator)
    return Network.of(settings), dict(model.named_parameters()), model


# ------------------------------------------------------------------------------------------------- the law sampled


@pytest.mark.parametrize(
    "changes",
    [{}, {"use_parallel_residual": False}, {"tie_word_embeddings": False},
     {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}}],
    ids=["parallel", "sequential", "untied", "half rotary"],
)  # fmt: skip
def test_the_law_of_the_sampler_is_that_of_the_network(changes: dict[str, Any]) -> None:
    """Token by token with kept keys and values, and over whole windows: the same up to float32."""
    network, weights, model = random_network(**changes)
    tokens, log_q = speak(network, ((1.0, weights),), T, 32, (0, 1))
    assert log_q == pytest.approx(log_prob(log_laws(network, ((1.0, weights),), tokens), tokens), abs=1e-3)
    logits = model(input_ids=tokens[:, :-1]).logits.double()
    logs = torch.log_softmax(logits, dim=-1).gather(-1, tokens[:, 1:, None])
    assert log_q == pytest.approx(float(logs.sum()), abs=1e-3)
    again, log_again = speak(network, ((1.0, weights),), T, 32, (0, 1))
    assert torch.equal(tokens, again)
    assert log_q == log_again


def test_tokens_come_as_often_as_the_law_says() -> None:
    network, weights, _ = random_network()
    windows = 40_000
    tokens, _ = speak(network, ((1.0, weights),), 1, windows, (5,))
    first = np.bincount(tokens[:, 0].numpy(), minlength=V)
    assert np.abs(first / windows - 1 / V).max() < 6 * math.sqrt(1 / V / windows)
    expected = log_laws(network, ((1.0, weights),), tokens).exp()[:, 0].sum(0).numpy()
    counts = np.bincount(tokens[:, 1].numpy(), minlength=V)
    assert (np.abs(counts - expected) < 6 * np.sqrt(expected + 1)).all()


def test_the_likelihood_ratio_has_mean_one() -> None:
    """E_q [p/q] = 1: what makes the log-ratio a price."""
    network, teacher, _ = random_network(0.2)
    student = {name: weight * 0.8 for name, weight in teacher.items()}
    sampler = ((0.25, student), (0.75, teacher))
    windows = 20_000
    tokens, total = speak(network, sampler, 2, windows, (8,))
    chosen = tokens[:, 1:, None]
    q = log_laws(network, sampler, tokens).gather(-1, chosen).sum((1, 2))
    p = log_laws(network, ((1.0, student),), tokens).gather(-1, chosen).sum((1, 2))
    ratio = (p - q).exp().numpy()
    assert ratio.mean() == pytest.approx(1, abs=6 * ratio.std() / math.sqrt(windows))
    assert total >= float(q.sum()) - 1e-2
    assert ratio.std() > 0.05


def test_the_recorded_law_is_never_below_the_sampled_one() -> None:
    """ln(q + 2^-50 V): a token of probability below the rounding of float64 is not priced at less than its chance."""
    network, weights, _ = random_network()
    weights = {
        name: weight * (200 if name.endswith("final_layer_norm.weight") else 1) for name, weight in weights.items()
    }
    _, log_q = speak(network, ((1.0, weights),), T, 64, (1,))
    assert 64 * T * math.log(SAMPLING_ERROR * V) < log_q <= 64 * T * 1e-12


# ------------------------------------------------------------------------------------- the student and its price


def test_the_student_learns_from_what_it_hears(transcript: Transcript) -> None:
    long = Schedule(draws=40, windows=8, batch=2, final=0.2, average=0.8)
    heard = requential.train(config(), stream(), epochs=8, schedule=long, guidance=replace(GUIDANCE, spend=20.0))
    student, _ = requential_replay.hear_all(heard)
    windows = stream()
    inputs, targets = windows.gather(np.arange(len(windows)))
    with torch.no_grad():
        loss = float(student.network.loss(student.average, inputs, targets))
        start = float(student.network.loss(dict(plain.initial(config(), 0).named_parameters()), inputs, targets))
    assert start == pytest.approx(math.log(V), abs=0.1)
    assert loss < 0.7 * start
    assert len(transcript.tokens) == SCHEDULE.draws


def test_the_price_is_the_running_log_ratio(transcript: Transcript) -> None:
    found = requential_replay.described(transcript)
    name = f"log-ratio of the transcript ({6 * 8 * T} tokens)"
    student, sums = requential_replay.hear_all(transcript)
    exact = math.fsum([*transcript.teacher, *(-sums)])
    assert 0 <= found.prices[name] - exact < 1e-9
    assert found.kind == "transcript"
    assert found.code_bits is None
    assert found.prices["choice of schedule, guidance, recipe and seed"] == choice_of_run(0) > log_recipe_space()
    assert choice_of_run(5) > choice_of_run(0)
    assert found.nats >= sum(found.prices.values())
    parameters = dict(found.model.named_parameters())
    assert all(torch.equal(parameters[key], weight) for key, weight in student.average.items())
    assert not any(parameter.requires_grad for parameter in parameters.values())


def test_the_student_follows_from_the_transcript_alone(transcript: Transcript) -> None:
    """Other sums, another guidance, another stream in the header: the same student; another token: another one."""
    student, sums = requential_replay.hear_all(transcript)
    header = {**transcript.header, "guidance": Guidance().to_dict(), "stream_sha256": "0" * 64, "epochs": 9}
    same, again = requential_replay.hear_all(replace(transcript, header=header, teacher=transcript.teacher + 1))
    assert np.array_equal(sums, again)
    assert all(torch.equal(student.average[name], weight) for name, weight in same.average.items())
    tokens = transcript.tokens.copy()
    tokens[0, 0, 3] = (tokens[0, 0, 3] + 1) % V
    other, _ = requential_replay.hear_all(replace(transcript, tokens=tokens))
    assert not torch.equal(other.average["gpt_neox.embed_in.weight"], student.average["gpt_neox.embed_in.weight"])


def test_a_draw_costs_about_what_it_may(transcript: Transcript) -> None:
    cheap = requential.train(config(), stream(), epochs=4, schedule=SCHEDULE, guidance=replace(GUIDANCE, spend=1.0))
    naive = requential.train(
        config(), stream(), epochs=4, schedule=SCHEDULE, guidance=replace(GUIDANCE, pull=0.0, lead=1.0, spend=1e6)
    )
    assert 0.3 < cheap.divergence.mean() < 3
    assert cheap.divergence.sum() < transcript.divergence.sum() < naive.divergence.sum()
    assert naive.published_nats > naive.divergence.sum() + SCHEDULE.draws * 5.21 * math.log(2)


def test_the_teacher_may_be_restarted_while_the_student_waits(transcript: Transcript) -> None:
    """With pull 1 and one turn in three draws the teacher is the student again at draws 3, 6, ..."""
    projected = requential.train(
        config(), stream(), epochs=4, schedule=SCHEDULE,
        guidance=replace(GUIDANCE, pull=1.0, relax=False, every=3, alone=0.0, lead=1.0),
    )  # fmt: skip
    assert projected.header["guidance"]["every"] == 3
    assert not np.array_equal(projected.tokens, transcript.tokens)
    still = requential.train(
        config(),
        stream(),
        epochs=1,
        schedule=SCHEDULE,
        guidance=replace(GUIDANCE, pull=1.0, relax=False, alone=1.0, lead=1.0),
    )
    assert still.divergence[0] > 0
    assert np.abs(still.divergence[1:]).max() < 1e-6


# --------------------------------------------------------------------------------------------- the file, replayed


def test_read_and_replay_give_the_same_bits(transcript: Transcript, tmp_path: Path) -> None:
    path = tmp_path / "student.gbr"
    requential.write(path, transcript)
    found, again = requential.read(path), requential.replay(path, stream())
    wanted = requential_replay.described(transcript)
    for other in (found, again):
        assert dict(other.prices) == dict(wanted.prices)
        for mine, theirs in zip(wanted.model.parameters(), other.model.parameters(), strict=True):
            assert torch.equal(mine, theirs)


def test_a_teacher_that_understates_its_law_is_found(transcript: Transcript, tmp_path: Path) -> None:
    path = tmp_path / "student.gbr"
    requential.write(path, replace(transcript, teacher=transcript.teacher - 1.0))
    assert requential.read(path).nats < requential_replay.described(transcript).nats
    with pytest.raises(CodeFormatError, match="gives another transcript"):
        requential.replay(path, stream())
    requential.write(path, transcript)
    with pytest.raises(DataError, match="another stream"):
        requential.replay(path, stream(seed=1))


def test_a_killed_run_ends_in_the_same_bytes(
    transcript: Transcript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requential, "CHECKPOINT_SECONDS", 0.0)
    seen: list[int] = []

    def killed(step: str, done: int, total: int) -> None:
        assert (step, total) == ("train", SCHEDULE.draws)
        seen.append(done)
        if done in (2, 5):
            raise Killed

    def run() -> Transcript:
        return requential.train(
            config(), stream(), epochs=4, schedule=SCHEDULE, guidance=GUIDANCE, work=tmp_path, progress=killed
        )

    for _ in range(2):
        with pytest.raises(Killed):
            run()
    assert run().to_bytes() == transcript.to_bytes()
    assert seen == [1, 2, 3, 4, 5, 6]
    assert run().to_bytes() == transcript.to_bytes()
    assert len(seen) == 6


def _edited(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file with another header, its digest right again."""
    size = int.from_bytes(data[36:40], "big")
    header = json.loads(data[40 : 40 + size])
    change(header)
    head = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    rest = len(head).to_bytes(4, "big") + head + data[40 + size :]
    return data[:4] + hashlib.sha256(rest).digest() + rest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["schedule"].update(draws=65536), "bytes of windows"),
        (lambda h: h["schedule"].update(draws=10**9), "paid space"),
        (lambda h: h["schedule"].update(learning_rate=0.0123), "learning_rate=0.0123"),
        (lambda h: h["schedule"].update(draws=6.0), "draws=6.0"),
        (lambda h: h["schedule"].update(surprise=1), "no run writes"),
        (lambda h: h["guidance"].update(pull=2.0), "pull=2.0"),
        (lambda h: h["config"].update(vocab_size=5), "the vocabulary has 5"),
        (lambda h: h["config"].update(vocab_size=2**40), "need at most|no run writes"),
        (lambda h: h["config"].update(num_hidden_layers=10**6), "layers"),
        (lambda h: h["config"].update(hidden_act="relu"), "GELU"),
        (lambda h: h.update(context=T + 1), "context"),
        (lambda h: h.update(seed=-1), "seed"),
        (lambda h: h.update(init_std=1e30), "init_std"),
        (lambda h: h.pop("epochs"), "need a header of"),
    ],
)
def test_hostile_headers_are_refused(
    transcript: Transcript, tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = tmp_path / "student.gbr"
    path.write_bytes(_edited(transcript.to_bytes(), change))
    with pytest.raises(CodeFormatError, match=message):
        requential.read(path)


def test_torn_files_are_refused(transcript: Transcript, tmp_path: Path) -> None:
    data = transcript.to_bytes()
    path = tmp_path / "student.gbr"
    for torn in (b"", data[:3], data[:39], data[:200], data[:-1], data + b"\0", b"x" + data[1:]):
        path.write_bytes(torn)
        with pytest.raises(CodeFormatError):
            requential.read(path)
    for place in range(4, len(data), 61):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(CodeFormatError, match="digest"):
            requential.read(path)
    with pytest.raises(CodeFormatError, match="cannot be read"):
        requential_transcript.parse(tmp_path / "missing.gbr")


def test_large_vocabularies_take_two_bytes(tmp_path: Path) -> None:
    windows = Windows(np.random.default_rng(0).integers(0, 300, 65).astype(np.uint16), T)
    schedule = Schedule(draws=1, windows=2, batch=2)
    said = requential.train(config(vocab_size=300), windows, epochs=1, schedule=schedule, guidance=GUIDANCE)
    assert said.tokens.dtype.itemsize == 2
    requential.write(tmp_path / "student.gbr", said)
    parsed = requential_transcript.parse(tmp_path / "student.gbr")
    assert np.array_equal(parsed.tokens, said.tokens)
    assert parsed.to_bytes() == said.to_bytes()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule(draws=0), "draws=0"),
        (lambda: Schedule(draws=True), "draws=True"),
        (lambda: Schedule(draws=5.0), "draws=5.0"),  # type: ignore[arg-type]
        (lambda: Schedule(average=0.5), "average"),
        (lambda: Guidance(lead=0.0), "lead"),
        (lambda: Guidance(spend=0.0), "spend"),
        (lambda: Guidance(spend=math.nan), "spend"),
        (lambda: Guidance(spend=101.0), "spend"),
        (lambda: Guidance(every=0), "every"),
        (lambda: Guidance(way="words"), "way"),
        (lambda: Guidance(alone=1.5), "alone"),
        (lambda: requential.train(config(), stream(), epochs=0), "epochs"),
        (lambda: requential.train(config(), stream(), seed=-1), "seed"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        make()
