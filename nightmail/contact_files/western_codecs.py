"""DOS, Mac and central European encodings, distinguished from Windows-1252 by what stands where letters stand.

In all of them a byte beyond ASCII is some sign, so that none is ever proved wrong. But ``AmŽlie``, ``Gr”áe`` and ``Wa³êsa``
have a sign, or a capital, in the middle of a word: as Mac Roman, as DOS text and as Windows-1250 they are names.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np

_CANDIDATES = ("cp850", "mac-roman", "cp1250", "iso8859-2")
_SMALL, _CAPITAL, _BEYOND, _OTHER = range(4)
_KINDS = np.full(256, _OTHER, np.int64)
_KINDS[ord("a") : ord("z") + 1] = _SMALL
_KINDS[ord("A") : ord("Z") + 1] = _CAPITAL
_KINDS[128:] = _BEYOND
_AT_HOME_IN_WORDS = "’·-–—\u00ad"
_BEFORE_WORDS = "¿¡“‘«‹„‚\u00a0…–—•"
_ALONE = "àáèéìíòóùúôöøåêœ"
"""Letters that are words of their own in some language."""
_FIRST_LETTER = 0xC0
_ODD_AT_LEAST = 0.1
_MISFITS_AT_MOST = 0.02


class NeighbourCounts:
    """How often each byte beyond ASCII stands between which kinds of bytes."""

    def __init__(self) -> None:
        self._counts = np.zeros(256 * 16, np.int64)
        self._last = b""

    def add(self, chunk: bytes) -> None:
        """Count one piece of the text; the pieces come in order."""
        data = np.frombuffer(self._last + chunk, np.uint8)
        self._last = bytes(data[-2:])
        kinds = _KINDS[data]
        first = 0 if len(data) == len(chunk) else 1
        places = np.flatnonzero(data[first:-1] >= 0x80) + first
        before = np.where(places > 0, kinds[places - 1], _OTHER)
        keys = (data[places].astype(np.int64) << 4) | (before << 2) | kinds[places + 1]
        self._counts += np.bincount(keys, minlength=256 * 16)

    def met(self) -> list[tuple[int, int, int, int]]:
        """Each byte beyond ASCII with the kinds of its neighbours, and how often it was met there."""
        return [
            (int(key) >> 4, int(key) >> 2 & 3, int(key) & 3, int(self._counts[key]))
            for key in np.flatnonzero(self._counts)
        ]


def better_codec(counts: NeighbourCounts) -> str | None:
    """The encoding in which the words are words, where Windows-1252 makes too many of them none; a guess at best."""
    met = counts.met()
    # Above, Windows-1252 has letters only: capitals in odd places are odd names, and no sign of another encoding.
    odd = [place for place in met if place[0] < _FIRST_LETTER and not _fits("cp1252", *place[:3])]
    if sum(place[3] for place in odd) <= _ODD_AT_LEAST * sum(place[3] for place in met):
        return None
    if _misfits(met, "iso8859-15") <= _MISFITS_AT_MOST:
        return None
    candidates = [codec for codec in _CANDIDATES if all(_is_of_words(codec, place[0]) for place in odd)]
    found = min(candidates, key=lambda codec: _misfits(met, codec), default=None)
    return found if found is not None and _misfits(met, found) <= _MISFITS_AT_MOST else None


def _is_of_words(codec: str, byte: int) -> bool:
    sign = bytes([byte]).decode(codec, "replace")
    return sign.isalpha() or sign == "’"


def _misfits(met: list[tuple[int, int, int, int]], codec: str) -> float:
    total = sum(count for *_, count in met)
    return sum(count for byte, before, after, count in met if not _fits(codec, byte, before, after)) / max(total, 1)


@lru_cache(maxsize=16_384)
def _fits(codec: str, byte: int, before: int, after: int) -> bool:
    """Whether a sign can stand between such neighbours."""
    sign = bytes([byte]).decode(codec, "replace")
    category = unicodedata.category(sign)
    in_word = _OTHER not in (before, after)
    if category == "Ll" and sign != "ƒ":
        in_capitals = before == _CAPITAL and after == _CAPITAL and sign != "ß"
        return not in_capitals and (before != _OTHER or after != _OTHER or sign in _ALONE)
    if category == "Lu":
        return before != _SMALL and not (before == _CAPITAL and after == _SMALL)
    if sign == "\ufffd" or category == "Cc":
        return False
    if sign in _AT_HOME_IN_WORDS or sign.isspace():
        return True
    return not in_word and (after not in (_SMALL, _BEYOND) or sign in _BEFORE_WORDS)
