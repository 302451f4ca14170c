"""The fixed alphabet: V = 96 characters, written down before any text was seen.

The alphabet is a newline (id 0) and the 95 printable ASCII characters in code order (id = code - 31).
Nothing in it is learned from data, so a certificate lists it as fixed and pays nothing for it. Text is
folded first: the typographic characters of `FOLDED` are replaced by their ASCII spelling, everything else
outside the alphabet is dropped. `decode(encode(text)) == text` exactly when the text is written in the
alphabet alone.

>>> decode(encode("“Naïve” – 5\\u00a0°…"))
'"Nave" - 5 ...'
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genbound.errors import DataError

CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
"""The characters by id: `CHARACTERS[i]` is the character with id i."""

V = len(CHARACTERS)
"""The vocabulary size, 96."""

FOLDED: dict[str, str] = {
    "\r\n": "\n",  # line ends
    "\r": "\n",
    "\t": " ",
    "\u00a0": " ",  # no-break space
    "\u2018": "'",  # single quotes
    "\u2019": "'",
    "\u201c": '"',  # double quotes
    "\u201d": '"',
    "\u2010": "-",  # hyphens, dashes, minus
    "\u2011": "-",
    "\u2012": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2022": "*",  # bullet
    "\u2026": "...",  # ellipsis
}
"""Every replacement made before encoding; the list is complete."""

_SINGLE = str.maketrans({old: new for old, new in FOLDED.items() if len(old) == 1})
_DROPPED = 255
_ID_OF_BYTE = np.full(256, _DROPPED, dtype=np.uint8)
_ID_OF_BYTE[[ord(c) for c in CHARACTERS]] = np.arange(V, dtype=np.uint8)
_BYTE_OF_ID = np.frombuffer(CHARACTERS.encode("ascii"), dtype=np.uint8)


def encode(text: str) -> NDArray[np.uint8]:
    """The ids of a text, folded by `FOLDED`, characters outside the alphabet dropped.

    Args:
        text: any text.

    Returns:
        Array of ids in 0..V-1, one per character kept.

    >>> encode("a\\nA").tolist()
    [66, 0, 34]
    """
    folded = text.replace("\r\n", "\n").translate(_SINGLE)
    ids = _ID_OF_BYTE[np.frombuffer(folded.encode("ascii", errors="ignore"), dtype=np.uint8)]
    return ids[ids != _DROPPED]


def decode(ids: ArrayLike) -> str:
    """The text of ids.

    Args:
        ids: integers in 0..V-1.

    Raises:
        DataError: an id outside the alphabet.

    >>> decode([66, 0, 34])
    'a\\nA'
    """
    array = np.asarray(ids)
    if array.size == 0:
        return ""
    if array.dtype.kind not in "iu":
        raise DataError(f"ids of dtype {array.dtype}: need integers (character ids)")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= V:
        raise DataError(f"ids in [{low}, {high}]: need 0 <= id < {V} (the fixed alphabet)")
    return _BYTE_OF_ID[array.ravel()].tobytes().decode("ascii")
