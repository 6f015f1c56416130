"""The served countries and the ages of consent."""

from __future__ import annotations

from datetime import date

import pytest
from babel import Locale

from nightmail.organisation.served_countries import (
    AGE_OF_CONSENT,
    CONSENT_AGES,
    SERVED_COUNTRIES,
    SERVED_REGIONS,
    consent_age,
    hosting_region_of,
    is_minor,
    region_of,
)


def test_the_list_is_the_offers() -> None:
    """58 countries in three regions, none twice, all of them countries."""
    assert {name: len(countries) for name, countries in SERVED_REGIONS.items()} == {
        "EMEA": 39,
        "Americas": 14,
        "APJC": 5,
    }
    assert len(SERVED_COUNTRIES) == 58
    assert set(Locale("en").territories) >= SERVED_COUNTRIES


def test_each_region_is_hosted() -> None:
    """The Americas in the United States, all else in Europe."""
    assert (region_of("JP"), hosting_region_of("JP")) == ("APJC", "eu")
    assert (region_of("CA"), hosting_region_of("CA")) == ("Americas", "us")
    assert (region_of("BR"), hosting_region_of("BR")) == (None, None)


def test_every_age_states_its_source() -> None:
    """13 to 16 in Europe, 13 in the United States, 16 where nothing is known."""
    assert all(entry.source for entry in CONSENT_AGES.values())
    assert set(AGE_OF_CONSENT) >= SERVED_COUNTRIES
    assert {AGE_OF_CONSENT[country] for country in SERVED_COUNTRIES} == {13, 14, 15, 16}
    assert (AGE_OF_CONSENT["US"], AGE_OF_CONSENT["FR"], AGE_OF_CONSENT["AT"], AGE_OF_CONSENT["DE"]) == (13, 15, 14, 16)
    assert consent_age(None).age == consent_age("XX").age == 16


@pytest.mark.parametrize(
    ("born", "country", "on", "minor"),
    [
        (date(2013, 11, 23), "US", date(2026, 11, 22), True),
        (date(2013, 11, 23), "US", date(2026, 11, 23), False),
        (date(2010, 11, 24), "DE", date(2026, 11, 23), True),
        (date(2012, 2, 29), "US", date(2025, 2, 28), True),
        (date(2012, 2, 29), "US", date(2025, 3, 1), False),
        (date(2011, 1, 1), None, date(2026, 11, 23), True),
    ],
)
def test_minors(born: date, country: str | None, on: date, minor: bool) -> None:
    """To the day."""
    assert is_minor(born, country, on) is minor
