"""The second corpus, sources of pinned Python packages: fetch the wheels, build the streams, compare every digest.

    python experiments/corpora.py                    says which streams are there
    python experiments/corpora.py core               14 wheels (38 MB), bytes, bpe512 and bpe8192: one minute on a core
    python experiments/corpora.py large              108 wheels (361 MB), bytes and bpe8192: five minutes, 1.8 GB
    python experiments/corpora.py core --vocabularies bytes
    python experiments/corpora.py core --smoke       two small wheels, twice, into .cache/corpora-smoke: some seconds

Everything lies in .cache/corpora, or where GENBOUND_CORPORA says, and is made once; a killed run is started again. pip
downloads, from where its own configuration says. The rows that are printed are those of
genbound/lm/corpora/python_streams.tsv.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from genbound.errors import DataError
from genbound.lm.corpora import python_sources
from genbound.lm.corpora.streams import VOCABULARIES, Corpus, Pin, Pins
from genbound.lm.corpora.wheels import fetch

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / python_sources.CACHE
SMOKE = ("celery", "scrapy")
"""The smallest packages of the core list."""


def show(packages: str, pins: Pins) -> None:
    """Streams as rows of the table of pins."""
    for (part, vocabulary), pin in pins.items():
        print("\t".join((packages, part, vocabulary, str(pin.tokens), pin.sha256)))


def status(folder: Path) -> None:
    """Which of the pinned streams are there."""
    for packages in python_sources.LISTS:
        corpus = python_sources.corpus(packages)
        for (part, vocabulary), pin in corpus.pins.items():
            there = corpus.path(folder, part, vocabulary, pin).is_file()
            print(f"{packages:<6} {part:<11} {vocabulary:<8} {pin.tokens:>12,} {'built' if there else 'not built'}")


def smoke(corpus: Corpus, folder: Path, vocabularies: tuple[str, ...]) -> dict[tuple[str, str], Pin]:
    """Build the corpus of a few wheels twice, unpinned, and compare.

    Raises:
        DataError: the second time other streams came out.
    """
    small = Corpus("python-smoke", tuple(w for w in corpus.wheels if w.name in SMOKE) or corpus.wheels[:2], {})
    fetch(small.wheels, folder)
    first = small.build(folder, vocabularies)
    with TemporaryDirectory(dir=folder) as again:
        (Path(again) / "wheels").symlink_to((folder / "wheels").resolve())
        if small.build(Path(again), vocabularies) != first:
            raise DataError("the streams are not the same twice")
    return first


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="?", choices=tuple(python_sources.LISTS), help="the list of packages")
    parser.add_argument("--vocabularies", nargs="+", choices=tuple(VOCABULARIES), default=[], help="default: pinned")
    parser.add_argument("--smoke", action="store_true", help="two small wheels, in a folder of their own")
    options = parser.parse_args(arguments)
    if options.packages is None:
        status(CACHE)
        return
    corpus = python_sources.corpus(options.packages)
    if options.smoke:
        folder = CACHE.with_name(CACHE.name + "-smoke")
        show("smoke", smoke(corpus, folder, tuple(options.vocabularies) or ("bpe512",)))
        return
    print(f"fetched {fetch(corpus.wheels, CACHE)} of {len(corpus.wheels)} wheels")
    show(options.packages, corpus.build(CACHE, options.vocabularies))


if __name__ == "__main__":
    main()
