"""Central European, Baltic and Turkish text, distinguished from Windows-1252 by the alphabet that its letters belong to.

``Jiøí Dvoøák`` has letters only, each in a place where letters stand. But no language that Windows-1252 writes has all of
them, and in Windows-1250 they are Czech: ``Jiří Dvořák``. The letters of each language are those of Unicode's CLDR.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

_WESTERN = {
    "Catalan": "àçèéíïòóúü",
    "Danish": "åæøéäöü",
    "Dutch": "áäçèéêëïóöü",
    "Estonian": "äõöüšž",
    "Finnish": "åäöéšž",
    "French": "àâæçèéêëîïôùûüÿœ",
    "German": "äöüßéèá",
    "Icelandic": "áéíóúýðþæö",
    "Irish": "áéíóú",
    "Italian": "àèéìíîòóùú",
    "Norwegian": "åæøéèêóòô",
    "Portuguese": "áâãàçéêíóôõú",
    "Spanish": "áéíñóúü",
    "Swedish": "åäöéü",
}
_CENTRAL = {
    "Czech": "áčďéěíňóřšťúůýž",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Hungarian": "áéíóöőúüű",
    "Croatian": "čćđšž",
    "Polish": "ąćęłńóśźż",
    "Romanian": "ăâîşţ",
}
_BALTIC = {"Latvian": "āčēģīķļņšūž", "Lithuanian": "ąčęėįšųūž", "Estonian": "äõöüšž"}
_ELSEWHERE = {
    "cp1250": _CENTRAL,
    "iso8859-2": _CENTRAL,
    "cp1257": _BALTIC,
    "cp1254": {"Turkish": "çğıİöşüâî"},
}
_LETTERS_AT_LEAST, _LETTERS_SHARE = 10, 0.8
_AT_HOME_ABOVE, _STRANGE_BELOW = 0.98, 0.94


@dataclass(frozen=True)
class Guess:
    """An encoding, and the language whose alphabet speaks for it."""

    codec: str
    language: str


def better_alphabet(counts: npt.NDArray[np.int64]) -> Guess | None:
    """The encoding in which nearly all letters are of one language, where no western language has most of them.

    ``counts`` says how often each of the 256 bytes stands in the text. A few letters prove nothing, and give none.
    """
    best, found = 0.0, None
    western = max(int(counts[_written("cp1252", alphabet)].sum()) for alphabet in _WESTERN.values())
    for codec, languages in _ELSEWHERE.items():
        letters = _letters("cp1252") | _letters(codec)
        total = int(counts[letters].sum())
        if total < max(_LETTERS_AT_LEAST, _LETTERS_SHARE * int(counts[0x80:].sum())):
            continue
        if western >= _STRANGE_BELOW * total:
            continue
        for language, alphabet in languages.items():
            share = int(counts[_written(codec, alphabet)].sum()) / total
            if share > max(best, _AT_HOME_ABOVE):
                best, found = share, Guess(codec, language)
    return found


@cache
def _letters(codec: str) -> npt.NDArray[np.bool_]:
    """Which bytes beyond ASCII are letters."""
    return np.array([byte >= 0x80 and bytes([byte]).decode(codec, "replace").isalpha() for byte in range(256)])


@cache
def _written(codec: str, alphabet: str) -> npt.NDArray[np.bool_]:
    """Which bytes write the letters of an alphabet, small or capital."""
    signs = [bytes([byte]).decode(codec, "replace") for byte in range(256)]
    return np.array([not sign.isascii() and (sign in alphabet or sign.lower() in alphabet) for sign in signs])
