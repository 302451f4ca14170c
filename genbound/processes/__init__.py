"""Synthetic processes with exact conditional means, and the exact adversary.

- `PROCESSES`: families that differ in kind of dependence, sampled with their conditional means.
- `worst_case`: the largest violation probability of any bound over all processes on a few outcomes.
- `Tree`: a small process with rational laws, enumerated exactly.
- `genbound.processes.strategies`: hypothesis strategies (needs hypothesis; imported on its own).
"""

from __future__ import annotations

from genbound.processes.adversary import WorstCase, worst_case
from genbound.processes.paths import Dependence, Paths, Process, satisfies
from genbound.processes.registry import PROCESSES, process
from genbound.processes.strategy import Strategy, play
from genbound.processes.tree import Node, Tree

__all__ = [
    "PROCESSES",
    "Dependence",
    "Node",
    "Paths",
    "Process",
    "Strategy",
    "Tree",
    "WorstCase",
    "play",
    "process",
    "satisfies",
    "worst_case",
]
