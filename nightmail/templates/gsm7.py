"""Characters that take a text message out of the GSM 7-bit alphabet, what they cost, and what may stand in their place.

One such character leaves a segment room for 70 characters instead of 160. Many are typography: quotation marks, dashes, blanks
that nobody can tell from plain ones. For those there is an equivalent in the alphabet (3GPP TS 23.038, 6.2.1); a template that
says ``prefer: gsm7`` gets it, and the summary says how often. Letters and symbols with a meaning of their own are never
replaced, and nothing is replaced where the message would need UCS-2 all the same.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.templates.segments import GSM_EXTENSION, Measured, in_septets, is_gsm, measure

LISTED = 20
"""The most characters that a summary lists."""
_OTHER_SCRIPT_SHARE = 0.25
"""A text of which a greater part is outside of the alphabet is written in another script: none of it is debris."""

_EQUIVALENTS: Mapping[str, str] = {
    "'": "‘’‚‛′ʼʹ`´‹›",
    '"': "“”„‟″«»",
    "-": "‐‑‒–—―−⁃•‣",
    "...": "…",
    " ": "\t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "": "\xad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufe0e\ufe0f\ufeff",
    "\n": "\x85\u2028\u2029",
    "/": "⁄∕",
    "ff": "ﬀ",
    "fi": "ﬁ",
    "fl": "ﬂ",
    "ffi": "ﬃ",
    "ffl": "ﬄ",
    "st": "ﬅﬆ",
}
REPLACEMENTS: Mapping[str, str] = {
    character: plain for plain, characters in _EQUIVALENTS.items() for character in characters
}
"""The equivalent in the alphabet of each typographic character: of the same meaning, and read the same aloud."""

_TRANSLATION = str.maketrans(dict(REPLACEMENTS))
_CODE_POINTS = 0x110000


def _marks() -> Iterable[int]:
    return (code for code in range(0x300, 0x370) if unicodedata.combining(chr(code)))


def _septets() -> npt.NDArray[np.int64]:
    """Septets that each character outside of the alphabet would take after its replacement; one where it has none."""
    found = np.ones(_CODE_POINTS, dtype=np.int64)
    for character, plain in REPLACEMENTS.items():
        found[ord(character)] = sum(2 if part in GSM_EXTENSION else 1 for part in plain)
    found[list(_marks())] = 0
    return found


_SEPTETS = _septets()
_REPLACEABLE = np.zeros(_CODE_POINTS, dtype=bool)
_REPLACEABLE[[ord(character) for character in REPLACEMENTS]] = True
_REPLACEABLE[list(_marks())] = True
"""Accents of their own too: most go with their letter into one character."""


def in_gsm7(text: str) -> str:
    """The text with typographic characters replaced, if that takes it into the alphabet; else the text itself."""
    replaced = unicodedata.normalize("NFC", text).translate(_TRANSLATION)
    return replaced if is_gsm(replaced) else text


def costly_characters(text: str) -> tuple[str, ...]:
    """The characters of a text outside of the alphabet, each once in their order; none of a text in another script."""
    others = [character for character in text if not is_gsm(character)]
    if len(others) > max(len(text) * _OTHER_SCRIPT_SHARE, 1):
        return ()
    return tuple(dict.fromkeys(others))


def character_name(character: str) -> str:
    """A character's name in Unicode, such as ``right single quotation mark``, or its code point."""
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def replacement(character: str) -> str | None:
    """What stands for a character in the alphabet, or nothing."""
    return REPLACEMENTS.get(character)


@dataclass
class _Cost:
    messages: int = 0
    segments: int = 0
    micros: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        amounts = {
            currency: str(Decimal(micros) / 1_000_000) for currency, micros in sorted(self.micros.items()) if micros
        }
        return {"messages": self.messages, "segments_added": self.segments, "costs_added": amounts}


@dataclass
class CharacterCosts:
    """What characters outside of the alphabet add to the messages of a campaign; free of personal data.

    A message with several of them counts for each; :attr:`total` counts it once. Segments without them are computed as if
    each took its replacement's place, or one septet where it has none.
    """

    total: _Cost = field(default_factory=_Cost)
    other_scripts: int = 0
    """Messages written in another script, whose characters are not listed."""
    by_character: dict[str, _Cost] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)
    """Messages in which a character was replaced, by character."""

    def prefer_gsm7(self, column: pa.Array) -> pa.Array:
        """Replace typographic characters in the texts of a column that come into the alphabet by it."""
        measured = measure(pc.fill_null(column, "") if column.null_count else column)
        if not len(measured.others):
            return column
        hopeless = np.bincount(measured.other_rows[~_REPLACEABLE[measured.others]], minlength=len(column)) > 0
        rows = np.unique(measured.other_rows[~hopeless[measured.other_rows]])
        texts = column.take(pa.array(rows)).to_pylist()
        replaced = [in_gsm7(text) for text in texts]
        for before, after in zip(texts, replaced, strict=True):
            if before != after:
                self.replaced.update({character for character in before if not is_gsm(character)})
        mask = np.zeros(len(column), dtype=bool)
        mask[rows] = True
        return pc.replace_with_mask(column, pa.array(mask), pa.array(replaced, pa.string()))

    def add(self, measured: Measured, unit_micros: npt.NDArray[np.int64], currencies: pa.Array) -> None:
        """Count messages: ``unit_micros`` is the price of a segment of each in millionths of its currency."""
        if not len(measured.others):
            return
        priced_in = currencies.dictionary_encode()
        count = len(measured.segments)
        others = np.bincount(measured.other_rows, minlength=count)
        is_listed = (others > 0) & (others <= np.maximum(measured.characters * _OTHER_SCRIPT_SHARE, 1))
        self.other_scripts += int(((others > 0) & ~is_listed).sum())
        more = np.bincount(measured.other_rows, weights=_SEPTETS[measured.others] - 1, minlength=count).astype(np.int64)
        septets = measured.characters + measured.extended + more
        added = np.where(is_listed, np.maximum(measured.segments - in_septets(septets), 0), 0)
        micros = added * unit_micros
        self._count(self.total, np.flatnonzero(is_listed), added, micros, priced_in)
        seen = is_listed[measured.other_rows]
        pairs = np.unique(measured.others[seen] * count + measured.other_rows[seen])
        codes, rows = pairs // count, pairs % count
        for code in np.unique(codes).tolist():
            cost = self.by_character.setdefault(chr(code), _Cost())
            self._count(cost, rows[codes == code], added, micros, priced_in)

    def _count(
        self,
        cost: _Cost,
        rows: npt.NDArray[np.int64],
        added: npt.NDArray[np.int64],
        micros: npt.NDArray[np.int64],
        priced_in: pa.DictionaryArray,
    ) -> None:
        cost.messages += len(rows)
        cost.segments += int(added[rows].sum())
        codes = pc.fill_null(priced_in.indices, -1).to_numpy(zero_copy_only=False)[rows]
        for code, currency in enumerate(priced_in.dictionary.to_pylist()):
            cost.micros[currency] += int(micros[rows][codes == code].sum())

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values: the totals, and the characters that add most first, with what could stand for each."""
        ranked = sorted(self.by_character.items(), key=lambda entry: (-entry[1].segments, -entry[1].messages, entry[0]))
        return {
            **self.total.as_dict(),
            "other_scripts": self.other_scripts,
            "characters": [
                {
                    "character": character,
                    "name": character_name(character),
                    **cost.as_dict(),
                    "replacement": replacement(character),
                }
                for character, cost in ranked[:LISTED]
            ],
            "replaced": dict(sorted(self.replaced.items(), key=lambda entry: (-entry[1], entry[0]))),
        }
