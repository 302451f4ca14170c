"""The shipped priors, made again: one pass of a ladder architecture over the World English Bible.

    python experiments/priors.py --run 30k      trains `prior:30k` again and compares its bytes (four minutes)
    python experiments/priors.py                the shipped priors: loss on their own text and on the ladder's held-out

Needs pip install 'genbound[priors]'. The bytes are those of one thread and the library versions of training.json.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from genbound.files import file_sha256
from genbound.lm import priors
from genbound.lm.corpora import sotu
from genbound.lm.ladder.recipes import RECIPES
from genbound.lm.ladder.train import mean_loss

WEIGHTS = "model.safetensors"


def again(name: str) -> None:
    """Train a prior and say whether its bytes are those that are shipped; a name that is not shipped is written."""
    if name not in priors.prior_names():
        print(f"{name}: written, loss {priors.make(name, priors.FOLDER / name)['loss_train']:.4f}")
        return
    with tempfile.TemporaryDirectory() as folder:
        record = priors.make(name, Path(folder))
        same = file_sha256(Path(folder) / WEIGHTS) == file_sha256(priors.path(name) / WEIGHTS)
    print(f"{name}: loss {record['loss_train']:.4f}, {'the same bytes' if same else 'OTHER BYTES'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs="+", default=[], choices=list(RECIPES))
    options = parser.parse_args()
    for name in options.run:
        again(name)
    if not options.run:
        print(f"{'prior':>6} {'parameters':>10} {'own text':>9} {'held-out messages':>18}")
        for name in priors.prior_names():
            model, record = priors.load(name)
            other = mean_loss(model, sotu.heldout_stream(), 128)
            print(f"{name:>6} {record['parameters']:10,} {record['loss_train']:9.4f} {other:18.4f}")


if __name__ == "__main__":
    main()
