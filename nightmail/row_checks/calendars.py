"""Years and dates of calendars that people of the served countries write beside the Gregorian one.

Sources: Japan's eras as proclaimed (Cabinet Office: Reiwa 1 is 2019, Heisei 1 is 1989, Showa 1 is 1926, Taisho 1 is 1912, Meiji 1 is 1868); Taiwan's
Minguo calendar (year 1 is 1912); the Buddhist calendar (543 years ahead); the tabular Islamic calendar (Dershowitz and Reingold, Calendrical
Calculations), which differs from the calendars of the Gulf states by at most two days.
"""

from __future__ import annotations

from datetime import date, timedelta

JAPANESE_ERAS = {
    **dict.fromkeys(("令和", "r"), 2018),
    **dict.fromkeys(("平成", "h"), 1988),
    **dict.fromkeys(("昭和", "s"), 1925),
    **dict.fromkeys(("大正", "t"), 1911),
    **dict.fromkeys(("明治", "m"), 1867),
}
"""For each era, by its name and its letter, the Gregorian year before its first."""
_ERA_YEARS = {2018: 60, 1988: 31, 1925: 64, 1911: 15, 1867: 45}
"""How many years each era had, by the year before its first; the present one's are not bounded yet."""
MINGUO = 1911
"""The Gregorian year before the first of the Minguo calendar."""
BUDDHIST = 543
_ISLAMIC_EPOCH = date(622, 7, 19).toordinal()
_DOUBT = timedelta(days=2)


def japanese_years(year: int) -> tuple[int, ...]:
    """The Gregorian years of ``year`` in each era that had so many, the latest era first."""
    return tuple(before + year for before, years in _ERA_YEARS.items() if 1 <= year <= years)


def islamic_date(year: int, month: int, day: int) -> date | None:
    """The latest day that a date of an Islamic calendar can be, or None if there is no such date."""
    if not (1 <= month <= 12 and 1 <= day <= 30):
        return None
    days = (year - 1) * 354 + (3 + 11 * year) // 30 + 29 * (month - 1) + month // 2 + day - 1
    try:
        return date.fromordinal(_ISLAMIC_EPOCH + days) + _DOUBT
    except (ValueError, OverflowError):
        return None
