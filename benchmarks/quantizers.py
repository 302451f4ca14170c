"""Quantizers on one model, one judge, at the same real rate, in one run; other packages beside genbound's methods.

    python benchmarks/quantizers.py --peers DIR --install          # once: the peers' own environment, under DIR
    python benchmarks/quantizers.py --peers DIR [--model ladder:100k] [--json experiments/results/quantizers.json]

Every peer quantizes the same saved model with the same calibration windows in a process of its own. For each of them
genbound's methods then make the largest model that is no larger than the peer's, and the judge measures on all of them
the relative proxy loss tr(dW H dW^T) / tr(W H W^T) (sums over the linear layers, H of the float32 model on the
calibration windows), the loss on the first characters of the training stream, the size and the processor time.

Two comparisons, because the peers leave embeddings, biases and norms alone: "linear" is the matrices inside the blocks,
all else in float32 and free on both sides; "whole" is the model, the peers' other parameters in float16 at 16 bits.
Sizes. A peer's: every tensor it keeps of the matrices (codes, scales, zero points, signs, shapes) as stored; torchao's
codes, which it keeps in whole bytes, at their nominal width; names and configuration free. genbound's: the coded file,
frame and architecture included (linear: with all else set to zero before coding). xz: the peer's
tensors through xz. What is above the peer's loss or proxy loss has a ratio above 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from _quantizer_judge import CALIBRATION_WINDOWS, CLOSE, SCOPES, Judge, Own
from _quantizer_peers import Answer, answers, install, interpreter

from genbound.files import write_atomic
from genbound.lm.quantize import METHODS

GROUPS = {"10k": 8, "30k": 32, "100k": 64, "300k": 32, "530k": 32}
"""Weights per scale of the peers: what divides the inputs of every matrix."""

RATIOS = {"size": "size_ratio", "loss added": "excess_ratio", "proxy loss": "proxy_ratio", "seconds": "seconds_ratio"}


@dataclass(frozen=True)
class Row:
    """One model, judged. Bits count all of it; `rate` is per weight of the scope; `against` is the peer whose size is
    met, and the ratios are to that peer. `note` says why there are no numbers.
    """

    scope: str
    name: str
    against: str
    settings: str
    bits: int
    rate: float
    rate_kept: float
    rate_xz: float
    proxy: float
    loss: float
    excess: float
    seconds: float
    size_ratio: float | None = None
    excess_ratio: float | None = None
    proxy_ratio: float | None = None
    seconds_ratio: float | None = None
    note: str = ""


def peer_row(judge: Judge, answer: Answer, scope: str) -> Row:
    """A peer's model, judged."""
    count = judge.linear_size if scope == "linear" else judge.size
    bits, kept, squeezed = (judge.peer_bits(b, scope) for b in (answer.bits, answer.bits_kept, answer.bits_xz))
    loss = judge.loss(judge.scoped(answer.weights, scope, halve=True))
    return Row(
        scope, answer.name, "", answer.settings, bits, bits / count, kept / count, squeezed / count,
        judge.proxy(answer.weights), loss, loss - judge.loss_plain, answer.seconds,
    )  # fmt: skip


def failed_row(name: str, against: str, scope: str, note: str) -> Row:
    """Why there are no numbers."""
    return Row(scope, name, against, "", 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, note=note)


class Ours:
    """genbound's rows; a size that was met before, by what is at most `CLOSE` smaller, is not met again.

    What was measured is kept in a file under `folder`, so that a run that was stopped goes on.
    """

    def __init__(self, judge: Judge, folder: Path) -> None:
        self.judge = judge
        self._file = folder / f"own-{judge.fingerprint()}.json"
        self._known: dict[str, list[Any]] = {}
        if self._file.is_file():
            self._known = json.loads(self._file.read_text(encoding="utf-8"))

    def _measured(self, method: str, scope: str, target: int) -> Own:
        known = self._known.setdefault(f"{scope} {method}", [])
        made = [(size, Own(**fields)) for size, fields in known]
        near = [own for size, own in made if size == target or target * (1 - CLOSE) <= own.bits <= target]
        if near:
            return max(near, key=lambda own: own.bits)
        own = self.judge.own(method, scope, target)
        known.append((target, asdict(own)))
        write_atomic(self._file, json.dumps(self._known).encode())
        return own

    def row(self, method: str, scope: str, peer: Row) -> Row:
        """The method's largest model of at most the peer's size, judged."""
        own = self._measured(method, scope, peer.bits)
        if own.note:
            return failed_row(method, peer.name, scope, own.note)
        rate = own.bits / (self.judge.linear_size if scope == "linear" else self.judge.size)
        excess = own.loss - self.judge.loss_plain
        return Row(
            scope, method, peer.name, f"nominal {own.nominal:.3f} bits", own.bits, rate, rate, rate, own.proxy,
            own.loss, excess, own.seconds, own.bits / peer.bits, excess / peer.excess if peer.excess > 0 else None,
            own.proxy / peer.proxy, own.seconds / peer.seconds,
        )  # fmt: skip


def show(rows: list[Row], scope: str, judge: Judge) -> None:
    """The peers of a scope, and genbound's methods at their sizes as ratios."""
    count = judge.linear_size if scope == "linear" else judge.size
    mine = [row for row in rows if row.scope == scope]
    peers = [row for row in mine if not row.against and not row.note]
    print(f"\n{scope}: {count:,} weights; the float32 model's loss is {judge.loss_plain:.5f} nats per character")
    print(f"{'peer':<31}{'bits/w':>7}{'xz':>7}{'proxy':>11}{'loss added':>12}{'seconds':>10}")
    for row in peers:
        print(f"{row.name:<31}{row.rate:>7.3f}{row.rate_xz:>7.3f}{row.proxy:>11.6f}{row.excess:>12.5f}"
              f"{row.seconds:>10.2f}")  # fmt: skip
    for title, field in RATIOS.items():
        print(f"\n{f'{title}, genbound / peer':<31}" + "".join(f"{method:>9}" for method in METHODS))
        for peer in peers:
            cells = {row.name: getattr(row, field) for row in mine if row.against == peer.name}
            print(f"{peer.name:<31}" + "".join(cell(cells[m]) for m in METHODS if m in cells))


def cell(value: float | None) -> str:
    """A ratio in nine columns."""
    return f"{'-':>9}" if value is None else f"{value:>9.3f}"


def store(path: Path, arguments: argparse.Namespace, judge: Judge, rows: list[Row], peers: list[Answer]) -> None:
    """Write the JSON."""
    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=here).stdout
    packages = ("torch", "transformers", "numpy", "genbound")
    versions: dict[str, str] = {}
    for answer in peers:
        versions |= answer.versions or {}
    content: dict[str, Any] = {
        "schema": "genbound.benchmarks.quantizers/1",
        "question": "At the same real size, which quantizer leaves the smaller proxy loss and training loss?",
        "commit": commit.strip(),
        "model": arguments.model,
        "seed": arguments.seed,
        "characters": judge.windows.n_tokens,
        "calibration_windows": CALIBRATION_WINDOWS,
        "loss_plain": judge.loss_plain,
        "weights": {"linear": judge.linear_size, "whole": judge.size},
        "hessian_seconds": judge.hessian_seconds,
        "counted": " ".join((__doc__ or "").rpartition("\n\n")[2].split()),
        "seconds": "processor time, one thread; of genbound's methods with statistics (but rtn) and entropy coding",
        "device": f"CPU, one thread, {platform.machine()}, on cores shared with other work",
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}},
        "peers' versions": versions,
        "peers failed": {answer.name: answer.note for answer in peers if answer.note},
        "rows": [asdict(row) for row in rows],
    }
    write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())


def main() -> None:
    """Install, or run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True, help="folder of the peers' environment and answers")
    parser.add_argument("--install", action="store_true", help="make that environment with pip, and stop")
    parser.add_argument("--model", default="ladder:100k", choices=[f"ladder:{name}" for name in GROUPS])
    parser.add_argument("--only", nargs="*", default=[], help="names of peers, or their beginnings")
    parser.add_argument("--fresh", action="store_true", help="run peers again whose answers are there")
    parser.add_argument("--characters", type=int, default=200_000, help="of the training stream, for the loss")
    parser.add_argument("--seed", type=int, default=0, help="of the calibration windows")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.install:
        for packages, reason in install(arguments.peers).items():
            print(f"{packages}: {reason}")
        return
    if not interpreter(arguments.peers).is_file():
        parser.error(f"no environment under {arguments.peers}: run once with --install")
    torch.set_num_threads(1)
    name = arguments.model.removeprefix("ladder:")
    judge = Judge(name, characters=arguments.characters, seed=arguments.seed)
    ours, rows, peers = Ours(judge, arguments.peers), [], []
    for answer in answers(
        arguments.peers.resolve(), judge.folder, judge.calibration, group=GROUPS[name], seed=arguments.seed,
        only=tuple(arguments.only), fresh=arguments.fresh,
    ):  # fmt: skip
        peers.append(answer)
        print(f"{answer.name:<31}{answer.note or f'{answer.bits / judge.linear_size:.3f} bits per weight'}", flush=True)
        for scope in SCOPES if answer.peer.whole else SCOPES[:1]:
            rows.append(failed_row(answer.name, "", scope, answer.note) if answer.note else
                        peer_row(judge, answer, scope))  # fmt: skip
        if arguments.json:
            store(arguments.json, arguments, judge, rows, peers)
    for peer in sorted((row for row in rows if not row.note), key=lambda row: SCOPES.index(row.scope)):
        rows += [ours.row(method, peer.scope, peer) for method in METHODS]
        if arguments.json:
            store(arguments.json, arguments, judge, rows, peers)
        print(f"{peer.scope}, at the size of {peer.name}: done", flush=True)
    for scope in SCOPES:
        show(rows, scope, judge)
    for row in rows:
        if row.note:
            print(f"{row.scope}, {row.name}{f' at the size of {row.against}' if row.against else ''}: {row.note}")


if __name__ == "__main__":
    main()
