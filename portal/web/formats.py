"""How values are written on pages: figures, money and times in the reader's language and zone, by Babel.

Each function takes the value, the language and the zone; templates use them as filters, without the latter two:
``{{ campaign.rows|figure }}``, ``{{ campaign.created_at|moment }}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from markupsafe import Markup

Filter = Callable[..., Any]
LOCALES = {"en": "en_GB"}
"""The locale of a language where it is not the language itself: English dates read the same on both sides of the ocean."""
NOTHING = "–"
"""What stands where there is no value."""


def figure(value: float | Decimal | None, language: str, _zone: ZoneInfo) -> str:
    """A figure with separators: ``1,204,310``."""
    return NOTHING if value is None else str(format_decimal(value, locale=language))


def compact(value: float | Decimal | None, language: str, _zone: ZoneInfo) -> str:
    """A figure in few signs: ``1.2M``."""
    if value is None:
        return NOTHING
    return str(format_compact_decimal(value, locale=language, fraction_digits=1))


def percent(value: float | None, language: str, _zone: ZoneInfo, digits: int = 1) -> str:
    """A share (0 to 1) in hundredths: ``95.4%``."""
    if value is None:
        return NOTHING
    smallest = 10 ** -(digits + 2)
    if 0 < value < smallest:
        return f"< {format_percent(smallest, locale=language, decimal_quantization=False)}"
    return str(format_percent(round(value, digits + 2), locale=language, decimal_quantization=False))


def money(value: Decimal | float | None, language: str, _zone: ZoneInfo, currency: str = "EUR") -> str:
    """An amount with its currency; more digits than the currency has are kept, as a message costs less than a cent."""
    if value is None:
        return NOTHING
    amount = Decimal(str(value))
    small = amount != 0 and abs(amount) < 1
    return str(
        format_currency(amount.quantize(Decimal("0.0001")), currency, locale=language, decimal_quantization=not small)
    )


def moment(value: datetime | None, language: str, zone: ZoneInfo, seconds: bool = False) -> str | Markup:
    """A time with its day, in the reader's zone; UTC and the zone stand in the hint."""
    pattern = "medium" if seconds else "short"
    if value is None:
        return NOTHING
    there = _aware(value).astimezone(zone)
    shown = f"{format_date(there, 'medium', locale=language)}, {format_time(there, pattern, locale=language)}"
    return _time(value, shown, language, zone)


def clock(value: datetime | None, language: str, zone: ZoneInfo) -> str | Markup:
    """A time of today by hour, minute and second; one of another day with its day."""
    if value is None:
        return NOTHING
    there = _aware(value).astimezone(zone)
    if there.date() != datetime.now(zone).date():
        return moment(value, language, zone)
    return _time(value, str(format_time(there, "medium", locale=language)), language, zone)


def minute(value: datetime | None, language: str, zone: ZoneInfo) -> str | Markup:
    """A time that is foreseen: of today by hour and minute, of another day with its day."""
    if value is None:
        return NOTHING
    there = _aware(value).astimezone(zone)
    if there.date() != datetime.now(zone).date():
        return moment(value, language, zone)
    return _time(value, str(format_time(there, "short", locale=language)), language, zone)


def hour(value: datetime | None, language: str, zone: ZoneInfo) -> str | Markup:
    """A time of its day alone, where the day stands above it."""
    if value is None:
        return NOTHING
    there = _aware(value).astimezone(zone)
    return _time(value, str(format_time(there, "medium", locale=language)), language, zone)


def day(value: date | datetime | None, language: str, zone: ZoneInfo, style: str = "medium") -> str | Markup:
    """A day; of a time, its day in the reader's zone."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        there = _aware(value).astimezone(zone)
        return _time(value, str(format_date(there, style, locale=language)), language, zone)
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat(),
        format_date(value, style, locale=language),
    )


def ago(value: datetime | None, language: str, zone: ZoneInfo) -> str | Markup:
    """How long ago, or in how long: ``3 minutes ago``."""
    if value is None:
        return NOTHING
    distance = _aware(value) - datetime.now(UTC)
    shown = format_timedelta(distance, locale=language, add_direction=True, threshold=1.1)
    return _time(value, str(shown), language, zone)


def duration(value: timedelta | float | None, language: str, _zone: ZoneInfo) -> str:
    """A length of time in words; a number is seconds."""
    if value is None:
        return NOTHING
    length = value if isinstance(value, timedelta) else timedelta(seconds=value)
    return str(format_timedelta(length, locale=language, threshold=1.5, format="short"))


def size(value: int | None, language: str, _zone: ZoneInfo) -> str:
    """A number of bytes: ``14 kB``."""
    if value is None:
        return NOTHING
    amount, unit = float(value), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1_000:
            break
        amount, unit = amount / 1_000, larger
    return f"{format_decimal(round(amount, 1 if amount < 10 and unit != 'B' else 0), locale=language)} {unit}"


FILTERS: Mapping[str, Filter] = {
    "figure": figure,
    "compact": compact,
    "percent": percent,
    "money": money,
    "moment": moment,
    "clock": clock,
    "minute": minute,
    "hour": hour,
    "day": day,
    "ago": ago,
    "duration": duration,
    "bytes": size,
}
"""The filters of templates by their names."""


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _time(value: datetime, shown: str, language: str, zone: ZoneInfo) -> Markup:
    universal = _aware(value).astimezone(UTC)
    hint = f"{universal:%Y-%m-%d %H:%M:%S} UTC"
    if zone.key != "UTC":
        there = universal.astimezone(zone)
        hint += f" · {format_datetime(there, 'medium', locale=language)} {zone.key}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        universal.isoformat(timespec="seconds"), hint, shown
    )
