"""How fast a run goes: tokens per second, and the share of the arithmetic that the device could do.

share of peak = 6 N (tokens per second) / peak, with 6 N floating-point operations per token for forward and backward,
N with the embeddings. On a CPU everything is in seconds of one core, whatever else the machine does meanwhile.
"""

from __future__ import annotations

import time

import torch

DATA_SHEET = (
    ("H100 PCIe", 756e12),
    ("H100 NVL", 835e12),
    ("H100", 989e12),
    ("H200", 989e12),
    ("A100", 312e12),
    ("L40S", 362e12),
    ("L4", 121e12),
)
"""Dense bfloat16 operations per second of a GPU's data sheet, by what its name holds; the first that fits counts."""

SIZE = 1024
REPEATS = 8


def seconds(device: torch.device) -> float:
    """A clock: of the processor time of this process, or of the wall once the GPU has done what it was given."""
    if device.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_flops(device: torch.device) -> float | None:
    """Operations per second the device could do: measured on a CPU, of the data sheet on a GPU (None where unknown).

    On a CPU it is the best rate of float32 products of matrices of 1024 x 1024, in as many threads as torch has now.
    """
    if device.type == "cpu":
        return _product_rate()
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in DATA_SHEET if part in name), None)


def share_of_peak(parameters: int, tokens_per_second: float, peak: float | None) -> float | None:
    """6 N tokens per second over the peak.

    >>> share_of_peak(10**6, 1000.0, 1e11)
    0.06
    """
    return None if peak is None else 6 * parameters * tokens_per_second / peak


def _product_rate() -> float:
    device = torch.device("cpu")
    a, b = torch.ones(2, SIZE, SIZE)
    best = 0.0
    for _ in range(REPEATS):
        began = seconds(device)
        torch.mm(a, b)
        best = max(best, 2 * SIZE**3 / max(seconds(device) - began, 1e-9))
    return best
