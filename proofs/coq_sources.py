"""Reads the Coq files as text: their sentences, what they require, and what no file may contain.

The audit allows, it does not forbid: a sentence outside the short list of commands below is refused, whatever it
does. Axioms, unfinished proofs, options, notations, coercions and nested modules all fall outside of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBRARY = "Genbound"

STATED = frozenset(("Lemma", "Theorem", "Corollary", "Proposition", "Remark", "Fact"))
DEFINED = frozenset(("Definition", "Fixpoint", "Inductive", "Record"))
ASSUMED = frozenset(("Variable", "Variables", "Hypothesis", "Hypotheses", "Context"))
ALLOWED = STATED | DEFINED | ASSUMED | frozenset((
    "From", "Require", "Import", "Open", "Section", "End", "Implicit", "Arguments", "Proof", "Qed", "Defined", "Ltac",
))  # fmt: skip
UNFINISHED = frozenset(("Admitted", "Axiom", "Axioms", "Parameter", "Parameters", "Conjecture", "Abort", "Admit"))
"""Refused like everything that is not allowed; named here for a clearer message."""

TRICKS = re.compile(
    r"\b(?:admit|give_up|bypass_check|native_compute|native_cast_no_check|vm_cast_no_check|exact_no_check"
    r"|change_no_check|convert_concl_no_check)\b"
)
LIBRARIES = frozenset(("Coq", "Stdlib", "Coquelicot", LIBRARY))
WITH_INTERVAL = frozenset(("Values",))
"""The only files that may use the Interval library."""

STANDARD = frozenset(
    word
    for line in (
        "R Rle Rlt Rge Rgt Rplus Rminus Rmult Rdiv Rinv Ropp Rabs Rmax Rmin Rpower INR IZR pow exp ln sqrt sum_f_R0",
        "nat list prod le lt plus mult length app skipn firstn map nth rev seq filter In eq and or not ex False True",
        "iff fold_right Series Lim_seq Rbar classic sig_not_dec sig_forall_dec functional_extensionality_dep",
    )
    for word in line.split()
)
"""Names a statement is read with, which no file may define again."""

STANDARD_FILES = frozenset((
    "Reals", "List", "Classical_Prop", "ClassicalDedekindReals", "FunctionalExtensionality", "PrimInt63", "Uint63",
))  # fmt: skip

_HEAD = re.compile(r"(?:[-+*{}\s]|\d+\s*:|\[\w+\]\s*:)*((?:#\[[^]]*\]\s*)*)([A-Za-z_][\w']*)?")
_NAME = re.compile(r"\s+([\w']+)")


@dataclass(frozen=True)
class Sentence:
    """One sentence: the file's line it begins on, its first word, and its text."""

    line: int
    head: str
    attributes: str
    text: str


def stripped(text: str) -> str:
    """The text with comments (nested, with strings inside) and the insides of strings blanked; lines stay put."""
    out: list[str] = []
    depth, quoted, i = 0, False, 0
    while i < len(text):
        two = text[i : i + 2]
        if not quoted and two == "(*":
            depth, i = depth + 1, i + 2
        elif not quoted and depth and two == "*)":
            depth, i = depth - 1, i + 2
            out.append(" ")
        else:
            if text[i] == '"':
                quoted = not quoted
                out.append("" if depth else '"')
            else:
                out.append(text[i] if text[i] == "\n" or not (depth or quoted) else "")
            i += 1
    return "".join(out)


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a file; each ends in a full stop before white space."""
    plain = stripped(text)
    start = 0
    for end in re.finditer(r"\.(?=\s|$)", plain):
        body = plain[start : end.start()]
        found = _HEAD.match(body)
        assert found is not None  # the pattern matches the empty string
        blank = len(body) - len(body.lstrip())
        line = plain.count("\n", 0, start + blank) + 1
        yield Sentence(line, found.group(2) or "", found.group(1).strip(), body[found.start(1) :])
        start = end.end()
    if plain[start:].strip(" \n\t}-+*"):
        yield Sentence(plain.count("\n", 0, start) + 1, "", "", plain[start:].strip())


def requires(text: str) -> list[str]:
    """The files of this library that a file requires, in order."""
    found = []
    for sentence in sentences(text):
        words = sentence.text.split()
        if words[:2] == ["From", LIBRARY]:
            found += [word for word in words[2:] if word not in ("Require", "Import", "Export")]
    return found


def audit(path: Path) -> list[str]:
    """What is wrong with one file, each as `File.v:line: message`; empty when nothing is."""
    name, text = path.stem, path.read_text(encoding="utf-8")
    wrong: list[str] = [f"{path.name}: a file of the standard library has this name"] if name in STANDARD_FILES else []
    depth = 0
    for sentence in sentences(text):
        message = _objection(sentence, name, depth)
        depth += (sentence.head == "Section") - (sentence.head == "End")
        if message:
            wrong.append(f"{path.name}:{sentence.line}: {message}")
    return wrong


def _objection(sentence: Sentence, name: str, depth: int) -> str:
    head, text = sentence.head, sentence.text
    trick = TRICKS.search(text)
    if trick:
        return f"forbidden: {trick.group(0)}"
    if sentence.attributes:
        return f"forbidden: an attribute {sentence.attributes}"
    if not head:
        return f"not understood: {' '.join(text.split())[:60]}" if text.strip(" \n\t}-+*{") else ""
    if head in UNFINISHED:
        return f"a statement without proof: {head}"
    if head[0].isupper() and head not in ALLOWED:
        return f"a command that is not allowed: {' '.join(text.split())[:60]}"
    if head in ASSUMED and not depth:
        return f"an assumption outside a section: {' '.join(text.split())[:60]}"
    if head in ("From", "Require"):
        return _foreign(text.split(), name)
    if head == "Open" and not re.fullmatch(r"Open\s+Scope\s+\w+_scope\s*", text):
        return f"a command that is not allowed: {' '.join(text.split())[:60]}"
    if ":>" in text:
        return f"a coercion: {' '.join(text.split())[:60]}"
    named = _NAME.match(text, len(head)) if head in STATED | DEFINED | {"Arguments"} else None
    if named and named.group(1) in STANDARD:
        return f"a second meaning for a standard name: {named.group(1)}"
    return ""


def _foreign(words: list[str], name: str) -> str:
    if words[0] != "From" or "Export" in words:
        return f"not of the form From ... Require [Import]: {' '.join(words)[:60]}"
    allowed = LIBRARIES | (frozenset(("Interval",)) if name in WITH_INTERVAL else frozenset())
    library = words[1].split(".")[0]
    return "" if library in allowed else f"a library that is not allowed here: {library}"
