"""What token statistics cost beside the model itself: run with `python benchmarks/token_stats.py [tokens at V = 50k]`.

On the same windows, interleaved in one run and reported as medians: the model's own forward pass, the model with
`labels=` (its forward pass and a mean loss, nothing per token), and the statistics of every token (loss, entropy,
varentropy, largest loss, rank, and smoothed losses and entropies at 0, 4 and 16 alphas). Memory is the growth of the
peak of a process of its own beyond what it held before the pass. Ratios are what counts; seconds depend on the machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbound.lm.token_stats import token_statistics
from genbound.lm.windows import Windows, evaluate
from genbound.smoothing import ALPHAS

MODELS = {"V = 96, GPT-NeoX": (96, 128, 128), "V = 50257, GPT-2": (50257, 512, 512)}
"""Name -> (V, hidden size, tokens per window)."""


def model_of(name: str) -> Any:
    """A random model of the shape; the time does not depend on the weights."""
    from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM, logging

    logging.set_verbosity_error()

    vocab_size, hidden, context = MODELS[name]
    torch.manual_seed(0)
    if "NeoX" in name:
        shape = {"hidden_size": hidden, "intermediate_size": 4 * hidden, "num_hidden_layers": 4}
        config = GPTNeoXConfig(vocab_size=vocab_size, num_attention_heads=4, max_position_embeddings=context, **shape)
        return GPTNeoXForCausalLM(config).eval()
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=vocab_size, n_embd=hidden, n_layer=6, n_head=8, n_positions=context)
    ).eval()


def jobs_of(name: str, tokens: int) -> dict[str, Callable[[], object]]:
    """What is timed, on the same windows."""
    vocab_size, _, context = MODELS[name]
    model = model_of(name)
    windows = Windows(np.random.default_rng(0).integers(0, vocab_size, tokens + 1), context)
    indices = np.arange(len(windows))
    batch = max(1, min(64, 8192 // context, (1 << 24) // (context * vocab_size)))
    batches = [windows.gather(indices[i : i + batch]) for i in range(0, len(indices), batch)]

    def forward() -> None:
        with torch.inference_mode():
            for inputs, _ in batches:
                model(input_ids=inputs, use_cache=False)

    def labelled() -> None:
        with torch.inference_mode():
            for inputs, _ in batches:
                model(input_ids=inputs, labels=inputs, use_cache=False)

    def statistics_at(alphas: tuple[float, ...]) -> Callable[[], object]:
        return lambda: [block for _, block in evaluate(model, windows, indices, alphas, vocab_size=vocab_size)]

    jobs: dict[str, Callable[[], object]] = {"forward pass": forward, "model(labels=...)": labelled}
    jobs |= {f"statistics, {k} alphas": statistics_at(ALPHAS[:k]) for k in (0, 4, 16)}
    return jobs


def without_the_model(name: str, tokens: int) -> dict[str, Callable[[], object]]:
    """The statistics alone, of logits that are there already; `tokens` of them."""
    vocab_size = MODELS[name][0]
    logits, targets = 3 * torch.randn(tokens, vocab_size), torch.randint(0, vocab_size, (tokens,))
    return {
        f"  without the model, {k} alphas": (lambda k=k: token_statistics(logits, targets, ALPHAS[:k]))
        for k in (0, 4, 16)
    }


def resident_megabytes(peak: bool = False) -> float:
    """Memory of this process now, or its peak since the last reset (Linux)."""
    name = "VmHWM:" if peak else "VmRSS:"
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1e3


def memory(name: str, tokens: int, job: str) -> None:
    """Print how far one job raises the peak of this process."""
    run = jobs_of(name, tokens)[job]
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident_megabytes()
    run()
    print(resident_megabytes(peak=True) - before)


def main(tokens: int, repetitions: int = 3) -> None:
    """Print the medians, the ratios and the memory."""
    torch.set_num_threads(1)
    for name, (vocab_size, _, _) in MODELS.items():
        count = tokens if vocab_size > 1000 else 16 * tokens
        jobs = jobs_of(name, count) | without_the_model(name, count // 2)
        times: dict[str, list[float]] = {job: [] for job in jobs}
        for repetition in range(repetitions + 1):
            for job, run in jobs.items():
                start = time.perf_counter()
                run()
                if repetition:  # the first round warms up
                    times[job].append(time.perf_counter() - start)
        print(f"{name}: {count} tokens, one thread")
        medians = {job: statistics.median(values) for job, values in times.items()}
        for job, median in medians.items():
            used = ""
            if "without" in job:
                median *= 2  # half of the tokens were timed
            elif vocab_size > 1000:
                command = [sys.executable, __file__, str(count), name, job]
                peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                used = f"   peak +{float(peak):6.0f} MB"
            print(
                f"{job:<34} {median:8.3f} s   {median / medians['forward pass']:6.2f} x forward   "
                f"{median / medians['model(labels=...)']:6.2f} x labels{used}"
            )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        torch.set_num_threads(1)
        memory(sys.argv[2], int(sys.argv[1]), sys.argv[3])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
