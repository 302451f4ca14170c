"""Compiles the Coq files into a folder of their own: only what changed, in the order of dependence, two at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from coq_sources import LIBRARY, requires

WORKERS = min(2, os.cpu_count() or 1)
LIMIT = 600.0
"""Seconds after which a file that does not compile is given up."""


@cache
def commands() -> tuple[list[str], list[str]] | None:
    """(compiler, toplevel) of the Coq (8.16 on) or Rocq that is installed; None when there is none."""
    coqc, coqtop, rocq = (shutil.which(name) for name in ("coqc", "coqtop", "rocq"))
    if coqc and coqtop:
        return [coqc], [coqtop]
    return ([rocq, "c"], [rocq, "top"]) if rocq else None


@cache
def version() -> str:
    """The version of Coq, such as "8.16.1"; empty when it is missing."""
    found = commands()
    if found is None:
        return ""
    printed = subprocess.run([*found[0], "--print-version"], capture_output=True, text=True, check=False).stdout
    return printed.split()[0] if printed.split() else ""


@cache
def checker() -> list[str] | None:
    """The stand-alone checker of compiled files; None when there is none."""
    coqchk, rocq = shutil.which("coqchk"), shutil.which("rocq")
    if coqchk:
        return [coqchk]
    return [rocq, "check"] if rocq else None


@cache
def libraries() -> str:
    """What is installed, in a few letters: changes with the version of Coq or of any library beside it."""
    found = commands()
    assert found is not None  # the caller has asked
    where = subprocess.run([*found[0], "-where"], capture_output=True, text=True, check=False).stdout.strip()
    folder = Path(where)
    seen = [version(), where]
    for path in sorted(folder.rglob("*.vo")) if where else []:
        entry = path.stat()
        seen.append(f"{path.relative_to(folder)} {entry.st_size} {entry.st_mtime_ns}")
    return hashlib.sha256("\0".join(seen).encode()).hexdigest()


def build_folder(proofs: Path) -> Path:
    """Where compiled files are kept: `.build` beside the sources, or a user's cache when that cannot be written."""
    beside = proofs / ".build"
    try:
        beside.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=beside):
            return beside
    except OSError:
        home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        key = hashlib.sha256(str(proofs).encode()).hexdigest()[:12]
        for folder in (home / "genbound" / f"proofs-{key}", Path(tempfile.gettempdir()) / f"genbound-proofs-{key}"):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                return folder
            except OSError:
                continue
        raise


@contextmanager
def locked(build: Path) -> Iterator[None]:
    """One check at a time uses a build folder."""
    with (build / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def dependencies(sources: dict[str, str]) -> dict[str, list[str]]:
    """File -> the files of this library it requires, the files in an order in which they can be compiled.

    Raises:
        ValueError: a file requires one that does not exist, or two require each other.
    """
    wanted = {name: list(dict.fromkeys(requires(text))) for name, text in sources.items()}
    for name, needed in wanted.items():
        missing = [each for each in needed if each not in sources]
        if missing:
            raise ValueError(f"{name}.v: requires {LIBRARY}.{missing[0]}, which is not there")
    ordered: dict[str, list[str]] = {}
    while len(ordered) < len(wanted):
        ready = [name for name in sorted(wanted) if name not in ordered and set(wanted[name]) <= set(ordered)]
        if not ready:
            raise ValueError(f"{sorted(set(wanted) - set(ordered))}: these files require each other")
        ordered |= {name: wanted[name] for name in ready}
    return ordered


def dependents(order: dict[str, list[str]], changed: set[str]) -> set[str]:
    """The changed files and all that rest on them."""
    found = set(changed)
    for name, needed in order.items():  # in the order of dependence: one pass is enough
        if found & set(needed):
            found.add(name)
    return found


def keys_of(sources: dict[str, str], order: dict[str, list[str]]) -> dict[str, str]:
    """File -> what its compiled form depends on: the installation, its text, and the same of the files it requires."""
    keys: dict[str, str] = {}
    for name, needed in order.items():
        parts = [libraries(), sources[name], *(keys[each] for each in needed)]
        keys[name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return keys


def compile_all(sources: dict[str, str], order: dict[str, list[str]], build: Path) -> dict[str, str]:
    """File -> what the compiler said, for the files that do not compile (or rest on one that does not)."""
    keys = keys_of(sources, order)
    for stale in build.glob("*.vo"):
        if stale.stem not in sources:
            stale.unlink()
    failed: dict[str, str] = {}
    running: dict[Future[str], str] = {}
    waiting, done = list(order), set[str]()
    with ThreadPoolExecutor(WORKERS) as pool:
        while waiting or running:
            for name in [each for each in waiting if set(order[each]) <= done | set(failed)]:
                waiting.remove(name)
                broken = [each for each in order[name] if each in failed]
                if broken:
                    failed[name] = f"rests on {broken[0]}.v, which does not compile"
                else:
                    running[pool.submit(_compiled, name, sources[name], keys[name], build)] = name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name, said = running.pop(future), future.result()
                if said:
                    failed[name] = said
                else:
                    done.add(name)
    return failed


def _compiled(name: str, text: str, key: str, build: Path) -> str:
    """Empty when the compiled file is there and fresh, else what the compiler said."""
    stamp = build / f"{name}.key"
    if stamp.exists() and stamp.read_text() == key and (build / f"{name}.vo").exists():
        return ""
    stamp.unlink(missing_ok=True)
    (build / f"{name}.v").write_text(text, encoding="utf-8")
    found = commands()
    assert found is not None  # the caller has asked
    command = [*found[0], "-q", "-w", "none", "-Q", ".", LIBRARY, f"{name}.v"]
    try:
        run = subprocess.run(command, cwd=build, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"more than {LIMIT:.0f} s"
    if run.returncode:
        return run.stderr.strip()[:600] or f"exit code {run.returncode}"
    stamp.write_text(key)
    return ""


def asked(build: Path, header: str, questions: dict[str, str]) -> dict[str, str]:
    """Question -> what the toplevel printed for it; nothing where Coq refused it."""
    found = commands()
    assert found is not None  # the caller has asked
    marked = "".join(f'Goal True. idtac "@@{key}". Abort.\n{text}\n' for key, text in questions.items())
    command = [*found[1], "-q", "-quiet", "-w", "none", "-Q", str(build), LIBRARY]
    text = f'{header}\nSet Silent.\n{marked}Goal True. idtac "@@". Abort.\n'
    with tempfile.TemporaryDirectory() as elsewhere:
        run = subprocess.run(
            command, cwd=elsewhere, input=text, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    answers = dict.fromkeys(questions, "")
    for part in run.stdout.split("@@")[1:]:
        key, _, body = part.partition("\n")
        if key in answers:
            lines = (
                line.rstrip() for line in body.splitlines() if not line.startswith(("Fetching opaque", "[Loading"))
            )
            answers[key] = "\n".join(lines).strip()
    return answers
