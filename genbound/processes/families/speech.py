"""Characters drawn from a trigram model of real speeches, scored by a bigram model that knows less.

The text (`speech.txt`) is Abraham Lincoln's annual messages of 1863 and 1864, in the public domain. The alphabet
is fixed: 26 letters, the space, and one sign for everything else. The law of the next character is the trigram
table; the loss is the NLL of the bigram model's prediction smoothed with alpha, so X <= B = ln(V/alpha), the
conditional mean is the cross-entropy of the two rows, and Y is the entropy of the smoothed prediction.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import numpy as np

from genbound.processes.paths import Paths, Process, Tape

V = 28
ALPHA = 0.05


def text_ids() -> np.ndarray:
    """The text as ids: a..z are 0..25, a run of white space is 26, anything else 27.

    >>> text_ids().size > 60_000, int(text_ids().max())
    (True, 27)
    """
    text = " ".join(files("genbound.processes").joinpath("speech.txt").read_text(encoding="ascii").lower().split())
    codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - ord("a")
    return np.where((codes >= 0) & (codes < 26), codes, np.where(codes == ord(" ") - ord("a"), 26, 27))


@cache
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(trigram law (V, V, V), NLL of the smoothed bigram model (V, V), its entropy (V,)), nats."""
    ids = text_ids()
    triples = np.full((V, V, V), 0.01)
    np.add.at(triples, (ids[:-2], ids[1:-1], ids[2:]), 1.0)
    pairs = np.full((V, V), 0.5)
    np.add.at(pairs, (ids[:-1], ids[1:]), 1.0)
    law = triples / triples.sum(axis=2, keepdims=True)
    smoothed = (1 - ALPHA) * pairs / pairs.sum(axis=1, keepdims=True) + ALPHA / V
    return law, -np.log(smoothed), -(smoothed * np.log(smoothed)).sum(axis=1)


def speech(rng: np.random.Generator, replicas: int, n: int, log_inv_delta: float) -> Paths:
    """Characters of the trigram model after a full stop and a space; see the module."""
    law, losses, entropy = tables()
    tape = Tape(rng, replicas, n, math.nextafter(math.log(V / ALPHA), math.inf), 0.0, math.log(V) + 1e-9)
    before, last = np.full(replicas, 27), np.full(replicas, 26)
    for k in range(n):
        drawn = tape.draw(k, losses[last], law[before, last], entropy[last])
        before, last = last, drawn
    return tape.paths()


FAMILIES = (Process("speech", "characters of a trigram model of real speeches, scored by bigrams", "adapted", speech),)
