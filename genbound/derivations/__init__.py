"""Symbolic derivations, one file per theme: chains of formulas whose every step a machine checks.

This package imports sympy; it is loaded when something symbolic is asked for.
"""

from __future__ import annotations

from types import MappingProxyType

from genbound.derivations.chain import Derivation, Step, StepError
from genbound.derivations.themes import (
    expansions,
    frontier,
    gain,
    gap,
    information,
    kl,
    lemmas,
    many_hypotheses,
    moments,
    one_hypothesis,
    published,
    quantization,
    smoothing,
    spectra,
    variation,
    water_filling,
)

THEMES = (
    lemmas,
    moments,
    smoothing,
    one_hypothesis,
    kl,
    expansions,
    variation,
    gain,
    many_hypotheses,
    published,
    frontier,
    information,
    spectra,
    water_filling,
    quantization,
    gap,
)

DERIVATIONS: MappingProxyType[str, Derivation] = MappingProxyType(
    {each.claim: each for theme in THEMES for each in theme.CHAINS}
)
"""Name of the claim -> its derivation."""

__all__ = ["DERIVATIONS", "Derivation", "Step", "StepError"]
