"""The languages that people of the served countries write, from CLDR: whose names of countries and months are understood."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from nightmail.organisation.served_countries import SERVED_COUNTRIES

if TYPE_CHECKING:
    from babel import Locale

_OFFICIAL = frozenset({"official", "de_facto_official", "official_regional"})
_MANY_PERCENT = 20.0
"""Share of a country's people from which a language counts that is not official there."""


@lru_cache(maxsize=512)
def languages_of_country(country: str) -> tuple[str, ...]:
    """The languages of ``country`` by CLDR's tags (``zh_Hant``), those of most people first."""
    from babel.core import get_global

    known = get_global("territory_languages").get(country, {})
    return tuple(
        tag
        for tag, facts in sorted(known.items(), key=lambda item: -item[1]["population_percent"])
        if facts["official_status"] in _OFFICIAL or facts["population_percent"] >= _MANY_PERCENT
    )


@lru_cache(maxsize=1)
def served_languages() -> tuple[str, ...]:
    """The languages of all served countries, sorted."""
    return tuple(sorted({tag for country in SERVED_COUNTRIES for tag in languages_of_country(country)}))


def served_locales() -> Iterator[tuple[str, Locale]]:
    """Each of :func:`served_languages` that CLDR has names in, with its data; all of them take half a CPU-second to read."""
    from babel import Locale, UnknownLocaleError

    for tag in served_languages():
        try:
            yield tag, Locale.parse(tag)
        except UnknownLocaleError:
            continue
