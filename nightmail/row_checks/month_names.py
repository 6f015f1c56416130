"""Names of months, of days and the words around them in the languages of the served countries, from CLDR's calendars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from nightmail.row_checks.countries import NAME_LANGUAGES, folded
from nightmail.row_checks.served_languages import languages_of_country, served_locales

_ALSO_WRITTEN = {
    ("sept", "en"): 9,
    ("set", "it"): 9,
    ("mrz", "de"): 3,
    ("marz", "de"): 3,
    ("janner", "de"): 1,
    ("feber", "de"): 2,
    ("juill", "fr"): 7,
}
"""Abbreviations and regional names that CLDR does not list, by language."""
_WORDS_AROUND = frozenset(
    [
        "st",
        "nd",
        "rd",
        "th",
        "er",
        "re",
        "e",
        "o",
        "a",
        "ª",
        "º",
        "of",
        "the",
        "and",
        "de",
        "del",
        "d",
        "di",
        "do",
        "da",
        "of",
        "den",
        "der",
        "dem",
        "le",
        "el",
        "al",
        "la",
        "il",
        "the",
        "i",
        "y",
        "an",
        "am",
        "ar",
        "ta",
        "the",
        "г",
        "года",
        "год",
        "р",
        "рік",
        "года",
        "г",
        "gada",
        "gads",
        "g",
        "roku",
        "rok",
        "r",
        "m",
        "metai",
        "metu",
        "d",
        "diena",
        "ev",
        "evi",
        "lac",
        "le",
        "year",
        "day",
        "un",
        "dia",
        "giorno",
        "jour",
        "tag",
    ]
)
"""Ordinal endings and small words between the parts of a date; none of them can change its figures."""


@lru_cache(maxsize=1)
def _tables() -> tuple[Mapping[str, Mapping[int, frozenset[str]]], frozenset[str], frozenset[str]]:  # noqa: C901 - one pass over each part of the names
    """Months with their languages by name, names of days, and the words around them; all folded."""
    months: dict[str, dict[int, set[str]]] = {}
    days: set[str] = set()
    around = set(_WORDS_AROUND)
    for tag, locale in served_locales():
        for forms in locale.months.values():
            for width in ("wide", "abbreviated"):
                for number, name in forms.get(width, {}).items():
                    plain = folded(name)
                    if plain and not any(map(str.isdigit, plain)):
                        for spelling in {plain, plain.split()[-1]}:
                            months.setdefault(spelling, {}).setdefault(number, set()).add(tag)
        for forms in locale.days.values():
            for width in ("wide", "abbreviated"):
                for name in forms.get(width, {}).values():
                    days.update(folded(name).split())
        for pattern in locale.date_formats.values():
            for quoted in re.findall(r"'([^']+)'", str(pattern.pattern)):
                around.update(folded(quoted).split())
    for (name, tag), number in _ALSO_WRITTEN.items():
        months.setdefault(name, {}).setdefault(number, set()).add(tag)
    frozen = {name: {number: frozenset(tags) for number, tags in found.items()} for name, found in months.items()}
    return frozen, frozenset(days), frozenset(around)


def months_called(name: str, country: str | None) -> tuple[int, ...]:
    """The months that a folded name can mean, in the languages of ``country`` if it is one there: ``listopad`` is October in Croatia.

    ``()`` where it is no month; several where it is another month in two languages and the country does not tell.
    """
    found = _tables()[0].get(name)
    if found is None:
        return ()
    if len(found) == 1:
        return tuple(found)
    spoken = frozenset(languages_of_country(country)) if country else frozenset()
    common = frozenset(NAME_LANGUAGES)
    for languages in (spoken & common, spoken, common):
        here = tuple(number for number, tags in found.items() if tags & languages)
        if len(here) == 1 or (here and languages == spoken):
            return here
    return tuple(found)


def is_day_name(word: str) -> bool:
    """Whether a folded word is the name of a day of the week."""
    return word in _tables()[1]


def is_around(word: str) -> bool:
    """Whether a folded word may stand in a date without a meaning of its own."""
    return word in _tables()[2]
