"""Mutate coded model files and decode them: each must be refused with CodeFormatError or give a finite model.

    python experiments/fuzz_decoder.py --count 1000000 --seed 0 --jobs 2

Half of the mutants get their length and check repaired, so that they reach the parser. A mutant fails when
decoding raises anything else, takes longer than `--seconds`, or needs more memory than `--megabytes` beyond
what the process holds at the start. The last line is `N passed, M failed`; the exit status is 1 if M > 0.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
import sys
import time
from collections import Counter
from types import FrameType

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from genbound.errors import CodeFormatError
from genbound.lm.codec import container, decode, encode
from genbound.lm.codec.frame import CHECK_BYTES, MAGIC
from genbound.lm.hessian import collect
from genbound.lm.quantize import Options, quantize

SEEDS = (
    ("gpt_neox", {"vocab_size": 32, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
                  "intermediate_size": 24, "max_position_embeddings": 32, "tie_word_embeddings": True}, "ldlq", True),
    ("gpt2", {"vocab_size": 24, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16}, "rtn", False),
    ("llama", {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
               "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}, "ldlq", False),
    ("gpt_neox", {"vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                  "intermediate_size": 24, "max_position_embeddings": 32}, "e8", True),
    ("gpt2", {"vocab_size": 24, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16}, "kmeans", False),
    ("gpt2", {"vocab_size": 24, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16}, "gptq", False),
)  # fmt: skip


class TooSlow(BaseException):
    """Raised by the alarm inside a decoder that takes too long."""


def base_files() -> list[bytes]:
    """Small honest files of three architectures."""
    files = []
    for index, (model_type, config, method, rotated) in enumerate(SEEDS):
        with torch.random.fork_rng():
            torch.manual_seed(index)
            model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **config))
            tokens = torch.randint(0, config["vocab_size"], (4, 16))
        statistics = collect(model, [tokens])
        options = Options(rotate=rotated)
        for bits in (2.5, 6.0):
            files.append(encode(quantize(model, method=method, bits=bits, calibration=statistics, options=options)))
    return files


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """One to four random edits: flipped bits, replaced, removed or added bytes, splices, edits of the
    frame.
    """
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        kind = int(rng.integers(0, 9))
        place = int(rng.integers(0, max(1, len(out))))
        span = int(rng.integers(1, 9))
        if kind == 0 and out:
            out[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1 and out:
            out[place : place + span] = rng.bytes(len(out[place : place + span]))
        elif kind == 2:
            del out[place:]
        elif kind == 3:
            out[place:place] = rng.bytes(span)
        elif kind == 4:
            del out[place : place + span]
        elif kind == 5:
            cut = int(rng.integers(0, len(other)))
            out[place:] = other[cut:]
        elif kind == 6 and len(out) > 2:
            out[int(rng.integers(0, min(9, len(out))))] = int(rng.integers(0, 256))
        elif kind == 7 and len(out) > 9:
            # the first bytes of the code hold the architecture
            out[8 + int(rng.integers(0, min(24, len(out) - 8)))] = int(rng.integers(0, 256))
        else:
            out[place : place + span] = bytes(span) if rng.integers(0, 2) else b"\xff" * span
    return bytes(out)


def repaired(data: bytes) -> bytes:
    """The same code in a frame that fits it."""
    start = len(MAGIC)
    while start < len(data) and data[start] >= 128:
        start += 1
    code = data[start + 1 + CHECK_BYTES :]
    return container.framed(code)


def verdict(data: bytes, seconds: float) -> str:
    """ "refused", "decoded", or what went wrong."""
    start = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 4 * seconds)
    try:
        weights = decode(data).state_dict()
        result = "decoded" if all(np.isfinite(value).all() for value in weights.values()) else "not finite"
    except CodeFormatError as error:
        result = "refused" if str(error) and "\n" not in str(error) else "message of several lines"
    except TooSlow:
        return "too slow"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        result = f"raised {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return result if time.perf_counter() - start <= seconds else "too slow"


def run(count: int, seed: int, seconds: float, megabytes: int) -> Counter[str]:
    """Verdicts of `count` mutants."""
    logging.set_verbosity(logging.ERROR)
    torch.set_num_threads(1)
    files = base_files()
    for data in files:
        decode(data)
    limit_memory(megabytes)
    signal.signal(signal.SIGALRM, _alarm)
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    shown = time.monotonic()
    for index in range(count):
        first, second = rng.integers(0, len(files), 2)
        data = mutate(files[first], files[second], rng)
        if index % 2:
            data = repaired(data)
        result = "unchanged" if data in files else verdict(data, seconds)
        counts[result] += 1
        if result not in ("refused", "decoded", "unchanged"):
            print(f"seed {seed} mutant {index}: {result}: {data[:400].hex()}", file=sys.stderr, flush=True)
        if time.monotonic() - shown > 10:
            shown = time.monotonic()
            print(f"seed {seed}: {index + 1}/{count} {dict(counts)}", file=sys.stderr, flush=True)
    return counts


def limit_memory(megabytes: int) -> None:
    """Allow the process this much more address space than it has now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (megabytes << 20), resource.RLIM_INFINITY))


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def main() -> int:
    """Run the mutants, in parallel if asked; print counts and the verdict line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="limit per file")
    parser.add_argument("--megabytes", type=int, default=512, help="memory limit beyond the start")
    arguments = parser.parse_args()
    share = -(-arguments.count // arguments.jobs)
    tasks = [
        (max(0, min(share, arguments.count - job * share)), 1000 * arguments.seed + job)
        for job in range(arguments.jobs)
    ]
    jobs = [(count, seed, arguments.seconds, arguments.megabytes) for count, seed in tasks]
    if len(jobs) == 1:
        results = [run(*jobs[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(len(jobs)) as pool:
            results = pool.starmap(run, jobs)
    counts = sum(results, Counter())
    passed = counts["refused"] + counts["decoded"] + counts["unchanged"]
    print(", ".join(f"{number} {name}" for name, number in sorted(counts.items())))
    print(f"{passed} passed, {counts.total() - passed} failed")
    return int(counts.total() != passed)


if __name__ == "__main__":
    raise SystemExit(main())
