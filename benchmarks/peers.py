"""Other packages' confidence sequences for a bounded mean, as they are called here; none is a dependency.

They are two-sided and hold for one constant conditional mean (or for independent, identically distributed losses);
asked for alpha = 2 delta, their upper end is missed with probability delta.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 20


@dataclass(frozen=True)
class Peer:
    """`upper(losses, ceiling, alpha)` is the upper end after the last loss; `longest` n takes about a minute."""

    name: str
    distribution: str
    module: str
    assumes: str
    upper: Callable[[np.ndarray, float, float], float]
    longest: int
    hint: str = ""

    @property
    def missing(self) -> str:
        """Why it cannot run, or nothing."""
        try:
            importlib.import_module(self.module)
        except ImportError:
            return f"not installed{self.hint}"
        return ""


def ville_bernstein(losses: np.ndarray, ceiling: float, alpha: float) -> float:
    """Predictable plug-in empirical Bernstein (Waudby-Smith and Ramdas, Theorem 2)."""
    ville = importlib.import_module("ville")
    sequence = ville.EmpiricalBernsteinCS(bounds=(0.0, ceiling), alpha=alpha)
    for start in range(0, losses.size, CHUNK):
        sequence.update(losses[start : start + CHUNK])
    return float(sequence.interval()[1])


def ville_betting(losses: np.ndarray, ceiling: float, alpha: float) -> float:
    """Hedged capital on a grid of 10,000 means (Waudby-Smith and Ramdas, Theorem 3)."""
    ville = importlib.import_module("ville")
    sequence = ville.BettingCS(bounds=(0.0, ceiling), alpha=alpha)
    sequence.update(losses)
    return float(sequence.interval()[1])


def sequential_betting(losses: np.ndarray, ceiling: float, alpha: float) -> float:
    """Hedged capital on a grid of 1,000 means, one loss at a time."""
    betting = importlib.import_module("sequential_analysis.procedures.betting")
    procedure = betting.BettingConfidenceSequence(0.0, ceiling, alpha)
    state = procedure.initial_state()
    for x in losses.tolist():
        state, _ = procedure.step(state, {"x": x})
    return float(state.upper)


def expectation_bernstein(losses: np.ndarray, ceiling: float, alpha: float) -> float:
    """Gamma-exponential boundary at the sample variance; on [0, 1], where its end points are scaled rightly."""
    module = importlib.import_module("expectation.confseq.confidencesequence")
    sequence = module.EmpiricalBernsteinConfidenceSequence(
        config=module.EmpiricalBernsteinConfig(alpha=alpha, lower_bound=0.0, upper_bound=1.0, v_opt=losses.size / 20)
    )
    return ceiling * float(sequence.update(losses / ceiling).upper)


def never(losses: np.ndarray, ceiling: float, alpha: float) -> float:
    """Installable packages end up in one of the functions above."""
    raise ValueError("no interface written: the package could not be installed")


SEQUENTIAL = "sequential-analysis"
NEEDS_312 = " (0.6.1 needs Python 3.12)"
CANNOT = " (0.0.11 is source only: needs Boost's headers and Python <= 3.10)"
PEERS = (
    Peer("ville EmpiricalBernsteinCS", "ville", "ville", "constant mean", ville_bernstein, 10**7),
    Peer("ville BettingCS", "ville", "ville", "constant mean", ville_betting, 10**5),
    Peer(SEQUENTIAL, SEQUENTIAL, "sequential_analysis", "constant mean", sequential_betting, 10**4),
    Peer("expectation", "expectation", "expectation.confseq", "IID", expectation_bernstein, 10**7, NEEDS_312),
    Peer("confseq", "confseq", "confseq", "constant mean", never, 0, CANNOT),
)
