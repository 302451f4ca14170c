"""The errors genbound raises: one family, each message a single line naming what was wrong and why."""

from __future__ import annotations


class GenboundError(Exception):
    """Base of every error genbound raises on purpose."""


class DomainError(GenboundError, ValueError):
    """An argument outside the domain of the statement it was given to."""


class DataError(GenboundError, ValueError):
    """Tokens, losses or files that cannot be what they were declared to be."""


class ModelError(GenboundError, ValueError):
    """A model that cannot be certified: not causal, not finite, not loadable."""


class CodeFormatError(GenboundError, ValueError):
    """A coded model file that is truncated, edited, or was not written by genbound."""


class CertificateError(GenboundError, ValueError):
    """A certificate folder that is incomplete, edited, or of an unknown version."""


class MissingExtraError(GenboundError, ImportError):
    """A feature whose optional dependencies are not installed."""


def domain_error(symbol: str, value: object, domain: str, meaning: str) -> DomainError:
    """`delta=1.2: need 0 < delta < 1 (failure probability)`."""
    return DomainError(f"{symbol}={value!r}: need {domain} ({meaning})")
