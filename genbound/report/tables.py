"""Tables for the terminal, at home in 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from genbound.certificate.certificate import Certificate
from genbound.certificate.rows import METHODS, BoundRow

LABELS = {
    "random_guess": "random guess, ln V",
    "held_out": "held_out",
    "progressive_validation": "progressive_validation",
    "lotfi_subsampled": "lotfi_subsampled",
    "azuma_hoeffding": "azuma_hoeffding",
    "finzi_bound": "finzi_bound",
    "empirical_freedman": "empirical_freedman",
    "geometric_mean": "geometric_mean",
    "floor": "floor",
}
ROWS = {
    "empirical_risk": "empirical risk of the original model",
    "quantization_error": "quantization error",
    "smoothing_cost": "smoothing cost",
    "complexity": "complexity",
    "loss_variation": "loss variation",
    "sampling": "sampling",
}


_TRAINED = "described model minus original"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, title_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index == 0 else "right", no_wrap=index > 0)
    return table


def nats(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def certificate_tables(certificate: Certificate) -> Iterator[RenderableType]:
    """What `genbound certify` shows: the bounds side by side, the decomposition, what was paid."""
    content = certificate.content
    model, data, reading = content["model"], content["data"], content["reading"]
    delta, per = content["settings"]["delta"], data["bytes_per_token"]
    length = f"{reading['window']} after {reading['lead']} read" if reading.get("lead") else reading["window"]
    yield Text(
        f"{model['name']}: {model['parameters']:,} parameters, {model['architecture']}, V = {model['vocab_size']:,}\n"
        f"{data['description']}\n"
        f"n = {reading['n_tokens']:,} tokens, {reading['mode']}, windows of {length}, delta = {delta:g}"
    )
    if reading["tokens_before"]:
        yield Text(
            f"ABOUT THE REST: the first {reading['tokens_before']:,} tokens made the prior; the bounds about coded\n"
            "models say nothing about them.",
            style="bold yellow",
        )
    unit = "bits/byte"
    table = _table("Risk bounds", "bound", "nats/token", unit, "coded model", "alpha", "")
    for name, row in certificate.bounds.items():
        if row is None:
            continue
        each = (content["heldout"] or {}).get("bytes_per_token") if name == "held_out" else per
        bits = f"{row.value / math.log(2) / each:.4f}" if each else "-"
        style = "bold" if name == "geometric_mean" else ("dim" if row.code is None else "")
        table.add_row(
            LABELS[name], nats(row.value), bits, row.code or "-", _law(row),
            _verdict(name, row.value, model["vocab_size"]), style=style,
        )  # fmt: skip
    yield table
    table = _table("geometric_mean, taken apart", "row", "nats/token")
    quantized = certificate.codes[str(certificate.content["bounds"]["geometric_mean"]["code"])].rate is not None
    for name, value in certificate.decomposition.items():
        other = name == "quantization_error" and not quantized
        table.add_row(_TRAINED if other else ROWS[name], nats(value))
    table.add_row("sum", nats(certificate.value), style="bold")
    yield table
    headline = certificate.bounds["geometric_mean"]
    assert headline is not None
    table = _table("Paid, within the bound", "item", "nats", "spread over", "each")
    for name, value in headline.paid.items():
        windows = name.startswith("second stage")
        count = reading["windows_read"] if windows else reading["n_tokens"]
        unit = "windows" if windows else "tokens"
        table.add_row(name, f"{value:,.2f}", f"{count:,} {unit}", f"{value / count:.6f}")
    yield table
    code = certificate.codes[str(headline.code)]
    size = f"{code.nats:,.0f} nats" if code.code_bits is None else f"{code.code_bits:,} bits"
    share = f"{code.bits_per_parameter(model['parameters']):.2f} bits per parameter"
    yield Text(f"{code.label} ({code.kind}): {size}, {share}\n{code.states}")
    yield from _missing(certificate)
    yield Text(
        "Each bound holds alone with probability 1 - delta. It is about next tokens after\n"
        "the training contexts, not about fresh documents."
    )
    if reading["mode"] == "assumed uniform":
        yield Text(
            "ASSUMED, not checked: the tokens given are a uniform sample of the whole stream.", style="bold yellow"
        )


def _law(row: BoundRow) -> str:
    """The smoothing weight, or the weight of the optimal law."""
    if row.alpha is not None:
        return f"{row.alpha:.3g}"
    return f"w = {row.tuned['w']:.3g}" if "w" in row.tuned else "-"


def _missing(certificate: Certificate) -> Iterator[Text]:
    """Why bounds about coded models are missing: methods with one reason on one line."""
    reasons: dict[str, list[str]] = {}
    for name, reason in certificate.content["not_offered"].items():
        if name not in ("held_out", "progressive_validation"):
            reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        yield Text(f"not offered: {', '.join(names)}: {reason}", style="dim")


def _verdict(name: str, value: float, vocab_size: int) -> str:
    if name == "random_guess":
        return ""
    return "vacuous" if value >= math.log(vocab_size) else ""


def _estimate(model: dict[str, Any]) -> str:
    """A mark on measured losses that come from sampled windows."""
    return "" if model["reading"] == "every token" else "~"


def demo_table(models: Sequence[dict[str, Any]]) -> Iterator[RenderableType]:
    """One table for the whole ladder, methods down and models across."""
    table = _table("What can be proved, nats per character", "", *(m["name"] for m in models))

    def line(label: str, values: Sequence[str], style: str = "") -> None:
        table.add_row(label, *values, style=style)

    line("parameters", [f"{m['parameters']:,}" for m in models])
    line("characters n", [f"{m['n_tokens'] / 1e6:.2f}M" for m in models])
    line("bits per parameter", [f"{m['code_bits'] / m['parameters']:.2f}" for m in models])
    line("read", [m["reading"].split()[-1] if m["reading"] != "every token" else "all" for m in models])
    line("training loss", [nats(m["loss_train"]) + _estimate(m) for m in models])
    line("held-out loss (no theorem)", [nats(m["loss_heldout"]) for m in models], "dim")
    table.add_section()
    for name in METHODS:
        style = "bold" if name == "geometric_mean" else ""
        line(
            LABELS[name],
            [
                nats(m["bounds"][name]) + ("*" if _verdict(name, m["bounds"][name] or 0.0, m["vocab_size"]) else "")
                for m in models
            ],
            style,
        )
    line("above the floor", [nats(m["bounds"]["geometric_mean"] - m["bounds"]["floor"]) for m in models])
    table.add_section()
    for name in models[0]["decomposition"]:
        line(
            ROWS[name].replace(" of the original model", ""),
            [nats(m["decomposition"][name]) for m in models],
        )
    line("geometric_mean", [nats(m["bounds"]["geometric_mean"]) for m in models], "bold")
    yield table
    if any(map(_estimate, models)):
        count = max(m["windows_read"] for m in models if _estimate(m))
        yield Text(f"~ measured on {count:,} windows drawn at random; the row sampling pays for it")
    if any(_verdict(name, value or 0.0, m["vocab_size"]) for m in models for name, value in m["bounds"].items()):
        yield Text("* vacuous: no better than a random guess")


def plan_table(plan: Any) -> Table:
    """What `certify --dry-run` shows."""
    table = _table(plan.title, "step", "what", "seconds", "memory")
    for step in plan.steps:
        table.add_row(step.name, step.what, f"{step.seconds:,.0f}", f"{step.megabytes:,.0f} MB")
    table.add_row("total", "", f"{plan.seconds:,.0f}", f"{plan.megabytes:,.0f} MB", style="bold")
    return table


def arrays_table(results: Sequence[Any], *, n: int, ceiling: float, delta: float, code_bits: float) -> Table:
    """What `genbound bound` shows."""
    title = f"n = {n:,}, B = {ceiling:g}, L = {code_bits:g} bits, delta = {delta:g}"
    table = _table(title, "bound", "nats/token", "above the mean", "C")
    mean = results[0].term("empirical risk")
    table.add_row("mean loss", nats(mean), "", "", style="dim")
    for result in results:
        style = "bold" if result.name == "geometric_mean" else ""
        table.add_row(
            result.name, nats(result.value), nats(result.value - mean), f"{result.complexity:.4g}", style=style
        )
    return table
