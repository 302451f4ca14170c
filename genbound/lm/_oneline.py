"""One line out of somebody else's error, for the messages of `DataError` and `ModelError`."""

from __future__ import annotations

LIMIT = 300


def one_line(error: BaseException) -> str:
    """The first line with words of an exception's message: white space folded, at most `LIMIT` characters.

    >>> one_line(ValueError("\\n  no such   split\\nTraceback..."))
    'no such split'
    >>> one_line(KeyError())
    'KeyError'
    """
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    text = next((line for line in lines if line), type(error).__name__)
    return text if len(text) <= LIMIT else text[: LIMIT - 3] + "..."
