"""Byte order marks that were read in another encoding, or written as text, and so stand before the first column's name.

A program that does not know the mark of UTF-8 shows ``ï»¿phone``; saved again, these three letters are text. R makes
``ï..phone`` and ``X.U.FEFF.phone`` of it.
"""

from __future__ import annotations

_CODECS = (
    "cp1252",
    "cp437",
    "cp850",
    "cp866",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "koi8_r",
    "mac_roman",
    "iso8859_2",
)
_UTF8 = b"\xef\xbb\xbf"
_READ_WRONGLY = {_UTF8.decode(codec) for codec in _CODECS} | {
    _UTF8.decode("latin-1").encode().decode("cp1252", "replace"),
    *("ÿþ", "þÿ"),
}
_WRITTEN_OUT = {"ï..", "X.U.FEFF.", "<U+FEFF>", "\\ufeff", "&#65279;", "&#xFEFF;", "&#xfeff;"}
_DISGUISES = tuple(sorted(_READ_WRONGLY | _WRITTEN_OUT, key=len, reverse=True))
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"


def mark_length(text: str) -> int:
    """How many characters at the beginning of a text are byte order marks, of whatever form, or signs that nobody sees.

    >>> mark_length("\\ufeffï»¿phone"), mark_length("phone")
    (4, 0)
    """
    place = 0
    while True:
        if text[place : place + 1] and text[place] in _INVISIBLE:
            place += 1
            continue
        found = next((mark for mark in _DISGUISES if text.startswith(mark, place)), None)
        if found is None:
            return place
        place += len(found)
