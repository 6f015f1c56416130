"""The demo's contact file: made from a seed, so that it is the same every time, and like what data teams really send.

Numbers of many countries in the ways people write them, accents and other scripts, what spreadsheets do to numbers,
blanks, duplicates in disguise, a minor, countries that are not served, people who opted out, and a few addresses whose
fate in the sandbox is known (:mod:`sandbox.behaviour`). No person in it exists: names are drawn, numbers are made.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from commands.demonstration.sample_countries import COUNTRIES, NAMES, NOT_SERVED, SampleCountry

HEADER = (
    "Customer No",
    "First Name",
    "Last Name",
    "Mobile",
    "E-Mail",
    "Country",
    "Language",
    "Date of Birth",
    "Invoice No",
    "Amount",
    "Due Date",
)
_PHONE, _EMAIL, _COUNTRY, _LANGUAGE, _BIRTH, _AMOUNT = 3, 4, 5, 6, 7, 9


_TRIES = 50
_REMEMBERED = 200_000
"""Numbers that are not given twice; beyond, two customers may share one, as households do."""
_PHONE_ERRORS = ("n/a", "12345", "+44 7912 34", "unknown", "0000000000", "+999 123 456 789", "see notes", "+33 6 12")


@dataclass(frozen=True)
class SampleFacts:
    """What is known of a made file."""

    rows: int
    opted_out: tuple[str, ...]
    """E.164 numbers in the file of people who opted out before."""
    corrections: dict[str, str] = field(default_factory=dict)
    """The right mobile number of two rows with a typing error, by customer number."""


_TELL_EVERY = 5_000


def write_sample_contacts(
    path: Path,
    rows: int = 1000,
    seed: int = 20261123,
    today: dt.date | None = None,
    progress: Callable[[int], None] | None = None,
) -> SampleFacts:
    """Write a contact file of ``rows`` rows to ``path`` (CSV, UTF-8 with a byte order mark, CRLF, as spreadsheets do).

    ``progress`` gets the number of rows written so far, now and then.
    """
    made = SampleRows(seed, today or dt.datetime.now(dt.UTC).date())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(HEADER)
        count = 0
        for row in made.rows(rows):
            writer.writerow(row)
            count += 1
            if progress is not None and count % _TELL_EVERY == 0:
                progress(count)
    return SampleFacts(count, tuple(made.opted_out), dict(made.corrections))


class SampleRows:
    """Makes rows one after the other, the same for the same seed and day."""

    def __init__(self, seed: int, today: dt.date) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a reproducible sample, no secret
        self.today = today
        self.opted_out: list[str] = []
        self.corrections: dict[str, str] = {}
        self._countries = [country for country in COUNTRIES for _ in range(country.weight)]
        self._used: set[str] = set()
        self.country = COUNTRIES[0]

    def rows(self, count: int) -> Iterator[list[str]]:
        """The rows: every hundred of them has about fifteen oddities, so that a long file is like a short one."""
        earlier: list[list[str]] = []
        for index in range(count):
            row, national = self.good_row(index)
            odd = self._odd(index, row, national, earlier)
            if len(earlier) < 40:
                earlier.append(list(row))
            elif index % 25 == 0:
                earlier[self.random.randrange(40)] = list(row)
            yield odd

    def _number(self, country: SampleCountry) -> str:
        digits = ""
        for _ in range(_TRIES):
            digits = country.start + "".join(self.random.choices("0123456789", k=country.digits))
            # Endings 7000 to 7099 have a fate of their own in the sandbox; they are given on purpose only.
            if digits[-4:-2] != "70" and country.code + digits not in self._used:
                break
        if len(self._used) < _REMEMBERED:
            self._used.add(country.code + digits)
        return digits

    def good_row(self, index: int) -> tuple[list[str], str]:
        """A row with nothing wrong, and its number in international form; :attr:`country` is where it is of."""
        chance = self.random
        country = self.country = chance.choice(self._countries)
        first, last = chance.choice(country.first_names), chance.choice(country.last_names)
        digits = self._number(country)
        born = self.today - dt.timedelta(days=chance.randint(19 * 366, 88 * 365))
        amount = chance.randint(900, 250_000) / 100
        due = self.today + dt.timedelta(days=chance.randint(7, 28))
        row = [
            f"C{100000 + index}",
            first,
            last,
            self._written(country, digits),
            f"person{100000 + index}@example.{chance.choice(('com', 'org', 'net'))}" if chance.random() < 0.8 else "",
            country.code if chance.random() < 0.9 else NAMES.get(country.code, country.code),
            country.language if chance.random() < 0.9 else "",
            born.isoformat() if chance.random() < 0.6 else "",
            f"INV-{self.today.year}-{index + 1:06d}",
            f"{amount:.2f}",
            due.isoformat(),
        ]
        return row, f"+{country.calling}{digits}"

    def _written(self, country: SampleCountry, digits: str) -> str:
        """A number in one of the ways in which people write it."""
        grouped: list[str] = []
        rest = digits
        for size in country.groups:
            grouped.append(rest[:size])
            rest = rest[size:]
        parts = [part for part in (*grouped[:-1], grouped[-1] + rest) if part]
        way = self.random.randrange(10)
        if way <= 3:
            return f"+{country.calling}{digits}"
        if way == 4:
            return f"+{country.calling} {' '.join(parts)}"
        if way == 5:
            return f"00{country.calling} {' '.join(parts)}"
        if way == 6:
            return f"+{country.calling} (0){digits}" if country.trunk else f"+{country.calling}-{'-'.join(parts)}"
        if way == 7 and country.code == "US":
            return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
        if way == 8:
            return f"+{country.calling}\u00a0{'.'.join(parts)}"
        return f"{country.trunk}{' '.join(parts)}"

    def _odd(self, index: int, row: list[str], number: str, earlier: list[list[str]]) -> list[str]:  # noqa: C901, PLR0912, PLR0915 - one case a fault
        """The row, or with one of the faults that real files have."""
        chance = self.random
        place = index % 100
        if index in (17, 41):
            # Two typing errors that the demo corrects: digits were lost.
            right = f"+44 7912 34{index:02d}{55 + index}"[:15]
            row[_PHONE] = right[:-3] if index == 17 else right[:-1]
            row[_COUNTRY] = "GB"
            self.corrections[row[0]] = right
            return row
        match place:
            case 3 | 53:
                row[_PHONE] = chance.choice(_PHONE_ERRORS)
            case 11:
                row[_PHONE] = "4.47912E+11"
                row[_COUNTRY] = "GB"
            case 13:
                row[_PHONE] = f"{number.removeprefix('+')}.0"
            case 19:
                row[_PHONE] = f"'{number}"
            case 23:
                row[_PHONE] = row[_EMAIL] = ""
            case 29 if index > 100:
                row[_AMOUNT] = ""
            case 31 if earlier:
                return list(chance.choice(earlier))
            case 37 if earlier:
                # The same customer under another spelling of everything but the number that names them.
                again = list(chance.choice(earlier))
                again[1], again[2] = again[1].upper(), again[2].title()
                again[_EMAIL] = again[_EMAIL].upper()
                return again
            case 43:
                pattern, code, first, last = chance.choice(NOT_SERVED)
                row[1], row[2] = first, last
                row[_PHONE], row[_COUNTRY], row[_LANGUAGE] = pattern.format(chance.randint(0, 6999)), code, ""
            case 47:
                row[_BIRTH] = (self.today - dt.timedelta(days=chance.randint(9 * 366, 12 * 365))).isoformat()
            case 59 | 89:
                self.opted_out.append(number)
            case 61:
                country = COUNTRIES[chance.randrange(5)]
                row[_PHONE], row[_COUNTRY] = f"+{country.calling} {country.landline}", country.code
            case 67:
                row[_PHONE] = f"+44 79{chance.randint(12, 17)} {chance.randint(10, 99)}7001"
            case 71:
                row[_PHONE] = f"+44 79{chance.randint(12, 17)} {chance.randint(10, 99)}7010"
            case 73:
                row[_PHONE] = f"+44 79{chance.randint(12, 17)} {chance.randint(10, 99)}7022"
            case 79:
                row[_PHONE] = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in number)
            case 83:
                row[1] = f"  {row[1]}\u00a0"
                row[_PHONE] = f"\u200e{number}\u200b"
            case 97:
                row[_BIRTH] = "31/02/1980"
            case _:
                pass
        return row
