"""Dates of a column: read exactly or not at all.

``03/04/2026`` is the third of April or the fourth of March. What the other dates of the column show decides, else what the feed states, else
what is usual in its country, and the result says so; a column that shows several orders is named, and its doubtful dates are not guessed at.
Of a birth date's readings the latest is taken unless the column decides: a minor is never taken for an adult.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nightmail.row_checks.date_orders import DateConvention
from nightmail.row_checks.recurring import distinct_pairs
from nightmail.row_checks.written_dates import DateReading, read_date

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DateVerdicts:
    """The verdicts on a column of dates; masks are as long as the column."""

    dates: pa.Array
    invalid: Mask
    ambiguous: Mask
    """Can be read in several ways, and nothing tells which. A birth date is then the latest of them."""
    century_assumed: Mask
    incomplete: Mask
    """Birth dates without a day: the last one of their month or year was taken."""


_INVALID, _AMBIGUOUS, _DECIDED, _CENTURY, _INCOMPLETE = (1 << bit for bit in range(5))


@dataclass
class DateColumn:
    """Reads one column, block by block."""

    convention: DateConvention
    today: date
    birth: bool = False
    country: str | None = None
    """The country of rows without one: it tells the language of a month's name."""
    decided: int = 0
    """Dates that the convention decided about so far."""
    _seen: dict[tuple[str, str | None], tuple[date | None, int]] = field(default_factory=dict)

    _MOST_SEEN = 200_000

    def judge(self, values: pa.Array, countries: pa.Array | None = None) -> DateVerdicts:
        """The verdicts on one block; ``countries`` are those of its rows, if they are to count."""
        pairs, which = distinct_pairs(values, countries)
        answers = [self._judge(text, country or self.country) for text, country in pairs]
        dates = pa.array([answer for answer, _ in answers], pa.date32()).take(pa.array(which))
        notes = np.array([note for _, note in answers], dtype=np.int8)[which]
        self.decided += int(np.count_nonzero(notes & _DECIDED))
        return DateVerdicts(dates, *((notes & note) != 0 for note in (_INVALID, _AMBIGUOUS, _CENTURY, _INCOMPLETE)))

    def _judge(self, text: str | None, country: str | None) -> tuple[date | None, int]:
        if text is None:
            return None, 0
        known = self._seen.get((text, country))
        if known is None:
            known = self._decide(read_date(text, self.today, birth=self.birth, country=country))
            if len(self._seen) < self._MOST_SEEN:
                self._seen[text, country] = known
        return known

    def _decide(self, readings: tuple[DateReading, ...]) -> tuple[date | None, int]:
        if not readings:
            return None, _INVALID
        note = 0
        if len(readings) > 1:
            # Of a birth date, what is usual in a country proves nothing: only the column and the feed do.
            order = self.convention.order
            if self.birth and self.convention.stated is None and not self.convention.seen:
                order = None
            chosen = tuple(reading for reading in readings if reading.order is not None and reading.order == order)
            if len(chosen) == 1:
                readings, note = chosen, _DECIDED
            elif not self.birth:
                return None, _AMBIGUOUS
            else:
                readings, note = (max(chosen or readings, key=lambda reading: reading.day),), _AMBIGUOUS
        (reading,) = readings
        if self.birth and not reading.century_stated:
            note |= _CENTURY
        return reading.day, note if reading.whole else note | _INCOMPLETE
