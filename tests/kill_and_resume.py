"""Run a certification, kill it with SIGKILL at random moments, continue it, and compare the bytes.

    python kill_and_resume.py MODEL DATA FOLDER KILLS [CODE]

The parent imports everything once and forks; a child is killed after a random part of the time a whole run takes.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

torch.set_num_threads(1)

from genbound.certificate.settings import Settings  # noqa: E402
from genbound.lm import passes  # noqa: E402
from genbound.lm.certify import certify  # noqa: E402
from genbound.lm.compress import train as structured  # noqa: E402
from genbound.lm.train import plain  # noqa: E402

for module in (passes, structured, plain):
    vars(module)["CHECKPOINT_SECONDS"] = 0.0  # keep what every batch adds, so that kills fall between checkpoints
SETTINGS = Settings(rates=(3.0, 5.0), pilot=64, calibration=32, context=16, epochs=2)


def start(model: str, data: str, out: Path, settings: Settings) -> int:
    child = os.fork()
    if child == 0:
        try:
            certify(model, data, out, settings=settings)
        except BaseException as error:
            print(f"child failed: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def main() -> None:
    model, data, folder, kills = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    settings = replace(SETTINGS, code=tuple(sys.argv[5].split(","))) if len(sys.argv) > 5 else SETTINGS
    whole = folder / "whole"
    began = time.monotonic()
    _, status = os.waitpid(start(model, data, whole, settings), 0)
    seconds = time.monotonic() - began
    if status != 0:
        raise SystemExit("the uninterrupted run failed")
    wanted = {path.name: path.read_bytes() for path in whole.iterdir()}
    rng = random.Random(0)
    done = finished = 0
    out = folder / "killed"
    while done < kills:
        child = start(model, data, out, settings)
        time.sleep(rng.uniform(0.05, 0.9) * seconds)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            done += 1
            if (out / "certificate.json").exists() and (out / "certificate.json").read_bytes() != wanted[
                "certificate.json"
            ]:
                raise SystemExit("a killed run left a certificate that is not the whole one")
        else:
            finished += 1
            for path in out.iterdir():
                path.unlink()
    _, status = os.waitpid(start(model, data, out, settings), 0)
    if status != 0:
        raise SystemExit("the continued run failed")
    found = {path.name: path.read_bytes() for path in out.iterdir()}
    if found != wanted:
        raise SystemExit(f"different: {sorted(found)} against {sorted(wanted)}")
    print(f"{done} kills (and {finished} runs that finished first): the same {len(wanted)} files")


if __name__ == "__main__":
    main()
