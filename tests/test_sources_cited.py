"""The references: entries that BibTeX reads, fields that are complete, citations that claim no more than was seen."""

from __future__ import annotations

import ast
import re
import string
import unicodedata
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbound.claims import sources
from genbound.claims.sources import SOURCES, Citation, Source
from genbound.errors import DomainError

settings.register_profile("unhurried", deadline=None)  # shared machines stall now and then
settings.load_profile("unhurried")

EXPECTED = """
    finzi2025 lotfi2024 lotfi2024icml qiu2026 finzi2026 hoffmann2022 besiroglu2024 chee2023 tseng2024 frantar2023
    ville1939 bennett1962 hoeffding1963 azuma1967 freedman1975 kaplan1987 audibert2009 maurer2009 honda2010 cappe2013
    fan2015 howard2021 mineiro2022 orabona2024 waudbysmith2024 kraft1949 mcmillan1956 donsker1975 elias1975 lin1991
    blum1999 mcallester1999 cesabianchi2004 ambroladze2006 blanchard2007 catoni2007 seldin2012 rivasplata2020
    dziugaite2021 chugg2023
"""
REQUIRED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "book": {"author", "title", "publisher", "year"},
    "mastersthesis": {"author", "title", "school", "year"},
    "misc": {"author", "title", "howpublished", "year"},
}
ORDER = """
    author title journal booktitle publisher school howpublished volume number pages year eprint archiveprefix doi isbn
    url
"""
UNIDENTIFIED = {"honda2010", "kraft1949"}
"""No identifier of these two could be confirmed."""


def parse(entry: str) -> tuple[str, str, dict[str, str]]:
    """(kind, key, fields) of one BibTeX entry, strictly: braces balance, no field twice, nothing left over."""
    head = re.match(r"@([a-z]+)\{([a-z0-9]+),\n", entry)
    assert head, entry
    kind, key = head.groups()
    fields: dict[str, str] = {}
    at = head.end()
    while not entry.startswith("}", at):
        name = re.compile(r"  ([a-z]+) = \{").match(entry, at)
        assert name, entry[at:]
        start = name.end()
        end = closing(entry, start)
        assert name[1] not in fields, name[1]
        fields[name[1]] = entry[start:end]
        separator = re.compile(r"\}(,\n(?=  )|\n(?=\}))").match(entry, end)
        assert separator, entry[end:]
        at = separator.end()
    assert entry[at:] == "}", entry[at:]
    return kind, key, fields


def closing(text: str, start: int) -> int:
    """Where the brace that was open at `start` closes; BibTeX counts braces whether or not they are escaped."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise AssertionError(f"unbalanced braces: {text}")


def unlatex(text: str) -> str:
    """Accent commands and escapes undone: what the reader of the bibliography sees."""
    marks = dict(zip("'`^\"~vHc", "\u0301\u0300\u0302\u0308\u0303\u030c\u030b\u0327", strict=True))
    text = re.sub(r"\{\\(['`^\"~vHc])\{(\w)\}\}", lambda m: m[2] + marks[m[1]], text)
    return re.sub(r"\\([&%$#_{}])", r"\1", text)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def source(**changes: Any) -> Source:
    return replace(SOURCES["maurer2009"], **changes)


def test_every_reference_is_there_once() -> None:
    assert sorted(SOURCES) == sorted(EXPECTED.split())
    assert all(key == each.key for key, each in SOURCES.items())
    rows = [
        call.args[0].value
        for call in ast.walk(ast.parse(Path(sources.__file__).read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "_of" and isinstance(call.args[0], ast.Constant)
    ]
    assert sorted(rows) == sorted(EXPECTED.split())  # a key used twice would vanish from the mapping, not from here
    assert len({each.title for each in SOURCES.values()}) == len(SOURCES)
    named = [each.identifier for each in SOURCES.values() if each.identifier]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("each", SOURCES.values(), ids=SOURCES)
def test_bibtex_parses_and_says_the_same(each: Source) -> None:
    entry = each.bibtex()
    assert entry.isascii()
    assert entry == each.bibtex()
    kind, key, fields = parse(entry)
    assert (kind, key) == (each.kind, each.key)
    assert REQUIRED[kind] <= set(fields)
    assert list(fields) == [name for name in ORDER.split() if name in fields]
    assert all(value.strip() for value in fields.values())
    assert unlatex(fields["author"]) == decomposed(" and ".join(each.authors))
    assert unlatex(fields["title"]) == "{" + decomposed(each.title) + "}"
    assert fields["year"] == str(each.year) == re.sub(r"\D", "", each.key)
    for name, value in fields.items():
        if name not in ("doi", "eprint", "isbn", "url"):
            assert not re.search(r"(?<!\\)[&%$#_]", value), value


@pytest.mark.parametrize("each", SOURCES.values(), ids=SOURCES)
def test_every_field_is_filled(each: Source) -> None:
    assert all((each.key, each.authors, each.title, each.venue, each.kind))
    assert bool(each.identifier) == (each.key not in UNIDENTIFIED)
    scheme, _, name = each.identifier.partition(":")
    form = {
        "arXiv": r"\d{4}\.\d{4,5}",
        "doi": r"10\.\d{4,9}/[\x21-\x7e]+",
        "isbn": r"[\d-]+[\dX]",
        "numdam": r"[A-Z0-9_]+",
        "": "",
    }[scheme]
    assert re.fullmatch(form, name), each.identifier
    if scheme == "isbn":
        assert isbn_is_valid(name)
    if scheme == "arXiv":
        posted = 2000 + int(name[:2])
        assert posted - 1 <= each.year <= posted + 3, "an arXiv number carries the year it was posted"
    assert each.url.startswith("https://") == (scheme in ("arXiv", "doi", "numdam"))
    assert each.place or each.kind in ("misc", "book", "mastersthesis") or each.key in {
        "finzi2025", "frantar2023", "blanchard2007",
    }  # fmt: skip
    if match := re.search(r":(\d+)-(\d+)", each.place):
        assert int(match[1]) < int(match[2])


def isbn_is_valid(isbn: str) -> bool:
    digits = [10 if char == "X" else int(char) for char in isbn if char != "-"]
    if len(digits) == 10:
        return sum((10 - i) * digit for i, digit in enumerate(digits)) % 11 == 0
    return len(digits) == 13 and sum(digit * (3 if i % 2 else 1) for i, digit in enumerate(digits)) % 10 == 0


def test_short_names() -> None:
    assert SOURCES["azuma1967"].short() == "Azuma (1967)"
    assert SOURCES["waudbysmith2024"].short() == "Waudby-Smith and Ramdas (2024)"
    assert SOURCES["cappe2013"].short() == "Cappé et al. (2013)"
    assert len({each.short() for each in SOURCES.values()}) == len(SOURCES) - 1  # Lotfi et al. (2024), twice
    assert all(each.key.startswith(latin(each.authors[0].split(",")[0])) for each in SOURCES.values())


def latin(family: str) -> str:
    return "".join(char for char in decomposed(family).lower() if char in string.ascii_lowercase)


def test_entries_are_pinned() -> None:
    """One entry of each kind, letter by letter: an entry that changes changes other people's files."""
    assert SOURCES["maurer2009"].bibtex() == (
        "@inproceedings{maurer2009,\n"
        "  author = {Maurer, Andreas and Pontil, Massimiliano},\n"
        "  title = {{Empirical Bernstein Bounds and Sample Variance Penalization}},\n"
        "  booktitle = {Conference on Learning Theory},\n"
        "  pages = {115--124},\n"
        "  year = {2009},\n"
        "  eprint = {0907.3740},\n"
        "  archiveprefix = {arXiv},\n"
        "  url = {https://arxiv.org/abs/0907.3740}\n"
        "}"
    )
    assert SOURCES["ville1939"].bibtex() == (
        "@book{ville1939,\n"
        "  author = {Ville, Jean},\n"
        "  title = {{{\\'{E}}tude critique de la notion de collectif}},\n"
        "  publisher = {Gauthier-Villars},\n"
        "  year = {1939},\n"
        "  url = {https://www.numdam.org/item/THESE_1939__218__1_0}\n"
        "}"
    )
    assert "author = {Ambroladze, Amiran and Parrado-Hern{\\'{a}}ndez, Emilio" in SOURCES["ambroladze2006"].bibtex()
    assert "title = {{QuIP\\#: Even" in SOURCES["tseng2024"].bibtex()
    assert parse(SOURCES["audibert2009"].bibtex())[2]["pages"] == "1876--1902"
    assert parse(SOURCES["kraft1949"].bibtex())[0::2] == (
        "mastersthesis",
        {
            "author": "Kraft, Leon G.",
            "title": "{A Device for Quantizing, Grouping, and Coding Amplitude-Modulated Pulses}",
            "school": "Massachusetts Institute of Technology",
            "year": "1949",
        },
    )


def test_a_locator_is_printed_only_when_verified() -> None:
    finzi = SOURCES["finzi2025"]
    assert str(Citation(finzi)) == "Finzi et al. (2025)"
    assert str(Citation(finzi, "Theorem 3.1")) == "Finzi et al. (2025)"
    assert str(Citation(finzi, "Theorem 3.1", verified=True)) == "Finzi et al. (2025), Theorem 3.1"
    assert str(Citation(finzi, verified=True)) == "Finzi et al. (2025)"


def test_sources_do_not_change_under_the_reader() -> None:
    with pytest.raises(FrozenInstanceError):
        SOURCES["finzi2025"].year = 2024  # type: ignore[misc]
    with pytest.raises(TypeError):
        SOURCES["finzi2025"] = SOURCES["lin1991"]  # type: ignore[index]
    assert len({SOURCES["lin1991"], source(), SOURCES["maurer2009"]}) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""}, {"key": "Maurer2009"}, {"key": "maurer"}, {"key": "a,b2009"},
        {"authors": ()}, {"authors": ("",)}, {"authors": ("Andreas Maurer",)}, {"authors": ("Maurer, A., Jr.",)},
        {"title": " "}, {"venue": ""}, {"year": 209}, {"kind": "journal"},
        {"identifier": "0907.3740"}, {"identifier": "arXiv:"}, {"identifier": "arxiv:0907.3740"},
        {"identifier": "doi:10.1/a b"}, {"place": "pp. 3-4"}, {"place": "3(1)100-118"},
    ],
    ids=str,
)  # fmt: skip
def test_incomplete_sources_are_refused_by_name(changes: dict[str, Any]) -> None:
    (field,) = changes
    with pytest.raises(DomainError, match=f"^{field}="):
        source(**changes)


@pytest.mark.parametrize("title", ["Über x^2", "a\\b", "~", "naïve\nbreak", "Łukasz", "数", "zero\u200bwidth"])
def test_what_cannot_be_escaped_is_refused(title: str) -> None:
    with pytest.raises(DomainError, match=r"^text="):
        source(title=title).bibtex()


@given(st.text(string.ascii_letters + string.digits + " .:;()'\"&%$#_-+=<>|éèêëñçšüöäÉőÇ", min_size=1))
def test_any_plain_title_survives(title: str) -> None:
    if title.strip():
        _, _, fields = parse(source(title=title).bibtex())
        assert unlatex(fields["title"]) == "{" + decomposed(title) + "}"


@pytest.mark.parametrize("title", ["{", "}", "}{", "a } b { c"])
def test_lone_braces_do_not_unbalance_an_entry(title: str) -> None:
    with pytest.raises(DomainError, match=r"^text="):
        source(title=title).bibtex()


@pytest.mark.parametrize(
    "entry",
    [
        "@article{a1,\n  title = {{x}},\n  title = {{x}}\n}",
        "@article{a1,\n  title = {{x}\n}",
        "@article{a1,\n  title = {x}\n  year = {1}\n}",
        "@article{a1,\n  title = {x},\n}",
        "@article{a1,\n  title = {x}\n} and more",
        "@article{,\n  title = {x}\n}",
    ],
)
def test_the_parser_is_strict(entry: str) -> None:
    with pytest.raises(AssertionError):
        parse(entry)
