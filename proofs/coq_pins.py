"""Pins: the statements of the proved theorems, and of every definition they rest on, as a person last read them.

`statements.txt` holds them as Coq 8.16 prints them. Whatever the version, each pinned statement is read again in a
context that imports nothing but the standard library, and must be what the theorem proves, up to conversion. On 8.16
the text must be the same to the letter as well, and so must its full form, with nothing implicit left out.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from coq_build import asked, version
from coq_sources import LIBRARY

PRINTED_BY = "8.16"
HEADER = "From Coq Require Import Reals List.\nImport ListNotations.\nOpen Scope R_scope.\n"
SETTINGS = "Set Printing Width 110.\nSet Printing Depth 100000.\n"
PREAMBLE = f"""\
# What the proofs state, as Coq {PRINTED_BY} prints it: every theorem of theorems.tsv, and every definition it rests on.
# `python proofs/check.py` compares it with what is proved; `--bless` writes it anew, to be read before it is kept.
# `in full` is a hash of the same text with nothing left implicit.
"""

ALLOWED_AXIOMS = (
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
)
"""The axioms of the standard library's real numbers, and excluded middle."""
MACHINE_INTEGERS = ("PrimInt63.", "Uint63.")
"""The kernel's machine integers, which the Interval library computes with: allowed for the worked values only."""
WORKED_VALUES = "Values"


@dataclass(frozen=True)
class Row:
    """One line of theorems.tsv: a claim of the library ("-": none), a Coq constant, and where it is stated."""

    claim: str
    constant: str
    locator: str

    @property
    def file(self) -> str:
        """The file the constant is in."""
        return self.constant.split(".")[1]


@dataclass(frozen=True)
class Pin:
    """One entry of statements.txt.

    Attributes:
        kind: "theorem" and "constructor" (the text is a type), "definition" or "inductive" (the text is as printed).
        name: the Coq constant with its library.
        text: as Coq prints it.
        full: a hash of the full form.
        claims: the claims whose row it is.
    """

    kind: str
    name: str
    text: str
    full: str
    claims: tuple[str, ...] = ()

    def entry(self) -> str:
        """The entry of statements.txt."""
        claims = f"## claims {' '.join(self.claims)}\n" if self.claims else ""
        return f"## {self.kind} {self.name}\n{claims}## in full {self.full}\n{self.text}\n"


@dataclass
class Found:
    """What Coq says now: the pins, what it could not print, and the axioms of each theorem."""

    pins: dict[str, Pin] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def read_rows(path: Path) -> list[Row]:
    """theorems.tsv; ValueError for a line that is not `claim, Genbound.File.name, locator`."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            parts = line.split("\t")
            if len(parts) != 3 or not re.fullmatch(rf"{LIBRARY}\.\w+\.[\w']+", parts[1]) or not parts[0]:
                raise ValueError(f"{path.name}:{number}: need claim, {LIBRARY}.File.name, locator, with tabs between")
            rows.append(Row(*parts))
    return rows


def read_pins(path: Path) -> dict[str, Pin]:
    """statements.txt; empty when it does not exist."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    pins = {}
    entry = r"^## (theorem|constructor|definition|inductive) (\S+)\n(?:## claims (.*)\n)?## in full (\w+)\n"
    parts = re.split(entry, text, flags=re.MULTILINE)[1:]
    for kind, name, claims, full, body in zip(*(parts[i::5] for i in range(5)), strict=True):
        pins[name] = Pin(kind, name, body.strip(), full, tuple((claims or "").split()))
    return pins


def written(pins: dict[str, Pin]) -> str:
    """statements.txt for these pins: the theorems in their order, then what they rest on by name."""
    listed = [pin for pin in pins.values() if pin.claims]
    listed += sorted((pin for pin in pins.values() if not pin.claims), key=lambda pin: pin.name)
    return PREAMBLE + "".join(f"\n{pin.entry()}" for pin in listed)


def printed(rows: Iterable[Row], files: Iterable[str], build: Path) -> Found:
    """The theorems of these rows and, transitively, every definition of the library that their statements mention."""
    files, found = sorted(files), Found()
    claims: dict[str, list[str]] = {}
    for row in rows:
        claims.setdefault(row.constant, []).append(row.claim)
    mention = re.compile(rf"(?<![\w.'])(?:{LIBRARY}\.)?({'|'.join(files)})\.([\w']+)")
    header = HEADER + "".join(f"Require {LIBRARY}.{name}.\n" for name in files) + SETTINGS
    wanted, seen, principles = dict.fromkeys(claims), set[str](), set[str]()
    while wanted:
        seen |= set(wanted)
        answers = asked(
            build, header, {key: text for name in wanted for key, text in _questions(name, name in claims).items()}
        )
        mentioned: dict[str, None] = {}
        for name in wanted:
            got = {
                part: answers.get(f"{part} {name}", "")
                for part in ("type", "full type", "print", "full print", "about")
            }
            pin = _pin(name, got, name in claims, name in principles)
            if pin is None:
                found.missing.append(name)
                continue
            home = name.rpartition(".")[0]
            if pin.name not in found.pins:
                found.pins[pin.name] = Pin(pin.kind, pin.name, pin.text, pin.full, tuple(sorted(claims.get(name, ()))))
            whole = got["full type"] if pin.kind in ("theorem", "constructor") else got["full print"]
            mentioned |= dict.fromkeys(f"{LIBRARY}.{file}.{each}" for file, each in mention.findall(whole))
            if pin.kind == "inductive":
                shape = {f"{home}.{each}": None for each in _shape(got["print"], pin.name.split(".")[-1])}
                mentioned |= shape
                principles |= set(shape)
        wanted = {name: None for name in mentioned if name not in seen}
    return found


def _questions(name: str, theorem: bool) -> dict[str, str]:
    """What to ask about a constant; the proof of a theorem is not printed."""
    types = {
        f"type {name}": f"Check @{name}.",
        f"full type {name}": f"Set Printing All. Check @{name}. Unset Printing All.",
    }
    if theorem:
        return types
    return types | {
        f"print {name}": f"Print {name}.",
        f"about {name}": f"About {name}.",
        f"full print {name}": f"Set Printing All. Print {name}. Unset Printing All.",
    }


def _pin(name: str, got: dict[str, str], theorem: bool, principle: bool) -> Pin | None:
    """The pin of one constant; None when Coq does not know it. A constructor is pinned by its inductive type.

    Only what Coq itself made of an inductive type is a principle: a definition of that name is read to its body.
    """
    if not got["type"]:
        return None
    body, whole = (got[part].split("\n\nArguments")[0].rstrip() for part in ("print", "full print"))
    inductive = re.match(r"(?:Inductive|Record|Variant|CoInductive|Structure) ([\w']+)", body)
    if theorem or re.search(r"is (?:opaque|not transparent)", got["about"]):
        return Pin("theorem", name, _type(got["type"]), _hash(_type(got["full type"])))
    if inductive:
        itself = f"{name.rpartition('.')[0]}.{inductive.group(1)}"
        if name == itself or not _shape(body, inductive.group(1)) & {name.split(".")[-1]}:
            return Pin("inductive", itself, body, _hash(whole))
        return Pin("constructor", name, _type(got["type"]), _hash(_type(got["full type"])))
    if principle:
        return Pin("constructor", name, _type(got["type"]), _hash(_type(got["full type"])))
    return Pin("definition", name, body, _hash(whole))


def _shape(body: str, name: str) -> frozenset[str]:
    """What pins an inductive type as a type: the constructor of a record, the induction principle of the others."""
    record = re.match(r"Record [^=]*:=\s*([\w']+)", body)
    return frozenset((record.group(1),)) if record else frozenset((f"{name}_ind",))


def _type(text: str) -> str:
    """What follows the colon of `name : type`, moved to the left."""
    of_type = text.partition("\n     : ")[2] or text.partition(" : ")[2]
    return textwrap.dedent(f"       {of_type}")


def _hash(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


def compared(pins: dict[str, Pin], found: Found, files: Iterable[str], build: Path) -> dict[str, str]:
    """Constant -> how it differs from its pin; empty when everything is as pinned."""
    wrong = {name: f"{name}: not there" for name in found.missing}
    for name, now in found.pins.items():
        pin = pins.get(name)
        if pin is None:
            wrong[name] = f"{name}: {now.kind} not pinned in statements.txt"
        elif (pin.kind, pin.claims) != (now.kind, now.claims):
            wrong[name] = f"{name}: pinned as {pin.kind} of {pin.claims}, now {now.kind} of {now.claims}"
        elif " ".join(pin.text.split()) != " ".join(now.text.split()) and (_is_8_16() or now.kind == "inductive"):
            wrong[name] = f"{name}: the {now.kind} is not the one pinned\n{_difference(pin.text, now.text)}"
        elif pin.full != now.full and _is_8_16():
            wrong[name] = f"{name}: the {now.kind} differs from the one pinned in something implicit"
    checked = [name for name in found.pins if name in pins and name not in wrong and pins[name].kind != "inductive"]
    header = HEADER + "".join(f"Require {LIBRARY}.{name}.\n" for name in sorted(files))
    answers = asked(build, header, {str(k): _elaborated(k, pins[name]) for k, name in enumerate(checked)})
    for k, name in enumerate(checked):
        if not answers[str(k)]:
            wrong[name] = f"{name}: the pinned {pins[name].kind}, read on its own, is not what is proved"
    return wrong


def _elaborated(k: int, pin: Pin) -> str:
    if pin.kind == "definition":
        body, _, kind = pin.text.partition("=")[2].rpartition("\n     : ")
        return f"Definition pin_{k} : @{pin.name} = (({body}) : ({kind})) := eq_refl.\nCheck pin_{k}."
    text = f"(({pin.text}) : Prop)" if pin.kind == "theorem" else pin.text  # a theorem is a proof, not a statement
    return f"Definition pin_{k} : {text} := @{pin.name}.\nCheck pin_{k}."


def _is_8_16() -> bool:
    return version().startswith(f"{PRINTED_BY}.")


def _difference(pinned: str, now: str) -> str:
    import difflib

    lines = difflib.unified_diff(pinned.splitlines(), now.splitlines(), "pinned", "now", lineterm="", n=1)
    return "\n".join(f"      {line}" for line in lines)


def axioms(names: Iterable[str], files: Iterable[str], build: Path, each: bool) -> dict[str, list[str] | None]:
    """Constant -> the axioms of its proof, by Print Assumptions; None when Coq does not say.

    Args:
        names: the theorems. files: the compiled files. build: where these are.
        each: ask for every theorem by itself, which takes longer; otherwise the axioms of all theorems of a file are
            asked for together, and given for each of them.
    """
    listed = list(names)
    groups: dict[str, list[str]] = {}
    for name in listed:
        groups.setdefault(name if each else name.split(".")[1], []).append(name)
    header = "".join(f"Require {LIBRARY}.{name}.\n" for name in sorted(files)) + SETTINGS
    questions = {}
    for k, (group, members) in enumerate(groups.items()):
        together = f"Definition together_{k} := (I, {', '.join(f'@{name}' for name in members)})."
        questions[group] = f"{together}\nPrint Assumptions together_{k}."
    answers = asked(build, header, questions)
    return {name: _read_axioms(answers[group]) for group, members in groups.items() for name in members}


def _read_axioms(answer: str) -> list[str] | None:
    """The names in the answer of Print Assumptions; a line that is no axiom (unchecked guards, say) as it is."""
    lines = [line for line in answer.splitlines() if line and not line.startswith((" ", "Axioms:"))]
    if not lines:
        return None
    if lines == ["Closed under the global context"]:
        return []
    return [_short(line.split(" ")[0]) if re.match(r"[\w.']+( :|$)", line) else line for line in lines]


def _short(axiom: str) -> str:
    return re.sub(r"^(?:Coq|Stdlib|Corelib)\.(?:[\w']+\.)*(?=[\w']+\.[\w']+$)", "", axiom)


def forbidden(name: str, used: list[str]) -> list[str]:
    """The axioms that this theorem may not use."""
    machine = name.split(".")[1] == WORKED_VALUES
    return [a for a in used if a not in ALLOWED_AXIOMS and not (machine and a.startswith(MACHINE_INTEGERS))]
