"""The countries that are served, by region, and the age of consent of each: data that a deployment may edit.

The list is the offer's. A region's messages are hosted in ``eu`` or ``us``. Ages are those at which a person can agree
to an online service without a parent; a younger recipient is never sent to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


SERVED_REGIONS: dict[str, frozenset[str]] = {
    "EMEA": _codes(
        "ZA DE SA AT BE BG CY HR DK EG AE ES EE FI FR GE GR HU IE IS IL IT LV LI LT LU MT NO NL PL PT QA CZ RO GB SK SI "
        "SE CH"
    ),
    "Americas": _codes("AR AW BS BZ BM CA KY CO CW DO JM PR TT US"),
    "APJC": _codes("AU HK JP NZ TW"),
}
"""Served countries (ISO 3166-1 alpha-2) by region of the offer."""

SERVED_COUNTRIES: frozenset[str] = frozenset().union(*SERVED_REGIONS.values())
"""All served countries."""

HOSTING_REGIONS: dict[str, str] = {"EMEA": "eu", "APJC": "eu", "Americas": "us"}
"""Where a region of the offer is hosted."""


def region_of(country: str) -> str | None:
    """The region of the offer that serves ``country``, or None where it is not served."""
    return next((region for region, countries in SERVED_REGIONS.items() if country in countries), None)


def hosting_region_of(country: str) -> str | None:
    """``eu`` or ``us`` for a served country, else None."""
    region = region_of(country)
    return None if region is None else HOSTING_REGIONS[region]


@dataclass(frozen=True)
class ConsentAge:
    """The age from which a person of ``country`` can be sent to, and the rule it comes from."""

    country: str
    age: int
    source: str


_GDPR = "GDPR Article 8(1) with the member state's law"
_EEA = "GDPR Article 8(1) as taken into the EEA Agreement (Joint Committee Decision 154/2018), with the state's law"

_CONSENT_AGES: tuple[tuple[str, int, str], ...] = (
    *((country, 13, _GDPR) for country in ("BE", "DK", "EE", "FI", "LV", "MT", "PT", "SE")),
    *((country, 13, _EEA) for country in ("IS", "NO")),
    ("GB", 13, "Data Protection Act 2018, section 9"),
    *((country, 14, _GDPR) for country in ("AT", "BG", "CY", "ES", "IT", "LT")),
    *((country, 15, _GDPR) for country in ("CZ", "FR", "GR", "SI")),
    *((country, 16, _GDPR) for country in ("DE", "HR", "HU", "IE", "LU", "NL", "PL", "RO", "SK")),
    ("LI", 16, _EEA),
    ("US", 13, "Children's Online Privacy Protection Act, 15 U.S.C. 6501(1)"),
    ("PR", 13, "Children's Online Privacy Protection Act, 15 U.S.C. 6501(1); a territory of the United States"),
)

DEFAULT_CONSENT_AGE = ConsentAge("", 16, "No entry of its own: the highest age that GDPR Article 8(1) allows")
"""For a country without an entry, and for contacts whose country is not known."""

CONSENT_AGES: dict[str, ConsentAge] = {country: ConsentAge(country, age, why) for country, age, why in _CONSENT_AGES}
"""Ages with their sources, by country."""

AGE_OF_CONSENT: dict[str, int] = {
    **dict.fromkeys(sorted(SERVED_COUNTRIES), DEFAULT_CONSENT_AGE.age),
    **{country: entry.age for country, entry in CONSENT_AGES.items()},
}
"""The age of every served country; for any other use ``DEFAULT_CONSENT_AGE.age``."""


def consent_age(country: str | None) -> ConsentAge:
    """The age of ``country``, or the default where there is no entry or no country."""
    return CONSENT_AGES.get(country or "", DEFAULT_CONSENT_AGE)


def is_minor(birth_date: date, country: str | None, on: date) -> bool:
    """Whether somebody born on ``birth_date`` is under the age of consent of ``country`` on the day ``on``.

    A person born on 29 February comes of age on 1 March in years without that day.
    """
    age = consent_age(country).age
    return (on.year - birth_date.year) - ((on.month, on.day) < (birth_date.month, birth_date.day)) < age
