"""Countries, languages and time zones: from what people write to codes."""

from __future__ import annotations

import random
from zoneinfo import available_timezones

import phonenumbers
import pyarrow as pa
import pytest
from babel import Locale, UnknownLocaleError
from phonenumbers import timezone

from nightmail.organisation.served_countries import SERVED_COUNTRIES
from nightmail.row_checks.countries import NAME_LANGUAGES, country_code, country_codes
from nightmail.row_checks.languages import language_tag
from nightmail.row_checks.phones import judge_phones
from nightmail.row_checks.served_languages import languages_of_country
from nightmail.row_checks.time_zones import country_time_zone, number_time_zones, single_zone, time_zone_name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        ("276", "DE"),
        ("Germany", "DE"),
        ("Deutschland", "DE"),
        ("ALLEMAGNE", "DE"),
        ("Alemania", "DE"),
        ("UK", "GB"),
        ("United Kingdom", "GB"),
        ("Großbritannien", "GB"),
        ("Royaume-Uni", "GB"),
        ("U.S.A.", "US"),
        ("États-Unis", "US"),
        ("etats unis", "US"),
        ("Vereinigte Staaten", "US"),
        ("Österreich", "AT"),
        ("Oesterreich", "AT"),
        ("Côte d’Ivoire", "CI"),
        ("Cote d'Ivoire", "CI"),
        ("Türkiye", "TR"),
        ("Holland", "NL"),
        ("República Checa", "CZ"),
        ("South Korea", "KR"),
        ("Hong Kong", "HK"),
        ("EU", None),
        ("Atlantis", None),
        ("Deutschlnad", None),
        ("ZZ", None),
        ("-", None),
    ],
)
def test_countries(text: str, code: str | None) -> None:
    """Codes, and names in English, French, German and Spanish."""
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # https://github.com/IndEcol/country_converter/pull/27
        ("U.K.", "GB"),
        ("U. K.", "GB"),
        ("U.S.", "US"),
        ("U.A.E.", "AE"),
        ("K.S.A.", "SA"),
        ("R.S.A.", "ZA"),
        ("EL", "GR"),  # Eurostat's and the EU's code: Interinstitutional style guide, 7.1
        # ISO 3166-2
        ("GB-ENG", "GB"),
        ("GB-NIR", "GB"),
        ("US-CA", "US"),
        ("CA-QC", "CA"),
        ("DE-BY", "DE"),
        ("AT-9", "AT"),
        ("IT-CH", None),  # the province of Chieti, or Italian as spoken in Switzerland
        ("ES-AR", None),  # the province of Huesca's region, or Spanish as spoken in Argentina
        ("en-US", None),
        ("XX-AB", None),
        # Endonyms: https://github.com/opensupplyhub/open-apparel-registry/issues/1063
        ("Norge", "NO"),
        ("Noreg", "NO"),
        ("Sverige", "SE"),
        ("Polska", "PL"),
        ("POLSKA", "PL"),
        ("Suomi", "FI"),
        ("日本", "JP"),
        ("台灣", "TW"),
        ("香港", "HK"),
        ("Ελλάδα", "GR"),
        ("ελλας", "GR"),
        ("Česko", "CZ"),
        ("Ceska republika", "CZ"),
        ("Magyarország", "HU"),
        ("Magyarorszag", "HU"),
        ("Éire", "IE"),
        ("Ísland", "IS"),
        ("ישראל", "IL"),
        ("مصر", "EG"),
        ("საქართველო", "GE"),
        ("Lëtzebuerg", "LU"),
        ("Tyskland", "DE"),
        ("Duitsland", "DE"),
        ("Kongo", None),  # German and Polish for one, Norwegian for the other
        ("E.U.", None),
    ],
)
def test_countries_as_people_write_them(text: str, code: str | None) -> None:
    """Abbreviations with dots, codes of parts of a country, and names in the languages of the served countries."""
    assert country_code(text) == code


def test_every_served_country_is_known_by_its_own_names() -> None:
    """In each of its languages that CLDR has a name in, in capitals and without accents too."""
    known = 0
    for country in sorted(SERVED_COUNTRIES):
        for tag in languages_of_country(country):
            try:
                name = Locale.parse(tag).territories.get(country)
            except UnknownLocaleError:
                continue
            if name:
                known += 1
                assert {country_code(name), country_code(name.upper()), country_code(name.lower())} == {country}, name
    assert known > 120


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Iran, Islamic Republic of", "IR"),
        ("Bolivia (Plurinational State of)", "BO"),
        ("Lao People's Democratic Republic", "LA"),
        ("Saint Kitts and Nevis", "KN"),
        ("Saint Vincent and the Grenadines", "VC"),
        ("Korea, Republic of", "KR"),
        ("Korea, Democratic People's Republic of", "KP"),
        ("Congo, The Democratic Republic of the", "CD"),
        ("Taiwan, Province of China", "TW"),
        ("Republic of China", "TW"),
        ("Virgin Islands, U.S.", "VI"),
        ("Bundesrepublik Deutschland", "DE"),
        ("Königreich Spanien", "ES"),
        ("République française", "FR"),
        ("Reino de España", "ES"),
        ("Germany (DE)", "DE"),
        ("Commonwealth of Dominica", "DM"),
        ("Dominican Republic", "DO"),
        ("Virgin Islands", None),
        ("Korea", None),
        ("Republic", None),
        ("United States of", None),
    ],
)
def test_official_names_of_countries(text: str, code: str | None) -> None:
    """As registers and standards write them; what two countries could be called stays unknown."""
    assert country_code(text) == code


def test_every_country_is_known_by_its_names_in_all_languages() -> None:
    """CLDR's own names come back as their codes; no name of one country is another's."""
    for language in NAME_LANGUAGES:
        territories = Locale(language).territories
        for code in country_codes() & set(territories):
            assert country_code(str(territories[code])) == code, (language, code)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"),
        ("EN_us", "en-US"),
        ("pt-br", "pt-BR"),
        ("zh_hant_HK", "zh-Hant-HK"),
        ("ger", "de"),
        ("deu", "de"),
        ("fre", "fr"),
        ("German", "de"),
        ("français", "fr"),
        ("Französisch", "fr"),
        ("español", "es"),
        ("繁體中文", "zh-Hant"),
        ("Traditional Chinese", "zh-Hant"),
        ("iw", "he"),
        ("de_DE.UTF-8", "de-DE"),
        ("sl-rozaj", "sl-rozaj"),
        ("es-419", "es-419"),
        ("en-GB-x-team", "en-GB-x-team"),
        ("xx", None),
        ("english please", None),
        ("en-", None),
        ("en-ZZZZ-Q", None),
        ("1", None),
    ],
)
def test_languages(text: str, tag: str | None) -> None:
    """Tags of BCP 47 in canonical form, ISO 639 codes and names."""
    assert language_tag(text) == tag


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Berlin", None),
        ("Europe/Berln", None),
        ("localtime", None),
    ],
)
def test_time_zones(text: str, zone: str | None) -> None:
    """IANA names in any case, and those of Windows."""
    assert time_zone_name(text) == zone


def test_a_country_has_a_time_zone_only_if_its_clocks_agree() -> None:
    """Büsingen's clocks are Berlin's; the Canaries' are not Madrid's."""
    assert country_time_zone("DE") == "Europe/Berlin"
    assert country_time_zone("GB") == "Europe/London"
    assert country_time_zone("ES") is None
    assert country_time_zone("US") is None
    assert country_time_zone("XX") is None
    found = {code: country_time_zone(code) for code in country_codes()}
    assert {zone for zone in found.values() if zone} <= available_timezones()


def test_time_zones_of_numbers_are_the_librarys() -> None:
    """A number's prefix gives the zone that the library gives, where all its zones show the same time."""
    rng = random.Random(4)
    texts = [f"+1{rng.randrange(200, 999)}{rng.randrange(200, 999)}{rng.randrange(10000):04}" for _ in range(3000)]
    texts += [f"+61{rng.randrange(10**8, 10**9)}" for _ in range(800)]
    texts += [f"+55{rng.randrange(10**10, 10**11)}" for _ in range(800)]
    texts += [f"+7{rng.randrange(10**9, 10**10)}" for _ in range(800)]
    judged = judge_phones(pa.array(texts), pa.nulls(len(texts), pa.string()))
    zones = number_time_zones(judged.number, judged.type).to_pylist()
    told = 0
    for number, zone in zip(judged.number.to_pylist(), zones, strict=True):
        if number is None:
            assert zone is None
            continue
        parsed = phonenumbers.parse(number)
        expected = None
        if phonenumbers.is_number_type_geographical(phonenumbers.number_type(parsed), parsed.country_code):
            expected = single_zone(tuple(timezone.time_zones_for_number(parsed)))
        assert zone == expected, number
        told += zone is not None
    assert told > 1000
