"""Many hypotheses: what a choice made with the data costs (THEORY 2)."""

from __future__ import annotations
