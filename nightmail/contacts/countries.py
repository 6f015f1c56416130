"""Countries: ISO 3166-1 codes and names in English, French, German and Spanish to the two-letter code."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

NAME_LANGUAGES = ("en", "fr", "de", "es")
"""The languages whose names of countries (and languages) are understood."""

_ALSO_CALLED = {
    "america": "US",
    "bosnia": "BA",
    "britain": "GB",
    "burma": "MM",
    "cape verde": "CV",
    "czech republic": "CZ",
    "eeuu": "US",
    "ee uu": "US",
    "elfenbeinkuste": "CI",
    "england": "GB",
    "angleterre": "GB",
    "inglaterra": "GB",
    "great britain": "GB",
    "grande bretagne": "GB",
    "gran bretana": "GB",
    "grossbritannien": "GB",
    "holland": "NL",
    "hollande": "NL",
    "holanda": "NL",
    "hong kong": "HK",
    "ivory coast": "CI",
    "macau": "MO",
    "macao": "MO",
    "northern ireland": "GB",
    "palestine": "PS",
    "republic of ireland": "IE",
    "republic of korea": "KR",
    "republique tcheque": "CZ",
    "republica checa": "CZ",
    "tschechische republik": "CZ",
    "russian federation": "RU",
    "schottland": "GB",
    "scotland": "GB",
    "slovak republic": "SK",
    "swaziland": "SZ",
    "the netherlands": "NL",
    "turkey": "TR",
    "turquie": "TR",
    "turquia": "TR",
    "uae": "AE",
    "uk": "GB",
    "united states of america": "US",
    "u s": "US",
    "u s a": "US",
    "usa": "US",
    "etats unis d amerique": "US",
    "vereinigte staaten von amerika": "US",
    "estados unidos de america": "US",
    "vatican": "VA",
    "vatikan": "VA",
    "vaticano": "VA",
    "viet nam": "VN",
    "wales": "GB",
}
"""Names that people write and that are not in CLDR's lists, folded as :func:`folded` folds."""

_WITHOUT_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"})


def folded(text: str) -> str:
    """``text`` in lower case without accents and punctuation, in single spaces: what names are compared by."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    kept = "".join(
        character if character.isalnum() else " " for character in plain if not unicodedata.combining(character)
    )
    return " ".join(kept.split())


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """All two-letter codes of countries and territories."""
    from babel import Locale

    return frozenset(
        code
        for code in map(str, Locale("en").territories)
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    )


@lru_cache(maxsize=1)
def _codes_by_name() -> dict[str, str]:
    from babel import Locale
    from babel.core import get_global

    codes = country_codes()
    found: dict[str, str] = {}
    for language in NAME_LANGUAGES:
        for code, name in Locale(language).territories.items():
            if code in codes:
                found.setdefault(folded(name), code)
                if language == "de":
                    found.setdefault(folded(name.translate(_WITHOUT_UMLAUTS)), code)
    found.update(_ALSO_CALLED)
    # Babel's aliases hold the three-letter and numeric codes, and codes that are no longer used.
    for alias, successors in get_global("territory_aliases").items():
        if len(successors) == 1 and successors[0] in codes:
            found.setdefault(alias.casefold(), successors[0])
    found.update({code.casefold(): code for code in codes})
    return found


@lru_cache(maxsize=100_000)
def country_code(text: str) -> str | None:
    """The two-letter code of the country that ``text`` names, or None: ``de``, ``DEU``, ``276``, ``Allemagne``."""
    from phonenumbers import SUPPORTED_REGIONS

    if text in SUPPORTED_REGIONS:  # the commonest form needs no names to be loaded
        return text
    return _codes_by_name().get(folded(text))
