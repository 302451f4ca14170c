"""The registry: every card by its name, the graph of statements, and the citation of exactly what was used."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from genbound.claims.card import Claim
from genbound.claims.sources import Source
from genbound.concentration.result import BoundResult
from genbound.errors import domain_error

_SHELVES = (
    "lemmas", "smoothing", "one_hypothesis", "comparators", "many_hypotheses", "published", "sampled", "limits",
    "spectra", "scaling",
)  # fmt: skip


@cache
def claims() -> dict[str, Claim]:
    """Every card by name, in the order of THEORY.

    Raises:
        DomainError: two cards of one name, or a `uses` that names no card.
    """
    found: dict[str, Claim] = {}
    for shelf in _SHELVES:
        for card in importlib.import_module(f"genbound.claims.shelves.{shelf}").CARDS:
            if card.name in found:
                raise domain_error("name", card.name, "one card of each name", f"shelf {shelf}")
            found[card.name] = card
    for card in found.values():
        missing = [name for name in card.uses if name not in found]
        if missing:
            raise domain_error("uses", missing, "names of claims", f"card {card.name}")
    return found


def claim(name: str) -> Claim:
    """One card by name, a planted variant by `claim!error`; DomainError lists near names."""
    base, _, error = name.partition("!")
    cards = claims()
    if base not in cards:
        import difflib

        near = difflib.get_close_matches(base, cards, n=3, cutoff=0.4)
        raise domain_error("claim", name, f"a registered claim{f' (near: {near})' if near else ''}", "name")
    return cards[base].variant(error) if error else cards[base]


def rests_on(name: str) -> list[Claim]:
    """The card and everything it uses, directly or not: each once, the card first.

    >>> [card.name for card in rests_on("geometric_mean_dominates")][:2]
    ['geometric_mean_dominates', 'one_minus_exp']
    """
    order: dict[str, Claim] = {}

    def visit(card: Claim) -> None:
        if card.name not in order:
            order[card.name] = card
            for used in card.uses:
                visit(claim(used))

    visit(claim(name))
    return list(order.values())


def cite(*used: str | BoundResult | Claim, software: bool = True) -> str:
    """BibTeX of exactly what was used: the sources of these claims and of everything they rest on.

    Args:
        used: names of claims, results of bounds (their claim is their name), or cards.
        software: also cite this library.

    >>> "finzi2025" in cite("empirical_freedman"), "maurer2009" in cite("empirical_freedman")
    (True, False)
    """
    names = [each if isinstance(each, str) else each.name for each in used]
    sources = _sources(card for name in names for card in rests_on(name.split(" (")[0].split("!")[0]))
    entries = [source.bibtex() for source in sources]
    return "\n\n".join([*entries, _SOFTWARE] if software else entries)


def _sources(cards: Iterable[Claim]) -> list[Source]:
    found: dict[str, Source] = {}
    for card in cards:
        for citation in card.sources:
            found.setdefault(citation.source.key, citation.source)
    return sorted(found.values(), key=lambda source: source.key)


_SOFTWARE = """@software{genbound,
  title = {genbound: generalization bounds for language models, derived, certified and measured on real models},
  author = {{The genbound authors}},
  year = {2026}
}"""
