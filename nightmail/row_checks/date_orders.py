"""The order of day, month and year in the figures of a date: what a column shows, what the feed states, what is usual in a country."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day_first", "month_first", "year_first"

_MAY_SHOW = r"^\d{1,2}[-/]"
_NO_DAY = r"(?:\d{4}|00|3[2-9]|[4-9]\d)"
"""A year that is no day of a month: of two figures such as 24-12-26 nobody can say which is the year."""
_SHOWS = {
    DAY_FIRST: rf"^(?:1[3-9]|2\d|3[01])[-/] ?(?:0?[1-9]|1[0-2])[-/] ?{_NO_DAY}\b",
    MONTH_FIRST: r"^(?:0?[1-9]|1[0-2])[-/] ?(?:1[3-9]|2\d|3[01])[-/] ?(?:\d{4}|\d{2})\b",
    YEAR_FIRST: r"^(?:00|3[2-9]|[4-9]\d)[-/] ?(?:0?[1-9]|1[0-2])[-/] ?(?:0?[1-9]|[12]\d|3[01])\b",
}
"""For each order the dates that can be read in no other."""


@lru_cache(maxsize=512)
def usual_order(country: str | None) -> str | None:
    """The order of a country's short dates (CLDR, in its main language), or None where it is not known."""
    from babel import Locale, UnknownLocaleError
    from babel.core import get_global

    languages = get_global("territory_languages").get(country or "")
    if not languages:
        return None
    main = max(languages, key=lambda language: languages[language]["population_percent"])
    for name in (f"{main}_{country}", main.split("_")[0]):
        try:
            pattern = str(Locale.parse(name).date_formats["short"].pattern)
        except (UnknownLocaleError, ValueError):
            continue
        day, month, year = (pattern.find(letter) for letter in "dMy")
        if -1 in {day, month}:
            return None
        if 0 <= year < min(day, month):
            return YEAR_FIRST
        return DAY_FIRST if day < month else MONTH_FIRST
    return None


@dataclass
class DateConvention:
    """The order of the figures in one column."""

    stated: str | None = None
    """What the feed states: it decides."""
    usual: str | None = None
    """What is usual in the feed's country: it decides where the column itself shows nothing."""
    seen: dict[str, int] = field(default_factory=dict)
    """Dates by order that can be read in no other."""

    def look_at(self, values: pa.Array) -> None:
        """Take in what a block of the column shows."""
        texts = values.dictionary if pa.types.is_dictionary(values.type) else values
        if self.stated is not None or not pc.any(pc.match_substring_regex(texts, _MAY_SHOW)).as_py():
            return
        for order, pattern in _SHOWS.items():
            shown = pc.match_substring_regex(texts, pattern)
            if pa.types.is_dictionary(values.type):
                shown = shown.take(values.indices)
            rows = pc.sum(shown).as_py() or 0
            if rows:
                self.seen[order] = self.seen.get(order, 0) + rows

    @property
    def mixed(self) -> bool:
        """Whether the column shows several orders."""
        return len(self.seen) > 1

    @property
    def order(self) -> str | None:
        """The order for dates that can be read in several, or None where nothing decides."""
        if self.stated is not None or self.mixed:
            return self.stated
        return next(iter(self.seen), self.usual)
