"""Signs, codes and names of currencies, to the codes of ISO 4217 that they can mean; from CLDR.

``$`` and ``kr`` are the signs of several currencies, ``zł`` of one. What a sign means is never guessed: it says which currencies it can mean.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nightmail.organisation.served_countries import SERVED_COUNTRIES
from nightmail.row_checks.recurring import distinct_pairs
from nightmail.row_checks.served_languages import languages_of_country, served_locales

_DOLLARS = "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP CVE DOP FJD GYD HKD JMD KYD LRD MXN NAD NIO NZD SBD SGD SRD TTD TWD USD UYU XCD"
"""The currencies whose narrow symbol in CLDR is ``$``."""
_ALSO_WRITTEN = {
    "$": _DOLLARS,
    "us$": "USD",
    "usd$": "USD",
    "u$s": "USD",
    "c$": "CAD",
    "can$": "CAD",
    "au$": "AUD",
    "fr.": "CHF",
    "sfr.": "CHF",
    "sfr": "CHF",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₿": "BTC",
    "元": "CNY TWD",
    "圓": "TWD HKD",
    "円": "JPY",
    "kn": "HRK",
    "kr": "DKK ISK NOK SEK",
    "kr.": "DKK ISK NOK SEK",
    "¥": "CNY JPY",
    "лв": "BGN",
    "lei": "MDL RON",
    "leu": "MDL RON",
    "stg": "GBP",
    "euro": "EUR",
    "euros": "EUR",
    "eur.": "EUR",
    "pounds": "EGP GBP",
    "pound": "EGP GBP",
    "dollars": _DOLLARS,
    "dollar": _DOLLARS,
    "yen": "JPY",
    "rand": "ZAR",
}
"""What people write and CLDR does not list as a symbol, casefolded. Signs of pence and cents are none: ``50p`` is no fifty pounds."""


@lru_cache(maxsize=1)
def currency_codes() -> frozenset[str]:
    """All codes of ISO 4217, those of former currencies included."""
    from babel.core import get_global

    return frozenset(map(str, get_global("all_currencies")))


def plain_sign(text: str) -> str:
    """A sign as signs are compared: casefolded, without spaces, and signs that nobody sees."""
    shown = (
        character
        for character in unicodedata.normalize("NFKC", text)
        if unicodedata.category(character) not in ("Cf", "Zs")
    )
    return "".join(shown).casefold()


@lru_cache(maxsize=4096)
def currencies_of(sign: str) -> frozenset[str]:
    """The currencies that a sign, a code or a name can mean; none where it is not understood."""
    plain = plain_sign(sign)
    code = plain.upper()
    if code in currency_codes():
        return frozenset({code})
    if plain in _ALSO_WRITTEN:
        return frozenset(_ALSO_WRITTEN[plain].split())
    known = _english_signs().get(plain) or _own_signs().get(plain)
    if known is None and any(map(str.isalpha, plain)):
        known = _names().get(plain)
    return known or frozenset()


@lru_cache(maxsize=1)
def _english_signs() -> dict[str, frozenset[str]]:
    """Symbols in English, such as ``CA$``: most are of one currency; those of several stand in :data:`_ALSO_WRITTEN`."""
    from babel import Locale

    symbols = Locale("en").currency_symbols.items()
    return _grouped((symbol, code) for code, symbol in symbols if symbol != code)


@lru_cache(maxsize=1)
def _own_signs() -> dict[str, frozenset[str]]:
    """Symbols of the served countries' own currencies in their own languages; reading them takes half a CPU-second."""
    return _grouped((symbol, code) for country in sorted(SERVED_COUNTRIES) for code, symbol in _own_symbols(country))


def _grouped(signs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for sign, code in signs:
        found.setdefault(plain_sign(sign), set()).add(code)
    return {plain: frozenset(codes) for plain, codes in found.items()}


def _own_symbols(country: str) -> Iterator[tuple[str, str]]:
    from babel import Locale, UnknownLocaleError
    from babel.numbers import get_territory_currencies

    codes = get_territory_currencies(country)
    for language in languages_of_country(country):
        for name in (f"{language}_{country}", language):
            try:
                symbols = Locale.parse(name).currency_symbols
            except UnknownLocaleError:
                continue
            for code in codes:
                if symbols.get(code, code) != code:
                    yield code, symbols[code]
            break


@lru_cache(maxsize=1)
def _names() -> dict[str, frozenset[str]]:
    """Names in the languages of the served countries."""
    return _grouped((name, code) for _, locale in served_locales() for code, name in locale.currencies.items())


@dataclass(frozen=True)
class CurrencyVerdicts:
    """The currency of each amount of a column, and what stands against it; all are as long as the column."""

    codes: pa.Array
    """ISO 4217; null where neither the cell nor the currency column states one, or it is not clear which."""
    foreign: npt.NDArray[np.bool_]
    """States another currency than the only one that the template allows."""
    unclear: npt.NDArray[np.bool_]
    """The sign and the currency column name two currencies, or a sign of several where only one can be meant."""
    unknown: npt.NDArray[np.bool_]
    """The currency column holds no currency."""


_GOOD, _FOREIGN, _UNCLEAR, _UNKNOWN = range(4)


def judge_currencies(stated: pa.DictionaryArray, currency: str | None, column: pa.Array | None) -> CurrencyVerdicts:
    """The verdicts on amounts whose cells ``stated`` currencies (:attr:`~nightmail.row_checks.number_cells.NumberCells.stated`).

    ``currency`` is the template's; ``column`` are the values of the currency column, if there is one: then each row has its own.
    """
    if column is None and stated.null_count == len(stated):
        nothing = np.zeros(len(stated), dtype=bool)
        return CurrencyVerdicts(pa.nulls(len(stated), pa.string()), nothing, nothing, nothing)
    pairs, which = distinct_pairs(stated, column)
    verdicts = [_verdict(sign, own, currency, several=column is not None) for sign, own in pairs]
    codes = pa.array([code for code, _ in verdicts], pa.string()).take(pa.array(which))
    faults = np.array([fault for _, fault in verdicts], dtype=np.int8)[which]
    return CurrencyVerdicts(codes, faults == _FOREIGN, faults == _UNCLEAR, faults == _UNKNOWN)


def _verdict(stated: str | None, own: str | None, currency: str | None, *, several: bool) -> tuple[str | None, int]:
    meant = [frozenset(stated.split())] if stated is not None else []
    if own is not None:
        of_column = currencies_of(own)
        if not of_column:
            return None, _UNKNOWN
        meant.append(of_column)
    if not meant:
        return None, _GOOD
    both = frozenset.intersection(*meant)
    if not both:
        return None, _UNCLEAR
    if currency is not None and currency in both:
        return currency, _GOOD
    if currency is not None and not several:
        return None, _FOREIGN
    if len(both) == 1:
        return next(iter(both)), _GOOD
    # Without any currency in the template the amount is written without one: which dollar is meant changes nothing.
    return None, _UNCLEAR if several else _GOOD
