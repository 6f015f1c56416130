"""One written date: everything that it can mean.

Read are figures in any order, with or without a time after them; names of months in the languages of the served countries; the calendars of
Japan, Taiwan and the Buddhist and Islamic ones. A birth date may be a year or a month alone: it is then its last day, so that a minor is
never taken for an adult.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from nightmail.row_checks.calendars import BUDDHIST, JAPANESE_ERAS, MINGUO, islamic_date, japanese_years
from nightmail.row_checks.countries import folded
from nightmail.row_checks.date_orders import DAY_FIRST, MONTH_FIRST, YEAR_FIRST, usual_order
from nightmail.row_checks.month_names import is_around, is_day_name, months_called

_TIME = re.compile(
    r"[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?"
    r"(?: ?(?:Z|UTC|GMT)?(?:[+-]\d{2}:?\d{2})?)?(?: \([^()]*\))?$"
)
_FIGURES = re.compile(r"^(\d{1,4})([-/.])\s?(\d{1,2})\2\s?(\d{1,4})\.?$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_CHARACTERS = re.compile(r"^(\D*?)(\d{1,4}|元)\s?[年년]\s?(?:(\d{1,2})\s?[月월]\s?(?:(\d{1,2})\s?[日号號일])?)?$")
_ERA_LETTER = re.compile(r"^([rhstRHST])\.?\s?(\d{1,2})([-/.])(\d{1,2})\3(\d{1,2})$")
_YEAR_ALONE = re.compile(r"^(\d{4})$")
_YEAR_AND_MONTH = re.compile(r"^(\d{4})[-/.](\d{1,2})$")
_MONTH_AND_YEAR = re.compile(r"^(\d{1,2})[-/.](\d{4})$")
_MINGUO_COMPACT = re.compile(r"^(\d{2,3})(\d{2})(\d{2})$")
_BEHIND_A_DATE = re.compile(
    r"(?<=\d)\s?г\.?$|(?<=日)\s?[(]?(?:(?:星期|週|周|礼拜|禮拜)[一二三四五六日天]|[月火水木金土日](?:曜日?)?)[)]?$"
)
"""The word for year in Bulgarian, and the names of days in Chinese and Japanese."""
_HAN_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "兩": 2}
_HAN_NUMBER = re.compile(r"[〇零○一二兩三四五六七八九十廿卅]+(?=[年月日號号])")
_YEARS_AHEAD = 20
_OLDEST = 120
"""Years after which nobody is taken to live: older birth dates are fillers, such as 1900-01-01."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """One thing that a written date can mean."""

    day: date
    order: str | None = None
    """The order of its figures, where there is another."""
    century_stated: bool = True
    whole: bool = True
    """Whether the day is stated; otherwise it is the last one of the month or year."""


def read_date(text: str, today: date, *, birth: bool = False, country: str | None = None) -> tuple[DateReading, ...]:
    """All that ``text`` can mean as a date; each date once.

    ``birth``: the date lies in the past and within a life, may lack its day or month, and may be of another calendar. ``country`` tells
    the language of a month that is another one in two languages, and whose calendar counts.
    """
    plain = _plain(text)
    found: dict[date, DateReading] = {}
    for reading in _readings(plain, today, birth=birth, country=country):
        one = _in_the_past(reading, today) if birth else reading
        if one is not None:
            found.setdefault(one.day, one)
    return tuple(found.values())


def _plain(text: str) -> str:
    """``text`` with ASCII digits, single spaces and no signs that nobody sees."""
    if text.isascii():
        plain = " ".join(text.split())
        return _TIME.sub("", plain) if ":" in plain else plain
    kept = []
    for character in unicodedata.normalize("NFKC", text):
        digit = unicodedata.decimal(character, None)
        if digit is not None:
            kept.append(str(digit))
        elif unicodedata.category(character) != "Cf":
            kept.append("/" if character in "⁄∕" else "-" if character in "‐‑–−" else character)
    plain = _HAN_NUMBER.sub(lambda match: _han_number(match.group()), " ".join("".join(kept).split()))
    return _BEHIND_A_DATE.sub("", _TIME.sub("", plain) if ":" in plain else plain)


def _han_number(text: str) -> str:
    """Figures in Han characters as digits: ``二〇一五`` as well as ``二十七``."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "十" not in text:
        return "".join(str(_HAN_DIGITS[character]) for character in text)
    tens, _, ones = text.partition("十")
    if len(tens) > 1 or len(ones) > 1:
        return text
    return str((_HAN_DIGITS[tens] if tens else 1) * 10 + (_HAN_DIGITS[ones] if ones else 0))


def _in_the_past(reading: DateReading, today: date) -> DateReading | None:
    """A birth date's reading, a century earlier where none is stated and it lies ahead; None where nobody was born then."""
    day = reading.day
    if day > today and not reading.whole and day.year == today.year:
        day = today
    if day > today and not reading.century_stated:
        day = _in_year(day, day.year - 100)
    if day > today or day.year < today.year - _OLDEST:
        return None
    return DateReading(day, reading.order, reading.century_stated, reading.whole)


def _in_year(day: date, year: int) -> date:
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _last_day(year: int, month: int = 12) -> date | None:
    return date(year, month, monthrange(year, month)[1]) if 1 <= month <= 12 and 1 <= year <= 9999 else None


def _readings(text: str, today: date, *, birth: bool, country: str | None) -> Iterator[DateReading]:
    figures = _FIGURES.match(text)
    if figures:
        yield from _of_figures(figures, today, birth=birth, country=country)
        return
    compact = _COMPACT.match(text)
    if compact:
        day = _date(*map(int, compact.groups()))
        if day is not None:
            yield DateReading(day)
        return
    characters = _CHARACTERS.match(text)
    if characters:
        yield from _of_characters(characters, birth=birth, country=country)
        return
    letter = _ERA_LETTER.match(text)
    if letter:
        day = _date(JAPANESE_ERAS[letter[1].casefold()] + int(letter[2]), int(letter[4]), int(letter[5]))
        if day is not None:
            yield DateReading(day)
        return
    if birth:
        yield from _without_day(text, country)
    yield from _with_named_month(text, today, birth=birth, country=country)


def _of_figures(figures: re.Match[str], today: date, *, birth: bool, country: str | None) -> Iterator[DateReading]:
    first, sign, second, third = figures[1], figures[2], int(figures[3]), figures[4]
    if len(first) == 4 and len(third) <= 2:
        yield from _of_year(int(first), second, int(third), birth=birth, country=country)
    elif len(first) <= 2 and len(third) == 4:
        for order, month, number in ((DAY_FIRST, second, int(first)), (MONTH_FIRST, int(first), second)):
            if order == MONTH_FIRST and sign == ".":  # dots are written between day and month in that order only
                continue
            for reading in _of_year(int(third), month, number, birth=birth, country=country):
                yield DateReading(reading.day, order)
    elif len(first) <= 2 and len(third) <= 2:
        yield from _of_two_digit_year(int(first), sign, second, int(third), today, birth=birth, country=country)
    elif len(first) == 3 and len(third) <= 2 and birth and country == "TW":
        day = _date(MINGUO + int(first), second, int(third))
        if day is not None:
            yield DateReading(day)


def _of_two_digit_year(
    first: int, sign: str, second: int, third: int, today: date, *, birth: bool, country: str | None
) -> Iterator[DateReading]:
    """Figures of two digits each: the year stands last or, as in East Asia, Hungary or Sweden, first."""
    for order, year, month, number in (
        (DAY_FIRST, third, second, first),
        (MONTH_FIRST, third, first, second),
        (YEAR_FIRST, first, second, third),
    ):
        if sign == "." and (order == MONTH_FIRST or (order == YEAR_FIRST and usual_order(country) != YEAR_FIRST)):
            continue
        day = _date(_full_year(year, today, past=birth), month, number)
        if day is not None:
            yield DateReading(day, order, century_stated=False)
        if birth and order == YEAR_FIRST and country in _ERAS_OF_COUNTRIES:
            for full in _ERAS_OF_COUNTRIES[country](year):
                day = _date(full, month, number)
                if day is not None:
                    yield DateReading(day, order, century_stated=True)


def _minguo_years(year: int) -> tuple[int, ...]:
    return (MINGUO + year,)


_ERAS_OF_COUNTRIES = {"JP": japanese_years, "TW": _minguo_years}


def _of_year(year: int, month: int, number: int, *, birth: bool, country: str | None) -> Iterator[DateReading]:
    """A whole year, month and day; of a birth date that cannot be Gregorian, in another calendar."""
    day = _date(year, month, number)
    if day is not None:
        yield DateReading(day)
    if birth and 2400 <= year <= 2650:
        day = _date(year - BUDDHIST, month, number)
        if day is not None:
            yield DateReading(day)
    # Years before 1405 are those of the Iranian calendar as well, in which their children are of today: only Saudi Arabia, whose
    # official calendar the Islamic one is, leaves no doubt.
    if birth and (1405 <= year <= 1500 or (country == "SA" and 1320 <= year < 1405)):
        islamic = islamic_date(year, month, number)
        if islamic is not None:
            yield DateReading(islamic)


def _of_characters(match: re.Match[str], *, birth: bool, country: str | None) -> Iterator[DateReading]:
    """A date with the characters for year, month and day, in an era or not."""
    era, written, month, number = match[1].strip(), match[2], match[3], match[4]
    year = 1 if written == "元" else int(written)
    if era in JAPANESE_ERAS:
        year += JAPANESE_ERAS[era]
    elif era in _MINGUO_NAMES or (not era and country == "TW" and year < 200):
        year += MINGUO
    elif era not in _GREGORIAN_NAMES or year < 1000:
        return
    if month is None or number is None:
        last = _last_day(year, 12 if month is None else int(month))
        if birth and last is not None:
            yield DateReading(last, whole=False)
        return
    yield from _of_year(year, int(month), int(number), birth=birth, country=country)


_MINGUO_NAMES = frozenset({"民國", "民国", "中華民國", "中華民国", "民"})
_GREGORIAN_NAMES = frozenset({"", "西元", "公元", "西暦", "西曆", "서기"})


def _without_day(text: str, country: str | None) -> Iterator[DateReading]:
    """A year alone, or a year and a month: the latest day that it can be."""
    alone, forwards, backwards = _YEAR_ALONE.match(text), _YEAR_AND_MONTH.match(text), _MONTH_AND_YEAR.match(text)
    if alone:
        year, month = int(alone[1]), 12
        if 2400 <= year <= 2650:
            year -= BUDDHIST
    elif forwards:
        year, month = int(forwards[1]), int(forwards[2])
    elif backwards:
        year, month = int(backwards[2]), int(backwards[1])
    else:
        minguo = _MINGUO_COMPACT.match(text) if country == "TW" else None
        day = _date(MINGUO + int(minguo[1]), int(minguo[2]), int(minguo[3])) if minguo else None
        if day is not None:
            yield DateReading(day)
        return
    last = _last_day(year, month)
    if last is not None:
        yield DateReading(last, whole=False)


_TOKEN = re.compile(r"\d+|[^\W\d_]+")


def _with_named_month(text: str, today: date, *, birth: bool, country: str | None) -> Iterator[DateReading]:
    """A date whose month is a name, in any order of its parts."""
    if _NOT_OF_A_DATE.search(text):
        return
    tokens = _TOKEN.findall(folded(text))
    words = [(place, word) for place, word in enumerate(tokens) if not word.isdigit()]
    numbers = [(place, word) for place, word in enumerate(tokens) if word.isdigit()]
    named = _named_months(words, country)
    if len(named) != 1 or not 1 <= len(numbers) <= 2:
        return
    months, at = named[0]
    if any(not (place in at or is_around(word) or is_day_name(word)) for place, word in words):
        return
    for month in months:
        yield from _of_named(month, min(at), numbers, today, birth=birth, country=country)


_NOT_OF_A_DATE = re.compile(r"[^\w\s.,،/'’`´׳״\-()ªº·]")


def _named_months(words: list[tuple[int, str]], country: str | None) -> list[tuple[tuple[int, ...], set[int]]]:
    """The names of months among the words of a date, each with the places of its words; names of days as well as of months are none."""
    found: list[tuple[tuple[int, ...], set[int]]] = []
    only_months: list[tuple[tuple[int, ...], set[int]]] = []
    index = 0
    while index < len(words):
        for length in (3, 2, 1):
            part = words[index : index + length]
            name = " ".join(word for _, word in part)
            months = months_called(name, country) or (months_called(name[1:], country) if name.startswith("ב") else ())
            if len(part) == length and months:
                one = (months, {place for place, _ in part})
                found.append(one)
                if not is_day_name(name):
                    only_months.append(one)
                index += length - 1
                break
        index += 1
    return found if len(found) == 1 else only_months


def _of_named(
    month: int, at: int, numbers: list[tuple[int, str]], today: date, *, birth: bool, country: str | None
) -> Iterator[DateReading]:
    if len(numbers) == 1:
        written = numbers[0][1]
        last = _last_day(int(written), month) if len(written) == 4 else None
        if birth and last is not None:
            yield DateReading(last, whole=False)
        return
    (_, first), (_, second) = numbers
    if len(first) == 4 and len(second) <= 2:
        yield from _of_year(int(first), month, int(second), birth=birth, country=country)
    elif len(second) == 4 and len(first) <= 2:
        yield from _of_year(int(second), month, int(first), birth=birth, country=country)
    elif len(first) <= 2 and len(second) <= 2:
        backwards = usual_order(country) == YEAR_FIRST and numbers[0][0] < at
        year, number = (first, second) if backwards else (second, first)
        if len(year) != 2:
            return
        day = _date(_full_year(int(year), today, past=birth), month, int(number))
        if day is not None:
            yield DateReading(day, century_stated=False)


def _full_year(year: int, today: date, *, past: bool) -> int:
    """The year that two digits mean: the latest one that is past, or soon for other dates."""
    latest = today.year if past else today.year + _YEARS_AHEAD
    return 2000 + year if 2000 + year <= latest else 1900 + year
