"""Symbolic derivations, one file per theme: chains of formulas whose every step a machine checks.

This package imports sympy; it is loaded when something symbolic is asked for.
"""

from __future__ import annotations

from types import MappingProxyType

from genbound.derivations import lemmas, many_hypotheses, moments, one_hypothesis, published, smoothing
from genbound.derivations.chain import Derivation, Step, StepError

_THEMES = (lemmas, moments, smoothing, one_hypothesis, many_hypotheses, published)

DERIVATIONS: MappingProxyType[str, Derivation] = MappingProxyType(
    {each.claim: each for theme in _THEMES for each in theme.CHAINS}
)
"""Name of the claim -> its derivation."""

__all__ = ["DERIVATIONS", "Derivation", "Step", "StepError"]
