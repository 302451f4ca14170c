"""glq: incoherence by random Hadamard transforms, then a trellis or padded-E8 codebook under LDLQ feedback.

Its own command line takes no GPT-NeoX model and calibrates on a text fetched from a hub, so its function for one layer
is called here, block by block with the activations of the blocks quantized before, as its command line does.
"""

from __future__ import annotations

import torch
from common import Job, jobs, leave, linear_layers, load, timed, windows
from glq.codebook_e8p import E8PCodebook
from glq.quantize_model import quantize_layer_e8_shell_rht
from glq.trellis import TrellisCodebook


def inputs(model: torch.nn.Module, layers: dict[str, torch.nn.Linear], ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """mean x x^T at the input of each layer."""
    sums: dict[str, torch.Tensor] = {}

    def watch(name: str) -> object:
        def hook(_module: torch.nn.Module, given: tuple[torch.Tensor, ...], _output: torch.Tensor) -> None:
            rows = given[0].flatten(0, -2)
            sums[name] = rows.T @ rows / len(rows)

        return hook

    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    model(input_ids=ids)
    for handle in handles:
        handle.remove()
    return sums


@torch.no_grad()
def run(job: Job) -> None:
    """Quantize block by block."""
    model = load(job.model, torch.float32)
    layers = linear_layers(model)
    ids = windows(job.calibration)
    book = E8PCodebook(verbose=False) if job.variant == "e8p" else TrellisCodebook("3inst", K=job.bits)
    blocks: dict[str, dict[str, torch.nn.Linear]] = {}
    for name, layer in layers.items():
        head, _, tail = name.partition(".layers.")
        blocks.setdefault(f"{head}.{tail.split('.')[0]}", {})[name] = layer
    stored: dict[str, torch.Tensor] = {}

    def quantize() -> None:
        for block in blocks.values():
            hessians = inputs(model, block, ids)
            for name, layer in block.items():
                found, kept, _ = quantize_layer_e8_shell_rht(layer.weight, hessians[name], book, bpw=job.bits)
                layer.weight.copy_(found)
                stored.update({f"{name}.{part}": tensor.cpu() for part, tensor in kept.items()})

    seconds = timed(quantize)
    weights = {f"{name}.weight": layer.weight for name, layer in layers.items()}
    leave(job.out, weights, stored, seconds=seconds, settings=f"{job.variant}, LDLQ", packages=("glq",))


if __name__ == "__main__":
    for asked in jobs():
        run(asked)
