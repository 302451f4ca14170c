"""The .gbd file: Gaussian weights and one draw of them; n C is the exact log-ratio of the draw, not the file's size.

    "gBd1", sha256 of the rest | length and JSON header | float32: means, ln scales, factors, tensor by tensor, and the
    means of the prior where they are not the default (`centred`)

The reader draws the weights again from the seed, evaluates ln dQ/dP at them in float64 and raises it by what float64
may err, so a price cannot be edited in; nothing in the file is trusted but one statement nobody can read off a file:
that means and scales were chosen without looking at the draw. Training again shows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genbound.certified import ball, precision, up
from genbound.complexity.codes import choice_nats
from genbound.errors import CodeFormatError, ModelError
from genbound.files import canonical_json
from genbound.lm.codec import architecture
from genbound.lm.descriptions.described import Described
from genbound.lm.train import sealed
from genbound.lm.train.gaussian import Gaussian
from genbound.lm.train.posterior import (
    SCALE_MIN,
    SCALES,
    Belief,
    Posterior,
    centre_of,
    has_factor,
    tensors_sha256,
)

MAGIC = b"gBd1"
MODEL_TYPE = "gpt_neox"
HEADER_LIMIT = 1 << 20
DRAWS_LIMIT = 1 << 20
FIELDS = ("config", "draw", "draws", "exponents", "seed")
CENTRED = "centred"
STATES = (
    "means, scales and correlations of Gaussian weights, prior scales and a seed: n C is the exact log-ratio"
    " ln dQ/dP of the weights drawn with it, the prior scales (ln 64 each) and ln of the draws looked at; architecture,"
    " seed and prior mean were fixed beforehand. IDEALISED: the draw comes from a pseudo-random generator; that means"
    " and scales were chosen without looking at it is shown by training again"
)
STATES_CENTRED = STATES.replace("seed and prior mean", "seed and prior means (the weights of MODEL, made without DATA)")


def write(path: str | Path, result: Gaussian) -> None:
    """Write the .gbd file of a posterior and its draw, whole or not at all.

    Raises:
        ModelError: another architecture.
    """
    if result.model_type != MODEL_TYPE:
        raise ModelError(f"{result.model_type}: Gaussian weights are known for {MODEL_TYPE}")
    header = {
        "config": result.config, "draw": result.draw, "draws": result.draws, "seed": result.seed,
        "exponents": [belief.exponent for belief in result.posterior.beliefs.values()],
    }  # fmt: skip
    beliefs = result.posterior.beliefs
    own = not all(torch.equal(belief.centre, centre_of(name, belief.mean)) for name, belief in beliefs.items())
    if own:
        header[CENTRED] = True
    head = canonical_json(header).encode()
    parts = []
    for belief in beliefs.values():
        for values in (belief.mean, belief.log_scale, _below(belief.left), _below(belief.right)):
            parts.append(values.numpy().astype("<f4").tobytes())
        if own:
            parts.append(belief.centre.numpy().astype("<f4").tobytes())
    sealed.write(Path(path), MAGIC, head, b"".join(parts))


def read(path: str | Path) -> Described:
    """The drawn model of a .gbd file, and its price.

    Raises:
        CodeFormatError: truncated, edited, or nothing `write` could have written.
    """
    posterior, header = parse(path)
    weights, ratio = posterior.draw(header["seed"], header["draw"])
    if not all(np.isfinite(value).all() for value in weights.values()):
        raise CodeFormatError(f"{Path(path).name}: drawn weights that are not finite")
    model: Any = architecture.build(MODEL_TYPE, header["config"])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))
    centred = bool(header.get(CENTRED))
    centre = tensors_sha256({k: belief.centre for k, belief in posterior.beliefs.items()}) if centred else None
    states = STATES_CENTRED if centred else STATES
    return Described("draw", model.requires_grad_(False), _prices(header, ratio), None, states, centre=centre)


def _prices(header: Mapping[str, Any], ratio: float) -> dict[str, float]:
    tensors = len(header["exponents"])
    with precision():
        scales = up(ball(choice_nats(SCALES)) * tensors)
    prices = {"log-ratio of the draw": max(0.0, ratio), f"prior scales ({tensors})": scales}
    if header["draws"] > 1:
        prices[f"draws looked at ({header['draws']})"] = choice_nats(header["draws"])
    return prices


def parse(path: str | Path) -> tuple[Posterior, dict[str, Any]]:
    """The posterior and the checked header of a .gbd file; errors as `read`."""
    file = Path(path)
    limit = 64 + HEADER_LIMIT + 4 * 64 * architecture.PARAMETER_LIMIT
    text, data, end = sealed.read(file, MAGIC, "draw of Gaussian weights", limit=limit, header_limit=HEADER_LIMIT)
    header = _header(file.name, text)
    layout = architecture.layout(MODEL_TYPE, header["config"])
    if len(header["exponents"]) != len(layout.names):
        raise CodeFormatError(f"{file.name}: {len(header['exponents'])} prior scales for {len(layout.names)} tensors")
    arrays = 3 if header.get(CENTRED) else 2
    if len(data) - end != 4 * sum(arrays * int(np.prod(shape)) + _below_size(shape) for shape in layout.shapes):
        raise CodeFormatError(f"{file.name}: {len(data) - end} bytes of numbers, not what the architecture has")
    values = np.frombuffer(data, dtype="<f4", offset=end)
    beliefs: dict[str, Belief] = {}
    for name, shape, exponent in zip(layout.names, layout.shapes, header["exponents"], strict=True):
        belief, values = _belief(name, shape, exponent, values, centred=arrays == 3)
        try:
            belief.check(name)
        except ModelError as error:
            raise CodeFormatError(f"{file.name}: {error}") from error
        beliefs[name] = belief
    return Posterior(beliefs), header


def _belief(
    name: str, shape: tuple[int, ...], exponent: int, values: np.ndarray, *, centred: bool
) -> tuple[Belief, np.ndarray]:
    """The next tensor's posterior, and what is left of the numbers."""
    size = int(np.prod(shape))
    mean, log_scale = (torch.from_numpy(values[i * size : (i + 1) * size].copy()).view(shape) for i in (0, 1))
    values = values[2 * size :]
    factors: list[Tensor | None] = []
    for side in shape if len(shape) == 2 else ():
        count = side * (side - 1) // 2 if has_factor(side) else 0
        factors.append(_triangle(values[:count], side) if count else None)
        values = values[count:]
    left, right = factors or (None, None)
    centre = centre_of(name, mean)
    if centred:
        centre, values = torch.from_numpy(values[:size].copy()).view(shape), values[size:]
    return Belief(mean, log_scale, left, right, exponent, centre), values


def _below_size(shape: tuple[int, ...]) -> int:
    return sum(side * (side - 1) // 2 for side in shape if has_factor(side)) if len(shape) == 2 else 0


def _below(factor: Tensor | None) -> Tensor:
    """The entries below the diagonal, row by row."""
    if factor is None:
        return torch.zeros(0)
    rows, columns = torch.tril_indices(len(factor), len(factor), -1)
    return factor[rows, columns]


def _triangle(values: np.ndarray, side: int) -> Tensor:
    factor = torch.eye(side)
    rows, columns = torch.tril_indices(side, side, -1)
    factor[rows, columns] = torch.from_numpy(values.copy())
    return factor


def _header(name: str, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CodeFormatError(f"{name}: a header that is no JSON") from error
    if not isinstance(header, dict) or tuple(sorted({*header} - {CENTRED})) != FIELDS:
        raise CodeFormatError(f"{name}: need a header of {', '.join(FIELDS)}")
    if header.get(CENTRED, True) is not True:
        raise CodeFormatError(f"{name}: {CENTRED} is neither absent nor true")
    whole = all(type(header[key]) is int for key in ("draw", "draws", "seed"))
    if not whole or not 0 <= header["draw"] < header["draws"] <= DRAWS_LIMIT or not 0 <= header["seed"] < 1 << 63:
        raise CodeFormatError(f"{name}: seed, draw and draws are not those of a draw")
    exponents = header["exponents"]
    if not isinstance(exponents, list) or not all(
        type(e) is int and SCALE_MIN <= e < SCALE_MIN + SCALES for e in exponents
    ):
        raise CodeFormatError(f"{name}: prior scales out of range")
    if not isinstance(header["config"], dict):
        raise CodeFormatError(f"{name}: no configuration")
    return header
