"""Invented results in the shape of experiments/results, for the tests of the figures. No number here was measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

SIZES = {"10k": 1e4, "17k": 1.7e4, "30k": 3e4, "55k": 5.5e4, "100k": 1e5, "170k": 1.7e5, "300k": 3e5, "530k": 5.3e5,
         "1M": 1e6}  # fmt: skip
LADDERS = {"sotu": (list(SIZES)[:8], 96), "python-bytes": (list(SIZES)[4:], 256), "python-bpe": (list(SIZES)[4:], 512)}
LEVEL = {"sotu": 1.0, "python-bytes": 0.8, "python-bpe": 1.8, "off-frontier": 0.8}


def _loss(ladder: str, size: float, tokens: float) -> float:
    return LEVEL[ladder] * (0.7 + 9 * size**-0.25 + 14 * tokens**-0.25)


def _rows(loss: float, quantization: float, complexity: float, variation: float, smoothing: float) -> dict[str, float]:
    return {"empirical_risk": loss, "quantization_error": quantization, "smoothing_cost": smoothing,
            "complexity": complexity, "loss_variation": variation, "sampling": 0.0}  # fmt: skip


def _described(loss: float, size: float, tokens: float, vocab: int, code: str, bits: float) -> dict[str, Any]:
    price = bits * math.log(2) * size / tokens
    quantization = (0.1 if code == "ldlq" else 0.3) * (size / 1e4) ** -0.1
    variation = 0.3 * (size / 1e4) ** -0.15
    guess = math.log(vocab)
    finzi = _rows(loss, quantization, price * guess, 2 * variation * price**0.5, (2 * price) ** 0.5)
    ours = _rows(loss, quantization, price * (guess - loss), variation * price**0.5, -0.4 * price)
    freedman = dict(ours) | {"loss_variation": 1.3 * ours["loss_variation"]}
    rows = {"finzi_bound": finzi, "empirical_freedman": freedman, "geometric_mean": ours}
    bounds = {name: math.fsum(each.values()) for name, each in rows.items()}
    floor = loss + price * (guess - loss)
    bounds |= {"floor": floor, "azuma_hoeffding": bounds["finzi_bound"] + 0.4, "held_out": loss + 0.05,
               "lotfi_subsampled": bounds["finzi_bound"] + 0.5, "progressive_validation": loss + 0.25}  # fmt: skip
    return {"code": code, "bits_per_parameter": bits, "code_nats": bits * math.log(2) * size,
            "complexity_nats_per_token": price, "loss_coded": loss + quantization, "random_guess": guess,
            "floor": floor, "bounds": bounds, "decompositions": rows}  # fmt: skip


def _measured(ladder: str, name: str, seed: int, ratio: float, vocab: int, rng: np.random.Generator) -> dict[str, Any]:
    size = SIZES[name]
    tokens = ratio * size
    loss = _loss(ladder, size, tokens) * math.exp(0.01 * rng.normal())
    spread = (0.5 + 3 * size**-0.3) * LEVEL[ladder] ** 0.5 * math.exp(0.02 * rng.normal())
    quantization = [
        {"code": code, "bits": bits, "loss": loss, "proxy_relative": 0.1 / 4**bits,
         "error": worse * 0.4 * 4.0 ** (2 - bits) * (size / 1e4) ** -0.2 * math.exp(0.1 * rng.normal())
         - (0.002 if bits == 4 and code == "ldlq" else 0.0)}
        for bits in (2, 3, 4) for code, worse in (("rtn", 4.0), ("gptq", 1.6), ("ldlq", 0.3))
    ]  # fmt: skip
    layers = [{"layer": f"layers.{k}", "n": 32,
               "exponent": float(1.1 + 0.05 * math.log10(size) + 0.15 * rng.normal()) if k else None,
               "exponent_range": [2, 24], "trace": 1.0, "half_trace_squared_over_n": 0.4,
               "proxy_predicted": (guess := float(10 ** rng.uniform(-4, -1))),
               "proxy_measured": guess * float(math.exp(0.2 * rng.normal()))} for k in range(6)]  # fmt: skip
    described = [_described(loss, size, tokens, vocab, code, bits) for code, bits in (("gptq", 2.5), ("ldlq", 2.2))]
    row = {"ladder": ladder, "name": name, "seed": seed, "parameters": int(size), "tokens": int(tokens),
           "tokens_per_parameter": ratio, "vocab_size": vocab, "loss_train": loss, "loss_heldout": loss + 0.04,
           "about_stream": "training",
           "loss_progressive": loss + 0.2, "heldout_area_nats": 40 * size**0.8 * (ratio / 20) ** 0.5,
           "quantization": quantization, "bounds": described, "hessian": layers,
           "variation": {"tokens": 1 << 18, "mean_x": loss, "sd_x": 1.3 * spread, "sd_x_minus_y": spread,
                         "sigma": {"0.1": spread, "0.2": 1.05 * spread, "0.3": 1.1 * spread}}}  # fmt: skip
    if ladder == "sotu" and name in ("10k", "100k") and seed == 0:
        grid = np.geomspace(1e-7, 10, 120)
        row["spectrum"] = {"grid": grid.tolist(), "density": (size**0.2 * grid**-0.8).tolist()}
    return row


def measurements() -> dict[str, Any]:
    """Three ladders on the frontier, one off it, and a published model without training data."""
    rng = np.random.default_rng(0)
    rows = [_measured(ladder, name, seed, 20.0, vocab, rng)
            for ladder, (names, vocab) in LADDERS.items() for name in names
            for seed in range(3 if ladder == "sotu" and SIZES[name] <= 1e5 else 1)]  # fmt: skip
    rows += [_measured("off-frontier", name, 0, ratio, 256, rng) for name in ("30k", "100k")
             for ratio in (2.0, 5.0, 20.0, 80.0, 320.0)]  # fmt: skip
    stranger = {
        "ladder": "published",
        "name": "stranger",
        "seed": None,
        "parameters": 134_000_000,
        "tokens": None,
        "tokens_per_parameter": None,
        "heldout_area_nats": None,
        "bounds": [],
        "hessian": [],
        "vocab_size": 49152,
        "about_stream": "held-out text",
        "loss_train": None,
        "loss_heldout": 3.1,
        "variation": {"tokens": 4096, "mean_x": 3.1, "sd_x": 3.0, "sd_x_minus_y": 2.0, "sigma": {"0.2": 2.2}},
        "quantization": [{"code": "rtn", "bits": 4, "loss": 3.2, "error": 0.1, "proxy_relative": 0.01}],
    }
    return {"about": "invented", "versions": {}, "rows": [*rows, stranger]}


def _fit(quantity: str, title: str, ladder: str, law: str, a: float, p: float) -> dict[str, Any]:
    """Through the invented points: c = 0, a of their mean."""
    sizes = [SIZES[name] for name in LADDERS[ladder][0]]
    curve = [[N, a * N**-p, 0.95 * a * N**-p, 1.05 * a * N**-p] for N in np.geomspace(sizes[0], 1e7, 20).tolist()]
    intervals = {name: {"name": name, "estimate": value, "lower": value - 0.05, "upper": value + 0.05, "level": 0.95,
                        "method": "profile"} for name, value in (("a", a), ("p", p))}  # fmt: skip
    return {"quantity": quantity, "title": title, "ladder": ladder, "law": law, "curve": curve,
            "points": [[N, a * N**-p, 0] for N in sizes], "intervals": intervals}  # fmt: skip


def fits() -> dict[str, Any]:
    """Powers, one law that saturates, and one fit without a curve."""
    rows = []
    for ladder in LADDERS:
        level = LEVEL[ladder] ** 0.5
        for law in ("power", "saturating")[: 2 if ladder == "sotu" else 1]:
            rows.append(_fit("sigma", "loss variation, Sigma", ladder, law, 0.95 * level, 0.033))
            rows.append(_fit("sd_x_minus_y", "loss variation, sd(X - Y)", ladder, law, 0.9 * level, 0.033))
        rows.append(_fit("information", "information", ladder, "power", 40, -0.8))
    grid = {"quantity": "loss_heldout", "title": "held-out loss", "ladder": "python-bytes+off-frontier",
            "law": "chinchilla", "intervals": {}, "points": [[1e5, 2e6, 1.2]]}  # fmt: skip
    return {"about": "invented", "rows": [*rows, grid]}


def verdicts() -> dict[str, Any]:
    """Every verdict, every kind of region, two rules that are no exponents, and a row without an estimate."""
    claims = (
        ("the complexity is flat: GPTQ at 4 nominal bits", "exponent in N", "-0.05 to 0.05", 0.01, 0.03, "supported"),
        ("the loss variation falls: Sigma at C = .2", "exponent in N", "< 0", -0.05, 0.02, "supported"),
        ("Sigma = c + a N^-p with p = .54, within .1", "p", "0.44 to 0.64", 0.2, 0.1, "not supported"),
        ("Sigma = c + a N^-p has a floor", "c", "> 0", 0.3, 0.1, "supported"),
        ("information grows slower than the parameters", "exponent in N", "< 1", 0.8, 0.1, "supported"),
        ("layer spectra fall faster than 1/i", "p, median layer", "> 1", 1.1, 0.2, "cannot tell"),
        ("the gap falls: geometric_mean, shortest description", "exponent in N", "< 0", -0.02, 0.05, "cannot tell"),
    )
    rows: list[dict[str, Any]] = [
        {"claim": claim, "source": "invented", "ladder": ladder, "predicted": region, "rule": rule, "level": 0.95,
         "estimate": value + shift, "lower": value + shift - half, "upper": value + shift + half,
         "verdict": verdict, "sizes": 8,
         "shown": f"{value + shift:.3g} [{value + shift - half:.3g}, {value + shift + half:.3g}]"}
        for claim, rule, region, value, half, verdict in claims
        for ladder, shift in zip(LADDERS, (0.0, 0.01, 0.02), strict=True)
    ]  # fmt: skip
    rows.append({"claim": "30k: complexity at 4 bits is as N/D", "source": "invented", "ladder": "off-frontier",
                 "predicted": "-1.05 to -0.95", "rule": "exponent in D/N", "verdict": "cannot tell",
                 "shown": "2 different sizes: need 3 for a slope"})  # fmt: skip
    return {"about": "invented", "level": 0.95, "rows": rows}
