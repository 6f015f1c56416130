"""Dates: the many ways of writing one, read exactly or not at all.

``03/04/2026`` is the third of April or the fourth of March. What the other dates of the column show decides, else what the feed states, else
what is usual in its country; a column that shows both orders is named, and its doubtful dates are not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.row_checks.countries import NAME_LANGUAGES, folded

DAY_FIRST = "day_first"
MONTH_FIRST = "month_first"

_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)?"
_YEAR_FIRST = re.compile(rf"^(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_YEAR_LAST = re.compile(rf"^(\d{{1,2}})([-/.]) ?(\d{{1,2}})\2 ?(\d{{4}}|\d{{2}}){_TIME}$")
_DAY_NAMED_MONTH = re.compile(
    r"^(\d{1,2})(?:st|nd|rd|th|er|\.|º)?[ -]*(?:of |de )?[ ]*([^\W\d_]+)\.?,?[ -]*(?:de |del )?(\d{4}|\d{2})$"
)
_NAMED_MONTH_DAY = re.compile(r"^([^\W\d_]+)\.? *(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})$")

_MAY_SHOW = r"^\d{1,2}[-/]"
_SHOWS_DAY_FIRST = r"^(?:1[3-9]|2\d|3[01])([-/]) ?(?:0?[1-9]|1[0-2])[-/] ?(?:\d{4}|\d{2})\b"
_SHOWS_MONTH_FIRST = r"^(?:0?[1-9]|1[0-2])([-/]) ?(?:1[3-9]|2\d|3[01])[-/] ?(?:\d{4}|\d{2})\b"

_OLDEST_BIRTH_YEAR = 1880
_YEARS_AHEAD = 20


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    from babel import Locale

    found: dict[str, int] = {}
    for language in NAME_LANGUAGES:
        for form in Locale(language).months.values():
            for width in ("wide", "abbreviated"):
                for number, name in form.get(width, {}).items():
                    found.setdefault(folded(name), number)
    found.update({"sept": 9, "set": 9, "mrz": 3, "marz": 3})
    return found


@lru_cache(maxsize=512)
def usual_order(country: str) -> str | None:
    """The order of day and month in a country's short dates, or None where neither comes first."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    languages = get_global("territory_languages").get(country)
    if not languages:
        return None
    main = max(languages, key=lambda language: languages[language]["population_percent"])
    try:
        pattern = str(Locale.parse(f"{main}_{country}").date_formats["short"].pattern)
    except (UnknownLocaleError, ValueError):
        try:
            pattern = str(Locale.parse(main.split("_")[0]).date_formats["short"].pattern)
        except (UnknownLocaleError, ValueError):
            return None
    day, month, year = (pattern.find(letter) for letter in "dMy")
    if -1 in {day, month} or 0 <= year < min(day, month):
        return None
    return DAY_FIRST if day < month else MONTH_FIRST


@dataclass
class DateConvention:
    """The order of day and month in one column."""

    stated: str | None = None
    """What the feed states: it decides."""
    usual: str | None = None
    """What is usual in the feed's country: it decides where the column itself shows nothing."""
    day_first_seen: bool = False
    month_first_seen: bool = False

    def look_at(self, values: pa.Array) -> None:
        """Take in what a block of the column shows."""
        if pa.types.is_dictionary(values.type):
            values = values.dictionary
        if self.stated is None and pc.any(pc.match_substring_regex(values, _MAY_SHOW)).as_py():
            self.day_first_seen |= bool(pc.any(pc.match_substring_regex(values, _SHOWS_DAY_FIRST)).as_py())
            self.month_first_seen |= bool(pc.any(pc.match_substring_regex(values, _SHOWS_MONTH_FIRST)).as_py())

    @property
    def mixed(self) -> bool:
        """Whether the column shows both orders."""
        return self.day_first_seen and self.month_first_seen

    @property
    def order(self) -> str | None:
        """The order for dates that can be read both ways, or None where that cannot be told."""
        if self.stated is not None or self.mixed:
            return self.stated
        if self.day_first_seen:
            return DAY_FIRST
        if self.month_first_seen:
            return MONTH_FIRST
        return self.usual


@dataclass(frozen=True, slots=True)
class DateReading:
    """The dates that a text can mean: none, one, or two that differ in the order of day and month."""

    dates: tuple[date, ...] = ()
    century_stated: bool = True


def _date(year: int, month: int, day: int) -> tuple[date, ...]:
    try:
        return (date(year, month, day),)
    except ValueError:
        return ()


def _full_year(text: str, today: date, *, past: bool) -> tuple[int, bool]:
    """The year, and whether its century was stated; two digits mean the latest year that is past, or soon for other dates."""
    if len(text) == 4:
        return int(text), True
    year = 2000 + int(text)
    latest = today.year if past else today.year + _YEARS_AHEAD
    return (year if year <= latest else year - 100), False


def read_date(text: str, today: date, *, past: bool = False) -> DateReading:
    """All that ``text`` can mean as a date; ``past`` for birth dates."""
    found = _YEAR_FIRST.match(text)
    if found:
        return DateReading(_date(int(found[1]), int(found[3]), int(found[4])))
    found = _COMPACT.match(text)
    if found:
        return DateReading(_date(int(found[1]), int(found[2]), int(found[3])))
    found = _YEAR_LAST.match(text)
    if found:
        year, stated = _full_year(found[4], today, past=past)
        first, second = int(found[1]), int(found[3])
        dates = _date(year, second, first)
        if found[2] != ".":  # dots are written between day and month in that order only
            dates += _date(year, first, second)
        return DateReading(tuple(dict.fromkeys(dates)), stated)
    found = _DAY_NAMED_MONTH.match(text)
    if found:
        month = _months().get(folded(found[2]))
        year, stated = _full_year(found[3], today, past=past)
        return DateReading(_date(year, month, int(found[1])) if month else (), stated)
    found = _NAMED_MONTH_DAY.match(text)
    if found:
        month = _months().get(folded(found[1]))
        return DateReading(_date(int(found[3]), month, int(found[2])) if month else ())
    return DateReading()


@dataclass(frozen=True)
class DateVerdicts:
    """The verdicts on a column of dates; masks are as long as the column."""

    dates: pa.Array
    invalid: np.ndarray
    ambiguous: np.ndarray
    """Can be read in two ways, and nothing tells which. A birth date is then the later of both."""
    century_assumed: np.ndarray


@dataclass
class DateColumn:
    """Reads one column, block by block."""

    convention: DateConvention
    today: date
    birth: bool = False
    _seen: dict[str, tuple[date | None, str]] = field(default_factory=dict)

    _MOST_SEEN = 200_000

    def judge(self, values: pa.Array) -> DateVerdicts:
        """The verdicts on one block."""
        encoded = values.dictionary_encode()
        answers = [self._judge(text) for text in encoded.dictionary.to_pylist()]
        dates = pa.array([answer for answer, _ in answers], pa.date32()).take(encoded.indices)
        notes = pa.array([note for _, note in answers], pa.string()).take(encoded.indices)

        def noted(note: str) -> np.ndarray:
            mask = pc.fill_null(pc.equal(notes, note), False)
            return np.asarray(mask.to_numpy(zero_copy_only=False))

        return DateVerdicts(dates, noted("invalid"), noted("ambiguous"), noted("century"))

    def _judge(self, text: str) -> tuple[date | None, str]:
        known = self._seen.get(text)
        if known is None:
            known = self._decide(text)
            if len(self._seen) < self._MOST_SEEN:
                self._seen[text] = known
        return known

    def _decide(self, text: str) -> tuple[date | None, str]:
        reading = read_date(" ".join(text.split()), self.today, past=self.birth)
        dates: Iterable[date] = reading.dates
        if self.birth:
            dates = [found for found in dates if found.year >= _OLDEST_BIRTH_YEAR]
            if not reading.century_stated:
                dates = [found if found <= self.today else _century_before(found) for found in dates]
            dates = [found for found in dates if found <= self.today]
        possible = list(dates)
        if not possible:
            return None, "invalid"
        if len(possible) > 1:
            order = self.convention.order
            if order is None:
                return (max(possible), "ambiguous") if self.birth else (None, "ambiguous")
            possible = possible[:1] if order == DAY_FIRST else possible[1:]
        return possible[0], "century" if self.birth and not reading.century_stated else ""


def _century_before(day: date) -> date:
    return date(day.year - 100, day.month, min(day.day, 28) if day.month == 2 else day.day)
