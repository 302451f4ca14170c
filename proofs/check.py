#!/usr/bin/env python3
"""Checks the proofs: compiles what changed, audits the sources, the axioms and the statements.

    python proofs/check.py             check everything
    python proofs/check.py --bless     write statements.txt anew from what is proved now, to be read before it is kept
    python proofs/check.py --each      with the axioms of every theorem by itself, not of a file's theorems together
    python proofs/check.py --planted   make every planted bad edit in a copy: each must be found
    python proofs/check.py --chk       also have coqchk check our compiled files again
    python proofs/check.py --readme    write the table of README.md anew

The last line is `N passed, M failed`. Exit code 0: M = 0; 1: something failed; 2: Coq is not installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import coq_build
import coq_pins
import coq_table
import planted
from coq_sources import LIBRARY, audit

HERE = Path(__file__).resolve().parent
WITHOUT_CHECKER = frozenset({"Values"})
MISSING = "PROOFS NOT CHECKED: Coq is missing (proofs/install.sh installs it)"


@dataclass
class Report:
    """What was found: how many things are as they should be, and what is wrong, by the thing it is wrong with."""

    passed: int = 0
    wrong: dict[str, str] = field(default_factory=dict)
    axioms: dict[str, list[str]] = field(default_factory=dict)

    def last_line(self) -> str:
        """`N passed, M failed`."""
        return f"{self.passed} passed, {len(self.wrong)} failed"


def check(
    proofs: Path, build: Path, *, changed: set[str] | None = None, first: bool = False, each: bool = False
) -> Report:
    """Audit, compile, compare and look for axioms.

    Args:
        proofs: the folder of the .v files, theorems.tsv and statements.txt.
        build: where compiled files are kept.
        changed: only look at theorems of these files and of what rests on them; None: at all.
        first: read no further when the text alone, without Coq, already shows something wrong.
        each: ask for the axioms of every theorem by itself, not of the theorems of a file together.
    """
    report = Report()
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(proofs.glob("*.v"))}
    for name in sources:
        complaints = audit(proofs / f"{name}.v")
        if complaints:
            report.wrong[f"{name}.v"] = "; ".join(complaints)
    try:
        rows = coq_pins.read_rows(proofs / "theorems.tsv")
        order = coq_build.dependencies(sources)
    except (ValueError, OSError) as error:
        report.wrong["layout"] = str(error)
        return report
    pins = coq_pins.read_pins(proofs / "statements.txt")
    if coq_pins.written(pins) != _text(proofs / "statements.txt"):
        report.wrong["statements.txt"] = "statements.txt: an entry twice, or something that is no entry"
    report.wrong |= _rows_against_pins(rows, pins)
    report.wrong |= {row.constant: f"{row.constant}: no such file" for row in rows if row.file not in sources}
    if first and report.wrong:
        return report
    with coq_build.locked(build):
        report.wrong |= {f"{name}.v": f"{name}.v: does not compile: {said}"
                         for name, said in coq_build.compile_all(sources, order, build).items()}  # fmt: skip
        whole = {name for name in sources if f"{name}.v" not in report.wrong}
        focus = whole & (coq_build.dependents(order, changed) if changed is not None else whole)
        seen = _proved(report, [row for row in rows if row.file in focus], pins, whole, build, each)
    if focus == set(sources):
        idle = pins.keys() - seen - report.wrong.keys()
        report.wrong |= {name: f"{name}: pinned, but no theorem mentions it" for name in idle}
    touched = focus if changed is not None else set(sources)
    report.passed += sum(f"{name}.v" not in report.wrong for name in touched)
    return report


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _rows_against_pins(rows: list[coq_pins.Row], pins: dict[str, coq_pins.Pin]) -> dict[str, str]:
    """Every pinned theorem has its rows, and no other."""
    wrong = {}
    claims: dict[str, set[str]] = {}
    for row in rows:
        claims.setdefault(row.constant, set()).add(row.claim)
    pinned = {name: set(pin.claims) for name, pin in pins.items() if pin.claims}
    for name in claims.keys() | pinned.keys():
        if claims.get(name) != pinned.get(name):
            rows_of, pins_of = (sorted(which.get(name, ())) for which in (claims, pinned))
            wrong[name] = f"{name}: theorems.tsv has it for {rows_of}, statements.txt for {pins_of}"
    return wrong


def _proved(report: Report, rows: list[coq_pins.Row], pins: dict[str, coq_pins.Pin], files: set[str],
            build: Path, each: bool) -> set[str]:  # fmt: skip
    """Compare statements and definitions, and look for axioms; both at once. Returns what should be pinned."""
    names = list(dict.fromkeys(row.constant for row in rows))
    with ThreadPoolExecutor(coq_build.WORKERS) as pool:
        later = pool.submit(coq_pins.axioms, names, files, build, each)
        found = coq_pins.printed(rows, files, build)
        differing = coq_pins.compared(pins, found, files, build)
        used = later.result()
    for name, axioms in used.items():
        if axioms is None:
            differing.setdefault(name, f"{name}: Coq does not say which axioms it uses")
        elif coq_pins.forbidden(name, axioms):
            report.wrong[f"axioms of {name}"] = f"{name}: uses {', '.join(coq_pins.forbidden(name, axioms))}"
        else:
            report.axioms[name] = axioms
    report.wrong |= differing
    seen = {*found.pins, *found.missing}
    report.passed += sum(name not in report.wrong for name in seen)
    return seen


def _bless(proofs: Path, build: Path) -> None:
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(proofs.glob("*.v"))}
    with coq_build.locked(build):
        failed = coq_build.compile_all(sources, coq_build.dependencies(sources), build)
        rows = [row for row in coq_pins.read_rows(proofs / "theorems.tsv") if row.file not in failed]
        found = coq_pins.printed(rows, sources.keys() - failed.keys(), build)
    for name, message in failed.items():
        say(f"FAIL {name}.v: does not compile: {message}")
    (proofs / "statements.txt").write_text(coq_pins.written(found.pins), encoding="utf-8")
    say(f"statements.txt: {len(found.pins)} entries written; read them before they are kept")


def _checked_again(build: Path) -> str:
    """What coqchk has against our compiled files; empty when nothing.

    What the libraries prove is admitted, for it takes hours to check again, and the worked values are left out: the
    checker does not have the kernel's machine integers.
    """
    checker = coq_build.checker()
    if checker is None:
        return "coqchk: not there"
    files = [f"{LIBRARY}.{path.stem}" for path in sorted(build.glob("*.vo")) if path.stem not in WITHOUT_CHECKER]
    ours = [word for file in files for word in ("-norec", file)]
    command = [*checker, "-silent", "-o", "-Q", str(build), LIBRARY, *ours]
    with coq_build.locked(build):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else f"coqchk: {run.stderr.strip()[-600:]}"


def _show(proofs: Path, report: Report, each: bool) -> None:
    """The theorems of each file, with the axioms of the file's theorems together, or of every theorem by itself."""
    shown: dict[str, list[coq_pins.Row]] = {}
    for row in coq_pins.read_rows(proofs / "theorems.tsv"):
        if row.constant in report.axioms and row.constant not in report.wrong:
            shown.setdefault(row.file, []).append(row)
    for file, rows in shown.items():
        say(f"{LIBRARY}.{file}")
        for row in rows:
            name = row.constant.rpartition(".")[2]
            say(f"  ok {name}" if row.claim in ("-", name) else f"  ok {name}  ({row.claim})")
            if each or row is rows[-1]:
                say(_wrapped(_named(report.axioms[row.constant]), "     " if each else "  "))


def _wrapped(axioms: str, indent: str) -> str:
    return textwrap.fill(f"axioms: {axioms}", 80, initial_indent=indent, subsequent_indent=f"{indent}  ")


def _named(axioms: list[str]) -> str:
    machine = [axiom for axiom in axioms if axiom.startswith(coq_pins.MACHINE_INTEGERS)]
    names = [axiom.rpartition(".")[2] for axiom in coq_pins.ALLOWED_AXIOMS if axiom in axioms]
    return ", ".join([*names, *(["the kernel's machine integers"] if machine else [])]) or "none"


def say(line: str) -> None:
    """One line to the terminal, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None, report_to: Callable[[str], None] = say) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options = {
        "bless": "write statements.txt anew",
        "each": "the axioms of every theorem by itself",
        "planted": "make every planted bad edit in a copy",
        "chk": "also run coqchk",
        "readme": "write the table of README.md anew",
    }
    for option, text in options.items():
        parser.add_argument(f"--{option}", action="store_true", help=text)
    given = parser.parse_args(arguments)
    if given.readme:
        coq_table.write(HERE)
        return 0
    if coq_build.commands() is None:
        report_to(MISSING)
        return 2
    report_to(f"Coq {coq_build.version()}")
    build = coq_build.build_folder(HERE)
    if given.bless:
        _bless(HERE, build)
    report = check(HERE, build, each=given.each)
    if given.chk and (complaint := _checked_again(build)):
        report.wrong["coqchk"] = complaint
    _show(HERE, report, given.each)
    for message in report.wrong.values():
        report_to(f"FAIL {message}")
    if given.planted:
        caught, missed = planted.hunt(HERE, build, check, report_to)
        report.passed += caught
        report.wrong |= {f"planted {name}": name for name in missed}
        report_to(f"{caught} caught, {len(missed)} missed")
    report_to(report.last_line())
    return int(bool(report.wrong))


if __name__ == "__main__":
    sys.exit(main())
