"""Signs that nobody sees, in one text: taken away where they do nothing, kept where a script or an emoji needs them.

They come along when text is copied from pages and documents. They make equal things unequal, a name dearer than its text message (one of them
forces the whole text into UCS-2, 3GPP TS 23.038), and keep a list from being sorted out.

Sources: Unicode Standard, chapters 23.2 (layout controls) and 5.21 (default ignorables); UAX 15 (normalisation); UTS 51 (emoji).
"""

from __future__ import annotations

import re
import unicodedata

SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u2028\u2029\u2800"
"""Spaces that look like one and are another, and the blank of Braille. The wide space of East Asia is seen, and none of them."""
_NEVER_NEEDED = "\u00ad\u034f\u180e\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f\ufeff\ufff9\ufffa\ufffb\ufffc"
_WORD_BREAK = "\u200b"
_JOINERS = "\u200c\u200d"
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_FILLERS = "\u115f\u1160\u3164\uffa0"
_VARIATIONS = "".join(map(chr, range(0xFE00, 0xFE10)))
_CONTROLS = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), *range(127, 160))))

UNSEEN = _NEVER_NEEDED + _WORD_BREAK + _JOINERS + _DIRECTIONS + _FILLERS + _VARIATIONS + _CONTROLS
"""All of them: none belongs to an address, a key, a code, a date or a number."""

_SPACED = str.maketrans(dict.fromkeys(SPACES, " "))
_WITHOUT_ALL = str.maketrans({**dict.fromkeys(UNSEEN), "\u3000": " "})
_WITHOUT_NEVER_NEEDED = str.maketrans(dict.fromkeys(_NEVER_NEEDED + _CONTROLS))
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_JOINING = re.compile("[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u18af]")
"""Scripts whose letters join or break at a joiner: Arabic, those of India and its neighbours, Khmer, Mongolian."""
_BREAKING = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer."""
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_JOINER_OF_EMOJI = re.compile(
    "(?<=[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2190-\u2bff\U0001f000-\U0001faff])"
)
_VARIATION_OF_NOTHING = re.compile(f"(?:(?<=[\\w\\s.,])(?<![0-9#*])|^)[{_VARIATIONS}]+(?!\u20e3)")
_HELD = "\ue000"
"""A private sign that stands in for a joiner of emoji while the others are taken away."""


def seen(text: str) -> str:
    """A text that people read, without signs that nobody sees, in Unicode's composed form."""
    before = None
    while text != before:  # what stands beside a sign may have been kept for its sake
        before, text = text, _without_unseen(text)
    return text


def _without_unseen(text: str) -> str:
    plain = text.translate(_SPACED).translate(_WITHOUT_NEVER_NEEDED)
    if not _JOINING.search(plain) and _HELD not in plain:
        plain = _JOINER_OF_EMOJI.sub(_HELD, plain)
        plain = plain.replace("\u200c", "").replace("\u200d", "").replace(_HELD, "\u200d")
    if not _RIGHT_TO_LEFT.search(plain):
        plain = "".join(character for character in plain if character not in _DIRECTIONS)
    if not _BREAKING.search(plain):
        plain = plain.replace(_WORD_BREAK, "")
    if not _HANGUL.search(plain):
        plain = "".join(character for character in plain if character not in _FILLERS)
    return unicodedata.normalize("NFC", _VARIATION_OF_NOTHING.sub("", plain))


def exact(text: str) -> str:
    """A text that is compared or computed with, such as an address, a key or a number, without any such sign."""
    return unicodedata.normalize("NFC", text.translate(_SPACED).translate(_WITHOUT_ALL))


_QUOTES = "'`\"‘’‚‛“”„«»´"
_SIGN_OF_TEXT = re.compile(f"^[{_QUOTES}]+(?=[^{_QUOTES}])")
_QUOTED = re.compile(f"^[{_QUOTES}]+(.*?)[{_QUOTES}]+$", re.DOTALL)
_FIGURES_BEHIND_SIGN = re.compile(r"^['`‘’´]([-+]?\d[\d.,/: -]{2,})$")


def without_sign_of_text(text: str) -> str:
    """``text`` without the apostrophe or quotation mark that tells a spreadsheet to take a cell for text."""
    quoted = _QUOTED.match(text)
    if quoted:
        return quoted[1].strip()
    return _SIGN_OF_TEXT.sub("", text).lstrip()


def figures_without_sign_of_text(text: str) -> str:
    """The same for text that people read: only in front of figures, since ``'t Hart`` and ``'90s`` begin with one."""
    return _FIGURES_BEHIND_SIGN.sub(r"\1", text)
