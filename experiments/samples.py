"""Text from the original models and from the certified ones, side by side: what a bound of so many nats sounds like.

    python experiments/samples.py            writes results/samples.md from the certificates of description_length.py

The prompt is the same, the random numbers too. A certified predictor is the decoded model under the law its certificate
names, sampled as it stands (temperature 1, no truncation): the law keeps a few per cent for unlikely characters, which
is the price of a ceiling on the loss. "decoded" is the same model without that law. Nothing was picked: one seed, the
first draw.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbound.certificate.certificate import Certificate
from genbound.files import write_atomic
from genbound.lm.corpora import alphabet
from genbound.lm.descriptions.routes import ROUTES
from genbound.lm.ladder import models
from genbound.lm.tilted import slacks

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "experiments" / "results" / "description_length.json"
WORK = ROOT / ".cache" / "description_length"
OUT = ROOT / "experiments" / "results" / "samples.md"
PROMPT = "Fellow citizens of the Senate and House of Representatives: "
LENGTH, SEED, WIDTH = 320, 0, 100


def certified(stream: str) -> tuple[Any, float, dict[str, Any]] | None:
    """The model, the law and the row of the best certificate of a stream; None where its folder is not there."""
    rows = [r for r in json.loads(STUDY.read_text())["rows"] if r["stream"] == stream]
    for row in sorted(rows, key=lambda r: r["bound"]):
        for folder in sorted((WORK / stream).glob(f"{row['code']}-{row['model'].replace(':', '-')}*")):
            certificate = Certificate.load(folder)
            headline = certificate.content["bounds"]["geometric_mean"]
            coded = certificate.codes[headline["code"]]
            if coded.sha256 == row["sha256"]:
                law = headline["tuned"].get("w") or headline["alpha"]
                return ROUTES[row["code"]].read(folder / coded.file).model, float(law), row
    return None


def sampled(model: Any, law: float | None = None) -> str:
    """LENGTH characters after the prompt, under the model or under a law of its predictions."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    ids = alphabet.encode(PROMPT).tolist()
    context = int(model.config.max_position_embeddings)
    with torch.inference_mode():
        for _ in range(LENGTH):
            logits = model(input_ids=torch.tensor([ids[-context:]])).logits[0, -1].double()
            p = torch.softmax(logits, -1)
            if law is not None and law >= 1:
                p = torch.softmax(slacks(p[None], -(p * p.clamp_min(1e-300).log()).sum()[None], law)[0], -1)
            elif law is not None:
                p = (1 - law) * p + law / len(p)
            ids.append(int(np.searchsorted(np.cumsum(p.numpy())[:-1], generator.random())))
    return alphabet.decode(np.array(ids[-LENGTH:], dtype=np.uint8))


def block(title: str, text: str) -> list[str]:
    shown = textwrap.wrap(" ".join(text.split()), WIDTH)
    return [f"**{title}**", "", "```text", *shown, "```", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    lines = ["# Samples", "", f"Prompt: `{PROMPT}`; seed {SEED}; made by experiments/samples.py.", ""]
    for stream in models.ladder_names():
        found = certified(stream)
        if found is None:
            continue
        model, law, row = found
        original = models.load(stream)[0]
        lines += [f"## {stream}: certified at {row['bound']:.3f} nats per character", ""]
        lines += block(f"original, {row['ladder_parameters']:,} parameters, one epoch", sampled(original))
        lines += block(f"certified: {row['code']}, {row['code_nats']:,.0f} nats, its law", sampled(model, law))
        lines += block(f"decoded: the same without the law, loss {row['loss_coded']:.3f}", sampled(model))
    write_atomic(options.out, ("\n".join(lines).rstrip() + "\n").encode())
    print(options.out)


if __name__ == "__main__":
    main()
