"""Every statement of the theory as one card: what it says, where it comes from, and how it can be checked."""

from __future__ import annotations

from genbound.claims.card import Claim, Impossibility, Inequality, Planted, TailBound
from genbound.claims.registry import cite, claim, claims, rests_on

__all__ = ["Claim", "Impossibility", "Inequality", "Planted", "TailBound", "cite", "claim", "claims", "rests_on"]
