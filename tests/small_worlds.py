"""Worlds small enough to list: every token sequence of an adaptive law, with its exact probability."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

Past = tuple[int, ...]
Law = Callable[[Past], dict[int, Fraction]]
Loss = Callable[[Past, int], float]
"""The loss of one hypothesis on a token after its past: 0, 1/2 or 1, so that floats are exact."""


def fair(alphabet: int) -> Law:
    """Independent tokens, all equally likely."""
    return lambda past: {token: Fraction(1, alphabet) for token in range(alphabet)}


def sticky(past: Past) -> dict[int, Fraction]:
    """Two tokens: the last one tends to come again, the more so the longer the past."""
    if not past:
        return {0: Fraction(1, 2), 1: Fraction(1, 2)}
    stay = 1 - Fraction(1, len(past) + 2)
    return {past[-1]: stay, 1 - past[-1]: 1 - stay}


def worlds(law: Law, n: int) -> list[tuple[Past, Fraction]]:
    """Every sequence of n tokens and its probability."""
    listed: list[tuple[Past, Fraction]] = [((), Fraction(1))]
    for _ in range(n):
        listed = [((*past, t), p * q) for past, p in listed for t, q in law(past).items() if q]
    assert sum(p for _, p in listed) == 1
    return listed


def losses(loss: Loss, tokens: Past, start: int = 0) -> list[float]:
    """X_k for k > start."""
    return [loss(tokens[:k], tokens[k]) for k in range(start, len(tokens))]


def risk(law: Law, loss: Loss, tokens: Past, start: int = 0) -> Fraction:
    """The mean of E[X_k | past] over k > start, exactly."""
    means = [
        sum((q * Fraction(loss(tokens[:k], t)) for t, q in law(tokens[:k]).items()), Fraction(0))
        for k in range(start, len(tokens))
    ]
    return sum(means, Fraction(0)) / len(means)


def pattern(bits: Past) -> Loss:
    """Predicts token k to be bits[k]: loss 0 when it is, 1 otherwise."""
    return lambda past, token: float(bits[len(past)] != token)


def follower(past: Past, token: int) -> float:
    """Predicts the last token again; 1/2 at the start."""
    return 0.5 if not past else float(past[-1] != token)
