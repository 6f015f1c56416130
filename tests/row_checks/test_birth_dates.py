"""Birth dates as people of the served countries write them: read, or the contact is held; never an adult out of a child."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.organisation.served_countries import SERVED_COUNTRIES
from nightmail.row_checks.calendars import islamic_date
from nightmail.row_checks.month_names import months_called
from nightmail.row_checks.served_languages import languages_of_country
from nightmail.row_checks.written_dates import read_date
from tests.row_checks.conftest import Prepare

TODAY = date(2026, 11, 23)
CHILD = date(2015, 5, 1)


def youngest(text: str, country: str | None) -> date | None:
    """The latest day that a birth date can be; None where it cannot be read."""
    return max((reading.day for reading in read_date(text, TODAY, birth=True, country=country)), default=None)


@pytest.mark.parametrize(
    ("country", "text"),
    [
        # CLDR's date formats and month names; https://github.com/scrapinghub/dateparser/issues/837
        ("GB", "2015-05-01"),
        ("GB", "1 May 2015"),
        ("GB", "1st of May, 2015"),
        ("US", "May 1, 2015"),
        ("US", "Friday, May 1st, 2015"),
        ("US", "Fri May 01 2015 00:00:00 GMT+0200 (CEST)"),  # ECMA-262, Date.prototype.toString
        (None, "Fri, 01 May 2015 00:00:00 +0000"),  # RFC 5322
        ("DE", "1. Mai 2015"),
        ("AT", "01.05.2015 00:00:00"),
        ("FR", "1er mai 2015"),
        ("FR", "ven. 1 mai 2015"),
        ("IT", "1 maggio 2015"),
        ("IT", "1º maggio 2015"),
        ("NL", "1 mei 2015"),
        ("ES", "1 de mayo de 2015"),
        ("ES", "1 de maig de 2015"),
        ("PT", "1 de maio de 2015"),
        ("FI", "1. toukokuuta 2015"),
        ("SE", "1 maj 2015"),
        ("NO", "1. mai 2015"),
        ("IS", "1. maí 2015"),
        ("EE", "1. mai 2015"),
        ("LV", "2015. gada 1. maijs"),
        ("LT", "2015 m. gegužės 1 d."),
        ("PL", "1 maja 2015"),
        ("CZ", "1. května 2015"),
        ("SK", "1. mája 2015"),
        ("SI", "1. maj 2015"),
        ("HR", "1. svibnja 2015."),
        ("HU", "2015. május 1."),
        ("HU", "15. május 1."),
        ("RO", "1 mai 2015"),
        ("BG", "1 май 2015 г."),
        ("BG", "1.05.2015\u202fг."),
        ("GR", "1 Μαΐου 2015"),
        ("CY", "1 Mayıs 2015"),
        ("MT", "1 ta' Mejju 2015"),
        ("IE", "1 Bealtaine 2015"),
        ("GE", "1 მაისი, 2015"),
        ("IL", "1 במאי 2015"),
        ("SA", "١ مايو ٢٠١٥"),
        ("ZA", "Meyi 1, 2015"),
        # East Asia: https://github.com/ChurchCRM/CRM/issues/9560
        ("JP", "2015年5月1日"),
        ("JP", "2015年5月1日金曜日"),
        ("JP", "２０１５年５月１日"),
        ("JP", "平成27年5月1日"),
        ("JP", "平成二十七年五月一日"),
        ("JP", "H27.5.1"),
        ("JP", "27/05/01"),
        ("HK", "二零一五年五月一日"),
        ("HK", "2015年5月1日 星期五"),
        ("TW", "民國104年5月1日"),
        ("TW", "104/05/01"),
        ("TW", "1040501"),
        (None, "2015년 5월 1일"),
        # The Buddhist calendar is 543 years ahead
        (None, "1/5/2558"),
        ("GB", "20150501"),
        ("GB", "2015-05-01T00:00:00.000Z"),
    ],
)
def test_a_child_is_read_as_one(country: str | None, text: str) -> None:
    """Each of these was born on 1 May 2015; where figures leave another reading, none is later."""
    assert youngest(text, country) == CHILD


@pytest.mark.parametrize(
    ("country", "text", "day"),
    [
        ("GB", "2015", date(2015, 12, 31)),  # https://github.com/SORMAS-Foundation/SORMAS-Project/issues/5179
        (None, "2558", date(2015, 12, 31)),
        ("GB", "May 2015", date(2015, 5, 31)),
        ("DE", "05/2015", date(2015, 5, 31)),
        ("DE", "2.2016", date(2016, 2, 29)),
        ("DE", "2015-05", date(2015, 5, 31)),
        ("JP", "2015年5月", date(2015, 5, 31)),
        ("JP", "平成27年", date(2015, 12, 31)),
        ("GB", "2026", TODAY),  # born this year: today at the latest
        ("JP", "令和元年5月1日", date(2019, 5, 1)),
        ("JP", "S60.5.1", date(1985, 5, 1)),
        ("DE", "15-05-01", date(2015, 5, 1)),  # the year may stand first: the later of both
        ("SA", "1436/07/12", date(2015, 5, 3)),  # 12 Rajab 1436 is 1 May 2015, give or take two days
        ("SA", "1390/07/12", date(1970, 9, 15)),
        ("DE", "1.3.2010", date(2010, 3, 1)),
        ("DE", "03/04/2010", date(2010, 4, 3)),
    ],
)
def test_the_latest_day_that_is_possible(country: str | None, text: str, day: date) -> None:
    """What is not stated makes nobody older: a year alone is its last day."""
    assert youngest(text, country) == day


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("GB", "unknown"),
        ("GB", "11"),
        ("GB", "11 years"),
        ("GB", "42125"),
        ("GB", "0000-00-00"),
        ("GB", "1900-01-01"),  # a filler: nobody is that old
        ("GB", "2030-01-01"),
        ("GB", "~2015"),
        ("GB", "2015/16"),
        ("GB", "2015 or 2016"),
        ("GB", "2015?"),
        ("GB", "1 May 2015 / 2 June 2016"),
        ("GB", "1 Foo 2015"),
        ("DE", "104/05/01"),  # Minguo in Taiwan only
        ("AE", "1390/07/12"),  # of the Islamic calendar 1970, of the Iranian 2011
        ("JP", "27年5月1日"),
        ("GB", "31.04.2015"),
    ],
)
def test_what_cannot_be_read_is_not_guessed_at(country: str | None, text: str) -> None:
    """The contact is held then."""
    assert read_date(text, TODAY, birth=True, country=country) == ()


@pytest.mark.parametrize("month", range(1, 13))
def test_dates_of_every_served_country_are_read(month: int) -> None:
    """In CLDR's four lengths and each of a country's languages, a date is read as itself or as younger, or not at all."""
    read = unread = 0
    for country in sorted(SERVED_COUNTRIES):
        for tag in languages_of_country(country):
            try:
                locale = Locale.parse(f"{tag}_{country}")
            except UnknownLocaleError:
                continue
            for length in ("short", "medium", "long", "full"):
                for day in (date(2015, month, 1), date(2015, month, 9), date(1985, month, 25)):
                    text = format_date(day, length, locale)
                    readings = [one.day for one in read_date(text, TODAY, birth=True, country=country)]
                    read, unread = read + bool(readings), unread + (not readings)
                    # Sesotho's sixth month is called like the first one of all other languages of South Africa.
                    assert not readings or (day in readings and max(readings) >= day) or tag == "st", (country, text)
    assert unread < read / 30


@settings(max_examples=300, deadline=None)
@given(
    st.dates(date(1930, 1, 1), TODAY - timedelta(days=1)),
    st.sampled_from(
        [
            "%Y-%m-%d",
            "%d.%m.%Y",
            "%d/%m/%Y",
            "%m/%d/%Y",
            "%d-%m-%y",
            "%y-%m-%d",
            "%y/%m/%d",
            "%Y年%m月%d日",
            "%Y",
            "%m/%Y",
        ]
    ),
    st.sampled_from(["DE", "US", "JP", "TW", "SE", "SA", None]),
)
def test_nobody_is_read_as_older_than_they_are(born: date, form: str, country: str | None) -> None:
    """Whatever the form, the latest reading is never before the day itself, if it has a reading at all."""
    latest = youngest(born.strftime(form), country)
    assert latest is None or latest >= born or (form in ("%d-%m-%y", "%y-%m-%d", "%y/%m/%d") and born.year < 1940)


def test_a_month_of_two_languages_is_the_countrys() -> None:
    """Listopad is October in Croatia, and November in Poland and the Czech Republic."""
    assert months_called("listopada", "HR") == (10,)
    assert months_called("listopada", "PL") == (11,)
    assert months_called("listopada", None) == (10, 11)
    assert months_called("srpen", "CZ") == (8,)
    assert youngest("1 listopada 2015", None) == date(2015, 11, 1)


def test_the_islamic_calendar() -> None:
    """New year's days of the Umm al-Qura calendar, less than three days off: 1400, 1436, 1445."""
    for year, day in ((1400, date(1979, 11, 20)), (1436, date(2014, 10, 25)), (1445, date(2023, 7, 19))):
        found = islamic_date(year, 1, 1)
        assert found is not None
        assert timedelta(0) <= found - day <= timedelta(days=3)
    assert islamic_date(1436, 13, 1) is None


def test_a_birth_date_that_is_not_read_marks_the_contact(prepare: Prepare) -> None:
    """An empty one does not; the row's own country counts before the default one."""
    out = prepare(
        {
            "external_id": list("abcde"),
            "phone": [f"+4915123450{at}01" for at in range(5)],
            "birth_date": ["soon", None, "1 listopada 2015", "1 listopada 2015", "2015"],
            "country": ["DE", "DE", "PL", "HR", "DE"],
        },
        reference_date=TODAY,
        default_country="DE",
    )
    assert out.of("birth_date") == [None, None, date(2015, 11, 1), date(2015, 10, 1), date(2015, 12, 31)]
    assert out.of("birth_date_unread") == [True, False, False, False, False]
    assert out.warned() == {2: ["birth_date_invalid"], 6: ["birth_date_day_assumed"]}


def test_a_column_that_shows_its_order_decides_and_it_is_said(prepare: Prepare) -> None:
    """What is usual in a country proves nothing about a birth date; the column's other dates do."""
    columns = {"external_id": list("abc"), "phone": [f"+4915123450{at}01" for at in range(3)]}
    out = prepare(
        {**columns, "birth_date": ["05/12/2013", "24/12/1980", "01/01/1970"]},
        reference_date=TODAY,
        default_country="US",
    )
    assert out.of("birth_date")[0] == date(2013, 12, 5)
    assert [decision.message for decision in out.summary.decisions] == [
        "birth_date: 1 dates that can be read in two ways were read with the day first: 1 have no other reading, none contradicts."
    ]
    out = prepare(
        {**columns, "birth_date": ["12/05/2013", "01/01/1980", None]}, reference_date=TODAY, default_country="US"
    )
    assert out.of("birth_date")[0] == date(2013, 12, 5)
    assert out.warned() == {2: ["birth_date_order_assumed"]}
    assert out.summary.decisions == ()
