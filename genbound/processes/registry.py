"""`PROCESSES`: every family a Monte Carlo check draws from."""

from __future__ import annotations

from genbound.errors import domain_error
from genbound.processes.families import fixed, memory, reacting, speech
from genbound.processes.paths import Process

PROCESSES: tuple[Process, ...] = (*fixed.FAMILIES, *memory.FAMILIES, *reacting.FAMILIES, *speech.FAMILIES)


def process(name: str) -> Process:
    """The family of this name.

    Raises:
        DomainError: no such family.

    >>> process("polya_urn").dependence
    'adapted'
    """
    for family in PROCESSES:
        if family.name == name:
            return family
    raise domain_error("name", name, f"one of {', '.join(f.name for f in PROCESSES)}", "process family")
